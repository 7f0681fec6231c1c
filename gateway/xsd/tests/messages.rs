//! What violations tell: where, in which record, what was expected and found, in both languages; and never a value.
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use sekisho_xml::QName;
use sekisho_xsd::{Checker, DocumentError, Schema, Telling, Violation, rule};

const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="[0-9]{3}"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Codes"><xs:list itemType="Code"/></xs:simpleType>
  <xs:element name="root"><xs:complexType><xs:sequence>
    <xs:element name="head" minOccurs="0"/>
    <xs:sequence maxOccurs="unbounded">
      <xs:element name="rec"><xs:complexType><xs:sequence>
        <xs:element name="code" type="Code"/>
        <xs:element name="many" type="Codes" minOccurs="0"/>
        <xs:choice minOccurs="0"><xs:element name="a" type="xs:int" nillable="true"/><xs:element name="b" type="xs:date" maxOccurs="2"/></xs:choice>
        <xs:element name="end" type="xs:token" fixed="z"/>
      </xs:sequence><xs:attribute name="id" type="xs:ID"/><xs:attribute name="must" type="xs:int" use="required"/></xs:complexType></xs:element>
      <xs:element name="gap" minOccurs="0"/>
    </xs:sequence>
    <xs:element name="tail" type="Code" minOccurs="0"/>
  </xs:sequence></xs:complexType>
  <xs:key name="k"><xs:selector xpath="rec"/><xs:field xpath="code"/></xs:key></xs:element></xs:schema>"#;

const GOOD: &str = "<rec must='1'><code>000</code><end>z</end></rec>";

fn schema() -> Schema {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.xsd");
    std::fs::write(&path, SCHEMA).unwrap();
    Schema::load(&path, None).unwrap()
}

fn violations(text: &str) -> Vec<Violation> {
    let mut all = Vec::new();
    let verdict = schema().validate_document(text.as_bytes(), &mut |violation| all.push(violation)).unwrap();
    assert_eq!(verdict.violations, all.len() as u64);
    all
}

#[test]
fn text_out_of_place_is_told_where_it_stands() {
    let before = format!("<root>\n{GOOD}\n");
    for (record, code, line, column) in [
        ("<rec must='1'>\n  <code>001</code>\n  stray<end>z</end></rec>", "cvc-complex-type.2.3", 5, 3),
        (
            "<rec must='1'>\n<code>001</code><![CDATA[stray]]><end>z</end></rec>",
            "cvc-complex-type.2.3",
            4,
            26,
        ),
        ("<rec must='1'>\n\n&#65;<code>001</code><end>z</end></rec>", "cvc-complex-type.2.3", 5, 1),
        (
            "<rec must='1'><code>001</code><a xsi:nil='true' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\n stray</a><end>z</end></rec>",
            // What is nil has no white space either: it begins with that.
            "cvc-elt.3.2.1",
            3,
            103,
        ),
    ] {
        let all = violations(&format!("{before}{record}\n</root>"));
        let [one] = &all[..] else { panic!("{record}: {all:?}") };
        assert_eq!((one.code, one.line, one.column), (code, Some(line), Some(column)), "{record}");
        let document = format!("{before}{record}");
        let byte = document.lines().take(line as usize - 1).map(|line| line.len() as u64 + 1).sum::<u64>();
        assert_eq!(one.byte, Some(byte + column - 1), "{record}");
        assert!(one.path.as_deref().is_some_and(|path| path.starts_with("root[1]/rec[2]")), "{one:?}");
    }
}

