//! `decimal` (part 2 §3.2.3), of any length.

use std::cmp::Ordering;

use super::fraction::{without_leading_zeros, without_trailing_zeros};
use super::number::Cursor;

/// A decimal number by its digits. Zero has none, and no sign.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal<D> {
    pub(crate) negative: bool,
    /// Without leading zeros.
    pub(crate) whole: D,
    /// Without trailing zeros.
    pub(crate) fraction: D,
}

/// A literal of decimal; of integer too, when `fraction` is false: then it has no point.
pub(crate) fn read(literal: &[u8], fraction: bool) -> Option<Decimal<&[u8]>> {
    let mut rest = Cursor(literal);
    let negative = rest.take(b'-');
    if !negative {
        rest.take(b'+');
    }
    let whole = rest.digits();
    let point = fraction && rest.take(b'.');
    let places: &[u8] = if point { rest.digits() } else { &[] };
    if !rest.is_empty() || (whole.is_empty() && places.is_empty()) {
        return None;
    }
    let (whole, fraction) = (without_leading_zeros(whole), without_trailing_zeros(places));
    let negative = negative && !(whole.is_empty() && fraction.is_empty());
    Some(Decimal { negative, whole, fraction })
}

impl<D: AsRef<[u8]>> Decimal<D> {
    pub(crate) fn as_ref(&self) -> Decimal<&[u8]> {
        Decimal { negative: self.negative, whole: self.whole.as_ref(), fraction: self.fraction.as_ref() }
    }

    pub(crate) fn to_owned(&self) -> Decimal<Box<[u8]>> {
        Decimal {
            negative: self.negative,
            whole: self.whole.as_ref().into(),
            fraction: self.fraction.as_ref().into(),
        }
    }

    /// The least `totalDigits` that the value fits (part 2 §4.3.11): i × 10^-n with |i| below its power of ten, and n
    /// no greater than it.
    pub(crate) fn total_digits(&self) -> u64 {
        (self.whole.as_ref().len() + self.fraction.as_ref().len()) as u64
    }

    pub(crate) fn fraction_digits(&self) -> u64 {
        self.fraction.as_ref().len() as u64
    }

    pub(crate) fn order<E: AsRef<[u8]>>(&self, other: &Decimal<E>) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => self.magnitude(other).reverse(),
        }
    }

    fn magnitude<E: AsRef<[u8]>>(&self, other: &Decimal<E>) -> Ordering {
        let (whole, other_whole) = (self.whole.as_ref(), other.whole.as_ref());
        // Without leading zeros the longer number is the greater one; fractions are ordered as their digits are.
        whole
            .len()
            .cmp(&other_whole.len())
            .then_with(|| whole.cmp(other_whole))
            .then_with(|| self.fraction.as_ref().cmp(other.fraction.as_ref()))
    }
}
