//! Relays that split: a batch whose answer the client awaits, by the built binary and a cloud that answers row by row.

mod cloud;

use std::net::SocketAddr;

use cloud::{Cloud, texts};

use crate::running::{Gateway, Site};
use crate::wire::Connection;

const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
const WSA: &str = "http://www.w3.org/2005/08/addressing";

/// A route that splits what has more than three records into calls of at most ten rows; `more` stands among its keys.
fn configured(site: &Site, cloud: &Cloud, more: &str) -> String {
    site.write(
        "rows.xsd",
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" elementFormDefault="qualified">
  <xs:element name="Row"><xs:complexType><xs:sequence>
    <xs:element name="Id" type="xs:string"/><xs:element name="Value" type="xs:string" minOccurs="0"/>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"#,
    );
    let plain = site.plain();
    let (before, _) = plain.split_once("[[route]]").unwrap();
    let url = before.lines().find(|line| line.starts_with("url = ")).unwrap();
    let before = before.replace(url, &format!("url = \"http://{}\"", cloud.address));
    format!(
        r#"{before}[[route]]
name = "rows"
path = "/rows"
clients = ["city"]
doors = ["swa", "soap"]
mode = "relay"
target = "/whole"
schema = "rows"
upstream = "main"
mapping = {{ key = ["Id"] }}
pace = {{ start_rows = 5, max_rows = 10, limit_ms = 60000, max_in_flight = 2 }}
retry = {{ initial_ms = 5, max_ms = 40, budget = 1.0 }}
{more}
[[route.operation]]
body = "{{urn:cloud}}put"
records = "body-children"
[[route.operation]]
body = "{{urn:city}}hand"
reply = {{ element = "{{urn:city}}handed", children = {{ count = "accepted", number = "id" }} }}
[route.dialect]
kind = "soap"
path = "/part?chunk={{chunk}}"
namespace = "urn:cloud"
operation = "put"
record = "row"
action = "urn:cloud#put"
addressing = true
results = {{ result = "result", key = "key", success = "success", code = "error/code" }}
"#
    )
}

const SPLIT: &str = r#"idempotent = true
split = { above_records = 3, pass_bytes = 100000, counts = [{ element = "taken", of = "taken" }] }"#;

fn started(more: &str) -> (Gateway, Cloud) {
    let (site, cloud) = (Site::new(), Cloud::start());
    site.configure(&configured(&site, &cloud, more));
    (Gateway::start(site), cloud)
}

fn rows(count: usize) -> String {
    (0..count).map(|n| format!("<t:Row><t:Id>R{n}</t:Id><t:Value>v &amp; {n}</t:Value></t:Row>")).collect()
}

/// The cloud's own operation with so many rows.
fn put(count: usize) -> String {
    format!("<c:put xmlns:c=\"urn:cloud\" xmlns:t=\"urn:t\">{}</c:put>", rows(count))
}

fn envelope(version: &str, header: &str, body: &str) -> String {
    format!(
        "<e:Envelope xmlns:e=\"{version}\"><e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>"
    )
}

fn named(id: &str) -> String {
    format!(
        "<a:MessageID xmlns:a=\"{WSA}\">{id}</a:MessageID><a:Action xmlns:a=\"{WSA}\">urn:cloud#put</a:Action>"
    )
}

/// An answer with its head.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn request(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /rows HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Sends an envelope of SOAP 1.1 on a connection of its own.
fn ask(gateway: &Gateway, headers: &str, envelope: &str) -> Answer {
    let headers = format!("Content-Type: text/xml; charset=utf-8\r\n{headers}");
    send(gateway, &request(&headers, envelope))
}

fn send(gateway: &Gateway, request: &str) -> Answer {
    send_to(gateway.address("one"), request)
}

fn send_to(address: SocketAddr, request: &str) -> Answer {
    let mut connection = Connection::open(address);
    connection.write(request);
    let head = connection.head();
    let body = String::from_utf8(connection.rest()).unwrap();
    let announced = head.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length:").map(|length| length.trim().parse::<usize>().unwrap())
    });
    assert_eq!(announced, Some(body.len()), "{head}");
    Answer { status: head[9..12].parse().unwrap(), head, body }
}

/// The admin listener's view of all batches.
fn batches(gateway: &Gateway) -> Vec<serde_json::Value> {
    let seen = Connection::open(gateway.address("admin")).get("/batches").body;
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    seen["batches"].as_array().unwrap().clone()
}

