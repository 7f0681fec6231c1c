use std::path::Path;

use super::*;
use crate::batch::{Accepted, Idempotency, NewBatch, RepeatedBy, RepetitionName, SetAside};
use crate::identity::Digest;
use crate::machine::{Code, Event, Exception, Outcome};

const NOW: u64 = 1_700_000_000_000;

fn open(state: &Path) -> (Spool, Ledger) {
    let spool = Spool::open(&state.join("spool"), &state.join("spool.key")).unwrap();
    let (ledger, _) = Ledger::open(&state.join("ledger.db"), "test", NOW).unwrap();
    (spool, ledger)
}

fn name(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// An accepted batch of three records; it is remembered by its own key for 50 ms.
fn accept(spool: &Spool, ledger: &Ledger, route: &str) -> BatchId {
    let mut writer = spool.create(BatchId::new(NOW)).unwrap();
    for record in ["one", "two", "three"] {
        writer.push(record.as_bytes(), None).unwrap();
    }
    let sealed = writer.seal().unwrap();
    let digest = Digest::of(b"");
    let hash = name(&sealed.batch.to_string());
    let names = vec![RepetitionName { by: RepeatedBy::Key, hash, decides: true }];
    let left_out = SetAside { record: 2, field: None, line: None, column: None, code: Code::new("x") };
    let batch = NewBatch {
        id: sealed.batch,
        client: "city".into(),
        route: route.into(),
        door: "rest".into(),
        reference: None,
        plan: ledger.define_blocking("{}".into()).unwrap(),
        schema: digest,
        mapping: digest,
        policy: None,
        records: sealed.records,
        set_aside: vec![left_out],
        replaced: 0,
        bytes: sealed.bytes,
        stored: sealed.stored,
        payload_digest: digest,
        records_digest: digest,
        received_at: NOW,
        accepted_at: NOW,
        expires_at: None,
        ordered: false,
        idempotency: Some(Idempotency { names, fingerprint: digest, until: NOW + 50 }),
    };
    assert!(matches!(ledger.accept_blocking(batch), Ok(Accepted::New(_))));
    sealed.batch
}

/// Three chunks and an error, and its end.
fn finish(ledger: &Ledger, id: BatchId, at: u64) {
    let mut events = Vec::new();
    for chunk in 1..=3 {
        events.push(Event::ChunkOpened { chunk, first: chunk - 1, count: 1, attempt: 1 });
        let refused = Exception::new(chunk - 1, Outcome::Rejected, "X");
        let exceptions = if chunk == 2 { vec![refused] } else { Vec::new() };
        events.push(Event::ChunkAnswered { chunk, exceptions, rows: 1 });
    }
    events.push(Event::Finished { delivered_digest: None });
    ledger.apply_blocking(id, ledger.epoch(), at, events).unwrap();
}

fn retention(routes: &[(&str, u64, Option<u64>)], others: (u64, Option<u64>)) -> Retention {
    let keep = |payload, receipt| Keep { payload, receipt };
    Retention {
        routes: routes
            .iter()
            .map(|(route, payload, receipt)| ((*route).to_owned(), keep(*payload, *receipt)))
            .collect(),
        others: keep(others.0, others.1),
    }
}

#[test]
fn payloads_go_after_their_routes_grace_and_receipts_stay() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger) = open(state.path());
    let batches = ["short", "long", "gone"].map(|route| accept(&spool, &ledger, route));
    let unfinished = accept(&spool, &ledger, "short");
    batches.iter().for_each(|batch| finish(&ledger, *batch, NOW));
    let retention = retention(&[("short", 10, None), ("long", 100, None)], (200, None));
    for (passed, gone) in [(10, 0), (11, 1), (100, 1), (101, 2), (200, 2), (201, 3), (1_000, 3)] {
        purge(&spool, &ledger, &retention, NOW + passed).unwrap();
        let there = |batch: &&BatchId| spool.reader(**batch).is_err();
        assert_eq!(batches.iter().filter(there).count(), gone, "after {passed} ms");
    }
    for batch in batches {
        let row = ledger.batch_blocking(batch).unwrap().unwrap();
        assert_eq!((row.payload_removed_at.is_some(), row.sums.delivered), (true, 2));
    }
    assert!(spool.reader(unfinished).is_ok());
    assert_eq!(purge(&spool, &ledger, &retention, NOW + 2_000).unwrap(), Purged::default());
}

