//! The key of a record: what identifies it among the records of a batch.

use std::borrow::Cow;

use sekisho_xsd::ValueKind;

use crate::layout::{FieldContent, FieldId, Layout, LayoutError};
use crate::record::{Record, Value};

#[cfg(test)]
mod tests;

/// Which top-level fields are a record's key, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    fields: Vec<(FieldId, ValueKind)>,
}

impl RecordKey {
    /// A key of the named fields.
    ///
    /// # Errors
    /// When a name is no top-level field that holds a value, or comes twice.
    pub fn compile(layout: &Layout, fields: &[&str]) -> Result<RecordKey, LayoutError> {
        let mut key = Vec::with_capacity(fields.len());
        for &name in fields {
            let fail = |problem| Err(LayoutError::Key { field: name.to_owned(), problem });
            let Some(id) = layout.field(name) else { return fail("it is no field of the layout") };
            let FieldContent::Value(ty) = &layout.fields()[usize::from(id.0)].content else {
                return fail("it is a group");
            };
            if key.iter().any(|(other, _)| *other == id) {
                return fail("it is named twice");
            }
            key.push((id, ty.kind));
        }
        Ok(RecordKey { fields: key })
    }

    /// The names of the key's fields, in order.
    pub fn names<'l>(&self, layout: &'l Layout) -> impl Iterator<Item = &'l str> {
        self.fields.iter().map(|(id, _)| &*layout.fields()[usize::from(id.0)].name.local)
    }

    /// Appends the key of a checked record to `out`: the fields' values, each behind its length (4 bytes, big-endian).
    ///
    /// Values that are equal by their type but written differently (`07` and `7`, `1` and `true`) give the same key,
    /// as `xs:key` has it; numbers with an exponent are taken as written.
    ///
    /// `false`, and nothing appended, when a field is absent or nil: the record then has no key.
    pub fn write(&self, record: &Record, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        for &(id, kind) in &self.fields {
            let Some(Value::Text(text)) = record.value(id) else {
                out.truncate(before);
                return false;
            };
            let text = comparable(text, kind);
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        !self.fields.is_empty()
    }
}

/// One text for all that are the same value.
fn comparable(text: &str, kind: ValueKind) -> Cow<'_, str> {
    match kind {
        ValueKind::Boolean => Cow::Borrowed(match text {
            "1" => "true",
            "0" => "false",
            other => other,
        }),
        ValueKind::Number => decimal(text),
        ValueKind::Text | ValueKind::List => Cow::Borrowed(text),
    }
}

/// A decimal without plus sign, leading zeros and trailing zeros of its fraction.
fn decimal(text: &str) -> Cow<'_, str> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Cow::Borrowed(text);
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let minus = if negative && !(whole.is_empty() && fraction.is_empty()) { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Cow::Owned(format!("{minus}{whole}{point}{fraction}"))
}
