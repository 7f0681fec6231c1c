//! What may become of a chunk: each transition takes the chunk in one state and gives it in the next.

use std::num::NonZeroU32;
use std::ops::Range;

use super::states::{Again, Answered, First, InDoubt, InFlight, Returned, Unsettled};
use super::states::{Asked, Doubt, NoDoubt, sealed};
use super::{Chunk, Facts};
use crate::identity::Epoch;
use crate::machine::{Code, Illegal, MOST_TEXT};

impl<S> Chunk<S> {
    /// The same chunk in another state, from `at` on.
    pub(super) fn into_state<T>(self, at: u64, next: impl FnOnce(S) -> T) -> Chunk<T> {
        Chunk { facts: Facts { changed_at: at, ..self.facts }, state: next(self.state) }
    }
}

impl Chunk<First> {
    /// Pending records are in flight from now on; none if the run is empty.
    pub(in crate::machine) fn open(
        number: u64,
        run: Range<u64>,
        attempt: NonZeroU32,
        epoch: Epoch,
        at: u64,
    ) -> Option<Self> {
        let facts = Facts {
            number,
            first: run.start,
            count: run.end.saturating_sub(run.start),
            attempt,
            reference: None,
            rows: 0,
            epoch,
            opened_at: at,
            changed_at: at,
            sent_at: at,
        };
        let records = Unsettled::of(run.into())?;
        Some(Self { facts, state: InFlight { records, left: false, before: NoDoubt } })
    }

    /// Not sent, or proven to have had no effect. The records are those that return.
    #[must_use]
    pub fn give_back(self, code: Code, at: u64) -> (Chunk<Returned>, Unsettled) {
        let records = self.state.records.clone();
        (self.into_state(at, |_| Returned { code, doubt: None }), records)
    }
}

impl<D: sealed::Before> Chunk<InFlight<D>> {
    /// Evidence that it has left the gateway, or the upstream's handle for it.
    ///
    /// # Errors
    /// The handle is longer than 256 bytes.
    pub fn send(self, reference: Option<&str>, at: u64) -> Result<Self, Illegal> {
        if let Some(length) = reference.map(str::len).filter(|length| *length > MOST_TEXT) {
            return Err(Illegal::TooLong { chunk: self.facts.number, what: "upstream's handle", length });
        }
        let mut sent = self.into_state(at, |state| InFlight { left: true, ..state });
        sent.facts.reference = reference.map(str::to_owned).or(sent.facts.reference);
        Ok(sent)
    }

    /// Nobody knows what became of it, from now on.
    #[must_use]
    pub fn come_to_doubt(self, code: Code, at: u64) -> Chunk<InDoubt> {
        self.into_state(at, |state| InDoubt {
            records: state.records,
            code,
            held: false,
            doubt: Doubt::since(at),
        })
    }
}

impl Chunk<InDoubt> {
    /// The upstream was asked, and could not say.
    #[must_use]
    pub fn ask(self, code: Code, at: u64) -> Self {
        self.into_state(at, |state| {
            let times = state.doubt.asked.map_or(NonZeroU32::MIN, |asked| asked.times.saturating_add(1));
            InDoubt { doubt: Doubt { asked: Some(Asked { times, at, code }), ..state.doubt }, ..state }
        })
    }

    /// Nobody can know: it waits for an operator.
    #[must_use]
    pub fn hold(self, code: Code, at: u64) -> Self {
        self.into_state(at, |state| InDoubt { held: true, code, ..state })
    }

    /// It is sent again: its records in doubt are in flight.
    ///
    /// # Errors
    /// The try is not later than the one before.
    pub fn repeat(self, attempt: u32, epoch: Epoch, at: u64) -> Result<Chunk<Again>, Illegal> {
        let last = self.facts.attempt;
        let Some(attempt) = NonZeroU32::new(attempt).filter(|attempt| *attempt > last) else {
            return Err(Illegal::Attempt { chunk: self.facts.number, attempt, last: last.get() });
        };
        let again = self.into_state(at, |state| InFlight {
            records: state.records,
            left: false,
            before: state.doubt,
        });
        Ok(Chunk { facts: Facts { attempt, epoch, sent_at: at, ..again.facts }, state: again.state })
    }

    /// All of its records in doubt had their effect: these.
    #[must_use]
    pub fn prove_delivered(self, at: u64) -> (Chunk<Answered>, Unsettled) {
        let records = self.state.records.clone();
        let answered = |state: InDoubt| Answered { code: Some(state.code), doubt: Some(state.doubt) };
        (self.into_state(at, answered), records)
    }

    /// None of its records in doubt had an effect: these return.
    #[must_use]
    pub fn prove_absent(self, code: Code, at: u64) -> (Chunk<Returned>, Unsettled) {
        let records = self.state.records.clone();
        (self.into_state(at, |state| Returned { code, doubt: Some(state.doubt) }), records)
    }
}
