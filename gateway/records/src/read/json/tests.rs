use std::io::{BufReader, Read};

use proptest::prelude::*;

use super::*;
use crate::testing::{families, visits};
use crate::{CanonicalRecord, Item, Value};

/// The failure of a payload: code, line, column, record, field.
type Failure = Option<(&'static str, u64, u64, u64, Option<&'static str>)>;

#[test]
fn what_is_no_json_is_named_with_its_place() {
    let table: &[(&str, Failure)] = &[
        ("", Some(("json-truncated", 1, 1, 0, None))),
        ("\u{FEFF}[]", Some(("payload-byte-order-mark", 1, 1, 0, None))),
        ("{}", Some(("json-syntax", 1, 1, 0, None))),
        ("[", Some(("json-truncated", 1, 2, 0, None))),
        ("[]", None),
        (" [ ] \n", None),
        ("[] x", Some(("json-syntax", 1, 4, 0, None))),
        ("[1]", Some(("json-syntax", 1, 2, 1, None))),
        ("[null]", Some(("json-syntax", 1, 2, 1, None))),
        ("[{}", Some(("json-truncated", 1, 4, 1, None))),
        ("[{},]", Some(("json-syntax", 1, 5, 1, None))),
        ("[,{}]", Some(("json-syntax", 1, 2, 0, None))),
        ("[{},", Some(("json-truncated", 1, 5, 1, None))),
        ("[{} {}]", Some(("json-syntax", 1, 5, 1, None))),
        ("[{\"Id\"", Some(("json-truncated", 1, 7, 1, None))),
        ("[{\"Id\":", Some(("json-truncated", 1, 8, 1, Some("Id")))),
        ("[{\"Id\":1", Some(("json-truncated", 1, 9, 1, None))),
        ("[{\"Id\":\"あ", Some(("json-truncated", 1, 10, 1, Some("Id")))),
        ("[{\"Id\":\"a\nb\"", Some(("json-syntax", 1, 10, 1, Some("Id")))),
        ("[{\"Id\":\"\\x\"", Some(("json-syntax", 1, 10, 1, Some("Id")))),
        ("[{\"Id\":\"\\u12g4\"", Some(("json-syntax", 1, 13, 1, Some("Id")))),
        ("[{\"Id\":\"\\ud800\"", Some(("json-syntax", 1, 15, 1, Some("Id")))),
        ("[{\"Id\":\"\\ud800\\u0041\"", Some(("json-syntax", 1, 21, 1, Some("Id")))),
        ("[{\"Id\":\"\\udc00\"", Some(("json-syntax", 1, 15, 1, Some("Id")))),
        ("[{\"Id\":01}]", Some(("json-syntax", 1, 9, 1, Some("Id")))),
        ("[{\"Id\":-}]", Some(("json-syntax", 1, 9, 1, Some("Id")))),
        ("[{\"Id\":1.}]", Some(("json-syntax", 1, 10, 1, Some("Id")))),
        ("[{\"Id\":1e}]", Some(("json-syntax", 1, 10, 1, Some("Id")))),
        ("[{\"Id\":.5}]", Some(("json-syntax", 1, 8, 1, Some("Id")))),
        ("[{\"Id\":NaN}]", Some(("json-syntax", 1, 8, 1, Some("Id")))),
        ("[{\"Id\":tru}]", Some(("json-syntax", 1, 11, 1, Some("Id")))),
        ("[{\"Id\":truely}]", Some(("json-syntax", 1, 12, 1, None))),
        ("[{Id:1}]", Some(("json-syntax", 1, 3, 1, None))),
        ("[{\"Id\":1,}]", Some(("json-syntax", 1, 10, 1, None))),
        ("[{'Id':1}]", Some(("json-syntax", 1, 3, 1, None))),
        ("[\n {\"Id\":1},\n {\"Id\" 2}]", Some(("json-syntax", 3, 8, 2, None))),
        ("[{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", Some(("payload-limit", 1, 38, 1, None))),
    ];
    for (text, expected) in table {
        assert_eq!(visits().json(text, JsonForm::Array).failure(), *expected, "{text:?}");
    }
}

