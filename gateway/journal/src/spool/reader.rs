//! Reading a sealed batch.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::data_key::FolderKey;
use super::error::{Result, SpoolError};
use super::key_index::Entries;
use super::segment::Segment;
use super::{Index, Sealed, Spool, segment_path};
use crate::identity::{BatchId, Digest};

/// Reads the records of a sealed batch. A clone shares its memory: one segment, the last that was read.
#[derive(Debug, Clone)]
pub struct SpoolReader {
    shared: Arc<Batch>,
}

#[derive(Debug)]
struct Batch {
    spool: Spool,
    index: Index,
    /// What its segments are encrypted with, if they are.
    key: Option<FolderKey>,
    /// Chunks follow one another, so that the next one begins where the last one ended.
    last: Mutex<Option<Arc<Segment>>>,
}

/// Records of a range, one after the other, in memory for one segment, or for those that are left where they are few.
#[derive(Debug)]
pub struct Records {
    batch: Arc<Batch>,
    segment: Option<Arc<Segment>>,
    /// Where the next record begins in the segment.
    offset: usize,
    /// The next record's position; records up to `range.start` are passed over.
    position: u64,
    range: Range<u64>,
}

/// Pairs of records with one key, in the order of the keys' fingerprints.
#[derive(Debug)]
pub struct Duplicates {
    batch: Arc<Batch>,
    entries: Entries,
    /// Fingerprint and first position of the key before.
    key: Option<(u128, u64)>,
}

impl SpoolReader {
    /// The most positions that one key is looked up with.
    pub const MOST_POSITIONS: usize = 10_000;

    pub(super) fn open(spool: Spool, batch: BatchId) -> Result<Self> {
        let index = Index::open(spool.disk(), &spool.folder_of(batch), spool.keys(), batch)?;
        let key = if index.head.encrypted { Some(spool.key_to_read(batch)?.of_folder(batch)) } else { None };
        Ok(Self { shared: Arc::new(Batch { spool, index, key, last: Mutex::new(None) }) })
    }

    /// The batch.
    pub fn batch(&self) -> BatchId {
        self.shared.index.batch
    }

    /// Records in the batch.
    pub fn records(&self) -> u64 {
        self.shared.index.head.records
    }

    /// SHA-256 over the records, as [`Sealed::records_digest`].
    pub fn records_digest(&self) -> Digest {
        self.shared.index.head.digest
    }

    /// What was sealed; duplicates are counted, but not listed: see [`SpoolReader::duplicates`].
    pub fn sealed(&self) -> Sealed {
        let head = &self.shared.index.head;
        Sealed {
            batch: self.batch(),
            records: head.records,
            segments: head.segments,
            bytes: head.bytes,
            stored: head.bytes + head.records * Spool::BESIDE_A_RECORD,
            records_digest: head.digest,
            duplicate_keys: Vec::new(),
            duplicates: head.duplicates,
        }
    }

    /// The records of `range`, cut to what the batch has.
    ///
    /// # Errors
    /// The file system, or an index or segment that is not authentic.
    pub fn read(&self, range: Range<u64>) -> Result<Records> {
        let range = range.start..range.end.min(self.records());
        let mut records =
            Records { batch: self.shared.clone(), segment: None, offset: 0, position: range.start, range };
        if records.range.is_empty() {
            return Ok(records);
        }
        let (counter, offset, position) =
            self.shared.index.locate(self.shared.spool.keys(), records.range.start)?;
        let segment = self.shared.segment(counter)?;
        let held = segment.header.first..segment.header.first + segment.header.count;
        if !held.contains(&position) {
            return Err(self.shared.damaged(counter, "it does not hold the records that the index says"));
        }
        records.position = position;
        records.hold(segment, offset as usize);
        Ok(records)
    }

    /// How far the records that cannot be read reach, from `range.start` on (which is one of them): until one can be read,
    /// or the end. Segments are damaged whole, so that few are tried.
    pub fn unreadable_run(&self, range: Range<u64>) -> Range<u64> {
        let readable = |position: u64| {
            let found =
                self.read(position..position + 1).and_then(|mut records| Ok(records.next()?.is_some()));
            found.unwrap_or(false)
        };
        let (mut bad, mut step) = (range.start, 1);
        let good = loop {
            let tried = bad.saturating_add(step);
            if tried >= range.end {
                break range.end;
            }
            if readable(tried) {
                break tried;
            }
            (bad, step) = (tried, step * 2);
        };
        let mut good = good;
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            if readable(middle) { good = middle } else { bad = middle }
        }
        range.start..good
    }

    /// Positions of the records with this key, ascending; the first [`SpoolReader::MOST_POSITIONS`] of them.
    ///
    /// # Errors
    /// The file system, or an index that is not authentic.
    pub fn positions(&self, key: &[u8]) -> Result<Vec<u64>> {
        let (index, keys) = (&self.shared.index, self.shared.spool.keys());
        let fingerprint = keys.fingerprint(key);
        let mut entries = Entries::from(index, keys, fingerprint)?;
        let mut positions = Vec::new();
        while positions.len() < Self::MOST_POSITIONS
            && let Some((found, position)) = entries.next(index, keys)?
            && found == fingerprint
        {
            positions.push(position);
        }
        Ok(positions)
    }

    /// Each record has a key.
    pub(super) fn all_have_keys(&self) -> bool {
        self.shared.index.head.keyed == self.shared.index.head.records
    }

    /// The next entry of the index of keys: fingerprint and position.
    pub(super) fn entry(&self, entries: &mut Entries) -> Result<Option<(u128, u64)>> {
        entries.next(&self.shared.index, self.shared.spool.keys())
    }

    /// Every pair of records with one key: the first one that has it, and each later one.
    pub fn duplicates(&self) -> Duplicates {
        Duplicates { batch: self.shared.clone(), entries: Entries::new(), key: None }
    }
}