#[test]
fn each_violation_says_what_was_expected_and_found() {
    for (record, code, expected, found) in [
        (
            "<rec must='1'><code>SECRET</code><end>z</end></rec>",
            "cvc-pattern-valid",
            "a match of [0-9]{3}",
            "6 characters",
        ),
        (
            "<rec must='1'><code>1</code><end>z</end></rec>",
            "cvc-pattern-valid",
            "a match of [0-9]{3}",
            "1 character",
        ),
        (
            "<rec must='1'><code>1é1</code><many>000 SECRET</many><end>z</end></rec>",
            "cvc-pattern-valid",
            "a match of [0-9]{3}",
            "3 characters",
        ),
        (
            "<rec must='1'><code>001</code><a>SECRET</a><end>z</end></rec>",
            "cvc-datatype-valid",
            "a value of type xs:int",
            "6 characters",
        ),
        (
            "<rec must='1'><code>001</code><b/><end>z</end></rec>",
            "cvc-datatype-valid",
            "a value",
            "0 characters",
        ),
        (
            "<rec must='1'><code>001</code><end>SECRET</end></rec>",
            "cvc-elt.5.2.2",
            "the fixed value",
            "another value",
        ),
        ("<rec must='1'><end>z</end></rec>", "cvc-complex-type.2.4", "element code", "element end"),
        (
            "<rec must='1'><code>001</code></rec>",
            "cvc-complex-type.2.4",
            "element end or element many or element a or element b",
            "the end of the element",
        ),
        (
            "<rec must='1'><code>001</code><SECRET/><end>z</end></rec>",
            "cvc-complex-type.2.4",
            "element many or element a or element b or element end",
            "an element that the schema does not declare",
        ),
        (
            "<rec must='1'><code>001</code><end>z</end><a>1</a></rec>",
            "cvc-complex-type.2.4",
            "the end of the element",
            "element a",
        ),
        ("<rec><code>001</code><end>z</end></rec>", "cvc-complex-type.4", "attribute must", "no attribute"),
        (
            "<rec must='SECRET'><code>001</code><end>z</end></rec>",
            "cvc-datatype-valid",
            "a value of type xs:int",
            "6 characters",
        ),
        (
            "<rec must='1' SECRET='1'><code>001</code><end>z</end></rec>",
            "cvc-complex-type.3.2.2",
            "no such attribute",
            "an attribute",
        ),
        (
            "<rec must='1'>SECRET<code>001</code><end>z</end></rec>",
            "cvc-complex-type.2.3",
            "elements",
            "text",
        ),
        (
            "<rec must='1'><code>000</code><end>z</end></rec>",
            "cvc-identity-constraint.4.2.2",
            "a new key",
            "a repeated one",
        ),
    ] {
        let text = format!("<root>\n{GOOD}\n{record}</root>");
        let all = violations(&text);
        let one = all.first().unwrap_or_else(|| panic!("{record} is valid"));
        let en = |words: &Option<sekisho_xsd::Words>| words.clone().unwrap_or_default().en;
        assert_eq!(
            (one.code, en(&one.expected).as_str(), en(&one.found).as_str()),
            (code, expected, found),
            "{record}"
        );
        assert_eq!(one.record, Some(2), "{record}: {one:?}");
        for violation in &all {
            let told = format!("{violation:?}");
            assert!(!told.contains("SECRET"), "{told}");
            assert!(
                !violation.message.is_empty() && violation.message.chars().all(|c| c < 'ぁ'),
                "{violation:?}"
            );
            for ja in [Some(&violation.message_ja), violation.found.as_ref().map(|words| &words.ja)] {
                assert!(ja.is_none_or(|ja| ja.chars().any(|c| c >= 'ぁ')), "{violation:?}");
            }
            assert!(rule(violation.code).is_some(), "{} has no text", violation.code);
        }
    }
}

#[test]
fn a_violation_is_at_its_tag_by_line_column_and_byte() {
    let text =
        format!("\u{feff}<root>\n<!-- 東京都 -->{GOOD}<rec must='1'><code>x</code><end>z</end></rec></root>");
    let one = &violations(&text)[0];
    let at = text.find("<code>x").unwrap();
    let line = text.find("<!--").unwrap();
    // A byte order mark counts for nothing; a column is a character.
    assert_eq!(one.byte, Some(at as u64 - 3));
    assert_eq!((one.line, one.column), (Some(2), Some(text[line..at].chars().count() as u64 + 1)));
    // A child out of place is at its own tag, not at its parent's.
    let text = format!("<root>{GOOD}<rec must='1'><end>z</end></rec></root>");
    assert_eq!(violations(&text)[0].byte, text.rfind("<end>").map(|at| at as u64));
}

