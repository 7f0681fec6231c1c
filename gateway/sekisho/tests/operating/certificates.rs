//! Certificates: the roots that an upstream's certificate may end in, and the certificate that the gateway shows, are
//! exchanged by a reload.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::authority::Authority;
use crate::running::{Gateway, Site};
use crate::wire::{Connection, PATIENCE};

impl Authority {
    /// A client's certificate and its key, in PEM.
    fn client(&self) -> (Vec<u8>, String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["gateway.example.test".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.der().to_vec(), certificate.pem(), key.serialize_pem())
    }

    /// A TLS server with a certificate of this authority for loopback. It asks for a certificate of the same authority
    /// but takes clients without one; those that clients show come out of the channel.
    fn server(&self) -> (SocketAddr, Receiver<Vec<u8>>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.0.der().to_vec())).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .unwrap();
        let (sender, shown) = channel();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let config = Arc::new(config);
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in socket.incoming().map_while(Result::ok) {
                let (config, sender) = (Arc::clone(&config), sender.clone());
                std::thread::spawn(move || {
                    let mut session = rustls::ServerConnection::new(config).unwrap();
                    let mut stream = stream;
                    let mut tls = rustls::Stream::new(&mut session, &mut stream);
                    let mut request = [0; 4096];
                    // Whether a client likes the certificate is for the client to say.
                    let asked = tls.read(&mut request).is_ok_and(|n| n > 0);
                    if let Some(chain) = tls.conn.peer_certificates() {
                        // Nobody waits for it where the test is not about this.
                        let _ = sender.send(chain[0].to_vec());
                    }
                    if asked {
                        let _ = tls
                            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    }
                });
            }
        });
        (address, shown)
    }
}

/// Asks for a hop until it is in a state.
fn until(gateway: &Gateway, hop: &str, state: &str) -> Connection {
    let limit = Instant::now() + PATIENCE;
    let mut admin = Connection::open(gateway.address("admin"));
    loop {
        let heartbeat: serde_json::Value = serde_json::from_str(&admin.get("/heartbeat").body).unwrap();
        let found = heartbeat["hops"].as_array().unwrap().iter().find(|one| one["name"] == hop).unwrap();
        if found["state"] == state {
            return admin;
        }
        assert!(Instant::now() < limit, "{hop} is not {state}: {found}");
    }
}

#[test]
fn roots_of_trust_are_exchanged_and_broken_ones_are_not_taken() {
    let (trusted, other) = (Authority::new(), Authority::new());
    let (cloud, _) = trusted.server();
    let site = Site::new();
    site.write("root.pem", &trusted.0.pem());
    let configure = |site: &Site| {
        let plain = site.plain();
        let url = plain.lines().find(|line| line.starts_with("url = ")).unwrap();
        site.configure(&plain.replace(url, &format!("url = \"https://{cloud}\"\nroots = [\"root.pem\"]")));
    };
    configure(&site);
    let gateway = Gateway::start(site);
    let mut held = gateway.connect();
    assert_eq!(held.get("/rows/heartbeat").status, 200);
    until(&gateway, "line", "up");

    // Junk is not taken: what was trusted still is.
    gateway.site.write("root.pem", "junk");
    let logged = gateway.reload();
    assert!(logged.contains("nothing was reloaded") && logged.contains("endpoint.roots"), "{logged}");
    assert!(logged.contains("holds no certificate in PEM"), "{logged}");
    until(&gateway, "line", "up");

    // Another root is: new connections to the cloud no longer end in a certificate that is trusted.
    gateway.site.write("root.pem", &other.0.pem());
    assert!(!gateway.reload().contains("nothing was reloaded"));
    until(&gateway, "line", "down");

    // And back, beside the other: the operator's way to exchange a root without a gap.
    gateway.site.write("root.pem", &format!("{}{}", other.0.pem(), trusted.0.pem()));
    assert!(!gateway.reload().contains("nothing was reloaded"));
    until(&gateway, "line", "up");
    assert_eq!(held.get("/rows/heartbeat").status, 200, "nobody's connection was dropped");
}

#[test]
fn the_certificate_that_the_gateway_shows_is_exchanged_and_a_broken_one_is_not_taken() {
    let authority = Authority::new();
    let (cloud, shown) = authority.server();
    let [(first, first_pem, first_key), (second, second_pem, second_key)] =
        [authority.client(), authority.client()];
    let site = Site::new();
    site.write("root.pem", &authority.0.pem());
    site.write("client.pem", &first_pem);
    site.write("client.key", &first_key);
    let plain = site.plain();
    let url = plain.lines().find(|line| line.starts_with("url = ")).unwrap();
    let endpoint = format!(
        "url = \"https://{cloud}\"\nroots = [\"root.pem\"]\nclient_certificate = \"client.pem\"\nclient_key = \"client.key\""
    );
    site.configure(&plain.replace(url, &endpoint));
    let gateway = Gateway::start(site);
    let mut held = gateway.connect();
    until(&gateway, "line", "up");
    let next = || shown.recv_timeout(PATIENCE).expect("the gateway shows no certificate");
    assert_eq!(next(), first);

    // Junk is not taken, nor a certificate with another one's key: what was shown still is.
    for (certificate, key) in
        [("junk", &first_key), (&*first_pem, &"junk".to_owned()), (&*second_pem, &first_key)]
    {
        gateway.site.write("client.pem", certificate);
        gateway.site.write("client.key", key);
        let logged = gateway.reload();
        assert!(
            logged.contains("nothing was reloaded") && logged.contains("upstream \"main\": endpoint"),
            "{logged}"
        );
        assert!(!logged.contains("PRIVATE"), "no key is in the log");
        shown.try_iter().for_each(drop);
        assert_eq!(next(), first);
    }

    // Another pair is: connections that are made from now on show it.
    gateway.site.write("client.pem", &second_pem);
    gateway.site.write("client.key", &second_key);
    assert!(!gateway.reload().contains("nothing was reloaded"));
    let limit = Instant::now() + PATIENCE;
    while next() != second {
        assert!(Instant::now() < limit, "the new certificate is never shown");
    }
    until(&gateway, "line", "up");
    assert_eq!(held.get("/rows/heartbeat").status, 200, "nobody's connection was dropped");
}
