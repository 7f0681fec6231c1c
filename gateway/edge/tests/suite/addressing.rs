//! WS-Addressing: where answers are wanted, and what faults relate to.

use sekisho_soap::EnvelopeReader;
use sekisho_soap::envelope::{ANONYMOUS, Addressing, EnvelopeOptions, NONE};
use sekisho_soap::fault::ReceivedFault;

use crate::client::Answer;
use crate::record_sets::RecordSet;
use crate::relaying::{self, answer, call, cloud};
use crate::site::{DEADLINE, Site};
use crate::ways::{Message, Way, envelope, question, submit};

const ELSEWHERE: &str = "http://203.0.113.9/answers";
/// An address that is none of a network.
const MAILBOX: &str = "urn:mailbox:7";

/// Adds header blocks to the envelope of a message, wherever in it that stands.
fn with_blocks(mut message: Message, blocks: &str) -> Message {
    let text = String::from_utf8(message.body).unwrap();
    let header =
        format!("<e:Header xmlns:a=\"http://www.w3.org/2005/08/addressing\">{blocks}</e:Header><e:Body>");
    assert!(text.contains("<e:Body>"), "{text}");
    message.body = text.replace("<e:Body>", &header).into_bytes();
    message
}

fn endpoint(header: &str, address: &str) -> String {
    format!("<a:{header} e:mustUnderstand=\"1\"><a:Address>{address}</a:Address></a:{header}>")
}

fn inline() -> String {
    envelope(&submit(&format!("<g:records>{}</g:records>", RecordSet::many_orders(1).elements())))
}

/// What a fault says: its header, its outermost code and subcodes, and the gateway's own code.
#[track_caller]
fn fault(answer: &Answer) -> (Addressing, Vec<String>, String) {
    let mut envelope = EnvelopeReader::open(&answer.body[..], &EnvelopeOptions::default()).unwrap();
    let addressing = envelope.addressing().clone();
    let fault = ReceivedFault::read(&mut envelope).unwrap().unwrap_or_else(|| panic!("no fault: {answer}"));
    let ours = fault.ours.unwrap_or_else(|| panic!("not the gateway's: {answer}")).code;
    (addressing, [vec![fault.code], fault.subcodes].concat(), ours)
}

/// WS-Addressing 1.0 SOAP Binding sections 6.4.1.7, 6.1 and 6.2.
#[test]
fn an_answer_that_is_wanted_elsewhere_is_refused_before_anything_is_kept() {
    let site = Site::new();
    let asked = |operation: &str| question(operation, "");
    let codes = ["Sender", "InvalidAddressingHeader", "OnlyAnonymousAddressSupported"];
    for header in ["ReplyTo", "FaultTo"] {
        for (name, message, status, codes) in [
            ("1.1", Message::soap11(&inline()), 500, &codes[2..]),
            ("1.2", Message::soap12(&inline()), 400, &codes[..]),
            ("a package", Way::Swa.message(RecordSet::many_orders(1).csv().as_bytes()), 500, &codes[2..]),
            ("a question", asked("heartbeat"), 500, &codes[2..]),
        ] {
            for address in [ELSEWHERE, MAILBOX] {
                let blocks = format!("<a:MessageID>urn:m:1</a:MessageID>{}", endpoint(header, address));
                let answer = site.client().ask(with_blocks(message.clone(), &blocks).to("/orders"));
                assert_eq!(answer.status, status, "{name}: {answer}");
                let (addressing, said, code) = fault(&answer);
                assert_eq!(
                    (said, code.as_str()),
                    (codes.iter().map(|code| (*code).to_owned()).collect(), "wsa-reply-elsewhere")
                );
                assert_eq!(addressing.relates_to, ["urn:m:1"], "{name}: {answer}");
                assert_eq!(addressing.action.as_deref(), Some("http://www.w3.org/2005/08/addressing/fault"));
                assert!(answer.text().contains(&format!(">wsa:{header}</wsa:ProblemHeaderQName>")));
                assert!(!answer.text().contains(address), "an address out of a message is not repeated");
            }
        }
    }
    // It needs no id, nor to be understood.
    let block = endpoint("ReplyTo", ELSEWHERE).replace(" e:mustUnderstand=\"1\"", "");
    let answer = site.client().ask(with_blocks(Message::soap11(&inline()), &block).to("/orders"));
    let (addressing, _, code) = fault(&answer);
    assert_eq!(code, "wsa-reply-elsewhere");
    assert!(addressing.relates_to.is_empty() && addressing.action.is_some(), "{answer}");
    site.assert_nothing_kept();
}

