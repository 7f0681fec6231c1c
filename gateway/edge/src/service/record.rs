//! Every request is on record before it is answered: what the exchange log says of it, and how that is gathered on the way.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame, SizeHint};
use sekisho_exchanges::{Direction, Entry, ExchangeLog, Kind, NotOnRecord, Tally, Verdict, now};
use sekisho_journal::BatchId;
use uuid::Uuid;

use super::Answered;
use crate::peer::Peer;
use crate::refusal::{Class, Refusal};
use crate::route::Route;
use crate::tls::Name;

/// What is learnt of a request while it is answered.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    said: Mutex<Said>,
    /// What has come of its body.
    body: Arc<Tally>,
}

#[derive(Debug, Clone, Default)]
struct Said {
    client: Option<String>,
    operation: Option<&'static str>,
    batch: Option<Uuid>,
    message: Option<[u8; 32]>,
    parts: Option<u64>,
    records: Option<u64>,
    schema: Option<Verdict>,
    scan: Option<Verdict>,
    outcome: Option<&'static str>,
}

impl Noted {
    /// Who it comes from.
    pub(crate) fn client(&self, name: &str) {
        self.said().client = Some(name.to_owned());
    }

    /// Who it comes from, if that is known.
    pub(super) fn who(&self) -> Option<String> {
        self.said().client.clone()
    }

    /// What it asks for: a word of this crate.
    pub(crate) fn operation(&self, operation: &'static str) {
        self.said().operation = Some(operation);
    }

    /// The batch that it is about.
    pub(crate) fn batch(&self, batch: BatchId) {
        self.said().batch = Some(Uuid::from_bytes(*batch.as_bytes()));
    }

    /// Its message's id, hashed.
    pub(crate) fn message(&self, hash: [u8; 32]) {
        self.said().message = Some(hash);
    }

    /// Parts of its package.
    pub(crate) fn parts(&self, parts: u64) {
        self.said().parts = Some(parts);
    }

    /// Records that it holds, and what their schema says of them.
    pub(crate) fn records(&self, records: u64, schema: Verdict) {
        let mut said = self.said();
        (said.records, said.schema) = (Some(records), Some(schema));
    }

    /// What the scanner says of it.
    pub(crate) fn scanned(&self, verdict: Verdict) {
        self.said().scan = Some(verdict);
    }

    /// What became of it: a word of this crate.
    pub(crate) fn outcome(&self, outcome: &'static str) {
        self.said().outcome = Some(outcome);
    }

    /// The SHA-256 of its body, if that has come to its end, is of so many bytes, and is put on record.
    pub(crate) fn digest_of(&self, bytes: usize) -> Option<[u8; 32]> {
        let (come, digest) = self.body.sum();
        digest.filter(|_| come == bytes as u64)
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request, until it is on record: before its answer leaves, or when it is broken off.
pub(super) struct Record<'r> {
    pub(super) log: &'r ExchangeLog,
    pub(super) id: Uuid,
    pub(super) began: u64,
    pub(super) method: &'static str,
    pub(super) peer: &'r Peer,
    pub(super) route: Option<&'r Route>,
    pub(super) noted: &'r Noted,
    pub(super) body: Arc<Tally>,
    recorded: bool,
}

impl<'r> Record<'r> {
    pub(super) fn begin(
        log: &'r ExchangeLog,
        id: Uuid,
        method: &Method,
        peer: &'r Peer,
        route: Option<&'r Route>,
        noted: &'r Noted,
    ) -> Self {
        let (method, body) = (Entry::method(method.as_str()), Arc::clone(&noted.body));
        Self { log, id, began: now(), method, peer, route, noted, body, recorded: false }
    }

    /// Puts it on record as it is about to be answered.
    pub(super) async fn end(mut self, answered: &Answered) -> Result<(), NotOnRecord> {
        self.recorded = true;
        if !self.log.is_on() {
            return Ok(());
        }
        let said = self.noted.said().clone();
        let by_policy = answered.refused.is_some_and(|code| code.starts_with("policy-"));
        let outcome = said.outcome.unwrap_or(match answered.refused {
            Some("outcome-unknown" | "upstream-answer-too-long" | "upstream-answer-no-room") => "unknown",
            Some(_) => "refused",
            None => "answered",
        });
        let entry = Entry {
            ended: Some(now()),
            door: Some(answered.door),
            bytes_out: answered.response.body().size_hint().exact(),
            schema: if answered.violated && !by_policy { Some(Verdict::Failed) } else { said.schema },
            policy: match self.route.and_then(|route| route.policy.as_ref()) {
                _ if by_policy => Some(Verdict::Failed),
                // Every record that its schema takes is held against the policy, too.
                Some(_) if !answered.violated => said.schema,
                _ => None,
            },
            scan: match answered.refused {
                Some("content-infected") => Some(Verdict::Failed),
                _ => said.scan,
            },
            outcome: Some(outcome),
            status: Some(answered.response.status().as_u16()),
            code: answered.refused,
            ..self.entry(&said)
        };
        self.log.record(&entry).await
    }

