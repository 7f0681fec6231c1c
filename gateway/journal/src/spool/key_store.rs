//! Where the wrapped keys of batches lie: a folder apart from spool and ledger, that nobody backs up.
//!
//! A file for each batch, named by the batch and by the key that wraps its own. What is wrapped anew is a new file, under a name
//! that is free, and only when that lasts do the old ones go: after a sync that failed nobody knows of a file that is there whether
//! it lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use aws_lc_rs::aead::{Aad, Nonce};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::data_key::{DataKey, KEY_BYTES, TAG, seal};
use super::disk::{self, Disk, sync_folder};
use super::error::{IoContext, Result, SpoolError};
use super::wrapping_key::WrappingKey;
use crate::identity::BatchId;

const MAGIC: &[u8; 8] = b"SEKIDKEY";
const VERSION: u16 = 1;
/// Magic and version.
const HEAD: usize = 10;
const NONCE: usize = 12;
/// Bytes of a file.
const FILE: usize = HEAD + NONCE + KEY_BYTES + TAG;
/// Whole by its form, and still none: the key is another one, or somebody has altered it.
const NOT_UNWRAPPED: &str = "the key of its name does not unwrap it";
/// Names that a batch may have for one wrapping key: as often may wrapping anew break off until it comes to its end.
const TRIES: u8 = 8;

/// The store.
#[derive(Debug)]
pub(super) struct KeyStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    ring: RwLock<Arc<Ring>>,
    /// Held while a batch's files change: what is destroyed is not wrapped anew at the same time.
    changing: Mutex<()>,
}

/// The keys that wrap and unwrap, the one that wraps first.
type Ring = Vec<WrappingKey>;

/// What was wrapped anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys of so many batches.
    pub batches: u64,
    /// So many wrapping keys have nothing left to unwrap.
    pub retired: u64,
}

impl KeyStore {
    /// Opens the store in a folder that is there, and looks whether these keys are those that its content is wrapped with.
    pub(super) fn open(disk: Arc<dyn Disk>, folder: &Path, keys: Vec<WrappingKey>) -> Result<Self> {
        let ring = RwLock::new(Arc::new(Vec::new()));
        let store = Self { disk, folder: folder.to_owned(), ring, changing: Mutex::new(()) };
        store.replace(keys)?;
        Ok(store)
    }

