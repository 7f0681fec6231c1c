use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::identity::{BatchId, Digest, Epoch};
use crate::machine::{Illegal, Inconsistent};

pub(super) type Result<T> = std::result::Result<T, LedgerError>;

/// What went wrong with the ledger.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// There is no such batch.
    #[error("there is no batch {0}")]
    UnknownBatch(BatchId),
    /// The batch was accepted before.
    #[error("batch {0} is in the ledger already")]
    BatchExists(BatchId),
    /// The batch names a definition that was never given.
    #[error("there is no definition {0}: define it before a batch that names it")]
    UnknownDefinition(Digest),
    /// An event that may not happen now; none of the list was applied.
    #[error("batch {batch}: event {index} of the list: {illegal}")]
    Illegal {
        /// Which batch.
        batch: BatchId,
        /// Which event of the list, from 0.
        index: usize,
        /// Why not.
        illegal: Illegal,
    },
    /// Another owner has taken over: nothing may be written under this epoch any more.
    #[error("epoch {yours} is over: the ledger's owner has epoch {current}; stop writing")]
    StaleEpoch {
        /// What was given.
        yours: Epoch,
        /// The present owner's.
        current: Epoch,
    },
    /// Written by a later version.
    #[error(
        "the ledger {path} has schema version {found}, this gateway knows {known}: use the newer gateway"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest known one.
        known: i64,
    },
    /// A database of something else.
    #[error("{path} is not a ledger: it belongs to another program; name another file")]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// The rows of a batch contradict one another.
    #[error("batch {batch}: {source}")]
    Inconsistent {
        /// Which batch.
        batch: BatchId,
        /// What does not fit.
        source: Inconsistent,
    },
    /// The disk is full; nothing of the transaction was written.
    #[error("{what}: the disk is full; make room and try again")]
    Full {
        /// What was being done.
        what: &'static str,
    },
    /// The database or the file system below it.
    #[error("{what} failed: {problem}")]
    Storage {
        /// What was being done.
        what: &'static str,
        /// SQLite's or the system's words, which hold no values.
        problem: String,
    },
    /// The writer has ended after a fault of its own; nothing more is taken.
    #[error(
        "the ledger's writer has stopped: look for its last message in the log, and start the gateway again"
    )]
    Closed,
}

impl LedgerError {
    /// Nothing of what was asked has happened, nor will. Of any other error nobody can say so: a transaction whose sync
    /// failed may be there after a crash.
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Storage { .. } | Self::Closed)
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownBatch(_) => "batch-unknown",
            Self::BatchExists(_) => "batch-exists",
            Self::UnknownDefinition(_) => "definition-unknown",
            Self::Illegal { illegal, .. } => illegal.code(),
            Self::StaleEpoch { .. } => "ledger-stale-epoch",
            Self::Newer { .. } => "ledger-newer",
            Self::NotALedger { .. } => "ledger-foreign",
            Self::Inconsistent { .. } => "ledger-inconsistent",
            Self::Full { .. } => "ledger-full",
            Self::Storage { .. } => "ledger-storage",
            Self::Closed => "ledger-closed",
        }
    }
}

pub(super) trait StorageContext<T> {
    /// Says what was being done.
    fn doing(self, what: &'static str) -> Result<T>;
}

impl<T> StorageContext<T> for rusqlite::Result<T> {
    fn doing(self, what: &'static str) -> Result<T> {
        self.map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => LedgerError::Full { what },
            _ => LedgerError::Storage { what, problem: error.to_string() },
        })
    }
}

impl<T> StorageContext<T> for std::io::Result<T> {
    fn doing(self, what: &'static str) -> Result<T> {
        self.map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => LedgerError::Full { what },
            _ => LedgerError::Storage { what, problem: error.to_string() },
        })
    }
}

pub(super) fn newer(path: &Path, found: i64, known: i64) -> LedgerError {
    LedgerError::Newer { path: path.to_owned(), found, known }
}
