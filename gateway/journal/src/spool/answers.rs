//! What the upstream said of a batch's rows, beside its payload: for batches whose answer is awaited.
//!
//! What one call brought is sealed in a folder of its own within the batch's, in the same form as a payload (`spool`): a
//! record for each row, its position, its number among the position's rows and whether it was taken before the upstream's
//! own words. The folder's name says which chunk it was, and in which order calls were made. The answer that is made of all
//! of them is sealed in the same way, under a name that no call has. None of it is in the ledger, nothing of it is changed
//! once it is sealed, all of it is encrypted as the payload is, and goes with it. What was not sealed counts as never written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::error::Result;
use super::index::Index;
use super::{AtRest, BatchWriter, Records, Shared, Spool, SpoolError, SpoolReader, batches};
use crate::identity::{BatchId, Epoch};

/// Bytes after which a segment of results is closed: many of them are open at once where they are merged.
const SEGMENT_BYTES: u64 = 128 * 1024;
/// Chunks whose results are open at once.
const MOST_OPEN: usize = 32;
/// Bytes of position, number and flag before a row's text.
const HEAD_BYTES: usize = 13;
/// The epoch in the names of merged answers: no owner ever has it.
const MERGED: u32 = u32::MAX;
/// Six bytes of a name.
const SIX_BYTES: u64 = (1 << 48) - 1;

/// A call to the upstream: names sort by chunk, and those of one chunk in the order in which the calls were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallName {
    /// The chunk that it was for; below 2^48.
    pub chunk: u64,
    /// The ledger's owner who made it; below 2^32 - 1.
    pub epoch: Epoch,
    /// Its number among the owner's calls, ascending; below 2^48.
    pub call: u64,
}

impl CallName {
    fn folder(self) -> BatchId {
        let epoch = u32::try_from(self.epoch.0).unwrap_or(MERGED).min(MERGED - 1);
        name(epoch, self.chunk, self.call)
    }

    fn of(folder: BatchId) -> Option<Self> {
        let bytes = folder.as_bytes();
        let number = |range: std::ops::Range<usize>| {
            bytes.get(range).unwrap_or_default().iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let epoch = number(0..4);
        let call = Self { chunk: number(4..10), epoch: Epoch(epoch), call: number(10..16) };
        (epoch != u64::from(MERGED)).then_some(call)
    }
}

fn name(epoch: u32, chunk: u64, call: u64) -> BatchId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&epoch.to_be_bytes());
    bytes[4..10].copy_from_slice(&chunk.min(SIX_BYTES).to_be_bytes()[2..]);
    bytes[10..].copy_from_slice(&call.min(SIX_BYTES).to_be_bytes()[2..]);
    BatchId::from_bytes(bytes)
}

/// What the upstream said of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowAnswer {
    /// Position of the row's record.
    pub position: u64,
    /// Which of the record's rows it is, from 0.
    pub row: u32,
    /// The upstream says that it was taken.
    pub taken: bool,
    /// Its words, as the dialect keeps them.
    pub text: Vec<u8>,
}

impl RowAnswer {
    fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.position.to_be_bytes());
        out.extend_from_slice(&self.row.to_be_bytes());
        out.push(u8::from(self.taken));
        out.extend_from_slice(&self.text);
    }

    fn read(record: &[u8]) -> Option<Self> {
        let (head, text) = record.split_at_checked(HEAD_BYTES)?;
        let position = u64::from_be_bytes(head.get(..8)?.try_into().ok()?);
        let row = u32::from_be_bytes(head.get(8..12)?.try_into().ok()?);
        Some(Self { position, row, taken: head.last() == Some(&1), text: text.to_vec() })
    }
}

impl Spool {
    /// Keeps what a call brought (blocking), ascending by position and row; on the disk when this returns. A name is given
    /// once.
    ///
    /// # Errors
    /// The file system, the batch is not there, or the name was given already.
    pub fn keep_results(
        &self,
        batch: BatchId,
        call: CallName,
        results: impl IntoIterator<Item = RowAnswer>,
    ) -> Result<()> {
        let mut writer = self.within(batch)?.create(call.folder())?;
        let mut record = Vec::new();
        for result in results {
            result.write(&mut record);
            writer.push(&record, None).map_err(|error| SpoolError::of(error, batch))?;
        }
        writer.seal().map(|_| ())
    }

    /// What was kept of a batch's rows (blocking).
    ///
    /// # Errors
    /// The file system, or the batch is not there.
    pub fn results(&self, batch: BatchId) -> Result<KeptResults> {
        let inner = self.within(batch)?;
        let mut calls: BTreeMap<u64, Vec<CallName>> = BTreeMap::new();
        for folder in batches(inner.disk(), &inner.shared.folder)? {
            if let Some(call) = CallName::of(folder) {
                calls.entry(call.chunk).or_default().push(call);
            }
        }
        for of_chunk in calls.values_mut() {
            of_chunk.sort_unstable_by(|one, other| other.cmp(one));
        }
        Ok(KeptResults { inner, calls, open: HashMap::new(), used: 0 })
    }

