//! A chunk that may not be repeated, and whose answer was lost: the upstream is asked which of its rows are there, by their keys.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_delivery::{DialectSpec, FindSpec, KeysAre, PaceSpec, Plan, SoapSpec};
use sekisho_journal::Status;

use crate::nested::{household, households};
use crate::order::{accept, all};
use crate::support::cloud::{key_of, xml_rows};
use crate::support::intake::{NAMESPACE, dialect, envelope, fault, take};
use crate::support::{Call, Cloud, House, Reply, Table, plan};

pub(crate) const RECORDS: u64 = 10;

pub(crate) fn find() -> FindSpec {
    FindSpec {
        keys: KeysAre::UsedOnce,
        path: String::new(),
        namespace: String::new(),
        operation: "findRecords".into(),
        action: format!("{NAMESPACE}/findRecords"),
        key: "key".into(),
        found: "found".into(),
        found_key: "key".into(),
        response: None,
        most_keys: 1_000,
    }
}

/// A batch is one chunk, whose cloud has had its time soon.
pub(crate) fn finding(find: FindSpec) -> Plan {
    let soap = SoapSpec { find: Some(Box::new(find)), ..dialect() };
    let pace = PaceSpec { fixed_rows: Some(50), limit_ms: 300, grace_ms: 100, ..PaceSpec::default() };
    Plan { idempotent: false, pace, ..plan(DialectSpec::Soap(soap)) }
}

pub(crate) fn is_find(call: &Call) -> bool {
    call.text().contains("<findRecords ")
}

fn keys_of(call: &Call) -> Vec<String> {
    let keys = call.text().split("<key>").skip(1);
    keys.map(|key| key.split("</key>").next().expect("closed").to_owned()).collect()
}

pub(crate) fn found(keys: impl IntoIterator<Item = String>) -> String {
    let keys = keys.into_iter().map(|key| format!("<found><key>{key}</key></found>"));
    format!("<findRecordsResponse xmlns=\"{NAMESPACE}\">{}</findRecordsResponse>", keys.collect::<String>())
}

/// As a cloud that adds rows and can be asked for them.
fn adds(table: &Table, call: &Call) -> Reply {
    if !is_find(call) {
        return take(table, call, |_| None);
    }
    assert_eq!(call.header("soapaction"), format!("\"{NAMESPACE}/findRecords\""));
    let there = keys_of(call).into_iter().filter(|key| table.value(key, "F001").is_some());
    Reply::xml(envelope(&found(there)))
}

pub(crate) fn sent(cloud: &Cloud) -> usize {
    cloud.calls().iter().filter(|call| !is_find(call)).count()
}

#[tokio::test]
async fn what_was_cut_after_its_effect_is_found_and_not_sent_again() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| match (adds(&rows, call), call.number) {
        (_, 0) => Reply::Cut,
        (reply, _) => reply,
    })
    .await;
    let mut house = House::new();
    // Four calls ask for ten keys.
    let batch = house.accept(&finding(FindSpec { most_keys: 3, ..find() }), RECORDS).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    assert_eq!(house.finished(batch).await.sums.delivered, RECORDS);
    assert_eq!((table.most_writes(), sent(&cloud)), (1, 1));
    let asked: Vec<usize> =
        cloud.calls().iter().filter(|call| is_find(call)).map(|call| keys_of(call).len()).collect();
    assert_eq!(asked, [3, 3, 3, 1]);
}

#[tokio::test]
async fn what_was_done_in_part_is_sent_again_as_far_as_it_was_not_done() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        if call.number > 0 {
            return adds(&rows, call);
        }
        for row in xml_rows(call.text(), "row").into_iter().filter(|row| key_of(row).as_str() < "U6") {
            rows.write(row);
        }
        Reply::Cut
    })
    .await;
    let mut house = House::new();
    let plan = Plan { doubt_window_seconds: 2, ..finding(find()) };
    let batch = house.accept(&plan, RECORDS).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    assert_eq!(house.finished(batch).await.sums.delivered, RECORDS);
    assert_eq!((table.len() as u64, table.most_writes(), sent(&cloud)), (RECORDS, 1, 2));
    let chunks = house.chunks(batch).await;
    let doubted_at = chunks[0].doubted_at().expect("in doubt");
    assert!(chunks[0].changed_at() >= doubted_at + 2_000, "asked when the window was over: {chunks:?}");
    assert_eq!((chunks[1].first(), chunks[1].count()), (6, 4), "{chunks:?}");
}

