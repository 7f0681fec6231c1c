use serde::{Deserialize, Serialize};

use super::{ChunkState, Closing, Code};
use crate::identity::Digest;

/// What has happened to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A chunk is about to be sent: its records, all pending, are in flight.
    ChunkOpened {
        /// `BatchState::next_chunk`.
        chunk: u64,
        /// Position of its first record.
        first: u64,
        /// How many records, at least 1.
        count: u64,
        /// Which try it is for these records, from 1.
        attempt: u32,
    },
    /// Evidence that it left the gateway, or the upstream's handle for it. May come again with a later handle.
    ChunkSent {
        /// Which chunk.
        chunk: u64,
        /// The upstream's handle (a job's id), at most 256 bytes: what a later owner can ask by.
        reference: Option<String>,
    },
    /// The answer is known, for a chunk in flight or in doubt: its open records are delivered, except for these.
    ChunkAnswered {
        /// Which chunk.
        chunk: u64,
        /// Open records of the chunk that were not delivered, ascending by position, each once.
        exceptions: Vec<Exception>,
        /// Rows that were sent.
        rows: u64,
    },
    /// Not sent, or proven to have had no effect: its records are pending again. Only for a chunk in flight that was
    /// never in doubt.
    ChunkReturned {
        /// Which chunk.
        chunk: u64,
        /// Why.
        code: Code,
    },
    /// Nobody knows whether it had its effect (time-out, reset, killed).
    ChunkInDoubt {
        /// Which chunk.
        chunk: u64,
        /// Why.
        code: Code,
    },
    /// The upstream was asked what became of a chunk in doubt, and could not say all of it: evidence, and nothing changes.
    DoubtAsked {
        /// Which chunk.
        chunk: u64,
        /// What came of it.
        code: Code,
    },
    /// A chunk in doubt is sent again, because repeating it changes nothing (an upsert by key): its records in doubt
    /// are in flight again.
    DoubtRepeated {
        /// Which chunk.
        chunk: u64,
        /// Which try it is, more than before.
        attempt: u32,
    },
    /// Proven: all of the chunk's records in doubt had their effect.
    DoubtDelivered {
        /// Which chunk.
        chunk: u64,
    },
    /// Proven: none of the chunk's records in doubt had an effect; they are pending again.
    DoubtReturned {
        /// Which chunk.
        chunk: u64,
        /// By what it is proven.
        code: Code,
    },
    /// Nobody can know: the chunk in doubt waits for an operator.
    DoubtHeld {
        /// Which chunk.
        chunk: u64,
        /// Why.
        code: Code,
    },
    /// Pending records that can never be sent (they do not map, or stood alone when the upstream refused).
    RecordsRejected {
        /// First position.
        first: u64,
        /// How many, at least 1.
        count: u64,
        /// Why.
        code: Code,
    },
    /// Withdrawn: what is pending is cancelled, and so is what returns later.
    Cancelled {
        /// By whom or why.
        code: Code,
    },
    /// Out of time: what is pending has expired, and so does what returns later.
    Expired {
        /// Why.
        code: Code,
    },
    /// Every record has its outcome; nothing changes after this.
    Finished {
        /// Digest over the delivered records, if delivery keeps one.
        delivered_digest: Option<Digest>,
    },
}

/// A record of an answered chunk that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// 0-based position in the batch.
    pub position: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub code: Code,
    /// The column that the upstream named; only a name that the mapping has, never the upstream's text.
    pub field: Option<String>,
    /// For `Partial`: which of its rows (0-based) did not arrive.
    pub rows: Vec<u32>,
}

impl Exception {
    /// An exception without column and rows.
    pub fn new(position: u64, outcome: Outcome, code: impl Into<Code>) -> Self {
        Self { position, outcome, code: code.into(), field: None, rows: Vec::new() }
    }
}

