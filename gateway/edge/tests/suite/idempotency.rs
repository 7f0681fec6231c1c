//! The same request again.

use sekisho_edge::gateway::now_millis;
use sekisho_edge::route::ReceiptMember;
use sekisho_journal::Event;
use sekisho_soap::message::{DuplicateBy, State};

use crate::record_sets::RecordSet;
use crate::site::{BULK, Site, TOWN, until};
use crate::ways::{Message, Way, envelope, submit};

/// Where the rules for keys are.
const RULES: &str = "</orders/openapi.json>; rel=\"describedby\"; type=\"application/json\"";

fn orders(amount: &str) -> RecordSet {
    RecordSet::orders(&[["1", "a", amount, ""]])
}

#[test]
fn the_same_key_with_the_same_content_gives_the_first_receipt_again() {
    let site = Site::new();
    for way in Way::ALL.into_iter().filter(|way| !way.is_soap()) {
        let key = format!("\"{way:?}\"");
        let message = way.message(way.payload(&orders("1.00")).as_bytes()).with("Idempotency-Key", &key);
        let mut client = site.client();
        let first = client.ask(message.to("/orders")).receipt();
        let kept = site.spooled().len();
        // The bare word is the same key.
        let again = client.ask(message.with("Idempotency-Key", key.trim_matches('"')).to("/orders"));
        assert_eq!(again.status, 202, "{way:?}: {again}");
        let again = again.receipt();
        assert_eq!((again.id, again.duplicate), (first.id, true), "{way:?}");
        assert_eq!((first.duplicate_by, again.duplicate_by), (None, Some(DuplicateBy::Key)), "{way:?}");
        assert_eq!(site.spooled().len(), kept, "{way:?}: the second payload is not kept");

        let other = way.message(way.payload(&orders("2.00")).as_bytes()).with("Idempotency-Key", &key);
        let answer = client.ask(other.to("/orders"));
        assert_eq!((answer.status, answer.refused().code.as_str()), (422, "idempotency-key-reused"));
        assert_eq!(answer.header("link"), Some(RULES));
        assert_eq!(site.spooled().len(), kept, "{way:?}: nor the third");
        // Another client's key is another key; so is another route's.
        let receipt = site.client_from(TOWN).ask(other.to("/orders")).receipt();
        assert!(!receipt.duplicate);
        assert!(!client.ask(other.to("/lenient")).receipt().duplicate);
    }
}

#[test]
fn soap_messages_repeat_by_their_key_or_message_id() {
    let site = Site::new();
    let with_key = |way: Way, amount: &str| {
        let message = way.message(way.payload(&orders(amount)).as_bytes());
        let body = String::from_utf8(message.body.clone()).unwrap();
        let body = body
            .replace("gateway:1\">", &format!("gateway:1\"><g:idempotencyKey>{way:?}</g:idempotencyKey>"));
        Message { body: body.into_bytes(), ..message }
    };
    let with_id = |amount: &str| {
        let body = envelope(&submit(&format!("<g:records>{}</g:records>", orders(amount).elements())));
        let header = "<e:Header><a:MessageID xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:m:1</a:MessageID>\
                      </e:Header><e:Body>";
        Message::soap11(&body.replace("<e:Body>", header))
    };
    let mut cases: Vec<_> = [Way::Swa, Way::SoapXml, Way::SoapBase64]
        .map(|way| (format!("{way:?}"), with_key(way, "1.00"), with_key(way, "2.00")))
        .into();
    cases.push(("message id".to_owned(), with_id("1.00"), with_id("2.00")));
    for (name, message, other) in cases {
        let mut client = site.client();
        let first = client.ask(message.to("/orders")).receipt();
        assert!(!first.duplicate, "{name}");
        let kept = site.spooled().len();
        let again = client.ask(message.to("/orders"));
        assert_eq!(again.status, 200);
        let again = again.receipt();
        assert_eq!((again.id, again.duplicate), (first.id, true), "{name}");
        let by = if name == "message id" { DuplicateBy::MessageId } else { DuplicateBy::Key };
        assert_eq!(again.duplicate_by, Some(by), "{name}");
        let answer = client.ask(other.to("/orders"));
        assert_eq!(
            (answer.status, answer.refused().code.as_str()),
            (500, "idempotency-key-reused"),
            "{name}"
        );
        assert_eq!(site.spooled().len(), kept, "{name}");
    }
}

