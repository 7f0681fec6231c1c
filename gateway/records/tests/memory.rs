//! Records from people who wish us ill: whatever one record is made of, checking it takes a bounded amount of memory.
//!
//! Alone in its file, one test, which runs itself once for each kind of record: the figures are the process's, and what one
//! record leaves behind would be room for the next.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what cannot be read or loaded fails the test")]
#![allow(clippy::print_stdout, reason = "the figures, for who asks for them")]

use std::io::{BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sekisho_records::{
    JsonForm, JsonLimits, JsonReader, Layout, Next, ReadError, ReadErrorKind, Record, RecordChecker,
    RecordSource, Violations, XmlOptions, XmlRecords,
};
use sekisho_xml::{Limits, QName, Reader};
use sekisho_xsd::Schema;

/// KiB that the records of a payload may add to the process.
const MEMORY: u64 = 8 << 10;
/// Bytes of what is in a record, just below what one may have.
const LONG: usize = (1 << 20) - (10 << 10);

struct Subject {
    schema: Schema,
    layout: Arc<Layout>,
}

fn subject(file: &str, namespace: &str, record: &str) -> Subject {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas").join(file);
    let schema = Schema::load(&path, None).unwrap();
    let ty = schema.record_type(&QName::new(namespace, record)).unwrap();
    let layout = Arc::new(Layout::compile(&ty).unwrap());
    Subject { schema, layout }
}

/// A payload of one record, written as it is read.
struct Payload<'p> {
    piece: &'p dyn Fn(usize) -> String,
    tail: &'p str,
    made: Vec<u8>,
    at: usize,
    pieces: usize,
    left: usize,
    ended: bool,
}

impl<'p> Payload<'p> {
    fn new(head: &'p str, piece: &'p dyn Fn(usize) -> String, tail: &'p str) -> Payload<'p> {
        let made = head.as_bytes().to_vec();
        Payload { piece, tail, made, at: 0, pieces: 0, left: LONG, ended: false }
    }
}

impl Read for Payload<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.made.len() && !self.ended {
            let piece = (self.piece)(self.pieces);
            self.ended = piece.len() > self.left;
            self.made = if self.ended { self.tail.as_bytes().to_vec() } else { piece.into_bytes() };
            (self.at, self.pieces) = (0, self.pieces + 1);
            self.left = self.left.saturating_sub(self.made.len());
        }
        let read = (&self.made[self.at..]).read(into)?;
        self.at += read;
        Ok(read)
    }
}

/// How many violations there were, and what ended the payload before its time.
fn take(subject: &Subject, source: &mut dyn RecordSource) -> (u64, Option<ReadError>) {
    let mut checker = RecordChecker::new(&subject.schema, &subject.layout);
    let (mut record, mut violations) = (Record::new(), Violations::default());
    loop {
        match source.next_checked(&mut record, &mut checker, &mut violations) {
            Ok(Next::Good | Next::Bad) => {}
            Ok(Next::End) => return (violations.total(), None),
            Err(error) => return (violations.total(), Some(error)),
        }
    }
}

/// Peak resident memory so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap()
}

/// Forgets the peak so far, where the system lets us; gives it, which is then what is resident.
fn idle() -> u64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    peak()
}

type Piece = Box<dyn Fn(usize) -> String>;

fn same(piece: &'static str) -> Piece {
    Box::new(move |_| piece.to_owned())
}

/// Ampersands in pieces of one section.
fn section(number: usize) -> String {
    let begin = if number == 0 { "<![CDATA[" } else { "" };
    format!("{begin}{}", "&".repeat(4096))
}

/// Names the kind that a process of this test is to measure.
const KIND: &str = "SEKISHO_TEST_KIND";

