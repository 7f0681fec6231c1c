//! Coarse forms: whether a value has one, and how it is cut to it.

use std::fmt::Write as _;

use crate::detect::address;
use crate::detect::date;
use crate::spec::Form;

/// Whether the value is as coarse as the form. An empty one is.
pub(crate) fn has(value: &str, form: Form, keep: u32) -> bool {
    if value.is_empty() {
        return true;
    }
    match form {
        Form::Year => is_year(value),
        Form::YearMonth => value.len() == 6 && year_month(value).is_some(),
        Form::YearMonthHyphen => {
            value.len() == 7 && value.as_bytes().get(4) == Some(&b'-') && year_month(value).is_some()
        }
        Form::Town => address::house(value).is_none(),
        Form::Zeros => value.chars().skip(keep as usize).all(|c| c == '0'),
    }
}

/// Appends the value as the form has it to `out`; `false`, and nothing appended, where it says nothing that can be cut so.
pub(crate) fn cut(value: &str, form: Form, keep: u32, out: &mut String) -> bool {
    if has(value, form, keep) {
        out.push_str(value);
        return true;
    }
    // Writing to a text cannot fail.
    match form {
        Form::Year => match year_and_month(value) {
            Some((year, _)) => {
                let _ = write!(out, "{year:04}");
                true
            }
            None => false,
        },
        Form::YearMonth | Form::YearMonthHyphen => match date_or_month(value) {
            Some((year, month)) => {
                let hyphen = if form == Form::YearMonthHyphen { "-" } else { "" };
                let _ = write!(out, "{year:04}{hyphen}{month:02}");
                true
            }
            None => false,
        },
        Form::Town => match address::town(value) {
            // What is left may name a house again, by a number before: nothing is taken for a town that does.
            Some(town) if address::house(town).is_none() => {
                out.push_str(town);
                true
            }
            _ => false,
        },
        Form::Zeros => {
            let kept = value.char_indices().nth(keep as usize).map_or(value.len(), |(at, _)| at);
            out.push_str(&value[..kept]);
            out.extend(value[kept..].chars().map(|_| '0'));
            true
        }
    }
}

/// The year that a value begins with, and the month where it says one: a year alone, a year and a month, or a date.
pub(crate) fn year_and_month(value: &str) -> Option<(u32, Option<u32>)> {
    if is_year(value) {
        return value.parse().ok().map(|year| (year, None));
    }
    date_or_month(value).map(|(year, month)| (year, Some(month)))
}

fn date_or_month(value: &str) -> Option<(u32, u32)> {
    year_month(value).or_else(|| date::whole(value).map(|date| (date.year, date.month)))
}

fn year_month(value: &str) -> Option<(u32, u32)> {
    date::year_month(value)
}

fn is_year(value: &str) -> bool {
    value.len() == 4 && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether somebody born then is older than `most` on the base date, as far as both say; `None` where one cannot be read.
pub(crate) fn is_older(birth: &str, month: Option<&str>, base: &str, most: u32) -> Option<bool> {
    let (year, own_month) = year_and_month(birth)?;
    let month = match month {
        Some(month) => Some(month.parse().ok().filter(|month| (1..=12).contains(month))?),
        None => own_month,
    };
    let (base_year, base_month) = year_and_month(base)?;
    // In the month of the birthday the day decides, which is not known: whoever may be so old counts as so old.
    let before_birthday =
        matches!((month, base_month), (Some(month), Some(base_month)) if month > base_month);
    let age = base_year.saturating_sub(year).saturating_sub(u32::from(before_birthday));
    Some(age > most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_to_their_form_or_refused() {
        for (form, keep, value, cut_to) in [
            (Form::Year, 0, "1980", Some("1980")),
            (Form::Year, 0, "198001", Some("1980")),
            (Form::Year, 0, "昭和55年1月2日", Some("1980")),
            (Form::Year, 0, "80", None),
            (Form::YearMonth, 0, "19800102", Some("198001")),
            (Form::YearMonth, 0, "1980-01-02", Some("198001")),
            (Form::YearMonth, 0, "S55.1.2", Some("198001")),
            (Form::YearMonth, 0, "1980年1月", Some("198001")),
            (Form::YearMonth, 0, "198013", None),
            (Form::YearMonth, 0, "1980", None),
            (Form::YearMonth, 0, "19800102 x", None),
            (Form::YearMonthHyphen, 0, "令和元年5月1日", Some("2019-05")),
            (Form::YearMonthHyphen, 0, "2019-05", Some("2019-05")),
            (Form::Town, 0, "千葉市中央区千葉港1-1", Some("千葉市中央区千葉港")),
            (Form::Town, 0, "千葉港1丁目2番3号", Some("千葉港1丁目")),
            (Form::Town, 0, "千葉港1丁目", Some("千葉港1丁目")),
            (Form::Town, 0, "12番地", None),
            (Form::Zeros, 0, "12345", Some("00000")),
            (Form::Zeros, 10, "121011234500001000", Some("121011234500000000")),
            (Form::Zeros, 10, "1", Some("1")),
            (Form::YearMonth, 0, "", Some("")),
        ] {
            let mut out = String::new();
            let done = cut(value, form, keep, &mut out);
            assert_eq!(done.then_some(out.as_str()), cut_to, "{form:?} {value}");
            assert!(!done || has(&out, form, keep), "{form:?} {value}");
            assert_eq!(has(value, form, keep), cut_to == Some(value), "{form:?} {value}");
        }
    }

    #[test]
    fn an_age_is_extreme_from_the_birthdays_month_on() {
        for (birth, month, base, older) in [
            ("1916", Some("10"), "20161001", Some(true)),
            ("1916", Some("11"), "20161001", Some(false)),
            ("1917", Some("1"), "20161001", Some(false)),
            ("1916", None, "2016", Some(true)),
            ("191609", None, "2016-10-01", Some(true)),
            ("1916", Some("13"), "20161001", None),
            ("16", None, "20161001", None),
            ("1916", None, "soon", None),
        ] {
            assert_eq!(is_older(birth, month, base, 99), older, "{birth} {month:?} {base}");
        }
    }
}
