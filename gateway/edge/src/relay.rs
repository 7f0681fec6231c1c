//! Relaying: checked, passed on while the client waits, the answer checked and passed back.
//!
//! The gateway is no SOAP node here: message and answer pass byte for byte. A relayed call happens at most once;
//! when the upstream falls silent the fault says that the outcome is unknown.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use sekisho_journal::BatchId;
use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::{EnvelopeReader, MediaType, Version};
use sekisho_upstream::{Answer, Body, Sent, UpstreamError};

use crate::body::{BodyError, RawBody, classify};
use crate::doors::{self, Asks, Desk};
use crate::intake::from_body;
use crate::refusal::{Class, Refusal};
use crate::route::Mode;
use crate::service::{Answered, Coding, Declared, Exchange, Voice, query, refuse, soap_action, turn};

/// Headers of the request that mean something to a SOAP service. Nothing else is passed on.
const PASSED: [HeaderName; 2] = [CONTENT_TYPE, HeaderName::from_static("soapaction")];
/// Bodies up to this size are checked where they are; larger ones on a thread of their own.
const CHECKED_HERE: usize = 64 * 1024;

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
    let message = {
        let _turn = turn(exchange).await?;
        collect(exchange, body).await?
    };
    *body_read = true;
    let action = soap_action(exchange.headers, &media_type);
    let checked = {
        let (route, message) = (Arc::clone(exchange.route), message.clone());
        let id = BatchId::new(exchange.received_at);
        let limits_of = unpacked_limits(exchange);
        let size = message.len();
        let check = move || {
            let desk = Desk { route: &route, spool: None, id, action: action.as_deref() };
            let raw = RawBody::whole(message, limits_of, declared.sha256.is_some());
            let body = crate::body::Unpacked::Identity(raw);
            if door == "swa" {
                doors::attached(&desk, body, &media_type, declared.sha256)
            } else {
                doors::inline(&desk, body, &media_type, declared.sha256)
            }
        };
        if size <= CHECKED_HERE {
            check()
        } else {
            let checking = tokio::task::spawn_blocking(check).await;
            checking.map_err(|error| Refusal::internal("checking a message", &error))?
        }
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
    let answer = pass_on(exchange, message).await?;
    pass_back(&answer).map(|response| Answered::of(door, response))
}

fn unpacked_limits(exchange: &Exchange<'_>) -> u64 {
    exchange.route.limits.body_bytes
}

/// The whole message in memory: a relay route's body limit is small, and set when the route is loaded.
async fn collect<B>(exchange: &Exchange<'_>, mut body: B) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let max = exchange.route.limits.body_bytes;
    let idle = exchange.route.limits.body_idle;
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    loop {
        let frame = tokio::time::timeout(idle, body.frame()).await;
        let frame = match frame.map_err(|_| from_body(BodyError::Idle(idle)))? {
            None => break,
            Some(Err(error)) => return Err(from_body(classify(&error))),
            Some(Ok(frame)) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if (whole.len() + data.len()) as u64 > max {
            return Err(from_body(BodyError::TooLarge { max }));
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

async fn pass_on(exchange: &Exchange<'_>, message: Bytes) -> Result<Answer, Refusal> {
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
    upstream.client().send(request, *deadline).await.map_err(|error| from_upstream(&error))
}

fn from_upstream(error: &UpstreamError) -> Refusal {
    tracing::warn!(%error, code = error.code(), "the upstream did not answer");
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

/// The answer, if it is one: a SOAP message of a known kind. Only its status, media type and body pass.
fn pass_back(answer: &Answer) -> Result<Response<Full<Bytes>>, Refusal> {
    let bad = |why: &'static str| {
        tracing::warn!(status = %answer.status, why, "the upstream's answer is none");
        Refusal::new(
            Class::UpstreamTimeout,
            "upstream-answer",
            "The cloud's answer is not a SOAP message. Whether the message had its effect is unknown.",
        )
        .ja("クラウドの応答がSOAP電文ではありません。反映されたかどうかは不明です。")
    };
    let status = answer.status.as_u16();
    if !matches!(status, 200 | 202 | 400 | 500) {
        return Err(bad("status"));
    }
    let mut response = Response::new(Full::new(answer.body.clone()));
    *response.status_mut() = answer.status;
    if answer.body.is_empty() && matches!(status, 200 | 202) {
        return Ok(response);
    }
    let content_type = answer.headers.get(CONTENT_TYPE).ok_or_else(|| bad("no media type"))?;
    let media_type = content_type.to_str().ok().and_then(|value| MediaType::parse(value).ok());
    let media_type = media_type.ok_or_else(|| bad("media type"))?;
    match media_type.essence() {
        "multipart/related" => {}
        "text/xml" | "application/soap+xml" => {
            let envelope = EnvelopeReader::open(&answer.body[..], &EnvelopeOptions::default());
            envelope.and_then(EnvelopeReader::finish).map_err(|_| bad("envelope"))?;
        }
        _ => return Err(bad("media type")),
    }
    response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    Ok(response)
}
