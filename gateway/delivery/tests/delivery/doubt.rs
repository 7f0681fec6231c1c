//! Unknown outcomes: cuts, time-outs, answers that prove nothing, processes that end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_delivery::{DialectSpec, PaceSpec, RetrySpec};
use sekisho_journal::Status;

use crate::support::cloud::{key_of, xml_rows};
use crate::support::intake::{NAMESPACE, dialect, envelope, fault, take};
use crate::support::{Cloud, House, Reply, Table, plan};

#[tokio::test]
async fn after_a_cut_the_outcome_is_unknown_and_an_upsert_is_repeated() {
    let table = Table::default();
    let rows = table.clone();
    // The second call has its effect, and then the connection is cut.
    let cloud = Cloud::start(move |call| {
        let reply = take(&rows, call, |_| None);
        if call.number == 1 { Reply::Cut } else { reply }
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 300).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 300);
    table.holds(300, &[], "");
    assert_eq!(table.most_writes(), 2, "the one chunk was written twice, with one effect");
    let chunks = house.chunks(batch).await;
    // In as many parts as the pace says.
    assert_eq!(chunks.iter().filter(|chunk| chunk.attempt() > 1).count(), 1, "{chunks:?}");
}

#[tokio::test]
async fn what_is_not_idempotent_is_held_for_an_operator() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        let reply = take(&rows, call, |_| None);
        if call.number == 0 { Reply::Cut } else { reply }
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.idempotent = false;
    let batch = house.accept(&plan, 300).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    assert!(held.sums.in_doubt > 0 && held.sums.in_doubt + held.sums.delivered == 300, "{held:?}");
    assert_eq!(table.most_writes(), 1, "nothing was sent twice");
    let chunk = house.chunks(batch).await.into_iter().find(|chunk| chunk.held()).expect("held");
    assert_eq!(chunk.code().expect("a code").as_str(), "upstream-cut");
}

#[tokio::test]
async fn an_operator_may_order_that_a_held_chunk_be_sent_again() {
    let table = Table::default();
    let rows = table.clone();
    let cloud =
        Cloud::start(move |call| if call.number == 0 { Reply::Cut } else { take(&rows, call, |_| None) })
            .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.idempotent = false;
    let batch = house.accept(&plan, 120).await;
    let delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    let chunk = house.chunks(batch).await.into_iter().find(|chunk| chunk.held()).expect("held");
    let again = sekisho_journal::Event::DoubtRepeated { chunk: chunk.number(), attempt: chunk.attempt() + 1 };
    house.ledger.apply(batch, held.epoch, held.changed_at, vec![again]).await.expect("ordered");
    delivery.wake();
    assert_eq!(house.finished(batch).await.sums.delivered, 120);
    table.holds(120, &[], "");
}

#[tokio::test]
async fn a_time_out_is_repeated_in_smaller_parts() {
    let table = Table::default();
    let rows = table.clone();
    // Calls of more than 20 rows are never answered.
    let cloud = Cloud::start(move |call| {
        if xml_rows(call.text(), "row").len() > 20 { Reply::Hang } else { take(&rows, call, |_| None) }
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.pace = PaceSpec { limit_ms: 1_000, grace_ms: 500, start_rows: 30, ..PaceSpec::default() };
    // A machine that stalls makes more calls time out: that holds nothing here.
    plan.retry.alone_attempts = 1_000;
    let batch = house.accept(&plan, 100).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 100);
    table.holds(100, &[], "");
    let chunks = house.chunks(batch).await;
    assert!(chunks.iter().any(|chunk| chunk.attempt() > 1), "{chunks:?}");
}

#[tokio::test]
async fn many_small_repetitions_that_are_answered_do_not_use_up_the_budget() {
    let table = Table::default();
    let rows = table.clone();
    let calls = Arc::new(AtomicU64::new(0));
    let seen = calls.clone();
    // The first call runs into the limit; after that one row a call is taken, which is many more calls than the burst.
    let cloud = Cloud::start(move |call| {
        let first = seen.fetch_add(1, Ordering::Relaxed) == 0;
        if first || xml_rows(call.text(), "row").len() > 1 {
            fault("REQUEST_RUNNING_TOO_LONG")
        } else {
            take(&rows, call, |_| None)
        }
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.pace = PaceSpec { start_rows: 32, max_in_flight: 1, ..PaceSpec::default() };
    plan.retry = RetrySpec { initial_ms: 1, max_ms: 600_000, ..RetrySpec::default() };
    let batch = house.accept(&plan, 32).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    assert_eq!(house.finished(batch).await.sums.delivered, 32);
    table.holds(32, &[], "");
    assert!(calls.load(Ordering::Relaxed) > 32);
}

#[tokio::test]
async fn the_clouds_own_time_limit_halves_what_is_sent() {
    let table = Table::default();
    let rows = table.clone();
    let hits = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&hits);
    let cloud = Cloud::start(move |call| {
        if xml_rows(call.text(), "row").len() > 60 {
            count.fetch_add(1, Ordering::SeqCst);
            fault("REQUEST_RUNNING_TOO_LONG")
        } else {
            take(&rows, call, |_| None)
        }
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 1_000).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 1_000);
    table.holds(1_000, &[], "");
    assert!(hits.load(Ordering::SeqCst) >= 1);
    let ended = house.metric("sekisho_delivery_chunks_total", &[("end", "time-limit")]);
    assert_eq!(ended, hits.load(Ordering::SeqCst) as f64);
}

#[tokio::test]
async fn without_splitting_the_clouds_limit_ends_in_doubt() {
    let cloud = Cloud::start(|_| fault("REQUEST_RUNNING_TOO_LONG")).await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.no_split = true;
    let batch = house.accept(&plan, 2_000).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    assert_eq!((held.sums.in_doubt, held.chunks), (2_000, 1));
    assert_eq!(cloud.calls().len(), 1);
    assert_eq!(xml_rows(cloud.calls()[0].text(), "row").len(), 2_000);
}

#[tokio::test]
async fn without_splitting_a_refusal_of_the_whole_is_not_tried_again() {
    let cloud = Cloud::start(|_| fault("INVALID_INPUT")).await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.no_split = true;
    let batch = house.accept(&plan, 20).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.rejected, done.chunks), (20, 1));
    assert_eq!(cloud.calls().len(), 1);
}

