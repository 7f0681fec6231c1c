//! Where the canonical records of accepted batches lie until each of them has an outcome.
//!
//! A folder per batch, named by its id. In it:
//!
//! * `00000000.seg`, `00000001.seg`, ...: segments, immutable once written. A header (magic, version, batch, counter,
//!   key ids, first record, count, length, whether it is the last), the records, each with its length before it, and
//!   a trailer: HMAC-SHA256 (RFC 2104) over both. The header says whether the records are encrypted: then they stand in frames
//!   of AES-256-GCM under a key that is made of the batch's (`frames`, `data_key`).
//! * `index`: a first page (counts, digest) whose presence says that the batch is sealed; then pages that lead from
//!   a record to its segment and offset, an entry every 256 records; then pages that lead from a key's fingerprint
//!   to positions, in order of the fingerprints. Every page is authenticated by itself.
//!
//! Beside them, of a batch whose answer is awaited: what the upstream said of its rows, a sealed folder for each call, and
//! the answer that these were made into (`answers`).
//!
//! The key of an encrypted batch is not here, but wrapped in a store of its own (`key_store`). It is kept before the batch is sealed,
//! and destroyed before anything of the batch is removed.
//!
//! No file is renamed, appended to after it was closed, or changed; a batch that has no sealed index was never
//! promised to anybody.

mod allowance;
mod answers;
mod data_key;
mod disk;
mod error;
mod frames;
mod index;
mod key_file;
mod key_index;
mod key_order;
mod key_store;
mod pages;
mod reader;
mod segment;
mod wrapping_key;
mod writer;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::identity::{BatchId, Digest};
pub use allowance::Allowance;
pub use answers::{CallName, KeptResults, RowAnswer};
use data_key::DataKey;
pub use disk::{Disk, DiskFile};
use disk::{FileSystem, sync_folder};
pub use error::SpoolError;
use error::{IoContext, Result};
use index::Index;
use key_file::Keys;
pub use key_order::KeyOrder;
use key_store::KeyStore;
pub use key_store::Rewrapped;
pub use reader::{Duplicates, Records, SpoolReader};
pub use segment::MOST_RECORD_BYTES;
pub(crate) use segment::encode_varint;
pub use wrapping_key::{Encryption, KeptIn, WrappingKey};
pub use writer::BatchWriter;

/// Canonical bytes after which a segment is closed, unless told otherwise.
const SEGMENT_BYTES: u64 = 1024 * 1024;

/// The spool: a folder per batch. A clone is another handle to the same one; one process at a time has it.
#[derive(Debug, Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    segment_bytes: u64,
    /// Who is asked for the room of what is written by this handle.
    allowance: Option<Arc<dyn Allowance>>,
}

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    keys: Arc<Keys>,
    at_rest: AtRest,
    /// Batches whose payload goes: retention has them from the ledger, which may or may not have written it down.
    leaving: Mutex<BTreeSet<BatchId>>,
    /// Locked as long as a handle lives; not on another disk than the system's.
    _lock: Option<File>,
}

/// How what is written is encrypted.
#[derive(Debug)]
enum AtRest {
    /// It is not.
    Plain,
    /// Each batch with a key of its own, that is wrapped in this store.
    Store(KeyStore),
    /// All of it with the key of the batch that this is a part of.
    Batch(Arc<DataKey>),
}

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
    /// What counts of it against a client's room: those bytes, and [`Spool::BESIDE_A_RECORD`] for each record.
    pub stored: u64,
    /// SHA-256 over every record, each with its length as a LEB128 varint before it.
    pub records_digest: Digest,
    /// Pairs of positions: the first record with a key, and a later one with the same. Ascending by the later one;
    /// the first [`Sealed::MOST_DUPLICATES`] of them.
    pub duplicate_keys: Vec<(u64, u64)>,
    /// How many records have the key of an earlier one, all counted.
    pub duplicates: u64,
}

impl Sealed {
    /// The most pairs that are listed.
    pub const MOST_DUPLICATES: usize = 1_000;
}

impl Spool {
    /// Opens the spool in `folder`, creating it if it is not there; the key file too, readable by its owner only.
    ///
    /// # Errors
    /// The file system; a spool that another process has; a key file that others can read or that is damaged; or a
    /// spool with batches whose key file is missing.
    pub fn open(folder: &Path, key_file: &Path) -> Result<Self> {
        Self::open_with(folder, key_file, None)
    }

