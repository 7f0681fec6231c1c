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

mod apply;
mod chunk;
mod code;
mod event;
mod ownership;
mod rebuild;
mod sums;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ranges::RangeSet;

pub use chunk::{Chunk, ChunkState};
pub use code::Code;
pub use event::{Event, Exception, Illegal, Outcome};
pub use rebuild::{Inconsistent, Rebuild};
pub use sums::Sums;

/// A batch's records by state. Settled records are only counted here, so that memory goes with what is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchState {
    /// Records of the batch: positions `0..records`.
    pub records: u64,
    /// Records that wait to be sent.
    pub pending: RangeSet,
    /// Chunks with records in flight or in doubt, by number.
    pub chunks: BTreeMap<u64, Chunk>,
    /// How many records are in which state.
    pub sums: Sums,
    /// Chunks opened so far: the next one's number is one more.
    pub opened: u64,
    /// The batch takes no new chunks.
    pub closing: Option<Closing>,
    /// Every record has its outcome and nothing may change any more.
    pub finished: bool,
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
        /// `chunk.live` has changed.
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

impl BatchState {
    /// A batch as it is accepted: all `records` pending. `set_aside` is only reported.
    pub fn new(records: u64, set_aside: u64) -> Self {
        Self {
            records,
            pending: RangeSet::from(0..records),
            chunks: BTreeMap::new(),
            sums: Sums { accepted: records, pending: records, set_aside, ..Sums::default() },
            opened: 0,
            closing: None,
            finished: false,
        }
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
        self.pending.contains(position) || self.chunks.values().any(|chunk| chunk.live.contains(position))
    }

    /// The state in one word.
    pub fn status(&self) -> Status {
        if self.finished {
            Status::Finished
        } else if self.sums.pending == 0
            && self.sums.in_doubt > 0
            && self.chunks.values().all(|chunk| chunk.held)
        {
            Status::Held
        } else if self.closing.is_some() {
            Status::Closing
        } else if self.opened == 0 {
            Status::Accepted
        } else {
            Status::Delivering
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
