//! Request bodies: whole, or streamed from a bounded channel with a known length.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use sekisho_exchanges::Tally;
use tokio::sync::mpsc;

/// A request's body.
#[derive(Debug)]
pub struct Body {
    content: Content,
    finished: Arc<AtomicBool>,
    /// Counts what goes out, where that is put on record.
    tally: Option<Arc<Tally>>,
    /// The SHA-256 of a whole body, where it is known already.
    sha256: Option<[u8; 32]>,
}

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    Stream { pieces: mpsc::Receiver<Result<Bytes, String>>, remaining: u64 },
}

/// The producer's end of a streamed body; used from a blocking thread or a task.
#[derive(Debug)]
pub struct BodyWriter {
    pieces: mpsc::Sender<Result<Bytes, String>>,
}

/// Nobody reads the body any more: the exchange ended. The producer should stop.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the exchange that read this body has ended")]
pub struct BodyClosed;

/// Why a streamed body cannot be read on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BodyFailure(pub(crate) String);

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::full(Bytes::new())
    }

    /// A body that is in memory already.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let content = Content::Whole((!bytes.is_empty()).then_some(bytes));
        Self { content, finished: Arc::default(), tally: None, sha256: None }
    }

    /// The same body, of which the caller knows the SHA-256 already: it is not computed again. For a body that is in memory; of
    /// others it says nothing.
    #[must_use]
    pub fn digested(self, sha256: Option<[u8; 32]>) -> Self {
        Self { sha256, ..self }
    }

    /// A body of exactly `length` bytes, handed over piece by piece through a channel of `capacity` pieces. A writer
    /// dropped before `length` bytes, or that writes more, ends the exchange with [`crate::UpstreamError::Body`].
    pub fn stream(length: u64, capacity: usize) -> (BodyWriter, Self) {
        let (pieces, receiver) = mpsc::channel(capacity.max(1));
        let content = Content::Stream { pieces: receiver, remaining: length };
        (BodyWriter { pieces }, Self { content, finished: Arc::default(), tally: None, sha256: None })
    }

    /// Counts what goes out from now on.
    pub(crate) fn tallied(&mut self) -> Arc<Tally> {
        let tally = Arc::default();
        self.tally = Some(Arc::clone(&tally));
        tally
    }

    /// A flag that becomes true when the last byte has been handed to the connection.
    pub(crate) fn finished(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.finished)
    }
}

impl BodyWriter {
    /// Hands over a piece, waiting for room. For blocking threads only.
    pub fn blocking_write(&self, piece: Bytes) -> Result<(), BodyClosed> {
        self.pieces.blocking_send(Ok(piece)).map_err(|_| BodyClosed)
    }

    /// Hands over a piece, waiting for room.
    pub async fn write(&self, piece: Bytes) -> Result<(), BodyClosed> {
        self.pieces.send(Ok(piece)).await.map_err(|_| BodyClosed)
    }

    /// Gives up: the exchange ends with [`crate::UpstreamError::Body`] and this reason. For blocking threads only.
    pub fn blocking_fail(self, reason: String) {
        // Nobody listening means that the exchange has ended already, for a reason of its own.
        let _ = self.pieces.blocking_send(Err(reason));
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let this = &mut *self;
        let polled = match &mut this.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream { remaining: 0, .. } => Poll::Ready(None),
            Content::Stream { pieces, remaining } => match pieces.poll_recv(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(None) => Poll::Ready(Some(Err(BodyFailure(format!(
                    "{remaining} announced bytes were never written"
                ))))),
                Poll::Ready(Some(Err(reason))) => Poll::Ready(Some(Err(BodyFailure(reason)))),
                Poll::Ready(Some(Ok(piece))) => match remaining.checked_sub(piece.len() as u64) {
                    Some(left) => {
                        *remaining = left;
                        Poll::Ready(Some(Ok(Frame::data(piece))))
                    }
                    None => Poll::Ready(Some(Err(BodyFailure(
                        "more bytes were written than announced".to_owned(),
                    )))),
                },
            },
        };
        if let (Some(tally), Poll::Ready(Some(Ok(frame)))) = (&this.tally, &polled)
            && let Some(piece) = frame.data_ref()
        {
            match (&this.content, this.sha256) {
                (Content::Whole(_), Some(sha256)) => tally.all(piece.len() as u64, sha256),
                _ => tally.piece(piece, false),
            }
        }
        if matches!(this.content, Content::Whole(None) | Content::Stream { remaining: 0, .. }) {
            if let Some(tally) = &this.tally {
                tally.end(true);
            }
            this.finished.store(true, Ordering::Release);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let end = matches!(self.content, Content::Whole(None) | Content::Stream { remaining: 0, .. });
        if end {
            self.finished.store(true, Ordering::Release);
        }
        end
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Stream { remaining, .. } => SizeHint::with_exact(*remaining),
        }
    }
}
