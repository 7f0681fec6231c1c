//! The same request again.

use crate::record_sets::RecordSet;
use crate::site::{Site, TOWN, until};
use crate::ways::{Message, Way, envelope, submit};

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
        assert_eq!(site.spooled().len(), kept, "{way:?}: the second payload is not kept");

        let other = way.message(way.payload(&orders("2.00")).as_bytes()).with("Idempotency-Key", &key);
        let answer = client.ask(other.to("/orders"));
        assert_eq!((answer.status, answer.refused().code.as_str()), (422, "idempotency-key-reused"));
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
