//! Answers and refusals in the protocol of the request.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use sekisho_soap::envelope::{self, ReplyHeaders};
use sekisho_soap::message::{Answer, NAMESPACE, Problem};
use sekisho_soap::{Fault, MediaType, Version};
use serde::Serialize;
use uuid::Uuid;

use super::Answered;
use crate::answer_body::AnswerBody;
use crate::answers;
use crate::doors::promised_version;
use crate::refusal::{Class, Refusal};

/// The protocol in which a refusal is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// A fault in this version.
    Soap(Version),
    /// A problem document (RFC 9457).
    Rest,
}

impl Voice {
    /// What the media type promises, before the body is read; a problem document where it promises nothing.
    pub(crate) fn of(content_type: Option<&HeaderValue>) -> Self {
        match media_type_of(content_type) {
            Some(media_type) => Self::promised(&media_type).unwrap_or(Self::Rest),
            None => Self::Rest,
        }
    }

    /// At a SOAP door: a fault, unless the media type can be read and is none of SOAP's. Who cannot be understood
    /// there speaks SOAP, if anything.
    pub(crate) fn at_soap_door(headers: &HeaderMap) -> Self {
        if let Some(media_type) = media_type_of(headers.get(CONTENT_TYPE)) {
            return Self::promised(&media_type).unwrap_or(Self::Rest);
        }
        let value = headers.get(CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
        let names_soap12 =
            |value: Vec<u8>| value.windows(SOAP12.len()).any(|window| window == SOAP12.as_bytes());
        Self::Soap(if value.is_some_and(names_soap12) { Version::Soap12 } else { Version::Soap11 })
    }

    fn promised(media_type: &MediaType) -> Option<Self> {
        let version = promised_version(media_type);
        let package = media_type.is("multipart/related").then_some(Version::Soap11);
        version.or(package).map(Self::Soap)
    }
}

const SOAP12: &str = "application/soap+xml";

fn media_type_of(content_type: Option<&HeaderValue>) -> Option<MediaType> {
    content_type.and_then(|value| MediaType::parse(value.to_str().ok()?).ok())
}

/// Says no.
pub(crate) fn refuse(id: Uuid, voice: Voice, refusal: Refusal) -> Answered {
    let wire = refusal.class.wire();
    if let Some(signature) = &refusal.found {
        tracing::warn!(%id, signature, "the scanner found something");
    }
    let listed = refusal.violations.as_deref();
    let errors = listed.map(answers::violations).unwrap_or_default();
    let errors_total = listed.map(sekisho_records::Violations::total);
    let violated = listed.is_some();
    let (door, mut response) = match voice {
        Voice::Soap(version) => {
            let mut fault =
                Fault::new(wire.blame, refusal.code, &id.to_string(), &refusal.reason, refusal.japanese());
            fault.location = refusal.location.clone();
            fault.errors = errors;
            fault.errors_total = errors_total;
            fault.headers = fault_headers(&refusal);
            fault.invalid_header = refusal.invalid_header;
            fault.not_understood = refusal.not_understood;
            fault.unfinished = refusal.unfinished;
            let status = if version == Version::Soap11 { wire.soap11 } else { wire.soap12 };
            ("soap", soap(status, version, fault.write(version)))
        }
        Voice::Rest => {
            let problem = Problem {
                kind: format!("urn:sekisho:problem:{}", refusal.code),
                title: refusal.class.title().to_owned(),
                status: wire.rest,
                detail: refusal.reason.clone(),
                detail_ja: refusal.japanese().to_owned(),
                code: refusal.code.to_owned(),
                id: id.to_string(),
                location: refusal.location.clone(),
                errors,
                errors_total,
            };
            ("rest", serialized(wire.rest, "application/problem+json", &problem))
        }
    };
    if refusal.class == Class::Unauthorized {
        // RFC 9110 §11.6.1 wants it beside every 401.
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sekisho\""));
    }
    if let Some(after) = refusal.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    let (response, refused) = (response.map(AnswerBody::from), Some(refusal.code));
    Answered { response, door, body_read: true, refused, violated }
}

/// The WS-Addressing headers of a fault: where the message has an id, and where its WS-Addressing is what is wrong.
fn fault_headers(refusal: &Refusal) -> Option<ReplyHeaders> {
    let relates_to = refusal.relates_to.as_ref().map(|message| message.message_id.as_str());
    (relates_to.is_some() || refusal.invalid_header.is_some()).then(|| headers(relates_to, &refusal.action()))
}

/// A body of text.
pub(crate) fn text(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    // Statuses come from tables of this crate; 500 stands for one that is none.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON answer.
pub(crate) fn json(status: u16, value: &impl Serialize) -> Response<Full<Bytes>> {
    serialized(status, "application/json", value)
}

fn serialized(status: u16, content_type: &'static str, value: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(value) {
        Ok(body) => text(status, content_type, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            text(500, "text/plain; charset=utf-8", "The gateway failed.\n")
        }
    }
}

/// An envelope, with the media type of its version.
pub(crate) fn soap(status: u16, version: Version, envelope: Vec<u8>) -> Response<Full<Bytes>> {
    let content_type = match version {
        Version::Soap11 => "text/xml; charset=utf-8",
        Version::Soap12 => "application/soap+xml; charset=utf-8",
    };
    text(status, content_type, envelope)
}

/// One of the gateway's own answers.
pub(crate) fn soap_answer(
    version: Version,
    message_id: Option<&str>,
    answer: &Answer,
) -> Response<Full<Bytes>> {
    // The action of an output that the WSDL names none for (WS-Addressing 1.0 metadata §4.4.4): the namespace, the
    // port type, the output.
    let action = format!("{NAMESPACE}:Gateway:{}", answer.name());
    soap_body(version, message_id, &action, &answer.write())
}

/// A body in an envelope, and [`reply_headers`].
pub(crate) fn soap_body(
    version: Version,
    message_id: Option<&str>,
    action: &str,
    body: &[u8],
) -> Response<Full<Bytes>> {
    let headers = reply_headers(message_id, action);
    soap(200, version, envelope::write(version, headers.as_ref(), body))
}

/// The WS-Addressing headers that a message with an id is answered with (WS-Addressing 1.0 core §3.4).
pub(crate) fn reply_headers(message_id: Option<&str>, action: &str) -> Option<ReplyHeaders> {
    message_id.map(|relates_to| headers(Some(relates_to), action))
}

fn headers(relates_to: Option<&str>, action: &str) -> ReplyHeaders {
    ReplyHeaders {
        action: action.to_owned(),
        relates_to: relates_to.map(str::to_owned),
        message_id: Some(format!("urn:uuid:{}", Uuid::now_v7())),
    }
}
