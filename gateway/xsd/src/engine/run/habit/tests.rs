#![allow(clippy::unwrap_used)] // a test that fails is what they are for

use std::io::{BufReader, Read};

use proptest::prelude::*;

use super::super::{Bounds, Memory, Root, check};
use crate::{Schema, Violation};

const SCHEMA: &str = r###"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:h" targetNamespace="urn:h" elementFormDefault="qualified">
<xs:element name="list"><xs:complexType><xs:sequence>
  <xs:element name="head" type="xs:string" minOccurs="0"/>
  <xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="r" type="R"/><xs:element name="s" type="R" maxOccurs="2"/></xs:choice>
  <xs:element name="many" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="r" type="R" maxOccurs="9"/></xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element>
<xs:complexType name="R"><xs:sequence>
  <xs:element name="flag"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="0"/><xs:enumeration value="1"/></xs:restriction></xs:simpleType></xs:element>
  <xs:element name="n" type="xs:int" minOccurs="0" nillable="true"/>
  <xs:element name="d" type="xs:token" default="x" minOccurs="0"/>
  <xs:element name="q" type="xs:QName" minOccurs="0"/>
  <xs:element name="id" type="xs:ID" minOccurs="0"/>
  <xs:element name="e" minOccurs="0"><xs:complexType/></xs:element>
  <xs:element name="m" minOccurs="0"><xs:complexType mixed="true"><xs:sequence><xs:element name="b" type="xs:string" minOccurs="0" maxOccurs="3"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="in" type="In" minOccurs="0" maxOccurs="4"/>
  <xs:any namespace="##other" processContents="lax" minOccurs="0"/>
</xs:sequence><xs:attribute name="a" type="xs:int"/><xs:attribute name="i" type="xs:ID"/></xs:complexType>
<xs:complexType name="In"><xs:sequence><xs:element name="flag" type="xs:boolean"/></xs:sequence></xs:complexType>
</xs:schema>"###;

fn schema() -> Schema {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("habit.xsd");
    std::fs::write(&path, SCHEMA).unwrap();
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
    let usual = ("[01]", "[0-9]{1,3}", any::<bool>()).prop_map(|(flag, n, with)| {
        let n = if with { format!("<n>{n}</n>") } else { String::new() };
        format!("<r><flag>{flag}</flag>{n}</r>\n")
    });
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
        records in prop::collection::vec((record(), 1..5_usize), 0..12),
        head in prop::sample::select(vec!["", "<head>h</head>\n", "<many><r><flag>1</flag></r><r><flag>0</flag></r><r><flag>1</flag></r></many>"]),
        tail in prop::sample::select(vec!["", "<many><r><flag>1</flag></r><r><flag>0</flag></r></many>", "<r>"]),
        step in prop::sample::select(vec![7, 300, 100_000]),
    ) {
        thread_local!(static SCHEMA: std::cell::OnceCell<Schema> = const { std::cell::OnceCell::new() });
        let records: String = records.iter().map(|(record, times)| record.repeat(*times)).collect();
        let text = format!("<list xmlns='urn:h'>{head}{records}{tail}</list>");
        SCHEMA.with(|schema| {
            let schema = schema.get_or_init(super::tests::schema);
            prop_assert_eq!(checked(schema, &text, 3, step), checked(schema, &text, 0, 100_000), "{}", text);
            Ok(())
        })?;
    }
}

#[test]
fn records_alike_are_passed_over() {
    let schema = schema();
    let records = "<r><flag>1</flag><n>5</n></r>\n".repeat(1_000);
    let text = format!("<list xmlns='urn:h'>{records}</list>");
    let bounds = Bounds::document();
    let outcome = schema.basis(|basis| {
        let mut memory = Memory::default();
        let outcome = check(basis, Root::Declared, &bounds, &mut memory, text.as_bytes(), &mut |_| {});
        (outcome.unwrap().valid, memory.habits.passed)
    });
    assert!(outcome.0);
    // The second is learnt from.
    assert_eq!(outcome.1, 998);
}
