//! When an upstream wants to be asked again (RFC 9110 section 10.2.3).

use std::time::Duration;

use http::HeaderMap;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{PrimitiveDateTime, UtcDateTime};

/// The longest wait that is believed, in seconds: what says more is taken for this.
const LONGEST: u64 = 86_400;

/// The form that senders must use, and the two that recipients must know as well (RFC 9110 section 5.6.7): that of RFC 850,
/// here with the century in front of its year, and that of C's `asctime`.
const FORMS: [&[BorrowedFormatItem<'_>]; 3] = [
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"),
    format_description!("[weekday repr:long], [day]-[month repr:short]-[year] [hour]:[minute]:[second] GMT"),
    format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    ),
];

/// `Retry-After` in seconds or as a date, at most a day; what is neither is ignored.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        // A point in time: as far from the answer's own as it is, so that the two clocks need not agree.
        Err(_) => {
            let here = UtcDateTime::now();
            let date = headers.get(http::header::DATE);
            let said = date.and_then(|date| http_date(date.to_str().ok()?.trim(), here)).unwrap_or(here);
            u64::try_from((http_date(text, said)? - said).whole_seconds()).unwrap_or(0)
        }
    };
    Some(Duration::from_secs(seconds.min(LONGEST)))
}

/// A date of HTTP in any of its three forms. `now` tells in which century a year of two digits lies: at most 50 years ahead,
/// else in the past (RFC 9110 section 5.6.7).
fn http_date(text: &str, now: UtcDateTime) -> Option<UtcDateTime> {
    let [fixed, rfc850, asctime] = FORMS;
    if let Some((day, rest)) = text.rsplit_once('-') {
        let (year, time) = rest.split_at_checked(2)?;
        let year: i32 = year.bytes().all(|b| b.is_ascii_digit()).then(|| year.parse().ok())??;
        let mut year = now.year() / 100 * 100 + year;
        if year > now.year() + 50 {
            year -= 100;
        } else if year + 100 <= now.year() + 50 {
            year += 100;
        }
        return parse(&format!("{day}-{year:04}{time}"), rfc850);
    }
    parse(text, fixed).or_else(|| parse(text, asctime))
}

fn parse(text: &str, form: &[BorrowedFormatItem<'_>]) -> Option<UtcDateTime> {
    PrimitiveDateTime::parse(text, form).ok().map(PrimitiveDateTime::as_utc)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{DATE, RETRY_AFTER};

    use super::*;

    fn wait(value: &'static str, date: Option<&'static str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        retry_after(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn dates_are_known_in_all_three_forms() {
        let dates =
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
        let later =
            ["Sun, 06 Nov 1994 08:50:37 GMT", "Sunday, 06-Nov-94 08:50:37 GMT", "Sun Nov  6 08:50:37 1994"];
        for (value, date) in later.iter().flat_map(|value| dates.map(|date| (value, date))) {
            assert_eq!(wait(value, Some(date)), Some(60), "{value} at {date}");
        }
        for value in dates {
            assert_eq!(wait(value, Some(later[0])), Some(0), "{value}: it is over");
            assert_eq!(wait(value, None), Some(0), "{value}: long ago");
        }
        let date = Some("Mon Nov 14 08:49:37 1994");
        assert_eq!(wait("Mon Nov 14 08:49:40 1994", date), Some(3), "a day of two digits");
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        for (value, date, expected) in [
            ("Saturday, 06-Nov-76 08:50:37 GMT", "Fri, 06 Nov 2026 08:49:37 GMT", Some(LONGEST)),
            ("Sunday, 06-Nov-77 08:50:37 GMT", "Fri, 06 Nov 2026 08:49:37 GMT", Some(0)),
            ("Saturday, 01-Jan-00 00:00:10 GMT", "Fri, 31 Dec 1999 23:59:50 GMT", Some(20)),
        ] {
            assert_eq!(wait(value, Some(date)), expected, "{value} at {date}");
        }
    }

    #[test]
    fn what_is_no_date_is_ignored() {
        for value in [
            "",
            "soon",
            "-1",
            "1.5",
            "1994-11-06T08:50:37Z",
            "Sun, 06 Nov 1994 08:49:37 JST",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov-+4 08:49:37 GMT",
            "Sunday, 06-Nov-9",
            "Sun Nov 06 08:49:37 1994 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
        ] {
            assert_eq!(wait(value, Some("Sun, 06 Nov 1994 08:49:37 GMT")), None, "{value}");
        }
    }
}
