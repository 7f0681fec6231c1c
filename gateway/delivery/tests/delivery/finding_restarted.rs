//! What is asked for by key goes on where it was when the gateway is started again.

use std::time::Duration;

use sekisho_delivery::PaceSpec;
use sekisho_journal::{Event, Status};

use crate::finding::{RECORDS, find, finding, found, is_find, sent};
use crate::support::intake::envelope;
use crate::support::{Cloud, House, Reply};

#[tokio::test]
async fn tries_are_counted_on_over_a_restart() {
    // It never takes anything, and is killed in the midst of each try.
    let cloud = Cloud::start(move |call| match is_find(call) {
        true => Reply::xml(envelope(&found([]))),
        false => Reply::Hang,
    })
    .await;
    let mut house = House::new();
    let mut plan = finding(find());
    plan.pace = PaceSpec { limit_ms: 50, grace_ms: 50, ..plan.pace };
    plan.retry.record_attempts = 3;
    let batch = house.accept(&plan, 1).await;
    for process in 1.. {
        let delivery = house.start(&cloud.endpoint()).await;
        let view = house.until(batch, |view| view.chunks >= process || view.status == Status::Held).await;
        assert!(process <= 4, "tried without end: {:?}", house.chunks(batch).await);
        delivery.park(Duration::ZERO).await;
        drop(delivery);
        house = house.reopened();
        if view.status == Status::Held {
            break;
        }
    }
    assert!(sent(&cloud) <= 3, "{}", sent(&cloud));
    let chunks = house.chunks(batch).await;
    assert_eq!(chunks.len(), 4, "three tries, and what is held: {chunks:?}");
    assert_eq!(chunks[3].code().map(|code| code.as_str()), Some("not-processed"), "{chunks:?}");

    // Given back by an operator, it is tried as often again, whoever comes then.
    let back = vec![Event::DoubtReturned { chunk: 4, code: "decided-by-operator".into() }];
    house.ledger.apply(batch, house.ledger.epoch(), now(), back).await.expect("legal");
    let house = house.reopened();
    let _delivery = house.start(&cloud.endpoint()).await;
    house.until(batch, |view| view.chunks == 8 && view.status == Status::Held).await;
}

#[tokio::test]
async fn the_time_of_questions_goes_on_over_a_restart() {
    // Ten deadlines are a second.
    for (asked_for, is_over) in [(10, false), (1_000, true)] {
        let cloud = Cloud::start(|_| Reply::Cut).await;
        let mut house = House::new();
        let mut plan = finding(find());
        plan.pace = PaceSpec { limit_ms: 50, grace_ms: 50, ..plan.pace };
        let batch = house.accept(&plan, RECORDS).await;
        let then = now() - 1_000_000;
        let apply = async |at: u64, events| {
            house.ledger.apply(batch, house.ledger.epoch(), at, events).await.expect("legal");
        };
        let opened = Event::ChunkOpened { chunk: 1, first: 0, count: RECORDS, attempt: 1 };
        apply(then, vec![opened, Event::ChunkInDoubt { chunk: 1, code: "upstream-cut".into() }]).await;
        // Nobody was there after that to ask.
        apply(then + asked_for, vec![Event::DoubtAsked { chunk: 1, code: "upstream-cut".into() }]).await;
        let house = house.reopened();
        let _delivery = house.start(&cloud.endpoint()).await;
        house.until(batch, |view| view.status == Status::Held).await;
        assert_eq!(cloud.calls().len() == 1, is_over, "{asked_for}: {} questions", cloud.calls().len());
    }
}

/// Unix milliseconds.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("a time")
}
