//! What a schema is said to cost.
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use std::path::Path;

use sekisho_xsd::{Schema, SchemaCost};

fn cost(body: &str) -> SchemaCost {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.xsd");
    let text = format!(r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{body}</xs:schema>"#);
    std::fs::write(&path, text).unwrap();
    Schema::load(&path, None).unwrap().cost()
}

#[test]
fn every_component_is_counted_and_named() {
    let cost = cost(
        r#"<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="(ab|cd)+x"/></xs:restriction></xs:simpleType>
           <xs:simpleType name="Word"><xs:restriction base="xs:string"><xs:pattern value="[a-z]{1,9}"/></xs:restriction></xs:simpleType>
           <xs:simpleType name="Below"><xs:restriction base="Code"><xs:maxLength value="9"/></xs:restriction></xs:simpleType>
           <xs:complexType name="Any"><xs:all><xs:element name="a"/><xs:element name="b"/></xs:all></xs:complexType>
           <xs:complexType name="Many"><xs:sequence maxOccurs="100000">
             <xs:element name="c" maxOccurs="70000"/><xs:element name="d" type="Below" minOccurs="0"/></xs:sequence>
             <xs:attribute name="t" type="Word"/></xs:complexType>
           <xs:element name="root"><xs:complexType><xs:sequence>
             <xs:element name="x" type="Any"/><xs:element name="y" type="Many"/></xs:sequence></xs:complexType>
             <xs:key name="k"><xs:selector xpath="y/d"/><xs:field xpath="."/></xs:key>
             <xs:keyref name="r" refer="k"><xs:selector xpath="y/c"/><xs:field xpath="."/></xs:keyref></xs:element>"#,
    );
    assert_eq!((cost.global_elements, cost.elements), (1, 7), "{cost:#?}");
    assert_eq!((cost.simple_types, cost.complex_types, cost.attributes), (3, 3, 1), "{cost:#?}");
    let mut models: Vec<_> = cost.models.iter().map(|m| (m.name.as_str(), m.kind, m.states)).collect();
    models.sort_unstable();
    assert_eq!(models, [("Any", "all", 2), ("Many", "counted", 2), ("element root", "table", 3)]);
    assert!(cost.models.windows(2).all(|pair| pair[0].bytes >= pair[1].bytes));
    // A pattern that a type inherits is one pattern.
    let mut patterns: Vec<_> = cost.patterns.iter().map(|p| (p.name.as_deref().unwrap(), p.kind)).collect();
    patterns.sort_unstable();
    assert_eq!(patterns, [("Code", "whole"), ("Word", "class")]);
    assert!(cost.patterns.iter().all(|pattern| pattern.bytes > 0));
    let constraints: Vec<_> =
        cost.constraints.iter().map(|c| (c.name.as_str(), c.kind, c.element.as_str(), c.fields)).collect();
    assert_eq!(constraints, [("k", "key", "root", 1), ("r", "keyref", "root", 1)]);
    let parts: usize = cost.models.iter().map(|model| model.bytes).sum::<usize>()
        + cost.patterns.iter().map(|pattern| pattern.bytes).sum::<usize>();
    assert!(cost.bytes > parts as u64);
}

#[test]
fn more_costs_more_and_counting_costs_nothing() {
    let of = |max: &str, fields: u32| {
        let fields: String =
            (0..fields).map(|i| format!(r#"<xs:element name="f{i}" type="xs:int"/>"#)).collect();
        cost(&format!(
            r#"<xs:element name="root"><xs:complexType><xs:sequence maxOccurs="{max}">{fields}</xs:sequence></xs:complexType></xs:element>"#
        ))
    };
    assert!(of("1", 200).bytes > of("1", 20).bytes + 180 * 16);
    let counted = |cost: SchemaCost| (cost.models[0].kind, cost.models[0].states, cost.models[0].bytes);
    assert_eq!(counted(of("1000", 20)).0, "counted");
    assert_eq!(counted(of("1000", 20)), counted(of("1000000", 20)));
}

#[test]
fn the_attribute_layout_is_small() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/attribute-key.xsd");
    let cost = Schema::load(&path, None).unwrap().cost();
    assert_eq!(cost.constraints[0].name, "UserIdKey");
    assert!(cost.bytes < 4 << 20, "{}", cost.bytes);
}
