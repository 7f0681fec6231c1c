//! What may be derived from what: right schemas that are taken, with what they mean, and wrong ones that are not (part 1
//! §3.4, §3.9.6, §3.14).

use sekisho_xsd::{Schema, SchemaError};

use crate::{load, refused, taken};

pub(crate) const M: &str = "mixed='true'";
pub(crate) const N: &str = "mixed='false'";

pub(crate) fn complex(name: &str, attributes: &str, inside: &str) -> String {
    format!("<xs:complexType name='{name}' {attributes}>{inside}</xs:complexType>")
}

pub(crate) fn content(attributes: &str, way: &str, base: &str, inside: &str) -> String {
    format!("<xs:complexContent {attributes}><xs:{way} base='{base}'>{inside}</xs:{way}></xs:complexContent>")
}

pub(crate) fn sequence(element: &str) -> String {
    format!("<xs:sequence><xs:element name='{element}' type='xs:int' minOccurs='0'/></xs:sequence>")
}

/// The rules that a document breaks.
pub(crate) fn broken(schema: &Schema, document: &str) -> Vec<&'static str> {
    let mut codes = Vec::new();
    schema.validate_document(document.as_bytes(), &mut |violation| codes.push(violation.code)).unwrap();
    codes
}

#[test]
fn simple_content_restricts_the_simple_type_of_its_base() {
    let restriction = |base: &str, inside: &str| {
        format!(
            "<xs:simpleContent><xs:restriction base='{base}'>{inside}</xs:restriction></xs:simpleContent>"
        )
    };
    let extension =
        |base: &str| format!("<xs:simpleContent><xs:extension base='{base}'/></xs:simpleContent>");
    let inside = |base: &str| format!("<xs:simpleType><xs:restriction base='{base}'/></xs:simpleType>");
    let least = "<xs:minInclusive value='3'/>";
    let types = "<xs:simpleType name='I'><xs:restriction base='xs:int'/></xs:simpleType>
        <xs:simpleType name='J'><xs:restriction base='I'/></xs:simpleType>
        <xs:simpleType name='U'><xs:union memberTypes='I xs:date'/></xs:simpleType>"
        .replace('\n', "");
    let of = |base: &str, more: &str, own: &str| {
        format!(
            "{types}{}{more}{}",
            complex("b", "", &extension(base)),
            complex("t", "", &restriction(if more.is_empty() { "b" } else { "m" }, own))
        )
    };
    for (base, own) in [("I", "I"), ("I", "J"), ("xs:int", "J"), ("xs:anySimpleType", "U"), ("U", "J")] {
        taken(&of(base, "", &inside(own)));
        taken(&of(base, &complex("m", "", &extension("b")), &inside(own)));
    }
    taken(&of("I", &complex("m", "", &restriction("b", &inside("J"))), least));
    let other = "<xs:simpleType><xs:list itemType='I'/></xs:simpleType>";
    for own in [&inside("xs:int"), &inside("xs:string"), other] {
        refused("derivation-ok-restriction", &of("I", "", own));
    }
    // What a restriction makes has no name: only facets restrict it further.
    for between in ["", least, &inside("I")] {
        refused(
            "derivation-ok-restriction",
            &of("I", &complex("m", "", &restriction("b", between)), &inside("I")),
        );
    }
    let emptiable = sequence("a");
    let required = emptiable.replace(" minOccurs='0'", "");
    taken(&format!(
        "{}{}",
        complex("b", M, &emptiable),
        complex("t", "", &restriction("b", &inside("xs:int")))
    ));
    for (mixed, base) in [("", &emptiable), (M, &required), ("", &String::new())] {
        let types =
            format!("{}{}", complex("b", mixed, base), complex("m", "", &content("", "extension", "b", "")));
        for base in ["b", "m"] {
            let Err(SchemaError::Invalid { .. }) =
                load(&format!("{types}{}", complex("t", "", &restriction(base, &inside("xs:int")))))
            else {
                panic!("{mixed} {base}")
            };
        }
    }
}

