//! A disk in memory that promises what a file system does, and not more: after a power failure, what was not synced is there,
//! torn or gone, and a name that was not synced is there or not.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sekisho_journal::{Disk, DiskFile};

/// How often the disk does what it should not.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskFaults {
    /// A create, write or sync fails.
    pub write: f64,
    /// A read fails, for the moment.
    pub read: f64,
}

/// The disk. A clone is the same one.
#[derive(Debug, Clone)]
pub struct ModelDisk {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    random: fastrand::Rng,
    faults: DiskFaults,
    root: Folder,
    /// The process dies at its so many-th next deed.
    deeds_left: Option<u32>,
}

#[derive(Debug, Clone, Default)]
struct Folder {
    now: BTreeMap<String, Node>,
    synced: BTreeMap<String, Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Folder(Arc<Mutex<Folder>>),
    File(Arc<Mutex<Content>>),
}

#[derive(Debug, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Writes since the last sync: offset and bytes.
    unsynced: Vec<(usize, Vec<u8>)>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn killed() -> Error {
    Error::other("the process is dead")
}

impl ModelDisk {
    /// An empty disk.
    pub fn new(seed: u64, faults: DiskFaults) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let inner = Inner { random, faults, root: Folder::default(), deeds_left: None };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Other faults from now on.
    pub fn set_faults(&self, faults: DiskFaults) {
        held(&self.inner).faults = faults;
    }

    /// The process dies at its so many-th next create, write or sync; `None`: it does not.
    pub fn die_after(&self, deeds: Option<u32>) {
        held(&self.inner).deeds_left = deeds;
    }

    /// The process is dead: nothing it does counts any more.
    pub fn is_dead(&self) -> bool {
        held(&self.inner).deeds_left == Some(0)
    }

    /// Power fails: what was not synced is there, torn or gone.
    pub fn lose_power(&self) {
        let inner = &mut *held(&self.inner);
        lose(&mut inner.root, &mut inner.random);
    }

    fn deed(&self) -> Result<MutexGuard<'_, Inner>> {
        let mut inner = held(&self.inner);
        if let Some(left) = &mut inner.deeds_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Err(killed());
            }
        }
        let fault = inner.faults.write;
        if inner.random.f64() < fault {
            let kind = if inner.random.bool() { ErrorKind::StorageFull } else { ErrorKind::Other };
            return Err(kind.into());
        }
        Ok(inner)
    }

    fn look(&self) -> Result<MutexGuard<'_, Inner>> {
        let mut inner = held(&self.inner);
        if inner.deeds_left == Some(0) {
            return Err(killed());
        }
        let fault = inner.faults.read;
        if inner.random.f64() < fault { Err(ErrorKind::Other.into()) } else { Ok(inner) }
    }
}

