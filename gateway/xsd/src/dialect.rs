//! What makes a schema document another than one of XSD 1.0: refused by name.
//!
//! A document type declaration gives attributes their defaults and entities their texts; what reads schemas passes over it.
//!
//! The compiler, in its 1.0 mode, ignores or evaluates some of these; a schema that means something else elsewhere
//! than here is no contract.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

use crate::error::SchemaError;
use crate::place::line_and_column;
use crate::wording::schema_text_ja;

const XS: &[u8] = b"http://www.w3.org/2001/XMLSchema";
const VERSIONING: &[u8] = b"http://www.w3.org/2007/XMLSchema-versioning";

/// Elements that XSD 1.1 adds.
const ELEMENTS: [&str; 7] = [
    "alternative",
    "assert",
    "assertion",
    "defaultOpenContent",
    "explicitTimezone",
    "openContent",
    "override",
];

/// Attributes that XSD 1.1 adds to elements of the schema namespace.
const ATTRIBUTES: [&str; 6] = [
    "defaultAttributes",
    "defaultAttributesApply",
    "inheritable",
    "notNamespace",
    "notQName",
    "xpathDefaultNamespace",
];

/// Attributes that it adds to some elements only, which stand with them.
const SOME: [(&str, &[&str]); 2] =
    [("ref", &["key", "keyref", "unique"]), ("targetNamespace", &["attribute", "element"])];

/// Types that XSD 1.1 adds (part 2 §3.2.1.3, §3.4.26 to §3.4.28; part 1 §3.16.7.3).
const TYPES: [&str; 5] = ["anyAtomicType", "dateTimeStamp", "dayTimeDuration", "error", "yearMonthDuration"];
/// Attributes that name types.
const NAMING: [&[u8]; 4] = [b"base", b"itemType", b"memberTypes", b"type"];

/// Refuses a schema document that uses XSD 1.1 constructs or conditional inclusion, has a document type declaration or is one
/// of XML 1.1, and values that the compiler does not look at.
///
/// What is not well-formed is left to the compiler, which says why.
pub(crate) fn refuse_others(name: &str, text: &str) -> Result<(), SchemaError> {
    let mut reader = NsReader::from_str(text);
    loop {
        let at = reader.buffer_position() as usize;
        let Ok(event) = reader.read_event() else { return Ok(()) };
        let refused = match event {
            Event::Eof => return Ok(()),
            Event::Start(start) | Event::Empty(start) => {
                if let Some(message) = wrong(&reader, &start) {
                    let (line, column) = line_and_column(text.as_bytes(), at);
                    return Err(SchemaError::Invalid {
                        place: format!("{name}:{line}:{column}"),
                        rule: "s4s-att-invalid-value".to_owned(),
                        message: message.to_owned(),
                        message_ja: schema_text_ja(message),
                    });
                }
                newer(&reader, &start).map(|construct| (construct, "write the schema in XSD 1.0"))
            }
            Event::Decl(declaration) => {
                let newer = declaration.version().is_ok_and(|version| version.as_ref() == b"1.1");
                newer.then(|| ("XML 1.1".to_owned(), "write the document in XML 1.0"))
            }
            Event::DocType(_) => {
                let advice = "leave it out: nothing that it declares would hold";
                Some(("a document type declaration".to_owned(), advice))
            }
            _ => None,
        };
        if let Some((construct, advice)) = refused {
            let (line, column) = line_and_column(text.as_bytes(), at);
            return Err(SchemaError::Unsupported {
                place: format!("{name}:{line}:{column}"),
                construct,
                advice,
            });
        }
    }
}