    /// Begins the answer that is made of a batch's results. Made twice at the same time, either serves.
    ///
    /// # Errors
    /// The file system, or the batch is not there.
    pub fn merge(&self, batch: BatchId) -> Result<BatchWriter> {
        // The rest of a name is random.
        let mut bytes = *BatchId::new(0).as_bytes();
        bytes[..4].copy_from_slice(&MERGED.to_be_bytes());
        self.within(batch)?.create(BatchId::from_bytes(bytes))
    }

    /// The answer that was made of a batch's results, if one was sealed (blocking).
    ///
    /// # Errors
    /// The file system.
    pub fn merged(&self, batch: BatchId) -> Result<Option<SpoolReader>> {
        let inner = match self.within(batch) {
            Ok(inner) => inner,
            Err(SpoolError::Unknown(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let folders = batches(inner.disk(), &inner.shared.folder)?;
        for folder in folders.into_iter().filter(|folder| CallName::of(*folder).is_none()) {
            match inner.reader(folder) {
                Ok(reader) => return Ok(Some(reader)),
                Err(error @ SpoolError::Io { .. }) => return Err(error),
                // Broken off, or damaged: it is made again.
                Err(error) => tracing::debug!(%batch, code = error.code(), "a merged answer is passed over"),
            }
        }
        Ok(None)
    }

    /// A spool in the batch's folder, encrypted with its key if the batch is.
    fn within(&self, batch: BatchId) -> Result<Spool> {
        let folder = self.folder_of(batch);
        let encrypted = Index::open(self.disk(), &folder, self.keys(), batch)?.head.encrypted;
        let at_rest = if encrypted { AtRest::Batch(self.key_to_read(batch)?) } else { AtRest::Plain };
        let shared = Shared {
            disk: Arc::clone(&self.shared.disk),
            folder,
            keys: Arc::clone(&self.shared.keys),
            at_rest,
            leaving: Default::default(),
            _lock: None,
        };
        let segment_bytes = SEGMENT_BYTES.min(self.segment_bytes);
        Ok(Spool { shared: Arc::new(shared), segment_bytes, allowance: None })
    }
}

impl SpoolError {
    /// The spool's own error, out of what a writer fails with.
    fn of(error: std::io::Error, batch: BatchId) -> Self {
        error.downcast::<SpoolError>().unwrap_or(SpoolError::NotSealed(batch))
    }
}

/// What was kept of a batch's rows, to be gone through in the order of positions. Memory: a segment for each call that is
/// open, of at most 32 chunks.
#[derive(Debug)]
pub struct KeptResults {
    inner: Spool,
    /// By chunk, the last call first.
    calls: BTreeMap<u64, Vec<CallName>>,
    open: HashMap<u64, OpenChunk>,
    /// Counts the looks, to know which chunk has not been looked at for long.
    used: u64,
}

#[derive(Debug)]
struct OpenChunk {
    /// The last call first.
    results: Vec<Results>,
    used: u64,
}

impl KeptResults {
    /// What a chunk's last call that says anything of the record at `position` said of it; nothing where none did, or where
    /// it cannot be read any more. Of one chunk, positions are asked for ascending.
    pub fn of(&mut self, chunk: u64, position: u64) -> Vec<RowAnswer> {
        self.used += 1;
        let used = self.used;
        if !self.open.contains_key(&chunk) {
            let Some(calls) = self.calls.get(&chunk) else { return Vec::new() };
            let results = calls.iter().filter_map(|call| Results::open(&self.inner, *call)).collect();
            if self.open.len() >= MOST_OPEN
                && let Some(oldest) =
                    self.open.iter().min_by_key(|(_, open)| open.used).map(|(chunk, _)| *chunk)
            {
                self.open.remove(&oldest);
            }
            self.open.insert(chunk, OpenChunk { results, used });
        }
        let Some(open) = self.open.get_mut(&chunk) else { return Vec::new() };
        open.used = used;
        let found = open.results.iter_mut().map(|results| results.of(position)).find(|rows| !rows.is_empty());
        found.unwrap_or_default()
    }
}

/// The results of one call, one after the other.
#[derive(Debug)]
struct Results {
    records: Records,
    /// The next one.
    ahead: Option<RowAnswer>,
}

impl Results {
    fn open(inner: &Spool, call: CallName) -> Option<Self> {
        let reader = inner.reader(call.folder());
        let records = reader.and_then(|reader| reader.read(0..u64::MAX));
        match records {
            Ok(records) => {
                let mut results = Self { records, ahead: None };
                results.step();
                Some(results)
            }
            // It broke off before the ledger was told of its outcome.
            Err(SpoolError::NotSealed(_)) => None,
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "what the upstream said of some rows cannot be read");
                None
            }
        }
    }

    fn of(&mut self, position: u64) -> Vec<RowAnswer> {
        let mut rows = Vec::new();
        while let Some(ahead) = self.ahead.take_if(|ahead| ahead.position <= position) {
            if ahead.position == position {
                rows.push(ahead);
            }
            self.step();
        }
        rows
    }

    fn step(&mut self) {
        self.ahead = match self.records.next() {
            Ok(record) => record.and_then(|(_, record)| RowAnswer::read(record)),
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "what the upstream said of some rows cannot be read");
                None
            }
        };
    }
}

#[cfg(test)]
mod tests;