/// Waits until the only batch is as wanted.
fn until(gateway: &Gateway, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    loop {
        let batches = batches(gateway);
        if let [batch] = batches.as_slice()
            && wanted(batch)
        {
            return batch.clone();
        }
    }
}

#[track_caller]
fn is_merged(answer: &Answer, count: usize) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("text/xml"), "{}", answer.head);
    let keys: Vec<String> = (0..count).map(|n| format!("R{n}")).collect();
    assert_eq!(texts(&answer.body, "key"), keys, "{}", answer.body);
    assert!(answer.body.contains("<putResponse xmlns=\"urn:cloud\"><taken>"), "{}", answer.body);
}

#[test]
fn few_records_pass_as_they_came_and_many_come_back_as_one_answer_in_their_order() {
    let (gateway, cloud) = started(SPLIT);
    let small = envelope(SOAP11, &named("urn:few"), &put(3));
    let answer = ask(&gateway, "SOAPAction: \"urn:cloud#put\"\r\n", &small);
    assert_eq!((answer.status, answer.body.contains("<c:putResponse")), (200, true), "{}", answer.body);
    let calls = cloud.calls();
    assert!(calls[0].head.starts_with("POST /whole ") && calls[0].body == small, "{calls:?}");
    assert_eq!((calls.len(), batches(&gateway).len()), (1, 0));

    cloud.refuse(&["R7", "R39"]);
    let large = envelope(SOAP11, &named("urn:many"), &put(40));
    let answer = ask(&gateway, "SOAPAction: \"urn:cloud#put\"\r\n", &large);
    is_merged(&answer, 40);
    assert!(answer.body.contains("<taken>38</taken>"), "{}", answer.body);
    assert!(answer.body.contains("urn:many</wsa:RelatesTo>"), "{}", answer.body);
    // In the cloud's own words, whatever they are.
    for word in ["R7 is &lt;bad&gt;", "x:by=\"id-R8\"", "xmlns:x=\"urn:x\""] {
        assert!(answer.body.contains(word), "{word}: {}", answer.body);
    }
    let calls = cloud.calls();
    let parts = &calls[1..];
    assert!(parts.len() >= 4 && parts.iter().all(|call| call.ids().len() <= 10), "{parts:?}");
    assert!(parts.iter().all(|call| call.head.starts_with("POST /part?chunk=")));
    let mut ids: Vec<String> = parts.iter().map(|call| call.block("MessageID").unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), parts.len(), "each call has a message id of its own");
    assert!(!ids.contains(&"urn:many".to_owned()));
    assert_eq!(gateway.metric("sekisho_relays_total{answer=\"merged\",route=\"rows\"}"), "1");
    assert_eq!(gateway.metric("sekisho_relays_total{answer=\"passed\",route=\"rows\"}"), "1");

    // The same message again is answered with the same answer, and sent nowhere.
    let again = ask(&gateway, "", &large);
    let body = |answer: &Answer| answer.body.split_once("<env:Body>").unwrap().1.to_owned();
    assert_eq!(body(&again), body(&answer));
    assert_eq!(cloud.calls().len(), calls.len());
    // And so it is in the other version of SOAP.
    let twelve = envelope(SOAP12, &named("urn:many"), &put(40));
    let headers = "Content-Type: application/soap+xml; charset=utf-8; action=\"urn:cloud#put\"\r\n";
    let again = send(&gateway, &request(headers, &twelve));
    assert!(again.body.contains(SOAP12) && body(&again) == body(&answer), "{}", again.body);
    assert_eq!((cloud.calls().len(), batches(&gateway).len()), (calls.len(), 1));
}

#[test]
fn an_attachment_is_split_and_its_records_stand_in_the_answer_that_the_cloud_gives() {
    let (gateway, cloud) = started(SPLIT);
    let csv: String = (0..25).map(|n| format!("R{n},v\r\n")).collect();
    let body = format!(
        "--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <root>\r\n\r\n{}\r\n--b\r\nContent-Type: \
         text/csv\r\nContent-ID: <rows>\r\n\r\nId,Value\r\n{csv}\r\n--b--\r\n",
        envelope(SOAP11, "", "<c:put xmlns:c=\"urn:cloud\" href=\"cid:rows\"/>")
    );
    let body = body.replace("<c:put xmlns:c=\"urn:cloud\" href=\"cid:rows\"/>", "");
    let headers = "Content-Type: multipart/related; type=\"text/xml\"; start=\"<root>\"; boundary=b\r\nIdempotency-Key: \"k\"\r\n";
    let answer = send(&gateway, &request(headers, &body));
    is_merged(&answer, 25);
    let calls = cloud.calls().len();
    is_merged(&send(&gateway, &request(headers, &body)), 25);
    assert_eq!(cloud.calls().len(), calls, "the key is known");
}

