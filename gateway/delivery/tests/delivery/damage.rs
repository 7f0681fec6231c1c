//! Payloads that are no longer what was written.

use sekisho_delivery::DialectSpec;
use sekisho_journal::{Event, Status};
use sekisho_liveness::HopState;

use crate::support::intake::{dialect, take};
use crate::support::{Cloud, House, Table, plan};

#[tokio::test]
async fn records_of_a_damaged_segment_are_held_and_shown_and_the_others_go_on() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let mut house = House::new();
    house.spool = house.spool.clone().with_segment_bytes(2_000);
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 1_000).await;
    let segment = house.spool_folder().join(batch.to_string()).join("00000002.seg");
    let whole = std::fs::read(&segment).expect("a segment");
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&segment, &damaged).expect("damaged");

    let delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    // A segment, and what the index finds by way of it.
    assert!((1..500).contains(&held.sums.in_doubt), "{held:?}");
    assert_eq!(held.sums.delivered + held.sums.in_doubt, 1_000);
    let reasons = house.ledger.held(batch).await.expect("read");
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!((reasons[0].0.as_str(), reasons[0].1), ("spool-damaged", held.sums.in_doubt));
    assert_eq!(house.ledger.unreadable().await.expect("read"), 1);
    let gateway = house.board.snapshot().hops.into_iter().find(|hop| &*hop.name == "gateway").expect("a hop");
    assert_eq!(gateway.state, HopState::Degraded);
    let shown = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(3));
        while delivery.status()[0].unreadable_batches != 1 {
            tick.tick().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(240), shown).await.expect("the status says so");

    // Restored, and given back by an operator.
    std::fs::write(&segment, &whole).expect("restored");
    let chunk = house.chunks(batch).await.into_iter().find(|chunk| chunk.held()).expect("held");
    let back = Event::DoubtReturned { chunk: chunk.number(), code: "restored".into() };
    house.ledger.apply(batch, held.epoch, held.changed_at, vec![back]).await.expect("given back");
    delivery.wake();
    assert_eq!(house.finished(batch).await.sums.delivered, 1_000);
    table.holds(1_000, &[], "");
    assert_eq!(table.most_writes(), 1);
    assert_eq!(house.ledger.unreadable().await.expect("read"), 0);
}

#[tokio::test]
async fn a_batch_whose_payload_is_gone_is_held_whole() {
    let cloud = Cloud::start(|_| panic!("there is nothing to send")).await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 30).await;
    std::fs::remove_dir_all(house.spool_folder().join(batch.to_string())).expect("removed");
    let _delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    assert_eq!((held.sums.in_doubt, held.chunks), (30, 1));
    let reasons = house.ledger.held(batch).await.expect("read");
    assert_eq!(reasons[0].0.as_str(), "spool-batch-unknown");
}
