//! The generated data keep to what they promise.

use super::*;

fn generated(change: impl FnOnce(&mut Options)) -> String {
    let mut options = Options { records: 400, ..Options::default() };
    change(&mut options);
    let mut out = Vec::new();
    write(&options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn table() -> Vec<Vec<String>> {
    let text = generated(|options| options.records = 5000);
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    for layout in
        [LayoutName::Attributes, LayoutName::Differential, LayoutName::Household, LayoutName::Orders]
    {
        let with = |seed| {
            generated(|options| {
                (options.layout, options.seed, options.format) = (layout, seed, Form::Ndjson);
            })
        };
        assert_eq!(with(7), with(7));
        assert_ne!(with(7), with(8));
    }
}

#[test]
fn a_longer_file_begins_with_the_shorter_one() {
    let short = generated(|options| options.records = 10);
    let long = generated(|options| options.records = 20);
    assert!(long.starts_with(&short));
}

#[test]
fn no_record_tells_more_than_it_may() {
    let table = table();
    assert_eq!(table[0].len(), 168);
    let mut keys = std::collections::HashSet::new();
    let mut extreme = 0;
    for row in &table[1..] {
        assert_eq!(row.len(), 168);
        assert!(keys.insert(row[0].clone()), "the key is unique");
        // Year and month of birth: no day; neither at an extreme age.
        let oldest = row[109] == "1";
        extreme += usize::from(oldest && row[3].is_empty());
        assert_eq!(row[3].is_empty(), row[4].is_empty());
        if let Ok(year) = row[3].parse::<u32>() {
            assert!((2026 - 94..=2026).contains(&year), "{year}");
        }
        assert_eq!(row[7], "0".repeat(20), "no address below the town");
        assert!(row[104..109].iter().all(|flag| flag == "0"), "nobody between 95 and 99");
        for birth in &row[138..141] {
            assert!(birth.is_empty() || birth.len() == 6, "a child's birth has no day");
        }
    }
    assert!(extreme > 0, "some are of an extreme age, and their birth is left out");
}

#[test]
fn a_bad_record_is_the_one_asked_for() {
    let good = generated(|_| {});
    let bad = generated(|options| options.bad_record = vec![3]);
    let differing: Vec<usize> =
        good.lines().zip(bad.lines()).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
    assert_eq!(differing, [3]);
    assert_eq!(bad.lines().nth(3).unwrap().split(',').nth(2), Some("9"));
}

#[test]
fn every_format_holds_every_record() {
    for layout in
        [LayoutName::Attributes, LayoutName::Differential, LayoutName::Household, LayoutName::Orders]
    {
        for format in [Form::Json, Form::Ndjson] {
            let text = generated(|options| (options.layout, options.format) = (layout, format));
            let records: Vec<serde_json::Value> = match format {
                Form::Json => serde_json::from_str(&text).unwrap(),
                _ => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            };
            assert_eq!(records.len(), 400);
        }
        let text = generated(|options| (options.layout, options.format) = (layout, Form::SoapXml));
        let record = match layout {
            LayoutName::Attributes => "<Record>",
            LayoutName::Differential => "<Change>",
            LayoutName::Household => "<Household>",
            LayoutName::Orders => "<order>",
        };
        assert_eq!(text.matches(record).count(), 400);
    }
    let mut out = Vec::new();
    let nested = Options { layout: LayoutName::Household, ..Options::default() };
    assert!(write(&nested, &mut out).is_err(), "CSV cannot hold a household");
}

#[test]
fn a_delete_has_nothing_but_its_key() {
    let text = generated(|options| (options.layout, options.deletes) = (LayoutName::Differential, 50));
    let deletes: Vec<&str> = text.lines().filter(|line| line.starts_with("delete,")).collect();
    assert!(deletes.len() > 100, "{}", deletes.len());
    for line in deletes {
        assert!(line.split(',').skip(2).all(str::is_empty), "{line}");
    }
}

#[test]
fn digits_are_padded() {
    for (number, width, expected) in
        [(0, 1, "0"), (7, 3, "007"), (1234, 2, "1234"), (u64::MAX, 1, "18446744073709551615")]
    {
        let mut text = String::new();
        digits(&mut text, number, width);
        assert_eq!(text, expected);
    }
}
