//! A body on its way to a door: admitted, bounded, handed to a thread that may block.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::Exchange;
use crate::admission::{Scarce, Turn};
use crate::body::{self, Arrival, BadDigest, Frame, Promised, RawBody, UnpackLimits, Unpacked};
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
    /// What its trailers promise, once it has been read into memory.
    pub(crate) trailing: Promised,
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
    let digests = Promised::read(exchange.headers).map_err(|BadDigest| bad_digest())?;
    Ok(Declared { coding: coding(exchange.headers)?, length, digests, trailing: Promised::default() })
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
            "Content-Encoding is gzip or nothing, and several codings on top of each other are not taken: send one of these.",
        )
        .ja("Content-Encodingはgzip1つか、なしにしてください。重ねた符号化は受け付けません。")),
    }
}

/// What is said of it in the head as among the trailers.
pub(crate) fn bad_digest() -> Refusal {
    Refusal::new(
        Class::Malformed,
        "content-digest-invalid",
        "Content-Digest is not of the form sha-256=:base64: or sha-512=:base64: (RFC 9530), with as many bytes as the \
         algorithm has.",
    )
    .ja("Content-Digestがsha-256=:base64: または sha-512=:base64:（RFC 9530）の形ではないか、アルゴリズムに合うバイト数ではありません。")
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
}
