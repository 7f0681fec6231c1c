//! Character encodings with an explicit policy for what does not map.
#![forbid(unsafe_code)]

use std::io::{self, BufRead, Read};

/// The encodings that the gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8 (RFC 3629).
    Utf8,
    /// UTF-16; the byte order mark decides, big-endian without one (RFC 2781 section 4.3).
    Utf16,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// Windows-31J (CP932).
    Windows31J,
}

impl Encoding {
    /// The encoding for a label.
    pub fn from_label(_label: &str) -> Option<Self> {
        todo!()
    }
    /// IANA name.
    pub fn name(self) -> &'static str {
        todo!()
    }
}

/// What becomes of bytes that the declared encoding does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmappable {
    /// The first such sequence ends the stream with a [`CharsetError`].
    Refuse,
    /// Each such sequence becomes this character; [`Decoder::replaced`] counts them.
    Replace(char),
}

/// Decodes a byte stream to UTF-8.
pub struct Decoder<R> {
    _input: R,
}

impl<R: Read> Decoder<R> {
    /// A decoder over `input`.
    pub fn new(_input: R, _encoding: Encoding, _unmappable: Unmappable) -> Self {
        todo!()
    }
    /// How many sequences were replaced so far.
    pub fn replaced(&self) -> u64 {
        todo!()
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        todo!()
    }
}

impl<R: Read> BufRead for Decoder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        todo!()
    }
    fn consume(&mut self, _amount: usize) {
        todo!()
    }
}

/// How a byte sequence is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharsetErrorKind {
    /// The encoding has no such sequence.
    Malformed,
    /// The input ends in the middle of a character.
    Truncated,
}

/// A byte sequence that the declared encoding does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bytes are not {encoding:?}")]
pub struct CharsetError {
    /// The encoding the stream was declared to be in.
    pub encoding: Encoding,
    /// Byte offset of the sequence in the encoded input, from 0.
    pub offset: u64,
    /// The offending bytes; the first `len` count.
    pub bytes: [u8; 4],
    /// How many of `bytes` count: 1 to 4.
    pub len: u8,
    /// How the sequence is wrong.
    pub kind: CharsetErrorKind,
}

impl CharsetError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        todo!()
    }
}

/// A character that the target encoding does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not encodable")]
pub struct EncodeError {
    /// The target encoding.
    pub encoding: Encoding,
    /// Index of the character in the text, in characters from 0.
    pub char_index: usize,
    /// The character's code point.
    pub code_point: u32,
}

impl EncodeError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        todo!()
    }
}

/// Encodes `text`, appending to `out`; `out` is as it was when this fails.
pub fn encode(_text: &str, _encoding: Encoding, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
    todo!()
}
