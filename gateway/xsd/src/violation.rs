//! What is wrong with a value or a document, without the value.

/// The same words in English and in Japanese.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// English.
    pub en: String,
    /// Japanese.
    pub ja: String,
}

impl Words {
    pub(crate) fn new(en: impl Into<String>, ja: impl Into<String>) -> Words {
        Words { en: en.into(), ja: ja.into() }
    }
}

/// One violation found in a document or a record element.
///
/// Holds no value of the document, unless the caller has asked for that (`show_values`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The validation rule, as XSD 1.0 part 1 appendix C names it (`cvc-…`), or our own `well-formed`, `limit`.
    pub code: &'static str,
    /// Local name of the element it is about.
    pub field: Option<String>,
    /// Where that element is: steps of `name[position]` from the root. Of a reference that leads nowhere `None` where it is more
    /// than 32 levels deep.
    pub path: Option<String>,
    /// The number of the record that it is in, from 1: the position of the outermost element on the path that may come
    /// more than once, among its siblings of the same name. `None` outside of such, and where the document is one record.
    pub record: Option<u64>,
    /// Line, from 1.
    pub line: Option<u64>,
    /// Column in characters, from 1.
    pub column: Option<u64>,
    /// Byte offset in the UTF-8 text, from 0; a byte order mark does not count.
    pub byte: Option<u64>,
    /// What the schema has there: names, facets, bounds.
    pub expected: Option<Words>,
    /// What the document has there: lengths, kinds, names that the schema declares.
    pub found: Option<Words>,
    /// What is wrong and what was expected, in English.
    pub message: String,
    /// The same in Japanese.
    pub message_ja: String,
}

/// What is wrong with a single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueViolation {
    /// The validation rule (`cvc-…`).
    pub code: &'static str,
    /// What is wrong and what was expected, in English. Never the value.
    pub message: String,
    /// The same in Japanese.
    pub message_ja: String,
}
