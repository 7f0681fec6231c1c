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
        let codes = broken(&schema, inside).unwrap();
        if codes != *rules {
            let start: String = inside.chars().take(200).collect();
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
