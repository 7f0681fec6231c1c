//! Routes in force: what a configuration has become once everything in it has been read and checked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use sekisho_charset::{Encoding, Unmappable};
use sekisho_journal::Digest;
use sekisho_policy::Policy;
use sekisho_records::{CsvOptions, Layout, RecordKey, UsualShapes};
use sekisho_scan::Scanner;
use sekisho_upstream::Upstream;
use sekisho_xml::QName;
use sekisho_xsd::Schema;

use crate::rates::RequestRate;
use crate::stock::SpoolQuota;
use crate::tls::Name;
use crate::token::Token;

/// One permitted flow. Nothing passes that no route permits.
#[derive(Debug)]
pub struct Route {
    /// Its name in configuration, metrics and receipts.
    pub name: String,
    /// The path that SOAP messages are posted to; REST resources lie below it.
    pub path: String,
    /// Who may use it.
    pub clients: Vec<Arc<Client>>,
    /// The protocols that it takes.
    pub doors: Doors,
    /// The payload formats that it takes.
    pub formats: Vec<Format>,
    /// Operations of the municipality's own, beside the gateway's.
    pub operations: Vec<Operation>,
    /// What its records must be.
    pub records: RecordRules,
    /// What of its records may leave, where that is not all of what its schema takes.
    pub policy: Option<Arc<Policy>>,
    /// What passes by it is scanned there; nothing is where absent.
    pub scan: Option<Scanner>,
    /// What it is for: the code that the operator gave it.
    pub purpose: Option<String>,
    /// What becomes of what was taken.
    pub mode: Mode,
    /// How requests and records that come twice are told, and what becomes of them.
    pub duplicates: Duplicates,
    /// What it takes at the most.
    pub limits: RouteLimits,
    /// The hops that its clients may see, by the upstream's name.
    pub upstream: String,
}

/// What becomes of a message.
#[derive(Debug)]
pub enum Mode {
    /// Checked whole, made durable, acknowledged, then delivered in chunks.
    StoreAndForward {
        /// Digest of the delivery plan in the ledger: a batch keeps it whatever is configured later.
        plan: Digest,
        /// Digest of the mapping from records to rows.
        mapping: Digest,
    },
    /// Checked and passed on while the client waits; the answer is passed back. Happens at most once.
    Relay {
        /// Where to.
        upstream: Arc<Upstream>,
        /// Path and query at the upstream.
        target: String,
        /// How long the upstream may take.
        deadline: Duration,
        /// How messages with many records are relayed; every message passes whole where absent.
        split: Option<Split>,
    },
}

impl Mode {
    /// Digests of the delivery plan and of the mapping, where batches are kept.
    pub(crate) fn plan(&self) -> Option<(Digest, Digest)> {
        match self {
            Self::StoreAndForward { plan, mapping } => Some((*plan, *mapping)),
            Self::Relay { split, .. } => split.as_ref().map(|split| (split.plan, split.mapping)),
        }
    }

    /// How messages with many records are relayed.
    pub(crate) fn split(&self) -> Option<&Split> {
        match self {
            Self::Relay { split, .. } => split.as_ref(),
            Self::StoreAndForward { .. } => None,
        }
    }
}

/// How a message with many records is relayed: as a batch whose answer the client awaits.
#[derive(Debug, Clone)]
pub struct Split {
    /// Messages with more records than this are split; others pass as they came.
    pub above_records: u64,
    /// Bytes of a message that can pass as it came: a longer one is split, whatever it holds.
    pub pass_bytes: u64,
    /// How long after its head a message is answered at the latest; a client may want it sooner (`Prefer: wait`).
    pub deadline: Duration,
    /// What becomes of a signed message with more records than that.
    pub signed: Signed,
    /// The answer is made of what the upstream says of each row; else a receipt is all.
    pub merged: bool,
    /// Digest of the delivery plan in the ledger.
    pub plan: Digest,
    /// Digest of the mapping from records to rows.
    pub mapping: Digest,
}

/// What becomes of a signed message that would be split if it were not signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signed {
    /// It passes as it came, once at most.
    #[default]
    Pass,
    /// It is refused.
    Refuse,
}

