//! Routes as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use sekisho_delivery::{CountSpec, DialectSpec, PaceSpec, RetrySpec};
use sekisho_policy::PolicySpec;
use sekisho_records::{CsvOptions, MappingSpec};
use serde::{Deserialize, Serialize};

use super::ScanSection;

/// A permitted flow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteSection {
    /// Its name: 1 to 64 letters, digits, `-`, `_`, `.`.
    pub(crate) name: String,
    /// The path that SOAP messages are posted to; REST resources lie below it.
    pub(crate) path: String,
    /// What it is for: the code of its purpose, as the list of flows and the exchange log show it. 1 to 64 letters, digits,
    /// `-`, `_`, `.`.
    #[serde(default)]
    pub(crate) purpose: Option<String>,
    /// Who may use it, by name.
    pub(crate) clients: Vec<String>,
    /// The protocols that it takes.
    pub(crate) doors: Vec<Door>,
    /// The payload formats that it takes; all that its schema allows where absent.
    #[serde(default)]
    pub(crate) formats: Option<Vec<PayloadFormat>>,
    /// What becomes of a message.
    #[serde(default)]
    pub(crate) mode: RouteMode,
    /// The schema of its records, by name.
    pub(crate) schema: String,
    /// The upstream, by name.
    pub(crate) upstream: String,
    /// Relay: path at the upstream that messages are passed on to.
    #[serde(default)]
    pub(crate) target: Option<String>,
    /// Relay: a message with many records becomes a batch whose answer the client awaits. Needs a dialect.
    #[serde(default)]
    pub(crate) split: Option<SplitSection>,
    /// Operations of the municipality's own, beside the gateway's.
    #[serde(default)]
    pub(crate) operation: Vec<OperationSection>,
    /// Fields that identify a record in its batch, by name; the schema's `xs:key` where absent.
    #[serde(default)]
    pub(crate) key: Option<Vec<String>>,
    /// What becomes of a batch with bad records.
    #[serde(default)]
    pub(crate) bad_records: BadRecordsPolicy,
    /// Encoding of payloads that name none: UTF-8, UTF-16, Windows-31J.
    #[serde(default = "default_charset")]
    pub(crate) charset: String,
    /// One character that stands for bytes which the encoding does not have; such payloads are refused where absent.
    #[serde(default)]
    pub(crate) replace_unmappable: Option<char>,
    /// Takes MIME packages whose lines end in LF alone, as some old systems send them; the standard wants CR LF.
    #[serde(default)]
    pub(crate) bare_line_feeds: bool,
    /// No record overtakes one with the same key of a batch that was accepted earlier; for differential updates. Where records
    /// have no key, its batches go upstream one after the other.
    #[serde(default)]
    pub(crate) ordered: bool,
    /// How long after its acceptance a batch may still be sent, in seconds; records that are not under way by then expire.
    /// Never where absent.
    #[serde(default)]
    pub(crate) expire_after_seconds: Option<u64>,
    /// What of its records may leave; all that its schema takes where absent.
    #[serde(default)]
    pub(crate) policy: Option<PolicySpec>,
    /// How what passes is scanned; it is not where absent.
    #[serde(default)]
    pub(crate) scan: Option<ScanSection>,
    /// How CSV is read.
    #[serde(default)]
    pub(crate) csv: CsvOptions,
    /// How records become rows.
    #[serde(default)]
    pub(crate) mapping: MappingSpec,
    /// How the upstream is spoken to; for store-and-forward, and for a relay that splits.
    #[serde(default)]
    pub(crate) dialect: Option<DialectSpec>,
    /// How chunks are sized.
    #[serde(default)]
    pub(crate) pace: PaceSpec,
    /// When something is tried again.
    #[serde(default)]
    pub(crate) retry: RetrySpec,
    /// Sending a row twice has the effect of sending it once (an upsert by a unique key).
    #[serde(default)]
    pub(crate) idempotent: bool,
    /// Where a repeat does harm (not `idempotent`): how long nobody is asked to decide about a chunk whose outcome is unknown, in
    /// seconds from then. As long as that nothing of it is issued again, nor any record of the route with one of its keys; at the
    /// end the upstream is asked once more where it can be, and only then an operator decides. At once where absent.
    #[serde(default)]
    pub(crate) doubt_window_seconds: Option<u64>,
    /// Sends each batch in one request, whatever the pace says: shows the upstream's limit. Never in service.
    #[serde(default)]
    pub(crate) no_split: bool,
    /// How long the payload of a finished batch of this route is kept, in seconds; the gateway's
    /// `keep_payload_seconds` where absent. The receipt stays.
    #[serde(default)]
    pub(crate) keep_payload_seconds: Option<u64>,
    /// How long the receipt of a finished batch of this route is kept, with all that the ledger has of it, in seconds; the
    /// gateway's `keep_receipt_seconds` where absent, and for good where that is absent too.
    #[serde(default)]
    pub(crate) keep_receipt_seconds: Option<u64>,
    /// Nothing passes without a record: an exchange is answered, and the upstream called, only when its line of the exchange log is
    /// on the disk; while that cannot be written, the route refuses with 503. Elsewhere exchanges go on, and a line counts those
    /// that are missing.
    #[serde(default)]
    pub(crate) no_record_no_relay: bool,
    /// How requests and records that come twice are told, and what becomes of them.
    #[serde(default)]
    pub(crate) duplicates: DuplicatesSection,
    /// What it takes at the most.
    #[serde(default)]
    pub(crate) limits: RouteLimitsSection,
}

