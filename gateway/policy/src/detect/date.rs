//! Full dates, in the western calendar and in that of the eras.

use super::token::{Era, Letters, Mark, Number, Token, Window};

/// Births and other events of people alive are in these years.
const YEARS: std::ops::RangeInclusive<u32> = 1850..=2100;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: u32,
    pub(crate) month: u32,
    pub(crate) day: u32,
}

/// A date that begins at the present token, and how many tokens it has.
pub(crate) fn date(window: &mut Window<'_>) -> Option<(Date, usize)> {
    match window.peek(0) {
        Token::Number(number) => {
            compact(window, number).or_else(|| year_first(window)).or_else(|| year_last(window))
        }
        Token::Kanji(_) => year_first(window),
        Token::Era(era) => of_era(window, era),
        Token::Letters(letters) => of_era(window, era_of(letters)?),
        _ => None,
    }
}

/// A year and a month without a day, as a value on its own: `1980-01`, `198001`, `1980年1月`, `昭和55年1月`.
pub(crate) fn year_month(value: &str) -> Option<(u32, u32)> {
    let mut window = Window::new(value.trim());
    let window = &mut window;
    if let (Token::Number(number), Token::End) = (window.peek(0), window.peek(1))
        && number.digits == 6
    {
        let (year, month) = (number.part(0, 4) as u32, number.part(4, 2) as u32);
        return (YEARS.contains(&year) && (1..=12).contains(&month)).then_some((year, month));
    }
    let (year, at) = match window.peek(0) {
        Token::Era(era) => era_year(window, era)?,
        Token::Letters(letters) => era_year(window, era_of(letters)?)?,
        _ => (number(window, 0, 4)?, 1),
    };
    let at = between(window, at, Mark::Year)?;
    let month = number(window, at, 2)?;
    let at = if window.peek(at + 1) == Token::Mark(Mark::Month) { at + 2 } else { at + 1 };
    let good = window.peek(at) == Token::End && YEARS.contains(&year) && (1..=12).contains(&month);
    good.then_some((year, month))
}

/// A value that is a date and nothing else.
pub(crate) fn whole(value: &str) -> Option<Date> {
    let mut window = Window::new(value.trim());
    let (date, length) = date(&mut window)?;
    (window.peek(length) == Token::End).then_some(date)
}

/// A date as seven digits, the first of which is the era's number (1 Meiji to 5 Reiwa): 3550102.
pub(crate) fn is_numbered_era(window: &mut Window<'_>) -> bool {
    let Token::Number(number) = window.peek(0) else { return false };
    let era = match number.part(0, 1) {
        1 => Era::Meiji,
        2 => Era::Taisho,
        3 => Era::Showa,
        4 => Era::Heisei,
        5 => Era::Reiwa,
        _ => return false,
    };
    number.digits == 7
        && !matches!(window.peek(1), Token::Letters(_))
        && in_era(era, number.part(1, 2) as u32)
            .is_some_and(|year| is_day(year, number.part(3, 2) as u32, number.part(5, 2) as u32).is_some())
}

/// 19800102. A `T` with a time may follow (ISO 8601 basic), no other letter.
fn compact(window: &mut Window<'_>, number: Number) -> Option<(Date, usize)> {
    let good = number.digits == 8
        && match window.peek(1) {
            Token::Letters(letters) => letters.is("T"),
            _ => true,
        };
    let part = |from, count| number.part(from, count) as u32;
    let date = is_day(part(0, 4), part(4, 2), part(6, 2)).filter(|_| good)?;
    Some((date, 1))
}

/// 1980-01-02, 1980/1/2, 1980.1.2, 1980年1月2日, 一九八〇年一月二日.
fn year_first(window: &mut Window<'_>) -> Option<(Date, usize)> {
    let year = number(window, 0, 4)?;
    month_and_day(window, year, 1)
}

/// 2/1/1980 and 1/2/1980: which one is the month does not matter to whether it is a day.
fn year_last(window: &mut Window<'_>) -> Option<(Date, usize)> {
    let one = digits(window, 0, 2)?;
    let at = separator(window, 1)?;
    let other = digits(window, at, 2)?;
    let at = separator(window, at + 1)?;
    let Token::Number(Number { digits: 4, value }) = window.peek(at) else { return None };
    let year = value as u32;
    let date = is_day(year, one, other).or_else(|| is_day(year, other, one))?;
    Some((date, at + 1))
}

