//! An upstream whose certificate turns into another one between two chunks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sekisho_delivery::{DialectSpec, PaceSpec};
use sekisho_liveness::{ErrorClass, HopState};
use sekisho_upstream::EndpointConfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::intake::{dialect, take};
use crate::support::{Cloud, House, Table, plan};

/// An authority, and a server's configuration with a certificate that it has issued.
fn issued() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &authority).expect("signed");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        )
        .expect("a configuration");
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// TLS in front of a cloud, with whatever certificate it has just now.
async fn front(cloud: SocketAddr, shown: Arc<Mutex<TlsAcceptor>>) -> (u16, tokio::task::JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = shown.lock().expect("lock").clone();
            connections.spawn(async move {
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = TcpStream::connect(cloud).await.expect("the cloud");
                // Either side may end it.
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (port, tasks)
}

#[tokio::test]
async fn a_certificate_that_changed_stops_delivery_on_the_line_with_nothing_in_doubt() {
    let ((root, right), (_, wrong)) = (issued(), issued());
    let shown = Arc::new(Mutex::new(right.clone()));
    let table = Table::default();
    let (rows, changing) = (table.clone(), Arc::clone(&shown));
    let cloud = Cloud::start(move |call| {
        if call.number == 0 {
            *changing.lock().expect("lock") = wrong.clone();
        }
        take(&rows, call, |_| None)
    })
    .await;
    let inside = cloud.endpoint().url.trim_start_matches("http://").parse().expect("an address");
    let (port, _front) = front(inside, Arc::clone(&shown)).await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Soap(dialect()));
    plan.idempotent = false;
    plan.pace = PaceSpec { fixed_rows: Some(10), max_in_flight: 1, ..plan.pace };
    let batch = house.accept(&plan, 50).await;
    let endpoint = EndpointConfig {
        roots: vec![house.file("root.pem", &root)],
        keep_alive_ms: 0,
        ..EndpointConfig::new(format!("https://localhost:{port}"))
    };
    let _delivery = house.start(&endpoint).await;
    house.hop_becomes(HopState::Down).await;
    let hops = house.board.snapshot().hops;
    let line = hops.iter().find(|hop| &*hop.name == "line").expect("a hop");
    assert_eq!((line.state, line.class), (HopState::Down, Some(ErrorClass::Line)));
    assert!(line.text_en.contains("upstream-tls"), "{}", line.text_en);
    let view = house.until(batch, |view| view.sums.in_flight == 0).await;
    assert_eq!((view.sums.delivered, view.sums.pending, view.sums.in_doubt), (10, 40, 0));
    *shown.lock().expect("lock") = right;
    assert_eq!(house.finished(batch).await.sums.delivered, 50);
    assert_eq!(table.most_writes(), 1);
}
