//! The state from what a store holds.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{BatchState, Chunk, ChunkRow, Closing, Life, LiveChunk, Settlement, Sums, UnderWay, Unsent};
use crate::ranges::RangeSet;

/// Builds a batch's state from its rows, one by one, in memory for what is open.
#[derive(Debug)]
pub(crate) struct Rebuild {
    records: u64,
    opened: u64,
    closing: Option<Closing>,
    finished: bool,
    pending: RangeSet,
    chunks: BTreeMap<u64, LiveChunk>,
    sums: Sums,
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
    pub(crate) fn new(
        records: u64,
        set_aside: u64,
        opened: u64,
        closing: Option<Closing>,
        finished: bool,
    ) -> Self {
        let sums = Sums { accepted: records, pending: records, set_aside, ..Sums::default() };
        let pending = RangeSet::from(0..records);
        Self { records, opened, closing, finished, pending, chunks: BTreeMap::new(), sums }
    }

    /// A run of settled records.
    ///
    /// # Errors
    /// They are settled already, open in a chunk, or not of the batch.
    pub(crate) fn settled(&mut self, run: Range<u64>, outcome: Settlement) -> Result<(), Inconsistent> {
        let count = self.take(run, "a settled record has another state too")?;
        *self.sums.settled_mut(outcome) += count;
        Ok(())
    }

    /// A chunk with open records.
    ///
    /// # Errors
    /// It is in no state that there is, a record of it has another state too, or its number was never given.
    pub(crate) fn chunk(&mut self, row: ChunkRow) -> Result<(), Inconsistent> {
        let settled = Inconsistent { what: "a settled chunk has open records" };
        let chunk = Chunk::try_from(row)?.under_way().ok_or(settled)?;
        if chunk.number() == 0 || chunk.number() > self.opened {
            return Err(Inconsistent { what: "a chunk has a number that was not given yet" });
        }
        for live in chunk.live().runs() {
            let count = self.take(live, "a record that is open in a chunk has another state too")?;
            *self.sums.live_mut(&chunk) += count;
        }
        if self.chunks.insert(chunk.number(), chunk).is_some() {
            return Err(Inconsistent { what: "two chunks have one number" });
        }
        Ok(())
    }

    /// The state, if it comes to the sums that were written down.
    ///
    /// # Errors
    /// It does not, or a finished or closing batch has records that it cannot have.
    pub(crate) fn finish(self, sums: &Sums) -> Result<BatchState, Inconsistent> {
        if self.sums != *sums {
            return Err(Inconsistent { what: "the sums are not those of the records" });
        }
        if self.finished && sums.open() > 0 {
            return Err(Inconsistent { what: "a finished batch has records without an outcome" });
        }
        if self.closing.is_some() && !self.pending.is_empty() {
            return Err(Inconsistent { what: "a closing batch has pending records" });
        }
        let life = if self.finished {
            Life::Finished { closing: self.closing }
        } else {
            let unsent = self.closing.map_or(Unsent::Pending(self.pending), Unsent::Closing);
            Life::UnderWay(UnderWay { unsent, chunks: self.chunks })
        };
        let state = BatchState { records: self.records, opened: self.opened, sums: self.sums, life };
        if !state.conserves() {
            return Err(Inconsistent { what: "the sums are not those of the records" });
        }
        Ok(state)
    }

    /// Takes the run out of what is pending.
    fn take(&mut self, run: Range<u64>, what: &'static str) -> Result<u64, Inconsistent> {
        if run.is_empty() || !self.pending.covers(&run) {
            return Err(Inconsistent { what });
        }
        let count = self.pending.remove(run);
        self.sums.pending -= count;
        Ok(count)
    }
}
