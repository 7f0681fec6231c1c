//! The `soap` dialect: plain path, partial failure, refusals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sekisho_delivery::{DialectSpec, SoapSpec, SoapVersion};
use sekisho_journal::{ChunkState, Outcome};
use sekisho_liveness::HopState;

use crate::support::cloud::{key_of, xml_rows};
use crate::support::intake::{NAMESPACE, dialect, fault, take};
use crate::support::{Cloud, House, Reply, Table, flat, plan};

#[tokio::test]
async fn every_record_arrives_once_in_chunks_that_grow() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 3_000).await;
    let delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.accepted), (3_000, 3_000));
    assert_eq!(done.delivered_digest, Some(done.records_digest));
    table.holds(3_000, &[], "");
    assert_eq!(table.most_writes(), 1);
    assert_eq!(table.value("U9", "F003"), Some(None), "nil stays nil");
    assert_eq!(table.value("U6", "F003"), None, "absent stays absent");

    let calls = cloud.calls();
    let first = &calls[0];
    assert_eq!(first.method, "POST");
    assert!(first.path.starts_with(&format!("/services/intake/attributes/F001?batch={batch}&chunk=")));
    assert_eq!(first.header("content-type"), "text/xml; charset=utf-8");
    assert_eq!(first.header("soapaction"), format!("\"{NAMESPACE}/putRecords\""));
    assert_eq!(first.header("content-length"), first.body.len().to_string());
    assert!(first.text().contains(r#"<h:Sender xmlns:h="urn:h">a &amp; b, part "#));
    let parts: std::collections::BTreeSet<&str> =
        calls.iter().filter_map(|call| call.text().split_once(", part ")?.1.split('<').next()).collect();
    assert_eq!(parts.len(), calls.len(), "each call says which part it is");
    let sizes: Vec<u64> = house.chunks(batch).await.iter().map(|chunk| chunk.count()).collect();
    assert!(sizes[0] <= 100 && sizes.iter().max() > Some(&150), "{sizes:?}");
    assert!(sizes.iter().all(|size| *size >= 1));
    assert_eq!(house.metric("sekisho_delivery_records_total", &[("outcome", "delivered")]), 3_000.0);
    assert_eq!(house.metric("sekisho_delivery_chunks_total", &[]), sizes.len() as f64);
    let hop = house.board.snapshot().hops.into_iter().find(|hop| &*hop.name == "import").expect("a hop");
    assert_eq!(hop.state, HopState::Up);
    assert_eq!(delivery.park(Duration::from_secs(60)).await, 0);
}

#[tokio::test]
async fn a_bad_record_is_rejected_with_its_code_and_column_and_the_rest_goes_on() {
    let table = Table::default();
    let rows = table.clone();
    let refuses = |key: &str| (key == "U17").then_some("FIELD_CUSTOM_VALIDATION_EXCEPTION");
    let cloud = Cloud::start(move |call| take(&rows, call, refuses)).await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 200).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (199, 1));
    let without = (0..200).filter(|n| *n != 17).map(|n| flat(n, &format!("value {n}")));
    let without = house.accept_with(&plan(DialectSpec::Soap(dialect())), without).await;
    let of_the_rest = house.ledger.batch(without).await.expect("read").expect("there").records_digest;
    assert_eq!(done.delivered_digest, Some(of_the_rest), "of just the records that were delivered");
    let errors = house.errors(batch).await;
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].position, errors[0].outcome), (17, Outcome::Rejected));
    assert_eq!(errors[0].code.as_str(), "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(errors[0].field.as_deref(), Some("F002"));
    table.holds(200, &[17], "");
}

#[tokio::test]
async fn results_in_another_order_are_joined_by_key() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        let Reply::Answer(status, media, body) = take(&rows, call, |key| (key == "U3").then_some("BAD"))
        else {
            unreachable!("take answers")
        };
        let (head, rest) = body.split_once("<result>").expect("results");
        let (results, tail) = rest.rsplit_once("</result>").expect("results");
        let mut results: Vec<&str> = results.split("</result><result>").collect();
        results.reverse();
        Reply::Answer(
            status,
            media,
            format!("{head}<result>{}</result>{tail}", results.join("</result><result>")),
        )
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 60).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    house.finished(batch).await;
    let errors = house.errors(batch).await;
    assert_eq!(errors.iter().map(|error| error.position).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn a_chunk_refused_whole_is_halved_until_the_culprit_stands_alone() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        if xml_rows(call.text(), "row").iter().any(|row| key_of(row) == "U137") {
            fault("INVALID_BATCH")
        } else {
            take(&rows, call, |_| None)
        }
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 400).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (399, 1));
    let errors = house.errors(batch).await;
    assert_eq!((errors[0].position, errors[0].code.as_str()), (137, "INVALID_BATCH"));
    table.holds(400, &[137], "");
    assert_eq!(table.most_writes(), 1);
}

