//! What the writer does inside a transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::Applied;
use super::error::{LedgerError, Result, StorageContext};
use super::queries;
use super::rows::{self, BATCH, Loaded, SUMS, Word, int, sums_values};
use crate::batch::{Accepted, BatchView, Idempotency, NewBatch, SetAside};
use crate::identity::{BatchId, Digest, Epoch};
use crate::machine::{BatchState, Change, ChunkRow, Code, Event, Run, Status, Sums};
use crate::ranges::RangeSet;

/// States that are kept in memory; beyond, all are let go and read again when they are needed.
const MOST_STATES: usize = 1_024;

/// The writer's connection, and the states of batches that it has to do with.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) epoch: Epoch,
    /// Taken out while a batch is worked on, and put back as the last step: what a failed job has changed is not
    /// here, and is read again.
    states: HashMap<BatchId, Loaded>,
}

impl Store {
    /// Takes the ledger over: the next epoch, every open batch, and what was in flight is in doubt.
    pub(super) fn take_over(connection: Connection, owner: &str, now: u64) -> Result<(Self, u64)> {
        let taking = "taking the ledger over";
        let mut store = Self { connection, epoch: Epoch(0), states: HashMap::new() };
        store.connection.execute_batch("BEGIN IMMEDIATE").doing(taking)?;
        store.epoch = Epoch(store.present_epoch()?.0 + 1);
        let sql = "INSERT INTO owners(epoch, name, since) VALUES (?1, ?2, ?3)";
        store.connection.execute(sql, params![int(store.epoch.0), owner, int(now)]).doing(taking)?;
        let sql = "UPDATE batches SET epoch = ?1 WHERE finished_at IS NULL";
        store.connection.execute(sql, [int(store.epoch.0)]).doing(taking)?;

        let sql = "SELECT id FROM batches WHERE finished_at IS NULL AND in_flight > 0 ORDER BY seq";
        let mut statement = store.connection.prepare(sql).doing(taking)?;
        let left: Vec<[u8; 16]> =
            statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).doing(taking)?;
        drop(statement);
        let mut in_doubt = 0;
        for id in left.into_iter().map(BatchId::from_bytes) {
            let loaded = store.load(id)?;
            let events = loaded.state.taken_over();
            store.states.insert(id, loaded);
            in_doubt += events.len() as u64;
            store.apply(id, store.epoch, now, &events)?;
        }
        #[cfg(feature = "failpoints")]
        crate::failpoints::pass(crate::failpoints::Point::TakingOver);
        store.connection.execute_batch("COMMIT").doing(taking)?;
        Ok((store, in_doubt))
    }

    fn present_epoch(&self) -> Result<Epoch> {
        let sql = "SELECT coalesce(max(epoch), 0) FROM owners";
        let mut statement = self.connection.prepare_cached(sql).doing("reading the ledger's owner")?;
        statement.query_row([], |row| rows::number(row, 0)).map(Epoch).doing("reading the ledger's owner")
    }

    /// This is still the owner.
    pub(super) fn check_owner(&self) -> Result<()> {
        let current = self.present_epoch()?;
        if self.epoch.may_write(current) {
            Ok(())
        } else {
            Err(LedgerError::StaleEpoch { yours: self.epoch, current })
        }
    }

    /// Keeps memory bounded, between jobs.
    pub(super) fn trim(&mut self) {
        if self.states.len() > MOST_STATES {
            self.states.clear();
        }
    }

    /// Nothing in memory can be trusted.
    pub(super) fn forget_all(&mut self) {
        self.states.clear();
    }

    pub(super) fn define(&mut self, json: &str) -> Result<Digest> {
        let digest = Digest::of(json.as_bytes());
        let sql = "INSERT INTO definitions(digest, json) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.run(sql, params![digest.0, json], "keeping a definition")?;
        Ok(digest)
    }

    pub(super) fn accept(
        &mut self,
        new: &NewBatch,
        superseded: &RangeSet,
        only_repeated: bool,
    ) -> Result<Accepted> {
        let accepting = "accepting a batch";
        if queries::plan(&self.connection, new.plan)?.is_none() {
            return Err(LedgerError::UnknownDefinition(new.plan));
        }
        if queries::batch(&self.connection, new.id)?.is_some() {
            return Err(LedgerError::BatchExists(new.id));
        }
        if let Some(repetition) = &new.idempotency
            && let Some(known) = self.repeated(new, repetition)?
        {
            return Ok(known);
        }
        if only_repeated {
            return Ok(Accepted::NoRepetition);
        }

        let state = BatchState::new(new.records, new.set_aside.len() as u64);
        let sql = format!(
            "INSERT INTO batches(id, client, route, door, plan, schema, mapping, bytes, payload_digest,
                records_digest, received_at, accepted_at, expires_at, changed_at, ordered, status, chunks, epoch,
                {SUMS}, reference, policy, stored, replaced)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?12, ?14, ?15, 0, ?16,
                ?17, ?17, 0, 0, 0, 0, 0, 0, 0, ?18, ?19, ?20, ?21, ?22)"
        );
        let values = params![
            new.id.as_bytes(),
            new.client,
            new.route,
            new.door,
            new.plan.0,
            new.schema.0,
            new.mapping.0,
            int(new.bytes),
            new.payload_digest.0,
            new.records_digest.0,
            int(new.received_at),
            int(new.accepted_at),
            new.expires_at.map(int),
            new.ordered,
            state.status().word(),
            int(self.epoch.0),
            int(new.records),
            int(new.set_aside.len() as u64),
            new.reference,
            new.policy.map(|policy| policy.0),
            int(new.stored),
            int(new.replaced),
        ];
        self.run(&sql, values, accepting)?;
        let sql = "INSERT INTO stored(client, batches, bytes) VALUES (?1, 1, ?2)
                   ON CONFLICT DO UPDATE SET batches = batches + 1, bytes = bytes + excluded.bytes";
        self.run(sql, params![new.client, int(new.stored)], accepting)?;
        let seq = self.connection.last_insert_rowid();
        self.add_to_totals(&Sums::default(), &state.sums())?;
        for left_out in &new.set_aside {
            let sql = "INSERT INTO set_aside(batch, record, field, line, col, code) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let SetAside { record, field, line, column, code } = left_out;
            let values = params![seq, int(*record), field, line.map(int), column.map(int), code.as_str()];
            self.run(sql, values, accepting)?;
        }
        if let Some(Idempotency { names, fingerprint, until }) = &new.idempotency {
            let sql = "INSERT OR REPLACE INTO idempotency(client, route, key, batch, fingerprint, until)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            for name in names {
                let values = params![new.client, new.route, name.hash.0, seq, fingerprint.0, int(*until)];
                self.run(sql, values, accepting)?;
            }
        }
        self.states.insert(new.id, Loaded { seq, epoch: self.epoch, state });
        let replaced = superseded.runs().map(|run| Event::RecordsRejected {
            first: run.start,
            count: run.end - run.start,
            code: Code::new(Code::SUPERSEDED),
        });
        self.apply(new.id, self.epoch, new.accepted_at, &replaced.collect::<Vec<_>>())?;
        let view = queries::batch(&self.connection, new.id)?.ok_or(LedgerError::UnknownBatch(new.id))?;
        Ok(Accepted::New(view))
    }

    /// What was accepted before under a name of this request's, if something was.
    fn repeated(&self, new: &NewBatch, repetition: &Idempotency) -> Result<Option<Accepted>> {
        for name in repetition.names.iter().filter(|name| name.decides) {
            let found =
                queries::remembered(&self.connection, &new.client, &new.route, name.hash, new.accepted_at)?;
            if let Some((batch, fingerprint)) = found {
                return Ok(Some(if fingerprint == repetition.fingerprint {
                    Accepted::Replay { batch, by: name.by }
                } else {
                    Accepted::Conflict { batch: batch.id }
                }));
            }
        }
        Ok(None)
    }

    pub(super) fn apply(&mut self, id: BatchId, epoch: Epoch, at: u64, events: &[Event]) -> Result<Applied> {
        let mut loaded = self.load(id)?;
        // A finished batch keeps its last owner's epoch; what may happen to it the rules say.
        if !epoch.may_write(loaded.epoch) && !loaded.state.is_finished() {
            return Err(LedgerError::StaleEpoch { yours: epoch, current: loaded.epoch });
        }
        let before = loaded.state.sums();
        let mut delivered_digest = None;
        for (index, event) in events.iter().enumerate() {
            let changes = loaded.state.apply(event, epoch, at);
            let changes = changes.map_err(|illegal| LedgerError::Illegal { batch: id, index, illegal })?;
            for change in changes {
                match change {
                    Change::Chunk { chunk, live } => self.write_chunk(loaded.seq, &chunk.into(), live)?,
                    Change::Settled(run) => self.write_run(loaded.seq, &run)?,
                    Change::Finished { delivered_digest: digest } => delivered_digest = digest,
                }
            }
        }
        let state = &loaded.state;
        let sums = state.sums();
        if events.is_empty() {
            return Ok(Applied { sums, status: state.status() });
        }
        let sql = "UPDATE batches SET changed_at = ?2, status = ?3, closing = ?4, chunks = ?5,
            finished_at = CASE WHEN ?6 THEN ?2 ELSE finished_at END,
            delivered_digest = coalesce(?7, delivered_digest), pending = ?8, in_flight = ?9, in_doubt = ?10,
            delivered = ?11, partial = ?12, rejected = ?13, cancelled = ?14, expired = ?15 WHERE seq = ?1";
        let [_, pending, in_flight, in_doubt, delivered, partial, rejected, cancelled, expired, _] =
            sums_values(&sums);
        let status = state.status();
        let values = params![
            loaded.seq,
            int(at),
            status.word(),
            state.closing().map(Word::word),
            int(state.opened()),
            state.is_finished(),
            delivered_digest.map(|digest: Digest| digest.0),
            pending,
            in_flight,
            in_doubt,
            delivered,
            partial,
            rejected,
            cancelled,
            expired,
        ];
        self.run(sql, values, "writing a transition")?;
        self.add_to_totals(&before, &sums)?;
        if status != Status::Finished {
            self.states.insert(id, loaded);
        }
        Ok(Applied { sums, status })
    }

    /// The batch's state, taken out of memory or built from its rows.
    fn load(&mut self, id: BatchId) -> Result<Loaded> {
        match self.states.remove(&id) {
            Some(loaded) => Ok(loaded),
            None => rows::load(&self.connection, id)?.ok_or(LedgerError::UnknownBatch(id)),
        }
    }

    fn write_chunk(&self, seq: i64, chunk: &ChunkRow, live: bool) -> Result<()> {
        let writing = "writing a chunk";
        let sql =
            "INSERT INTO chunks(batch, number, first, count, attempt, state, doubted, held, reference, code,
                rows, epoch, opened_at, changed_at, sent_at, doubted_at, asked, asked_at, asked_code)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
             ON CONFLICT DO UPDATE SET attempt = excluded.attempt, state = excluded.state,
                doubted = excluded.doubted, held = excluded.held, reference = excluded.reference,
                code = excluded.code, rows = excluded.rows, epoch = excluded.epoch,
                changed_at = excluded.changed_at, sent_at = excluded.sent_at, doubted_at = excluded.doubted_at,
                asked = excluded.asked, asked_at = excluded.asked_at, asked_code = excluded.asked_code";
        let values = params![
            seq,
            int(chunk.number),
            int(chunk.first),
            int(chunk.count),
            chunk.attempt,
            chunk.state.word(),
            chunk.doubted,
            chunk.held,
            chunk.reference,
            chunk.code.as_ref().map(Code::as_str),
            int(chunk.rows),
            int(chunk.epoch.0),
            int(chunk.opened_at),
            int(chunk.changed_at),
            int(chunk.sent_at),
            chunk.doubted_at.map(int),
            chunk.asked,
            chunk.asked_at.map(int),
            chunk.asked_code.as_ref().map(Code::as_str),
        ];
        self.run(sql, values, writing)?;
        if live {
            let sql = "DELETE FROM live WHERE batch = ?1 AND chunk = ?2";
            self.run(sql, params![seq, int(chunk.number)], writing)?;
            for run in chunk.live.runs() {
                let sql = "INSERT INTO live(batch, chunk, first, count) VALUES (?1, ?2, ?3, ?4)";
                let values = params![seq, int(chunk.number), int(run.start), int(run.end - run.start)];
                self.run(sql, values, writing)?;
            }
        }
        Ok(())
    }

    fn write_run(&self, seq: i64, run: &Run) -> Result<()> {
        let sql = "INSERT INTO settled(batch, first, count, outcome, code, field, rows, chunk, at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let values = params![
            seq,
            int(run.first),
            int(run.count),
            run.outcome.word(),
            run.code.as_ref().map(Code::as_str),
            run.field,
            rows::rows_text(&run.rows),
            run.chunk.map(int),
            int(run.at),
        ];
        self.run(sql, values, "writing outcomes")
    }

    fn add_to_totals(&self, before: &Sums, after: &Sums) -> Result<()> {
        let (before, after) = (sums_values(before), sums_values(after));
        let change: Vec<i64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let sql = "UPDATE totals SET accepted = accepted + ?1, pending = pending + ?2, in_flight = in_flight + ?3,
            in_doubt = in_doubt + ?4, delivered = delivered + ?5, partial = partial + ?6, rejected = rejected + ?7,
            cancelled = cancelled + ?8, expired = expired + ?9, set_aside = set_aside + ?10";
        self.run(sql, rusqlite::params_from_iter(change), "writing the totals")
    }

    pub(super) fn keep_pace(&mut self, name: &str, json: &str) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO pace(name, json) VALUES (?1, ?2)";
        self.run(sql, params![name, json], "keeping a pace")
    }

    /// Marks payloads of finished batches as removed. Returns those that are, since when ever: all but those of batches that
    /// are not finished.
    pub(super) fn release(&mut self, ids: &[BatchId], at: u64) -> Result<Vec<BatchId>> {
        let releasing = "releasing a payload";
        let sql = "UPDATE batches SET payload_removed_at = ?2
                   WHERE id = ?1 AND finished_at IS NOT NULL AND payload_removed_at IS NULL RETURNING client, stored";
        let mut mark = self.connection.prepare_cached(sql).doing(releasing)?;
        let sql = "SELECT count(*) FROM batches WHERE id = ?1 AND finished_at IS NULL";
        let mut is_open = self.connection.prepare_cached(sql).doing(releasing)?;
        let mut released = Vec::new();
        for id in ids {
            let marked = mark.query_row(params![id.as_bytes(), int(at)], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
            });
            if let Some((client, stored)) = marked.optional().doing(releasing)? {
                let sql = "UPDATE stored SET batches = batches - 1, bytes = bytes - ?2 WHERE client = ?1";
                self.run(sql, params![client, stored], releasing)?;
            }
            let open: i64 = is_open.query_row([id.as_bytes()], |row| row.get(0)).doing(releasing)?;
            if open == 0 {
                released.push(*id);
            }
        }
        Ok(released)
    }

    /// Removes at most `most` rows of the route's batches that finished before `before` and whose payload is gone, the
    /// longest finished first. From its first row on, a batch is as if it had never been.
    pub(super) fn forget(&mut self, route: &str, before: u64, now: u64, most: u64) -> Result<Forgotten> {
        let forgetting = "forgetting a batch";
        let mut forgotten = Forgotten::default();
        while forgotten.rows < most {
            let sql = "SELECT seq FROM batches WHERE route = ?1 AND payload_removed_at IS NOT NULL AND finished_at < ?2
                       ORDER BY finished_at LIMIT 1";
            let mut statement = self.connection.prepare_cached(sql).doing(forgetting)?;
            let oldest = statement.query_row(params![route, int(before)], |row| row.get::<_, i64>(0));
            let Some(seq) = oldest.optional().doing(forgetting)? else { return Ok(forgotten) };
            drop(statement);
            for sql in ROWS_OF_A_BATCH {
                let mut statement = self.connection.prepare_cached(sql).doing(forgetting)?;
                let left = most - forgotten.rows;
                forgotten.rows += statement.execute(params![seq, int(left)]).doing(forgetting)? as u64;
                if forgotten.rows == most {
                    let sql = "UPDATE batches SET forgotten_at = coalesce(forgotten_at, ?2) WHERE seq = ?1";
                    self.run(sql, params![seq, int(now)], forgetting)?;
                    forgotten.more = true;
                    return Ok(forgotten);
                }
            }
            self.run("DELETE FROM batches WHERE seq = ?1", [seq], forgetting)?;
            forgotten.rows += 1;
            forgotten.batches += 1;
        }
        forgotten.more = true;
        Ok(forgotten)
    }

    /// Forgets at most `limit` idempotency keys whose time is over. Returns how many.
    pub(super) fn forget_keys(&mut self, now: u64, limit: u32) -> Result<u64> {
        let forgetting = "forgetting idempotency keys";
        let sql = "DELETE FROM idempotency WHERE (client, route, key) IN
                   (SELECT client, route, key FROM idempotency WHERE until <= ?1 LIMIT ?2)";
        let mut statement = self.connection.prepare_cached(sql).doing(forgetting)?;
        statement.execute(params![int(now), limit]).map(|count| count as u64).doing(forgetting)
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params, what: &'static str) -> Result<()> {
        let mut statement = self.connection.prepare_cached(sql).doing(what)?;
        statement.execute(values).map(drop).doing(what)
    }
}

