//! What is wrong with a value or a document, without the value.

/// One violation found in a document or a record element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The validation rule, as XSD 1.0 part 1 appendix C names it (`cvc-…`), or our own `well-formed`, `limit`.
    pub code: &'static str,
    /// Local name of the element it is about.
    pub field: Option<String>,
    /// Where that element is: steps of `name[position]` from the root.
    pub path: Option<String>,
    /// Line, from 1.
    pub line: Option<u64>,
    /// Column, from 1.
    pub column: Option<u64>,
    /// What is wrong and what was expected, in English. Never a value of the document.
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
