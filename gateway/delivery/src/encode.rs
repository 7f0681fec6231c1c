//! Rows as bytes, streamed: once to count them, once to send them. Memory does not depend on how many there are.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
#[cfg(feature = "failpoints")]
use sekisho_journal::failpoints::{self, Point};
use sekisho_journal::{RowAnswer, SpoolError, SpoolReader};
use sekisho_records::{CanonicalRecord, Cell, Mapper, RowBuf};
use sekisho_upstream::Body;

use crate::dialect::{Dialect, RowForm};
use crate::pace::ChunkSize;
use crate::plan::CompiledPlan;

/// Bytes that are handed to the connection at a time.
const PIECE: usize = 32 * 1024;

/// Pieces that may wait for the connection.
const WAITING: usize = 4;

/// Bounds of one chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// Most records.
    pub(crate) records: u64,
    /// Most rows, bytes of rows, and what both may cost.
    pub(crate) size: ChunkSize,
}

/// What one chunk holds, known before it is opened.
#[derive(Debug)]
pub struct Measured {
    /// Positions of its records.
    pub(crate) records: Range<u64>,
    /// Its rows.
    pub(crate) rows: u64,
    /// Bytes of the rows, separators between them included.
    pub(crate) bytes: u64,
    /// A keyed hash of each row's key, where answers are joined by key.
    pub(crate) keys: RowKeys,
    /// Where each record's rows begin, unless every record is one row.
    starts: Option<Vec<u32>>,
    /// The record after these cannot be sent at all: why.
    pub(crate) unsendable: Option<&'static str>,
}

/// Keyed hashes of the rows' keys, in order.
#[derive(Debug, Default)]
pub(crate) struct RowKeys {
    hasher: KeyHasher,
    pub(crate) hashes: Vec<u64>,
}

/// Hashes keys of rows, under a secret of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyHasher(RandomState);

impl KeyHasher {
    pub(crate) fn hash(&self, key: &str) -> u64 {
        self.0.hash_one(key)
    }
}

/// A chunk cannot be read or encoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("record {position} of the spool does not fit the batch's layout")]
    Record { position: u64 },
}

impl EncodeError {
    /// It will not be otherwise the next time.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Spool(error) => error.is_lasting(),
            Self::Record { .. } => true,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Spool(error) => error.code(),
            Self::Record { .. } => "spool-record",
        }
    }
}

impl RowKeys {
    /// The hash of a key as text.
    pub(crate) fn hash(&self, key: &str) -> u64 {
        self.hasher.hash(key)
    }

    /// The hasher, for a thread of its own.
    pub(crate) fn hasher(&self) -> KeyHasher {
        self.hasher.clone()
    }
}

impl Measured {
    /// The record that row `row` belongs to, and which of its rows it is.
    pub(crate) fn record_of(&self, row: u64) -> (u64, u32) {
        match &self.starts {
            None => (self.records.start + row, 0),
            Some(starts) => {
                let at = starts.partition_point(|start| u64::from(*start) <= row).saturating_sub(1);
                let offset = row - starts.get(at).map_or(0, |start| u64::from(*start));
                (self.records.start + at as u64, u32::try_from(offset).unwrap_or(u32::MAX))
            }
        }
    }

    /// Of what an answer says of rows, in their order, that of records of which it says something in each row.
    pub(crate) fn whole(&self, said: Vec<RowAnswer>) -> Vec<RowAnswer> {
        let mut whole = Vec::with_capacity(said.len());
        for of_record in said.chunk_by(|one, next| one.position == next.position) {
            let spoken = of_record.iter().filter(|row| !row.text.is_empty()).count();
            if of_record.first().is_some_and(|first| spoken == self.rows_of(first.position) as usize) {
                whole.extend_from_slice(of_record);
            }
        }
        whole
    }

    /// How many rows the record at `position` has.
    pub(crate) fn rows_of(&self, position: u64) -> u32 {
        match &self.starts {
            None => 1,
            Some(starts) => {
                let at = usize::try_from(position - self.records.start).unwrap_or(usize::MAX);
                let end = |at: usize| starts.get(at).map_or(self.rows, |start| u64::from(*start));
                u32::try_from(end(at.saturating_add(1)).saturating_sub(end(at))).unwrap_or(u32::MAX)
            }
        }
    }
}

#[cfg(test)]
impl Measured {
    /// Records from `first` on with these numbers of rows.
    pub(crate) fn of_rows(first: u64, counts: &[u32]) -> Self {
        let starts = counts.iter().scan(0, |next, count| {
            let start = *next;
            *next += count;
            Some(start)
        });
        Self {
            records: first..first + counts.len() as u64,
            rows: counts.iter().map(|count| u64::from(*count)).sum(),
            bytes: 0,
            keys: RowKeys::default(),
            starts: counts.iter().any(|count| *count != 1).then(|| starts.collect()),
            unsendable: None,
        }
    }
}

