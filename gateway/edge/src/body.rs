//! A request body as a blocking [`Read`]: the seam between the asynchronous socket and the synchronous intake.
//!
//! The socket's side fills a channel of a few frames and waits while it is full, so that back-pressure reaches the
//! sender; the intake's side reads from it on a thread of its own. Bytes, digest and limits are kept here, as every
//! door needs them.

use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use bytes::{Buf, Bytes};
use flate2::bufread::GzDecoder;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::framing::BrokenChunk;

/// Frames that may wait between socket and intake. A frame is at most hyper's read buffer, 64 KiB here.
const FRAMES: usize = 2;

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The client closed the connection in the middle.
    #[error("the connection ended before the body did")]
    Gone,
    /// Nothing came for the idle time.
    #[error("no byte of the body came for {0:?}")]
    Idle(Duration),
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
    #[error("the chunked framing of the body is broken")]
    BrokenChunk,
    /// The gzip stream is damaged, or bytes follow it.
    #[error("the gzip stream is damaged")]
    BadGzip,
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Pumps `body` into a channel until it ends, fails, idles, or the reader is dropped.
///
/// Runs beside the intake; answers whether the body was read to its end, in which case the connection may carry
/// another request.
pub(crate) async fn pump<B>(mut body: B, idle: Duration, into: FrameSender) -> bool
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    loop {
        let frame = tokio::select! {
            frame = tokio::time::timeout(idle, body.frame()) => frame,
            () = into.closed() => return false,
        };
        let item = match frame {
            Err(_) => Err(BodyError::Idle(idle)),
            Ok(None) => {
                // Who has all it wants before it sees the end has read the body to its end all the same.
                let _ = into.send(Ok(Frame::End)).await;
                return true;
            }
            Ok(Some(Err(error))) => Err(classify(&error)),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Ok(Frame::Data(data)),
                Err(_trailers) => continue,
            },
        };
        let failed = item.is_err();
        if into.send(item).await.is_err() || failed {
            return false;
        }
    }
}

/// What hyper's error means: the framing filter's own error lies somewhere beneath it.
pub(crate) fn classify(error: &(dyn std::error::Error + 'static)) -> BodyError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<BrokenChunk>()
            || error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
                .is_some_and(|inner| inner.is::<BrokenChunk>())
        {
            return BodyError::BrokenChunk;
        }
        cause = error.source();
    }
    BodyError::Gone
}

/// One step of a body on its way to the intake.
#[derive(Debug)]
pub(crate) enum Frame {
    /// Some of its bytes.
    Data(Bytes),
    /// Its end. A channel that closes without it was cut: whoever filled it is gone, and what came is not the body.
    End,
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
    digest: Option<Sha256>,
}

impl RawBody {
    /// A body that arrives over a channel. `max` is the most bytes it may have; `digest` asks for its SHA-256.
    pub(crate) fn streamed(frames: FrameReceiver, max: u64, digest: bool) -> Self {
        let source = Source::Channel { frames, current: Bytes::new(), ended: false };
        Self { source, read: 0, max, digest: digest.then(Sha256::new) }
    }

    /// A body that is already here.
    pub fn whole(bytes: Bytes, max: u64, digest: bool) -> Self {
        Self { source: Source::Whole(bytes), read: 0, max, digest: digest.then(Sha256::new) }
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The SHA-256 of all bytes read, if it was asked for.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.digest.clone().map(|digest| digest.finalize().into())
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
                        None => return Err(BodyError::Gone.into()),
                        Some(frame) => match frame? {
                            Frame::Data(data) => *current = data,
                            Frame::End => *ended = true,
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
        if let Some(digest) = &mut self.digest {
            digest.update(&buf[..n]);
        }
        Ok(n)
    }
}

/// What `Content-Encoding: gzip` may unpack to.
#[derive(Debug, Clone, Copy)]
pub struct UnpackLimits {
    /// Bytes after unpacking.
    pub bytes: u64,
    /// Unpacked bytes for each byte received; looked at once the unpacked bytes pass [`RATIO_FROM`].
    pub ratio: u32,
}

/// Unpacked bytes below which the ratio is not looked at: short texts of one letter pack well and harm nobody.
pub const RATIO_FROM: u64 = 1 << 20;

/// The body after its content coding.
#[derive(Debug)]
pub enum Unpacked {
    /// No content coding.
    Identity(RawBody),
    /// `gzip`, one member, bounded.
    Gzip {
        /// The decoder.
        decoder: Box<GzDecoder<BufReader<RawBody>>>,
        /// Bytes unpacked so far.
        out: u64,
        /// What it may unpack to.
        limits: UnpackLimits,
    },
}

impl Unpacked {
    /// Wraps a body that is packed with gzip. Reads the stream's first bytes already: for a thread that may block.
    pub fn gzip(raw: RawBody, limits: UnpackLimits) -> Self {
        let packed = BufReader::with_capacity(16 * 1024, raw);
        Self::Gzip { decoder: Box::new(GzDecoder::new(packed)), out: 0, limits }
    }

    /// The raw body beneath.
    pub fn raw(&self) -> &RawBody {
        match self {
            Self::Identity(raw) => raw,
            Self::Gzip { decoder, .. } => decoder.get_ref().get_ref(),
        }
    }

    /// Reads to the end of the raw body; bytes beyond the coded stream are an error.
    pub fn finish(&mut self) -> io::Result<()> {
        let mut scratch = [0u8; 512];
        if self.read(&mut scratch)? != 0 {
            return Err(io::Error::other("the body was not read to its end"));
        }
        if let Self::Gzip { decoder, .. } = self
            && !decoder.get_mut().fill_buf()?.is_empty()
        {
            return Err(BodyError::BadGzip.into());
        }
        Ok(())
    }
}

impl Read for Unpacked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Identity(raw) => raw.read(buf),
            Self::Gzip { decoder, out, limits } => {
                let n = decoder.read(buf).map_err(|error| {
                    // The body's own errors pass through the decoder; anything else is the gzip stream's.
                    let own = error.get_ref().is_some_and(|inner| inner.is::<BodyError>());
                    if own { error } else { BodyError::BadGzip.into() }
                })?;
                *out += n as u64;
                let ratio_passed = *out > RATIO_FROM
                    && *out
                        > decoder.get_ref().get_ref().bytes_read().saturating_mul(u64::from(limits.ratio));
                if *out > limits.bytes || ratio_passed {
                    return Err(BodyError::UnpacksTooLarge { max: limits.bytes, ratio: limits.ratio }.into());
                }
                Ok(n)
            }
        }
    }
}

#[cfg(test)]
mod tests;
