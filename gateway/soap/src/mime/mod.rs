//! `multipart/related` packages (RFC 2046, RFC 2387) as a stream of parts in bounded memory.
use crate::MediaType;
use std::io::{self, BufRead, Read};

/// What a package may hold; every limit is finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartLimits {
    /// Parts in one package.
    pub parts: usize,
    /// Bytes of one part's header block.
    pub header_bytes: usize,
    /// Header fields of one part.
    pub headers: usize,
    /// Bytes before the first boundary.
    pub preamble_bytes: usize,
    /// Bytes after the closing boundary.
    pub epilogue_bytes: usize,
    /// Takes a bare LF as the end of a MIME line too (RFC 2046 and R2936 want CR LF).
    pub bare_line_feed: bool,
    /// Takes bytes over 127 in a part that has no `Content-Transfer-Encoding` (RFC 2045 says 7bit).
    pub eight_bit_unlabelled: bool,
}

/// A place in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Part number from 1; 0 is the preamble.
    pub part: u32,
    /// Line of the package, from 1.
    pub line: u64,
    /// Byte of the package, from 0.
    pub byte: u64,
}

/// Why a package was refused.
#[derive(Debug, thiserror::Error)]
pub enum MimeError {
    /// The package breaks a rule.
    #[error("malformed")]
    Malformed {
        /// Where.
        at: At,
    },
    /// The bytes could not be had.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl MimeError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        todo!()
    }
    /// Where, unless the input failed.
    pub fn at(&self) -> Option<At> {
        todo!()
    }
    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        todo!()
    }
}

/// The transfer encodings of RFC 2045 section 6 (R2934).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferEncoding {
    /// Bytes up to 127.
    SevenBit,
    /// Any bytes, meant as lines.
    EightBit,
    /// Any bytes.
    Binary,
    /// RFC 2045 section 6.8.
    Base64,
    /// RFC 2045 section 6.7.
    QuotedPrintable,
}

/// One header field as it came, unfolded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// Name, in lower case.
    pub name: String,
    /// Value without surrounding white space, as bytes.
    pub value: Vec<u8>,
}

/// `Content-Disposition`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// Its type in lower case.
    pub kind: String,
    /// `name`.
    pub name: Option<String>,
    /// `filename`.
    pub filename: Option<String>,
}

/// A part's header block.
#[derive(Debug, Clone)]
pub struct PartHead {
    /// `Content-Type`, if any.
    pub content_type: Option<MediaType>,
    /// `Content-ID` without angle brackets.
    pub content_id: Option<String>,
    /// The encoding; `None` when the part does not say (7bit then).
    pub transfer_encoding: Option<TransferEncoding>,
    /// `Content-Location`.
    pub location: Option<String>,
    /// `Content-Disposition`, if readable.
    pub disposition: Option<Disposition>,
    /// All fields as they came.
    pub headers: Vec<HeaderField>,
    /// Number of the part, from 0.
    pub index: usize,
    /// Line of the package where the header block starts, from 1.
    pub line: u64,
}

/// Reads a package part by part.
pub struct MultipartReader<R> {
    input: R,
}

impl<R: Read> MultipartReader<R> {
    /// A reader over the body of a `multipart/*` message.
    pub fn new(input: R, boundary: &str, limits: PartLimits) -> Self {
        let _ = (boundary, limits);
        Self { input }
    }
    /// Skips what is left of the current part and reads the next one's head; `None` after the closing boundary.
    pub fn next_part(&mut self) -> Result<Option<PartHead>, MimeError> {
        todo!()
    }
    /// The current part's body, transfer-decoded. Errors are [`MimeError`]s inside `io::Error`.
    pub fn body(&mut self) -> PartBody<'_, R> {
        PartBody { reader: self }
    }
}

/// Body of one part.
pub struct PartBody<'a, R> {
    reader: &'a mut MultipartReader<R>,
}
impl<R: Read> Read for PartBody<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.input.read(buf)
    }
}
impl<R: Read> BufRead for PartBody<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        todo!()
    }
    fn consume(&mut self, amount: usize) {
        let _ = amount;
        todo!()
    }
}

/// The Content-ID that a `cid:` URL means (RFC 2392), percent-decoded, without brackets; `None` if it is not a `cid:` URL.
pub fn cid(href: &str) -> Option<String> {
    let _ = href;
    todo!()
}

/// Whether two Content-IDs are the same, with or without angle brackets.
pub fn same_content_id(a: &str, b: &str) -> bool {
    let _ = (a, b);
    todo!()
}
