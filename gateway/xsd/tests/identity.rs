//! Keys and references to keys where they are seldom (part 1 §3.11).
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use std::path::Path;

use sekisho_xsd::{Schema, SchemaError};

fn load(namespaces: &str, body: &str) -> Result<Schema, SchemaError> {
    documents(&[("main.xsd", namespaces, body)])
}

/// Loads the last one.
fn documents(documents: &[(&str, &str, &str)]) -> Result<Schema, SchemaError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, namespaces, body) in documents {
        let text =
            format!("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' {namespaces}>{body}</xs:schema>");
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let last = documents.last().map_or(Path::new(""), |(name, ..)| Path::new(name));
    Schema::load(&folder.path().join(last), None)
}

#[track_caller]
fn refused(loaded: Result<Schema, SchemaError>, rule: &str, says: &str) {
    let Err(error) = loaded else { panic!("{rule} is broken") };
    let SchemaError::Invalid { rule: broken, message, message_ja, .. } = &error else { panic!("{error}") };
    assert!(broken == rule && message.contains(says), "{error}");
    assert!(message_ja.chars().any(|c| c >= 'ぁ') && !message_ja.contains("英語"), "{message_ja}");
}

fn broken(schema: &Schema, inside: &str) -> Vec<&'static str> {
    let head =
        "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:xs='http://www.w3.org/2001/XMLSchema'";
    let document = format!("<r {head} xmlns:other='http://www.w3.org/2001/XMLSchema'>{inside}</r>");
    let mut codes = Vec::new();
    schema.validate_document(document.as_bytes(), &mut |violation| codes.push(violation.code)).unwrap();
    codes
}

#[test]
fn what_instructs_processors_is_an_attribute_all_the_same() {
    let schema = |kind: &str, ty: &str, field: &str| {
        let body = format!(
            "<xs:element name='r'><xs:complexType><xs:sequence><xs:element name='d' type='{ty}' nillable='true' maxOccurs='unbounded'/></xs:sequence></xs:complexType>
             <xs:{kind} name='k'><xs:selector xpath='d'/><xs:field xpath='{field}'/></xs:{kind}></xs:element>"
        );
        load("xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'", &body).unwrap()
    };
    let (missing, twice, unique): (&[&str], &[&str], &[&str]) = (
        &["cvc-identity-constraint.4.2.1"],
        &["cvc-identity-constraint.4.2.2"],
        &["cvc-identity-constraint.4.1"],
    );
    let types = schema("key", "xs:anyType", "@xsi:type");
    let (string, int) = ("<d xsi:type='xs:string'>a</d>", "<d xsi:type='xs:int'>1</d>");
    assert_eq!(broken(&types, &format!("{string}{int}")), [""; 0]);
    assert_eq!(broken(&types, &format!("{string}<d>a</d>{int}")), missing);
    // It is the name that counts, and not the prefix.
    assert_eq!(broken(&types, &format!("{string}{int}<d xsi:type=' other:int '>2</d>")), twice);
    let many = |count: usize| (0..count).map(|_| int).collect::<String>();
    assert_eq!(broken(&types, &many(100)), [twice[0]; 99]);
    for field in ["@xsi:nil", "@*"] {
        let nil = schema("unique", "xs:string", field);
        assert_eq!(broken(&nil, "<d xsi:nil='true'/><d>a</d><d xsi:nil='false'>b</d>"), [""; 0], "{field}");
        assert_eq!(broken(&nil, "<d xsi:nil='true'/><d xsi:nil='1'/>"), unique, "{field}");
    }
    let hints = schema("unique", "xs:string", "@xsi:schemaLocation");
    assert_eq!(broken(&hints, "<d xsi:schemaLocation='a b'/><d xsi:schemaLocation='a c'/>"), [""; 0]);
    assert_eq!(broken(&hints, "<d xsi:schemaLocation='a b'/><d xsi:schemaLocation=' a  b '/>"), unique);
}

