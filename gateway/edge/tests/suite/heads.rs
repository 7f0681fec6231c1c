//! Heads that could be read in two ways, on the wire.

use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::Way;

#[test]
fn an_ambiguous_head_is_refused_as_a_problem_and_the_connection_closed() {
    let site = Site::new();
    for (code, head) in [
        (
            "head-ambiguous-length",
            "POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        (
            "head-ambiguous-length",
            "POST /orders HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        ),
        ("head-ambiguous-length", "POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 4\r\n\r\n"),
        (
            "head-duplicate-field",
            "POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        ),
        ("head-no-host", "POST /orders HTTP/1.1\r\nContent-Length: 4\r\n\r\n"),
        ("head-bare-line-end", "POST /orders HTTP/1.1\nHost: h\n\n"),
        ("head-header-field", "POST /orders HTTP/1.1\r\nHost : h\r\n\r\n"),
        ("head-request-line", "POST http://elsewhere/orders HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("head-request-line", "GET /orders#part HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("head-request-line", "GET /orders<x> HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("head-request-line", "GET /ord\\ers HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("head-request-line", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ] {
        let mut client = site.client();
        client.send(head);
        client.send("K4NARY");
        let answer = client.answer();
        assert_eq!((answer.status, answer.refused().code.as_str()), (400, code), "{head:?}");
        assert!(answer.closes() && client.is_closed(), "{head:?}");
        assert!(!answer.text().contains("K4NARY"));
    }
    let mut client = site.client();
    let answer = client.ask(format!("GET /orders HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(20_000)));
    assert_eq!(answer.refused().code, "head-too-large");
    assert!(client.is_closed());
    site.assert_nothing_kept();
}

#[test]
fn a_bad_head_behind_a_good_exchange_does_not_spoil_its_answer() {
    let site = Site::new();
    let mut client = site.client();
    let mut both = Way::RestCsv.request("/orders", &RecordSet::many_orders(1));
    both.extend_from_slice(b"GET /orders HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    client.send(both);
    assert_eq!(client.answer().status, 202);
    assert_eq!(client.answer().refused().code, "head-duplicate-field");
    assert!(client.is_closed());
}

#[test]
fn the_stand_in_for_a_refused_head_cannot_be_asked_for() {
    let site = Site::new();
    let mut client = site.client();
    let answer = client.ask("GET /.refused/whatever HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(answer.status, 400);
    assert!(!answer.text().contains("whatever"));
}

#[test]
fn a_head_that_does_not_end_is_cut_off_in_time() {
    use crate::site::Arrangement;
    use sekisho_edge::ListenerLimits;
    let listener =
        ListenerLimits { head_timeout: std::time::Duration::from_millis(200), ..ListenerLimits::default() };
    let site = Site::with(Arrangement { listener, ..Arrangement::default() });
    let mut silent = site.client();
    let mut slow = site.client();
    slow.send("GET /orders HTTP/1.1\r\nHost");
    let mut idle = site.client();
    idle.is_alive();
    assert!(silent.is_closed());
    assert!(slow.is_closed());
    assert!(idle.is_closed());
}