fn default_charset() -> String {
    "UTF-8".to_owned()
}

/// A protocol by which a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Door {
    /// SOAP with attachments.
    Swa,
    /// SOAP with the records inline.
    Soap,
    /// REST.
    Rest,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PayloadFormat {
    /// RFC 4180.
    Csv,
    /// An array of objects.
    Json,
    /// An object a line.
    Ndjson,
    /// Record elements.
    Xml,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RouteMode {
    /// Checked whole, made durable, acknowledged, then delivered in chunks.
    #[default]
    StoreAndForward,
    /// Checked and passed on while the client waits.
    Relay,
}

/// How a relay splits messages with many records.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SplitSection {
    /// Messages with more records than this are split; others pass as they came, once at most.
    pub(crate) above_records: u64,
    /// Bytes of a message that can pass as it came. A longer one is split, whatever it holds.
    #[serde(default = "default_pass_bytes")]
    pub(crate) pass_bytes: u64,
    /// How long a client waits for the answer to a message that is split, in milliseconds; it may want it sooner
    /// (`Prefer: wait`). Then it is told what was done, what was not and what is in doubt, and the batch goes on.
    #[serde(default = "default_deadline_ms")]
    pub(crate) deadline_ms: u64,
    /// What becomes of a signed message with more records than that. It is never split.
    #[serde(default)]
    pub(crate) signed: SignedPolicy,
    /// What a client gets when every record has its outcome.
    #[serde(default)]
    pub(crate) answer: AnswerPolicy,
    /// The element that a merged answer is where the dialect answers in no XML (`rest`, `bulk2`, `collections`), as
    /// `{namespace}name`: it holds an element for each row, which says what the cloud has said of it.
    #[serde(default)]
    pub(crate) element: Option<String>,
    /// Elements with numbers that stand before the results of a merged answer, in this order.
    #[serde(default)]
    pub(crate) counts: Vec<CountSpec>,
}

fn default_pass_bytes() -> u64 {
    1024 * 1024
}

fn default_deadline_ms() -> u64 {
    50_000
}

/// What becomes of a signed message that would be split if it were not signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SignedPolicy {
    /// It passes as it came, once at most.
    #[default]
    Pass,
    /// It is refused.
    Refuse,
}

/// What a client gets whose message was split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnswerPolicy {
    /// The cloud's own response with the results of all calls, in the order of the client's records.
    #[default]
    Merged,
    /// The receipt.
    Receipt,
}

/// What becomes of a batch with bad records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BadRecordsPolicy {
    /// It is refused whole.
    #[default]
    Refuse,
    /// It is taken without them, and the receipt counts them.
    SetAside,
}

/// How requests and records that come twice are told, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DuplicatesSection {
    /// How long a request is remembered, from its receipt on, in seconds. 7 days.
    pub(crate) window_seconds: u64,
    /// Takes no batch that could not be recognised if it came again: by `Idempotency-Key`, or by SOAP `idempotencyKey` or a
    /// message id.
    pub(crate) key_required: bool,
    /// Recognises a request without a key of its own by its content, too: the same records again are the same batch, and the
    /// receipt says so.
    pub(crate) by_content: bool,
    /// What becomes of a batch with several records of one key.
    pub(crate) records: DuplicateRecordsPolicy,
}

