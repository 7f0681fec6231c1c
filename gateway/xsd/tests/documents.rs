//! Whole documents: what stops a check, and that memory and words stay bounded.
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use sekisho_xml::QName;
use sekisho_xsd::{DocumentError, Schema, Validity, Violation};

fn load(text: &str) -> Schema {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.xsd");
    std::fs::write(&path, text).unwrap();
    Schema::load(&path, None).unwrap()
}

fn open_schema() -> Schema {
    load(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
          <xs:element name="root"><xs:complexType><xs:sequence>
            <xs:any processContents="lax" minOccurs="0" maxOccurs="unbounded"/>
          </xs:sequence><xs:anyAttribute processContents="lax"/></xs:complexType></xs:element>
          <xs:element name="n" type="xs:int"/></xs:schema>"#,
    )
}

fn closed_schema() -> Schema {
    load(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
          <xs:element name="root"><xs:complexType><xs:sequence>
            <xs:element name="n" type="xs:int" minOccurs="0" maxOccurs="unbounded"/>
          </xs:sequence></xs:complexType></xs:element></xs:schema>"#,
    )
}

fn check(schema: &Schema, input: impl BufRead) -> (Result<Validity, DocumentError>, Vec<Violation>) {
    let mut all = Vec::new();
    let outcome = schema.validate_document(input, &mut |violation| all.push(violation));
    (outcome, all)
}

/// `head`, then `body` over and over for `bytes`, then `tail`.
struct Endless<'a> {
    head: &'a [u8],
    body: &'a [u8],
    tail: &'a [u8],
    at: u64,
    bytes: u64,
}

impl<'a> Endless<'a> {
    fn new(head: &'a str, body: &'a str, tail: &'a str, bytes: u64) -> BufReader<Self> {
        BufReader::new(Self {
            head: head.as_bytes(),
            body: body.as_bytes(),
            tail: tail.as_bytes(),
            at: 0,
            bytes,
        })
    }
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.head.is_empty() {
            return self.head.read(buffer);
        }
        if self.at < self.bytes {
            let offset = (self.at % self.body.len() as u64) as usize;
            let n = (&self.body[offset..]).read(buffer)?;
            self.at += n as u64;
            return Ok(n);
        }
        self.tail.read(buffer)
    }
}

#[test]
fn what_goes_over_a_limit_stops_the_check() {
    let schema = open_schema();
    for (head, body, which) in [
        ("<root>", "<a>", "levels of elements"),
        ("<root>", "text and more text ", "bytes"),
        ("<root><!--", "comment ", "bytes"),
        ("<root><n>1", "<!-- -->1111111111111111", "bytes of text in one element"),
        ("<root a='", "value ", "bytes"),
        ("<root ", "x='' ", ""),
        ("<root><", "name", "bytes"),
    ] {
        let (outcome, _) = check(&schema, Endless::new(head, body, "", 1 << 30));
        match outcome.expect_err(body) {
            DocumentError::Limit { which: found, .. } => assert!(found.contains(which), "{body}: {found}"),
            DocumentError::NotWellFormed { .. } if which.is_empty() => {}
            other => panic!("{body}: {other}"),
        }
    }
    // What is not kept needs no limit: names that the schema does not have, and location hints.
    let names: String = (0..4000).map(|i| format!("<{}{i}/>", "n".repeat(900))).collect();
    let (outcome, _) = check(&schema, format!("<root>{names}</root>").as_bytes());
    assert!(outcome.unwrap().valid);
    let hints = r#"<a xsi:schemaLocation="urn:x y"/>"#.repeat(100);
    let (outcome, _) = check(
        &schema,
        format!(r#"<root xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{hints}</root>"#).as_bytes(),
    );
    assert!(outcome.unwrap().valid);
    // And a schema that has been through all this still answers.
    let (outcome, all) = check(&schema, &b"<root><n>1</n></root>"[..]);
    assert_eq!(
        (outcome.unwrap(), all),
        (Validity { valid: true, violations: 0, complete: true }, Vec::new())
    );
}

#[test]
fn what_is_not_well_formed_says_where_and_no_more() {
    let schema = open_schema();
    for (text, line, column) in [
        ("<root>\n  <n>1</m>\n</root>", 2, 7),
        ("<!DOCTYPE root>\n<root/>", 1, 1),
        ("<root>&secret;</root>", 1, 7),
        ("<root>\n<n>1</n>", 2, 9),
    ] {
        let (outcome, _) = check(&schema, text.as_bytes());
        let error = outcome.expect_err(text);
        let DocumentError::NotWellFormed { line: l, column: c, message, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((*l, *c), (line, column), "{text}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn hints_lead_nowhere() {
    let schema = closed_schema();
    let text = r#"<root xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
        xsi:noNamespaceSchemaLocation="/etc/passwd" xsi:schemaLocation="urn:x http://127.0.0.1:1/x.xsd"><n>1</n></root>"#;
    let (outcome, all) = check(&schema, text.as_bytes());
    assert!(outcome.unwrap().valid, "{all:?}");
}

#[test]
fn a_flood_of_errors_is_cut() {
    let (outcome, all) = check(&closed_schema(), Endless::new("<root>", "<n>x</n>", "</root>", 8 * 200_000));
    assert_eq!(outcome.unwrap(), Validity { valid: false, violations: 100_000, complete: false });
    assert_eq!(all.len(), 1000);
    assert_eq!((all[999].line, all[999].column), (Some(1), Some(7 + 999 * 8)));
    assert_eq!(all[999].path.as_deref(), Some("root[1]/n[1000]"));
}

#[test]
fn the_repositorys_own_layouts_are_layouts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    for (file, namespace, record) in [
        ("attributes.xsd", "urn:example:city:attributes:1", "Record"),
        ("differential.xsd", "urn:example:city:attributes:1", "Change"),
        ("household.xsd", "urn:example:city:household:1", "Household"),
        ("orders.xsd", "urn:example:bulk", "order"),
    ] {
        let schema = Schema::load(&folder.join(file), None).unwrap();
        let ty = schema.record_type(&QName::new(namespace, record)).unwrap();
        assert_eq!(ty.keys.len(), 1, "{file}");
    }
}

#[test]
fn questions_are_answered_line_by_line() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let schema = data.join("attribute.xsd").display().to_string();
    let bad_schema =
        file("bad.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:nothing/></xs:schema>");
    let head = r#"<AttributeData xmlns="urn:example:attribute-data:1"><Header><DataId>x</DataId>"#;
    let tail = "<RecordCount>0</RecordCount></Header></AttributeData>";
    let good = file("good.xml", &format!("{head}<Created>2026-04-01T00:00:00</Created>{tail}"));
    let bad = file("bad.xml", &format!("{head}<Created>today</Created>{tail}"));
    let broken = file("broken.xml", head);
    let questions = format!(
        "S\t{schema}\nI\t{schema}\t{good}\nI\t{schema}\t{bad}\nI\t{schema}\t{broken}\nS\t{bad_schema}\nI\t{bad_schema}\t{good}\nI\t{schema}\t/no/such\nhello\n"
    );
    let mut answers = Vec::new();
    sekisho_xsd::lines::serve(questions.as_bytes(), &mut answers).unwrap();
    let answers = String::from_utf8(answers).unwrap();
    let answers: Vec<_> = answers.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        answers,
        ["valid", "valid", "invalid", "invalid", "schema-error", "schema-error", "error", "error"]
    );
}
