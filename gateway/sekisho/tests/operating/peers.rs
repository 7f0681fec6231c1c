//! Clients that are not ours: curl, OpenSSL's `s_client`, and connections of rustls that stay open.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::authority::Issued;
use crate::running::{Gateway, Site, text};
use crate::wire::{Connection, PATIENCE};

/// What curl says: HTTP status (0 without an answer), its own exit code, and the body.
#[derive(Debug)]
pub(crate) struct Curled {
    pub(crate) status: u16,
    pub(crate) exit: i32,
    pub(crate) body: String,
}

/// Asks by curl, which trusts the site's `root.pem`; `more` is further arguments.
pub(crate) fn curl(gateway: &Gateway, path: &str, more: &[&str]) -> Curled {
    let url = format!("{}{path}", gateway.secure());
    let output = Command::new("curl")
        // -4: a client's network is one of IPv4 here; -q: no file of whoever runs the tests.
        .args(["-q", "-4", "-s", "--max-time", "60", "--cacert"])
        .arg(gateway.site.path("root.pem"))
        .args(["-w", "\n%{http_code}"])
        .args(more)
        .arg(&url)
        .env_remove("https_proxy")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let (body, status) = said.rsplit_once('\n').unwrap_or_else(|| panic!("{said}"));
    Curled { status: status.parse().unwrap(), exit: output.status.code().unwrap(), body: body.to_owned() }
}

/// The arguments by which curl and `s_client` show a certificate of the site's folder.
pub(crate) fn showing(site: &Site, name: &str) -> Vec<String> {
    let path = |end: &str| text(&site.path(&format!("{name}.{end}"))).to_owned();
    vec!["--cert".to_owned(), path("pem"), "--key".to_owned(), path("key")]
}

/// What `openssl s_client` says of a connection on which it asks for a heartbeat, and whether it got through.
pub(crate) fn s_client(gateway: &Gateway, more: &[&str]) -> (bool, String) {
    let mut process = Command::new("openssl")
        .args(["s_client", "-connect"])
        .arg(gateway.address("one").to_string())
        .args(["-servername", "localhost", "-verify_return_error", "-ign_eof", "-CAfile"])
        .arg(gateway.site.path("root.pem"))
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let request = b"GET /rows/heartbeat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    // Where the handshake fails nobody reads it.
    let _ = process.stdin.take().unwrap().write_all(request);
    let output = process.wait_with_output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (said.contains("HTTP/1.1 200 OK"), said)
}

/// A connection over TLS that shows a certificate, or none.
pub(crate) fn secure(gateway: &Gateway, shown: Option<&Issued>) -> Connection {
    secure_over(TcpStream::connect(gateway.address("one")).unwrap(), gateway, shown)
}

/// The same over a stream that something has been sent on.
pub(crate) fn secure_over(stream: TcpStream, gateway: &Gateway, shown: Option<&Issued>) -> Connection {
    let mut roots = RootCertStore::empty();
    let root = std::fs::read(gateway.site.path("root.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&root).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        Some(shown) => {
            let chain = vec![CertificateDer::from(shown.der.clone())];
            let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Connection::over(StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream))
}
