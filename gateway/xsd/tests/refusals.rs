//! What a schema may not have: each refusal by name, at its place.
#![allow(clippy::unwrap_used, reason = "what cannot be written fails the test")]

use std::fs;
use std::path::Path;

use sekisho_xml::QName;
use sekisho_xsd::{RecordType, Schema, SchemaError};
use tempfile::TempDir;

const HEAD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" xmlns:t="urn:t"
    targetNamespace="urn:t" elementFormDefault="qualified">"#;

fn folder(documents: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in documents {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(body: &str) -> Result<Schema, SchemaError> {
    let folder = folder(&[("main.xsd", &format!("{HEAD}\n{body}\n</xs:schema>"))]);
    Schema::load(&folder.path().join("main.xsd"), None)
}

/// The type of `<Record>` inside `<Batch>`, with these declarations around it.
fn record(content: &str, around: &str, keys: &str) -> Result<RecordType, SchemaError> {
    let schema = load(&format!(
        r#"<xs:element name="Batch"><xs:complexType><xs:sequence>
             <xs:element name="Record" maxOccurs="unbounded"><xs:complexType>{content}</xs:complexType></xs:element>
           </xs:sequence></xs:complexType>{keys}</xs:element>{around}"#
    ))?;
    schema.record_type(&QName::new("urn:t", "Record"))
}

/// Whatever a document type declaration has in it: it would be passed over.
#[test]
fn a_document_type_declaration_in_a_schema_is_refused_by_name() {
    let main = format!("{HEAD}\n<xs:include schemaLocation='part.xsd'/></xs:schema>");
    let part = format!(
        "<?xml version='1.0'?>\n<!DOCTYPE xs:schema SYSTEM 'x.dtd' [\n<!ATTLIST xs:element type CDATA 'xs:int'>]>\n{HEAD}<xs:element name='a'/></xs:schema>"
    );
    let folder = folder(&[("main.xsd", &main), ("part.xsd", &part)]);
    let error = Schema::load(&folder.path().join("main.xsd"), None).unwrap_err();
    assert_eq!(error.code(), "schema-unsupported");
    let said = error.to_string();
    assert!(
        said.starts_with("part.xsd:2:1: schema-unsupported: a document type declaration is not supported"),
        "{said}"
    );
}

const SEQ: &str = r#"<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>"#;

#[test]
fn what_no_record_can_have_is_refused_by_name() {
    let sequence = |items: &str| format!("<xs:sequence>{items}</xs:sequence>");
    let typed = |ty: &str| sequence(&format!(r#"<xs:element name="a" type="{ty}"/>"#));
    let cases: Vec<(String, &str, &str)> = vec![
        (format!(r#"{SEQ}<xs:attribute name="x" type="xs:int"/>"#), "", "an attribute of element Record"),
        (format!("{SEQ}<xs:anyAttribute/>"), "", "an attribute of element Record"),
        (
            format!(r#"{SEQ}<xs:attributeGroup ref="g"/>"#),
            r#"<xs:attributeGroup name="g"><xs:attribute name="x"/></xs:attributeGroup>"#,
            "an attribute of element Record",
        ),
        (
            r#"<xs:complexContent><xs:extension base="B"/></xs:complexContent>"#.to_owned(),
            r#"<xs:complexType name="B"><xs:sequence/><xs:attribute name="x"/></xs:complexType>"#,
            "an attribute of element Record",
        ),
        (sequence("<xs:any/>"), "", "xs:any"),
        (
            sequence(r#"<xs:element ref="head"/>"#),
            r#"<xs:element name="head" type="xs:int"/><xs:element name="m" substitutionGroup="head"/>"#,
            "the substitution group of element head",
        ),
        (
            sequence(r#"<xs:element ref="head"/>"#),
            r#"<xs:element name="head" type="xs:int" abstract="true"/>"#,
            "the abstract element head",
        ),
        (
            typed("A"),
            r#"<xs:complexType name="A" abstract="true"><xs:sequence/></xs:complexType>"#,
            "the abstract type of element a",
        ),
        (
            typed("R"),
            r#"<xs:complexType name="R"><xs:sequence><xs:element name="r" type="R" minOccurs="0"/></xs:sequence></xs:complexType>"#,
            "the type of element r, which contains itself",
        ),
        (
            sequence(
                r#"<xs:element name="a"><xs:complexType mixed="true"><xs:sequence/></xs:complexType></xs:element>"#,
            ),
            "",
            "mixed content in element a",
        ),
        (
            typed("S"),
            r#"<xs:complexType name="S"><xs:simpleContent><xs:extension base="xs:int"><xs:attribute name="u"/></xs:extension></xs:simpleContent></xs:complexType>"#,
            "an attribute of element a",
        ),
        (
            typed("S"),
            r#"<xs:complexType name="B"><xs:simpleContent><xs:extension base="xs:int"/></xs:simpleContent></xs:complexType>
               <xs:complexType name="S"><xs:simpleContent><xs:restriction base="B"><xs:maxInclusive value="3"/></xs:restriction></xs:simpleContent></xs:complexType>"#,
            "simple content by restriction in element a",
        ),
        (sequence(r#"<xs:element name="a"/>"#), "", "element a of type xs:anyType"),
        (
            sequence(
                r#"<xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/><xs:element name="a" type="xs:int"/>"#,
            ),
            "",
            "the element a in more than one place",
        ),
        (typed("xs:QName"), "", "the type xs:QName of element a"),
        (typed("xs:IDREFS"), "", "the type xs:IDREFS of element a"),
        (
            typed("N"),
            r#"<xs:simpleType name="N"><xs:union memberTypes="xs:int xs:ID"/></xs:simpleType>"#,
            "the type xs:ID of element a",
        ),
        (
            sequence(
                r#"<xs:element name="a"><xs:complexType><xs:sequence><xs:element name="b" type="xs:int" maxOccurs="9"/></xs:sequence></xs:complexType>
                   <xs:unique name="u"><xs:selector xpath="t:b"/><xs:field xpath="."/></xs:unique></xs:element>"#,
            ),
            "",
            "a key, keyref or unique on element a",
        ),
    ];
    for (content, around, construct) in cases {
        let error = record(&content, around, "").expect_err(construct);
        assert_eq!(error.code(), "schema-unsupported", "{error}");
        let text = error.to_string();
        assert!(text.contains(construct), "{construct}: {text}");
        assert!(text.starts_with("main.xsd:"), "{text}");
    }
    record(SEQ, "", "").unwrap();
}

#[test]
fn keys_bind_records_or_are_refused() {
    let key = |kind: &str, selector: &str, field: &str| {
        let refer = if kind == "keyref" { r#" refer="t:other""# } else { "" };
        format!(
            r#"<xs:{kind} name="k"{refer}><xs:selector xpath="{selector}"/><xs:field xpath="{field}"/></xs:{kind}>
               <xs:key name="other"><xs:selector xpath="t:Elsewhere"/><xs:field xpath="t:a"/></xs:key>"#
        )
    };
    for selector in
        ["t:Record", "./t:Record", ".//t:Record", "child::t:Record", "t:Other | t:Record", "*", "t:*"]
    {
        for kind in ["key", "unique"] {
            let keys = record(SEQ, "", &key(kind, selector, "t:a"))
                .unwrap_or_else(|e| panic!("{selector}: {e}"))
                .keys;
            assert_eq!(keys.len(), 1, "{selector}");
            assert_eq!(keys[0].fields, [QName::new("urn:t", "a")]);
        }
    }
    for (kind, selector, field, construct) in [
        ("keyref", "t:Record", "t:a", "xs:keyref"),
        ("key", "t:Record", "@a", "a field that is not a child element"),
        ("key", "t:Record", "t:a/t:b", "a field that is not a child element"),
        ("key", "t:Record", "a", "a field that is not a single simple element"),
        ("key", "t:Record/t:a", ".", "a selector that reaches into the record"),
        ("key", ".//t:a", ".", "a selector that reaches into the record"),
        ("key", ".", "t:Record/t:a", "that leads to a record"),
    ] {
        let error = record(SEQ, "", &key(kind, selector, field)).expect_err(construct);
        assert!(error.to_string().contains(construct), "{error}");
    }
    assert_eq!(record(SEQ, "", &key("key", "t:Header", "t:a")).unwrap().keys, []);
}

#[test]
fn record_elements_are_found_or_not() {
    let schema = load(&format!(
        r#"<xs:element name="A"><xs:complexType>{SEQ}</xs:complexType></xs:element>
           <xs:element name="B"><xs:complexType><xs:sequence><xs:element ref="A"/><xs:element name="x" type="X"/></xs:sequence></xs:complexType></xs:element>
           <xs:element name="C"><xs:complexType><xs:sequence><xs:element name="x" type="Y"/><xs:element name="s" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
           <xs:complexType name="X">{SEQ}</xs:complexType><xs:complexType name="Y">{SEQ}</xs:complexType>"#
    ))
    .unwrap();
    schema.record_type(&QName::new("urn:t", "A")).unwrap();
    for (name, problem) in
        [("x", "more than once"), ("nothing", "is not declared"), ("s", "a record with a simple type")]
    {
        let error = schema.record_type(&QName::new("urn:t", name)).unwrap_err().to_string();
        assert!(error.contains(problem), "{name}: {error}");
    }
    assert!(schema.record_type(&QName::new("", "A")).is_err());
}

#[test]
fn a_schema_with_a_fault_says_where() {
    for (body, code, text) in [
        (r#"<xs:element name="a" type="xs:noSuchType"/>"#, "schema-invalid", "main.xsd:3:"),
        (r#"<xs:element name="a" type="Missing"/>"#, "schema-invalid", "src-resolve"),
        (r#"<xs:include schemaLocation="none.xsd"/>"#, "schema-invalid", "none.xsd"),
        (r#"<xs:include schemaLocation="http://example.org/a.xsd"/>"#, "schema-invalid", "from disk only"),
        (r#"<xs:import namespace="urn:other" schemaLocation="none.xsd"/>"#, "schema-invalid", "none.xsd"),
        (r#"<xs:element name="a"><xs:wrong/></xs:element>"#, "schema-invalid", "main.xsd:3:"),
        (r#"<xs:element name="a">"#, "schema-invalid", "main.xsd:"),
        (
            r#"<xs:simpleType name="s"><xs:restriction base="xs:string"><xs:pattern value="("/></xs:restriction></xs:simpleType>"#,
            "schema-invalid",
            "pattern",
        ),
        (
            r#"<xs:simpleType name="s"><xs:restriction base="xs:string"><xs:pattern value="(a{1000}){1000}"/></xs:restriction></xs:simpleType>"#,
            "schema-too-large",
            "limit-pattern",
        ),
        (
            r#"<xs:complexType name="c"><xs:sequence/><xs:assert test="true()"/></xs:complexType>"#,
            "schema-unsupported",
            "xs:assert",
        ),
        (
            r#"<xs:element name="a" xmlns:vc="http://www.w3.org/2007/XMLSchema-versioning" vc:minVersion="1.1"/>"#,
            "schema-unsupported",
            "vc:minVersion",
        ),
    ] {
        let error = load(body).expect_err(body);
        if let SchemaError::Invalid { message, message_ja, .. } = &error {
            // What is wrong is said in Japanese, and what only the compiler knows comes after it.
            let own = message_ja.split("コンパイラーの説明（英語）: ").next().unwrap();
            assert!(own.chars().any(|c| ('ぁ'..='ん').contains(&c)) && own != message, "{message_ja}");
        }
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(text), "{text}: {error}");
    }
    assert_eq!(Schema::load(Path::new("/no/such/schema.xsd"), None).unwrap_err().code(), "schema-read");
}

#[test]
fn what_could_be_meant_twice_is_refused() {
    let model = |content: &str| {
        load(&format!(
            r#"<xs:element name="h" type="xs:int" abstract="true"/><xs:element name="m" type="xs:int" substitutionGroup="h"/>
               <xs:group name="g"><xs:sequence><xs:element name="a"/></xs:sequence></xs:group>
               <xs:complexType name="c">{content}</xs:complexType>"#
        ))
    };
    let (a, b) = (r#"<xs:element name="a" type="xs:int"/>"#, r#"<xs:element name="b" type="xs:int"/>"#);
    let times = |min: &str, max: &str, name: &str| {
        format!(r#"<xs:element name="{name}" type="xs:int" minOccurs="{min}" maxOccurs="{max}"/>"#)
    };
    let any = |namespace: &str| format!(r#"<xs:any namespace="{namespace}"/>"#);
    for (content, who) in [
        (format!("<xs:choice>{a}{b}\n{a}</xs:choice>"), "the elements a and a (main.xsd:6:1)"),
        (format!("<xs:sequence>{}{a}</xs:sequence>", times("0", "1", "a")), "the elements a and a"),
        (format!("<xs:sequence>{}{a}</xs:sequence>", times("2", "3", "a")), "the elements a and a"),
        (format!("<xs:sequence>{}{a}</xs:sequence>", times("2", "unbounded", "a")), "the elements a and a"),
        (format!("<xs:all>{a}{b}{a}</xs:all>"), "the elements a and a"),
        (
            r#"<xs:choice><xs:element ref="m"/><xs:element ref="h"/></xs:choice>"#.to_owned(),
            "the elements m and h",
        ),
        (format!("<xs:choice>{a}{}</xs:choice>", any("##any")), "the element a and a wildcard"),
        (
            format!("<xs:choice>{}{}</xs:choice>", any("##other"), any("urn:o")),
            "this wildcard and another one",
        ),
        (
            format!(
                "<xs:sequence><xs:choice minOccurs='0' maxOccurs='9'>{a}{b}</xs:choice>{b}</xs:sequence>"
            ),
            "the elements b and b",
        ),
    ] {
        let error = model(&content).expect_err(&content);
        let SchemaError::Invalid { place, rule, message, message_ja } = &error else { panic!("{error}") };
        assert_eq!(rule, "cos-nonambig", "{error}");
        assert!(place.starts_with("main.xsd:5:") && message.starts_with(who), "{content}: {error}");
        assert!(message_ja.contains("が、次に来る要素を取り合います"), "{message_ja}");
    }
    for content in [
        format!("<xs:sequence>{}{a}</xs:sequence>", times("3", "3", "a")),
        format!("<xs:choice>{a}{}</xs:choice>", any("##other")),
        format!("<xs:choice>{a}{}{}</xs:choice>", any("##local"), any("urn:o urn:p")),
        // Twice the same group, and it is clear which one.
        r#"<xs:sequence><xs:group ref="g"/><xs:sequence><xs:group ref="g"/></xs:sequence></xs:sequence>"#
            .to_owned(),
        r#"<xs:sequence maxOccurs="2"><xs:group ref="g" maxOccurs="100000"/></xs:sequence>"#.to_owned(),
        // Written out it would have as many positions as there are grains of sand.
        (0..40).fold(a.to_owned(), |inner, _| {
            format!(r#"<xs:sequence minOccurs="2" maxOccurs="2">{inner}</xs:sequence>"#)
        }),
    ] {
        model(&content).unwrap_or_else(|error| panic!("{content}: {error}"));
    }
}

#[test]
fn documents_come_from_the_schemas_own_folder() {
    let part = format!(r#"{HEAD}<xs:element name="Part" type="xs:int"/></xs:schema>"#);
    let main = |location: &str| format!(r#"{HEAD}<xs:include schemaLocation="{location}"/></xs:schema>"#);
    let folder = folder(&[
        ("own/main.xsd", &main("deep/part.xsd")),
        ("own/deep/part.xsd", &main("../other.xsd")),
        ("own/other.xsd", &part),
        ("own/out.xsd", &main("../outside.xsd")),
        ("outside.xsd", &part),
    ]);
    let own = folder.path().join("own");
    let schema = Schema::load(&own.join("main.xsd"), None).unwrap();
    let names: Vec<_> = schema.documents().iter().map(|document| document.name.as_str()).collect();
    assert_eq!(names, ["deep/part.xsd", "main.xsd", "other.xsd"]);
    assert!(schema.element_exists(&QName::new("urn:t", "Part")));

    let error = Schema::load(&own.join("out.xsd"), None).unwrap_err().to_string();
    assert!(error.contains("outside the folder"), "{error}");
    let both = Schema::load_with(&own.join("out.xsd"), &[folder.path().join("outside.xsd")], None).unwrap();
    let named: Vec<_> = both.documents().iter().map(|document| document.name.as_str()).collect();
    assert_eq!(named, ["../outside.xsd", "out.xsd"]);

    // Every document counts for the digest; where the folder is does not.
    let digest = schema.digest();
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("deep")).unwrap();
    for name in names {
        fs::copy(own.join(name), copy.path().join(name)).unwrap();
    }
    Schema::load(&copy.path().join("main.xsd"), Some(&digest)).unwrap();
    fs::write(own.join("other.xsd"), format!("{part}\n")).unwrap();
    assert_eq!(Schema::load(&own.join("main.xsd"), Some(&digest)).unwrap_err().code(), "schema-pin");
    // The schema that was loaded stays what it was, also where it is compiled again.
    fs::remove_file(own.join("other.xsd")).unwrap();
    let held: Vec<_> = (0..3).map(|_| schema.clone()).collect();
    assert!(held.iter().all(|schema| schema.element_exists(&QName::new("urn:t", "Part"))));
}
