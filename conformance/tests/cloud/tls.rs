//! The cloud over TLS.

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
