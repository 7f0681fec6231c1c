//! The state from what a store holds.

use std::ops::Range;

use super::{BatchState, Chunk, Closing, Settlement, Sums};
use crate::ranges::RangeSet;

/// Builds a batch's state from its rows, one by one, in memory for what is open.
#[derive(Debug)]
pub struct Rebuild {
    state: BatchState,
}

/// Rows that contradict one another: the store is damaged, or something else has written to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger's rows contradict one another: {what}; restore it from a backup")]
pub struct Inconsistent {
    /// What does not fit.
    pub what: &'static str,
}

impl Rebuild {
    /// From the batch's own row.
    pub fn new(records: u64, set_aside: u64, opened: u64, closing: Option<Closing>, finished: bool) -> Self {
        Self { state: BatchState { opened, closing, finished, ..BatchState::new(records, set_aside) } }
    }

    /// A run of settled records.
    ///
    /// # Errors
    /// They are settled already, open in a chunk, or not of the batch.
    pub fn settled(&mut self, run: Range<u64>, outcome: Settlement) -> Result<(), Inconsistent> {
        let count = self.take(run, "a settled record has another state too")?;
        *self.state.sums.settled_mut(outcome) += count;
        Ok(())
    }

    /// A chunk with open records.
    ///
    /// # Errors
    /// A record of it has another state too or is not the chunk's, or the chunk's number was never given.
    pub fn chunk(&mut self, chunk: Chunk) -> Result<(), Inconsistent> {
        let run = chunk.first..chunk.first.saturating_add(chunk.count);
        let in_flight = chunk.state.is_in_flight();
        let inside = chunk.live.runs().all(|live| run.start <= live.start && live.end <= run.end);
        if !inside || chunk.live.is_empty() {
            return Err(Inconsistent { what: "a chunk's open records are not the chunk's" });
        }
        if !in_flight && chunk.state != super::ChunkState::InDoubt {
            return Err(Inconsistent { what: "a settled chunk has open records" });
        }
        if chunk.number == 0 || chunk.number > self.state.opened {
            return Err(Inconsistent { what: "a chunk has a number that was not given yet" });
        }
        for live in chunk.live.runs() {
            let count = self.take(live, "a record that is open in a chunk has another state too")?;
            let sums = &mut self.state.sums;
            *(if in_flight { &mut sums.in_flight } else { &mut sums.in_doubt }) += count;
        }
        if self.state.chunks.insert(chunk.number, chunk).is_some() {
            return Err(Inconsistent { what: "two chunks have one number" });
        }
        Ok(())
    }

    /// The state, if it comes to the sums that were written down.
    ///
    /// # Errors
    /// It does not, or a finished or closing batch has records that it cannot have.
    pub fn finish(self, sums: &Sums) -> Result<BatchState, Inconsistent> {
        let state = self.state;
        if state.sums != *sums || !state.conserves() {
            return Err(Inconsistent { what: "the sums are not those of the records" });
        }
        if state.finished && !state.is_drained() {
            return Err(Inconsistent { what: "a finished batch has records without an outcome" });
        }
        if state.closing.is_some() && !state.pending.is_empty() {
            return Err(Inconsistent { what: "a closing batch has pending records" });
        }
        Ok(state)
    }

    /// Takes the run out of what is pending.
    fn take(&mut self, run: Range<u64>, what: &'static str) -> Result<u64, Inconsistent> {
        let pending: &mut RangeSet = &mut self.state.pending;
        if run.is_empty() || !pending.covers(&run) {
            return Err(Inconsistent { what });
        }
        let count = pending.remove(run);
        self.state.sums.pending -= count;
        Ok(count)
    }
}
