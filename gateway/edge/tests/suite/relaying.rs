//! Relay routes: checked, passed on once, the answer passed back.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::client::{Answer, Client, find};
use crate::record_sets::RecordSet;
use sekisho_edge::Admission;
use sekisho_liveness::{ErrorClass, HopState};
use socket2::{Domain, Socket, Type};

use crate::site::{Arrangement, DEADLINE, Site, until};
use crate::ways::{Message, Way, envelope, package, question};

/// What the upstream does with each request.
#[derive(Clone)]
pub(crate) enum Deed {
    Answer(String),
    CloseUnanswered,
    Silence,
    /// Answers the oldest request that is unanswered, each time it is told to.
    WhenTold(String, Arc<Mutex<mpsc::Receiver<()>>>),
}

/// A cloud of one thread: what it was sent comes out of the channel.
pub(crate) struct Cloud {
    pub(crate) url: String,
    pub(crate) received: mpsc::Receiver<String>,
}

pub(crate) fn cloud(deed: Deed) -> Cloud {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        let mut silent = Vec::new();
        let (waiting, oldest) = mpsc::channel::<TcpStream>();
        if let Deed::WhenTold(answer, told) = deed.clone() {
            thread::spawn(move || {
                while told.lock().unwrap().recv().is_ok() {
                    let Ok(mut stream) = oldest.recv() else { return };
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
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
                Deed::WhenTold(..) => drop(waiting.send(stream)),
            }
        }
    });
    Cloud { url, received }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        let n = match stream.read(&mut buffer) {
            // A process that was stopped and goes on; nothing of the connection.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.ok().filter(|n| *n > 0)?,
        };
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

pub(crate) fn answer(status: &str, content_type: &str, body: &str) -> Deed {
    let length = body.len();
    Deed::Answer(format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nServer: secret-cloud\r\nSet-Cookie: a=b\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

pub(crate) fn site(cloud: &Cloud) -> Site {
    Site::with(Arrangement { upstream: cloud.url.clone(), ..Arrangement::default() })
}

pub(crate) fn call() -> Message {
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
        let passed = cloud.received.recv_timeout(DEADLINE).unwrap();
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
fn what_must_be_understood_is_the_clouds_to_understand_unless_the_gateway_is_asked() {
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let cloud = cloud(answer("200 OK", "text/xml", &said));
    let site = site(&cloud);
    let demanding = |message: Message| {
        let text = String::from_utf8(message.body).unwrap();
        let block = "<e:Header><x:Sign xmlns:x=\"urn:x\" e:mustUnderstand=\"1\"/></e:Header><e:Body>";
        Message::soap11(&text.replace("<e:Body>", block))
    };
    let message = demanding(call());
    assert_eq!(site.client().ask(message.to("/relay")).status, 200);
    let passed = cloud.received.recv_timeout(DEADLINE).unwrap();
    assert!(passed.ends_with(std::str::from_utf8(&message.body).unwrap()));
    let asked = site.client().ask(demanding(question("heartbeat", "")).to("/relay"));
    assert_eq!(asked.refused().code, "header-not-understood");
}

#[test]
fn a_package_passes_untouched() {
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let cloud = cloud(answer("200 OK", "text/xml", &said));
    let site = site(&cloud);
    let message = Way::Swa.message(RecordSet::many_orders(3).csv().as_bytes());
    let found = site.client().ask(message.to("/relay"));
    assert_eq!(found.status, 200, "{found}");
    assert!(
        cloud.received.recv_timeout(DEADLINE).unwrap().ends_with(std::str::from_utf8(&message.body).unwrap())
    );
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

const RELATED: &str = "multipart/related; boundary=cut; type=\"text/xml\"; start=\"<r@t>\"";

#[test]
fn a_package_of_the_cloud_passes_byte_for_byte() {
    let root = envelope("<done xmlns=\"urn:example:bulk\">&#20803;</done>");
    let utf16: Vec<u8> =
        format!("\u{feff}{}", envelope("")).encode_utf16().flat_map(u16::to_be_bytes).collect();
    let utf16 = utf16.iter().map(|byte| format!("={byte:02X}")).collect::<String>();
    let utf16 =
        utf16.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>();
    let utf16 = utf16.join("=\r\n").replace("encoding=3D\"UTF-8\"", "");
    for (name, parts) in [
        (
            "an attachment of any bytes that text can hold",
            vec![
                ("Content-Type: text/xml; charset=utf-8\r\nContent-ID: <r@t>\r\n", root.as_str()),
                (
                    "Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n",
                    "\u{1}\u{7f}--cu t\r\n<&>",
                ),
            ],
        ),
        (
            "the root behind an attachment, in base64",
            vec![
                ("Content-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n", "YWJj\r\nZGVm"),
                ("Content-Type: text/xml\r\nContent-ID: <r@t>\r\n", root.as_str()),
            ],
        ),
        (
            "the root in UTF-16",
            vec![(
                "Content-Type: text/xml; charset=utf-16\r\nContent-ID: <r@t>\r\nContent-Transfer-Encoding: \
                 quoted-printable\r\n",
                utf16.as_str(),
            )],
        ),
    ] {
        let parts: Vec<_> = parts.into_iter().map(|(head, body)| (head, body.as_bytes())).collect();
        let said = String::from_utf8(package(RELATED, &parts).body).unwrap();
        let cloud = cloud(answer("200 OK", RELATED, &said));
        let site = site(&cloud);
        let found = site.client().ask(call().to("/relay"));
        assert_eq!((found.status, found.text()), (200, said), "{name}");
        assert_eq!(found.header("content-type"), Some(RELATED), "{name}");
        until("the memory is free again", || site.gateway.free_relay_kib() == 64 * 1024);
    }
}

#[test]
fn a_package_of_the_cloud_that_cannot_be_read_is_not_passed_back() {
    let root = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let root_part = ("Content-Type: text/xml\r\nContent-ID: <r@t>\r\n", root.as_bytes());
    let base64 = "Content-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n";
    let body = |parts: &[(&str, &[u8])]| String::from_utf8(package(RELATED, parts).body).unwrap();
    let good = body(&[root_part, ("Content-Type: text/csv\r\n", b"K4NARY")]);
    let many: Vec<_> =
        std::iter::once(root_part).chain(std::iter::repeat_n((base64, &b""[..]), 40)).collect();
    for (name, content_type, body, code, detail) in [
        ("cut", RELATED, good[..good.len() - 6].to_owned(), "upstream-package", "mime-truncated, part 2"),
        ("empty", RELATED, String::new(), "upstream-package", "mime-no-boundary"),
        ("no boundary in it", RELATED, "K4NARY".to_owned(), "upstream-package", "mime-no-boundary"),
        ("no boundary named", "multipart/related", good.clone(), "upstream-package", "boundary-missing"),
        (
            "a bad transfer encoding",
            RELATED,
            body(&[root_part, (base64, b"K4N*RY")]),
            "upstream-package",
            "base64-byte, part 2",
        ),
        ("too many parts", RELATED, body(&many), "upstream-package", "mime-limit"),
        ("no root", "multipart/related; boundary=cut; start=\"<x@t>\"", good.clone(), "upstream-answer", ""),
        ("a root that is no envelope", RELATED, good.replace("Envelope", "K4NARY"), "upstream-answer", ""),
        ("a root that ends early", RELATED, good.replace("</e:Envelope>", ""), "upstream-answer", ""),
    ] {
        let status = if body.is_empty() { "500 Internal Server Error" } else { "200 OK" };
        let cloud = cloud(answer(status, content_type, &body));
        let found = site(&cloud).client().ask(call().to("/relay"));
        assert_eq!((found.status, found.refused().code.as_str()), (500, code), "{name}: {found}");
        assert!(found.text().contains(detail), "{name}: {found}");
        assert!(!found.text().contains("K4NARY"), "{name}: {found}");
        cloud.received.recv_timeout(DEADLINE).unwrap();
    }
}

#[test]
fn what_came_of_a_message_is_told_to_the_hops() {
    let fault = |code: &str| {
        let said = format!("<e:Fault><faultcode>e:{code}</faultcode><faultstring>no</faultstring></e:Fault>");
        answer("500 Internal Server Error", "text/xml", &envelope(&said))
    };
    let (up, degraded, down) = (HopState::Up, HopState::Degraded, HopState::Down);
    for (deed, states, class) in [
        (answer("200 OK", "text/xml", &envelope("")), [up, up], None),
        (fault("Client"), [up, degraded], Some(ErrorClass::Data)),
        (fault("Server"), [up, down], Some(ErrorClass::Infrastructure)),
        (answer("200 OK", "text/html", "<html/>"), [up, down], Some(ErrorClass::Infrastructure)),
        (Deed::CloseUnanswered, [HopState::Unknown, down], Some(ErrorClass::Line)),
    ] {
        let cloud = cloud(deed);
        let site = site(&cloud);
        site.client().ask(call().to("/relay"));
        let hops = site.gateway.board.snapshot().hops;
        let hop = |name: &str| hops.iter().find(|hop| hop.id() == format!("main/{name}")).unwrap();
        assert_eq!([hop("line").state, hop("import").state], states, "{class:?}");
        assert_eq!(hop("import").class, class);
    }
    // Where nobody answers, the line is what is down, and what is behind it is unknown.
    let site = Site::with(Arrangement::default());
    site.client().ask(call().to("/relay"));
    let hops = site.gateway.board.snapshot().hops;
    let hop = |name: &str| hops.iter().find(|hop| hop.id() == format!("main/{name}")).unwrap();
    assert_eq!((hop("line").state, hop("import").state), (down, HopState::Unknown));
    // What the gateway refuses itself, or answers itself, says nothing of them.
    let site = Site::new();
    site.client().ask(Message::soap11("<none/>").to("/relay"));
    site.client().ask(question("heartbeat", "").to("/relay"));
    let hops = site.gateway.board.snapshot().hops;
    assert!(
        hops.iter().filter(|hop| hop.id().starts_with("main/")).all(|hop| hop.state == HopState::Unknown)
    );
}

#[test]
fn messages_that_wait_for_the_cloud_share_bounded_memory() {
    let (tell, told) = mpsc::channel();
    let Deed::Answer(said) = answer("200 OK", "text/xml", &envelope("")) else { unreachable!() };
    let cloud = cloud(Deed::WhenTold(said, Arc::new(Mutex::new(told))));
    let admission =
        Admission { relay_bytes: 512 << 10, client_relay_bytes: 256 << 10, ..Admission::from(64) };
    let site = Site::with(Arrangement {
        upstream: cloud.url.clone(),
        relay_deadline: Duration::from_secs(60),
        admission,
        ..Arrangement::default()
    });
    let body = format!(
        "<b:orders xmlns:b=\"urn:example:bulk\">{}{}</b:orders>",
        RecordSet::many_orders(2).elements(),
        " ".repeat(100_000)
    );
    let large = Message::soap11(&envelope(&body));
    let mut first = site.client();
    first.send(large.to("/relay"));
    cloud.received.recv_timeout(DEADLINE).unwrap();
    let held = 512 - site.gateway.free_relay_kib();
    assert!((160..=170).contains(&held), "100 KB of the message, 64 KiB for an answer: {held}");
    // Another of this size is over the client's share: it waits, unread.
    let mut second = site.client();
    second.send(large.to("/relay"));
    assert!(cloud.received.try_recv().is_err());
    tell.send(()).unwrap();
    assert_eq!(first.answer().status, 200);
    cloud.received.recv_timeout(DEADLINE).unwrap();
    assert_eq!(512 - site.gateway.free_relay_kib(), held, "the first one's memory is free again");
    tell.send(()).unwrap();
    assert_eq!(second.answer().status, 200);
    until("the memory is free again", || site.gateway.free_relay_kib() == 512);
}

#[test]
fn a_message_that_no_memory_will_ever_hold_is_refused_at_once() {
    let cloud = cloud(answer("200 OK", "text/xml", &envelope("")));
    let admission = Admission { client_relay_bytes: 128 << 10, ..Admission::from(64) };
    let site = Site::with(Arrangement { upstream: cloud.url.clone(), admission, ..Arrangement::default() });
    let body = format!("<b:orders xmlns:b=\"urn:example:bulk\">{}</b:orders>", " ".repeat(100_000));
    let large = Message::soap11(&envelope(&body));
    for request in [large.to("/relay"), large.chunked("/relay", 5_000)] {
        let found = site.client().ask(request);
        assert_eq!((found.status, found.refused().code.as_str()), (413, "relay-too-large"), "{found}");
    }
    for request in [call().to("/relay"), call().chunked("/relay", 50)] {
        assert_eq!(site.client().ask(request).status, 200);
    }
    until("the memory is free again", || site.gateway.free_relay_kib() == 64 * 1024);
}

#[test]
fn an_answer_that_is_too_large_is_not_passed_back() {
    let said = envelope(&format!("<done xmlns=\"urn:example:bulk\">{}</done>", "K4NARY".repeat(100_000)));
    for (relay_bytes, code) in [(64 << 20, None), (512 << 10, Some("upstream-answer-no-room"))] {
        let cloud = cloud(answer("200 OK", "text/xml", &said));
        let admission = Admission { relay_bytes, client_relay_bytes: relay_bytes, ..Admission::from(64) };
        let arrangement = Arrangement { upstream: cloud.url.clone(), admission, ..Arrangement::default() };
        let site = Site::with(arrangement);
        let found = site.client().ask(call().to("/relay"));
        match code {
            None => assert_eq!((found.status, found.text()), (200, said.clone())),
            Some(code) => assert_eq!((found.status, found.refused().code.as_str()), (500, code)),
        }
        until("the memory is free again", || site.gateway.free_relay_kib() == relay_bytes / 1024);
    }
}

#[test]
fn a_cut_after_sending_is_an_unknown_outcome() {
    let cloud = cloud(Deed::CloseUnanswered);
    let site = site(&cloud);
    let mut client = site.client();
    let found = client.ask(call().to("/relay"));
    assert_outcome_unknown(&cloud, &mut client, &found);
}

#[test]
fn silence_after_sending_is_an_unknown_outcome() {
    let cloud = cloud(Deed::Silence);
    // A machine that stalls may let a short deadline pass before anything is sent, which is another outcome, and
    // said as one: then the next one is longer.
    for seconds in [1, 5, 25] {
        let arrangement = Arrangement {
            upstream: cloud.url.clone(),
            relay_deadline: Duration::from_secs(seconds),
            ..Arrangement::default()
        };
        let site = Site::with(arrangement);
        let mut client = site.client();
        let found = client.ask(call().to("/relay"));
        if found.refused().code != "upstream-unreachable" {
            return assert_outcome_unknown(&cloud, &mut client, &found);
        }
        assert!(cloud.received.try_recv().is_err(), "what was sent was not reached: {found}");
    }
    panic!("nothing is ever sent");
}

#[track_caller]
fn assert_outcome_unknown(cloud: &Cloud, client: &mut Client, found: &Answer) {
    assert_eq!((found.status, found.refused().code.as_str()), (500, "outcome-unknown"), "{found}");
    assert!(found.text().contains("env:Server"));
    cloud.received.recv_timeout(DEADLINE).unwrap();
    assert!(cloud.received.try_recv().is_err(), "it is sent once only");
    assert!(client.is_alive());
}

#[test]
fn a_cloud_that_cannot_be_reached_was_sent_nothing() {
    // Bound and not listening: nobody else can have the port, and who connects is refused.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap().as_socket().unwrap());
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
