//! While nobody can know what became of a chunk that may not be repeated: nothing of it is issued again, nobody is asked to decide.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sekisho_delivery::{DialectSpec, PaceSpec, Plan};
use sekisho_journal::machine::Chunk;
use sekisho_journal::{BatchId, Status};

use crate::bulk2::{Fate, Jobs, bulk_plan};
use crate::order::{accept, all};
use crate::support::intake::{dialect, take};
use crate::support::{Cloud, House, Reply, Table, plan};

/// A window that is over soon, for a test that waits for its end.
const SECONDS: u64 = 2;

/// A batch is one chunk.
fn whole() -> PaceSpec {
    PaceSpec { fixed_rows: Some(50), ..PaceSpec::default() }
}

fn waiting(window: u64) -> Plan {
    let pace = PaceSpec { limit_ms: 60_000, ..whole() };
    Plan { idempotent: false, doubt_window_seconds: window, pace, ..plan(DialectSpec::Soap(dialect())) }
}

/// A cloud that has done what the first call says when the connection is cut.
async fn cut_once(table: &Table) -> Cloud {
    let rows = table.clone();
    Cloud::start(move |call| {
        let reply = take(&rows, call, |_| None);
        if call.number == 0 { Reply::Cut } else { reply }
    })
    .await
}

async fn only_chunk(house: &House, batch: BatchId) -> Chunk {
    let mut chunks = house.chunks(batch).await;
    assert_eq!(chunks.len(), 1, "{chunks:?}");
    chunks.pop().expect("a chunk")
}

/// The operator was asked when the window was over, and not before.
fn was_held_in_time(chunk: &Chunk, window: u64) {
    assert!(chunk.held(), "{chunk:?}");
    let since = chunk.doubted_at().expect("in doubt");
    assert!(chunk.sent_at() <= since && chunk.changed_at() >= since + 1_000 * window, "{chunk:?}");
}

#[tokio::test]
async fn until_the_window_is_over_nobody_is_asked_and_nothing_with_its_key_goes() {
    let table = Table::default();
    let cloud = cut_once(&table).await;
    let house = House::new();
    let plan = waiting(SECONDS);
    let first = accept(&house, &plan, false, &all(0..10, "value 0"), true).await;
    let delivery = house.start(&cloud.endpoint()).await;
    house.until(first, |view| view.sums.in_doubt == 10).await;
    // Half of its records have keys of which nobody can know yet.
    let second = accept(&house, &plan, false, &all(5..15, "value 1"), true).await;
    delivery.wake();
    house.finished(second).await;
    let held = only_chunk(&house, first).await;
    was_held_in_time(&held, SECONDS);
    assert_eq!(held.code().expect("a code").as_str(), "upstream-cut");
    let chunks = house.chunks(second).await;
    assert_eq!(chunks.len(), 2, "{chunks:?}");
    let (others, same) = (&chunks[0], &chunks[1]);
    assert_eq!((others.first(), others.count()), (5, 5), "the others pass: {chunks:?}");
    assert_eq!((same.first(), same.count()), (0, 5), "{chunks:?}");
    assert!(same.opened_at() >= held.changed_at(), "{chunks:?} {held:?}");
}

#[tokio::test]
async fn a_batch_without_keys_waits_as_a_whole() {
    let table = Table::default();
    let cloud = cut_once(&table).await;
    let house = House::new();
    let plan = waiting(SECONDS);
    let first = accept(&house, &plan, false, &all(0..10, "value 0"), false).await;
    let delivery = house.start(&cloud.endpoint()).await;
    house.until(first, |view| view.sums.in_doubt == 10).await;
    let second = accept(&house, &plan, false, &all(20..30, "value 1"), false).await;
    delivery.wake();
    house.finished(second).await;
    let (held, after) = (only_chunk(&house, first).await, only_chunk(&house, second).await);
    was_held_in_time(&held, SECONDS);
    assert!(after.opened_at() >= held.changed_at(), "{after:?} {held:?}");
}

#[tokio::test]
async fn a_window_goes_on_in_the_next_process() {
    let table = Table::default();
    let cloud = cut_once(&table).await;
    let house = House::new();
    let batch = accept(&house, &waiting(SECONDS), false, &all(0..10, "value 0"), true).await;
    let delivery = house.start(&cloud.endpoint()).await;
    house.until(batch, |view| view.sums.in_doubt == 10).await;
    let before = only_chunk(&house, batch).await;
    delivery.park(Duration::ZERO).await;
    drop(delivery);
    let house = house.reopened();
    let _delivery = house.start(&cloud.endpoint()).await;
    house.until(batch, |view| view.status == Status::Held).await;
    let held = only_chunk(&house, batch).await;
    was_held_in_time(&held, SECONDS);
    assert_eq!(held.doubted_at(), before.doubted_at(), "it did not begin again");
    assert_eq!(table.most_writes(), 1, "nothing was sent twice");
}

#[tokio::test]
async fn what_comes_to_be_known_within_the_window_no_operator_has_to_decide() {
    let jobs = Jobs::default();
    let (clouds, told) = (jobs.clone(), Arc::new(AtomicBool::new(false)));
    let tells = Arc::clone(&told);
    // For a time, no file of results has one of the rows.
    let cloud = Cloud::start(move |call| match clouds.answer(call, |_| Fate::Good) {
        Reply::Answer(200, "text/csv", body) if !tells.load(Ordering::SeqCst) => {
            let kept = body.lines().filter(|line| !line.contains(",U5,"));
            Reply::Answer(200, "text/csv", kept.map(|line| format!("{line}\n")).collect())
        }
        other => other,
    })
    .await;
    let mut house = House::new();
    let plan = Plan { idempotent: false, doubt_window_seconds: SECONDS, pace: whole(), ..bulk_plan() };
    let batch = house.accept(&plan, 50).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    house.until(batch, |view| view.sums.delivered == 49).await;
    // It is asked as often as it makes sense, and then waits.
    let mut asked = only_chunk(&house, batch).await;
    let mut tick = tokio::time::interval(Duration::from_millis(3));
    while asked.asked() < 2 {
        tick.tick().await;
        asked = only_chunk(&house, batch).await;
    }
    assert_eq!(asked.asked_code().expect("a code").as_str(), "answer-missing");
    told.store(true, Ordering::SeqCst);
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 50);
    assert_eq!(jobs.table.most_writes(), 1);
    assert!(!only_chunk(&house, batch).await.held());
}

#[tokio::test]
async fn what_is_not_known_at_the_end_either_is_left_to_an_operator_with_what_was_asked() {
    let jobs = Jobs::default();
    let clouds = jobs.clone();
    let cloud = Cloud::start(move |call| match clouds.answer(call, |_| Fate::Good) {
        Reply::Answer(200, "text/csv", body) => {
            let kept = body.lines().filter(|line| !line.contains(",U5,"));
            Reply::Answer(200, "text/csv", kept.map(|line| format!("{line}\n")).collect())
        }
        other => other,
    })
    .await;
    let mut house = House::new();
    let plan = Plan { idempotent: false, doubt_window_seconds: SECONDS, pace: whole(), ..bulk_plan() };
    let batch = house.accept(&plan, 50).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    house.until(batch, |view| view.status == Status::Held).await;
    let held = only_chunk(&house, batch).await;
    was_held_in_time(&held, SECONDS);
    let (asked_at, since) = (held.asked_at().expect("asked"), held.doubted_at().expect("in doubt"));
    assert!(held.asked() >= 2 && asked_at >= since + 1_000 * SECONDS, "asked once more at the end: {held:?}");
}
