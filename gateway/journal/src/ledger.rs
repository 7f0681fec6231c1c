//! The durable account of batches, chunks and outcomes: SQLite, in one file.
//!
//! One thread writes, in WAL mode with `synchronous = FULL`: a method that writes returns when its transaction is on
//! the disk, and requests that come while the disk is busy share the next transaction. Reads go by a few connections
//! of their own and wait for nobody. The rows hold positions, codes and digests; never a value of a record.
//!
//! A future that is dropped before it is ready may or may not have done its work: ask.
//!
//! Methods ending in `_blocking` are for threads that may block (they panic on a thread that drives async tasks).

mod error;
mod queries;
mod readers;
mod rows;
mod schema;
mod store;
mod writer;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use crate::batch::{Accepted, BatchFilter, BatchView, NewBatch, Page, RecordException, SetAside, Stored};
use crate::identity::{BatchId, Digest, Epoch};
use crate::machine::{BatchState, Chunk, Code, Event, Run, Status, Sums};
use crate::ranges::RangeSet;
pub use error::LedgerError;
use error::Result;
use readers::Readers;
use store::Store;
use writer::Writer;

/// The ledger. A clone is another handle to the same one; when the last is gone, the file is closed.
#[derive(Debug, Clone)]
pub struct Ledger {
    // Closed before the writer, so that the writer's connection is the last and tidies up.
    readers: Arc<Readers>,
    writer: Arc<Writer>,
    epoch: Epoch,
}

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
    pub status: Status,
}

impl Ledger {
    /// Opens the ledger (blocking), creating it if it is not there, and takes it over for `owner` (a name for people)
    /// at `now` (unix milliseconds). Chunks in flight under an earlier epoch become in doubt, in the same
    /// transaction; who had the ledger before can write nothing from then on.
    ///
    /// # Errors
    /// The file system, a file that is no ledger, or one of a newer gateway.
    pub fn open(path: &Path, owner: &str, now: u64) -> Result<(Self, Opened)> {
        let connection = schema::open_writer(path)?;
        let readers = Readers::open(path)?;
        let (store, in_doubt) = Store::take_over(connection, owner, now)?;
        let epoch = store.epoch;
        let writer = Writer::start(store)?;
        let ledger = Self { writer: Arc::new(writer), readers: Arc::new(readers), epoch };
        Ok((ledger, Opened { epoch, in_doubt }))
    }

