use std::path::Path;

use super::*;
use crate::batch::{Accepted, NewBatch};
use crate::identity::Digest;
use crate::spool::{Encryption, WrappingKey};

const NOW: u64 = 1_700_000_000_000;

fn open(state: &Path) -> (Spool, Ledger) {
    let keys = vec![WrappingKey::from_bytes("k", &[5; 32]).unwrap()];
    let encryption = Encryption { folder: state.join("data-keys"), keys };
    let spool = Spool::open_with(&state.join("spool"), &state.join("spool.key"), Some(encryption)).unwrap();
    let (ledger, _) = Ledger::open(&state.join("ledger.db"), "test", NOW).unwrap();
    (spool, ledger)
}

/// An accepted batch of a client's, of four records, with these events behind it.
fn batch(spool: &Spool, ledger: &Ledger, client: &str, events: Vec<Event>) -> BatchId {
    let mut writer = spool.create(BatchId::new(NOW)).unwrap();
    for record in ["one", "two", "three", "four"] {
        writer.push(record.as_bytes(), None).unwrap();
    }
    let sealed = writer.seal().unwrap();
    let digest = Digest::of(b"");
    let new = NewBatch {
        id: sealed.batch,
        client: client.into(),
        route: "route".into(),
        door: "rest".into(),
        reference: None,
        plan: ledger.define_blocking("{}".into()).unwrap(),
        schema: digest,
        mapping: digest,
        policy: None,
        records: sealed.records,
        set_aside: Vec::new(),
        replaced: 0,
        bytes: sealed.bytes,
        stored: sealed.stored,
        payload_digest: digest,
        records_digest: digest,
        received_at: NOW,
        accepted_at: NOW,
        expires_at: None,
        ordered: false,
        idempotency: None,
    };
    assert!(matches!(ledger.accept_blocking(new), Ok(Accepted::New(_))));
    ledger.apply_blocking(sealed.batch, ledger.epoch(), NOW, events).unwrap();
    sealed.batch
}

fn opened(count: u64) -> Event {
    Event::ChunkOpened { chunk: 1, first: 0, count, attempt: 1 }
}

fn finished() -> Vec<Event> {
    let answered = Event::ChunkAnswered { chunk: 1, exceptions: Vec::new(), rows: 4 };
    vec![opened(4), answered, Event::Finished { delivered_digest: None }]
}

fn keys(state: &Path) -> usize {
    std::fs::read_dir(state.join("data-keys")).unwrap().count()
}

#[test]
fn what_is_finished_goes_and_the_rest_waits_for_a_word() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger) = open(state.path());
    let done = batch(&spool, &ledger, "city", finished());
    let waiting = batch(&spool, &ledger, "city", Vec::new());
    let other = batch(&spool, &ledger, "town", finished());
    let erased = erase_client(&spool, &ledger, "city", false, NOW + 1).unwrap();
    let wanted = Erased { keys: true, payloads: vec![done], kept: vec![waiting], ..Erased::default() };
    assert_eq!(erased, wanted);
    assert_eq!(spool.reader(done).unwrap_err().code(), "spool-batch-unknown");
    assert!(spool.reader(waiting).is_ok() && spool.reader(other).is_ok());
    assert_eq!(keys(state.path()), 2);
    let row = ledger.batch_blocking(done).unwrap().unwrap();
    assert_eq!((row.payload_removed_at, row.sums.delivered), (Some(NOW + 1), 4));
    let again = erase_client(&spool, &ledger, "city", false, NOW + 2).unwrap();
    assert_eq!(again, Erased { keys: true, kept: vec![waiting], ..Erased::default() });
    assert_eq!(erase_client(&spool, &ledger, "nobody", true, NOW).unwrap().payloads, []);
}

#[test]
fn at_a_word_what_is_not_finished_goes_too_but_for_what_is_on_its_way() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger) = open(state.path());
    let pending = batch(&spool, &ledger, "city", Vec::new());
    let sent = vec![opened(2), Event::ChunkSent { chunk: 1, reference: None }];
    let on_its_way = batch(&spool, &ledger, "city", sent.clone());
    let doubt = Event::ChunkInDoubt { chunk: 1, code: "upstream-cut".into() };
    let in_doubt = batch(&spool, &ledger, "city", [sent, vec![doubt]].concat());
    let erased = erase_client(&spool, &ledger, "city", true, NOW + 1).unwrap();
    let wanted = Erased {
        keys: true,
        payloads: vec![pending, in_doubt],
        unfinished: vec![pending, in_doubt],
        cancelled: 4 + 2 + 2,
        under_way: vec![on_its_way],
        ..Erased::default()
    };
    assert_eq!(erased, wanted);
    assert!(spool.reader(on_its_way).is_ok());
    assert_eq!(keys(state.path()), 1);
    assert!(ledger.batch_blocking(pending).unwrap().unwrap().payload_removed_at.is_some());
    for (batch, cancelled, open) in [(pending, 4, 0), (on_its_way, 2, 2), (in_doubt, 2, 2)] {
        let sums = ledger.batch_blocking(batch).unwrap().unwrap().sums;
        assert_eq!((sums.cancelled, sums.in_flight + sums.in_doubt), (cancelled, open));
    }
    // Asked for again when it is over.
    let answered = Event::ChunkAnswered { chunk: 1, exceptions: Vec::new(), rows: 2 };
    let over = vec![answered, Event::Finished { delivered_digest: None }];
    ledger.apply_blocking(on_its_way, ledger.epoch(), NOW, over).unwrap();
    assert_eq!(erase_client(&spool, &ledger, "city", false, NOW + 2).unwrap().payloads, [on_its_way]);
    // What is in doubt is still the operator's to decide, after a start as well.
    drop((spool, ledger));
    let (spool, ledger) = open(state.path());
    assert_eq!(crate::recover(&spool, &ledger).unwrap().damaged, [in_doubt]);
    let delivered = vec![Event::DoubtDelivered { chunk: 1 }, Event::Finished { delivered_digest: None }];
    assert_eq!(ledger.apply_blocking(in_doubt, ledger.epoch(), NOW, delivered).unwrap().sums.delivered, 2);
}
