//! What the standard says where schemas and documents are seldom: each schema with documents and the rules that they break.
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use std::fmt::Write as _;

use sekisho_xsd::{DocumentError, Schema, SchemaError};

fn load(declarations: &str) -> Result<Schema, SchemaError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.xsd");
    let schema = format!(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">{declarations}</xs:schema>"#
    );
    std::fs::write(&path, schema).unwrap();
    Schema::load(&path, None)
}

/// The rules that what stands in the root breaks.
fn broken(schema: &Schema, inside: &str) -> Result<Vec<&'static str>, DocumentError> {
    let document = format!(
        r#"<r xmlns="urn:t" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{inside}</r>"#
    );
    let mut codes = Vec::new();
    schema.validate_document(document.as_bytes(), &mut |violation| codes.push(violation.code))?;
    Ok(codes)
}

/// Holds documents against the declarations, and says which come out otherwise.
fn hold(declarations: &str, documents: &[(&str, &[&str])], wrong: &mut String) {
    let schema = load(declarations).unwrap_or_else(|error| panic!("{declarations}: {error}"));
    for (inside, rules) in documents {
        let mut codes = broken(&schema, inside).unwrap();
        // What is missing may be told more than once.
        if rules.len() == 1 {
            codes.dedup();
        }
        if codes != *rules {
            let start: String = inside.chars().take(60).collect();
            let _ = writeln!(wrong, "{declarations}\n  {start}: {codes:?} instead of {rules:?}");
        }
    }
}

