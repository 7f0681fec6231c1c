//! Relaying: checked, passed on while the client waits, the answer checked and passed back.
//!
//! The gateway is no SOAP node here: message and answer pass byte for byte, and header blocks that must be understood are
//! the cloud's to understand. A relayed call happens at most once; when the upstream falls silent the fault says that the
//! outcome is unknown. A message with more records than the cloud takes at once is a batch whose answer is awaited
//! ([`split`]).
//!
//! Message and answer are held in memory, and counted while they are ([`Room`]): all relays together have no more than
//! [`crate::Admission::relay_bytes`], however slow the cloud or the client is.

mod awaited;
mod reply;
mod split;
mod standing;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Method, Request};
use sekisho_delivery::{Relayed, relayed};
use sekisho_exchanges::Verdict;
use sekisho_journal::BatchId;
use sekisho_soap::fault::Who;
use sekisho_soap::{MediaType, Version};
use sekisho_upstream::{AnswerStream, Body, Note, Sent, UpstreamError};
use tokio::time::Instant;

use crate::admission::{Room, Scarce, Turn};
use crate::body::{Arrival, BodyError, RawBody, Unpacked};
use crate::doors::{self, Asks, Binds, Desk, Names, SoapMessage, SoapRefusal};
use crate::intake::{Scans, from_body};
use crate::refusal::{Class, Refusal, RelatesTo};
use crate::route::Mode;
use crate::service::{
    Answered, Coding, Declared, Exchange, Voice, arrival, named, query, refuse, turn, unrecordable,
};
use crate::stock;

/// Headers of the request that mean something to a SOAP service. Nothing else is passed on.
const PASSED: [HeaderName; 2] = [CONTENT_TYPE, HeaderName::from_static("soapaction")];
/// Bodies up to this size are checked where they are; larger ones on a thread of their own.
const CHECKED_HERE: usize = 64 * 1024;
/// Bytes of an answer for which there is room from the beginning: most need no more.
const ANSWER_ROOM: u64 = 64 * 1024;

/// A message on its way through.
struct Passage<'e, 'x> {
    exchange: &'e Exchange<'x>,
    door: &'static str,
    media_type: MediaType,
    /// The actions in its head.
    actions: Vec<String>,
    declared: Declared,
    /// The version to answer in, as far as it is known.
    version: Version,
    /// The message that a fault relates to, once it has been read.
    relates: Option<RelatesTo>,
    body_read: bool,
    /// Room for the batch that it may become.
    room: Option<Arc<stock::Room>>,
}

/// Checks a message, passes it on, and passes the answer back; or makes a batch of it, and awaits that one's answer.
pub(crate) async fn relay<B>(
    exchange: &Exchange<'_>,
    door: &'static str,
    media_type: MediaType,
    actions: Vec<String>,
    declared: Declared,
    body: B,
) -> Answered
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let began = Instant::now();
    let version = doors::promised_version(&media_type).unwrap_or(Version::Soap11);
    let mut passage = Passage {
        exchange,
        door,
        media_type,
        actions,
        declared,
        version,
        relates: None,
        body_read: false,
        room: None,
    };
    let relayed = match exchange.route.mode.split() {
        None => passage.whole(body).await,
        Some(split) => passage.whole_or_split(split, began, body).await,
    };
    let Passage { version, relates, body_read, .. } = passage;
    let mut answered = relayed.unwrap_or_else(|refusal| {
        refuse(exchange.id, Voice::Soap(version), refusal.relating(relates.as_ref()))
    });
    answered.door = door;
    answered.body_read = body_read;
    answered
}