#[test]
fn blanks_in_base64_are_no_part_of_a_value() {
    let binary = "xs:base64Binary";
    let restricted = |name: &str, base: &str, facets: &str| {
        format!(
            "<xs:simpleType {name}><xs:restriction base='{base}'>{facets}</xs:restriction></xs:simpleType>"
        )
    };
    let least = "<xs:minLength value='1'/>";
    let types = [
        restricted("name='T'", binary, least),
        restricted("name='U'", "T", ""),
        complex("C", "", "<xs:simpleContent><xs:extension base='U'/></xs:simpleContent>"),
        "<xs:attribute name='g' type='U'/>".to_owned(),
    ]
    .concat();
    for blanks in ["AAAA AAA=", "A A A A A A A =", "&#10;AA&#9;AAAA&#13;A  = ", "AAAAAAA ="] {
        for ty in [binary, "T", "U", "C"] {
            for value in ["default", "fixed"] {
                let schema = taken(&format!("{types}<xs:element name='e' type='{ty}' {value}='{blanks}'/>"));
                assert_eq!(broken(&schema, "<e/>"), [""; 0], "{blanks}");
                assert_eq!(broken(&schema, "<e>A AAAAAA=</e>"), [""; 0], "{blanks}");
                let other: &[&str] = if value == "fixed" { &["cvc-elt.5.2.2"] } else { &[] };
                assert_eq!(broken(&schema, "<e>AAAAAAE=</e>"), other, "{blanks}");
            }
        }
        let attributes = format!(
            "{types}<xs:attribute name='h' type='{binary}' fixed='{blanks}'/>
             <xs:element name='e'><xs:complexType><xs:attribute name='a' type='T' fixed='{blanks}'/>
               <xs:attribute name='b' default='{blanks}'>{}</xs:attribute>
               <xs:attribute ref='g' fixed='{blanks}'/><xs:attribute ref='h'/></xs:complexType></xs:element>",
            restricted("", "U", "")
        );
        let schema = taken(&attributes);
        assert_eq!(broken(&schema, "<e a='AAAAAAA=' g='AAAA AAA=' h='A AAAAAA='/>"), [""; 0], "{blanks}");
        assert_eq!(broken(&schema, "<e g='AAAAAAE='/>"), ["cvc-attribute.4"], "{blanks}");
        let listed = format!("<xs:enumeration value='{blanks}'/><xs:enumeration value='AAAB'/>");
        let inside = format!(
            "<xs:complexType name='D'><xs:simpleContent><xs:restriction base='C'>{listed}</xs:restriction></xs:simpleContent></xs:complexType>"
        );
        for enumerated in [restricted("name='D'", "T", &listed), inside] {
            let schema = taken(&format!("{types}{enumerated}<xs:element name='e' type='D'/>"));
            assert_eq!(broken(&schema, "<e>AA AAAAA=</e>"), [""; 0], "{blanks}");
            assert_eq!(broken(&schema, "<e>AAAC</e>"), ["cvc-enumeration-valid"], "{blanks}");
        }
    }
    // Values of other types keep them, and what is no value is none without them.
    for (ty, value) in [(binary, "AA A"), (binary, "AA-A AAAA"), ("xs:hexBinary", "0A 0B"), ("xs:int", "1 2")]
    {
        refused("e-props-correct.2", &format!("<xs:element name='e' type='{ty}' default='{value}'/>"));
    }
    let schema = taken("<xs:element name='e' type='xs:string' fixed='AAAA AAAA'/>");
    assert_eq!(broken(&schema, "<e>AAAAAAAA</e>"), ["cvc-elt.5.2.2"]);
}

