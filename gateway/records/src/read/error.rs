//! What makes a payload unreadable.

use std::fmt;
use std::io;

use sekisho_charset::CharsetError;
use sekisho_xml::XmlError;

use crate::record::Place;

/// A payload that cannot be read to its end: the sender's to mend, except [`ReadErrorKind::Io`].
#[derive(Debug)]
pub struct ReadError {
    /// What is wrong.
    pub kind: ReadErrorKind,
    /// Where.
    pub place: Place,
    /// Number of the record that was being read, from 1; 0 before the first (a header) and between records of XML.
    pub record: u64,
    /// Local name of the field that was being read.
    pub field: Option<String>,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An XML error says where it is by itself.
        if !matches!(self.kind, ReadErrorKind::Xml(_)) {
            write!(f, "line {}, column {}: ", self.place.line, self.place.column)?;
        }
        if self.record > 0 {
            write!(f, "record {}: ", self.record)?;
        }
        if let Some(field) = &self.field {
            write!(f, "field {field}: ")?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// What is wrong with a payload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The sender's connection or an adaptor below failed; a typed error of the adaptor is inside.
    #[error("the payload cannot be read: {0}")]
    Io(#[source] io::Error),
    /// A byte sequence that the payload's charset does not have.
    #[error("{0}")]
    Charset(#[source] CharsetError),
    /// Bytes that are not UTF-8, with no decoder in front to say so.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// More of something than is taken.
    #[error("more than {max} {which}")]
    Limit {
        /// Of what.
        which: &'static str,
        /// The limit.
        max: u64,
    },
    /// CSV: the payload has no header line.
    #[error("the header line is missing: the payload is empty")]
    HeaderMissing,
    /// CSV: a header cell that names no field.
    #[error("the header's cell {column} names no field of the layout")]
    HeaderUnknown {
        /// Which cell, from 1.
        column: usize,
    },
    /// CSV: two header cells that name the same field.
    #[error("the header's cell {column} names the same field as cell {first}")]
    HeaderDuplicate {
        /// Which cell, from 1.
        column: usize,
        /// The first with this name, from 1.
        first: usize,
    },
    /// CSV: a quote that is not closed before the payload or the limit of a record's size ends.
    #[error("the quote that opens here is never closed")]
    UnclosedQuote,
    /// CSV: text between a closing quote and the delimiter (RFC 4180 section 2, rule 7).
    #[error("text after a closing quote: quotes inside a quoted cell are doubled")]
    TextAfterQuote,
    /// CSV: a quote inside a cell that does not begin with one (RFC 4180 section 2, rule 5).
    #[error("a quote inside an unquoted cell: quote the whole cell and double the quote")]
    QuoteInCell,
    /// CSV: a carriage return without a line feed, outside quotes.
    #[error("a carriage return without a line feed: lines end with CR LF or LF")]
    BareCarriageReturn,
    /// CSV: an empty line where none may be.
    #[error("an empty line")]
    EmptyLine,
    /// CSV, JSON: a byte order mark behind the one that the charset decoder took off.
    #[error("a second byte order mark")]
    ByteOrderMark,
    /// JSON: something else than the grammar has here (RFC 8259).
    #[error("{expected} is expected here")]
    JsonSyntax {
        /// What may stand here.
        expected: &'static str,
    },
    /// JSON: the payload ends too early.
    #[error("the payload ends early: {expected} is expected")]
    Truncated {
        /// What may stand here.
        expected: &'static str,
    },
    /// XML: not well-formed, over a limit, or with a construct that is refused.
    #[error("{0}")]
    Xml(#[source] XmlError),
    /// XML: a child that is no record.
    #[error("an element that is not the record element {record_element}")]
    NotARecord {
        /// The record element.
        record_element: String,
    },
    /// XML: text between records.
    #[error("text between records")]
    TextBetweenRecords,
    /// The reader was called again after an error.
    #[error("reading goes on after an error")]
    AfterError,
}

impl ReadErrorKind {
    /// What a failed read of the input means: a charset error travels inside the `io::Error`.
    pub(crate) fn of_io(error: io::Error) -> ReadErrorKind {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<CharsetError>()) {
            Some(charset) => ReadErrorKind::Charset(*charset),
            None => ReadErrorKind::Io(error),
        }
    }
}

impl ReadError {
    pub(crate) fn after_error() -> ReadError {
        ReadError {
            kind: ReadErrorKind::AfterError,
            place: Place { line: 1, column: 1 },
            record: 0,
            field: None,
        }
    }

    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match &self.kind {
            ReadErrorKind::Io(_) => "payload-read",
            ReadErrorKind::Charset(error) => error.code(),
            ReadErrorKind::NotUtf8 => "payload-not-utf-8",
            ReadErrorKind::Limit { .. } => "payload-limit",
            ReadErrorKind::HeaderMissing => "csv-header-missing",
            ReadErrorKind::HeaderUnknown { .. } => "csv-header-unknown",
            ReadErrorKind::HeaderDuplicate { .. } => "csv-header-duplicate",
            ReadErrorKind::UnclosedQuote => "csv-unclosed-quote",
            ReadErrorKind::TextAfterQuote => "csv-text-after-quote",
            ReadErrorKind::QuoteInCell => "csv-quote-in-cell",
            ReadErrorKind::BareCarriageReturn => "csv-bare-carriage-return",
            ReadErrorKind::EmptyLine => "csv-empty-line",
            ReadErrorKind::ByteOrderMark => "payload-byte-order-mark",
            ReadErrorKind::JsonSyntax { .. } => "json-syntax",
            ReadErrorKind::Truncated { .. } => "json-truncated",
            ReadErrorKind::Xml(error) => error.code(),
            ReadErrorKind::NotARecord { .. } => "xml-not-a-record",
            ReadErrorKind::TextBetweenRecords => "xml-text-between-records",
            ReadErrorKind::AfterError => "read-after-error",
        }
    }

    /// The message in Japanese, with the place.
    pub fn message_ja(&self) -> String {
        if let ReadErrorKind::Xml(error) = &self.kind {
            return error.message_ja();
        }
        let what = match &self.kind {
            ReadErrorKind::Io(_) => "データを読み取れません。".into(),
            ReadErrorKind::Charset(_) => "文字コードに存在しないバイト列があります。".into(),
            ReadErrorKind::NotUtf8 => "UTF-8として正しくありません。".into(),
            ReadErrorKind::Limit { max, .. } => format!("上限（{max}）を超えています。"),
            ReadErrorKind::HeaderMissing => "見出し行がありません。".into(),
            ReadErrorKind::HeaderUnknown { column } => {
                format!("見出しの{column}列目はレイアウトにない項目名です。")
            }
            ReadErrorKind::HeaderDuplicate { column, first } => {
                format!("見出しの{column}列目は{first}列目と同じ項目です。")
            }
            ReadErrorKind::UnclosedQuote => "ここで始まる引用符が閉じられていません。".into(),
            ReadErrorKind::TextAfterQuote => "閉じ引用符の後に文字があります。".into(),
            ReadErrorKind::QuoteInCell => "引用符で囲まれていない値の中に引用符があります。".into(),
            ReadErrorKind::BareCarriageReturn => "改行はCR LFまたはLFでなければなりません。".into(),
            ReadErrorKind::EmptyLine => "空行があります。".into(),
            ReadErrorKind::ByteOrderMark => "バイト順マークが二つあります。".into(),
            ReadErrorKind::JsonSyntax { .. } => "JSONの文法に合いません。".into(),
            ReadErrorKind::Truncated { .. } => "データが途中で終わっています。".into(),
            ReadErrorKind::Xml(_) => "XMLとして正しくないか、許されない構文があります。".into(),
            ReadErrorKind::NotARecord { record_element } => {
                format!("レコード要素（{record_element}）以外の要素があります。")
            }
            ReadErrorKind::TextBetweenRecords => "レコードの間に文字があります。".into(),
            ReadErrorKind::AfterError => "エラーの後に読み取りが続けられました。".into(),
        };
        let mut place = format!("{}行{}文字目", self.place.line, self.place.column);
        if self.record > 0 {
            place.push_str(&format!("、レコード{}", self.record));
        }
        if let Some(field) = &self.field {
            place.push_str(&format!("、項目{field}"));
        }
        format!("{place}：{what}")
    }
}