impl Passage<'_, '_> {
    /// Passes the message as it came.
    async fn whole<B>(&mut self, body: B) -> Result<Answered, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let exchange = self.exchange;
        if self.declared.coding != Coding::Identity {
            return Err(Refusal::new(
                Class::MediaType,
                "relay-coding",
                "A relayed message passes byte for byte; send it without Content-Encoding.",
            )
            .ja("電文はバイト列のまま中継します。Content-Encodingなしで送信してください。"));
        }
        // What is not declared may be as long as the route takes, and as a client may hold.
        let most = most(exchange);
        let length = self.declared.length.unwrap_or(exchange.route.limits.body_bytes.min(most));
        if length > most {
            return Err(too_large(most));
        }
        let mut room = room(exchange, length).await?;
        let turn = turn(exchange).await?;
        let mut arrival = arrival(exchange, body);
        let message = match hold(exchange, &mut arrival, length).await? {
            Held::Whole(message) => message,
            Held::More(_) => return Err(too_large(length)),
        };
        self.declared.trailing = arrival.trailing();
        self.body_read = true;
        room.shrink_to(message.len() as u64 + ANSWER_ROOM);
        let checked = self.check(&message, turn).await?;
        match checked.asks {
            Asks::Query(_) => self.ask(checked).await,
            Asks::Submit(submission) => {
                self.exchange.noted.operation("relay");
                self.exchange.noted.records(submission.records, Verdict::Passed);
                if let Some(verdict) = submission.scan {
                    self.exchange.scanned(verdict);
                }
                self.pass(message, room).await
            }
        }
    }

    /// Holds the message to the route, and keeps nothing. What the scanner said of it is of all that is in it.
    async fn check(&mut self, message: &Bytes, turn: Turn) -> Result<SoapMessage, Refusal> {
        let read = self.reader(Binds::Others, None, None);
        let (digests, limit) = (self.declared.digests.clone(), self.exchange.route.limits.body_bytes);
        let trailing = self.declared.trailing.clone();
        let (whole, scanner) = (message.clone(), self.exchange.route.scan.clone());
        // Who waits for a scanner blocks.
        let apart = scanner.is_some() || message.len() > CHECKED_HERE;
        // A scan has a thread for as long as the scanner takes, even if nobody waits for it any more: no more of them than bodies are
        // read at once.
        let turn = scanner.as_ref().map(|_| turn);
        let client = self.exchange.client.name.clone();
        let check = move || {
            let _turn = turn;
            let mut checked =
                read(Unpacked::Identity(RawBody::whole(whole.clone(), limit, &digests).behind(&trailing)))?;
            if let (Some(scanner), Asks::Submit(submission)) = (&scanner, &mut checked.asks) {
                // Its parts have been, as they are decoded; this is what is sent on.
                let scans = Scans::new(scanner, &client);
                let said = scans.whole(&*whole).and_then(|()| scans.verdict());
                let version = checked.version;
                let said = said.map_err(|refusal| SoapRefusal { version, refusal: Box::new(refusal) })?;
                if submission.scan != Some(Verdict::Partly) {
                    submission.scan = Some(said);
                }
            }
            Ok(checked)
        };
        let checked = here_or_apart(apart, check).await?;
        self.read(checked)
    }

    /// Reads the message by its door; into the spool under an id, or else only to check it. What was scanned is not scanned again, and
    /// was found to be this.
    fn reader(
        &self,
        header: Binds,
        id: Option<BatchId>,
        scanned: Option<Verdict>,
    ) -> impl FnOnce(Unpacked) -> Result<SoapMessage, SoapRefusal> + Send + 'static {
        let exchange = self.exchange;
        let route = Arc::clone(exchange.route);
        let (media_type, door) = (self.media_type.clone(), self.door);
        let (actions, client) = (self.actions.clone(), exchange.client.name.clone());
        let received_at = exchange.received_at;
        let room = self.room.clone();
        // What it is called in the head of HTTP goes before what it says itself.
        let keyed = exchange.headers.contains_key("idempotency-key");
        let named = room.clone().filter(|_| !keyed);
        let spool = id.zip(room).map(|(_, room)| exchange.gateway.spool.bounded_by(room));
        move |body| {
            let claim = |names: &Names| {
                if let Some(room) = &named {
                    room.named(names);
                }
                Ok(None)
            };
            let spool = spool.as_ref();
            let id = id.unwrap_or_else(|| BatchId::new(received_at));
            let scans = route.scan.as_ref().filter(|_| scanned.is_none());
            let scans = scans.map(|scanner| Scans::new(scanner, &client));
            if let (Some(scans), None) = (&scans, spool) {
                // It is scanned with the whole message.
                scans.leave_envelope();
            }
            let desk =
                Desk { route: &route, spool, scans, header, id, actions: &actions, claim: Some(&claim) };
            let mut read = match door {
                "swa" => doors::attached(&desk, body, &media_type),
                _ => doors::inline(&desk, body, &media_type),
            }?;
            if let (Some(scanned), Asks::Submit(submission)) = (scanned, &mut read.asks) {
                submission.scan = Some(scanned);
            }
            Ok(read)
        }
    }

    /// What was read, or why not; either says in which version to answer.
    fn read(&mut self, read: Result<SoapMessage, SoapRefusal>) -> Result<SoapMessage, Refusal> {
        match read {
            Ok(message) => {
                self.version = message.version;
                self.relates = doors::relates_to(&message);
                named(self.exchange, message.message_id.as_deref(), message.parts);
                Ok(message)
            }
            Err(refused) => {
                self.version = refused.version;
                Err(*refused.refusal)
            }
        }
    }

    /// Questions to the gateway are answered by the gateway, here as on every route.
    async fn ask(&self, message: SoapMessage) -> Result<Answered, Refusal> {
        if let Some(refusal) = doors::unmet(message.header) {
            return Err(refusal);
        }
        let Asks::Query(request) = message.asks else {
            return Err(Refusal::internal("answering a question", &"it is none"));
        };
        let message_id = message.message_id.as_deref();
        Ok(query(self.exchange, self.door, message.version, message_id, request).await)
    }

    /// Passes the message on, once, and its answer back.
    async fn pass(&self, message: Bytes, mut room: Room) -> Result<Answered, Refusal> {
        let exchange = self.exchange;
        let held = message.len() as u64;
        let began = Instant::now();
        let answer = pass_on(exchange, message).await.map_err(|failed| failed.refusal(exchange, began))?;
        let (status, headers) = (answer.status, answer.headers.clone());
        let body = whole(answer, held, &mut room).await.map_err(|failed| failed.refusal(exchange, began))?;
        let parts = exchange.route.limits.parts;
        let checked = here_or_apart(body.len() > CHECKED_HERE, {
            let (headers, body) = (headers, body.clone());
            move || reply::check(status, &headers, &body, parts)
        })
        .await?;
        let checked = match checked {
            Ok(checked) => checked,
            Err(refusal) => {
                report(exchange, &Relayed::Faulted(refusal.code), began);
                return Err(refusal);
            }
        };
        let end = match checked.fault {
            None => Relayed::Taken,
            Some(Who::Receiver) => Relayed::Faulted("fault"),
            Some(Who::Sender | Who::MustUnderstand | Who::VersionMismatch) => Relayed::Refused,
        };
        report(exchange, &end, began);
        let body = room.hold(body);
        count(exchange, "passed");
        exchange.noted.outcome("relayed");
        Ok(Answered::of(self.door, reply::response(status, checked.media_type, body)))
    }
}