#[test]
fn a_reply_relates_to_the_message_it_answers() {
    let site = Site::new();
    let header = "<e:Header><a:MessageID xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:m:7</a:MessageID>\
                  </e:Header><e:Body>";
    let body = envelope(&submit(&format!("<g:records>{}</g:records>", orders("1.00").elements())));
    let answer = site.client().ask(Message::soap11(&body.replace("<e:Body>", header)).to("/orders"));
    let text = answer.text();
    assert!(text.contains("RelatesTo") && text.contains("urn:m:7"), "{text}");
    assert!(text.contains(">urn:sekisho:gateway:1:Gateway:submitBatchResponse<"), "{text}");
}

#[test]
fn a_key_under_way_is_a_conflict_and_free_again_afterwards() {
    let site = Site::new();
    let message = Way::RestCsv.message(orders("1.00").csv().as_bytes()).with("Idempotency-Key", "k");
    let mut first = site.client();
    first.send(message.head("/orders"));
    until("the first is under way", || site.gateway.metrics.uploads.get() == 1);
    let mut second = site.client();
    let answer = second.ask(message.to("/orders"));
    assert_eq!((answer.status, answer.refused().code.as_str()), (409, "idempotency-key-under-way"));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.header("link"), Some(RULES));
    let receipt = first.ask(&message.body).receipt();
    assert!(!receipt.duplicate);
    assert!(site.client().ask(message.to("/orders")).receipt().duplicate);

    // One that fails, or whose client goes, leaves the key free.
    let bad = Way::RestCsv.message(b"wrong\r\n").with("Idempotency-Key", "k2");
    assert_eq!(site.client().ask(bad.to("/orders")).status, 400);
    let good = Way::RestCsv.message(orders("1.00").csv().as_bytes()).with("Idempotency-Key", "k2");
    let mut gone = site.client();
    gone.send(good.head("/orders"));
    until("it is under way", || site.gateway.metrics.uploads.get() == 1);
    gone.vanish();
    until("it has gone", || site.gateway.metrics.uploads.get() == 0);
    until("the key is free", || site.client().ask(good.to("/orders")).status == 202);
}

#[test]
fn a_key_under_way_is_a_conflict_at_a_soap_door_too() {
    let site = Site::new();
    for way in [Way::Swa, Way::SoapXml, Way::SoapBase64] {
        let key = format!("{way:?}");
        let message = Way::RestCsv.message(orders("1.00").csv().as_bytes()).with("Idempotency-Key", &key);
        let before = site.spooled().len();
        let mut first = site.client();
        first.send(message.head("/orders"));
        until("the first is under way", || site.spooled().len() > before);
        let body = String::from_utf8(way.message(way.payload(&orders("1.00")).as_bytes()).body).unwrap();
        let wrapped = format!("gateway:1\"><g:idempotencyKey>{key}</g:idempotencyKey>");
        let soap = way.message(way.payload(&orders("1.00")).as_bytes());
        let soap = Message { body: body.replacen("gateway:1\">", &wrapped, 1).into_bytes(), ..soap };
        let kept = site.spooled().len();
        let answer = site.client().ask(soap.to("/orders"));
        assert_eq!((answer.status, answer.refused().code.as_str()), (500, "idempotency-key-under-way"));
        assert!(answer.text().contains("Client"), "{}", answer.text());
        assert!(answer.header("retry-after").is_some());
        assert_eq!(site.spooled().len(), kept, "{way:?}: nothing is left of it");
        let receipt = first.ask(&message.body).receipt();
        let again = site.client().ask(soap.to("/orders")).receipt();
        assert_eq!((again.id, again.duplicate), (receipt.id, true), "{way:?}");
    }
}

/// A SOAP message says its key in its head and its records long after: the key is taken from then on, and not only when all
/// of the message was read.
#[test]
fn a_key_is_taken_while_the_rest_of_its_soap_message_is_on_its_way() {
    let site = Site::new();
    let many = RecordSet::many_orders(3_000);
    for by_id in [false, true] {
        for way in [Way::Swa, Way::SoapXml, Way::SoapBase64] {
            let name = format!("{way:?}-{by_id}");
            let message = |records: &RecordSet| {
                let message = way.message(way.payload(records).as_bytes());
                if by_id {
                    return identified(&message, &name);
                }
                let wrapped = format!("gateway:1\"><g:idempotencyKey>{name}</g:idempotencyKey>");
                let body = String::from_utf8(message.body.clone()).unwrap();
                Message { body: body.replacen("gateway:1\">", &wrapped, 1).into_bytes(), ..message }
            };
            let whole = message(&many);
            let (begun, rest) = whole.body.split_at(whole.body.len() / 2);
            let before = site.spooled();
            let mut first = site.client();
            first.send(whole.head("/orders"));
            first.send(begun);
            // A segment is there once the first record was read, and the key came before that.
            until("records of the first are read", || {
                site.spooled().iter().any(|batch| !before.contains(batch) && site.has_records(batch))
            });
            let kept = site.spooled();
            for records in [&orders("1.00"), &many] {
                let answer = site.client().ask(message(records).to("/orders"));
                let refused = (answer.status, answer.refused().code);
                assert_eq!(refused, (500, "idempotency-key-under-way".to_owned()), "{name}");
            }
            assert_eq!(site.spooled().len(), kept.len(), "{name}: nothing is left of them");
            let receipt = first.ask(rest).receipt();
            let again = site.client().ask(whole.to("/orders")).receipt();
            assert_eq!((again.id, again.duplicate), (receipt.id, true), "{name}");
        }
    }
}

