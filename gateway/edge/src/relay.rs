//! Relaying: checked, passed on while the client waits, the answer checked and passed back.
//!
//! The gateway is no SOAP node here: message and answer pass byte for byte. A relayed call happens at most once;
//! when the upstream falls silent the fault says that the outcome is unknown.
//!
//! Message and answer are held in memory, and counted while they are ([`Room`]): all relays together have no more than
//! [`crate::Admission::relay_bytes`], however slow the cloud or the client is.

mod reply;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Method, Request};
use sekisho_journal::BatchId;
use sekisho_soap::{MediaType, Version};
use sekisho_upstream::{AnswerStream, Body, Sent, UpstreamError};

use crate::admission::{Full, Room};
use crate::body::{BodyError, RawBody, Unpacked};
use crate::doors::{self, Asks, Desk};
use crate::intake::from_body;
use crate::refusal::{Class, Refusal};
use crate::route::Mode;
use crate::service::{
    Answered, Coding, Declared, Exchange, Voice, arrival, query, refuse, soap_action, turn,
};

/// Headers of the request that mean something to a SOAP service. Nothing else is passed on.
const PASSED: [HeaderName; 2] = [CONTENT_TYPE, HeaderName::from_static("soapaction")];
/// Bodies up to this size are checked where they are; larger ones on a thread of their own.
const CHECKED_HERE: usize = 64 * 1024;
/// Bytes of an answer for which there is room from the beginning: most need no more.
const ANSWER_ROOM: u64 = 64 * 1024;

/// Checks a message, passes it on, and passes the answer back.
pub(crate) async fn relay<B>(
    exchange: &Exchange<'_>,
    door: &'static str,
    media_type: MediaType,
    declared: Declared,
    body: B,
) -> Answered
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let mut version = doors::promised_version(&media_type).unwrap_or(Version::Soap11);
    let mut body_read = false;
    let relayed = relayed(exchange, door, media_type, declared, body, &mut version, &mut body_read).await;
    let mut answered = match relayed {
        Ok(answered) => answered,
        Err(refusal) => refuse(exchange.id, Voice::Soap(version), refusal),
    };
    answered.door = door;
    answered.body_read = body_read;
    answered
}

async fn relayed<B>(
    exchange: &Exchange<'_>,
    door: &'static str,
    media_type: MediaType,
    declared: Declared,
    body: B,
    version: &mut Version,
    body_read: &mut bool,
) -> Result<Answered, Refusal>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    if declared.coding != Coding::Identity {
        return Err(Refusal::new(
            Class::MediaType,
            "relay-coding",
            "A relayed message passes byte for byte; send it without Content-Encoding.",
        )
        .ja("中継する電文にはContent-Encodingを使えません。"));
    }
    // What is not declared may be as long as the route takes, and as a client may hold.
    let most = Room::most(&exchange.gateway.relays).saturating_sub(ANSWER_ROOM);
    let length = declared.length.unwrap_or(exchange.route.limits.body_bytes.min(most));
    if length > most {
        return Err(too_large(most));
    }
    let mut room = room(exchange, length).await?;
    let message = {
        let _turn = turn(exchange).await?;
        collect(exchange, body, length).await?
    };
    *body_read = true;
    room.shrink_to(message.len() as u64 + ANSWER_ROOM);
    let action = soap_action(exchange.headers, &media_type);
    let checked = {
        let (route, message) = (Arc::clone(exchange.route), message.clone());
        let id = BatchId::new(exchange.received_at);
        let size = message.len();
        let check = move || {
            let desk = Desk { route: &route, spool: None, id, action: action.as_deref() };
            let body =
                Unpacked::Identity(RawBody::whole(message, route.limits.body_bytes, &declared.digests));
            if door == "swa" {
                doors::attached(&desk, body, &media_type)
            } else {
                doors::inline(&desk, body, &media_type)
            }
        };
        here_or_apart(size, check).await?
    };
    let checked = checked.map_err(|refused| {
        *version = refused.version;
        *refused.refusal
    })?;
    *version = checked.version;
    // Questions to the gateway are answered by the gateway, here as on every route.
    if let Asks::Query(request) = checked.asks {
        return Ok(query(exchange, door, checked.version, checked.message_id.as_deref(), request).await);
    }
    let held = message.len() as u64;
    let answer = pass_on(exchange, message).await?;
    let (status, headers) = (answer.status, answer.headers.clone());
    let body = whole(answer, held, &mut room).await?;
    let parts = exchange.route.limits.parts;
    let media_type = here_or_apart(body.len(), {
        let (headers, body) = (headers, body.clone());
        move || reply::check(status, &headers, &body, parts)
    })
    .await??;
    let body = room.hold(body);
    Ok(Answered::of(door, reply::response(status, media_type, body)))
}

