//! SOAP messages that break the rules of SOAP or of the route.

use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::{Message, envelope, submit};

fn good() -> String {
    envelope(&submit(&format!("<g:records>{}</g:records>", RecordSet::many_orders(1).elements())))
}

fn with_header(block: &str) -> String {
    good().replace("<e:Body>", &format!("<e:Header>{block}</e:Header><e:Body>"))
}

#[test]
fn the_version_of_the_envelope_is_the_one_announced() {
    let site = Site::new();
    let soap12 = good()
        .replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope");
    let unknown = good().replace("http://schemas.xmlsoap.org/soap/envelope/", "urn:soap:13");
    let as12 = |text: &str| Message::soap11(text).with("Content-Type", "application/soap+xml");
    for (name, message, status, code, soap12) in [
        ("1.2 as 1.1", Message::soap11(&soap12), 500, "soap-version-content-type", false),
        ("1.1 as 1.2", as12(&good()), 400, "soap-version-content-type", true),
        ("unknown as 1.1", Message::soap11(&unknown), 500, "soap-version-mismatch", false),
        ("unknown as 1.2", as12(&unknown), 500, "soap-version-mismatch", true),
    ] {
        let mut client = site.client();
        let answer = client.ask(message.to("/orders"));
        assert_eq!((answer.status, answer.refused().code.as_str()), (status, code), "{name}: {answer}");
        assert_eq!(
            answer.header("content-type").unwrap().starts_with("application/soap+xml"),
            soap12,
            "{name}"
        );
        if code == "soap-version-mismatch" {
            assert!(answer.text().contains("VersionMismatch"));
            assert_eq!(answer.text().contains("SupportedEnvelope"), soap12);
        }
    }
    site.assert_nothing_kept();
}

#[test]
fn a_header_that_must_be_understood_and_is_not_is_a_fault() {
    let site = Site::new();
    let block = "<s:Sign xmlns:s=\"urn:sign\" e:mustUnderstand=\"1\"/>";
    let answer = site.client().ask(Message::soap11(&with_header(block)).to("/orders"));
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("env:MustUnderstand"), "{answer}");
    assert_eq!(answer.refused().code, "header-not-understood");
    let block = "<s:Sign xmlns:s=\"urn:sign\" e:mustUnderstand=\"true\"/>";
    let answer = site.client().ask(Message::soap12(&with_header(block)).to("/orders"));
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("NotUnderstood") && answer.text().contains("urn:sign"), "{answer}");
    site.assert_nothing_kept();
    // Meant for somebody else, or not mandatory: passed over.
    for block in [
        "<s:Sign xmlns:s=\"urn:sign\"/>",
        "<s:Sign xmlns:s=\"urn:sign\" e:mustUnderstand=\"1\" e:actor=\"urn:other\"/>",
    ] {
        let answer = site.client().ask(Message::soap11(&with_header(block)).to("/orders"));
        assert_eq!(answer.status, 200, "{answer}");
    }
}

#[test]
fn operations_are_known_by_the_bodys_child() {
    let site = Site::new();
    let child = |name: &str| {
        envelope(&format!("<b:{name} xmlns:b=\"urn:example:bulk\"><b:batchId>x</b:batchId></b:{name}>"))
    };
    let own = |name: &str| envelope(&format!("<g:{name} xmlns:g=\"urn:sekisho:gateway:1\"/>"));
    for (name, message, code) in [
        ("unknown operation", Message::soap11(&child("dropAll")), "operation-unknown"),
        ("unknown question", Message::soap11(&own("dropAll")), "message-unknown-operation"),
        ("no records", Message::soap11(&child("submitBatch")), "attachment-missing"),
        ("an empty body", Message::soap11(&envelope("")), "attachment-missing"),
        ("records missing", Message::soap11(&envelope(&submit("<g:records/>"))), "no-records"),
        (
            "two children",
            Message::soap11(&good().replace("</e:Body>", "<x xmlns=\"urn:x\"/></e:Body>")),
            "soap-several-body-children",
        ),
    ] {
        let mut client = site.client();
        let answer = client.ask(message.to("/orders"));
        assert_eq!((answer.status, answer.refused().code.as_str()), (500, code), "{name}: {answer}");
        assert!(answer.closes() || client.is_alive(), "{name}");
    }
    site.assert_nothing_kept();
}