    /// [`Spool::open`], with payloads encrypted from now on. Those that are there are read as they were written.
    ///
    /// # Errors
    /// As [`Spool::open`]; or a wrapping key that is missing, or is another one than keys of batches were wrapped with.
    pub fn open_with(folder: &Path, key_file: &Path, encryption: Option<Encryption>) -> Result<Self> {
        disk::create_all(folder).at("creating", folder)?;
        let lock = lock(folder)?;
        let has_batches = !batches(&FileSystem, folder)?.is_empty();
        let keys = Keys::open(key_file, !has_batches)?;
        sync_folder(&FileSystem, folder)?;
        sync_folder(&FileSystem, folder_above(folder))?;
        let (disk, keys) = (Arc::new(FileSystem), Arc::new(keys));
        let at_rest = match encryption {
            Some(encryption) => {
                let store = &encryption.folder;
                disk::create_all(store).at("creating", store)?;
                sync_folder(&FileSystem, folder_above(store))?;
                AtRest::Store(KeyStore::open(Arc::new(FileSystem), store, encryption.keys)?)
            }
            None => AtRest::Plain,
        };
        let leaving = Mutex::default();
        let shared = Shared { disk, folder: folder.to_owned(), keys, at_rest, leaving, _lock: Some(lock) };
        Ok(Self { shared: Arc::new(shared), segment_bytes: SEGMENT_BYTES, allowance: None })
    }

    /// A spool in a folder of another disk, which is there, under a key: for whoever sees to it that nobody else has it.
    pub fn on(disk: Arc<dyn Disk>, folder: &Path, key: &[u8; 32]) -> Self {
        let shared = Shared {
            disk,
            folder: folder.to_owned(),
            keys: Arc::new(Keys::from(key)),
            at_rest: AtRest::Plain,
            leaving: Mutex::default(),
            _lock: None,
        };
        Self { shared: Arc::new(shared), segment_bytes: SEGMENT_BYTES, allowance: None }
    }

    /// [`Spool::on`], with payloads encrypted from now on; the store's folder is there, on the same disk.
    ///
    /// # Errors
    /// A wrapping key is missing, or is another one than keys of batches were wrapped with; or the disk.
    pub fn on_with(
        disk: Arc<dyn Disk>,
        folder: &Path,
        key: &[u8; 32],
        encryption: Encryption,
    ) -> Result<Self> {
        let store = KeyStore::open(Arc::clone(&disk), &encryption.folder, encryption.keys)?;
        let shared = Shared {
            disk,
            folder: folder.to_owned(),
            keys: Arc::new(Keys::from(key)),
            at_rest: AtRest::Store(store),
            leaving: Mutex::default(),
            _lock: None,
        };
        Ok(Self { shared: Arc::new(shared), segment_bytes: SEGMENT_BYTES, allowance: None })
    }

    /// Exchanges the keys that wrap, the first one, and unwrap, all of them (blocking). False where payloads are not encrypted:
    /// then nothing is changed.
    ///
    /// # Errors
    /// A key is missing with which keys of batches are wrapped, or is another one; the keys stay as they were then.
    pub fn replace_keys(&self, keys: Vec<WrappingKey>) -> Result<bool> {
        match &self.shared.at_rest {
            AtRest::Store(store) => store.replace(keys).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Wraps with the first key what is wrapped with another one (blocking): beside all other work.
    ///
    /// # Errors
    /// The file system; what was wrapped anew until then is, and nothing is lost.
    pub fn rewrap(&self) -> Result<Rewrapped> {
        match &self.shared.at_rest {
            AtRest::Store(store) => store.rewrap(),
            _ => Ok(Rewrapped::default()),
        }
    }

    /// Destroys the keys of these batches, for good (blocking): what of them is encrypted nobody can read from now on.
    ///
    /// # Errors
    /// The file system.
    pub fn destroy_keys(&self, batches: &[BatchId]) -> Result<()> {
        let AtRest::Store(store) = &self.shared.at_rest else { return Ok(()) };
        batches.iter().try_for_each(|batch| store.destroy(*batch))?;
        store.sync()
    }

    /// Payloads are encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.shared.at_rest, AtRest::Store(_))
    }

    /// The same spool, closing segments after so many canonical bytes (at least 1, at most 16 MiB). What is there
    /// already can be read as before.
    #[must_use]
    pub fn with_segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes.clamp(1, 16 * 1024 * 1024);
        self
    }

    /// Bytes that a record takes beside its own, rounded up: for its length, its place in the index, and its key there.
    pub const BESIDE_A_RECORD: u64 = 32;

    /// The same spool for one batch, which writes no more than there is room for.
    #[must_use]
    pub fn bounded_by(&self, allowance: Arc<dyn Allowance>) -> Self {
        Self { allowance: Some(allowance), ..self.clone() }
    }

    /// Begins a batch.
    ///
    /// # Errors
    /// The file system, or the batch exists.
    pub fn create(&self, batch: BatchId) -> Result<BatchWriter> {
        BatchWriter::create(self.clone(), batch)
    }

    /// Opens a sealed batch to read.
    ///
    /// # Errors
    /// The batch is not there, not sealed, or not authentic.
    pub fn reader(&self, batch: BatchId) -> Result<SpoolReader> {
        SpoolReader::open(self.clone(), batch)
    }

