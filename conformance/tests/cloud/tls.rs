//! The cloud over TLS.

use std::io::{Read, Write};
use std::net::TcpStream;

use sekisho_conformance::cloud;
use sekisho_conformance::exchange::{Peer, request};

use crate::Site;

#[test]
fn tls_is_spoken_to_who_trusts_the_certificate_and_to_nobody_else() {
    let folder = std::env::temp_dir().join(format!("sekisho-cloud-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let options = cloud::Options {
        tls_cert: Some(certificate.clone()),
        tls_key: Some(key),
        ..cloud::Options::default()
    };
    let site = Site::quick();
    let running = site.runtime.block_on(cloud::start(options)).unwrap();
    assert_eq!(running.scheme(), "https");

    let url = format!("https://localhost:{}", running.address().port());
    let trusting = Peer::new(&url, Some(&certificate), None).unwrap();
    let reply = trusting.send(&request(&trusting, "GET", "/health", &[], b""), false).unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, r#"{"state":"up"}"#));
    let wary = Peer::new(&url, None, None).unwrap();
    let reply = wary.send(&request(&wary, "GET", "/health", &[], b""), false).unwrap();
    assert!(reply.cut && reply.status == 0);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn every_tunnel_of_the_proxy_leads_to_the_cloud() {
    let mut options = cloud::Options::default();
    options.proxy = Some(options.listen);
    let site = Site::quick();
    let running = site.runtime.block_on(cloud::start(options)).unwrap();
    let proxy = running.proxy().unwrap();
    let ask = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(proxy).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let tunnel = "CONNECT city.my.example:443 HTTP/1.1\r\nHost: city.my.example:443\r\n\r\n";
    let inside = "GET /health HTTP/1.1\r\nHost: city.my.example\r\nConnection: close\r\n\r\n";
    let answer = ask(format!("{tunnel}{inside}").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"state":"up"}"#), "{answer}");
    assert!(ask(b"GET http://city.my.example/health HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    // One byte too many, and it is over.
    assert_eq!(ask(&[b'x'; 8 * 1024 + 1]), "");
}