/// The message with this WS-Addressing id.
pub(crate) fn identified(message: &Message, id: &str) -> Message {
    let header = format!(
        "<e:Header><a:MessageID xmlns:a=\"http://www.w3.org/2005/08/addressing\">{id}</a:MessageID></e:Header><e:Body>"
    );
    let body = String::from_utf8(message.body.clone()).unwrap().replace("<e:Body>", &header);
    Message { body: body.into_bytes(), ..message.clone() }
}

#[test]
fn what_could_not_be_recognised_again_is_refused_where_the_route_says_so() {
    let site = Site::edited(|route| route.duplicates.key_required = true);
    for way in Way::ALL {
        let message = way.message(way.payload(&orders("1.00")).as_bytes());
        let answer = site.client().ask(message.to("/orders"));
        let status = if way.is_soap() { 500 } else { 400 };
        assert_eq!(
            (answer.status, answer.refused().code.as_str()),
            (status, "idempotency-key-missing"),
            "{way:?}"
        );
        assert_eq!(answer.header("link"), (!way.is_soap()).then_some(RULES), "{way:?}");
        site.assert_nothing_kept();
    }
    // The head of a REST request shows it: its body is not waited for.
    let mut client = site.client();
    client.send(Way::RestCsv.message(orders("1.00").csv().as_bytes()).head("/orders"));
    assert_eq!(client.answer().status, 400);
    let keyed = Way::RestCsv.message(orders("1.00").csv().as_bytes()).with("Idempotency-Key", "\"a key\"");
    assert_eq!(site.client().ask(keyed.to("/orders")).status, 202);
    for way in [Way::Swa, Way::SoapXml, Way::SoapBase64] {
        let message = way.message(way.payload(&orders("1.00")).as_bytes());
        let answer = site.client().ask(identified(&message, &format!("urn:m:{way:?}")).to("/orders"));
        assert_eq!(answer.status, 200, "{way:?}: {answer}");
    }
}

#[test]
fn the_same_content_is_the_same_batch_at_every_door_where_the_route_says_so() {
    let site = Site::edited(|route| route.duplicates.by_content = route.name == "orders");
    let mut first: Option<String> = None;
    for way in Way::ALL {
        let receipt = site.client().ask(way.request("/orders", &orders("1.00"))).receipt();
        let by = first.is_some().then_some(DuplicateBy::Content);
        assert_eq!((receipt.duplicate, receipt.duplicate_by), (by.is_some(), by), "{way:?}");
        assert_eq!(*first.get_or_insert(receipt.id.clone()), receipt.id, "{way:?}");
    }
    assert_eq!(site.spooled().len(), 1);
    // A stack that gives each try another id; the same id with other content is a mistake all the same.
    let message = |amount, id: &str| {
        identified(&Way::SoapXml.message(orders(amount).elements().as_bytes()), id).to("/orders")
    };
    let mut client = site.client();
    for id in ["urn:m:1", "urn:m:2"] {
        assert_eq!(
            client.ask(message("1.00", id)).receipt().duplicate_by,
            Some(DuplicateBy::Content),
            "{id}"
        );
    }
    let other = client.ask(message("3.00", "urn:m:3")).receipt();
    assert!(!other.duplicate);
    assert_eq!(client.ask(message("3.00", "urn:m:3")).receipt().duplicate_by, Some(DuplicateBy::MessageId));
    assert_eq!(client.ask(message("4.00", "urn:m:3")).refused().code, "idempotency-key-reused");
    // Who gives a key of its own says that it is another batch.
    let keyed = Way::RestCsv.message(orders("1.00").csv().as_bytes()).with("Idempotency-Key", "\"new\"");
    let keyed = site.client().ask(keyed.to("/orders")).receipt();
    assert!(!keyed.duplicate && Some(&keyed.id) != first.as_ref());
    // Other content, another client, another route.
    assert!(!site.client().ask(Way::RestCsv.request("/orders", &orders("2.00"))).receipt().duplicate);
    assert!(
        !site.client_from(TOWN).ask(Way::RestCsv.request("/orders", &orders("1.00"))).receipt().duplicate
    );
    for _ in 0..2 {
        assert!(!site.client().ask(Way::RestCsv.request("/lenient", &orders("1.00"))).receipt().duplicate);
    }
}

