//! What is too large, bound by bound.

use std::fmt::Write as _;

use super::{Refused, document, refused, told, written};
use sekisho_xml::QName;
use sekisho_xsd::Schema;

#[track_caller]
fn too_large(said: &Refused, rule: &str, place: &str, bound: &str) {
    assert_eq!(
        (said.code, said.rule.as_str()),
        ("schema-too-large", rule),
        "{}: {}",
        said.place,
        said.message
    );
    assert!(said.place.starts_with(place), "{rule}: {}", said.place);
    for words in [&said.message, &said.message_ja] {
        assert!(words.contains(bound), "{rule}: {words}");
    }
    // What to do stands at the end.
    assert!(said.message.contains(": ") || said.message.contains("; "), "{}", said.message);
    assert!(said.message_ja.ends_with("ください") && said.message_ja.contains('。'), "{}", said.message_ja);
}

#[track_caller]
fn alone(body: &str, rule: &str, place: &str, bound: &str) {
    too_large(&refused(&[("main.xsd", document("", body))]), rule, place, bound);
}

/// 16 MiB and a little: a line of 1 KiB after the other.
fn large() -> Vec<u8> {
    let mut text = document("", "<!--");
    let line = [vec![b'x'; 1023], vec![b'\n']].concat();
    (0..1 << 14).for_each(|_| text.extend_from_slice(&line));
    text.extend_from_slice(b"--></xs:schema>");
    text
}

#[test]
fn bytes_of_a_document() {
    let rule = "limit-document-bytes";
    let said = refused(&[("main.xsd", large())]);
    too_large(&said, rule, "main.xsd:16386:", "16777216");
    // Of a document that another one asks for, it is the same.
    for directive in [
        "<xs:include schemaLocation='large.xsd'/>",
        "<xs:import namespace='urn:o' schemaLocation='large.xsd'/>",
        "<xs:redefine schemaLocation='large.xsd'/>",
    ] {
        let said =
            refused(&[("main.xsd", document(" targetNamespace='urn:t'", directive)), ("large.xsd", large())]);
        too_large(&said, rule, "large.xsd:16386:", "16777216");
    }
}

#[test]
fn documents() {
    let part = document("", "");
    let names: Vec<String> = (0..1000).map(|number| format!("part{number}.xsd")).collect();
    let main: String = names.iter().fold(String::new(), |mut all, name| {
        let _ = writeln!(all, "<xs:include schemaLocation='{name}'/>");
        all
    });
    let mut all = vec![("main.xsd", document("", &main))];
    all.extend(names.iter().map(|name| (name.as_str(), part.clone())));
    // The first document counts, too: the directive for the last one is one too many.
    too_large(&refused(&all), "limit-documents", "main.xsd:1001:1", "1000");
}

#[test]
fn levels_of_elements() {
    let nested = |levels: usize| {
        let (open, close) = ("<xs:sequence>\n".repeat(levels), "</xs:sequence>".repeat(levels));
        format!("<xs:group name='g'>\n{open}{close}</xs:group>")
    };
    // The root and the group are two of them.
    alone(&nested(127), "limit-depth", "main.xsd:129:1", "128");
    let (_folder, path) = written(&[("main.xsd", document("", &nested(126)))]);
    Schema::load(&path, None).unwrap();
    let said = refused(&[
        ("main.xsd", document("", "<xs:include schemaLocation='deep.xsd'/>")),
        ("deep.xsd", document("", &nested(127))),
    ]);
    too_large(&said, "limit-depth", "deep.xsd:129:1", "128");
}

#[test]
fn levels_of_definitions() {
    let chain = |of: &dyn Fn(usize) -> String| (0..200).map(|at| of(at) + "\n").collect::<String>();
    let groups = chain(&|at| {
        format!("<xs:group name='g{at}'><xs:sequence><xs:group ref='g{}'/></xs:sequence></xs:group>", at + 1)
    }) + "<xs:group name='g200'><xs:sequence><xs:element name='e'/></xs:sequence></xs:group>";
    alone(&groups, "limit-nesting", "main.xsd:", "128");
    let types = "<xs:complexType name='t0'><xs:sequence/></xs:complexType>\n".to_owned()
        + &chain(&|at| {
            format!(
                "<xs:complexType name='t{}'><xs:complexContent><xs:extension base='t{at}'/></xs:complexContent></xs:complexType>",
                at + 1
            )
        });
    alone(&types, "limit-nesting", "main.xsd:", "128");
    let simple = "<xs:simpleType name='t0'><xs:restriction base='xs:int'/></xs:simpleType>\n".to_owned()
        + &chain(&|at| {
            format!("<xs:simpleType name='t{}'><xs:restriction base='t{at}'/></xs:simpleType>", at + 1)
        });
    alone(&simple, "limit-nesting", "main.xsd:", "128");
    let heads = "<xs:element name='e0'/>\n".to_owned()
        + &chain(&|at| format!("<xs:element name='e{}' substitutionGroup='e{at}'/>", at + 1));
    alone(&heads, "limit-nesting", "main.xsd:", "128");
    // One level fewer than are too many is followed to its end.
    let few = (0..120)
        .map(|at| {
            format!(
                "<xs:group name='g{at}'><xs:sequence><xs:group ref='g{}'/></xs:sequence></xs:group>",
                at + 1
            )
        })
        .collect::<String>()
        + "<xs:group name='g120'><xs:sequence><xs:element name='e'/></xs:sequence></xs:group>
           <xs:complexType name='t'><xs:group ref='g0'/></xs:complexType>";
    let (_folder, path) = written(&[("main.xsd", document("", &few))]);
    Schema::load(&path, None).unwrap();
}

