//! Relay routes: checked, passed on once, the answer passed back.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::client::find;
use crate::record_sets::RecordSet;
use crate::site::{Arrangement, Site};
use crate::ways::{Message, Way, envelope, question};

/// What the upstream does with each request.
#[derive(Clone)]
enum Deed {
    Answer(String),
    CloseUnanswered,
    Silence,
}

/// A cloud of one thread: what it was sent comes out of the channel.
struct Cloud {
    url: String,
    received: mpsc::Receiver<String>,
}

fn cloud(deed: Deed) -> Cloud {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let Some(request) = read_request(&mut stream) else { continue };
            if sender.send(request).is_err() {
                return;
            }
            match &deed {
                Deed::Answer(answer) => {
                    let _ = stream.write_all(answer.as_bytes());
                }
                Deed::CloseUnanswered => {}
                Deed::Silence => silent.push(stream),
            }
        }
    });
    Cloud { url, received }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&buffer[..n]);
        let Some(end) = find(&bytes, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0) {
            return Some(String::from_utf8(bytes).unwrap());
        }
    }
}

fn answer(status: &str, content_type: &str, body: &str) -> Deed {
    let length = body.len();
    Deed::Answer(format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nServer: secret-cloud\r\nSet-Cookie: a=b\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

fn site(cloud: &Cloud) -> Site {
    Site::with(Arrangement { upstream: cloud.url.clone(), ..Arrangement::default() })
}

fn call() -> Message {
    let body =
        format!("<b:orders xmlns:b=\"urn:example:bulk\">{}</b:orders>", RecordSet::many_orders(2).elements());
    Message::soap11(&envelope(&body)).with("SOAPAction", "\"urn:call\"")
}

#[test]
fn a_good_message_passes_byte_for_byte_and_so_does_its_answer() {
    let said = envelope("<done xmlns=\"urn:example:bulk\">&#20803;</done>");
    let cloud = cloud(answer("200 OK", "text/xml; charset=utf-8", &said));
    let site = site(&cloud);
    let mut client = site.client();
    let message = call().with("Authorization", "Basic secret").with("X-Forwarded-For", "1.2.3.4");
    for request in [message.to("/relay"), message.chunked("/relay", 100)] {
        let found = client.ask(request);
        assert_eq!((found.status, found.text()), (200, said.clone()));
        assert_eq!(found.header("content-type"), Some("text/xml; charset=utf-8"));
        assert!(found.header("server").is_none() && found.header("set-cookie").is_none());
        assert!(!found.closes());
        let passed = cloud.received.recv().unwrap();
        assert!(passed.starts_with("POST /services/orders HTTP/1.1\r\n"), "{passed}");
        assert!(passed.ends_with(std::str::from_utf8(&message.body).unwrap()));
        let head = passed.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        assert!(head.contains("soapaction: \"urn:call\""), "{head}");
        for secret in ["authorization", "forwarded", "gateway"] {
            assert!(!head.contains(secret), "{head}");
        }
    }
    site.assert_nothing_kept();
}

#[test]
fn a_package_passes_untouched() {
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let cloud = cloud(answer("200 OK", "text/xml", &said));
    let site = site(&cloud);
    let message = Way::Swa.message(RecordSet::many_orders(3).csv().as_bytes());
    let found = site.client().ask(message.to("/relay"));
    assert_eq!(found.status, 200, "{found}");
    assert!(cloud.received.recv().unwrap().ends_with(std::str::from_utf8(&message.body).unwrap()));
}

#[test]
fn faults_and_empty_answers_of_the_cloud_pass() {
    for (status, body, content_type) in [
        (
            "500 Internal Server Error",
            envelope("<e:Fault><faultcode>e:Server</faultcode><faultstring>x</faultstring></e:Fault>"),
            "text/xml",
        ),
        ("202 Accepted", String::new(), "text/xml"),
    ] {
        let cloud = cloud(answer(status, content_type, &body));
        let found = site(&cloud).client().ask(call().to("/relay"));
        assert!(status.starts_with(&found.status.to_string()), "{found}");
        assert_eq!(found.text(), body);
    }
}

#[test]
fn what_breaks_the_routes_rules_is_not_passed_on() {
    let cloud = cloud(answer("200 OK", "text/xml", &envelope("")));
    let site = site(&cloud);
    let mut client = site.client();
    let body = |inner: &str| Message::soap11(&envelope(inner));
    let bad = RecordSet::orders(&[["x", "K4NARY", "1", ""]]).elements();
    for (name, message, code) in [
        (
            "bad records",
            body(&format!("<b:orders xmlns:b=\"urn:example:bulk\">{bad}</b:orders>")),
            "bad-records",
        ),
        ("unknown operation", body("<b:other xmlns:b=\"urn:example:bulk\"/>"), "operation-unknown"),
        ("too large", body(&" ".repeat(300_000)), "body-too-large"),
        ("gzip", call().gzipped(), "relay-coding"),
        ("not xml", Message::soap11("K4NARY"), "xml-not-well-formed"),
        (
            "a wrong digest",
            call().with("Content-Digest", &format!("sha-256=:{}:", "A".repeat(43) + "=")),
            "digest-mismatch",
        ),
    ] {
        let found = client.ask(message.to("/relay"));
        assert_eq!(found.refused().code, code, "{name}: {found}");
        assert!(!found.text().contains("K4NARY"));
        if found.closes() {
            client = site.client();
        }
    }
    let over = body(&" ".repeat(300_000)).chunked("/relay", 10_000);
    assert_eq!(client.ask(over).refused().code, "body-too-large");
    let mut cut = site.client();
    cut.send(&call().chunked_open("/relay", 50)[..300]);
    cut.end_sending();
    assert_eq!(cut.answer().refused().code, "body-cut-short");
    let mut broken = site.client();
    broken.send(call().chunked_open("/relay", 50));
    broken.send("zz\r\n");
    assert_eq!(broken.answer().refused().code, "body-broken-chunk");
    assert!(cloud.received.try_recv().is_err(), "the cloud was sent nothing");
}

#[test]
fn the_gateways_own_questions_are_answered_here() {
    let cloud = cloud(answer("200 OK", "text/xml", &envelope("")));
    let site = site(&cloud);
    let found = site.client().ask(question("heartbeat", "").to("/relay"));
    assert!(matches!(found.soap(), sekisho_soap::message::Answer::Heartbeat(_)));
    assert!(cloud.received.try_recv().is_err());
}

#[test]
fn silence_after_sending_is_an_unknown_outcome() {
    for (deed, name) in [(Deed::Silence, "silence"), (Deed::CloseUnanswered, "cut")] {
        let cloud = cloud(deed);
        let arrangement = Arrangement {
            upstream: cloud.url.clone(),
            relay_deadline: Duration::from_millis(if name == "cut" { 20_000 } else { 300 }),
            ..Arrangement::default()
        };
        let site = Site::with(arrangement);
        let mut client = site.client();
        let found = client.ask(call().to("/relay"));
        let refused = found.refused();
        assert_eq!((found.status, refused.code.as_str()), (500, "outcome-unknown"), "{name}: {found}");
        assert!(found.text().contains("env:Server"));
        cloud.received.recv().unwrap();
        assert!(cloud.received.try_recv().is_err(), "{name}: it is sent once only");
        assert!(client.is_alive());
    }
}

#[test]
fn a_cloud_that_cannot_be_reached_was_sent_nothing() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", port.local_addr().unwrap());
    drop(port);
    let site = Site::with(Arrangement { upstream: url, ..Arrangement::default() });
    let found = site.client().ask(call().to("/relay"));
    assert_eq!((found.status, found.refused().code.as_str()), (500, "upstream-unreachable"), "{found}");
}

#[test]
fn an_answer_that_is_none_is_not_passed_back() {
    for deed in [
        answer("200 OK", "text/html", "<html>K4NARY</html>"),
        answer("200 OK", "text/xml", "<K4NARY/>"),
        answer("302 Found", "text/xml", &envelope("")),
        answer("503 Service Unavailable", "text/html", "K4NARY"),
        Deed::Answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nK4NARY".to_owned()),
    ] {
        let cloud = cloud(deed);
        let found = site(&cloud).client().ask(call().to("/relay"));
        assert_eq!(found.status, 500, "{found}");
        assert!(
            found.refused().code == "upstream-answer" || found.refused().code == "outcome-unknown",
            "{found}"
        );
        assert!(!found.text().contains("K4NARY"));
    }
}