/// A municipality's system, known by its network and, where it has them, by its certificates or its tokens.
#[derive(Debug, Default)]
pub struct Client {
    /// Its name in configuration, metrics and receipts.
    pub name: String,
    /// Its networks.
    pub networks: Vec<IpNet>,
    /// By what its certificates are known: one of these must be in the one that its connection shows. Where there are
    /// none, its network is all that it is known by.
    pub certificates: Vec<Name>,
    /// Tokens, one of which its requests must show. Not beside certificates.
    pub tokens: Vec<Token>,
    /// How many requests it may send.
    pub rate: RequestRate,
    /// How much of the spool its batches may take.
    pub quota: SpoolQuota,
}

impl Client {
    /// Whether the address is one of the client's. IPv4-mapped addresses count as IPv4.
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// The doors of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doors {
    /// SOAP with attachments.
    pub swa: bool,
    /// SOAP with the records inline, as elements or as base64.
    pub soap: bool,
    /// The REST resources.
    pub rest: bool,
}

/// How the records of a payload are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// RFC 4180.
    Csv,
    /// An array of objects.
    Json,
    /// An object a line.
    Ndjson,
    /// Record elements below a root.
    Xml,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Ndjson, Self::Xml];

    /// The format that a media type names (lower case, without parameters).
    pub fn from_media_type(essence: &str) -> Option<Self> {
        match essence {
            "text/csv" | "application/csv" => Some(Self::Csv),
            "application/json" => Some(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Self::Ndjson),
            "application/xml" | "text/xml" => Some(Self::Xml),
            _ => None,
        }
    }

    /// Its name in configuration and in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Xml => "xml",
        }
    }
}

/// An operation of the municipality's own: known by the body's child (WS-I BP 1.1 R1127: never by SOAPAction).
#[derive(Debug, Clone)]
pub struct Operation {
    /// The body's child.
    pub body: QName,
    /// The `SOAPAction` or `action` parameter that goes with it, if one is set: another one is refused, an empty one is not.
    pub action: Option<String>,
    /// The `wsa:Action` that goes with it where that is not `action` (WS-Addressing 1.0 Metadata section 4.4). Where none is set, any
    /// is taken that is no other operation's `action` or `wsa_action`.
    pub wsa_action: Option<String>,
    /// Where its records are.
    pub records: RecordsAt,
    /// Elements that may stand beside the records, and in each other: they are passed over. Any other element that is no record, and of
    /// which `submitBatch` knows nothing either, is refused.
    pub beside_records: Vec<QName>,
    /// What it is answered with; the gateway's own receipt where absent.
    pub reply: Option<Reply>,
}

/// Where an operation's records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordsAt {
    /// As `submitBatch` has them: an attachment, base64 in `data`, or elements in `records`.
    Anywhere,
    /// Record elements directly below the body's child.
    BodyChildren,
}

/// An answer in the municipality's own words: an element whose children hold members of the receipt.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The body's child.
    pub element: QName,
    /// Child elements in order, each with the receipt's member that it holds.
    pub children: Vec<(String, ReceiptMember)>,
}

/// A member of the receipt that a [`Reply`] may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptMember {
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

/// How a route tells what comes twice, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicates {
    /// How long a request is remembered, from its receipt on.
    pub window: Duration,
    /// Every submission must say how its repetition is recognised: an idempotency key, or by SOAP a message id.
    pub key_required: bool,
    /// A request without a key of its own is also recognised by its content.
    pub by_content: bool,
    /// What becomes of a batch with several records of one key.
    pub records: DuplicateRecords,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(sekisho_journal::Idempotency::WINDOW),
            key_required: false,
            by_content: false,
            records: DuplicateRecords::default(),
        }
    }
}

/// What becomes of a batch with several records of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DuplicateRecords {
    /// It is refused whole.
    #[default]
    Refuse,
    /// The last one of each key is sent; those before it are rejected as superseded.
    LastWins,
    /// All are sent, in separate chunks and in their order.
    InOrder,
}

