//! What is written down about a batch, and what is read back.

use serde::Serialize;

use crate::identity::{BatchId, Digest, Epoch};
use crate::machine::{Code, Outcome, Status, Sums};

/// A batch that is sealed in the spool, about to be acknowledged.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The name under which it lies in the spool.
    pub id: BatchId,
    /// The client's name as configured.
    pub client: String,
    /// The route's name as configured.
    pub route: String,
    /// The door that it came through (`swa`, `soap`, `rest`, ...).
    pub door: String,
    /// The client's own reference, at most 256 characters. The one text of a client's that is kept: it comes back on the
    /// receipt, and is in no log.
    pub reference: Option<String>,
    /// Digest of the delivery plan, as `Ledger::define` gave it.
    pub plan: Digest,
    /// Digest of the schema that the records were checked against.
    pub schema: Digest,
    /// Digest of the mapping from records to rows.
    pub mapping: Digest,
    /// Digest of the disclosure policy that the records were held against, if the route has one.
    pub policy: Option<Digest>,
    /// Records in the spool.
    pub records: u64,
    /// Records that intake put aside because they were invalid, ascending and at most [`SetAside::MOST`]; not in the
    /// spool, outside of the balance.
    pub set_aside: Vec<SetAside>,
    /// Characters of the payload that its charset does not have, and for which another one was put, as the route says.
    pub replaced: u64,
    /// Bytes of the payload as it came in (after transfer decoding, before anything else).
    pub bytes: u64,
    /// SHA-256 of those bytes.
    pub payload_digest: Digest,
    /// SHA-256 over the canonical records, as `Sealed::records_digest`.
    pub records_digest: Digest,
    /// When the request's head had been read (unix milliseconds).
    pub received_at: u64,
    /// When it is accepted (unix milliseconds): the time on the receipt.
    pub accepted_at: u64,
    /// Records that are not under way by then expire (unix milliseconds).
    pub expires_at: Option<u64>,
    /// Batches of its route go upstream one after the other, in the order of acceptance.
    pub ordered: bool,
    /// What it takes of its client's room in the spool, as `Sealed::stored`.
    pub stored: u64,
    /// How a repetition of the request is recognised.
    pub idempotency: Option<Idempotency>,
}

/// What a client's batches take of the spool: all whose payload is there, finished or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Batches.
    pub batches: u64,
    /// The sum of what they took when they were accepted (`NewBatch::stored`).
    pub bytes: u64,
}

/// A record that was left out of its batch because it was invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its number in the payload, from 1.
    pub record: u64,
    /// The field that is wrong, by its name in the schema.
    pub field: Option<String>,
    /// Line in the payload, from 1.
    pub line: Option<u64>,
    /// Column, from 1.
    pub column: Option<u64>,
    /// The first rule that it breaks.
    pub code: Code,
}

impl SetAside {
    /// The most records that a batch may leave out: a payload with more is not one to be taken in part.
    pub const MOST: usize = 10_000;

    /// The number in the payload (from 1) of the record at a position (from 0) of the spool, which has no place for
    /// what was set aside.
    pub fn number_of(set_aside: &[SetAside], position: u64) -> u64 {
        // Each record left out before it moves it on by one.
        set_aside.iter().fold(position + 1, |number, left_out| number + u64::from(left_out.record <= number))
    }

    /// How many records of the payload up to and with `number` are in the spool: the position of the next one.
    pub fn position_after(set_aside: &[SetAside], number: u64) -> u64 {
        number - set_aside.partition_point(|left_out| left_out.record <= number) as u64
    }
}

/// How a repetition is recognised: per client and route, for [`Idempotency::WINDOW`] or as long as the route says.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// What the request is remembered by, and in this order looked for: the first that is remembered decides.
    pub names: Vec<RepetitionName>,
    /// What the repetition must have in common with the first request (digest of what was sent).
    pub fingerprint: Digest,
    /// Until when it is remembered (unix milliseconds).
    pub until: u64,
}

/// One of the things by which a repeated request is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepetitionName {
    /// What it is.
    pub by: RepeatedBy,
    /// It, as `Spool::keyed_hash` gives it: nothing else is kept.
    pub hash: Digest,
    /// Whether this request may be a repetition by it. False: it is only remembered, for later requests.
    pub decides: bool,
}

/// By what a repeated request was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepeatedBy {
    /// The key that the client gave it (`Idempotency-Key`, `idempotencyKey`).
    Key,
    /// The id that its SOAP stack gave it (`wsa:MessageID`).
    MessageId,
    /// Its content, where the route says so.
    Content,
}

