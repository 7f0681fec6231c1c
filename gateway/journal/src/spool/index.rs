//! A batch's index file: its first page, and the way from a record to its segment.

use std::path::{Path, PathBuf};

use super::disk::{self, Disk, DiskFile};
use super::error::{IoContext, Result, SpoolError};
use super::key_file::Keys;
use super::pages::{self, Fields, Kind, PAYLOAD};
use crate::identity::{BatchId, Digest};

const MAGIC: &[u8; 8] = b"SEKINDEX";
const VERSION: u16 = 1;
/// Records from one entry to the next.
pub(super) const STRIDE: u64 = 256;
/// Segment and offset, 4 bytes each.
const ENTRY: usize = 8;
const ENTRIES: u64 = (PAYLOAD / ENTRY) as u64;

/// The first page: what the whole batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) records: u64,
    pub(super) segments: u32,
    pub(super) bytes: u64,
    pub(super) digest: Digest,
    /// Records that have a key: entries in the key pages.
    pub(super) keyed: u64,
    pub(super) duplicates: u64,
    /// Number of the first key page; record pages are 1 to there.
    pub(super) key_page: u64,
    /// Its segments are encrypted with the batch's key.
    pub(super) encrypted: bool,
}

/// A flag: the segments are encrypted.
const ENCRYPTED: u16 = 1;

impl Head {
    fn encode(&self, key_id: [u8; 8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(if self.encrypted { ENCRYPTED } else { 0 }).to_le_bytes());
        bytes.extend_from_slice(&self.segments.to_le_bytes());
        bytes.extend_from_slice(&key_id);
        for number in [self.records, self.bytes, self.keyed, self.duplicates, self.key_page] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.digest.0);
        bytes
    }
}

/// An index being written.
#[derive(Debug)]
pub(super) struct IndexWriter {
    pub(super) file: Box<dyn DiskFile>,
    pub(super) path: PathBuf,
    batch: BatchId,
    entries: Vec<u8>,
    /// The page that `entries` will be.
    page: u64,
}

impl IndexWriter {
    pub(super) fn create(disk: &dyn Disk, folder: &Path, batch: BatchId) -> Result<Self> {
        let path = folder.join("index");
        let file = disk::create_file(disk, &path)?;
        Ok(Self { file, path, batch, entries: Vec::new(), page: 1 })
    }

    /// Every [`STRIDE`]th record lies there.
    pub(super) fn push(&mut self, keys: &Keys, segment: u32, offset: u32) -> Result<()> {
        self.entries.extend_from_slice(&segment.to_le_bytes());
        self.entries.extend_from_slice(&offset.to_le_bytes());
        if self.entries.len() + ENTRY > PAYLOAD { self.flush(keys) } else { Ok(()) }
    }

    /// Completes the record pages. Returns the number of the page after them.
    pub(super) fn flush_all(&mut self, keys: &Keys) -> Result<u64> {
        if !self.entries.is_empty() {
            self.flush(keys)?;
        }
        Ok(self.page)
    }

    fn flush(&mut self, keys: &Keys) -> Result<()> {
        pages::write(&*self.file, &self.path, keys, self.batch, Kind::Records, self.page, &self.entries)?;
        self.entries.clear();
        self.page += 1;
        Ok(())
    }

    /// Writes the first page: only now is the batch sealed. Durable when this returns.
    pub(super) fn seal(self, keys: &Keys, head: &Head) -> Result<()> {
        pages::write(&*self.file, &self.path, keys, self.batch, Kind::Head, 0, &head.encode(keys.id))?;
        disk::sync_file(&*self.file, &self.path)
    }
}

/// The index of a sealed batch.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) file: Box<dyn DiskFile>,
    pub(super) path: PathBuf,
    pub(super) batch: BatchId,
    pub(super) head: Head,
}

impl Index {
    pub(super) fn open(disk: &dyn Disk, folder: &Path, keys: &Keys, batch: BatchId) -> Result<Self> {
        let path = folder.join("index");
        let file = match disk.open_file(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let there = disk.exists(folder).at("looking for", folder)?;
                return Err(if there { SpoolError::NotSealed(batch) } else { SpoolError::Unknown(batch) });
            }
            Err(error) => return Err(error).at("opening", &path),
        };
        // What may not be trusted yet is looked at first: it says more than that the page is not authentic.
        let mut start = [0; 24];
        let filled = read_start(&*file, &mut start).at("reading", &path)?;
        let mut fields = Fields(&start);
        if !filled || start == [0; 24] {
            return Err(SpoolError::NotSealed(batch));
        }
        if &fields.bytes::<8>() != MAGIC {
            return Err(SpoolError::Damaged { path, what: "it is no index" });
        }
        let version = fields.u16();
        if version != VERSION {
            return Err(SpoolError::Newer { path, found: version, known: VERSION });
        }
        let (_, _) = (fields.u16(), fields.u32());
        if fields.bytes::<8>() != keys.id {
            return Err(SpoolError::OtherKey { path });
        }

        let page = pages::read(&*file, &path, keys, batch, Kind::Head, 0)?;
        let mut fields = Fields(&page[10..]);
        let flags = fields.u16();
        if flags & !ENCRYPTED != 0 {
            return Err(SpoolError::Damaged { path, what: "it has flags that this gateway does not know" });
        }
        let segments = fields.u32();
        let _: [u8; 8] = fields.bytes();
        let (records, bytes, keyed) = (fields.u64(), fields.u64(), fields.u64());
        let (duplicates, key_page) = (fields.u64(), fields.u64());
        let digest = Digest(fields.bytes());
        let head = Head {
            records,
            segments,
            bytes,
            digest,
            keyed,
            duplicates,
            key_page,
            encrypted: flags & ENCRYPTED != 0,
        };
        Ok(Self { file, path, batch, head })
    }

    /// Segment and offset at which the last indexed record at or before `position` begins, and which one that is.
    pub(super) fn locate(&self, keys: &Keys, position: u64) -> Result<(u32, u32, u64)> {
        let entry = position / STRIDE;
        let page =
            pages::read(&*self.file, &self.path, keys, self.batch, Kind::Records, 1 + entry / ENTRIES)?;
        let at = (entry % ENTRIES) as usize * ENTRY;
        let mut fields = Fields(&page[at..at + ENTRY]);
        Ok((fields.u32(), fields.u32(), entry * STRIDE))
    }
}

/// Fills `start` from the file's beginning; false if the file is shorter.
fn read_start(file: &dyn DiskFile, start: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact_at(start, 0) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
