//! What is read, on any connection.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, params};

use super::error::{LedgerError, Result, StorageContext};
use super::rows::{self, CHUNK, RUN, SUMS, int};
use super::store::{batch_sql, may_start_afresh};
use crate::batch::{BatchFilter, BatchView, Page, RecordException, SetAside, Stored};
use crate::identity::{BatchId, Digest};
use crate::machine::{BatchState, Chunk, ChunkRow, Code, Outcome, Run, Settlement, Sums};

/// The most rows that one call gives.
pub(super) const MOST_ROWS: u32 = 10_000;

pub(super) fn plan(connection: &Connection, digest: Digest) -> Result<Option<String>> {
    let reading = "reading a definition";
    let sql = "SELECT json FROM definitions WHERE digest = ?1";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    statement.query_row([digest.0], |row| row.get(0)).optional().doing(reading)
}

pub(super) fn batch(connection: &Connection, id: BatchId) -> Result<Option<BatchView>> {
    let reading = "reading a batch";
    let sql = batch_sql("WHERE id = ?1 AND forgotten_at IS NULL");
    let mut statement = connection.prepare_cached(&sql).doing(reading)?;
    statement.query_row([id.as_bytes()], rows::batch).optional().doing(reading)
}

pub(super) fn remembered(
    connection: &Connection,
    client: &str,
    route: &str,
    name: Digest,
    now: u64,
) -> Result<Option<(BatchView, Digest)>> {
    let reading = "looking for an idempotency key";
    let sql = "SELECT batch, fingerprint FROM idempotency
               WHERE client = ?1 AND route = ?2 AND key = ?3 AND until > ?4";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let values = params![client, route, name.0, int(now)];
    let found = statement.query_row(values, |row| Ok((row.get::<_, i64>(0)?, rows::digest(row, 1)?)));
    let Some((seq, fingerprint)) = found.optional().doing(reading)? else { return Ok(None) };
    let sql = batch_sql("WHERE seq = ?1 AND forgotten_at IS NULL");
    let mut statement = connection.prepare_cached(&sql).doing(reading)?;
    let view = statement.query_row([seq], rows::batch).optional().doing(reading)?;
    Ok(view.filter(|view| !may_start_afresh(view)).map(|view| (view, fingerprint)))
}

/// What the batch took of its client's room that is remembered by this name.
pub(super) fn remembered_stored(
    connection: &Connection,
    client: &str,
    route: &str,
    name: Digest,
    now: u64,
) -> Result<Option<u64>> {
    let Some((batch, _)) = remembered(connection, client, route, name, now)? else { return Ok(None) };
    let reading = "reading what a batch took";
    let mut statement =
        connection.prepare_cached("SELECT stored FROM batches WHERE id = ?1").doing(reading)?;
    statement.query_row([batch.id.as_bytes()], |row| rows::number(row, 0)).optional().doing(reading)
}

pub(super) fn state(connection: &Connection, id: BatchId) -> Result<Option<BatchState>> {
    let transaction = connection.unchecked_transaction().doing("reading a batch")?;
    let loaded = rows::load(&transaction, id)?;
    Ok(loaded.map(|loaded| loaded.state))
}

pub(super) fn batches(connection: &Connection, filter: &BatchFilter, page: Page) -> Result<Vec<BatchView>> {
    let reading = "listing batches";
    let mut conditions = vec!["forgotten_at IS NULL"];
    let mut values: Vec<rusqlite::types::Value> = Vec::new();
    let mut require = |condition, value: rusqlite::types::Value| {
        conditions.push(condition);
        values.push(value);
    };
    if let Some(client) = &filter.client {
        require("client = ?", client.clone().into());
    }
    if let Some(route) = &filter.route {
        require("route = ?", route.clone().into());
    }
    if let Some(from) = filter.from {
        require("accepted_at >= ?", int(from).into());
    }
    if let Some(to) = filter.to {
        require("accepted_at < ?", int(to).into());
    }
    if let Some(after) = page.after {
        require("seq < (SELECT seq FROM batches WHERE id = ?)", after.as_bytes().to_vec().into());
    }
    match filter.finished {
        Some(true) => conditions.push("finished_at IS NOT NULL"),
        Some(false) => conditions.push("finished_at IS NULL"),
        None => {}
    }
    let limit = page.limit.min(Page::MOST);
    let sql = batch_sql(&format!("WHERE {} ORDER BY seq DESC LIMIT {limit}", conditions.join(" AND ")));
    let mut statement = connection.prepare_cached(&sql).doing(reading)?;
    let values = rusqlite::params_from_iter(values);
    statement.query_map(values, rows::batch).and_then(Iterator::collect).doing(reading)
}

