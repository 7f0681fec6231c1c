//! Every kind of refusal has its file, its line and its rule.

use super::{document, encodings, refused, told, written};
use sekisho_xml::QName;
use sekisho_xsd::{Schema, SchemaDigest};

/// A schema whose body stands from its second line on, and how place and rule begin.
const ALONE: &[(&str, &str, &str)] = &[
    // Wrong: as XML, as a schema document, in what it says.
    ("<xs:element name='a'>", "main.xsd:3:", "xml"),
    ("<xs:element name='a'/>\n<xs:element name=/>", "main.xsd:3:", "xml"),
    ("&none;", "main.xsd:2:1", "xml"),
    ("<xs:elment name='a'/>", "main.xsd:2:1", "s4s-elt-"),
    ("<xs:element/>", "main.xsd:2:1", "s"),
    ("<xs:element name='a' typ='xs:int'/>", "main.xsd:2:1", "s4s-att-"),
    ("<xs:element name='1a'/>", "main.xsd:2:1", "s"),
    ("text", "main.xsd:2:", "s"),
    (
        "<xs:element name='a' type='xs:int'><xs:simpleType><xs:restriction base='xs:int'/></xs:simpleType></xs:element>",
        "main.xsd:2:1",
        "src-element",
    ),
    ("<xs:element name='a' default='1' fixed='1'/>", "main.xsd:2:1", "cos-valid-default"),
    ("<xs:element name='a' type='xs:int' default='x'/>", "main.xsd:2:1", "e-props-correct"),
    ("<xs:attribute name='xmlns'/>", "main.xsd:2:1", "no-xmlns"),
    ("<xs:attribute name='a' type='xs:ID' default='x'/>", "main.xsd:2:1", ""),
    (
        "<xs:group name='g'><xs:sequence>\n<xs:any minOccurs='2'/></xs:sequence></xs:group>",
        "main.xsd:3:1",
        "p-props-correct",
    ),
    (
        "<xs:complexType name='t'><xs:sequence>\n<xs:element name='e' minOccurs='2'/></xs:sequence></xs:complexType>",
        "main.xsd:3:1",
        "p-props-correct",
    ),
    (
        "<xs:complexType name='t'>\n<xs:group ref='g' minOccurs='3' maxOccurs='2'/></xs:complexType><xs:group name='g'><xs:sequence/></xs:group>",
        "main.xsd:3:1",
        "p-props-correct",
    ),
    (
        "<xs:complexType name='t'><xs:all>\n<xs:element name='e' maxOccurs='2'/></xs:all></xs:complexType>",
        "main.xsd:",
        "cos-all-limited",
    ),
    (
        "<xs:simpleType name='s'><xs:restriction base='xs:string'>\n<xs:pattern value='('/></xs:restriction></xs:simpleType>",
        "main.xsd:",
        "pattern-valid",
    ),
    (
        "<xs:simpleType name='s'><xs:restriction base='xs:int'>\n<xs:minInclusive value='x'/></xs:restriction></xs:simpleType>",
        "main.xsd:",
        "",
    ),
    (
        "<xs:simpleType name='s'><xs:restriction base='xs:int'>\n<xs:length value='1'/></xs:restriction></xs:simpleType>",
        "main.xsd:",
        "",
    ),
    (
        "<xs:simpleType name='s'><xs:restriction base='xs:int'><xs:minInclusive value='3'/><xs:maxInclusive value='2'/></xs:restriction></xs:simpleType>",
        "main.xsd:2:",
        "",
    ),
    ("<xs:simpleType name='s'><xs:restriction/></xs:simpleType>", "main.xsd:2:", "src-simple-type"),
    ("<xs:simpleType name='s'><xs:list/></xs:simpleType>", "main.xsd:2:", "src-list-"),
    ("<xs:simpleType name='s'><xs:union/></xs:simpleType>", "main.xsd:2:", "src-union-"),
    ("<xs:simpleType name='l'><xs:list itemType='xs:NMTOKENS'/></xs:simpleType>", "main.xsd:2:", ""),
    (
        "<xs:complexType name='f' final='#all'/>\n<xs:complexType name='t'><xs:complexContent><xs:extension base='f'/></xs:complexContent></xs:complexType>",
        "main.xsd:3:",
        "",
    ),
    (
        "<xs:complexType name='b'><xs:sequence/></xs:complexType>\n<xs:complexType name='t'><xs:complexContent><xs:restriction base='b'><xs:sequence><xs:element name='e'/></xs:sequence></xs:restriction></xs:complexContent></xs:complexType>",
        "main.xsd:3:",
        "derivation-ok-restriction",
    ),
    (
        "<xs:complexType name='t'><xs:attribute name='a'/><xs:attribute name='a'/></xs:complexType>",
        "main.xsd:2:",
        "",
    ),
    (
        "<xs:element name='e'><xs:key name='k'><xs:selector xpath='@a'/><xs:field xpath='.'/></xs:key></xs:element>",
        "main.xsd:2:",
        "src-identity-constraint",
    ),
    (
        "<xs:element name='e'><xs:key name='k'><xs:selector xpath='p:a'/><xs:field xpath='.'/></xs:key></xs:element>",
        "main.xsd:2:",
        "",
    ),
    (
        "<xs:complexType name='t'><xs:sequence>\n<xs:element name='e' form='foo'/></xs:sequence></xs:complexType>",
        "main.xsd:3:1",
        "s4s-att-invalid-value",
    ),
    (
        "<xs:complexType name='t'><xs:sequence>\n<xs:element name='e' form=''/></xs:sequence></xs:complexType>",
        "main.xsd:3:1",
        "s4s-att-invalid-value",
    ),
    (
        "<xs:complexType name='t'><xs:sequence>\n<xs:element name='e' form='Qualified'/></xs:sequence></xs:complexType>",
        "main.xsd:3:1",
        "s4s-att-invalid-value",
    ),
    (
        "<xs:element name='a'/>\n<xs:element name='e' substitutionGroup=''/>",
        "main.xsd:3:1",
        "s4s-att-invalid-value",
    ),
    (
        "<xs:complexType name='t'>\n<xs:group ref='g' maxOccurs='2'/></xs:complexType><xs:group name='g'><xs:all><xs:element name='e'/></xs:all></xs:group>",
        "main.xsd:3:1",
        "cos-all-limited",
    ),
    // Ambiguous.
    (
        "<xs:complexType name='t'><xs:choice><xs:element name='e'/>\n<xs:element name='e'/></xs:choice></xs:complexType>",
        "main.xsd:",
        "cos-nonambig",
    ),
    (
        "<xs:complexType name='t'><xs:sequence><xs:any minOccurs='0'/>\n<xs:any/></xs:sequence></xs:complexType>",
        "main.xsd:",
        "cos-nonambig",
    ),
    (
        "<xs:complexType name='t'><xs:sequence><xs:element name='e' type='xs:int'/><xs:element name='x'/>\n<xs:element name='e' type='xs:date'/></xs:sequence></xs:complexType>",
        "main.xsd:",
        "cos-element-consistent",
    ),
    // Cyclic: types, groups, attribute groups, heads.
    (
        "<xs:complexType name='a'><xs:complexContent><xs:extension base='b'/></xs:complexContent></xs:complexType>\n<xs:complexType name='b'><xs:complexContent><xs:extension base='a'/></xs:complexContent></xs:complexType>",
        "main.xsd:2:",
        "ct-props-correct.3",
    ),
    (
        "<xs:simpleType name='a'><xs:restriction base='b'/></xs:simpleType>\n<xs:simpleType name='b'><xs:restriction base='a'/></xs:simpleType>",
        "main.xsd:2:",
        "st-props-correct.2",
    ),
    ("<xs:simpleType name='a'><xs:union memberTypes='xs:int a'/></xs:simpleType>", "main.xsd:2:", ""),
    ("<xs:simpleType name='a'><xs:list itemType='a'/></xs:simpleType>", "main.xsd:2:", ""),
    (
        "<xs:group name='a'><xs:sequence><xs:group ref='b'/></xs:sequence></xs:group>\n<xs:group name='b'><xs:sequence><xs:group ref='a'/></xs:sequence></xs:group>",
        "main.xsd:",
        "mg-props-correct.2",
    ),
    (
        "<xs:attributeGroup name='a'><xs:attributeGroup ref='b'/></xs:attributeGroup>\n<xs:attributeGroup name='b'><xs:attributeGroup ref='a'/></xs:attributeGroup>",
        "main.xsd:",
        "",
    ),
    (
        "<xs:element name='a' substitutionGroup='b'/>\n<xs:element name='b' substitutionGroup='a'/>",
        "main.xsd:",
        "e-props-correct",
    ),
    (
        "<xs:redefine schemaLocation='main.xsd'><xs:complexType name='t'><xs:complexContent><xs:extension base='t'/></xs:complexContent></xs:complexType></xs:redefine>",
        "main.xsd:2:",
        "",
    ),
    // Incomplete: documents, and every kind of reference.
    ("<xs:include schemaLocation='none.xsd'/>", "main.xsd:2:1", "src-include"),
    ("<xs:import namespace='urn:o' schemaLocation='none.xsd'/>", "main.xsd:2:1", "src-import"),
    ("<xs:redefine schemaLocation='none.xsd'/>", "main.xsd:2:1", "src-redefine"),
    ("<xs:include schemaLocation='http://example.org/a.xsd'/>", "main.xsd:2:1", "src-include"),
    ("<xs:include schemaLocation='.'/>", "main.xsd:2:1", "src-include"),
    ("<xs:include/>", "main.xsd:2:1", "s"),
    ("<xs:element name='a' type='none'/>", "main.xsd:2:1", "src-resolve"),
    ("<xs:element name='a' type='p:none'/>", "main.xsd:2:1", "src-"),
    ("<xs:element name='a' type='o:none' xmlns:o='urn:o'/>", "main.xsd:2:1", "src-"),
    (
        "<xs:import namespace='urn:o'/>\n<xs:element name='a' type='o:none' xmlns:o='urn:o'/>",
        "main.xsd:3:1",
        "src-resolve",
    ),
    ("<xs:element name='a' substitutionGroup='none'/>", "main.xsd:2:1", ""),
    ("<xs:attribute name='a' type='none'/>", "main.xsd:2:1", "src-resolve"),
    (
        "<xs:complexType name='t'><xs:sequence>\n<xs:element ref='none'/></xs:sequence></xs:complexType>",
        "main.xsd:",
        "src-resolve",
    ),
    ("<xs:complexType name='t'>\n<xs:group ref='none'/></xs:complexType>", "main.xsd:", "src-resolve"),
    ("<xs:complexType name='t'>\n<xs:attribute ref='none'/></xs:complexType>", "main.xsd:", "src-resolve"),
    (
        "<xs:complexType name='t'>\n<xs:attributeGroup ref='none'/></xs:complexType>",
        "main.xsd:",
        "src-resolve",
    ),
    (
        "<xs:complexType name='t'><xs:complexContent>\n<xs:extension base='none'/></xs:complexContent></xs:complexType>",
        "main.xsd:",
        "src-resolve",
    ),
    (
        "<xs:complexType name='t'><xs:simpleContent>\n<xs:extension base='none'/></xs:simpleContent></xs:complexType>",
        "main.xsd:",
        "src-resolve",
    ),
    ("<xs:simpleType name='s'>\n<xs:restriction base='none'/></xs:simpleType>", "main.xsd:", "src-resolve"),
    ("<xs:simpleType name='s'>\n<xs:list itemType='none'/></xs:simpleType>", "main.xsd:", "src-resolve"),
    ("<xs:simpleType name='s'>\n<xs:union memberTypes='none'/></xs:simpleType>", "main.xsd:", "src-resolve"),
    (
        "<xs:element name='e'>\n<xs:keyref name='k' refer='none'><xs:selector xpath='x'/><xs:field xpath='.'/></xs:keyref></xs:element>",
        "main.xsd:",
        "src-identity-constraint",
    ),
    // Of another XSD, or with what would be passed over.
    (
        "<xs:complexType name='t'><xs:sequence/>\n<xs:assert test='1'/></xs:complexType>",
        "main.xsd:3:1",
        "schema-unsupported",
    ),
    (
        "<xs:element name='a'/><xs:element name='b'/>\n<xs:element name='e' substitutionGroup='a b'/>",
        "main.xsd:3:1",
        "schema-unsupported",
    ),
    ("<xs:override schemaLocation='none.xsd'/>", "main.xsd:2:1", "schema-unsupported"),
    ("<xs:element name='e' type='xs:dateTimeStamp'/>", "main.xsd:2:1", "schema-unsupported"),
    (
        "<xs:complexType name='t'><xs:attribute name='a' targetNamespace='urn:o'/></xs:complexType>",
        "main.xsd:2:",
        "schema-unsupported",
    ),
    ("<xs:element name='e'><xs:unique ref='u'/></xs:element>", "main.xsd:2:", "schema-unsupported"),
    (
        "<xs:any xmlns:vc='http://www.w3.org/2007/XMLSchema-versioning' vc:minVersion='1.1'/>",
        "main.xsd:2:1",
        "schema-unsupported",
    ),
];

