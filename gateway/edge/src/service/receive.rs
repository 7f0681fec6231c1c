//! A body on its way to a door: admitted, bounded, handed to a thread that may block.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::Exchange;
use crate::admission::{Scarce, Turn};
use crate::body::{self, Arrival, Frame, Promised, RawBody, UnpackLimits, Unpacked};
use crate::refusal::{Class, Refusal};

/// What a body is packed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

/// What the head says about the body.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) coding: Coding,
    /// Its length, where it is known.
    pub(crate) length: Option<u64>,
    /// Digests of the body as it arrives.
    pub(crate) digests: Promised,
}

/// Holds what the head says about the body against the route.
pub(super) fn declared(exchange: &Exchange<'_>) -> Result<Declared, Refusal> {
    let limit = exchange.route.limits.body_bytes;
    let length =
        exchange.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(Refusal::new(
            Class::TooLarge,
            "body-too-large",
            format!(
                "The message has more than {limit} bytes, the limit of this route (limits.body_bytes). Send it in parts."
            ),
        )
        .ja(format!(
            "電文がこの特定通信の上限{limit}バイト（limits.body_bytes）を超えています。分割して送信してください。"
        )));
    }
    let digests = content_digest(exchange.headers)?;
    Ok(Declared { coding: coding(exchange.headers)?, length, digests })
}

fn coding(headers: &HeaderMap) -> Result<Coding, Refusal> {
    match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().trim_ascii()) {
        None => Ok(Coding::Identity),
        Some(value) if value.eq_ignore_ascii_case(b"identity") => Ok(Coding::Identity),
        Some(value) if value.eq_ignore_ascii_case(b"gzip") || value.eq_ignore_ascii_case(b"x-gzip") => {
            Ok(Coding::Gzip)
        }
        Some(_) => Err(Refusal::new(
            Class::MediaType,
            "content-coding",
            "Content-Encoding is gzip or nothing; several codings on top of each other are not taken.",
        )
        .ja("Content-Encodingはgzipのみ指定できます。")),
    }
}

/// The digests of `Content-Digest` (RFC 9530 §2), a dictionary of byte sequences (RFC 8941 §3.2). Other algorithms than
/// SHA-256 and SHA-512 are passed over, as RFC 9530 §2 allows: they say nothing that is checked here.
fn content_digest(headers: &HeaderMap) -> Result<Promised, Refusal> {
    // Several lines are one list (RFC 9110 §5.3).
    let mut members = Vec::new();
    for line in headers.get_all("content-digest") {
        members.extend(line.to_str().map_err(|_| bad_digest())?.split(','));
    }
    let mut promised = Promised::default();
    for member in members {
        let (name, value) = member.trim().split_once('=').ok_or_else(bad_digest)?;
        // Of two members with one name the last counts (RFC 8941 §3.2).
        match name.to_ascii_lowercase().as_str() {
            "sha-256" => promised.sha256 = Some(byte_sequence(value)?),
            "sha-512" => promised.sha512 = Some(byte_sequence(value)?),
            _ => {}
        }
    }
    Ok(promised)
}

/// A byte sequence (RFC 8941 §3.3.5) of a known length; parameters may follow it.
fn byte_sequence<const N: usize>(value: &str) -> Result<[u8; N], Refusal> {
    use base64::Engine as _;
    let (text, parameters) =
        value.strip_prefix(':').and_then(|rest| rest.split_once(':')).ok_or_else(bad_digest)?;
    if !(parameters.is_empty() || parameters.starts_with(';')) {
        return Err(bad_digest());
    }
    let digest = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| bad_digest())?;
    digest.try_into().map_err(|_| bad_digest())
}

fn bad_digest() -> Refusal {
    Refusal::new(
        Class::Malformed,
        "content-digest-invalid",
        "Content-Digest is not of the form sha-256=:base64: or sha-512=:base64: (RFC 9530), with as many bytes as the \
         algorithm has.",
    )
    .ja("Content-Digestの形式が正しくありません（sha-256=:base64: または sha-512=:base64:）。")
}

/// Waits for the body's turn.
pub(crate) async fn turn(exchange: &Exchange<'_>) -> Result<Turn, Refusal> {
    let gateway = exchange.gateway;
    let turn = Turn::wait(&gateway.uploads, &exchange.client.name, &gateway.metrics.uploads).await;
    turn.map_err(|full| Scarce::Uploads.refusal(full))
}

