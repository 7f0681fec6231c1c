//! A request body as a blocking [`Read`]: the seam between the asynchronous socket and the synchronous intake.
//!
//! The socket's side fills a channel of a few frames and waits while it is full, so that back-pressure reaches the
//! sender; the intake's side reads from it on a thread of its own. Bytes, digest and limits are kept here, as every
//! door needs them.

mod arrival;
mod digests;
mod unpack;

use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

pub(crate) use self::arrival::Arrival;
pub use self::arrival::LeastRate;
pub(crate) use self::digests::BadDigest;
use self::digests::Digests;
pub use self::digests::{Promised, Unkept};
pub(crate) use self::unpack::Pieces;
pub use self::unpack::{GzipFault, RATIO_FROM, UnpackLimits, Unpacked};
use crate::framing::BrokenChunk;

/// Frames that may wait between socket and intake. A frame is at most hyper's read buffer, 64 KiB here.
const FRAMES: usize = 2;

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The client closed the connection in the middle.
    #[error("the connection ended before the body did, after {came} bytes of it")]
    Gone {
        /// Bytes of the body that had come, without any framing.
        came: u64,
    },
    /// Nothing came for the idle time.
    #[error("no byte of the body came for {0:?}")]
    Idle(Duration),
    /// Bytes came, but too few.
    #[error("the body came at less than {least} bytes/s for {window:?}")]
    TooSlow {
        /// The least rate in bytes/s.
        least: u64,
        /// How long it was looked at.
        window: Duration,
    },
    /// More bytes than the route takes.
    #[error("the body has more than {max} bytes")]
    TooLarge {
        /// The route's limit in bytes.
        max: u64,
    },
    /// More bytes after unpacking than the route takes, or too many for what came in.
    #[error("the body unpacks to more than is allowed")]
    UnpacksTooLarge {
        /// The route's limit in bytes after unpacking.
        max: u64,
        /// The route's limit of unpacked bytes for each byte received.
        ratio: u32,
    },
    /// The chunked framing broke (RFC 9112 §7.1).
    #[error("the chunked framing of the body is broken at its byte {byte}")]
    BrokenChunk {
        /// At which byte of the body as it is framed, from 0.
        byte: u64,
    },
    /// A `Content-Digest` among the trailers that is none (RFC 9530 §2).
    #[error("the digest behind the body is malformed")]
    BadDigest,
    /// The gzip stream is damaged, or bytes follow it.
    #[error("the gzip stream is damaged: {fault:?}, at about byte {byte}")]
    BadGzip {
        /// How.
        fault: GzipFault,
        /// Bytes of the packed body before the place, as far as the decoder tells.
        byte: u64,
    },
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Pumps a body into a channel until it ends, fails, or the reader is dropped.
///
/// Runs beside the intake; answers whether the body was read to its end, in which case the connection may carry
/// another request.
pub(crate) async fn pump<B>(mut body: Arrival<B>, into: FrameSender) -> bool
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    loop {
        let next = tokio::select! {
            next = body.next() => next,
            () = into.closed() => return false,
        };
        let item = match next {
            Ok(Some(data)) => Ok(Frame::Data(data)),
            Ok(None) => {
                // Who has all it wants before it sees the end has read the body to its end all the same.
                let _ = into.send(Ok(Frame::End(body.trailing()))).await;
                return true;
            }
            Err(error) => Err(error),
        };
        let failed = item.is_err();
        if into.send(item).await.is_err() || failed {
            return false;
        }
    }
}

/// What hyper's error means after so many bytes of a body: the framing filter's own error lies somewhere beneath it.
pub(crate) fn classify(error: &(dyn std::error::Error + 'static), came: u64) -> BodyError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inside = inner.and_then(|inner| inner.downcast_ref::<BrokenChunk>());
        if let Some(BrokenChunk { byte }) = error.downcast_ref().or(inside) {
            return BodyError::BrokenChunk { byte: *byte };
        }
        cause = error.source();
    }
    BodyError::Gone { came }
}

/// One step of a body on its way to the intake.
#[derive(Debug)]
pub(crate) enum Frame {
    /// Some of its bytes.
    Data(Bytes),
    /// Its end, with the digests that its trailers promise. A channel that closes without it was cut: whoever filled it is gone, and
    /// what came is not the body.
    End(Promised),
}

pub(crate) type FrameSender = mpsc::Sender<Result<Frame, BodyError>>;
pub(crate) type FrameReceiver = mpsc::Receiver<Result<Frame, BodyError>>;

/// Both ends of the channel between socket and intake.
pub(crate) fn channel() -> (FrameSender, FrameReceiver) {
    mpsc::channel(FRAMES)
}

/// Where body bytes come from.
#[derive(Debug)]
enum Source {
    Channel { frames: FrameReceiver, current: Bytes, ended: bool },
    Whole(Bytes),
}

/// The raw body: counted, limited and digested as it is read.
#[derive(Debug)]
pub struct RawBody {
    source: Source,
    read: u64,
    max: u64,
    digests: Digests,
}

impl RawBody {
    /// A body that arrives over a channel. `max` is the most bytes it may have; `promised` is what its head says of them.
    pub(crate) fn streamed(frames: FrameReceiver, max: u64, promised: &Promised) -> Self {
        let source = Source::Channel { frames, current: Bytes::new(), ended: false };
        Self { source, read: 0, max, digests: Digests::of(promised) }
    }

    /// Digests that came behind a body that is already here.
    pub(crate) fn behind(mut self, trailing: &Promised) -> Self {
        self.digests.behind(trailing);
        self
    }

    /// A body that is already here.
    pub fn whole(bytes: Bytes, max: u64, promised: &Promised) -> Self {
        Self { source: Source::Whole(bytes), read: 0, max, digests: Digests::of(promised) }
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Bytes that are worth asking for at once, up to `most`: no more than there are, where that is known.
    fn at_once(&self, most: usize) -> usize {
        match &self.source {
            Source::Channel { .. } => most,
            Source::Whole(bytes) => bytes.len().clamp(1, most),
        }
    }

    /// Whether all bytes read are what head and trailers promised.
    ///
    /// # Errors
    /// Which promise is not kept.
    pub fn keeps_its_digests(&self) -> Result<(), Unkept> {
        self.digests.hold()
    }
}

impl Read for RawBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let data = match &mut self.source {
            Source::Whole(bytes) => bytes,
            Source::Channel { frames, current, ended } => {
                while current.is_empty() && !*ended {
                    match frames.blocking_recv() {
                        None => return Err(BodyError::Gone { came: self.read }.into()),
                        Some(frame) => match frame? {
                            Frame::Data(data) => *current = data,
                            Frame::End(trailing) => {
                                *ended = true;
                                self.digests.behind(&trailing);
                            }
                        },
                    }
                }
                current
            }
        };
        let n = data.len().min(buf.len());
        buf[..n].copy_from_slice(&data[..n]);
        data.advance(n);
        self.read += n as u64;
        if self.read > self.max {
            return Err(BodyError::TooLarge { max: self.max }.into());
        }
        self.digests.update(&buf[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
