//! Value spaces of the primitive types (part 2 §3.2): from a literal, its white space normalised, to a value that can be
//! ordered and written as canonical bytes.

pub(crate) mod binary;
pub(crate) mod decimal;
pub(crate) mod duration;
pub(crate) mod float;
pub(crate) mod fraction;
pub(crate) mod instant;
pub(crate) mod key;
pub(crate) mod name;
pub(crate) mod number;

use std::cmp::Ordering;

use decimal::Decimal;
use duration::Duration;
use instant::Instant;

/// A value of a primitive type. Digits stay those of the literal, so that a number may have any length; `D` holds them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a, D> {
    /// Of string and anyURI.
    Text(&'a str),
    Boolean(bool),
    Decimal(Decimal<D>),
    Float(f32),
    Double(f64),
    Duration(Duration<D>),
    /// Of dateTime, time, date and the five parts of dates.
    Instant(Instant<D>),
    /// The literal of hexBinary.
    Hex(&'a [u8]),
    /// The literal of base64Binary.
    Base64(&'a [u8]),
    /// Of QName and NOTATION: namespace name, empty for none, and local name.
    Name(&'a str, &'a str),
}

/// A part of a literal is well formed, but larger than is held here (part 2 §5.1 lets an implementation say so).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) part: &'static str,
    /// The most digits that are held.
    pub(crate) digits: usize,
}

/// A value that a bound has: those of the ordered types, with digits of its own.
pub(crate) type Bound = Value<'static, Box<[u8]>>;

impl<'a> Value<'a, &'a [u8]> {
    /// The value as a bound; `None` for types without order (part 2 §4.2.2).
    pub(crate) fn to_bound(&self) -> Option<Bound> {
        Some(match self {
            Value::Decimal(value) => Value::Decimal(value.to_owned()),
            Value::Float(value) => Value::Float(*value),
            Value::Double(value) => Value::Double(*value),
            Value::Duration(value) => Value::Duration(value.to_owned()),
            Value::Instant(value) => Value::Instant(value.to_owned()),
            _ => return None,
        })
    }

    /// The order of the value space, which is partial: `None` for what cannot be compared, and between types.
    pub(crate) fn order(&self, bound: &Bound) -> Option<Ordering> {
        match (self, bound) {
            (Value::Decimal(value), Value::Decimal(bound)) => Some(value.order(bound)),
            (Value::Float(value), Value::Float(bound)) => float::order(*value, *bound),
            (Value::Double(value), Value::Double(bound)) => float::order(*value, *bound),
            (Value::Duration(value), Value::Duration(bound)) => value.order(bound),
            (Value::Instant(value), Value::Instant(bound)) => value.order(bound),
            _ => None,
        }
    }
}

impl Bound {
    /// The bound as a value.
    pub(crate) fn as_ref(&self) -> Value<'_, &[u8]> {
        match self {
            Value::Text(text) => Value::Text(text),
            Value::Boolean(value) => Value::Boolean(*value),
            Value::Decimal(value) => Value::Decimal(value.as_ref()),
            Value::Float(value) => Value::Float(*value),
            Value::Double(value) => Value::Double(*value),
            Value::Duration(value) => Value::Duration(value.as_ref()),
            Value::Instant(value) => Value::Instant(value.as_ref()),
            Value::Hex(literal) => Value::Hex(literal),
            Value::Base64(literal) => Value::Base64(literal),
            Value::Name(namespace, local) => Value::Name(namespace, local),
        }
    }
}
