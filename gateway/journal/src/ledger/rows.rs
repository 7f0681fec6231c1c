//! Rows as values, and back.

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension, Row};

use super::error::{LedgerError, Result, StorageContext};
use crate::batch::{BatchView, SetAside};
use crate::identity::{BatchId, Digest, Epoch};
use crate::machine::{
    BatchState, ChunkRow, ChunkState, Closing, Code, Rebuild, Run, Settlement, Status, Sums,
};
use crate::ranges::RangeSet;

/// A number for a column. Counts and times are far below 2^63; a time from a broken clock may not be.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number from a column.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| misfit(column, Type::Integer))
}

fn optional_number(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    let number: Option<i64> = row.get(column)?;
    number.map(|number| u64::try_from(number).map_err(|_| misfit(column, Type::Integer))).transpose()
}

pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get(column).map(Digest)
}

fn misfit(column: usize, kind: Type) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(FromSqlError::InvalidType))
}

/// A word of the machine's and how it is written.
pub(super) trait Word: Copy + PartialEq + 'static {
    const WORDS: &'static [(Self, &'static str)];

    fn word(self) -> &'static str {
        // Every value is in its table; a test goes through them.
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }
}

fn word<W: Word>(row: &Row<'_>, column: usize) -> rusqlite::Result<W> {
    let text = row.get_ref(column)?.as_str().map_err(|_| misfit(column, Type::Text))?;
    let found = W::WORDS.iter().find(|(_, word)| *word == text);
    found.map(|(value, _)| *value).ok_or_else(|| misfit(column, Type::Text))
}

impl Word for Status {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Accepted, "accepted"),
        (Self::Delivering, "delivering"),
        (Self::Held, "held"),
        (Self::Closing, "closing"),
        (Self::Finished, "finished"),
    ];
}

impl Word for Closing {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Cancelled, "cancelled"), (Self::Expired, "expired")];
}

impl Word for ChunkState {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Open, "open"),
        (Self::Sent, "sent"),
        (Self::InDoubt, "in-doubt"),
        (Self::Answered, "answered"),
        (Self::Returned, "returned"),
    ];
}

impl Word for Settlement {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Delivered, "delivered"),
        (Self::Partial, "partial"),
        (Self::Rejected, "rejected"),
        (Self::Cancelled, "cancelled"),
        (Self::Expired, "expired"),
    ];
}

pub(super) const SUMS: &str =
    "accepted, pending, in_flight, in_doubt, delivered, partial, rejected, cancelled, expired, set_aside";

/// The sums from ten columns on.
pub(super) fn sums(row: &Row<'_>, first: usize) -> rusqlite::Result<Sums> {
    Ok(Sums {
        accepted: number(row, first)?,
        pending: number(row, first + 1)?,
        in_flight: number(row, first + 2)?,
        in_doubt: number(row, first + 3)?,
        delivered: number(row, first + 4)?,
        partial: number(row, first + 5)?,
        rejected: number(row, first + 6)?,
        cancelled: number(row, first + 7)?,
        expired: number(row, first + 8)?,
        set_aside: number(row, first + 9)?,
    })
}

/// The sums as parameters, in the order of [`SUMS`].
pub(super) fn sums_values(sums: &Sums) -> [i64; 10] {
    [
        sums.accepted,
        sums.pending,
        sums.in_flight,
        sums.in_doubt,
        sums.delivered,
        sums.partial,
        sums.rejected,
        sums.cancelled,
        sums.expired,
        sums.set_aside,
    ]
    .map(int)
}

pub(super) const BATCH: &str = "seq, id, client, route, door, plan, schema, mapping, bytes, payload_digest,
    records_digest, delivered_digest, received_at, accepted_at, expires_at, changed_at, finished_at,
    payload_removed_at, ordered, status, chunks, epoch,
    accepted, pending, in_flight, in_doubt, delivered, partial, rejected, cancelled, expired, set_aside,
    reference, policy, replaced";

/// A batch from the columns [`BATCH`].
pub(super) fn batch(row: &Row<'_>) -> rusqlite::Result<BatchView> {
    Ok(BatchView {
        sequence: number(row, 0)?,
        id: BatchId::from_bytes(row.get(1)?),
        client: row.get(2)?,
        route: row.get(3)?,
        door: row.get(4)?,
        plan: digest(row, 5)?,
        schema: digest(row, 6)?,
        mapping: digest(row, 7)?,
        bytes: number(row, 8)?,
        payload_digest: digest(row, 9)?,
        records_digest: digest(row, 10)?,
        delivered_digest: row.get::<_, Option<[u8; 32]>>(11)?.map(Digest),
        received_at: number(row, 12)?,
        accepted_at: number(row, 13)?,
        expires_at: optional_number(row, 14)?,
        changed_at: number(row, 15)?,
        finished_at: optional_number(row, 16)?,
        payload_removed_at: optional_number(row, 17)?,
        ordered: row.get(18)?,
        status: word(row, 19)?,
        chunks: number(row, 20)?,
        epoch: Epoch(number(row, 21)?),
        sums: sums(row, 22)?,
        reference: row.get(32)?,
        policy: row.get::<_, Option<[u8; 32]>>(33)?.map(Digest),
        replaced: number(row, 34)?,
    })
}

pub(super) const CHUNK: &str =
    "number, first, count, attempt, state, doubted, held, reference, code, rows, epoch,
    opened_at, changed_at, sent_at, doubted_at, asked, asked_at, asked_code";

