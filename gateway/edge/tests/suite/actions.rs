//! The actions that come with a message are those of the body's operation.

use base64::Engine as _;

use crate::record_sets::RecordSet;
use crate::relaying::{self, call};
use crate::site::{DEADLINE, Site};
use crate::ways::{Message, envelope, package, submit};

const WSA: &str = "http://www.w3.org/2005/08/addressing";
const WSA_2004: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const RELATED: &str = "multipart/related; boundary=cut; start=\"<r@t>\"";

fn data() -> String {
    base64::engine::general_purpose::STANDARD.encode(RecordSet::many_orders(1).csv())
}

/// A message for one of the route's operations.
fn bulk(name: &str) -> Message {
    let data = data();
    Message::soap11(&envelope(&format!(
        "<b:{name} xmlns:b=\"urn:example:bulk\"><b:data contentType=\"text/csv\">{data}</b:data></b:{name}>"
    )))
}

/// A message for the gateway's own operation.
fn own() -> Message {
    Message::soap11(&envelope(&submit(&format!("<g:data contentType=\"text/csv\">{}</g:data>", data()))))
}

/// The same message with a `wsa:Action`.
fn addressed(mut message: Message, namespace: &str, action: &str) -> Message {
    let header = format!("<e:Header><w:Action xmlns:w=\"{namespace}\">{action}</w:Action></e:Header><e:Body");
    message.body = String::from_utf8(message.body).unwrap().replacen("<e:Body", &header, 1).into_bytes();
    message
}

/// The same message in SOAP 1.2.
fn as12(message: &Message) -> Message {
    Message::soap12(std::str::from_utf8(&message.body).unwrap())
}

/// The same message as the only part of a package.
fn packed(message: &Message, package_type: &str, root_type: &str) -> Message {
    let head = format!("Content-Type: {root_type}\r\nContent-ID: <r@t>\r\n");
    package(&format!("{RELATED}; {package_type}"), &[(&head, &as12(message).body)])
}

fn mtom(start_info: &str) -> String {
    format!("type=\"application/xop+xml\"; start-info=\"application/soap+xml{start_info}\"")
}

const XOP_ROOT: &str = "application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"";

#[test]
fn an_action_of_the_operation_is_taken_wherever_it_stands() {
    let site = Site::new();
    let action = "\"urn:example:bulk#submitBatch\"";
    let wsa_action = "urn:example:bulk:Bulk:submitBatchRequest";
    let inside = mtom("; action=\\\"urn:example:bulk#submitBatch\\\"");
    let outside = format!("{}; action={action}", mtom(""));
    let deep =
        "application/xop+xml; type=\"application/soap+xml; action=\\\"urn:example:bulk#submitBatch\\\"\"";
    let typed = |message: &Message, action: &str| {
        as12(message).with("Content-Type", &format!("application/soap+xml; action={action}"))
    };
    for (name, message) in [
        ("none", bulk("submitBatch")),
        ("SOAPAction", bulk("submitBatch").with("SOAPAction", action)),
        ("the parameter", typed(&bulk("submitBatch"), action)),
        ("the outer parameter", packed(&bulk("submitBatch"), &outside, XOP_ROOT)),
        ("start-info", packed(&bulk("submitBatch"), &inside, XOP_ROOT)),
        ("the root", packed(&bulk("submitBatch"), &mtom(""), deep)),
        ("wsa_action, no SOAPAction", addressed(bulk("submitBatch"), WSA, wsa_action)),
        ("wsa_action of 2004/08", addressed(bulk("submitBatch"), WSA_2004, wsa_action)),
        (
            "wsa_action and SOAPAction",
            addressed(bulk("submitBatch"), WSA, wsa_action).with("SOAPAction", action),
        ),
        // Stacks that know of WS-Addressing may say the same in both places.
        ("wsa_action as SOAPAction", bulk("submitBatch").with("SOAPAction", &format!("\"{wsa_action}\""))),
        ("action as wsa:Action", addressed(bulk("submitBatch"), WSA, "urn:example:bulk#submitBatch")),
        // Nothing is set that it could differ from.
        (
            "the default action",
            addressed(bulk("replaceBatch"), WSA, "urn:example:bulk:Bulk:replaceBatchRequest"),
        ),
        (
            "the default action and SOAPAction",
            addressed(bulk("replaceBatch"), WSA, "urn:example:bulk:Bulk:replaceBatchRequest")
                .with("SOAPAction", "\"urn:example:bulk#replaceBatch\""),
        ),
        ("the gateway's own", own().with("SOAPAction", "\"urn:sekisho:gateway:1#submitBatch\"")),
        ("with a slash", own().with("SOAPAction", "\"urn:sekisho:gateway:1/submitBatch\"")),
        ("with a slash in 1.2", typed(&own(), "\"urn:sekisho:gateway:1/submitBatch\"")),
        ("addressed", addressed(own(), WSA, "urn:sekisho:gateway:1/submitBatch")),
        ("addressed by default", addressed(own(), WSA, "urn:sekisho:gateway:1:Gateway:submitBatchRequest")),
    ] {
        let answer = site.client().ask(message.to("/orders"));
        assert_eq!(answer.status, 200, "{name}: {answer}");
    }
}

