//! What can be wrong with a package, in words.

use std::io;

use super::At;
use crate::media_type::MediaTypeError;

/// Why a package was refused. Texts hold positions and single bytes, never content.
#[derive(Debug, thiserror::Error)]
pub enum MimeError {
    /// The package breaks a rule: the sender's fault.
    #[error("{defect} ({at})")]
    Malformed {
        /// The rule.
        defect: Defect,
        /// Where.
        at: At,
    },
    /// The bytes could not be had; what lies below may be a typed error of the layer below (gzip, socket).
    #[error("the package could not be read: {0}")]
    Io(#[from] io::Error),
}

impl MimeError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { defect, .. } => defect.code(),
            Self::Io(_) => "input-failed",
        }
    }

    /// Where, unless the input failed.
    pub fn at(&self) -> Option<At> {
        match self {
            Self::Malformed { at, .. } => Some(*at),
            Self::Io(_) => None,
        }
    }

    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        match self {
            Self::Malformed { defect, at } => {
                let At { part, line, byte } = at;
                format!("{}（パート {part}、{line} 行目、{byte} バイト目）", defect.message_ja())
            }
            Self::Io(_) => "マルチパートの本文を最後まで読み取れませんでした。".to_owned(),
        }
    }

    /// Takes a [`MimeError`] out of the `io::Error` that a [`super::PartBody`] gave; another error becomes `Io`.
    pub fn from_io(error: io::Error) -> Self {
        match error.downcast::<MimeError>() {
            Ok(mime) => mime,
            Err(other) => Self::Io(other),
        }
    }
}

impl From<MimeError> for io::Error {
    fn from(error: MimeError) -> Self {
        match error {
            MimeError::Io(io) => io,
            malformed => io::Error::new(io::ErrorKind::InvalidData, malformed),
        }
    }
}

/// The rule that a package breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// The input ended before the first boundary line.
    #[error("no boundary line was found; the body must begin with the boundary that Content-Type names")]
    NoBoundary,
    /// The input ended before the closing boundary line.
    #[error(
        "the package ends before its closing boundary: it was cut off, or the closing line is missing; send it whole, closing \
         line and all"
    )]
    Truncated,
    /// A line begins with the boundary and goes on with something else.
    #[error("a line begins with the boundary but is no boundary line; choose a boundary that no part holds")]
    BoundaryLine,
    /// A MIME line ends in LF alone.
    #[error("a MIME line ends in LF without CR; end boundary and header lines with CR LF")]
    BareLineFeed,
    /// The closing boundary came first.
    #[error("the package has no part; it needs at least the root part")]
    NoPart,
    /// A header line without a name and a colon.
    #[error(
        "a part's header line is not `name: value`; correct it, or put an empty line before the part's body"
    )]
    HeaderLine,
    /// A header line holds a control character.
    #[error("a part's header holds the control byte 0x{byte:02x}; take it out")]
    HeaderByte {
        /// The byte.
        byte: u8,
    },
    /// A header that must stand once stands twice.
    #[error("a part has the header {name} twice; send it once")]
    DuplicateHeader {
        /// Its name.
        name: &'static str,
    },
    /// A header's value cannot be read.
    #[error("a part's header {name} cannot be read; correct its value")]
    HeaderValue {
        /// Its name.
        name: &'static str,
    },
    /// A part's `Content-Type` cannot be read.
    #[error("a part's Content-Type: {0}")]
    ContentType(MediaTypeError),
    /// Two parts have the same Content-ID, so a reference to it means nothing.
    #[error("the part has the same Content-ID as part {first}; every part needs its own")]
    DuplicateContentId {
        /// Number of the part that had it first, from 1.
        first: u32,
    },
    /// A transfer encoding that R2934 does not allow.
    #[error(
        "the part's Content-Transfer-Encoding is unknown; use 7bit, 8bit, binary, base64 or quoted-printable"
    )]
    UnknownTransferEncoding,
    /// The part's body is not in the encoding that its header names (R2935).
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// More than a limit allows.
    #[error("the package is over the limit of {max} {which}")]
    Limit {
        /// What was counted: the field of [`super::PartLimits`], in words.
        which: &'static str,
        /// The limit.
        max: u64,
    },
}

