//! Content codings undone: `gzip` of any number of members (RFC 1952 §2.2), bounded in what it unpacks to.

use std::io::{self, BufRead, BufReader, Read, Write};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use flate2::write::MultiGzDecoder as MultiGzWriter;

use super::digests::{Digests, Promised, Unkept};
use super::{BodyError, RawBody};

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

/// What is wrong with a gzip stream (RFC 1952).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GzipFault {
    /// The body does not begin with a gzip header.
    NotGzip,
    /// Behind a whole member something follows that begins with no gzip header (§2.2).
    NoMember,
    /// Compressed data that cannot be, or that do not match their checksum or length.
    Data,
    /// It ends within a member.
    EndsEarly,
    /// The checksum at its end is not all there, or does not match.
    Check,
}

/// Bytes of a gzip header without its optional fields (RFC 1952 §2.3), and the fewest that a member may have.
const HEADER: u64 = 10;
const MEMBER: u64 = 18;

impl GzipFault {
    /// What the decoder's error means after so many bytes of the body; `header` is where one was to be, if it waited for one.
    fn of(error: &io::Error, header: Option<u64>, taken: u64) -> BodyError {
        let (fault, byte) = match header {
            _ if error.kind() == io::ErrorKind::UnexpectedEof => (Self::EndsEarly, taken),
            Some(byte) if byte < MEMBER => (Self::NotGzip, 0),
            Some(byte) => (Self::NoMember, byte),
            None => (Self::Data, taken),
        };
        BodyError::BadGzip { fault, byte }
    }
}

impl UnpackLimits {
    /// Whether so much may have come out of what came in.
    fn hold(&self, came: u64, out: u64) -> Result<(), BodyError> {
        let ratio_passed = out > RATIO_FROM && out > came.saturating_mul(u64::from(self.ratio));
        if out > self.bytes || ratio_passed {
            return Err(BodyError::UnpacksTooLarge { max: self.bytes, ratio: self.ratio });
        }
        Ok(())
    }
}

/// The body after its content coding, for a thread that may block.
#[derive(Debug)]
pub enum Unpacked {
    /// No content coding.
    Identity(RawBody),
    /// `gzip`, bounded.
    Gzip {
        /// The decoder.
        decoder: Box<MultiGzDecoder<BufReader<RawBody>>>,
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
        Self::Gzip { decoder: Box::new(MultiGzDecoder::new(packed)), out: 0, limits }
    }

    /// The raw body beneath.
    pub fn raw(&self) -> &RawBody {
        match self {
            Self::Identity(raw) => raw,
            Self::Gzip { decoder, .. } => decoder.get_ref().get_ref(),
        }
    }

    /// Bytes that are worth asking for at once, up to `most`.
    pub(crate) fn at_once(&self, most: usize) -> usize {
        match self {
            Self::Identity(raw) => raw.at_once(most),
            Self::Gzip { .. } => most,
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
            return Err(BodyError::BadGzip { fault: GzipFault::NoMember, byte: taken(decoder) }.into());
        }
        Ok(())
    }
}

/// Bytes of the packed body that the decoder has taken.
fn taken(decoder: &MultiGzDecoder<BufReader<RawBody>>) -> u64 {
    let packed = decoder.get_ref();
    packed.get_ref().bytes_read() - packed.buffer().len() as u64
}

impl Read for Unpacked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Identity(raw) => raw.read(buf),
            Self::Gzip { decoder, out, limits } => {
                let n = decoder.read(buf).map_err(|error| {
                    // The body's own errors pass through the decoder; anything else is the gzip stream's.
                    let own = error.get_ref().is_some_and(|inner| inner.is::<BodyError>());
                    if own {
                        return error;
                    }
                    let taken = taken(decoder);
                    let header = decoder.header().is_none().then_some(taken.saturating_sub(HEADER));
                    GzipFault::of(&error, header, taken).into()
                })?;
                *out += n as u64;
                limits.hold(decoder.get_ref().get_ref().bytes_read(), *out)?;
                Ok(n)
            }
        }
    }
}

