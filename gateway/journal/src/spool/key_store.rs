//! Where the wrapped keys of batches lie: a folder apart from spool and ledger, that nobody backs up.
//!
//! A file for each batch, named by the batch and by the key that wraps its own: what is wrapped anew is a new file, and the old
//! one goes. `check.ID` says that something may be wrapped with the key of that id, and shows at each start whether the key that
//! bears it is the same.

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
/// Before the id in the name of a check.
const CHECK: &str = "check";

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

    /// Exchanges the wrapping keys, or leaves them as they are.
    pub(super) fn replace(&self, keys: Vec<WrappingKey>) -> Result<()> {
        let names = self.names()?;
        for id in names.iter().filter_map(|name| name.strip_prefix(CHECK)?.strip_prefix('.')) {
            let Some(key) = keys.iter().find(|key| key.id() == id) else {
                return Err(SpoolError::WrappingKeyMissing { id: id.to_owned() });
            };
            match self.unwrap(key, &check_name(id), None) {
                Ok(_) => {}
                // It broke off while it was made: nothing is wrapped with it that anybody was promised.
                Err(SpoolError::Damaged { .. }) if !self.is_used(&names, id) => {
                    self.remove(&check_name(id))?;
                }
                Err(SpoolError::Damaged { .. }) => {
                    return Err(SpoolError::WrappingKeyWrong { id: id.to_owned() });
                }
                Err(error) => return Err(error),
            }
        }
        let current = keys.first().ok_or(SpoolError::WrappingKeyMissing { id: "any".to_owned() })?;
        if !self.disk.exists(&self.folder.join(check_name(current.id()))).at("looking for", &self.folder)? {
            let nothing = DataKey::from(Zeroizing::new([0; KEY_BYTES]));
            self.write(&check_name(current.id()), current, None, &nothing)?;
            sync_folder(&*self.disk, &self.folder)?;
        }
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    fn is_used(&self, names: &[String], id: &str) -> bool {
        names.iter().filter_map(|name| entry(name)).any(|(_, wrapped_with)| wrapped_with == id)
    }

    /// Keeps the key of a new batch. On the disk when this returns.
    pub(super) fn keep(&self, batch: BatchId, key: &DataKey) -> Result<()> {
        let _changing = self.changing();
        let ring = self.ring();
        let Some(current) = ring.first() else { return Err(SpoolError::DataKeyGone(batch)) };
        self.write(&entry_name(batch, current.id()), current, Some(batch), key)?;
        sync_folder(&*self.disk, &self.folder)
    }

    /// The key of a batch that is encrypted.
    pub(super) fn key_of(&self, batch: BatchId) -> Result<DataKey> {
        // Twice: what is wrapped anew meanwhile may be there under a name that was looked for before.
        for _ in 0..2 {
            for key in self.ring().iter() {
                match self.unwrap(key, &entry_name(batch, key.id()), Some(batch)) {
                    Err(SpoolError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                    other => return other,
                }
            }
        }
        Err(SpoolError::DataKeyGone(batch))
    }

    /// Destroys the key of a batch: overwritten as far as the disk does that, and removed. None there is no error.
    pub(super) fn destroy(&self, batch: BatchId) -> Result<()> {
        let _changing = self.changing();
        for key in self.ring().iter() {
            self.remove(&entry_name(batch, key.id()))?;
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
            if entry(&name).is_some_and(|(batch, _)| !keep(batch)) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Wraps with the present key what is wrapped with another one.
    pub(super) fn rewrap(&self) -> Result<Rewrapped> {
        let ring = self.ring();
        let Some(current) = ring.first() else { return Ok(Rewrapped::default()) };
        let mut done = Rewrapped::default();
        let names = self.names()?;
        let old: Vec<(&String, BatchId, &WrappingKey)> = names
            .iter()
            .filter_map(|name| {
                let (batch, id) = entry(name).filter(|(_, id)| *id != current.id())?;
                Some((name, batch, ring.iter().find(|key| key.id() == id)?))
            })
            .collect();
        for (name, batch, key) in &old {
            let _changing = self.changing();
            let data = match self.unwrap(key, name, Some(*batch)) {
                Err(SpoolError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => continue,
                other => other?,
            };
            let new = entry_name(*batch, current.id());
            // Of an earlier try that broke off, perhaps torn: the old one is still there.
            self.remove(&new)?;
            self.write(&new, current, Some(*batch), &data)?;
            done.batches += 1;
        }
        if !old.is_empty() {
            sync_folder(&*self.disk, &self.folder)?;
            for (name, ..) in &old {
                let _changing = self.changing();
                self.remove(name)?;
            }
        }
        for key in ring.iter().skip(1) {
            let check = check_name(key.id());
            if names.contains(&check) {
                self.remove(&check)?;
                done.retired += 1;
            }
        }
        if done != Rewrapped::default() {
            sync_folder(&*self.disk, &self.folder)?;
        }
        Ok(done)
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

    fn write(&self, name: &str, with: &WrappingKey, batch: Option<BatchId>, key: &DataKey) -> Result<()> {
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

    fn unwrap(&self, with: &WrappingKey, name: &str, batch: Option<BatchId>) -> Result<DataKey> {
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
        let opened = opened.map_err(|_| damaged("the key of its name does not unwrap it"))?;
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
fn said(batch: Option<BatchId>, id: &str) -> Vec<u8> {
    let mut said = b"sekisho data key 1".to_vec();
    said.extend_from_slice(batch.as_ref().map_or(&[0; 16][..], |batch| batch.as_bytes()));
    said.push(u8::from(batch.is_some()));
    said.extend_from_slice(id.as_bytes());
    said
}

fn check_name(id: &str) -> String {
    format!("{CHECK}.{id}")
}

fn entry_name(batch: BatchId, id: &str) -> String {
    format!("{batch}.{id}")
}

/// Batch and id of the wrapping key, by the name of a file.
fn entry(name: &str) -> Option<(BatchId, &str)> {
    let (batch, id) = name.split_once('.')?;
    Some((batch.parse().ok()?, id))
}

#[cfg(test)]
mod tests;
