use std::path::Path;

use super::*;
use crate::batch::{Accepted, NewBatch};
use crate::identity::Digest;
use crate::ledger::Opened;
use crate::machine::Event;

const NOW: u64 = 1_700_000_000_000;

fn open(state: &Path) -> (Spool, Ledger, Opened) {
    let spool = Spool::open(&state.join("spool"), &state.join("spool.key")).unwrap();
    let (ledger, opened) = Ledger::open(&state.join("ledger.db"), "test", NOW).unwrap();
    (spool, ledger, opened)
}

fn seal(spool: &Spool) -> BatchId {
    let mut writer = spool.create(BatchId::new(NOW)).unwrap();
    writer.push(b"one", None).unwrap();
    writer.push(b"two", None).unwrap();
    writer.seal().unwrap().batch
}

fn accept(ledger: &Ledger, id: BatchId) {
    let digest = Digest::of(b"");
    let batch = NewBatch {
        id,
        client: "city".into(),
        route: "attributes".into(),
        door: "rest".into(),
        reference: None,
        plan: ledger.define_blocking("{}".into()).unwrap(),
        schema: digest,
        mapping: digest,
        policy: None,
        records: 2,
        set_aside: Vec::new(),
        replaced: 0,
        bytes: 6,
        stored: 6,
        payload_digest: digest,
        records_digest: digest,
        received_at: NOW,
        accepted_at: NOW,
        expires_at: None,
        ordered: false,
        idempotency: None,
    };
    assert!(matches!(ledger.accept_blocking(batch), Ok(Accepted::New(_))));
}

fn finish(ledger: &Ledger, id: BatchId, at: u64) {
    let events = vec![Event::Cancelled { code: "client".into() }, Event::Finished { delivered_digest: None }];
    ledger.apply_blocking(id, ledger.epoch(), at, events).unwrap();
}

#[test]
fn only_what_was_acknowledged_stays() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger, _) = open(state.path());
    let (accepted, never, broken, gone) = (seal(&spool), seal(&spool), seal(&spool), seal(&spool));
    for id in [accepted, broken, gone] {
        accept(&ledger, id);
    }
    let index = state.path().join("spool").join(broken.to_string()).join("index");
    let mut bytes = std::fs::read(&index).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&index, bytes).unwrap();
    spool.remove(gone).unwrap();
    drop((spool, ledger));

    let (spool, ledger, _) = open(state.path());
    let recovery = recover(&spool, &ledger).unwrap();
    let mut damaged = vec![broken, gone];
    damaged.sort();
    assert_eq!(recovery, Recovery { removed: vec![never], damaged });
    assert_eq!(spool.reader(accepted).unwrap().records(), 2);
    assert!(spool.batches().unwrap().contains(&broken), "what is damaged is kept for whoever can mend it");
}

#[test]
fn what_a_kill_left_between_row_and_folder_goes_at_the_next_start() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger, _) = open(state.path());
    let (released, finished) = (seal(&spool), seal(&spool));
    for id in [released, finished] {
        accept(&ledger, id);
        finish(&ledger, id, NOW + 60);
    }
    assert_eq!(ledger.release_blocking(vec![released], NOW + 70).unwrap(), [released]);
    // Nobody needs this one any more: that it is damaged is no news.
    std::fs::write(state.path().join("spool").join(finished.to_string()).join("index"), "").unwrap();
    drop((spool, ledger));
    let (spool, ledger, _) = open(state.path());
    assert_eq!(recover(&spool, &ledger).unwrap(), Recovery { removed: vec![released], damaged: vec![] });
    assert!(spool.batches().unwrap().contains(&finished));
}