#[test]
fn an_optional_group_is_cut_down_to_one_of_its_elements() {
    let element =
        |name: &str, least: u8| format!("<xs:element name='{name}' type='xs:int' minOccurs='{least}'/>");
    let all = |least: u8, inside: &str| format!("<xs:all minOccurs='{least}'>{inside}</xs:all>");
    let whole = format!("{}{}{}", element("a", 1), element("b", 0), element("c", 0));
    let types = |base: &str, own: &str| {
        format!("{}{}", complex("b", "", base), complex("t", "", &content("", "restriction", "b", own)))
    };
    let group = format!("<xs:group name='g'>{}</xs:group>", all(1, &whole).replace(" minOccurs='1'", ""));
    let one = all(0, &element("a", 1));
    for base in [all(0, &whole), "<xs:group ref='g' minOccurs='0'/>".to_owned()] {
        let right = format!("{group}{}", types(&base, &one));
        let schema = taken(&format!("{right}<xs:element name='e' type='t'/>"));
        for (inside, rules) in [
            ("", &[][..]),
            ("<a>1</a>", &[]),
            ("<a>1</a><a>1</a>", &["cvc-complex-type.2.4"]),
            ("<b>1</b>", &["cvc-complex-type.2.4"]),
        ] {
            let found = broken(&schema, &format!("<e>{inside}</e>"));
            assert_eq!(found.first(), rules.first(), "{inside}: {found:?}");
        }
        // And that again, and no more than that.
        taken(&format!("{right}{}", complex("u", "", &content("", "restriction", "t", &one))));
        taken(&format!("{right}{}", complex("u", "", &content("", "restriction", "t", ""))));
        let more = complex("u", "", &content("", "extension", "t", &sequence("d")));
        assert!(load(&format!("{right}{more}")).is_err(), "xs:all is extended");
    }
    taken(&types(&all(0, &whole), &all(1, &element("a", 1))));
    for own in [all(0, &element("b", 1)), all(0, &element("d", 1)), all(0, &element("a", 0))] {
        refused("derivation-ok-restriction", &types(&all(0, &whole), &own));
    }
    refused("derivation-ok-restriction", &types(&all(1, &whole), &one));
    // One element twice is wrong in such a group, wherever it comes from.
    let twice = all(0, "<xs:element name='a' type='xs:int' maxOccurs='2'/>");
    assert!(
        load(&types("<xs:sequence><xs:any minOccurs='0' maxOccurs='9'/></xs:sequence>", &twice)).is_err()
    );
}

#[test]
fn what_stands_for_a_head_restricts_it() {
    let globals = "<xs:element name='h' type='xs:int'/><xs:element name='m' type='xs:int' substitutionGroup='h'/>
        <xs:element name='n' type='xs:short' substitutionGroup='h'/><xs:element name='o' type='xs:byte' substitutionGroup='n'/>
        <xs:element name='z' type='xs:int'/>"
        .replace('\n', "");
    let refer = |name: &str, occurs: &str| format!("<xs:element ref='{name}' {occurs}/>");
    let group = |kind: &str, occurs: &str, inside: &[String]| {
        format!("<xs:{kind} {occurs}>{}</xs:{kind}>", inside.concat())
    };
    let local = |name: &str| {
        format!(
            "<xs:element name='{name}'><xs:simpleType><xs:restriction base='xs:int'/></xs:simpleType></xs:element>"
        )
    };
    let any = "minOccurs='0' maxOccurs='unbounded'";
    let types = |base: &str, own: &str| {
        let derived = complex("t", "", &content("", "restriction", "b", own));
        format!("{globals}{}{derived}<xs:element name='e' type='t'/>", complex("b", "", base))
    };
    let (h, m, n, z) = (refer("h", ""), refer("m", ""), refer("n", ""), refer("z", ""));
    let many = group("choice", any, &[h.clone(), z.clone()]);
    let early: &[&str] = &["cvc-complex-type.2.4"];
    // Some of them in the place of the head, in whatever order.
    for own in [[&m, &n, &z], [&n, &m, &z]] {
        let own: Vec<_> = own.into_iter().cloned().collect();
        let schema = taken(&types(&many, &group("choice", any, &own)));
        assert_eq!(broken(&schema, "<e><z>1</z><n>1</n><m>1</m><o>1</o></e>"), [""; 0]);
        assert_eq!(broken(&schema, "<e><h>1</h></e>"), early);
    }
    // With other elements around them, and types inside those.
    let named = |name: &str| {
        local(name).replace(
            "><xs:simpleType><xs:restriction base='xs:int'/></xs:simpleType></xs:element>",
            " type='xs:int'/>",
        )
    };
    let base = group("choice", any, &[named("a"), h.clone(), named("b")]);
    let own = group("choice", any, &[local("a"), n.clone(), m.clone(), local("b")]);
    let schema = taken(&types(&base, &own));
    assert_eq!(broken(&schema, "<e><b>1</b><m>1</m><o>1</o><a>2</a></e>"), [""; 0]);
    assert_eq!(broken(&schema, "<e><h>1</h></e>"), early);
    assert_eq!(broken(&schema, "<e><m>1</m><a>x</a><b>x</b></e>"), ["cvc-datatype-valid"; 2]);
    // One after the other.
    let own = group("sequence", "", &[m.clone(), n.clone()]);
    let schema = taken(&types(&group("sequence", "", &[refer("h", any)]), &own));
    assert_eq!(broken(&schema, "<e><m>1</m><o>1</o></e>"), [""; 0]);
    assert_eq!(broken(&schema, "<e><m>1</m></e>"), early);
    // In a group with a name.
    let named = format!("<xs:group name='g'>{}</xs:group>", group("choice", "", &[h.clone(), z.clone()]));
    let own = group("choice", any, &[n.clone(), m.clone()]);
    let schema = taken(&format!("{named}{}", types(&format!("<xs:group ref='g' {any}/>"), &own)));
    assert_eq!(broken(&schema, "<e><m>1</m><n>1</n></e>"), [""; 0]);
    assert_eq!(broken(&schema, "<e><z>1</z></e>"), early);
    // What stands for something else does not, nor too many, nor the head for a member.
    for (base, own) in [
        (&many, group("choice", any, &[z.clone(), h.clone()])),
        (&many, group("choice", any, &[m.clone(), refer("x", "")])),
        (
            &group("sequence", "", &[refer("h", "maxOccurs='2'")]),
            group("sequence", "", &[m.clone(), n.clone(), m.clone()]),
        ),
        (&group("choice", any, &[m.clone(), z.clone()]), group("choice", any, &[h.clone(), z.clone()])),
        (&group("sequence", "", &[refer("n", any)]), group("sequence", "", &[m, n])),
    ] {
        let globals = "<xs:element name='x' type='xs:int'/>";
        refused("derivation-ok-restriction", &format!("{globals}{}", types(base, &own)));
    }
}