/// What was removed of batches whose time is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    /// Batches of which nothing is left.
    pub(super) batches: u64,
    /// Rows.
    pub(super) rows: u64,
    /// There may be more to remove.
    pub(super) more: bool,
}

/// Rows of one batch, so many at a time.
const ROWS_OF_A_BATCH: [&str; 5] = [
    "DELETE FROM live WHERE (batch, chunk, first) IN (SELECT batch, chunk, first FROM live WHERE batch = ?1 LIMIT ?2)",
    "DELETE FROM settled WHERE (batch, first) IN (SELECT batch, first FROM settled WHERE batch = ?1 LIMIT ?2)",
    "DELETE FROM chunks WHERE (batch, number) IN (SELECT batch, number FROM chunks WHERE batch = ?1 LIMIT ?2)",
    "DELETE FROM set_aside WHERE (batch, record) IN (SELECT batch, record FROM set_aside WHERE batch = ?1 LIMIT ?2)",
    "DELETE FROM idempotency WHERE (client, route, key) IN
        (SELECT client, route, key FROM idempotency WHERE batch = ?1 LIMIT ?2)",
];

/// Used by the queries too: the columns are in one place.
pub(super) fn batch_sql(rest: &str) -> String {
    format!("SELECT {BATCH} FROM batches {rest}")
}

/// A batch that is over before anything of it was sent, or that certainly had no effect: repeating its request starts
/// afresh.
pub(super) fn may_start_afresh(view: &BatchView) -> bool {
    let sums = &view.sums;
    let without_effect = sums.cancelled + sums.expired == sums.accepted;
    sums.open() == 0 && view.records() > 0 && (view.chunks == 0 || without_effect)
}
