use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::rows::Word;
use super::*;
use crate::batch::{Idempotency, RepeatedBy, RepetitionName};
use crate::machine::tests::{RECORDS, event, moves};
use crate::machine::{ChunkState, Closing, Code, Exception, Illegal, Outcome, Settlement};

const NOW: u64 = 1_700_000_000_000;

struct State {
    folder: TempDir,
}

impl State {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state/ledger.db")
    }

    fn open(&self) -> (Ledger, Opened) {
        Ledger::open(&self.path(), "test", NOW).unwrap()
    }
}

fn left_out(record: u64) -> SetAside {
    SetAside {
        record,
        field: Some("F002".into()),
        line: Some(record + 1),
        column: None,
        code: Code::new("cvc-pattern-valid"),
    }
}

fn new_batch(ledger: &Ledger, records: u64) -> NewBatch {
    let digest = Digest::of(b"x");
    NewBatch {
        id: BatchId::new(NOW),
        client: "city".into(),
        route: "attributes".into(),
        door: "swa".into(),
        reference: None,
        plan: ledger.define_blocking("{}".into()).unwrap(),
        schema: digest,
        mapping: digest,
        policy: Some(digest),
        records,
        set_aside: vec![left_out(1), left_out(7)],
        bytes: 100,
        stored: 1_000,
        payload_digest: digest,
        records_digest: digest,
        received_at: NOW,
        accepted_at: NOW + 5,
        expires_at: Some(NOW + 1_000),
        ordered: false,
        idempotency: None,
    }
}

fn accept(ledger: &Ledger, records: u64) -> BatchId {
    match ledger.accept_blocking(new_batch(ledger, records)).unwrap() {
        Accepted::New(view) => view.id,
        other => panic!("{other:?}"),
    }
}