#[test]
fn tables_are_united_level_by_level() {
    let schema = load(
        "",
        "<xs:element name='r'><xs:complexType><xs:sequence><xs:element ref='n' maxOccurs='unbounded'/><xs:element name='ref' type='xs:string' maxOccurs='unbounded'/></xs:sequence></xs:complexType>
           <xs:keyref name='kr' refer='k'><xs:selector xpath='ref'/><xs:field xpath='.'/></xs:keyref></xs:element>
         <xs:element name='n'><xs:complexType><xs:sequence><xs:element ref='n' minOccurs='0' maxOccurs='unbounded'/><xs:element name='i' type='xs:string' minOccurs='0' maxOccurs='unbounded'/></xs:sequence></xs:complexType>
           <xs:key name='k'><xs:selector xpath='i'/><xs:field xpath='.'/></xs:key></xs:element>",
    )
    .unwrap();
    let n = |inside: &[String]| format!("<n>{}</n>", inside.concat());
    let x = n(&["<i>x</i>".to_owned()]);
    let both = n(&[x.clone(), x.clone()]);
    let lost: &[&str] = &["cvc-identity-constraint.4.3"];
    let cases: [(Vec<&String>, &[&str]); 8] = [
        (vec![&x], &[]),
        (vec![&x, &x], lost),
        (vec![&both], lost),
        // It is in conflict below, and so not there; what is beside it is alone.
        (vec![&both, &x], &[]),
        (vec![&x, &both], &[]),
        (vec![&both, &x, &both], &[]),
        (vec![&x, &both, &x], lost),
        (vec![&both, &both], lost),
    ];
    for (children, rules) in cases {
        let children: String = children.into_iter().map(String::as_str).collect();
        assert_eq!(broken(&schema, &format!("{children}<ref>x</ref>")), rules, "{children}");
    }
    // An element's own entries count, whatever its children have.
    let own = both.replace("</n></n>", "</n><i>x</i></n>");
    assert_eq!(broken(&schema, &format!("{own}<ref>x</ref>")), [""; 0]);
    // Many of them, some deep down.
    let many: String = (0..6000).map(|i| format!("<i>{i}</i>")).collect();
    let twice = n(&[n(std::slice::from_ref(&many)), n(&[many.clone(), "<i>y</i>".to_owned()])]);
    let inside = format!("{twice}{}<ref>5999</ref><ref>y</ref>", n(&[many]));
    assert_eq!(broken(&schema, &inside), [""; 0]);
    assert_eq!(broken(&schema, &format!("{twice}<ref>5999</ref><ref>y</ref>")), lost);
}

#[test]
fn references_lead_somewhere() {
    let keys = |refer: &str| {
        format!(
            "<xs:element name='r'><xs:complexType><xs:sequence><xs:element name='i' type='xs:int' maxOccurs='9'/></xs:sequence></xs:complexType>
               <xs:key name='k'><xs:selector xpath='i'/><xs:field xpath='.'/></xs:key>
               <xs:keyref name='f' refer='{refer}'><xs:selector xpath='i'/><xs:field xpath='.'/></xs:keyref></xs:element>"
        )
    };
    load("", &keys("k")).unwrap();
    load("targetNamespace='urn:t' xmlns='urn:t'", &keys("k")).unwrap();
    load("targetNamespace='urn:t' xmlns:t='urn:t'", &keys("t:k")).unwrap();
    // Without a prefix and without a default namespace it is a name in no namespace.
    refused(
        load("targetNamespace='urn:t'", &keys("k")),
        "src-resolve",
        "there is no key or unique of the name k",
    );
    let include = "<xs:include schemaLocation='part.xsd'/>";
    documents(&[("part.xsd", "", &keys("k")), ("main.xsd", "targetNamespace='urn:t'", include)]).unwrap();
    let member = "<xs:element name='m' substitutionGroup='nowhere'/>";
    refused(load("", member), "src-resolve", "the element that m stands for is not declared");
    load("", &format!("{member}<xs:element name='nowhere'/>")).unwrap();
}

#[test]
fn what_is_redefined_twice_is_refused() {
    let head = "targetNamespace='urn:t' xmlns='urn:t'";
    let first = "<xs:simpleType name='s'><xs:restriction base='xs:int'/></xs:simpleType><xs:group name='g'><xs:sequence/></xs:group>";
    let redefine = |file: &str, facet: &str| {
        format!(
            "<xs:redefine schemaLocation='{file}'><xs:simpleType name='s'><xs:restriction base='s'>{facet}</xs:restriction></xs:simpleType></xs:redefine>"
        )
    };
    let (least, most) = ("<xs:minInclusive value='1'/>", "<xs:maxInclusive value='3'/>");
    let element = "<xs:element name='r' type='s'/>";
    let held = |main: &str| {
        documents(&[
            ("first.xsd", head, first),
            ("second.xsd", head, &redefine("first.xsd", least)),
            ("main.xsd", head, &format!("{main}{element}")),
        ])
    };
    let include = "<xs:include schemaLocation='second.xsd'/>";
    let twice = redefine("first.xsd", most);
    for main in [
        format!("{include}{twice}"),
        format!("{twice}{include}"),
        format!("{twice}{}", redefine("first.xsd", least)),
    ] {
        refused(held(&main), "sch-props-correct.2", "s is redefined twice");
    }
    // In turn, and different definitions of one document.
    held(&redefine("second.xsd", most)).unwrap();
    held(&format!("{include}{}", redefine("second.xsd", most))).unwrap();
    let group =
        "<xs:redefine schemaLocation='first.xsd'><xs:group name='g'><xs:sequence/></xs:group></xs:redefine>";
    held(&format!("{include}{group}")).unwrap();
}
