//! What each event requires, and what it changes.

use std::ops::Range;

use super::{
    BatchState, Change, Chunk, ChunkState, Closing, Code, Event, Exception, Illegal, Outcome, Run, Settlement,
};
use crate::identity::Epoch;
use crate::ranges::RangeSet;

/// The longest text of the upstream's that is kept: a handle, or the name of a column.
const MOST_TEXT: usize = 256;

impl BatchState {
    /// Lets `event` happen at `at` (unix milliseconds) under `epoch`. Returns what to write down.
    ///
    /// # Errors
    /// The event is not legal now; the state is as it was.
    ///
    /// # Panics
    /// If the sums did not balance afterwards: the rules themselves would be wrong, and nothing may be written down.
    pub fn apply(&mut self, event: &Event, epoch: Epoch, at: u64) -> Result<Vec<Change>, Illegal> {
        if self.finished {
            return Err(Illegal::Finished);
        }
        let mut step = Step { state: self, changes: Vec::new(), at };
        match event {
            Event::ChunkOpened { chunk, first, count, attempt } => {
                step.open(*chunk, *first, *count, *attempt, epoch)?;
            }
            Event::ChunkSent { chunk, reference } => step.sent(*chunk, reference.as_deref())?,
            Event::ChunkAnswered { chunk, exceptions, rows } => step.answered(*chunk, exceptions, *rows)?,
            Event::ChunkReturned { chunk, code } => step.returned(*chunk, code)?,
            Event::ChunkInDoubt { chunk, code } => step.in_doubt(*chunk, code)?,
            Event::DoubtAsked { chunk, code } => step.doubt_asked(*chunk, code)?,
            Event::DoubtRepeated { chunk, attempt } => step.repeated(*chunk, *attempt, epoch)?,
            Event::DoubtDelivered { chunk } => step.doubt_delivered(*chunk)?,
            Event::DoubtReturned { chunk, code } => step.doubt_returned(*chunk, code)?,
            Event::DoubtHeld { chunk, code } => step.doubt_held(*chunk, code)?,
            Event::RecordsRejected { first, count, code } => step.rejected(*first, *count, code)?,
            Event::Cancelled { code } => step.close(Closing::Cancelled, code)?,
            Event::Expired { code } => step.close(Closing::Expired, code)?,
            Event::Finished { delivered_digest } => {
                let open = step.state.sums.open();
                if open > 0 {
                    return Err(Illegal::NotDrained { open });
                }
                step.state.finished = true;
                step.changes.push(Change::Finished { delivered_digest: *delivered_digest });
            }
        }
        let changes = step.changes;
        assert!(self.conserves(), "a transition lost or doubled a record: {:?}", self.sums);
        Ok(changes)
    }

    /// The sums balance, and agree with the sets that they count.
    pub(super) fn conserves(&self) -> bool {
        let live = |in_flight: bool| {
            let chunks = self.chunks.values().filter(move |chunk| chunk.state.is_in_flight() == in_flight);
            chunks.map(|chunk| chunk.live.len()).sum::<u64>()
        };
        self.sums.balanced()
            && self.sums.accepted == self.records
            && self.sums.pending == self.pending.len()
            && self.sums.in_flight == live(true)
            && self.sums.in_doubt == live(false)
    }
}

/// One event on its way: everything is checked before anything is changed.
struct Step<'s> {
    state: &'s mut BatchState,
    changes: Vec<Change>,
    at: u64,
}