fn open(chunk: u64, first: u64, count: u64) -> Event {
    Event::ChunkOpened { chunk, first, count, attempt: 1 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever happens, and wherever the gateway ends and starts again: the rows rebuild the state that the rules
    /// alone would give, what was in flight is in doubt after a start, and the totals are the sums of the batches.
    #[test]
    fn the_rows_are_the_whole_truth(lives in prop::collection::vec(moves(), 1..4), together in 1usize..5) {
        let state = State::new();
        let (ledger, opened) = state.open();
        let (one, other) = (accept(&ledger, RECORDS), accept(&ledger, 7));
        drop(ledger);
        let mut model = BatchState::new(RECORDS, 2);
        let mut epoch = opened.epoch;
        for choices in lives {
            let (ledger, opened) = state.open();
            prop_assert!(opened.epoch > epoch);
            epoch = opened.epoch;
            let flying: Vec<_> = model.chunks.values().filter(|chunk| chunk.state.is_in_flight()).map(|chunk| chunk.number).collect();
            prop_assert_eq!(opened.in_doubt, flying.len() as u64);
            for chunk in flying {
                let code = Code::from("gateway-restarted");
                model.apply(&Event::ChunkInDoubt { chunk, code }, epoch, NOW).unwrap();
            }
            prop_assert_eq!(ledger.state_blocking(one).unwrap(), Some(model.clone()));

            let mut choices = choices.into_iter();
            while choices.len() > 0 {
                // Several events in one list: all or none.
                let mut ahead = model.clone();
                let mut events = Vec::new();
                let mut legal = true;
                for choice in choices.by_ref().take(together) {
                    let Some(event) = event(choice, &ahead) else { continue };
                    legal = ahead.apply(&event, epoch, NOW).is_ok();
                    events.push(event);
                    if !legal {
                        break;
                    }
                }
                let count = events.len();
                match ledger.apply_blocking(one, epoch, NOW, events) {
                    Ok(applied) => {
                        prop_assert!(legal);
                        model = ahead;
                        prop_assert_eq!((applied.sums, applied.status), (model.sums, model.status()));
                    }
                    Err(LedgerError::Illegal { index, .. }) => prop_assert!(!legal && index + 1 == count),
                    Err(error) => prop_assert!(false, "{}", error),
                }
            }
            prop_assert_eq!(ledger.state_blocking(one).unwrap(), Some(model.clone()));
            let view = ledger.batch_blocking(one).unwrap().unwrap();
            prop_assert_eq!((view.sums, view.status, view.chunks), (model.sums, model.status(), model.opened));
            prop_assert_eq!(view.finished_at.is_some(), model.finished);
            let totals = ledger.readers.read(queries::totals).unwrap();
            prop_assert_eq!(totals, model.sums.plus(&BatchState::new(7, 2).sums));
        }
        prop_assert_eq!(state.open().0.state_blocking(other).unwrap(), Some(BatchState::new(7, 2)));
    }
}

#[test]
fn a_later_owner_ends_the_earlier_ones_term() {
    let state = State::new();
    let (old, opened) = state.open();
    let id = accept(&old, 10);
    old.apply_blocking(id, opened.epoch, NOW, vec![open(1, 0, 4), open(2, 4, 4)]).unwrap();
    let answered = Event::ChunkAnswered { chunk: 2, exceptions: vec![], rows: 4 };
    old.apply_blocking(id, opened.epoch, NOW, vec![answered.clone()]).unwrap();

    let (new, later) = state.open();
    assert_eq!((later.epoch.0, later.in_doubt), (opened.epoch.0 + 1, 1));
    let view = new.batch_blocking(id).unwrap().unwrap();
    assert_eq!((view.epoch, view.sums.in_doubt, view.sums.delivered), (later.epoch, 4, 4));
    // The old one hears its answer too late: it may not write it down, nor anything else.
    let late = Event::ChunkAnswered { chunk: 1, exceptions: vec![], rows: 4 };
    let error = old.apply_blocking(id, opened.epoch, NOW, vec![late.clone()]).unwrap_err();
    assert!(matches!(error, LedgerError::StaleEpoch { .. }), "{error}");
    assert_eq!(old.define_blocking("[]".into()).unwrap_err().code(), "ledger-stale-epoch");
    // Nor may somebody use the old epoch with the new owner.
    let error = new.apply_blocking(id, opened.epoch, NOW, vec![late.clone()]).unwrap_err();
    assert_eq!(error.code(), "ledger-stale-epoch");
    let applied = new.apply_blocking(id, later.epoch, NOW, vec![late]).unwrap();
    assert_eq!((applied.sums.delivered, applied.status), (8, Status::Delivering));
}

#[test]
fn a_list_of_events_is_all_or_nothing() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let id = accept(&ledger, 10);
    let events = vec![open(1, 0, 5), open(2, 5, 5), open(3, 5, 1)];
    match ledger.apply_blocking(id, opened.epoch, NOW, events) {
        Err(LedgerError::Illegal { batch, index: 2, illegal: Illegal::NotPending { .. } }) => {
            assert_eq!(batch, id)
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.state_blocking(id).unwrap(), Some(BatchState::new(10, 2)));
    ledger.apply_blocking(id, opened.epoch, NOW, vec![open(1, 0, 10)]).unwrap();
    let unknown = BatchId::new(NOW);
    let error = ledger.apply_blocking(unknown, opened.epoch, NOW, vec![]).unwrap_err();
    assert_eq!(error.code(), "batch-unknown");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

/// Requests that share a transaction do not share their fate, and each hears of its own.
#[test]
fn requests_at_once_keep_apart() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let batches: Vec<_> = (0..100).map(|_| new_batch(&ledger, 4)).collect();
    let ids: Vec<_> = batches.iter().map(|batch| batch.id).collect();
    runtime().block_on(async {
        let mut accepting = tokio::task::JoinSet::new();
        for mut batch in batches {
            let ledger = ledger.clone();
            accepting.spawn(async move {
                let id = batch.id;
                assert!(
                    matches!(ledger.accept(batch.clone()).await, Ok(Accepted::New(view)) if view.id == id)
                );
                assert_eq!(ledger.accept(batch.clone()).await.unwrap_err().code(), "batch-exists");
                batch.id = BatchId::new(NOW);
                batch.plan = Digest::of(b"nothing");
                assert_eq!(ledger.accept(batch).await.unwrap_err().code(), "definition-unknown");
                let good = ledger.apply(id, opened.epoch, NOW, vec![open(1, 0, 2)]).await.unwrap();
                assert_eq!(good.sums.in_flight, 2);
                let bad = ledger.apply(id, opened.epoch, NOW, vec![open(2, 2, 2), open(3, 0, 1)]).await;
                assert_eq!(bad.unwrap_err().code(), "records-not-pending");
                assert_eq!(ledger.state(id).await.unwrap().unwrap().sums.pending, 2);
            });
        }
        while let Some(done) = accepting.join_next().await {
            done.unwrap();
        }
        let totals = ledger.totals().await.unwrap();
        assert_eq!(
            (totals.accepted, totals.pending, totals.in_flight, totals.set_aside),
            (400, 200, 200, 200)
        );
        let order: Vec<_> =
            ledger.open_batches().await.unwrap().into_iter().map(|view| view.sequence).collect();
        assert_eq!(order.len(), ids.len());
        assert!(order.is_sorted());
    });
}

fn name(by: RepeatedBy, text: &str, decides: bool) -> RepetitionName {
    RepetitionName { by, hash: Digest::of(text.as_bytes()), decides }
}

fn repeated(names: Vec<RepetitionName>, fingerprint: &[u8], at: u64) -> Option<Idempotency> {
    Some(Idempotency { names, fingerprint: Digest::of(fingerprint), until: at + 100 })
}

#[test]
fn a_repeated_request_gets_the_first_ones_batch() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let key = || name(RepeatedBy::Key, "key 1", true);
    let with_key = |fingerprint: &[u8], at: u64| {
        let idempotency = repeated(vec![key()], fingerprint, at);
        NewBatch { idempotency, accepted_at: at, ..new_batch(&ledger, 3) }
    };
    let Ok(Accepted::New(first)) = ledger.accept_blocking(with_key(b"a", NOW)) else { panic!() };
    let Ok(Accepted::Replay { batch, by }) = ledger.accept_blocking(with_key(b"a", NOW + 99)) else {
        panic!()
    };
    assert_eq!((batch, by), (first.clone(), RepeatedBy::Key));
    let other = ledger.accept_blocking(with_key(b"b", NOW + 99));
    assert!(matches!(other, Ok(Accepted::Conflict { batch }) if batch == first.id));
    // Another client or route has keys of its own.
    let elsewhere = NewBatch { client: "town".into(), ..with_key(b"b", NOW) };
    assert!(matches!(ledger.accept_blocking(elsewhere), Ok(Accepted::New(_))));
    let remembered = |route, at| ledger.remembered_blocking("city", route, key().hash, at).unwrap();
    assert_eq!(remembered("attributes", NOW + 99), Some((first.clone(), Digest::of(b"a"))));
    assert_eq!(remembered("other", NOW), None);

    // Withdrawn before anything was sent: the request may come again, though nobody has written down the end yet.
    let cancelled = vec![Event::Cancelled { code: "client".into() }];
    ledger.apply_blocking(first.id, opened.epoch, NOW, cancelled).unwrap();
    assert_eq!(remembered("attributes", NOW), None);
    let Ok(Accepted::New(fresh)) = ledger.accept_blocking(with_key(b"a", NOW + 50)) else { panic!() };
    let Ok(Accepted::Replay { batch, .. }) = ledger.accept_blocking(with_key(b"a", NOW + 149)) else {
        panic!()
    };
    assert_eq!(batch.id, fresh.id);

    // Its time over, a key is free, and the row can go.
    assert_eq!(remembered("attributes", NOW + 150), None);
    assert_eq!(ledger.forget_keys_blocking(NOW + 120, 10).unwrap(), 1, "the town's");
    assert!(matches!(ledger.accept_blocking(with_key(b"b", NOW + 150)), Ok(Accepted::New(_))));
    assert_eq!(ledger.forget_keys_blocking(NOW + 250, 10).unwrap(), 1);
}

