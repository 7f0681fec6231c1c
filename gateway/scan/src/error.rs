//! Why there is no verdict.

use std::io;
use std::time::Duration;

/// Why there is no verdict. Texts hold nothing of the content, and nothing that a scanner wrote but numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The content is longer than the scanner is asked to look at. The sender's to mend: less at once.
    #[error("the content has more than {most} bytes, which is all that the scanner is given (max_bytes)")]
    TooLong {
        /// The limit in bytes.
        most: u64,
    },
    /// The scanner itself says that the content is more than it looks at.
    #[error("the scanner says that the content is beyond its own limits: raise them, or lower max_bytes")]
    BeyondItsLimits,
    /// Nothing answers at the scanner's address.
    #[error("the scanner cannot be reached ({0})")]
    Unreachable(io::ErrorKind),
    /// It did not answer when it was last looked at: nobody waits for it until it does.
    #[error("the scanner did not answer when it was last looked at, and is not asked before it does")]
    Down,
    /// As many contents as it is given at once are with it, and none of them ended in time; or whose content this is has half of them.
    #[error(
        "all of the scanner's places for this content are taken (max_scans: {most}, half of it for one client)"
    )]
    Full {
        /// The limit.
        most: usize,
    },
    /// The connection ended before the verdict.
    #[error("the scanner's connection ended before its verdict ({0})")]
    Broken(io::ErrorKind),
    /// It takes no bytes, or says nothing, or not all of it in time.
    #[error("the scanner was silent for {0:?}")]
    Silent(Duration),
    /// An answer that is none of its protocol.
    #[error("the scanner's answer is not what its protocol has there: {0}")]
    Nonsense(&'static str),
    /// It says that it failed.
    #[error("the scanner reports a fault of its own")]
    Failed,
    /// Its service does not do what is asked of it.
    #[error("the scanner's service answers with status {0}")]
    Refused(u16),
    /// It let the content pass before it had all of it.
    #[error("the scanner let the content pass before it had all of it: it did not scan it whole")]
    Early,
    /// The shell of the scan is gone: the gateway is stopping.
    #[error("the scan was given up")]
    GivenUp,
}

impl ScanError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "scan-too-long",
            Self::BeyondItsLimits => "scan-beyond-limits",
            Self::Unreachable(_) => "scan-unreachable",
            Self::Down => "scan-down",
            Self::Full { .. } => "scan-full",
            Self::Broken(_) => "scan-broken",
            Self::Silent(_) => "scan-silent",
            Self::Nonsense(_) => "scan-nonsense",
            Self::Failed => "scan-failed",
            Self::Refused(_) => "scan-refused",
            Self::Early => "scan-early",
            Self::GivenUp => "scan-given-up",
        }
    }

    /// Whether it is the content that cannot be scanned; else it is the scanner, and another time it may be.
    pub fn is_of_content(&self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::BeyondItsLimits)
    }
    /// Whether the scanner was waited for in vain: whoever comes next would wait, too.
    pub(crate) fn is_of_hanging(&self) -> bool {
        matches!(self, Self::Silent(_) | Self::Unreachable(io::ErrorKind::TimedOut))
    }
}
