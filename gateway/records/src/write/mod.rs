//! Rows into bytes.

use crate::mapping::Cell;

/// A cell that the form cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}, character {position}: U+{code_point:04X} cannot be written in XML 1.0 (section 2.2)")]
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

/// Writes rows as CSV (RFC 4180): CRLF, quotes only where needed.
#[derive(Debug, Clone)]
pub struct CsvWriter {
    _nil: String,
}

impl CsvWriter {
    /// A writer that writes nil as `nil` and absent as nothing.
    pub fn new(_delimiter: u8, _nil: Option<&str>) -> CsvWriter {
        todo!()
    }

    /// Appends the header line.
    pub fn header<'a>(&self, _columns: impl IntoIterator<Item = &'a str>, _out: &mut Vec<u8>) {
        todo!()
    }

    /// Appends a row.
    pub fn row<'a>(&self, _cells: impl IntoIterator<Item = Cell<'a>>, _out: &mut Vec<u8>) {
        todo!()
    }
}

/// Writes rows as JSON objects: every value a string, nil `null`, absent left out.
#[derive(Debug, Clone)]
pub struct JsonWriter {
    _names: Vec<String>,
}

impl JsonWriter {
    /// A writer of objects with these members.
    pub fn new<'a>(_columns: impl IntoIterator<Item = &'a str>) -> JsonWriter {
        todo!()
    }

    /// Appends one object. For an array the caller puts `[`, `,` and `]` around; for NDJSON a line feed behind.
    pub fn object<'a>(&self, _cells: impl IntoIterator<Item = Cell<'a>>, _out: &mut Vec<u8>) {
        todo!()
    }
}

/// Writes rows as XML elements: nil as `xsi:nil="true"`, absent left out.
#[derive(Debug, Clone)]
pub struct XmlWriter {
    _names: Vec<String>,
}

impl XmlWriter {
    /// A writer of `row` elements with one child a column. `prefix` goes before every name (with its colon) and must
    /// be declared around; `xsi` must be too.
    pub fn new<'a>(_prefix: &str, _row: &str, _columns: impl IntoIterator<Item = &'a str>) -> XmlWriter {
        todo!()
    }

    /// Appends one element. On an error nothing is appended.
    ///
    /// # Errors
    /// When a value has a character that XML 1.0 cannot hold.
    pub fn row<'a>(&self, _cells: impl IntoIterator<Item = Cell<'a>>, _out: &mut Vec<u8>) -> Result<(), WriteError> {
        todo!()
    }
}
