//! Why a document's encoding cannot be told.

use std::fmt;

use sekisho_charset::Encoding;

use crate::source::Position;

/// Why a document's encoding cannot be told: the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectError {
    /// What is wrong.
    pub fault: DetectFault,
    /// Where in the text: the name in the XML declaration, or the document's beginning.
    pub at: Position,
    /// The same place as byte offset in the document as it was sent, from 0; a byte order mark counts.
    pub offset: u64,
}

/// What is wrong with what a document shows of its encoding (XML 1.0, section 4.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DetectFault {
    /// The XML declaration names an encoding that the gateway does not speak.
    Unsupported {
        /// The name in its usual spelling, where it is a known one. Others are the document's own words.
        name: Option<&'static str>,
    },
    /// The XML declaration names another encoding than the one it is written in.
    Contradiction {
        /// What the declaration names.
        declared: Encoding,
        /// What the first bytes show.
        written: Encoding,
    },
    /// The charset that came with the document is another than that of its byte order mark (RFC 7303 section 3.2).
    LabelContradiction {
        /// What came with it.
        label: Encoding,
        /// What the byte order mark shows.
        written: Encoding,
    },
    /// UTF-16 with neither a byte order mark nor a declaration that names it.
    Undeclared {
        /// What the first bytes show.
        written: Encoding,
    },
}

impl DetectError {
    /// Stable code of this error.
    pub fn code(&self) -> &'static str {
        match self.fault {
            DetectFault::Unsupported { .. } => "xml-encoding-unsupported",
            DetectFault::Contradiction { .. } | DetectFault::LabelContradiction { .. } => {
                "xml-encoding-contradiction"
            }
            DetectFault::Undeclared { .. } => "xml-encoding-undeclared",
        }
    }

    /// The message in Japanese, as [`fmt::Display`] gives it in English.
    pub fn message_ja(&self) -> String {
        let what = match self.fault {
            DetectFault::Unsupported { name } => format!(
                "XML宣言の文字コード{}は受け付けていません。UTF-8、UTF-16またはWindows-31J（Shift_JIS）で作成し、それを宣言してください",
                name.unwrap_or("（未知の名前）")
            ),
            DetectFault::Contradiction { declared, written } => format!(
                "XML宣言の文字コードは{declared}ですが、先頭のバイト列は{written}を示しています。宣言かデータを修正してください"
            ),
            DetectFault::LabelContradiction { label, written } => format!(
                "指定された文字コードは{label}ですが、バイト順マークは{written}のものです。指定かデータを修正してください"
            ),
            DetectFault::Undeclared { written } => format!(
                "先頭のバイト列は{written}を示していますが、バイト順マークもXML宣言の文字コードもありません。どちらかを付けてください"
            ),
        };
        format!("{what}（バイト位置{}）", self.offset)
    }
}

impl std::error::Error for DetectError {}

impl fmt::Display for DetectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte offset {}: ", self.offset)?;
        match self.fault {
            DetectFault::Unsupported { name } => write!(
                f,
                "the XML declaration names {}: write the document in UTF-8, UTF-16 or Windows-31J \
                 (Shift_JIS), and declare that",
                name.map_or("an encoding that is unknown here".to_owned(), |name| format!(
                    "{name}, which is not taken"
                ))
            ),
            DetectFault::Contradiction { declared, written } => write!(
                f,
                "the XML declaration names {declared}, but the first bytes show {written}: correct the declaration or \
                 the data"
            ),
            DetectFault::LabelContradiction { label, written } => write!(
                f,
                "the document is said to be in {label}, but its byte order mark is that of {written}: correct what is \
                 said of it, or the data"
            ),
            DetectFault::Undeclared { written } => write!(
                f,
                "the first bytes show {written}, but there is neither a byte order mark nor an encoding in an XML \
                 declaration: add one of them"
            ),
        }
    }
}

/// Encodings that are not spoken, by the names that documents use.
const FOREIGN: &[&str] = &[
    "EUC-JP",
    "eucJP",
    "ISO-2022-JP",
    "ISO-2022-JP-2",
    "EUC-JISX0213",
    "Shift_JISX0213",
    "Shift_JIS-2004",
    "UTF-7",
    "UTF-32",
    "UTF-32LE",
    "UTF-32BE",
    "CESU-8",
    "ISO-10646-UCS-2",
    "ISO-10646-UCS-4",
    "ISO-8859-1",
    "ISO-8859-2",
    "ISO-8859-5",
    "ISO-8859-9",
    "ISO-8859-15",
    "latin1",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "KOI8-R",
    "Big5",
    "GB2312",
    "GBK",
    "GB18030",
    "EUC-KR",
    "ISO-2022-KR",
    "EUC-TW",
    "EBCDIC-CP-US",
    "IBM037",
    "IBM930",
    "IBM939",
    "IBM1047",
];

/// The usual spelling of a known name: an error names no other, because what stands there is the document's.
pub(crate) fn foreign(label: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|name| name.eq_ignore_ascii_case(label)).copied()
}
