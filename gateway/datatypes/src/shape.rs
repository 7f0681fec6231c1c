//! Types whose whole check can be said in a few words, for readers that verify values in bulk.

use crate::checks::{Checks, Enumeration, Side};
use crate::literal::Literal;
use crate::types::{Body, SimpleType, Types};
use crate::value::{Bound, Value};
use crate::white_space::WhiteSpace;

/// The most literals of a shape.
const MAX_LITERALS: usize = 64;
/// Every number of so many digits is one of `u64`.
const MAX_DIGITS: u64 = 18;

/// A set of bytes.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct ByteClass(pub(crate) [u64; 4]);

impl ByteClass {
    /// Whether the set has the byte.
    #[inline]
    pub fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// The bytes of the set, in order.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|&byte| self.contains(byte))
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    pub(crate) fn of(bytes: impl Iterator<Item = u8>) -> ByteClass {
        let mut class = ByteClass::default();
        for byte in bytes {
            class.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        class
    }

    pub(crate) fn and(self, other: ByteClass) -> ByteClass {
        ByteClass(std::array::from_fn(|at| self.0[at] & other.0[at]))
    }

    fn without(self, bytes: &[u8]) -> ByteClass {
        let out = ByteClass::of(bytes.iter().copied());
        ByteClass(std::array::from_fn(|at| self.0[at] & !out.0[at]))
    }
}

/// Values that are valid for certain, told by their raw bytes. A value outside the shape may still be valid (white space
/// that collapses, signs, leading zeros, characters beyond ASCII): it has to be checked in full.
///
/// A class may have bytes that mean something else where the value stands, as `<` and `&` do in XML: the reader knows
/// them. It never has a carriage return, nor another control character than tab and line feed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Bytes of a class, all ASCII, between `min` and `max` of them; `max` is `None` without an upper bound.
    Bytes {
        /// The bytes.
        class: ByteClass,
        /// The least number of them.
        min: usize,
        /// The greatest number of them.
        max: Option<usize>,
    },
    /// One of these literals, sorted.
    Literals(Vec<Box<[u8]>>),
    /// A class of ASCII bytes for each place, as many as the value has bytes.
    Places(Vec<ByteClass>),
    /// Digits without sign, leading zero or white space, that make a number within the bounds, both inclusive.
    Digits {
        /// The least number.
        min: u64,
        /// The greatest number.
        max: u64,
    },
    /// Items of a shape with single spaces between them and none around; between `min` and `max` of them.
    List {
        /// Every item's shape: no list, and it takes neither nothing nor white space.
        item: Box<Shape>,
        /// The least number of items.
        min: usize,
        /// The greatest number of items.
        max: Option<usize>,
    },
}

impl Shape {
    /// Whether the bytes are of the shape.
    pub fn takes(&self, bytes: &[u8]) -> bool {
        let between =
            |count: usize, min: usize, max: Option<usize>| count >= min && max.is_none_or(|max| count <= max);
        match self {
            Shape::Bytes { class, min, max } => {
                between(bytes.len(), *min, *max) && bytes.iter().all(|&byte| class.contains(byte))
            }
            Shape::Literals(literals) => literals.iter().any(|literal| **literal == *bytes),
            Shape::Places(places) => {
                places.len() == bytes.len()
                    && places.iter().zip(bytes).all(|(class, &byte)| class.contains(byte))
            }
            Shape::Digits { min, max } => {
                let [first, rest @ ..] = bytes else { return false };
                let canonical = bytes.iter().all(u8::is_ascii_digit) && (*first != b'0' || rest.is_empty());
                if !canonical || bytes.len() as u64 > MAX_DIGITS {
                    return false;
                }
                let number = bytes.iter().fold(0, |number, byte| number * 10 + u64::from(byte - b'0'));
                (*min..=*max).contains(&number)
            }
            Shape::List { item, min, max } => {
                if bytes.is_empty() {
                    return *min == 0;
                }
                if let Shape::Bytes { class, min: 1, max: Some(1) } = **item {
                    // Items and spaces by turns.
                    let (pairs, last) = bytes.as_chunks::<2>();
                    return between(pairs.len() + 1, *min, *max)
                        && matches!(last, [byte] if class.contains(*byte))
                        && pairs.iter().all(|[byte, space]| *space == b' ' && class.contains(*byte));
                }
                let mut count = 0;
                let mut items = bytes.split(|&byte| byte == b' ').inspect(|_| count += 1);
                items.all(|text| item.takes(text)) && between(count, *min, *max)
            }
        }
    }

    /// The same for the items of a list, which are not empty and have no white space.
    fn of_item(&self) -> Option<Shape> {
        const SPACES: &[u8] = b" \t\n\r";
        match self {
            Shape::Bytes { class, min, max } => {
                Some(Shape::Bytes { class: class.without(SPACES), min: (*min).max(1), max: *max })
            }
            Shape::Literals(literals) => {
                let words = literals.iter().filter(|literal| {
                    !literal.is_empty() && !literal.iter().any(|byte| SPACES.contains(byte))
                });
                literals_of(words.cloned().collect())
            }
            Shape::Places(places) if places.is_empty() => None,
            Shape::Places(places) => {
                Some(Shape::Places(places.iter().map(|class| class.without(SPACES)).collect()))
            }
            Shape::Digits { .. } => Some(self.clone()),
            Shape::List { .. } => None,
        }
    }
}

