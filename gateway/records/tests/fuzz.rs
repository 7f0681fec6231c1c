//! Plain fuzz functions: bytes in, no panic out, and what is accepted holds its invariants. Here they run over a small
//! corpus and over edited copies of it.
#![allow(clippy::unwrap_used)] // All of it is a test: a panic is its failure.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use sekisho_charset::{Decoder, Encoding, Unmappable};
use sekisho_records::{
    CanonicalRecord, CsvOptions, CsvReader, EmptyCells, EmptyLines, Header, Item, JsonForm, JsonLimits,
    JsonReader, Layout, Mapper, MappingSpec, OtherChildren, Record, RecordChecker, RecordSource, RowBuf,
    Violations, XmlOptions, XmlRecords,
};
use sekisho_xml::QName;
use sekisho_xsd::Schema;

struct Subject {
    schema: Schema,
    layout: Arc<Layout>,
    mapper: Mapper,
}

fn load(file: &str, namespace: &str, record: &str, mapping: &str) -> Subject {
    let schema = Schema::load(&Path::new("tests/schemas").join(file), None).unwrap();
    let layout =
        Arc::new(Layout::compile(&schema.record_type(&QName::new(namespace, record)).unwrap()).unwrap());
    let spec: MappingSpec = serde_json::from_str(mapping).unwrap();
    let mapper = Mapper::new(&spec, &layout.names()).unwrap();
    Subject { schema, layout, mapper }
}

static VISITS: LazyLock<Subject> = LazyLock::new(|| load("visits.xsd", "urn:example:visits", "Visit", "{}"));
static FAMILIES: LazyLock<Subject> = LazyLock::new(|| {
    load("families.xsd", "urn:example:families", "Family", r#"{"rows":"Member/Job","drop":["Address"]}"#)
});

/// Reads to the end or the error; what is valid must have a canonical form that is one, and rows.
fn drain(subject: &Subject, source: &mut dyn RecordSource) {
    let mut checker = RecordChecker::new(&subject.schema, &subject.layout);
    let mut record = Record::new();
    let mut violations = Violations::new(10);
    let mut canonical = Vec::new();
    let mut rows = RowBuf::new();
    let mut number = 0;
    loop {
        match source.next(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                number += 1;
                assert_eq!(record.number(), number);
                let before = violations.total();
                if checker.check(&mut record, &mut violations) {
                    assert_eq!(violations.total(), before);
                    canonical.clear();
                    record.canonical(&mut canonical);
                    let record = CanonicalRecord::new(&canonical).unwrap();
                    subject.mapper.rows(record, &mut rows).unwrap();
                } else {
                    assert!(violations.total() > before);
                }
            }
            Err(error) => {
                assert!(
                    !error.to_string().is_empty()
                        && !error.message_ja().is_empty()
                        && !error.code().is_empty()
                );
                assert!(error.place.line > 0 && error.place.column > 0);
                assert_eq!(source.next(&mut record).unwrap_err().code(), "read-after-error");
                break;
            }
        }
    }
    assert!(violations.listed().len() as u64 <= violations.total());
}

/// CSV; the first byte picks the options.
fn csv(bytes: &[u8]) {
    let (pick, bytes) = bytes.split_first().unwrap_or((&0, b""));
    let options = CsvOptions {
        header: [Header::Names, Header::Positions, Header::Auto][usize::from(pick & 3) % 3],
        empty: [EmptyCells::Absent, EmptyCells::Empty, EmptyCells::AbsentUnlessQuoted]
            [usize::from(pick >> 2 & 3) % 3],
        empty_lines: [EmptyLines::AtEnd, EmptyLines::Skip, EmptyLines::Refuse]
            [usize::from(pick >> 4 & 3) % 3],
        nil: (pick & 64 > 0).then(|| "#N/A".to_owned()),
        max_record_bytes: 512,
        max_field_bytes: 64,
        ..CsvOptions::default()
    };
    let decoder = Decoder::new(bytes, Encoding::Utf8, Unmappable::Refuse);
    drain(&VISITS, &mut CsvReader::new(decoder, &VISITS.layout, &options).unwrap());
    drain(&VISITS, &mut CsvReader::new(bytes, &VISITS.layout, &options).unwrap());
}

/// JSON in both forms, flat and nested.
fn json(bytes: &[u8]) {
    let limits = JsonLimits { value_bytes: 64, record_bytes: 1024, depth: 8 };
    for subject in [&*VISITS, &*FAMILIES] {
        for form in [JsonForm::Array, JsonForm::Lines] {
            drain(subject, &mut JsonReader::new(bytes, &subject.layout, form, limits));
        }
    }
}

/// XML documents, flat and nested.
fn xml(bytes: &[u8]) {
    for subject in [&*VISITS, &*FAMILIES] {
        for others in [OtherChildren::Refuse, OtherChildren::SkipBeforeFirst] {
            let decoder = Decoder::new(bytes, Encoding::Utf8, Unmappable::Refuse);
            let mut reader = sekisho_xml::Reader::new(decoder, sekisho_xml::Limits::default());
            let options = XmlOptions { others, max_field_bytes: 64, max_record_bytes: 2048 };
            drain(subject, &mut XmlRecords::from_document(&mut reader, &subject.layout, options));
        }
    }
}

/// Canonical records, as a damaged spool might hold them.
fn canonical(bytes: &[u8]) {
    let Ok(record) = CanonicalRecord::new(bytes) else { return };
    let mut depth = 0_i32;
    for item in record.items() {
        depth += match item {
            Item::Open(_) => 1,
            Item::Close => -1,
            Item::Value(..) => 0,
        };
        assert!(depth >= 0);
    }
    assert_eq!(depth, 0);
    let mut rows = RowBuf::new();
    for subject in [&*VISITS, &*FAMILIES] {
        let count = subject.mapper.rows(record, &mut rows).unwrap_or(0);
        assert_eq!(count, rows.len());
        assert!((0..count).all(|row| rows.cells(row).len() == subject.mapper.columns().len()));
    }
}

fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(Path::new("tests/corpus").join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Runs a fuzz function over its corpus, and over copies with bytes changed, put in, taken out and doubled.
fn run(folder: &str, fuzz: fn(&[u8])) {
    let corpus = corpus(folder);
    corpus.iter().for_each(|bytes| fuzz(bytes));
    let alphabet: Vec<u8> = corpus.concat();
    let byte = prop_oneof![3 => prop::sample::select(alphabet), 1 => any::<u8>()];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..5_u8, byte), 1..8);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let strategy = (prop::sample::select(corpus), edits);
    let outcome = runner.run(&strategy, |(mut bytes, edits)| {
        for (at, edit, byte) in edits {
            let at = at.index(bytes.len() + 1);
            match edit {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                _ => bytes.extend_from_within(at..),
            }
        }
        fuzz(&bytes);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn csv_payloads() {
    run("csv", csv);
}

#[test]
fn json_payloads() {
    run("json", json);
}

#[test]
fn xml_payloads() {
    run("xml", xml);
}

#[test]
fn canonical_records() {
    run("canonical", canonical);
}
