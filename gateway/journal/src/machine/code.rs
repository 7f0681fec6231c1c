use std::fmt;

use serde::Serialize;

/// A reason as a code: 1 to 64 ASCII letters, digits, `-`, `_`, `.` or `:`. The ledger holds nothing longer and
/// nothing with a space, so that a cloud's free text, which may quote a record, cannot get in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(Box<str>);

impl Code {
    /// What stands for a code that is not one.
    pub const UNREADABLE: &'static str = "unreadable-code";
    /// A later record of the batch has the same key and took this one's place.
    pub const SUPERSEDED: &'static str = "superseded";
    const MOST: usize = 64;

    /// The code, or [`Code::UNREADABLE`] if the text is not one.
    pub fn new(text: &str) -> Self {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if (1..=Self::MOST).contains(&text.len()) && text.bytes().all(good) {
            Self(text.into())
        } else {
            Self(Self::UNREADABLE.into())
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Code {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