/// What was sent cannot be sent afresh: as long as it is under way its state is told, and afterwards its receipt. What
/// certainly had no effect can.
#[test]
fn only_what_had_no_effect_starts_afresh() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let code = || Code::from("why");
    let sent = || vec![open(1, 0, 3), Event::ChunkSent { chunk: 1, reference: None }];
    let refused = |position| Exception::new(position, Outcome::Rejected, "X");
    let all_refused = Event::ChunkAnswered { chunk: 1, exceptions: (0..3).map(refused).collect(), rows: 3 };
    let cases = [
        (vec![], false),
        (sent(), false),
        ([sent(), vec![Event::Cancelled { code: code() }]].concat(), false),
        ([sent(), vec![Event::ChunkInDoubt { chunk: 1, code: code() }]].concat(), false),
        ([sent(), vec![all_refused]].concat(), false),
        (
            [sent(), vec![Event::ChunkReturned { chunk: 1, code: code() }, Event::Expired { code: code() }]]
                .concat(),
            true,
        ),
        (vec![Event::RecordsRejected { first: 0, count: 3, code: code() }], true),
        (
            vec![
                Event::RecordsRejected { first: 0, count: 1, code: code() },
                Event::Expired { code: code() },
            ],
            true,
        ),
        (vec![Event::RecordsRejected { first: 0, count: 1, code: code() }], false),
    ];
    for (number, (events, afresh)) in cases.into_iter().enumerate() {
        let names = || vec![name(RepeatedBy::Key, &format!("key {number}"), true)];
        let batch = || NewBatch { idempotency: repeated(names(), b"a", NOW), ..new_batch(&ledger, 3) };
        let Ok(Accepted::New(first)) = ledger.accept_blocking(batch()) else { panic!() };
        ledger.apply_blocking(first.id, opened.epoch, NOW, events).unwrap();
        let again = ledger.accept_blocking(batch()).unwrap();
        assert_eq!(matches!(again, Accepted::New(_)), afresh, "case {number}");
    }
}