#[test]
fn what_is_removed_at_once_is_bounded_and_what_is_late_is_known() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger) = open(state.path());
    let first = u64::from(PAYLOADS) + 3;
    for number in 0..first {
        let batch = accept(&spool, &ledger, "route");
        finish(&ledger, batch, NOW + number);
    }
    let retention = retention(&[("route", 100, None)], (0, None));
    let purged = purge(&spool, &ledger, &retention, NOW + 1_000).unwrap();
    assert_eq!((purged.payloads.len() as u64, purged.more, purged.late), (u64::from(PAYLOADS), true, 900));
    let purged = purge(&spool, &ledger, &retention, NOW + 1_000).unwrap();
    assert_eq!((purged.payloads.len(), purged.more, purged.late), (3, false, 900 - u64::from(PAYLOADS)));
}

#[test]
fn receipts_go_when_their_routes_time_is_over_and_the_totals_stay() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger) = open(state.path());
    let [short, long] = ["short", "long"].map(|route| accept(&spool, &ledger, route));
    let unfinished = accept(&spool, &ledger, "short");
    finish(&ledger, short, NOW);
    finish(&ledger, long, NOW);
    // A receipt is never gone before its payload, whatever is said.
    let retention = retention(&[("short", 20, Some(10)), ("long", 0, Some(100))], (0, None));
    let there = |batch| ledger.batch_blocking(batch).unwrap().is_some();
    for (passed, receipts) in
        [(20, [true, true]), (21, [false, true]), (100, [false, true]), (101, [false, false])]
    {
        purge(&spool, &ledger, &retention, NOW + passed).unwrap();
        assert_eq!([there(short), there(long)], receipts, "after {passed} ms");
    }
    assert!(there(unfinished));
    assert!(
        ledger.remembered_blocking("city", "short", name(&short.to_string()), NOW + 1).unwrap().is_none()
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let totals = ledger.totals().await.unwrap();
        assert_eq!((totals.accepted, totals.delivered, totals.pending), (9, 4, 3));
        let all = ledger.batches(Default::default(), Default::default()).await.unwrap();
        assert_eq!(all.iter().map(|view| view.id).collect::<Vec<_>>(), [unfinished]);
        assert_eq!(ledger.chunks(short, 0, 10).await.unwrap(), []);
        assert_eq!(ledger.set_aside(short).await.unwrap(), []);
    });
    drop((spool, ledger));
    let (_, ledger) = open(state.path());
    assert!(ledger.state_blocking(unfinished).unwrap().is_some(), "it is whole");
}

/// A batch of many rows goes in pieces, and is not there any more from the first of them on.
#[test]
fn a_batch_that_is_being_forgotten_is_not_there() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger) = open(state.path());
    let [one, two] = ["route", "route"].map(|route| accept(&spool, &ledger, route));
    for batch in [one, two] {
        finish(&ledger, batch, NOW);
    }
    ledger.release_blocking(vec![one, two], NOW).unwrap();
    let there = || [one, two].map(|batch| ledger.batch_blocking(batch).unwrap().is_some());
    let forget = |most| ledger.forget_blocking("route", NOW + 1, NOW + 1, most).unwrap();
    assert_eq!(ledger.forget_blocking("route", NOW, NOW, 100).unwrap(), (0, false), "not yet");
    assert_eq!((forget(1), there()), ((0, true), [false, true]));
    assert!(ledger.state_blocking(one).unwrap().is_none());
    let withdraw = vec![Event::Cancelled { code: "client".into() }];
    let error = ledger.apply_blocking(one, ledger.epoch(), NOW, withdraw).unwrap_err();
    assert_eq!(error.code(), "batch-unknown");
    // Three outcomes, three chunks, one record left out, one key, and the batch itself: nine rows.
    assert_eq!((forget(7), there()), ((0, true), [false, true]));
    assert_eq!((forget(3), there()), ((1, true), [false, false]));
    assert_eq!(forget(100), (1, false));
    assert_eq!(forget(100), (0, false));
    let names = ledger.forget_keys_blocking(NOW + 1_000, 10).unwrap();
    assert_eq!(names, 0, "they went with their batches");
}