/// Who wants no answer, or one on the connection, has one there: HTTP has an answer to every request.
#[test]
fn the_anonymous_address_and_none_are_taken() {
    let site = Site::new();
    for (number, (reply, fault)) in [(ANONYMOUS, NONE), (NONE, ANONYMOUS)].into_iter().enumerate() {
        let blocks = format!(
            "<a:MessageID>urn:m:taken-{number}</a:MessageID>{}{}",
            endpoint("ReplyTo", reply),
            endpoint("FaultTo", fault)
        );
        let answer = site.client().ask(with_blocks(Message::soap11(&inline()), &blocks).to("/orders"));
        assert_eq!(answer.status, 200, "{answer}");
    }
    // Meant for another node.
    let block = endpoint("ReplyTo", ELSEWHERE).replace("<a:ReplyTo", "<a:ReplyTo e:actor=\"urn:another\"");
    let answer = site.client().ask(with_blocks(Message::soap11(&inline()), &block).to("/orders"));
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(site.batches().len(), 3);
}

/// WS-Addressing 1.0 core section 3.4; the actions: SOAP Binding section 6, Metadata section 4.4.4.
#[test]
fn a_fault_relates_to_the_message_that_it_refuses() {
    let site = Site::new();
    let id = "<a:MessageID>urn:m:refused</a:MessageID>";
    let bad = inline().replace("order_id", "other_id");
    let unknown = envelope("<b:dropAll xmlns:b=\"urn:example:bulk\"/>");
    let demanding = format!("{id}<x:Sign xmlns:x=\"urn:x\" e:mustUnderstand=\"1\"/>");
    let soap = "http://www.w3.org/2005/08/addressing/soap/fault";
    let own = |operation: &str| format!("urn:sekisho:gateway:1:Gateway:{operation}:Fault:problem");
    for (name, message, blocks, action) in [
        ("bad records", Message::soap11(&bad), id, own("submitBatch")),
        ("bad records in a package", Way::Swa.message(b"wrong\r\n"), id, own("submitBatch")),
        ("bad records by 1.2", Message::soap12(&bad), id, own("submitBatch")),
        ("an unknown batch", question("batchState", "<g:id>none</g:id>"), id, own("batchState")),
        ("an element too many", question("heartbeat", "<g:all/>"), id, own("heartbeat")),
        ("an unknown operation", Message::soap11(&unknown), id, soap.to_owned()),
        ("a header", Message::soap11(&inline()), &demanding, soap.to_owned()),
    ] {
        let answer = site.client().ask(with_blocks(message.clone(), blocks).to("/orders"));
        let (addressing, ..) = fault(&answer);
        assert_eq!(addressing.relates_to, ["urn:m:refused"], "{name}: {answer}");
        assert_eq!(addressing.action, Some(action), "{name}");
        assert!(addressing.message_id.is_some_and(|id| id.starts_with("urn:uuid:")), "{name}");
        // Who does not speak WS-Addressing gets none.
        let answer = site.client().ask(message.to("/orders"));
        assert!(!answer.text().contains("wsa:"), "{name}: {answer}");
        if name == "a header" {
            assert_eq!(answer.status, 200, "{answer}");
        }
    }
}

#[test]
fn a_relayed_message_passes_with_the_addresses_that_it_has() {
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let cloud = cloud(answer("200 OK", "text/xml", &said));
    let site = relaying::site(&cloud);
    let blocks = format!("<a:MessageID>urn:m:1</a:MessageID>{}", endpoint("ReplyTo", ELSEWHERE));
    let message = with_blocks(call(), &blocks);
    assert_eq!(site.client().ask(message.to("/relay")).text(), said);
    let passed = cloud.received.recv_timeout(DEADLINE).unwrap();
    assert!(passed.ends_with(std::str::from_utf8(&message.body).unwrap()));
    // What is for the gateway itself is not the cloud's to answer.
    let asked = site.client().ask(with_blocks(question("heartbeat", ""), &blocks).to("/relay"));
    assert_eq!(fault(&asked).2, "wsa-reply-elsewhere");
    // A fault of the gateway's own about it relates to it.
    let broken = call().with("SOAPAction", "\"\"");
    let text = String::from_utf8(broken.body.clone()).unwrap().replace("order_id", "other_id");
    let refused = with_blocks(Message { body: text.into_bytes(), ..broken }, &blocks);
    let (addressing, ..) = fault(&site.client().ask(refused.to("/relay")));
    assert_eq!(addressing.relates_to, ["urn:m:1"]);
}
