-- The tables of version 1, as gateways before version 2 made them.
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
    plan BLOB NOT NULL REFERENCES definitions, schema BLOB NOT NULL, mapping BLOB NOT NULL,
    bytes INTEGER NOT NULL, payload_digest BLOB NOT NULL, records_digest BLOB NOT NULL, delivered_digest BLOB,
    received_at INTEGER NOT NULL, accepted_at INTEGER NOT NULL, expires_at INTEGER, changed_at INTEGER NOT NULL,
    finished_at INTEGER, payload_removed_at INTEGER,
    ordered INTEGER NOT NULL, status TEXT NOT NULL, closing TEXT, chunks INTEGER NOT NULL, epoch INTEGER NOT NULL,
    accepted INTEGER NOT NULL, pending INTEGER NOT NULL, in_flight INTEGER NOT NULL, in_doubt INTEGER NOT NULL,
    delivered INTEGER NOT NULL, partial INTEGER NOT NULL, rejected INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    expired INTEGER NOT NULL, set_aside INTEGER NOT NULL,
    CHECK (accepted = pending + in_flight + in_doubt + delivered + partial + rejected + cancelled + expired)
) STRICT;
CREATE INDEX batches_of_client ON batches(client, seq);
CREATE INDEX batches_of_route ON batches(route, seq);
CREATE INDEX batches_open ON batches(seq) WHERE finished_at IS NULL;
CREATE INDEX batches_payload ON batches(finished_at) WHERE payload_removed_at IS NULL;
CREATE TABLE chunks(
    batch INTEGER NOT NULL REFERENCES batches, number INTEGER NOT NULL, first INTEGER NOT NULL,
    count INTEGER NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL, doubted INTEGER NOT NULL,
    held INTEGER NOT NULL, reference TEXT, code TEXT, rows INTEGER NOT NULL, epoch INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, changed_at INTEGER NOT NULL,
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
CREATE TABLE pace(name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE totals(
    one INTEGER PRIMARY KEY CHECK (one = 1),
    accepted INTEGER NOT NULL, pending INTEGER NOT NULL, in_flight INTEGER NOT NULL, in_doubt INTEGER NOT NULL,
    delivered INTEGER NOT NULL, partial INTEGER NOT NULL, rejected INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    expired INTEGER NOT NULL, set_aside INTEGER NOT NULL,
    CHECK (accepted = pending + in_flight + in_doubt + delivered + partial + rejected + cancelled + expired)
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