/// A chunk from the columns [`CHUNK`], without its live records.
pub(super) fn chunk(row: &Row<'_>) -> rusqlite::Result<ChunkRow> {
    Ok(ChunkRow {
        number: number(row, 0)?,
        first: number(row, 1)?,
        count: number(row, 2)?,
        attempt: row.get(3)?,
        state: word(row, 4)?,
        live: RangeSet::new(),
        doubted: row.get(5)?,
        held: row.get(6)?,
        reference: row.get(7)?,
        code: code(row, 8)?,
        rows: number(row, 9)?,
        epoch: Epoch(number(row, 10)?),
        opened_at: number(row, 11)?,
        changed_at: number(row, 12)?,
        sent_at: number(row, 13)?,
        doubted_at: optional_number(row, 14)?,
        asked: row.get(15)?,
        asked_at: optional_number(row, 16)?,
        asked_code: code(row, 17)?,
    })
}

fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Code>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.map(|text| Code::new(&text)))
}

/// A record that was left out, from its columns.
pub(super) fn set_aside(row: &Row<'_>) -> rusqlite::Result<SetAside> {
    Ok(SetAside {
        record: number(row, 0)?,
        field: row.get(1)?,
        line: optional_number(row, 2)?,
        column: optional_number(row, 3)?,
        code: Code::new(&row.get::<_, String>(4)?),
    })
}

pub(super) const RUN: &str = "first, count, outcome, code, field, rows, chunk, at";

/// A run from the columns [`RUN`].
pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let rows: Option<String> = row.get(5)?;
    let rows = rows.as_deref().unwrap_or_default().split(',').filter(|text| !text.is_empty());
    Ok(Run {
        first: number(row, 0)?,
        count: number(row, 1)?,
        outcome: word(row, 2)?,
        code: code(row, 3)?,
        field: row.get(4)?,
        rows: rows
            .map(|text| text.parse().map_err(|_| misfit(5, Type::Text)))
            .collect::<rusqlite::Result<_>>()?,
        chunk: optional_number(row, 6)?,
        at: number(row, 7)?,
    })
}

/// Rows of a partial record as text; none for any other.
pub(super) fn rows_text(rows: &[u32]) -> Option<String> {
    (!rows.is_empty()).then(|| rows.iter().map(u32::to_string).collect::<Vec<_>>().join(","))
}

/// A batch's state as its rows say, with the number of its row and its owner's epoch.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) seq: i64,
    pub(super) epoch: Epoch,
    pub(super) state: BatchState,
}

/// Builds the state of a batch. To be called within one transaction.
pub(super) fn load(connection: &Connection, id: BatchId) -> Result<Option<Loaded>> {
    let reading = "reading a batch";
    let sql = format!(
        "SELECT seq, epoch, chunks, closing, finished_at, {SUMS} FROM batches
         WHERE id = ?1 AND forgotten_at IS NULL"
    );
    let mut statement = connection.prepare_cached(&sql).doing(reading)?;
    let found = statement
        .query_row([id.as_bytes()], |row| {
            let closing = row.get_ref(3)?.as_str_or_null().map_err(|_| misfit(3, Type::Text))?.is_some();
            let closing = if closing { Some(word::<Closing>(row, 3)?) } else { None };
            let finished = row.get::<_, Option<i64>>(4)?.is_some();
            Ok((
                row.get::<_, i64>(0)?,
                Epoch(number(row, 1)?),
                number(row, 2)?,
                closing,
                finished,
                sums(row, 5)?,
            ))
        })
        .optional()
        .doing(reading)?;
    let Some((seq, epoch, opened, closing, finished, sums)) = found else { return Ok(None) };
    let inconsistent = |source| LedgerError::Inconsistent { batch: id, source };

    let mut rebuild = Rebuild::new(sums.accepted, sums.set_aside, opened, closing, finished);
    let sql = "SELECT first, count, outcome FROM settled WHERE batch = ?1 ORDER BY first";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let mut rows = statement.query([seq]).doing(reading)?;
    while let Some(row) = rows.next().doing(reading)? {
        let first = number(row, 0).doing(reading)?;
        let end = first.saturating_add(number(row, 1).doing(reading)?);
        rebuild.settled(first..end, word(row, 2).doing(reading)?).map_err(inconsistent)?;
    }
    let sql = format!(
        "SELECT {CHUNK} FROM chunks WHERE batch = ?1
         AND number IN (SELECT chunk FROM live WHERE batch = ?1) ORDER BY number"
    );
    let mut statement = connection.prepare_cached(&sql).doing(reading)?;
    let chunks: Vec<ChunkRow> =
        statement.query_map([seq], chunk).and_then(Iterator::collect).doing(reading)?;
    for mut chunk in chunks {
        chunk.live = live(connection, seq, chunk.number)?;
        rebuild.chunk(chunk).map_err(inconsistent)?;
    }
    let state = rebuild.finish(&sums).map_err(inconsistent)?;
    Ok(Some(Loaded { seq, epoch, state }))
}

/// The open records of a chunk.
pub(super) fn live(connection: &Connection, seq: i64, chunk: u64) -> Result<RangeSet> {
    let reading = "reading a chunk";
    let sql = "SELECT first, count FROM live WHERE batch = ?1 AND chunk = ?2 ORDER BY first";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let runs = statement.query_map((seq, int(chunk)), |row| {
        let first = number(row, 0)?;
        Ok(first..first.saturating_add(number(row, 1)?))
    });
    runs.and_then(Iterator::collect).doing(reading)
}