/// The body, with the patience that the route and the gateway have for its sender.
pub(crate) fn arrival<B>(exchange: &Exchange<'_>, body: B) -> Arrival<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    Arrival::new(body, exchange.route.limits.body_idle, exchange.gateway.least_rate)
}

/// Reads a body through `read`, which runs on a thread that may block. Answers what it says, and whether the body
/// was read to its end.
pub(super) async fn through<B, T>(
    exchange: &Exchange<'_>,
    declared: Declared,
    body: B,
    read: impl FnOnce(Unpacked) -> T + Send + 'static,
) -> (Result<T, Refusal>, bool)
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
    T: Send + 'static,
{
    match turn(exchange).await {
        Ok(turn) => {
            let arrival = arrival(exchange, body);
            through_from(exchange, declared, turn, Vec::new(), arrival, read).await
        }
        Err(refusal) => (Err(refusal), false),
    }
}

/// The same for a body whose turn has come, and of which some was read already.
pub(crate) async fn through_from<B, T>(
    exchange: &Exchange<'_>,
    declared: Declared,
    turn: Turn,
    begun: Vec<Bytes>,
    rest: Arrival<B>,
    read: impl FnOnce(Unpacked) -> T + Send + 'static,
) -> (Result<T, Refusal>, bool)
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
    T: Send + 'static,
{
    let limits = exchange.route.limits;
    let (sender, frames) = body::channel();
    let reading = tokio::task::spawn_blocking(move || {
        // The place is taken for as long as the thread is, even if nobody waits for it any more.
        let _turn = turn;
        let raw = RawBody::streamed(frames, limits.body_bytes, &declared.digests);
        let unpack = UnpackLimits { bytes: limits.unpacked_bytes, ratio: limits.unpack_ratio };
        read(match declared.coding {
            Coding::Identity => Unpacked::Identity(raw),
            Coding::Gzip => Unpacked::gzip(raw, unpack),
        })
    });
    let pumping = async move {
        for piece in begun {
            if sender.send(Ok(Frame::Data(piece))).await.is_err() {
                return false;
            }
        }
        body::pump(rest, sender).await
    };
    let (read, body_read) = tokio::join!(reading, pumping);
    (read.map_err(|error| Refusal::internal("reading a message", &error)), body_read)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn codings() {
        for (value, wanted) in
            [("gzip", Coding::Gzip), ("X-GZIP", Coding::Gzip), ("identity", Coding::Identity)]
        {
            assert_eq!(coding(&headers("content-encoding", &[value])).unwrap(), wanted, "{value}");
        }
        for value in ["br", "gzip, gzip", "deflate", "", "gzip;q=1"] {
            assert_eq!(
                coding(&headers("content-encoding", &[value])).unwrap_err().code,
                "content-coding",
                "{value}"
            );
        }
    }

    #[test]
    fn digests() {
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let (short, long) = (encode(&[7; 32]), encode(&[8; 64]));
        let digest = |values: &[&str]| content_digest(&headers("content-digest", values));
        let (sha256, sha512) = (Some([7u8; 32]), Some([8u8; 64]));
        for (values, wanted) in [
            (vec![], Promised::default()),
            (vec!["md5=:AAAA:, crc32c=:AA==:, x=?1"], Promised::default()),
            (vec![&*format!("sha-256=:{short}:")], Promised { sha256, sha512: None }),
            (vec![&format!("sha-512=:{long}:;x=1")], Promised { sha256: None, sha512 }),
            (vec![&format!("sha-512=:{long}:"), &format!("sha-256=:{short}:")], Promised { sha256, sha512 }),
            (vec![&format!("SHA-256=:{short}: , md5=:AAAA:")], Promised { sha256, sha512: None }),
            (
                vec![&format!("sha-256=:{}:,sha-256=:{short}:", encode(&[9; 32]))],
                Promised { sha256, sha512: None },
            ),
        ] {
            assert_eq!(digest(&values).unwrap(), wanted, "{values:?}");
        }
        for value in [
            "sha-256",
            "sha-256=",
            "sha-256=abc",
            "sha-256=::",
            "sha-256=:AAAA:",
            "sha-256=:****:",
            &format!("sha-512=:{short}:"),
            &format!("sha-256=:{short}:x"),
            &format!("sha-256=:{short}"),
        ] {
            assert_eq!(digest(&[value]).unwrap_err().code, "content-digest-invalid", "{value}");
        }
    }
}
