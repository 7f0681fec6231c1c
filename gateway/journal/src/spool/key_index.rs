//! The way from a key to positions: fingerprints sorted on disk, in memory that does not depend on how many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Sealed;
use super::disk::{Disk, DiskFile};
use super::error::{IoContext, Result};
use super::index::{Index, IndexWriter};
use super::key_file::Keys;
use super::pages::{self, Fields, Kind, PAYLOAD};
use crate::identity::BatchId;

/// Fingerprint (big-endian, so that bytes sort as numbers do) and position.
const ENTRY: usize = 24;
const ENTRIES: u64 = (PAYLOAD / ENTRY) as u64;
/// Entries that are sorted in memory at a time: 384 KiB.
const SORTED: usize = 16 * 1024;
/// Runs that are merged at a time, each with a buffer of [`RUN_BUFFER`]: 384 KiB.
const FAN_IN: usize = 96;
const RUN_BUFFER: usize = 170 * ENTRY;

/// High and low half of the fingerprint, position: sorts by fingerprint, then position.
type Entry = (u64, u64, u64);

/// Takes fingerprints in the order of the records and sorts them.
#[derive(Debug)]
pub(super) struct KeySorter {
    disk: Arc<dyn Disk>,
    sorted: usize,
    fan_in: usize,
    path: PathBuf,
    buffer: Vec<Entry>,
    /// Sorted runs one after the other; created when the first one is written.
    file: Option<Box<dyn DiskFile>>,
    runs: Vec<Range<u64>>,
    end: u64,
    count: u64,
}

/// What the merge found.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) keyed: u64,
    pub(super) duplicates: u64,
    /// First and later position, ascending by the later one.
    pub(super) pairs: Vec<(u64, u64)>,
}

impl KeySorter {
    pub(super) fn new(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        Self::with_bounds(disk, folder, SORTED, FAN_IN)
    }

    /// Other bounds, so that tests need no millions of keys.
    pub(super) fn with_bounds(disk: Arc<dyn Disk>, folder: &Path, sorted: usize, fan_in: usize) -> Self {
        let path = folder.join("runs");
        Self {
            disk,
            sorted,
            fan_in,
            path,
            buffer: Vec::new(),
            file: None,
            runs: Vec::new(),
            end: 0,
            count: 0,
        }
    }

    pub(super) fn push(&mut self, fingerprint: u128, position: u64) -> Result<()> {
        self.buffer.push(((fingerprint >> 64) as u64, fingerprint as u64, position));
        self.count += 1;
        if self.buffer.len() < self.sorted {
            return Ok(());
        }
        self.buffer.sort_unstable();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut run = RunWriter::new(self)?;
        for entry in &buffer {
            run.push(*entry)?;
        }
        let run = run.finish()?;
        self.add(run);
        buffer.clear();
        self.buffer = buffer;
        Ok(())
    }

    /// Sorts all and writes the key pages, from `page` on. The file with the runs is gone afterwards.
    pub(super) fn merge(
        mut self,
        index: &IndexWriter,
        keys: &Keys,
        batch: BatchId,
        page: u64,
    ) -> Result<Merged> {
        let mut out = PageWriter { index, keys, batch, page, bytes: Vec::with_capacity(PAYLOAD) };
        let mut found = Duplicated::default();
        self.buffer.sort_unstable();
        let rest = std::mem::take(&mut self.buffer);
        if self.file.is_none() {
            for entry in rest {
                found.see(entry);
                out.push(entry)?;
            }
        } else {
            if !rest.is_empty() {
                let mut run = RunWriter::new(&mut self)?;
                for entry in rest {
                    run.push(entry)?;
                }
                let run = run.finish()?;
                self.add(run);
            }
            while self.runs.len() > self.fan_in {
                let some: Vec<_> = self.runs.drain(..self.fan_in).collect();
                let mut run = RunWriter::new(&mut self)?;
                run.merge(some)?;
                let run = run.finish()?;
                self.add(run);
            }
            if let Some(file) = &self.file {
                merge(&**file, &self.path, std::mem::take(&mut self.runs), |entry| {
                    found.see(entry);
                    out.push(entry)
                })?;
            }
        }
        out.flush()?;
        if self.file.is_some() {
            self.disk.remove_file(&self.path).at("removing", &self.path)?;
        }
        let mut pairs: Vec<_> = found.pairs.into_iter().map(|(later, first)| (first, later)).collect();
        pairs.sort_unstable_by_key(|(_, later)| *later);
        Ok(Merged { keyed: self.count, duplicates: found.count, pairs })
    }

