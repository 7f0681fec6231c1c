//! Facets as they are checked: those of a whole chain of restrictions, joined.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::fault::{Fault, Unit, What};
use crate::pattern::Pattern;
use crate::value::{Bound, Value};

/// What a value has to hold beside being a literal of its built-in type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    pub(crate) min_length: Option<Length>,
    pub(crate) max_length: Option<Length>,
    pub(crate) total_digits: Option<u64>,
    pub(crate) fraction_digits: Option<u64>,
    pub(crate) bounds: Vec<Limit>,
    /// Every one must match.
    pub(crate) patterns: Vec<Arc<Pattern>>,
    pub(crate) enumeration: Option<Arc<Enumeration>>,
}

/// A least or greatest length, and the facet that gives it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Length {
    pub(crate) facet: &'static str,
    pub(crate) bound: u64,
}

/// Which side a bound is on, and whether it is itself allowed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    MinInclusive,
    MinExclusive,
    MaxInclusive,
    MaxExclusive,
}

/// A bound.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) side: Side,
    /// As the schema writes it.
    pub(crate) literal: Arc<str>,
    pub(crate) value: Bound,
}

/// The values that a type may have.
#[derive(Clone, Debug)]
pub(crate) enum Enumeration {
    /// Texts, sorted: the values are their own literals.
    Texts(Vec<Box<str>>),
    /// Canonical bytes, sorted.
    Keys(Vec<Box<[u8]>>),
}

impl Enumeration {
    pub(crate) fn len(&self) -> usize {
        match self {
            Enumeration::Texts(texts) => texts.len(),
            Enumeration::Keys(keys) => keys.len(),
        }
    }

    pub(crate) fn holds_text(&self, text: &str) -> bool {
        match self {
            Enumeration::Texts(texts) => texts.binary_search_by(|held| (**held).cmp(text)).is_ok(),
            Enumeration::Keys(_) => false,
        }
    }

    pub(crate) fn holds_key(&self, key: &[u8]) -> bool {
        match self {
            Enumeration::Texts(_) => false,
            Enumeration::Keys(keys) => keys.binary_search_by(|held| (**held).cmp(key)).is_ok(),
        }
    }
}

impl Side {
    pub(crate) fn facet(self) -> &'static str {
        match self {
            Side::MinInclusive => "minInclusive",
            Side::MinExclusive => "minExclusive",
            Side::MaxInclusive => "maxInclusive",
            Side::MaxExclusive => "maxExclusive",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Side::MinInclusive => "cvc-minInclusive-valid",
            Side::MinExclusive => "cvc-minExclusive-valid",
            Side::MaxInclusive => "cvc-maxInclusive-valid",
            Side::MaxExclusive => "cvc-maxExclusive-valid",
        }
    }

    pub(crate) fn is_lower(self) -> bool {
        matches!(self, Side::MinInclusive | Side::MinExclusive)
    }

    /// Whether a value that compares so with the bound is within it; what cannot be compared is not.
    pub(crate) fn admits(self, order: Option<Ordering>) -> bool {
        match self {
            Side::MinInclusive => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Side::MinExclusive => order == Some(Ordering::Greater),
            Side::MaxInclusive => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Side::MaxExclusive => order == Some(Ordering::Less),
        }
    }
}

impl Checks {
    /// The facets that look at numbers and lengths of an atomic value.
    pub(crate) fn measure(&self, value: &Value<'_, &[u8]>) -> Result<(), Fault> {
        match value {
            Value::Text(text) => self.characters(text),
            Value::Hex(literal) => self.length(literal.len() as u64 / 2, Unit::Octets),
            Value::Base64(literal) => {
                let digits = literal.iter().filter(|byte| !matches!(byte, b' ' | b'=')).count() as u64;
                self.length(digits * 6 / 8, Unit::Octets)
            }
            Value::Decimal(number) => {
                self.digits("totalDigits", "cvc-totalDigits-valid", self.total_digits, || {
                    number.total_digits()
                })?;
                self.digits("fractionDigits", "cvc-fractionDigits-valid", self.fraction_digits, || {
                    number.fraction_digits()
                })?;
                self.within(value)
            }
            // Length facets of QName and NOTATION admit every value (part 2 §4.3.1.3 as corrected).
            Value::Name(..) | Value::Boolean(_) => Ok(()),
            _ => self.within(value),
        }
    }

    /// Lengths of text, which are counted only where bytes do not tell.
    fn characters(&self, text: &str) -> Result<(), Fault> {
        let bytes = text.len() as u64;
        // A character has one to four bytes.
        let long_enough = self.min_length.is_none_or(|min| bytes >= min.bound.saturating_mul(4));
        let short_enough = self.max_length.is_none_or(|max| bytes <= max.bound);
        if long_enough && short_enough {
            return Ok(());
        }
        self.length(text.chars().count() as u64, Unit::Characters)
    }

    /// The length facets on a length.
    pub(crate) fn length(&self, found: u64, unit: Unit) -> Result<(), Fault> {
        let short = self.min_length.filter(|min| found < min.bound);
        let broken = short.or(self.max_length.filter(|max| found > max.bound));
        let Some(Length { facet, bound }) = broken else { return Ok(()) };
        let code = match facet {
            "length" => "cvc-length-valid",
            "minLength" => "cvc-minLength-valid",
            _ => "cvc-maxLength-valid",
        };
        Err(Fault::new(code, What::Length { facet, bound, found, unit }))
    }

    fn digits(
        &self,
        facet: &'static str,
        code: &'static str,
        most: Option<u64>,
        count: impl Fn() -> u64,
    ) -> Result<(), Fault> {
        match most {
            Some(bound) if count() > bound => {
                Err(Fault::new(code, What::Digits { facet, bound, found: count() }))
            }
            _ => Ok(()),
        }
    }

    fn within(&self, value: &Value<'_, &[u8]>) -> Result<(), Fault> {
        let broken = self.bounds.iter().find(|limit| !limit.side.admits(value.order(&limit.value)));
        broken.map_or(Ok(()), |limit| {
            let what = What::Bound { facet: limit.side.facet(), bound: limit.literal.clone() };
            Err(Fault::new(limit.side.code(), what))
        })
    }

    /// The patterns, on the literal with its white space normalised.
    pub(crate) fn matches(&self, text: &str) -> Result<(), Fault> {
        match self.patterns.iter().find(|pattern| !pattern.matches(text)) {
            None => Ok(()),
            Some(pattern) => Err(Fault::new("cvc-pattern-valid", What::Pattern(pattern.source()))),
        }
    }

    /// The fault of a value that is none of those enumerated.
    pub(crate) fn not_enumerated(&self) -> Fault {
        let values = self.enumeration.as_ref().map_or(0, |enumeration| enumeration.len());
        Fault::new("cvc-enumeration-valid", What::Enumeration(values))
    }
}
