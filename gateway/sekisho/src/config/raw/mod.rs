//! The configuration as it is written (TOML). Plain data: nothing here has been checked against anything else.

mod exchanges;
mod listener;
mod route;
mod scanner;
mod spool;

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use sekisho_upstream::EndpointConfig;
use serde::{Deserialize, Serialize};

pub(crate) use self::exchanges::{ExchangesSection, KeepExchanges};
pub(crate) use self::listener::{
    Certificates, InClear, ListenerSection, OldestVersion, Revocation, TlsSection,
};
pub(crate) use self::route::{
    AnswerPolicy, BadRecordsPolicy, Door, DuplicateRecordsPolicy, DuplicatesSection, OperationSection,
    PayloadFormat, RecordsPlace, ReplyMember, ReplySection, RouteMode, RouteSection, SignedPolicy,
    SplitSection,
};

pub(crate) use self::scanner::{BeyondPolicy, ScanSection, ScannerKind, ScannerSection};
pub(crate) use self::spool::{SpoolSection, WrappingKeySection};

/// A gateway's configuration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    /// The gateway itself.
    pub(crate) gateway: GatewaySection,
    /// What all listeners together take at the most.
    #[serde(default)]
    pub(crate) limits: LimitsSection,
    /// The admin listener.
    #[serde(default)]
    pub(crate) admin: AdminSection,
    /// What is logged.
    #[serde(default)]
    pub(crate) log: LogSection,
    /// How payloads lie on the disk.
    #[serde(default)]
    pub(crate) spool: SpoolSection,
    /// What the process may still do once it has started.
    #[serde(default)]
    pub(crate) sandbox: SandboxSection,
    /// Sockets that clients connect to.
    #[serde(default)]
    pub(crate) listener: Vec<ListenerSection>,
    /// Municipalities' systems.
    #[serde(default)]
    pub(crate) client: Vec<ClientSection>,
    /// Schemas, pinned by digest.
    #[serde(default)]
    pub(crate) schema: Vec<SchemaSection>,
    /// Cloud endpoints.
    #[serde(default)]
    pub(crate) upstream: Vec<UpstreamSection>,
    /// Scanners of what passes.
    #[serde(default)]
    pub(crate) scanner: Vec<ScannerSection>,
    /// Permitted flows. Nothing else passes.
    #[serde(default)]
    pub(crate) route: Vec<RouteSection>,
}

impl Raw {
    /// The sections that a running process took over when it started and a reload leaves alone, as far as they are not
    /// what they were.
    pub(crate) fn changed_for_restart(&self, before: &Self) -> Vec<&'static str> {
        // Both come from text that was read: they can be written again.
        let differs = |now: serde_json::Result<serde_json::Value>,
                       then: serde_json::Result<serde_json::Value>| {
            now.ok() != then.ok()
        };
        use serde_json::to_value;
        // How long payloads and receipts are kept is looked up at each removal.
        let GatewaySection { keep_payload_seconds, keep_receipt_seconds, .. } = before.gateway;
        let gateway = GatewaySection { keep_payload_seconds, keep_receipt_seconds, ..self.gateway.clone() };
        // Of the limits, what is each client's own changes with the clients.
        let LimitsSection { requests_per_second, requests_at_once, .. } = before.limits;
        let LimitsSection { client_spool_bytes, client_spool_batches, .. } = before.limits;
        let limits = LimitsSection {
            requests_per_second,
            requests_at_once,
            client_spool_bytes,
            client_spool_batches,
            ..self.limits.clone()
        };
        let urls = |raw: &Self| -> Vec<_> {
            raw.listener.iter().map(|listener| (listener.name.clone(), listener.public_url.clone())).collect()
        };
        let balancers = |raw: &Self| -> Vec<_> {
            raw.listener.iter().map(|listener| (listener.name.clone(), listener.balancers.clone())).collect()
        };
        [
            ("gateway", differs(to_value(&gateway), to_value(&before.gateway))),
            ("limits", differs(to_value(&limits), to_value(&before.limits))),
            ("admin", self.admin.listen != before.admin.listen),
            ("sandbox", differs(to_value(&self.sandbox), to_value(&before.sandbox))),
            ("spool", self.spool.data_keys() != before.spool.data_keys()),
            ("log", differs(to_value(&self.log), to_value(&before.log))),
            ("listener: public_url", urls(self) != urls(before)),
            ("listener: balancers", balancers(self) != balancers(before)),
        ]
        .into_iter()
        .filter_map(|(section, changed)| changed.then_some(section))
        .collect()
    }
}