impl Defect {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBoundary => "mime-no-boundary",
            Self::Truncated => "mime-truncated",
            Self::BoundaryLine => "mime-boundary-line",
            Self::BareLineFeed => "mime-bare-line-feed",
            Self::NoPart => "mime-no-part",
            Self::HeaderLine => "mime-header-line",
            Self::HeaderByte { .. } => "mime-header-byte",
            Self::DuplicateHeader { .. } => "mime-duplicate-header",
            Self::HeaderValue { .. } => "mime-header-value",
            Self::ContentType(_) => "mime-content-type",
            Self::DuplicateContentId { .. } => "mime-duplicate-content-id",
            Self::UnknownTransferEncoding => "mime-transfer-encoding-unknown",
            Self::Transfer(error) => error.code(),
            Self::Limit { .. } => "mime-limit",
        }
    }

    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        match self {
            Self::NoBoundary => "境界行が見つかりません。本文は Content-Type の boundary で始めてください。".into(),
            Self::Truncated => "終端の境界行より前に本文が終わりました。送信が途中で切れたか、終端行がありません。終端行まで全体を送ってください。".into(),
            Self::BoundaryLine => "境界文字列で始まる行が境界行になっていません。本文に現れない boundary を使ってください。".into(),
            Self::BareLineFeed => "MIME の行が LF だけで終わっています。境界行とヘッダー行は CR LF で終えてください。".into(),
            Self::NoPart => "パートが一つもありません。少なくともルートパートが必要です。".into(),
            Self::HeaderLine => "パートのヘッダー行が「名前: 値」の形になっていません。ヘッダーを直すか、本文の前に空行を置いてください。".into(),
            Self::HeaderByte { byte } => format!("パートのヘッダーに制御文字 0x{byte:02x} があります。取り除いてください。"),
            Self::DuplicateHeader { name } => format!("パートのヘッダー {name} が二度あります。一つだけ送ってください。"),
            Self::HeaderValue { name } => format!("パートのヘッダー {name} を読み取れません。値を直してください。"),
            Self::ContentType(error) => format!("パートの Content-Type：{}", error.message_ja()),
            Self::DuplicateContentId { first } => {
                format!("Content-ID がパート {first} と同じです。パートごとに異なる値にしてください。")
            }
            Self::UnknownTransferEncoding => "Content-Transfer-Encoding が未知の値です。7bit、8bit、binary、base64、quoted-printable のいずれかにしてください。".into(),
            Self::Transfer(error) => error.message_ja(),
            Self::Limit { which, max } => format!("上限 {max}（{}）を超えています。", limit_ja(which)),
        }
    }
}

fn limit_ja(which: &str) -> &'static str {
    match which {
        "parts" => "パート数",
        "header bytes" => "ヘッダーのバイト数",
        "header fields" => "ヘッダーの項目数",
        "bytes before the first boundary" => "最初の境界行より前のバイト数",
        "bytes after the closing boundary" => "終端の境界行より後のバイト数",
        _ => "境界行のバイト数",
    }
}

/// Why a body is not in the transfer encoding that it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// A byte outside the base64 alphabet.
    #[error("a byte is neither base64 nor white space")]
    Base64Byte,
    /// Something follows the padding, or the padding stands where it cannot.
    #[error("base64 padding stands where it cannot")]
    Base64Padding,
    /// The last quantum has 1 to 3 characters.
    #[error("base64 ends inside a quantum of four characters")]
    Base64Truncated,
    /// The bits beyond the last byte are not 0 (RFC 4648 section 3.5): two texts would mean the same bytes.
    #[error("base64 ends in stray bits")]
    Base64Bits,
    /// A byte that quoted-printable must escape.
    #[error("a byte is not escaped that quoted-printable must escape: write =XX")]
    QuotedByte,
    /// `=` is followed by neither two hexadecimal digits nor a line end.
    #[error("a quoted-printable escape is not two hexadecimal digits")]
    QuotedEscape,
    /// The text ends inside an escape or a soft line break.
    #[error("quoted-printable ends inside an escape")]
    QuotedTruncated,
    /// CR or LF alone.
    #[error("a quoted-printable line does not end in CR LF")]
    QuotedLineEnd,
    /// More white space in a row than any line may have characters (RFC 5322 section 2.1.1).
    #[error("quoted-printable has more than 998 white space characters in a row")]
    QuotedSpace,
    /// A byte over 127 where the encoding is 7bit.
    #[error("a byte is not 7bit; name the encoding: 8bit or binary")]
    EightBit,
}

impl TransferError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Base64Byte => "base64-byte",
            Self::Base64Padding => "base64-padding",
            Self::Base64Truncated => "base64-truncated",
            Self::Base64Bits => "base64-stray-bits",
            Self::QuotedByte => "quoted-printable-byte",
            Self::QuotedEscape => "quoted-printable-escape",
            Self::QuotedTruncated => "quoted-printable-truncated",
            Self::QuotedLineEnd => "quoted-printable-line-end",
            Self::QuotedSpace => "quoted-printable-white-space",
            Self::EightBit => "mime-not-7bit",
        }
    }

    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        match self {
            Self::Base64Byte => "base64 でも空白でもないバイトがあります。".into(),
            Self::Base64Padding => "base64 のパディングの位置が正しくありません。".into(),
            Self::Base64Truncated => "base64 が 4 文字単位の途中で終わっています。".into(),
            Self::Base64Bits => "base64 の末尾に余分なビットがあります。".into(),
            Self::QuotedByte => {
                "quoted-printable でエスケープが必要なバイトがそのままあります。=XX の形にしてください。"
                    .into()
            }
            Self::QuotedEscape => "quoted-printable の = の後に 16 進数字 2 桁も改行もありません。".into(),
            Self::QuotedTruncated => "quoted-printable がエスケープの途中で終わっています。".into(),
            Self::QuotedLineEnd => "quoted-printable の行が CR LF で終わっていません。".into(),
            Self::QuotedSpace => "quoted-printable に 998 文字を超える連続した空白があります。".into(),
            Self::EightBit => {
                "7bit のパートに 7bit でないバイトがあります。8bit または binary と指定してください。".into()
            }
        }
    }
}
