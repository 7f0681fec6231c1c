//! Two documents that disagree about one name, and one that disagrees with itself.

use super::{document, refused};

/// What declares the name, twice in a way that the other declaration can stand beside it, and what it is called.
const KINDS: [(&str, &str, &str, &str); 9] = [
    ("<xs:element name='a' type='xs:int'/>", "<xs:element name='a'/>", "element a", "要素 a"),
    (
        "<xs:simpleType name='a'><xs:restriction base='xs:int'/></xs:simpleType>",
        "<xs:complexType name='a'/>",
        "type a",
        "型 a",
    ),
    ("<xs:complexType name='a'/>", "<xs:complexType name='a'/>", "type a", "型 a"),
    ("<xs:attribute name='a'/>", "<xs:attribute name='a'/>", "attribute a", "属性 a"),
    (
        "<xs:group name='a'><xs:sequence/></xs:group>",
        "<xs:group name='a'><xs:choice/></xs:group>",
        "group a",
        "グループ a",
    ),
    ("<xs:attributeGroup name='a'/>", "<xs:attributeGroup name='a'/>", "attribute group a", "属性グループ a"),
    ("<xs:notation name='a' public='p'/>", "<xs:notation name='a' public='q'/>", "notation a", "記法 a"),
    (
        "<xs:element name='r'><xs:key name='a'><xs:selector xpath='x'/><xs:field xpath='.'/></xs:key></xs:element>",
        "<xs:element name='s'><xs:unique name='a'><xs:selector xpath='x'/><xs:field xpath='.'/></xs:unique></xs:element>",
        "identity constraint a",
        "一意性の制約 a",
    ),
    (
        "<xs:complexType name='t'><xs:sequence><xs:element name='r'><xs:key name='a'><xs:selector xpath='x'/><xs:field xpath='.'/></xs:key></xs:element></xs:sequence></xs:complexType>",
        "<xs:element name='s'><xs:key name='a'><xs:selector xpath='x'/><xs:field xpath='.'/></xs:key></xs:element>",
        "identity constraint a",
        "一意性の制約 a",
    ),
];

/// The places of the two, in their order, with what is said.
#[track_caller]
fn both(documents: &[(&str, Vec<u8>)], what: &str, what_ja: &str) -> (String, String) {
    let said = refused(documents);
    let first = said
        .message
        .strip_prefix(&format!("the {what} is declared twice, first at "))
        .and_then(|rest| rest.strip_suffix(": take one of the two out, or rename it"))
        .unwrap_or_else(|| panic!("{what}: {}: {}", said.place, said.message));
    let ja = format!("{what_ja} が二度宣言されています。最初の宣言は {first} です。");
    assert!(said.message_ja.starts_with(&ja), "{}", said.message_ja);
    assert!(
        matches!(said.rule.as_str(), "sch-props-correct" | "ic-unique" | "src-redefine"),
        "{}",
        said.rule
    );
    (first.to_owned(), said.place)
}

#[test]
fn two_documents_are_both_named() {
    for (one, other, what, what_ja) in KINDS {
        // What stands in annotations, inside others or in another namespace is another thing.
        let decoy = "<xs:annotation><xs:appinfo><xs:element name='a'/><xs:key name='a'/></xs:appinfo></xs:annotation>";
        let main = "<xs:import namespace='urn:o' schemaLocation='other.xsd'/>\n<xs:include schemaLocation='d1.xsd'/>\n<xs:include schemaLocation='d2.xsd'/>";
        for (target, part) in [
            ("", ""),
            (" targetNamespace='urn:t'", " targetNamespace='urn:t'"),
            (" targetNamespace='urn:t'", ""),
        ] {
            let documents = [
                ("main.xsd", document(target, main)),
                ("other.xsd", document(" targetNamespace='urn:o'", one)),
                ("d1.xsd", document(part, &format!("{decoy}\n\n  {one}"))),
                ("d2.xsd", document(part, &format!("\n{other}"))),
            ];
            let (first, second) = both(&documents, what, what_ja);
            assert!(first.starts_with("d1.xsd:4:"), "{what}: {first}");
            assert!(second.starts_with("d2.xsd:3:"), "{what}: {second}");
        }
    }
}

#[test]
fn both_places_in_one_document_are_named() {
    for (one, other, what, what_ja) in KINDS {
        let body = format!("{one}\n<xs:element name='between'/>\n{other}");
        let (first, second) = both(&[("main.xsd", document("", &body))], what, what_ja);
        assert!(first.starts_with("main.xsd:2:"), "{what}: {first}");
        assert!(second.starts_with("main.xsd:4:"), "{what}: {second}");
    }
}

#[test]
fn a_redefinition_twice_names_both_places() {
    let base = "<xs:simpleType name='a'><xs:restriction base='xs:int'/></xs:simpleType>";
    let own = "<xs:simpleType name='a'><xs:restriction base='a'/></xs:simpleType>";
    let redefine =
        |inside: &str| format!("<xs:redefine schemaLocation='base.xsd'>\n{inside}\n</xs:redefine>");
    let documents =
        [("main.xsd", document("", &redefine(&format!("{own}\n{own}")))), ("base.xsd", document("", base))];
    let (first, second) = both(&documents, "type a", "型 a");
    assert!(first.starts_with("main.xsd:3:") && second.starts_with("main.xsd:4:"), "{first} {second}");
    // In two documents.
    let main = "<xs:include schemaLocation='d1.xsd'/><xs:include schemaLocation='d2.xsd'/>";
    let said = refused(&[
        ("main.xsd", document("", main)),
        ("d1.xsd", document("", &redefine(own))),
        ("d2.xsd", document("", &format!("\n{}", redefine(own)))),
        ("base.xsd", document("", base)),
    ]);
    assert_eq!(said.rule, "sch-props-correct.2");
    assert!(said.place.starts_with("d2.xsd:4:"), "{}", said.place);
    assert!(said.message.contains("a is redefined twice, first at d1.xsd:3:"), "{}", said.message);
    assert!(said.message_ja.contains("最初は d1.xsd:3:"), "{}", said.message_ja);
}
