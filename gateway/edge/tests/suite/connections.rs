//! What becomes of a connection: kept, closed with a readable answer, drained at the end.

use std::thread;
use std::time::{Duration, Instant};

use crate::record_sets::RecordSet;
use crate::site::{Arrangement, STRANGER, Site, until};
use crate::ways::{Message, Way, question};

fn one() -> RecordSet {
    RecordSet::orders(&[["1", "a", "1.00", ""]])
}

#[test]
fn a_connection_carries_exchange_after_exchange() {
    let site = Site::new();
    let mut client = site.client();
    for _ in 0..3 {
        for way in Way::ALL {
            for request in [
                way.request("/orders", &one()),
                way.message(way.payload(&one()).as_bytes()).chunked("/orders", 9),
            ] {
                let answer = client.ask(request);
                assert!(answer.status < 300 && !answer.closes(), "{way:?}: {answer}");
            }
        }
        let answer = client.ask(question("heartbeat", "").gzipped().to("/orders"));
        assert!(answer.status == 200 && !answer.closes(), "{answer}");
    }
    // A batch that is refused for its records has been read to its end.
    let bad = RecordSet::orders(&[["x", "a", "1.00", ""]]);
    for way in Way::ALL {
        let answer = client.ask(way.request("/orders", &bad));
        assert!(!answer.closes(), "{way:?}: {answer}");
        assert_eq!(answer.refused().code, "bad-records");
    }
}

