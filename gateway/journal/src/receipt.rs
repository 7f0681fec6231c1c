//! What a client holds as proof.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::batch::BatchView;
use crate::identity::{BatchId, Digest};
use crate::machine::{Status, Sums};

/// A receipt: what was taken, and what has become of it so far; final once `finished_at` is there.
/// Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The batch.
    pub id: BatchId,
    /// The client's name.
    pub client: String,
    /// The route's name.
    pub route: String,
    /// The door that it came through.
    pub door: String,
    /// In which state the batch is.
    pub state: Status,
    /// Records accepted.
    pub records: u64,
    /// Bytes of the payload.
    pub bytes: u64,
    /// SHA-256 of the payload as it came in.
    pub payload_digest: Digest,
    /// SHA-256 over the canonical records: the same whichever door they came through.
    pub records_digest: Digest,
    /// SHA-256 of the schema that they were checked against.
    pub schema_digest: Digest,
    /// SHA-256 over the delivered records, on a final receipt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivered_digest: Option<Digest>,
    /// Records by state; they balance.
    pub sums: Sums,
    /// Chunks sent so far.
    pub chunks: u64,
    /// When the request came.
    pub received_at: String,
    /// When the batch was durable.
    pub accepted_at: String,
    /// When the last change was.
    pub changed_at: String,
    /// When every record had an outcome.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<String>,
}

impl Receipt {
    /// The receipt of a batch as it stands.
    pub fn of(batch: &BatchView) -> Self {
        Self {
            id: batch.id,
            client: batch.client.clone(),
            route: batch.route.clone(),
            door: batch.door.clone(),
            state: batch.status,
            records: batch.sums.accepted,
            bytes: batch.bytes,
            payload_digest: batch.payload_digest,
            records_digest: batch.records_digest,
            schema_digest: batch.schema,
            delivered_digest: batch.delivered_digest,
            sums: batch.sums,
            chunks: batch.chunks,
            received_at: rfc3339(batch.received_at),
            accepted_at: rfc3339(batch.accepted_at),
            changed_at: rfc3339(batch.changed_at),
            finished_at: batch.finished_at.map(rfc3339),
        }
    }

    /// Every record has its outcome; nothing on this receipt will change.
    pub fn is_final(&self) -> bool {
        self.finished_at.is_some()
    }
}

/// Unix milliseconds as RFC 3339 in UTC. A time after the year 9999, which that form cannot hold, becomes its last
/// millisecond.
fn rfc3339(millis: u64) -> String {
    const LAST: i128 = 253_402_300_799_999;
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis).min(LAST) * 1_000_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default() // not reached: the range is cut above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_at_both_ends() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
