//! What the upstream answered: whole and capped, or piece by piece.

use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::client::Lease;
use crate::error::{Sent, UpstreamError};
use crate::recording::Call;

const READING: &str = "while the answer was read";

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code; redirects are answers like any other.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body, at most the endpoint's `max_answer_bytes`.
    pub body: Bytes,
}

/// An answer whose body is still to be read. Dropped early, it closes its connection.
pub struct AnswerStream {
    /// Status code.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    body: Incoming,
    lease: Option<Lease>,
    left: u64,
    limit: u64,
    until: Instant,
    idle: Duration,
    deadline: Duration,
    /// The call, until it is on record.
    call: Option<Call>,
}

/// An answer's body for a blocking thread. Errors carry an [`UpstreamError`] as their inner error.
pub struct AnswerReader {
    pieces: mpsc::Receiver<Result<Bytes, UpstreamError>>,
    current: Bytes,
}

impl AnswerStream {
    pub(crate) fn new(
        response: Response<Incoming>,
        lease: Lease,
        limit: u64,
        until: Instant,
        idle: Duration,
        deadline: Duration,
    ) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
            lease: Some(lease),
            left: limit,
            limit,
            until,
            idle,
            deadline,
            call: None,
        }
    }

    /// The same answer, of a call that is to be put on record.
    pub(crate) fn of_call(self, call: Option<Call>) -> Self {
        let call = call.map(|mut call| {
            call.answered(self.status);
            call
        });
        Self { call, ..self }
    }

    /// The next piece of the body; `None` at its end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let next = self.next_piece().await;
        match (&next, &mut self.call) {
            (Ok(Some(piece)), Some(call)) => call.received(piece.len()),
            (Ok(None), call) => {
                if let Some(call) = call.take() {
                    call.ended().await;
                }
            }
            (Err(error), call) => {
                if let Some(call) = call.take() {
                    call.failed(error).await;
                }
            }
            (Ok(Some(_)), None) => {}
        }
        next
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        loop {
            let silent_at = Instant::now() + self.idle;
            let (wake, after) =
                if silent_at < self.until { (silent_at, self.idle) } else { (self.until, self.deadline) };
            let frame = match timeout_at(wake, self.body.frame()).await {
                Err(_) => return Err(UpstreamError::Timeout { stage: READING, after, sent: Sent::Unknown }),
                Ok(Some(Err(error))) => {
                    return Err(UpstreamError::Cut {
                        stage: READING,
                        reason: error.to_string(),
                        sent: Sent::Unknown,
                    });
                }
                Ok(None) => {
                    if let Some(lease) = self.lease.take() {
                        lease.give_back();
                    }
                    return Ok(None);
                }
                Ok(Some(Ok(frame))) => frame,
            };
            if let Ok(piece) = frame.into_data() {
                self.left = self
                    .left
                    .checked_sub(piece.len() as u64)
                    .ok_or(UpstreamError::AnswerTooLong { limit: self.limit })?;
                if !piece.is_empty() {
                    return Ok(Some(piece));
                }
            }
        }
    }

    /// Reads the rest of the body.
    pub async fn collect(mut self) -> Result<Answer, UpstreamError> {
        if self.body.size_hint().lower() > self.left {
            let error = UpstreamError::AnswerTooLong { limit: self.limit };
            if let Some(call) = self.call.take() {
                call.failed(&error).await;
            }
            return Err(error);
        }
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(Answer { status: self.status, headers: self.headers, body: whole.freeze() })
    }

    /// The rest of the body as a reader for a blocking thread; at most a few pieces wait in between.
    pub fn into_reader(mut self) -> AnswerReader {
        let (sender, pieces) = mpsc::channel(4);
        tokio::spawn(async move {
            loop {
                let piece = match self.next().await {
                    Ok(Some(piece)) => Ok(piece),
                    Ok(None) => break,
                    Err(error) => Err(error),
                };
                let last = piece.is_err();
                if sender.send(piece).await.is_err() || last {
                    break;
                }
            }
        });
        AnswerReader { pieces, current: Bytes::new() }
    }
}

impl Read for AnswerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(Ok(piece)) => self.current = piece,
                Some(Err(error)) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        let count = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