/// The shape of a type.
pub(crate) fn of(types: &Types, simple: &SimpleType) -> Option<Shape> {
    match &simple.body {
        Body::Any | Body::Union(_) => None,
        Body::List(item, checks) => {
            if !checks.patterns.is_empty() || checks.enumeration.is_some() {
                return None;
            }
            let item = Box::new(types.get(*item).shape.as_ref()?.of_item()?);
            let (min, max) = lengths(checks)?;
            Some(Shape::List { item, min, max })
        }
        Body::Atomic(literal, checks) => match literal {
            Literal::Text | Literal::Nmtoken => text(*literal, simple, checks),
            Literal::Boolean if checks.patterns.is_empty() && checks.enumeration.is_none() => {
                literals_of(["0", "1", "false", "true"].map(|text| text.as_bytes().into()).to_vec())
            }
            Literal::Decimal | Literal::Integer => number(checks),
            Literal::Language | Literal::Name | Literal::NCName => enumerated(simple, checks),
            _ => None,
        },
    }
}

fn text(literal: Literal, simple: &SimpleType, checks: &Checks) -> Option<Shape> {
    if checks.enumeration.is_some() {
        return enumerated(simple, checks);
    }
    let (mut min, max) = lengths(checks)?;
    let class = match literal {
        Literal::Nmtoken => {
            min = min.max(1);
            ByteClass::of((0..0x80).filter(|&byte| crate::value::name::is_part(char::from(byte))))
        }
        _ => match simple.white_space {
            WhiteSpace::Preserve => ByteClass::of((b' '..0x7F).chain(*b"\t\n")),
            WhiteSpace::Replace => ByteClass::of(b' '..0x7F),
            WhiteSpace::Collapse => ByteClass::of(b'!'..0x7F),
        },
    };
    let fits = |length: usize| length >= min && max.is_none_or(|max| length <= max);
    match checks.patterns.as_slice() {
        [] => Some(Shape::Bytes { class, min, max }),
        [pattern] => match pattern.shape()? {
            Shape::Bytes { class: other, min: least, max: most } => {
                let max = match (max, *most) {
                    (Some(max), Some(most)) => Some(max.min(most)),
                    (max, most) => max.or(most),
                };
                Some(Shape::Bytes { class: class.and(*other), min: min.max(*least), max })
            }
            Shape::Places(places) if fits(places.len()) => {
                Some(Shape::Places(places.iter().map(|place| place.and(class)).collect()))
            }
            Shape::Literals(literals) => {
                let within = literals
                    .iter()
                    .filter(|text| fits(text.len()) && text.iter().all(|&byte| class.contains(byte)));
                literals_of(within.cloned().collect())
            }
            _ => None,
        },
        _ => None,
    }
}

/// The values of an enumeration of texts, as far as the other facets let them pass.
fn enumerated(simple: &SimpleType, checks: &Checks) -> Option<Shape> {
    let Some(Enumeration::Texts(texts)) = checks.enumeration.as_deref() else { return None };
    if texts.len() > MAX_LITERALS {
        return None;
    }
    let valid = texts.iter().filter(|text| {
        let stays = simple.white_space.normalise(text) == text.as_ref() && !text.contains('\r');
        stays && checks.measure(&Value::Text(text)).is_ok() && checks.matches(text).is_ok()
    });
    literals_of(valid.map(|text| text.as_bytes().into()).collect())
}

/// Literals, or what says them shorter.
pub(crate) fn literals_of(mut literals: Vec<Box<[u8]>>) -> Option<Shape> {
    if literals.is_empty() || literals.len() > MAX_LITERALS {
        return None;
    }
    if literals.iter().all(|literal| matches!(**literal, [0..0x80])) {
        let class = ByteClass::of(literals.iter().map(|literal| literal[0]));
        return Some(Shape::Bytes { class, min: 1, max: Some(1) });
    }
    literals.sort_unstable();
    literals.dedup();
    Some(Shape::Literals(literals))
}

/// Numbers that are not negative and have no fraction.
fn number(checks: &Checks) -> Option<Shape> {
    if !checks.patterns.is_empty() || checks.enumeration.is_some() {
        return None;
    }
    let most_digits = checks.total_digits.unwrap_or(MAX_DIGITS).min(MAX_DIGITS);
    let (mut min, mut max) = (0, 10_u64.pow(most_digits as u32) - 1);
    for limit in &checks.bounds {
        let Bound::Decimal(bound) = &limit.value else { return None };
        if !bound.fraction.is_empty() {
            return None;
        }
        let number = match bound.whole.len() as u64 > MAX_DIGITS {
            true => None,
            false => Some(bound.whole.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))),
        };
        match (limit.side, bound.negative, number) {
            (side, true, _) if side.is_lower() => {}
            (_, true, _) => return None,
            (side, false, None) if side.is_lower() => return None,
            (_, false, None) => {}
            (Side::MinInclusive, false, Some(number)) => min = min.max(number),
            (Side::MinExclusive, false, Some(number)) => min = min.max(number + 1),
            (Side::MaxInclusive, false, Some(number)) => max = max.min(number),
            (Side::MaxExclusive, false, Some(number)) => max = max.min(number.checked_sub(1)?),
        }
    }
    (min <= max).then_some(Shape::Digits { min, max })
}

fn lengths(checks: &Checks) -> Option<(usize, Option<usize>)> {
    let min = checks.min_length.map_or(Some(0), |min| usize::try_from(min.bound).ok())?;
    let max = checks.max_length.map(|max| usize::try_from(max.bound).unwrap_or(usize::MAX));
    max.is_none_or(|max| min <= max).then_some((min, max))
}