#[test]
fn a_nil_element_has_no_characters_at_all() {
    let contents = [
        "<xs:complexType><xs:sequence><xs:element name='b' minOccurs='0'/></xs:sequence></xs:complexType>",
        "<xs:complexType><xs:all><xs:element name='b' minOccurs='0'/></xs:all></xs:complexType>",
        "<xs:complexType><xs:sequence><xs:any processContents='lax' minOccurs='0'/></xs:sequence></xs:complexType>",
        "<xs:complexType mixed='true'><xs:sequence><xs:element name='b' minOccurs='0'/></xs:sequence></xs:complexType>",
        "<xs:complexType/>",
        "<xs:simpleType><xs:restriction base='xs:string'/></xs:simpleType>",
    ];
    let mut wrong = String::new();
    for content in contents {
        let declarations = format!(
            "<xs:element name='r'><xs:complexType><xs:sequence>
               <xs:element name='n' nillable='true' maxOccurs='unbounded'>{content}</xs:element>
             </xs:sequence></xs:complexType></xs:element>"
        );
        let empty = ["", "<!-- -->", "<?p?>", "<![CDATA[]]>"];
        let characters = [" ", "&#32;", "<![CDATA[ ]]>", " <!-- -->", "<!-- -->\n", "x", "\r\n"];
        let nil = |inside: &str| format!("<n xsi:nil='true'>{inside}</n>");
        let empty_ones: String = empty.iter().map(|inside| nil(inside)).collect();
        hold(&declarations, &[(&empty_ones, &[])], &mut wrong);
        for inside in characters {
            let alone = nil(inside);
            // After many that are alike, and before.
            let late = nil("").repeat(80) + &alone;
            let both = format!("{late}{}{alone}", nil("").repeat(80));
            let all = alone.repeat(70);
            let code = "cvc-elt.3.2.1";
            hold(
                &declarations,
                &[(&alone, &[code]), (&late, &[code]), (&both, &[code, code]), (&all, &[code; 70])],
                &mut wrong,
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_may_come_no_time_is_no_branch_of_a_choice() {
    let branches = [
        "<xs:element name='x' minOccurs='0' maxOccurs='0'/>",
        "<xs:sequence minOccurs='0' maxOccurs='0'><xs:element name='x'/></xs:sequence>",
        "<xs:choice minOccurs='0' maxOccurs='0'><xs:element name='x'/></xs:choice>",
        "<xs:any namespace='##other' minOccurs='0' maxOccurs='0'/>",
        "<xs:group ref='g' minOccurs='0' maxOccurs='0'/>",
    ];
    let group =
        "<xs:group name='g'><xs:sequence><xs:element name='x' minOccurs='0'/></xs:sequence></xs:group>";
    let early: &[&str] = &["cvc-complex-type.2.4"];
    let mut wrong = String::new();
    for branch in branches {
        let root = |content: &str| {
            format!("{group}<xs:element name='r'><xs:complexType>{content}</xs:complexType></xs:element>")
        };
        let b = "<xs:element name='b'/>";
        for max in ["1", "2", "unbounded"] {
            for both in [format!("{branch}{b}"), format!("{b}{branch}"), format!("{branch}{b}{branch}")] {
                let choice = root(&format!("<xs:choice maxOccurs='{max}'>{both}</xs:choice>"));
                hold(&choice, &[("", early), ("<b/>", &[]), ("<x/>", early)], &mut wrong);
                let optional =
                    root(&format!("<xs:choice minOccurs='0' maxOccurs='{max}'>{both}</xs:choice>"));
                hold(&optional, &[("", &[]), ("<b/>", &[])], &mut wrong);
            }
            // A choice without branches: nothing can be chosen, not even nothing.
            let none = root(&format!("<xs:choice maxOccurs='{max}'>{branch}</xs:choice>"));
            hold(&none, &[("", early), (" ", early)], &mut wrong);
            let none = root(&format!("<xs:choice minOccurs='0' maxOccurs='{max}'>{branch}</xs:choice>"));
            hold(&none, &[("", &[]), (" ", &[])], &mut wrong);
        }
        let inner = root(&format!("<xs:sequence><xs:choice>{branch}{b}</xs:choice>{b}</xs:sequence>"));
        hold(&inner, &[("<b/>", early), ("<b/><b/>", &[])], &mut wrong);
        let sequence = root(&format!("<xs:sequence>{branch}{b}</xs:sequence>"));
        hold(&sequence, &[("", early), ("<b/>", &[])], &mut wrong);
        // What is really empty may be chosen.
        let empty = root(&format!("<xs:choice>{branch}{b}<xs:sequence/></xs:choice>"));
        hold(&empty, &[("", &[]), ("<b/>", &[])], &mut wrong);
    }
    let restriction = "<xs:complexType name='B'><xs:choice><xs:element name='x' minOccurs='0'/><xs:element name='b'/></xs:choice></xs:complexType>
        <xs:element name='r'><xs:complexType><xs:complexContent><xs:restriction base='B'><xs:choice>
          <xs:element name='x' minOccurs='0' maxOccurs='0'/><xs:element name='b'/></xs:choice>
        </xs:restriction></xs:complexContent></xs:complexType></xs:element>";
    hold(restriction, &[("", early), ("<b/>", &[])], &mut wrong);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn types_in_between_block_substitution_too() {
    let more = |name: &str, base: &str, block: &str| {
        format!(
            "<xs:complexType name='{name}' {block}><xs:complexContent><xs:extension base='{base}'/></xs:complexContent></xs:complexType>"
        )
    };
    let less = |name: &str, base: &str, block: &str| {
        format!(
            "<xs:complexType name='{name}' {block}><xs:complexContent><xs:restriction base='{base}'><xs:sequence/></xs:restriction></xs:complexContent></xs:complexType>"
        )
    };
    let (extension, restriction, all) = ("block='extension'", "block='restriction'", "block='#all'");
    // The types in between and of the member, and whether it may stand for the head.
    let cases = [
        (more("X", "B", ""), more("Y", "X", ""), true),
        (more("X", "B", extension), more("Y", "X", ""), false),
        (more("X", "B", all), more("Y", "X", ""), false),
        (more("X", "B", restriction), more("Y", "X", ""), true),
        // What is blocked counts wherever on the way it is.
        (more("X", "B", extension), less("Y", "X", ""), false),
        (more("X", "B", restriction), less("Y", "X", ""), false),
        (less("X", "B", restriction), less("Y", "X", ""), false),
        (less("X", "B", extension), less("Y", "X", ""), true),
        (less("X", "B", extension), more("Y", "X", ""), false),
        // The member's own type is not in between.
        (more("X", "B", ""), more("Y", "X", all), true),
    ];
    let mut wrong = String::new();
    for (between, own, taken) in cases {
        let declarations = format!(
            "<xs:complexType name='B'><xs:sequence/></xs:complexType>{between}{own}
             <xs:element name='h' type='B'/><xs:element name='m' type='Y' substitutionGroup='h'/>
             <xs:element name='i' type='X' substitutionGroup='h'/><xs:element name='j' type='Y' substitutionGroup='i'/>
             <xs:element name='r'><xs:complexType><xs:sequence><xs:element ref='h'/></xs:sequence></xs:complexType></xs:element>"
        );
        let rules: &[&str] = if taken { &[] } else { &["cvc-complex-type.2.4"] };
        hold(&declarations, &[("<m/>", rules), ("<j/>", rules), ("<i/>", &[]), ("<h/>", &[])], &mut wrong);
    }
    // The values of `final` are asked where a member names its head, once.
    let finals = format!(
        "<xs:complexType name='B'><xs:sequence/></xs:complexType>{}
         <xs:element name='h' type='B' final='extension'/><xs:element name='i' type='B' substitutionGroup='h'/>
         <xs:element name='m' type='X' substitutionGroup='i'/>
         <xs:element name='r'><xs:complexType><xs:sequence><xs:element ref='h'/></xs:sequence></xs:complexType></xs:element>",
        more("X", "B", "")
    );
    hold(&finals, &[("<m/>", &[]), ("<i/>", &[])], &mut wrong);
    assert!(wrong.is_empty(), "{wrong}");
}

const UNION: &str = "<xs:simpleType name='U'><xs:union memberTypes='xs:int xs:date'/></xs:simpleType>
    <xs:simpleType name='V'><xs:restriction base='U'><xs:pattern value='.'/></xs:restriction></xs:simpleType>
    <xs:simpleType name='L'><xs:list itemType='xs:int'/></xs:simpleType>
    <xs:complexType name='C'><xs:simpleContent><xs:extension base='xs:int'/></xs:simpleContent></xs:complexType>";

#[test]
fn a_member_of_a_union_stands_for_it_by_restriction() {
    let blocked: &[&str] = &["cvc-elt.4.3"];
    let mut wrong = String::new();
    for (block, int, complex) in [
        ("", &[][..], &[][..]),
        ("block='extension'", &[], blocked),
        ("block='restriction'", blocked, blocked),
        ("block='#all'", blocked, blocked),
    ] {
        let root = |ty: &str| {
            format!(
                "{UNION}<xs:element name='r'><xs:complexType><xs:sequence><xs:element name='e' type='{ty}' {block}/></xs:sequence></xs:complexType></xs:element>"
            )
        };
        let typed = |ty: &str| format!("<e xsi:type='{ty}'>1</e>");
        hold(
            &root("U"),
            &[
                ("<e>1</e>", &[]),
                (&typed("U"), &[]),
                (&typed("xs:int"), int),
                (&typed("xs:short"), int),
                (&typed("V"), int),
                (&typed("C"), complex),
                (&typed("xs:string"), &["cvc-elt.4.2"]),
            ],
            &mut wrong,
        );
        hold(&root("xs:anySimpleType"), &[(&typed("L"), int), (&typed("U"), int)], &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_member_of_a_union_in_a_substitution_group() {
    let group = |head: &str, ty: &str| {
        format!(
            "{UNION}<xs:element name='h' type='U' {head}/><xs:element name='m' type='{ty}' substitutionGroup='h'/>
             <xs:element name='r'><xs:complexType><xs:sequence><xs:element ref='h'/></xs:sequence></xs:complexType></xs:element>"
        )
    };
    let mut wrong = String::new();
    // A head that excludes restriction has no such member; the head itself and what shares its type may stand there.
    for ty in ["xs:int", "xs:short", "C", "V"] {
        for head in ["final='restriction'", "final='#all'"] {
            let error = load(&group(head, ty)).err().unwrap();
            let SchemaError::Invalid { rule, .. } = &error else { panic!("{ty}: {error}") };
            assert_eq!(rule, "e-props-correct.4", "{ty} {head}: {error}");
        }
    }
    for head in ["", "final='extension'", "final='restriction'"] {
        hold(&group(head, "U"), &[("<m>1</m>", &[])], &mut wrong);
    }
    // No way of derivation leads from a union to its member, so there is none that is blocked.
    for head in ["", "block='restriction'", "block='extension'"] {
        hold(&group(head, "xs:int"), &[("<m>1</m>", &[])], &mut wrong);
    }
    let refused: &[&str] = &["cvc-complex-type.2.4"];
    hold(&group("block='restriction'", "V"), &[("<m>1</m>", refused)], &mut wrong);
    hold(&group("block='substitution'", "xs:int"), &[("<m>1</m>", refused)], &mut wrong);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_is_prohibited_is_nothing_at_all() {
    let prohibited = "<xs:attribute name='a' use='prohibited' fixed='1'/>";
    let grouped = format!("<xs:attributeGroup name='G'>{prohibited}</xs:attributeGroup>");
    let any = "<xs:anyAttribute processContents='skip'/>";
    let refused: &[&str] = &["cvc-complex-type.3.2.2"];
    let fixed: &[&str] = &["cvc-attribute.4"];
    let element = |content: &str| {
        format!(
            "{grouped}<xs:complexType name='B'><xs:attribute name='a'/><xs:anyAttribute processContents='skip'/></xs:complexType>
             <xs:complexType name='N'/>
             <xs:element name='r'><xs:complexType><xs:sequence><xs:element name='e'><xs:complexType>{content}</xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>"
        )
    };
    let derived = |way: &str, base: &str, inside: &str| {
        element(&format!(
            "<xs:complexContent><xs:{way} base='{base}'>{inside}</xs:{way}></xs:complexContent>"
        ))
    };
    let (one, two) = ("<e a='1'/>", "<e a='2'/>");
    let mut wrong = String::new();
    for written in [prohibited, "<xs:attributeGroup ref='G'/>"] {
        // It forbids nothing that there would be: the W3C's suite lets it stand with its value.
        hold(&element(written), &[("<e/>", &[]), (one, &[]), (two, fixed)], &mut wrong);
        hold(&derived("extension", "N", written), &[(one, &[]), (two, fixed)], &mut wrong);
        // A wildcard takes it, whatever its value.
        hold(&element(&format!("{written}{any}")), &[(one, &[]), (two, &[])], &mut wrong);
        hold(&derived("restriction", "B", &format!("{written}{any}")), &[(one, &[]), (two, &[])], &mut wrong);
        // An extension prohibits nothing.
        hold(&derived("extension", "B", written), &[(one, &[]), (two, &[])], &mut wrong);
    }
    hold(
        &derived("restriction", "B", prohibited),
        &[("<e/>", &[]), (one, refused), (two, refused)],
        &mut wrong,
    );
    let plain = "<xs:attribute name='a' use='prohibited'/>";
    hold(&element(plain), &[("<e/>", &[]), (one, refused)], &mut wrong);
    hold(&derived("restriction", "B", plain), &[(one, refused)], &mut wrong);
    hold(&derived("restriction", "B", &format!("{plain}{any}")), &[(one, &[]), (two, &[])], &mut wrong);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_fixed_value_of_mixed_content_is_its_text_alone() {
    let declarations = "<xs:element name='r'><xs:complexType><xs:sequence><xs:element ref='e' maxOccurs='unbounded'/></xs:sequence></xs:complexType></xs:element>
        <xs:element name='e' fixed='漢字' type='M'/><xs:element name='d' default='漢字' type='M'/>
        <xs:complexType name='M' mixed='true'><xs:choice minOccurs='0' maxOccurs='unbounded'><xs:element ref='e'/><xs:element ref='d'/></xs:choice></xs:complexType>";
    let (other, element): (&[&str], &[&str]) = (&["cvc-elt.5.2.2.2"], &["cvc-elt.5.2.2.1"]);
    let long = format!("<e>漢字{}</e>", "漢".repeat(100_000));
    let pieces = "<e>漢<!-- -->字</e>";
    let deep = format!("{}漢字{}", "<e>漢字".repeat(200), "</e>".repeat(200));
    let deep_rules = [&["cvc-elt.5.2.2.2"][..], &["cvc-elt.5.2.2.1"; 199]].concat();
    let mut wrong = String::new();
    hold(
        declarations,
        &[
            ("<e>漢字</e><e/>", &[]),
            (pieces, &[]),
            ("<e>漢</e>", other),
            ("<e>漢字 </e>", other),
            ("<e>漢字é</e>", other),
            ("<e>漢字<!-- -->字</e>", other),
            (&long, other),
            ("<e>漢字<d>x</d></e>", element),
            ("<e><d>x</d>漢字</e>", element),
            ("<e>漢字</e><e>漢<d/>字</e><e>漢字</e>", element),
            (&deep, &deep_rules),
        ],
        &mut wrong,
    );
    assert!(wrong.is_empty(), "{wrong}");
}

/// What the documentation of the crate says of it.
#[test]
fn another_reading_is_taken_where_that_is_told() {
    let root = |content: &str| {
        format!(
            "<xs:element name='r'><xs:complexType><xs:sequence>{content}</xs:sequence></xs:complexType></xs:element>"
        )
    };
    let mut wrong = String::new();
    let unions = "<xs:simpleType name='A'><xs:union memberTypes='xs:int xs:boolean'/></xs:simpleType>
        <xs:simpleType name='B'><xs:restriction base='A'><xs:enumeration value='1'/></xs:restriction></xs:simpleType>
        <xs:simpleType name='C'><xs:union memberTypes='B xs:date'/></xs:simpleType>";
    let element = root("<xs:element name='e' type='C'/>");
    let excluded: &[&str] = &["cvc-datatype-valid"];
    hold(&format!("{unions}{element}"), &[("<e>1</e>", &[]), ("<e>2</e>", excluded)], &mut wrong);
    let default = root("<xs:element name='e' type='xs:decimal' default='1'/>");
    hold(&default, &[("<e xsi:type='xs:int'/>", &[])], &mut wrong);
    let lengths = "<xs:simpleType name='A'><xs:restriction base='xs:string'><xs:length value='2'/></xs:restriction></xs:simpleType>
        <xs:simpleType name='B'><xs:restriction base='A'><xs:minLength value='1'/><xs:maxLength value='3'/></xs:restriction></xs:simpleType>";
    let element = root("<xs:element name='e' type='B'/>");
    hold(
        &format!("{lengths}{element}"),
        &[("<e>ab</e>", &[]), ("<e>abc</e>", &["cvc-length-valid"])],
        &mut wrong,
    );
    hold(
        &root("<xs:element name='e' type='xs:NOTATION'/>"),
        &[("<e>xs:a</e>", &["cvc-enumeration-valid"])],
        &mut wrong,
    );
    let times = "<xs:element name='r'><xs:complexType><xs:sequence><xs:element name='e' type='xs:time' maxOccurs='9'/></xs:sequence></xs:complexType>
        <xs:unique name='u'><xs:selector xpath='*'/><xs:field xpath='.'/></xs:unique></xs:element>";
    let unique: &[&str] = &["cvc-identity-constraint.4.1"];
    hold(
        times,
        &[("<e>20:00:00-10:00</e><e>06:00:00Z</e>", &[]), ("<e>08:00:00+01:00</e><e>07:00:00Z</e>", unique)],
        &mut wrong,
    );
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn one_attribute_in_two_uses_is_asked_for_by_both() {
    let schema = |base: &str, way: &str, own: &str| {
        format!(
            "<xs:attribute name='a' type='xs:int'/>
             <xs:attributeGroup name='G'><xs:attribute ref='a'/></xs:attributeGroup>
             <xs:attributeGroup name='F'><xs:attribute ref='a' fixed='5'/></xs:attributeGroup>
             <xs:attributeGroup name='R'><xs:attribute ref='a' use='required'/></xs:attributeGroup>
             <xs:complexType name='B'>{base}</xs:complexType>
             <xs:complexType name='M'><xs:complexContent><xs:extension base='B'/></xs:complexContent></xs:complexType>
             <xs:element name='r'><xs:complexType><xs:sequence><xs:element name='e'><xs:complexType><xs:complexContent>
               <xs:{way} base='M'>{own}</xs:{way}></xs:complexContent></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>"
        )
        .replace("ref='a'", "ref='t:a'")
        .replace("<xs:attribute ref", "<xs:attribute xmlns:t='urn:t' ref")
    };
    let (one, two) = ("<e xmlns:t='urn:t' t:a='5'/>", "<e xmlns:t='urn:t' t:a='6'/>");
    let group = |name: &str| format!("<xs:attributeGroup ref='{name}'/>");
    let (missing, fixed): (&[&str], &[&str]) = (&["cvc-complex-type.4"], &["cvc-attribute.4"]);
    let mut wrong = String::new();
    for (first, second) in [("G", "R"), ("R", "G")] {
        hold(
            &schema(&group(first), "extension", &group(second)),
            &[("<e/>", missing), (two, &[])],
            &mut wrong,
        );
        let both = format!("{}{}", group(first), group(second));
        hold(&schema(&both, "extension", ""), &[("<e/>", missing), (two, &[])], &mut wrong);
    }
    for (first, second) in [("G", "F"), ("F", "G")] {
        hold(
            &schema(&group(first), "extension", &group(second)),
            &[("<e/>", &[]), (one, &[]), (two, fixed)],
            &mut wrong,
        );
    }
    // A restriction has its own use in the place of its base's.
    hold(&schema(&group("G"), "restriction", &group("R")), &[("<e/>", missing), (two, &[])], &mut wrong);
    hold(&schema(&group("G"), "restriction", &group("F")), &[(two, fixed)], &mut wrong);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn repetitions_of_repetitions_are_counted_as_one() {
    let x = "<xs:element name='x'/><xs:element name='y' minOccurs='0' maxOccurs='5'/>";
    let nested = |levels: usize, inside: &str| {
        let (open, close) = ("<xs:sequence minOccurs='2' maxOccurs='3'>", "</xs:sequence>");
        let content = format!("{}{inside}{}", open.repeat(levels), close.repeat(levels));
        format!("<xs:element name='r'><xs:complexType>{content}</xs:complexType></xs:element>")
    };
    let early: &[&str] = &["cvc-complex-type.2.4"];
    let mut wrong = String::new();
    let (least, fewer) = ("<x/>".repeat(512), "<x/>".repeat(511));
    let (most, more) = ("<x/>".repeat(19_683), "<x/>".repeat(19_684));
    let documents: &[(&str, &[&str])] = &[(&least, &[]), (&fewer, early), (&most, &[]), (&more, early)];
    hold(&nested(9, x), documents, &mut wrong);
    // Where numbers are left out every round counts: two or three fives.
    let fives = "<xs:sequence minOccurs='2' maxOccurs='3'><xs:element name='x' minOccurs='5' maxOccurs='5'/></xs:sequence>";
    let fives = format!("<xs:element name='r'><xs:complexType>{fives}</xs:complexType></xs:element>");
    for count in 0..18 {
        let rules = if matches!(count, 10 | 15) { &[] } else { early };
        hold(&fives, &[(&"<x/>".repeat(count), rules)], &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong}");
}