    /// The epoch that this handle's owner has.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Keeps a definition (a delivery plan as JSON) under its digest; the same one again is no change.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub async fn define(&self, json: String) -> Result<Digest> {
        self.writer.ask(move |store| store.define(&json)).await
    }

    /// [`Ledger::define`] for a thread that may block.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn define_blocking(&self, json: String) -> Result<Digest> {
        self.writer.ask_blocking(move |store| store.define(&json))
    }

    /// The definition with this digest.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn plan(&self, digest: Digest) -> Result<Option<String>> {
        self.read(move |connection| queries::plan(connection, digest)).await
    }

    /// Acknowledges a sealed batch: when this returns `New`, it is durable.
    ///
    /// # Errors
    /// The batch is there already, its plan was not defined, or the ledger cannot be written.
    pub async fn accept(&self, batch: NewBatch) -> Result<Accepted> {
        self.accept_without(batch, RangeSet::new(), false).await
    }

    /// [`Ledger::accept`] of a batch of which some records are never to be sent, because later ones with their keys take
    /// their places: in the same transaction they are rejected as [`Code::SUPERSEDED`]. `only_repeated`: what is no repetition
    /// of a batch that is there is not accepted, because there is no room for it.
    ///
    /// # Errors
    /// As [`Ledger::accept`], or a record is not of the batch.
    pub async fn accept_without(
        &self,
        batch: NewBatch,
        superseded: RangeSet,
        only_repeated: bool,
    ) -> Result<Accepted> {
        self.writer.ask(move |store| store.accept(&batch, &superseded, only_repeated)).await
    }

    /// [`Ledger::accept`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Ledger::accept`].
    pub fn accept_blocking(&self, batch: NewBatch) -> Result<Accepted> {
        self.writer.ask_blocking(move |store| store.accept(&batch, &RangeSet::new(), false))
    }

    /// What the hash of a repetition's name stands for at `now`: the batch, and the fingerprint that it came with. A
    /// batch that ended before anything was sent, or without any effect, does not count: its request may start afresh.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn remembered(
        &self,
        client: &str,
        route: &str,
        name: Digest,
        now: u64,
    ) -> Result<Option<(BatchView, Digest)>> {
        let (client, route) = (client.to_owned(), route.to_owned());
        self.read(move |connection| queries::remembered(connection, &client, &route, name, now)).await
    }

    /// [`Ledger::remembered`] for a thread that may block.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn remembered_blocking(
        &self,
        client: &str,
        route: &str,
        name: Digest,
        now: u64,
    ) -> Result<Option<(BatchView, Digest)>> {
        self.readers.read(|connection| queries::remembered(connection, client, route, name, now))
    }

    /// Lets events happen at `at` (unix milliseconds), all or none, in one transaction; durable when this returns.
    ///
    /// # Errors
    /// An event is illegal, the batch unknown, the epoch over, or the ledger cannot be written.
    pub async fn apply(&self, batch: BatchId, epoch: Epoch, at: u64, events: Vec<Event>) -> Result<Applied> {
        self.writer.ask(move |store| store.apply(batch, epoch, at, &events)).await
    }

    /// [`Ledger::apply`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Ledger::apply`].
    pub fn apply_blocking(
        &self,
        batch: BatchId,
        epoch: Epoch,
        at: u64,
        events: Vec<Event>,
    ) -> Result<Applied> {
        self.writer.ask_blocking(move |store| store.apply(batch, epoch, at, &events))
    }

    /// The batch, if there is one.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn batch(&self, id: BatchId) -> Result<Option<BatchView>> {
        self.read(move |connection| queries::batch(connection, id)).await
    }

    /// [`Ledger::batch`] for a thread that may block.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn batch_blocking(&self, id: BatchId) -> Result<Option<BatchView>> {
        self.readers.read(|connection| queries::batch(connection, id))
    }

    /// The batch's state with pending ranges and open chunks, built from its rows. Whoever applies all events of a
    /// batch can keep it and apply them to it as well, instead of asking again.
    ///
    /// # Errors
    /// The ledger cannot be read, or its rows contradict one another.
    pub async fn state(&self, id: BatchId) -> Result<Option<BatchState>> {
        self.read(move |connection| queries::state(connection, id)).await
    }

    /// [`Ledger::state`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Ledger::state`].
    pub fn state_blocking(&self, id: BatchId) -> Result<Option<BatchState>> {
        self.readers.read(|connection| queries::state(connection, id))
    }

    /// Batches, the last accepted first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn batches(&self, filter: BatchFilter, page: Page) -> Result<Vec<BatchView>> {
        self.read(move |connection| queries::batches(connection, &filter, page)).await
    }

    /// Batches that are not finished, the first accepted first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn open_batches(&self) -> Result<Vec<BatchView>> {
        self.read(queries::open_batches).await
    }

    /// Why records of a batch wait for an operator, with how many for each reason: codes of chunks that are held. Codes
    /// that begin with `spool-` say that the payload cannot be read.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn held(&self, id: BatchId) -> Result<Vec<(Code, u64)>> {
        self.read(move |connection| queries::held(connection, id)).await
    }

    /// Chunks whose outcome was unknown, and whose records were given back: in their order, each with its first record, how many it
    /// was opened with, and why.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn given_back(&self, id: BatchId) -> Result<Vec<(u64, u64, Code)>> {
        self.read(move |connection| queries::given_back(connection, id)).await
    }

    /// How many batches have records that wait for an operator because the spool cannot give them.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn unreadable(&self) -> Result<u64> {
        self.read(queries::unreadable).await
    }

    /// When the oldest batch was accepted of which not every record has an outcome (unix milliseconds).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn oldest_open(&self) -> Result<Option<u64>> {
        self.read(queries::oldest_open).await
    }

    /// Sums over all batches that were ever accepted.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn totals(&self) -> Result<Sums> {
        self.read(queries::totals).await
    }

    /// Partial and rejected records at or after position `from`, ascending, at most `limit` (and 10,000).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn errors(&self, batch: BatchId, from: u64, limit: u32) -> Result<Vec<RecordException>> {
        self.read(move |connection| queries::errors(connection, batch, from, limit)).await
    }

    /// The records that the batch left out, ascending by their number in the payload.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn set_aside(&self, batch: BatchId) -> Result<Vec<SetAside>> {
        self.read(move |connection| queries::set_aside(connection, batch)).await
    }

    /// Runs of cancelled and expired records that end after position `from`, ascending, at most `limit` (and 10,000).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn withdrawn(&self, batch: BatchId, from: u64, limit: u32) -> Result<Vec<Run>> {
        self.read(move |connection| queries::withdrawn(connection, batch, from, limit)).await
    }

    /// Runs of settled records that end after position `from`, ascending, at most `limit` (and 10,000).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn settled(&self, batch: BatchId, from: u64, limit: u32) -> Result<Vec<Run>> {
        self.read(move |connection| queries::settled(connection, batch, from, limit)).await
    }

    /// [`Ledger::settled`] for a thread that may block.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn settled_blocking(&self, batch: BatchId, from: u64, limit: u32) -> Result<Vec<Run>> {
        self.readers.read(|connection| queries::settled(connection, batch, from, limit))
    }

    /// Chunks with a number above `after`, ascending, at most `limit` (and 10,000): the batch's history.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn chunks(&self, batch: BatchId, after: u64, limit: u32) -> Result<Vec<Chunk>> {
        self.read(move |connection| queries::chunks(connection, batch, after, limit)).await
    }

    /// Keeps what a pace has learnt, under its name, in place of what was kept before.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub async fn keep_pace(&self, name: &str, json: String) -> Result<()> {
        let name = name.to_owned();
        self.writer.ask(move |store| store.keep_pace(&name, &json)).await
    }

    /// What was kept under the name.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn pace(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        self.read(move |connection| queries::pace(connection, &name)).await
    }

    /// At most `limit` batches of a route that finished before `finished_before` and whose payload is still there, with
    /// when they did, the longest finished first (blocking).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn releasable_blocking(
        &self,
        route: &str,
        finished_before: u64,
        limit: u32,
    ) -> Result<Vec<(BatchId, u64)>> {
        self.readers.read(|connection| queries::releasable(connection, route, finished_before, limit))
    }

    /// Writes down that payloads of finished batches go (blocking), before they do. Returns those that nobody needs: a batch
    /// that is not finished is not among them, and one that was released before, or is forgotten, is. So that who does not
    /// know what became of a release asks again.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn release_blocking(&self, batches: Vec<BatchId>, at: u64) -> Result<Vec<BatchId>> {
        self.writer.ask_blocking(move |store| store.release(&batches, at))
    }

    /// Every batch whose payload must be in the spool, and whether it is finished (blocking).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn with_payload_blocking(&self) -> Result<HashMap<BatchId, bool>> {
        self.readers.read(queries::with_payload)
    }

    /// The batches of a client whose payload is in the spool, and whether each is finished (blocking); in the order of
    /// acceptance.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn payloads_of_blocking(&self, client: &str) -> Result<Vec<(BatchId, bool)>> {
        self.readers.read(|connection| queries::payloads_of(connection, client))
    }

    /// What the batches of each client take of the spool, as far as their payload is there. Clients that never had one are not
    /// among them.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn stored(&self) -> Result<Vec<(String, Stored)>> {
        self.read(|connection| queries::stored(connection, None)).await
    }

    /// What the batches of one client take of the spool (blocking).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn stored_by_blocking(&self, client: &str) -> Result<Stored> {
        let found = self.readers.read(|connection| queries::stored(connection, Some(client)))?;
        Ok(found.first().map_or_else(Stored::default, |(_, stored)| *stored))
    }

    /// What a batch took of its client's room in the spool ([`NewBatch::stored`](crate::NewBatch::stored)) that was accepted under this name
    /// and would be the answer to a repetition at this time (blocking); `None` where there is none.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn stored_under_blocking(
        &self,
        client: &str,
        route: &str,
        name: Digest,
        now: u64,
    ) -> Result<Option<u64>> {
        self.readers.read(|connection| queries::remembered_stored(connection, client, route, name, now))
    }

    /// The routes that any batch has (blocking).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn routes_blocking(&self) -> Result<BTreeSet<String>> {
        self.readers.read(queries::routes)
    }

    /// Removes at most `most` rows of a route's batches that finished before `finished_before` and whose payload is gone
    /// (blocking). From its first row on, such a batch is as if it had never been; the totals keep its records. Returns how
    /// many batches are gone, and whether there may be more to remove.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn forget_blocking(
        &self,
        route: &str,
        finished_before: u64,
        now: u64,
        most: u64,
    ) -> Result<(u64, bool)> {
        let route = route.to_owned();
        let forgotten =
            self.writer.ask_blocking(move |store| store.forget(&route, finished_before, now, most))?;
        Ok((forgotten.batches, forgotten.more))
    }

    /// Forgets at most `limit` idempotency keys whose time is over at `now` (blocking). Returns how many.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn forget_keys_blocking(&self, now: u64, limit: u32) -> Result<u64> {
        self.writer.ask_blocking(move |store| store.forget_keys(now, limit))
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let readers = self.readers.clone();
        let read = tokio::task::spawn_blocking(move || readers.read(query));
        // A query does not panic and is not cancelled, unless the runtime is going down.
        read.await.unwrap_or(Err(LedgerError::Closed))
    }
}

#[cfg(test)]
mod tests;