    fn add(&mut self, run: Range<u64>) {
        self.end = run.end;
        self.runs.push(run);
    }
}

/// Writes one run after those that are there.
struct RunWriter<'f> {
    file: &'f dyn DiskFile,
    path: &'f Path,
    run: Range<u64>,
    bytes: Vec<u8>,
}

impl<'f> RunWriter<'f> {
    fn new(sorter: &'f mut KeySorter) -> Result<Self> {
        let file = match &mut sorter.file {
            Some(file) => file,
            none => none.insert(sorter.disk.create_file(&sorter.path).at("creating", &sorter.path)?),
        };
        let run = sorter.end..sorter.end;
        Ok(Self { file: &**file, path: &sorter.path, run, bytes: Vec::with_capacity(16 * RUN_BUFFER) })
    }

    fn push(&mut self, entry: Entry) -> Result<()> {
        encode(entry, &mut self.bytes);
        if self.bytes.len() < 16 * RUN_BUFFER { Ok(()) } else { self.flush() }
    }

    fn merge(&mut self, runs: Vec<Range<u64>>) -> Result<()> {
        let (file, path) = (self.file, self.path);
        merge(file, path, runs, |entry| self.push(entry))
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all_at(&self.bytes, self.run.end).at("writing", self.path)?;
        self.run.end += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Range<u64>> {
        self.flush()?;
        Ok(self.run)
    }
}

/// Reads one run through a small buffer.
struct RunReader {
    rest: Range<u64>,
    bytes: Vec<u8>,
    at: usize,
}

impl RunReader {
    fn next(&mut self, file: &dyn DiskFile, path: &Path) -> Result<Option<Entry>> {
        if self.at == self.bytes.len() {
            let length = (self.rest.end - self.rest.start).min(RUN_BUFFER as u64);
            if length == 0 {
                return Ok(None);
            }
            self.bytes.resize(length as usize, 0);
            file.read_exact_at(&mut self.bytes, self.rest.start).at("reading", path)?;
            self.rest.start += length;
            self.at = 0;
        }
        let entry = decode(&self.bytes[self.at..self.at + ENTRY]);
        self.at += ENTRY;
        Ok(Some(entry))
    }
}

fn merge(
    file: &dyn DiskFile,
    path: &Path,
    runs: Vec<Range<u64>>,
    mut take: impl FnMut(Entry) -> Result<()>,
) -> Result<()> {
    let reader = |rest| RunReader { rest, bytes: Vec::new(), at: 0 };
    let mut readers: Vec<_> = runs.into_iter().map(reader).collect();
    let mut heap = BinaryHeap::with_capacity(readers.len());
    for (number, reader) in readers.iter_mut().enumerate() {
        heap.extend(reader.next(file, path)?.map(|entry| Reverse((entry, number))));
    }
    while let Some(mut top) = heap.peek_mut() {
        let Reverse((entry, number)) = *top;
        match readers[number].next(file, path)? {
            Some(next) => *top = Reverse((next, number)),
            None => drop(std::collections::binary_heap::PeekMut::pop(top)),
        }
        take(entry)?;
    }
    Ok(())
}

/// Sees entries in order and keeps the pairs with the lowest later positions.
#[derive(Default)]
struct Duplicated {
    /// Fingerprint and first position of the key that was seen last.
    key: Option<Entry>,
    count: u64,
    /// Later position first: the greatest is the one to go.
    pairs: BinaryHeap<(u64, u64)>,
}

impl Duplicated {
    fn see(&mut self, entry: Entry) {
        match self.key {
            Some(key) if (key.0, key.1) == (entry.0, entry.1) => {
                self.count += 1;
                self.pairs.push((entry.2, key.2));
                if self.pairs.len() > Sealed::MOST_DUPLICATES {
                    self.pairs.pop();
                }
            }
            _ => self.key = Some(entry),
        }
    }
}

struct PageWriter<'i> {
    index: &'i IndexWriter,
    keys: &'i Keys,
    batch: BatchId,
    page: u64,
    bytes: Vec<u8>,
}

