//! Listeners: sockets, their limits, and the stack from a connection to the service.

mod away;
mod places;
pub mod proxied;
mod transport;
mod turns;

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::away::Away;
pub use self::places::Shares;
use self::places::{Full as NoPlace, Place, Places};
use self::proxied::Source;
use self::transport::Transport;
use self::turns::Turns;
use crate::answer_body::AnswerBody;
use crate::framing::{Framing, HeadLimits, OwnHosts, WRITE_STALL};
use crate::linger;
use crate::peer::Peer;
use crate::service::Service;
use crate::tls::{self, Failed, Shown, Tls, now_seconds};

/// What one listener takes at the most. All finite.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// Open connections; further ones are turned away.
    pub connections: Shares,
    /// TLS handshakes under way at the same time; further ones wait their turn, for the time that a handshake may take.
    pub handshakes: Shares,
    /// What one request's head may have.
    pub head: HeadLimits,
    /// How long a whole head may take from its first byte, and how long none may begin.
    pub head_timeout: Duration,
    /// How long a client may take nothing of its answer; then its connection is cut.
    pub write_stall: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: 4_096.into(),
            handshakes: 512.into(),
            head: HeadLimits::default(),
            head_timeout: Duration::from_secs(30),
            write_stall: WRITE_STALL,
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

impl ListenerLimits {
    /// Descriptors that a listener may have open at once: its own, connections, those that are being told that there is no place for
    /// them, and, behind balancers, those that have not said yet whose they are.
    pub fn descriptors(&self, behind_balancers: bool) -> usize {
        let greetings = if behind_balancers { self.handshakes.all } else { 0 };
        self.connections.all.saturating_add(greetings).saturating_add(away::TOLD_AT_ONCE + 1)
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
    name: Arc<str>,
    tls: Option<Arc<Tls>>,
    balancers: Vec<IpNet>,
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
        Ok(Self {
            socket: socket.listen(BACKLOG)?,
            limits,
            name: Arc::from("listener"),
            tls: None,
            balancers: Vec::new(),
        })
    }

    /// Takes connections from these networks only, each of which says by the PROXY protocol whose it is. Where there are
    /// none, connections are taken from everywhere, and nobody is believed.
    pub fn behind(self, balancers: Vec<IpNet>) -> Self {
        Self { balancers, ..self }
    }

    /// Gives it its name in metrics and in the log.
    pub fn named(self, name: &str) -> Self {
        Self { name: Arc::from(name), ..self }
    }

    /// Speaks TLS, where there are terms for it.
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
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
    ///
    /// Every connection is accepted at once, and turned away at once where it has no place: none waits behind another.
    pub async fn serve(self, service: Service, mut stop: watch::Receiver<bool>, grace: Duration) {
        let arrivals = Arrivals {
            service: service.over_tls(self.tls.is_some()),
            limits: self.limits,
            name: self.name,
            tls: self.tls,
            connections: Places::new(self.limits.connections),
            handshakes: Turns::new(self.limits.handshakes),
            // All of them come from the balancers: who has how many shows only behind the header.
            greetings: Places::new(Shares {
                all: self.limits.handshakes.all,
                network: usize::MAX,
                address: usize::MAX,
            }),
            away: Away::new(),
        };
        let mut open = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.socket) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = open.join_next() => continue,
            };
            let Some((stream, peer)) = accepted else { continue };
            // Answers are small and whole; waiting for more would only delay them.
            let _ = stream.set_nodelay(true);
            if !self.balancers.is_empty() {
                match arrivals.greeting(&self.balancers, peer) {
                    Ok(place) => {
                        drop(open.spawn(arrivals.clone().introduced(stream, peer, place, stop.clone())))
                    }
                    Err(code) => arrivals.turned_away(code),
                }
                continue;
            }
            match arrivals.place(&arrivals.connections, peer) {
                Ok(place) => drop(open.spawn(arrivals.clone().welcome(stream, peer, place, stop.clone()))),
                Err(full) => drop(arrivals.tell(stream, full).map(|telling| open.spawn(telling))),
            }
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
    _place: Place,
}

