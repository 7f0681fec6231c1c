//! Constraints on schemas that the compiler does not ask, or asks too much of (part 1 §3).
#![allow(clippy::unwrap_used, reason = "what cannot be written fails the test")]

use sekisho_xsd::{Schema, SchemaError};

fn load(body: &str) -> Result<Schema, SchemaError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.xsd");
    let text = format!("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">\n\n{body}\n</xs:schema>");
    std::fs::write(&path, text).unwrap();
    Schema::load(&path, None)
}

#[track_caller]
fn refused(rule: &str, body: &str) {
    let Err(error) = load(body) else { panic!("{rule} is broken: {body}") };
    let SchemaError::Invalid { place, rule: broken, message_ja, .. } = &error else { panic!("{error}") };
    assert_eq!(broken, rule, "{body}: {error}");
    assert!(place.starts_with("main.xsd:3:"), "{body}: {error}");
    assert!(message_ja.chars().any(|c| c >= 'ぁ') && !message_ja.contains("英語"), "{message_ja}");
}

#[track_caller]
fn taken(body: &str) -> Schema {
    load(body).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn simple(attributes: &str, inside: &str) -> String {
    format!("<xs:simpleType {attributes}>{inside}</xs:simpleType>")
}

#[test]
fn final_is_asked_of_lists_and_unions_too() {
    let pattern =
        simple(r#"name="T""#, r#"<xs:restriction base="B"><xs:pattern value="a"/></xs:restriction>"#);
    let list = r#"<xs:list itemType="xs:int"/>"#;
    let union = r#"<xs:union memberTypes="xs:int xs:string"/>"#;
    for forbidden in ["restriction", "#all", "restriction union", "list restriction"] {
        for base in [list, union] {
            let base = simple(&format!(r#"name="B" final="{forbidden}""#), base);
            refused("st-props-correct.3", &format!("{pattern}{base}"));
        }
    }
    for (forbidden, base) in [("list", list), ("union", list), ("list union", list), ("list", union)] {
        let base = simple(&format!(r#"name="B" final="{forbidden}""#), base);
        taken(&format!("{base}{pattern}"));
    }
    // What it is there for.
    let items = simple(r#"name="T""#, r#"<xs:list itemType="B"/>"#);
    for inside in [r#"<xs:restriction base="xs:int"/>"#, r#"<xs:union memberTypes="xs:int"/>"#] {
        let base = |forbidden: &str| simple(&format!(r#"name="B" final="{forbidden}""#), inside);
        refused("cos-st-restricts", &format!("{items}{}", base("list")));
        refused("cos-st-restricts", &format!("{items}{}", base("#all")));
        taken(&format!("{items}{}", base("restriction union")));
    }
}

#[test]
fn the_white_space_of_a_list_or_union_cannot_be_changed() {
    let of = |base: &str, mode: &str| {
        let base = simple(r#"name="B""#, base);
        let inside = format!(r#"<xs:restriction base="B"><xs:whiteSpace value="{mode}"/></xs:restriction>"#);
        format!("{}{base}", simple(r#"name="T""#, &inside))
    };
    for mode in ["preserve", "replace"] {
        refused("type-facet", &of(r#"<xs:list itemType="xs:int"/>"#, mode));
    }
    taken(&of(r#"<xs:list itemType="xs:int"/>"#, "collapse"));
    taken(&of(r#"<xs:restriction base="xs:string"/>"#, "replace"));
}
