//! Rows as JSON objects.

use crate::mapping::Cell;

/// Writes rows as JSON objects (RFC 8259): every text a string, nil `null`, absent left out.
#[derive(Debug, Clone)]
pub struct JsonWriter {
    /// Quoted and escaped, with the colon behind.
    names: Vec<Vec<u8>>,
}

impl JsonWriter {
    /// A writer of objects with these members.
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> JsonWriter {
        let name = |column: &str| {
            let mut name = Vec::new();
            string(column, &mut name);
            name.push(b':');
            name
        };
        JsonWriter { names: columns.into_iter().map(name).collect() }
    }

    /// Appends one object. For an array the caller puts `[`, `,` and `]` around; for NDJSON a line feed behind.
    pub fn object<'a>(&self, cells: impl IntoIterator<Item = Cell<'a>>, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        for (name, cell) in self.names.iter().zip(cells) {
            if cell == Cell::Absent {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(name);
            match cell {
                Cell::Absent | Cell::Nil => out.extend_from_slice(b"null"),
                Cell::Text(text) => string(text, out),
            }
        }
        out.push(b'}');
    }
}

/// Appends a string with its quotes (RFC 8259 section 7).
pub fn string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..=0x1F => 0,
            _ => continue,
        };
        out.extend_from_slice(&bytes[written..at]);
        if short == 0 {
            out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
        written = at + 1;
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}