/// The gateway itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewaySection {
    /// Folder of spool and ledger; created if its parent is there. Only one gateway may use it.
    pub(crate) state: PathBuf,
    /// On which side of the line to the LGWAN-ASP the gateway stands.
    #[serde(default)]
    pub(crate) place: Place,
    /// How long a shutdown waits for exchanges and chunks under way, in milliseconds.
    #[serde(default = "default_grace_ms")]
    pub(crate) grace_ms: u64,
    /// How long the payload of a finished batch is kept, in seconds. The receipt stays.
    #[serde(default = "default_keep_payload_seconds")]
    pub(crate) keep_payload_seconds: u64,
    /// How long the receipt of a finished batch is kept, with all that the ledger has of it, in seconds. For good where absent.
    #[serde(default)]
    pub(crate) keep_receipt_seconds: Option<u64>,
}

fn default_grace_ms() -> u64 {
    25_000
}
fn default_keep_payload_seconds() -> u64 {
    3_600
}

/// Where a gateway stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    /// At the LGWAN-ASP: the data that comes in has been abstracted already.
    #[default]
    Asp,
    /// On the municipality's side.
    Municipality,
}

/// What all listeners together take at the most.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsSection {
    /// Requests answered at once; who comes then is told to come again.
    pub(crate) requests: usize,
    /// Of these, the most that one client has; half of them where absent.
    pub(crate) client_requests: Option<usize>,
    /// Requests that each client may send in a second, as a mean, unless it has a rate of its own.
    pub(crate) requests_per_second: u32,
    /// Requests that each client may send at once, after it was quiet, unless it has a number of its own.
    pub(crate) requests_at_once: u32,
    /// Bodies read at once; others wait their turn, unread.
    pub(crate) uploads: usize,
    /// Of these, the most that one client has; half of them where absent.
    pub(crate) client_uploads: Option<usize>,
    /// The least rate at which a body must come, in bytes a second, over `body_rate_window_ms`.
    pub(crate) body_rate: u64,
    /// How long a body's rate is looked at, in milliseconds; a body that is there sooner is never too slow.
    pub(crate) body_rate_window_ms: u64,
    /// Bytes of relayed messages and of their answers that are in memory at once.
    pub(crate) relay_bytes: usize,
    /// Of these, the most that one client has; half of them where absent.
    pub(crate) client_relay_bytes: Option<usize>,
    /// Bytes that the batches of each client may take of the spool, those that are finished and not yet removed included: their
    /// canonical records, with 32 bytes for each record beside; unless the client has a number of its own.
    pub(crate) client_spool_bytes: u64,
    /// Batches that each client may have in the spool, unless it has a number of its own.
    pub(crate) client_spool_batches: u64,
    /// Open connections of one listener; further ones are turned away.
    pub(crate) connections: usize,
    /// Of these, the most of one client network; half of them where absent. All addresses of no client are one network.
    pub(crate) network_connections: Option<usize>,
    /// Of these, the most of one address, in IPv6 of a network of 64 bits; a quarter of them where absent.
    pub(crate) address_connections: Option<usize>,
    /// TLS handshakes of one listener that are under way at the same time, of which a network has half and an address a
    /// quarter; others wait, for `handshake_timeout_ms`.
    pub(crate) handshakes: usize,
    /// Bytes of one request's head.
    pub(crate) head_bytes: usize,
    /// Header fields of one request.
    pub(crate) head_fields: usize,
    /// How long a whole head may take, in milliseconds.
    pub(crate) head_timeout_ms: u64,
    /// How long a client may take nothing of its answer, in milliseconds.
    pub(crate) write_stall_ms: u64,
    /// How long a TLS handshake may take, in milliseconds.
    pub(crate) handshake_timeout_ms: u64,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let admission = sekisho_edge::Admission::from(32);
        let rate = admission.least_rate;
        let requests = sekisho_edge::RequestRate::default();
        let quota = sekisho_edge::SpoolQuota::default();
        Self {
            requests: admission.requests,
            client_requests: None,
            requests_per_second: requests.per_second,
            requests_at_once: requests.at_once,
            uploads: admission.uploads,
            client_uploads: None,
            body_rate: rate.bytes_per_second,
            body_rate_window_ms: u64::try_from(rate.window.as_millis()).unwrap_or(u64::MAX),
            relay_bytes: admission.relay_bytes,
            client_relay_bytes: None,
            client_spool_bytes: quota.bytes,
            client_spool_batches: quota.batches,
            connections: 4_096,
            network_connections: None,
            address_connections: None,
            handshakes: 512,
            head_bytes: 16 * 1024,
            head_fields: 64,
            head_timeout_ms: 30_000,
            write_stall_ms: 60_000,
            handshake_timeout_ms: 10_000,
        }
    }
}

