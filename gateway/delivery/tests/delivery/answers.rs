//! Batches whose clients await the answer: one answer out of those to all chunks.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sekisho_delivery::{
    AnswerError, AnswerSpec, CountSpec, Counted, DialectSpec, MergedAnswer, PaceSpec, Plan, SoapSpec,
    merged_answer,
};
use sekisho_journal::{BatchId, Event};

use crate::support::cloud::{key_of, xml_rows};
use crate::support::intake::{NAMESPACE, dialect, take};
use crate::support::{Cloud, House, Reply, Table, plan};

/// A plan whose answer counts before it lists; small chunks, several at once.
fn awaited(dialect: SoapSpec) -> Plan {
    let count = |element: &str, of| CountSpec { element: element.to_owned(), of };
    let counts = vec![
        count("sent", Counted::Results),
        count("taken", Counted::Taken),
        count("refused", Counted::Refused),
    ];
    Plan {
        answer: Some(AnswerSpec { counts, element: None }),
        pace: PaceSpec { limit_ms: 60_000, start_rows: 20, max_rows: 40, ..PaceSpec::default() },
        ..plan(DialectSpec::Soap(dialect))
    }
}

pub(crate) async fn answer(house: &House, batch: BatchId) -> Result<MergedAnswer, AnswerError> {
    let view = house.ledger.batch(batch).await.expect("read").expect("there");
    merged_answer(&house.ledger, &house.spool, &view).await
}

/// The whole answer; what it says of its length is true.
pub(crate) fn text(answer: MergedAnswer) -> String {
    let (mut bytes, length) = (Vec::new(), answer.length());
    let mut pieces = answer.pieces().expect("read");
    while let Some(piece) = pieces.next().expect("read") {
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(bytes.len() as u64, length);
    String::from_utf8(bytes).expect("UTF-8")
}

/// The results one by one.
fn results(answer: &str) -> Vec<String> {
    let results = answer.split("<result>").skip(1);
    results.map(|rest| rest.split("</result>").next().unwrap_or_default().to_owned()).collect()
}

/// An answer to a call with its results the other way round.
fn reversed(reply: Reply) -> Reply {
    let Reply::Answer(status, media, body) = reply else { unreachable!("take answers") };
    let (head, rest) = body.split_once("<result>").expect("results");
    let (results, tail) = rest.rsplit_once("</result>").expect("results");
    let mut results: Vec<&str> = results.split("</result><result>").collect();
    results.reverse();
    let results = results.join("</result><result>");
    Reply::Answer(status, media, format!("{head}<result>{results}</result>{tail}"))
}

#[tokio::test]
async fn results_of_all_chunks_stand_in_the_clients_order_in_the_clouds_own_words() {
    let table = Table::default();
    let rows = table.clone();
    let (locked, lost) = (Mutex::new(BTreeSet::new()), AtomicU64::new(0));
    let cloud = Cloud::start(move |call| {
        let keys: Vec<String> = xml_rows(call.text(), "row").iter().map(key_of).collect();
        let done = take(&rows, call, |key| {
            let number: u64 = key.trim_start_matches('U').parse().expect("a number");
            match number {
                // Refused for the moment, once.
                _ if number % 50 == 7 && locked.lock().expect("lock").insert(key.to_owned()) => {
                    Some("UNABLE_TO_LOCK_ROW")
                }
                _ if number % 100 == 13 => Some("BAD_VALUE"),
                _ => None,
            }
        });
        // Done, and nobody hears of it: it is asked for again, and has its words from then.
        if keys.contains(&"U90".to_owned()) && lost.fetch_add(1, Ordering::SeqCst) == 0 {
            return Reply::Cut;
        }
        reversed(done)
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&awaited(dialect()), 500).await;
    let delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (495, 5));

    let made = answer(&house, batch).await.expect("an answer");
    assert_eq!((made.results(), &*made.element().local), ((495, 5), "putRecordsResponse"));
    let said = text(made);
    let head = format!(
        r#"<putRecordsResponse xmlns="{NAMESPACE}"><sent>500</sent><taken>495</taken><refused>5</refused><result>"#
    );
    assert!(said.starts_with(&head), "{}", said.get(..200).unwrap_or_default());
    assert!(said.ends_with("</result></putRecordsResponse>"));
    let results = results(&said);
    assert_eq!(results.len(), 500);
    for (number, result) in results.iter().enumerate() {
        let expected = if number % 100 == 13 {
            format!(
                "<key>U{number}</key><success>false</success><error><code>BAD_VALUE</code><field>F002</field><message>U{number} is bad</message></error>"
            )
        } else {
            format!("<key>U{number}</key><success>true</success>")
        };
        assert_eq!(*result, expected);
    }
    // Asked for again, by whoever has the stores then, it is the same.
    delivery.park(Duration::from_secs(60)).await;
    drop(delivery);
    let house = house.reopened();
    assert_eq!(text(answer(&house, batch).await.expect("an answer")), said);
}

#[tokio::test]
async fn what_all_answers_say_beside_their_results_is_said_in_the_one_too() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        let Reply::Answer(status, media, body) = take(&rows, call, |_| None) else { unreachable!("take answers") };
        let header = "<s:Header><a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:cloud:answer</a:Action></s:Header>\
                      <s:Body>";
        let own = call.number;
        let before = format!("<service zone=\"a\">intake</service><sent>10</sent><call>{own}</call><rows>10</rows><result>");
        let body = body.replacen("<s:Body>", header, 1).replacen("<result>", &before, 1);
        let body = body.replacen("</putRecordsResponse>", &format!("<n:end xmlns:n=\"urn:n\"><at>T</at></n:end><id>c{own}</id></putRecordsResponse>"), 1);
        Reply::Answer(status, media, body)
    })
    .await;
    let mut house = House::new();
    let plan = awaited(dialect());
    let plan = Plan { pace: PaceSpec { fixed_rows: Some(10), ..plan.pace }, ..plan };
    let batch = house.accept(&plan, 30).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    house.finished(batch).await;
    let made = answer(&house, batch).await.expect("an answer");
    assert_eq!(made.action(), Some("urn:cloud:answer"));
    let said = text(made);
    // Numbers are a call's own, and so is what differs; `sent` is the route's own count.
    let head = format!(
        r#"<putRecordsResponse xmlns="{NAMESPACE}"><service zone="a">intake</service><sent>30</sent><taken>30</taken><refused>0</refused><result>"#
    );
    assert!(said.starts_with(&head), "{}", said.get(..300).unwrap_or_default());
    let tail = r#"</result><n:end xmlns:n="urn:n"><at>T</at></n:end></putRecordsResponse>"#;
    assert!(said.ends_with(tail), "{}", said.get(said.len() - 200..).unwrap_or_default());
    assert_eq!(results(&said).len(), 30);
}

