//! Relay routes that split, as far as the way in goes: nobody delivers here, so that every batch stays as it was accepted.

use std::sync::OnceLock;
use std::time::Duration;

use sekisho_edge::Admission;
use sekisho_edge::route::{Mode, Route, Signed, Split};
use sekisho_journal::{CallName, Digest, Event, RowAnswer};
use sekisho_soap::fault::{Fault, ReceivedFault};
use sekisho_soap::message::{Fate, Span};
use sekisho_soap::{EnvelopeReader, envelope::EnvelopeOptions};

use crate::client::Answer;
use crate::record_sets::RecordSet;
use crate::site::{Arrangement, Site, until};
use crate::ways::{Message, envelope, submit};

/// The relay route splits what has more than two records.
pub(crate) fn splits(route: &mut Route) {
    if let Mode::Relay { split, .. } = &mut route.mode {
        *split = Some(Split {
            above_records: 2,
            pass_bytes: 10_000,
            deadline: Duration::from_secs(600),
            signed: Signed::Pass,
            merged: true,
            plan: Digest::of(b"{}"),
            mapping: Digest::of(b"mapping"),
        });
        // No repetition is told from the first by what it holds.
        route.limits.body_bytes = 4 << 20;
    }
}

pub(crate) fn call(records: u64) -> Message {
    let orders = RecordSet::many_orders(records).elements();
    Message::soap11(&envelope(&format!("<b:orders xmlns:b=\"urn:example:bulk\">{orders}</b:orders>")))
}

#[track_caller]
fn fault(answer: &Answer) -> Fault {
    let mut envelope = EnvelopeReader::open(&answer.body[..], &EnvelopeOptions::default()).unwrap();
    let fault = ReceivedFault::read(&mut envelope).unwrap().unwrap_or_else(|| panic!("no fault: {answer}"));
    fault.ours.unwrap_or_else(|| panic!("not the gateway's: {answer}"))
}

#[test]
fn a_client_that_does_not_wait_is_told_at_once_that_nothing_is_done_yet() {
    let site = Site::edited(splits);
    let mut client = site.client();
    let answer = client.ask(call(3).with("Prefer", "respond-async, wait=0").to("/relay"));
    assert_eq!((answer.status, answer.header("preference-applied")), (500, Some("wait")));
    let told = fault(&answer);
    assert_eq!(told.code, "relay-unfinished");
    let unfinished = told.unfinished.unwrap();
    let batch = &site.batches()[0];
    assert_eq!(unfinished.batch, batch.id.to_string());
    assert!(unfinished.sums.balanced() && unfinished.sums.pending == 3);
    assert_eq!(unfinished.spans, [Span { fate: Fate::NotDone, first: 1, last: 3 }]);
    // It had no name: sent again, it would be another batch.
    assert!(told.reason_en.contains("another batch if it were sent again"), "{}", told.reason_en);
    assert!(told.reason_ja.contains("別のバッチになります"), "{}", told.reason_ja);
    client.ask(call(3).with("Prefer", "wait=0").to("/relay"));
    assert_eq!(site.batches().len(), 2);
    // With one it is known, by its key in the head of the request too.
    for _ in 0..2 {
        let again = call(4).with("Prefer", "wait=0").with("Idempotency-Key", "\"k\"");
        let told = fault(&client.ask(again.to("/relay")));
        assert!(told.reason_en.contains("send the same message again"), "{}", told.reason_en);
    }
    assert_eq!(site.batches().len(), 3);
    let other = call(5).with("Prefer", "wait=0").with("Idempotency-Key", "\"k\"");
    assert_eq!(client.ask(other.to("/relay")).refused().code, "idempotency-key-reused");
    let none = call(5).with("Idempotency-Key", "\"");
    assert_eq!(client.ask(none.to("/relay")).refused().code, "idempotency-key-invalid");
    assert_eq!((site.batches().len(), site.spooled().len()), (3, 3));
}

