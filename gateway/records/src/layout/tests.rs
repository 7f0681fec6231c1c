use super::*;
use crate::testing::{families, record_type, visits};

/// Names of the top-level fields, or the code of the refusal.
fn compiled(content: &str) -> Result<Vec<String>, &'static str> {
    let declarations = format!(
        "<xs:element name='R'><xs:complexType>{content}</xs:complexType></xs:element>\
         <xs:complexType name='G'><xs:sequence><xs:element name='x' type='xs:string'/></xs:sequence></xs:complexType>"
    );
    let layout = Layout::compile(&record_type(&declarations, "R")).map_err(|error| error.code())?;
    Ok(layout.fields().iter().map(|field| field.name.local.to_string()).collect())
}

#[test]
fn fields_come_in_document_order_or_the_type_is_refused() {
    let string = |names: &str| {
        let element = |name: char| format!("<xs:element name='{name}' type='xs:string' minOccurs='0'/>");
        names.chars().map(element).collect::<String>()
    };
    let table = [
        (format!("<xs:sequence>{}</xs:sequence>", string("cab")), Ok("cab")),
        (format!("<xs:all>{}</xs:all>", string("ba")), Ok("ba")),
        (
            "<xs:choice><xs:sequence><xs:element name='a' type='xs:string'/><xs:element name='c' type='xs:string'/>\
             </xs:sequence><xs:element name='b' type='xs:string'/></xs:choice>".to_owned(),
            Ok("acb"),
        ),
        (
            "<xs:sequence><xs:element name='a' type='xs:string' maxOccurs='2'/></xs:sequence>".to_owned(),
            Err("layout-repeated-value"),
        ),
        (
            "<xs:sequence maxOccurs='unbounded'><xs:element name='a' type='xs:string'/></xs:sequence>".to_owned(),
            Err("layout-repeated-value"),
        ),
        (
            "<xs:choice maxOccurs='3'><xs:element name='a' type='xs:string'/><xs:element name='b' type='xs:string'/>\
             </xs:choice>".to_owned(),
            Err("layout-repeated-particles"),
        ),
        ("<xs:sequence maxOccurs='3'><xs:element name='g' type='t:G'/></xs:sequence>".to_owned(), Ok("g")),
        (
            "<xs:sequence><xs:element name='g' type='t:G' nillable='true'/></xs:sequence>".to_owned(),
            Err("layout-nillable-group"),
        ),
        ("<xs:sequence/>".to_owned(), Err("layout-empty")),
    ];
    for (content, expected) in table {
        let found = compiled(&content).map(|names| names.concat());
        assert_eq!(found.as_deref().map_err(|code| *code), expected, "{content}");
    }
}

#[test]
fn a_flat_layout_knows_its_fields() {
    let layout = visits().layout;
    assert!(layout.is_flat());
    assert_eq!(layout.fields().len(), 12);
    assert_eq!(layout.field("Id"), Some(FieldId(0)));
    assert_eq!(layout.field("Note"), Some(FieldId(11)));
    assert_eq!(layout.field("id"), None);
    assert_eq!(layout.keys().len(), 1);
    let kind = &layout.fields()[4];
    assert_eq!((kind.default.as_deref(), kind.fixed), (Some("plain"), false));
    let version = &layout.fields()[5];
    assert_eq!((version.default.as_deref(), version.fixed), (Some("1.0"), true));
}

#[test]
fn a_nested_layout_knows_its_groups_and_gives_its_names_away() {
    let layout = families().layout;
    assert!(!layout.is_flat());
    let member = &layout.fields()[usize::from(layout.field("Member").unwrap().0)];
    assert!(matches!(member.content, FieldContent::Group { repeats: true, .. }));
    let names: Vec<_> = layout.fields_of(member).iter().map(|field| &*field.name.local).collect();
    assert_eq!(names, ["Name", "Born", "Job"]);
    let names = layout.names();
    let json = serde_json::to_string(&names).unwrap();
    assert_eq!(serde_json::from_str::<LayoutNames>(&json).unwrap(), names);
    assert_eq!(
        json,
        r#"{"element":"{urn:example:families}Family","fields":[{"name":"Id"},{"name":"Address","group":[{"name":"Town"},{"name":"Block"}]},{"name":"Member","group":[{"name":"Name"},{"name":"Born"},{"name":"Job","group":[{"name":"Title"},{"name":"Since"}]}]},{"name":"Remark"}]}"#
    );
}