impl Default for DuplicatesSection {
    fn default() -> Self {
        let usual = sekisho_edge::route::Duplicates::default();
        Self {
            window_seconds: usual.window.as_secs(),
            key_required: usual.key_required,
            by_content: usual.by_content,
            records: DuplicateRecordsPolicy::default(),
        }
    }
}

/// What becomes of a batch with several records of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DuplicateRecordsPolicy {
    /// It is refused whole.
    #[default]
    Refuse,
    /// The last one of each key is sent; those before it are rejected as superseded.
    LastWins,
    /// All are sent, in separate chunks and in their order.
    InOrder,
}

/// An operation of the municipality's own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationSection {
    /// The body's child, as `{namespace}name`.
    pub(crate) body: String,
    /// The `SOAPAction` or `action` parameter that goes with it. Where absent, any is taken that is no other operation's.
    #[serde(default)]
    pub(crate) action: Option<String>,
    /// The `wsa:Action` that goes with it where that is not `action`: the WSDL's `wsam:Action`, or the default one,
    /// `namespace/portType/operationRequest` (WS-Addressing 1.0 Metadata section 4.4). Where absent, any is taken that is
    /// no other operation's `action` or `wsa_action`.
    #[serde(default)]
    pub(crate) wsa_action: Option<String>,
    /// Where its records are.
    #[serde(default)]
    pub(crate) records: RecordsPlace,
    /// Elements that the operation has beside its records, at whatever depth, each as `{namespace}name`, or `name` in no namespace. They
    /// may stand before, between and behind the records; they are passed over, and neither checked nor held to a policy. Any other element
    /// refuses the message, as it may hold records under a name that is wrong.
    #[serde(default)]
    pub(crate) beside_records: Vec<String>,
    /// What it is answered with; the gateway's own receipt where absent.
    #[serde(default)]
    pub(crate) reply: Option<ReplySection>,
}

/// Where an operation's records are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecordsPlace {
    /// As `submitBatch` has them: an attachment, base64 in `data`, or elements in `records`, beside `batchId` and `idempotencyKey`. Any
    /// other element is refused, unless `beside_records` names it.
    #[default]
    Anywhere,
    /// Record elements directly below the body's child. Any other element there is refused, unless `beside_records` names it.
    BodyChildren,
}

/// An answer in the municipality's own words.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplySection {
    /// The body's child, as `{namespace}name`.
    pub(crate) element: String,
    /// Child elements, each with the member of the receipt that it holds: `id`, `accepted`, `set-aside`,
    /// `payload-digest`, `duplicate`.
    pub(crate) children: BTreeMap<String, ReplyMember>,
}

/// A member of the receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReplyMember {
    /// The gateway's id of the batch.
    Id,
    /// Records accepted.
    Accepted,
    /// Records set aside.
    SetAside,
    /// The payload's digest.
    PayloadDigest,
    /// Whether the batch had been accepted before: `true` or `false`.
    Duplicate,
}

/// What a route takes at the most.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RouteLimitsSection {
    /// Bytes of one request body as they arrive. 4 GiB; on a relay route that does not split 1 MiB, as it is held in memory.
    pub(crate) body_bytes: Option<u64>,
    /// Bytes after unpacking gzip.
    pub(crate) unpacked_bytes: u64,
    /// Unpacked bytes for each byte received.
    pub(crate) unpack_ratio: u32,
    /// Records of one batch.
    pub(crate) records: u64,
    /// Bytes of one record.
    pub(crate) record_bytes: usize,
    /// Bytes of one field.
    pub(crate) field_bytes: usize,
    /// Violations listed in a refusal.
    pub(crate) errors_listed: usize,
    /// MIME parts of one message.
    pub(crate) parts: usize,
    /// Depth of XML elements and JSON values.
    pub(crate) depth: usize,
    /// How long no byte of a body may come, in milliseconds.
    pub(crate) body_idle_ms: u64,
}

impl Default for RouteLimitsSection {
    fn default() -> Self {
        let limits = sekisho_edge::route::RouteLimits::default();
        Self {
            body_bytes: None,
            unpacked_bytes: limits.unpacked_bytes,
            unpack_ratio: limits.unpack_ratio,
            records: limits.records,
            record_bytes: limits.record_bytes,
            field_bytes: limits.field_bytes,
            errors_listed: limits.errors_listed,
            parts: limits.parts,
            depth: limits.depth,
            body_idle_ms: u64::try_from(limits.body_idle.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
