//! Sockets: the listener, TLS, the way a body is read and an answer sent, and the ways in which both can fail.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::{Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::answer::Answer;
use super::faults::{Kind, Rule, Variant};
use super::route::{self, Request, Service};
use super::{Cloud, Options, admin, jwt, proxy};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A cloud at work. It ends when this is dropped, and its connections with it.
pub struct Running {
    address: SocketAddr,
    proxy: Option<SocketAddr>,
    scheme: &'static str,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its proxy listens, if it has one.
    pub fn proxy(&self) -> Option<SocketAddr> {
        self.proxy
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Waits until the cloud ends, which it does not by itself.
    pub async fn ended(mut self) {
        // An error is a panic of the accepting task, which there is none of, or the runtime's end.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a cloud.
///
/// # Errors
/// The address is taken, or a file of keys cannot be read.
pub async fn start(options: Options) -> anyhow::Result<Running> {
    let acceptor = acceptor(&options)?;
    let listener = listen(options.listen).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    let proxy_listener = match options.proxy {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let proxy = match &proxy_listener {
        Some(listener) => Some(listener.local_addr().context("the proxy's listener has no address")?),
        None => None,
    };
    let jwt_key = match &options.jwt_key {
        Some(path) => {
            let pem =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Some(jwt::public_key(&pem).map_err(anyhow::Error::msg)?)
        }
        None => None,
    };
    let mut cloud = Cloud::new(options);
    if let Some(key) = jwt_key {
        cloud.sessions.set_jwt_key(key);
    }
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let door = Door { acceptor, cloud: Arc::new(cloud), scheme };
    let task = tokio::spawn(async move {
        match proxy_listener {
            Some(proxy) => tokio::join!(accept(listener, &door, false), accept(proxy, &door, true)).0,
            None => accept(listener, &door, false).await,
        }
    });
    Ok(Running { address, proxy, scheme, task })
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

fn acceptor(options: &Options) -> anyhow::Result<Option<TlsAcceptor>> {
    let (Some(certificates), Some(key)) = (&options.tls_cert, &options.tls_key) else { return Ok(None) };
    let chain = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read certificates from {}", certificates.display()))?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| format!("cannot read {}", key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

/// What stands behind every listener.
struct Door {
    acceptor: Option<TlsAcceptor>,
    cloud: Arc<Cloud>,
    scheme: &'static str,
}

/// Accepts connections; with `tunnels` each has to ask for its tunnel first.
async fn accept(listener: TcpListener, door: &Door, tunnels: bool) {
    // Dropping the set ends the connections.
    let mut connections = JoinSet::new();
    loop {
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of descriptors, or the client has gone again: the next may do better.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let cut = Arc::new(AtomicBool::new(false));
        let (acceptor, cloud, scheme) = (door.acceptor.clone(), Arc::clone(&door.cloud), door.scheme);
        connections.spawn(async move {
            if tunnels && proxy::open_tunnel(&mut stream).await.is_err() {
                return;
            }
            let socket = Socket { stream, cut: Arc::clone(&cut) };
            match acceptor {
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        converse(stream, cloud, cut, scheme).await;
                    }
                }
                None => converse(socket, cloud, cut, scheme).await,
            }
        });
    }
}

async fn converse<S>(stream: S, cloud: Arc<Cloud>, cut: Arc<AtomicBool>, scheme: &'static str)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let (cloud, cut) = (Arc::clone(&cloud), Arc::clone(&cut));
        async move { respond(cloud, cut, request, scheme).await }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.max_buf_size(1024 * 1024);
    // An error is a connection that broke, by the client or on purpose.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is to be reset: hyper ends it, and the socket's last act is RST.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection is cut on purpose")
    }
}

impl std::error::Error for Cut {}

async fn respond(
    cloud: Arc<Cloud>,
    cut: Arc<AtomicBool>,
    request: http::Request<Incoming>,
    scheme: &'static str,
) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let base = format!("{scheme}://{host}");
    let path = parts.uri.path().to_owned();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let service = Service::of(&segments);
    let is_admin = segments.first() == Some(&"admin");
    let fault = match is_admin {
        true => None,
        false => cloud.faults.take(service.dialect(), service.step(&parts.method)),
    };
    let body = match read_body(body, service.most(), fault.as_ref()).await {
        Ok(body) => body,
        Err(status) => return Ok(whole(Answer::html(status).with(header::CONNECTION, "close"))),
    };
    let query = Request::query_of(parts.uri.query());
    let request =
        Request { method: parts.method, path: path.clone(), query, headers: parts.headers, body, base };
    if is_admin {
        return Ok(administer(&cloud, &request, &segments[1..]));
    }
    // A task of its own: the work goes on when the client has gone.
    let task = tokio::spawn(route::process(Arc::clone(&cloud), request, fault.clone()));
    let Ok(answer) = task.await else {
        return Ok(whole(Answer::html(StatusCode::INTERNAL_SERVER_ERROR)));
    };
    send(answer, fault, cut).await
}

fn administer(cloud: &Arc<Cloud>, request: &Request, rest: &[&str]) -> Response<Body> {
    let Some(object) = admin::asks_for_dump(&request.method, rest) else {
        return whole(admin::serve(cloud, request, rest));
    };
    let form = admin::dump_form(request);
    let Some(pieces) = admin::dump(cloud, object, form) else {
        return whole(Answer::html(StatusCode::NOT_FOUND));
    };
    let media = if form == admin::DumpForm::Csv { "text/csv" } else { "application/x-ndjson" };
    let frames = pieces.map(|piece| Ok(Frame::data(piece)));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(media));
    response
}

/// Reads a body whole.
///
/// # Errors
/// It is longer than `most` bytes (413), or broke off (400).
async fn read_body(mut body: Incoming, most: usize, fault: Option<&Rule>) -> Result<Bytes, StatusCode> {
    let slow = fault.filter(|rule| rule.kind == Kind::SlowRead).map(|rule| rule.bytes_per_second.max(1));
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > most {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if let Some(rate) = slow {
            tokio::time::sleep(Duration::from_secs_f64(data.len() as f64 / rate as f64)).await;
        }
        pieces.push(data);
    }
    match <[Bytes; 1]>::try_from(pieces) {
        Ok([one]) => Ok(one),
        Err(pieces) => Ok(pieces.concat().into()),
    }
}

async fn send(mut answer: Answer, fault: Option<Rule>, cut: Arc<AtomicBool>) -> Result<Response<Body>, Cut> {
    if answer.reset {
        cut.store(true, Ordering::Relaxed);
        return Err(Cut);
    }
    let Some(rule) = fault else { return Ok(whole(answer)) };
    match rule.kind {
        Kind::Hang => {
            tokio::time::sleep(Duration::from_secs_f64(rule.seconds.clamp(0.0, 86_400.0))).await;
            cut.store(true, Ordering::Relaxed);
            Err(Cut)
        }
        Kind::CutAnswer => {
            let half = answer.body.slice(..answer.body.len() / 2);
            let frames = stream::iter([Ok(Frame::data(half))]).chain(stream::once(async move {
                // What is in the socket's buffer has to get out first: RST would take it back.
                tokio::time::sleep(Duration::from_millis(50)).await;
                cut.store(true, Ordering::Relaxed);
                Err(io::Error::other(Cut))
            }));
            Ok(streamed(answer, frames))
        }
        Kind::SlowAnswer => {
            let rate = rule.bytes_per_second.max(1);
            // Ten pieces a second.
            let size = (rate / 10).max(1) as usize;
            let body = answer.body.clone();
            let frames = stream::unfold(body, move |mut rest| async move {
                if rest.is_empty() {
                    return None;
                }
                let piece = rest.split_to(size.min(rest.len()));
                tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate as f64)).await;
                Some((Ok(Frame::data(piece)), rest))
            });
            Ok(streamed(answer, frames))
        }
        Kind::WrongAnswer => {
            match rule.variant {
                Variant::Garbage => answer.body = Bytes::from_static(b"\x00\xff\xfe<<<\x01&;no such thing"),
                Variant::Html => answer = Answer { status: StatusCode::OK, ..Answer::html(StatusCode::OK) },
                Variant::Empty => answer.body = Bytes::new(),
                Variant::TruncatedXml => answer.body = answer.body.slice(..answer.body.len() / 2),
                Variant::Huge => {
                    let blank = Bytes::from(vec![b' '; 1 << 20]);
                    let frames = stream::iter(std::iter::repeat_n(blank, 80).chain([answer.body.clone()]));
                    let frames = frames.map(|piece| Ok(Frame::data(piece)));
                    let mut response = streamed(answer, frames);
                    response.headers_mut().remove(header::CONTENT_LENGTH);
                    return Ok(response);
                }
                Variant::MoreResults | Variant::FewerResults | Variant::WrongKeys | Variant::Shuffled => {}
            }
            Ok(whole(answer))
        }
        _ => Ok(whole(answer)),
    }
}

fn whole(answer: Answer) -> Response<Body> {
    let body = Full::new(answer.body).map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// The answer's head with its right length, and a body in pieces.
fn streamed<S>(answer: Answer, frames: S) -> Response<Body>
where
    S: stream::Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static,
{
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert(header::CONTENT_LENGTH, answer.body.len().into());
    response
}

/// A socket that ends with RST when it is to be cut.
struct Socket {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.cut.load(Ordering::Relaxed) {
            // Without it the connection ends in order, which the client takes for a cut as well.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.load(Ordering::Relaxed) {
            // No FIN: the drop that follows sends RST.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
