//! The HTTP/1.1 client: bounded connections, deadlines, no redirects, no repeats.

use std::error::Error as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::header::HOST;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use sekisho_exchanges::ExchangeLog;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::answer::{Answer, AnswerStream};
use crate::body::{Body, BodyFailure};
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::{Sent, UpstreamError};
use crate::recording::{Call, Recording};

/// A client of one endpoint. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct HttpClient {
    endpoint: Endpoint,
    pool: Arc<Pool>,
}

pub(crate) struct Pool {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<(Connection, Instant)>>,
    /// Where calls are put on record: said once, before the first of them.
    recording: OnceLock<Recording>,
}

/// A connection in use, and the right to have it.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    permit: OwnedSemaphorePermit,
    pool: Arc<Pool>,
    reused: bool,
}

impl HttpClient {
    /// A client of `endpoint`. Opens nothing yet.
    pub fn new(endpoint: Endpoint) -> Self {
        let permits = Arc::new(Semaphore::new(endpoint.inner.max_connections.min(Semaphore::MAX_PERMITS)));
        Self {
            endpoint,
            pool: Arc::new(Pool { permits, idle: Mutex::new(Vec::new()), recording: OnceLock::new() }),
        }
    }

    /// Puts every call from now on, by whichever clone, on record as one to the upstream of that name. The first log that is named
    /// stays.
    pub fn record_in(&self, log: &ExchangeLog, upstream: &str) {
        let _ = self.pool.recording.set(Recording { log: log.clone(), upstream: upstream.into() });
    }

    /// A client of the same endpoint with connections of its own, on the same record.
    pub(crate) fn apart(&self) -> Self {
        let apart = Self::new(self.endpoint.clone());
        if let Some(recording) = self.pool.recording.get() {
            let _ = apart.pool.recording.set(recording.clone());
        }
        apart
    }

    /// The endpoint that this is a client of.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and reads the whole answer, at most the endpoint's `max_answer_bytes`, within `deadline`
    /// (which counts from the call to the answer's last byte). The request's URI is a target from
    /// [`Endpoint::target`]; Host is set here. Every status is an answer, redirects included.
    pub async fn send(&self, request: Request<Body>, deadline: Duration) -> Result<Answer, UpstreamError> {
        self.send_streaming(request, deadline).await?.collect().await
    }

    /// As [`HttpClient::send`], with the answer's body to be read piece by piece.
    pub async fn send_streaming(
        &self,
        request: Request<Body>,
        deadline: Duration,
    ) -> Result<AnswerStream, UpstreamError> {
        self.send_streaming_up_to(request, deadline, self.endpoint.inner.max_answer_bytes).await
    }

    /// As [`HttpClient::send_streaming`], where the caller knows how many bytes the answer may have at the most.
    pub async fn send_streaming_up_to(
        &self,
        request: Request<Body>,
        deadline: Duration,
        limit: u64,
    ) -> Result<AnswerStream, UpstreamError> {
        let mut request = self.prepared(request)?;
        let mut call = match self.pool.recording.get() {
            Some(recording) => Some(Call::begin(recording, &mut request).await?),
            None => None,
        };
        match self.sent(request, deadline, limit, &mut call).await {
            Ok(answer) => Ok(answer.of_call(call)),
            Err(error) => {
                if let Some(call) = call {
                    call.failed(&error).await;
                }
                Err(error)
            }
        }
    }

    async fn sent(
        &self,
        mut request: Request<Body>,
        deadline: Duration,
        limit: u64,
        call: &mut Option<Call>,
    ) -> Result<AnswerStream, UpstreamError> {
        let started = Instant::now();
        let until = started + deadline;
        let permit = self.permit(started, until).await?;
        let mut lease = self.lease(permit, until).await?;
        loop {
            let reused = lease.reused;
            if let Some(call) = call {
                call.address = lease.connection.address;
            }
            match self.exchange(lease, request, until, deadline).await {
                Ok((response, lease)) => {
                    let idle = self.endpoint.inner.idle_timeout;
                    return Ok(AnswerStream::new(response, lease, limit, until, idle, deadline));
                }
                // The peer had closed a kept connection: not a byte was written and the request is still whole, so
                // that a new connection is the first attempt, not a second one.
                Err(Failed { unsent: Some((whole, permit)), .. }) if reused => {
                    request = *whole;
                    lease = self.fresh(permit, until).await?;
                }
                Err(failed) => return Err(failed.error),
            }
        }
    }

    fn prepared(&self, request: Request<Body>) -> Result<Request<Body>, UpstreamError> {
        let (mut parts, body) = request.into_parts();
        if parts.uri.authority().is_some() || parts.uri.path_and_query().is_none() {
            return Err(UpstreamError::Request {
                reason: "the target must be a path of the endpoint, without a host".to_owned(),
            });
        }
        parts.version = Version::HTTP_11;
        parts.headers.insert(HOST, self.endpoint.inner.authority.clone());
        Ok(Request::from_parts(parts, body))
    }

