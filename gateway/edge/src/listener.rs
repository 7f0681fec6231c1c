//! Listeners: sockets, their limits, and the stack from a connection to the service.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::framing::{Framing, HeadLimits, OwnHosts, WRITE_STALL};
use crate::linger;
use crate::service::Service;

/// What one listener takes at the most. All finite.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// Open connections; further ones wait in the kernel's queue.
    pub connections: usize,
    /// What one request's head may have.
    pub head: HeadLimits,
    /// How long a whole head may take from its first byte, and how long none may begin.
    pub head_timeout: Duration,
    /// How long a client may take nothing of its answer; then its connection is cut.
    pub write_stall: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            head: HeadLimits::default(),
            head_timeout: Duration::from_secs(30),
            write_stall: WRITE_STALL,
        }
    }
}

/// Bytes of one connection's read buffer: what one body frame has at the most.
const READ_BUFFER: usize = 64 * 1024;
/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 1_024;

/// A bound socket, not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    limits: ListenerLimits,
}

impl Listener {
    /// Binds the address.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub fn bind(address: SocketAddr, limits: ListenerLimits) -> io::Result<Self> {
        let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { socket: socket.listen(BACKLOG)?, limits })
    }

    /// The address that was bound, with its real port.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop` turns true; then takes no more, lets exchanges under way end, and returns when the last
    /// has, or after `grace`.
    pub async fn serve(self, service: Service, mut stop: watch::Receiver<bool>, grace: Duration) {
        let permits = Arc::new(Semaphore::new(self.limits.connections));
        let mut open = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.socket, &permits) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = open.join_next() => continue,
            };
            let Some((stream, peer, permit)) = accepted else { continue };
            let (service, stop, limits) = (service.clone(), stop.clone(), self.limits);
            open.spawn(async move {
                let _open = Open::begin(service.gateway().metrics.connections.clone(), permit);
                // Answers are small and whole; waiting for more would only delay them.
                let _ = stream.set_nodelay(true);
                let hosts = OwnHosts::new(stream.local_addr().ok(), service.public_url().cloned());
                let framing = Framing::new(stream, limits.head, limits.head_timeout, hosts)
                    .with_write_stall(limits.write_stall);
                connection(framing, peer, service, limits, stop).await;
            });
        }
        drop(self.socket);
        let drained = tokio::time::timeout(grace, async { while open.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(left = open.len(), "connections are cut at the end of the grace");
            open.shutdown().await;
        }
    }
}

/// One open connection, counted until it is dropped.
struct Open {
    connections: prometheus::IntGauge,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Open {
    fn begin(connections: prometheus::IntGauge, permit: tokio::sync::OwnedSemaphorePermit) -> Self {
        connections.inc();
        Self { connections, _permit: permit }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

/// Tells a request that waits for something that the gateway is stopping.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Returns once the gateway is stopping.
    pub(crate) async fn begun(mut self) {
        // A sender that is gone has stopped for good.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(socket: &TcpListener, permits: &Arc<Semaphore>) -> Option<Accepted> {
    // The permit comes first: a connection that there is no room for stays in the kernel's queue.
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, peer)) => Some((stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()), permit)),
        Err(error) => {
            // Out of descriptors, or the peer was gone already: neither is a reason to stop, nor to spin.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<http::Response<Full<Bytes>>, Infallible>> + Send>>;

async fn connection(
    framing: Framing<TcpStream>,
    peer: SocketAddr,
    service: Service,
    limits: ListenerLimits,
    mut stop: watch::Receiver<bool>,
) {
    let io = TokioIo::new(framing);
    let stopping = Stopping(stop.clone());
    let answer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let service = service.clone();
        request.extensions_mut().insert(stopping.clone());
        // Boxed, because only a connection that may move can be polled to its end without closing the socket.
        let answered: Answering = Box::pin(async move { Ok(service.answer(request, peer).await) });
        answered
    });
    let mut serving = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client may close its side once it has sent everything (RFC 9112 §9.6): it still gets its answer. And an
        // exchange is never dropped between the disk and the ledger because its client went away.
        .half_close(true)
        // The framing filter keeps the time of a head: hyper sees it only when it is whole.
        .header_read_timeout(None)
        .max_buf_size(READ_BUFFER)
        .max_headers(limits.head.fields + 1)
        .serve_connection(io, answer);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|cx| serving.poll_without_shutdown(cx)) => break ended,
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                Pin::new(&mut serving).graceful_shutdown();
            }
        }
    };
    match ended {
        Ok(()) => {
            let framing = serving.into_parts().io.into_inner();
            let more_may_come = framing.is_amid_body();
            linger::close(framing.into_inner(), more_may_come).await;
        }
        Err(error) => tracing::debug!(%peer, %error, "a connection ended early"),
    }
}