#[test]
fn no_record_takes_more_than_a_few_mebibytes() {
    let visits = subject("visits.xsd", "urn:example:visits", "Visit");
    let families = subject("families.xsd", "urn:example:families", "Family");
    let visit = "<Visit xmlns='urn:example:visits'>".to_owned();
    let foreign = format!("<Visit xmlns='urn:example:visits' xmlns:a='urn:{}'>", "x".repeat(1000));
    let family = "<Family xmlns='urn:example:families'><Id>A1</Id>".to_owned();
    let member = format!("{family}<Member><Name>x</Name>");
    let (visit_end, family_end) = ("</Visit>", "</Family>");
    let member_end = "</Member></Family>";
    // What a record is, and the code of what refuses it before the schema does, if something does.
    let kinds: Vec<(&str, &Subject, &str, Piece, &str, &str)> = vec![
        ("a field again and again", &visits, &visit, same("<Id/>"), visit_end, ""),
        ("a field with a value again and again", &visits, &visit, same("<Id>1</Id>"), visit_end, ""),
        ("unknown elements", &visits, &visit, same("<x/>"), visit_end, ""),
        ("unknown elements, a line each", &visits, &visit, same("<x/>\n"), visit_end, ""),
        ("unknown elements, each another", &visits, &visit, Box::new(|i| format!("<x{i}/>")), visit_end, ""),
        ("elements of a long namespace", &visits, &foreign, same("<a:b/>"), visit_end, "payload-limit"),
        ("namespaces", &visits, &visit, Box::new(|i| format!("<b xmlns='{i}'/>")), visit_end, ""),
        ("text out of place", &visits, &visit, same("x "), visit_end, ""),
        ("what must be escaped", &visits, &visit, Box::new(|_| "]&gt;>>>>>>>".repeat(9)), visit_end, ""),
        ("sections", &visits, &visit, same("<![CDATA[&&&&&&&&&&&&&&&&&&]]>"), visit_end, ""),
        ("a large section", &visits, &visit, Box::new(section), "]]></Visit>", "payload-limit"),
        ("text between elements", &visits, &visit, same("x<x/>"), visit_end, ""),
        ("levels", &visits, &visit, same("<x><x><x><x><x/></x></x></x></x>"), visit_end, ""),
        ("comments", &visits, &visit, same("<!-- -->"), visit_end, ""),
        ("groups", &families, &family, same("<Member/>"), family_end, "payload-limit"),
        ("groups in a group", &families, &member, same("<Job/>"), member_end, "payload-limit"),
        ("valid groups", &families, &member, same("<Job><Title>x</Title></Job>"), member_end, ""),
    ];
    let check = |subject: &Subject, head: &str, piece: &Piece, tail: &str| {
        let mut reader = Reader::new(BufReader::new(Payload::new(head, piece, tail)), Limits::default());
        take(subject, &mut XmlRecords::from_document(&mut reader, &subject.layout, XmlOptions::default()))
    };
    let json = |piece: &Piece| {
        let head = r#"[{"Id":"A1","Member":[{"Name":"x","Job":["#;
        let payload = BufReader::new(Payload::new(head, piece, "{}]}]}]"));
        let (form, limits) = (JsonForm::Array, JsonLimits::default());
        take(&families, &mut JsonReader::new(payload, &families.layout, form, limits))
    };
    let objects = [("empty objects", "{},"), ("objects", r#"{"Title":"x"},"#)];
    let Ok(chosen) = std::env::var(KIND) else {
        kinds.iter().map(|kind| kind.0).chain(objects.map(|(name, _)| name)).for_each(measure_alone);
        return;
    };
    check(&visits, &visit, &same("<Id/>"), "<x>");
    json(&same("x"));
    let before = idle();
    let (refused, (violations, error)) =
        if let Some((_, piece)) = objects.into_iter().find(|(name, _)| *name == chosen) {
            ("payload-limit", json(&same(piece)))
        } else {
            let kind = kinds.iter().find(|kind| kind.0 == chosen).unwrap();
            let (_, subject, head, piece, tail, refused) = kind;
            (*refused, check(subject, head, piece, tail))
        };
    let kept = peak().saturating_sub(before);
    let code = error.as_ref().map_or("", ReadError::code);
    println!("{chosen}: {kept} KiB, {violations} violations {code}");
    assert!(kept <= MEMORY, "{kept} KiB");
    assert_eq!(code, refused, "{error:?}");
    if let Some(ReadError { kind: ReadErrorKind::Limit { .. }, place, record, .. }) = error {
        assert!(record == 1 && place.line == 1);
    }
}

/// Runs this test for one kind only.
fn measure_alone(kind: &str) {
    let program = std::env::current_exe().unwrap();
    let ran = Command::new(program).arg("--nocapture").env(KIND, kind).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    println!("{}", said.lines().find(|line| line.starts_with(kind)).unwrap_or_default());
    assert!(ran.status.success(), "{kind}: {said}{}", String::from_utf8_lossy(&ran.stderr));
}