impl Idempotency {
    /// 7 days in milliseconds: what is added to the time of acceptance unless the route says otherwise.
    pub const WINDOW: u64 = 7 * 24 * 60 * 60 * 1_000;
}

/// What became of the request to accept a batch.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // short-lived, one per request
pub enum Accepted {
    /// Durable; send the receipt.
    New(BatchView),
    /// The same request was accepted before. The new payload is not needed: remove it from the spool.
    Replay {
        /// Its batch as it stands.
        batch: BatchView,
        /// How it was recognised.
        by: RepeatedBy,
    },
    /// The key was used with other content (draft-ietf-httpapi-idempotency-key-header-07 section 2.7: 422). Remove
    /// the new payload from the spool.
    Conflict {
        /// The batch that has the key.
        batch: BatchId,
    },
    /// It was to be taken only as a repetition, and is none. Remove the payload from the spool.
    NoRepetition,
}

/// A batch as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchView {
    /// Its name.
    pub id: BatchId,
    /// Its place in the order of acceptance: greater than that of every batch accepted before.
    pub sequence: u64,
    /// The client's name.
    pub client: String,
    /// The route's name.
    pub route: String,
    /// The door that it came through.
    pub door: String,
    /// The client's own reference.
    pub reference: Option<String>,
    /// Digest of its delivery plan.
    pub plan: Digest,
    /// Digest of its schema.
    pub schema: Digest,
    /// Digest of its mapping.
    pub mapping: Digest,
    /// Digest of its disclosure policy, if it was held against one.
    pub policy: Option<Digest>,
    /// Characters for which another one was put.
    pub replaced: u64,
    /// Bytes of the payload.
    pub bytes: u64,
    /// SHA-256 of the payload.
    pub payload_digest: Digest,
    /// SHA-256 over the canonical records.
    pub records_digest: Digest,
    /// SHA-256 over the delivered records, once finished, if delivery gave it.
    pub delivered_digest: Option<Digest>,
    /// When the request came (unix milliseconds).
    pub received_at: u64,
    /// When it was accepted.
    pub accepted_at: u64,
    /// When pending records expire.
    pub expires_at: Option<u64>,
    /// When the last transition was.
    pub changed_at: u64,
    /// When every record had an outcome.
    pub finished_at: Option<u64>,
    /// When the payload was removed from the spool.
    pub payload_removed_at: Option<u64>,
    /// Goes in the order of acceptance among its route's batches.
    pub ordered: bool,
    /// In which state it is.
    pub status: Status,
    /// How many records are in which state.
    pub sums: Sums,
    /// Chunks opened so far.
    pub chunks: u64,
    /// The epoch of its owner.
    pub epoch: Epoch,
}

impl BatchView {
    /// Records in the spool: `sums.accepted`.
    pub fn records(&self) -> u64 {
        self.sums.accepted
    }
}

/// Which batches to list; everything that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct BatchFilter {
    /// Only this client's.
    pub client: Option<String>,
    /// Only this route's.
    pub route: Option<String>,
    /// Only finished ones, or only ones that are not.
    pub finished: Option<bool>,
    /// Accepted at or after this time (unix milliseconds).
    pub from: Option<u64>,
    /// Accepted before this time (unix milliseconds).
    pub to: Option<u64>,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Continue after this batch.
    pub after: Option<BatchId>,
    /// At most so many, and never more than [`Page::MOST`].
    pub limit: u32,
}

impl Page {
    /// The most that a page has.
    pub const MOST: u32 = 1_000;
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

/// A record that was not delivered as it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordException {
    /// 0-based position in the batch.
    pub position: u64,
    /// `Partial` or `Rejected`.
    pub outcome: Outcome,
    /// Why: a code of the gateway's or of the upstream's.
    pub code: Code,
    /// The column that the upstream named, if it is one of the mapping's.
    pub field: Option<String>,
    /// Of a partial record: which of its rows (0-based) did not arrive.
    pub rows: Vec<u32>,
    /// The chunk in which it was decided, if it was in one.
    pub chunk: Option<u64>,
    /// When (unix milliseconds).
    pub at: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_around_what_was_set_aside() {
        let left_out =
            |record| SetAside { record, field: None, line: None, column: None, code: Code::new("x") };
        let set_aside = [left_out(1), left_out(3), left_out(4), left_out(8)];
        let kept = [2, 5, 6, 7, 9, 10];
        for (position, number) in kept.into_iter().enumerate() {
            assert_eq!(SetAside::number_of(&set_aside, position as u64), number);
            assert_eq!(SetAside::position_after(&set_aside, number), position as u64 + 1);
        }
        assert_eq!(SetAside::number_of(&[], 0), 1);
        assert_eq!(SetAside::position_after(&set_aside, 1), 0);
    }
}
