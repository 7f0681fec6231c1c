//! What is wrong with bytes.

use std::fmt;

use crate::Encoding;

/// How a byte sequence is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharsetErrorKind {
    /// The encoding has no such sequence.
    Malformed,
    /// The input ends in the middle of a character.
    Truncated,
}

/// A byte sequence that the declared encoding does not have: the sender's fault. Readers of a [`crate::Decoder`]
/// get it inside an [`std::io::Error`] of kind `InvalidData`, after every good byte before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CharsetError {
    /// The encoding that the stream was declared to be in.
    pub encoding: Encoding,
    /// Byte offset of the sequence in the encoded input, from 0; a byte order mark counts.
    pub offset: u64,
    /// The offending bytes; the first `len` count.
    pub bytes: [u8; 4],
    /// How many of `bytes` count, 1 to 4.
    pub len: u8,
    /// How the sequence is wrong.
    pub kind: CharsetErrorKind,
}

impl CharsetError {
    /// Stable code of this error.
    pub fn code(&self) -> &'static str {
        match self.kind {
            CharsetErrorKind::Malformed => "charset-malformed",
            CharsetErrorKind::Truncated => "charset-truncated",
        }
    }

    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        let (offset, encoding) = (self.offset, self.encoding);
        let bytes: Vec<String> = self.sequence().iter().map(|byte| format!("0x{byte:02X}")).collect();
        let bytes = bytes.join(" ");
        match self.kind {
            CharsetErrorKind::Malformed => format!(
                "バイト位置{offset}の{bytes}は、データの文字コードとされている{encoding}の文字ではありません。\
                 データか文字コードの指定を直してください"
            ),
            CharsetErrorKind::Truncated => format!(
                "バイト位置{offset}の{bytes}で始まる{encoding}の文字の途中でデータが終わっています。データを最後まで送ってください"
            ),
        }
    }

    /// The offending bytes.
    pub fn sequence(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len).min(self.bytes.len())]
    }
}

impl std::error::Error for CharsetError {}

impl fmt::Display for CharsetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte offset {}:", self.offset)?;
        for byte in self.sequence() {
            write!(f, " 0x{byte:02X}")?;
        }
        match self.kind {
            CharsetErrorKind::Malformed => write!(
                f,
                " is no character of {}, which the data is read as: correct the data, or what names its encoding",
                self.encoding
            ),
            CharsetErrorKind::Truncated => write!(
                f,
                " begins a character of {}, but the input ends there: send the data whole",
                self.encoding
            ),
        }
    }
}
