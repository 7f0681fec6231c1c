//! What each event requires, and what it changes.

use std::num::NonZeroU32;
use std::ops::Range;

use super::{
    BatchState, ByState, Change, Chunk, Closing, Code, Event, Exception, First, Illegal, InDoubt, Life,
    LiveChunk, Run, Settlement, Sums, UnderWay, Unsent, Unsettled,
};
use crate::identity::{Digest, Epoch};
use crate::ranges::RangeSet;

impl BatchState {
    /// Lets `event` happen at `at` (unix milliseconds) under `epoch`. Returns what to write down.
    ///
    /// # Errors
    /// The event is not legal now; the state is as it was.
    ///
    /// # Panics
    /// If the sums did not balance afterwards: the rules themselves would be wrong, and nothing may be written down.
    pub fn apply(&mut self, event: &Event, epoch: Epoch, at: u64) -> Result<Vec<Change>, Illegal> {
        let Life::UnderWay(batch) = &mut self.life else { return Err(Illegal::Finished) };
        let mut step =
            Step { batch, opened: &mut self.opened, sums: &mut self.sums, changes: Vec::new(), at };
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
            Event::Finished { delivered_digest } => return self.finish(*delivered_digest),
        }
        let changes = step.changes;
        assert!(self.conserves(), "a transition lost or doubled a record: {:?}", self.sums);
        Ok(changes)
    }

    fn finish(&mut self, delivered_digest: Option<Digest>) -> Result<Vec<Change>, Illegal> {
        let open = self.sums.open();
        if open > 0 {
            return Err(Illegal::NotDrained { open });
        }
        self.life = Life::Finished { closing: self.closing() };
        assert!(self.conserves(), "a finished batch lost or doubled a record: {:?}", self.sums);
        Ok(vec![Change::Finished { delivered_digest }])
    }

    /// The sums balance, and agree with the sets that they count.
    pub(super) fn conserves(&self) -> bool {
        let live = |in_flight: bool| {
            let chunks = self.chunks().filter(move |chunk| chunk.state().is_in_flight() == in_flight);
            chunks.map(|chunk| chunk.live().len()).sum::<u64>()
        };
        self.sums.balanced()
            && self.sums.accepted == self.records
            && self.sums.pending == self.pending().len()
            && self.sums.in_flight == live(true)
            && self.sums.in_doubt == live(false)
    }
}

