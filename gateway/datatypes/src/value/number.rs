//! Digits at the beginning of a literal.

/// What is left of a literal while it is read.
#[derive(Copy, Clone)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    /// Takes a byte if it is the next one.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        match self.0 {
            [first, rest @ ..] if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes all digits that come next, maybe none.
    pub(crate) fn digits(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits
    }

    /// Takes exactly two digits.
    pub(crate) fn two_digits(&mut self) -> Option<u32> {
        match self.0 {
            [tens @ b'0'..=b'9', units @ b'0'..=b'9', rest @ ..] => {
                self.0 = rest;
                Some(u32::from(tens - b'0') * 10 + u32::from(units - b'0'))
            }
            _ => None,
        }
    }

    /// Takes a point and the digits after it, at least one; no digits when there is no point.
    pub(crate) fn fraction(&mut self) -> Option<&'a [u8]> {
        if !self.take(b'.') {
            return Some(&[]);
        }
        Some(self.digits()).filter(|digits| !digits.is_empty())
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// The most digits of a number that [`whole`] takes, leading zeros apart.
pub(crate) const MAX_DIGITS: usize = 18;

/// A number of at most [`MAX_DIGITS`] digits.
pub(crate) fn whole(digits: &[u8]) -> Option<i64> {
    let digits = super::fraction::without_leading_zeros(digits);
    if digits.len() > MAX_DIGITS {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}
