//! An answer, whole; how it reaches the client is up to the faults.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::refusal::Refusal;

/// Status, fields and body of an answer, or the connection's end in its place.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The connection is reset in place of the answer.
    pub(super) reset: bool,
}

impl Answer {
    pub(super) fn new(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        Answer { status, headers, body: body.into(), reset: false }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Answer { status, headers: HeaderMap::new(), body: Bytes::new(), reset: false }
    }

    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Only maps with keys that are no strings fail, and there are none here.
        Answer::new(status, "application/json", serde_json::to_vec(body).unwrap_or_default())
    }

    /// The connection's end in place of an answer.
    pub(super) fn cut() -> Self {
        Answer { reset: true, ..Answer::empty(StatusCode::OK) }
    }

    /// What a load balancer says when the service behind it does not.
    pub(super) fn html(status: StatusCode) -> Self {
        let text =
            format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n");
        Answer::new(status, "text/html", text)
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds what the refusal asks of every dialect: `Retry-After`, `WWW-Authenticate`.
    pub(super) fn refusing(self, refusal: &Refusal) -> Self {
        let answer = match refusal.retry_after() {
            Some(seconds) => self.with(header::RETRY_AFTER, &seconds.to_string()),
            None => self,
        };
        match refusal {
            Refusal::Session if answer.status == StatusCode::UNAUTHORIZED => {
                answer.with(header::WWW_AUTHENTICATE, "Bearer realm=\"cloud\", error=\"invalid_token\"")
            }
            _ => answer,
        }
    }
}