#[tokio::test]
async fn what_is_not_there_at_first_and_comes_late_is_not_sent_again() {
    let table = Table::default();
    let (rows, looks) = (table.clone(), Arc::new(AtomicU64::new(0)));
    let asked = Arc::clone(&looks);
    // It stood still with the first call, and when it goes on, it answers the question first.
    let stalled: Arc<Mutex<Option<Call>>> = Arc::default();
    let cloud = Cloud::start(move |call| {
        if call.number == 0 {
            *stalled.lock().expect("lock") = Some(call.clone());
            return Reply::Cut;
        }
        let reply = adds(&rows, call);
        if is_find(call) && asked.fetch_add(1, Ordering::SeqCst) == 0 {
            take(&rows, &stalled.lock().expect("lock").take().expect("the first call"), |_| None);
        }
        reply
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&finding(find()), RECORDS).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    assert_eq!(house.finished(batch).await.sums.delivered, RECORDS);
    assert_eq!((table.most_writes(), sent(&cloud), looks.load(Ordering::SeqCst)), (1, 1, 2));
    let chunk = house.chunks(batch).await.pop().expect("a chunk");
    // Between the two looks, the cloud has had its time.
    assert!(chunk.changed_at() >= chunk.asked_at().expect("asked") + 400, "{chunk:?}");
}

#[tokio::test]
async fn who_cannot_be_asked_just_now_is_asked_again_and_nothing_is_sent_meanwhile() {
    let table = Table::default();
    let (rows, asked) = (table.clone(), Arc::new(AtomicU64::new(0)));
    let cloud = Cloud::start(move |call| {
        let reply = adds(&rows, call);
        if call.number == 0 {
            return Reply::Cut;
        }
        match is_find(call).then(|| asked.fetch_add(1, Ordering::SeqCst)) {
            Some(0 | 2 | 4) => Reply::Cut,
            Some(1 | 3 | 5) => Reply::With(503, ("retry-after", "0".into()), String::new()),
            _ => reply,
        }
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&finding(find()), RECORDS).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    assert_eq!(house.finished(batch).await.sums.delivered, RECORDS);
    assert_eq!((table.most_writes(), sent(&cloud), cloud.calls().len()), (1, 1, 8));
    let chunk = house.chunks(batch).await.pop().expect("a chunk");
    assert_eq!((chunk.asked(), chunk.held()), (6, false), "{chunk:?}");
}

#[tokio::test]
async fn an_answer_that_proves_nothing_of_the_keys_leaves_it_to_an_operator() {
    type Lie = fn(Vec<String>) -> Reply;
    let cases: [(&str, Lie, &str); 8] = [
        (
            "another operation's answer, in which no key is",
            |_| Reply::xml(envelope(&format!("<putRecordsResponse xmlns=\"{NAMESPACE}\"/>"))),
            "answer-operation",
        ),
        ("a page for people", |_| Reply::xml("<html/>".into()), "answer-unreadable"),
        ("nothing", |_| Reply::xml(String::new()), "answer-unreadable"),
        (
            "half of it",
            |keys| {
                let whole = envelope(&found(keys));
                Reply::xml(whole[..whole.len() / 2].to_owned())
            },
            "answer-unreadable",
        ),
        (
            "more keys than were asked for",
            |keys| Reply::xml(envelope(&found(keys.into_iter().chain(["U99".to_owned()])))),
            "answer-unreadable",
        ),
        ("a key that was not asked for", |_| Reply::xml(envelope(&found(["U99".to_owned()]))), "answer-key"),
        ("a key twice", |_| Reply::xml(envelope(&found(["U1".to_owned(), "U1".to_owned()]))), "answer-key"),
        ("a fault", |_| fault("NO_SUCH_OPERATION"), "NO_SUCH_OPERATION"),
    ];
    for (name, lie, code) in cases {
        let cloud =
            Cloud::start(move |call| if is_find(call) { lie(keys_of(call)) } else { Reply::Cut }).await;
        let mut house = House::new();
        let batch = house.accept(&finding(find()), RECORDS).await;
        let _delivery = house.start(&cloud.endpoint()).await;
        let held = house.until(batch, |view| view.status == Status::Held).await;
        assert_eq!((held.sums.delivered, held.sums.in_doubt), (0, RECORDS), "{name}");
        assert_eq!(sent(&cloud), 1, "{name}: nothing is sent twice");
        let chunk = house.chunks(batch).await.pop().expect("a chunk");
        assert_eq!(chunk.asked_code().map(|code| code.as_str()), Some(code), "{name}: {chunk:?}");
        assert!(chunk.asked() >= 3, "{name}: {chunk:?}");
        let hops = house.board.snapshot().hops;
        assert!(hops.iter().any(|hop| hop.text_en.contains(code)), "{name}: no hop shows {code}");
    }
}

#[tokio::test]
async fn no_record_with_its_key_goes_before_it_was_asked_for() {
    let table = Table::default();
    let (rows, answers) = (table.clone(), Arc::new(AtomicBool::new(false)));
    let answer = Arc::clone(&answers);
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&order);
    let cloud = Cloud::start(move |call| {
        let what = if is_find(call) { "asked" } else { "sent" };
        let reply = adds(&rows, call);
        if call.number == 0 {
            return Reply::Cut;
        }
        if is_find(call) && !answer.load(Ordering::SeqCst) {
            return Reply::Cut;
        }
        seen.lock().expect("lock").push(what.to_owned());
        reply
    })
    .await;
    let house = House::new();
    let first = accept(&house, &finding(find()), false, &all(0..10, "value 0"), true).await;
    let delivery = house.start(&cloud.endpoint()).await;
    house.until(first, |view| view.sums.in_doubt == 10).await;
    let second = accept(&house, &finding(find()), false, &all(5..15, "value 1"), true).await;
    delivery.wake();
    // The others pass.
    house.until(second, |view| view.sums.delivered == 5).await;
    answers.store(true, Ordering::SeqCst);
    house.finished(first).await;
    house.finished(second).await;
    assert_eq!(*order.lock().expect("lock"), ["sent", "asked", "sent"]);
}

#[tokio::test]
async fn what_an_earlier_process_sent_is_asked_for_by_the_next_one() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| match (adds(&rows, call), call.number) {
        (_, 0) => Reply::Hang,
        (reply, _) => reply,
    })
    .await;
    let mut house = House::new();
    let mut plan = finding(find());
    plan.pace.limit_ms = 1_000;
    let batch = house.accept(&plan, RECORDS).await;
    let delivery = house.start(&cloud.endpoint()).await;
    house.until(batch, |view| view.sums.in_flight == RECORDS && !cloud.calls().is_empty()).await;
    delivery.park(Duration::ZERO).await;
    drop(delivery);
    let house = house.reopened();
    let _delivery = house.start(&cloud.endpoint()).await;
    assert_eq!(house.finished(batch).await.sums.delivered, RECORDS);
    assert_eq!((table.most_writes(), sent(&cloud)), (1, 1));
}

