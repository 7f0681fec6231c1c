//! The rules of a batch, pure: events and a time in, changes to write down out.
//!
//! ```text
//!              ChunkOpened                ChunkAnswered
//!   pending ───────────────► in flight ─────────────────► delivered, partial, rejected
//!      ▲  │                  │   │   ▲                              ▲
//!      │  │ RecordsRejected  │   │   │ DoubtRepeated                │ ChunkAnswered, DoubtDelivered
//!      │  ├──► rejected      │   ▼   │                              │
//!      │  │ Cancelled        │ in doubt ────────────────────────────┘
//!      │  ├──► cancelled     │   │       (DoubtAsked: nobody could say; DoubtHeld: waits for an operator; still in doubt)
//!      │  │ Expired          │   │
//!      │  └──► expired       │   │ DoubtReturned
//!      └─────────────────────┴───┘   ChunkReturned, Returned exceptions;
//!                                    once the batch is closing: to cancelled or expired instead
//! ```
//! After every event `accepted = pending + in flight + in doubt + delivered + partial + rejected + cancelled +
//! expired`. An event that is not legal changes nothing.
//!
//! A batch takes chunks, is closing, or is finished ([`BatchState`]); a chunk goes from state to state by the transitions of
//! [`Chunk`], which are drawn where it is defined. Neither can be written by hand: a batch begins with [`BatchState::new`], and
//! from then on only [`BatchState::apply`] changes it.
//!
//! ```
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! let mut batch = BatchState::new(5, 0);
//! batch.apply(&Event::RecordsRejected { first: 0, count: 2, code: "no-row".into() }, Epoch(1), 0)?;
//! assert_eq!((batch.pending().len(), batch.sums().rejected), (3, 2));
//! # Ok::<(), sekisho_journal::machine::Illegal>(())
//! ```
//!
//! ```compile_fail
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! let mut batch = BatchState::new(5, 0);
//! batch.apply(&Event::RecordsRejected { first: 0, count: 2, code: "no-row".into() }, Epoch(1), 0)?;
//! batch.sums.rejected = 5;
//! # Ok::<(), sekisho_journal::machine::Illegal>(())
//! ```
//!
//! ```compile_fail
//! # use sekisho_journal::{BatchState, Epoch, Event};
//! let mut batch = BatchState::new(5, 0);
//! batch.apply(&Event::RecordsRejected { first: 0, count: 2, code: "no-row".into() }, Epoch(1), 0)?;
//! batch.pending().insert(0..2);
//! # Ok::<(), sekisho_journal::machine::Illegal>(())
//! ```

mod apply;
mod chunk;
mod code;
mod event;
mod ownership;
mod rebuild;
mod sums;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ranges::RangeSet;

pub(crate) use chunk::ChunkRow;
pub use chunk::{
    Again, Answer, Answered, Any, ByState, Chunk, ChunkState, First, InDoubt, Live, LiveChunk, Returned,
    State, Unsettled,
};
pub use code::Code;
pub use event::{Event, Exception, Illegal, Outcome};
pub use rebuild::Inconsistent;
pub(crate) use rebuild::Rebuild;
pub use sums::Sums;

/// The longest text of the upstream's that is kept (bytes): a handle, or the name of a column.
const MOST_TEXT: usize = 256;

/// A batch's records by state. Settled records are only counted here, so that memory goes with what is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchState {
    records: u64,
    opened: u64,
    /// Counted apart from the sets that they count: each transition is held to both.
    sums: Sums,
    life: Life,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Life {
    UnderWay(UnderWay),
    /// Every record has its outcome: there is nothing left that could change.
    Finished {
        closing: Option<Closing>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct UnderWay {
    unsent: Unsent,
    /// By number.
    chunks: BTreeMap<u64, LiveChunk>,
}

/// Records in no chunk: a batch that is closing has none.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Unsent {
    Pending(RangeSet),
    Closing(Closing),
}

/// Why a batch takes no new chunks: what its pending records have become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// Withdrawn by the client or an operator.
    Cancelled,
    /// Not sent in time.
    Expired,
}

/// A batch's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Durable, nothing sent yet.
    Accepted,
    /// Under way.
    Delivering,
    /// All that is left is in doubt and waits for an operator's decision.
    Held,
    /// No new chunks (cancelled or expired); some records' outcome is still open.
    Closing,
    /// Every record has its outcome.
    Finished,
}

/// What an event changes in the rows of a store, in the order to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The chunk's row, new or as it is now. If `live` is set, its open positions are replaced by the chunk's.
    Chunk {
        /// The chunk as it is now, settled or not.
        chunk: Chunk,
        /// `Chunk::live` has changed.
        live: bool,
    },
    /// Records that have their outcome: one run with all in common.
    Settled(Run),
    /// The batch itself finished.
    Finished {
        /// Digest over the delivered records, if there is one.
        delivered_digest: Option<crate::identity::Digest>,
    },
}

