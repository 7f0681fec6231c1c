//! Definitions that lead to more than is held, round in a circle, or nowhere: refused by name, at their place.

use sekisho_xsd::{Schema, SchemaError};

use crate::load;

/// N groups, each of which refers twice to the next one.
fn doubling(kind: &str, groups: usize, last: &str, open: &str, close: &str) -> String {
    let inner: String = (0..groups)
        .map(|at| {
            let next = format!(r#"<xs:{kind} ref="g{}"/>"#, at + 1);
            format!("<xs:{kind} name=\"g{at}\">{open}{next}{next}{close}</xs:{kind}>\n")
        })
        .collect();
    format!("{inner}<xs:{kind} name=\"g{groups}\">{open}{last}{close}</xs:{kind}>")
}

#[test]
fn what_references_multiply_is_refused_before_it_is_made() {
    let (open, close) = ("<xs:sequence>", "</xs:sequence>");
    let leaf = r#"<xs:element name="e"/>"#;
    let groups = |n| doubling("group", n, leaf, open, close);
    let attributes = |n| doubling("attributeGroup", n, "<xs:anyAttribute/>", "", "");
    let of_group =
        r#"<xs:element name="r"><xs:complexType><xs:group ref="g0"/></xs:complexType></xs:element>"#;
    // Types that bring much each, and together more than is held.
    let many: String = (0..80)
        .map(|at| format!(r#"<xs:complexType name="t{at}"><xs:group ref="g0"/></xs:complexType>"#))
        .collect();
    // One after the other, each extends the one before by what is large.
    let chain: String = (1..60)
        .map(|at| {
            format!(
                r#"<xs:complexType name="t{at}"><xs:complexContent><xs:extension base="t{}"><xs:group ref="g0"/></xs:extension></xs:complexContent></xs:complexType>"#,
                at - 1
            )
        })
        .collect();
    for body in [
        groups(30),
        groups(2000),
        format!("{}{of_group}", groups(30)),
        attributes(30),
        format!("{}{many}", groups(14)),
        format!(r#"{}<xs:complexType name="t0"><xs:sequence/></xs:complexType>{chain}"#, groups(12)),
    ] {
        let error = load(&body).unwrap_err();
        let SchemaError::TooLarge { place, rule, message, message_ja } = &error else { panic!("{error}") };
        assert_eq!(rule, "limit-references", "{error}");
        assert!(place.starts_with("main.xsd:") && place.matches(':').count() == 2, "{error}");
        assert!(message.contains("references bring more than "), "{error}");
        assert!(message_ja.contains("参照をたどると"), "{message_ja}");
    }
    // References to the head of a substitution group stand for all of its members, and for theirs.
    let heads =
        r#"<xs:element name="head" type="xs:string"/><xs:element name="m0" substitutionGroup="head"/>"#;
    let members = |n| -> String {
        (1..n)
            .map(|at| format!(r#"<xs:element name="m{at}" substitutionGroup="m{}"/>"#, (at - 1) / 2))
            .collect()
    };
    let refers = |n| {
        let references = r#"<xs:element ref="head"/>"#.repeat(n);
        format!(r#"<xs:complexType name="t"><xs:sequence>{references}</xs:sequence></xs:complexType>"#)
    };
    let substitutes = |members_of: usize, n| format!("{heads}{}{}", members(members_of), refers(n));
    let error = load(&substitutes(1_000, 1_000)).unwrap_err().to_string();
    assert!(error.contains("references bring more than 100000"), "{error}");
    load(&substitutes(100, 100)).unwrap();
    // What is written out is as large as it is written, and a group that is referred to often is no fault.
    let choice: String = (0..300).map(|at| format!(r#"<xs:element name="e{at}"/>"#)).collect();
    let often: String = (0..100)
        .map(|at| format!(r#"<xs:complexType name="t{at}"><xs:group ref="c"/></xs:complexType>"#))
        .collect();
    load(&format!(r#"<xs:group name="c"><xs:choice>{choice}</xs:choice></xs:group>{often}"#)).unwrap();
    load(&format!("{}{of_group}", groups(6))).unwrap();
    // Circles are refused as circles.
    let circle = r#"<xs:group name="g0"><xs:sequence><xs:group ref="g1"/><xs:group ref="g1"/></xs:sequence></xs:group>
        <xs:group name="g1"><xs:sequence><xs:group ref="g0"/><xs:group ref="g0"/></xs:sequence></xs:group>"#;
    assert!(!load(circle).unwrap_err().to_string().contains("limit-references"));
}

#[test]
fn what_references_multiply_is_told_where_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let head = |more: &str| format!("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"{more}>");
    let leaf = r#"<xs:element name="e"/>"#;
    let groups = doubling("group", 30, leaf, "<xs:sequence>", "</xs:sequence>");
    std::fs::write(folder.path().join("base.xsd"), format!("{}\n{groups}\n</xs:schema>", head(""))).unwrap();
    for (more, body) in [
        ("", r#"<xs:include schemaLocation="base.xsd"/>"#),
        // Included so, its groups are of the other namespace, and so are their references.
        (r#" targetNamespace="urn:t""#, r#"<xs:include schemaLocation="base.xsd"/>"#),
        (
            "",
            r#"<xs:redefine schemaLocation="base.xsd"><xs:group name="g30"><xs:sequence><xs:group ref="g30"/><xs:element name="f"/></xs:sequence></xs:group></xs:redefine>"#,
        ),
    ] {
        let path = folder.path().join("main.xsd");
        std::fs::write(&path, format!("{}\n{body}\n</xs:schema>", head(more))).unwrap();
        let error = Schema::load(&path, None).unwrap_err().to_string();
        assert!(error.starts_with("base.xsd:") && error.contains("limit-references"), "{body}: {error}");
    }
}

#[test]
fn a_type_that_is_defined_by_itself_is_named_with_its_place() {
    let extension = |name: &str, base: &str| {
        format!(
            r#"<xs:complexType name="{name}"><xs:complexContent><xs:extension base="{base}"/></xs:complexContent></xs:complexType>"#
        )
    };
    let simple =
        |name: &str, inside: &str| format!(r#"<xs:simpleType name="{name}">{inside}</xs:simpleType>"#);
    for (body, rule, names) in [
        (extension("A", "A"), "ct-props-correct.3", "A -> A"),
        (
            format!("{}\n{}\n{}", extension("A", "B"), extension("B", "C"), extension("C", "A")),
            "ct-props-correct.3",
            "A -> B -> C -> A",
        ),
        (simple("A", r#"<xs:restriction base="A"/>"#), "st-props-correct.2", "A -> A"),
        (simple("A", r#"<xs:union memberTypes="xs:int A"/>"#), "st-props-correct.2", "A -> A"),
        (simple("A", r#"<xs:list itemType="A"/>"#), "st-props-correct.2", "A -> A"),
        (
            simple("A", r#"<xs:union><xs:simpleType><xs:restriction base="A"/></xs:simpleType></xs:union>"#),
            "st-props-correct.2",
            "A -> A",
        ),
    ] {
        let error = load(&body).unwrap_err();
        let SchemaError::Invalid { place, rule: broken, message, message_ja } = &error else {
            panic!("{error}")
        };
        assert_eq!(broken, rule, "{body}: {error}");
        assert!(place.starts_with("main.xsd:3:"), "{body}: {error}");
        assert!(message.contains("type A") && message.contains(names), "{body}: {error}");
        assert!(message_ja.contains("型 A が") && message_ja.contains(names), "{message_ja}");
    }
}

#[test]
fn what_the_compiler_lets_pass_is_refused() {
    let element = |inside: &str| format!(r#"<xs:element name="r">{inside}</xs:element>"#);
    for (body, rule) in [
        (element("<xs:simpleType><xs:restriction/></xs:simpleType>"), "src-simple-type"),
        (
            element(
                r#"<xs:simpleType><xs:restriction><xs:maxLength value="3"/></xs:restriction></xs:simpleType>"#,
            ),
            "src-simple-type",
        ),
        (
            element(
                "<xs:complexType><xs:complexContent><xs:restriction/></xs:complexContent></xs:complexType>",
            ),
            "s4s-att-must-appear",
        ),
        (
            element(
                r#"<xs:simpleType><xs:restriction base="xs:boolean"><xs:enumeration value="true"/></xs:restriction></xs:simpleType>"#,
            ),
            "type-facet",
        ),
    ] {
        let error = load(&body).unwrap_err();
        let SchemaError::Invalid { place, rule: broken, message_ja, .. } = &error else { panic!("{error}") };
        assert_eq!(broken, rule, "{body}: {error}");
        assert!(place.starts_with("main.xsd:3:"), "{error}");
        assert!(message_ja.chars().any(|c| c >= 'ぁ') && !message_ja.contains("英語"), "{message_ja}");
    }
    for body in [
        element(
            r#"<xs:simpleType><xs:restriction base="xs:boolean"><xs:pattern value="true|false"/></xs:restriction></xs:simpleType>"#,
        ),
        element(
            r#"<xs:simpleType><xs:restriction><xs:simpleType><xs:restriction base="xs:int"/></xs:simpleType></xs:restriction></xs:simpleType>"#,
        ),
        element(
            r#"<xs:complexType><xs:complexContent><xs:restriction base="xs:anyType"/></xs:complexContent></xs:complexType>"#,
        ),
        // A list of booleans, or a union with them, may have one.
        element(
            r#"<xs:simpleType><xs:restriction><xs:simpleType><xs:list itemType="xs:boolean"/></xs:simpleType><xs:enumeration value="true false"/></xs:restriction></xs:simpleType>"#,
        ),
    ] {
        load(&body).unwrap_or_else(|error| panic!("{body}: {error}"));
    }
}
