use proptest::prelude::*;
use sekisho_xsd::WhiteSpace;

use super::recent::{Recent, pack};
use crate::testing::{families, visits};
use crate::{
    CanonicalRecord, CsvOptions, EmptyCells, Item, JsonForm, JsonLimits, JsonReader, Next, Record,
    RecordChecker, RecordSource, UsualShapes, Value, Violations,
};
use std::sync::Arc;

#[test]
fn white_space_is_normalised_as_the_facet_says() {
    let table = [
        ("a\tb\r\nc", WhiteSpace::Preserve, "a\tb\r\nc"),
        ("a\tb\r\nc ", WhiteSpace::Replace, "a b  c "),
        ("  a \t b\n", WhiteSpace::Collapse, "a b"),
        (" ", WhiteSpace::Collapse, ""),
        ("", WhiteSpace::Collapse, ""),
        ("\u{3000}a\u{3000}", WhiteSpace::Collapse, "\u{3000}a\u{3000}"),
        ("a b", WhiteSpace::Collapse, "a b"),
    ];
    for (text, facet, expected) in table {
        assert_eq!(facet.normalise(text), expected, "{text:?}");
    }
}

proptest! {
    #[test]
    fn packing_is_exact(a in "\\PC{0,6}|[0-9a-c]{0,17}", b in "\\PC{0,6}|[0-9a-c]{0,17}") {
        prop_assert_eq!(pack(&a).is_some(), a.len() <= 15);
        if let (Some(x), Some(y)) = (pack(&a), pack(&b)) {
            prop_assert_eq!(x == y, a == b);
            prop_assert!(!Recent::default().contains(x));
        }
    }
}

#[test]
fn recent_values_are_the_last_four() {
    let mut recent = Recent::default();
    for value in ["1", "2", "3", "4", "5"] {
        recent.insert(pack(value).unwrap());
    }
    assert!(!recent.contains(pack("1").unwrap()));
    assert!(["2", "3", "4", "5"].iter().all(|value| recent.contains(pack(value).unwrap())));
}

fn values(bytes: &[u8]) -> Vec<(u16, Option<String>)> {
    let items = CanonicalRecord::new(bytes).unwrap().items();
    items
        .filter_map(|item| match item {
            Item::Value(field, Value::Nil) => Some((field.0, None)),
            Item::Value(field, Value::Text(text)) => Some((field.0, Some(text.to_owned()))),
            _ => None,
        })
        .collect()
}

#[test]
fn defaults_and_white_space_are_in_the_canonical_record() {
    let subject = visits();
    let json = r#"[{"Id":" 12 ","Name":" a  b ","Flag":1,"Amount":null,"Kind":"","Version":"","Month":"2026-01","Open":true,"Ages":[1,"2"],"Note":" n "}]"#;
    let outcome = subject.json(json, JsonForm::Array);
    assert_eq!(outcome.codes(), []);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        values(&outcome.canonical[0].1),
        [
            (0, text("12")),
            (1, text("a b")),
            (2, text("1")),
            (3, None),
            (4, text("plain")),
            (5, text("1.0")),
            (8, text("2026-01")),
            (9, text("true")),
            (10, text("1 2")),
            (11, text(" n ")),
        ]
    );
}

#[test]
fn every_violation_of_a_record_is_reported_where_it_stands() {
    let subject = visits();
    let options = CsvOptions { empty: EmptyCells::Absent, ..CsvOptions::default() };
    let csv = "Id,Name,Flag,Day,Hour\r\n1,a,1,2026-01-01,5\r\n99999,,2,2026-01-01,\"x\ny\"\r\n3,c,1,,\r\n";
    let outcome = subject.csv(csv, &options);
    assert_eq!(outcome.canonical.len(), 1);
    let places: Vec<_> = outcome
        .violations
        .iter()
        .map(|found| (found.record, found.field.as_deref(), found.line, found.column, found.code))
        .collect();
    assert_eq!(
        places,
        [
            (2, Some("Id"), Some(3), Some(1), "cvc-maxInclusive-valid"),
            // Missing: where there is nothing.
            (2, Some("Name"), Some(3), Some(7), "cvc-complex-type.2.4"),
            (2, Some("Flag"), Some(3), Some(8), "cvc-enumeration-valid"),
            (2, Some("Hour"), Some(3), Some(21), "cvc-datatype-valid"),
            (3, Some("Day"), Some(5), Some(7), "cvc-complex-type.2.4"),
        ]
    );
}

#[test]
fn characters_that_xml_cannot_hold_are_refused() {
    let subject = visits();
    let csv = "Id,Name,Flag,Month,Note\n1,a,1,2026-01,x\n2,a,1,2026-01,あ\u{1}\n3,a\u{FFFF},\u{0},2026-01,\u{FEFF}\n";
    let found = subject.csv(csv, &CsvOptions::default());
    assert_eq!(
        found.codes(),
        [
            (2, Some("Note"), "character-not-allowed"),
            (3, Some("Name"), "character-not-allowed"),
            (3, Some("Flag"), "character-not-allowed"),
        ]
    );
    assert_eq!(found.violations[0].column, Some(15));
    assert!(found.violations[0].message.contains("U+0001"));
}