#[tokio::test]
async fn an_answer_is_made_by_who_comes_after_a_restart() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let mut house = House::new();
    let batch = house.accept(&awaited(dialect()), 100).await;
    assert!(matches!(answer(&house, batch).await, Err(AnswerError::Unfinished)));
    let delivery = house.start(&cloud.endpoint()).await;
    house.finished(batch).await;
    delivery.park(Duration::from_secs(60)).await;
    drop(delivery);
    let house = house.reopened();
    let said = text(answer(&house, batch).await.expect("an answer"));
    assert_eq!(results(&said).len(), 100);
}

#[tokio::test]
async fn records_of_which_the_cloud_said_nothing_have_a_result_too() {
    let cloud = Cloud::start(|_| Reply::Hang).await;
    let mut house = House::new();
    let batch = house.accept(&awaited(dialect()), 60).await;
    let epoch = house.ledger.epoch();
    // The cloud said nothing of these two: an operator did, and the client withdrew the rest.
    let events = vec![
        Event::ChunkOpened { chunk: 1, first: 0, count: 2, attempt: 1 },
        Event::ChunkInDoubt { chunk: 1, code: "reset".into() },
        Event::DoubtDelivered { chunk: 1 },
        Event::Cancelled { code: "cancelled-by-client".into() },
    ];
    house.ledger.apply(batch, epoch, 1, events).await.expect("applied");
    let _delivery = house.start(&cloud.endpoint()).await;
    house.finished(batch).await;
    let said = text(answer(&house, batch).await.expect("an answer"));
    assert!(said.contains("<sent>60</sent><taken>2</taken><refused>58</refused>"), "{said}");
    let results = results(&said);
    assert_eq!(results[1], "<key>U1</key><success>true</success>");
    assert_eq!(
        results[59],
        "<key>U59</key><success>false</success><error><code>cancelled-by-client</code></error>"
    );
    assert!(cloud.calls().is_empty());
}