#[tokio::test]
async fn answers_that_prove_nothing_deliver_nothing() {
    let table = Table::default();
    let rows = table.clone();
    let lies: Arc<Mutex<Vec<Reply>>> = Arc::new(Mutex::new(vec![
        Reply::xml("<html>ok</html>".into()),
        Reply::xml(envelope(&format!(r#"<putRecordsResponse xmlns="{NAMESPACE}"/>"#))),
        Reply::xml(envelope(&format!(
            r#"<putRecordsResponse xmlns="{NAMESPACE}"><result><key>X</key><success>true</success></result></putRecordsResponse>"#
        ))),
        Reply::Answer(200, "text/xml", String::new()),
        Reply::Answer(502, "text/html", "<html>bad gateway</html>".into()),
        Reply::xml("<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>".into()),
    ]));
    let left = Arc::clone(&lies);
    let cloud = Cloud::start(move |call| match left.lock().expect("lock").pop() {
        Some(lie) => lie,
        None => take(&rows, call, |_| None),
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 40).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 40);
    table.holds(40, &[], "");
    assert!(lies.lock().expect("lock").is_empty());
}
#[tokio::test]
async fn a_new_process_takes_up_what_was_under_way() {
    let table = Table::default();
    let rows = table.clone();
    let stuck = Cloud::start(|_| Reply::Hang).await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 100).await;
    let delivery = house.start(&stuck.endpoint()).await;
    house.until(batch, |view| view.sums.in_flight > 0).await;
    assert!(delivery.park(Duration::ZERO).await > 0);
    let parked = house.ledger.batch(batch).await.expect("read").expect("there");
    assert_eq!(parked.sums.in_flight, 0);
    assert!(parked.sums.in_doubt > 0);
    drop(delivery);

    let house = house.reopened();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 100);
    table.holds(100, &[], "");
}

#[tokio::test]
async fn a_cancelled_batch_opens_no_more_chunks() {
    let cloud = Cloud::start(|_| Reply::Hang).await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 1_000).await;
    let delivery = house.start(&cloud.endpoint()).await;
    let view = house.until(batch, |view| view.sums.in_flight > 0).await;
    let code = "client".into();
    let cancelled = sekisho_journal::Event::Cancelled { code };
    house.ledger.apply(batch, view.epoch, view.changed_at, vec![cancelled]).await.expect("cancelled");
    delivery.wake();
    delivery.park(Duration::ZERO).await;
    let view = house.ledger.batch(batch).await.expect("read").expect("there");
    assert_eq!(view.sums.pending, 0);
    assert!(view.sums.cancelled > 0 && view.sums.cancelled + view.sums.in_doubt == 1_000, "{view:?}");
}

#[tokio::test]
async fn a_record_that_runs_into_the_limit_alone_is_held_and_the_others_go_on() {
    let table = Table::default();
    let (rows, alone) = (table.clone(), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&alone);
    let cloud = Cloud::start(move |call| {
        let keys: Vec<String> = xml_rows(call.text(), "row").iter().map(key_of).collect();
        if keys.iter().any(|key| key == "U13") {
            count.fetch_add(u64::from(keys.len() == 1), Ordering::SeqCst);
            fault("REQUEST_RUNNING_TOO_LONG")
        } else {
            take(&rows, call, |_| None)
        }
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.retry.alone_attempts = 3;
    let batch = house.accept(&plan, 60).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held && view.sums.delivered == 59).await;
    assert_eq!((held.sums.delivered, held.sums.in_doubt), (59, 1));
    table.holds(60, &[13], "");
    let chunk = house.chunks(batch).await.into_iter().find(|chunk| chunk.held()).expect("held");
    assert_eq!(chunk.code().map(|code| code.as_str()), Some("time-limit-alone"));
    assert_eq!((chunk.live().len(), chunk.live().contains(13)), (1, true));
    assert_eq!(alone.load(Ordering::SeqCst), 3, "not for ever");
}

#[tokio::test]
async fn a_record_that_stays_locked_in_a_chunk_in_doubt_is_held_and_the_others_go_on() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| match xml_rows(call.text(), "row").len() {
        9.. => fault("REQUEST_RUNNING_TOO_LONG"),
        _ => take(&rows, call, |key| (key == "U3").then_some("UNABLE_TO_LOCK_ROW")),
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.pace = PaceSpec { fixed_rows: Some(60), ..plan.pace };
    plan.retry.record_attempts = 3;
    let batch = house.accept(&plan, 60).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held && view.sums.delivered == 59).await;
    assert_eq!(held.sums.in_doubt, 1);
    table.holds(60, &[3], "");
    let chunk = house.chunks(batch).await.into_iter().find(|chunk| chunk.held()).expect("held");
    assert_eq!(chunk.code().map(|code| code.as_str()), Some("UNABLE_TO_LOCK_ROW"));
}