/// A batch is the gateway's to answer: not where nobody may be called.
#[test]
fn a_message_that_is_split_is_answered_on_the_connection_or_refused() {
    let site = Site::edited(splits);
    let elsewhere = "<e:Header xmlns:a=\"http://www.w3.org/2005/08/addressing\"><a:MessageID>urn:m:split</a:MessageID>\
                     <a:ReplyTo><a:Address>http://203.0.113.9/</a:Address></a:ReplyTo></e:Header><e:Body>";
    let mut message = call(3);
    message.body = String::from_utf8(message.body).unwrap().replace("<e:Body>", elsewhere).into_bytes();
    let mut client = site.client();
    for (name, request) in
        [("held", message.to("/relay")), ("packed", message.clone().gzipped().to("/relay"))]
    {
        let answer = client.ask(request);
        assert_eq!((answer.status, fault(&answer).code.as_str()), (500, "wsa-reply-elsewhere"), "{name}");
        assert!(answer.text().contains(">urn:m:split</wsa:RelatesTo>"), "{name}: {answer}");
    }
    site.assert_nothing_kept();
}

/// The call, good for so many seconds by its sender's clock, which is years behind.
fn good_for(seconds: u64) -> Message {
    let orders = RecordSet::many_orders(3).elements();
    let header = format!(
        "<s:Header><w:Security xmlns:w=\"urn:wsse\"><u:Timestamp xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/\
         oasis-200401-wss-wssecurity-utility-1.0.xsd\"><u:Created>2001-01-01T00:00:00Z</u:Created>\
         <u:Expires>2001-01-01T00:{:02}:{:02}Z</u:Expires></u:Timestamp></w:Security></s:Header>",
        seconds / 60,
        seconds % 60
    );
    let text = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">{header}<s:Body><b:orders \
         xmlns:b=\"urn:example:bulk\">{orders}</b:orders></s:Body></s:Envelope>"
    );
    Message::soap11(&text)
}

#[test]
fn a_client_whose_message_is_no_longer_good_is_told_how_it_stands() {
    // The route would let it wait for ten minutes.
    let site = Site::edited(splits);
    let mut client = site.client();
    let answer = client.ask(good_for(1).to("/relay"));
    let told = fault(&answer);
    assert_eq!((told.code.as_str(), told.unfinished.unwrap().sums.pending), ("relay-unfinished", 3));
    assert_eq!(answer.header("preference-applied"), None, "it asked for nothing in HTTP");
    // The shortest counts: here the one of the head.
    let answer = client.ask(good_for(900).with("Prefer", "wait=0").to("/relay"));
    assert_eq!(
        (fault(&answer).code.as_str(), answer.header("preference-applied")),
        ("relay-unfinished", Some("wait"))
    );
    assert_eq!(site.batches().len(), 2, "the batches go on");
}

#[test]
fn what_is_bad_is_refused_whole_before_anything_is_kept() {
    let site = Site::edited(splits);
    let mut client = site.client();
    let mut records = RecordSet::many_orders(3).elements();
    records.push_str(&RecordSet::orders(&[["x", "K4NARY", "1", ""]]).elements());
    let body = |inner: &str| Message::soap11(&envelope(inner));
    let orders = |records: &str| format!("<b:orders xmlns:b=\"urn:example:bulk\">{records}</b:orders>");
    let long = RecordSet::many_orders(400).elements();
    for (message, code) in [
        (body(&orders(&records)), "bad-records"),
        (body(&orders(&(long.clone() + &records))), "bad-records"),
        (body(&format!("{}<x", orders(&long))), "xml-not-well-formed"),
        (body("<b:other xmlns:b=\"urn:example:bulk\"/>"), "operation-unknown"),
        (body(&" ".repeat(5 << 20)), "body-too-large"),
    ] {
        let mut client = site.client();
        assert_eq!(client.ask(message.to("/relay")).refused().code, code);
        site.assert_nothing_kept();
    }
    // A question is answered, however long it is.
    let question = envelope("<g:heartbeat xmlns:g=\"urn:sekisho:gateway:1\"/>");
    let padded = format!("{question}<!--{}-->", " ".repeat(20_000));
    assert_eq!(client.ask(Message::soap11(&padded).to("/relay")).status, 200);
    site.assert_nothing_kept();
}

