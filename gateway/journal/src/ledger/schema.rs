//! The database: how it is opened, and its tables.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{LedgerError, Result, StorageContext, newer};

/// Marks the file as a ledger: "Seki".
const APPLICATION: i64 = 0x5365_6b69;
/// The version of the tables below. A later gateway migrates what it finds; an earlier one refuses it.
const VERSION: i64 = 5;

/// Numbers are what they are; ids and digests are blobs; times are unix milliseconds; words are the machine's.
/// The balance is a constraint too: a row that lost a record cannot be written.
const TABLES: &str = "
CREATE TABLE owners(
    epoch INTEGER PRIMARY KEY, name TEXT NOT NULL, since INTEGER NOT NULL
) STRICT;
CREATE TABLE definitions(
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32), json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE batches(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    client TEXT NOT NULL, route TEXT NOT NULL, door TEXT NOT NULL,
    reference TEXT CHECK (length(reference) <= 256),
    plan BLOB NOT NULL REFERENCES definitions, schema BLOB NOT NULL, mapping BLOB NOT NULL, policy BLOB,
    bytes INTEGER NOT NULL, payload_digest BLOB NOT NULL, records_digest BLOB NOT NULL, delivered_digest BLOB,
    received_at INTEGER NOT NULL, accepted_at INTEGER NOT NULL, expires_at INTEGER, changed_at INTEGER NOT NULL,
    finished_at INTEGER, payload_removed_at INTEGER, forgotten_at INTEGER,
    ordered INTEGER NOT NULL, status TEXT NOT NULL, closing TEXT, chunks INTEGER NOT NULL, epoch INTEGER NOT NULL,
    accepted INTEGER NOT NULL, pending INTEGER NOT NULL, in_flight INTEGER NOT NULL, in_doubt INTEGER NOT NULL,
    delivered INTEGER NOT NULL, partial INTEGER NOT NULL, rejected INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    expired INTEGER NOT NULL, set_aside INTEGER NOT NULL, stored INTEGER NOT NULL DEFAULT 0,
    replaced INTEGER NOT NULL DEFAULT 0,
    CHECK (accepted = pending + in_flight + in_doubt + delivered + partial + rejected + cancelled + expired)
) STRICT;
CREATE INDEX batches_of_client ON batches(client, seq);
CREATE INDEX batches_of_route ON batches(route, seq);
CREATE INDEX batches_open ON batches(seq) WHERE finished_at IS NULL;
CREATE INDEX batches_payload ON batches(route, finished_at) WHERE payload_removed_at IS NULL;
CREATE INDEX batches_receipt ON batches(route, finished_at) WHERE payload_removed_at IS NOT NULL;
CREATE TABLE chunks(
    batch INTEGER NOT NULL REFERENCES batches, number INTEGER NOT NULL, first INTEGER NOT NULL,
    count INTEGER NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL, doubted INTEGER NOT NULL,
    held INTEGER NOT NULL, reference TEXT, code TEXT, rows INTEGER NOT NULL, epoch INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, changed_at INTEGER NOT NULL,
    sent_at INTEGER NOT NULL DEFAULT 0, doubted_at INTEGER, asked INTEGER NOT NULL DEFAULT 0, asked_at INTEGER, asked_code TEXT,
    PRIMARY KEY (batch, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE live(
    batch INTEGER NOT NULL REFERENCES batches, chunk INTEGER NOT NULL, first INTEGER NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (batch, chunk, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE settled(
    batch INTEGER NOT NULL REFERENCES batches, first INTEGER NOT NULL, count INTEGER NOT NULL CHECK (count > 0),
    outcome TEXT NOT NULL, code TEXT, field TEXT, rows TEXT, chunk INTEGER, at INTEGER NOT NULL,
    PRIMARY KEY (batch, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX settled_exceptions ON settled(batch, first) WHERE outcome IN ('partial', 'rejected');
CREATE TABLE set_aside(
    batch INTEGER NOT NULL REFERENCES batches, record INTEGER NOT NULL, field TEXT, line INTEGER, col INTEGER,
    code TEXT NOT NULL,
    PRIMARY KEY (batch, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE idempotency(
    client TEXT NOT NULL, route TEXT NOT NULL, key BLOB NOT NULL, batch INTEGER NOT NULL REFERENCES batches,
    fingerprint BLOB NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (client, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_until ON idempotency(until);
CREATE INDEX idempotency_batch ON idempotency(batch);
CREATE TABLE pace(name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE totals(
    one INTEGER PRIMARY KEY CHECK (one = 1),
    accepted INTEGER NOT NULL, pending INTEGER NOT NULL, in_flight INTEGER NOT NULL, in_doubt INTEGER NOT NULL,
    delivered INTEGER NOT NULL, partial INTEGER NOT NULL, rejected INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    expired INTEGER NOT NULL, set_aside INTEGER NOT NULL,
    CHECK (accepted = pending + in_flight + in_doubt + delivered + partial + rejected + cancelled + expired)
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
CREATE TABLE stored(
    client TEXT PRIMARY KEY, batches INTEGER NOT NULL CHECK (batches >= 0), bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;
";

/// What makes version 2 of version 1. Names of repetitions are hashed with a key since; those that were remembered before
/// are not recognised any more, and go when their time is over.
const FROM_1_TO_2: &str = "
ALTER TABLE batches ADD COLUMN forgotten_at INTEGER;
DROP INDEX batches_payload;
CREATE INDEX batches_payload ON batches(route, finished_at) WHERE payload_removed_at IS NULL;
CREATE INDEX batches_receipt ON batches(route, finished_at) WHERE payload_removed_at IS NOT NULL;
CREATE INDEX idempotency_batch ON idempotency(batch);
";

/// What makes version 3 of version 2: what is known of a chunk in doubt, and the policy that a batch was held against. Of a doubt
/// that was before, its beginning is the chunk's last change.
const FROM_2_TO_3: &str = "
ALTER TABLE chunks ADD COLUMN sent_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chunks ADD COLUMN doubted_at INTEGER;
ALTER TABLE chunks ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chunks ADD COLUMN asked_at INTEGER;
ALTER TABLE chunks ADD COLUMN asked_code TEXT;
ALTER TABLE batches ADD COLUMN policy BLOB;
UPDATE chunks SET sent_at = opened_at;
UPDATE chunks SET doubted_at = changed_at WHERE doubted;
";

/// What makes version 4 of version 3: what each client's batches take of the spool. Of those that were there before, the payload as
/// it came is what is known.
const FROM_3_TO_4: &str = "
ALTER TABLE batches ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
UPDATE batches SET stored = bytes;
CREATE TABLE stored(
    client TEXT PRIMARY KEY, batches INTEGER NOT NULL CHECK (batches >= 0), bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO stored SELECT client, count(*), sum(stored) FROM batches WHERE payload_removed_at IS NULL GROUP BY client;
";

/// What makes version 5 of version 4: how many characters were replaced. Of batches that were there before nobody counted them.
const FROM_4_TO_5: &str = "
ALTER TABLE batches ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;
";

/// Opens the writer's connection, creating the file and its tables if they are not there.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    create(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).doing("opening the ledger")?;
    connection.busy_timeout(Duration::from_secs(10)).doing("opening the ledger")?;
    // Looked at before anything is written, even the journal mode.
    check(&connection, path)?;
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                    PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 16777216;";
    connection.execute_batch(settings).doing("setting up the ledger")?;
    let version = pragma(&connection, "user_version").doing("reading the ledger's version")?;
    let change = match version {
        0 => TABLES.to_owned(),
        1 => [FROM_1_TO_2, FROM_2_TO_3, FROM_3_TO_4, FROM_4_TO_5].concat(),
        2 => [FROM_2_TO_3, FROM_3_TO_4, FROM_4_TO_5].concat(),
        3 => [FROM_3_TO_4, FROM_4_TO_5].concat(),
        4 => FROM_4_TO_5.to_owned(),
        _ => String::new(),
    };
    if !change.is_empty() {
        let change = format!(
            "BEGIN IMMEDIATE; {change} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        );
        connection.execute_batch(&change).doing("creating the ledger's tables")?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    sync_folder(path)?;
    Ok(connection)
}

/// Opens a connection that only reads; the writer's is open already.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).doing("opening the ledger to read")?;
    connection.busy_timeout(Duration::from_secs(10)).doing("opening the ledger to read")?;
    let settings = "PRAGMA query_only = ON; PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY;";
    connection.execute_batch(settings).doing("opening the ledger to read")?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// A new file is its owner's only; SQLite gives its side files the same permissions.
fn create(path: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).doing("creating the ledger's folder")?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map(drop).doing("creating the ledger")
}

fn check(connection: &Connection, path: &Path) -> Result<()> {
    let reading = "reading the ledger's version";
    let read = |name| match pragma(connection, name) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(LedgerError::NotALedger { path: path.to_owned() })
        }
        other => other.doing(reading),
    };
    let (application, version) = (read("application_id")?, read("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).doing(reading)?;
    if (application, version, tables) == (0, 0, 0) {
        return Ok(());
    }
    if application != APPLICATION {
        return Err(LedgerError::NotALedger { path: path.to_owned() });
    }
    if version > VERSION { Err(newer(path, version, VERSION)) } else { Ok(()) }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).doing("syncing the ledger's folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns and indexes of every table, in no order.
    fn made(connection: &Connection) -> Vec<String> {
        let sql = "SELECT schema.type || ' ' || schema.name || ' ' || columns.name FROM sqlite_schema AS schema
                   JOIN pragma_table_info(schema.tbl_name) AS columns WHERE schema.type = 'table'
                   UNION SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema WHERE type = 'index'
                   ORDER BY 1";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn an_earlier_ledger_becomes_what_a_new_one_is_and_keeps_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.db"), folder.path().join("new.db"));
        let connection = Connection::open(&old).unwrap();
        connection.execute_batch(include_str!("tables-1.sql")).unwrap();
        let mark = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1;");
        connection.execute_batch(&mark).unwrap();
        connection.execute("INSERT INTO owners VALUES (7, 'before', 1)", []).unwrap();
        let chunk = "PRAGMA foreign_keys = OFF;
            INSERT INTO chunks VALUES (1, 1, 0, 5, 1, 'in-doubt', 1, 0, NULL, 'cut', 5, 7, 100, 200);";
        connection.execute_batch(chunk).unwrap();
        let batches = "INSERT INTO batches(id, client, route, door, plan, schema, mapping, bytes, payload_digest, records_digest,
                received_at, accepted_at, changed_at, ordered, status, chunks, epoch, accepted, pending, in_flight,
                in_doubt, delivered, partial, rejected, cancelled, expired, set_aside, payload_removed_at)
            VALUES (randomblob(16), 'city', 'r', 'rest', x'', x'', x'', 30, x'', x'', 1, 1, 1, 0, 'pending', 0, 7, 1, 1, 0, 0, 0, 0,
                0, 0, 0, 0, NULL),
            (randomblob(16), 'city', 'r', 'rest', x'', x'', x'', 40, x'', x'', 1, 1, 1, 0, 'pending', 0, 7, 1, 1, 0, 0, 0, 0,
                0, 0, 0, 0, NULL),
            (randomblob(16), 'city', 'r', 'rest', x'', x'', x'', 50, x'', x'', 1, 1, 1, 0, 'finished', 0, 7, 1, 0, 0, 0, 1, 0,
                0, 0, 0, 0, 9);";
        connection.execute_batch(batches).unwrap();
        drop(connection);
        let old = open_writer(&old).unwrap();
        assert_eq!(made(&old), made(&open_writer(&new).unwrap()));
        assert_eq!(pragma(&old, "user_version").unwrap(), VERSION);
        let owner: String = old.query_row("SELECT name FROM owners", [], |row| row.get(0)).unwrap();
        assert_eq!(owner, "before");
        let since = "SELECT sent_at, doubted_at, asked FROM chunks";
        let since: (i64, i64, i64) =
            old.query_row(since, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        assert_eq!(since, (100, 200, 0));
        let stored = "SELECT client, batches, bytes FROM stored";
        let stored: (String, i64, i64) =
            old.query_row(stored, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        assert_eq!(stored, ("city".to_owned(), 2, 70));
        let replaced = "SELECT count(*), sum(replaced) FROM batches";
        let replaced: (i64, i64) = old.query_row(replaced, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(replaced, (3, 0));
    }

    /// With a write-ahead log, SQLite syncs it at every commit under FULL (2) and only at checkpoints under NORMAL: a
    /// receipt rests on the former. Said of the connection, so it has to hold however often the ledger is opened.
    #[test]
    fn every_commit_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        for _ in 0..2 {
            let connection = open_writer(&path).unwrap();
            assert_eq!(pragma(&connection, "synchronous").unwrap(), 2);
            let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
    }
}
