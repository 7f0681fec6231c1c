//! From bytes to UTF-8, as a stream.

use std::io::{self, BufRead, Read};

use encoding_rs::{DecoderResult, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};

use crate::{CharsetError, CharsetErrorKind, Encoding};

/// What becomes of bytes that the declared encoding does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmappable {
    /// The first such sequence ends the stream with a [`CharsetError`].
    Refuse,
    /// Each such sequence becomes this character; [`Decoder::replaced`] counts them.
    Replace(char),
}

/// Encoded bytes taken from the input at once, at the most.
const RAW_BYTES: usize = 16 * 1024;
/// And at first: most messages are small, and clearing more memory than they fill would take longer than decoding them.
const FIRST_BYTES: usize = 2 * 1024;

/// Decoded bytes held: three for one at most (half-width katakana, CJK; as many as there are where nothing changes), and the
/// remainder of a character.
const fn decoded_bytes(raw: usize, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Utf8 | Encoding::UsAscii => raw + 16,
        _ => 3 * raw + 16,
    }
}

/// Decodes a byte stream to UTF-8: a `BufRead` that yields valid UTF-8 only, in pieces that begin and end between
/// characters, without the byte order mark that may stand at the very start.
///
/// Memory is bounded (64 KiB), whatever the input. Every good byte before a bad sequence is yielded before its
/// [`CharsetError`] is, inside an `io::Error` of kind `InvalidData`; the error repeats when the decoder is asked again.
pub struct Decoder<R> {
    input: R,
    encoding: Encoding,
    unmappable: Unmappable,
    /// `None` until the byte order is known, and for US-ASCII.
    tables: Option<encoding_rs::Decoder>,
    raw: Vec<u8>,
    raw_at: usize,
    raw_end: usize,
    /// The last bytes that were decoded before `raw[raw_at]`: a bad sequence may have begun there.
    recent: Recent,
    /// Encoded bytes decoded so far.
    offset: u64,
    decoded: Vec<u8>,
    decoded_at: usize,
    decoded_end: usize,
    replaced: u64,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Start,
    Running,
    /// The input has ended, its last bytes are not yet decoded.
    Draining,
    Ended,
    Failed(CharsetError),
}

impl<R: Read> Decoder<R> {
    /// A decoder of `input`, which is declared to be in `encoding`.
    pub fn new(input: R, encoding: Encoding, unmappable: Unmappable) -> Self {
        Decoder {
            input,
            encoding,
            unmappable,
            tables: None,
            raw: Vec::new(),
            raw_at: 0,
            raw_end: 0,
            recent: Recent::default(),
            offset: 0,
            decoded: Vec::new(),
            decoded_at: 0,
            decoded_end: 0,
            replaced: 0,
            state: State::Start,
        }
    }