impl Batch {
    /// The segment, from memory if it was the last one read.
    fn segment(&self, counter: u32) -> Result<Arc<Segment>> {
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = last().as_ref().filter(|segment| segment.header.counter == counter) {
            return Ok(segment.clone());
        }
        let batch = self.index.batch;
        let path = segment_path(&self.spool.folder_of(batch), counter);
        let (disk, keys) = (self.spool.disk(), self.spool.keys());
        let segment = Segment::read(disk, &path, keys, batch, counter, self.key.as_ref())?;
        if segment.header.last != (counter + 1 == self.index.head.segments) {
            return Err(self.damaged(counter, "it is the last one, or is not, against what the index says"));
        }
        let segment = Arc::new(segment);
        *last() = Some(segment.clone());
        Ok(segment)
    }

    fn damaged(&self, counter: u32, what: &'static str) -> SpoolError {
        let path = segment_path(&self.spool.folder_of(self.index.batch), counter);
        SpoolError::Damaged { path, what }
    }
}

impl Records {
    /// The next record: its position and canonical bytes; `None` at the end of the range.
    ///
    /// # Errors
    /// The file system, or a segment that is not authentic: nothing of such a segment is handed out.
    #[allow(clippy::should_implement_trait)] // it lends its buffer, which `Iterator` cannot
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        loop {
            if self.position >= self.range.end {
                return Ok(None);
            }
            let Some(segment) = &self.segment else {
                return Ok(None); // only of an empty range
            };
            if self.position == segment.header.first + segment.header.count {
                self.step()?;
                continue;
            }
            if self.position >= self.range.start {
                break;
            }
            let (_, end) = segment.record(self.offset).ok_or_else(|| self.misfit())?;
            self.offset = end;
            self.position += 1;
        }
        let (batch, counter) =
            (&self.batch, self.segment.as_ref().map_or(0, |segment| segment.header.counter));
        let (record, end) = self
            .segment
            .as_ref()
            .and_then(|segment| segment.record(self.offset))
            .ok_or_else(|| batch.damaged(counter, "a record does not fit in"))?;
        let position = self.position;
        self.offset = end;
        self.position += 1;
        Ok(Some((position, record)))
    }

    /// On to the next segment, which must begin where this one ends.
    fn step(&mut self) -> Result<()> {
        let Some(segment) = self.segment.take() else { return Ok(()) };
        let header = segment.header;
        if self.offset != segment.len() {
            return Err(self.batch.damaged(header.counter, "it has more than its records"));
        }
        drop(segment);
        let next = self.batch.segment(header.counter + 1)?;
        if next.header.first != self.position || next.header.count == 0 {
            return Err(self
                .batch
                .damaged(header.counter + 1, "it does not begin where the one before ends"));
        }
        self.hold(next, 0);
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::SegmentEndOffByOne) {
            self.position += 1;
        }
        Ok(())
    }

    /// Goes on in a segment, at the record that begins at `offset`. Of many readers in a batch each holds what it still has to
    /// give, and at the most a segment: memory does not depend on how far they are from each other.
    fn hold(&mut self, segment: Arc<Segment>, offset: usize) {
        let end = self.range.end.min(segment.header.first + segment.header.count);
        (self.segment, self.offset) = match segment.few(offset, self.position, end) {
            Some(few) => (Some(Arc::new(few)), 0),
            None => (Some(segment), offset),
        };
    }

    fn misfit(&self) -> SpoolError {
        let counter = self.segment.as_ref().map_or(0, |segment| segment.header.counter);
        self.batch.damaged(counter, "a record does not fit in")
    }
}

impl Duplicates {
    /// The next pair: position of the first record with the key, position of a later one.
    ///
    /// # Errors
    /// The file system, or an index that is not authentic.
    #[allow(clippy::should_implement_trait)] // it can fail at each step, as `Records::next`
    pub fn next(&mut self) -> Result<Option<(u64, u64)>> {
        let (index, keys) = (&self.batch.index, self.batch.spool.keys());
        while let Some((fingerprint, position)) = self.entries.next(index, keys)? {
            match self.key {
                Some((key, first)) if key == fingerprint => return Ok(Some((first, position))),
                _ => self.key = Some((fingerprint, position)),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks are read side by side, and far from each other: a short one does not hold a whole segment while it is on its way.
    #[test]
    fn who_reads_few_records_holds_few() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spool::open(&state.path().join("spool"), &state.path().join("spool.key")).unwrap();
        let spool = spool.with_segment_bytes(100_000);
        let mut writer = spool.create(BatchId::new(1)).unwrap();
        for number in 0..1_000_u32 {
            writer.push(&vec![number as u8; 300], None).unwrap();
        }
        let sealed = writer.seal().unwrap();
        assert!(sealed.segments > 2);
        let reader = spool.reader(sealed.batch).unwrap();
        let whole = |counter| reader.shared.segment(counter).unwrap().len();
        for (range, most) in [(10..20, 40_000), (0..1_000, whole(0)), (300..350, 40_000)] {
            let mut records = reader.read(range.clone()).unwrap();
            let held = records.segment.as_ref().unwrap().len();
            assert!(held <= most, "{range:?}: {held}");
            let mut positions = range;
            while let Some((position, record)) = records.next().unwrap() {
                assert_eq!((Some(position), record[0]), (positions.next(), position as u8));
            }
            assert_eq!(positions.next(), None);
        }
    }
}
