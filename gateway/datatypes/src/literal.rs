//! Lexical spaces of the built-in types, as far as they are not facets of others (part 2 §3).

use crate::builtin::Builtin;
use crate::fault::{Fault, What};
use crate::namespaces::Namespaces;
use crate::value::instant::Kind;
use crate::value::{Capacity, Value, binary, decimal, duration, float, instant, name};

/// How the literals of an atomic type are read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    /// Any text: `string`, what only treats white space otherwise, and `anyURI`. What an escaped `anyURI` makes no URI
    /// reference of is left alone: hardly anything does (§3.2.17), and resolving it is not checking it.
    Text,
    Language,
    Nmtoken,
    Name,
    NCName,
    Boolean,
    Decimal,
    Integer,
    Float,
    Double,
    Duration,
    Instant(Kind),
    Hex,
    Base64,
    QName,
}

impl Literal {
    /// How the built-in type is read; `None` for those that are not atomic. Bounds of the integer types are facets.
    pub(crate) fn of(builtin: Builtin) -> Option<Literal> {
        Some(match builtin {
            Builtin::AnySimpleType | Builtin::Nmtokens | Builtin::Idrefs | Builtin::Entities => return None,
            Builtin::String | Builtin::NormalizedString | Builtin::Token | Builtin::AnyUri => Literal::Text,
            Builtin::Language => Literal::Language,
            Builtin::Nmtoken => Literal::Nmtoken,
            Builtin::Name => Literal::Name,
            Builtin::NCName | Builtin::Id | Builtin::Idref | Builtin::Entity => Literal::NCName,
            Builtin::Boolean => Literal::Boolean,
            Builtin::Decimal => Literal::Decimal,
            Builtin::Float => Literal::Float,
            Builtin::Double => Literal::Double,
            Builtin::Duration => Literal::Duration,
            Builtin::DateTime => Literal::Instant(Kind::DateTime),
            Builtin::Time => Literal::Instant(Kind::Time),
            Builtin::Date => Literal::Instant(Kind::Date),
            Builtin::GYearMonth => Literal::Instant(Kind::YearMonth),
            Builtin::GYear => Literal::Instant(Kind::Year),
            Builtin::GMonthDay => Literal::Instant(Kind::MonthDay),
            Builtin::GDay => Literal::Instant(Kind::Day),
            Builtin::GMonth => Literal::Instant(Kind::Month),
            Builtin::HexBinary => Literal::Hex,
            Builtin::Base64Binary => Literal::Base64,
            Builtin::QName | Builtin::Notation => Literal::QName,
            // What is left comes from integer.
            _ => Literal::Integer,
        })
    }

    /// Whether it has no numbers, only characters that can be counted.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Literal::Text | Literal::Language | Literal::Nmtoken | Literal::Name | Literal::NCName)
    }

    /// The value of a literal whose white space is normalised. `builtin` is named when it is none.
    pub(crate) fn read<'a>(
        self,
        text: &'a str,
        builtin: Builtin,
        namespaces: &'a dyn Namespaces,
    ) -> Result<Value<'a, &'a [u8]>, Fault> {
        let bytes = text.as_bytes();
        let text_if = |valid: bool| valid.then_some(Value::Text(text));
        let value = match self {
            Literal::Text => Some(Value::Text(text)),
            Literal::Language => text_if(name::is_language(text)),
            Literal::Nmtoken => text_if(name::is_nmtoken(text)),
            Literal::Name => text_if(name::is_name(text)),
            Literal::NCName => text_if(name::is_ncname(text)),
            Literal::Boolean => match text {
                "true" | "1" => Some(Value::Boolean(true)),
                "false" | "0" => Some(Value::Boolean(false)),
                _ => None,
            },
            Literal::Decimal => decimal::read(bytes, true).map(Value::Decimal),
            Literal::Integer => decimal::read(bytes, false).map(Value::Decimal),
            Literal::Float => float::read(text).map(Value::Float),
            Literal::Double => float::read(text).map(Value::Double),
            Literal::Duration => held(duration::read(bytes))?.map(Value::Duration),
            Literal::Instant(kind) => held(instant::read(bytes, kind))?.map(Value::Instant),
            Literal::Hex => binary::hex_octets(bytes).map(|_| Value::Hex(bytes)),
            Literal::Base64 => binary::base64_octets(bytes).map(|_| Value::Base64(bytes)),
            Literal::QName => match name::split_qname(text) {
                None => None,
                Some((prefix, local)) => Some(Value::Name(resolve(prefix, namespaces)?, local)),
            },
        };
        value.ok_or(Fault::new("cvc-datatype-valid.1.2.1", What::Literal(builtin.local_name())))
    }
}

/// What is too large to be held is a fault of its own.
fn held<T>(read: Result<T, Option<Capacity>>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(None) => Ok(None),
        Err(Some(Capacity { part, digits })) => {
            let what = What::Capacity { part, digits: digits as u64 };
            Err(Fault::new("cvc-datatype-valid.1.2.1", what))
        }
    }
}

fn resolve<'a>(prefix: &str, namespaces: &'a dyn Namespaces) -> Result<&'a str, Fault> {
    match namespaces.namespace(prefix) {
        Some(namespace) => Ok(namespace),
        None if prefix.is_empty() => Ok(""),
        // Bound by definition (Namespaces in XML §3), whether anybody lists it or not.
        None if prefix == "xml" => Ok("http://www.w3.org/XML/1998/namespace"),
        None => Err(Fault::new("cvc-datatype-valid.1.2.1", What::Prefix)),
    }
}
