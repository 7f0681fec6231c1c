//! One connection: name, TCP, TLS, HTTP/1.1, and a meter that knows whether a byte was written.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::body::Body;
use crate::endpoint::{Endpoint, is_localhost};
use crate::error::UpstreamError;

/// A connection on which requests can be sent, one after another.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Body>,
    pub(crate) meter: Arc<Meter>,
    /// The other end.
    pub(crate) address: Option<SocketAddr>,
    driver: JoinHandle<()>,
}

/// What has gone over a connection, in bytes of HTTP (inside TLS).
pub(crate) struct Meter {
    opened: Instant,
    written: AtomicU64,
    last_activity_ms: AtomicU64,
}

/// How long each step of a connection took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StepTimes {
    pub(crate) resolve: Duration,
    pub(crate) connect: Duration,
    pub(crate) tls: Option<Duration>,
    pub(crate) address: Option<SocketAddr>,
}

/// What HTTP runs over: TCP, or TLS over it.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl Connection {
    /// Opens a connection before `until` (the endpoint's own connect deadline may be nearer).
    pub(crate) async fn open(
        endpoint: &Endpoint,
        until: Instant,
    ) -> Result<(Self, StepTimes), UpstreamError> {
        let until = until.min(Instant::now() + endpoint.inner.connect_timeout);
        let (transport, times) = transport(endpoint, until).await?;
        let meter = Arc::new(Meter {
            opened: Instant::now(),
            written: AtomicU64::new(0),
            last_activity_ms: AtomicU64::new(0),
        });
        let io = TokioIo::new(Metered { inner: transport, meter: Arc::clone(&meter) });
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(64 * 1024)
            .max_headers(128)
            .handshake::<_, Body>(io)
            .await
            .map_err(|error| UpstreamError::Connect {
                address: endpoint.url().to_owned(),
                reason: error.to_string(),
            })?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                // The exchange under way, if any, gets the same error; an idle connection's end is of no interest.
                tracing::trace!(%error, "upstream connection ended");
            }
        });
        Ok((Self { sender, meter, address: times.address, driver }, times))
    }

    /// Ends the connection; when this returns nothing more will be written to it.
    pub(crate) async fn close(mut self) {
        self.driver.abort();
        // Aborted or finished: both mean that the socket is gone.
        let _ = (&mut self.driver).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Meter {
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    pub(crate) fn last_activity(&self) -> Instant {
        self.opened + Duration::from_millis(self.last_activity_ms.load(Ordering::Acquire))
    }

    pub(crate) fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_activity_ms.store(now, Ordering::Release);
    }
}

/// Resolves the endpoint's host.
pub(crate) async fn resolve(endpoint: &Endpoint, until: Instant) -> Result<Vec<SocketAddr>, UpstreamError> {
    let (host, port) = (endpoint.inner.host.as_str(), endpoint.inner.port);
    let failed = |reason: String| UpstreamError::Resolve { host: host.to_owned(), reason };
    let found = timeout_at(until, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| failed("timed out".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    let addresses = allowed(host, found);
    if addresses.is_empty() { Err(failed("no address".to_owned())) } else { Ok(addresses) }
}

/// Those of a name's addresses that may be connected to: `localhost` is this machine, whatever says otherwise, as what is sent there may
/// be in clear (RFC 6761, section 6.3).
fn allowed(host: &str, found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let elsewhere = |address: &SocketAddr| is_localhost(host) && !address.ip().is_loopback();
    found.filter(|address| !elsewhere(address)).collect()
}

/// Connects to the first address that answers.
pub(crate) async fn connect(
    addresses: &[SocketAddr],
    until: Instant,
) -> Result<(TcpStream, SocketAddr), UpstreamError> {
    let mut last = None;
    for (index, address) in addresses.iter().enumerate() {
        // A dead first address must not use up the time of those behind it.
        let now = Instant::now();
        let share =
            until.saturating_duration_since(now) / u32::try_from(addresses.len() - index).unwrap_or(1);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it a small last piece of a request waits for the peer's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                return Ok((stream, *address));
            }
            Ok(Err(error)) => last = Some((address.to_string(), error.to_string())),
            Err(_) => last = Some((address.to_string(), "timed out".to_owned())),
        }
    }
    let (address, reason) = last.unwrap_or_else(|| ("-".to_owned(), "no address".to_owned()));
    Err(UpstreamError::Connect { address, reason })
}

async fn transport(
    endpoint: &Endpoint,
    until: Instant,
) -> Result<(Box<dyn Transport>, StepTimes), UpstreamError> {
    let mut times = StepTimes::default();
    let started = Instant::now();
    let addresses = resolve(endpoint, until).await?;
    times.resolve = started.elapsed();
    let started = Instant::now();
    let (stream, address) = connect(&addresses, until).await?;
    times.connect = started.elapsed();
    times.address = Some(address);
    let Some((settings, name)) = &endpoint.inner.tls else {
        return Ok((Box::new(stream), times));
    };
    let started = Instant::now();
    let failed = |reason: String| UpstreamError::Tls { host: name.to_str().into_owned(), reason };
    let handshake = TlsConnector::from(Arc::clone(settings)).connect(name.clone(), stream);
    let stream = timeout_at(until, handshake)
        .await
        .map_err(|_| failed("timed out".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    times.tls = Some(started.elapsed());
    Ok((Box::new(stream), times))
}

struct Metered {
    inner: Box<dyn Transport>,
    meter: Arc<Meter>,
}

impl Metered {
    fn count(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = written {
            self.meter.written.fetch_add(*count as u64, Ordering::AcqRel);
            self.meter.touch();
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.meter.touch();
        }
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.count(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        self.count(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test ends by a panic.
mod tests {
    use super::*;

    #[test]
    fn localhost_is_this_machine_whatever_it_resolves_to() {
        let found = ["10.0.0.1:80", "127.0.0.1:80", "[::1]:80", "[2001:db8::1]:80"];
        let found: Vec<SocketAddr> = found.iter().map(|address| address.parse().unwrap()).collect();
        assert_eq!(allowed("LocalHost", found.iter().copied()), found[1..3]);
        assert_eq!(allowed("cloud.example", found.iter().copied()), found);
    }
}
