use std::io;
use std::path::{Path, PathBuf};

use crate::identity::BatchId;

pub(super) type Result<T> = std::result::Result<T, SpoolError>;

/// What is wrong with the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system.
    #[error("{what} {path} failed: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process has the spool.
    #[error("the spool {folder} is in use by another process: one gateway has a spool")]
    InUse {
        /// Which spool.
        folder: PathBuf,
    },
    /// The key file cannot be trusted.
    #[error("the spool's key file {path} {problem}")]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// The batch exists already.
    #[error("batch {0} is in the spool already")]
    Exists(BatchId),
    /// There is no such batch.
    #[error("batch {0} is not in the spool")]
    Unknown(BatchId),
    /// The batch was never sealed.
    #[error("batch {0} is not sealed: it was never accepted and can be removed")]
    NotSealed(BatchId),
    /// Written by a later version.
    #[error("{path} has format version {found}, this gateway knows {known}: use the newer gateway")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The latest known one.
        known: u16,
    },
    /// Sealed under a key that this gateway does not have.
    #[error("{path} was sealed under another key: restore the key file that belongs to it")]
    OtherKey {
        /// Which file.
        path: PathBuf,
    },
    /// Not what was written: damaged or tampered with.
    #[error("{path} is damaged or was tampered with: {what}; restore it from a backup")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        what: &'static str,
    },
    /// A file of a wrapping key cannot be trusted.
    #[error("the file {path} of a key-encryption key {problem}")]
    WrappingKeyFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// Keys of batches are wrapped with a key that is not configured.
    #[error(
        "keys of batches are wrapped with the key-encryption key {id:?}, which is not configured: name it again behind the \
         present one until everything is wrapped with that"
    )]
    WrappingKeyMissing {
        /// Its id.
        id: String,
    },
    /// A configured key is not the one of that id.
    #[error(
        "the key-encryption key {id:?} is not the one that keys of batches were wrapped with: restore that one"
    )]
    WrappingKeyWrong {
        /// Its id.
        id: String,
    },
    /// The batch is encrypted, and nobody said with what.
    #[error(
        "batch {0} is encrypted, and no [spool.encryption] is configured: configure it with the keys that belong to it"
    )]
    Encrypted(BatchId),
    /// The key of an encrypted batch is not there.
    #[error("the key of batch {0} is not there: it was destroyed or lost, and so are the batch's records")]
    DataKeyGone(BatchId),
    /// The operating system gives no random numbers.
    #[error("no key can be made: the operating system gives no random numbers")]
    NoRandom,
    /// A record over the limit.
    #[error("record {record} is {length} bytes long in canonical form, at most {most} are taken")]
    RecordTooLong {
        /// Its 1-based number.
        record: u64,
        /// Its length.
        length: u64,
        /// The limit.
        most: u64,
    },
    /// Its client's batches take all the room that they may.
    #[error("there is no room for more of batch {0}: its client's quota of the spool is used up")]
    NoRoom(BatchId),
    /// More segments than can be counted.
    #[error("batch {0} has more segments than a spool can count: send it in several batches")]
    TooManySegments(BatchId),
}

impl SpoolError {
    /// What is there will not read better by itself: damaged, missing, or not for this gateway. An error of the file
    /// system may pass.
    pub fn is_lasting(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::InUse { .. } | Self::NoRandom | Self::NoRoom(_))
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if is_full(source) => "spool-full",
            Self::Io { .. } => "spool-io",
            Self::InUse { .. } => "spool-in-use",
            Self::KeyFile { .. } => "spool-key-file",
            Self::Exists(_) => "spool-batch-exists",
            Self::Unknown(_) => "spool-batch-unknown",
            Self::NotSealed(_) => "spool-batch-not-sealed",
            Self::Newer { .. } => "spool-newer",
            Self::OtherKey { .. } => "spool-other-key",
            Self::Damaged { .. } => "spool-damaged",
            Self::WrappingKeyFile { .. } => "spool-wrapping-key-file",
            Self::WrappingKeyMissing { .. } => "spool-wrapping-key-missing",
            Self::WrappingKeyWrong { .. } => "spool-wrapping-key-wrong",
            Self::Encrypted(_) => "spool-encrypted",
            Self::DataKeyGone(_) => "spool-data-key-gone",
            Self::NoRandom => "spool-no-random",
            Self::RecordTooLong { .. } => "record-too-long",
            Self::NoRoom(_) => "client-spool-full",
            Self::TooManySegments(_) => "batch-too-long",
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// As the source of an `io::Error`, for callers that write through `std::io`; it can be taken out again with
/// `get_ref().and_then(|e| e.downcast_ref::<SpoolError>())`.
impl From<SpoolError> for io::Error {
    fn from(error: SpoolError) -> Self {
        let kind = match &error {
            SpoolError::Io { source, .. } => source.kind(),
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

pub(super) trait IoContext<T> {
    /// Says what was being done to which path.
    fn at(self, what: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| SpoolError::Io { what, path: path.to_owned(), source })
    }
}