/// Runs a check where it is, or on a thread of its own where it takes long.
async fn here_or_apart<T: Send + 'static>(
    size: usize,
    check: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    if size <= CHECKED_HERE {
        return Ok(check());
    }
    let checking = tokio::task::spawn_blocking(check).await;
    checking.map_err(|error| Refusal::internal("checking a message", &error))
}

/// Waits for memory to hold a message of so many bytes, and most answers.
async fn room(exchange: &Exchange<'_>, length: u64) -> Result<Room, Refusal> {
    let wanted = length.saturating_add(ANSWER_ROOM);
    let room = Room::wait(&exchange.gateway.relays, &exchange.client.name, wanted).await;
    room.map_err(|full| {
        let (code, en, ja) = match full {
            Full::Share => (
                "client-relays-full",
                "Messages of this client that wait for the cloud take as much memory as those of one client may \
                 (limits.client_relay_bytes). Nothing was sent; come again later.",
                "この団体の中継待ち電文が上限（limits.client_relay_bytes）に達しています。何も送信していません。\
                 時間をおいて再送してください。",
            ),
            Full::All => (
                "relays-full",
                "Messages that wait for the cloud take as much memory as they may (limits.relay_bytes). Nothing was \
                 sent; come again later.",
                "中継待ち電文が上限（limits.relay_bytes）に達しています。何も送信していません。時間をおいて再送してください。",
            ),
        };
        Refusal::new(Class::Busy, code, en).ja(ja).retry_after(Duration::from_secs(10))
    })
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

/// The whole message in memory; there is room for so many bytes.
async fn collect<B>(exchange: &Exchange<'_>, body: B, room: u64) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let max = exchange.route.limits.body_bytes;
    let mut body = arrival(exchange, body);
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    while let Some(data) = body.next().await.map_err(from_body)? {
        let held = whole.len() + first.as_ref().map_or(0, Bytes::len);
        let length = (held + data.len()) as u64;
        if length > max {
            return Err(from_body(BodyError::TooLarge { max }));
        }
        if length > room {
            return Err(too_large(room));
        }
        // Most messages come in one frame, which need not be copied.
        match first.take() {
            None if whole.is_empty() => first = Some(data),
            held => {
                whole.extend_from_slice(&held.unwrap_or_default());
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

async fn pass_on(exchange: &Exchange<'_>, message: Bytes) -> Result<AnswerStream, Refusal> {
    let Mode::Relay { upstream, target, deadline } = &exchange.route.mode else {
        return Err(Refusal::internal("relaying", &"the route does not relay"));
    };
    let mut request = Request::new(Body::full(message));
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
    upstream.client().send_streaming(request, *deadline).await.map_err(|error| from_upstream(&error))
}

/// The whole answer, as far as there is room for it beside the message; at most the endpoint's `max_answer_bytes`.
async fn whole(mut answer: AnswerStream, held: u64, room: &mut Room) -> Result<Bytes, Refusal> {
    let mut whole: Vec<u8> = Vec::new();
    while let Some(piece) = answer.next().await.map_err(|error| from_upstream(&error))? {
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
