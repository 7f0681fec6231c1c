//! Where the canonical records of accepted batches lie until each of them has an outcome.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::identity::{BatchId, Digest};

/// The spool: a folder per batch.
#[derive(Debug, Clone)]
pub struct Spool {}

/// A batch being written. Dropped before [`BatchWriter::seal`] returned, everything of it is removed.
#[derive(Debug)]
pub struct BatchWriter {}

/// What was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The batch.
    pub batch: BatchId,
    /// Records in it.
    pub records: u64,
    /// Segments that they take.
    pub segments: u32,
    /// Bytes of the canonical records without framing.
    pub bytes: u64,
    /// SHA-256 over every record, each with its length as a LEB128 varint before it.
    pub records_digest: Digest,
    /// Pairs of positions (first record with the key, later record with the same key), ascending by the later one
    /// within a key; at most [`Sealed::MOST_DUPLICATES`].
    pub duplicate_keys: Vec<(u64, u64)>,
    /// How many records have the key of an earlier one, all counted.
    pub duplicates: u64,
}

impl Sealed {
    /// The most pairs that are listed.
    pub const MOST_DUPLICATES: usize = 1_000;
}

/// Reads the records of a sealed batch.
#[derive(Debug, Clone)]
pub struct SpoolReader {}

/// Records of a range, one after the other, in memory for one segment.
#[derive(Debug)]
pub struct Records {}

/// What is wrong with the spool. (Work in progress.)
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system.
    #[error("{what} {path}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl SpoolError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "spool-io"
    }
}

impl Spool {
    /// Opens the spool in `folder`, creating it if it is not there; the key file too, readable by its owner only.
    ///
    /// # Errors
    /// The file system, or a key file that others can read, or a spool whose key is missing.
    pub fn open(folder: &Path, key_file: &Path) -> Result<Self, SpoolError> {
        let _ = (folder, key_file);
        todo!()
    }

    /// Begins a batch.
    ///
    /// # Errors
    /// The file system, or the batch exists.
    pub fn create(&self, batch: BatchId) -> Result<BatchWriter, SpoolError> {
        let _ = batch;
        todo!()
    }

    /// Opens a sealed batch to read.
    ///
    /// # Errors
    /// The batch is not there, not sealed, or not authentic.
    pub fn reader(&self, batch: BatchId) -> Result<SpoolReader, SpoolError> {
        let _ = batch;
        todo!()
    }

    /// Removes a batch; one that is not there is no error.
    ///
    /// # Errors
    /// The file system.
    pub fn remove(&self, batch: BatchId) -> Result<(), SpoolError> {
        let _ = batch;
        todo!()
    }
}

impl BatchWriter {
    /// The batch.
    pub fn batch(&self) -> BatchId {
        todo!()
    }

    /// Records so far.
    pub fn records(&self) -> u64 {
        todo!()
    }

    /// Adds a record, and its key if the layout has one.
    ///
    /// # Errors
    /// The file system, or a record over the limit. The batch is of no use after an error.
    pub fn push(&mut self, canonical: &[u8], key: Option<&[u8]>) -> io::Result<()> {
        let _ = (canonical, key);
        todo!()
    }

    /// Makes the batch durable: when this returns, files and folders are on the disk.
    ///
    /// # Errors
    /// The file system. Everything of the batch is removed then.
    pub fn seal(self) -> Result<Sealed, SpoolError> {
        todo!()
    }
}

impl SpoolReader {
    /// Records in the batch.
    pub fn records(&self) -> u64 {
        todo!()
    }

    /// The records of `range`, cut to what the batch has.
    ///
    /// # Errors
    /// The file system, or an index that is not authentic.
    pub fn read(&self, range: Range<u64>) -> Result<Records, SpoolError> {
        let _ = range;
        todo!()
    }

    /// Positions of the records with this key, ascending.
    ///
    /// # Errors
    /// The file system, or an index that is not authentic.
    pub fn positions(&self, key: &[u8]) -> Result<Vec<u64>, SpoolError> {
        let _ = key;
        todo!()
    }
}

impl Records {
    /// The next record: its position and canonical bytes; `None` at the end of the range.
    ///
    /// # Errors
    /// The file system, or a segment that is not authentic. Nothing of such a segment is handed out.
    #[allow(clippy::should_implement_trait)] // it lends its buffer
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>, SpoolError> {
        todo!()
    }
}
