//! The body of an answer: whole, or read from the disk while it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use sekisho_delivery::AnswerPieces;
use tokio::sync::mpsc;

use crate::admission::Room;

/// Pieces that wait for the connection.
const WAITING: usize = 1;

/// What an answer says.
pub(crate) enum AnswerBody {
    /// It is in memory.
    Whole(Full<Bytes>),
    /// It comes from the disk.
    Streamed(Streamed),
}

/// A body that is read from the disk as the client takes it.
pub(crate) struct Streamed {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    /// Bytes that are still to come.
    left: u64,
}

impl Streamed {
    /// `head`, the pieces, `tail`: `length` bytes in all. `room` is held until the last of them is on its way.
    pub(crate) fn new(head: Bytes, pieces: AnswerPieces, tail: Bytes, length: u64, room: Room) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let _room = room;
            let sent = send(&sender, head, pieces, tail).await;
            if let Err(error) = sent {
                tracing::error!(%error, "an answer cannot be read to its end: it is cut off");
                let _ = sender.send(Err(error)).await;
            }
        });
        Self { pieces: receiver, left: length }
    }
}

/// Reads pieces as they are taken. No thread waits for the client: each is read for itself.
async fn send(
    sender: &mpsc::Sender<io::Result<Bytes>>,
    head: Bytes,
    mut pieces: AnswerPieces,
    tail: Bytes,
) -> io::Result<()> {
    let mut next = Some(head);
    while let Some(piece) = next {
        // Nobody listens any more.
        if sender.send(Ok(piece)).await.is_err() {
            return Ok(());
        }
        let reading = tokio::task::spawn_blocking(move || {
            let piece = pieces.next();
            (pieces, piece)
        });
        let read = reading.await.map_err(io::Error::other)?;
        pieces = read.0;
        next = read.1.map_err(io::Error::other)?;
    }
    let _ = sender.send(Ok(tail)).await;
    Ok(())
}

impl From<Full<Bytes>> for AnswerBody {
    fn from(body: Full<Bytes>) -> Self {
        Self::Whole(body)
    }
}

impl From<Streamed> for AnswerBody {
    fn from(body: Streamed) -> Self {
        Self::Streamed(body)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Self::Streamed(body) => {
                let Some(piece) = ready!(body.pieces.poll_recv(cx)) else {
                    let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "the answer ends early");
                    return Poll::Ready((body.left > 0).then(|| Err(cut())));
                };
                let framed = piece.map(|piece| {
                    body.left = body.left.saturating_sub(piece.len() as u64);
                    Frame::data(piece)
                });
                Poll::Ready(Some(framed))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Streamed(body) => body.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Streamed(body) => SizeHint::with_exact(body.left),
        }
    }
}
