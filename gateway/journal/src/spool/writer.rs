//! Writing a batch.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest;

use super::data_key::DataKey;
use super::disk::{self, sync_folder};
use super::error::{IoContext, Result, SpoolError};
use super::index::{Head, IndexWriter, STRIDE};
use super::key_index::KeySorter;
use super::segment::{Header, MOST_RECORD_BYTES, Secret, SegmentWriter, encode_varint};
use super::{Sealed, Spool, segment_path};
#[cfg(feature = "failpoints")]
use crate::failpoints::{self, Point};
use crate::identity::{BatchId, Digest};

/// A batch being written. Dropped before [`BatchWriter::seal`] returned, everything of it is removed.
///
/// Memory: at most about 512 KiB while records come, and 512 KiB while it is sealed, however many they are.
#[derive(Debug)]
pub struct BatchWriter {
    open: Option<Open>,
    folder: PathBuf,
    spool: Spool,
    batch: BatchId,
    records: u64,
    bytes: u64,
    closed: u32,
}

/// What is taken apart at sealing.
struct Open {
    index: IndexWriter,
    sorter: KeySorter,
    segment: Option<SegmentWriter>,
    buffer: Vec<u8>,
    digest: digest::Context,
    /// The key of the batch, if it is encrypted; and what is made of it for this folder.
    data_key: Option<Arc<DataKey>>,
    secret: Option<Secret>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").finish_non_exhaustive()
    }
}