/// What the records of a route must be.
#[derive(Debug)]
pub struct RecordRules {
    /// The schema, pinned by digest.
    pub schema: Schema,
    /// The layout compiled from the record element's type.
    pub layout: Arc<Layout>,
    /// Which of its fields were found to be present together.
    pub usual_shapes: Arc<UsualShapes>,
    /// How CSV is read.
    pub csv: CsvOptions,
    /// The encoding of payloads that name none.
    pub charset: Encoding,
    /// What becomes of bytes that an encoding does not have.
    pub unmappable: Unmappable,
    /// What identifies a record within its batch; see [`Duplicates::records`].
    pub key: Option<RecordKey>,
    /// What becomes of a batch with bad records.
    pub bad_records: BadRecords,
}

/// What becomes of a batch with bad records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRecords {
    /// It is refused whole.
    Refuse,
    /// It is taken without them, and the receipt counts them.
    SetAside,
}

/// What a route takes at the most, all finite; and what it takes beside what the standards want.
#[derive(Debug, Clone, Copy)]
pub struct RouteLimits {
    /// Bytes of one request body as they arrive.
    pub body_bytes: u64,
    /// Bytes after unpacking a content coding.
    pub unpacked_bytes: u64,
    /// Unpacked bytes for each byte received.
    pub unpack_ratio: u32,
    /// Records of one batch.
    pub records: u64,
    /// Bytes of one record.
    pub record_bytes: usize,
    /// Bytes of one field.
    pub field_bytes: usize,
    /// Violations listed in a refusal.
    pub errors_listed: usize,
    /// MIME parts of one message.
    pub parts: usize,
    /// Depth of XML elements and JSON values.
    pub depth: usize,
    /// How long no byte of a body may come.
    pub body_idle: Duration,
    /// Whether a bare LF ends a MIME line of a package too (RFC 2046 §5.1.1 and WS-I AP 1.0 R2936 want CR LF).
    pub bare_line_feeds: bool,
    /// Whether a record must not overtake one with the same key in a batch that was accepted earlier.
    pub ordered: bool,
    /// How long after its receipt a batch may still be sent; what is left then has expired. For ever where absent.
    pub expires_after: Option<Duration>,
}

impl Default for RouteLimits {
    fn default() -> Self {
        Self {
            body_bytes: 4 << 30,
            unpacked_bytes: 4 << 30,
            unpack_ratio: 200,
            records: 5_000_000,
            record_bytes: 256 * 1024,
            field_bytes: 32 * 1024,
            errors_listed: 1_000,
            parts: 16,
            depth: 64,
            body_idle: Duration::from_secs(60),
            bare_line_feeds: false,
            ordered: false,
            expires_after: None,
        }
    }
}

/// The routes of one listener, by path.
#[derive(Debug, Default)]
pub struct Routes {
    routes: Vec<Arc<Route>>,
}

impl Routes {
    /// Routes of one listener; their paths are different.
    pub fn new(routes: Vec<Arc<Route>>) -> Self {
        Self { routes }
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The route that a path belongs to, and what is left of the path behind the route's own.
    ///
    /// The longest path wins; a path belongs to a route if it is the route's, or goes on with a slash.
    pub fn find<'p>(&self, path: &'p str) -> Option<(&Arc<Route>, &'p str)> {
        self.routes
            .iter()
            .filter_map(|route| {
                let rest = path.strip_prefix(route.path.trim_end_matches('/'))?;
                (rest.is_empty() || rest.starts_with('/')).then_some((route, rest))
            })
            .max_by_key(|(route, _)| route.path.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_any_of_its_networks_and_by_no_other() {
        let networks = ["10.1.0.0/16", "2001:db8::/32"].map(|network| network.parse().unwrap()).to_vec();
        let client = Client { name: "city".to_owned(), networks, ..Client::default() };
        for (address, known) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("2001:db8::1", true),
            ("10.2.0.1", false),
            ("::ffff:10.2.0.1", false),
            ("2001:db9::1", false),
            ("::", false),
        ] {
            assert_eq!(client.has(address.parse().unwrap()), known, "{address}");
        }
    }

    #[test]
    fn formats_are_known_by_their_media_types() {
        for format in Format::ALL {
            let named = ["text/csv", "application/json", "application/x-ndjson", "application/xml"]
                .into_iter()
                .filter(|essence| Format::from_media_type(essence) == Some(format));
            assert_eq!(named.count(), 1, "{}", format.name());
        }
        assert_eq!(Format::from_media_type("text/html"), None);
    }
}