    async fn permit(&self, started: Instant, until: Instant) -> Result<OwnedSemaphorePermit, UpstreamError> {
        let acquired = timeout_at(until, Arc::clone(&self.pool.permits).acquire_owned()).await;
        match acquired {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed; "busy" is the truth in both cases: no connection was to be had.
            Ok(Err(_)) | Err(_) => Err(UpstreamError::Busy {
                limit: self.endpoint.inner.max_connections,
                waited: started.elapsed(),
            }),
        }
    }

    async fn lease(&self, permit: OwnedSemaphorePermit, until: Instant) -> Result<Lease, UpstreamError> {
        match self.pool.take(self.endpoint.inner.keep_alive) {
            Some(connection) => Ok(Lease { connection, permit, pool: Arc::clone(&self.pool), reused: true }),
            None => self.fresh(permit, until).await,
        }
    }

    async fn fresh(&self, permit: OwnedSemaphorePermit, until: Instant) -> Result<Lease, UpstreamError> {
        let (connection, _) = Connection::open(&self.endpoint, until).await?;
        Ok(Lease { connection, permit, pool: Arc::clone(&self.pool), reused: false })
    }

    async fn exchange(
        &self,
        mut lease: Lease,
        request: Request<Body>,
        until: Instant,
        deadline: Duration,
    ) -> Result<(Response<Incoming>, Lease), Failed> {
        let idle = self.endpoint.inner.idle_timeout;
        let finished = request.body().finished();
        let meter = Arc::clone(&lease.connection.meter);
        let before = meter.written();
        meter.touch();
        let mut answering = Box::pin(lease.connection.sender.try_send_request(request));
        let outcome = loop {
            let silent_at = meter.last_activity() + idle;
            let wake = if finished.load(Ordering::Acquire) { until } else { until.min(silent_at) };
            tokio::select! {
                biased;
                answered = &mut answering => break Ok(answered),
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    if now >= until {
                        break Err(deadline);
                    }
                    if !finished.load(Ordering::Acquire) && now >= meter.last_activity() + idle {
                        break Err(idle);
                    }
                }
            }
        };
        drop(answering);
        let stage = |sent: Sent| match (sent, finished.load(Ordering::Acquire)) {
            (Sent::No, _) => "before anything was sent",
            (Sent::Unknown, false) => "while the request was sent",
            (Sent::Unknown, true) => "while waiting for the answer",
        };
        // A driver still running could write after the meter was read: it is ended first.
        let sent_on = |lease: Lease| async move {
            let Lease { connection, permit, .. } = lease;
            connection.close().await;
            (if meter.written() == before { Sent::No } else { Sent::Unknown }, permit)
        };
        match outcome {
            Ok(Ok(response)) => Ok((response, lease)),
            Ok(Err(mut failure)) => {
                let message = failure.take_message();
                let (sent, permit) = sent_on(lease).await;
                let error = classified(failure.error(), stage(sent), sent);
                let unsent = match (message, sent) {
                    (Some(request), Sent::No) => Some((Box::new(request), permit)),
                    _ => None,
                };
                Err(Failed { error, unsent })
            }
            Err(after) => {
                let (sent, _) = sent_on(lease).await;
                let error = UpstreamError::Timeout { stage: stage(sent), after, sent };
                Err(Failed { error, unsent: None })
            }
        }
    }
}

struct Failed {
    error: UpstreamError,
    unsent: Option<(Box<Request<Body>>, OwnedSemaphorePermit)>,
}

impl Pool {
    fn take(&self, keep_alive: Duration) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        idle.retain(|(connection, since)| !connection.sender.is_closed() && now < *since + keep_alive);
        // The one used last is the one least likely to have been closed by the peer.
        idle.pop().map(|(connection, _)| connection)
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((connection, Instant::now()));
    }
}

impl Lease {
    /// Gives the connection back once it is ready for the next request; the permit stays taken until then.
    pub(crate) fn give_back(self) {
        let Self { mut connection, permit, pool, .. } = self;
        tokio::spawn(async move {
            let until = Instant::now() + Duration::from_secs(1);
            if let Ok(Ok(())) = timeout_at(until, connection.sender.ready()).await {
                pool.put(connection);
            }
            drop(permit);
        });
    }
}

fn classified(error: &hyper::Error, stage: &'static str, sent: Sent) -> UpstreamError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(BodyFailure(reason)) = cause.downcast_ref::<BodyFailure>() {
            return UpstreamError::Body { reason: reason.clone(), sent };
        }
        source = cause.source();
    }
    if error.is_parse() {
        UpstreamError::Answer { reason: error.to_string() }
    } else if error.is_user() {
        UpstreamError::Request { reason: error.to_string() }
    } else {
        let reason = match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        UpstreamError::Cut { stage, reason, sent }
    }
}
