//! Rows as JSON: an array of flat objects, one object, or an object a line. Numbers and booleans keep their text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::rows::{Rows, Value};

/// Reads an array of objects.
///
/// # Errors
/// Says what is not that.
pub fn read_array(bytes: &[u8]) -> Result<Rows, String> {
    let mut rows = Rows::default();
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    Array(&mut rows).deserialize(&mut parser).map_err(|error| error.to_string())?;
    parser.end().map_err(|error| error.to_string())?;
    Ok(rows)
}

/// Reads one object a line; empty lines are skipped.
///
/// # Errors
/// Says which line is not one.
pub fn read_lines(bytes: &[u8]) -> Result<Rows, String> {
    let mut rows = Rows::default();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if !line.trim_ascii().is_empty() {
            read_object_into(line, &mut rows).map_err(|error| format!("line {}: {error}", number + 1))?;
        }
    }
    Ok(rows)
}

/// Reads one object as one row.
///
/// # Errors
/// Says what is not that.
pub fn read_object(bytes: &[u8]) -> Result<Rows, String> {
    let mut rows = Rows::default();
    read_object_into(bytes, &mut rows)?;
    Ok(rows)
}

fn read_object_into(bytes: &[u8], rows: &mut Rows) -> Result<(), String> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    Object(rows).deserialize(&mut parser).map_err(|error| error.to_string())?;
    parser.end().map_err(|error| error.to_string())
}

struct Array<'r>(&'r mut Rows);
struct Object<'r>(&'r mut Rows);

impl<'de> DeserializeSeed<'de> for Array<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Array<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Object(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a flat object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut guess = 0;
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            let value: &RawValue = fields.next_value()?;
            let text = value.get();
            // What the Salesforce-like calls say about a record is no field of it.
            if name == "attributes" && text.starts_with('{') {
                continue;
            }
            let column = self.0.column_after(guess, &name).map_err(A::Error::custom)?;
            guess = usize::from(column) + 1;
            match text.as_bytes().first() {
                Some(b'"') => {
                    let text: Cow<'_, str> = unquote(text).map_err(A::Error::custom)?;
                    self.0.push(column, Value::Text(&text));
                }
                Some(b'n') => self.0.push(column, Value::Null),
                Some(b'{' | b'[') => return Err(A::Error::custom(format!("field {name} is not flat"))),
                _ => self.0.push(column, Value::Text(text)),
            }
        }
        self.0.end_row().map_err(A::Error::custom)
    }
}

fn unquote(text: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    if text.contains('\\') {
        return serde_json::from_str(text).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(&text[1..text.len() - 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text_and_escapes_are_resolved() {
        let rows = read_array(r#"[{"a":1.50,"b":"x\n\"y\"","c":null,"d":true}]"#.as_bytes()).unwrap();
        let cells: Vec<_> = rows.row(0).collect();
        assert_eq!(
            cells,
            [
                (0, Value::Text("1.50")),
                (1, Value::Text("x\n\"y\"")),
                (2, Value::Null),
                (3, Value::Text("true"))
            ]
        );
    }

    #[test]
    fn what_is_not_flat_or_twice_is_refused() {
        assert!(read_array(br#"[{"a":{"b":1}}]"#).is_err());
        assert!(read_array(br#"[{"a":1,"a":2}]"#).is_err());
        assert!(read_array(br#"[{"a":1}"#).is_err());
        assert!(read_lines(b"{\"a\":1}\n\n{\"a\":2}\n").is_ok_and(|rows| rows.len() == 2));
    }
}