/// What became of a record that was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Some rows have had their effect, some have not.
    Partial,
    /// Refused, without effect, for good.
    Rejected,
    /// Without effect, and may be tried again: pending. (In a chunk that was in doubt before: in doubt again, since
    /// an earlier try may have had the effect.)
    Returned,
    /// The answer does not say: in doubt.
    InDoubt,
}

/// An event that may not happen in the state that the batch is in. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The batch is finished.
    #[error("the batch is finished: nothing about it may change")]
    Finished,
    /// The batch takes no new chunks.
    #[error("the batch is closing ({0:?}): no chunk may be opened, and it cannot be closed again")]
    Closing(Closing),
    /// The number of a new chunk is not the next one.
    #[error("chunk {chunk} was opened out of turn: the next one is {next}")]
    ChunkNumber {
        /// What was given.
        chunk: u64,
        /// What would have been right.
        next: u64,
    },
    /// The chunk is not open: never was, or is settled.
    #[error("chunk {chunk} has no records in flight or in doubt")]
    NoSuchChunk {
        /// What was given.
        chunk: u64,
    },
    /// The chunk is in another state than the event needs.
    #[error("chunk {chunk} is {state:?}: {event} does not apply")]
    ChunkState {
        /// Which chunk.
        chunk: u64,
        /// Its state.
        state: ChunkState,
        /// The event's name.
        event: &'static str,
    },
    /// The chunk was in doubt before: an earlier try may have had its effect, so that it cannot simply return.
    #[error("chunk {chunk} was in doubt before: say that it is in doubt again, or prove that it is absent")]
    OnceInDoubt {
        /// Which chunk.
        chunk: u64,
    },
    /// A try that is not later than the one before.
    #[error("chunk {chunk}: attempt {attempt} does not come after {last}")]
    Attempt {
        /// Which chunk.
        chunk: u64,
        /// What was given.
        attempt: u32,
        /// The last one.
        last: u32,
    },
    /// Records that are not all pending, or none, or beyond the batch.
    #[error("records from {first}, {count} of them, are not all pending")]
    NotPending {
        /// First position.
        first: u64,
        /// How many.
        count: u64,
    },
    /// An exception for a record that is not open in the chunk, or out of order, or twice.
    #[error(
        "chunk {chunk}: the exception at record {position} is out of order or not for one of its open records"
    )]
    ExceptionPosition {
        /// Which chunk.
        chunk: u64,
        /// The position.
        position: u64,
    },
    /// A partial record without rows, or rows without a partial record.
    #[error("chunk {chunk}: the exception at record {position} must list rows if and only if it is partial")]
    ExceptionRows {
        /// Which chunk.
        chunk: u64,
        /// The position.
        position: u64,
    },
    /// The upstream's handle, or a field's name, is longer than 256 bytes.
    #[error("chunk {chunk}: the {what} is {length} bytes long, at most 256 are kept")]
    TooLong {
        /// Which chunk.
        chunk: u64,
        /// What.
        what: &'static str,
        /// How long it is.
        length: usize,
    },
    /// There are records without an outcome.
    #[error("{open} records have no outcome: the batch is not finished")]
    NotDrained {
        /// How many.
        open: u64,
    },
}

impl Illegal {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Finished => "batch-finished",
            Self::Closing(_) => "batch-closing",
            Self::ChunkNumber { .. } => "chunk-out-of-turn",
            Self::NoSuchChunk { .. } => "chunk-not-open",
            Self::ChunkState { .. } => "chunk-state",
            Self::OnceInDoubt { .. } => "chunk-once-in-doubt",
            Self::Attempt { .. } => "chunk-attempt",
            Self::NotPending { .. } => "records-not-pending",
            Self::ExceptionPosition { .. } => "exception-position",
            Self::ExceptionRows { .. } => "exception-rows",
            Self::TooLong { .. } => "text-too-long",
            Self::NotDrained { .. } => "batch-not-drained",
        }
    }
}
