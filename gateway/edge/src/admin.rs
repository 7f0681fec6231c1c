//! The admin listener: metrics, readiness, and what an operator asks about batches. On loopback unless it is set otherwise, with a login
//! of its own: a bearer token (RFC 6750), which is none of a client's.

mod browser;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{Encoder, IntGaugeVec, Opts, Registry, TextEncoder};
use sekisho_delivery::Plan;
#[cfg(feature = "failpoints")]
use sekisho_journal::failpoints::{self, Point};
use sekisho_journal::{BatchFilter, BatchId, BatchView, Event, LedgerError, Page, Sums, erase_client};
use sekisho_liveness::HopState;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::answers;
use crate::gateway::{Gateway, now_millis};
use crate::sparing::Sparing;
use crate::token::{Presented, Token};

/// What the admin listener answers from.
#[derive(Clone)]
pub struct Admin {
    gateway: Arc<Gateway>,
    registry: Registry,
    delivery: DeliveryState,
    records: IntGaugeVec,
    hops: IntGaugeVec,
    operators: Operators,
    /// Of what is logged of those without a token: there is no end to how many they may be.
    unproven: Sparing,
    /// The same of changes that are asked for from elsewhere: the ones keep nothing of the others out of the log.
    foreign: Sparing,
}

/// Tokens, one of which each request must show; none is asked for where there are none. Exchanged by a reload.
pub type Operators = Arc<ArcSwap<Vec<Token>>>;

/// What delivery is doing, as JSON: an entry for each upstream.
pub type DeliveryState = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

type Answer = Response<Full<Bytes>>;