    /// Exchanges the wrapping keys, or leaves them as they are: if one is missing with which something is wrapped, or is not the
    /// same.
    pub(super) fn replace(&self, keys: Vec<WrappingKey>) -> Result<()> {
        let names = self.names()?;
        let entries: Vec<Entry<'_>> = names.iter().filter_map(|name| Entry::of(name)).collect();
        let used: BTreeSet<&str> = entries.iter().map(|entry| entry.id).collect();
        for id in used {
            let Some(key) = keys.iter().find(|key| key.id() == id) else {
                return Err(SpoolError::WrappingKeyMissing { id: id.to_owned() });
            };
            // One is enough, and mostly the first. What a crash has torn speaks neither for the key nor against it.
            let mut wrong = false;
            for entry in entries.iter().filter(|entry| entry.id == id) {
                match self.unwrap(key, &entry.name(), entry.batch) {
                    Ok(_) => {
                        wrong = false;
                        break;
                    }
                    Err(SpoolError::Damaged { what, .. }) => wrong |= what == NOT_UNWRAPPED,
                    Err(error) => return Err(error),
                }
            }
            if wrong {
                return Err(SpoolError::WrappingKeyWrong { id: id.to_owned() });
            }
        }
        if keys.is_empty() {
            return Err(SpoolError::WrappingKeyMissing { id: "any".to_owned() });
        }
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// Keeps the key of a new batch. On the disk when this returns.
    pub(super) fn keep(&self, batch: BatchId, key: &DataKey) -> Result<()> {
        let _changing = self.changing();
        let ring = self.ring();
        let Some(current) = ring.first() else { return Err(SpoolError::DataKeyGone(batch)) };
        self.write(&Entry { batch, id: current.id(), number: 0 }.name(), current, batch, key)?;
        sync_folder(&*self.disk, &self.folder)
    }

    /// The key of a batch that is encrypted.
    pub(super) fn key_of(&self, batch: BatchId) -> Result<DataKey> {
        let mut damaged = None;
        // Twice: what is wrapped anew meanwhile may be there under a name that was looked for before.
        for _ in 0..2 {
            let ring = self.ring();
            for (key, number) in ring.iter().flat_map(|key| (0..TRIES).map(move |number| (key, number))) {
                match self.unwrap(key, &Entry { batch, id: key.id(), number }.name(), batch) {
                    Err(error) if is_not_found(&error) => {}
                    // Torn while it was wrapped anew: then it is there under another name.
                    Err(error @ SpoolError::Damaged { .. }) => damaged = Some(error),
                    other => return other,
                }
            }
        }
        Err(damaged.unwrap_or(SpoolError::DataKeyGone(batch)))
    }

    /// Destroys the key of a batch: overwritten as far as the disk does that, and removed. None there is no error.
    pub(super) fn destroy(&self, batch: BatchId) -> Result<()> {
        let _changing = self.changing();
        for key in self.ring().iter() {
            for number in 0..TRIES {
                self.remove(&Entry { batch, id: key.id(), number }.name())?;
            }
        }
        Ok(())
    }

    /// What was destroyed stays destroyed from now on, whatever happens.
    pub(super) fn sync(&self) -> Result<()> {
        sync_folder(&*self.disk, &self.folder)
    }

    /// Destroys the keys of all batches that are not to be kept: what a crash has left.
    pub(super) fn retain(&self, keep: impl Fn(BatchId) -> bool) -> Result<()> {
        let _changing = self.changing();
        for name in self.names()? {
            if Entry::of(&name).is_some_and(|entry| !keep(entry.batch)) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Wraps with the present key what is wrapped with another one, or what an earlier try has left under several names.
    pub(super) fn rewrap(&self) -> Result<Rewrapped> {
        let ring = self.ring();
        let Some(current) = ring.first() else { return Ok(Rewrapped::default()) };
        let names = self.names()?;
        let mut batches: BTreeMap<BatchId, Vec<Entry<'_>>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for entry in names.iter().filter_map(|name| Entry::of(name)) {
            batches.entry(entry.batch).or_default().push(entry);
            used.insert(entry.id);
        }
        batches
            .retain(|_, entries| entries.len() > 1 || entries.iter().any(|entry| entry.id != current.id()));
        let mut done = Rewrapped::default();
        for (batch, entries) in &batches {
            let _changing = self.changing();
            let Some(key) = self.any_of(&ring, entries)? else { continue };
            let is_free = |number: &u8| {
                !entries.iter().any(|entry| entry.id == current.id() && entry.number == *number)
            };
            let number = (0..TRIES).find(is_free).unwrap_or(0);
            self.write(&Entry { batch: *batch, id: current.id(), number }.name(), current, *batch, &key)?;
            done.batches += 1;
        }
        if batches.is_empty() {
            return Ok(done);
        }
        // From here on the new ones last, and the others go.
        sync_folder(&*self.disk, &self.folder)?;
        for entry in batches.values().flatten() {
            let _changing = self.changing();
            self.remove(&entry.name())?;
        }
        done.retired = used.iter().filter(|id| **id != current.id()).count() as u64;
        sync_folder(&*self.disk, &self.folder)?;
        Ok(done)
    }

    /// The key that these files of one batch hold, if any is left; torn ones go.
    fn any_of(&self, ring: &Ring, entries: &[Entry<'_>]) -> Result<Option<DataKey>> {
        let (mut found, mut torn, mut damaged) = (None, Vec::new(), None);
        for entry in entries {
            let Some(key) = ring.iter().find(|key| key.id() == entry.id) else { continue };
            match self.unwrap(key, &entry.name(), entry.batch) {
                Ok(key) => found = Some(key),
                Err(error) if is_not_found(&error) => {}
                Err(error @ SpoolError::Damaged { .. }) => {
                    torn.push(entry);
                    damaged = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match (found, damaged) {
            (Some(key), _) => {
                torn.into_iter().try_for_each(|entry| self.remove(&entry.name()))?;
                Ok(Some(key))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn names(&self) -> Result<Vec<String>> {
        self.disk.names(&self.folder).at("listing", &self.folder)
    }

    fn write(&self, name: &str, with: &WrappingKey, batch: BatchId, key: &DataKey) -> Result<()> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).map_err(|_| SpoolError::NoRandom)?;
        let mut wrapped = Zeroizing::new(Vec::with_capacity(KEY_BYTES + TAG));
        wrapped.extend_from_slice(key.bytes());
        seal(with.cipher(), nonce, &said(batch, with.id()), &mut wrapped);
        let mut bytes = Vec::with_capacity(FILE);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&wrapped);
        let path = self.folder.join(name);
        let file = disk::create_file(&*self.disk, &path)?;
        disk::write_at(&*file, &path, &bytes, 0)?;
        disk::sync_file(&*file, &path)
    }

    fn unwrap(&self, with: &WrappingKey, name: &str, batch: BatchId) -> Result<DataKey> {
        let path = self.folder.join(name);
        let damaged = |what| SpoolError::Damaged { path: path.clone(), what };
        let file = self.disk.open_file(&path).at("opening", &path)?;
        if file.size().at("reading", &path)? != FILE as u64 {
            return Err(damaged("it has another length than a wrapped key"));
        }
        let mut bytes = Zeroizing::new([0; FILE]);
        file.read_exact_at(&mut *bytes, 0).at("reading", &path)?;
        let (head, rest) = bytes.split_at_mut(HEAD);
        let (nonce, wrapped) = rest.split_at_mut(NONCE);
        if !head.starts_with(MAGIC) {
            return Err(damaged("it is no wrapped key"));
        }
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version != VERSION {
            return Err(SpoolError::Newer { path, found: version, known: VERSION });
        }
        let mut number = [0; NONCE];
        number.copy_from_slice(nonce);
        let (nonce, said) = (Nonce::assume_unique_for_key(number), said(batch, with.id()));
        let opened = with.cipher().open_in_place(nonce, Aad::from(said), wrapped);
        let opened = opened.map_err(|_| damaged(NOT_UNWRAPPED))?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(opened);
        Ok(DataKey::from(key))
    }

    /// Overwrites and removes a file that may not be there.
    fn remove(&self, name: &str) -> Result<()> {
        let path = self.folder.join(name);
        match self.disk.wipe_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.at("removing", &path),
        }
    }
}

/// What is bound to a wrapped key.
fn said(batch: BatchId, id: &str) -> Vec<u8> {
    let mut said = b"sekisho data key 1".to_vec();
    said.extend_from_slice(batch.as_bytes());
    said.extend_from_slice(id.as_bytes());
    said
}

fn is_not_found(error: &SpoolError) -> bool {
    matches!(error, SpoolError::Io { source, .. } if source.kind() == ErrorKind::NotFound)
}

/// What the name of a file says: `BATCH.ID`, or `BATCH.ID.NUMBER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry<'n> {
    batch: BatchId,
    /// Of the key that it is wrapped with.
    id: &'n str,
    /// Which of the names that the batch has for this key.
    number: u8,
}

impl<'n> Entry<'n> {
    fn of(name: &'n str) -> Option<Self> {
        let (batch, rest) = name.split_once('.')?;
        let (id, number) = match rest.split_once('.') {
            Some((id, number)) => (id, number.parse().ok()?),
            None => (rest, 0),
        };
        Some(Self { batch: batch.parse().ok()?, id, number })
    }

    fn name(&self) -> String {
        match self.number {
            0 => format!("{}.{}", self.batch, self.id),
            number => format!("{}.{}.{number}", self.batch, self.id),
        }
    }
}

#[cfg(test)]
mod tests;