/// One event on its way. What it does to a chunk is done to a copy: where the event is refused, nothing has changed.
struct Step<'s> {
    batch: &'s mut UnderWay,
    opened: &'s mut u64,
    sums: &'s mut Sums,
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
        if let Some(closing) = self.batch.closing() {
            return Err(Illegal::Closing(closing));
        }
        let next = *self.opened + 1;
        if number != next {
            return Err(Illegal::ChunkNumber { chunk: number, next });
        }
        let attempt = NonZeroU32::new(attempt).ok_or(Illegal::Attempt { chunk: number, attempt, last: 0 })?;
        let at = self.at;
        let (pending, range) = self.pending(first, count)?;
        let chunk = Chunk::<First>::open(number, range.clone(), attempt, epoch, at)
            .ok_or(Illegal::NotPending { first, count })?;
        pending.remove(range);
        self.sums.pending -= count;
        *self.opened = number;
        self.put(chunk, true);
        Ok(())
    }

    fn sent(&mut self, number: u64, reference: Option<&str>) -> Result<(), Illegal> {
        match self.chunk(number)?.by_state() {
            ByState::First(chunk) => self.put(chunk.send(reference, self.at)?, false),
            ByState::Again(chunk) => self.put(chunk.send(reference, self.at)?, false),
            ByState::InDoubt(_) => return Err(self.misfit(number, "ChunkSent")),
        }
        Ok(())
    }

    fn answered(&mut self, number: u64, exceptions: &[Exception], rows: u64) -> Result<(), Illegal> {
        let answer = match self.chunk(number)?.by_state() {
            ByState::First(chunk) => chunk.answer(exceptions, rows, self.at)?,
            ByState::Again(chunk) => chunk.answer(exceptions, rows, self.at)?,
            ByState::InDoubt(chunk) => chunk.answer(exceptions, rows, self.at)?,
        };
        for run in answer.settled {
            self.settle(run);
        }
        for (run, code) in answer.returned {
            self.give_back(run, &code, number);
        }
        self.put(answer.chunk, true);
        Ok(())
    }

    fn returned(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        let (returned, records) = match self.chunk(number)?.by_state() {
            ByState::First(chunk) => chunk.give_back(code.clone(), self.at),
            ByState::Again(_) => return Err(Illegal::OnceInDoubt { chunk: number }),
            ByState::InDoubt(_) => return Err(self.misfit(number, "ChunkReturned")),
        };
        self.give_back_all(&records, code, number);
        self.put(returned, true);
        Ok(())
    }

    fn in_doubt(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        let doubted = match self.chunk(number)?.by_state() {
            ByState::First(chunk) => chunk.come_to_doubt(code.clone(), self.at),
            ByState::Again(chunk) => chunk.come_to_doubt(code.clone(), self.at),
            ByState::InDoubt(_) => return Err(self.misfit(number, "ChunkInDoubt")),
        };
        self.put(doubted, false);
        Ok(())
    }

    fn doubt_asked(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        let asked = self.doubted(number, "DoubtAsked")?.ask(code.clone(), self.at);
        self.put(asked, false);
        Ok(())
    }

    fn repeated(&mut self, number: u64, attempt: u32, epoch: Epoch) -> Result<(), Illegal> {
        let again = self.doubted(number, "DoubtRepeated")?.repeat(attempt, epoch, self.at)?;
        self.put(again, false);
        Ok(())
    }

    fn doubt_delivered(&mut self, number: u64) -> Result<(), Illegal> {
        let (answered, records) = self.doubted(number, "DoubtDelivered")?.prove_delivered(self.at);
        for run in records.runs() {
            self.settle(Run::new(run, Settlement::Delivered, None, Some(number), self.at));
        }
        self.put(answered, true);
        Ok(())
    }

    fn doubt_returned(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        let (returned, records) = self.doubted(number, "DoubtReturned")?.prove_absent(code.clone(), self.at);
        self.give_back_all(&records, code, number);
        self.put(returned, true);
        Ok(())
    }

    fn doubt_held(&mut self, number: u64, code: &Code) -> Result<(), Illegal> {
        let held = self.doubted(number, "DoubtHeld")?.hold(code.clone(), self.at);
        self.put(held, false);
        Ok(())
    }

    fn rejected(&mut self, first: u64, count: u64, code: &Code) -> Result<(), Illegal> {
        let (pending, range) = self.pending(first, count)?;
        pending.remove(range.clone());
        self.sums.pending -= count;
        self.settle(Run::new(range, Settlement::Rejected, Some(code.clone()), None, self.at));
        Ok(())
    }

    fn close(&mut self, closing: Closing, code: &Code) -> Result<(), Illegal> {
        let pending = match &mut self.batch.unsent {
            Unsent::Pending(pending) => std::mem::take(pending),
            Unsent::Closing(closing) => return Err(Illegal::Closing(*closing)),
        };
        self.batch.unsent = Unsent::Closing(closing);
        self.sums.pending = 0;
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::InFlightExpires) {
            self.close_in_flight(code);
        }
        for run in pending.runs() {
            self.settle(Run::new(run, closing.into(), Some(code.clone()), None, self.at));
        }
        Ok(())
    }

    /// The batch is closing: what is given back has its outcome.
    #[cfg(feature = "planted")]
    fn close_in_flight(&mut self, code: &Code) {
        let numbers: Vec<u64> = self.batch.chunks.keys().copied().collect();
        for number in numbers {
            // One that is in doubt is refused, and stays.
            if self.in_doubt(number, code).is_ok() {
                let _ = self.doubt_returned(number, code);
            }
        }
    }

    /// What is pending, and `first` and `count` as a range, if all of it is and there is something in it.
    fn pending(&mut self, first: u64, count: u64) -> Result<(&mut RangeSet, Range<u64>), Illegal> {
        let end = first.checked_add(count).filter(|_| count > 0);
        match (&mut self.batch.unsent, end) {
            (Unsent::Pending(pending), Some(end)) if pending.covers(&(first..end)) => {
                Ok((pending, first..end))
            }
            _ => Err(Illegal::NotPending { first, count }),
        }
    }

    fn chunk(&self, number: u64) -> Result<&LiveChunk, Illegal> {
        self.batch.chunks.get(&number).ok_or(Illegal::NoSuchChunk { chunk: number })
    }

    /// The event is for a chunk in another state.
    fn misfit(&self, number: u64, event: &'static str) -> Illegal {
        match self.chunk(number) {
            Ok(chunk) => Illegal::ChunkState { chunk: number, state: chunk.state(), event },
            Err(illegal) => illegal,
        }
    }

    /// The chunk, if it is in doubt.
    fn doubted(&self, number: u64, event: &'static str) -> Result<Chunk<InDoubt>, Illegal> {
        self.chunk(number)?.in_doubt().ok_or_else(|| self.misfit(number, event))
    }

    /// The chunk is what it has become, in the batch as long as it has open records, and is written down.
    fn put(&mut self, chunk: impl Into<Chunk>, live: bool) {
        let chunk = chunk.into();
        if let Some(was) = self.batch.chunks.remove(&chunk.number()) {
            *self.sums.live_mut(&was) -= was.live().len();
        }
        if let Some(now) = chunk.under_way() {
            *self.sums.live_mut(&now) += now.live().len();
            self.batch.chunks.insert(now.number(), now);
        }
        self.changes.push(Change::Chunk { chunk, live });
    }

    fn give_back_all(&mut self, records: &Unsettled, code: &Code, chunk: u64) {
        for run in records.runs() {
            self.give_back(run, code, chunk);
        }
    }

    /// Records without effect: pending again, unless the batch takes no new chunks.
    fn give_back(&mut self, range: Range<u64>, code: &Code, chunk: u64) {
        match &mut self.batch.unsent {
            Unsent::Pending(pending) => self.sums.pending += pending.insert(range),
            Unsent::Closing(closing) => {
                let outcome = (*closing).into();
                self.settle(Run::new(range, outcome, Some(code.clone()), Some(chunk), self.at));
            }
        }
    }

    fn settle(&mut self, run: Run) {
        *self.sums.settled_mut(run.outcome) += run.count;
        self.changes.push(Change::Settled(run));
    }
}

impl From<Closing> for Settlement {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Cancelled => Self::Cancelled,
            Closing::Expired => Self::Expired,
        }
    }
}
