//! Whether a type is mixed, where it and its content say different things or nothing, and what may be derived from it (part 1
//! §3.4).

use crate::derivation::{M, N, broken, complex, content, sequence};
use crate::{load, refused, taken};

/// That the type `t` is mixed, or that it is not.
#[track_caller]
fn is_mixed(mixed: bool, types: &str) {
    let schema = taken(&format!("{types}<xs:element name='e' type='t'/>"));
    let rules: &[&str] = if mixed { &[] } else { &["cvc-complex-type.2.3"] };
    assert_eq!(broken(&schema, "<e>text</e>"), rules, "{types}");
}

#[test]
fn mixed_at_the_content_counts_before_mixed_at_the_type() {
    for (ty, inside, mixed) in [
        ("", "", false),
        ("", M, true),
        ("", N, false),
        (M, "", true),
        (N, "", false),
        (M, M, true),
        (M, N, false),
        (N, M, true),
        ("mixed='1'", "mixed=' false '", false),
    ] {
        is_mixed(mixed, &complex("t", ty, &content(inside, "restriction", "xs:anyType", &sequence("a"))));
        // Inside an element, too, and in another one's document.
        let local = format!(
            "<xs:element name='e'><xs:complexType {ty}>{}</xs:complexType></xs:element>",
            content(inside, "restriction", "xs:anyType", &sequence("a"))
        );
        assert_eq!(broken(&taken(&local), "<e>text</e>").is_empty(), mixed, "{local}");
    }
}

#[test]
fn a_type_that_adds_nothing_is_mixed_as_its_base_is() {
    let base = complex("b", M, &sequence("a"));
    for added in ["", "<xs:attribute name='x'/>", "<xs:sequence/>", "<xs:choice minOccurs='0'/>"] {
        let between = complex("m", "", &content("", "extension", "b", added));
        let types = format!("{base}{between}");
        is_mixed(true, &types.replace("'m'", "'t'"));
        let derived = |ty: &str, way: &str, inside: &str| {
            format!("{types}{}", complex("t", "", &content(ty, way, "m", inside)))
        };
        is_mixed(true, &derived(M, "extension", &sequence("c")));
        is_mixed(true, &derived("", "extension", ""));
        is_mixed(true, &derived(M, "restriction", &sequence("a")));
        is_mixed(false, &derived("", "restriction", &sequence("a")));
        refused("cos-ct-extends", &derived("", "extension", &sequence("c")));
        let with_value = format!("{types}<xs:element name='e' type='m' default='text'/>");
        assert_eq!(broken(&taken(&with_value), "<e/>"), [""; 0]);
        let simple = "<xs:simpleType><xs:restriction base='xs:int'/></xs:simpleType>";
        let simple = format!(
            "{types}<xs:complexType name='t'><xs:simpleContent><xs:restriction base='m'>{simple}</xs:restriction></xs:simpleContent></xs:complexType><xs:element name='e' type='t'/>"
        );
        let simple = taken(&simple);
        assert_eq!(broken(&simple, "<e>5</e>"), [""; 0]);
        assert_eq!(broken(&simple, "<e>text</e>"), ["cvc-datatype-valid"]);
    }
}

#[test]
fn an_extension_of_nothing_may_be_mixed() {
    let nothing = complex("z", "", "");
    for empty in [
        String::new(),
        "<xs:sequence/>".to_owned(),
        "<xs:attribute name='x'/>".to_owned(),
        content("", "restriction", "xs:anyType", ""),
        content("", "restriction", "xs:anyType", "<xs:sequence/>"),
        content("", "extension", "z", ""),
        content("", "restriction", "z", ""),
    ] {
        let base = format!("{nothing}{}", complex("b", "", &empty));
        for (mixed, is) in [(M, true), ("", false)] {
            is_mixed(
                is,
                &format!("{base}{}", complex("t", "", &content(mixed, "extension", "b", &sequence("c")))),
            );
        }
        // A restriction of it may not.
        refused(
            "derivation-ok-restriction",
            &format!("{base}{}", complex("t", "", &content(M, "restriction", "b", ""))),
        );
    }
    // Mixed content that is empty is no nothing.
    let base = complex("b", M, "");
    refused(
        "cos-ct-extends",
        &format!("{base}{}", complex("t", "", &content("", "extension", "b", &sequence("c")))),
    );
    is_mixed(true, &format!("{base}{}", complex("t", "", &content(M, "extension", "b", &sequence("c")))));
}

#[test]
fn what_is_mixed_and_what_is_not_do_not_go_together() {
    for (base, own) in [("", M), (M, "")] {
        let types = |way: &str, inside: &str| {
            format!(
                "{}{}",
                complex("b", base, &sequence("a")),
                complex("t", "", &content(own, way, "b", inside))
            )
        };
        refused("cos-ct-extends", &types("extension", &sequence("c")));
        if base.is_empty() {
            refused("cos-ct-extends", &types("extension", ""));
            refused("derivation-ok-restriction", &types("restriction", &sequence("a")));
        } else {
            is_mixed(false, &types("restriction", &sequence("a")));
        }
    }
    // Whatever may stand in xs:anyType, an extension of it is mixed.
    let after = "<xs:sequence minOccurs='0' maxOccurs='0'><xs:element name='a'/></xs:sequence>";
    is_mixed(true, &complex("t", "", &content("", "extension", "xs:anyType", after)));
    for ty in ["", M] {
        let error =
            load(&complex("t", ty, &content("", "extension", "xs:anyType", &sequence("a")))).unwrap_err();
        assert!(error.to_string().contains("the element a and a wildcard (xs:anyType) compete"), "{error}");
    }
    // Simple content stays simple.
    let base = "<xs:complexType name='b'><xs:simpleContent><xs:extension base='xs:int'/></xs:simpleContent></xs:complexType>";
    taken(&format!("{base}{}", complex("t", "", &content("", "extension", "b", ""))));
    for (way, mixed, rule) in [
        ("extension", M, "cos-ct-extends"),
        ("restriction", M, "derivation-ok-restriction"),
        ("restriction", "", "derivation-ok-restriction"),
    ] {
        refused(rule, &format!("{base}{}", complex("t", "", &content(mixed, way, "b", ""))));
    }
    // Where no text may stand, no value can stand for it.
    for inside in ["", "<xs:sequence/>", &sequence("a"), &content("", "restriction", "xs:anyType", "")] {
        for value in ["default", "fixed"] {
            let element = format!("<xs:element name='e' type='t' {value}='text'/>");
            refused("e-props-correct.2", &format!("{}{element}", complex("t", "", inside)));
        }
    }
}