pub(super) fn open_batches(connection: &Connection) -> Result<Vec<BatchView>> {
    let reading = "listing open batches";
    let sql = batch_sql("WHERE finished_at IS NULL ORDER BY seq");
    let mut statement = connection.prepare_cached(&sql).doing(reading)?;
    statement.query_map([], rows::batch).and_then(Iterator::collect).doing(reading)
}

pub(super) fn given_back(connection: &Connection, id: BatchId) -> Result<Vec<(u64, u64, Code)>> {
    let reading = "reading what was given back";
    let sql = "SELECT chunks.first, chunks.count, coalesce(chunks.code, '') FROM batches
               JOIN chunks ON chunks.batch = batches.seq AND chunks.state = 'returned' AND chunks.doubted = 1
               WHERE batches.id = ?1 ORDER BY chunks.number";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let row = |row: &rusqlite::Row<'_>| {
        let code: String = row.get(2)?;
        Ok((rows::number(row, 0)?, rows::number(row, 1)?, Code::new(&code)))
    };
    statement.query_map([id.as_bytes()], row).and_then(Iterator::collect).doing(reading)
}

pub(super) fn held(connection: &Connection, id: BatchId) -> Result<Vec<(Code, u64)>> {
    let reading = "reading what is held";
    let sql = "SELECT coalesce(chunks.code, ''), sum(live.count) FROM batches
               JOIN chunks ON chunks.batch = batches.seq AND chunks.held = 1
               JOIN live ON live.batch = chunks.batch AND live.chunk = chunks.number
               WHERE batches.id = ?1 GROUP BY chunks.code ORDER BY chunks.code";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let row = |row: &rusqlite::Row<'_>| {
        let code: String = row.get(0)?;
        Ok((Code::new(&code), u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
    };
    statement.query_map([id.as_bytes()], row).and_then(Iterator::collect).doing(reading)
}

pub(super) fn unreadable(connection: &Connection) -> Result<u64> {
    let reading = "counting payloads that cannot be read";
    let sql = "SELECT count(DISTINCT chunks.batch) FROM batches
               JOIN chunks ON chunks.batch = batches.seq
               WHERE batches.finished_at IS NULL AND chunks.held = 1 AND chunks.code LIKE 'spool-%'";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let count: i64 = statement.query_row([], |row| row.get(0)).doing(reading)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// By the index of open batches, of which there may be many.
pub(super) fn oldest_open(connection: &Connection) -> Result<Option<u64>> {
    let reading = "looking for the oldest open batch";
    let sql = "SELECT accepted_at FROM batches WHERE finished_at IS NULL ORDER BY seq LIMIT 1";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let found: Option<i64> = statement.query_row([], |row| row.get(0)).optional().doing(reading)?;
    Ok(found.map(|at| u64::try_from(at).unwrap_or(0)))
}

pub(super) fn totals(connection: &Connection) -> Result<Sums> {
    let sql = format!("SELECT {SUMS} FROM totals");
    let mut statement = connection.prepare_cached(&sql).doing("reading the totals")?;
    statement.query_row([], |row| rows::sums(row, 0)).doing("reading the totals")
}

/// Runs that end after `from`: the one that `from` lies in, and those that begin later.
pub(super) fn settled(connection: &Connection, id: BatchId, from: u64, limit: u32) -> Result<Vec<Run>> {
    runs(connection, id, from, limit, "")
}

/// Of those, the runs that were withdrawn from the batch or whose time was over.
pub(super) fn withdrawn(connection: &Connection, id: BatchId, from: u64, limit: u32) -> Result<Vec<Run>> {
    runs(connection, id, from, limit, "AND outcome IN ('cancelled', 'expired')")
}

fn runs(connection: &Connection, id: BatchId, from: u64, limit: u32, only: &str) -> Result<Vec<Run>> {
    let reading = "reading outcomes";
    // The run that begins last at or before `from` may reach beyond it; earlier ones cannot.
    let sql = format!(
        "WITH of(seq) AS (SELECT seq FROM batches WHERE id = ?1)
         SELECT {RUN} FROM settled, of WHERE batch = of.seq AND first + count > ?2 AND first >= coalesce(
             (SELECT max(first) FROM settled, of WHERE batch = of.seq AND first <= ?2), 0) {only}
         ORDER BY first LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql).doing(reading)?;
    let values = params![id.as_bytes(), int(from), limit.min(MOST_ROWS)];
    statement.query_map(values, rows::run).and_then(Iterator::collect).doing(reading)
}

/// The records that a batch left out, ascending.
pub(super) fn set_aside(connection: &Connection, id: BatchId) -> Result<Vec<SetAside>> {
    let reading = "reading what a batch left out";
    let sql = "SELECT record, field, line, col, code FROM set_aside
               WHERE batch = (SELECT seq FROM batches WHERE id = ?1) ORDER BY record";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let rows = statement.query_map([id.as_bytes()], rows::set_aside).doing(reading)?;
    rows.collect::<rusqlite::Result<_>>().doing(reading)
}

/// Partial and rejected records, one by one.
pub(super) fn errors(
    connection: &Connection,
    id: BatchId,
    from: u64,
    limit: u32,
) -> Result<Vec<RecordException>> {
    let limit = limit.min(MOST_ROWS) as usize;
    let mut all = Vec::new();
    for run in runs(connection, id, from, limit as u32, "AND outcome IN ('partial', 'rejected')")? {
        let outcome = match run.outcome {
            Settlement::Partial => Outcome::Partial,
            _ => Outcome::Rejected,
        };
        for position in run.first.max(from)..run.first + run.count {
            if all.len() == limit {
                return Ok(all);
            }
            all.push(RecordException {
                position,
                outcome,
                code: run.code.clone().unwrap_or_else(|| Code::new(Code::UNREADABLE)),
                field: run.field.clone(),
                rows: run.rows.clone(),
                chunk: run.chunk,
                at: run.at,
            });
        }
    }
    Ok(all)
}

pub(super) fn chunks(connection: &Connection, id: BatchId, after: u64, limit: u32) -> Result<Vec<Chunk>> {
    let reading = "reading chunks";
    let transaction = connection.unchecked_transaction().doing(reading)?;
    let mut statement = transaction.prepare_cached("SELECT seq FROM batches WHERE id = ?1").doing(reading)?;
    let seq: Option<i64> =
        statement.query_row([id.as_bytes()], |row| row.get(0)).optional().doing(reading)?;
    let Some(seq) = seq else { return Ok(Vec::new()) };
    let sql = format!("SELECT {CHUNK} FROM chunks WHERE batch = ?1 AND number > ?2 ORDER BY number LIMIT ?3");
    let mut statement = transaction.prepare_cached(&sql).doing(reading)?;
    let values = params![seq, int(after), limit.min(MOST_ROWS)];
    let found: Vec<ChunkRow> =
        statement.query_map(values, rows::chunk).and_then(Iterator::collect).doing(reading)?;
    let whole = |row: ChunkRow| {
        let live = rows::live(&transaction, seq, row.number)?;
        let inconsistent = |source| LedgerError::Inconsistent { batch: id, source };
        Chunk::try_from(ChunkRow { live, ..row }).map_err(inconsistent)
    };
    found.into_iter().map(whole).collect()
}

pub(super) fn pace(connection: &Connection, name: &str) -> Result<Option<String>> {
    let reading = "reading a pace";
    let mut statement = connection.prepare_cached("SELECT json FROM pace WHERE name = ?1").doing(reading)?;
    statement.query_row([name], |row| row.get(0)).optional().doing(reading)
}

/// Finished batches whose payload is still there, the longest finished first.
pub(super) fn releasable(
    connection: &Connection,
    route: &str,
    finished_before: u64,
    limit: u32,
) -> Result<Vec<(BatchId, u64)>> {
    let reading = "looking for payloads to remove";
    let sql = "SELECT id, finished_at FROM batches WHERE route = ?1 AND payload_removed_at IS NULL AND finished_at < ?2
               ORDER BY finished_at LIMIT ?3";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let values = params![route, int(finished_before), limit.min(MOST_ROWS)];
    let ids =
        statement.query_map(values, |row| Ok((BatchId::from_bytes(row.get(0)?), rows::number(row, 1)?)));
    ids.and_then(Iterator::collect).doing(reading)
}

/// Every batch whose payload must be in the spool, and whether it is finished.
pub(super) fn with_payload(connection: &Connection) -> Result<HashMap<BatchId, bool>> {
    let reading = "listing payloads";
    let sql = "SELECT id, finished_at IS NOT NULL FROM batches WHERE payload_removed_at IS NULL";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let ids = statement.query_map([], |row| Ok((row.get(0).map(BatchId::from_bytes)?, row.get(1)?)));
    ids.and_then(Iterator::collect).doing(reading)
}

/// The batches of a client whose payload is in the spool, and whether each is finished; in the order of acceptance.
pub(super) fn payloads_of(connection: &Connection, client: &str) -> Result<Vec<(BatchId, bool)>> {
    let reading = "listing a client's payloads";
    let sql = "SELECT id, finished_at IS NOT NULL FROM batches
               WHERE client = ?1 AND payload_removed_at IS NULL ORDER BY seq";
    let mut statement = connection.prepare_cached(sql).doing(reading)?;
    let ids = statement.query_map([client], |row| Ok((row.get(0).map(BatchId::from_bytes)?, row.get(1)?)));
    ids.and_then(Iterator::collect).doing(reading)
}

/// The routes of all batches, whether they are configured or not: a look into an index for each route, not for each batch.
pub(super) fn routes(connection: &Connection) -> Result<BTreeSet<String>> {
    let reading = "listing routes";
    let mut routes = BTreeSet::new();
    let (mut first, mut next) = (true, String::new());
    loop {
        let sql = if first {
            "SELECT min(route) FROM batches WHERE route >= ?1"
        } else {
            "SELECT min(route) FROM batches WHERE route > ?1"
        };
        let mut statement = connection.prepare_cached(sql).doing(reading)?;
        let found: Option<String> = statement.query_row([&next], |row| row.get(0)).doing(reading)?;
        let Some(route) = found else { return Ok(routes) };
        routes.insert(route.clone());
        (first, next) = (false, route);
    }
}

/// What the batches of each client take of the spool; of one, where it is named.
pub(super) fn stored(connection: &Connection, client: Option<&str>) -> Result<Vec<(String, Stored)>> {
    let reading = "reading what clients have in the spool";
    let all = "SELECT client, batches, bytes FROM stored WHERE ?1 IS NULL";
    let one = "SELECT client, batches, bytes FROM stored WHERE client = ?1";
    let mut statement = connection.prepare_cached(if client.is_some() { one } else { all }).doing(reading)?;
    let rows = statement.query_map([client], |row| {
        Ok((row.get(0)?, Stored { batches: rows::number(row, 1)?, bytes: rows::number(row, 2)? }))
    });
    rows.and_then(Iterator::collect).doing(reading)
}
