//! Rows as CSV.

use memchr::memchr3;

use crate::mapping::Cell;

/// Writes rows as CSV (RFC 4180): lines end with CR LF, cells are quoted where they must be.
///
/// Absent is an empty cell; nil is the nil text, or an empty cell without one; an empty text is `""`. A text that is the
/// nil text is quoted, so that the two can be told apart.
#[derive(Debug, Clone)]
pub struct CsvWriter {
    delimiter: u8,
    nil: String,
}

impl CsvWriter {
    /// A writer with this delimiter (ASCII) and nil text.
    pub fn new(delimiter: u8, nil: Option<&str>) -> CsvWriter {
        CsvWriter { delimiter, nil: nil.unwrap_or_default().to_owned() }
    }

    /// Appends the header line.
    pub fn header<'a>(&self, columns: impl IntoIterator<Item = &'a str>, out: &mut Vec<u8>) {
        self.row(columns.into_iter().map(Cell::Text), out);
    }

    /// Appends a row.
    pub fn row<'a>(&self, cells: impl IntoIterator<Item = Cell<'a>>, out: &mut Vec<u8>) {
        let start = out.len();
        for (column, cell) in cells.into_iter().enumerate() {
            if column > 0 {
                out.push(self.delimiter);
            }
            match cell {
                Cell::Absent => {}
                Cell::Nil => out.extend_from_slice(self.nil.as_bytes()),
                Cell::Text(text) => self.text(text, out),
            }
        }
        // A line with nothing in it would be no row.
        if out.len() == start {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(b"\r\n");
    }

    fn text(&self, text: &str, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        let plain = memchr3(b'"', b'\n', self.delimiter, bytes).is_none() && !bytes.contains(&b'\r');
        if plain && !text.is_empty() && text != self.nil {
            out.extend_from_slice(bytes);
            return;
        }
        out.push(b'"');
        for (n, part) in text.split('"').enumerate() {
            if n > 0 {
                out.extend_from_slice(b"\"\"");
            }
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'"');
    }
}
