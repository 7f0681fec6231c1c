//! What can be wrong with a schema, and what can stop a document from being checked.

use std::io;
use std::path::PathBuf;

use crate::digest::SchemaDigest;
use crate::violation::Words;

/// A schema that cannot be loaded, or whose record type cannot be had: the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A document of the schema cannot be read.
    #[error("schema document {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The schema is not the one that is pinned.
    #[error("schema {} has digest {found}, but {pinned} is pinned: if the change is meant, pin the new digest", path.display())]
    Pin {
        /// The schema's first document.
        path: PathBuf,
        /// What the configuration says.
        pinned: SchemaDigest,
        /// What is on disk.
        found: SchemaDigest,
    },
    /// A document breaks a rule of XML or of XSD 1.0.
    #[error("{place}: {rule}: {message}")]
    Invalid {
        /// `file:line:column`.
        place: String,
        /// The rule (`src-…`, `cos-…`, `xml`).
        rule: String,
        /// What is wrong.
        message: String,
        /// The same in Japanese. Where only the compiler knows, its words follow an explanation of the rule.
        message_ja: String,
    },
    /// More of something than a schema may have: a bound of this gateway, and none of XSD.
    ///
    /// | rule | at most |
    /// | --- | --- |
    /// | `limit-document-bytes` | 16 MiB in one document |
    /// | `limit-documents` | 1,000 documents |
    /// | `limit-depth` | 128 levels of elements in a document |
    /// | `limit-nesting` | 128 levels of groups, types and heads that refer to one another |
    /// | `limit-references` | 100,000 particles and attributes that references bring into one definition, 2,000,000 into all |
    /// | `limit-content-model` | 4,194,304 steps in one content model |
    /// | `limit-repetitions` | 256 ways in which a document may be at one place of a content model |
    /// | `limit-path-steps` | 63 steps in one path of a selector or field |
    /// | `limit-pattern` | 16 MiB for one compiled pattern |
    /// | `limit-types` | 1,048,576 simple types, 256 steps of derivation behind one, 65,536 types to be tried for one value |
    #[error("{place}: {rule}: {message}")]
    TooLarge {
        /// `file:line:column` of what is too large, or of the directive that asks for one document too many.
        place: String,
        /// Which bound.
        rule: String,
        /// How much may be, and what to do.
        message: String,
        /// The same in Japanese.
        message_ja: String,
    },
    /// A construct that this gateway does not take, though some schema processor might.
    #[error("{place}: {}: {construct} is not supported: {advice}", self.code())]
    Unsupported {
        /// `file:line:column`.
        place: String,
        /// What it is.
        construct: String,
        /// What to do.
        advice: &'static str,
    },
    /// An element that the schema does not declare, or declares more than once with different types.
    #[error("{place}: {}: record element {name} {problem}", self.code())]
    Record {
        /// `file:line:column` of a declaration of it, or of the root of the schema's first document.
        place: String,
        /// The name asked for.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl SchemaError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "schema-read",
            Self::Pin { .. } => "schema-pin",
            Self::Invalid { .. } => "schema-invalid",
            Self::TooLarge { .. } => "schema-too-large",
            Self::Unsupported { .. } => "schema-unsupported",
            Self::Record { .. } => "schema-record",
        }
    }
}

/// What stops a document from being checked to its end: the sender's fault, except [`DocumentError::Io`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The input cannot be read.
    #[error("the document cannot be read: {0}")]
    Io(#[source] io::Error),
    /// Not well-formed XML, or a document type declaration.
    #[error("line {line}, column {column}: {message}")]
    NotWellFormed {
        /// Line, from 1.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
        /// Byte offset in the UTF-8 text, from 0.
        byte: u64,
        /// The rule broken, in English. Never a value of the document.
        message: String,
        /// The same in Japanese.
        message_ja: String,
    },
    /// Bytes that the document's encoding does not have.
    #[error("line {line}, column {column}: {message}")]
    Encoding {
        /// Line, from 1.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
        /// Byte offset in the document as it was sent, from 0; a byte order mark counts.
        byte: u64,
        /// That of the encoding's error.
        code: &'static str,
        /// Which bytes, in English.
        message: String,
        /// The same in Japanese.
        message_ja: String,
    },
    /// More of something than this gateway takes.
    #[error("line {line}, column {column}: more than {max} {which}")]
    Limit {
        /// Line, from 1.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
        /// Byte offset in the UTF-8 text, from 0.
        byte: u64,
        /// Of what there is too much.
        which: &'static str,
        /// The limit.
        max: u64,
    },
    /// The content model of an element has too many states to be followed.
    #[error("line {line}, column {column}: the content model is too large to be followed here")]
    ContentModel {
        /// Line, from 1.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
        /// Byte offset in the UTF-8 text, from 0.
        byte: u64,
    },
}

impl DocumentError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "document-read",
            Self::NotWellFormed { .. } => "document-not-well-formed",
            Self::Encoding { code, .. } => code,
            Self::Limit { .. } => "document-limit",
            Self::ContentModel { .. } => "document-content-model",
        }
    }
}

impl DocumentError {
    /// The message in Japanese, as [`std::fmt::Display`] gives it in English.
    pub fn message_ja(&self) -> String {
        match self {
            Self::NotWellFormed { line, column, .. }
            | Self::Encoding { line, column, .. }
            | Self::Limit { line, column, .. }
            | Self::ContentModel { line, column, .. } => {
                format!("{line}行{column}文字目: {}", self.without_place().ja)
            }
            Self::Io(_) => self.without_place().ja,
        }
    }

    /// Line, column and byte of what stopped the check; `None` where the input cannot be read.
    pub fn place(&self) -> Option<(u64, u64, u64)> {
        match *self {
            Self::NotWellFormed { line, column, byte, .. }
            | Self::Encoding { line, column, byte, .. }
            | Self::Limit { line, column, byte, .. }
            | Self::ContentModel { line, column, byte } => Some((line, column, byte)),
            Self::Io(_) => None,
        }
    }

    /// What is wrong, in English and in Japanese, for those who tell the place themselves.
    pub fn without_place(&self) -> Words {
        match self {
            Self::NotWellFormed { message, message_ja, .. } | Self::Encoding { message, message_ja, .. } => {
                Words::new(message, message_ja)
            }
            Self::Limit { which, max, .. } => Words::new(
                format!("more than {max} {which}"),
                format!("上限を超えています: {}は{max}までです", which_ja(which)),
            ),
            Self::ContentModel { .. } => Words::new(
                "the content model is too large to be followed here",
                "内容モデルが大きすぎて、ここから先を確かめられません",
            ),
            Self::Io(error) => {
                Words::new(format!("the document cannot be read: {error}"), "文書を読み取れません")
            }
        }
    }
}

/// What is limited, in Japanese.
fn which_ja(which: &str) -> &str {
    match which {
        "levels of elements" => "要素の深さ",
        "attributes of one element" => "一つの要素の属性の数",
        "bytes in a name" => "名前のバイト数",
        "bytes in an attribute value" => "属性値のバイト数",
        "bytes of text in one element" => "一つの要素の文字データのバイト数",
        "namespace declarations in scope" => "有効な名前空間宣言の数",
        "bytes in a namespace name" => "名前空間名のバイト数",
        "bytes in a reference" => "参照のバイト数",
        "bytes in one construct" => "一つの構文のバイト数",
        "bytes of keys, identifiers and references to them" => "キー、IDとその参照のバイト数",
        other => other,
    }
}