#[test]
fn the_gateways_own_operation_is_for_the_gateway_however_little_it_brings() {
    let site = Site::edited(splits);
    let own = submit(&format!("<g:records>{}</g:records>", RecordSet::many_orders(1).elements()));
    let message = Message::soap11(&envelope(&own)).with("Prefer", "wait=0");
    assert_eq!(site.client().ask(message.to("/relay")).receipt().records, 1);
    let signature =
        "<e:Header><d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/></e:Header><e:Body>";
    let signed = Message::soap11(&envelope(&own).replace("<e:Body>", signature));
    assert_eq!(site.client().ask(signed.to("/relay")).refused().code, "relay-signed");
    assert_eq!(site.batches().len(), 1);
}

#[test]
fn what_is_packed_cannot_pass_and_is_a_batch_whatever_it_holds() {
    let site = Site::edited(splits);
    let answer = site.client().ask(call(1).gzipped().with("Prefer", "wait=0").to("/relay"));
    assert_eq!(fault(&answer).code, "relay-unfinished");
    assert_eq!(site.batches()[0].sums.pending, 1);
}

#[test]
fn a_gateway_that_stops_answers_those_who_wait() {
    let site = Site::edited(splits);
    let mut client = site.client();
    client.send(call(3).to("/relay"));
    until("the batch is in the ledger", || !site.batches().is_empty());
    site.begin_stop();
    assert_eq!(fault(&client.answer()).code, "relay-unfinished");
}

#[test]
fn a_withdrawn_batch_has_an_end_too_and_its_answer_is_made_of_a_plan_or_is_none() {
    let site = Site::edited(splits);
    let mut client = site.client();
    client.send(call(3).to("/relay"));
    until("the batch is in the ledger", || !site.batches().is_empty());
    let (ledger, batch) = (site.gateway.ledger.clone(), site.batches()[0].id);
    site.block_on(async {
        let events = vec![Event::Cancelled { code: "x".into() }, Event::Finished { delivered_digest: None }];
        ledger.apply(batch, ledger.epoch(), 1, events).await.unwrap();
    });
    // This ledger's plan is none: what there is to say is said all the same.
    let told = client.answer();
    assert_eq!(told.refused().code, "relay-answer-unreadable", "{told}");
    let receipt = submit(&format!("<g:records>{}</g:records>", RecordSet::many_orders(3).elements()));
    let answer =
        site.client().ask(Message::soap11(&envelope(&receipt)).with("Prefer", "wait=0").to("/relay"));
    assert_eq!(answer.receipt().records, 3);
}

/// A plan that makes one answer of what a cloud says.
static PLAN: OnceLock<String> = OnceLock::new();

/// As [`splits`], under that plan.
fn merges(route: &mut Route) {
    let layout = route.records.layout.names();
    splits(route);
    if let Mode::Relay { split: Some(split), .. } = &mut route.mode {
        let json = PLAN.get_or_init(|| {
            let plan = serde_json::json!({
                "route": "relay", "upstream": "main", "layout": layout, "mapping": {"key": ["order_id"]},
                "dialect": {
                    "kind": "soap", "path": "/in", "namespace": "urn:cloud", "operation": "put", "record": "row",
                    "results": {"result": "all/result", "success": "ok"},
                },
                "answer": {"counts": [{"element": "n", "of": "results"}]},
            });
            plan.to_string()
        });
        split.plan = Digest::of(json.as_bytes());
    }
}

