use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How payloads lie on the disk.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SpoolSection {
    /// Payloads are encrypted, each with a key of its own. Those that are there already stay as they were written. Without this
    /// section no payload is encrypted, and a gateway whose spool has encrypted ones does not start.
    pub(crate) encryption: Option<EncryptionSection>,
}

impl SpoolSection {
    /// What only a start takes over: whether and where keys of batches are kept.
    pub(super) fn data_keys(&self) -> Option<&PathBuf> {
        self.encryption.as_ref().map(|encryption| &encryption.data_keys)
    }
}

/// How payloads are encrypted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EncryptionSection {
    /// Folder of the wrapped keys of batches, outside the state folder's `spool`; its last step is made at the start. It is never
    /// to be backed up: a key that was destroyed with its batch must be nowhere.
    pub(crate) data_keys: PathBuf,
    /// Keys that wrap those of batches (key-encryption keys). The first one wraps; the others unwrap what they have wrapped, until
    /// everything is wrapped anew, which a start and a reload begin by themselves.
    #[serde(default)]
    pub(crate) key: Vec<WrappingKeySection>,
}

/// A key that wraps keys of batches: 32 random bytes, or 64 hexadecimal digits.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrappingKeySection {
    /// Its name, never that of another key: 1 to 32 lower-case letters, digits and hyphens.
    pub(crate) id: String,
    /// The file that holds it, for its owner only.
    #[serde(default)]
    pub(crate) file: Option<PathBuf>,
    /// Instead of a file: its name among the service manager's credentials (systemd's `LoadCredential`,
    /// `LoadCredentialEncrypted`).
    #[serde(default)]
    pub(crate) credential: Option<String>,
}