impl Open {
    fn begin(connections: prometheus::IntGauge, place: Place) -> Self {
        connections.inc();
        Self { connections, _place: place }
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

async fn accept(socket: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match socket.accept().await {
        Ok((stream, peer)) => Some((stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()))),
        Err(error) => {
            // Out of descriptors, or the peer was gone already: neither is a reason to stop, nor to spin.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// What every connection of a listener begins with.
#[derive(Clone)]
struct Arrivals {
    service: Service,
    limits: ListenerLimits,
    name: Arc<str>,
    tls: Option<Arc<Tls>>,
    connections: Arc<Places>,
    handshakes: Arc<Turns>,
    /// Of connections whose balancer has not said yet whose they are.
    greetings: Arc<Places>,
    away: Away,
}

type Answering = Pin<Box<dyn Future<Output = Result<http::Response<AnswerBody>, Infallible>> + Send>>;

impl Arrivals {
    /// A place for a connection from there; else why there is none, and the limit that is reached.
    fn place(&self, places: &Arc<Places>, peer: SocketAddr) -> Result<Place, (NoPlace, usize)> {
        let network = self.service.network_of(peer.ip());
        places.take(network, peer.ip()).map_err(|full| (full, places.limit(full)))
    }

    fn turned_away(&self, code: &'static str) {
        let turned_away = &self.service.gateway().metrics.connections_turned_away;
        turned_away.with_label_values(&[&*self.name, code]).inc();
    }

    /// Turns a connection away; what tells it so, where that is cheap.
    fn tell(
        &self,
        stream: TcpStream,
        (full, limit): (NoPlace, usize),
    ) -> Option<impl Future<Output = ()> + use<>> {
        self.turned_away(full.code());
        // Before a handshake there is nothing that a client could read.
        if self.tls.is_some() { None } else { self.away.tell(stream, full, limit) }
    }

    /// A place for a connection that must come from a balancer, until that has said whose it is.
    fn greeting(&self, balancers: &[IpNet], peer: SocketAddr) -> Result<Place, &'static str> {
        if !balancers.iter().any(|network| network.contains(&peer.ip())) {
            tracing::info!(listener = &*self.name, %peer, "a connection that comes from no balancer");
            return Err("proxy-stranger");
        }
        self.greetings.take(None, peer.ip()).map_err(|_| "greetings-full")
    }

    /// One connection from a balancer: first that says whose it is.
    async fn introduced(
        self,
        mut stream: TcpStream,
        balancer: SocketAddr,
        greeting: Place,
        mut stop: watch::Receiver<bool>,
    ) {
        let header = tokio::select! {
            header = timeout(self.limits.handshake_timeout, proxied::read(&mut stream)) => header,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        drop(greeting);
        let code = match header {
            Ok(Ok(Ok(Source::Client(peer)))) => {
                match self.place(&self.connections, peer) {
                    Ok(place) => self.welcome(stream, peer, place, stop).await,
                    Err(full) => {
                        if let Some(telling) = self.tell(stream, full) {
                            telling.await;
                        }
                    }
                }
                return;
            }
            // It has seen that somebody listens.
            Ok(Ok(Ok(Source::Balancer))) => return,
            Ok(Ok(Err(error))) => error.code(),
            Ok(Err(_)) => "proxy-cut",
            Err(_) => "proxy-too-slow",
        };
        self.turned_away(code);
        tracing::info!(listener = &*self.name, %balancer, code, "a balancer did not say whose a connection is");
    }

    /// One connection, from its acceptance to its end.
    async fn welcome(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        mut stop: watch::Receiver<bool>,
    ) {
        let _open = Open::begin(self.service.gateway().metrics.connections.clone(), place);
        let met = tokio::select! {
            met = self.meet(stream, peer) => met,
            // Nothing has been asked yet that would have to be answered.
            _ = stop.wait_for(|stop| *stop) => None,
        };
        if let Some((transport, peer)) = met {
            self.converse(transport, peer, stop).await;
        }
    }

    /// Finds out who has connected. `None` when the connection came to nothing, and is closed.
    async fn meet(&self, stream: TcpStream, address: SocketAddr) -> Option<(Transport, Peer)> {
        let Some(tls) = &self.tls else {
            return Some((Transport::Plain(stream), Peer { address, shown: None }));
        };
        let (network, limit) = (self.service.network_of(address.ip()), self.limits.handshake_timeout);
        let Some(under_way) = self.handshakes.wait(network, address.ip(), limit).await else {
            self.turned_away("handshakes-full");
            return None;
        };
        let shaken = tls::shake(tls, stream, limit).await;
        drop(under_way);
        let outcome = shaken.as_ref().map_or_else(|failed| failed.code, |_| "ok");
        self.service.gateway().metrics.handshakes.with_label_values(&[tls.listener(), outcome]).inc();
        match shaken {
            Ok((stream, shown)) => Some((Transport::Tls(Box::new(stream)), Peer { address, shown })),
            Err(Failed { code, stream }) => {
                tracing::info!(listener = tls.listener(), peer = %address, code, "a handshake failed");
                if let Some(stream) = stream {
                    linger::close(stream, true).await;
                }
                None
            }
        }
    }

    /// Carries exchanges until the connection ends.
    async fn converse(self, transport: Transport, peer: Peer, mut stop: watch::Receiver<bool>) {
        let Self { service, limits, tls, .. } = self;
        let hosts =
            OwnHosts::new(transport.local(), service.public_url().cloned()).over_tls(transport.is_tls());
        let framing = Framing::new(transport, limits.head, limits.head_timeout, hosts)
            .with_write_stall(limits.write_stall);
        let peer = Arc::new(peer);
        let stopping = Stopping(stop.clone());
        let asking = Arc::clone(&peer);
        let answer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let (service, peer) = (service.clone(), Arc::clone(&asking));
            request.extensions_mut().insert(stopping.clone());
            // Boxed, because only a connection that may move can be polled to its end without closing the socket.
            let answered: Answering = Box::pin(async move { Ok(service.answer(request, &peer).await) });
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
            .serve_connection(TokioIo::new(framing), answer);
        let mut changes = tls.as_ref().map(|tls| tls.changes());
        let mut ending = false;
        let ended = loop {
            tokio::select! {
                ended = poll_fn(|cx| serving.poll_without_shutdown(cx)) => break ended,
                _ = stop.wait_for(|stop| *stop), if !ending => {
                    ending = true;
                    Pin::new(&mut serving).graceful_shutdown();
                }
                code = fallen(peer.shown.as_ref(), &mut changes), if !ending => {
                    tracing::info!(peer = %peer.address, code, "a connection ends after its exchange");
                    ending = true;
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
            Err(error) => tracing::debug!(peer = %peer.address, %error, "a connection ended early"),
        }
    }
}

/// Returns once a certificate does not pass any more by the terms that have come into force.
async fn fallen(shown: Option<&Shown>, changes: &mut Option<watch::Receiver<u64>>) -> &'static str {
    if let (Some(shown), Some(changes)) = (shown, changes) {
        // The sender lives as long as what was shown knows its terms.
        while changes.changed().await.is_ok() {
            if let Err(code) = shown.stands(now_seconds()) {
                return code;
            }
        }
    }
    std::future::pending().await
}
