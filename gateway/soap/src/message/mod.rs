//! The gateway's own operations: requests and answers, written and read, as XML and as JSON.
use serde::{Deserialize, Serialize};
use std::io::BufRead;
use time::OffsetDateTime;

use crate::envelope::SoapError;
use crate::fault::Location;

/// Namespace of the gateway's own messages.
pub const NAMESPACE: &str = "urn:sekisho:gateway:1";

/// Sums of every outcome, in records: `accepted` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Sums {
    pub accepted: u64,
    pub pending: u64,
    pub in_flight: u64,
    pub in_doubt: u64,
    pub delivered: u64,
    pub partial: u64,
    pub rejected: u64,
    pub cancelled: u64,
    pub expired: u64,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Nothing has been sent yet.
    Accepted,
    /// Chunks are on their way.
    Delivering,
    /// Records are in doubt and wait until their outcome is known or an operator decides.
    Held,
    /// Cancelled by the client; what is on its way is awaited.
    Cancelling,
    /// Every record has an outcome.
    Finished,
}

/// What a client holds as proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The gateway's id of the batch.
    pub id: String,
    /// The client's own reference, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Name of the route.
    pub route: String,
    /// The door: `swa`, `soap` or `rest`.
    pub door: String,
    /// When the batch was accepted.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// When the last record had an outcome.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// Records accepted.
    pub records: u64,
    /// Records set aside for errors.
    pub set_aside: u64,
    /// Digest of the payload as it was sent, `sha256:<hex>`.
    pub payload_digest: String,
    /// Digest of the canonical records, `sha256:<hex>`.
    pub records_digest: String,
    /// Whether the batch had been accepted before under the same idempotency key.
    pub duplicate: bool,
    /// Where it stands.
    pub state: State,
    /// Sums of every outcome.
    pub sums: Sums,
}

/// One record's error or outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordError {
    /// Record, from 1.
    pub record: u64,
    /// Field name of the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Line of the payload, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What became of the record, if it was accepted: `rejected`, `partial`, `inDoubt`...; `setAside` if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Stable code.
    pub code: String,
    /// Text in English.
    pub message: String,
    /// Text in Japanese.
    pub message_ja: String,
}

/// One page of a batch's errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorsPage {
    /// The batch.
    pub id: String,
    /// Errors in all.
    pub total: u64,
    /// Number of the first one on this page, from 0.
    pub from: u64,
    /// The errors.
    pub errors: Vec<RecordError>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// State of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum HopState {
    Up,
    Degraded,
    Down,
    Unknown,
}

/// One hop as a heartbeat answers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// Name.
    pub name: String,
    /// State.
    pub state: HopState,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// When it was last checked.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub checked_at: Option<OffsetDateTime>,
    /// Latency of the last check in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Error class, if it is not up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Text in English.
    pub text: String,
    /// Text in Japanese.
    pub text_ja: String,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// Answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// When the answer was made.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The worst of the hops' states.
    pub state: HopState,
    /// The hops, nearest first.
    pub hops: Vec<Hop>,
}

/// RFC 9457 problem document with our members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:sekisho:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short text.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The same in Japanese.
    pub detail_ja: String,
    /// Stable code.
    pub code: String,
    /// Correlation id.
    pub id: String,
    /// Where.
    #[serde(default)]
    pub location: Location,
    /// Errors of records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RecordError>,
    /// How many there were.
    #[serde(default)]
    pub errors_total: u64,
}

/// A list of batches (REST).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchList {
    /// The batches, newest first.
    pub batches: Vec<Receipt>,
    /// Cursor of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Requests other than `submitBatch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `batchState`.
    BatchState {
        /// The gateway's id.
        id: String,
    },
    /// `batchErrors`.
    BatchErrors {
        /// The gateway's id.
        id: String,
        /// Number of the first error wanted, from 0.
        from: u64,
        /// How many at most.
        limit: Option<u64>,
    },
    /// `cancelBatch`.
    CancelBatch {
        /// The gateway's id.
        id: String,
    },
    /// `heartbeat`.
    Heartbeat,
}

impl Request {
    /// Reads the body's child where the envelope reader stands.
    pub fn read<R: BufRead>(envelope: &mut crate::EnvelopeReader<R>) -> Result<Self, SoapError> {
        let _ = envelope;
        todo!()
    }
    /// The body's child as XML.
    pub fn write(&self) -> Vec<u8> {
        todo!()
    }
}

/// Answers: the body's child named after the operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// `submitBatchResponse`.
    Submitted(Receipt),
    /// `batchStateResponse`.
    State(Receipt),
    /// `cancelBatchResponse`.
    Cancelled(Receipt),
    /// `batchErrorsResponse`.
    Errors(ErrorsPage),
    /// `heartbeatResponse`.
    Heartbeat(Heartbeat),
}

impl Answer {
    /// The body's child as XML.
    pub fn write(&self) -> Vec<u8> {
        todo!()
    }
    /// Reads the body's child where the envelope reader stands.
    pub fn read<R: BufRead>(envelope: &mut crate::EnvelopeReader<R>) -> Result<Self, SoapError> {
        let _ = envelope;
        todo!()
    }
}

/// Where the records of a submission are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// In the part with this Content-ID.
    Attachment(String),
    /// Base64 text: read [`Submission::base64`].
    Base64,
    /// Record elements: the XML reader stands inside their parent.
    Records,
    /// Nothing in the body points anywhere: the only other part.
    Unnamed,
}

/// A `submitBatch` (or a route's own operation of the same shape), read up to its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// `batchId`: the client's own reference.
    pub reference: Option<String>,
    /// `idempotencyKey`.
    pub idempotency_key: Option<String>,
    /// Where the records are.
    pub payload: Payload,
    /// `contentType` of `data` (also `xmime:contentType`).
    pub content_type: Option<String>,
}

impl Submission {
    /// Reads the children of the body's child up to the payload.
    pub fn read<R: BufRead>(envelope: &mut crate::EnvelopeReader<R>) -> Result<Self, SoapError> {
        let _ = envelope;
        todo!()
    }
}
