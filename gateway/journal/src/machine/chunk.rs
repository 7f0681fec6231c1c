//! A chunk: what it is in every state, and beside that exactly what its state has.
//!
//! ```text
//!              give_back                         prove_absent
//!           ┌─────────────────► Returned ◄───────────────────────┐
//!           │                                                    │
//!    open   │       come_to_doubt, answer: some open             │
//!   ──────► First ──────────────────────────────────────────► InDoubt ◄─┐
//!           │ ▲ │                                              │ │ ▲ └──┘ ask, hold, answer: some open
//!           │ └─┘ send                                  repeat │ │ │
//!           │                                                  ▼ │ │ come_to_doubt, answer: some open
//!           │                                  send ┌─► Again ───┼─┘
//!           │                                       └─────┘ │    │
//!           │  answer                                answer │    │ answer, prove_delivered
//!           └─────────────────► Answered ◄──────────────────┴────┘
//! ```
//! A transition takes the chunk in the one state and gives it in the next; what is not drawn does not exist and does not
//! compile. Of a chunk of a batch there are copies whose state the compiler knows:
//!
//! ```
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! # let mut batch = BatchState::new(5, 0);
//! # let opened = Event::ChunkOpened { chunk: 1, first: 0, count: 5, attempt: 1 };
//! # batch.apply(&opened, Epoch(1), 0)?;
//! let first = batch.chunk(1).and_then(|chunk| chunk.first_try()).ok_or("it is in flight")?;
//! let doubted = first.come_to_doubt("time-limit".into(), 10);
//! let (repeated, later) = (doubted.clone().repeat(2, Epoch(1), 20)?, doubted.prove_absent("job-gone".into(), 30));
//! assert!(repeated.doubted() && later.0.live().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is in doubt cannot simply return; it has to be proven absent:
//!
//! ```compile_fail
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! # let mut batch = BatchState::new(5, 0);
//! # let opened = Event::ChunkOpened { chunk: 1, first: 0, count: 5, attempt: 1 };
//! # batch.apply(&opened, Epoch(1), 0)?;
//! let first = batch.chunk(1).and_then(|chunk| chunk.first_try()).ok_or("it is in flight")?;
//! let doubted = first.come_to_doubt("time-limit".into(), 10);
//! let returned = doubted.give_back("not-sent".into(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Neither can a repeated chunk: an earlier try may have had its effect.
//!
//! ```compile_fail
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! # let mut batch = BatchState::new(5, 0);
//! # let opened = Event::ChunkOpened { chunk: 1, first: 0, count: 5, attempt: 1 };
//! # batch.apply(&opened, Epoch(1), 0)?;
//! let first = batch.chunk(1).and_then(|chunk| chunk.first_try()).ok_or("it is in flight")?;
//! let again = first.come_to_doubt("time-limit".into(), 10).repeat(2, Epoch(1), 20)?;
//! let returned = again.give_back("not-sent".into(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is in flight is not sent again before it is in doubt:
//!
//! ```compile_fail
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! # let mut batch = BatchState::new(5, 0);
//! # let opened = Event::ChunkOpened { chunk: 1, first: 0, count: 5, attempt: 1 };
//! # batch.apply(&opened, Epoch(1), 0)?;
//! let first = batch.chunk(1).and_then(|chunk| chunk.first_try()).ok_or("it is in flight")?;
//! let again = first.repeat(2, Epoch(1), 20)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing comes after an outcome, and a chunk that has moved on is not there any more:
//!
//! ```compile_fail
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! # let mut batch = BatchState::new(5, 0);
//! # let opened = Event::ChunkOpened { chunk: 1, first: 0, count: 5, attempt: 1 };
//! # batch.apply(&opened, Epoch(1), 0)?;
//! let first = batch.chunk(1).and_then(|chunk| chunk.first_try()).ok_or("it is in flight")?;
//! let (delivered, _records) = first.come_to_doubt("time-limit".into(), 10).prove_delivered(20);
//! let doubted = delivered.come_to_doubt("time-limit".into(), 30);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```compile_fail
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! # let mut batch = BatchState::new(5, 0);
//! # let opened = Event::ChunkOpened { chunk: 1, first: 0, count: 5, attempt: 1 };
//! # batch.apply(&opened, Epoch(1), 0)?;
//! let first = batch.chunk(1).and_then(|chunk| chunk.first_try()).ok_or("it is in flight")?;
//! let doubted = first.come_to_doubt("time-limit".into(), 10);
//! let (returned, _records) = first.give_back("not-sent".into(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod row;
mod states;
mod transitions;

use std::num::NonZeroU32;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Code;
use crate::identity::Epoch;
use crate::ranges::RangeSet;

pub use answer::Answer;
pub(crate) use row::ChunkRow;
pub use states::{Again, Answered, Any, First, InDoubt, Live, Returned, State, Unsettled};

/// Where a chunk stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChunkState {
    /// Written down; may or may not have left the gateway.
    Open,
    /// Bytes have left the gateway, or the upstream has given a handle for it.
    Sent,
    /// Outcome unknown for its open records.
    InDoubt,
    /// Answered: every record has an outcome or is pending again.
    Answered,
    /// Not sent or proven absent: its records are pending again.
    Returned,
}

impl ChunkState {
    /// Some of its records may be in flight.
    pub fn is_in_flight(self) -> bool {
        matches!(self, Self::Open | Self::Sent)
    }
}

