//! The cloud's answer to a relayed message: a SOAP message of a known kind, or it does not pass.

use std::io::Read;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use sekisho_charset::{Decoder, Encoding, Unmappable};
use sekisho_soap::envelope::EnvelopeOptions;
use sekisho_soap::fault::{ReceivedFault, Who};
use sekisho_soap::{EnvelopeReader, MediaType, MimeError, MultipartReader, PartLimits};

use crate::intake::xml_encoding;
use crate::refusal::{Class, Refusal};

/// Holds an answer to what may pass: its status, its media type, an envelope, and for a package the framing of every
/// part.
pub(super) fn check(
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
    parts: usize,
) -> Result<Checked, Refusal> {
    if !matches!(status.as_u16(), 200 | 202 | 400 | 500) {
        return Err(no_message(status, "status"));
    }
    if body.is_empty() && matches!(status.as_u16(), 200 | 202) {
        return Ok(Checked { media_type: None, fault: None });
    }
    let content_type = headers.get(CONTENT_TYPE).ok_or_else(|| no_message(status, "no media type"))?;
    let media_type = content_type.to_str().ok().and_then(|value| MediaType::parse(value).ok());
    let media_type = media_type.ok_or_else(|| no_message(status, "media type"))?;
    let fault = match media_type.essence() {
        "multipart/related" => package(status, &media_type, body, parts)?,
        "text/xml" | "application/soap+xml" => {
            envelope(&body[..], media_type.charset()).ok_or_else(|| no_message(status, "envelope"))?
        }
        _ => return Err(no_message(status, "media type")),
    };
    Ok(Checked { media_type: Some(content_type.clone()), fault })
}

/// An answer that may pass.
pub(super) struct Checked {
    /// `None` where there is no body.
    pub(super) media_type: Option<HeaderValue>,
    /// It is a fault, and who has to act by it.
    pub(super) fault: Option<Who>,
}

/// The answer as it is passed back: only status, media type and body.
pub(super) fn response(
    status: StatusCode,
    media_type: Option<HeaderValue>,
    body: Bytes,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    if let Some(media_type) = media_type {
        response.headers_mut().insert(CONTENT_TYPE, media_type);
    }
    response
}

/// Every part within its framing and its transfer encoding, and an envelope in the root. What else a part holds is the
/// client's and the cloud's own matter.
fn package(
    status: StatusCode,
    media_type: &MediaType,
    body: &[u8],
    parts: usize,
) -> Result<Option<Who>, Refusal> {
    let boundary = media_type.boundary().map_err(|error| {
        tracing::warn!(%status, code = error.code(), "the upstream's answer is no package");
        no_package(error.code(), None)
    })?;
    let start = media_type.parameter("start");
    // What the gateway takes from a client it takes from the cloud.
    let limits = PartLimits { parts, eight_bit_unlabelled: true, ..PartLimits::default() };
    let mut reader = MultipartReader::new(body, boundary, limits);
    let mut root = None;
    while let Some(head) = reader.next_part().map_err(|error| broken(status, &error))? {
        if root.is_none() && head.is_root(start) {
            let charset = head.content_type.as_ref().and_then(MediaType::charset);
            let found = envelope(reader.body(), charset);
            root = Some(found.ok_or_else(|| no_message(status, "envelope in the root part"))?);
        }
        // To its end: what is skipped is not held to its transfer encoding.
        let rest = std::io::copy(&mut reader.body(), &mut std::io::sink());
        rest.map_err(|error| broken(status, &MimeError::from_io(error)))?;
    }
    root.ok_or_else(|| no_message(status, "no root part"))
}

fn broken(status: StatusCode, error: &MimeError) -> Refusal {
    tracing::warn!(%status, code = error.code(), "the upstream's answer is no package");
    no_package(error.code(), error.at().map(|at| at.part).filter(|part| *part > 0))
}

/// An envelope from beginning to end, in the encoding of its label, or in the one that it shows: who has to act, if it is a
/// fault. `None` where it is no envelope.
fn envelope(input: impl Read, charset: Option<&str>) -> Option<Option<Who>> {
    let label = charset.map(Encoding::from_label);
    if label == Some(None) {
        return None;
    }
    let (encoding, input) = xml_encoding(input, label.flatten()).ok()?;
    let text = Decoder::new(input, encoding, Unmappable::Refuse);
    let mut envelope = EnvelopeReader::open(text, &EnvelopeOptions::default()).ok()?;
    let version = envelope.version();
    let is_fault = envelope.body().is_some_and(|child| child.name.is(version.namespace(), "Fault"));
    // A fault in no form that the standards have is one all the same.
    let fault = ReceivedFault::read(&mut envelope).ok().flatten().map(|fault| fault.who());
    envelope.finish().ok()?;
    Some(fault.or(is_fault.then_some(Who::Receiver)))
}

/// The envelope's place in the answer was taken by something else.
fn no_message(status: StatusCode, why: &'static str) -> Refusal {
    tracing::warn!(%status, why, "the upstream's answer is none");
    Refusal::new(
        Class::UpstreamTimeout,
        "upstream-answer",
        "The cloud's answer is not a SOAP message. Whether the message had its effect is unknown: ask before sending it again.",
    )
    .ja("クラウドの応答がSOAP電文ではありません。反映されたかどうかは不明です。再送の前に確認してください。")
}

fn no_package(code: &'static str, part: Option<u32>) -> Refusal {
    let place = part.map(|part| format!(", part {part}")).unwrap_or_default();
    Refusal::new(
        Class::UpstreamTimeout,
        "upstream-package",
        format!(
            "The cloud's answer is no MIME package that can be read ({code}{place}). Whether the message had its effect \
             is unknown: ask before sending it again."
        ),
    )
    .ja(format!(
        "クラウドの応答をMIMEパッケージとして読み取れません（{code}{place}）。反映されたかどうかは不明です。\
         再送の前に確認してください。"
    ))
}