/// A ledger that does what it is told and says, as often as it likes, that it could not.
struct Doubtful<'l> {
    ledger: &'l Ledger,
    fails: std::cell::Cell<u32>,
}

impl Removable for Doubtful<'_> {
    fn routes(&self) -> Result<BTreeSet<String>, LedgerError> {
        self.ledger.routes()
    }

    fn releasable(&self, route: &str, before: u64, limit: u32) -> Result<Vec<(BatchId, u64)>, LedgerError> {
        self.ledger.releasable(route, before, limit)
    }

    fn release(&self, batches: Vec<BatchId>, at: u64) -> Result<Vec<BatchId>, LedgerError> {
        let released = self.ledger.release(batches, at)?;
        match self.fails.get() {
            0 => Ok(released),
            left => {
                self.fails.set(left - 1);
                Err(LedgerError::Storage { what: "releasing a payload", problem: "disk I/O error".into() })
            }
        }
    }

    fn forget(&self, route: &str, before: u64, now: u64, most: u64) -> Result<(u64, bool), LedgerError> {
        self.ledger.forget(route, before, now, most)
    }

    fn forget_names(&self, now: u64, limit: u32) -> Result<u64, LedgerError> {
        self.ledger.forget_names(now, limit)
    }
}

/// The commit that releases a payload is done and reported as failed: its folder goes in a later round, not at the next start.
#[test]
fn a_payload_whose_release_was_reported_as_failed_goes_in_a_later_round() {
    for forgotten_meanwhile in [false, true] {
        let state = tempfile::tempdir().unwrap();
        let (spool, ledger) = open(state.path());
        let batches = [0; 3].map(|_| accept(&spool, &ledger, "route"));
        let unfinished = accept(&spool, &ledger, "route");
        batches.iter().for_each(|batch| finish(&ledger, *batch, NOW));
        let retention = retention(&[("route", 10, None)], (200, None));
        let doubtful = Doubtful { ledger: &ledger, fails: 2.into() };
        for _ in 0..2 {
            let error = purge_slice(&spool, &doubtful, &retention, NOW + 11, Slice::default()).unwrap_err();
            assert_eq!(error.code(), "ledger-storage");
            assert_eq!(spool.batches().unwrap().len(), 4, "nobody knows whether they may go");
        }
        if forgotten_meanwhile {
            assert_eq!(ledger.forget_blocking("route", NOW + 1, NOW + 12, 1_000).unwrap(), (3, false));
        }
        let purged = purge_slice(&spool, &doubtful, &retention, NOW + 12, Slice::default()).unwrap();
        assert_eq!(purged.payloads.iter().collect::<BTreeSet<_>>(), batches.iter().collect());
        assert_eq!(spool.batches().unwrap(), [unfinished]);
        assert_eq!(purge(&spool, &ledger, &retention, NOW + 13).unwrap(), Purged::default());
    }
}

/// A folder that the disk does not let go keeps no other one, and goes when it can.
#[test]
fn a_folder_that_cannot_be_removed_is_tried_again() {
    let state = tempfile::tempdir().unwrap();
    let (spool, ledger) = open(state.path());
    let [stuck, other] = ["a", "b"].map(|route| accept(&spool, &ledger, route));
    [stuck, other].iter().for_each(|batch| finish(&ledger, *batch, NOW));
    // A file in the place of the folder cannot be removed as a folder, whoever asks.
    let folder = state.path().join("spool").join(stuck.to_string());
    let aside = state.path().join("aside");
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, b"").unwrap();
    let retention = retention(&[], (10, None));
    let error = purge(&spool, &ledger, &retention, NOW + 11).unwrap_err();
    assert_eq!(error.code(), "spool-io");
    assert!(spool.reader(other).is_err(), "the other one has gone");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    let purged = purge(&spool, &ledger, &retention, NOW + 12).unwrap();
    assert_eq!(purged.payloads, [stuck]);
    assert_eq!(spool.batches().unwrap(), []);
}