    /// How many bad sequences were replaced so far ([`Unmappable::Replace`]).
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    /// The encoding in use: for [`Encoding::Utf16`] the byte order, once the first bytes have been read.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The input; what was read ahead of the decoded text is lost with the decoder.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Decodes until there is something to yield, or nothing more to come.
    fn refill(&mut self) -> io::Result<()> {
        self.decoded_at = 0;
        self.decoded_end = 0;
        while self.decoded_end == 0 {
            match self.state {
                State::Start => self.begin()?,
                State::Running if self.raw_at == self.raw_end => self.read_more()?,
                State::Running | State::Draining => self.decode(),
                State::Ended => return Ok(()),
                State::Failed(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        Ok(())
    }

    /// Reads the first bytes, strips the byte order mark and chooses the tables.
    fn begin(&mut self) -> io::Result<()> {
        if self.raw.is_empty() {
            self.raw = vec![0; FIRST_BYTES];
            self.decoded = vec![0; decoded_bytes(FIRST_BYTES, self.encoding)];
        }
        while self.raw_end < 3 {
            match self.read_input(self.raw_end)? {
                0 => break,
                read => self.raw_end += read,
            }
        }
        let head = &self.raw[..self.raw_end];
        if matches!(self.encoding, Encoding::Utf16) {
            let little = head.starts_with(Encoding::Utf16Le.byte_order_mark());
            self.encoding = if little { Encoding::Utf16Le } else { Encoding::Utf16Be };
        }
        let mark = self.encoding.byte_order_mark();
        if !mark.is_empty() && head.starts_with(mark) {
            self.raw_at = mark.len();
            self.offset = mark.len() as u64;
        }
        let tables = match self.encoding {
            Encoding::UsAscii => None,
            Encoding::Utf8 => Some(UTF_8),
            Encoding::Utf16Le => Some(UTF_16LE),
            Encoding::Utf16 | Encoding::Utf16Be => Some(UTF_16BE),
            Encoding::Windows31J => Some(SHIFT_JIS),
        };
        self.tables = tables.map(|tables| tables.new_decoder_without_bom_handling());
        self.state = State::Running;
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<()> {
        if self.raw_end == self.raw.len() && self.raw.len() < RAW_BYTES {
            self.raw.resize(RAW_BYTES, 0);
            let room = decoded_bytes(RAW_BYTES, self.encoding).max(self.decoded.len());
            self.decoded.resize(room, 0);
        }
        let read = self.read_input(0)?;
        self.raw_at = 0;
        self.raw_end = read;
        if read == 0 {
            self.state = State::Draining;
        }
        Ok(())
    }

    fn read_input(&mut self, at: usize) -> io::Result<usize> {
        loop {
            match self.input.read(&mut self.raw[at..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => return result,
            }
        }
    }

    /// One step of decoding: up to the end of the raw bytes, of the room, or to a bad sequence.
    fn decode(&mut self) {
        let source = &self.raw[self.raw_at..self.raw_end];
        let room = &mut self.decoded[self.decoded_end..];
        let last = matches!(self.state, State::Draining);
        let (outcome, read, written) = match &mut self.tables {
            Some(tables) => tables.decode_to_utf8_without_replacement(source, room, last),
            None => decode_ascii(source, room),
        };
        self.recent.extend(&source[..read]);
        self.raw_at += read;
        self.decoded_end += written;
        self.offset += read as u64;
        match outcome {
            DecoderResult::Malformed(length, after) => self.bad_sequence(length, after),
            DecoderResult::InputEmpty if last => self.state = State::Ended,
            DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
        }
    }

    fn bad_sequence(&mut self, length: u8, after: u8) {
        // Bad bytes that nothing follows, found only because the input ended, are a character cut short.
        let truncated = matches!(self.state, State::Draining) && after == 0;
        match self.unmappable {
            Unmappable::Replace(character) => {
                // Room for it: most often there is, as a replacement stands for at least one byte that was not written; if it does
                // not fit, grow. There is no more than one before what was decoded is given out.
                let needed = self.decoded_end + character.len_utf8();
                if self.decoded.len() < needed {
                    self.decoded.resize(needed, 0);
                }
                character.encode_utf8(&mut self.decoded[self.decoded_end..]);
                self.decoded_end = needed;
                self.replaced += 1;
            }
            Unmappable::Refuse => {
                let (bytes, len) = self.recent.bad(usize::from(length), usize::from(after));
                self.state = State::Failed(CharsetError {
                    encoding: self.encoding,
                    offset: self.offset - u64::from(length) - u64::from(after),
                    bytes,
                    len,
                    kind: if truncated { CharsetErrorKind::Truncated } else { CharsetErrorKind::Malformed },
                });
            }
        }
    }
}

fn decode_ascii(source: &[u8], room: &mut [u8]) -> (DecoderResult, usize, usize) {
    let good = encoding_rs::Encoding::ascii_valid_up_to(source).min(room.len());
    room[..good].copy_from_slice(&source[..good]);
    if good == source.len() {
        (DecoderResult::InputEmpty, good, good)
    } else if good == room.len() {
        (DecoderResult::OutputFull, good, good)
    } else {
        (DecoderResult::Malformed(1, 0), good + 1, good)
    }
}

/// The last bytes that went into the tables: `encoding_rs` names a bad sequence by its length only.
#[derive(Default)]
struct Recent {
    bytes: [u8; 8],
}

impl Recent {
    fn extend(&mut self, new: &[u8]) {
        let kept = self.bytes.len();
        if new.len() >= kept {
            self.bytes.copy_from_slice(&new[new.len() - kept..]);
        } else {
            self.bytes.rotate_left(new.len());
            self.bytes[kept - new.len()..].copy_from_slice(new);
        }
    }

    /// The `length` bytes before the last `after` ones.
    fn bad(&self, length: usize, after: usize) -> ([u8; 4], u8) {
        let end = self.bytes.len() - after.min(self.bytes.len());
        let start = end - length.min(4).min(end);
        let mut bytes = [0; 4];
        bytes[..end - start].copy_from_slice(&self.bytes[start..end]);
        (bytes, (end - start) as u8)
    }
}

impl<R: Read> BufRead for Decoder<R> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.decoded_at == self.decoded_end {
            self.refill()?;
        }
        Ok(&self.decoded[self.decoded_at..self.decoded_end])
    }

    #[inline]
    fn consume(&mut self, amount: usize) {
        self.decoded_at = (self.decoded_at + amount).min(self.decoded_end);
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}