fn lose(folder: &mut Folder, random: &mut fastrand::Rng) {
    let mut names: BTreeMap<String, Node> = BTreeMap::new();
    for (name, node) in folder.synced.iter().chain(&folder.now) {
        let lasts = folder.synced.contains_key(name) && folder.now.contains_key(name);
        if !names.contains_key(name) && (lasts || random.bool()) {
            names.insert(name.clone(), node.clone());
        }
    }
    for node in names.values() {
        match node {
            Node::Folder(folder) => lose(&mut held(folder), random),
            Node::File(content) => {
                let content = &mut *held(content);
                for (offset, bytes) in std::mem::take(&mut content.unsynced) {
                    let kept = match random.u8(..3) {
                        0 => bytes.len(),
                        1 => 0,
                        _ => random.usize(..=bytes.len()),
                    };
                    put(&mut content.synced, offset, &bytes[..kept]);
                }
                content.now = content.synced.clone();
            }
        }
    }
    folder.now = names.clone();
    folder.synced = names;
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

fn parts(path: &Path) -> (Vec<&str>, Option<&str>) {
    let mut parts: Vec<&str> = path
        .components()
        .filter_map(|part| if let Component::Normal(name) = part { name.to_str() } else { None })
        .collect();
    let last = parts.pop();
    (parts, last)
}

/// Does something with a folder below the root.
fn within<T>(root: &mut Folder, path: &[&str], work: impl FnOnce(&mut Folder) -> Result<T>) -> Result<T> {
    match path.split_first() {
        None => work(root),
        Some((first, rest)) => match root.now.get(*first) {
            Some(Node::Folder(folder)) => within(&mut held(&Arc::clone(folder)), rest, work),
            _ => Err(ErrorKind::NotFound.into()),
        },
    }
}

/// Does something with the folder that a name is in.
fn at<T>(root: &mut Folder, path: &Path, work: impl FnOnce(&mut Folder, &str) -> Result<T>) -> Result<T> {
    let (folder, name) = parts(path);
    let name = name.ok_or(ErrorKind::InvalidInput)?;
    within(root, &folder, |folder| work(folder, name))
}

impl Disk for ModelDisk {
    fn create_folder(&self, path: &Path) -> Result<()> {
        at(&mut self.deed()?.root, path, |folder, name| {
            if folder.now.contains_key(name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            folder.now.insert(name.to_owned(), Node::Folder(Arc::default()));
            Ok(())
        })
    }

    fn remove_folder(&self, path: &Path) -> Result<()> {
        at(&mut self.deed()?.root, path, |folder, name| {
            folder.now.remove(name).map(drop).ok_or(ErrorKind::NotFound.into())
        })
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        match at(&mut self.look()?.root, path, |folder, name| Ok(folder.now.contains_key(name))) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            other => other,
        }
    }

    fn names(&self, folder: &Path) -> Result<Vec<String>> {
        let (mut path, last) = parts(folder);
        path.extend(last);
        within(&mut self.look()?.root, &path, |folder| Ok(folder.now.keys().cloned().collect()))
    }

    fn sync_folder(&self, folder: &Path) -> Result<()> {
        let (mut path, last) = parts(folder);
        path.extend(last);
        within(&mut self.deed()?.root, &path, |folder| {
            folder.synced = folder.now.clone();
            Ok(())
        })
    }

    fn create_file(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        let content = at(&mut self.deed()?.root, path, |folder, name| {
            if folder.now.contains_key(name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let content: Arc<Mutex<Content>> = Arc::default();
            folder.now.insert(name.to_owned(), Node::File(Arc::clone(&content)));
            Ok(content)
        })?;
        Ok(Box::new(ModelFile { disk: self.clone(), content }))
    }

    fn open_file(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        let content = at(&mut self.look()?.root, path, |folder, name| match folder.now.get(name) {
            Some(Node::File(content)) => Ok(Arc::clone(content)),
            _ => Err(ErrorKind::NotFound.into()),
        })?;
        Ok(Box::new(ModelFile { disk: self.clone(), content }))
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        at(&mut self.deed()?.root, path, |folder, name| {
            folder.now.remove(name).map(drop).ok_or(ErrorKind::NotFound.into())
        })
    }
}

#[derive(Debug)]
struct ModelFile {
    disk: ModelDisk,
    content: Arc<Mutex<Content>>,
}

impl DiskFile for ModelFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        drop(self.disk.deed()?);
        let content = &mut *held(&self.content);
        put(&mut content.now, offset as usize, bytes);
        content.unsynced.push((offset as usize, bytes.to_vec()));
        Ok(())
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        drop(self.disk.look()?);
        let content = held(&self.content);
        let offset = offset as usize;
        let there = content.now.get(offset..offset + bytes.len()).ok_or(ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(there);
        Ok(())
    }

    fn size(&self) -> Result<u64> {
        drop(self.disk.look()?);
        Ok(held(&self.content).now.len() as u64)
    }

    fn sync(&self) -> Result<()> {
        let done = self.disk.deed().map(drop);
        let content = &mut *held(&self.content);
        let writes = std::mem::take(&mut content.unsynced);
        // After a sync that failed, the system has forgotten what was to be written: a later one proves nothing.
        if done.is_ok() {
            for (offset, bytes) in writes {
                put(&mut content.synced, offset, &bytes);
            }
        }
        done
    }
}
