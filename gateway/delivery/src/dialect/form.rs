//! A row in each of the forms that dialects use.

use sekisho_records::write::{CsvWriter, JsonWriter, XmlWriter};
use sekisho_records::{Cell, RowBuf};
use sekisho_xml::write::escape_text;

/// The form of a row in a request's body.
pub(crate) enum RowForm {
    /// CSV lines; `nil` is the text that stands for nil and therefore for nothing else. `empty_is_nil`: the upstream takes an
    /// empty cell for none, and what is empty here would stay there as it was.
    Csv { writer: CsvWriter, nil: Option<String>, empty_is_nil: bool },
    /// JSON objects parted by commas; `lead` is put before the first member.
    Json { writer: JsonWriter, lead: Option<String> },
    /// A JSON object a line.
    Ndjson(JsonWriter),
    /// Elements.
    Xml(XmlWriter),
    /// The partner WSDL's sObjects: nil is a name in `fieldsToNull`.
    SObject { object: String, columns: Vec<String> },
}

impl RowForm {
    /// Appends one row. On an error nothing of use is appended; the error is the code with which the record is
    /// rejected.
    pub(crate) fn row(
        &self,
        rows: &RowBuf,
        row: usize,
        first: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        match self {
            Self::Csv { writer, nil, empty_is_nil } => {
                if let Some(nil) = nil.as_deref()
                    && rows.cells(row).any(|cell| cell == Cell::Text(nil))
                {
                    // Sent as it is, the cloud would take it for nil: another value than the one accepted.
                    return Err("value-reads-as-nil");
                }
                let cell = |cell| if *empty_is_nil && cell == Cell::Text("") { Cell::Nil } else { cell };
                writer.row(rows.cells(row).map(cell), out);
            }
            Self::Json { writer, lead } => {
                if !first {
                    out.push(b',');
                }
                let start = out.len();
                match lead {
                    None => writer.object(rows.cells(row), out),
                    Some(lead) => {
                        out.push(b'{');
                        out.extend_from_slice(lead.as_bytes());
                        let object = out.len();
                        writer.object(rows.cells(row), out);
                        // "{" of the object becomes the comma after the lead, or goes if the object has no member.
                        if out.get(object + 1) == Some(&b'}') {
                            out.remove(object);
                        } else if let Some(brace) = out.get_mut(object) {
                            *brace = b',';
                        }
                    }
                }
                debug_assert!(out.len() > start);
            }
            Self::Ndjson(writer) => {
                writer.object(rows.cells(row), out);
                out.push(b'\n');
            }
            Self::Xml(writer) => writer.row(rows.cells(row), out).map_err(|error| error.code())?,
            Self::SObject { object, columns } => s_object(object, columns, rows, row, out)?,
        }
        Ok(())
    }
}

/// `p:` and `o:` are declared around: partner and sObject namespaces. Order as in the WSDL: type, fieldsToNull, fields. An
/// empty element would say nothing: what is empty becomes null, too.
fn s_object(
    object: &str,
    columns: &[String],
    rows: &RowBuf,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    out.extend_from_slice(b"<p:sObjects><o:type>");
    out.extend_from_slice(object.as_bytes());
    out.extend_from_slice(b"</o:type>");
    for (cell, column) in rows.cells(row).zip(columns) {
        if matches!(cell, Cell::Nil | Cell::Text("")) {
            element("o:fieldsToNull", column, out)?;
        }
    }
    for (cell, column) in rows.cells(row).zip(columns) {
        if let Cell::Text(text) = cell
            && !text.is_empty()
        {
            out.extend_from_slice(b"<o:");
            out.extend_from_slice(column.as_bytes());
            out.push(b'>');
            escape_text(text, out).map_err(|error| error.code())?;
            out.extend_from_slice(b"</o:");
            out.extend_from_slice(column.as_bytes());
            out.push(b'>');
        }
    }
    out.extend_from_slice(b"</p:sObjects>");
    Ok(())
}

/// Appends `<name>text</name>`.
pub(crate) fn element(name: &str, text: &str, out: &mut Vec<u8>) -> Result<(), &'static str> {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    escape_text(text, out).map_err(|error| error.code())?;
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    Ok(())
}