#[test]
fn ndjson_is_one_object_a_line() {
    let good = r#"{"Id":1,"Name":"a","Flag":0,"Month":"2026-01"}"#;
    for text in [format!("{good}\n\n{good}\r\n"), format!(" {good} \n\t{good}")] {
        let outcome = visits().json(&text, JsonForm::Lines);
        assert_eq!((outcome.canonical.len(), outcome.failure()), (2, None), "{text:?}");
    }
    let table: &[(&str, Failure)] = &[
        ("", None),
        ("\n", None),
        ("\u{FEFF}{}", Some(("payload-byte-order-mark", 1, 1, 0, None))),
        ("{} {}", Some(("json-syntax", 1, 4, 1, None))),
        ("{},\n{}", Some(("json-syntax", 1, 3, 1, None))),
        ("{\"Id\":\n1}", Some(("json-syntax", 1, 7, 1, Some("Id")))),
        ("[{}]", Some(("json-syntax", 1, 1, 1, None))),
        ("{}\n{\"Id\":1", Some(("json-truncated", 2, 8, 2, None))),
    ];
    for (text, expected) in table {
        assert_eq!(visits().json(text, JsonForm::Lines).failure(), *expected, "{text:?}");
    }
}

#[test]
fn what_is_wrong_with_one_record_lets_reading_go_on() {
    let text = r#"[
 {"Id":1,"Name":"a","Flag":"1","Month":"2026-01","Other":{"a":[1,{"b":null}],"c":"\"}"}},
 {"Id":1,"Name":"a","Flag":"1","Month":"2026-01","Id":2},
 {"Id":{"a":1},"Name":["a"],"Flag":"1","Month":"2026-01"},
 {"Id":1,"Name":"a","Flag":"1","Month":"2026-01","Ages":[1,null]},
 {"Id":1,"Name":"a","Flag":"1","Month":"2026-01","Ages":[1,"2 3"]},
 {"Month":"2026-01","Id":1,"Flag":"1","Name":"a"}
]"#;
    let outcome = visits().json(text, JsonForm::Array);
    assert!(outcome.error.is_none());
    assert_eq!(
        outcome.codes(),
        [
            (1, None, "json-unknown-member"),
            (2, Some("Id"), "json-duplicate-member"),
            (3, Some("Id"), "json-type"),
            (3, Some("Name"), "json-type"),
            (4, Some("Ages"), "json-type"),
            (5, Some("Ages"), "json-type"),
        ]
    );
    let places: Vec<_> =
        outcome.violations.iter().map(|found| (found.line.unwrap(), found.column.unwrap())).collect();
    assert_eq!(places, [(2, 50), (3, 50), (4, 8), (4, 23), (5, 57), (6, 57)]);
    assert_eq!(outcome.canonical.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [6]);
}

#[test]
fn groups_are_arrays_of_objects() {
    let text = r#"[
 {"Id":"A1","Member":[{"Name":"a","Job":[{"Title":"t"},{"Title":"u"}]},{"Name":"b"}],"Address":{"Block":1,"Town":"12345"}},
 {"Id":"A1","Member":[{"Name":"a","Job":null}],"Address":[{"Town":"12345"}]},
 {"Id":"A1","Member":{"Name":"a"}},
 {"Id":"A1","Member":[{"Name":"a"},"b",null]},
 {"Id":"A1","Member":"a"},
 {"Id":"A1","Member":[{"Name":"a","Name":"b"}]}
]"#;
    let outcome = families().json(text, JsonForm::Array);
    assert_eq!(
        outcome.codes(),
        [
            (3, Some("Member"), "json-type"),
            (4, Some("Member"), "json-type"),
            (4, Some("Member"), "json-type"),
            (5, Some("Member"), "json-type"),
            (6, Some("Name"), "json-duplicate-member"),
        ]
    );
    let valid: Vec<_> = outcome.canonical.iter().map(|(number, _)| *number).collect();
    assert_eq!(valid, [1, 2]);
    let expected = b"\x02A1\x83\x0512345\x011\x84\x80\x01\x83\x01a\x80\x01\x83\x01t\x84\x83\x01u\x84\x84\x83\x01b\x84\xFF";
    assert_eq!(outcome.canonical[0].1, expected);
}

