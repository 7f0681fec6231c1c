//! `dateTime`, `time`, `date` and their parts (part 2 §3.2.7 to §3.2.14), all as the instant at which they begin.

use std::cmp::Ordering;

use super::Capacity;
use super::fraction::{Fraction, without_trailing_zeros};
use super::number::{Cursor, MAX_DIGITS, whole};

/// An instant. With a time zone it is one of UTC; without, one of nobody knows which.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instant<D> {
    pub(crate) zoned: bool,
    /// From the beginning of 1970.
    pub(crate) seconds: i128,
    /// Digits after the point of the seconds, without trailing zeros.
    pub(crate) fraction: D,
}

/// Which parts a literal has.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    DateTime,
    Time,
    Date,
    YearMonth,
    Year,
    MonthDay,
    Day,
    Month,
}

const DAY: i128 = 86_400;
/// The furthest from UTC that a time zone may be, 14 hours, in seconds.
const FURTHEST: i128 = 14 * 3_600;

/// A literal of the kind.
pub(crate) fn read(literal: &[u8], kind: Kind) -> Result<Instant<&[u8]>, Option<Capacity>> {
    let mut rest = Cursor(literal);
    // Parts that a kind does not have are those of the last month of a leap year with 31 days.
    let (mut year, mut month, mut day) = (1972, 12, 1);
    let (mut seconds, mut fraction) = (0, &[][..]);
    match kind {
        Kind::DateTime | Kind::Date | Kind::YearMonth | Kind::Year => {
            year = read_year(&mut rest)?;
            if kind != Kind::Year {
                month = part(&mut rest, "-")?;
            }
            if matches!(kind, Kind::DateTime | Kind::Date) {
                day = part(&mut rest, "-")?;
            }
        }
        Kind::MonthDay => (month, day) = (part(&mut rest, "--")?, part(&mut rest, "-")?),
        Kind::Month => month = part(&mut rest, "--")?,
        Kind::Day => day = part(&mut rest, "---")?,
        Kind::Time => {}
    }
    if !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return Err(None);
    }
    if kind == Kind::DateTime && !rest.take(b'T') {
        return Err(None);
    }
    if matches!(kind, Kind::DateTime | Kind::Time) {
        (seconds, fraction) = time_of_day(&mut rest).ok_or(None)?;
        if kind == Kind::Time {
            // The end of the day is its beginning.
            seconds %= 86_400;
        }
    }
    let offset = time_zone(&mut rest).ok_or(None)?;
    if !rest.is_empty() {
        return Err(None);
    }
    // 1 is the year after -1 (§3.2.7), though leap years are counted by the number (appendix E): the days of a year 0
    // that was not are taken out.
    let missing = if year < 0 { 366 } else { 0 };
    let days = days(i128::from(year), i128::from(month), i128::from(day)) + missing;
    let seconds = days * DAY + i128::from(seconds) - i128::from(offset.unwrap_or(0));
    Ok(Instant { zoned: offset.is_some(), seconds, fraction })
}

/// At least four digits, no more than needed beyond four, not 0000, maybe negative.
fn read_year(rest: &mut Cursor<'_>) -> Result<i64, Option<Capacity>> {
    let negative = rest.take(b'-');
    let digits = rest.digits();
    if digits.len() < 4 || (digits.len() > 4 && digits[0] == b'0') {
        return Err(None);
    }
    match whole(digits) {
        Some(0) => Err(None),
        Some(year) => Ok(if negative { -year } else { year }),
        None => Err(Some(Capacity { part: "year", digits: MAX_DIGITS })),
    }
}

/// Two digits after a mark.
fn part(rest: &mut Cursor<'_>, mark: &str) -> Result<u32, Option<Capacity>> {
    if !mark.bytes().all(|byte| rest.take(byte)) {
        return Err(None);
    }
    rest.two_digits().ok_or(None)
}

/// `hh:mm:ss` with any fraction; 24:00:00 is the end of the day.
fn time_of_day<'a>(rest: &mut Cursor<'a>) -> Option<(u32, &'a [u8])> {
    let hour = rest.two_digits()?;
    let minute = rest.take(b':').then(|| rest.two_digits())??;
    let second = rest.take(b':').then(|| rest.two_digits())??;
    let fraction = without_trailing_zeros(rest.fraction()?);
    let end = hour == 24 && minute == 0 && second == 0 && fraction.is_empty();
    ((hour < 24 && minute < 60 && second < 60) || end)
        .then_some((hour * 3_600 + minute * 60 + second, fraction))
}

/// Seconds east of UTC; `Some(None)` when there is no time zone.
fn time_zone(rest: &mut Cursor<'_>) -> Option<Option<i32>> {
    if rest.is_empty() {
        return Some(None);
    }
    if rest.take(b'Z') {
        return Some(Some(0));
    }
    let west = rest.take(b'-');
    if !west && !rest.take(b'+') {
        return None;
    }
    let hours = rest.two_digits()?;
    let minutes = rest.take(b':').then(|| rest.two_digits())??;
    if minutes > 59 || hours * 60 + minutes > 14 * 60 {
        return None;
    }
    // At most 50,400.
    let seconds = (hours * 3_600 + minutes * 60) as i32;
    Some(Some(if west { -seconds } else { seconds }))
}

/// Part 2 appendix E, by the year's number.
fn days_of_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from the beginning of 1970 to a day of the proleptic Gregorian calendar, where 0 is a year.
pub(crate) fn days(year: i128, month: i128, day: i128) -> i128 {
    // Years that begin with March have their leap day last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl<D: AsRef<[u8]>> Instant<D> {
    pub(crate) fn as_ref(&self) -> Instant<&[u8]> {
        Instant { zoned: self.zoned, seconds: self.seconds, fraction: self.fraction.as_ref() }
    }

    pub(crate) fn to_owned(&self) -> Instant<Box<[u8]>> {
        Instant { zoned: self.zoned, seconds: self.seconds, fraction: self.fraction.as_ref().into() }
    }

    /// Order (part 2 §3.2.7.4): one of two has a time zone, then only if every time zone of the other gives it.
    pub(crate) fn order<E: AsRef<[u8]>>(&self, other: &Instant<E>) -> Option<Ordering> {
        let compare = |shift: i128| {
            let whole = (self.seconds + shift).cmp(&other.seconds);
            whole.then_with(|| {
                Fraction::of(self.fraction.as_ref()).order(Fraction::of(other.fraction.as_ref()))
            })
        };
        if self.zoned == other.zoned {
            return Some(compare(0));
        }
        let (earliest, latest) = (compare(-FURTHEST), compare(FURTHEST));
        (earliest == latest && earliest != Ordering::Equal).then_some(earliest)
    }
}
