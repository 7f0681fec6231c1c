//! The exchange log: every exchange is on record, in a log whose tampering shows.
//!
//! One line (JSON, members in a fixed order, what is absent left out) for each exchange on the way in and for each call on the
//! way out. A line is chained to the one before it by SHA-256; every so often, at the beginning and at the end of a file, a line
//! is signed with Ed25519. Files are numbered, each begins with the head of the one before, and none is renamed, or written to
//! after it was closed or given up.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`Entry`] | what is said of one exchange: names from the configuration, words of this crate, numbers, digests. No value |
//! | [`line`](mod@line) | the form of a line, and how it is chained |
//! | [`Tally`] | how much of a body has passed, and its digest |
//! | [`Recorder`] | the files: opened, chained, signed, synced, rotated, taken up again. Pure but for its [`Folder`]; a clock in |
//! | [`ExchangeLog`] | the one thread that writes, and those who hand it lines |
//! | [`Verifier`] | whether what was written is still there, line by line |
//! | [`Export`] | lines chosen for an auditor, as CSV or as they stand |
//!
//! Below every other room but those of text: both the way in and the way out write here, and the way out knows no journal.
#![forbid(unsafe_code)]

mod clock;
mod entry;
mod export;
mod folder;
mod key;
pub mod line;
mod log;
mod metrics;
mod recorder;
mod resume;
mod signed;
mod tally;
mod verify;

pub use clock::{moment, now};
pub use entry::{Direction, Entry, Kind, Verdict};
pub use export::{Choice, Export, ExportForm};
pub use folder::{Appending, FileSystem, Folder, file_name, file_number, make_folder};
pub use key::{KeyError, PublicKey, SigningKey};
pub use line::{Head, Link};
pub use log::{ExchangeLog, NotOnRecord, OpenError, Options, RouteRule};
pub use metrics::Metrics;
pub use recorder::{Failed, Limits, Recorder};
pub use tally::Tally;
pub use verify::{Finding, Found, Report, Verifier, verify_folder};