impl Step<'_> {
    fn open(
        &mut self,
        number: u64,
        first: u64,
        count: u64,
        attempt: u32,
        epoch: Epoch,
    ) -> Result<(), Illegal> {
        if let Some(closing) = self.state.closing {
            return Err(Illegal::Closing(closing));
        }
        let next = self.state.next_chunk();
        if number != next {
            return Err(Illegal::ChunkNumber { chunk: number, next });
        }
        if attempt == 0 {
            return Err(Illegal::Attempt { chunk: number, attempt, last: 0 });
        }
        let range = self.pending(first, count)?;
        self.state.pending.remove(range.clone());
        self.state.sums.pending -= count;
        self.state.sums.in_flight += count;
        self.state.opened = number;
        let chunk = Chunk {
            number,
            first,
            count,
            attempt,
            state: ChunkState::Open,
            live: RangeSet::from(range),
            doubted: false,
            held: false,
            reference: None,
            code: None,
            rows: 0,
            epoch,
            opened_at: self.at,
            changed_at: self.at,
            sent_at: self.at,
            doubted_at: None,
            asked: 0,
            asked_at: None,
            asked_code: None,
        };
        self.put(chunk, true);
        Ok(())
    }

    fn sent(&mut self, number: u64, reference: Option<&str>) -> Result<(), Illegal> {
        self.expect(number, ChunkState::is_in_flight, "ChunkSent")?;
        if let Some(length) = reference.map(str::len).filter(|length| *length > MOST_TEXT) {
            return Err(Illegal::TooLong { chunk: number, what: "upstream's handle", length });
        }
        let mut chunk = self.take(number)?;
        chunk.state = ChunkState::Sent;
        chunk.reference = reference.map(str::to_owned).or(chunk.reference);
        self.put(chunk, false);
        Ok(())
    }

    fn answered(&mut self, number: u64, exceptions: &[Exception], rows: u64) -> Result<(), Illegal> {
        let chunk = self.expect(number, |_| true, "ChunkAnswered")?;
        let mut last = None;
        for exception in exceptions {
            let position = exception.position;
            if last.is_some_and(|last| last >= position) || !chunk.live.contains(position) {
                return Err(Illegal::ExceptionPosition { chunk: number, position });
            }
            last = Some(position);
            if (exception.outcome == Outcome::Partial) == exception.rows.is_empty() {
                return Err(Illegal::ExceptionRows { chunk: number, position });
            }
            if let Some(length) =
                exception.field.as_ref().map(String::len).filter(|length| *length > MOST_TEXT)
            {
                return Err(Illegal::TooLong { chunk: number, what: "field's name", length });
            }
        }

        let mut chunk = self.take(number)?;
        self.leave(&chunk);
        let mut delivered = std::mem::take(&mut chunk.live);
        // A record that returns from a chunk that was in doubt may have had its effect in an earlier try.
        let doubted = chunk.doubted;
        let mut pending = Vec::new();
        let mut exceptional: Vec<Run> = Vec::new();
        chunk.code = None;
        for exception in exceptions {
            let one = exception.position..exception.position + 1;
            delivered.remove(one.clone());
            #[cfg(feature = "planted")]
            if crate::planted::is(crate::planted::Bug::CountedTwice) {
                delivered.insert(one.clone());
            }
            let outcome = match exception.outcome {
                Outcome::Partial => Settlement::Partial,
                Outcome::Rejected => Settlement::Rejected,
                Outcome::Returned if !doubted => {
                    pending.push((one, exception.code.clone()));
                    continue;
                }
                Outcome::Returned | Outcome::InDoubt => {
                    chunk.live.insert(one);
                    chunk.code.get_or_insert_with(|| exception.code.clone());
                    continue;
                }
            };
            match exceptional.last_mut() {
                Some(run)
                    if run.first + run.count == exception.position
                        && run.outcome == outcome
                        && run.code.as_ref() == Some(&exception.code)
                        && run.field == exception.field
                        && run.rows == exception.rows =>
                {
                    run.count += 1;
                }
                _ => exceptional.push(Run {
                    first: exception.position,
                    count: 1,
                    outcome,
                    code: Some(exception.code.clone()),
                    field: exception.field.clone(),
                    rows: exception.rows.clone(),
                    chunk: Some(number),
                    at: self.at,
                }),
            }
        }
        for run in delivered.runs() {
            self.settle(run, Settlement::Delivered, None, Some(number));
        }
        for run in exceptional {
            self.settle_run(run);
        }
        for (one, code) in pending {
            self.give_back(one, &code, number);
        }
        chunk.rows = rows;
        chunk.held = false;
        if chunk.live.is_empty() {
            chunk.state = ChunkState::Answered;
        } else {
            // What was in doubt before has been since then.
            if chunk.state != ChunkState::InDoubt {
                chunk.come_to_doubt(self.at);
            }
            chunk.state = ChunkState::InDoubt;
            chunk.doubted = true;
            self.state.sums.in_doubt += chunk.live.len();
        }
        self.put(chunk, true);
        Ok(())
    }

    fn returned(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        let chunk = self.expect(number, ChunkState::is_in_flight, "ChunkReturned")?;
        if chunk.doubted {
            return Err(Illegal::OnceInDoubt { chunk: number });
        }
        self.give_back_all(number, code)
    }

    fn in_doubt(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        self.expect(number, ChunkState::is_in_flight, "ChunkInDoubt")?;
        let mut chunk = self.take(number)?;
        self.leave(&chunk);
        self.state.sums.in_doubt += chunk.live.len();
        chunk.come_to_doubt(self.at);
        chunk.state = ChunkState::InDoubt;
        chunk.doubted = true;
        chunk.code = Some(code.clone());
        self.put(chunk, false);
        Ok(())
    }

    fn doubt_asked(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        self.expect(number, is_in_doubt, "DoubtAsked")?;
        let mut chunk = self.take(number)?;
        chunk.asked = chunk.asked.saturating_add(1);
        chunk.asked_at = Some(self.at);
        chunk.asked_code = Some(code.clone());
        self.put(chunk, false);
        Ok(())
    }

    fn repeated(&mut self, number: u64, attempt: u32, epoch: Epoch) -> Result<(), Illegal> {
        let chunk = self.expect(number, is_in_doubt, "DoubtRepeated")?;
        if attempt <= chunk.attempt {
            return Err(Illegal::Attempt { chunk: number, attempt, last: chunk.attempt });
        }
        let mut chunk = self.take(number)?;
        self.leave(&chunk);
        self.state.sums.in_flight += chunk.live.len();
        chunk.state = ChunkState::Open;
        chunk.attempt = attempt;
        chunk.epoch = epoch;
        chunk.sent_at = self.at;
        chunk.held = false;
        chunk.code = None;
        self.put(chunk, false);
        Ok(())
    }

    fn doubt_delivered(&mut self, number: u64) -> Result<(), Illegal> {
        self.expect(number, is_in_doubt, "DoubtDelivered")?;
        let mut chunk = self.take(number)?;
        self.leave(&chunk);
        for run in std::mem::take(&mut chunk.live).runs() {
            self.settle(run, Settlement::Delivered, None, Some(number));
        }
        chunk.state = ChunkState::Answered;
        chunk.held = false;
        self.put(chunk, true);
        Ok(())
    }

    fn doubt_returned(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        self.expect(number, is_in_doubt, "DoubtReturned")?;
        self.give_back_all(number, code)
    }

    fn doubt_held(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        self.expect(number, is_in_doubt, "DoubtHeld")?;
        let mut chunk = self.take(number)?;
        chunk.held = true;
        chunk.code = Some(code.clone());
        self.put(chunk, false);
        Ok(())
    }

    fn rejected(&mut self, first: u64, count: u64, code: &Code) -> Result<(), Illegal> {
        let range = self.pending(first, count)?;
        self.state.pending.remove(range.clone());
        self.state.sums.pending -= count;
        self.settle(range, Settlement::Rejected, Some(code), None);
        Ok(())
    }

    fn close(&mut self, closing: Closing, code: &Code) -> Result<(), Illegal> {
        if let Some(closing) = self.state.closing {
            return Err(Illegal::Closing(closing));
        }
        self.state.closing = Some(closing);
        self.state.sums.pending = 0;
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::InFlightExpires) {
            self.close_in_flight(closing, code);
        }
        for run in std::mem::take(&mut self.state.pending).runs() {
            self.settle(run, closing.into(), Some(code), None);
        }
        Ok(())
    }

    #[cfg(feature = "planted")]
    fn close_in_flight(&mut self, closing: Closing, code: &Code) {
        let flying = self.state.chunks.values().filter(|chunk| chunk.state.is_in_flight());
        for mut chunk in flying.cloned().collect::<Vec<_>>() {
            self.state.chunks.remove(&chunk.number);
            self.leave(&chunk);
            for run in std::mem::take(&mut chunk.live).runs() {
                self.settle(run, closing.into(), Some(code), Some(chunk.number));
            }
            self.put(chunk, true);
        }
    }

    /// `first` and `count` as a range, if all of it is pending and there is something in it.
    fn pending(&self, first: u64, count: u64) -> Result<Range<u64>, Illegal> {
        let end = first.checked_add(count).filter(|_| count > 0);
        end.map(|end| first..end)
            .filter(|range| self.state.pending.covers(range))
            .ok_or(Illegal::NotPending { first, count })
    }

    /// The chunk, if its state is one that the event takes.
    fn expect(
        &self,
        number: u64,
        takes: impl Fn(ChunkState) -> bool,
        event: &'static str,
    ) -> Result<&Chunk, Illegal> {
        let chunk = self.state.chunks.get(&number).ok_or(Illegal::NoSuchChunk { chunk: number })?;
        if takes(chunk.state) {
            Ok(chunk)
        } else {
            Err(Illegal::ChunkState { chunk: number, state: chunk.state, event })
        }
    }

    fn take(&mut self, number: u64) -> Result<Chunk, Illegal> {
        self.state.chunks.remove(&number).ok_or(Illegal::NoSuchChunk { chunk: number })
    }

    /// The chunk's open records are no longer counted where they were.
    fn leave(&mut self, chunk: &Chunk) {
        let sums = &mut self.state.sums;
        let from = if chunk.state.is_in_flight() { &mut sums.in_flight } else { &mut sums.in_doubt };
        *from -= chunk.live.len();
    }

    /// Writes the chunk down; it stays in the state as long as it has open records.
    fn put(&mut self, mut chunk: Chunk, live: bool) {
        chunk.changed_at = self.at;
        if !chunk.live.is_empty() {
            self.state.chunks.insert(chunk.number, chunk.clone());
        }
        self.changes.push(Change::Chunk { chunk, live });
    }

    fn give_back_all(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        let mut chunk = self.take(number)?;
        self.leave(&chunk);
        for run in std::mem::take(&mut chunk.live).runs() {
            self.give_back(run, code, number);
        }
        chunk.state = ChunkState::Returned;
        chunk.held = false;
        chunk.code = Some(code.clone());
        self.put(chunk, true);
        Ok(())
    }

    /// Records without effect: pending again, unless the batch takes no new chunks.
    fn give_back(&mut self, range: Range<u64>, code: &Code, chunk: u64) {
        match self.state.closing {
            Some(closing) => self.settle(range, closing.into(), Some(code), Some(chunk)),
            None => self.state.sums.pending += self.state.pending.insert(range),
        }
    }

    fn settle(&mut self, range: Range<u64>, outcome: Settlement, code: Option<&Code>, chunk: Option<u64>) {
        self.settle_run(Run {
            first: range.start,
            count: range.end - range.start,
            outcome,
            code: code.cloned(),
            field: None,
            rows: Vec::new(),
            chunk,
            at: self.at,
        });
    }

    fn settle_run(&mut self, run: Run) {
        *self.state.sums.settled_mut(run.outcome) += run.count;
        self.changes.push(Change::Settled(run));
    }
}

fn is_in_doubt(state: ChunkState) -> bool {
    state == ChunkState::InDoubt
}

impl From<Closing> for Settlement {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Cancelled => Self::Cancelled,
            Closing::Expired => Self::Expired,
        }
    }
}