#[test]
fn what_references_bring() {
    let doubled = |steps: usize| {
        let mut all =
            "<xs:group name='g0'><xs:sequence><xs:element name='e'/></xs:sequence></xs:group>\n".to_owned();
        for at in 1..=steps {
            let _ = writeln!(
                all,
                "<xs:group name='g{at}'><xs:sequence><xs:group ref='g{0}'/><xs:group ref='g{0}'/></xs:sequence></xs:group>",
                at - 1
            );
        }
        all
    };
    alone(&doubled(20), "limit-references", "main.xsd:18:1", "100000");
    // None is too large by itself, and all together are.
    let often: String = (0..100)
        .map(|at| format!("\n<xs:complexType name='t{at}'><xs:group ref='g13'/></xs:complexType>"))
        .collect();
    let said = refused(&[("main.xsd", document("", &(doubled(13) + &often)))]);
    too_large(&said, "limit-references", "main.xsd:", "2000000");
}

#[test]
fn steps_of_a_content_model() {
    // Any of these may follow any other.
    let choice: String = (0..3000).map(|at| format!("<xs:element name='e{at}' type='xs:int'/>")).collect();
    let body = format!(
        "\n<xs:complexType name='t'><xs:choice maxOccurs='unbounded'><xs:sequence>{}</xs:sequence></xs:choice></xs:complexType>",
        choice.replace(" type=", " minOccurs='0' type=")
    );
    alone(&body, "limit-content-model", "main.xsd:3:", "4194304");
}

#[test]
fn ways_through_a_content_model() {
    let body = "\n<xs:complexType name='t'><xs:choice minOccurs='50' maxOccurs='90'><xs:choice minOccurs='5' maxOccurs='9'>
        <xs:element name='a' minOccurs='5' maxOccurs='6'/><xs:element name='b'/></xs:choice><xs:element name='c'/></xs:choice></xs:complexType>";
    alone(body, "limit-repetitions", "main.xsd:3:", "256");
}

#[test]
fn steps_of_a_path() {
    let path = vec!["x"; 64].join("/");
    for (selector, field) in [(path.as_str(), "."), ("x", path.as_str())] {
        let body = format!(
            "<xs:element name='e'>\n <xs:key name='k'><xs:selector xpath='{selector}'/><xs:field xpath='{field}'/></xs:key></xs:element>"
        );
        alone(&body, "limit-path-steps", "main.xsd:3:2", "63");
    }
}

#[test]
fn memory_of_a_pattern() {
    let body = "<xs:simpleType name='s'>\n<xs:restriction base='xs:string'><xs:pattern value='(a{1000}){1000}'/></xs:restriction></xs:simpleType>";
    alone(body, "limit-pattern", "main.xsd:2:", "16 MiB");
}

#[test]
fn types_to_be_tried_for_a_value() {
    let mut body =
        "<xs:simpleType name='u0'><xs:union memberTypes='xs:int xs:date'/></xs:simpleType>".to_owned();
    for at in 1..20 {
        let _ = write!(
            body,
            "\n<xs:simpleType name='u{at}'><xs:union memberTypes='u{0} u{0}'/></xs:simpleType>",
            at - 1
        );
    }
    alone(&body, "limit-types", "main.xsd:", "65536");
}

#[test]
fn ways_to_a_record() {
    let element = |name: &str, ty: &str| format!("<xs:element name='{name}' type='{ty}'/>");
    let mut body = element("root", "t0");
    for at in 0..17 {
        let two = element("a", &format!("t{}", at + 1)) + &element("b", &format!("t{}", at + 1));
        let _ =
            write!(body, "<xs:complexType name='t{at}'><xs:sequence>{two}</xs:sequence></xs:complexType>");
    }
    body +=
        "<xs:complexType name='t17'><xs:sequence><xs:element name='Record'/></xs:sequence></xs:complexType>";
    let (_folder, path) = written(&[("main.xsd", document("", &body))]);
    let schema = Schema::load(&path, None).unwrap();
    let error = schema.record_type(&QName::new("", "Record")).unwrap_err();
    let said = told(&error, &["main.xsd"]);
    assert!(said.place.starts_with("main.xsd:2:") && said.message.contains("100,000"), "{error}");
}