#[test]
fn a_schema_of_one_document() {
    for (body, place, rule) in ALONE {
        let said = refused(&[("main.xsd", document("", body))]);
        assert!(said.place.starts_with(place), "{body}: {}: {}: {}", said.place, said.rule, said.message);
        assert!(said.rule.starts_with(rule), "{body}: {}: {}: {}", said.place, said.rule, said.message);
    }
}

#[test]
fn a_document_that_is_none() {
    let whole: [(&[u8], &str, &str); 11] = [
        (b"", "main.xsd:1:1", "xml"),
        (b"\n\n  text", "main.xsd:", "xml"),
        (b"<a/>", "main.xsd:1:1", "s"),
        (b"\n<schema/>", "main.xsd:2:1", "s"),
        (
            b"<?xml version='1.0'?>\n<!DOCTYPE a>\n<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>",
            "main.xsd:2:1",
            "schema-unsupported",
        ),
        (
            b"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\n <!-- \x82\xA0 --></xs:schema>",
            "main.xsd:2:7",
            "charset-",
        ),
        (b"\xFF\xFE<\0a", "main.xsd:1:2", "charset-"),
        (
            b"<?xml version='1.0' encoding='ISO-8859-1'?>\n<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>",
            "main.xsd:1:31",
            "xml-encoding-unsupported",
        ),
        (
            b"<?xml version='1.1'?>\n<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>",
            "main.xsd:1:1",
            "schema-unsupported",
        ),
        (b"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>\n<xs:schema/>", "main.xsd:2:1", "xml"),
        (b"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'\n a='1' a='2'/>", "main.xsd:", "xml"),
    ];
    for (bytes, place, rule) in whole {
        let text = String::from_utf8_lossy(bytes);
        let said = refused(&[("main.xsd", bytes)]);
        assert!(
            said.place.starts_with(place) && said.rule.starts_with(rule),
            "{text}: {}: {}: {}",
            said.place,
            said.rule,
            said.message
        );
        // In a document that another one includes it is told there, or at the directive.
        let main = document("", "<xs:include schemaLocation='part.xsd'/>");
        let said = refused(&[("main.xsd", main.as_slice()), ("part.xsd", bytes)]);
        let inside = said.place.starts_with(&place.replace("main", "part"));
        assert!(
            inside || said.place.starts_with("main.xsd:2:1"),
            "{text}: {}: {}: {}",
            said.place,
            said.rule,
            said.message
        );
    }
}