#[test]
fn records_are_numbered_and_what_is_no_record_is_not() {
    let bad = "<rec must='1'><code>x</code><end>z</end></rec>";
    // The first of its kind is a record, too, and gaps between them do not count.
    let numbers = |text: &str| violations(text).iter().map(|violation| violation.record).collect::<Vec<_>>();
    assert_eq!(numbers(&format!("<root>{bad}</root>")), [Some(1)]);
    let other = GOOD.replace("000", "001");
    assert_eq!(
        numbers(&format!("<root><head/>{GOOD}<gap/>{bad}<gap/>{other}{bad}</root>")),
        [Some(2), Some(4)]
    );
    // The innermost repetition does not count, and what may come once only is no record.
    let inner = "<rec must='1'><code>002</code><b>2026-01-01</b><b>x</b><end>z</end></rec>";
    assert_eq!(numbers(&format!("<root>{GOOD}{inner}</root>")), [Some(2)]);
    assert_eq!(numbers(&format!("<root>{GOOD}<tail>x</tail></root>")), [None]);
    assert_eq!(
        violations(&format!("<root>{GOOD}<tail>x</tail></root>"))[0].path.as_deref(),
        Some("root[1]/tail[1]")
    );
}

#[test]
fn values_are_told_only_to_those_who_ask() {
    let long = "長い値".repeat(20);
    let text = format!(
        "<root><rec must='1'><code>{long}</code><many>000 12x</many><a>1x</a><end>z</end></rec></root>"
    );
    for told in violations(&text) {
        let told = format!("{told:?}");
        assert!(!told.contains("長い") && !told.contains("12x") && !told.contains("1x"), "{told}");
    }
    let mut shown = Vec::new();
    let telling = Telling { values: true, ..Telling::default() };
    schema().validate_document_telling(telling, text.as_bytes(), &mut |v| shown.push(v)).unwrap();
    let found: Vec<_> = shown.iter().map(|v| v.found.clone().unwrap().en).collect();
    let cut: String = long.chars().take(40).collect();
    assert_eq!(
        found,
        [format!("60 characters: \"{cut}…\""), "3 characters: \"12x\"".into(), "2 characters: \"1x\"".into()]
    );
    assert!(shown[1].message.contains("item 2 does not match"), "{}", shown[1].message);
    assert!(shown[1].message_ja.contains("2番目の項目"), "{}", shown[1].message_ja);

    let schema = schema();
    let record = schema.record_type(&QName::new("", "rec"));
    // Attributes make it no record for all doors; a value alone can be asked for all the same.
    assert!(record.is_err());
    let plain = SCHEMA.replace(r#"<xs:attribute name="id" type="xs:ID"/><xs:attribute name="must" type="xs:int" use="required"/>"#, "")
        .replace(r#"<xs:choice minOccurs="0"><xs:element name="a" type="xs:int" nillable="true"/><xs:element name="b" type="xs:date" maxOccurs="2"/></xs:choice>"#, "");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.xsd"), plain).unwrap();
    let schema = Schema::load(&folder.path().join("m.xsd"), None).unwrap();
    let record = schema.record_type(&QName::new("", "rec")).unwrap();
    for (show, expected) in [(false, "2 characters"), (true, "2 characters: \"1x\"")] {
        let mut found = Vec::new();
        let mut checker = Checker::new(&schema, &record).show_values(show);
        checker.element(b"<rec><code>1x</code><end>z</end></rec>", &mut |v| found.push(v));
        assert_eq!(found[0].found.as_ref().unwrap().en, expected);
        assert_eq!(found[0].record, None, "who hands in one record knows its number");
    }
}

#[test]
fn what_stops_a_check_is_told_in_both_languages_with_its_byte() {
    for (text, byte) in [("<root>&SECRET;</root>", 6), ("<!DOCTYPE root><root/>", 0), ("<root>\n<n>", 10)] {
        let error = schema().validate_document(text.as_bytes(), &mut |_| {}).unwrap_err();
        assert!(matches!(error, DocumentError::NotWellFormed { .. }), "{error}");
        assert_eq!(error.place().map(|place| place.2), Some(byte), "{text}: {error}");
        assert!(error.message_ja().chars().any(|c| c >= 'ぁ') && !error.message_ja().contains("SECRET"));
        assert!(error.to_string().is_ascii() && rule(error.code()).is_some());
    }
}
