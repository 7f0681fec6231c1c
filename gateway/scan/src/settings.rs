//! Where a scanner is, and what is expected of it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A scanner as configuration describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its name in configuration, metrics and hops.
    pub name: String,
    /// How it is spoken to.
    pub kind: Kind,
    /// Where it is.
    pub address: Address,
    /// How long connecting may take.
    pub connect: Duration,
    /// How many contents it is given at once; no more than it scans at once by its own configuration. At least 1; one client has no
    /// more than half of them, rounded up.
    pub at_once: usize,
    /// How long a content may wait for its place.
    pub wait: Duration,
    /// How long it may make no progress: take nothing of what is sent to it, or say nothing where its answer is awaited.
    pub stall: Duration,
    /// How long its whole answer may take once it has everything, or its word that it wants the rest.
    pub answer: Duration,
    /// The most bytes of one content that it is given; no more than it looks at by its own configuration.
    pub most: u64,
    /// What becomes of longer content.
    pub beyond: Beyond,
}

/// How a scanner is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// clamd's `INSTREAM`.
    Clamd,
    /// ICAP `REQMOD`.
    Icap {
        /// Path of the service, with its slash.
        service: String,
    },
}

/// Where a scanner is. There are no names: what is connected to is what is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Address and port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What becomes of content that is longer than the scanner is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Beyond {
    /// It is refused.
    #[default]
    Refuse,
    /// Its beginning is scanned, and the rest passes with it.
    ScanBeginning,
}