/// The admin listener: metrics, batches, heartbeat. Plain HTTP; on loopback, unless it asks for a token and the configuration says that its
/// network is protected.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AdminSection {
    /// Its address: a loopback address, unless there are `token_files` and `plain_http` has its word.
    #[schemars(extend("format" = "socket-address"))]
    pub(crate) listen: SocketAddr,
    /// Files with a token each, one of which each request must show in `Authorization: Bearer`. Two of them make a change without a
    /// gap. Where there are none, whoever can connect may ask.
    pub(crate) token_files: Vec<PathBuf>,
    /// Plain HTTP beyond loopback needs this word, because whoever is on the network can read along, the tokens too.
    pub(crate) plain_http: InClear,
}

impl Default for AdminSection {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 9600));
        Self { listen, token_files: Vec::new(), plain_http: InClear::default() }
    }
}

/// What is logged. No payload and no personal value ever is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// Lines for people, or a JSON object a line.
    pub(crate) format: LogFormat,
    /// The least level that is written.
    pub(crate) level: LogLevel,
    /// The exchange log: what was exchanged with whom.
    pub(crate) exchanges: ExchangesSection,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info, exchanges: ExchangesSection::default() }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The least level that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    /// Something that an operator must mend.
    Error,
    /// Something that will become an error if it goes on.
    Warn,
    /// What the gateway does for its clients.
    Info,
    /// How it does it.
    Debug,
}

/// What the process may still do once it has started: read the folders of the files that the configuration names, write to
/// the state folder, listen and connect where it says, and nothing else.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SandboxSection {
    /// Whether the gateway runs where the system cannot take everything else away from it.
    pub(crate) missing_parts: MissingParts,
    /// Further folders that it may read, for files that a later configuration will name.
    pub(crate) read: Vec<PathBuf>,
}

/// Whether the gateway runs on a system that cannot lock it in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MissingParts {
    /// It does not.
    #[default]
    Refused,
    /// It does, with a warning for each part and the metric `sekisho_sandbox`.
    IKnowThatThisProcessCanDoMore,
}

