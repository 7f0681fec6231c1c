use serde::{Deserialize, Serialize};

use super::{LiveChunk, Settlement};

/// How many records of a batch are in which state (design: conservation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    /// Records of the batch.
    pub accepted: u64,
    /// Waiting to be sent.
    pub pending: u64,
    /// In a chunk under way.
    pub in_flight: u64,
    /// Sent, outcome unknown.
    pub in_doubt: u64,
    /// All rows have had their effect.
    pub delivered: u64,
    /// Some rows have, some have not.
    pub partial: u64,
    /// Refused, without effect.
    pub rejected: u64,
    /// Withdrawn before they had an effect.
    pub cancelled: u64,
    /// Not sent in time.
    pub expired: u64,
    /// Put aside by intake as invalid: never accepted, outside of the balance.
    pub set_aside: u64,
}

impl Sums {
    /// accepted = pending + in flight + in doubt + delivered + partial + rejected + cancelled + expired.
    pub fn balanced(&self) -> bool {
        self.open().checked_add(self.settled()) == Some(self.accepted)
    }

    /// Records without an outcome: pending, in flight, in doubt.
    pub fn open(&self) -> u64 {
        self.pending + self.in_flight + self.in_doubt
    }

    /// Records with an outcome.
    pub fn settled(&self) -> u64 {
        self.delivered + self.partial + self.rejected + self.cancelled + self.expired
    }

    /// Where the chunk's open records are counted.
    pub(super) fn live_mut(&mut self, chunk: &LiveChunk) -> &mut u64 {
        if chunk.state().is_in_flight() { &mut self.in_flight } else { &mut self.in_doubt }
    }

    pub(super) fn settled_mut(&mut self, outcome: Settlement) -> &mut u64 {
        match outcome {
            Settlement::Delivered => &mut self.delivered,
            Settlement::Partial => &mut self.partial,
            Settlement::Rejected => &mut self.rejected,
            Settlement::Cancelled => &mut self.cancelled,
            Settlement::Expired => &mut self.expired,
        }
    }

    /// The sum of both, state by state: totals over batches balance as each batch does.
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            pending: self.pending + other.pending,
            in_flight: self.in_flight + other.in_flight,
            in_doubt: self.in_doubt + other.in_doubt,
            delivered: self.delivered + other.delivered,
            partial: self.partial + other.partial,
            rejected: self.rejected + other.rejected,
            cancelled: self.cancelled + other.cancelled,
            expired: self.expired + other.expired,
            set_aside: self.set_aside + other.set_aside,
        }
    }
}