#[tokio::test]
async fn a_record_refused_for_the_moment_is_tried_again_and_then_given_up() {
    let table = Table::default();
    let (rows, tries) = (table.clone(), Arc::new(AtomicU64::new(0)));
    let cloud = Cloud::start(move |call| {
        take(&rows, call, |key| match key {
            "U5" if tries.fetch_add(1, Ordering::SeqCst) < 2 => Some("UNABLE_TO_LOCK_ROW"),
            "U6" => Some("UNABLE_TO_LOCK_ROW"),
            _ => None,
        })
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.retry.record_attempts = 4;
    let batch = house.accept(&plan, 20).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (19, 1));
    assert_eq!(house.errors(batch).await[0].position, 6);
    let sent = |key: &str| {
        cloud.calls().iter().filter(|call| call.text().contains(&format!("<F001>{key}</F001>"))).count()
    };
    assert_eq!((sent("U5"), sent("U6"), sent("U7")), (3, 4, 1));
}

#[tokio::test]
async fn a_quota_with_retry_after_is_waited_for() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        if call.number == 0 {
            let Reply::Answer(_, _, body) = fault("REQUEST_LIMIT_EXCEEDED") else { unreachable!("a fault") };
            Reply::With(500, ("retry-after", "1".into()), body)
        } else {
            take(&rows, call, |_| None)
        }
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.pace.max_in_flight = 1;
    let batch = house.accept(&plan, 10).await;
    let started = std::time::Instant::now();
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 10);
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(table.most_writes(), 1);
}

#[tokio::test]
async fn a_cloud_that_is_not_there_yet_is_waited_for_with_nothing_in_doubt() {
    let table = Table::default();
    let rows = table.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 100).await;
    let endpoint = sekisho_upstream::EndpointConfig::new(format!("http://{address}"));
    let _delivery = house.start(&endpoint).await;
    house.hop_becomes(HopState::Down).await;
    let view = house.ledger.batch(batch).await.expect("read").expect("there");
    assert_eq!(view.sums.in_doubt, 0);
    let listener = tokio::net::TcpListener::bind(address).await.expect("the same port");
    let _cloud = Cloud::on(listener, move |call| take(&rows, call, |_| None));
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 100);
    assert_eq!(table.most_writes(), 1);
}

#[tokio::test]
async fn records_with_one_key_never_share_a_chunk() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        let sent = xml_rows(call.text(), "row");
        let keys: std::collections::BTreeSet<String> = sent.iter().map(key_of).collect();
        assert_eq!(keys.len(), sent.len());
        take(&rows, call, |_| None)
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.pace.max_in_flight = 1;
    let records = (0..40).map(|n| flat(n % 10, &format!("version {}", n / 10)));
    let batch = house.accept_with(&plan, records).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 40);
    assert_eq!(table.len(), 10);
    assert_eq!(table.value("U4", "F002"), Some(Some("version 3".into())));
}

#[tokio::test]
async fn a_record_that_xml_cannot_hold_is_rejected_before_it_is_sent() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let mut house = House::new();
    let records = (0..30).map(|n| if n == 12 { flat(n, "a\u{1}b") } else { flat(n, &format!("value {n}")) });
    let batch = house.accept_with(&plan(DialectSpec::Soap(dialect())), records).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (29, 1));
    assert_eq!(house.errors(batch).await[0].position, 12);
    let held = house.chunks(batch).await;
    assert!(held.iter().all(|chunk| chunk.state() == ChunkState::Answered), "{held:?}");
    table.holds(30, &[12], "");
}

#[tokio::test]
async fn soap_1_2_says_its_action_in_the_media_type() {
    let cloud = Cloud::start(|_| {
        Reply::Answer(
            200,
            "application/soap+xml",
            r#"<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><putRecordsResponse xmlns="urn:example:intake:1"/></e:Body></e:Envelope>"#.into(),
        )
    })
    .await;
    let mut house = House::new();
    let soap = SoapSpec { version: SoapVersion::Soap12, results: None, ..dialect() };
    let batch = house.accept(&plan(DialectSpec::Soap(soap)), 5).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    assert_eq!(house.finished(batch).await.sums.delivered, 5);
    let call = &cloud.calls()[0];
    assert_eq!(
        call.header("content-type"),
        format!("application/soap+xml; charset=utf-8; action=\"{NAMESPACE}/putRecords\"")
    );
    assert_eq!(call.header("soapaction"), "");
    assert!(call.text().contains("http://www.w3.org/2003/05/soap-envelope"));
}
