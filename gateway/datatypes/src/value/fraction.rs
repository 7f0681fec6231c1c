//! Fractions of a second, as exact as they are written.

use std::cmp::Ordering;

/// A fraction at least 0 and less than 1 by its decimal digits, which do not end in 0: either these, or what they lack
/// to 1.
#[derive(Copy, Clone)]
pub(crate) struct Fraction<'a> {
    digits: &'a [u8],
    complement: bool,
}

impl<'a> Fraction<'a> {
    pub(crate) fn of(digits: &'a [u8]) -> Fraction<'a> {
        Fraction { digits, complement: false }
    }

    /// Whole seconds, towards negative infinity, and what is left, of minus `seconds` and `digits`.
    pub(crate) fn negated(seconds: i128, digits: &'a [u8]) -> (i128, Fraction<'a>) {
        match digits.is_empty() {
            true => (-seconds, Fraction::of(digits)),
            false => (-seconds - 1, Fraction { digits, complement: true }),
        }
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        // 1 - 0.d1d2…dn has 9 - d in every place but the last, where it has 10 - d; dn is not 0, so neither is that.
        let last = self.digits.len().wrapping_sub(1);
        self.digits.iter().enumerate().map(move |(at, &digit)| match self.complement {
            false => digit,
            true => b'0' + (if at == last { 10 } else { 9 }) - (digit - b'0'),
        })
    }

    /// The order of two of them: that of their digits, since none ends in 0.
    pub(crate) fn order(self, other: Fraction<'_>) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

/// Digits without the zeros at their end.
pub(crate) fn without_trailing_zeros(digits: &[u8]) -> &[u8] {
    let end = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |at| at + 1);
    &digits[..end]
}

/// Digits without the zeros at their beginning.
pub(crate) fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let start = digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
    &digits[start..]
}