#[test]
fn the_first_name_that_is_remembered_decides() {
    let state = State::new();
    let (ledger, _) = state.open();
    let accept = |names: Vec<RepetitionName>, fingerprint: &[u8]| {
        let batch = NewBatch { idempotency: repeated(names, fingerprint, NOW), ..new_batch(&ledger, 3) };
        ledger.accept_blocking(batch).unwrap()
    };
    let message = |text| name(RepeatedBy::MessageId, text, true);
    let content = |text, decides| name(RepeatedBy::Content, text, decides);
    let Accepted::New(first) = accept(vec![message("1"), content("a", true)], b"a") else { panic!() };
    // The same message, then the same content under another id, then the id with other content.
    for (names, by) in [
        (vec![message("1"), content("a", true)], RepeatedBy::MessageId),
        (vec![message("2"), content("a", true)], RepeatedBy::Content),
    ] {
        let Accepted::Replay { batch, by: found } = accept(names, b"a") else { panic!() };
        assert_eq!((batch.id, found), (first.id, by));
    }
    assert!(matches!(accept(vec![message("1"), content("b", true)], b"b"), Accepted::Conflict { .. }));
    // Who gives a key of its own says that it is another request, and is remembered by its content all the same.
    let keyed = vec![name(RepeatedBy::Key, "k", true), content("a", false)];
    let Accepted::New(second) = accept(keyed, b"a") else { panic!() };
    let Accepted::Replay { batch, .. } = accept(vec![content("a", true)], b"a") else { panic!() };
    assert_eq!(batch.id, second.id);
}

#[test]
fn records_that_later_ones_replace_are_never_pending() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let runtime = runtime();
    let superseded = RangeSet::from_iter([0..2, 5..6]);
    let batch = NewBatch { records: 10, ..new_batch(&ledger, 10) };
    let accepted = runtime.block_on(ledger.accept_without(batch, superseded)).unwrap();
    let Accepted::New(view) = accepted else { panic!("{accepted:?}") };
    assert_eq!((view.sums.accepted, view.sums.pending, view.sums.rejected), (10, 7, 3));
    assert_eq!(view.status, Status::Accepted, "nothing was sent");
    let errors = runtime.block_on(ledger.errors(view.id, 0, 10)).unwrap();
    assert_eq!(errors.iter().map(|error| error.position).collect::<Vec<_>>(), [0, 1, 5]);
    assert!(errors.iter().all(|error| error.code.as_str() == Code::SUPERSEDED));
    let illegal = ledger.apply_blocking(view.id, opened.epoch, NOW, vec![open(1, 0, 3)]).unwrap_err();
    assert_eq!(illegal.code(), "records-not-pending");
    ledger.apply_blocking(view.id, opened.epoch, NOW, vec![open(1, 2, 3)]).unwrap();
    let beyond = runtime.block_on(ledger.accept_without(new_batch(&ledger, 3), RangeSet::from(2..4)));
    assert_eq!(beyond.unwrap_err().code(), "records-not-pending");
    assert_eq!(runtime.block_on(ledger.totals()).unwrap().accepted, 10, "nothing of it stayed");
}