#[test]
fn at_the_end_of_the_clients_patience_a_fault_says_what_was_done_and_the_batch_goes_on() {
    let (gateway, cloud) = started(SPLIT);
    cloud.hold_from(1);
    let message = envelope(SOAP11, &named("urn:slow"), &put(20));
    let answer = ask(&gateway, "Prefer: wait=2\r\n", &message);
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(answer.head.to_ascii_lowercase().contains("preference-applied: wait"), "{}", answer.head);
    assert!(answer.body.contains("<g:code>relay-unfinished</g:code>"), "{}", answer.body);
    let numbers: Vec<(String, String, String)> = texts(&answer.body, "outcome")
        .into_iter()
        .zip(texts(&answer.body, "firstRecord"))
        .zip(texts(&answer.body, "lastRecord"))
        .map(|((outcome, first), last)| (outcome, first, last))
        .collect();
    let span =
        |outcome: &str, first: &str, last: &str| (outcome.to_owned(), first.to_owned(), last.to_owned());
    let count = |name: &str| texts(&answer.body, name)[0].parse::<u64>().unwrap();
    let done = count("delivered");
    assert!(
        done > 0 && answer.body.contains(&format!("lang=\"ja\">20件のうち、反映済み{done}件")),
        "{}",
        answer.body
    );
    // One call was answered; one or two more wait in the cloud; the rest was not sent.
    assert_eq!(numbers[0], span("done", "1", &done.to_string()), "{}", answer.body);
    assert_eq!(numbers[1].0, "inDoubt");
    assert_eq!(numbers.last().unwrap().2, "20");
    assert_eq!(count("delivered") + count("inFlight") + count("inDoubt") + count("pending"), 20);
    let id = texts(&answer.body, "batchId")[0].clone();

    // It asks for the batch, as any client of any route.
    let question =
        format!("<g:batchState xmlns:g=\"urn:sekisho:gateway:1\"><g:id>{id}</g:id></g:batchState>");
    let state = ask(&gateway, "", &envelope(SOAP11, "", &question));
    assert!(state.body.contains("<g:state>delivering</g:state>"), "{}", state.body);
    // It sends the message again, waits, and has the answer once the cloud goes on.
    let repeated = std::thread::scope(|scope| {
        let address = gateway.address("one");
        let again = request("Content-Type: text/xml\r\n", &message);
        let repeated = scope.spawn(move || send_to(address, &again));
        gateway.metric_that("sekisho_relays_waiting", |waiting| waiting == "1");
        cloud.let_go();
        repeated.join().unwrap()
    });
    is_merged(&repeated, 20);
    assert!(cloud.written().values().all(|times| *times == 1), "{:?}", cloud.written());
    assert_eq!(batches(&gateway).len(), 1);
}

#[test]
fn a_client_that_hangs_up_or_loses_its_gateway_finds_its_answer_when_it_comes_again() {
    let (mut gateway, cloud) = started(SPLIT);
    cloud.hold_from(1);
    let message = envelope(SOAP11, &named("urn:gone"), &put(30));
    let mut connection = gateway.connect();
    connection.write(&request("Content-Type: text/xml\r\n", &message));
    cloud.wait_for_calls(2);
    drop(connection);
    // Killed while a call waits in the cloud: nobody knows what becomes of it.
    gateway.killed_and_restarted(|_| {});
    cloud.let_go();
    until(&gateway, |batch| batch["state"] == "finished");
    let calls = cloud.calls().len();
    is_merged(&ask(&gateway, "", &message), 30);
    assert_eq!(cloud.calls().len(), calls);
    assert_eq!(cloud.written().len(), 30);
}

