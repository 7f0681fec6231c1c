//! `duration` (part 2 §3.2.6).

use std::cmp::Ordering;

use super::Capacity;
use super::fraction::{Fraction, without_trailing_zeros};
use super::instant::days;
use super::number::{Cursor, MAX_DIGITS, whole};

/// Months and seconds of one sign; nothing is negative nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duration<D> {
    pub(crate) negative: bool,
    pub(crate) months: i128,
    pub(crate) seconds: i128,
    /// Digits after the point of the seconds, without trailing zeros.
    pub(crate) fraction: D,
}

/// `-?PnYnMnDTnHnMnS`, where at least one part is there, and one after `T`.
pub(crate) fn read(literal: &[u8]) -> Result<Duration<&[u8]>, Option<Capacity>> {
    const UNITS: [(u8, bool, i128, i128); 6] = [
        (b'Y', false, 12, 0),
        (b'M', false, 1, 0),
        (b'D', false, 0, 86_400),
        (b'H', true, 0, 3_600),
        (b'M', true, 0, 60),
        (b'S', true, 0, 1),
    ];
    let mut rest = Cursor(literal);
    let negative = rest.take(b'-');
    if !rest.take(b'P') || rest.is_empty() {
        return Err(None);
    }
    let (mut months, mut seconds, mut fraction) = (0, 0, &[][..]);
    let mut in_time = rest.take(b'T');
    let mut next = 0;
    loop {
        let digits = rest.digits();
        if digits.is_empty() {
            return Err(None);
        }
        let places = rest.fraction().ok_or(None)?;
        let designator = rest.0.first().copied().ok_or(None)?;
        rest.0 = &rest.0[1..];
        let left = UNITS.iter().enumerate().skip(next);
        let unit = left.clone().find(|(_, unit)| unit.0 == designator && unit.1 == in_time);
        let (at, &(_, _, in_months, in_seconds)) = unit.ok_or(None)?;
        next = at + 1;
        if !places.is_empty() {
            if designator != b'S' {
                return Err(None);
            }
            fraction = without_trailing_zeros(places);
        }
        let number =
            i128::from(whole(digits).ok_or(Some(Capacity { part: "duration", digits: MAX_DIGITS }))?);
        months += number * in_months;
        seconds += number * in_seconds;
        if rest.is_empty() {
            break;
        }
        if !in_time && rest.take(b'T') {
            in_time = true;
        }
    }
    let negative = negative && !(months == 0 && seconds == 0 && fraction.is_empty());
    Ok(Duration { negative, months, seconds, fraction })
}

impl<D: AsRef<[u8]>> Duration<D> {
    pub(crate) fn as_ref(&self) -> Duration<&[u8]> {
        Duration {
            negative: self.negative,
            months: self.months,
            seconds: self.seconds,
            fraction: self.fraction.as_ref(),
        }
    }

    pub(crate) fn to_owned(&self) -> Duration<Box<[u8]>> {
        Duration {
            negative: self.negative,
            months: self.months,
            seconds: self.seconds,
            fraction: self.fraction.as_ref().into(),
        }
    }

    /// The order that four dates give alike to their sums with both durations (part 2 §3.2.6.2); otherwise none.
    pub(crate) fn order<E: AsRef<[u8]>>(&self, other: &Duration<E>) -> Option<Ordering> {
        const FROM: [(i128, i128); 4] = [(1696, 9), (1697, 2), (1903, 3), (1903, 7)];
        let mut orders = FROM.iter().map(|&from| {
            let ((seconds, fraction), (others, other_fraction)) = (self.after(from), other.after(from));
            seconds.cmp(&others).then_with(|| fraction.order(other_fraction))
        });
        let first = orders.next()?;
        orders.all(|order| order == first).then_some(first)
    }

    /// The instant that the duration ends when it begins with the first day of a month.
    fn after(&self, (year, month): (i128, i128)) -> (i128, Fraction<'_>) {
        let fraction = self.fraction.as_ref();
        let (months, (seconds, fraction)) = match self.negative {
            false => (self.months, (self.seconds, Fraction::of(fraction))),
            true => (-self.months, Fraction::negated(self.seconds, fraction)),
        };
        let months = year * 12 + month - 1 + months;
        (days(months.div_euclid(12), months.rem_euclid(12) + 1, 1) * 86_400 + seconds, fraction)
    }
}
