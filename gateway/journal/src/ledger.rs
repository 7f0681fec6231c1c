//! The durable account of batches, chunks and outcomes.

use std::path::Path;

use crate::batch::{Accepted, BatchFilter, BatchView, NewBatch, Page, RecordException};
use crate::identity::{BatchId, Digest, Epoch};
use crate::machine::{BatchState, Chunk, Event, Illegal, Run, Sums};

/// The ledger. A clone is another handle to the same one.
#[derive(Debug, Clone)]
pub struct Ledger {}

/// What an opening did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The epoch that the new owner has.
    pub epoch: Epoch,
    /// Chunks that were in flight under an earlier epoch and are in doubt now.
    pub in_doubt: u64,
}

/// What a list of events led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The batch's sums now.
    pub sums: Sums,
    /// Its state in one word.
    pub status: crate::machine::Status,
}

/// What went wrong. (Work in progress.)
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// There is no such batch.
    #[error("there is no batch {0}")]
    UnknownBatch(BatchId),
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
}

impl LedgerError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownBatch(_) => "batch-unknown",
            Self::Illegal { illegal, .. } => illegal.code(),
        }
    }
}

type Result<T> = std::result::Result<T, LedgerError>;

impl Ledger {
    /// Opens the ledger (blocking), creating it if it is not there, and takes it over for `owner` (a name for people).
    /// Chunks in flight under an earlier epoch become in doubt, in the same transaction.
    pub fn open(path: &Path, owner: &str, now: u64) -> Result<(Self, Opened)> {
        let _ = (path, owner, now);
        todo!()
    }

    /// The epoch that this handle's owner has.
    pub fn epoch(&self) -> Epoch {
        todo!()
    }

    /// Keeps a definition (a delivery plan as JSON) under its digest; the same one again is no change.
    pub async fn define(&self, json: String) -> Result<Digest> {
        let _ = json;
        todo!()
    }

    /// [`Ledger::define`] for a thread that may block.
    pub fn define_blocking(&self, json: String) -> Result<Digest> {
        let _ = json;
        todo!()
    }

    /// The definition with this digest.
    pub async fn plan(&self, digest: Digest) -> Result<Option<String>> {
        let _ = digest;
        todo!()
    }

    /// Acknowledges a sealed batch: when this returns `New`, it is durable.
    pub async fn accept(&self, batch: NewBatch) -> Result<Accepted> {
        let _ = batch;
        todo!()
    }

    /// [`Ledger::accept`] for a thread that may block.
    pub fn accept_blocking(&self, batch: NewBatch) -> Result<Accepted> {
        let _ = batch;
        todo!()
    }

    /// What an idempotency key stands for now: the batch and the fingerprint it came with.
    pub async fn remembered(
        &self,
        client: &str,
        route: &str,
        key: &str,
        now: u64,
    ) -> Result<Option<(BatchView, Digest)>> {
        let _ = (client, route, key, now);
        todo!()
    }

    /// [`Ledger::remembered`] for a thread that may block.
    pub fn remembered_blocking(
        &self,
        client: &str,
        route: &str,
        key: &str,
        now: u64,
    ) -> Result<Option<(BatchView, Digest)>> {
        let _ = (client, route, key, now);
        todo!()
    }

    /// Lets events happen, all or none, in one transaction; durable when this returns.
    pub async fn apply(&self, batch: BatchId, epoch: Epoch, at: u64, events: Vec<Event>) -> Result<Applied> {
        let _ = (batch, epoch, at, events);
        todo!()
    }

    /// [`Ledger::apply`] for a thread that may block.
    pub fn apply_blocking(
        &self,
        batch: BatchId,
        epoch: Epoch,
        at: u64,
        events: Vec<Event>,
    ) -> Result<Applied> {
        let _ = (batch, epoch, at, events);
        todo!()
    }

    /// The batch, if there is one.
    pub async fn batch(&self, id: BatchId) -> Result<Option<BatchView>> {
        let _ = id;
        todo!()
    }

    /// [`Ledger::batch`] for a thread that may block.
    pub fn batch_blocking(&self, id: BatchId) -> Result<Option<BatchView>> {
        let _ = id;
        todo!()
    }

    /// The batch's state with pending ranges and open chunks.
    pub async fn state(&self, id: BatchId) -> Result<Option<BatchState>> {
        let _ = id;
        todo!()
    }

    /// Batches, newest first.
    pub async fn batches(&self, filter: BatchFilter, page: Page) -> Result<Vec<BatchView>> {
        let _ = (filter, page);
        todo!()
    }

    /// Batches that are not finished, oldest first.
    pub async fn open_batches(&self) -> Result<Vec<BatchView>> {
        todo!()
    }

    /// Sums over all batches.
    pub async fn totals(&self) -> Result<Sums> {
        todo!()
    }

    /// Partial and rejected records at or after `from`, ascending, at most `limit`.
    pub async fn errors(&self, batch: BatchId, from: u64, limit: u32) -> Result<Vec<RecordException>> {
        let _ = (batch, from, limit);
        todo!()
    }

    /// Runs of settled records that end after `from`, ascending, at most `limit`.
    pub async fn settled(&self, batch: BatchId, from: u64, limit: u32) -> Result<Vec<Run>> {
        let _ = (batch, from, limit);
        todo!()
    }

    /// Chunks with a number above `after`, ascending, at most `limit`.
    pub async fn chunks(&self, batch: BatchId, after: u64, limit: u32) -> Result<Vec<Chunk>> {
        let _ = (batch, after, limit);
        todo!()
    }

    /// Keeps what a pace has learnt, under its name.
    pub async fn keep_pace(&self, name: &str, json: String) -> Result<()> {
        let _ = (name, json);
        todo!()
    }

    /// What was kept under the name.
    pub async fn pace(&self, name: &str) -> Result<Option<String>> {
        let _ = name;
        todo!()
    }
}
