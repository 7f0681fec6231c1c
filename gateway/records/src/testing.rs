//! What the tests of this crate share: schemas, and records read, checked and made canonical.

use std::path::Path;
use std::sync::Arc;

use sekisho_xml::QName;
use sekisho_xsd::Schema;

use crate::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Layout, Next, Place, ReadError, Record,
    RecordChecker, RecordSource, Violation, Violations, XmlOptions, XmlRecords,
};

/// A schema of `tests/schemas`, and the layout of one of its record elements.
pub(crate) struct Subject {
    pub(crate) schema: Schema,
    pub(crate) layout: Arc<Layout>,
}

pub(crate) fn load(file: &str, namespace: &str, record: &str) -> Subject {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas").join(file);
    let schema = Schema::load(&path, None).unwrap();
    let ty = schema.record_type(&QName::new(namespace, record)).unwrap();
    let layout = Arc::new(Layout::compile(&ty).unwrap());
    Subject { schema, layout }
}

pub(crate) fn visits() -> Subject {
    load("visits.xsd", "urn:example:visits", "Visit")
}

pub(crate) fn families() -> Subject {
    load("families.xsd", "urn:example:families", "Family")
}

/// A record type of a schema given as the declarations inside `xs:schema` (namespace `urn:t`, prefix `t`).
pub(crate) fn record_type(declarations: &str, record: &str) -> sekisho_xsd::RecordType {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("sekisho-records-{}-{}.xsd", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let text = format!(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t' targetNamespace='urn:t' \
         elementFormDefault='qualified'>{declarations}</xs:schema>"
    );
    std::fs::write(&path, text).unwrap();
    let schema = Schema::load(&path, None);
    std::fs::remove_file(&path).unwrap();
    schema.unwrap().record_type(&QName::new("urn:t", record)).unwrap()
}

/// What became of a payload.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Of the valid records, in order: the number and the canonical form.
    pub(crate) canonical: Vec<(u64, Vec<u8>)>,
    /// Where each of their values stands.
    pub(crate) places: Vec<Vec<Place>>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) error: Option<ReadError>,
}

impl Outcome {
    fn assert_same(&self, other: &Outcome, text: &str) {
        assert_eq!(self.canonical, other.canonical, "{text:?}");
        assert_eq!(self.places, other.places, "{text:?}");
        assert_eq!(self.violations, other.violations, "{text:?}");
        assert_eq!(self.failure(), other.failure(), "{text:?}");
    }

    /// Record, field and code of every violation.
    pub(crate) fn codes(&self) -> Vec<(u64, Option<&str>, &'static str)> {
        self.violations.iter().map(|found| (found.record, found.field.as_deref(), found.code)).collect()
    }

    /// Code, line and column of the error, with the record and the field.
    pub(crate) fn failure(&self) -> Option<(&'static str, u64, u64, u64, Option<&str>)> {
        let error = self.error.as_ref()?;
        Some((error.code(), error.place.line, error.place.column, error.record, error.field.as_deref()))
    }
}

impl Subject {
    pub(crate) fn take(&self, source: &mut dyn RecordSource) -> Outcome {
        let mut checker = RecordChecker::new(&self.schema, &self.layout);
        let mut record = Record::new().with_places();
        let mut violations = Violations::default();
        let (mut canonical, mut places) = (Vec::new(), Vec::new());
        let error = loop {
            match source.next(&mut record) {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
            if checker.check(&mut record, &mut violations) {
                let mut bytes = Vec::new();
                record.canonical(&mut bytes);
                canonical.push((record.number(), bytes));
                places.push(record.places());
            }
        };
        Outcome { canonical, places, violations: violations.into_listed(), error }
    }

    /// Reads with and without the way for records that are like those before: no difference may be seen.
    pub(crate) fn csv(&self, text: &str, options: &CsvOptions) -> Outcome {
        let source = || CsvReader::new(text.as_bytes(), &self.layout, options).unwrap();
        let (outcome, checked) = (self.take(&mut source()), self.take_checked(&mut source()));
        outcome.assert_same(&checked, text);
        outcome
    }

    fn take_checked(&self, source: &mut dyn RecordSource) -> Outcome {
        let mut checker = RecordChecker::new(&self.schema, &self.layout);
        let mut record = Record::new().with_places();
        let mut violations = Violations::default();
        let (mut canonical, mut places) = (Vec::new(), Vec::new());
        let error = loop {
            match source.next_checked(&mut record, &mut checker, &mut violations) {
                Ok(Next::Good) => {
                    let mut bytes = Vec::new();
                    record.canonical(&mut bytes);
                    canonical.push((record.number(), bytes));
                    places.push(record.places());
                }
                Ok(Next::Bad) => {}
                Ok(Next::End) => break None,
                Err(error) => break Some(error),
            }
        };
        Outcome { canonical, places, violations: violations.into_listed(), error }
    }

    pub(crate) fn json(&self, text: &str, form: JsonForm) -> Outcome {
        self.take(&mut JsonReader::new(text.as_bytes(), &self.layout, form, JsonLimits::default()))
    }

    /// Reads with and without the way for records that are written like those before.
    pub(crate) fn xml(&self, text: &str) -> Outcome {
        self.xml_with(text, XmlOptions::default())
    }

    pub(crate) fn xml_with(&self, text: &str, options: XmlOptions) -> Outcome {
        let reader = || sekisho_xml::Reader::new(text.as_bytes(), sekisho_xml::Limits::default());
        let outcome = self.take(&mut XmlRecords::from_document(&mut reader(), &self.layout, options));
        let checked = self.take_checked(&mut XmlRecords::from_document(&mut reader(), &self.layout, options));
        outcome.assert_same(&checked, text);
        outcome
    }
}
