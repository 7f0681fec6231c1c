//! A body on its way to a door: admitted, bounded, handed to a thread that may block.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use prometheus::IntGauge;
use tokio::sync::OwnedSemaphorePermit;

use super::Exchange;
use crate::body::{self, RawBody, UnpackLimits, Unpacked};
use crate::gateway::Gateway;
use crate::refusal::{Class, Refusal};

/// How long a body may wait, unread, for its turn.
const TURN: Duration = Duration::from_secs(30);

/// What a body is packed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

/// What the head says about the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declared {
    pub(crate) coding: Coding,
    /// SHA-256 of the body as it arrives (RFC 9530).
    pub(crate) sha256: Option<[u8; 32]>,
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
            format!("The message has more than {limit} bytes, the limit of this route. Send it in parts."),
        )
        .ja(format!("電文がこの特定通信の上限{limit}バイトを超えています。分割して送信してください。")));
    }
    Ok(Declared { coding: coding(exchange.headers)?, sha256: content_digest(exchange.headers)? })
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

/// The SHA-256 of `Content-Digest` (RFC 9530 §2), a dictionary of byte sequences (RFC 8941 §3.3.5).
fn content_digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Refusal> {
    use base64::Engine as _;
    let bad = || {
        Refusal::new(
            Class::Malformed,
            "content-digest-invalid",
            "Content-Digest is not of the form sha-256=:base64: (RFC 9530).",
        )
        .ja("Content-Digestの形式が正しくありません（sha-256=:base64:）。")
    };
    // Several lines are one list (RFC 9110 §5.3).
    let mut members = Vec::new();
    for line in headers.get_all("content-digest") {
        members.extend(line.to_str().map_err(|_| bad())?.split(','));
    }
    for member in members {
        let (name, digest) = member.trim().split_once('=').ok_or_else(bad)?;
        if !name.eq_ignore_ascii_case("sha-256") {
            continue; // another algorithm's digest says nothing that is checked here
        }
        let digest = digest.strip_prefix(':').and_then(|digest| digest.strip_suffix(':')).ok_or_else(bad)?;
        let digest = base64::engine::general_purpose::STANDARD.decode(digest).map_err(|_| bad())?;
        return digest.try_into().map(Some).map_err(|_| bad());
    }
    Ok(None)
}

/// One body's place among those that are read at once, until it is dropped.
pub(crate) struct Turn {
    reading: IntGauge,
    _permit: OwnedSemaphorePermit,
}

impl Turn {
    fn begin(gateway: &Gateway, permit: OwnedSemaphorePermit) -> Self {
        let reading = gateway.metrics.uploads.clone();
        reading.inc();
        Self { reading, _permit: permit }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.reading.dec();
    }
}

/// Waits for the body's turn.
pub(crate) async fn turn(exchange: &Exchange<'_>) -> Result<Turn, Refusal> {
    let uploads = std::sync::Arc::clone(&exchange.gateway.uploads);
    match tokio::time::timeout(TURN, uploads.acquire_owned()).await {
        Ok(Ok(permit)) => Ok(Turn::begin(exchange.gateway, permit)),
        Ok(Err(_)) | Err(_) => Err(Refusal::new(
            Class::Busy,
            "uploads-full",
            "The gateway is reading as many messages as it may; come again later.",
        )
        .ja("同時に受信できる電文数の上限に達しています。時間をおいて再送してください。")
        .retry_after(Duration::from_secs(10))),
    }
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
    let turn = match turn(exchange).await {
        Ok(turn) => turn,
        Err(refusal) => return (Err(refusal), false),
    };
    let limits = exchange.route.limits;
    let (sender, frames) = body::channel();
    let reading = tokio::task::spawn_blocking(move || {
        // The place is taken for as long as the thread is, even if nobody waits for it any more.
        let _turn = turn;
        let raw = RawBody::streamed(frames, limits.body_bytes, declared.sha256.is_some());
        let unpack = UnpackLimits { bytes: limits.unpacked_bytes, ratio: limits.unpack_ratio };
        read(match declared.coding {
            Coding::Identity => Unpacked::Identity(raw),
            Coding::Gzip => Unpacked::gzip(raw, unpack),
        })
    });
    let pumping = body::pump(body, limits.body_idle, sender);
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
        let text = base64::engine::general_purpose::STANDARD.encode([7u8; 32]);
        let good = format!("sha-256=:{text}:");
        let digest = |values: &[&str]| content_digest(&headers("content-digest", values));
        assert_eq!(digest(&[]).unwrap(), None);
        assert_eq!(digest(&["sha-512=:AAAA:"]).unwrap(), None, "one that is not checked here");
        for values in [
            vec![good.as_str()],
            vec!["sha-512=:AAAA:", &good],
            vec![&format!("SHA-256=:{text}: , md5=:AAAA:")],
        ] {
            assert_eq!(digest(&values).unwrap(), Some([7u8; 32]), "{values:?}");
        }
        for value in ["sha-256", "sha-256=", "sha-256=abc", "sha-256=::", "sha-256=:AAAA:", "sha-256=:****:"]
        {
            assert_eq!(digest(&[value]).unwrap_err().code, "content-digest-invalid", "{value}");
        }
    }
}