fn in_schema(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> bool {
    matches!(reader.resolver().resolve_element(start.name()).0, ResolveResult::Bound(ns) if ns.0 == XS)
}

/// A value that an attribute may not have, where the compiler takes any.
fn wrong(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Option<&'static str> {
    if start.local_name().as_ref() != b"element" || !in_schema(reader, start) {
        return None;
    }
    start.attributes().flatten().find_map(|attribute| match attribute.key.as_ref() {
        b"form" if !matches!(attribute.value.trim_ascii(), b"qualified" | b"unqualified") => {
            Some("the form of an element is neither qualified nor unqualified: write one of them")
        }
        b"substitutionGroup" if attribute.value.trim_ascii().is_empty() => {
            Some("substitutionGroup names no element: name one, or leave it out")
        }
        _ => None,
    })
}

fn newer(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Option<String> {
    let in_schema = in_schema(reader, start);
    let local = start.local_name();
    if in_schema && let Some(name) = ELEMENTS.iter().find(|name| name.as_bytes() == local.as_ref()) {
        return Some(format!("xs:{name} (XSD 1.1)"));
    }
    for attribute in start.attributes().flatten() {
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        match namespace {
            ResolveResult::Bound(ns) if ns.0 == VERSIONING => {
                return Some(format!(
                    "vc:{} (conditional inclusion)",
                    String::from_utf8_lossy(local.as_ref())
                ));
            }
            ResolveResult::Unbound if in_schema => {
                let anywhere = ATTRIBUTES.iter().find(|name| name.as_bytes() == local.as_ref());
                let here = SOME.iter().find_map(|(name, elements)| {
                    let there =
                        elements.iter().any(|element| element.as_bytes() == start.local_name().as_ref());
                    (there && name.as_bytes() == local.as_ref()).then_some(name)
                });
                if let Some(name) = anywhere.or(here) {
                    return Some(format!("the attribute {name} (XSD 1.1)"));
                }
                if local.as_ref() == b"substitutionGroup"
                    && attribute.value.trim_ascii().iter().any(u8::is_ascii_whitespace)
                {
                    return Some("several names in substitutionGroup (XSD 1.1)".to_owned());
                }
                if NAMING.contains(&local.as_ref())
                    && let Some(name) = newer_type(reader, &attribute.value)
                {
                    return Some(format!("the type xs:{name} (XSD 1.1)"));
                }
            }
            _ => {}
        }
    }
    None
}

/// The type of XSD 1.1 among those that an attribute names.
fn newer_type(reader: &NsReader<&[u8]>, value: &[u8]) -> Option<&'static str> {
    value.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty()).find_map(|name| {
        let (namespace, local) = reader.resolver().resolve_element(QName(name));
        let newer = TYPES.iter().find(|newer| newer.as_bytes() == local.as_ref())?;
        matches!(namespace, ResolveResult::Bound(ns) if ns.0 == XS).then_some(*newer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_constructs_are_named_with_their_place() {
        let document = |body: &str| {
            format!(
                "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:vc='http://www.w3.org/2007/XMLSchema-versioning'>\n {body}\n</xs:schema>"
            )
        };
        for (body, construct) in [
            ("<xs:override schemaLocation='a.xsd'/>", "xs:override"),
            ("<xs:complexType name='t'><xs:assert test='1'/></xs:complexType>", "xs:assert"),
            ("<xs:element name='e' vc:minVersion='1.1'/>", "vc:minVersion"),
            ("<xs:defaultOpenContent/>", "xs:defaultOpenContent"),
            ("<xs:any notQName='a'/>", "notQName"),
            (
                "<xs:element name='c' substitutionGroup=' a\nb'/>",
                "several names in substitutionGroup (XSD 1.1)",
            ),
            ("<xs:key ref='a'/>", "the attribute ref (XSD 1.1)"),
            ("<xs:element name='e' targetNamespace='urn:o'/>", "the attribute targetNamespace (XSD 1.1)"),
            ("<xs:element name='e' type='xs:dateTimeStamp'/>", "the type xs:dateTimeStamp (XSD 1.1)"),
            (
                "<s:attribute name='a' xmlns:s='http://www.w3.org/2001/XMLSchema' type=' s:error '/>",
                "xs:error",
            ),
            ("<xs:restriction base='xs:yearMonthDuration'/>", "xs:yearMonthDuration"),
            ("<xs:list itemType='xs:anyAtomicType'/>", "xs:anyAtomicType"),
            ("<xs:union memberTypes='xs:int\n\txs:dayTimeDuration'/>", "xs:dayTimeDuration"),
        ] {
            let error = refuse_others("a.xsd", &document(body)).unwrap_err();
            assert_eq!(error.code(), "schema-unsupported");
            let text = error.to_string();
            assert!(text.starts_with("a.xsd:2:") && text.contains(construct), "{text}");
        }
        refuse_others("a.xsd", &document("<xs:element name='e' type='error'/><xs:element xmlns:xs1='urn:x' name='f' type='xs1:dateTimeStamp'/>")).unwrap();
        refuse_others("a.xsd", &document("<xs:element name='assert'/><xs:annotation><xs:appinfo><assert/></xs:appinfo></xs:annotation>")).unwrap();
    }
}