#[test]
fn where_the_description_declares_a_receipt_it_is_the_answer() {
    let (gateway, cloud) = started(SPLIT);
    cloud.hold_from(0);
    let records = format!("<g:records xmlns:t=\"urn:t\">{}</g:records>", rows(8));
    let own = format!(
        "<g:submitBatch xmlns:g=\"urn:sekisho:gateway:1\"><g:idempotencyKey>own</g:idempotencyKey>{records}</g:submitBatch>"
    );
    let answer = ask(&gateway, "Prefer: wait=1\r\n", &envelope(SOAP11, "", &own));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("<g:submitBatchResponse") && !answer.body.contains("<g:finishedAt>"));
    let hand = format!(
        "<m:hand xmlns:m=\"urn:city\" xmlns:g=\"urn:sekisho:gateway:1\">{}</m:hand>",
        records
            .replace("g:records", "records xmlns=\"urn:city\"")
            .replace("</records xmlns=\"urn:city\">", "</records>")
    );
    let answer = ask(&gateway, "Prefer: wait=1\r\n", &envelope(SOAP11, "", &hand));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("<handed xmlns=\"urn:city\"><count>8</count><number>"), "{}", answer.body);
    cloud.let_go();
    // The gateway's own operation is described with a receipt, and has it when all is done, too.
    let answer = ask(&gateway, "", &envelope(SOAP11, "", &own));
    assert!(answer.body.contains("<g:finishedAt>") && answer.body.contains("<g:delivered>8</g:delivered>"));
    // A final receipt has the digest of what was delivered, here of all that was accepted, and the exchange log's head.
    let told = |name: &str| {
        let (open, close) = (format!("<g:{name}>"), format!("</g:{name}>"));
        let rest = answer.body.split_once(&open).unwrap_or_else(|| panic!("no {name}: {}", answer.body)).1;
        rest.split_once(&close).unwrap().0.to_owned()
    };
    assert!(told("recordsDigest").starts_with("sha256:"), "{}", answer.body);
    assert_eq!(told("deliveredDigest"), told("recordsDigest"));
    let head = told("logHead");
    let (number, hash) = head.split_once(':').unwrap();
    assert!(number.parse::<u64>().unwrap() > 0 && hash.len() == 64, "{head}");
}

/// A signature as WS-Security has it; it has to be understood by who is the message's receiver.
const SECURITY: &str = concat!(
    "<w:Security xmlns:w=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" ",
    "e:mustUnderstand=\"1\"><d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/></w:Security>"
);

#[test]
fn a_signed_message_is_never_split() {
    let (gateway, cloud) = started(SPLIT);
    let signed = envelope(SOAP11, SECURITY, &put(20));
    let answer = ask(&gateway, "", &signed);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(cloud.calls().len() == 1 && cloud.calls()[0].body == signed, "it passes as it came, once");
    assert_eq!(batches(&gateway).len(), 0);

    // One that cannot be held cannot pass, and nothing of it is sent or kept.
    let long = envelope(SOAP11, SECURITY, &put(3_000));
    assert!(long.len() > 100_000);
    let answer = ask(&gateway, "", &long);
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(answer.body.contains("relay-signed-too-large"), "{}", answer.body);
    assert_eq!((cloud.calls().len(), batches(&gateway).len()), (1, 0));
    // A header block that is no signature binds who writes the message anew, and nobody else.
    let block = "<x:Trace xmlns:x=\"urn:x\" e:mustUnderstand=\"1\"/>";
    let answer = ask(&gateway, "", &envelope(SOAP11, block, &put(20)));
    assert!(answer.body.contains("<g:code>header-not-understood</g:code>"), "{}", answer.body);
    assert_eq!(ask(&gateway, "", &envelope(SOAP11, block, &put(2))).status, 200);
    assert_eq!((cloud.calls().len(), batches(&gateway).len()), (2, 0));
}

#[test]
fn a_route_may_refuse_what_is_signed_and_would_be_split() {
    let (gateway, cloud) = started(
        "idempotent = true\nsplit = { above_records = 3, signed = \"refuse\", answer = \"receipt\" }",
    );
    let answer = ask(&gateway, "", &envelope(SOAP11, SECURITY, &put(4)));
    assert!(answer.status == 500 && answer.body.contains("<g:code>relay-signed</g:code>"), "{}", answer.body);
    assert_eq!((cloud.calls().len(), batches(&gateway).len()), (0, 0));
    assert_eq!(ask(&gateway, "", &envelope(SOAP11, SECURITY, &put(3))).status, 200);
    // Where no answer is made of the cloud's, the receipt is the answer.
    let answer = ask(&gateway, "", &envelope(SOAP11, "", &put(4)));
    assert!(answer.body.contains("<g:finishedAt>") && answer.body.contains("<g:delivered>4</g:delivered>"));
}