/// A body that is given piece by piece, for who may not block: counted, limited, digested and unpacked as
/// [`RawBody`] and [`Unpacked`] do it. Between two pieces it holds one of them, and what the decoder made of a part.
#[derive(Debug)]
pub(crate) struct Pieces {
    max: u64,
    came: u64,
    digests: Digests,
    /// Given and not yet taken.
    waiting: Bytes,
    packed: Option<Packed>,
}

#[derive(Debug)]
struct Packed {
    decoder: MultiGzWriter<Vec<u8>>,
    out: u64,
    limits: UnpackLimits,
}

/// Bytes that the decoder is given at once: what it makes of them is bounded by its own buffers, 32 KiB each.
const STEP: usize = 16 * 1024;

impl Pieces {
    /// A body of `max` bytes at the most; `gzip` says what it may unpack to, where it is packed.
    pub(crate) fn new(max: u64, promised: &Promised, gzip: Option<UnpackLimits>) -> Self {
        let packed = gzip.map(|limits| Packed { decoder: MultiGzWriter::new(Vec::new()), out: 0, limits });
        Self { max, came: 0, digests: Digests::of(promised), waiting: Bytes::new(), packed }
    }

    /// The next piece as it arrived. The one before must have been taken.
    pub(crate) fn give(&mut self, piece: Bytes) -> Result<(), BodyError> {
        debug_assert!(self.waiting.is_empty(), "a piece is given before the last was taken");
        self.came += piece.len() as u64;
        if self.came > self.max {
            return Err(BodyError::TooLarge { max: self.max });
        }
        self.digests.update(&piece);
        self.waiting = piece;
        Ok(())
    }

    /// What the body is made of, as far as it was given; `None` when there is no more of it.
    pub(crate) fn take(&mut self) -> Result<Option<Bytes>, BodyError> {
        let Some(packed) = &mut self.packed else {
            let piece = std::mem::take(&mut self.waiting);
            return Ok((!piece.is_empty()).then_some(piece));
        };
        while !self.waiting.is_empty() {
            let step = self.waiting.len().min(STEP);
            let before = self.came - self.waiting.len() as u64;
            let written = packed.decoder.write(&self.waiting[..step]);
            let n = written.map_err(|error| {
                let header = packed.decoder.header().is_none().then_some(before);
                GzipFault::of(&error, header, before)
            })?;
            if n == 0 {
                return Err(BodyError::BadGzip { fault: GzipFault::NoMember, byte: before });
            }
            self.waiting.advance(n);
            if let Some(piece) = packed.made(self.came)? {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Says that nothing more will be given; answers what was still in the decoder.
    pub(crate) fn end(&mut self) -> Result<Option<Bytes>, BodyError> {
        let Some(packed) = &mut self.packed else { return Ok(None) };
        packed.decoder.try_finish().map_err(|error| {
            let early = error.kind() == io::ErrorKind::UnexpectedEof;
            let fault = if early { GzipFault::EndsEarly } else { GzipFault::Check };
            BodyError::BadGzip { fault, byte: self.came }
        })?;
        packed.made(self.came)
    }

    /// Bytes that came.
    pub(crate) fn came(&self) -> u64 {
        self.came
    }

    /// Digests that came behind the body.
    pub(crate) fn behind(&mut self, trailing: &Promised) {
        self.digests.behind(trailing);
    }

    /// Whether what came is what head and trailers promised.
    pub(crate) fn keep_their_digests(&self) -> Result<(), Unkept> {
        self.digests.hold()
    }
}

impl Packed {
    fn made(&mut self, came: u64) -> Result<Option<Bytes>, BodyError> {
        let made = std::mem::take(self.decoder.get_mut());
        self.out += made.len() as u64;
        self.limits.hold(came, self.out)?;
        Ok((!made.is_empty()).then(|| made.into()))
    }
}