    fn entry<'e>(&'e self, said: &'e Said) -> Entry<'e> {
        let shown = self.peer.shown.as_ref();
        let fingerprint =
            |name: &Name| if let Name::Fingerprint(digest) = name { Some(*digest) } else { None };
        let (bytes, digest) = self.body.sum();
        Entry {
            client: said.client.as_deref(),
            certificate: shown.and_then(|shown| shown.names().iter().find_map(fingerprint)),
            address: Some(self.peer.address),
            route: self.route.map(|route| route.name.as_str()),
            method: Some(self.method),
            operation: said.operation,
            batch: said.batch,
            message: said.message,
            bytes_in: Some(bytes),
            parts: said.parts,
            records: said.records,
            digest,
            schema: said.schema,
            scan: said.scan,
            ..Entry::new(Kind::Exchange, Direction::In, self.id, self.began)
        }
    }
}

impl Drop for Record<'_> {
    /// The connection went away, or the gateway is stopping and its grace is over.
    fn drop(&mut self) {
        if !self.recorded {
            let said = self.noted.said().clone();
            let entry = Entry { ended: Some(now()), outcome: Some("broken-off"), ..self.entry(&said) };
            self.log.leave(&entry);
        }
    }
}

/// What is asked for below a route, by method.
pub(super) fn asked(below: &str, method: &Method) -> &'static str {
    match (below, method) {
        ("" | "/", &Method::POST) => "message",
        ("" | "/", &Method::GET) | ("/openapi.json", _) => "contract",
        ("/batches", &Method::POST) => "submit",
        ("/batches", _) => "list",
        ("/heartbeat", _) => "heartbeat",
        (below, method) if below.starts_with("/batches/") => {
            match below.trim_start_matches("/batches/").split_once('/') {
                None if method == Method::DELETE => "cancel",
                None => "receipt",
                Some((_, "errors")) => "errors",
                Some((_, "chunks")) => "chunks",
                Some(_) => "other",
            }
        }
        _ => "other",
    }
}

/// The route passes nothing without a record, and there cannot be one.
pub(crate) fn unrecordable() -> Refusal {
    not_on_record(
        "The exchange log cannot be written at this moment, and this route passes nothing without a record. Nothing was \
         taken; come again later.",
        "交換記録を書き込めません。この特定通信は記録なしでは通しません。何も受け付けていません。時間をおいて再送してください。",
    )
}

/// It was answered, and could not be put on record.
pub(super) fn unrecorded() -> Refusal {
    not_on_record(
        "The exchange could not be put on record, and this route answers nothing without a record. What was asked for may \
         have been done: ask for it, or send it again under the same idempotency key or message id.",
        "この交換を記録できませんでした。この特定通信は記録なしでは応答しません。処理は行われた可能性があります。照会するか、\
         同じ冪等キーまたは電文IDで再送してください。",
    )
}

fn not_on_record(en: &str, ja: &str) -> Refusal {
    Refusal::new(Class::Busy, NotOnRecord.code(), en).ja(ja).retry_after(std::time::Duration::from_secs(10))
}

/// A body that is counted as it comes.
pub(crate) struct Counted<B> {
    pub(super) body: B,
    /// `None` where nothing is put on record.
    pub(super) tally: Option<Arc<Tally>>,
}

impl<B> Body for Counted<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let (Some(tally), Poll::Ready(frame)) = (&self.tally, &polled) {
            match frame {
                Some(Ok(frame)) => {
                    let last = self.body.is_end_stream();
                    match frame.data_ref() {
                        Some(piece) => tally.piece(piece, last),
                        None => tally.end(last),
                    }
                }
                Some(Err(_)) => tally.end(false),
                None => tally.end(true),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_one_of_few_words() {
        for (method, below, asked_for) in [
            (Method::POST, "", "message"),
            (Method::GET, "/", "contract"),
            (Method::POST, "/batches", "submit"),
            (Method::GET, "/batches", "list"),
            (Method::GET, "/batches/x", "receipt"),
            (Method::DELETE, "/batches/x", "cancel"),
            (Method::GET, "/batches/x/errors", "errors"),
            (Method::GET, "/batches/x/chunks", "chunks"),
            (Method::GET, "/batches/x/name-of-a-resident", "other"),
            (Method::GET, "/name-of-a-resident", "other"),
            (Method::PUT, "", "other"),
        ] {
            assert_eq!(asked(below, &method), asked_for, "{method} {below}");
        }
    }
}
