//! What makes a payload unreadable.

use std::fmt;
use std::io;

use sekisho_charset::CharsetError;
use sekisho_xml::XmlError;
use sekisho_xsd::Words;

use crate::layout::Layout;
use crate::record::Place;

/// What may stand at a place, in English and in Japanese.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    en: &'static str,
    ja: &'static str,
}

impl Expected {
    pub(crate) const fn new(en: &'static str, ja: &'static str) -> Expected {
        Expected { en, ja }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.en)
    }
}

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
    /// Where in the records, as [`Violation::path`](crate::Violation::path) has it: the record, and its field if there is
    /// one, whatever groups are between. `None` outside of records.
    pub path: Option<String>,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.place.line, self.place.column, self.without_place())
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
    #[error("the text is not UTF-8: send it in UTF-8, or name its charset")]
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
    #[error("the header line is missing: the payload is empty; begin it with the names of the fields")]
    HeaderMissing,
    /// CSV: a header cell that names no field.
    #[error(
        "the header's cell {column} names no field of the layout: correct the name, or take the column out"
    )]
    HeaderUnknown {
        /// Which cell, from 1.
        column: usize,
    },
    /// CSV: two header cells that name the same field.
    #[error("the header's cell {column} names the same field as cell {first}: take one of them out")]
    HeaderDuplicate {
        /// Which cell, from 1.
        column: usize,
        /// The first with this name, from 1.
        first: usize,
    },
    /// CSV: a quote that is not closed before the payload or the limit of a record's size ends.
    #[error("the quote that opens here is never closed: close it, and double each quote inside")]
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
    #[error("an empty line: take it out")]
    EmptyLine,
    /// CSV, JSON: a byte order mark behind the one that the charset decoder took off.
    #[error("a second byte order mark: take it out")]
    ByteOrderMark,
    /// JSON: something else than the grammar has here (RFC 8259).
    #[error("{expected} is expected here")]
    JsonSyntax {
        /// What may stand here.
        expected: Expected,
    },
    /// JSON: the payload ends too early.
    #[error("the payload ends early: {expected} is expected")]
    Truncated {
        /// What may stand here.
        expected: Expected,
    },
    /// XML: not well-formed, over a limit, or with a construct that is refused.
    #[error("{0}")]
    Xml(#[source] XmlError),
    /// XML: a child that is no record.
    #[error("an element that is not the record element {record_element}: correct its name, or take it out")]
    NotARecord {
        /// The record element.
        record_element: String,
    },
    /// XML: a record in which another one begins, and which does not end before the document, or the limit of its size, does.
    #[error(
        "the record element {record_element} is not closed: another one begins in it, at line {line}, column {column}; write its end tag"
    )]
    RecordNotClosed {
        /// The record element.
        record_element: String,
        /// Line of the record that begins in it, from 1.
        line: u64,
        /// Its column, from 1.
        column: u64,
    },
    /// XML: text between records.
    #[error("text between records: take it out, or put it into a field")]
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
        ReadError { kind: ReadErrorKind::AfterError, place: Place::START, record: 0, field: None, path: None }
    }

    /// The error, as one of a record and its field.
    pub(crate) fn about(mut self, layout: &Layout, field: Option<String>) -> ReadError {
        self.path = (self.record > 0).then(|| {
            let record = format!("{}[{}]", layout.element().local, self.record);
            field.iter().fold(record, |path, field| format!("{path}/{field}"))
        });
        self.field = field;
        self
    }

    /// The message in English, with record and field, for where the place is told apart.
    pub fn without_place(&self) -> String {
        let record = if self.record > 0 { format!("record {}: ", self.record) } else { String::new() };
        let of = self.field.iter().fold(record, |of, field| format!("{of}field {field}: "));
        match &self.kind {
            ReadErrorKind::Xml(error) => of + &error.without_place(),
            kind => format!("{of}{kind}"),
        }
    }

    /// What may stand there.
    pub fn expected(&self) -> Option<Words> {
        let words = |en: &str, ja: &str| Some(Words { en: en.to_owned(), ja: ja.to_owned() });
        match &self.kind {
            ReadErrorKind::JsonSyntax { expected } | ReadErrorKind::Truncated { expected } => {
                words(expected.en, expected.ja)
            }
            ReadErrorKind::Limit { which, max } => {
                let (en, ja) = limit_words(which);
                words(&format!("at most {max} {en}"), &format!("{ja}は{max}まで"))
            }
            ReadErrorKind::HeaderMissing => words("a header line", "見出し行"),
            ReadErrorKind::HeaderUnknown { .. } => {
                words("the name of a field of the layout", "レイアウトにある項目名")
            }
            ReadErrorKind::HeaderDuplicate { .. } => words("each field once", "各項目1回"),
            ReadErrorKind::UnclosedQuote => words("a closing quote", "閉じ引用符"),
            ReadErrorKind::TextAfterQuote => {
                words("a delimiter or the end of the line", "区切り文字または行の終わり")
            }
            ReadErrorKind::QuoteInCell => {
                words("a quoted cell with the quote doubled", "全体を引用符で囲み、引用符を二つ重ねた値")
            }
            ReadErrorKind::BareCarriageReturn => words("CR LF or LF", "CR LFまたはLF"),
            ReadErrorKind::EmptyLine => words("a record", "レコード"),
            ReadErrorKind::ByteOrderMark => words("one byte order mark at most", "バイト順マークは一つまで"),
            ReadErrorKind::NotUtf8 => words("text in UTF-8", "UTF-8のテキスト"),
            ReadErrorKind::Charset(error) => {
                let name = error.encoding.name();
                words(&format!("text in {name}"), &format!("{name}のテキスト"))
            }
            ReadErrorKind::NotARecord { record_element } => {
                words(&format!("element {record_element}"), &format!("要素 {record_element}"))
            }
            ReadErrorKind::RecordNotClosed { record_element, .. } => {
                words(&format!("the end tag of {record_element}"), &format!("{record_element} の終了タグ"))
            }
            ReadErrorKind::TextBetweenRecords => words("elements", "要素"),
            ReadErrorKind::Xml(_) | ReadErrorKind::Io(_) | ReadErrorKind::AfterError => None,
        }
    }

    /// What stands there: never a value.
    pub fn found(&self) -> Option<Words> {
        let words = |en: &str, ja: &str| Some(Words { en: en.to_owned(), ja: ja.to_owned() });
        match &self.kind {
            ReadErrorKind::Truncated { .. } => words("the end of the payload", "データの終わり"),
            ReadErrorKind::JsonSyntax { .. } => words("something else", "別の文字"),
            ReadErrorKind::Limit { .. } => words("more", "それより多い"),
            ReadErrorKind::HeaderMissing => words("an empty payload", "空のデータ"),
            ReadErrorKind::HeaderUnknown { .. } => words("another name", "別の名前"),
            ReadErrorKind::HeaderDuplicate { .. } => {
                words("a field that has a column already", "既に列のある項目")
            }
            ReadErrorKind::UnclosedQuote => words("none", "なし"),
            ReadErrorKind::TextAfterQuote => words("text", "文字"),
            ReadErrorKind::QuoteInCell => words("a quote", "引用符"),
            ReadErrorKind::BareCarriageReturn => words("CR alone", "CRだけ"),
            ReadErrorKind::EmptyLine => words("an empty line", "空行"),
            ReadErrorKind::ByteOrderMark => words("a second one", "二つ目"),
            ReadErrorKind::NotUtf8 | ReadErrorKind::Charset(_) => words("other bytes", "別のバイト列"),
            ReadErrorKind::NotARecord { .. } => words("another element", "別の要素"),
            ReadErrorKind::RecordNotClosed { .. } => {
                words("the start of another record", "別のレコードの開始タグ")
            }
            ReadErrorKind::TextBetweenRecords => words("text", "文字"),
            ReadErrorKind::Xml(_) | ReadErrorKind::Io(_) | ReadErrorKind::AfterError => None,
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
            ReadErrorKind::RecordNotClosed { .. } => "xml-record-not-closed",
            ReadErrorKind::TextBetweenRecords => "xml-text-between-records",
            ReadErrorKind::AfterError => "read-after-error",
        }
    }

    /// The message in Japanese, with the place.
    pub fn message_ja(&self) -> String {
        let behind = if self.of_ja().is_empty() { "：" } else { "、" };
        format!("{}行{}文字目{behind}{}", self.place.line, self.place.column, self.without_place_ja())
    }

    /// The message in Japanese, with record and field, for where the place is told apart.
    pub fn without_place_ja(&self) -> String {
        let what = match &self.kind {
            ReadErrorKind::Io(_) => "データを読み取れません。".into(),
            ReadErrorKind::Charset(error) => format!("{}。", error.message_ja()),
            ReadErrorKind::NotUtf8 => {
                "UTF-8として正しくありません。UTF-8で送るか、文字コードを指定してください。".into()
            }
            ReadErrorKind::Limit { which, max } => {
                format!("{}が上限（{max}）を超えています。", limit_words(which).1)
            }
            ReadErrorKind::HeaderMissing => {
                "データが空で、見出し行がありません。先頭に項目名の行を置いてください。".into()
            }
            ReadErrorKind::HeaderUnknown { column } => {
                format!(
                    "見出しの{column}列目はレイアウトにない項目名です。項目名を直すか、列を取り除いてください。"
                )
            }
            ReadErrorKind::HeaderDuplicate { column, first } => {
                format!(
                    "見出しの{column}列目は{first}列目と同じ項目です。どちらかを取り除いてください。"
                )
            }
            ReadErrorKind::UnclosedQuote => {
                "ここで始まる引用符が閉じられていません。閉じ引用符を付け、値の中の引用符は二つ重ねてください。".into()
            }
            ReadErrorKind::TextAfterQuote => {
                "閉じ引用符の後に文字があります。引用符で囲んだ値の中の引用符は二つ重ねてください。".into()
            }
            ReadErrorKind::QuoteInCell => {
                "引用符で囲まれていない値の中に引用符があります。値全体を引用符で囲み、中の引用符は二つ重ねてください。".into()
            }
            ReadErrorKind::BareCarriageReturn => {
                "LFの続かないCRがあります。改行はCR LFまたはLFにしてください。".into()
            },
            ReadErrorKind::EmptyLine => "空行があります。取り除いてください。".into(),
            ReadErrorKind::ByteOrderMark => {
                "バイト順マークが二つあります。二つ目を取り除いてください。".into()
            }
            ReadErrorKind::JsonSyntax { expected } => {
                format!("JSONの文法に合いません（{}が必要）。", expected.ja)
            }
            ReadErrorKind::Truncated { expected } => {
                format!("データが途中で終わっています（{}が必要）。", expected.ja)
            }
            ReadErrorKind::Xml(error) => format!("{}。", error.without_place_ja()),
            ReadErrorKind::NotARecord { record_element } => {
                format!(
                    "レコード要素（{record_element}）以外の要素があります。要素名を直すか、取り除いてください。"
                )
            }
            ReadErrorKind::RecordNotClosed { record_element, line, column } => format!(
                "レコード要素（{record_element}）が閉じられないまま、{line}行{column}文字目で次のレコードが始まっています。\
                 終了タグを書いてください。"
            ),
            ReadErrorKind::TextBetweenRecords => {
                "レコードの間に文字があります。取り除くか、項目の中に入れてください。".into()
            }
            ReadErrorKind::AfterError => "エラーの後に読み取りが続けられました。".into(),
        };
        self.of_ja() + &what
    }

    /// Record and field in front of a text.
    fn of_ja(&self) -> String {
        let record = (self.record > 0).then(|| format!("レコード{}", self.record));
        let field = self.field.as_ref().map(|field| format!("項目{field}"));
        let of: Vec<String> = record.into_iter().chain(field).collect();
        if of.is_empty() { String::new() } else { of.join("、") + "：" }
    }
}

/// What a limit counts.
fn limit_words(which: &'static str) -> (&'static str, &'static str) {
    // The place says more than the rest of the words.
    let which = which.split(';').next().unwrap_or(which);
    match which {
        "bytes in a record" => (which, "レコードのバイト数"),
        super::ENTRIES => (which, "レコードの値とグループの終わりの数"),
        super::WRITTEN_OUT => (which, "名前を書き出したときのレコードのバイト数"),
        "levels of arrays and objects" => (which, "配列とオブジェクトの深さ"),
        _ => (which, "この項目"),
    }
}
