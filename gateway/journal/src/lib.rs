//! The spool, the ledger and the state machine of batches, chunks and outcomes.
//!
//! * [`Spool`]: where the canonical records of an accepted batch lie until each of them has an outcome.
//! * [`Ledger`]: the durable account of batches, chunks and outcomes (SQLite, one writer, group commit).
//! * [`machine`]: the rules, pure: which event may follow which, and that the sums balance after each.
//!
//! The order that makes a receipt true: `Spool::create`, push every record, `BatchWriter::seal` (files and
//! folder are on the disk), `Ledger::accept` (the row is on the disk), and only then the answer to the client.
//! At start: [`Spool::open`], [`Ledger::open`], [`recover`].
//!
//! Positions of records are 0-based throughout; the number that people see is the position plus one. Times are
//! unix milliseconds and always an argument. No value of a record is ever in the ledger, an error or a log.
#![forbid(unsafe_code)]

mod batch;
mod delivered;
mod erasure;
#[cfg(feature = "failpoints")]
pub mod failpoints;
mod identity;
pub mod ledger;
pub mod machine;
#[cfg(feature = "planted")]
pub mod planted;
mod ranges;
mod recovery;
mod retention;
pub mod spool;

pub use batch::{
    Accepted, BatchFilter, BatchView, Idempotency, NewBatch, Page, RecordException, RepeatedBy,
    RepetitionName, SetAside, Stored,
};
pub use delivered::delivered_digest;
pub use erasure::{Erased, erase_client};
pub use identity::{BatchId, Digest, Epoch, ParseBatchIdError, ParseDigestError};
pub use ledger::{Ledger, LedgerError};
pub use machine::{BatchState, ChunkState, Closing, Code, Event, Exception, Outcome, Status, Sums};
pub use ranges::RangeSet;
pub use recovery::{Recovery, RecoveryError, recover};
pub use retention::{Keep, Purged, Removable, Retention, Slice, purge, purge_slice};
pub use spool::{
    Allowance, BatchWriter, CallName, Disk, DiskFile, Encryption, KeptIn, KeptResults, KeyOrder, Records,
    Rewrapped, RowAnswer, Sealed, Spool, SpoolError, SpoolReader, WrappingKey,
};
