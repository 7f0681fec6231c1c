//! The readers of records: two steps, one step and one step on bytes in pieces have the same outcome.

use std::io::BufReader;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use sekisho_charset::{Decoder, Encoding, Unmappable};
use sekisho_records::{
    CanonicalRecord, CsvOptions, CsvReader, EmptyCells, EmptyLines, Header, Item, JsonForm, JsonLimits,
    JsonReader, Layout, Mapper, MappingSpec, Next, Place, Record, RecordChecker, RecordSource, RowBuf,
    Violation, Violations, XmlOptions, XmlRecords,
};
use sekisho_xml::{Limits, QName, Reader};
use sekisho_xsd::Schema;
use serde::de::IgnoredAny;

use crate::pieces::Pieces;

pub(crate) struct Subject {
    schema: Schema,
    pub(crate) layout: Arc<Layout>,
    mapper: Mapper,
}

fn load(file: &str, namespace: &str, record: &str, mapping: &str) -> Subject {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/records/tests/schemas");
    let schema = Schema::load(&folder.join(file), None).unwrap();
    let layout =
        Arc::new(Layout::compile(&schema.record_type(&QName::new(namespace, record)).unwrap()).unwrap());
    let spec: MappingSpec = serde_json::from_str(mapping).unwrap();
    let mapper = Mapper::new(&spec, &layout.names()).unwrap();
    Subject { schema, layout, mapper }
}

pub(crate) static VISITS: LazyLock<Subject> =
    LazyLock::new(|| load("visits.xsd", "urn:example:visits", "Visit", "{}"));
pub(crate) static FAMILIES: LazyLock<Subject> = LazyLock::new(|| {
    load("families.xsd", "urn:example:families", "Family", r#"{"rows":"Member/Job","drop":["Address"]}"#)
});

/// How records are read and checked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Steps {
    Two,
    One,
}

/// All that a payload comes to.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Number and place of each record, and its canonical form if it is valid.
    pub(crate) records: Vec<(u64, Place, Option<Vec<u8>>)>,
    pub(crate) violations: Vec<Violation>,
    total: u64,
    pub(crate) error: Option<(&'static str, String)>,
}

/// Reads to the end or the error; what is valid must have a canonical form that is one, and rows.
pub(crate) fn drain(subject: &Subject, source: &mut dyn RecordSource, steps: Steps) -> Outcome {
    let mut checker = RecordChecker::new(&subject.schema, &subject.layout);
    let mut record = Record::new();
    let mut violations = Violations::new(10);
    let mut rows = RowBuf::new();
    let mut records = Vec::new();
    let error = loop {
        let before = violations.total();
        let next = match steps {
            Steps::One => source.next_checked(&mut record, &mut checker, &mut violations),
            Steps::Two => source.next(&mut record).map(|more| match more {
                false => Next::End,
                true if checker.check(&mut record, &mut violations) => Next::Good,
                true => Next::Bad,
            }),
        };
        let good = match next {
            Ok(Next::End) => break None,
            Ok(next) => next == Next::Good,
            Err(error) => {
                assert!(!error.message_ja().is_empty());
                assert!(error.place.line > 0 && error.place.column > 0);
                assert_eq!(source.next(&mut record).unwrap_err().code(), "read-after-error");
                break Some((error.code(), error.to_string()));
            }
        };
        assert_eq!(good, violations.total() == before);
        let canonical = good.then(|| {
            let mut canonical = Vec::new();
            record.canonical(&mut canonical);
            subject.mapper.rows(CanonicalRecord::new(&canonical).unwrap(), &mut rows).unwrap();
            canonical
        });
        records.push((record.number(), record.place(), canonical));
        assert_eq!(record.number(), records.len() as u64);
    };
    assert!(violations.listed().len() as u64 <= violations.total());
    Outcome { records, total: violations.total(), violations: violations.into_listed(), error }
}

