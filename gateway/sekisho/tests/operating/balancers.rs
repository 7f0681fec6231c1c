//! Balancers in front of a listener, which say by the PROXY protocol whose connection each is.

use std::io::{ErrorKind, Read as _, Write as _};

use crate::peers::curl;
use crate::running::{Gateway, Site, connected};
use crate::shaking::{over_tls, site as site_over_tls};
use crate::wire::Connection;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const HEARTBEAT: &[u8] = b"GET /rows/heartbeat HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// What a balancer writes of a connection from there.
fn header(source: [u8; 4]) -> Vec<u8> {
    let ports = [50_000_u16.to_be_bytes(), 443_u16.to_be_bytes()].concat();
    [SIGNATURE, &[0x21, 0x11, 0, 12], &source, &[127, 0, 0, 1], &ports].concat()
}

const BALANCER: [u8; 4] = [127, 0, 0, 8];

/// Sends that and returns what comes until the connection ends.
fn sent(gateway: &Gateway, source: [u8; 4], parts: &[&[u8]]) -> String {
    let mut stream = connected(source, gateway);
    // A connection that is refused may be closed while it is written to.
    let _ = stream.write_all(&parts.concat());
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    // An answer is enough: the connection would be kept.
    while !answer.ends_with(b"}") {
        match stream.read(&mut part) {
            // A process that was stopped and goes on; nothing of the connection.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            Ok(n) => answer.extend_from_slice(&part[..n]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn behind(text: &str) -> String {
    let limits = "[limits]\nhandshake_timeout_ms = 500\nconnections = 8\naddress_connections = 2\n[admin]\n";
    text.replace("[admin]\n", limits)
        .replace("networks = [\"127.0.0.0/8\"]", "networks = [\"127.0.0.1/32\", \"10.1.0.0/16\"]")
        .replace("routes = [\"rows\"]", "balancers = [\"127.0.0.8/32\"]\nroutes = [\"rows\"]")
}

fn away(code: &str) -> String {
    format!("sekisho_connections_turned_away_total{{code=\"{code}\",listener=\"one\"}}")
}

#[test]
fn a_client_is_known_by_the_address_that_its_balancer_says() {
    let site = Site::new();
    site.configure(&behind(&site.plain()));
    let gateway = Gateway::start(site);
    for (source, status) in [([10, 1, 2, 3], "200"), ([127, 0, 0, 1], "200"), ([10, 2, 0, 1], "403")] {
        let answer = sent(&gateway, BALANCER, &[&header(source), HEARTBEAT]);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{source:?}: {answer}");
    }
    // A client that comes by itself is none, whatever it says, and is not even asked.
    assert_eq!(sent(&gateway, [127, 0, 0, 1], &[HEARTBEAT]), "");
    assert_eq!(sent(&gateway, [127, 0, 0, 1], &[&header([10, 1, 2, 3]), HEARTBEAT]), "");
    assert_eq!(gateway.metric(&away("proxy-stranger")), "2");
    // Nor has a balancer any requests of its own.
    assert_eq!(sent(&gateway, BALANCER, &[SIGNATURE, &[0x20, 0, 0, 0], HEARTBEAT]), "");
    for (name, bytes, code) in [
        ("no header", HEARTBEAT.to_vec(), "proxy-not-spoken"),
        ("version 1", b"PROXY TCP4 10.1.2.3 127.0.0.1 5 443\r\n".to_vec(), "proxy-not-spoken"),
        ("no address", [SIGNATURE, &[0x21, 0, 0, 0]].concat(), "proxy-no-address"),
        ("a version that is not known", [SIGNATURE, &[0x31, 0x11, 0, 0]].concat(), "proxy-unknown"),
        ("endless", [SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat(), "proxy-too-long"),
        ("short", [SIGNATURE, &[0x21, 0x11, 0, 2, 1, 2]].concat(), "proxy-length"),
        ("half of it", header([10, 1, 2, 3])[..20].to_vec(), "proxy-too-slow"),
        ("nothing", Vec::new(), "proxy-too-slow"),
    ] {
        assert_eq!(sent(&gateway, BALANCER, &[&bytes]), "", "{name}");
        gateway.metric(&away(code));
    }
    // It may come byte by byte, and what is behind it at once with it.
    let mut slow = connected(BALANCER, &gateway);
    slow.set_nodelay(true).unwrap();
    for byte in header([10, 1, 2, 3]) {
        slow.write_all(&[byte]).unwrap();
    }
    let mut slow = Connection::over(slow);
    assert_eq!(slow.get("/rows/heartbeat").status, 200);
    assert_eq!(slow.get("/rows/heartbeat").status, 200);
}

#[test]
fn places_are_counted_by_the_address_that_a_balancer_says() {
    let site = Site::new();
    site.configure(&behind(&site.plain()));
    let gateway = Gateway::start(site);
    let open = |source: [u8; 4]| {
        let mut stream = connected(BALANCER, &gateway);
        stream.write_all(&header(source)).unwrap();
        Connection::over(stream)
    };
    let mut held: Vec<Connection> = (0..2).map(|_| open([10, 1, 0, 1])).collect();
    for one in &mut held {
        assert_eq!(one.get("/rows/heartbeat").status, 200);
    }
    let third = String::from_utf8(open([10, 1, 0, 1]).rest()).unwrap();
    assert!(third.starts_with("HTTP/1.1 503") && third.contains("address-connections-full"), "{third}");
    assert_eq!(
        open([10, 1, 0, 2]).get("/rows/heartbeat").status,
        200,
        "the balancer's own address is not counted"
    );
}

#[test]
fn tls_begins_behind_the_header() {
    let (site, _) = site_over_tls();
    site.configure(&behind(&over_tls(&site, "")));
    let gateway = Gateway::start(site);
    let asked = curl(&gateway, "/rows/heartbeat", &["--interface", "127.0.0.8", "--haproxy-protocol"]);
    // curl speaks version 1 of the protocol, which nobody needs any more.
    assert_eq!(asked.status, 0, "{asked:?}");
    gateway.metric(&away("proxy-not-spoken"));
    let mut stream = connected(BALANCER, &gateway);
    stream.write_all(&header([10, 1, 2, 3])).unwrap();
    let mut secure = crate::peers::secure_over(stream, &gateway, None);
    assert_eq!(secure.get("/rows/heartbeat").status, 200);
    let mut stream = connected(BALANCER, &gateway);
    stream.write_all(&header([10, 2, 2, 3])).unwrap();
    let mut secure = crate::peers::secure_over(stream, &gateway, None);
    assert_eq!(secure.get("/rows/heartbeat").status, 403);
}

#[test]
fn without_balancers_nobody_is_believed() {
    let site = Site::new();
    site.configure(&site.plain().replace("127.0.0.0/8", "10.1.0.0/16"));
    let gateway = Gateway::start(site);
    let answer = sent(&gateway, [127, 0, 0, 1], &[&header([10, 1, 2, 3]), HEARTBEAT]);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let said = [&b"GET /rows/heartbeat HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.1.2.3\r\nForwarded: for=10.1.2.3\r\n\r\n"[..]];
    let answer = sent(&gateway, [127, 0, 0, 1], &said);
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("client-unknown"), "{answer}");
}