/// A municipality's system.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientSection {
    /// Its name: 1 to 64 letters, digits, `-`, `_`, `.`.
    pub(crate) name: String,
    /// The networks that it comes from.
    #[schemars(schema_with = "network_list")]
    pub(crate) networks: Vec<IpNet>,
    /// By what its certificates are known, on listeners that ask for them: `dns:`, `uri:`, `mail:` or `directory:` with a subject
    /// alternative name behind it, or `sha256:` with a fingerprint. One of them must be in the certificate of its
    /// connection. Where there are none, its network is all that it is known by.
    #[serde(default)]
    pub(crate) certificates: Vec<String>,
    /// Files with a token each, for a client without certificates: one of them must be in `Authorization: Bearer` of each of
    /// its requests. Two of them make a change without a gap.
    #[serde(default)]
    pub(crate) token_files: Vec<PathBuf>,
    /// Requests that it may send in a second, as a mean; `limits.requests_per_second` where absent.
    #[serde(default)]
    pub(crate) requests_per_second: Option<u32>,
    /// Requests that it may send at once, after it was quiet; `limits.requests_at_once` where absent.
    #[serde(default)]
    pub(crate) requests_at_once: Option<u32>,
    /// Bytes that its batches may take of the spool; `limits.client_spool_bytes` where absent.
    #[serde(default)]
    pub(crate) spool_bytes: Option<u64>,
    /// Batches that it may have in the spool; `limits.client_spool_batches` where absent.
    #[serde(default)]
    pub(crate) spool_batches: Option<u64>,
}

/// Networks as they are written.
fn network_list(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": { "type": "string", "format": "ip-network" } })
}

/// A schema.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaSection {
    /// Its name.
    pub(crate) name: String,
    /// Its first document; what that includes or imports lies below the same folder.
    pub(crate) file: PathBuf,
    /// The digest that it must have, as `sekisho pin FILE` prints it.
    #[serde(default)]
    pub(crate) digest: Option<String>,
    /// The record element, as `{namespace}name`.
    pub(crate) record: String,
}

/// A cloud endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamSection {
    /// Its name.
    pub(crate) name: String,
    /// Where it is and how it is connected to.
    pub(crate) endpoint: EndpointConfig,
    /// Plain HTTP beyond loopback, to `url` or to the login's `token_url`, needs this word, because whoever is on the way can read
    /// along, records and secrets alike.
    #[serde(default)]
    pub(crate) plain_http: InClear,
    /// How it is watched.
    #[serde(default)]
    pub(crate) probe: ProbeSection,
}

/// What a health page holds when all is well; whatever is named has to be so.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HealthySection {
    /// Its media type, without parameters, as `application/json`.
    pub(crate) content_type: Option<String>,
    /// Where in its JSON `value` stands: a pointer (RFC 6901), as `/status`.
    pub(crate) pointer: Option<String>,
    /// The text that stands there, as `UP`; for a number, `true` or `false`: as JSON writes it.
    pub(crate) value: Option<String>,
}

/// How an upstream is watched.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProbeSection {
    /// Path of the cloud's health page: GET, 2xx means up. Any answer means up where absent.
    pub(crate) health: Option<String>,
    /// What the health page holds when the cloud is up; 2xx alone where absent. Balancers and portals answer with 200 and a page that says
    /// otherwise.
    pub(crate) healthy: Option<HealthySection>,
    /// Path at which the cloud says how the application behind it is: GET, JSON with `state`.
    pub(crate) application: Option<String>,
    /// How often the line is looked at, in milliseconds.
    pub(crate) line_interval_ms: u64,
    /// How often the cloud's HTTP server is looked at, in milliseconds.
    pub(crate) cloud_interval_ms: u64,
    /// How often the login is looked at, in milliseconds.
    pub(crate) login_interval_ms: u64,
    /// How often the application is asked for, in milliseconds.
    pub(crate) application_interval_ms: u64,
    /// How old the outcome of a real chunk may be before the import is unknown, in milliseconds.
    pub(crate) import_interval_ms: u64,
}

impl Default for ProbeSection {
    fn default() -> Self {
        Self {
            health: None,
            healthy: None,
            application: None,
            line_interval_ms: 1_000,
            cloud_interval_ms: 10_000,
            login_interval_ms: 60_000,
            application_interval_ms: 60_000,
            import_interval_ms: 3_600_000,
        }
    }
}
