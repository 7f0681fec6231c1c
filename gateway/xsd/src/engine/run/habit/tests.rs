#![allow(clippy::unwrap_used)] // a test that fails is what they are for

use std::io::{BufReader, Read};

use proptest::prelude::*;

use super::super::{Bounds, Memory, Root, check};
use crate::{Schema, Violation};

const SCHEMA: &str = r###"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:h" xmlns:h="urn:h" targetNamespace="urn:h" elementFormDefault="qualified">
<xs:element name="list"><xs:complexType><xs:sequence>
  <xs:element name="head" type="xs:string" minOccurs="0"/>
  <xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="r" type="R"/><xs:element name="s" type="R" maxOccurs="2"/></xs:choice>
  <xs:element name="many" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="r" type="R" maxOccurs="9"/></xs:sequence></xs:complexType>MANY</xs:element>
</xs:sequence></xs:complexType>LIST</xs:element>
<xs:complexType name="R"><xs:sequence>
  <xs:element name="flag"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="0"/><xs:enumeration value="1"/></xs:restriction></xs:simpleType></xs:element>
  <xs:element name="n" type="xs:int" minOccurs="0" nillable="true"/>
  <xs:element name="k" type="xs:int" minOccurs="0"/>
  <xs:element name="d" type="xs:token" default="x" minOccurs="0"/>
  <xs:element name="q" type="xs:QName" minOccurs="0"/>
  <xs:element name="id" type="xs:ID" minOccurs="0"/>
  <xs:element name="e" minOccurs="0"><xs:complexType/></xs:element>
  <xs:element name="m" minOccurs="0"><xs:complexType mixed="true"><xs:sequence><xs:element name="b" type="xs:string" minOccurs="0" maxOccurs="3"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="in" type="In" minOccurs="0" maxOccurs="4"/>
  <xs:element name="set" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="in" type="In" maxOccurs="4"/></xs:sequence></xs:complexType>
    <xs:unique name="set"><xs:selector xpath="h:in"/><xs:field xpath="h:flag"/></xs:unique></xs:element>
  <xs:any namespace="##other" processContents="lax" minOccurs="0"/>
</xs:sequence><xs:attribute name="a" type="xs:int"/><xs:attribute name="i" type="xs:ID"/></xs:complexType>
<xs:complexType name="In"><xs:sequence><xs:element name="flag" type="xs:boolean"/></xs:sequence></xs:complexType>
</xs:schema>"###;