/// A site at which a client waits for three records, each of which the cloud then says so many bytes of.
fn answered(bytes: usize) -> (Site, crate::client::Client) {
    answered_at(Arrangement::default(), bytes)
}

fn answered_at(arrangement: Arrangement, bytes: usize) -> (Site, crate::client::Client) {
    let site = Site::with(Arrangement { edit: merges, ..arrangement });
    let (ledger, spool) = (site.gateway.ledger.clone(), site.gateway.spool.clone());
    site.block_on(ledger.define(PLAN.get().unwrap().clone())).unwrap();
    let mut client = site.client();
    client.send(call(3).with("Idempotency-Key", "\"k\"").to("/relay"));
    until("the batch is in the ledger", || !site.batches().is_empty());
    let batch = site.batches()[0].id;
    let results = (0..3).map(|position| RowAnswer {
        position,
        row: 0,
        taken: true,
        text: format!("<result><ok>true</ok>{position}{}</result>", "x".repeat(bytes)).into_bytes(),
    });
    spool.keep_results(batch, CallName { chunk: 1, epoch: ledger.epoch(), call: 1 }, results).unwrap();
    let events = vec![
        Event::ChunkOpened { chunk: 1, first: 0, count: 3, attempt: 1 },
        Event::ChunkAnswered { chunk: 1, exceptions: Vec::new(), rows: 3 },
        Event::Finished { delivered_digest: None },
    ];
    site.block_on(ledger.apply(batch, ledger.epoch(), 1, events)).unwrap();
    (site, client)
}

#[test]
fn an_answer_comes_from_the_disk_whole_and_with_its_length() {
    const MANY: usize = 3 << 20;
    let (site, mut client) = answered(MANY);
    let free = site.gateway.free_relay_kib();
    let answer = client.answer();
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let (head, rest) = text.split_once("<all>").unwrap();
    assert!(head.ends_with("<putResponse xmlns=\"urn:cloud\"><n>3</n>"), "{head}");
    for position in 0..3 {
        assert!(rest.contains(&format!("<ok>true</ok>{position}xx")));
    }
    assert!(text.len() > 3 * MANY && text.contains("</result></all></putResponse>"));
    assert!(!answer.closes());
    until("its memory is free again", || site.gateway.free_relay_kib() >= free);
    // The connection carries more, the same answer among it.
    let again = client.ask(call(3).with("Idempotency-Key", "\"k\"").to("/relay"));
    assert!(again.text() == text);
}

#[test]
fn an_answer_for_which_there_is_no_memory_is_to_be_had_later() {
    let admission = Admission { relay_bytes: 1 << 20, client_relay_bytes: 1 << 20, ..Admission::from(64) };
    let (site, slow) = answered_at(Arrangement { admission, ..Arrangement::default() }, 8 << 20);
    // It takes nothing of its answer, which holds a quarter of the memory as long as that is on its way.
    until("an answer is on its way", || site.gateway.free_relay_kib() == 768);
    let again = || call(3).with("Idempotency-Key", "\"k\"").with("Prefer", "wait=1").to("/relay");
    let mut client = site.client();
    let answer = client.ask(again());
    assert_eq!((answer.status, fault(&answer).code.as_str()), (503, "relay-answer-waits"), "{answer}");
    assert!(answer.header("retry-after").is_some());
    slow.vanish();
    until("its memory is free again", || site.gateway.free_relay_kib() == 1024);
    assert_eq!(client.ask(again()).status, 200);
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_its_answer_leaves_nothing_behind() {
    let (site, client) = answered(8 << 20);
    let whole = 64 * 1024;
    until("an answer is on its way", || site.gateway.free_relay_kib() < whole);
    client.vanish();
    until("its memory is free again", || site.gateway.free_relay_kib() == whole);
    let answer = site.client().ask(call(3).with("Idempotency-Key", "\"k\"").to("/relay"));
    assert_eq!(answer.status, 200);
}
