//! Whether text may stand between the elements of a type: the effective mixed of part 1 §3.4.2.
//!
//! Where a type adds nothing to its base, the compiler takes what is written at the type for what its content is, and so
//! refuses what is derived from that type in turn; where a type is empty, it forbids an extension to be mixed, which
//! nothing does; and of what is written twice it wants both to be the same, which is the rule of XSD 1.1. So it sees
//! complex content as mixed always, and we ask (`engine/build/derivation`).

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use quick_xml::NsReader;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{LocalName, ResolveResult};
use xsd_schema::SchemaSet;
use xsd_schema::parser::frames::ComplexContentResult;

use crate::written::{Complex, Place, Rewrite, place, rewrite};

const XS: &[u8] = b"http://www.w3.org/2001/XMLSchema";

/// The types whose complex content is mixed.
#[derive(Default)]
pub(crate) struct Mixed(HashSet<Place>);

impl Mixed {
    /// Takes it down, and lets all complex content be mixed.
    pub(crate) fn take(set: &mut SchemaSet) -> Mixed {
        let mut mixed = Mixed::default();
        rewrite(set, &mut mixed);
        mixed
    }

    /// Lets each type be what it is again.
    pub(crate) fn put_back(&self, set: &mut SchemaSet) {
        for (_, ty) in set.arenas.entries_mut().complex_types.iter_mut() {
            let Some(source) = &ty.source else { continue };
            set_mixed(&mut ty.mixed, &mut ty.content, self.0.contains(&place(source)));
        }
    }
}

impl Rewrite for Mixed {
    fn complex(&mut self, ty: Complex<'_>) {
        let Some(source) = ty.source else { return };
        let inside = matches!(ty.content, ComplexContentResult::Complex(def) if def.mixed);
        if *ty.mixed || inside {
            self.0.insert(place(source));
        }
        set_mixed(ty.mixed, ty.content, true);
    }
}

fn set_mixed(ty: &mut bool, content: &mut ComplexContentResult, mixed: bool) {
    match content {
        // Simple content is never mixed, whatever is written.
        ComplexContentResult::Simple(_) => return,
        ComplexContentResult::Complex(def) => def.mixed = mixed,
        ComplexContentResult::Empty => {}
    }
    *ty = mixed;
}

/// The document without each `mixed` at an `xs:complexType` that one at its `xs:complexContent` contradicts, which is the
/// one that counts. Blanks take its place, so that everything else stays where it is.
///
/// What is not well-formed is left to the compiler, which says why.
pub(crate) fn without_overruled(mut text: String) -> String {
    if !text.contains("complexContent") || text.matches("mixed").take(2).count() < 2 {
        return text;
    }
    for range in overruled(&text) {
        let blanks = text[range.clone()].replace(|c: char| c != '\n' && c != '\r', " ");
        text.replace_range(range, &blanks);
    }
    text
}

/// Where those are.
fn overruled(text: &str) -> Vec<Range<usize>> {
    let mut reader = NsReader::from_str(text);
    let mut found = Vec::new();
    // What each open element says of it, where that is a complex type.
    let mut open: Vec<Option<(Range<usize>, bool)>> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let own = said(&reader, &start, text);
                if let (Some(Some((type_range, of_type))), Some((_, of_content))) = (open.last(), &own)
                    && is(&reader, &start, b"complexContent")
                    && of_type != of_content
                {
                    found.push(type_range.clone());
                }
                open.push(own.filter(|_| is(&reader, &start, b"complexType")));
            }
            Ok(Event::End(_)) => {
                open.pop();
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

fn is(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, local: &[u8]) -> bool {
    let (namespace, found) = reader.resolver().resolve_element(start.name());
    found == LocalName::from(quick_xml::name::QName(local))
        && matches!(namespace, ResolveResult::Bound(namespace) if namespace.0 == XS)
}

/// Where the element's `mixed` is, with its value.
fn said(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, text: &str) -> Option<(Range<usize>, bool)> {
    if !is(reader, start, b"complexType") && !is(reader, start, b"complexContent") {
        return None;
    }
    let Attribute { key, value: Cow::Borrowed(value) } =
        start.attributes().flatten().find(|attribute| attribute.key.as_ref() == b"mixed")?
    else {
        return None;
    };
    let said = match value.trim_ascii() {
        b"true" | b"1" => true,
        b"false" | b"0" => false,
        _ => return None,
    };
    // Both lie in the text, which is read where it is; a quote comes after the value.
    let at = |part: &[u8]| (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    let range = at(key.as_ref())?..at(value)? + value.len() + 1;
    text.get(range.clone())?.starts_with("mixed").then_some((range, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_written_inside() {
        let document = |ty: &str, content: &str| {
            format!(
                "<s:schema xmlns:s='http://www.w3.org/2001/XMLSchema'>\n<s:complexType {ty} name='漢'>\n<!-- mixed='1' --><s:complexContent {content}><s:restriction base='s:anyType'/></s:complexContent></s:complexType></s:schema>"
            )
        };
        for (ty, content, left) in [
            ("mixed='true'", "mixed='false'", "            "),
            ("mixed=\"0\"", "mixed=' 1 '", "         "),
            ("mixed\n =\n\t'0'", "mixed='true'", "     \n  \n    "),
            ("mixed='true'", "mixed='1'", "mixed='true'"),
            ("mixed='true'", "", "mixed='true'"),
            ("mixed='neither'", "mixed='false'", "mixed='neither'"),
            ("", "mixed='false'", ""),
        ] {
            assert_eq!(without_overruled(document(ty, content)), document(left, content));
        }
        let other =
            "<a xmlns='urn:a'><complexType mixed='true'><complexContent mixed='false'/></complexType></a>";
        assert_eq!(without_overruled(other.to_owned()), other);
        let broken = "<s:complexType mixed='true'><s:complexContent mixed='false'></a>";
        assert_eq!(without_overruled(broken.to_owned()), broken);
    }
}
