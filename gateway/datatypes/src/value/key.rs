//! Canonical bytes: two values of a type are equal exactly when these are.

use super::Value;

impl<'a> Value<'a, &'a [u8]> {
    /// Appends the value's bytes. They begin with the tag of its primitive type, and values of types with other tags
    /// are other values (part 2 §2.2.3).
    pub(crate) fn write_key(&self, tag: u8, out: &mut Vec<u8>) {
        out.push(tag);
        match self {
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Boolean(value) => out.push(u8::from(*value)),
            Value::Decimal(value) => {
                out.push(if value.negative { b'-' } else { b'+' });
                out.extend_from_slice(value.whole);
                out.push(b'.');
                out.extend_from_slice(value.fraction);
            }
            // There is one zero and one NaN: `float::read` and `to_bits` of constants see to it.
            Value::Float(value) => out.extend_from_slice(&value.to_bits().to_be_bytes()),
            Value::Double(value) => out.extend_from_slice(&value.to_bits().to_be_bytes()),
            Value::Duration(value) => {
                out.push(u8::from(value.negative));
                out.extend_from_slice(&value.months.to_be_bytes());
                out.extend_from_slice(&value.seconds.to_be_bytes());
                out.extend_from_slice(value.fraction);
            }
            Value::Instant(value) => {
                out.push(u8::from(value.zoned));
                out.extend_from_slice(&value.seconds.to_be_bytes());
                out.extend_from_slice(value.fraction);
            }
            Value::Hex(literal) => out.extend(literal.iter().map(u8::to_ascii_uppercase)),
            Value::Base64(literal) => out.extend(literal.iter().filter(|&&byte| byte != b' ')),
            Value::Name(namespace, local) => {
                // No namespace name and no local name has a NUL.
                out.extend_from_slice(namespace.as_bytes());
                out.push(0);
                out.extend_from_slice(local.as_bytes());
            }
        }
    }
}
