//! What is told of records that are refused: at every door where in the payload it is, by line, column and byte, what was
//! expected and what was found, in both languages, and no value.
#![allow(clippy::unwrap_used)] // A test that cannot go on must end.

use std::path::Path;
use std::sync::Arc;

use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Layout, ReadError, Record, RecordChecker,
    RecordSource, Violation, Violations, XmlOptions, XmlRecords,
};
use sekisho_xml::{Limits, QName, Reader};
use sekisho_xsd::{Schema, Words};

struct Subject {
    schema: Schema,
    layout: Arc<Layout>,
}

fn subject(file: &str, namespace: &str, record: &str) -> Subject {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas").join(file);
    let schema = Schema::load(&path, None).unwrap();
    let layout =
        Arc::new(Layout::compile(&schema.record_type(&QName::new(namespace, record)).unwrap()).unwrap());
    Subject { schema, layout }
}

fn visits() -> Subject {
    subject("visits.xsd", "urn:example:visits", "Visit")
}

fn families() -> Subject {
    subject("families.xsd", "urn:example:families", "Family")
}

impl Subject {
    fn take(&self, source: &mut dyn RecordSource) -> (Vec<Violation>, Option<ReadError>) {
        let mut checker = RecordChecker::new(&self.schema, &self.layout);
        let (mut record, mut violations) = (Record::new(), Violations::default());
        let error = loop {
            match source.next(&mut record) {
                Ok(true) => drop(checker.check(&mut record, &mut violations)),
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
        };
        (violations.into_listed(), error)
    }

    fn csv(&self, text: &str) -> (Vec<Violation>, Option<ReadError>) {
        self.take(&mut CsvReader::new(text.as_bytes(), &self.layout, &CsvOptions::default()).unwrap())
    }

    fn json(&self, text: &str, form: JsonForm) -> (Vec<Violation>, Option<ReadError>) {
        self.take(&mut JsonReader::new(text.as_bytes(), &self.layout, form, JsonLimits::default()))
    }

    fn xml(&self, text: &str, max_record_bytes: usize) -> (Vec<Violation>, Option<ReadError>) {
        let mut reader = Reader::new(text.as_bytes(), Limits::default());
        let options = XmlOptions { max_record_bytes, ..XmlOptions::default() };
        self.take(&mut XmlRecords::from_document(&mut reader, &self.layout, options))
    }
}

/// Line and column of a byte, and what stands there.
fn at(text: &str, byte: u64) -> (u64, u64, &str) {
    let (before, behind) = text.split_at(byte as usize);
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() as u64 + 1;
    (line, column, behind)
}

fn japanese(text: &str) -> bool {
    text.chars().any(|c| c >= 'ぁ')
}

/// Code, path, the beginning of what stands there, what was expected and what was found.
type Told = (&'static str, &'static str, &'static str, &'static str, &'static str);

fn assert_told(text: &str, found: &[Violation], told: &[Told]) {
    let codes: Vec<_> = found.iter().map(|found| (found.code, &found.message)).collect();
    assert_eq!(found.len(), told.len(), "{codes:?}");
    for (violation, (code, path, there, expected, found)) in found.iter().zip(told) {
        let about = format!("{violation:?}\n{text}");
        assert_eq!(violation.code, *code, "{about}");
        assert_eq!(violation.path.as_deref(), Some(*path), "{about}");
        let (line, column, behind) = at(text, violation.byte.unwrap());
        assert!(behind.starts_with(there), "{about}");
        assert_eq!((violation.line, violation.column), (Some(line), Some(column)), "{about}");
        let en = |words: &Option<Words>| words.as_ref().map(|words| words.en.clone()).unwrap_or_default();
        assert_eq!((&*en(&violation.expected), &*en(&violation.found)), (*expected, *found), "{about}");
        for words in [&violation.expected, &violation.found].into_iter().flatten() {
            assert!(!words.ja.is_empty(), "{about}");
        }
        assert!(japanese(&violation.message_ja) && !violation.message.is_empty(), "{about}");
        assert!(!about.replace(text, "").contains("SECRET"), "{about}");
    }
}

#[test]
fn a_cell_is_told_with_its_place() {
    let text = "Id,Name,Flag,Day,Note\r\n1,名,1,2026-01-02,x\r\n2,\"あ\r\nSECRETSECRET\",7,2026-01-02,\r\n,n,1,,x\r\nx,n,,2026-01-02,\"\"\r\n";
    let (violations, error) = visits().csv(text);
    assert!(error.is_none());
    assert_told(
        text,
        &violations,
        &[
            ("cvc-maxLength-valid", "Visit[2]/Name[1]", "\"あ", "at most 8 characters", "14 characters"),
            ("cvc-enumeration-valid", "Visit[2]/Flag[1]", "7,2026", "one of 2 listed values", "1 character"),
            // Nothing stands there, and there it is missing.
            ("cvc-complex-type.2.4", "Visit[3]", ",n,1", "element Id", "element Name"),
            (
                "cvc-complex-type.2.4",
                "Visit[3]",
                ",x\r\nx",
                "element Day or element Amount or element Kind or element Version or element Month",
                "element Note",
            ),
            ("cvc-datatype-valid", "Visit[4]/Id[1]", "x,n", "a value of type xs:unsignedInt", "1 character"),
            ("cvc-complex-type.2.4", "Visit[4]", ",2026-01-02,\"\"", "element Flag", "element Day"),
        ],
    );
    // No cell at all: the record is told.
    let text = "Id,Name,Day\n1,n,2026-01-02\n";
    let wanted = [("cvc-complex-type.2.4", "Visit[1]", "1,n,2026", "element Flag", "element Day")];
    assert_told(text, &visits().csv(text).0, &wanted);
    let text = "Id,Name,Flag,Day\n1,n,1,2026-01-02,SECRET\n1,あ\n1,\u{1}n,1,2026-01-02\n";
    let wanted = [
        ("csv-too-many-cells", "Visit[1]", "SECRET", "4 cells", "5 cells"),
        ("csv-too-few-cells", "Visit[2]", "\n1,\u{1}", "4 cells", "2 cells"),
        ("character-not-allowed", "Visit[3]/Name[1]", "\u{1}n", "characters that XML 1.0 can hold", "U+0001"),
    ];
    assert_told(text, &visits().csv(text).0, &wanted);
    let text = "Id\n1,2\n";
    let wanted = [("csv-too-many-cells", "Visit[1]", "2", "1 cell", "2 cells")];
    assert_told(text, &visits().csv(text).0, &wanted);
}

#[test]
fn a_member_is_told_with_its_place() {
    let records = [
        "{\"Id\": 1, \"Name\": \"名SECRETSECRET\", \"Flag\": \"1\", \"Day\": \"2026-01-02\"}",
        "{\"Name\": \"n\", \"Flag\": \"1\", \"Day\": \"2026-01-02\", \"SECRET\": {\"a\": 1}, \"Name\": 2}",
        "{\"Name\": \"n\", \"Flag\": \"1\", \"Day\": \"2026-01-02\", \"Month\": \"2026-01\"}",
        "{\"Id\": [1], \"Name\": {}, \"Ages\": [[1]]}",
    ];
    let wanted: [Told; 8] = [
        ("cvc-maxLength-valid", "Visit[1]/Name[1]", "\"名", "at most 8 characters", "13 characters"),
        (
            "json-unknown-member",
            "Visit[2]",
            "\"SECRET\"",
            "a member that is a field of the layout",
            "another member",
        ),
        ("json-duplicate-member", "Visit[2]/Name[1]", "\"Name\": 2", "each member once", "a repeated one"),
        // What is missing is missing in its object: members have no order.
        ("cvc-complex-type.2.4", "Visit[3]", "{\"Name\"", "element Id", "element Name"),
        ("cvc-complex-type.2.4", "Visit[3]", "\"2026-01\"}", "", "element Month"),
        ("json-type", "Visit[4]/Id[1]", "[1]", "a string, a number, a boolean or null", "an array"),
        ("json-type", "Visit[4]/Name[1]", "{}", "a string, a number, a boolean or null", "an object"),
        (
            "json-type",
            "Visit[4]/Ages[1]",
            "[[1]]",
            "a string, or an array of strings, numbers and booleans",
            "an array",
        ),
    ];
    for (text, form) in [
        (format!("[\n  {}\n]", records.join(",\n  ")), JsonForm::Array),
        (records.join("\n"), JsonForm::Lines),
    ] {
        let (mut violations, error) = visits().json(&text, form);
        assert!(error.is_none(), "{error:?}");
        // Of what may come instead of the other half of a choice a schema has more than one word.
        let either = violations.iter_mut().find(|found| found.field.as_deref() == Some("Month")).unwrap();
        assert!(either.expected.as_ref().is_some_and(|words| words.en.contains("Hour")), "{either:?}");
        either.expected = None;
        assert_told(&text, &violations, &wanted);
    }
}

#[test]
fn a_nested_member_is_told_with_its_groups() {
    let text = "[{\"Id\": \"A1\", \"Member\": [{\"Name\": \"a\", \"Job\": [{\"Title\": \"t\"}, {\"Since\": \"x\", \"Title\": 1}]}, \
                {\"Job\": [{\"Title\": []}], \"Name\": \"b\"}, 7]}, {\"Id\": \"A1\", \"Member\": [{\"Name\": \"a\"}, {\"Born\": \"\", \"Job\": [{\"Since\": 2000}]}]}]";
    let (violations, error) = families().json(text, JsonForm::Array);
    assert!(error.is_none());
    let wanted: [Told; 5] = [
        (
            "json-type",
            "Family[1]/Member[2]/Job[1]/Title[1]",
            "[]}",
            "a string, a number, a boolean or null",
            "an array",
        ),
        ("json-type", "Family[1]/Member[1]", "7]}", "an array of objects", "a number"),
        ("cvc-complex-type.2.4", "Family[2]/Member[2]", "{\"Born\"", "element Name", "element Born"),
        ("cvc-datatype-valid", "Family[2]/Member[2]/Born[1]", "\"\", \"Job\"", "a value", "0 characters"),
        (
            "cvc-complex-type.2.4",
            "Family[2]/Member[2]/Job[1]",
            "{\"Since\": 2000}",
            "element Title",
            "element Since",
        ),
    ];
    assert_told(text, &violations, &wanted);
}

#[test]
fn an_element_is_told_with_its_place() {
    let text = "<Families xmlns='urn:example:families'>\n<Family><Id>A1</Id><Member><Name>名</Name></Member>\
                <Member><Name>n</Name><Born>SECRET</Born><Job/></Member><Member/></Family>\n\
                <Family><Id>A1</Id><Member><Name SECRET='SECRET'/></Member></Family>\n\
                <Family><Id>A1</Id><Member><Name/></Member><Remark/><SECRET a='1'/></Family>\n</Families>";
    let (violations, error) = families().xml(text, 1 << 20);
    assert!(error.is_none());
    let wanted: [Told; 5] = [
        (
            "cvc-datatype-valid",
            "Family[1]/Member[2]/Born[1]",
            "<Born>",
            "a value of type xs:gYear",
            "6 characters",
        ),
        (
            "cvc-complex-type.2.4",
            "Family[1]/Member[2]/Job[1]",
            "<Job/>",
            "element Title",
            "the end of the element",
        ),
        (
            "cvc-complex-type.2.4",
            "Family[1]/Member[3]",
            "<Member/></Family>",
            "element Name",
            "the end of the element",
        ),
        (
            "xml-attribute-not-allowed",
            "Family[2]/Member[1]/Name[1]",
            "<Name S",
            "no attribute",
            "an attribute",
        ),
        // The name of an element that the layout does not have is the payload's own.
        ("xml-attribute-not-allowed", "Family[3]", "<SECRET", "no attribute", "an attribute"),
    ];
    assert_told(text, &violations, &wanted);
}

/// An error that ends the payload: its code and place, what was expected and what was found.
fn assert_ended(
    text: &str,
    error: &ReadError,
    (code, path, there, expected, found): (&str, Option<&str>, &str, &str, &str),
) {
    let about = format!("{error:?}");
    assert_eq!((error.code(), error.path.as_deref()), (code, path), "{about}");
    let (line, column, behind) = at(text, error.place.byte);
    assert!(behind.starts_with(there), "{about}");
    assert_eq!((error.place.line, error.place.column), (line, column), "{about}");
    let (words, met) = (error.expected().unwrap(), error.found().unwrap());
    assert_eq!((&*words.en, &*met.en), (expected, found), "{about}");
    assert!(!words.ja.is_empty() && !met.ja.is_empty());
    // Both languages say where, of which record and of which field.
    for said in [error.to_string(), error.message_ja()] {
        assert!(said.contains(&line.to_string()) && said.contains(&column.to_string()), "{said}");
        assert!(error.record == 0 || said.contains(&error.record.to_string()), "{said}");
        assert!(error.field.as_ref().is_none_or(|field| said.contains(field)), "{said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
    assert!(japanese(&error.message_ja()));
}

#[test]
fn what_ends_a_payload_is_told_with_its_place() {
    let subject = visits();
    for (text, wanted) in [
        (
            "Id,Name\r\n1,あ\r\n2,SECRET\"x\r\n",
            (
                "csv-quote-in-cell",
                Some("Visit[2]/Name"),
                "\"x",
                "a quoted cell with the quote doubled",
                "a quote",
            ),
        ),
        (
            "Id,SECRET\r\n",
            ("csv-header-unknown", None, "SECRET", "the name of a field of the layout", "another name"),
        ),
        ("Id,Name\n\n1,n\n", ("csv-empty-line", Some("Visit[1]"), "\n1,n", "a record", "an empty line")),
    ] {
        assert_ended(text, &subject.csv(text).1.unwrap(), wanted);
    }
    for (text, wanted) in [
        (
            "[{\"Id\": 1},\n {\"Name\" \"SECRET\"}]",
            ("json-syntax", Some("Visit[2]"), "\"SECRET\"", "a colon", "something else"),
        ),
        (
            "[{\"Id\": 1, \"Name\": \"名",
            ("json-truncated", Some("Visit[1]/Name"), "", "a closing quote", "the end of the payload"),
        ),
    ] {
        assert_ended(text, &subject.json(text, JsonForm::Array).1.unwrap(), wanted);
    }
    let text = "<All xmlns='urn:example:visits'><Visit/> SECRET</All>";
    let wanted = ("xml-text-between-records", None, "SECRET<", "elements", "text");
    assert_ended(text, &subject.xml(text, 1 << 20).1.unwrap(), wanted);
}

#[test]
fn a_record_that_is_not_closed_is_told_as_that() {
    let record = "<Visit><Id>1</Id><Name>n</Name><Flag>1</Flag><Day>2026-01-02</Day></Visit>\n";
    let open = record.replace("</Visit>", "");
    let head = "<All xmlns='urn:example:visits'>\n";
    let wanted = (
        "xml-record-not-closed",
        Some("Visit[3]"),
        "<Visit>",
        "the end tag of Visit",
        "the start of another record",
    );
    // As long as the limit of a record's size lets it, or to the end of the document.
    for (many, most) in [(100, 1000), (3, 1 << 20)] {
        for bad in [
            open.clone(),
            open.replace("<Day>", "<Day x='1'>"),
            open.replace("<Day>2026-01-02</Day>", "<Day>"),
        ] {
            let text = format!("{head}{record}{record}{bad}{}</All>", record.repeat(many));
            let error = visits().xml(&text, most).1.unwrap();
            assert_ended(&text, &error, wanted);
            assert_eq!(error.place.line, 4);
            assert!(error.to_string().contains("line 5"), "{error}");
        }
    }
    // A record that is too large is only that; and one inside another breaks the schema, and no more.
    let text = format!("{head}{}</All>", record.replace("n<", &format!("{}<", "n".repeat(900))));
    assert_eq!(visits().xml(&text, 500).1.unwrap().code(), "payload-limit");
    let text = format!("{head}{}{record}</All>", record.replace("<Day>", "<Visit/><Day>"));
    let (violations, error) = visits().xml(&text, 1 << 20);
    assert!(error.is_none());
    assert_eq!(
        violations.iter().map(|found| (found.record, found.code)).collect::<Vec<_>>(),
        [(1, "cvc-complex-type.2.4")]
    );
}