    /// Removes a batch, its key first; one that is not there is no error.
    ///
    /// # Errors
    /// The file system.
    pub fn remove(&self, batch: BatchId) -> Result<()> {
        if let AtRest::Store(store) = &self.shared.at_rest {
            #[cfg(feature = "planted")]
            if !crate::planted::is(crate::planted::Bug::KeyOutlivesBatch) {
                store.destroy(batch)?;
            }
            #[cfg(not(feature = "planted"))]
            store.destroy(batch)?;
        }
        let folder = self.folder_of(batch);
        match self.disk().remove_folder(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.at("removing", &folder),
        }
    }

    /// These batches' payloads are to go; remembered until they have, or may not.
    pub(crate) fn leave(&self, batches: &[BatchId]) {
        self.locked_leaving().extend(batches);
    }

    /// What is to go and has not gone.
    pub(crate) fn leaving(&self) -> Vec<BatchId> {
        self.locked_leaving().iter().copied().collect()
    }

    /// This one has gone, or does not go.
    pub(crate) fn left(&self, batch: BatchId) {
        self.locked_leaving().remove(&batch);
    }

    fn locked_leaving(&self) -> MutexGuard<'_, BTreeSet<BatchId>> {
        self.shared.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The batches that have a folder, sealed or not, in no order.
    ///
    /// # Errors
    /// The file system.
    pub fn batches(&self) -> Result<Vec<BatchId>> {
        batches(self.disk(), &self.shared.folder)
    }

    /// Removes every batch that is not to be kept. To be called before anything is written: it would take a batch
    /// that is being written for one that was left behind. Returns those removed.
    ///
    /// # Errors
    /// The file system.
    pub fn recover(&self, keep: impl Fn(BatchId) -> bool) -> Result<Vec<BatchId>> {
        let mut removed = self.batches()?;
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::RecoveryRemovesAccepted) {
            removed.sort_unstable();
            removed.iter().take(1).try_for_each(|batch| self.remove(*batch))?;
        }
        removed.retain(|batch| !keep(*batch));
        removed.sort_unstable();
        removed.iter().try_for_each(|batch| self.remove(*batch))?;
        if let AtRest::Store(store) = &self.shared.at_rest {
            store.retain(&keep)?;
        }
        if !removed.is_empty() {
            sync_folder(self.disk(), &self.shared.folder)?;
        }
        Ok(removed)
    }

    /// A hash of what recognises a repeated request, under a key of this spool's (HMAC-SHA256): who has the ledger alone
    /// cannot try out which key or which content it stands for. `kind` keeps the kinds apart.
    pub fn keyed_hash(&self, kind: &str, text: &[u8]) -> Digest {
        self.shared.keys.hash(kind, text)
    }

    /// The key that a new folder is encrypted with, if it is to be.
    fn key_to_write(&self) -> Result<Option<Arc<DataKey>>> {
        Ok(match &self.shared.at_rest {
            AtRest::Plain => None,
            AtRest::Store(_) => Some(Arc::new(DataKey::random()?)),
            AtRest::Batch(key) => Some(Arc::clone(key)),
        })
    }

    /// Keeps the key of a new batch; that of a part of one is kept.
    fn keep_key(&self, batch: BatchId, key: &DataKey) -> Result<()> {
        match &self.shared.at_rest {
            AtRest::Store(store) => store.keep(batch, key),
            _ => Ok(()),
        }
    }

    /// The key of a batch that is encrypted.
    fn key_to_read(&self, batch: BatchId) -> Result<Arc<DataKey>> {
        match &self.shared.at_rest {
            AtRest::Plain => Err(SpoolError::Encrypted(batch)),
            AtRest::Store(store) => store.key_of(batch).map(Arc::new),
            AtRest::Batch(key) => Ok(Arc::clone(key)),
        }
    }

    fn folder_of(&self, batch: BatchId) -> PathBuf {
        self.shared.folder.join(batch.to_string())
    }

    fn disk(&self) -> &dyn Disk {
        &*self.shared.disk
    }

    fn keys(&self) -> &Keys {
        &self.shared.keys
    }
}

/// Batches by the names of folders; anything else in the spool is left alone.
fn batches(disk: &dyn Disk, folder: &Path) -> Result<Vec<BatchId>> {
    let names = disk.names(folder).at("listing", folder)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = key_file::private().create(true).truncate(false).open(&path).at("opening", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(SpoolError::InUse { folder: folder.to_owned() }),
        Err(fs::TryLockError::Error(error)) => Err(error).at("locking", &path),
    }
}

/// The folder that a path's own name is in.
fn folder_above(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn segment_path(folder: &Path, counter: u32) -> PathBuf {
    folder.join(format!("{counter:08}.seg"))
}

#[cfg(test)]
mod at_rest_tests;
#[cfg(test)]
mod tests;