/// Why there is no answer to pass back.
enum Failed {
    Upstream(UpstreamError),
    /// The gateway's own doing.
    Here(Box<Refusal>),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Here(Box::new(refusal))
    }
}

impl Failed {
    /// As it is told to the client; the hops learn of what the upstream did.
    fn refusal(self, exchange: &Exchange<'_>, began: Instant) -> Refusal {
        match self {
            Self::Here(refusal) => *refusal,
            Self::Upstream(error) => {
                report(exchange, &Relayed::Failed(&error), began);
                from_upstream(&error)
            }
        }
    }
}

/// Tells the hops what came of a message, as delivery does of a chunk.
fn report(exchange: &Exchange<'_>, end: &Relayed<'_>, began: Instant) {
    relayed(&exchange.gateway.board, &exchange.route.upstream, end, began.elapsed());
}

/// Bytes of a message that may be held, beside its answer.
fn most(exchange: &Exchange<'_>) -> u64 {
    Room::most(&exchange.gateway.relays).saturating_sub(ANSWER_ROOM)
}

/// Counts how a relayed message was answered.
fn count(exchange: &Exchange<'_>, how: &'static str) {
    exchange.gateway.metrics.relays.with_label_values(&[exchange.route.name.as_str(), how]).inc();
}

/// Runs a check where it is, or on a thread of its own where it takes long.
async fn here_or_apart<T: Send + 'static>(
    apart: bool,
    check: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    if !apart {
        return Ok(check());
    }
    let checking = tokio::task::spawn_blocking(check).await;
    checking.map_err(|error| Refusal::internal("checking a message", &error))
}

/// Waits for memory to hold a message of so many bytes, and most answers.
async fn room(exchange: &Exchange<'_>, length: u64) -> Result<Room, Refusal> {
    let wanted = length.saturating_add(ANSWER_ROOM);
    let room = Room::wait(&exchange.gateway.relays, &exchange.client.name, wanted).await;
    room.map_err(|full| Scarce::Relays.refusal(full))
}

fn too_large(most: u64) -> Refusal {
    Refusal::new(
        Class::TooLarge,
        "relay-too-large",
        format!("A relayed message has at most {most} bytes (limits.client_relay_bytes): send less at once."),
    )
    .ja(format!(
        "中継できる電文は{most}バイトまでです（limits.client_relay_bytes）。分割して送信してください。"
    ))
}

