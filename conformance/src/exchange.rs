//! One HTTP/1.1 exchange with bytes of one's own: what a case or a test wants to send, however wrong it is.
//!
//! A library would mend or refuse half of it, so this is a socket and a small reader of answers.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// An answer, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status code; 0 if the connection ended before one came.
    pub status: u16,
    /// Fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, transfer coding undone; `cut` if it is not whole.
    pub body: Vec<u8>,
    /// The connection ended before the answer was whole.
    pub cut: bool,
    /// The server ended the connection after the answer (seen within the time that [`Peer::linger`] allows).
    pub closed: bool,
    /// Interim answers (1xx) that came before.
    pub interim: Vec<u16>,
}

impl Reply {
    /// The first field of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(at, _)| at == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Where to send to.
#[derive(Clone)]
pub struct Peer {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long to wait after an answer for the server to end the connection.
    pub linger: Duration,
}

impl Peer {
    /// A peer by URL: `http://host:port` or `https://host:port`. For TLS, `roots` is the PEM file of the certificates
    /// to trust, `identity` the PEM files of the client's own certificates and key.
    ///
    /// # Errors
    /// The URL is none, or a file cannot be read.
    pub fn new(
        url: &str,
        roots: Option<&std::path::Path>,
        identity: Option<(&std::path::Path, &std::path::Path)>,
    ) -> anyhow::Result<Self> {
        let uri: http::Uri = url.parse()?;
        let host = uri.host().ok_or_else(|| anyhow::anyhow!("{url} names no host"))?.to_owned();
        let https = uri.scheme_str() == Some("https");
        let tls = if https { Some(Arc::new(tls_config(roots, identity)?)) } else { None };
        Ok(Peer {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }),
            tls,
            timeout: Duration::from_secs(30),
            linger: Duration::ZERO,
        })
    }

    /// `host:port`, as a `Host` field has it.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Sends the bytes on a connection of their own and reads one answer. With `then_close` the sending side is shut
    /// after them, as by a client that has gone.
    ///
    /// # Errors
    /// No connection, or no answer in time. A connection that the server ends is no error: see [`Reply::cut`].
    pub fn send(&self, bytes: &[u8], then_close: bool) -> io::Result<Reply> {
        let stream = self.connect()?;
        let head_only = bytes.starts_with(b"HEAD ");
        let Some(tls) = &self.tls else {
            // The server may answer, and end the connection, before everything is sent: what it said is still there.
            let mut writer = stream.try_clone()?;
            let sent = writer.write_all(bytes);
            if then_close {
                let _ = writer.shutdown(Shutdown::Write);
            }
            let mut reader = BufReader::new(&stream);
            let mut reply = read_reply(&mut reader, head_only)?;
            reply.closed = self.sees_end(&stream, &mut reader);
            if reply.status == 0 && sent.is_err() {
                reply.cut = true;
            }
            return Ok(reply);
        };
        let mut stream = self.secure(tls, stream)?;
        let _ = stream.write_all(bytes).and_then(|()| stream.flush());
        read_reply(&mut BufReader::new(&mut stream), head_only)
    }

    /// Sends a request's head, waits until the server asks for the body (RFC 9110 section 10.1.1), does what is to be
    /// done meanwhile, and sends the body. The head has to have `Expect: 100-continue`.
    ///
    /// # Errors
    /// No connection, or the server does not ask in time, or not at all.
    pub fn send_in_two<T>(&self, bytes: &[u8], meanwhile: impl FnOnce() -> T) -> io::Result<(Reply, T)> {
        let head = memchr::memmem::find(bytes, b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
        let stream = self.connect()?;
        match &self.tls {
            None => in_two(stream, bytes.split_at(head), meanwhile),
            Some(tls) => in_two(self.secure(tls, stream)?, bytes.split_at(head), meanwhile),
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(self.timeout))?;
                    stream.set_write_timeout(Some(self.timeout))?;
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn secure(&self, tls: &Arc<ClientConfig>, stream: TcpStream) -> io::Result<Secured> {
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }

    fn sees_end(&self, stream: &TcpStream, reader: &mut impl Read) -> bool {
        if self.linger.is_zero() || stream.set_read_timeout(Some(self.linger)).is_err() {
            return false;
        }
        loop {
            return match reader.read(&mut [0]) {
                Ok(0) => true,
                Ok(_) => false,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            };
        }
    }
}

type Secured = StreamOwned<ClientConnection, TcpStream>;

fn in_two<T>(
    stream: impl Read + Write,
    (head, body): (&[u8], &[u8]),
    meanwhile: impl FnOnce() -> T,
) -> io::Result<(Reply, T)> {
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(head)?;
    stream.get_mut().flush()?;
    let mut asked = Reply::default();
    if !read_head(&mut stream, &mut asked)? || asked.status != 100 {
        return Err(io::Error::other(format!("status {} where the body has to be asked for", asked.status)));
    }
    let done = meanwhile();
    stream.get_mut().write_all(body)?;
    stream.get_mut().flush()?;
    Ok((read_reply(&mut stream, false)?, done))
}

fn tls_config(
    roots: Option<&std::path::Path>,
    identity: Option<(&std::path::Path, &std::path::Path)>,
) -> anyhow::Result<ClientConfig> {
    let mut store = RootCertStore::empty();
    if let Some(path) = roots {
        for certificate in CertificateDer::pem_file_iter(path)? {
            store.add(certificate?)?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store);
    Ok(match identity {
        Some((chain, key)) => {
            let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<Vec<_>, _>>()?;
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
        }
        None => builder.with_no_client_auth(),
    })
}

/// Reads one answer; whatever ends it early is told by [`Reply::cut`], except the time.
pub(crate) fn read_reply(reader: &mut impl BufRead, head_only: bool) -> io::Result<Reply> {
    let mut reply = Reply::default();
    loop {
        match read_head(reader, &mut reply) {
            Ok(true) if (100..200).contains(&reply.status) => {
                reply.interim.push(reply.status);
                reply.status = 0;
                reply.headers.clear();
            }
            Ok(true) => break,
            Ok(false) => {
                reply.cut = true;
                return Ok(reply);
            }
            Err(error) => return ended(error, reply),
        }
    }
    if head_only || matches!(reply.status, 204 | 304) {
        return Ok(reply);
    }
    match read_body(reader, &mut reply) {
        Ok(()) => Ok(reply),
        Err(error) => ended(error, reply),
    }
}

fn ended(error: io::Error, mut reply: Reply) -> io::Result<Reply> {
    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
        return Err(error);
    }
    reply.cut = true;
    Ok(reply)
}

/// False if the connection ended before or in the head.
fn read_head(reader: &mut impl BufRead, reply: &mut Reply) -> io::Result<bool> {
    let Some(first) = read_line(reader)? else { return Ok(false) };
    reply.status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    loop {
        let Some(line) = read_line(reader)? else { return Ok(false) };
        if line.is_empty() {
            return Ok(true);
        }
        if let Some((name, value)) = line.split_once(':') {
            reply.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

fn read_body(reader: &mut impl BufRead, reply: &mut Reply) -> io::Result<()> {
    let chunked = reply
        .header("transfer-encoding")
        .is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"));
    if chunked {
        loop {
            let line = read_line(reader)?.ok_or(ErrorKind::UnexpectedEof)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| ErrorKind::InvalidData)?;
            read_exactly(reader, size, &mut reply.body)?;
            if size == 0 {
                // Trailers, and the empty line behind them.
                while read_line(reader)?.is_some_and(|line| !line.is_empty()) {}
                return Ok(());
            }
            read_line(reader)?;
        }
    }
    match reply.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => read_exactly(reader, length, &mut reply.body),
        None => reader.read_to_end(&mut reply.body).map(|_| ()),
    }
}

fn read_exactly(reader: &mut impl BufRead, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
    match reader.take(length).read_to_end(into)? as u64 == length {
        true => Ok(()),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.take(64 * 1024).read_until(b'\n', &mut line)? == 0 || line.last() != Some(&b'\n') {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

/// A request with a body, whole and correct: method, path, fields (`Host` and `Content-Length` are added), body.
pub fn request(peer: &Peer, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", peer.authority()).into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}
