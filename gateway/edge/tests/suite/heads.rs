//! Heads that could be read in two ways, on the wire.

use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::Way;

#[test]
fn a_bad_head_is_refused_as_a_problem_with_its_own_words_and_the_connection_closed() {
    let site = Site::new();
    let many: String = (0..100).map(|n| format!("X-{n}: a\r\n")).collect();
    let long = "x".repeat(20_000);
    let mut said = std::collections::HashMap::new();
    for (status, code, head) in [
        (
            400,
            "head-ambiguous-length",
            "POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        (400, "head-ambiguous-length", "POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 4\r\n\r\n"),
        (
            501,
            "head-transfer-coding",
            "POST /orders HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        ),
        (
            400,
            "head-duplicate-field",
            "POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        ),
        (400, "head-no-host", "POST /orders HTTP/1.1\r\nContent-Length: 4\r\n\r\n"),
        (400, "head-bare-line-end", "POST /orders HTTP/1.1\nHost: h\n\n"),
        (400, "head-header-field", "POST /orders HTTP/1.1\r\nHost : h\r\n\r\n"),
        (421, "head-other-host", "POST http://elsewhere/orders HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "head-request-line", "CONNECT elsewhere:443 HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "head-request-line", "GET /orders#part HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "head-request-line", "GET /orders<x> HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "head-request-line", "GET /ord\\ers HTTP/1.1\r\nHost: h\r\n\r\n"),
        (505, "head-http-version", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (431, "head-too-large", &format!("GET /orders HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n")),
        (431, "head-too-many-fields", &format!("GET /orders HTTP/1.1\r\nHost: h\r\n{many}\r\n")),
        (414, "head-target-too-long", &format!("GET /orders?{long} HTTP/1.1\r\nHost: h\r\n\r\n")),
    ] {
        let mut client = site.client();
        let _ = client.try_send(format!("{head}K4NARY").as_bytes());
        let answer = client.answer();
        assert_eq!((answer.status, answer.refused().code.as_str()), (status, code), "{head:?}");
        assert!(answer.closes() && client.is_closed(), "{head:?}");
        assert!(!answer.text().contains("K4NARY"));
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        let other = said.insert(detail, code);
        assert!(other.is_none_or(|other| other == code), "{code} says what {other:?} says");
    }
    site.assert_nothing_kept();
}

#[test]
fn a_target_in_absolute_form_at_this_host_is_taken() {
    let site = Site::new();
    let set = RecordSet::many_orders(2);
    let port = site.address.port();
    for authority in [format!("127.0.0.1:{port}"), format!("LOCALHOST:{port}")] {
        for way in Way::ALL {
            let request = way.request("/orders", &set);
            let origin = String::from_utf8(request).unwrap();
            // What Host says is not looked at beside an absolute form.
            let absolute = origin.replacen("POST /", &format!("POST http://{authority}/"), 1);
            let mut client = site.client();
            let answer = client.ask(&absolute);
            assert!(answer.status < 300, "{way:?}: {answer}");
            assert!(client.is_alive());
        }
        let wsdl = format!("GET http://{authority}/orders?wsdl HTTP/1.1\r\nHost: elsewhere\r\n\r\n");
        let answer = site.client().ask(wsdl);
        assert!(answer.text().contains(&format!("location=\"http://{authority}/orders\"")), "{answer}");
        assert!(!answer.text().contains("elsewhere"));
    }
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
fn a_head_that_does_not_end_is_refused_in_time_and_silence_just_ends() {
    use crate::site::Arrangement;
    use sekisho_edge::ListenerLimits;
    let listener =
        ListenerLimits { head_timeout: std::time::Duration::from_secs(2), ..ListenerLimits::default() };
    // The bytes are there before anybody keeps time.
    let (site, (mut silent, mut slow)) =
        Site::with_early(Arrangement { listener, ..Arrangement::default() }, |connect| {
            let (silent, mut slow) = (connect(), connect());
            slow.send("GET /orders HTTP/1.1\r\nHost");
            (silent, slow)
        });
    let answer = slow.answer();
    assert_eq!((answer.status, answer.refused().code.as_str()), (408, "head-too-slow"), "{answer}");
    assert!(answer.closes() && slow.is_closed());
    assert!(silent.is_closed());
    site.assert_nothing_kept();
}
