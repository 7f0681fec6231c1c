use serde::{Deserialize, Serialize};

use super::Code;
use crate::identity::Epoch;
use crate::ranges::RangeSet;

/// Where a chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChunkState {
    /// Written down; may or may not have left the gateway.
    Open,
    /// Bytes have left the gateway, or the upstream has given a handle for it.
    Sent,
    /// Outcome unknown for the positions in `live`.
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

/// A run of consecutive records, sent upstream in one request (or one job).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its number in the batch, from 1.
    pub number: u64,
    /// Position of its first record.
    pub first: u64,
    /// How many records it was opened with.
    pub count: u64,
    /// Which try it is for these records, from 1.
    pub attempt: u32,
    /// Where it stands.
    pub state: ChunkState,
    /// Its records without an outcome: in flight or in doubt, as the state says.
    pub live: RangeSet,
    /// An earlier try of this same chunk may have had its effect: it can no longer simply return.
    pub doubted: bool,
    /// Waits for an operator's decision.
    pub held: bool,
    /// The upstream's handle for it (a job's id), at most 256 bytes.
    pub reference: Option<String>,
    /// Why it is in doubt, returned or held.
    pub code: Option<Code>,
    /// Rows that were sent, as delivery counted them.
    pub rows: u64,
    /// The epoch under which it was opened or last repeated.
    pub epoch: Epoch,
    /// When it was opened (unix milliseconds).
    pub opened_at: u64,
    /// When it was last changed.
    pub changed_at: u64,
}