/// A message as far as it was read.
enum Held {
    /// To its end.
    Whole(Bytes),
    /// There is more of it than may be held.
    More(Vec<Bytes>),
}

/// Reads a message into memory, as far as there is room for it.
async fn hold<B>(exchange: &Exchange<'_>, body: &mut Arrival<B>, room: u64) -> Result<Held, Refusal>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let max = exchange.route.limits.body_bytes;
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut length = 0;
    while let Some(data) = body.next().await.map_err(from_body)? {
        length += data.len() as u64;
        pieces.push(data);
        if length > max {
            return Err(from_body(BodyError::TooLarge { max }));
        }
        if length > room {
            return Ok(Held::More(pieces));
        }
    }
    // Most messages come in one frame, which need not be copied.
    Ok(Held::Whole(match pieces.len() {
        1 => pieces.swap_remove(0),
        _ => pieces.concat().into(),
    }))
}

async fn pass_on(exchange: &Exchange<'_>, message: Bytes) -> Result<AnswerStream, Failed> {
    let Mode::Relay { upstream, target, deadline, .. } = &exchange.route.mode else {
        return Err(Refusal::internal("relaying", &"the route does not relay").into());
    };
    let digest = exchange.noted.digest_of(message.len());
    let mut request = Request::new(Body::full(message).digested(digest));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = upstream
        .endpoint()
        .target(target)
        .ok_or_else(|| Refusal::internal("relaying", &"the route's target is not a path"))?;
    for name in &PASSED {
        if let Some(value) = exchange.headers.get(name) {
            request.headers_mut().insert(name.clone(), value.clone());
        }
    }
    request.extensions_mut().insert(Note {
        route: Some(exchange.route.name.clone()),
        client: Some(exchange.client.name.clone()),
        within: Some(exchange.id),
        ..Note::of("relay")
    });
    upstream.client().send_streaming(request, *deadline).await.map_err(Failed::Upstream)
}

/// The whole answer, as far as there is room for it beside the message; at most the endpoint's `max_answer_bytes`.
async fn whole(mut answer: AnswerStream, held: u64, room: &mut Room) -> Result<Bytes, Failed> {
    let mut whole: Vec<u8> = Vec::new();
    while let Some(piece) = answer.next().await.map_err(Failed::Upstream)? {
        let length = whole.len() + piece.len();
        if length > whole.capacity() {
            let capacity = length.next_power_of_two();
            room.grow_to(held + capacity as u64).map_err(|_| no_room())?;
            whole.reserve_exact(capacity - whole.len());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

fn no_room() -> Refusal {
    Refusal::new(
        Class::UpstreamTimeout,
        "upstream-answer-no-room",
        "There is no memory for the cloud's answer beside those of other relays (limits.relay_bytes). Whether the message \
         had its effect is unknown: ask before sending it again.",
    )
    .ja("クラウドの応答を受け取るメモリーがありません（limits.relay_bytes）。反映されたかどうかは不明です。\
         再送の前に確認してください。")
}

fn from_upstream(error: &UpstreamError) -> Refusal {
    tracing::warn!(%error, code = error.code(), "the upstream did not answer");
    if let UpstreamError::NotRecorded = error {
        return unrecordable();
    }
    if let UpstreamError::AnswerTooLong { limit } = error {
        return Refusal::new(
            Class::UpstreamTimeout,
            "upstream-answer-too-long",
            format!(
                "The cloud's answer has more than {limit} bytes (max_answer_bytes). Whether the message had its effect \
                 is unknown: ask before sending it again."
            ),
        )
        .ja(format!(
            "クラウドの応答が上限{limit}バイト（max_answer_bytes）を超えています。反映されたかどうかは不明です。\
             再送の前に確認してください。"
        ));
    }
    match error.outcome() {
        Sent::No => Refusal::new(
            Class::Upstream,
            "upstream-unreachable",
            "The cloud could not be reached; nothing was sent. Send the message again later.",
        )
        .ja("クラウドに接続できません。何も送信していません。時間をおいて再送してください。"),
        Sent::Unknown => Refusal::new(
            Class::UpstreamTimeout,
            "outcome-unknown",
            "The cloud gave no whole answer. Whether the message had its effect is unknown: ask before sending it \
             again.",
        )
        .ja("クラウドから完全な応答がありません。反映されたかどうかは不明です。再送の前に確認してください。"),
    }
}