#[test]
fn exceptions_are_read_back_one_by_one() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let id = accept(&ledger, 100);
    let rejected = |position| Exception::new(position, Outcome::Rejected, "REQUIRED_FIELD_MISSING");
    let partial = Exception {
        field: Some("Field_07__c".into()),
        rows: vec![0, 3],
        ..Exception::new(30, Outcome::Partial, "DUPLICATE_VALUE")
    };
    let exceptions = vec![rejected(2), rejected(3), rejected(4), rejected(20), partial];
    let events = vec![
        open(1, 0, 50),
        Event::ChunkSent { chunk: 1, reference: Some("job 1".into()) },
        Event::ChunkAnswered { chunk: 1, exceptions, rows: 52 },
        Event::RecordsRejected { first: 60, count: 3, code: "does-not-map".into() },
        open(2, 70, 30),
    ];
    ledger.apply_blocking(id, opened.epoch, NOW + 9, events).unwrap();
    let errors = |from, limit| {
        let found = ledger.readers.read(|connection| queries::errors(connection, id, from, limit)).unwrap();
        found.iter().map(|error| error.position).collect::<Vec<_>>()
    };
    assert_eq!(errors(0, 100), [2, 3, 4, 20, 30, 60, 61, 62]);
    assert_eq!(errors(3, 3), [3, 4, 20]);
    assert_eq!(errors(62, 3), [62]);
    assert_eq!(errors(63, 3), [] as [u64; 0]);
    let partial = ledger.readers.read(|connection| queries::errors(connection, id, 30, 1)).unwrap().remove(0);
    assert_eq!(
        (partial.outcome, partial.rows, partial.chunk, partial.at),
        (Outcome::Partial, vec![0, 3], Some(1), NOW + 9)
    );
    assert_eq!((partial.code.as_str(), partial.field.as_deref()), ("DUPLICATE_VALUE", Some("Field_07__c")));

    let settled = ledger.readers.read(|connection| queries::settled(connection, id, 0, 1_000)).unwrap();
    let mut next = 0;
    for run in &settled {
        assert!(run.first >= next);
        next = run.first + run.count;
    }
    assert_eq!(settled.iter().map(|run| run.count).sum::<u64>(), 53);
    let from_inside = ledger.readers.read(|connection| queries::settled(connection, id, 10, 1)).unwrap();
    assert_eq!((from_inside[0].first, from_inside[0].outcome), (5, Settlement::Delivered));

    let chunks = ledger.readers.read(|connection| queries::chunks(connection, id, 0, 10)).unwrap();
    assert_eq!(chunks.len(), 2);
    assert_eq!(
        (chunks[0].state, chunks[0].rows, chunks[0].reference.as_deref()),
        (ChunkState::Answered, 52, Some("job 1"))
    );
    assert_eq!((chunks[1].live.first_run(), chunks[1].epoch), (Some(70..100), opened.epoch));
    let later = ledger.readers.read(|connection| queries::chunks(connection, id, 1, 10)).unwrap();
    assert_eq!(later, chunks[1..]);
}

