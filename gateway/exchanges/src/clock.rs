//! Times as the log has them: UTC, milliseconds, RFC 3339.

use std::time::{SystemTime, UNIX_EPOCH};

/// The present in unix milliseconds.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes of a time.
const LENGTH: usize = "2026-11-22T09:00:00.123Z".len();
/// The last millisecond that four digits of a year can say.
const LAST: u64 = 253_402_300_799_999;
const DAY: u64 = 86_400_000;

/// Writes a time, such as `2026-11-22T09:00:00.123Z`. What lies behind the year 9999 becomes its last moment.
pub(crate) fn write(millis: u64, out: &mut Vec<u8>) {
    let millis = millis.min(LAST);
    let (days, within) = (millis / DAY, millis % DAY);
    let (year, month, day) = date(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let seconds = within / 1_000;
    for (at, digits, number) in [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, seconds / 3_600),
        (14, 2, seconds / 60 % 60),
        (17, 2, seconds % 60),
        (20, 3, within % 1_000),
    ] {
        put(&mut text, at, digits, number);
    }
    out.extend_from_slice(&text);
}

fn put(text: &mut [u8; LENGTH], at: usize, digits: usize, mut number: u64) {
    for digit in text[at..at + digits].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The day of the Gregorian calendar that many days after 1970-01-01, by eras of 400 years that begin in March.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A moment as people write it, with at least its day: `2026-11-22`, `2026-11-22T09:00`, `…:00`, `….123`, `Z` behind it or not.
/// Always UTC. The rest of it is zero.
pub fn moment(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let pattern = b"0000-00-00T00:00:00.000";
    let fits = matches!(text.len(), 10 | 16 | 19 | 23)
        && text.bytes().zip(pattern).all(|(found, wanted)| match wanted {
            b'0' => found.is_ascii_digit(),
            other => found == *other,
        });
    if !fits {
        return None;
    }
    let part = |at: usize, digits: usize| -> Option<u64> {
        text.get(at..at + digits).map_or(Some(0), |digits| digits.parse().ok())
    };
    let (year, month, day) = (part(0, 4)?, part(5, 2)?, part(8, 2)?);
    let (hour, minute, second, milli) = (part(11, 2)?, part(14, 2)?, part(17, 2)?, part(20, 3)?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let from_march = if month > 2 { month.checked_sub(3)? } else { month + 9 };
    let years = year - u64::from(month <= 2);
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (153 * from_march + 2) / 5 + day;
    let days = days.checked_sub(719_469)?;
    // A day that the month does not have is another day.
    (date(days) == (year, month, day))
        .then_some(days * DAY + ((hour * 60 + minute) * 60 + second) * 1_000 + milli)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test says so by failing

    use proptest::prelude::*;

    use super::*;

    fn written(millis: u64) -> String {
        let mut out = Vec::new();
        write(millis, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn days_that_calendars_stumble_over() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_123, "2024-02-29T00:00:00.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (LAST, "9999-12-31T23:59:59.999Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(written(millis), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in 0..=LAST) {
            prop_assert_eq!(moment(&written(millis)), Some(millis));
        }
    }

    #[test]
    fn moments_may_be_short_and_must_be_real() {
        assert_eq!(moment("2026-11-22"), moment("2026-11-22T00:00:00.000Z"));
        assert_eq!(moment("2026-11-22T09:30Z"), moment("2026-11-22T09:30:00"));
        for wrong in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "1969-12-31",
            "2026-11-22T24:00",
            "2026-11-22 09:00",
            "2026-11-2２",
        ] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