#[test]
fn a_long_message_is_split_while_it_comes() {
    let (gateway, cloud) = started(
        &SPLIT
            .replace("above_records = 3", "above_records = 100000")
            .replace("pass_bytes = 100000", "pass_bytes = 1000"),
    );
    let message = envelope(SOAP11, "", &put(40));
    assert!(message.len() > 1_000);
    is_merged(&ask(&gateway, "Idempotency-Key: \"long\"\r\n", &message), 40);
    assert!(cloud.calls().len() > 1);
    // The same in pieces, whose length nobody says.
    let pieces: String = message
        .as_bytes()
        .chunks(700)
        .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()))
        .collect();
    let head = "POST /rows HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/xml\r\n\
                Idempotency-Key: \"long\"\r\nTransfer-Encoding: chunked\r\n\r\n";
    let calls = cloud.calls().len();
    is_merged(&send(&gateway, &format!("{head}{pieces}0\r\n\r\n")), 40);
    assert_eq!((cloud.calls().len(), batches(&gateway).len()), (calls, 1));
}

#[test]
fn what_is_in_doubt_and_may_not_be_repeated_is_told_at_once() {
    let (gateway, cloud) = started(&SPLIT.replace("idempotent = true\n", ""));
    cloud.cut(1);
    let answer = ask(&gateway, "", &envelope(SOAP11, &named("urn:lost"), &put(20)));
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(answer.body.contains("<g:code>relay-held</g:code>"), "{}", answer.body);
    let outcomes = texts(&answer.body, "outcome");
    assert!(outcomes.contains(&"done".to_owned()) && outcomes.contains(&"inDoubt".to_owned()));
    assert!(!outcomes.contains(&"notDone".to_owned()), "{outcomes:?}");
    assert!(answer.body.contains("<g:pending>0</g:pending>"), "{}", answer.body);
    // An operator decides, and the same message has its answer.
    let held = until(&gateway, |batch| batch["state"] == "held");
    let id = held["id"].as_str().unwrap().to_owned();
    let chunks = Connection::open(gateway.address("admin")).get(&format!("/batches/{id}/chunks")).body;
    let chunks: serde_json::Value = serde_json::from_str(&chunks).unwrap();
    let chunk = chunks["chunks"].as_array().unwrap().iter().find(|chunk| chunk["held"] == true).unwrap();
    let number = chunk["number"].to_string();
    let (code, out, err) = crate::running::said(&[
        "batch",
        &id,
        "--chunk",
        &number,
        "--decide",
        "delivered",
        "--admin",
        &gateway.admin(),
    ]);
    assert_eq!(code, 0, "{out}{err}");
    is_merged(&ask(&gateway, "", &envelope(SOAP11, &named("urn:lost"), &put(20))), 20);
    assert!(cloud.written().values().all(|times| *times == 1));
}

#[test]
fn an_answer_that_has_had_its_time_is_gone_and_the_fault_says_what_was_done() {
    let (gateway, cloud) = started(&format!("keep_payload_seconds = 1\n{SPLIT}"));
    let message = envelope(SOAP11, &named("urn:old"), &put(8));
    is_merged(&ask(&gateway, "", &message), 8);
    let id = until(&gateway, |batch| batch["state"] == "finished")["id"].as_str().unwrap().to_owned();
    let folder = gateway.site.path("state").join("spool").join(&id);
    while folder.exists() {
        std::thread::yield_now();
    }
    let answer = ask(&gateway, "", &message);
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(answer.body.contains("<g:code>relay-answer-gone</g:code>"), "{}", answer.body);
    assert_eq!(
        (texts(&answer.body, "outcome"), texts(&answer.body, "lastRecord")),
        (vec!["done".into()], vec!["8".into()])
    );
    assert!(cloud.written().values().all(|times| *times == 1));
}

#[test]
fn one_message_sent_twice_at_once_is_one_batch_and_both_have_its_answer() {
    let (gateway, cloud) = started(SPLIT);
    cloud.hold_from(0);
    let again = request("Content-Type: text/xml\r\n", &envelope(SOAP11, &named("urn:twice"), &put(12)));
    let address = gateway.address("one");
    let answers = std::thread::scope(|scope| {
        let asking = [(); 2].map(|()| scope.spawn(|| send_to(address, &again)));
        gateway.metric_that("sekisho_relays_waiting", |waiting| waiting == "2");
        cloud.let_go();
        asking.map(|asked| asked.join().unwrap())
    });
    answers.iter().for_each(|answer| is_merged(answer, 12));
    assert_eq!(batches(&gateway).len(), 1);
    assert!(cloud.written().len() == 12 && cloud.written().values().all(|times| *times == 1));
    gateway.metric_that("sekisho_relays_waiting", |waiting| waiting == "0");
}