#[tokio::test]
async fn a_plan_without_an_answer_keeps_nothing_of_what_the_cloud_says() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| take(&rows, call, |_| None)).await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Soap(dialect())), 10).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    house.finished(batch).await;
    assert!(matches!(answer(&house, batch).await, Err(AnswerError::None)));
    let folder = house.spool_folder().join(batch.to_string());
    let kept = std::fs::read_dir(folder)
        .expect("a folder")
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())));
    assert_eq!(kept.count(), 0);
}

#[tokio::test]
async fn each_call_has_a_message_id_of_its_own_and_an_answer_to_another_proves_nothing() {
    let table = Table::default();
    let rows = table.clone();
    let seen: Mutex<Vec<String>> = Mutex::default();
    let cloud = Cloud::start(move |call| {
        let id = between(call.text(), "MessageID", "MessageID");
        let mut seen = seen.lock().expect("lock");
        // The second answer is to the first message.
        let relates_to = if seen.len() == 1 { seen[0].clone() } else { id.clone() };
        seen.push(id);
        let Reply::Answer(status, media, body) = take(&rows, call, |_| None) else {
            unreachable!("take answers")
        };
        let header = format!(
            r#"<s:Header><a:RelatesTo xmlns:a="http://www.w3.org/2005/08/addressing">{relates_to}</a:RelatesTo></s:Header><s:Body>"#
        );
        Reply::Answer(status, media, body.replacen("<s:Body>", &header, 1))
    })
    .await;
    let mut house = House::new();
    let soap = SoapSpec { addressing: true, ..dialect() };
    let batch = house.accept(&awaited(soap), 100).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 100);
    let calls = cloud.calls();
    let ids: BTreeSet<String> =
        calls.iter().map(|call| between(call.text(), "MessageID", "MessageID")).collect();
    assert_eq!(ids.len(), calls.len());
    assert!(ids.iter().all(|id| id.starts_with("urn:uuid:")), "{ids:?}");
    let action = between(calls[0].text(), "Action", "Action");
    assert_eq!(action, format!("{NAMESPACE}/putRecords"));
    assert!(between(calls[0].text(), "To", "To").ends_with("&amp;chunk=1"), "{}", calls[0].text());
    // What the answer to another message said proved nothing: its rows went again.
    let sent: usize = calls.iter().map(|call| xml_rows(call.text(), "row").len()).sum();
    assert!(sent > 100, "{sent}");
    assert_eq!(results(&text(answer(&house, batch).await.expect("an answer"))).len(), 100);
}

/// The text of an element of the header.
fn between(text: &str, start: &str, end: &str) -> String {
    let (_, rest) = text.split_once(&format!("<h:{start} ")).expect("a start");
    let (_, rest) = rest.split_once('>').expect("a tag");
    rest.split_once(&format!("</h:{end}>")).expect("an end").0.to_owned()
}

#[tokio::test]
async fn what_could_not_be_kept_or_is_damaged_is_said_in_the_gateways_words_and_the_rest_in_the_clouds() {
    let table = Table::default();
    let rows = table.clone();
    let cloud =
        Cloud::start(move |call| take(&rows, call, |key| (key == "U39").then_some("BAD_VALUE"))).await;
    let mut house = House::new();
    let mut spec = awaited(dialect());
    spec.pace = PaceSpec { limit_ms: 60_000, fixed_rows: Some(10), max_in_flight: 1, ..PaceSpec::default() };
    let batch = house.accept(&spec, 40).await;
    let folder = house.spool_folder().join(batch.to_string());
    let of_call = |chunk: u64| folder.join(format!("00000001-0000-0000-000{chunk}-00000000000{chunk}"));
    // The place of the first call's results is taken: they cannot be kept.
    std::fs::create_dir(of_call(1)).expect("made");
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected, done.chunks), (39, 1, 4));
    // Those of the second are damaged, those of the third are gone.
    let segment = of_call(2).join("00000000.seg");
    let mut bytes = std::fs::read(&segment).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).expect("written");
    std::fs::remove_dir_all(of_call(3)).expect("removed");
    let said = text(answer(&house, batch).await.expect("an answer"));
    assert!(said.contains("<sent>40</sent><taken>39</taken><refused>1</refused>"), "{said}");
    let results = results(&said);
    for (number, result) in results.iter().enumerate().take(39) {
        assert_eq!(*result, format!("<key>U{number}</key><success>true</success>"));
    }
    assert!(results[39].contains("<message>U39 is bad</message>"), "{}", results[39]);
}
