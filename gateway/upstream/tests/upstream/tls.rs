use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sekisho_upstream::{Body, Endpoint, EndpointConfig, HttpClient, Sent, UpstreamError, probe_tls};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, ok, request};

/// An authority, and what it has issued.
struct Issued {
    folder: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Issued {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        Self { folder: tempfile::tempdir().expect("a folder"), authority }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    fn root(&self) -> PathBuf {
        self.file("root.pem", &self.authority.pem())
    }

    fn certificate(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        (params.signed_by(&key, &self.authority).expect("signed"), key)
    }

    fn server(&self, names: &[&str], asks_for_certificate: bool) -> Arc<ServerConfig> {
        let (certificate, key) = self.certificate(names);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = if asks_for_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.der().clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        Arc::new(builder.with_single_cert(chain, key).expect("a configuration"))
    }
}

async fn serve(config: Arc<ServerConfig>) -> Server {
    let acceptor = TlsAcceptor::from(config);
    Server::start(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            assert_eq!(stream.get_ref().1.alpn_protocol(), None);
            let shown = stream.get_ref().1.peer_certificates().is_some();
            while request(&mut stream).await.is_some() {
                if stream.write_all(ok(&shown.to_string()).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

fn config(server: &Server, roots: Vec<PathBuf>) -> EndpointConfig {
    EndpointConfig { url: format!("https://localhost:{}", server.address.port()), roots, ..server.config() }
}

async fn get(config: &EndpointConfig) -> Result<String, UpstreamError> {
    let client = HttpClient::new(Endpoint::load(config).expect("an endpoint"));
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = client.endpoint().target("/").expect("a target");
    let answer = client.send(request, Duration::from_secs(60)).await?;
    Ok(String::from_utf8(answer.body.to_vec()).expect("UTF-8"))
}

#[tokio::test]
async fn a_peer_is_trusted_by_the_named_roots_and_its_name_only() {
    let issued = Issued::new();
    let server = serve(issued.server(&["localhost"], false)).await;
    let good = config(&server, vec![issued.root()]);
    assert_eq!(get(&good).await.expect("trusted"), "false");
    let timing = probe_tls(&Endpoint::load(&good).expect("an endpoint"), Duration::from_secs(60))
        .await
        .expect("shaken");
    assert!(timing.tls.is_some());

    let stranger = Issued::new();
    let error = get(&config(&server, vec![stranger.root()])).await.expect_err("another authority");
    assert_eq!((error.code(), error.outcome()), ("upstream-tls", Sent::No));

    let renamed = EndpointConfig { server_name: Some("cloud.example".into()), ..good.clone() };
    let error = get(&renamed).await.expect_err("another name");
    assert_eq!(error.code(), "upstream-tls");

    let other = serve(issued.server(&["cloud.example"], false)).await;
    let named =
        EndpointConfig { server_name: Some("cloud.example".into()), ..config(&other, vec![issued.root()]) };
    assert_eq!(get(&named).await.expect("trusted by its configured name"), "false");
}

#[tokio::test]
async fn the_client_certificate_is_shown_where_it_is_asked_for() {
    let issued = Issued::new();
    let server = serve(issued.server(&["localhost"], true)).await;
    let mut config = config(&server, vec![issued.root()]);
    let error = get(&config).await.expect_err("no certificate");
    // TLS 1.3: the server's refusal arrives after the client's handshake, with the request perhaps under way.
    assert!(matches!(error.code(), "upstream-tls" | "upstream-cut"), "{error}");
    let (certificate, key) = issued.certificate(&["gateway.example"]);
    config.client_certificate = Some(issued.file("client.pem", &certificate.pem()));
    assert!(Endpoint::load(&config).is_err(), "a certificate without its key");
    config.client_key = Some(issued.file("client.key", &key.serialize_pem()));
    assert_eq!(get(&config).await.expect("known"), "true");
}
