//! Constraints on schemas that the compiler does not ask, or asks too much of (part 1 §3).

use sekisho_xsd::{Schema, SchemaError};

use crate::{load, taken};

/// That the document breaks this rule, which is said without the compiler's own words.
#[track_caller]
fn refused(rule: &str, body: &str) {
    let message_ja = crate::refused(rule, body);
    assert!(!message_ja.contains("英語"), "{message_ja}");
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

fn complex(name: &str, inside: &str) -> String {
    format!(r#"<xs:complexType name="{name}">{inside}</xs:complexType>"#)
}

fn derived(name: &str, way: &str, base: &str, inside: &str) -> String {
    let content =
        format!(r#"<xs:complexContent><xs:{way} base="{base}">{inside}</xs:{way}></xs:complexContent>"#);
    complex(name, &content)
}

#[test]
fn an_attribute_is_declared_once_however_it_comes() {
    let attribute = |ty: &str| format!(r#"<xs:attribute name="p" type="xs:{ty}"/>"#);
    let one = complex("One", &attribute("int"));
    let restricted = derived("Two", "restriction", "One", "");
    let extended = derived("Two", "extension", "One", "");
    let group = format!(r#"<xs:attributeGroup name="g">{}</xs:attributeGroup>"#, attribute("int"));
    let (of_group, global) = (r#"<xs:attributeGroup ref="g"/>"#, r#"<xs:attribute ref="p"/>"#);
    let more = |inside: &str| derived("Three", "extension", "Two", inside);
    for inside in [&attribute("string"), &attribute("int"), of_group, global] {
        let more = more(inside);
        refused("ct-props-correct.4", &format!("{more}{one}{restricted}{group}{}", attribute("int")));
    }
    // What the restriction declares anew is there as well.
    let again = derived("Two", "restriction", "One", &attribute("short"));
    assert!(load(&format!("{}{one}{again}", more(&attribute("int")))).is_err());
    // Further down.
    let between = derived("Between", "extension", "Two", r#"<xs:attribute name="q"/>"#);
    let last = derived("Three", "extension", "Between", &attribute("int"));
    refused("ct-props-correct.4", &format!("{last}{one}{restricted}{between}"));
    // What was taken away may be added anew, and one declaration may come in two ways.
    let away = derived("Two", "restriction", "One", r#"<xs:attribute name="p" use="prohibited"/>"#);
    taken(&format!("{one}{away}{}", more(&attribute("int"))));
    for inside in [of_group, global] {
        let one = complex("One", inside);
        for two in [&restricted, &extended] {
            taken(&format!("{one}{two}{group}{}{}", attribute("int"), more(inside)));
        }
    }
    taken(&format!("{one}{restricted}{}", more(r#"<xs:attribute name="q"/>"#)));
    taken(&format!("{one}{restricted}{}", derived("Three", "restriction", "Two", &attribute("short"))));
}

#[test]
fn a_value_stands_only_where_nothing_may_stand() {
    let mixed = |inside: &str| format!(r#"<xs:complexType mixed="true">{inside}</xs:complexType>"#);
    let sequence =
        |occurs: &str| mixed(&format!(r#"<xs:sequence><xs:element name="b" {occurs}/></xs:sequence>"#));
    let element = |value: &str, ty: &str| format!(r#"<xs:element name="e" {value}>{ty}</xs:element>"#);
    for value in [r#"default="x""#, r#"fixed="x""#] {
        for occurs in ["", r#"maxOccurs="unbounded""#, r#"minOccurs="2" maxOccurs="3000""#] {
            let global = element(value, &sequence(occurs));
            refused("e-props-correct.2", &global);
            refused("e-props-correct.2", &complex("t", &format!("<xs:sequence>{global}</xs:sequence>")));
        }
        let all = r#"<xs:all><xs:element name="b"/></xs:all>"#;
        refused("e-props-correct.2", &element(value, &mixed(all)));
        let optional = r#"<xs:all minOccurs="0"><xs:element name="b"/></xs:all>"#;
        for ty in [sequence(r#"minOccurs="0""#), mixed(""), mixed(optional)] {
            taken(&element(value, &ty));
        }
        taken(&format!(r#"<xs:element name="e" {value}/>"#));
    }
    taken(&element("", &sequence("")));
}

#[test]
fn what_is_empty_is_extended_by_any_group() {
    let groups = ["sequence", "choice", "all"];
    let added = |kind: &str| format!(r#"<xs:{kind}><xs:element name="a" type="xs:int"/></xs:{kind}>"#);
    for kind in groups {
        let more = derived("Two", "extension", "One", &added(kind));
        for nothing in
            ["<xs:sequence/>", "<xs:all/>", r#"<xs:all minOccurs="0"/>"#, r#"<xs:choice minOccurs="0"/>"#]
        {
            taken(&format!("{more}{}", complex("One", nothing)));
        }
        taken(&format!("{more}{}", complex("One", "")));
    }
    let mixed = r#"<xs:complexType name="Two" mixed="true"><xs:complexContent><xs:extension base="One"><xs:sequence/></xs:extension></xs:complexContent></xs:complexType>"#;
    for nothing in ["", "<xs:sequence/>", r#"<xs:all minOccurs="0"/>"#] {
        taken(&format!("{mixed}{}", complex("One", nothing)));
    }
    assert!(load(&format!("{mixed}{}", complex("One", &added("sequence")))).is_err());
    // It is no more than that, and of a derivation it counts that it is written.
    let text = r#"<xs:simpleContent><xs:extension base="xs:string"/></xs:simpleContent>"#;
    let group = derived("Two", "restriction", "One", "<xs:sequence/>");
    assert!(load(&format!("{group}{}", complex("One", text))).is_err());
    let all = derived("Two", "extension", "One", &added("all"));
    for something in [&added("sequence"), "<xs:sequence><xs:sequence/></xs:sequence>"] {
        assert!(load(&format!("{all}{}", complex("One", something))).is_err(), "{something}");
    }
    for wrong in
        [r#"<xs:all maxOccurs="2"/>"#, r#"<xs:sequence minOccurs="2"/>"#, r#"<xs:all minOccurs="2"/>"#]
    {
        assert!(load(&complex("One", wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn an_optional_all_is_restricted_by_one_with_less() {
    let all = |min: u32, inside: &str| format!(r#"<xs:all minOccurs="{min}">{inside}</xs:all>"#);
    let (a, b, c) = (
        r#"<xs:element name="a" minOccurs="0"/>"#,
        r#"<xs:element name="b" minOccurs="0"/>"#,
        r#"<xs:element name="c" minOccurs="0"/>"#,
    );
    for (base, less) in [
        (format!("{a}{b}{c}"), a.to_string()),
        (format!("{a}{b}{c}"), b.to_string()),
        (format!("{a}{b}{c}"), c.to_string()),
        (format!("{a}{b}{c}"), format!("{a}{b}")),
        (format!("{a}{b}{c}"), format!("{b}{c}")),
        (format!("{a}{b}{c}"), format!("{a}{c}")),
        (format!("{a}{b}"), a.to_string()),
        (format!("{a}{b}"), "".to_string()),
    ] {
        for (min, own) in [(0, 0), (0, 1), (1, 1)] {
            let base = complex("One", &all(min, &base));
            let less = derived("Two", "restriction", "One", &all(own, &less));
            taken(&format!("{base}{less}"));
        }
    }
}

#[test]
fn two_references_to_a_group_compete() {
    let group =
        |inside: &str| format!(r#"<xs:group name="g"><xs:sequence>{inside}</xs:sequence></xs:group>"#);
    let (optional, once) = (r#"<xs:group ref="g" minOccurs="0"/>"#, r#"<xs:group ref="g"/>"#);
    let refers =
        |first: &str, second: &str| complex("T", &format!("<xs:sequence>{first}{second}</xs:sequence>"));
    for inside in [r#"<xs:element name="b"/>"#, r#"<xs:any processContents="lax"/>"#] {
        let group = group(inside);
        refused("cos-nonambig", &format!("{group}{}", refers(optional, once)));
        let choice = complex("T", &format!("<xs:choice>{once}{once}</xs:choice>"));
        refused("cos-nonambig", &format!("{group}{choice}"));
        taken(&format!("{group}{}", refers(once, once)));
        taken(&format!("{group}{}", refers(once, optional)));
    }
}

#[test]
fn messages_name_documents_and_not_what_the_compiler_calls_them() {
    let head = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:o""#;
    let nowhere = r#"<xs:element name="e" type="o:t"/>"#;
    let nested = (0..200).fold(r#"<xs:element name="e"/>"#.to_owned(), |inside, _| {
        format!("<xs:sequence>{inside}</xs:sequence>")
    });
    let again = r#"<xs:redefine schemaLocation="main.xsd"><xs:simpleType name="t"><xs:restriction base="t"/></xs:simpleType></xs:redefine>"#;
    for body in [nowhere, &complex("t", &nested), again] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main.xsd");
        std::fs::write(&path, format!("{head}>\n{body}</xs:schema>")).unwrap();
        let error = Schema::load(&path, None).unwrap_err();
        let (SchemaError::Invalid { message, message_ja, .. }
        | SchemaError::TooLarge { message, message_ja, .. }) = &error
        else {
            panic!("{error}")
        };
        for text in [error.to_string(), message.clone(), message_ja.clone()] {
            assert!(!text.contains("schema:/") && !text.contains("max_depth"), "{text}");
        }
        assert!(error.to_string().starts_with("main.xsd:"), "{error}");
    }
}

#[test]
fn a_folder_is_no_schema_and_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = Schema::load(folder.path(), None).unwrap_err();
    assert!(matches!(error, SchemaError::Read { .. }), "{error}");
}