impl BatchWriter {
    pub(super) fn create(spool: Spool, batch: BatchId) -> Result<Self> {
        if spool.allowance.as_ref().is_some_and(|allowance| !allowance.take(0)) {
            return Err(SpoolError::NoRoom(batch));
        }
        let folder = spool.folder_of(batch);
        match disk::create_folder(spool.disk(), &folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(SpoolError::Exists(batch));
            }
            other => other.at("creating", &folder)?,
        }
        // From here on, dropping it removes the folder.
        let mut writer = Self { open: None, folder, spool, batch, records: 0, bytes: 0, closed: 0 };
        let data_key = writer.spool.key_to_write()?;
        let secret = data_key.as_ref().map(|key| Secret::new(key.of_folder(batch))).transpose()?;
        writer.open = Some(Open {
            index: IndexWriter::create(writer.spool.disk(), &writer.folder, batch)?,
            sorter: KeySorter::new(Arc::clone(&writer.spool.shared.disk), &writer.folder),
            segment: None,
            buffer: Vec::new(),
            digest: digest::Context::new(&digest::SHA256),
            data_key,
            secret,
        });
        Ok(writer)
    }

    /// The batch.
    pub fn batch(&self) -> BatchId {
        self.batch
    }

    /// Records so far: the position of the next one.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Canonical bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a record, and its key if the layout has one.
    ///
    /// # Errors
    /// A [`SpoolError`] as the source: the file system, or a record over [`super::MOST_RECORD_BYTES`], or one for
    /// which there is no room ([`Spool::bounded_by`]). After an error
    /// the batch takes no more records and cannot be sealed.
    pub fn push(&mut self, canonical: &[u8], key: Option<&[u8]>) -> io::Result<()> {
        let Some(mut open) = self.open.take() else {
            return Err(SpoolError::NotSealed(self.batch).into());
        };
        self.add(&mut open, canonical, key)?;
        self.open = Some(open);
        Ok(())
    }

    fn add(&mut self, open: &mut Open, canonical: &[u8], key: Option<&[u8]>) -> Result<()> {
        let length = canonical.len() as u64;
        if length > MOST_RECORD_BYTES {
            let record = self.records + 1;
            return Err(SpoolError::RecordTooLong { record, length, most: MOST_RECORD_BYTES });
        }
        let taken = length + Spool::BESIDE_A_RECORD;
        if self.spool.allowance.as_ref().is_some_and(|allowance| !allowance.take(taken)) {
            return Err(SpoolError::NoRoom(self.batch));
        }
        let mut varint = [0; 10];
        let used = encode_varint(length, &mut varint);
        let full = |segment: &SegmentWriter| {
            segment.length() > 0 && segment.length() + used as u64 + length > self.spool.segment_bytes
        };
        if open.segment.as_ref().is_some_and(full) {
            self.close_segment(open, false)?;
        }
        let offset = self.segment(open)?.length();
        if self.records.is_multiple_of(STRIDE) {
            // A segment's content is far below 4 GiB.
            open.index.push(self.spool.keys(), self.closed, offset as u32)?;
        }
        self.segment(open)?.push(&varint[..used], canonical)?;
        open.digest.update(&varint[..used]);
        open.digest.update(canonical);
        if let Some(key) = key {
            open.sorter.push(self.spool.keys().fingerprint(key), self.records)?;
        }
        self.records += 1;
        self.bytes += length;
        Ok(())
    }

    /// Makes the batch durable: when this returns, files and folders are on the disk. Threads that seal at the same
    /// time do not wait for one another; the file system joins what they sync.
    ///
    /// # Errors
    /// The file system, or an earlier error of [`BatchWriter::push`]. Everything of the batch is removed then.
    pub fn seal(mut self) -> Result<Sealed> {
        let mut open = self.open.take().ok_or(SpoolError::NotSealed(self.batch))?;
        self.segment(&mut open)?; // without records there is one too: it says that it is the last
        self.close_segment(&mut open, true)?;
        let Open { mut index, sorter, digest, buffer, data_key, secret, .. } = open;
        drop((buffer, secret));
        let keys = self.spool.keys();
        let key_page = index.flush_all(keys)?;
        let merged = sorter.merge(&index, keys, self.batch, key_page)?;
        let head = Head {
            records: self.records,
            segments: self.closed,
            bytes: self.bytes,
            digest: Digest::finished(digest.finish()),
            keyed: merged.keyed,
            duplicates: merged.duplicates,
            key_page,
            encrypted: data_key.is_some(),
        };
        // Before the batch is sealed: one that is has its key.
        if let Some(key) = &data_key {
            self.spool.keep_key(self.batch, key)?;
            #[cfg(feature = "failpoints")]
            failpoints::pass(Point::DataKeyKept);
        }
        index.seal(keys, &head)?;
        sync_folder(self.spool.disk(), &self.folder)?;
        sync_folder(self.spool.disk(), &self.spool.shared.folder)?;
        self.folder = PathBuf::new(); // nothing to remove any more
        Ok(Sealed {
            batch: self.batch,
            records: head.records,
            segments: head.segments,
            bytes: head.bytes,
            stored: head.bytes + head.records * Spool::BESIDE_A_RECORD,
            records_digest: head.digest,
            duplicate_keys: merged.pairs,
            duplicates: head.duplicates,
        })
    }

    /// The segment that is being written, begun if there is none.
    fn segment<'o>(&self, open: &'o mut Open) -> Result<&'o mut SegmentWriter> {
        match &mut open.segment {
            Some(segment) => Ok(segment),
            none => {
                let path = segment_path(&self.folder, self.closed);
                let buffer = std::mem::take(&mut open.buffer);
                let keys = self.spool.keys();
                let header = Header::begin(self.batch, self.closed, self.records);
                let (disk, secret) = (self.spool.disk(), open.secret.as_ref());
                let segment = SegmentWriter::create(disk, path, keys, header, buffer, secret)?;
                Ok(none.insert(segment))
            }
        }
    }

    fn close_segment(&mut self, open: &mut Open, last: bool) -> Result<()> {
        if let Some(segment) = open.segment.take() {
            open.buffer = segment.close(last, self.spool.keys())?;
            self.closed = self.closed.checked_add(1).ok_or(SpoolError::TooManySegments(self.batch))?;
        }
        Ok(())
    }
}

impl Drop for BatchWriter {
    fn drop(&mut self) {
        if self.folder.as_os_str().is_empty() {
            return;
        }
        self.open = None;
        if let Err(error) = self.spool.remove(self.batch) {
            // It is removed at the next start.
            tracing::warn!(batch = %self.batch, code = error.code(), "an unsealed batch could not be removed");
        }
    }
}