/// CSV; the first byte picks the options, the second the length of pieces.
pub(crate) fn csv(bytes: &[u8]) {
    let [pick, piece, bytes @ ..] = bytes else { return };
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
    let reader = || CsvReader::new(bytes, &VISITS.layout, &options).unwrap();
    let two = drain(&VISITS, &mut reader(), Steps::Two);
    assert_eq!(two, drain(&VISITS, &mut reader(), Steps::One));
    let pieces = Pieces::new(bytes, [usize::from(*piece) % 64 + 1, 1]);
    let mut pieces = CsvReader::new(BufReader::with_capacity(64, pieces), &VISITS.layout, &options).unwrap();
    assert_eq!(two, drain(&VISITS, &mut pieces, Steps::One));
    let decoder = Decoder::new(bytes, Encoding::Utf8, Unmappable::Refuse);
    let mut decoded = CsvReader::new(decoder, &VISITS.layout, &options).unwrap();
    let decoded = drain(&VISITS, &mut decoded, Steps::One);
    if std::str::from_utf8(bytes).is_ok() && !bytes.starts_with(Encoding::Utf8.byte_order_mark()) {
        assert_eq!(two, decoded);
    }
}

/// JSON in both forms, flat and nested; the first byte picks the length of pieces.
pub(crate) fn json(bytes: &[u8]) {
    let Some((&piece, bytes)) = bytes.split_first() else { return };
    let limits = JsonLimits { value_bytes: 64, record_bytes: 1024, depth: 8 };
    for subject in [&*VISITS, &*FAMILIES] {
        for form in [JsonForm::Array, JsonForm::Lines] {
            let mut reader = JsonReader::new(bytes, &subject.layout, form, limits);
            let two = drain(subject, &mut reader, Steps::Two);
            let pieces = BufReader::with_capacity(64, Pieces::new(bytes, [usize::from(piece) % 64 + 1, 1]));
            let mut pieces = JsonReader::new(pieces, &subject.layout, form, limits);
            assert_eq!(two, drain(subject, &mut pieces, Steps::One));
            if two.error.is_none() {
                assert_eq!(two.records.len(), json_values(bytes, form));
            }
        }
    }
}

/// How many records another parser finds in what was read without an error.
fn json_values(bytes: &[u8], form: JsonForm) -> usize {
    match form {
        JsonForm::Array => serde_json::from_slice::<Vec<IgnoredAny>>(bytes).unwrap().len(),
        JsonForm::Lines => {
            let lines = bytes.split(|&byte| byte == b'\n');
            let values = lines.filter(|line| !line.trim_ascii().is_empty());
            values.map(serde_json::from_slice::<IgnoredAny>).map(Result::unwrap).fold(0, |count, _| count + 1)
        }
    }
}

/// XML documents, flat and nested; the first byte picks the length of pieces.
pub(crate) fn xml(bytes: &[u8]) {
    let Some((&piece, bytes)) = bytes.split_first() else { return };
    for subject in [&*VISITS, &*FAMILIES] {
        let names =
            [QName::new("urn:example:visits", "Header"), QName::new("urn:example:families", "Header")];
        for beside in [&[][..], &names] {
            let options = XmlOptions { max_field_bytes: 64, max_record_bytes: 2048 };
            let mut reader = Reader::new(bytes, Limits::default());
            let records = XmlRecords::from_document(&mut reader, &subject.layout, options);
            let mut records = records.beside(beside);
            let two = drain(subject, &mut records, Steps::Two);
            let mut reader = Reader::new(bytes, Limits::default());
            let records = XmlRecords::from_document(&mut reader, &subject.layout, options);
            let mut records = records.beside(beside);
            assert_eq!(two, drain(subject, &mut records, Steps::One));
            let pieces = Pieces::new(bytes, [usize::from(piece) % 64 + 1, 1]);
            let mut reader = Reader::new(pieces, Limits::default());
            let records = XmlRecords::from_document(&mut reader, &subject.layout, options);
            let mut records = records.beside(beside);
            assert_eq!(two, drain(subject, &mut records, Steps::One));
        }
    }
}

/// Canonical records, as a damaged spool might hold them.
pub(crate) fn canonical(bytes: &[u8]) {
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