#[test]
fn what_was_left_out_is_part_of_the_content() {
    let site = Site::edited(|route| route.duplicates.by_content = true);
    let csv = |bad: &str| format!("order_id,customer,amount,note\r\n1,a,1.00,\r\n{bad},b,1.00,\r\n");
    let send = |bad| site.client().ask(Way::RestCsv.message(csv(bad).as_bytes()).to("/lenient")).receipt();
    assert_eq!((send("x").set_aside, send("x").duplicate), (1, true));
    assert!(!send("y").duplicate, "another record was left out: it is another batch");
}

#[test]
fn a_duplicate_is_answered_with_what_became_of_the_first() {
    let site = Site::new();
    let message = Way::RestCsv.message(orders("1.00").csv().as_bytes()).with("Idempotency-Key", "k");
    let send = || site.client().ask(message.to("/orders"));
    let first = send().receipt();
    let apply = |events: Vec<Event>| {
        let (ledger, id) = (site.gateway.ledger.clone(), first.id.parse().unwrap());
        site.block_on(async move { ledger.apply(id, ledger.epoch(), now_millis(), events).await }).unwrap();
    };
    apply(vec![
        Event::ChunkOpened { chunk: 1, first: 0, count: 1, attempt: 1 },
        Event::ChunkSent { chunk: 1, reference: None },
    ]);
    let under_way = send();
    assert_eq!((under_way.status, under_way.receipt().sums.in_flight), (202, 1));
    apply(vec![
        Event::ChunkAnswered { chunk: 1, exceptions: Vec::new(), rows: 1 },
        Event::Finished { delivered_digest: None },
    ]);
    let answer = send();
    assert_eq!(answer.status, 200, "the final receipt: {answer}");
    let last = answer.receipt();
    assert_eq!(
        (last.id, last.state, last.duplicate, last.sums.delivered),
        (first.id.clone(), State::Finished, true, 1)
    );

    // One that is withdrawn before anything was sent leaves its key to a fresh start.
    let other = message.clone().with("Idempotency-Key", "k2");
    let withdrawn = site.client().ask(other.to("/orders")).receipt();
    let path = format!("DELETE /orders/batches/{} HTTP/1.1\r\nHost: gateway\r\n\r\n", withdrawn.id);
    assert_eq!(site.client().ask(path).receipt().sums.cancelled, 1);
    let afresh = site.client().ask(other.to("/orders")).receipt();
    assert!(!afresh.duplicate && afresh.id != withdrawn.id);
}

#[test]
fn a_request_is_remembered_as_long_as_the_route_says() {
    let site = Site::edited(|route| {
        if route.name == "lenient" {
            route.duplicates.window = std::time::Duration::ZERO;
        }
    });
    let message = Way::RestCsv.message(orders("1.00").csv().as_bytes()).with("Idempotency-Key", "k");
    for (path, remembered) in [("/orders", true), ("/lenient", false)] {
        assert!(!site.client().ask(message.to(path)).receipt().duplicate);
        assert_eq!(site.client().ask(message.to(path)).receipt().duplicate, remembered, "{path}");
    }
}

#[test]
fn an_answer_in_the_municipalitys_words_can_say_it_too() {
    let site = Site::edited(|route| {
        for reply in route.operations.iter_mut().filter_map(|operation| operation.reply.as_mut()) {
            reply.children.push(("again".to_owned(), ReceiptMember::Duplicate));
        }
    });
    let records = orders("1.00").elements();
    let body = format!(
        "<b:submitBatch xmlns:b=\"{BULK}\"><b:idempotencyKey>k</b:idempotencyKey><b:records>{records}</b:records></b:submitBatch>"
    );
    for again in ["<again>false</again>", "<again>true</again>"] {
        let answer = site.client().ask(Message::soap11(&envelope(&body)).to("/orders"));
        assert!(answer.text().contains(again), "{answer}");
    }
}