impl PageWriter<'_> {
    fn push(&mut self, entry: Entry) -> Result<()> {
        encode(entry, &mut self.bytes);
        if self.bytes.len() + ENTRY > PAYLOAD { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if !self.bytes.is_empty() {
            let IndexWriter { file, path, .. } = self.index;
            pages::write(&**file, path, self.keys, self.batch, Kind::Keys, self.page, &self.bytes)?;
            self.bytes.clear();
            self.page += 1;
        }
        Ok(())
    }
}

fn encode(entry: Entry, out: &mut Vec<u8>) {
    out.extend_from_slice(&entry.0.to_be_bytes());
    out.extend_from_slice(&entry.1.to_be_bytes());
    out.extend_from_slice(&entry.2.to_be_bytes());
}

fn decode(bytes: &[u8]) -> Entry {
    let mut fields = Fields(bytes);
    (
        u64::from_be_bytes(fields.bytes()),
        u64::from_be_bytes(fields.bytes()),
        u64::from_be_bytes(fields.bytes()),
    )
}

/// Reads entries in order, from any of them on, through one page.
#[derive(Debug)]
pub(super) struct Entries {
    next: u64,
    page: Option<(u64, Box<[u8; PAYLOAD]>)>,
}

impl Entries {
    /// From the first one.
    pub(super) fn new() -> Self {
        Self { next: 0, page: None }
    }

    /// From the first one with this fingerprint or a greater one.
    pub(super) fn from(index: &Index, keys: &Keys, fingerprint: u128) -> Result<Self> {
        let wanted = ((fingerprint >> 64) as u64, fingerprint as u64, 0);
        let mut entries = Self::new();
        let pages = index.head.keyed.div_ceil(ENTRIES);
        // Fingerprints are spread evenly, so that the right page is near to where proportion says. From there, steps
        // that double, until the page is between `low` (what is before it is less) and `high` (it begins no less).
        let guess = ((u128::from(wanted.0) * u128::from(pages)) >> 64) as u64;
        let (mut low, mut high, mut step) = (0, pages, 1);
        let mut probe = guess;
        while low + 1 < high {
            entries.next = probe * ENTRIES;
            if entries.peek(index, keys)?.is_some_and(|entry| entry < wanted) {
                low = probe;
                probe = probe.saturating_add(step);
            } else {
                high = probe;
                probe = probe.saturating_sub(step);
            }
            step *= 2;
            // Once both ends have moved, the steps have done their part.
            if probe <= low || probe >= high {
                probe = low + (high - low) / 2;
            }
        }
        entries.next = low * ENTRIES;
        while entries.peek(index, keys)?.is_some_and(|entry| entry < wanted) {
            entries.next += 1;
        }
        Ok(entries)
    }

    /// The next entry: fingerprint and position.
    pub(super) fn next(&mut self, index: &Index, keys: &Keys) -> Result<Option<(u128, u64)>> {
        let entry = self.peek(index, keys)?;
        self.next += 1;
        Ok(entry.map(|(high, low, position)| (u128::from(high) << 64 | u128::from(low), position)))
    }

    fn peek(&mut self, index: &Index, keys: &Keys) -> Result<Option<Entry>> {
        if self.next >= index.head.keyed {
            return Ok(None);
        }
        let wanted = index.head.key_page + self.next / ENTRIES;
        let page = match &mut self.page {
            Some((number, page)) if *number == wanted => page,
            slot => {
                let page = pages::read(&*index.file, &index.path, keys, index.batch, Kind::Keys, wanted)?;
                &mut slot.insert((wanted, Box::new(page))).1
            }
        };
        let at = (self.next % ENTRIES) as usize * ENTRY;
        Ok(Some(decode(&page[at..at + ENTRY])))
    }
}