#[test]
fn pipelined_requests_are_answered_in_turn() {
    let site = Site::new();
    let mut client = site.client();
    let mut both = Way::RestCsv.request("/orders", &one());
    both.extend_from_slice(&Way::SoapXml.message(one().elements().as_bytes()).chunked("/orders", 50));
    both.extend_from_slice(b"GET /orders/heartbeat HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send(both);
    assert_eq!(client.answer().status, 202);
    assert_eq!(client.answer().receipt().records, 1);
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_client_that_expects_100_is_told_to_go_on() {
    let site = Site::new();
    for way in Way::ALL {
        let message = way.message(way.payload(&one()).as_bytes()).with("Expect", "100-continue");
        let mut client = site.client();
        client.send(message.head("/orders"));
        assert_eq!(client.answer().status, 100, "{way:?}");
        let answer = client.ask(&message.body);
        assert!(answer.status < 300, "{way:?}: {answer}");
        assert!(client.is_alive());
    }
}

#[test]
fn what_the_head_shows_is_refused_before_the_body() {
    let site = Site::new();
    let message = Message::rest("text/csv", b"").with("Expect", "100-continue");
    let soap = Message { below: "", ..message.clone() }.with("Content-Type", "text/xml");
    let at = |message: &Message, path: &str, length: u64| {
        message.head(path).replace("Content-Length: 0", &format!("Content-Length: {length}"))
    };
    let text = message.clone().with("Content-Type", "text/plain");
    for (name, head, status, code) in [
        ("no route", at(&message, "/nowhere", 10), 404, "path-unknown"),
        ("no such thing below", at(&message, "/orders/batches/x/y", 10), 404, "path-unknown"),
        ("door closed", at(&message, "/closed", 10), 404, "door-closed"),
        ("soap door closed", at(&soap, "/closed", 10), 415, "soap-media-type"),
        ("media type", at(&text, "/orders", 10), 415, "payload-type"),
        (
            "media type for soap",
            at(&Message { below: "", ..text.clone() }, "/orders", 10),
            415,
            "soap-media-type",
        ),
        ("declared too large", at(&message, "/small", 4_001), 413, "body-too-large"),
        ("soap declared too large", at(&soap, "/small", 4_001), 413, "body-too-large"),
        ("coding", at(&message.clone().with("Content-Encoding", "br"), "/orders", 10), 415, "content-coding"),
        (
            "codings",
            at(&message.clone().with("Content-Encoding", "gzip, gzip"), "/orders", 10),
            415,
            "content-coding",
        ),
        (
            "digest",
            at(&message.clone().with("Content-Digest", "sha-256=x"), "/orders", 10),
            400,
            "content-digest-invalid",
        ),
        (
            "key",
            at(&message.clone().with("Idempotency-Key", "\"\""), "/orders", 10),
            400,
            "idempotency-key-invalid",
        ),
        ("rest at a relay", at(&message, "/relay", 10), 404, "door-closed"),
        (
            "method",
            at(&message, "/orders/openapi.json?", 10).replace("/batches", ""),
            405,
            "method-not-allowed",
        ),
    ] {
        let mut client = site.client();
        let answer = client.ask(head);
        assert_eq!(answer.status, status, "{name}: {answer}");
        assert_eq!(answer.refused().code, code, "{name}");
        assert!(answer.closes(), "{name}: {answer}");
        assert!(client.is_closed(), "{name}");
    }
    let mut client = site.client_from(STRANGER);
    let answer = client.ask(at(&soap, "/orders", 10));
    assert_eq!((answer.status, answer.refused().code.as_str()), (403, "client-unknown"));
    assert!(answer.closes() && client.is_closed());
    site.assert_nothing_kept();
}

#[test]
fn http_10_is_served_and_closed_unless_it_asks() {
    let site = Site::new();
    for way in Way::ALL {
        let request = String::from_utf8(way.request("/orders", &one())).unwrap();
        let old = request.replace("HTTP/1.1", "HTTP/1.0").replace("Host: gateway\r\n", "");
        let mut client = site.client();
        let answer = client.ask(&old);
        assert!(answer.status < 300, "{way:?}: {answer}");
        assert_eq!(answer.version, "HTTP/1.0");
        assert!(client.is_closed());
        let mut client = site.client();
        let kept = old.replacen("\r\n", "\r\nConnection: keep-alive\r\n", 1);
        assert!(client.ask(&kept).status < 300);
        assert!(client.ask(&kept).status < 300);
    }
}

#[test]
fn a_client_that_closes_its_side_after_sending_still_gets_its_answer() {
    let site = Site::new();
    for way in Way::ALL {
        let mut client = site.client();
        client.send(way.request("/orders", &one()));
        client.end_sending();
        let answer = client.answer();
        assert!(answer.status < 300, "{way:?}: {answer}");
        assert!(client.is_closed());
    }
    assert_eq!(site.batches().len(), Way::ALL.len());
}

/// Ten megabytes behind a first line that is refused: the client is still sending when the answer comes.
#[test]
fn a_refusal_in_the_middle_can_be_read_while_the_client_is_still_sending() {
    const SIZE: usize = 10 << 20;
    let site = Site::new();
    for way in Way::ALL {
        let start: &[u8] = match way {
            Way::SoapXml => b"<order xmlns=\"urn:example:bulk\"><order_id>1</amount>",
            Way::RestXml => b"<orders xmlns=\"urn:example:bulk\"><order></orders>",
            Way::RestJson | Way::RestNdjson => b"{]",
            _ => b"no_such_column\r\n",
        };
        let mut payload = start.to_vec();
        payload.resize(SIZE, b' ');
        for (how, request) in [
            ("length", way.message(&payload).to("/orders")),
            ("chunks", way.message(&payload).chunked("/orders", 60_000)),
        ] {
            let mut client = site.client();
            let mut sender = client.second_handle();
            let began = Instant::now();
            let sending = thread::spawn(move || sender.try_send(&request));
            let answer = client.answer();
            assert!((400..=500).contains(&answer.status), "{way:?}, {how}: {answer}");
            assert!(answer.closes(), "{way:?}, {how}: {answer}");
            answer.refused();
            assert!(client.is_closed(), "{way:?}, {how}");
            // It is taken for 5 s; a machine that stalls for longer has shown nothing.
            let taken = sending.join().unwrap() || began.elapsed() > Duration::from_secs(5);
            assert!(taken, "{way:?}, {how}: what is still sent is taken and thrown away");
        }
    }
    site.assert_nothing_kept();
}

#[test]
fn an_exchange_under_way_ends_before_the_listener_does() {
    // Longer than this test waits for anything: nothing is cut.
    let grace = 10 * crate::site::DEADLINE;
    let site = Site::with(Arrangement { grace, ..Arrangement::default() });
    let message = Way::Swa.message(one().csv().as_bytes());
    let (first, rest) = message.body.split_at(100);
    let mut busy = site.client();
    busy.send(message.head("/orders"));
    busy.send(first);
    until("the body is being read", || site.gateway.metrics.uploads.get() == 1);
    let mut idle = site.client();
    assert!(idle.is_alive());
    let mut fresh = site.client();
    until("all are connected", || site.gateway.metrics.connections.get() == 3);
    site.begin_stop();
    assert!(idle.is_closed());
    assert!(fresh.is_closed());
    assert!(!site.has_stopped(), "it waits for the exchange under way");
    let answer = busy.ask(rest);
    assert_eq!(answer.receipt().records, 1);
    assert!(answer.closes() && busy.is_closed());
    until("the listener has ended", || site.has_stopped());
}

#[test]
fn who_prefers_to_wait_is_answered_when_the_gateway_stops() {
    let site = Site::new();
    let message = Way::RestCsv.message(one().csv().as_bytes()).with("Prefer", "wait=60");
    let mut client = site.client();
    client.send(message.to("/orders"));
    until("the batch is accepted", || site.batches().len() == 1);
    site.begin_stop();
    let answer = client.answer();
    assert_eq!((answer.status, answer.receipt().records), (202, 1));
    until("the listener has ended", || site.has_stopped());
}

#[test]
fn what_does_not_end_within_the_grace_is_cut() {
    let site = Site::with(Arrangement { grace: Duration::from_millis(100), ..Arrangement::default() });
    let message = Way::RestCsv.message(one().csv().as_bytes());
    let mut client = site.client();
    client.send(message.head("/orders"));
    until("the body is being read", || site.gateway.metrics.uploads.get() == 1);
    site.begin_stop();
    until("the listener has ended", || site.has_stopped());
    drop(client);
    until("nothing is left", || site.spooled().is_empty() && site.gateway.metrics.uploads.get() == 0);
    assert_eq!(site.gateway.metrics.connections.get(), 0);
}

#[test]
fn a_get_with_a_body_leaves_the_connection_in_step() {
    let site = Site::new();
    let mut client = site.client();
    let answer = client.ask("GET /orders/heartbeat HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(answer.status, 200);
    if answer.closes() {
        assert!(client.is_closed());
    } else {
        assert!(client.is_alive());
    }
}
