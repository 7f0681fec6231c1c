//! References that lead nowhere are known when what they could lead to is over: they are told like everything else all the same.
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use sekisho_xsd::{Schema, Violation};

const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="root"><xs:complexType><xs:sequence>
    <xs:element name="rec" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
      <xs:element name="of"><xs:complexType><xs:attribute name="k" type="xs:int"/></xs:complexType></xs:element>
      <xs:element name="ref" type="xs:IDREFS"/><xs:element name="key" type="xs:int"/><xs:element name="deep" type="Deep"/>
    </xs:choice><xs:attribute name="id" type="xs:ID"/><xs:attribute name="to" type="xs:IDREF"/></xs:complexType>
      <xs:key name="own"><xs:selector xpath="key"/><xs:field xpath="."/></xs:key>
      <xs:keyref name="within" refer="own"><xs:selector xpath="of"/><xs:field xpath="@k"/></xs:keyref>
    </xs:element>
  </xs:sequence></xs:complexType></xs:element>
  <xs:complexType name="Deep"><xs:sequence><xs:element name="deep" type="Deep" minOccurs="0"/></xs:sequence>
    <xs:attribute name="to" type="xs:IDREF"/></xs:complexType>
</xs:schema>"#;

/// What is told of a reference: its code, the record, its path, and what stands at its place.
type Told<'t> = (&'static str, Option<u64>, Option<&'t str>, &'t str);

fn violations(document: &str) -> Vec<Violation> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("references.xsd");
    std::fs::write(&path, SCHEMA).unwrap();
    let schema = Schema::load(&path, None).unwrap();
    let mut all = Vec::new();
    schema.validate_document(document.as_bytes(), &mut |violation| all.push(violation)).unwrap();
    all
}

#[track_caller]
fn assert_told(document: &str, told: &[Told<'_>]) {
    let all = violations(document);
    assert_eq!(all.len(), told.len(), "{all:?}");
    for (found, &(code, record, path, stands)) in all.iter().zip(told) {
        let (before, behind) = document.split_at(found.byte.unwrap() as usize);
        assert!(behind.starts_with(stands), "{found:?}");
        let line = before.matches('\n').count() as u64 + 1;
        let column = before.rsplit('\n').next().unwrap().chars().count() as u64 + 1;
        assert_eq!((found.code, found.line, found.column), (code, Some(line), Some(column)));
        assert_eq!((found.record, found.path.as_deref()), (record, path), "{found:?}");
        let field = path.and_then(|path| path.rsplit('/').next()?.split('[').next());
        assert_eq!(found.field.as_deref(), field);
        assert!(!found.message.is_empty() && !found.message_ja.is_empty());
    }
}

const ID: &str = "cvc-id.1";
const KEY: &str = "cvc-identity-constraint.4.3";

#[test]
fn references_are_told_with_byte_record_and_path() {
    assert_told(
        "<root>\n<rec id='a' to='b'><ref>a</ref></rec>\n<rec to='c'>\n  <ref>関 a b</ref><of k='1'/><key>2</key><of k='2'/></rec>\
         <rec id='b'><key>1</key></rec><rec to='c'/><rec><of k='3'/><of k='4'/></rec></root>",
        &[
            (KEY, Some(2), Some("root[1]/rec[2]/of[1]"), "<of k='1'"),
            (KEY, Some(5), Some("root[1]/rec[5]/of[1]"), "<of k='3'"),
            (KEY, Some(5), Some("root[1]/rec[5]/of[2]"), "<of k='4'"),
            (ID, Some(2), Some("root[1]/rec[2]"), "<rec to='c'"),
            (ID, Some(2), Some("root[1]/rec[2]/ref[1]"), "<ref>関"),
        ],
    );
}

#[test]
fn the_last_of_very_many_references_is_told_as_the_first_would_be() {
    let records: String =
        (0..9_000).map(|n| format!("<rec id='i{n}' to='i{}'/>\n", (n * 7 + 5) % 9_000)).collect();
    let many: String = (0..9_000).map(|n| format!("<of k='{n}'/><key>{n}</key>\n")).collect();
    let document = format!("<root>{records}<rec>{many}<of k='-1'/></rec><rec to='x'/></root>");
    assert_told(
        &document,
        &[
            (KEY, Some(9_001), Some("root[1]/rec[9001]/of[9001]"), "<of k='-1'"),
            (ID, Some(9_002), Some("root[1]/rec[9002]"), "<rec to='x'"),
        ],
    );
}

#[test]
fn of_very_deep_references_no_path_is_told() {
    let open = |from: usize, upto: usize| -> String { (from..upto).map(|_| "<deep>").collect() };
    let document = format!(
        "<root><rec>{}<deep to='x'>{}<deep to='y'/>{}</rec></root>",
        open(0, 20),
        open(21, 40),
        "</deep>".repeat(40)
    );
    let path = format!("root[1]/rec[1]{}", "/deep[1]".repeat(21));
    assert_told(
        &document,
        &[(ID, Some(1), Some(&path), "<deep to='x'"), (ID, Some(1), None, "<deep to='y'")],
    );
}