/// Constraints of `list` and of `many`.
const CONSTRAINTS: [(&str, &str); 10] = [
    ("", ""),
    (r#"<xs:unique name="u"><xs:selector xpath="h:r|h:s"/><xs:field xpath="h:n"/></xs:unique>"#, ""),
    (
        r#"<xs:key name="k"><xs:selector xpath=".//h:r"/><xs:field xpath="h:flag"/><xs:field xpath="h:k"/></xs:key>"#,
        "",
    ),
    (r#"<xs:unique name="u"><xs:selector xpath="h:r/h:in"/><xs:field xpath="h:flag"/></xs:unique>"#, ""),
    (r#"<xs:unique name="u"><xs:selector xpath="h:r"/><xs:field xpath="@a|h:n"/></xs:unique>"#, ""),
    (
        r#"<xs:key name="k"><xs:selector xpath="h:r"/><xs:field xpath="h:k"/></xs:key>
           <xs:keyref name="f" refer="k"><xs:selector xpath="h:s"/><xs:field xpath="h:k"/></xs:keyref>"#,
        "",
    ),
    (r#"<xs:unique name="u"><xs:selector xpath="."/><xs:field xpath="h:many/h:r/h:n"/></xs:unique>"#, ""),
    (
        r#"<xs:unique name="u"><xs:selector xpath=".//h:flag"/><xs:field xpath="."/></xs:unique>"#,
        r#"<xs:key name="k"><xs:selector xpath="h:r"/><xs:field xpath="h:k"/></xs:key>"#,
    ),
    ("", r#"<xs:unique name="u"><xs:selector xpath="h:r"/><xs:field xpath="h:n"/></xs:unique>"#),
    (
        r#"<xs:unique name="u"><xs:selector xpath="h:r"/><xs:field xpath="h:d"/><xs:field xpath="h:n"/></xs:unique>"#,
        "",
    ),
];

fn schema(constraints: (&str, &str)) -> Schema {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("habit.xsd");
    std::fs::write(&path, SCHEMA.replace("LIST", constraints.0).replace("MANY", constraints.1)).unwrap();
    Schema::load(&path, None).unwrap()
}

/// Gives out a few bytes at a time, and counts them.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.len().min(self.1).min(buffer.len());
        let (head, rest) = self.0.split_at(length);
        buffer[..length].copy_from_slice(head);
        self.0 = rest;
        Ok(length)
    }
}

/// Verdict and violations, with so many habits.
fn checked(schema: &Schema, text: &str, habits: usize, step: usize) -> (String, Vec<Violation>) {
    let bounds = Bounds { habits, ..Bounds::document() };
    let mut violations = Vec::new();
    let input = BufReader::with_capacity(step, Trickle(text.as_bytes(), step));
    let outcome = schema.basis(|basis| {
        check(basis, Root::Declared, &bounds, &mut Memory::default(), input, &mut |found| {
            violations.push(found)
        })
    });
    (format!("{outcome:?}"), violations)
}

/// A record, of the usual kind or with something in it that is not.
fn record() -> impl Strategy<Value = String> {
    let usual = ("[01]", prop::sample::select(vec!["", "n", "k", "k", "k"]), "0?[0-9]{1,2}").prop_map(
        |(flag, name, n)| {
            let n = if name.is_empty() { String::new() } else { format!("<{name}>{n}</{name}>") };
            format!("<r><flag>{flag}</flag>{n}</r>\n")
        },
    );
    let parts = prop::sample::subsequence(
        vec![
            "<flag>1</flag>",
            "<flag>2</flag>",
            "<flag>&#48;</flag>",
            "<n>x</n>",
            "<n/>",
            "<n nil='true'/>",
            "<n xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='true'/>",
            "<d></d>",
            "<d>y</d>",
            "<q>p:a</q>",
            "<q>b</q>",
            "<id>same</id>",
            "<e/>",
            "<e></e>",
            "<e> </e>",
            "<m>t<b>1</b>u</m>",
            "<m/>",
            "<in><flag>true</flag></in>",
            "<in><flag>0</flag></in>",
            "<in><flag>1</flag></in>",
            "<in><flag>7</flag></in>",
            "<set><in><flag>1</flag></in><in><flag>0</flag></in></set>",
            "<set><in><flag>1</flag></in><in><flag>1</flag></in></set>",
            "<o xmlns='urn:o'>1</o>",
            "<!-- c -->",
            "text",
            "<unknown/>",
        ],
        0..6,
    );
    let tag =
        prop::sample::select(vec!["r", "r a='1'", "r a='x'", "r i='same'", "s", "r xmlns:p='urn:p'", "list"]);
    let odd = (tag, parts).prop_map(|(tag, parts)| {
        let name = tag.split(' ').next().unwrap();
        format!("<{tag}>{}</{name}>\n", parts.concat())
    });
    prop_oneof![3 => usual, 2 => odd]
}

proptest! {
    /// What is expected changes nothing that anybody sees.
    #[test]
    fn habits_change_no_verdict(
        records in prop::collection::vec((record(), 1..5_usize, prop::bool::weighted(0.3)), 0..12),
        head in prop::sample::select(vec!["", "<head>h</head>\n", "<many><r><flag>1</flag></r><r><flag>0</flag></r><r><flag>1</flag></r></many>"]),
        tail in prop::sample::select(vec![
            "",
            "<many><r><flag>1</flag></r><r><flag>0</flag></r></many>",
            "<many><r><flag>1</flag><k>1</k></r><r><flag>0</flag><k>2</k></r><r><flag>0</flag><k>3</k></r><r><flag>0</flag><k>2</k></r></many>",
            "<r>",
        ]),
        step in prop::sample::select(vec![7, 300, 100_000]),
        constraints in 0..CONSTRAINTS.len(),
    ) {
        thread_local!(static SCHEMAS: Vec<Schema> = CONSTRAINTS.map(super::tests::schema).into());
        let records = records.iter().map(|(record, times, again)| record.repeat(if *again { *times } else { 1 }));
        let text = format!("<list xmlns='urn:h'>{head}{}{tail}</list>", records.collect::<String>());
        SCHEMAS.with(|schemas| {
            let schema = &schemas[constraints];
            prop_assert_eq!(checked(schema, &text, 3, step), checked(schema, &text, 0, 100_000), "{}", text);
            Ok(())
        })?;
    }
}

/// How many elements of a document are passed over, and what is wrong with it.
fn passed(schema: &Schema, text: &str) -> (u64, Vec<Violation>) {
    let bounds = Bounds::document();
    schema.basis(|basis| {
        let (mut memory, mut violations) = (Memory::default(), Vec::new());
        let told = &mut |found| violations.push(found);
        check(basis, Root::Declared, &bounds, &mut memory, text.as_bytes(), told).unwrap();
        (memory.habits.passed, violations)
    })
}

#[test]
fn keys_of_records_that_are_passed_over_count() {
    let unique = r#"<xs:unique name="u"><xs:selector xpath="h:r|h:s"/><xs:field xpath="h:k"/></xs:unique>"#;
    for constraints in [unique, CONSTRAINTS[2].0] {
        let schema = schema((constraints, ""));
        let record = |k: usize| format!("<r><flag>1</flag><k>{k}</k></r>\n");
        let mut records: String = (0..1_000).map(record).collect();
        let text = format!("<list xmlns='urn:h'>{records}</list>");
        assert_eq!(passed(&schema, &text), (998, Vec::new()));
        // The same value in other words, after many records and before many.
        records.push_str("<r><flag>1</flag><k>0500</k></r>\n");
        records.extend((1_000..2_000).map(record));
        let text = format!("<list xmlns='urn:h'>{records}</list>");
        let (number, violations) = passed(&schema, &text);
        assert_eq!(number, 1_998);
        let [violation] = &violations[..] else { panic!("{violations:?}") };
        assert!(violation.code.starts_with("cvc-identity-constraint.4"), "{violation:?}");
        assert_eq!(violation.line, Some(1_001));
    }
}

/// What is unique inside each record is looked at in each.
#[test]
fn constraints_inside_records_are_not_passed_over() {
    let schema = schema(("", ""));
    let record = |last: &str| {
        format!("<r><flag>1</flag><set><in><flag>0</flag></in><in><flag>{last}</flag></in></set></r>")
    };
    let text = format!("<list xmlns='urn:h'>{}{}</list>", record("1").repeat(9), record("0"));
    let (_, violations) = passed(&schema, &text);
    let codes: Vec<_> = violations.iter().map(|violation| violation.code).collect();
    assert_eq!(codes, ["cvc-identity-constraint.4.1"]);
}

#[test]
fn records_alike_are_passed_over() {
    let records = "<r><flag>1</flag><n>5</n></r>\n".repeat(1_000);
    // The second is learnt from.
    assert_eq!(
        passed(&schema(("", "")), &format!("<list xmlns='urn:h'>{records}</list>")),
        (998, Vec::new())
    );
}
