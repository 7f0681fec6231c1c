//! `Content-Type` values: RFC 9110 section 8.3.1, with the unquoted values that real stacks send.

/// The longest `Content-Type` value that is looked at, in bytes.
pub const MAX_BYTES: usize = 4096;

/// The most parameters that one media type may carry.
pub const MAX_PARAMETERS: usize = 32;

/// A media type with its parameters.
///
/// Type, subtype and parameter names are held in lower case; values keep their case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    slash: usize,
    parameters: Vec<(String, String)>,
}

/// Why a `Content-Type` value was refused. Texts hold positions, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaTypeError {
    /// The value is longer than [`MAX_BYTES`] or has more than [`MAX_PARAMETERS`] parameters.
    #[error("the media type is over the limit of {max} {what}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The value does not follow the grammar.
    #[error("the media type cannot be read at byte {at}: {expected} expected")]
    Syntax {
        /// Byte offset in the value, from 0.
        at: usize,
        /// What the grammar wants there.
        expected: &'static str,
    },
    /// A parameter stands twice: readers disagree on which one counts, so neither does.
    #[error("the media type gives one parameter twice, the second time at byte {at}")]
    DuplicateParameter {
        /// Byte offset of the second one's name, from 0.
        at: usize,
    },
    /// A `multipart` type without a `boundary`.
    #[error("the multipart media type has no boundary parameter")]
    BoundaryMissing,
    /// A `boundary` that RFC 2046 section 5.1.1 does not allow.
    #[error("the boundary is not 1 to 70 of the characters that RFC 2046 section 5.1.1 allows")]
    BoundaryInvalid,
}

impl MediaTypeError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        todo!()
    }
    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        todo!()
    }
}

impl MediaType {
    /// Reads a `Content-Type` value.
    pub fn parse(value: &str) -> Result<Self, MediaTypeError> {
        let _ = value;
        todo!()
    }
    /// `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }
    /// The type alone, in lower case.
    pub fn kind(&self) -> &str {
        &self.essence[..self.slash]
    }
    /// Whether the essence is this one, given in lower case.
    pub fn is(&self, essence: &str) -> bool {
        self.essence == essence
    }
    /// Value of a parameter, its name given in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
    /// The `charset` parameter.
    pub fn charset(&self) -> Option<&str> {
        self.parameter("charset")
    }
    /// The `boundary` parameter, checked.
    pub fn boundary(&self) -> Result<&str, MediaTypeError> {
        todo!()
    }
}