/// A run of consecutive records with one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// First position.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// `Delivered`, `Partial`, `Rejected`, `Cancelled` or `Expired`.
    pub outcome: Settlement,
    /// Why, unless delivered.
    pub code: Option<Code>,
    /// Column that the upstream named.
    pub field: Option<String>,
    /// Rows of a partial record that did not arrive.
    pub rows: Vec<u32>,
    /// The chunk in which it was decided.
    pub chunk: Option<u64>,
    /// When (unix milliseconds).
    pub at: u64,
}

/// Final states of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settlement {
    /// All of its rows have had their effect.
    Delivered,
    /// Some rows have, some have not.
    Partial,
    /// Refused, without effect.
    Rejected,
    /// Never sent (or proven without effect) when the batch was withdrawn.
    Cancelled,
    /// Never sent (or proven without effect) when its time was over.
    Expired,
}

impl Run {
    fn new(run: Range<u64>, outcome: Settlement, code: Option<Code>, chunk: Option<u64>, at: u64) -> Self {
        let count = run.end - run.start;
        Self { first: run.start, count, outcome, code, field: None, rows: Vec::new(), chunk, at }
    }
}

impl BatchState {
    /// A batch as it is accepted: all `records` pending. `set_aside` is only reported.
    pub fn new(records: u64, set_aside: u64) -> Self {
        let unsent = Unsent::Pending(RangeSet::from(0..records));
        Self {
            records,
            opened: 0,
            sums: Sums { accepted: records, pending: records, set_aside, ..Sums::default() },
            life: Life::UnderWay(UnderWay { unsent, chunks: BTreeMap::new() }),
        }
    }

    /// Records of the batch: positions `0..records`.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Records that wait to be sent.
    pub fn pending(&self) -> &RangeSet {
        static NONE: RangeSet = RangeSet::new();
        match &self.life {
            Life::UnderWay(UnderWay { unsent: Unsent::Pending(pending), .. }) => pending,
            Life::UnderWay(UnderWay { unsent: Unsent::Closing(_), .. }) | Life::Finished { .. } => &NONE,
        }
    }

    /// Chunks with records in flight or in doubt, by number.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = &LiveChunk> + Clone {
        self.by_number().values()
    }

    /// The chunk, if it has records in flight or in doubt.
    pub fn chunk(&self, number: u64) -> Option<&LiveChunk> {
        self.by_number().get(&number)
    }

    fn by_number(&self) -> &BTreeMap<u64, LiveChunk> {
        static NONE: BTreeMap<u64, LiveChunk> = BTreeMap::new();
        match &self.life {
            Life::UnderWay(batch) => &batch.chunks,
            Life::Finished { .. } => &NONE,
        }
    }

    /// How many records are in which state.
    pub fn sums(&self) -> Sums {
        self.sums
    }

    /// Chunks opened so far: the next one's number is one more.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Why the batch takes no new chunks, if it was cancelled or has expired.
    pub fn closing(&self) -> Option<Closing> {
        match &self.life {
            Life::UnderWay(batch) => batch.closing(),
            Life::Finished { closing } => *closing,
        }
    }

    /// Every record has its outcome and nothing may change any more.
    pub fn is_finished(&self) -> bool {
        matches!(self.life, Life::Finished { .. })
    }

    /// The number that the next `ChunkOpened` must have.
    pub fn next_chunk(&self) -> u64 {
        self.opened + 1
    }

    /// Nothing is pending, in flight or in doubt: `Finished` is legal.
    pub fn is_drained(&self) -> bool {
        self.sums.open() == 0
    }

    /// The record has no outcome: it is pending, in flight or in doubt.
    pub fn is_open(&self, position: u64) -> bool {
        self.pending().contains(position) || self.chunks().any(|chunk| chunk.live().contains(position))
    }

    /// The state in one word.
    pub fn status(&self) -> Status {
        let UnderWay { unsent, chunks } = match &self.life {
            Life::UnderWay(batch) => batch,
            Life::Finished { .. } => return Status::Finished,
        };
        if self.sums.pending == 0 && self.sums.in_doubt > 0 && chunks.values().all(Chunk::held) {
            return Status::Held;
        }
        match unsent {
            Unsent::Closing(_) => Status::Closing,
            Unsent::Pending(_) if self.opened == 0 => Status::Accepted,
            Unsent::Pending(_) => Status::Delivering,
        }
    }
}

impl UnderWay {
    fn closing(&self) -> Option<Closing> {
        match self.unsent {
            Unsent::Pending(_) => None,
            Unsent::Closing(closing) => Some(closing),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