/// As wherever a document comes in: what is in an encoding that it says is read, and is no schema only because of its root.
#[test]
fn a_document_in_every_encoding() {
    let cases = encodings::cases();
    let of_a_file = cases.iter().filter(|case| case.label.is_none());
    let mut count = 0;
    for case in of_a_file {
        count += 1;
        let said = refused(&[("main.xsd", case.document())]);
        let (rule, column) = match &case.refused {
            Some(code) => (code.as_str(), case.column.unwrap()),
            None => ("sch-props-correct", said.place.rsplit(':').next().unwrap().parse().unwrap()),
        };
        let place = format!("main.xsd:1:{column}");
        assert_eq!((said.rule.as_str(), &said.place), (rule, &place), "{}: {}", case.name, said.message);
        // Bytes are what an editor of other encodings shows.
        let byte = case.byte.map(|byte| byte.to_string()).unwrap_or_default();
        assert!(
            said.message.contains(&byte) && said.message_ja.contains(&byte),
            "{}: {}",
            case.name,
            said.message
        );
    }
    assert!(count > 40, "{count}");
}

#[test]
fn documents_that_do_not_fit_together() {
    let element = "<xs:element name='e'/>";
    for (directive, part, rule) in [
        ("<xs:include schemaLocation='part.xsd'/>", " targetNamespace='urn:o'", "src-include"),
        (
            "<xs:import namespace='urn:p' schemaLocation='part.xsd'/>",
            " targetNamespace='urn:o'",
            "src-import",
        ),
        ("<xs:import namespace='urn:p' schemaLocation='part.xsd'/>", "", "src-import"),
        (
            "<xs:import namespace='urn:t' schemaLocation='part.xsd'/>",
            " targetNamespace='urn:t'",
            "src-import",
        ),
        ("<xs:redefine schemaLocation='part.xsd'/>", " targetNamespace='urn:o'", "src-redefine"),
        (
            "<xs:redefine schemaLocation='part.xsd'>\n<xs:simpleType name='none'><xs:restriction base='none'/></xs:simpleType></xs:redefine>",
            " targetNamespace='urn:t'",
            "src-",
        ),
    ] {
        let said = refused(&[
            ("main.xsd", document(" targetNamespace='urn:t' xmlns='urn:t'", directive)),
            ("part.xsd", document(part, element)),
        ]);
        assert!(
            said.place.starts_with("main.xsd:") && said.rule.starts_with(rule),
            "{directive}: {}: {}: {}",
            said.place,
            said.rule,
            said.message
        );
    }
    // Documents may include one another; what is wrong in the last of them is told there.
    let include = |name: &str| format!("<xs:include schemaLocation='{name}'/>");
    let circle = |last: &str| {
        [
            ("main.xsd", document("", &include("a.xsd"))),
            ("a.xsd", document("", &include("b.xsd"))),
            ("b.xsd", document("", &format!("{}\n{last}", include("main.xsd")))),
        ]
    };
    let (_folder, path) = written(&circle(element));
    Schema::load(&path, None).unwrap();
    let said = refused(&circle("<xs:element name='e' type='none'/>"));
    assert!(
        said.place.starts_with("b.xsd:3:1") && said.rule == "src-resolve",
        "{}: {}",
        said.place,
        said.message
    );
}

