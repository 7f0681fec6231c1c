//! Rows into bytes.

mod csv;
mod json;
mod xml;

#[cfg(test)]
mod tests;

pub use csv::CsvWriter;
pub use json::{JsonWriter, string as json_string};
pub use xml::XmlWriter;

/// A cell that the form cannot hold: that record cannot be delivered in this form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "column {column}, character {position}: U+{code_point:04X} cannot be written in XML 1.0 (section 2.2)"
)]
pub struct WriteError {
    /// The column.
    pub column: String,
    /// Which character of the value it is, from 1.
    pub position: usize,
    /// The character.
    pub code_point: u32,
}

impl WriteError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        "character-not-allowed"
    }
}

/// A column or row name that XML cannot have: the operator's to mend, found when the route is loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no name of an XML element without a colon (NCName)")]
pub struct NameError {
    /// The name.
    pub name: String,
}

impl NameError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        "xml-name"
    }
}