#[test]
fn numbers_stay_the_text_that_was_written() {
    let text = r#"[{"Id":7,"Name":1e400,"Flag":0,"Amount":-12345678901234567890.10,"Month":"2026-01"}]"#;
    let outcome = visits().json(text, JsonForm::Array);
    let texts: Vec<_> = CanonicalRecord::new(&outcome.canonical[0].1)
        .unwrap()
        .items()
        .filter_map(|item| match item {
            Item::Value(_, Value::Text(text)) => Some(text.to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["7", "1e400", "0", "-12345678901234567890.10", "2026-01"]);
}

#[test]
fn escapes_are_replaced() {
    let text = r#"[{"Id":7,"Name":"\ud842\udfb7\u3042\/","Flag":0,"Month":"2026-01","Note":"\b"},
{"Id":7,"N\u0061me":"a","Flag":0,"Month":"2026-01","Note":"\r\n\t\"\\"}]"#;
    let outcome = visits().json(text, JsonForm::Array);
    assert_eq!(outcome.codes(), [(1, Some("Note"), "character-not-allowed")]);
    assert!(String::from_utf8_lossy(&outcome.canonical[0].1).contains("\r\n\t\"\\"));
    let outcome = visits().json(&text.replace("\\b", ""), JsonForm::Array);
    assert!(String::from_utf8_lossy(&outcome.canonical[0].1).contains("𠮷あ/"));
}

#[test]
fn limits_are_held() {
    let subject = visits();
    let take = |text: &str, limits| {
        subject.take(&mut JsonReader::new(text.as_bytes(), &subject.layout, JsonForm::Array, limits))
    };
    let limits = JsonLimits { value_bytes: 4, record_bytes: 60, depth: 3 };
    let outcome = take(r#"[{"Id":12345,"Name":"abcd\u0041","Ages":[1,2,3],"Flag":true}]"#, limits);
    assert_eq!(
        outcome.codes(),
        [
            (1, Some("Id"), "field-too-long"),
            (1, Some("Name"), "field-too-long"),
            (1, Some("Ages"), "field-too-long")
        ]
    );
    let outcome =
        take(&format!("[{{\"Id\":1}},{}{{\"Name\":\"{}\"}}]", " ".repeat(100), "x".repeat(100)), limits);
    assert_eq!(outcome.failure().map(|failure| (failure.0, failure.3)), Some(("payload-limit", 2)));
    let outcome = take(&format!("[{{{}}}]", " ".repeat(100)), limits);
    assert_eq!(outcome.failure().map(|failure| failure.0), Some("payload-limit"));
    assert_eq!(take("[{\"x\":[{}]}]", limits).failure(), None);
    assert_eq!(take("[{\"x\":[[[]]]}]", limits).failure().map(|failure| failure.0), Some("payload-limit"));
}

#[test]
fn a_record_that_is_too_large_is_told_of_in_one_place_however_its_bytes_come() {
    let subject = visits();
    let limits = JsonLimits { record_bytes: 40, ..JsonLimits::default() };
    for text in [
        "[{\"Name\":\"あいうえおxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}]",
        "[{\"x\": \"\\u3042xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ] {
        let take = |capacity| {
            let input = BufReader::with_capacity(capacity, text.as_bytes());
            let mut reader = JsonReader::new(input, &subject.layout, JsonForm::Array, limits);
            let error = subject.take(&mut reader).error.unwrap();
            (error.code(), error.place)
        };
        let whole = take(4096);
        // Behind the byte that is one too many.
        assert_eq!((whole.0, whole.1.byte), ("payload-limit", 42));
        for capacity in [1, 2, 3, 7, 40, 41, 64] {
            assert_eq!(take(capacity), whole, "{capacity}");
        }
    }
}

/// Gives a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(self.0.len()).min(out.len());
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

/// JSON-like text, mostly whole.
fn payload() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "\"[a\\\\\"あ]{0,4}\"",
        "-?[0-9.e]{1,4}",
        Just("[1,\"2\"]".to_owned()),
        Just("{\"a\":[true]}".to_owned()),
        Just("null".to_owned()),
        "\"[0-9]\"",
    ];
    let name = prop::sample::select(vec!["Id", "Name", "Flag", "Ages", "Note", "Month", "x"]);
    let member = (name, value).prop_map(|(name, value)| format!("\"{name}\": {value}"));
    let object = prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")));
    let objects = prop::collection::vec(object, 0..4);
    (objects, any::<bool>()).prop_map(|(objects, lines)| {
        if lines { objects.join("\n") } else { format!("[{}]", objects.join(", ")) }
    })
}

proptest! {
    #[test]
    fn cuts_do_not_matter(text in payload(), step in 1..5_usize) {
        let subject = visits();
        for form in [JsonForm::Array, JsonForm::Lines] {
            let whole = subject.json(&text, form);
            let input = BufReader::with_capacity(step, Trickle(text.as_bytes(), step));
            let cut = subject.take(&mut JsonReader::new(input, &subject.layout, form, JsonLimits::default()));
            prop_assert_eq!(&whole.canonical, &cut.canonical);
            prop_assert_eq!(&whole.violations, &cut.violations);
            prop_assert_eq!(whole.failure(), cut.failure());
        }
    }

    /// What this reader reads, and what `serde_json` takes for JSON, are the same.
    #[test]
    fn the_grammar_is_that_of_json(text in payload()) {
        let ours = visits().json(&text, JsonForm::Array).error.is_none();
        let array = serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(&text);
        // A number that no f64 holds is a number all the same.
        let theirs = match &array {
            Ok(_) => true,
            Err(error) => error.to_string().starts_with("number out of range"),
        };
        prop_assert_eq!(ours, theirs, "{:?}", array);
    }
}
