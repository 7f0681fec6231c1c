//! A writer that is killed at any moment loses nothing that it has acknowledged.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // all of it is a test

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use sekisho_journal::{Accepted, BatchId, Digest, Event, Ledger, NewBatch, Spool, recover};

const FOLDER: &str = "SEKISHO_JOURNAL_KILL_TEST_FOLDER";
const NOW: u64 = 1_700_000_000_000;
const ROUNDS: u64 = 8;

fn open(state: &Path) -> (Spool, Ledger) {
    let spool =
        Spool::open(&state.join("spool"), &state.join("spool.key")).unwrap().with_segment_bytes(2_000);
    let (ledger, _) = Ledger::open(&state.join("ledger.db"), "kill test", NOW).unwrap();
    (spool, ledger)
}

fn record(batch: BatchId, position: u64) -> String {
    format!("record {position} of {batch}")
}

/// Takes in batches and delivers some of their records until it is killed; says on its output what is promised.
fn write(state: &Path) -> ! {
    let (spool, ledger) = open(state);
    recover(&spool, &ledger).unwrap();
    let plan = ledger.define_blocking("{}".into()).unwrap();
    let work = |records: u64| {
        let mut writer = spool.create(BatchId::new(NOW)).unwrap();
        let id = writer.batch();
        for position in 0..records {
            writer.push(record(id, position).as_bytes(), Some(&position.to_le_bytes())).unwrap();
        }
        let sealed = writer.seal().unwrap();
        let digest = Digest::of(b"");
        let batch = NewBatch {
            id,
            client: "city".into(),
            route: "attributes".into(),
            door: "rest".into(),
            reference: None,
            plan,
            schema: digest,
            mapping: digest,
            policy: None,
            records,
            set_aside: Vec::new(),
            replaced: 0,
            bytes: sealed.bytes,
            stored: sealed.stored,
            payload_digest: digest,
            records_digest: sealed.records_digest,
            received_at: NOW,
            accepted_at: NOW,
            expires_at: None,
            ordered: false,
            idempotency: None,
        };
        assert!(matches!(ledger.accept_blocking(batch), Ok(Accepted::New(_))));
        say(&format!("accepted {id} {records}"));
        let half = records / 2;
        let opened = Event::ChunkOpened { chunk: 1, first: 0, count: half, attempt: 1 };
        ledger.apply_blocking(id, ledger.epoch(), NOW, vec![opened]).unwrap();
        let answered = Event::ChunkAnswered { chunk: 1, exceptions: vec![], rows: half };
        ledger.apply_blocking(id, ledger.epoch(), NOW, vec![answered]).unwrap();
        say(&format!("delivered {id} {half}"));
    };
    thread::scope(|scope| {
        for offset in 0..4u64 {
            let work = &work;
            scope.spawn(move || {
                let mut records = offset * 11;
                loop {
                    work(2 + records % 400);
                    records += 37;
                }
            });
        }
    });
    unreachable!("the threads write until they are killed")
}

fn say(what: &str) {
    // One write, so that lines of two threads do not mix.
    std::io::stdout().lock().write_all(format!("\n{what}\n").as_bytes()).unwrap();
}

#[test]
fn survives_kills() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        write(Path::new(&folder));
    }
    let state = tempfile::tempdir().unwrap();
    let (mut accepted, mut delivered) = (HashMap::new(), HashMap::new());
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "survives_kills", "--nocapture"])
            .env(FOLDER, state.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after another number of promises each time; what it said until then still comes out of the pipe.
        let mut left = 1 + round * round * 3;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let mut words = line.split(' ');
            let promised = match words.next() {
                Some("accepted") => &mut accepted,
                Some("delivered") => &mut delivered,
                _ => continue,
            };
            let id: BatchId = words.next().unwrap().parse().unwrap();
            promised.insert(id, words.next().unwrap().parse::<u64>().unwrap());
            left = left.saturating_sub(1);
            if left == 0 {
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());

        let (spool, ledger) = open(state.path());
        let recovery = recover(&spool, &ledger).unwrap();
        assert_eq!(recovery.damaged, []);
        for (id, records) in &accepted {
            let view = ledger.batch_blocking(*id).unwrap().expect("an acknowledged batch is in the ledger");
            assert_eq!(view.sums.accepted, *records);
            assert!(view.sums.balanced());
            assert_eq!(view.sums.in_flight, 0, "after a start nothing is in flight");
            if let Some(half) = delivered.get(id) {
                assert_eq!(view.sums.delivered, *half);
            }
            assert_eq!(ledger.state_blocking(*id).unwrap().unwrap().sums(), view.sums);
            let mut read = spool.reader(*id).unwrap().read(0..u64::MAX).unwrap();
            let mut next = 0;
            while let Some((position, bytes)) = read.next().unwrap() {
                assert_eq!((position, bytes), (next, record(*id, position).as_bytes()));
                next += 1;
            }
            assert_eq!(next, *records);
        }
        let kept = ledger.with_payload_blocking().unwrap();
        let mut folders = spool.batches().unwrap();
        folders.retain(|batch| !kept.contains_key(batch));
        assert_eq!(folders, [], "what was never acknowledged is gone");
    }
    assert!(accepted.len() > ROUNDS as usize);
}