fn of_era(window: &mut Window<'_>, era: Era) -> Option<(Date, usize)> {
    let at = 1 + usize::from(window.peek(1) == Token::Blank);
    // S550102
    if let Token::Number(number) = window.peek(at)
        && number.digits == 6
        && !matches!(window.peek(at + 1), Token::Letters(_))
    {
        let part = |from| number.part(from, 2) as u32;
        return Some((is_day(in_era(era, part(0))?, part(2), part(4))?, at + 1));
    }
    let (year, at) = era_year(window, era)?;
    month_and_day(window, year, at)
}

/// The year that is behind the name of an era, and where it ends.
fn era_year(window: &mut Window<'_>, era: Era) -> Option<(u32, usize)> {
    let at = 1 + usize::from(window.peek(1) == Token::Blank);
    let year = match window.peek(at) {
        Token::Mark(Mark::First) => 1,
        _ => number(window, at, 2)?,
    };
    Some((in_era(era, year)?, at + 1))
}

/// The rest of a date, from what stands behind its year on.
fn month_and_day(window: &mut Window<'_>, year: u32, at: usize) -> Option<(Date, usize)> {
    let at = between(window, at, Mark::Year)?;
    let month = number(window, at, 2)?;
    let at = between(window, at + 1, Mark::Month)?;
    let day = number(window, at, 2)?;
    let mut at = at + 1;
    if window.peek(at) == Token::Mark(Mark::Day) {
        at += 1;
    }
    Some((is_day(year, month, day)?, at))
}

/// A number of at most so many digits, in either writing.
fn number(window: &mut Window<'_>, at: usize, most: u32) -> Option<u32> {
    match window.peek(at) {
        Token::Kanji(value) => Some(value),
        _ => digits(window, at, most),
    }
}

fn digits(window: &mut Window<'_>, at: usize, most: u32) -> Option<u32> {
    match window.peek(at) {
        Token::Number(Number { digits, value }) if digits <= most => Some(value as u32),
        _ => None,
    }
}

/// What parts two numbers of a date, blanks around it included: its mark, or a separator. Where the next number is.
fn between(window: &mut Window<'_>, at: usize, mark: Mark) -> Option<usize> {
    let blank = usize::from(window.peek(at) == Token::Blank);
    if window.peek(at + blank) == Token::Mark(mark) {
        let behind = at + blank + 1;
        return Some(behind + usize::from(window.peek(behind) == Token::Blank));
    }
    separator(window, at)
}

fn separator(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let blank = usize::from(window.peek(at) == Token::Blank);
    match window.peek(at + blank) {
        Token::Hyphen | Token::Slash | Token::Dot | Token::MiddleDot => {
            let behind = at + blank + 1;
            Some(behind + usize::from(window.peek(behind) == Token::Blank))
        }
        _ if blank == 1 => Some(at + 1),
        _ => None,
    }
}

fn era_of(letters: Letters) -> Option<Era> {
    match (letters.length, letters.first[0]) {
        (1, b'M') => Some(Era::Meiji),
        (1, b'T') => Some(Era::Taisho),
        (1, b'S') => Some(Era::Showa),
        (1, b'H') => Some(Era::Heisei),
        (1, b'R') => Some(Era::Reiwa),
        _ => None,
    }
}

/// The western year of a year of an era, if the era has it.
fn in_era(era: Era, year: u32) -> Option<u32> {
    let (before, last) = match era {
        Era::Meiji => (1867, 45),
        Era::Taisho => (1911, 15),
        Era::Showa => (1925, 64),
        Era::Heisei => (1988, 31),
        Era::Reiwa => (2018, 99),
    };
    (1..=last).contains(&year).then_some(before + year)
}

fn is_day(year: u32, month: u32, day: u32) -> Option<Date> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    (YEARS.contains(&year) && (1..=days).contains(&day)).then_some(Date { year, month, day })
}