#[tokio::test]
async fn a_record_that_never_has_its_effect_is_held_in_the_end_and_its_neighbours_get_through() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| match is_find(call) {
        false if keys_of_rows(call).iter().any(|key| key == "U3") => Reply::Cut,
        _ => adds(&rows, call),
    })
    .await;
    let mut house = House::new();
    let mut plan = finding(find());
    plan.pace = PaceSpec { limit_ms: 50, grace_ms: 50, ..plan.pace };
    plan.retry.record_attempts = 2;
    let batch = house.accept(&plan, RECORDS).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let held =
        house.until(batch, |view| view.status == Status::Held && view.sums.delivered == RECORDS - 1).await;
    assert_eq!(held.sums.in_doubt, 1);
    table.holds(RECORDS, &[3], "");
    assert_eq!(table.most_writes(), 1);
    let chunk = house.chunks(batch).await.into_iter().find(|chunk| chunk.held()).expect("held");
    assert_eq!(
        (chunk.first(), chunk.count(), chunk.code().map(|code| code.as_str())),
        (3, 1, Some("not-processed"))
    );
    // 10, 5, 3, 2 or 1 records, and alone.
    let tries = cloud
        .calls()
        .iter()
        .filter(|call| !is_find(call) && keys_of_rows(call).contains(&"U3".into()))
        .count();
    assert!((4..=5).contains(&tries), "{tries}");
}

fn keys_of_rows(call: &Call) -> Vec<String> {
    xml_rows(call.text(), "row").iter().map(|row| key_of(row).to_string()).collect()
}

#[tokio::test]
async fn who_never_says_anything_of_use_is_not_asked_for_ever() {
    type Silence = fn() -> Reply;
    let cases: [(&str, Silence, Option<usize>); 4] = [
        ("not now", || Reply::With(503, ("retry-after", "0".into()), String::new()), Some(4)),
        ("too many", || Reply::With(429, ("retry-after", "0".into()), String::new()), Some(4)),
        ("not you", || Reply::With(401, ("x", "0".into()), String::new()), Some(4)),
        // No answer at all is asked for as long as anything may take.
        ("nothing", || Reply::Cut, None),
    ];
    for (name, silence, questions) in cases {
        let cloud = Cloud::start(move |call| if is_find(call) { silence() } else { Reply::Cut }).await;
        let mut house = House::new();
        let mut plan = finding(find());
        plan.pace = PaceSpec { limit_ms: 50, grace_ms: 50, ..plan.pace };
        let batch = house.accept(&plan, RECORDS).await;
        let _delivery = house.start(&cloud.endpoint()).await;
        let held = house.until(batch, |view| view.status == Status::Held).await;
        assert_eq!((held.sums.in_doubt, sent(&cloud)), (RECORDS, 1), "{name}");
        let chunk = house.chunks(batch).await.pop().expect("a chunk");
        assert!(chunk.asked() > 0 && chunk.asked_code().is_some(), "{name}: {chunk:?}");
        let asked = cloud.calls().len() - 1;
        assert!(questions.map_or(asked > 4, |questions| asked == questions), "{name}: {asked} questions");
    }
}

