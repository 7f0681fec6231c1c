mod disk;
mod repetition;

use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use self::repetition::{name, repeated};
use super::rows::Word;
use super::*;
use crate::batch::RepeatedBy;
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
        replaced: 0,
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
            let flying: Vec<_> = model.chunks().filter(|chunk| chunk.state().is_in_flight()).map(|chunk| chunk.number()).collect();
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
                        prop_assert_eq!((applied.sums, applied.status), (model.sums(), model.status()));
                    }
                    Err(LedgerError::Illegal { index, .. }) => prop_assert!(!legal && index + 1 == count),
                    Err(error) => prop_assert!(false, "{}", error),
                }
            }
            prop_assert_eq!(ledger.state_blocking(one).unwrap(), Some(model.clone()));
            let view = ledger.batch_blocking(one).unwrap().unwrap();
            prop_assert_eq!((view.sums, view.status, view.chunks), (model.sums(), model.status(), model.opened()));
            prop_assert_eq!(view.finished_at.is_some(), model.is_finished());
            let totals = ledger.readers.read(queries::totals).unwrap();
            prop_assert_eq!(totals, model.sums().plus(&BatchState::new(7, 2).sums()));
        }
        prop_assert_eq!(state.open().0.state_blocking(other).unwrap(), Some(BatchState::new(7, 2)));
    }
}

#[test]
fn the_oldest_batch_that_is_not_finished_is_known() {
    let state = State::new();
    let (ledger, _) = state.open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(ledger.oldest_open()).unwrap(), None);
    for n in [1, 2] {
        ledger.accept_blocking(NewBatch { accepted_at: NOW + n, ..new_batch(&ledger, n) }).unwrap();
    }
    assert_eq!(runtime.block_on(ledger.oldest_open()).unwrap(), Some(NOW + 1));
}

/// By the receipt, a repetition's receipt, one batch and a list, and after a restart.
#[test]
fn how_many_characters_were_replaced_is_said_wherever_a_batch_is() {
    let state = State::new();
    let (ledger, _) = state.open();
    let batch = |replaced, key| NewBatch {
        replaced,
        idempotency: repeated(vec![name(RepeatedBy::Key, key, true)], b"a", NOW),
        ..new_batch(&ledger, 1)
    };
    let Accepted::New(some) = ledger.accept_blocking(batch(4_294_967_299, "some")).unwrap() else {
        panic!("the key is new")
    };
    let Accepted::New(none) = ledger.accept_blocking(batch(0, "none")).unwrap() else {
        panic!("the key is new")
    };
    assert_eq!((some.replaced, none.replaced), (4_294_967_299, 0));
    match ledger.accept_blocking(batch(4_294_967_299, "some")).unwrap() {
        Accepted::Replay { batch, .. } => assert_eq!((batch.id, batch.replaced), (some.id, some.replaced)),
        other => panic!("{other:?}"),
    }
    drop(ledger);
    let (ledger, _) = state.open();
    for one in [&some, &none] {
        assert_eq!(ledger.batch_blocking(one.id).unwrap().unwrap().replaced, one.replaced);
    }
    let all = |connection: &_| queries::batches(connection, &BatchFilter::default(), Page::default());
    let all = ledger.readers.read(all).unwrap();
    let mut listed: Vec<_> = all.iter().map(|view| (view.id, view.replaced)).collect();
    listed.sort_by_key(|(_, replaced)| *replaced);
    assert_eq!(listed, [(none.id, 0), (some.id, 4_294_967_299)]);
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
fn records_that_later_ones_replace_are_never_pending() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let runtime = runtime();
    let superseded = RangeSet::from_iter([0..2, 5..6]);
    let batch = NewBatch { records: 10, ..new_batch(&ledger, 10) };
    let accepted = runtime.block_on(ledger.accept_without(batch, superseded, false)).unwrap();
    let Accepted::New(view) = accepted else { panic!("{accepted:?}") };
    assert_eq!((view.sums.accepted, view.sums.pending, view.sums.rejected), (10, 7, 3));
    assert_eq!(view.status, Status::Accepted, "nothing was sent");
    let errors = runtime.block_on(ledger.errors(view.id, 0, 10)).unwrap();
    assert_eq!(errors.iter().map(|error| error.position).collect::<Vec<_>>(), [0, 1, 5]);
    assert!(errors.iter().all(|error| error.code.as_str() == Code::SUPERSEDED));
    let illegal = ledger.apply_blocking(view.id, opened.epoch, NOW, vec![open(1, 0, 3)]).unwrap_err();
    assert_eq!(illegal.code(), "records-not-pending");
    ledger.apply_blocking(view.id, opened.epoch, NOW, vec![open(1, 2, 3)]).unwrap();
    let beyond = runtime.block_on(ledger.accept_without(new_batch(&ledger, 3), RangeSet::from(2..4), false));
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
        (chunks[0].state(), chunks[0].rows(), chunks[0].reference()),
        (ChunkState::Answered, 52, Some("job 1"))
    );
    assert_eq!((chunks[1].live().first_run(), chunks[1].epoch()), (Some(70..100), opened.epoch));
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
