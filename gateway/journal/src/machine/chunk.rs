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
    /// When its present try began (unix milliseconds): what was sent, was sent from then on.
    pub sent_at: u64,
    /// When it last came to be in doubt; kept as evidence when it no longer is.
    pub doubted_at: Option<u64>,
    /// How often the upstream was asked since what became of it, and could not say.
    pub asked: u32,
    /// When it was asked last.
    pub asked_at: Option<u64>,
    /// What came of that, as a code.
    pub asked_code: Option<Code>,
}

impl Chunk {
    /// Nobody knows what became of it, from now on; what was asked of an earlier try says nothing of this one.
    pub(super) fn come_to_doubt(&mut self, at: u64) {
        self.doubted_at = Some(at);
        (self.asked, self.asked_at, self.asked_code) = (0, None, None);
    }

    /// Its open records that are in doubt, and neither sent again nor with an operator: nobody can know of them yet.
    pub fn is_waiting(&self) -> bool {
        self.state == ChunkState::InDoubt && !self.held
    }
}