#[test]
fn types_inside_elements_are_those_of_their_own_elements() {
    let element = |name: &str, ty: &str| format!("<xs:element name='{name}' type='xs:{ty}'/>");
    let inside = |name: &str, ty: &str| {
        format!(
            "<xs:element name='{name}'><xs:simpleType><xs:restriction base='xs:{ty}'/></xs:simpleType></xs:element>"
        )
    };
    let with = |name: &str, content: &str| {
        format!("<xs:element name='{name}'><xs:complexType>{content}</xs:complexType></xs:element>")
    };
    let references = ["", "<xs:element ref='x'/>", "<xs:element ref='x'/><xs:element ref='y'/>"];
    let globals = "<xs:element name='x' type='xs:int'/><xs:element name='y' type='xs:int'/>";
    let types = |group: &str, base: &str, own: &str| {
        let group = |inside: &str| format!("<xs:{group}>{inside}</xs:{group}>");
        let derived = complex("t", "", &content("", "restriction", "b", &group(own)));
        format!("{globals}{}{derived}", complex("b", "", &group(base)))
    };
    for group in ["sequence", "all"] {
        for before in references {
            for between in references {
                if !before.is_empty() && !between.is_empty() {
                    continue;
                }
                let model = |first: &str, second: &str| format!("{before}{first}{between}{second}");
                let base = model(&element("a", "int"), &element("b", "string"));
                let right = types(group, &base, &model(&inside("a", "short"), &inside("b", "token")));
                let schema = taken(&format!("{right}<xs:element name='e' type='t'/>"));
                let said = |a: &str| {
                    let children = |all: &str| match all.matches("ref").count() {
                        0 => "",
                        1 => "<x>1</x>",
                        _ => "<x>1</x><y>1</y>",
                    };
                    let (before, between) = (children(before), children(between));
                    broken(&schema, &format!("<e>{before}<a>{a}</a>{between}<b>c</b></e>"))
                };
                assert_eq!(said("5"), [""; 0], "{right}");
                assert_eq!(said("70000"), ["cvc-maxInclusive-valid"], "{right}");
                for (first, second) in [("string", "token"), ("short", "int"), ("string", "int")] {
                    let own = model(&inside("a", first), &inside("b", second));
                    refused("derivation-ok-restriction", &types(group, &base, &own));
                }
                // The type of one must not be taken for that of the other.
                let base = model("<xs:element name='a'/>", &element("b", "int"));
                let own = model(&inside("a", "int"), &inside("b", "string"));
                refused("derivation-ok-restriction", &types(group, &base, &own));
            }
        }
    }
    // Elements in elements, and groups with a name.
    let deep =
        |ty: &str| with("c", &format!("<xs:sequence>{}{}</xs:sequence>", references[1], inside("d", ty)));
    let group = format!(
        "<xs:group name='g'><xs:sequence>{}{}</xs:sequence></xs:group>",
        references[1],
        deep("short")
    );
    let schema = taken(&format!(
        "{globals}{group}{}{}<xs:element name='e' type='t'/>",
        complex("b", "", &format!("<xs:sequence>{}<xs:element name='c'/></xs:sequence>", references[1])),
        complex("t", "", &content("", "restriction", "b", "<xs:group ref='g'/>")),
    ));
    let document = |d: &str| format!("<e><x>1</x><c><x>1</x><d>{d}</d></c></e>");
    assert_eq!(broken(&schema, &document("5")), [""; 0]);
    assert_eq!(broken(&schema, &document("70000")), ["cvc-maxInclusive-valid"]);
}

