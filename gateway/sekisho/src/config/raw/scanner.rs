//! Scanners as they are written.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InClear;

/// A scanner, which is asked about what passes by the routes that name it. What is sent to it is not encrypted: it belongs on the
/// gateway's own machine, or on a network that is protected.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScannerSection {
    /// Its name: 1 to 64 letters, digits, `-`, `_`, `.`.
    pub(crate) name: String,
    /// How it is spoken to.
    pub(crate) kind: ScannerKind,
    /// Its address and port; no name.
    #[serde(default)]
    #[schemars(extend("format" = "socket-address"))]
    pub(crate) address: Option<SocketAddr>,
    /// An address beyond loopback needs this word, because whoever is on the way can read along: neither protocol is encrypted.
    #[serde(default)]
    pub(crate) plain_tcp: InClear,
    /// clamd: its socket in the file system, instead of an address.
    #[serde(default)]
    pub(crate) socket: Option<PathBuf>,
    /// ICAP: path of the service, such as `"/avscan"`. What it lets pass by its own rules has passed.
    #[serde(default)]
    pub(crate) service: Option<String>,
    /// How long connecting may take, in milliseconds.
    #[serde(default = "default_connect_timeout_ms")]
    pub(crate) connect_timeout_ms: u64,
    /// How many contents it is given at once; no more than it scans at once by its own configuration (clamd: `MaxThreads`). One client
    /// has no more than half of them, rounded up.
    #[serde(default = "default_max_scans")]
    pub(crate) max_scans: usize,
    /// How long a content may wait for its place among them, in milliseconds; then its message is refused as without the scanner.
    #[serde(default = "default_place_timeout_ms")]
    pub(crate) place_timeout_ms: u64,
    /// How long it may make no progress, in milliseconds: take nothing of what is sent, or say nothing where its answer is awaited.
    /// Less than `answer_timeout_ms`. A scan that takes longer is over, and until the scanner was seen to scan it counts as down.
    #[serde(default = "default_stall_timeout_ms")]
    pub(crate) stall_timeout_ms: u64,
    /// How long its whole answer may take once it has everything, in milliseconds.
    #[serde(default = "default_answer_timeout_ms")]
    pub(crate) answer_timeout_ms: u64,
    /// The most bytes of one content that it is given: an attachment, a body, a message that is relayed. No more than it looks at by
    /// its own configuration (clamd: `StreamMaxLength`, `MaxFileSize` and `MaxScanSize`, with `AlertExceedsMax yes`).
    #[serde(default = "default_max_bytes")]
    pub(crate) max_bytes: u64,
    /// What becomes of longer content.
    #[serde(default)]
    pub(crate) beyond: BeyondPolicy,
    /// How often it is looked at, in milliseconds.
    #[serde(default = "default_probe_interval_ms")]
    pub(crate) probe_interval_ms: u64,
}

fn default_connect_timeout_ms() -> u64 {
    5_000
}
fn default_max_scans() -> usize {
    10
}
fn default_place_timeout_ms() -> u64 {
    5_000
}
fn default_stall_timeout_ms() -> u64 {
    20_000
}
fn default_answer_timeout_ms() -> u64 {
    60_000
}
fn default_max_bytes() -> u64 {
    25 * 1024 * 1024
}
fn default_probe_interval_ms() -> u64 {
    10_000
}

/// How a scanner is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScannerKind {
    /// clamd's command `INSTREAM`.
    Clamd,
    /// ICAP's `REQMOD` (RFC 3507).
    Icap,
}

/// What becomes of content that is longer than a scanner is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BeyondPolicy {
    /// It is refused.
    #[default]
    Refuse,
    /// Its beginning is scanned, and the rest passes with it.
    IKnowThatOnlyTheBeginningIsScanned,
}

/// How what passes by a route is scanned. While the scanner is down, the route refuses.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanSection {
    /// The scanner, by name.
    pub(crate) scanner: String,
}
