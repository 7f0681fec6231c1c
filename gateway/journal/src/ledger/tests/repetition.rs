//! Requests that come again, and at once.

use super::*;
use crate::batch::{Idempotency, RepetitionName};

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
                assert_eq!(ledger.state(id).await.unwrap().unwrap().sums().pending, 2);
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

pub(super) fn name(by: RepeatedBy, text: &str, decides: bool) -> RepetitionName {
    RepetitionName { by, hash: Digest::of(text.as_bytes()), decides }
}

pub(super) fn repeated(names: Vec<RepetitionName>, fingerprint: &[u8], at: u64) -> Option<Idempotency> {
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
