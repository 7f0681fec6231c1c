//! The exchange log as it is written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The exchange log: a line for each exchange, chained and signed. Every exchange is on record unless a word says otherwise.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExchangesSection {
    /// Whether exchanges are put on record.
    pub(crate) keep: KeepExchanges,
    /// Folder of the log, made if its parent is there; `exchanges` in the state folder where absent.
    pub(crate) folder: Option<PathBuf>,
    /// File with the Ed25519 key in PEM (PKCS#8) that checkpoints are signed with; only its owner may have rights to it. Where
    /// absent, one is made at the first start: `log.key` in the state folder.
    pub(crate) key_file: Option<PathBuf>,
    /// Bytes after which a file is closed and the next one begun.
    pub(crate) rotate_bytes: u64,
    /// Seconds after which it is.
    pub(crate) rotate_seconds: u64,
    /// Lines after which a checkpoint is signed.
    pub(crate) checkpoint_lines: u64,
    /// Seconds after which it is, if there are new lines.
    pub(crate) checkpoint_seconds: u64,
}

impl Default for ExchangesSection {
    fn default() -> Self {
        let limits = sekisho_exchanges::Limits::default();
        Self {
            keep: KeepExchanges::Always,
            folder: None,
            key_file: None,
            rotate_bytes: limits.rotate_bytes,
            rotate_seconds: limits.rotate_millis / 1_000,
            checkpoint_lines: limits.checkpoint_lines,
            checkpoint_seconds: limits.checkpoint_millis / 1_000,
        }
    }
}

/// Whether exchanges are put on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeepExchanges {
    /// All of them.
    Always,
    /// None: for trials and measurements.
    IKnowThatNothingIsOnRecord,
}
