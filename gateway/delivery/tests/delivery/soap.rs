//! The `soap` dialect against a cloud on loopback: plain path, partial failure, refusals, time-outs, cuts, restarts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::cloud::{key_of, xml_rows};
use crate::support::{Call, Cloud, House, Reply, Table, flat, plan};
use sekisho_delivery::{DialectSpec, HeaderElement, PaceSpec, ResultsSpec, SoapSpec, SoapVersion};
use sekisho_journal::{ChunkState, Outcome, Status};
use sekisho_liveness::HopState;

const NAMESPACE: &str = "urn:example:intake:1";

fn dialect() -> SoapSpec {
    SoapSpec {
        path: "/services/intake/attributes/F001?batch={batch}&chunk={chunk}".into(),
        namespace: NAMESPACE.into(),
        operation: "putRecords".into(),
        record: "row".into(),
        action: format!("{NAMESPACE}/putRecords"),
        version: SoapVersion::Soap11,
        headers: vec![HeaderElement {
            namespace: "urn:h".into(),
            name: "Sender".into(),
            text: "a & b".into(),
        }],
        results: Some(ResultsSpec {
            result: "result".into(),
            key: Some("key".into()),
            success: "success".into(),
            true_values: vec!["true".into()],
            code: Some("error/code".into()),
            field: Some("error/field".into()),
        }),
        fault_code: Some("intakeFault/code".into()),
        codes: Default::default(),
    }
}

fn envelope(body: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

fn fault(code: &str) -> Reply {
    let fault = format!(
        "<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring><detail><intakeFault xmlns=\"{NAMESPACE}\"><code>{code}</code><message>row U3 is bad</message></intakeFault></detail></s:Fault>"
    );
    Reply::Answer(500, "text/xml", envelope(&fault))
}

/// Takes every row that `refuses` gives no code for, and answers per row.
fn take(table: &Table, call: &Call, refuses: impl Fn(&str) -> Option<&'static str>) -> Reply {
    let mut results = String::new();
    for row in xml_rows(call.text(), "row") {
        let key = key_of(&row);
        match refuses(&key) {
            None => {
                results.push_str(&format!("<result><key>{key}</key><success>true</success></result>"));
                table.write(row);
            }
            Some(code) => results.push_str(&format!(
                "<result><key>{key}</key><success>false</success><error><code>{code}</code><field>F002</field><message>{key} is bad</message></error></result>"
            )),
        }
    }
    Reply::xml(envelope(&format!(
        r#"<putRecordsResponse xmlns="{NAMESPACE}">{results}</putRecordsResponse>"#
    )))
}

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
    assert!(first.text().contains(r#"<h:Sender xmlns:h="urn:h">a &amp; b</h:Sender>"#));
    let sizes: Vec<u64> = house.chunks(batch).await.iter().map(|chunk| chunk.count).collect();
    assert!(sizes[0] <= 50 && sizes.iter().max() > Some(&150), "{sizes:?}");
    assert!(sizes.iter().all(|size| *size >= 1));
    assert_eq!(house.metric("sekisho_delivery_records_total", &[("outcome", "delivered")]), 3_000.0);
    assert_eq!(house.metric("sekisho_delivery_chunks_total", &[]), sizes.len() as f64);
    let hop = house.board.snapshot().hops.into_iter().find(|hop| &*hop.name == "import").expect("a hop");
    assert_eq!(hop.state, HopState::Up);
    assert_eq!(delivery.park(Duration::from_secs(5)).await, 0);
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
    assert_eq!(done.delivered_digest, None);
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
    let repeated: Vec<u32> =
        house.chunks(batch).await.iter().map(|chunk| chunk.attempt).filter(|n| *n > 1).collect();
    assert_eq!(repeated, [2]);
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
    let chunk = house.chunks(batch).await.into_iter().find(|chunk| chunk.held).expect("held");
    assert_eq!(chunk.code.expect("a code").as_str(), "upstream-cut");
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
    plan.pace = PaceSpec { limit_ms: 200, grace_ms: 100, start_rows: 30, ..PaceSpec::default() };
    let batch = house.accept(&plan, 100).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 100);
    table.holds(100, &[], "");
    let chunks = house.chunks(batch).await;
    assert!(chunks.iter().any(|chunk| chunk.attempt > 1), "{chunks:?}");
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
    let line_down = async {
        let mut tick = tokio::time::interval(Duration::from_millis(3));
        while house.board.snapshot().hops.iter().all(|hop| hop.state != HopState::Down) {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), line_down).await.expect("the line shows as down");
    let view = house.ledger.batch(batch).await.expect("read").expect("there");
    assert_eq!(view.sums.in_doubt, 0);
    let listener = tokio::net::TcpListener::bind(address).await.expect("the same port");
    let _cloud = Cloud::on(listener, move |call| take(&rows, call, |_| None));
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 100);
    assert_eq!(table.most_writes(), 1);
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
    assert!(held.iter().all(|chunk| chunk.state == ChunkState::Answered), "{held:?}");
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
