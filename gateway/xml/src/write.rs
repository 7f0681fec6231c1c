//! Escaping of text into XML.

/// A character that XML 1.0 cannot hold (production 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character cannot be written in XML")]
pub struct Unwritable {
    /// Index of the character in the text, in characters from 0.
    pub char_index: usize,
    /// The character's code point.
    pub code_point: u32,
}

impl Unwritable {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        todo!()
    }
}

/// Appends `text` as character data; `out` is as it was when this fails.
pub fn escape_text(_text: &str, _out: &mut Vec<u8>) -> Result<(), Unwritable> {
    todo!()
}

/// Appends `text` as the inside of a quoted attribute value; `out` is as it was when this fails.
pub fn escape_attribute(_text: &str, _out: &mut Vec<u8>) -> Result<(), Unwritable> {
    todo!()
}
