//! Scanning of what passes: content goes to a scanner piece by piece while it is read, and nothing is done with it before the
//! scanner has said what it is.
//!
//! Two kinds of scanner are known: clamd, by its command `INSTREAM` ([`clamd`]), and ICAP servers, by `REQMOD` of RFC 3507
//! ([`icap`]). What is said to them and what their answers mean are pure ([`Talk`]): bytes in, bytes and a verdict out. Around that
//! is a thin shell ([`Scanner`]) with the sockets, the deadlines and the places: a scanner is given so many contents at once and no more.
//!
//! Anything but an exact answer that the content is clean means that it is not.
#![forbid(unsafe_code)]

pub mod clamd;
mod error;
pub mod icap;
mod places;
mod scanner;
mod settings;
mod shell;
mod standing;
mod talk;
mod verdict;

pub use error::ScanError;
pub use scanner::{Content, Scanner};
pub use settings::{Address, Beyond, Kind, Settings};
pub use talk::{Said, Talk};
pub use verdict::{Signature, Verdict};