/// Messages of which one action is another operation's.
fn wrong() -> Vec<(&'static str, Message)> {
    let other = "\"urn:example:bulk#replaceBatch\"";
    let escaped = "action=\\\"urn:example:bulk#replaceBatch\\\"";
    let typed = format!("application/soap+xml; action={other}");
    let outside = format!("{}; action={other}", mtom(""));
    let inside = mtom(&format!("; {escaped}"));
    let by_type = format!("type=\"application/soap+xml; {escaped}\"");
    let deep = format!("application/xop+xml; type=\"application/soap+xml; {escaped}\"");
    let good = || bulk("submitBatch");
    vec![
        ("SOAPAction", good().with("SOAPAction", other)),
        ("SOAPAction of nothing", good().with("SOAPAction", "\"urn:example:bulk#dropAll\"")),
        ("the parameter", as12(&good()).with("Content-Type", &typed)),
        (
            "the parameter, SOAPAction empty",
            as12(&good()).with("Content-Type", &typed).with("SOAPAction", "\"\""),
        ),
        (
            "the parameter, SOAPAction good",
            as12(&good()).with("Content-Type", &typed).with("SOAPAction", "\"urn:example:bulk#submitBatch\""),
        ),
        ("the outer parameter", packed(&good(), &outside, XOP_ROOT)),
        ("start-info", packed(&good(), &inside, XOP_ROOT)),
        ("type", packed(&good(), &by_type, "application/soap+xml")),
        ("the root's parameter", packed(&good(), "type=\"application/soap+xml\"", &typed)),
        ("the root's type", packed(&good(), &mtom(""), &deep)),
        ("wsa:Action", addressed(good(), WSA, "urn:example:bulk#replaceBatch")),
        ("wsa:Action of nothing", addressed(good(), WSA, "urn:example:bulk#dropAll")),
        ("wsa:Action of 2004/08", addressed(good(), WSA_2004, "urn:example:bulk#replaceBatch")),
        (
            "wsa:Action of 2004/08 behind a good one",
            addressed(
                addressed(good(), WSA_2004, "urn:example:bulk#replaceBatch"),
                WSA,
                "urn:example:bulk#submitBatch",
            )
            .joined(),
        ),
        // No wsa_action is set here; this one is another operation's.
        (
            "another's wsa_action",
            addressed(bulk("replaceBatch"), WSA, "urn:example:bulk:Bulk:submitBatchRequest"),
        ),
        ("own", own().with("SOAPAction", "\"urn:sekisho:gateway:1#cancelBatch\"")),
        ("own with a slash", own().with("SOAPAction", "\"urn:sekisho:gateway:1/cancelBatch\"")),
        ("own of nothing", own().with("SOAPAction", "\"urn:sekisho:gateway:1submitBatch\"")),
        ("own, addressed", addressed(own(), WSA, "urn:sekisho:gateway:1#cancelBatch")),
        ("own, addressed in 2004/08", addressed(own(), WSA_2004, "urn:sekisho:gateway:1#cancelBatch")),
    ]
}

impl Message {
    /// Two headers of [`addressed`] as one.
    fn joined(mut self) -> Self {
        let text = String::from_utf8(self.body).unwrap();
        self.body = text.replace("</e:Header><e:Header>", "").into_bytes();
        self
    }
}

#[test]
fn an_action_of_another_operation_is_refused_wherever_it_stands() {
    let site = Site::new();
    for (name, message) in wrong() {
        let answer = site.client().ask(message.to("/orders"));
        assert_eq!(answer.refused().code, "action-mismatch", "{name}: {answer}");
    }
    site.assert_nothing_kept();
}

#[test]
fn an_action_that_cannot_be_read_is_refused() {
    let site = Site::new();
    let info = "type=\"application/xop+xml\"; start-info=\"application/soap+xml action=\\\"urn:x\\\"\"";
    for (name, message) in [
        ("SOAPAction", bulk("submitBatch").with("SOAPAction", "\"urn:\u{30b7}\"")),
        ("SOAPAction where none is set", bulk("orders").with("SOAPAction", "\"urn:\u{30b7}\"")),
        ("SOAPAction of the gateway's own", own().with("SOAPAction", "\"urn:\u{30b7}\"")),
        ("start-info", packed(&bulk("submitBatch"), info, XOP_ROOT)),
    ] {
        let answer = site.client().ask(message.to("/orders"));
        assert_eq!(answer.refused().code, "action-unreadable", "{name}: {answer}");
    }
    site.assert_nothing_kept();
}

#[test]
fn nothing_is_relayed_under_an_action_of_another_operation() {
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let cloud = relaying::cloud(relaying::answer("200 OK", "text/xml; charset=utf-8", &said));
    let site = relaying::site(&cloud);
    let other = "urn:example:bulk:Bulk:submitBatchRequest";
    let plain = || call().with("SOAPAction", "\"\"");
    for (name, message, code) in [
        ("SOAPAction", call().with("SOAPAction", &format!("\"{other}\"")), "action-mismatch"),
        ("unreadable", call().with("SOAPAction", "\"urn:\u{30b7}\""), "action-unreadable"),
        ("wsa:Action", addressed(plain(), WSA, other), "action-mismatch"),
        ("wsa:Action of 2004/08", addressed(plain(), WSA_2004, other), "action-mismatch"),
        (
            "the parameter",
            plain().with("Content-Type", &format!("text/xml; action=\"{other}\"")),
            "action-mismatch",
        ),
    ] {
        let answer = site.client().ask(message.to("/relay"));
        assert_eq!(answer.refused().code, code, "{name}: {answer}");
    }
    // The first that goes out is the one that is its own.
    let good = addressed(plain(), WSA, "urn:example:bulk:Bulk:ordersRequest");
    assert_eq!(site.client().ask(good.to("/relay")).status, 200);
    let passed = cloud.received.recv_timeout(DEADLINE).unwrap();
    assert!(passed.contains("ordersRequest"), "{passed}");
    assert!(cloud.received.try_recv().is_err());
}
