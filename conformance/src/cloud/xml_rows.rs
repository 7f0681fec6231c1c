//! Rows that stand as elements in a document.

use super::rows::{Rows, Value};
use super::soap::{Ns, Xml, name};

/// Reads the fields of the row element that has just opened, in `namespace` (any, if `None`), and ends the row.
///
/// # Errors
/// Says what is wrong with the document or the row.
pub(super) fn read_row(
    xml: &mut Xml<'_>,
    namespace: Option<Ns>,
    rows: &mut Rows,
    scratch: &mut String,
) -> Result<(), String> {
    let mut guess = 0;
    while let Some((ns, field)) = xml.child()? {
        let local = field.local_name();
        let local = std::str::from_utf8(local.as_ref()).map_err(|error| error.to_string())?;
        if namespace.is_some_and(|wanted| wanted != ns) {
            return Err(format!("field {local} is not in the namespace of the rows"));
        }
        let column = rows.column_after(guess, local)?;
        guess = usize::from(column) + 1;
        let nil = xml.is_nil(&field);
        scratch.clear();
        xml.text(scratch)?;
        if nil {
            if !scratch.is_empty() {
                return Err(format!("field {local} is nil and has a text"));
            }
            rows.push(column, Value::Null);
        } else {
            rows.push(column, Value::Text(scratch));
        }
    }
    rows.end_row()
}

/// Reads a document of rows: any root element, `row` elements in it.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn read_document(bytes: &[u8]) -> Result<Rows, String> {
    let mut xml = Xml::new(bytes)?;
    let mut rows = Rows::default();
    let mut scratch = String::new();
    xml.child()?.ok_or("no root element")?;
    while let Some((_, row)) = xml.child()? {
        if row.local_name().as_ref() != b"row" {
            return Err(format!("element {} where a row is expected", name(&row)));
        }
        read_row(&mut xml, None, &mut rows, &mut scratch)?;
    }
    xml.child()?;
    Ok(rows)
}
