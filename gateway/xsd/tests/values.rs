//! Single values: every facet, white space, and the same verdict as for the element that holds the value.
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use sekisho_xml::QName;
use sekisho_xsd::{
    Checker, ElementContent, Particle, RecordType, Schema, SimpleType, ValueKind, Violation, WhiteSpace,
};

/// Name, definition (inside `xs:simpleType`).
const TYPES: [(&str, &str); 27] = [
    ("Len", r#"<xs:restriction base="xs:string"><xs:length value="3"/></xs:restriction>"#),
    (
        "MinMax",
        r#"<xs:restriction base="xs:string"><xs:minLength value="2"/><xs:maxLength value="4"/></xs:restriction>"#,
    ),
    ("Pattern", r#"<xs:restriction base="xs:string"><xs:pattern value="[a-c]+[0-9]?"/></xs:restriction>"#),
    (
        "Patterns",
        r#"<xs:restriction base="Pattern"><xs:pattern value="a.*"/><xs:pattern value="b.*"/></xs:restriction>"#,
    ),
    (
        "Enum",
        r#"<xs:restriction base="xs:token"><xs:enumeration value="yes"/><xs:enumeration value="no way"/></xs:restriction>"#,
    ),
    (
        "Range",
        r#"<xs:restriction base="xs:integer"><xs:minInclusive value="-2"/><xs:maxInclusive value="12"/></xs:restriction>"#,
    ),
    (
        "Open",
        r#"<xs:restriction base="xs:decimal"><xs:minExclusive value="0"/><xs:maxExclusive value="1"/></xs:restriction>"#,
    ),
    (
        "Digits",
        r#"<xs:restriction base="xs:decimal"><xs:totalDigits value="4"/><xs:fractionDigits value="2"/></xs:restriction>"#,
    ),
    ("Replace", r#"<xs:restriction base="xs:normalizedString"><xs:maxLength value="5"/></xs:restriction>"#),
    ("Inherited", r#"<xs:restriction base="Replace"><xs:minLength value="1"/></xs:restriction>"#),
    (
        "Collapsed",
        r#"<xs:restriction base="xs:string"><xs:whiteSpace value="collapse"/><xs:length value="3"/></xs:restriction>"#,
    ),
    ("List", r#"<xs:list itemType="Range"/>"#),
    (
        "Short",
        r#"<xs:restriction base="List"><xs:minLength value="1"/><xs:maxLength value="3"/></xs:restriction>"#,
    ),
    ("Three", r#"<xs:restriction base="List"><xs:length value="3"/></xs:restriction>"#),
    (
        "Listed",
        r#"<xs:restriction base="List"><xs:enumeration value="1 2"/><xs:enumeration value="3"/></xs:restriction>"#,
    ),
    ("Union", r#"<xs:union memberTypes="Range Enum"/>"#),
    ("Codes", r#"<xs:union memberTypes="xs:string Pattern"/>"#),
    ("Bytes", r#"<xs:restriction base="xs:base64Binary"><xs:maxLength value="3"/></xs:restriction>"#),
    ("Day", r#"<xs:restriction base="xs:date"><xs:minInclusive value="2000-01-01"/></xs:restriction>"#),
    ("Bool", r#"<xs:restriction base="xs:boolean"/>"#),
    ("Float", r#"<xs:restriction base="xs:float"><xs:maxInclusive value="10"/></xs:restriction>"#),
    ("Double", r#"<xs:restriction base="xs:double"/>"#),
    ("Month", r#"<xs:restriction base="xs:gYearMonth"/>"#),
    ("Time", r#"<xs:restriction base="xs:dateTime"/>"#),
    ("Uri", r#"<xs:restriction base="xs:anyURI"><xs:maxLength value="8"/></xs:restriction>"#),
    ("Tokens", r#"<xs:restriction base="xs:NMTOKENS"><xs:maxLength value="2"/></xs:restriction>"#),
    ("Language", r#"<xs:restriction base="xs:language"/>"#),
];

struct Fixture {
    schema: Schema,
    record: RecordType,
    types: BTreeMap<String, SimpleType>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let types: String = TYPES
        .iter()
        .map(|(name, body)| format!(r#"<xs:simpleType name="{name}">{body}</xs:simpleType>"#))
        .collect();
    let elements: String = TYPES
        .iter()
        .map(|(name, _)| {
            format!(r#"<xs:element name="e{name}" type="{name}" minOccurs="0" nillable="true"/>"#)
        })
        .collect();
    let text = format!(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{types}
           <xs:element name="r"><xs:complexType><xs:sequence>{elements}
             <xs:element name="fixed" type="xs:decimal" fixed="1.0" minOccurs="0"/>
             <xs:element name="inline" minOccurs="0"><xs:simpleType><xs:restriction base="Range"/></xs:simpleType></xs:element>
           </xs:sequence></xs:complexType></xs:element></xs:schema>"#
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("types.xsd");
    std::fs::write(&path, text).unwrap();
    // The folder goes with this function: whatever is compiled later comes from what was read here.
    let schema = Schema::load(&path, None).unwrap();
    let record = schema.record_type(&QName::new("", "r")).unwrap();
    let types = record
        .content
        .iter()
        .map(|particle| match particle {
            Particle::Element(element) => match &element.content {
                ElementContent::Simple(ty) => (ty.name.clone(), ty.clone()),
                ElementContent::Complex(_) => panic!("simple elements only"),
            },
            _ => panic!("elements only"),
        })
        .collect();
    Fixture { schema, record, types }
});

fn checker() -> Checker {
    Checker::new(&FIXTURE.schema, &FIXTURE.record)
}

fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}

fn in_element(checker: &mut Checker, name: &str, value: &str) -> Vec<Violation> {
    let mut all = Vec::new();
    let xml = format!("<r><e{name}>{}</e{name}></r>", escaped(value));
    checker.element(xml.as_bytes(), &mut |violation| all.push(violation));
    all
}

#[test]
fn every_facet_has_its_code_and_words() {
    let mut checker = checker();
    for (name, good, bad, code, message) in [
        (
            "Len",
            "あいう",
            "ab",
            "cvc-length-valid",
            "a length of exactly 3 is required, found 2 characters (type Len)",
        ),
        (
            "MinMax",
            "ab",
            "a",
            "cvc-minLength-valid",
            "a length of at least 2 is required, found 1 character (type MinMax)",
        ),
        (
            "MinMax",
            "abcd",
            "abcde",
            "cvc-maxLength-valid",
            "a length of at most 4 is allowed, found 5 characters (type MinMax)",
        ),
        (
            "Pattern",
            "abc9",
            "abd",
            "cvc-pattern-valid",
            "the value does not match the pattern [a-c]+[0-9]?, found 3 characters (type Pattern)",
        ),
        (
            "Patterns",
            "b1",
            "c1",
            "cvc-pattern-valid",
            "the value does not match the pattern a.* or b.*, found 2 characters (type Patterns)",
        ),
        (
            "Enum",
            "no way",
            "maybe",
            "cvc-enumeration-valid",
            "the value is none of the 2 that are listed, found 5 characters (type Enum)",
        ),
        ("Range", "-2", "-3", "cvc-minInclusive-valid", "the least value allowed is -2 (type Range)"),
        ("Range", "+012", "13", "cvc-maxInclusive-valid", "the greatest value allowed is 12 (type Range)"),
        (
            "Range",
            "0",
            "1.5",
            "cvc-datatype-valid",
            "the value is not of type xs:integer, found 3 characters (type Range)",
        ),
        ("Range", "1", "", "cvc-datatype-valid", "an empty value is not allowed (type Range)"),
        ("Open", "0.5", "0", "cvc-minExclusive-valid", "the value must be more than 0 (type Open)"),
        ("Open", "0.01", "1.0", "cvc-maxExclusive-valid", "the value must be less than 1 (type Open)"),
        (
            "Digits",
            "12.34",
            "12345",
            "cvc-totalDigits-valid",
            "at most 4 digits are allowed, found 5 digits (type Digits)",
        ),
        (
            "Digits",
            "1.50",
            "1.234",
            "cvc-fractionDigits-valid",
            "at most 2 digits are allowed after the point, found 3 digits (type Digits)",
        ),
        (
            "Short",
            "1 2 3",
            "1 2 3 4",
            "cvc-maxLength-valid",
            "a length of at most 3 is allowed, found 4 items (type Short)",
        ),
        (
            "Three",
            "1 2 3",
            "1 2",
            "cvc-length-valid",
            "a length of exactly 3 is required, found 2 items (type Three)",
        ),
        (
            "Listed",
            "1 2",
            "2 1",
            "cvc-enumeration-valid",
            "the value is none of the 2 that are listed, found 2 items (type Listed)",
        ),
        (
            "Bytes",
            "YWJj",
            "YWJjZA==",
            "cvc-maxLength-valid",
            "a length of at most 3 is allowed, found 4 octets (type Bytes)",
        ),
        (
            "Day",
            "2024-02-29",
            "2023-02-29",
            "cvc-datatype-valid",
            "the value is not of type xs:date, found 10 characters (type Day)",
        ),
        (
            "Day",
            "2000-01-01",
            "1999-12-31",
            "cvc-minInclusive-valid",
            "the least value allowed is 2000-01-01 (type Day)",
        ),
        (
            "Bool",
            "1",
            "yes",
            "cvc-datatype-valid",
            "the value is not of type xs:boolean, found 3 characters (type Bool)",
        ),
        ("Float", "-INF", "1e2", "cvc-maxInclusive-valid", "the greatest value allowed is 10 (type Float)"),
        (
            "Month",
            "2026-04",
            "2026-13",
            "cvc-datatype-valid",
            "the value is not of type xs:gYearMonth, found 7 characters (type Month)",
        ),
        (
            "Len",
            "abc",
            "a\u{1}b",
            "cvc-datatype-valid",
            "character 2 of the value is one that XML cannot hold",
        ),
    ] {
        let ty = FIXTURE.types[name].id;
        // Twice: the second time the value is remembered.
        assert_eq!((checker.value(ty, good), checker.value(ty, good)), (Ok(()), Ok(())), "{name} {good}");
        let violation = checker.value(ty, bad).expect_err(bad);
        assert_eq!((violation.code, violation.message.as_str()), (code, message), "{name} {bad}");
    }
    let error = checker.value(FIXTURE.types["Codes"].id, &"x".repeat((1 << 20) + 1)).unwrap_err();
    assert_eq!(error.code, "limit");
}

#[test]
fn types_say_how_values_are_written() {
    use ValueKind::{Boolean, List, Number, Text};
    use WhiteSpace::{Collapse, Preserve, Replace};
    for (name, white_space, kind, max_length) in [
        ("Len", Preserve, Text, Some(3)),
        ("MinMax", Preserve, Text, Some(4)),
        ("Enum", Collapse, Text, Some(6)),
        ("Range", Collapse, Number, None),
        ("Float", Collapse, Number, None),
        ("Double", Collapse, Number, None),
        ("Replace", Replace, Text, Some(5)),
        ("Inherited", Replace, Text, Some(5)),
        ("Collapsed", Collapse, Text, Some(3)),
        ("Three", Collapse, List, Some(3)),
        ("Tokens", Collapse, List, Some(2)),
        ("Union", Collapse, Text, None),
        ("Codes", Preserve, Text, None),
        ("Bytes", Collapse, Text, None),
        ("Bool", Collapse, Boolean, None),
        ("Uri", Collapse, Text, Some(8)),
        ("inline", Collapse, Number, None),
    ] {
        let ty = &FIXTURE.types[name];
        assert_eq!((ty.white_space, ty.kind, ty.max_length), (white_space, kind, max_length), "{name}");
    }
}

#[test]
fn white_space_is_what_xml_says_it_is() {
    let text = " \ta\r\n\u{a0}\u{3000} b \n";
    assert_eq!(WhiteSpace::Preserve.normalise(text), text);
    assert_eq!(WhiteSpace::Replace.normalise(text), "  a  \u{a0}\u{3000} b  ");
    assert_eq!(WhiteSpace::Collapse.normalise(text), "a \u{a0}\u{3000} b");
}

#[test]
fn fixed_values_are_compared_as_values() {
    let mut checker = checker();
    let ty = FIXTURE.types["xs:decimal"].id;
    assert!(checker.same_value(ty, "1.0", "1"));
    assert!(!checker.same_value(ty, "1.0", "1.1"));
    let mut seen = Vec::new();
    for value in ["1", "2", ""] {
        checker.element(format!("<r><fixed>{value}</fixed></r>").as_bytes(), &mut |v| {
            seen.push((value, v.code))
        });
    }
    assert_eq!(seen, [("2", "cvc-elt.5.2.2")]);
}

/// More checkers than compiled schemas are kept: each still answers, and alike.
#[test]
fn many_checkers_share_few_compiled_schemas() {
    let mut checkers: Vec<_> = (0..20).map(|_| checker()).collect();
    for checker in &mut checkers {
        assert_eq!(in_element(checker, "Len", "abc"), []);
        assert_eq!(in_element(checker, "Range", "77")[0].code, "cvc-maxInclusive-valid");
        assert_eq!(
            checker.value(FIXTURE.types["Range"].id, "77").unwrap_err().code,
            "cvc-maxInclusive-valid"
        );
    }
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let mut checker = checker();
                for n in -5..20 {
                    let verdict = checker.value(FIXTURE.types["Range"].id, &n.to_string());
                    assert_eq!(verdict.is_ok(), (-2..=12).contains(&n));
                }
            });
        }
    });
}

/// Names that records bring are forgotten again.
#[test]
fn unknown_names_do_not_pile_up() {
    let mut checker = checker();
    for i in 0..200 {
        let name = format!("x{i}").repeat(100);
        let mut codes = Vec::new();
        let xml = format!("<r><{name}/><{name}2/></r>");
        checker.element(xml.as_bytes(), &mut |violation| {
            assert!(!violation.message.contains(&name) && violation.field.is_none(), "{violation:?}");
            codes.push(violation.code);
        });
        assert_eq!(codes, ["cvc-complex-type.2.4"; 2]);
    }
    assert_eq!(in_element(&mut checker, "Len", "abc"), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn a_value_and_its_element_get_one_verdict(
        index in 0..TYPES.len(),
        value in prop_oneof![
            "[a-c]{0,5}[0-9]?",
            "[-+]?[0-9]{0,4}(\\.[0-9]{0,3})?",
            "[ \t\r\n]{0,2}(yes|no[ \n]+way|1|0|true|INF|NaN)[ \t]{0,2}",
            "( ?-?[0-9]{1,2}){0,5} ?",
            "(19|20)[0-9]{2}-[01][0-9](-[0-3][0-9](T[0-2][0-9]:00:00(Z|[+]09:00)?)?)?",
            "[A-Za-z0-9+/]{0,8}={0,2}",
            "\\PC{0,6}",
            ".{0,4}",
        ],
    ) {
        let name = TYPES[index].0;
        let ty = &FIXTURE.types[name];
        let mut checker = checker();
        // XML cannot hold these, and line ends inside it are a matter of the XML reader.
        prop_assume!(value.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)));
        let found = in_element(&mut checker, name, &value);
        let alone = checker.value(ty.id, &ty.white_space.normalise(&value));
        match alone {
            Ok(()) => prop_assert_eq!(found, []),
            Err(violation) => {
                prop_assert_eq!(found.len(), 1);
                prop_assert_eq!(found[0].code, violation.code);
                prop_assert_eq!(&found[0].message, &format!("element e{name}: {}", violation.message));
                let field = format!("e{name}");
                prop_assert_eq!(found[0].field.as_deref(), Some(field.as_str()));
            }
        }
    }
}
