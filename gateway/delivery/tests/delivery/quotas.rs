//! Daily budgets, what the cloud says of its own, and what the pace remembers: over restarts.

use std::time::Duration;

use sekisho_delivery::{DailySpec, DeliveryHandle, DialectSpec, PaceSpec, Plan};

use crate::support::cloud::xml_rows;
use crate::support::intake::{dialect, envelope, take};
use crate::support::{Cloud, House, Reply, Table, plan};

/// One chunk after another, small ones at first.
fn one_by_one(daily: DailySpec) -> Plan {
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.pace = PaceSpec { start_rows: 40, max_rows: 200, max_in_flight: 1, daily, ..plan.pace };
    plan
}

/// Waits until the route's line says that it waits; the line.
async fn line_of_waiting(delivery: &DeliveryHandle) -> String {
    let look = async {
        let mut tick = tokio::time::interval(Duration::from_millis(3));
        loop {
            tick.tick().await;
            let status = delivery.status();
            let line = status.iter().find_map(|upstream| upstream.pace.get("attributes")).cloned();
            if let Some(line) = line.filter(|line| line.contains("waits ")) {
                assert!(status.iter().all(|upstream| upstream.paused_ms > 0), "{status:?}");
                return line;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(240), look).await.expect("it waits")
}

#[tokio::test]
async fn a_daily_budget_of_calls_is_kept_over_a_restart() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let mut house = House::new();
    let plan = one_by_one(DailySpec { calls: Some(3), ..DailySpec::default() });
    let batch = house.accept(&plan, 5_000).await;
    let delivery = house.start(&cloud.endpoint()).await;
    let line = line_of_waiting(&delivery).await;
    assert!(line.contains("3 calls of 24 hours are used"), "{line}");
    assert_eq!(delivery.park(Duration::from_secs(60)).await, 0);
    assert_eq!(cloud.calls().len(), 3);
    drop(delivery);

    let house = house.reopened();
    let delivery = house.start(&cloud.endpoint()).await;
    let line = line_of_waiting(&delivery).await;
    assert!(line.contains("3 calls of 24 hours are used"), "{line}");
    delivery.park(Duration::from_secs(60)).await;
    assert_eq!(cloud.calls().len(), 3, "no budget of its own after the restart");
    let view = house.ledger.batch(batch).await.expect("read").expect("there");
    assert!(view.sums.pending > 0 && view.sums.delivered as usize == table.len(), "{view:?}");
}

#[tokio::test]
async fn a_daily_budget_of_rows_cuts_the_last_chunk() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let mut house = House::new();
    let plan = one_by_one(DailySpec { rows: Some(777), ..DailySpec::default() });
    house.accept(&plan, 5_000).await;
    let delivery = house.start(&cloud.endpoint()).await;
    let line = line_of_waiting(&delivery).await;
    assert!(line.contains("777 rows of 24 hours are sent"), "{line}");
    delivery.park(Duration::from_secs(60)).await;
    assert_eq!(table.len(), 777);
}

#[tokio::test]
async fn what_the_cloud_says_of_its_calls_is_waited_for() {
    let fields = [("ratelimit", r#""default";r=0;t=3600"#), ("sforce-limit-info", "api-usage=15000/15000")];
    for (name, value) in fields {
        let cloud = Cloud::start(move |_| Reply::With(200, (name, value.to_owned()), envelope(""))).await;
        let mut house = House::new();
        let mut plan = one_by_one(DailySpec::default());
        if let DialectSpec::Soap(soap) = &mut plan.dialect {
            soap.results = None;
        }
        house.accept(&plan, 5_000).await;
        let delivery = house.start(&cloud.endpoint()).await;
        let line = line_of_waiting(&delivery).await;
        assert!(line.contains("the upstream says that its calls are used up"), "{name}: {line}");
        delivery.park(Duration::from_secs(60)).await;
        assert_eq!(cloud.calls().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn what_the_pace_has_learnt_survives_a_restart() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let mut house = House::new();
    let plan = one_by_one(DailySpec::default());
    let batch = house.accept(&plan, 3_000).await;
    let delivery = house.start(&cloud.endpoint()).await;
    house.finished(batch).await;
    delivery.park(Duration::from_secs(60)).await;
    drop(delivery);
    let first = xml_rows(cloud.calls()[0].text(), "row").len();
    let before = cloud.calls().len();

    let mut house = house.reopened();
    let batch = house.accept(&plan, 3_000).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    house.finished(batch).await;
    let again = xml_rows(cloud.calls()[before].text(), "row").len();
    // Seen nothing: half of the rows to start with. Remembered: a quarter of what was seen to work, times the growth.
    assert!(first == 20 && again > 40, "{first} rows, then {again}");
}