#[test]
fn lists_are_filtered_and_paged() {
    let state = State::new();
    let (ledger, _) = state.open();
    let mut ids = Vec::new();
    for n in 0..10 {
        let client = if n % 2 == 0 { "city" } else { "town" };
        let batch = NewBatch { client: client.into(), accepted_at: NOW + n, ..new_batch(&ledger, n) };
        ids.push(batch.id);
        ledger.accept_blocking(batch).unwrap();
    }
    let list = |filter: BatchFilter, page: Page| {
        let found = ledger.readers.read(|connection| queries::batches(connection, &filter, page)).unwrap();
        found.iter().map(|view| ids.iter().position(|id| *id == view.id).unwrap()).collect::<Vec<_>>()
    };
    let all = BatchFilter::default();
    assert_eq!(list(all.clone(), Page::default()), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(list(all.clone(), Page { after: Some(ids[4]), limit: 2 }), [3, 2]);
    let town =
        BatchFilter { client: Some("town".into()), from: Some(NOW + 3), to: Some(NOW + 9), ..all.clone() };
    assert_eq!(list(town, Page::default()), [7, 5, 3]);
    assert_eq!(
        list(BatchFilter { route: Some("other".into()), ..all.clone() }, Page::default()),
        [] as [usize; 0]
    );
    assert_eq!(list(BatchFilter { finished: Some(true), ..all.clone() }, Page::default()), [] as [usize; 0]);
    assert_eq!(list(BatchFilter { finished: Some(false), ..all }, Page::default()).len(), 10);
}

/// Through acceptance, repetition, release (also of the same ones again) and a restart.
#[test]
fn what_clients_have_in_the_spool_is_counted_until_it_goes() {
    let state = State::new();
    let (ledger, _) = state.open();
    let stored = |ledger: &Ledger, client| {
        let stored = ledger.stored_by_blocking(client).unwrap();
        (stored.batches, stored.bytes)
    };
    assert_eq!(stored(&ledger, "city"), (0, 0));
    let repeated = || NewBatch {
        client: "town".into(),
        stored: 7,
        idempotency: repeated(vec![name(RepeatedBy::Key, "k", true)], b"a", NOW),
        ..new_batch(&ledger, 1)
    };
    ledger.accept_blocking(repeated()).unwrap();
    assert!(matches!(ledger.accept_blocking(repeated()).unwrap(), Accepted::Replay { .. }));
    let (first, second) = (accept(&ledger, 1), accept(&ledger, 1));
    assert_eq!((stored(&ledger, "city"), stored(&ledger, "town")), ((2, 2_000), (1, 7)));
    // What is not finished is not released, and goes on counting.
    assert_eq!(ledger.release_blocking(vec![first, second], NOW + 10).unwrap(), []);
    let done = vec![Event::Cancelled { code: Code::new("x") }, Event::Finished { delivered_digest: None }];
    ledger.apply_blocking(first, ledger.epoch(), NOW + 20, done).unwrap();
    assert_eq!(stored(&ledger, "city"), (2, 2_000));
    for _ in 0..2 {
        assert_eq!(ledger.release_blocking(vec![first, second], NOW + 30).unwrap(), [first]);
        assert_eq!(stored(&ledger, "city"), (1, 1_000));
    }
    drop(ledger);
    let (ledger, _) = state.open();
    assert_eq!((stored(&ledger, "city"), stored(&ledger, "town")), ((1, 1_000), (1, 7)));
}

#[test]
fn other_peoples_files_and_newer_ones_are_refused() {
    let state = State::new();
    drop(state.open());
    let change = |sql: &str| Connection::open(state.path()).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 5");
    let error = Ledger::open(&state.path(), "test", NOW).unwrap_err();
    assert!(matches!(error, LedgerError::Newer { found: 5, known: 4, .. }), "{error}");
    change("PRAGMA user_version = 4; PRAGMA application_id = 7");
    assert_eq!(Ledger::open(&state.path(), "test", NOW).unwrap_err().code(), "ledger-foreign");
    let text = state.folder.path().join("text");
    std::fs::write(&text, "not a database, and longer than a header of one would be: ".repeat(20)).unwrap();
    assert_eq!(Ledger::open(&text, "test", NOW).unwrap_err().code(), "ledger-foreign");
}

#[test]
fn the_file_is_its_owners_only() {
    let state = State::new();
    let (ledger, _) = state.open();
    accept(&ledger, 1);
    for entry in std::fs::read_dir(state.path().parent().unwrap()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn rows_that_lost_a_record_cannot_be_written_or_read() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let id = accept(&ledger, 10);
    ledger.apply_blocking(id, opened.epoch, NOW, vec![open(1, 0, 10)]).unwrap();
    drop(ledger);
    let connection = Connection::open(state.path()).unwrap();
    assert!(connection.execute("UPDATE batches SET in_flight = 9", []).is_err());
    connection.execute("UPDATE live SET count = 9", []).unwrap();
    drop(connection);
    let error = Ledger::open(&state.path(), "test", NOW).unwrap_err();
    assert!(matches!(error, LedgerError::Inconsistent { batch, .. } if batch == id), "{error}");
}

/// A full disk takes nothing with it: what was refused is not there, what was there is, and it goes on afterwards.
#[test]
fn a_full_disk_refuses_and_keeps() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let id = accept(&ledger, 100_000);
    let pages = |most: i64| {
        let limit = move |store: &mut Store| {
            let set = store.connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()));
            set.map_err(|_| LedgerError::Closed)
        };
        ledger.writer.ask_blocking(limit).unwrap();
    };
    pages(1); // no more than there are
    let mut taken = BatchState::new(100_000, 2);
    let error = loop {
        let chunk = taken.next_chunk();
        let code = Code::from("returned");
        let events = vec![open(chunk, 0, 10), Event::ChunkReturned { chunk, code }];
        match ledger.apply_blocking(id, opened.epoch, NOW, events.clone()) {
            Ok(_) => events.iter().for_each(|event| drop(taken.apply(event, opened.epoch, NOW).unwrap())),
            Err(error) => break error,
        }
        assert!(chunk < 10_000);
    };
    assert_eq!(error.code(), "ledger-full");
    assert_eq!(ledger.state_blocking(id).unwrap(), Some(taken.clone()));
    pages(100_000);
    let chunk = taken.next_chunk();
    let applied = ledger.apply_blocking(id, opened.epoch, NOW, vec![open(chunk, 0, 10)]).unwrap();
    assert_eq!(applied.sums.in_flight, 10);
    accept(&ledger, 1);
}

