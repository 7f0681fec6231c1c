//! Detectors over tables of what they must find and of what they must not, and over anything.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    detector: Detector,
    /// Values in which it must find its thing.
    found: Vec<String>,
    /// Near misses.
    missed: Vec<String>,
}

#[derive(Deserialize)]
struct Tables {
    table: Vec<Table>,
}

fn tables() -> Vec<Table> {
    let text = include_str!("../../tests/data/detectors.toml");
    toml::from_str::<Tables>(text).unwrap().table
}

#[test]
fn what_the_tables_say_is_found_and_nothing_else() {
    let mut seen = Detectors::default();
    let mut wrong = Vec::new();
    for table in tables() {
        let detectors: Detectors = [table.detector].into_iter().collect();
        seen = seen.and(detectors);
        assert!(table.found.len() >= 5 && table.missed.len() >= 5, "{}", table.detector.name());
        let should = table.found.iter().map(|value| (value, true));
        for (value, expected) in should.chain(table.missed.iter().map(|value| (value, false))) {
            if detectors.find(value).is_empty() == expected {
                wrong.push(format!("{}: {value:?} should be {expected}", table.detector.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen, Detector::ALL.into_iter().collect(), "every detector has a table");
}

#[test]
fn detectors_together_find_what_each_finds_alone() {
    let all: Detectors = Detector::ALL.into_iter().collect();
    for table in tables() {
        for value in table.found.iter().chain(&table.missed) {
            let alone = Detector::ALL.into_iter().filter(|&one| {
                let one: Detectors = [one].into_iter().collect();
                !one.find(value).is_empty()
            });
            assert_eq!(all.find(value), alone.collect(), "{value:?}");
        }
    }
}

/// The value in full width, where it has one.
fn widened(value: &str) -> String {
    value
        .chars()
        .map(|c| match c {
            ' ' => '\u{3000}',
            '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap(),
            c => c,
        })
        .collect()
}

#[test]
fn what_is_found_is_found_in_full_width_and_with_invisible_characters_too() {
    for table in tables() {
        let detectors: Detectors = [table.detector].into_iter().collect();
        for value in &table.found {
            let wide = widened(value);
            assert!(!detectors.find(&wide).is_empty(), "{}: {wide:?}", table.detector.name());
            if table.detector != Detector::PersonalName {
                let joined: String = value.chars().flat_map(|c| [c, '\u{200B}']).collect();
                assert!(!detectors.find(&joined).is_empty(), "{}: {value:?} joined", table.detector.name());
            }
        }
    }
}

#[test]
fn nothing_is_found_in_less_than_the_least() {
    let all: Detectors = Detector::ALL.into_iter().collect();
    for table in tables() {
        for value in table.found {
            assert!(value.len() >= usize::from(LEAST_BYTES), "{value:?} is shorter than what is looked at");
            assert!(!all.find(&value).is_empty());
        }
    }
}

#[test]
fn long_values_are_read_in_one_pass() {
    // Whatever is quadratic takes hours here; whatever is linear, some milliseconds.
    let all: Detectors = Detector::ALL.into_iter().collect();
    for piece in [
        "1", "1-", "1 ", "一", "S", "昭和", "a@", "a.", "丁", "1丁目", "(0", "+1", "０９", "山", "\u{200B}",
        "年",
    ] {
        let value = piece.repeat(400_000 / piece.len());
        let _ = all.find(&value);
    }
}

/// Characters that mean something to some detector, beside any.
fn characters() -> impl Strategy<Value = String> {
    let telling = prop::sample::select(
        "0123456789０１２３４５６７８９-－ー/.／．・ 　@＠+()（）年月日元丁目番地号の昭和平成令大正明治㍼㋿STHMRＳ一二三十百千〇都道府県市区町村郡山田太郎ヤマダﾔﾏﾀﾞ\u{200B}"
            .chars()
            .collect::<Vec<_>>(),
    );
    proptest::collection::vec(prop_oneof![9 => telling, 1 => any::<char>()], 0..40)
        .prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn any_value_has_a_verdict_and_no_detector_changes_that_of_another(value in characters()) {
        let all: Detectors = Detector::ALL.into_iter().collect();
        let together = all.find(&value);
        for detector in Detector::ALL {
            let alone: Detectors = [detector].into_iter().collect();
            prop_assert_eq!(alone.find(&value).has(detector), together.has(detector));
        }
    }

    #[test]
    fn a_house_is_cut_off_and_then_there_is_none(value in characters()) {
        if let Some(town) = address::town(&value) {
            prop_assert!(value.starts_with(town) && town.len() < value.len());
        }
    }

    #[test]
    fn a_day_is_a_day_in_every_writing(days in 0_u32..90_000) {
        // From 1868-01-25 on, the first day of Meiji.
        let (year, month, day) = civil(days);
        let finder: Detectors = [Detector::FullDate].into_iter().collect();
        let (era, letter, first) = match year {
            ..1912 => ("明治", 'M', 1867),
            1912..1926 => ("大正", 'T', 1911),
            1926..1989 => ("昭和", 'S', 1925),
            1989..2019 => ("平成", 'H', 1988),
            _ => ("令和", 'R', 2018),
        };
        prop_assume!(year <= 2100);
        let of_era = year - first;
        for written in [
            format!("{year:04}-{month:02}-{day:02}"),
            format!("{year}/{month}/{day}"),
            format!("{year}.{month:02}.{day:02}"),
            format!("{year:04}{month:02}{day:02}"),
            format!("{year}年{month}月{day}日"),
            format!("{year} 年 {month} 月 {day} 日生"),
            format!("{day}/{month}/{year}"),
            format!("{era}{of_era}年{month}月{day}日"),
            format!("{letter}{of_era}.{month}.{day}"),
            format!("{letter}{of_era:02}{month:02}{day:02}"),
            format!("{}{of_era}/{month}/{day}", era.chars().next().unwrap()),
            widened(&format!("{letter}{of_era}-{month}-{day}")),
        ] {
            prop_assert!(!finder.find(&written).is_empty(), "{}", written);
            if !written.contains("生") && !written.starts_with(&format!("{day}/")) {
                let date = date::whole(&written);
                prop_assert_eq!(date, Some(date::Date { year, month, day }), "{}", written);
            }
        }
        for coarse in [
            format!("{year:04}-{month:02}"),
            format!("{year:04}{month:02}"),
            format!("{year}年{month}月"),
            format!("{era}{of_era}年{month}月"),
        ] {
            prop_assert!(finder.find(&coarse).is_empty(), "{}", coarse);
            prop_assert_eq!(date::year_month(&coarse), Some((year, month)), "{}", coarse);
        }
    }
}

/// The day that is so many days after 1868-01-25.
fn civil(days: u32) -> (u32, u32, u32) {
    let (mut year, mut month, mut day) = (1868, 1, 25);
    let mut left = days;
    let length = |year: u32, month: u32| match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    while left > 0 {
        let rest = length(year, month) - day;
        if left <= rest {
            return (year, month, day + left);
        }
        left -= rest + 1;
        (day, month) = (1, month + 1);
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    (year, month, day)
}
