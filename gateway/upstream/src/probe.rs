//! Timed probes: name, line, TLS, HTTP. Each opens a connection of its own.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, StatusCode};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::body::Body;
use crate::client::HttpClient;
use crate::connection::{Connection, connect, resolve};
use crate::endpoint::Endpoint;
use crate::error::UpstreamError;
use crate::recording::Note;

/// How long each step of a probe took; steps that were not asked for are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeTiming {
    /// Looking up the name.
    pub resolve: Duration,
    /// TCP connection.
    pub connect: Option<Duration>,
    /// TLS handshake (`None` for a plain endpoint too).
    pub tls: Option<Duration>,
    /// Request sent to last byte of the answer.
    pub http: Option<Duration>,
    /// Status of the answer.
    pub status: Option<StatusCode>,
    /// Address that answered.
    pub address: Option<SocketAddr>,
}

/// Looks up the endpoint's name.
pub async fn probe_resolve(endpoint: &Endpoint, deadline: Duration) -> Result<ProbeTiming, UpstreamError> {
    let started = Instant::now();
    let addresses = resolve(endpoint, started + deadline).await?;
    Ok(ProbeTiming { resolve: started.elapsed(), address: addresses.first().copied(), ..Default::default() })
}

/// Looks up the name and connects.
pub async fn probe_connect(endpoint: &Endpoint, deadline: Duration) -> Result<ProbeTiming, UpstreamError> {
    let started = Instant::now();
    let addresses = resolve(endpoint, started + deadline).await?;
    let resolved = started.elapsed();
    let (_, address) = connect(&addresses, started + deadline).await?;
    Ok(ProbeTiming {
        resolve: resolved,
        connect: Some(started.elapsed() - resolved),
        address: Some(address),
        ..Default::default()
    })
}

/// Looks up the name, connects and, where the endpoint has TLS, shakes hands.
pub async fn probe_tls(endpoint: &Endpoint, deadline: Duration) -> Result<ProbeTiming, UpstreamError> {
    let (connection, times) = Connection::open(endpoint, Instant::now() + deadline).await?;
    connection.close().await;
    Ok(ProbeTiming {
        resolve: times.resolve,
        connect: Some(times.connect),
        tls: times.tls,
        address: times.address,
        ..Default::default()
    })
}

/// All of it, and a GET of `path` below the base path of the client's endpoint, on connections of its own. Whatever came is an answer:
/// whether it is a good one is for the caller to say.
pub async fn probe_get(
    client: &HttpClient,
    path: &str,
    deadline: Duration,
) -> Result<(ProbeTiming, Answer), UpstreamError> {
    let started = Instant::now();
    let endpoint = client.endpoint();
    let mut timing = probe_tls(endpoint, deadline).await?;
    let target = endpoint.target(path).ok_or_else(|| UpstreamError::Request {
        reason: "the probe's path cannot stand in a request line".to_owned(),
    })?;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = target;
    request.extensions_mut().insert(Note::of("probe"));
    let left = deadline.saturating_sub(started.elapsed());
    let asked = Instant::now();
    let answer = client.apart().send(request, left).await?;
    timing.http = Some(asked.elapsed());
    timing.status = Some(answer.status);
    Ok((timing, answer))
}