/// A run of consecutive records, sent upstream in one request (or one job), in the state `S`: one state of which the compiler
/// knows, or one of several ([`Live`], [`Any`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<S = Any> {
    facts: Facts,
    state: S,
}

/// A chunk with records in flight or in doubt.
pub type LiveChunk = Chunk<Live>;

/// What a chunk has in every state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    number: u64,
    first: u64,
    count: u64,
    attempt: NonZeroU32,
    reference: Option<String>,
    rows: u64,
    epoch: Epoch,
    opened_at: u64,
    changed_at: u64,
    sent_at: u64,
}

impl<S: State> Chunk<S> {
    /// Its number in the batch, from 1.
    pub fn number(&self) -> u64 {
        self.facts.number
    }

    /// Position of its first record.
    pub fn first(&self) -> u64 {
        self.facts.first
    }

    /// How many records it was opened with.
    pub fn count(&self) -> u64 {
        self.facts.count
    }

    /// The records that it was opened with.
    pub fn given(&self) -> Range<u64> {
        self.facts.first..self.facts.first + self.facts.count
    }

    /// Which try it is for these records, from 1.
    pub fn attempt(&self) -> u32 {
        self.facts.attempt.get()
    }

    /// Where it stands.
    pub fn state(&self) -> ChunkState {
        self.state.word()
    }

    /// Its records without an outcome: in flight or in doubt, as the state says; none of a settled chunk.
    pub fn live(&self) -> &RangeSet {
        static NONE: RangeSet = RangeSet::new();
        self.state.unsettled().map_or(&NONE, Unsettled::set)
    }

    /// A try of this same chunk may have had its effect: it can no longer simply return.
    pub fn doubted(&self) -> bool {
        self.state.doubt().is_some()
    }

    /// In doubt, and waits for an operator's decision.
    pub fn held(&self) -> bool {
        self.state.is_held()
    }

    /// Its open records are in doubt, and neither sent again nor with an operator: nobody can know of them yet.
    pub fn is_waiting(&self) -> bool {
        self.state() == ChunkState::InDoubt && !self.held()
    }

    /// The upstream's handle for it (a job's id), at most 256 bytes.
    pub fn reference(&self) -> Option<&str> {
        self.facts.reference.as_deref()
    }

    /// Why it is in doubt, returned or held; of one that was proven delivered, why it had been in doubt.
    pub fn code(&self) -> Option<&Code> {
        self.state.code()
    }

    /// Rows that were sent, as delivery counted them when it was answered.
    pub fn rows(&self) -> u64 {
        self.facts.rows
    }

    /// The epoch under which it was opened or last repeated.
    pub fn epoch(&self) -> Epoch {
        self.facts.epoch
    }

    /// When it was opened (unix milliseconds).
    pub fn opened_at(&self) -> u64 {
        self.facts.opened_at
    }

    /// When it was last changed (unix milliseconds).
    pub fn changed_at(&self) -> u64 {
        self.facts.changed_at
    }

    /// When its present try began (unix milliseconds): what was sent, was sent from then on.
    pub fn sent_at(&self) -> u64 {
        self.facts.sent_at
    }

    /// When it last came to be in doubt; kept as evidence when it no longer is.
    pub fn doubted_at(&self) -> Option<u64> {
        self.state.doubt().map(|doubt| doubt.since)
    }

    /// How often the upstream was asked since what became of it, and could not say.
    pub fn asked(&self) -> u32 {
        self.last_asked().map_or(0, |asked| asked.times.get())
    }

    /// When it was asked last (unix milliseconds).
    pub fn asked_at(&self) -> Option<u64> {
        self.last_asked().map(|asked| asked.at)
    }

    /// What came of that, as a code.
    pub fn asked_code(&self) -> Option<&Code> {
        self.last_asked().map(|asked| &asked.code)
    }

    fn last_asked(&self) -> Option<&states::Asked> {
        self.state.doubt().and_then(|doubt| doubt.asked.as_ref())
    }
}

/// A chunk with records in flight or in doubt, in the state that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByState {
    /// In flight, and never in doubt.
    First(Chunk<First>),
    /// In flight again after it was in doubt.
    Again(Chunk<Again>),
    /// In doubt.
    InDoubt(Chunk<InDoubt>),
}

impl Chunk<Live> {
    /// A copy of it, in the state that it is in.
    pub fn by_state(&self) -> ByState {
        let facts = self.facts.clone();
        match self.state.clone() {
            Live::First(state) => ByState::First(Chunk { facts, state }),
            Live::Again(state) => ByState::Again(Chunk { facts, state }),
            Live::InDoubt(state) => ByState::InDoubt(Chunk { facts, state }),
        }
    }

    /// A copy of it, if it is in flight and was never in doubt.
    pub fn first_try(&self) -> Option<Chunk<First>> {
        match self.by_state() {
            ByState::First(chunk) => Some(chunk),
            ByState::Again(_) | ByState::InDoubt(_) => None,
        }
    }

    /// A copy of it, if it is in doubt.
    pub fn in_doubt(&self) -> Option<Chunk<InDoubt>> {
        match self.by_state() {
            ByState::InDoubt(chunk) => Some(chunk),
            ByState::First(_) | ByState::Again(_) => None,
        }
    }
}

impl Chunk {
    /// A copy of it, if it has records in flight or in doubt.
    pub fn under_way(&self) -> Option<LiveChunk> {
        match &self.state {
            Any::Live(state) => Some(Chunk { facts: self.facts.clone(), state: state.clone() }),
            Any::Answered(_) | Any::Returned(_) => None,
        }
    }
}