/// Connections at once; who comes beside them is turned away, and the doors keep their descriptors.
pub const PLACES: usize = 64;
/// How long nothing is accepted after an accept has failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Admin {
    /// An admin service; registers the gauges that are read at each scrape.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn new(
        gateway: Arc<Gateway>,
        registry: Registry,
        delivery: DeliveryState,
    ) -> prometheus::Result<Self> {
        let records = IntGaugeVec::new(
            Opts::new(
                "sekisho_records",
                "Records in the ledger by state; accepted is the sum of the others.",
            ),
            &["state"],
        )?;
        let hops = IntGaugeVec::new(
            Opts::new("sekisho_hop_state", "State of a hop: 0 unknown, 1 up, 2 degraded, 3 down."),
            &["hop"],
        )?;
        registry.register(Box::new(records.clone()))?;
        registry.register(Box::new(hops.clone()))?;
        Ok(Self {
            gateway,
            registry,
            delivery,
            records,
            hops,
            operators: Operators::default(),
            unproven: Sparing::default(),
            foreign: Sparing::default(),
        })
    }

    /// Answers only who shows one of these tokens, as long as there are some.
    #[must_use]
    pub fn known_by(self, operators: Operators) -> Self {
        Self { operators, ..self }
    }

    /// Serves until `stop` turns true.
    pub async fn serve(self, socket: TcpListener, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(PLACES));
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or the peer was gone already: neither is a reason to stop, nor to spin.
                    tracing::warn!(%error, "an admin connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::debug!(%peer, "an admin connection more than there are places for");
                continue;
            };
            let admin = self.clone();
            tokio::spawn(async move {
                let _place = place;
                let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
                    let admin = admin.clone();
                    async move { Ok::<Answer, std::convert::Infallible>(admin.answer(request, peer).await) }
                });
                let serving = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .max_buf_size(16 * 1024)
                    .serve_connection(TokioIo::new(stream), answer);
                if let Err(error) = serving.await {
                    tracing::debug!(%peer, %error, "an admin connection ended early");
                }
            });
        }
    }

    /// The refusal of who has not shown an operator's token.
    fn unproven(&self, headers: &HeaderMap, peer: SocketAddr) -> Option<Answer> {
        let operators = self.operators.load();
        if operators.is_empty() {
            return None;
        }
        let (code, detail) = match Presented::of(headers) {
            // All of them are compared, whichever it is.
            Presented::Token(token) if operators.iter().filter(|own| own.is(&token)).count() > 0 => {
                return None;
            }
            Presented::Nothing => (
                "admin-token-missing",
                "The admin listener asks for a token: send it as `Authorization: Bearer` (--token-file FILE).",
            ),
            Presented::Token(_) | Presented::Unreadable => {
                ("admin-token-unknown", "The token is none of the admin listener's (admin.token_files).")
            }
        };
        let left_out =
            |left_out| tracing::warn!(left_out, "more without a token have asked the admin listener");
        if self.unproven.may_write(left_out) {
            tracing::warn!(%peer, code, "somebody without a token asks the admin listener");
        }
        self.gateway.metrics.refusals.with_label_values(&[code]).inc();
        let mut answer = say(401, &json!({ "code": code, "detail": detail }));
        answer
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sekisho-admin\""));
        Some(answer)
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        if let Some(refused) = self.unproven(request.headers(), peer) {
            return refused;
        }
        let proven = !self.operators.load().is_empty();
        if let Some((code, detail)) = browser::foreign(request.method(), request.headers(), proven) {
            let left_out = |left_out| tracing::warn!(left_out, "more changes were asked for from elsewhere");
            if self.foreign.may_write(left_out) {
                tracing::warn!(%peer, code, "a page or a name from elsewhere asks the admin listener for a change");
            }
            self.gateway.metrics.refusals.with_label_values(&[code]).inc();
            return say(403, &json!({ "code": code, "detail": detail }));
        }
        let path = request.uri().path();
        let query = request.uri().query().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match (request.method(), segments.as_slice()) {
            (&Method::GET, ["metrics"]) => self.metrics().await,
            (&Method::GET, ["live"]) => say(200, &json!({ "live": true })),
            (&Method::GET, ["heartbeat"]) => say(200, &answers::heartbeat(&self.gateway.board.snapshot())),
            (&Method::GET, ["delivery"]) => say(200, &(self.delivery)()),
            (&Method::GET, ["totals"]) => match self.gateway.ledger.totals().await {
                Ok(sums) => say(200, &sums),
                Err(error) => failed(&error),
            },
            (&Method::GET, ["batches"]) => self.list(query).await,
            (&Method::GET, ["batches", id]) => self.batch(id).await,
            (&Method::GET, ["batches", id, "errors"]) => self.errors(id, query).await,
            (&Method::GET, ["batches", id, "chunks"]) => self.chunks(id, query).await,
            (&Method::POST, ["batches", id, "chunks", number, decision]) => {
                tracing::info!(batch = id, chunk = number, decision, %peer, "an operator decides on a chunk");
                self.decide(id, number, decision).await
            }
            (&Method::POST, ["clients", client, "purge"]) => {
                let also_unfinished = text(query, "also-unfinished") == Some("true");
                tracing::warn!(client, also_unfinished, %peer, "an operator destroys what a client's batches hold");
                self.erase(client, also_unfinished).await
            }
            (&Method::DELETE, ["batches", id]) => {
                tracing::info!(batch = id, %peer, "an operator cancels a batch");
                self.cancel(id).await
            }
            _ => say(404, &json!({ "code": "path-unknown", "detail": "Nothing is served here." })),
        }
    }

    async fn metrics(&self) -> Answer {
        match self.gateway.ledger.totals().await {
            Ok(sums) => self.show(&sums),
            Err(error) => tracing::error!(%error, "the ledger's sums could not be read"),
        }
        match self.gateway.ledger.oldest_open().await {
            Ok(oldest) => {
                let age = oldest.map_or(0, |accepted_at| now_millis().saturating_sub(accepted_at) / 1000);
                self.gateway.metrics.oldest_open.set(i64::try_from(age).unwrap_or(i64::MAX));
            }
            Err(error) => tracing::error!(%error, "the oldest open batch could not be looked for"),
        }
        match self.gateway.ledger.stored().await {
            Ok(stored) => {
                let metrics = &self.gateway.metrics;
                for (client, stored) in stored {
                    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
                    metrics.spool_bytes.with_label_values(&[&client]).set(whole(stored.bytes));
                    metrics.spool_batches.with_label_values(&[&client]).set(whole(stored.batches));
                }
            }
            Err(error) => tracing::error!(%error, "what clients have in the spool could not be read"),
        }
        for hop in self.gateway.board.snapshot().hops {
            let state = match hop.state {
                HopState::Unknown => 0,
                HopState::Up => 1,
                HopState::Degraded => 2,
                HopState::Down => 3,
            };
            self.hops.with_label_values(&[hop.id().as_str()]).set(state);
        }
        let mut body = Vec::new();
        let encoder = TextEncoder::new();
        if let Err(error) = encoder.encode(&self.registry.gather(), &mut body) {
            tracing::error!(%error, "metrics could not be written");
        }
        let mut response = Response::new(Full::new(Bytes::from(body)));
        let text = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(http::header::CONTENT_TYPE, text);
        response
    }

    fn show(&self, sums: &Sums) {
        for (state, count) in [
            ("accepted", sums.accepted),
            ("pending", sums.pending),
            ("in_flight", sums.in_flight),
            ("in_doubt", sums.in_doubt),
            ("delivered", sums.delivered),
            ("partial", sums.partial),
            ("rejected", sums.rejected),
            ("cancelled", sums.cancelled),
            ("expired", sums.expired),
        ] {
            self.records.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    async fn find(&self, id: &str) -> Result<BatchView, Answer> {
        let unknown =
            || say(404, &json!({ "code": "batch-unknown", "detail": "There is no batch with this id." }));
        let id: BatchId = id.parse().map_err(|_| unknown())?;
        self.gateway.ledger.batch(id).await.map_err(|error| failed(&error))?.ok_or_else(unknown)
    }

    async fn list(&self, query: &str) -> Answer {
        let limit = number(query, "limit").unwrap_or(100).clamp(1, u64::from(Page::MOST));
        let after = text(query, "after").and_then(|id| id.parse().ok());
        let filter = BatchFilter {
            client: text(query, "client").map(str::to_owned),
            route: text(query, "route").map(str::to_owned),
            finished: text(query, "finished").map(|value| value == "true"),
            ..BatchFilter::default()
        };
        let page = Page { after, limit: u32::try_from(limit).unwrap_or(Page::MOST) };
        match self.gateway.ledger.batches(filter, page).await {
            Ok(found) => {
                let mut batches = Vec::with_capacity(found.len());
                for batch in &found {
                    match self.view(batch).await {
                        Ok(view) => batches.push(view),
                        Err(error) => return failed(&error),
                    }
                }
                say(200, &json!({ "batches": batches }))
            }
            Err(error) => failed(&error),
        }
    }

    async fn batch(&self, id: &str) -> Answer {
        match self.find(id).await {
            Ok(batch) => match self.view(&batch).await {
                Ok(view) => say(200, &view),
                Err(error) => failed(&error),
            },
            Err(answer) => answer,
        }
    }

    async fn errors(&self, id: &str, query: &str) -> Answer {
        let batch = match self.find(id).await {
            Ok(batch) => batch,
            Err(answer) => return answer,
        };
        let limit = number(query, "limit").unwrap_or(1_000).clamp(1, 1_000);
        let from = number(query, "from").unwrap_or(0);
        let limit = u32::try_from(limit).unwrap_or(1_000);
        match answers::errors(&self.gateway.ledger, &batch, from, limit).await {
            Ok(page) => say(200, &page),
            Err(error) => failed(&error),
        }
    }

    async fn chunks(&self, id: &str, query: &str) -> Answer {
        let batch = match self.find(id).await {
            Ok(batch) => batch,
            Err(answer) => return answer,
        };
        let after = number(query, "after").unwrap_or(0);
        // Until when nobody is asked about what is in doubt, the batch's plan says.
        let window = match self.gateway.ledger.plan(batch.plan).await {
            Ok(plan) => {
                plan.and_then(|json| Plan::from_json(&json).ok()).map_or(0, |plan| plan.doubt_window_seconds)
            }
            Err(error) => return failed(&error),
        };
        match self.gateway.ledger.chunks(batch.id, after, 1_000).await {
            Ok(found) => {
                let chunks: Vec<_> = found
                    .iter()
                    .map(|chunk| {
                        let waits = chunk.doubted_at().filter(|_| window > 0 && chunk.is_waiting());
                        json!({
                            "number": chunk.number(), "first": chunk.first() + 1, "count": chunk.count(),
                            "attempt": chunk.attempt(), "state": chunk.state(), "held": chunk.held(),
                            "code": chunk.code(), "rows": chunk.rows(), "reference": chunk.reference(),
                            "openedAt": chunk.opened_at(), "changedAt": chunk.changed_at(), "sentAt": chunk.sent_at(),
                            "doubtedAt": chunk.doubted_at(), "asked": chunk.asked(), "askedAt": chunk.asked_at(),
                            "askedCode": chunk.asked_code(),
                            "waitsUntil": waits.map(|since| since.saturating_add(window.saturating_mul(1_000))),
                        })
                    })
                    .collect();
                say(200, &json!({ "chunks": chunks }))
            }
            Err(error) => failed(&error),
        }
    }

    /// What became of a chunk that nobody but the operator can know: its records are there (`delivered`), are not
    /// (`not-delivered`), or are sent again whatever that does (`repeat`).
    async fn decide(&self, id: &str, number: &str, decision: &str) -> Answer {
        let batch = match self.find(id).await {
            Ok(batch) => batch,
            Err(answer) => return answer,
        };
        let ledger = &self.gateway.ledger;
        let number: u64 = number.parse().unwrap_or(0);
        let chunk = match ledger.chunks(batch.id, number.saturating_sub(1), 1).await {
            Ok(chunks) => chunks.into_iter().find(|chunk| chunk.number() == number),
            Err(error) => return failed(&error),
        };
        let Some(chunk) = chunk else {
            return say(
                404,
                &json!({ "code": "chunk-unknown", "detail": "The batch has no chunk of this number." }),
            );
        };
        let event = match decision {
            "delivered" => Event::DoubtDelivered { chunk: number },
            "not-delivered" => Event::DoubtReturned { chunk: number, code: "decided-by-operator".into() },
            "repeat" => Event::DoubtRepeated { chunk: number, attempt: chunk.attempt() + 1 },
            _ => {
                let detail = "A decision is one of delivered, not-delivered, repeat.";
                return say(404, &json!({ "code": "decision-unknown", "detail": detail }));
            }
        };
        match ledger.apply(batch.id, ledger.epoch(), now_millis(), vec![event]).await {
            Ok(_) => {
                #[cfg(feature = "failpoints")]
                failpoints::pass(Point::DecisionWritten);
                (self.gateway.wake)();
                self.batch(id).await
            }
            Err(LedgerError::Illegal { illegal, .. }) => {
                say(409, &json!({ "code": illegal.code(), "detail": format!("{illegal}.") }))
            }
            Err(error) => failed(&error),
        }
    }

    /// Destroys what a client's batches hold, keys first.
    async fn erase(&self, client: &str, also_unfinished: bool) -> Answer {
        let (gateway, client) = (Arc::clone(&self.gateway), client.to_owned());
        let erasing = tokio::task::spawn_blocking(move || {
            erase_client(&gateway.spool, &gateway.ledger, &client, also_unfinished, now_millis())
        });
        match erasing.await {
            Ok(Ok(erased)) => {
                let (gone, left) = (erased.payloads.len(), erased.kept.len() + erased.under_way.len());
                tracing::warn!(
                    gone,
                    left,
                    cancelled = erased.cancelled,
                    "destroyed what a client's batches held"
                );
                (self.gateway.wake)();
                say(200, &erased)
            }
            Ok(Err(error)) => {
                tracing::error!(%error, code = error.code(), "what a client's batches hold could not be destroyed");
                let detail = "Spool or ledger failed: some of it may be left. Ask again; see the log.";
                say(503, &json!({ "code": error.code(), "detail": detail }))
            }
            Err(error) => {
                tracing::error!(%error, "what a client's batches hold could not be destroyed");
                say(500, &json!({ "code": "internal", "detail": "See the log, and ask again." }))
            }
        }
    }

    async fn cancel(&self, id: &str) -> Answer {
        let batch = match self.find(id).await {
            Ok(batch) => batch,
            Err(answer) => return answer,
        };
        let ledger = &self.gateway.ledger;
        let events = vec![Event::Cancelled { code: "cancelled-by-operator".into() }];
        match ledger.apply(batch.id, ledger.epoch(), now_millis(), events).await {
            Ok(_) => {
                (self.gateway.wake)();
                self.batch(id).await
            }
            Err(LedgerError::Illegal { illegal, .. }) => {
                say(409, &json!({ "code": illegal.code(), "detail": illegal.to_string() }))
            }
            Err(error) => failed(&error),
        }
    }

    /// A receipt with what only the operator sees.
    async fn view(&self, batch: &BatchView) -> Result<serde_json::Value, LedgerError> {
        let receipt = answers::standing(&self.gateway, batch, None).await?;
        let mut view = serde_json::to_value(receipt).unwrap_or_default();
        if let Some(members) = view.as_object_mut() {
            members.insert("client".into(), json!(batch.client));
            members.insert("chunks".into(), json!(batch.chunks));
            members.insert("bytes".into(), json!(batch.bytes));
        }
        Ok(view)
    }
}

fn say(status: u16, value: &impl serde::Serialize) -> Answer {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

fn failed(error: &LedgerError) -> Answer {
    tracing::error!(%error, "the ledger failed");
    say(503, &json!({ "code": error.code(), "detail": "The ledger is not available; see the log." }))
}

fn text<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn number(query: &str, name: &str) -> Option<u64> {
    text(query, name)?.parse().ok()
}