#[tokio::test]
async fn what_was_said_before_a_question_broke_off_counts() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| match (adds(&rows, call), call.number) {
        (_, 0) => Reply::Cut,
        (_, _) if is_find(call) && keys_of(call).contains(&"U3".to_owned()) => fault("OUT_OF_ORDER"),
        (reply, _) => reply,
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&finding(FindSpec { most_keys: 3, ..find() }), RECORDS).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    assert_eq!((held.sums.delivered, held.sums.in_doubt), (3, RECORDS - 3));
    assert_eq!((table.most_writes(), sent(&cloud)), (1, 1));
    let chunk = house.chunks(batch).await.pop().expect("a chunk");
    assert_eq!(chunk.asked_code().map(|code| code.as_str()), Some("OUT_OF_ORDER"), "{chunk:?}");
}

#[tokio::test]
async fn a_record_of_which_some_rows_are_there_and_some_are_not_is_an_operators() {
    // The second household came in with its first member alone.
    let cloud = Cloud::start(|call| match is_find(call) {
        true => {
            let there =
                keys_of(call).into_iter().filter(|key| !["H1-1", "H2-0", "H2-1"].contains(&key.as_str()));
            Reply::xml(envelope(&found(there)))
        }
        false => Reply::Cut,
    })
    .await;
    let mut house = House::new();
    let mut plan = finding(find());
    households(&mut plan);
    plan.mapping.key = vec!["Id".into()];
    if let DialectSpec::Soap(soap) = &mut plan.dialect {
        soap.results = None;
    }
    let batch = house.accept_with(&plan, (0..3).map(|n| household(n, 2))).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    assert_eq!((held.sums.delivered, held.sums.partial, held.sums.in_doubt), (1, 0, 2));
    assert_eq!(sent(&cloud), 1, "nothing is sent twice");
    let chunk = house.chunks(batch).await.pop().expect("a chunk");
    assert_eq!(chunk.asked_code().map(|code| code.as_str()), Some("taken-in-part"), "{chunk:?}");
}

#[tokio::test]
async fn a_look_waits_for_the_days_calls_as_a_chunk_does() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| match (adds(&rows, call), call.number) {
        (_, 0) => Reply::Cut,
        (reply, _) => reply,
    })
    .await;
    let mut house = House::new();
    let mut plan = finding(FindSpec { most_keys: 3, ..find() });
    // One for the chunk, and four that the look would take.
    plan.pace.daily.calls = Some(4);
    let short = house.accept(&plan, RECORDS).await;
    let delivery = house.start(&cloud.endpoint()).await;
    house.until(short, |view| view.sums.in_doubt == RECORDS).await;
    delivery.park(Duration::from_secs(60)).await;
    drop(delivery);
    assert_eq!(cloud.calls().len(), 1);
    let mut house = house.reopened();
    plan.pace.daily.calls = Some(5);
    plan.route = "enough".into();
    let enough = house.accept(&plan, 0).await;
    let delivery = house.start(&cloud.endpoint()).await;
    house.finished(enough).await;
    delivery.park(Duration::from_secs(60)).await;
    assert_eq!(cloud.calls().len(), 1, "it waits over a restart, too");
    assert_eq!(house.chunks(short).await[0].asked(), 0);
}

#[tokio::test]
async fn what_cannot_be_read_whole_any_more_is_not_asked_for_but_held() {
    let segment: Arc<Mutex<Option<std::path::PathBuf>>> = Arc::default();
    let damaged = Arc::clone(&segment);
    let cloud = Cloud::start(move |call| {
        assert!(!is_find(call), "the answer would say nothing of the rest");
        let file = damaged.lock().expect("lock").clone().expect("a segment");
        let mut bytes = std::fs::read(&file).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).expect("damaged");
        Reply::Cut
    })
    .await;
    let mut house = House::new();
    house.spool = house.spool.clone().with_segment_bytes(2_000);
    let mut plan = finding(find());
    plan.pace.fixed_rows = Some(1_000);
    let batch = house.accept(&plan, 500).await;
    let file = house.spool_folder().join(batch.to_string()).join("00000002.seg");
    *segment.lock().expect("lock") = Some(file);
    let _delivery = house.start(&cloud.endpoint()).await;
    let held = house.until(batch, |view| view.status == Status::Held).await;
    assert_eq!((held.sums.delivered, held.sums.in_doubt, cloud.calls().len()), (0, 500, 1));
    let chunk = house.chunks(batch).await.pop().expect("a chunk");
    assert_eq!(chunk.code().map(|code| code.as_str()), Some("record-unsendable"), "{chunk:?}");
}
