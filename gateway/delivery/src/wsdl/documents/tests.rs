use std::collections::BTreeMap;

use super::*;
use crate::dialect::{DialectSpec, SoapSpec};

const INTAKE: &str = include_str!("../tests/intake.wsdl");

/// The file, cut in three: services and bindings, port types and messages, types.
fn parted() -> BTreeMap<String, String> {
    let between = |from: &str, to: &str| {
        let (start, end) = (INTAKE.find(from).expect("there"), INTAKE.rfind(to).expect("there") + to.len());
        &INTAKE[start..end]
    };
    let head = &INTAKE[..INTAKE.find("<wsdl:types").expect("there")];
    let types = between("<wsdl:types", "</wsdl:types>");
    let schema = between("<xs:schema", "</xs:schema>");
    let first = INTAKE.find("<wsdl:binding").expect("there");
    let middle = &INTAKE[INTAKE.find(types).expect("there") + types.len()..first];
    let import = r#"<wsdl:import namespace="urn:city:wsdl" location="parts/messages.wsdl"/>"#;
    let include = concat!(
        r#"<wsdl:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:city:intake" "#,
        r#"elementFormDefault="qualified"><xs:include schemaLocation="../types.xsd"/></xs:schema></wsdl:types>"#
    );
    let bare = schema.replacen(
        "<xs:schema",
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:c="urn:city:intake""#,
        1,
    );
    [
        ("intake.wsdl", format!("{head}{import}{}", &INTAKE[first..])),
        ("parts/messages.wsdl", format!("{head}{include}{middle}</wsdl:definitions>")),
        ("types.xsd", bare),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into()
}

fn gathered(files: &BTreeMap<String, String>) -> Result<WsdlDocuments, WsdlError> {
    let mut read = |name: &str| {
        let file = files.get(name).map(|text| text.clone().into_bytes());
        file.ok_or_else(|| ImportFault::Unreadable("there is no such file".to_owned()))
    };
    WsdlDocuments::gather("intake.wsdl", files["intake.wsdl"].as_bytes(), &mut read)
}

fn described(documents: &WsdlDocuments, digest: Option<&str>) -> Result<SoapSpec, WsdlError> {
    let spec =
        serde_json::json!({"kind": "soap", "wsdl": "intake.wsdl", "operation": "Put", "wsdl_digest": digest});
    let DialectSpec::Soap(spec) = serde_json::from_value(spec).expect("a description") else {
        unreachable!()
    };
    spec.described(documents, "https://cloud.example/base/", Some(&["F001".to_owned(), "F002".to_owned()]))
}

#[test]
fn a_description_in_parts_says_the_same_as_one_in_one_file() {
    let whole: BTreeMap<_, _> = [("intake.wsdl".to_owned(), INTAKE.to_owned())].into();
    let expected = described(&gathered(&whole).expect("read"), None).expect("described");
    assert_eq!(described(&gathered(&parted()).expect("read"), None).expect("described"), expected);
    // Without a namespace of its own, an included schema has that of what includes it.
    let mut files = parted();
    let types = files["types.xsd"].replacen(r#" targetNamespace="urn:city:intake""#, "", 1);
    assert!(types != files["types.xsd"]);
    files.insert("types.xsd".to_owned(), types);
    assert_eq!(described(&gathered(&files).expect("read"), None).expect("described"), expected);
}

#[test]
fn the_digest_is_over_all_documents() {
    let documents = gathered(&parted()).expect("read");
    let digest = documents.digest().to_string();
    assert!(described(&documents, Some(&digest)).is_ok());
    for name in parted().keys() {
        let mut files = parted();
        files.entry(name.clone()).and_modify(|text| text.push('\n'));
        let error = described(&gathered(&files).expect("read"), Some(&digest)).expect_err("pinned");
        assert_eq!((error.code(), error.key()), ("wsdl-pin", "dialect.wsdl_digest"), "{name}");
        assert!(error.to_string().contains(&digest), "{error}");
    }
}

#[test]
fn what_cannot_be_had_is_named_with_where_it_is_written() {
    let with = |location: &str| {
        let mut files = parted();
        let text = files["parts/messages.wsdl"].replace("../types.xsd", location);
        files.insert("parts/messages.wsdl".to_owned(), text);
        files
    };
    for (location, code) in [
        ("http://cloud.example/types.xsd", "wsdl-import-url"),
        ("//cloud.example/types.xsd", "wsdl-import-url"),
        ("file:///etc/types.xsd", "wsdl-import-url"),
        ("c:/types.xsd", "wsdl-import-url"),
        ("/etc/types.xsd", "wsdl-import-outside"),
        ("../../types.xsd", "wsdl-import-outside"),
        ("../x/../../types.xsd", "wsdl-import-outside"),
        ("..\\types.xsd", "wsdl-import-outside"),
        ("types.xsd", "wsdl-import-unreadable"),
        ("", "wsdl-import-unreadable"),
        ("../intake.wsdl", "wsdl-import-cycle"),
        ("messages.wsdl", "wsdl-import-cycle"),
    ] {
        let error = gathered(&with(location)).expect_err(location);
        assert_eq!((error.code(), error.key()), (code, "dialect.wsdl"), "{location}: {error}");
        assert!(error.to_string().contains("'parts/messages.wsdl'"), "{error}");
    }
    assert!(gathered(&with("./..//types.xsd#part")).is_ok());
}

#[test]
fn documents_of_another_kind_or_namespace_are_refused_and_redefinitions_too() {
    let edited = |name: &str, from: &str, to: &str| {
        let mut files = parted();
        let text = files[name].replacen(from, to, 1);
        assert!(text != files[name], "{name} has no {from}");
        files.insert(name.to_owned(), text);
        gathered(&files).expect_err(to).code()
    };
    let other = r#"targetNamespace="urn:other""#;
    assert_eq!(edited("types.xsd", r#"targetNamespace="urn:city:intake""#, other), "wsdl-import-namespace");
    assert_eq!(
        edited("intake.wsdl", "urn:city:wsdl\" location", "urn:o\" location"),
        "wsdl-import-namespace"
    );
    assert_eq!(edited("intake.wsdl", "parts/messages.wsdl", "types.xsd"), "wsdl-import-namespace");
    assert_eq!(edited("parts/messages.wsdl", "xs:include", "xs:redefine"), "wsdl-import-redefined");
    assert_eq!(edited("types.xsd", "</xs:schema>", ""), "wsdl-unreadable");
    let include = r#"<xs:include schemaLocation="types.xsd"/><xs:element name="PutRecords">"#;
    assert_eq!(edited("types.xsd", r#"<xs:element name="PutRecords">"#, include), "wsdl-import-cycle");
}

#[test]
fn documents_are_bounded_and_each_is_read_once() {
    let link = |number: usize| format!("a{number}.xsd");
    let schema = |includes: String| {
        format!(
            r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:city:intake">{includes}</xs:schema>"#
        )
    };
    let include = |name: String| format!(r#"<xs:include schemaLocation="{name}"/>"#);
    let chain = |length: usize| {
        let mut files = parted();
        let text = files["types.xsd"].replacen(
            r#"<xs:element name="PutRecords">"#,
            &(include(link(0)) + r#"<xs:element name="PutRecords">"#),
            1,
        );
        files.insert("types.xsd".to_owned(), text);
        // Each includes the next one and the one after that: two ways, one document.
        for number in 0..length {
            let next = (number + 1..length.min(number + 3)).map(|next| include(link(next))).collect();
            files.insert(link(number), schema(next));
        }
        files
    };
    assert!(gathered(&chain(60)).is_ok());
    assert_eq!(gathered(&chain(MOST_DOCUMENTS)).expect_err("too many").code(), "wsdl-import-too-much");
    let mut files = parted();
    files.entry("types.xsd".to_owned()).and_modify(|text| text.push_str(&" ".repeat(MOST_BYTES)));
    assert_eq!(gathered(&files).expect_err("too long").code(), "wsdl-import-too-much");
}