#[test]
fn content_models_bind_every_door() {
    let subject = families();
    let json = r#"[
        {"Id":"A1","Member":[{"Name":"n"}]},
        {"Id":"A2","Member":[]},
        {"Id":"A3","Address":{"Block":1},"Member":[{"Name":"n"}]},
        {"Id":"A4","Member":[{"Name":"n"},{"Name":"n"},{"Name":"n"},{"Name":"n"},{"Name":"n"}]},
        {"Id":"A5","Member":[{"Name":"n","Job":[{"Since":"1999"}]}]}
    ]"#;
    let outcome = subject.json(json, JsonForm::Array);
    assert_eq!(outcome.canonical.len(), 1);
    let codes: Vec<_> = outcome.codes().iter().map(|(record, _, code)| (*record, *code)).collect();
    assert_eq!(codes, [2, 3, 4, 5].map(|record| (record, "cvc-complex-type.2.4")));
}

#[test]
fn messages_quote_no_values() {
    let subject = visits();
    let csv = "Id,Name,Flag,Month\nsecret1,secret2secret2,secret3,secret4\n";
    let outcome = subject.csv(csv, &CsvOptions::default());
    assert_eq!(outcome.violations.len(), 4);
    for found in &outcome.violations {
        assert!(!found.message.contains("secret") && !found.message_ja.contains("secret"));
        assert!(!found.message_ja.is_empty());
    }
}

#[test]
fn a_missing_field_of_a_later_instance_is_reported_at_that_instance() {
    let subject = families();
    let json = "[{\"Id\":\"A1\",\"Member\":[{\"Name\":\"n\",\"Job\":[{\"Title\":\"t\"}]},\n{\"Born\":\"1999\"},\n{\"Name\":\"n\",\"Job\":[{}]}]}]";
    let outcome = subject.json(json, JsonForm::Array);
    let places: Vec<_> =
        outcome.violations.iter().map(|found| (found.field.as_deref(), found.line, found.column)).collect();
    assert_eq!(places, [(Some("Name"), Some(2), Some(1)), (Some("Title"), Some(3), Some(20))]);
}

#[test]
fn what_is_not_listed_is_counted_all_the_same() {
    let subject = visits();
    let counted = |cap| {
        let text = "[{},{\"Id\":\"x\",\"Nobody\":1},{\"Flag\":7}]".as_bytes();
        let mut reader = JsonReader::new(text, &subject.layout, JsonForm::Array, JsonLimits::default());
        let mut checker = RecordChecker::new(&subject.schema, &subject.layout);
        let (mut record, mut violations) = (Record::new(), Violations::new(cap));
        while reader.next_checked(&mut record, &mut checker, &mut violations).unwrap() != Next::End {}
        (violations.total(), violations.listed().to_vec())
    };
    let (total, all) = counted(1000);
    assert_eq!(total, all.len() as u64);
    assert!(total > 4);
    for cap in [0, 1, 4] {
        assert_eq!(counted(cap), (total, all[..cap].to_vec()));
    }
}

#[test]
fn what_is_usual_is_told_from_one_intake_to_the_next_and_changes_no_verdict() {
    let subject = families();
    let usual: Arc<UsualShapes> = Arc::default();
    let told = |text: &str, usual: Option<&Arc<UsualShapes>>| {
        let mut reader =
            JsonReader::new(text.as_bytes(), &subject.layout, JsonForm::Array, JsonLimits::default());
        let mut checker = RecordChecker::new(&subject.schema, &subject.layout);
        if let Some(usual) = usual {
            checker = checker.sharing(usual);
        }
        let (mut record, mut violations) = (Record::new(), Violations::new(100));
        let mut verdicts = Vec::new();
        loop {
            match reader.next_checked(&mut record, &mut checker, &mut violations).unwrap() {
                Next::End => break (verdicts, violations.listed().to_vec()),
                next => verdicts.push(next),
            }
        }
    };
    let texts = [
        "[{\"Id\":\"A1\",\"Member\":[{\"Name\":\"n\",\"Job\":[{\"Title\":\"t\"}]}]}]",
        "[{\"Id\":\"A1\",\"Member\":[{\"Name\":\"n\",\"Job\":[{}]}]}]",
        "[{\"Member\":[{\"Name\":\"n\"}]},{\"Id\":\"A2\",\"Member\":[{\"Name\":\"m\",\"Job\":[{\"Title\":\"t\"}]}]}]",
        "[{\"Id\":\"A1\",\"Member\":[{\"Name\":\"n\",\"Job\":[{\"Title\":\"t\"}]}]}]",
    ];
    assert_eq!(told(texts[0], None).0, [Next::Good]);
    for text in texts.iter().chain(&texts) {
        assert_eq!(told(text, Some(&usual)), told(text, None), "{text}");
    }
    assert!(usual.len() > 0, "the shapes of the valid record are known to who comes later");
}

#[test]
fn no_more_shapes_are_told_than_records_usually_have() {
    let usual = UsualShapes::default();
    for n in 0..1000u32 {
        usual.add(&[n.to_be_bytes().into()]);
    }
    assert_eq!(usual.len(), super::shapes::MAX_USUAL);
}