#[test]
fn final_default_is_asked_of_types_without_a_name() {
    let schema = |list: &str, body: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main.xsd");
        let head = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'";
        std::fs::write(&path, format!("{head} finalDefault='{list}'>{body}</xs:schema>")).unwrap();
        Schema::load(&path, None)
    };
    let integers = "<xs:simpleType><xs:restriction base='xs:int'/></xs:simpleType>";
    let list = format!("<xs:simpleType name='t'><xs:list>{integers}</xs:list></xs:simpleType>");
    let shorter = "<xs:simpleType name='t'><xs:restriction><xs:simpleType><xs:list itemType='xs:int'/></xs:simpleType><xs:maxLength value='2'/></xs:restriction></xs:simpleType>";
    for (finals, body, right) in [
        ("list", shorter, true),
        ("list", &list, false),
        ("#all", &list, false),
        ("union", &list, true),
        ("list", "<xs:simpleType name='t'><xs:list itemType='xs:int'/></xs:simpleType>", true),
    ] {
        let loaded = schema(finals, body);
        assert_eq!(loaded.is_ok(), right, "{finals}: {body}: {loaded:?}");
        if let Err(error) = loaded {
            assert!(error.to_string().contains("finalDefault forbids a list of this type"), "{error}");
        }
    }
}

#[test]
fn an_abstract_element_is_left_to_the_wildcard_beside_it() {
    let head = "<xs:element name='h' type='xs:int' abstract='true'/>";
    let member = "<xs:element name='m' type='xs:int' substitutionGroup='h'/>";
    let root = |process: &str| {
        format!(
            "<xs:element name='e'><xs:complexType><xs:choice><xs:element ref='h'/><xs:any processContents='{process}'/></xs:choice></xs:complexType></xs:element>"
        )
    };
    // An abstract element is in no substitution group (§3.3.6), its own neither, so that nothing competes.
    for (process, rules) in [("skip", &[][..]), ("lax", &["cvc-elt.2"]), ("strict", &["cvc-elt.2"])] {
        let schema = taken(&format!("{head}{}", root(process)));
        assert_eq!(broken(&schema, "<e><h>1</h></e>"), rules, "{process}");
    }
    // Its members are, and do.
    refused("cos-nonambig", &format!("{head}{member}{}", root("skip")));
    let elsewhere = root("skip").replace("<xs:any ", "<xs:any namespace='##other' ");
    let schema = taken(&format!("{head}{member}{elsewhere}"));
    assert_eq!(broken(&schema, "<e><m>1</m></e>"), [""; 0]);
    assert_eq!(broken(&schema, "<e><h>1</h></e>"), ["cvc-elt.2"]);
}