/// Looks at the records from `first` on and says how many of them make a chunk within `bounds`; at least one, unless
/// the very first cannot be sent. Two rows of different records with one key never share a chunk: upstreams refuse both.
pub(crate) fn measure(
    reader: &SpoolReader,
    mapper: &Mapper,
    dialect: &Dialect,
    within: Range<u64>,
    bounds: Bounds,
) -> Result<Measured, EncodeError> {
    let end = within.end.min(within.start.saturating_add(bounds.records));
    let mut measured = Measured {
        records: within.start..within.start,
        rows: 0,
        bytes: 0,
        keys: RowKeys::default(),
        starts: None,
        unsendable: None,
    };
    let key_column = dialect.key_column();
    let mut known: HashSet<u64> = HashSet::new();
    let mut starts: Vec<u32> = Vec::new();
    let mut one_each = true;
    let mut buffer = Vec::new();
    let mut rows = RowBuf::new();
    let mut keys_here: Vec<u64> = Vec::new();
    let mut records = reader.read(within.start..end)?;
    loop {
        let (position, bytes) = match records.next() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            // What was read so far can be sent.
            Err(_) if !measured.records.is_empty() => break,
            Err(error) => return Err(error.into()),
        };
        let count = rows_of(mapper, position, bytes, &mut rows)? as u64;
        buffer.clear();
        keys_here.clear();
        let mut fault = None;
        for row in 0..rows.len() {
            let first = measured.rows == 0 && row == 0;
            if let Err(code) = dialect.form().row(&rows, row, first, &mut buffer) {
                fault = Some(code);
                break;
            }
            if let Some(column) = key_column {
                let key = match rows.cells(row).nth(column) {
                    Some(Cell::Text(text)) => text,
                    _ => "",
                };
                if key.is_empty() && dialect.needs_key() {
                    fault = Some("key-missing");
                    break;
                }
                keys_here.push(measured.keys.hash(key));
            }
        }
        let size = buffer.len() as u64;
        if fault.is_none() && size > bounds.size.bytes {
            fault = Some("record-too-large");
        }
        if let Some(code) = fault {
            measured.unsendable = Some(code);
            break;
        }
        let full = !bounds.size.holds(measured.rows + count, measured.bytes + size);
        let repeated = keys_here.iter().any(|key| known.contains(key));
        if measured.records.start < position && (full || repeated) {
            break;
        }
        one_each &= count == 1;
        // Row numbers of a chunk stay far below 2^32: the bounds say so.
        starts.push(u32::try_from(measured.rows).unwrap_or(u32::MAX));
        known.extend(&keys_here);
        measured.keys.hashes.extend(&keys_here);
        measured.records.end = position + 1;
        measured.rows += count;
        measured.bytes += size;
    }
    if !one_each {
        measured.starts = Some(starts);
    }
    Ok(measured)
}

/// What stands around the rows in a request's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) head: Vec<u8>,
    pub(crate) tail: Vec<u8>,
}

/// A body with the rows of a measured chunk in it, encoded on a blocking thread while it is sent.
pub(crate) fn body(source: &RowSource, records: Range<u64>, row_bytes: u64, framing: Framing) -> Body {
    let length = row_bytes + framing.head.len() as u64 + framing.tail.len() as u64;
    let (writer, body) = Body::stream(length, WAITING);
    let source = source.clone();
    tokio::task::spawn_blocking(move || {
        #[cfg(feature = "failpoints")]
        failpoints::pass(Point::ChunkSending);
        // Not taken when the exchange has ended, which says itself why.
        if let Err(error) = write(&source, records, framing, |piece| writer.blocking_write(piece).is_ok()) {
            writer.blocking_fail(error.to_string());
        }
        #[cfg(feature = "failpoints")]
        failpoints::pass(Point::ChunkSent);
    });
    body
}

/// Where rows come from and how they are written.
#[derive(Clone)]
pub(crate) struct RowSource {
    pub(crate) reader: SpoolReader,
    pub(crate) plan: Arc<CompiledPlan>,
}

/// Writes the records' rows, with what stands around them, piece by piece, as long as `take` takes them.
pub(crate) fn write(
    source: &RowSource,
    records: Range<u64>,
    framing: Framing,
    mut take: impl FnMut(Bytes) -> bool,
) -> Result<(), EncodeError> {
    let form: &RowForm = source.plan.dialect.form();
    let mut buffer = framing.head;
    let mut rows = RowBuf::new();
    let mut first = true;
    let mut records = source.reader.read(records)?;
    while let Some((position, bytes)) = records.next()? {
        rows_of(&source.plan.mapper, position, bytes, &mut rows)?;
        for row in 0..rows.len() {
            // The first pass has encoded the same bytes without a fault.
            form.row(&rows, row, first, &mut buffer).map_err(|_| EncodeError::Record { position })?;
            first = false;
            if buffer.len() >= PIECE {
                let piece = Bytes::from(std::mem::replace(&mut buffer, Vec::with_capacity(2 * PIECE)));
                if !take(piece) {
                    return Ok(());
                }
            }
        }
    }
    buffer.extend_from_slice(&framing.tail);
    take(Bytes::from(buffer));
    Ok(())
}

/// Maps a record; says how many rows it makes.
pub(crate) fn rows_of(
    mapper: &Mapper,
    position: u64,
    bytes: &[u8],
    rows: &mut RowBuf,
) -> Result<usize, EncodeError> {
    let record = CanonicalRecord::new(bytes).map_err(|_| EncodeError::Record { position })?;
    mapper.rows(record, rows).map_err(|_| EncodeError::Record { position })
}