/// A file that cannot be read has no lines; a digest is of all of them.
#[test]
fn what_has_no_line_has_its_file() {
    let (folder, path) = written(&[("main.xsd", document("", "<xs:element name='a'/>"))]);
    let pinned: SchemaDigest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let error = Schema::load(&path, Some(&pinned)).unwrap_err();
    assert!(error.code() == "schema-pin" && error.to_string().contains("main.xsd"), "{error}");
    let error = Schema::load(&folder.path().join("none.xsd"), None).unwrap_err();
    assert!(error.code() == "schema-read" && error.to_string().contains("none.xsd"), "{error}");
    let error = Schema::load(folder.path(), None).unwrap_err();
    assert_eq!(error.code(), "schema-read", "{error}");
}

#[test]
fn a_record_that_is_none() {
    let typed = |name: &str, ty: &str, inside: &str| {
        format!(
            "<xs:element name='{name}'><xs:complexType><xs:sequence>\n<xs:element name='x' type='{ty}'/></xs:sequence></xs:complexType>{inside}</xs:element>"
        )
    };
    let key = "<xs:key name='k'><xs:selector xpath='x'/><xs:field xpath='n'/></xs:key>";
    let ty = "<xs:complexType name='T'><xs:sequence><xs:element name='n' type='xs:int'/></xs:sequence></xs:complexType>";
    let same = typed("A", "T", "") + &typed("B", "T", "") + ty;
    let keyed = typed("A", "T", "") + "\n" + &typed("B", "T", key) + ty;
    let other = typed("A", "T", "") + "\n" + &typed("B", "xs:int", "") + ty;
    let (_folder, path) = written(&[("main.xsd", document("", &same))]);
    Schema::load(&path, None).unwrap().record_type(&QName::new("", "x")).unwrap();
    for (body, record, place, problem) in [
        (&same, "none", "main.xsd:1:1", "is not declared"),
        (&other, "x", "main.xsd:", "with different types, here and at main.xsd:"),
        (&keyed, "x", "main.xsd:", "with different keys"),
        (&same, "n", "main.xsd:", "a record with a simple type"),
    ] {
        let (_folder, path) = written(&[("main.xsd", document("", body))]);
        let error = Schema::load(&path, None).unwrap().record_type(&QName::new("", record)).unwrap_err();
        let said = told(&error, &["main.xsd"]);
        assert!(said.place.starts_with(place) && said.message.contains(problem), "{error}");
    }
}
