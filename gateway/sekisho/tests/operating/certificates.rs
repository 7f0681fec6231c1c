//! Certificates: the roots that an upstream's certificate may end in are exchanged by a reload.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::running::{Gateway, Site};
use crate::wire::{Connection, PATIENCE};

/// An authority of certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A TLS server with a certificate of this authority for loopback.
    fn server(&self) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
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
                let config = Arc::clone(&config);
                std::thread::spawn(move || {
                    let mut session = rustls::ServerConnection::new(config).unwrap();
                    let mut stream = stream;
                    let mut tls = rustls::Stream::new(&mut session, &mut stream);
                    let mut request = [0; 4096];
                    // Whether a client likes the certificate is for the client to say.
                    if tls.read(&mut request).is_ok_and(|n| n > 0) {
                        let _ = tls
                            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    }
                });
            }
        });
        address
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
    let cloud = trusted.server();
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
