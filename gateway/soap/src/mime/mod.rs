//! `multipart/*` packages (RFC 2046, RFC 2387; SwA, MTOM) as a stream of parts in bounded memory.
//!
//! [`MultipartReader`] searches its one window of bytes for the boundary, hands the bytes of a `binary`, `8bit` or `7bit`
//! part out of that window as they lie there, and decodes `base64` and `quoted-printable` strictly. It holds one window
//! (64 KiB), one header block and the Content-IDs seen; nothing grows with the input.

use std::fmt;

use crate::MediaType;

mod content_id;
mod error;
mod head;
mod reader;
mod transfer;
mod window;

#[cfg(test)]
mod tests;

pub use content_id::{cid, same_content_id};
pub use error::{Defect, MimeError, TransferError};
pub use reader::{MultipartReader, PartBody};
pub use transfer::{Base64Fault, Base64Reader};

/// What a package may hold and which liberties it may take. Every limit is finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartLimits {
    /// Parts in one package.
    pub parts: usize,
    /// Bytes of one part's header block, line ends counted.
    pub header_bytes: usize,
    /// Header fields of one part.
    pub headers: usize,
    /// Bytes before the first boundary line.
    pub preamble_bytes: usize,
    /// Bytes after the closing boundary line.
    pub epilogue_bytes: usize,
    /// Takes a bare LF as the end of a MIME line too (RFC 2046 section 5.1.1 and R2936 want CR LF). A CR before it belongs
    /// to the line end then, never to the part.
    pub bare_line_feed: bool,
    /// Takes bytes over 127 in a part without `Content-Transfer-Encoding` (RFC 2045 section 6.1 makes it 7bit).
    pub eight_bit_unlabelled: bool,
}

impl Default for PartLimits {
    /// 64 parts, 16 KiB and 64 fields of header, 8 KiB before and after, no liberties.
    fn default() -> Self {
        Self {
            parts: 64,
            header_bytes: 16 * 1024,
            headers: 64,
            preamble_bytes: 8 * 1024,
            epilogue_bytes: 8 * 1024,
            bare_line_feed: false,
            eight_bit_unlabelled: false,
        }
    }
}

/// A place in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct At {
    /// Number of the part, from 1; 0 is what comes before the first part.
    pub part: u32,
    /// Line of the package, from 1.
    pub line: u64,
    /// Byte of the package, from 0.
    pub byte: u64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {}, line {}, byte {}", self.part, self.line, self.byte)
    }
}

/// The transfer encodings of RFC 2045 section 6, the only ones that R2934 allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferEncoding {
    /// Bytes up to 127.
    SevenBit,
    /// Any bytes, meant as lines.
    EightBit,
    /// Any bytes.
    Binary,
    /// RFC 2045 section 6.8, strictly: nothing outside the alphabet but white space, whole quanta, no stray bits.
    Base64,
    /// RFC 2045 section 6.7, strictly; lower-case digits and long lines are taken.
    QuotedPrintable,
}

impl TransferEncoding {
    /// The encoding of that name, case ignored.
    pub fn from_label(label: &str) -> Option<Self> {
        [Self::SevenBit, Self::EightBit, Self::Binary, Self::Base64, Self::QuotedPrintable]
            .into_iter()
            .find(|encoding| encoding.name().eq_ignore_ascii_case(label))
    }

    /// Its name as `Content-Transfer-Encoding` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::EightBit => "8bit",
            Self::Binary => "binary",
            Self::Base64 => "base64",
            Self::QuotedPrintable => "quoted-printable",
        }
    }
}

/// One header field of a part, unfolded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// Name, in lower case.
    pub name: String,
    /// Value without the white space around it; bytes, since old stacks send file names in any charset.
    pub value: Vec<u8>,
}

/// `Content-Disposition` (RFC 2183, RFC 6266).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// Its type in lower case: `attachment`, `inline`, `form-data`...
    pub kind: String,
    /// `name`, which form data has.
    pub name: Option<String>,
    /// `filename` as it came. A label only: never a path.
    pub filename: Option<String>,
}

/// Header block of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHead {
    /// `Content-Type`, if the part has one (RFC 2045 section 5.2 means `text/plain; charset=us-ascii` otherwise).
    pub content_type: Option<MediaType>,
    /// `Content-ID` without angle brackets.
    pub content_id: Option<String>,
    /// `Content-Transfer-Encoding`; `None` if the part does not say, which means 7bit.
    pub transfer_encoding: Option<TransferEncoding>,
    /// `Content-Location`, a label only: nothing is ever fetched.
    pub location: Option<String>,
    /// `Content-Disposition`; `None` also if it cannot be read, as it decides nothing here.
    pub disposition: Option<Disposition>,
    /// All fields in the order in which they came.
    pub headers: Vec<HeaderField>,
    /// Number of the part, from 0.
    pub index: usize,
    /// Line of the package on which the header block starts, from 1.
    pub line: u64,
}

impl PartHead {
    /// Whether this part is the root, by the package's `start` parameter: the named one, or the first if there is none
    /// (RFC 2387 section 3.2, R2922). Angle brackets are ignored on both sides.
    pub fn is_root(&self, start: Option<&str>) -> bool {
        match (start, &self.content_id) {
            (None, _) => self.index == 0,
            (Some(start), Some(id)) => same_content_id(start, id),
            (Some(_), None) => false,
        }
    }

    /// Value of the first field of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|field| field.name == name).map(|field| field.value.as_slice())
    }
}
