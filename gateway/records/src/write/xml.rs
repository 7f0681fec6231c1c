//! Rows as XML elements.

use sekisho_xml::write::escape_text;

use crate::mapping::Cell;
use crate::write::{NameError, WriteError};

/// Writes rows as XML elements: nil as `xsi:nil="true"`, absent left out.
#[derive(Debug, Clone)]
pub struct XmlWriter {
    row: String,
    /// Column names with the prefix.
    names: Vec<String>,
    prefix: String,
}

impl XmlWriter {
    /// A writer of `row` elements with one child a column. `prefix` is put before every name and must be declared
    /// around, unless it is empty; so must be `xsi`, unless no cell is nil.
    ///
    /// # Errors
    /// When a name is no NCName (Namespaces in XML 1.0 section 3).
    pub fn new<'a>(
        prefix: &str,
        row: &str,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Result<XmlWriter, NameError> {
        let checked = |name: &str| {
            if sekisho_xml::is_ncname(name) {
                Ok(name.to_owned())
            } else {
                Err(NameError { name: name.to_owned() })
            }
        };
        let colon = if prefix.is_empty() { String::new() } else { format!("{}:", checked(prefix)?) };
        let qualified = |name: &str| checked(name).map(|name| format!("{colon}{name}"));
        let names = columns.into_iter().map(qualified).collect::<Result<_, _>>()?;
        Ok(XmlWriter { row: qualified(row)?, names, prefix: colon })
    }

    /// Appends one element. On an error nothing is appended.
    ///
    /// # Errors
    /// When a value has a character that XML 1.0 cannot hold.
    pub fn row<'a>(
        &self,
        cells: impl IntoIterator<Item = Cell<'a>>,
        out: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        let start = out.len();
        put(out, &["<", &self.row, ">"]);
        for (name, cell) in self.names.iter().zip(cells) {
            match cell {
                Cell::Absent => {}
                Cell::Nil => put(out, &["<", name, " xsi:nil=\"true\"/>"]),
                Cell::Text(text) => {
                    put(out, &["<", name, ">"]);
                    if let Err(unwritable) = escape_text(text, out) {
                        out.truncate(start);
                        return Err(WriteError {
                            column: name[self.prefix.len()..].to_owned(),
                            position: unwritable.char_index + 1,
                            code_point: unwritable.code_point,
                        });
                    }
                    put(out, &["</", name, ">"]);
                }
            }
        }
        put(out, &["</", &self.row, ">"]);
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
}