#[test]
fn definitions_and_paces_are_kept() {
    let state = State::new();
    let (ledger, _) = state.open();
    let runtime = runtime();
    let digest = runtime.block_on(async {
        ledger.keep_pace("cloud/attributes", "[1]".into()).await.unwrap();
        ledger.keep_pace("cloud/attributes", "[2]".into()).await.unwrap();
        let digest = ledger.define("{\"a\":1}".into()).await.unwrap();
        assert_eq!(ledger.define("{\"a\":1}".into()).await.unwrap(), digest);
        digest
    });
    assert_eq!(digest, Digest::of(b"{\"a\":1}"));
    drop(ledger);
    let (ledger, _) = state.open();
    runtime.block_on(async {
        assert_eq!(ledger.pace("cloud/attributes").await.unwrap().as_deref(), Some("[2]"));
        assert_eq!(ledger.pace("cloud").await.unwrap(), None);
        assert_eq!(ledger.plan(digest).await.unwrap().as_deref(), Some("{\"a\":1}"));
        assert_eq!(ledger.plan(Digest::of(b"")).await.unwrap(), None);
    });
}

#[test]
fn a_finished_batch_says_what_became_of_it() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let id = accept(&ledger, 2);
    let at = NOW + 1_000;
    let digest = Digest::of(b"delivered");
    let events = vec![
        open(1, 0, 2),
        Event::ChunkAnswered {
            chunk: 1,
            exceptions: vec![Exception::new(1, Outcome::Rejected, "X")],
            rows: 2,
        },
        Event::Finished { delivered_digest: Some(digest) },
    ];
    ledger.apply_blocking(id, opened.epoch, at, events).unwrap();
    let batch = ledger.batch_blocking(id).unwrap().unwrap();
    assert_eq!((batch.status, batch.finished_at), (Status::Finished, Some(at)));
    assert_eq!(batch.delivered_digest, Some(digest));
    assert_eq!((batch.sums.delivered, batch.sums.rejected, batch.sums.in_doubt), (1, 1, 0));
}

#[test]
fn every_state_has_its_word() {
    fn check<W: Word + serde::Serialize>(all: &[W]) {
        for value in all {
            assert_eq!(serde_json::to_value(value).unwrap(), value.word());
        }
    }
    check(&[Status::Accepted, Status::Delivering, Status::Held, Status::Closing, Status::Finished]);
    check(&[Closing::Cancelled, Closing::Expired]);
    use ChunkState::{Answered, InDoubt, Open, Returned, Sent};
    check(&[Open, Sent, InDoubt, Answered, Returned]);
    use Settlement::{Cancelled, Delivered, Expired, Partial, Rejected};
    check(&[Delivered, Partial, Rejected, Cancelled, Expired]);
}

#[test]
fn what_a_batch_left_out_is_read_back_as_it_was_written() {
    let state = State::new();
    let (ledger, _) = state.open();
    let batch = accept(&ledger, 10);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let left_out_of = |batch| runtime.block_on(ledger.set_aside(batch)).unwrap();
    assert_eq!(left_out_of(batch), [left_out(1), left_out(7)]);
    assert_eq!(left_out_of(BatchId::new(NOW)), []);
}
