//! Places that the compiler does not tell, looked for in the text of the documents.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use crate::place::Places;
use crate::sources::Sources;
use crate::text::text;
use crate::violation::Words;

const XS: &[u8] = b"http://www.w3.org/2001/XMLSchema";
/// What identity constraints are written as.
const CONSTRAINTS: [&str; 3] = ["key", "keyref", "unique"];

/// What may have one name once in a schema: elements of these names, which declare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Type,
    Element,
    Attribute,
    Group,
    AttributeGroup,
    Notation,
    Constraint,
}

impl Kind {
    fn elements(self) -> &'static [&'static str] {
        match self {
            Kind::Type => &["simpleType", "complexType"],
            Kind::Element => &["element"],
            Kind::Attribute => &["attribute"],
            Kind::Group => &["group"],
            Kind::AttributeGroup => &["attributeGroup"],
            Kind::Notation => &["notation"],
            Kind::Constraint => &CONSTRAINTS,
        }
    }
}

impl Kind {
    /// What is wrong where `name` is declared again, and what to do.
    pub(crate) fn declared_twice(self, name: &str, first: &str) -> Words {
        let (en, ja) = match self {
            Kind::Type => ("type", "型"),
            Kind::Element => ("element", "要素"),
            Kind::Attribute => ("attribute", "属性"),
            Kind::Group => ("group", "グループ"),
            Kind::AttributeGroup => ("attribute group", "属性グループ"),
            Kind::Notation => ("notation", "記法"),
            Kind::Constraint => ("identity constraint", "一意性の制約"),
        };
        Words::new(
            format!(
                "the {en} {name} is declared twice, first at {first}: take one of the two out, or rename it"
            ),
            format!(
                "{ja} {name} が二度宣言されています。最初の宣言は {first} です。どちらかを取り除くか、名前を変えてください"
            ),
        )
    }
}

/// An element of a schema document.
struct Written<'a> {
    document: &'a str,
    place: (u64, u64),
    /// Where the document's own declarations belong; `None` where they belong to whoever includes it, too.
    target: Option<&'a str>,
    /// How many elements it is in.
    depth: usize,
    parent: Option<&'a str>,
    local: &'a str,
    start: &'a BytesStart<'a>,
}

impl Written<'_> {
    fn attribute(&self, name: &str) -> Option<String> {
        attribute(self.start, name)
    }

    fn place(&self) -> String {
        format!("{}:{}:{}", self.document, self.place.0, self.place.1)
    }
}

/// Where `name` is declared first and where it is declared again, in the order in which the documents were read: `known` is
/// one of the places, and only those in the same namespace count.
pub(crate) fn twice(
    sources: &Sources,
    kind: Kind,
    name: &str,
    redefined: bool,
    known: &str,
) -> Option<[String; 2]> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    each(sources, &mut |written| {
        let stands = match kind {
            Kind::Constraint => true,
            _ if redefined => written.parent == Some("redefine") && written.depth == 2,
            _ => written.depth == 1,
        };
        if stands
            && kind.elements().contains(&written.local)
            && written.attribute("name").is_some_and(|own| own.trim() == name)
        {
            found.push((written.place(), written.target.map(str::to_owned)));
        }
        true
    });
    let target = found.iter().find(|(place, _)| place == known).and_then(|(_, target)| target.clone());
    // What is in no namespace of its own may be in that of whoever includes it.
    let together = |other: &Option<String>| other.is_none() || target.is_none() || *other == target;
    let mut places = found.into_iter().filter(|(_, other)| together(other)).map(|(place, _)| place);
    let first = places.next()?;
    let again = if first == known { places.next()? } else { known.to_owned() };
    Some([first, again])
}

/// The first particle that must occur more often than it may.
pub(crate) fn impossible_occurrence(sources: &Sources) -> Option<String> {
    // Either is one where it is left out (part 1 §3.9.2).
    let number = |text: Option<String>| text.map_or(Some(1), |text| text.trim().parse::<u64>().ok());
    first(sources, |written| {
        let (least, most) = (number(written.attribute("minOccurs")), number(written.attribute("maxOccurs")));
        least.zip(most).is_some_and(|(least, most)| least > most)
    })
}

/// The first `xs:all`, or reference to a group that is one, which may occur more than once.
pub(crate) fn repeated_all(sources: &Sources) -> Option<String> {
    let (mut group, mut groups) = (None, Vec::new());
    each(sources, &mut |written| {
        match (written.local, written.depth) {
            ("group", 1) => group = written.attribute("name"),
            ("all", 2) if written.parent == Some("group") => groups.extend(group.take()),
            _ => {}
        }
        true
    });
    first(sources, |written| {
        let all = match written.local {
            "all" => true,
            "group" => written.attribute("ref").is_some_and(|name| {
                let local = name.rsplit(':').next().unwrap_or_default().trim();
                groups.iter().any(|group| group.trim() == local)
            }),
            _ => false,
        };
        all && written.attribute("maxOccurs").is_some_and(|most| !matches!(most.trim(), "0" | "1"))
    })
}

/// The place of the first element of which something is so.
fn first(sources: &Sources, is_so: impl Fn(&Written<'_>) -> bool) -> Option<String> {
    let mut found = None;
    each(sources, &mut |written| {
        found = is_so(written).then(|| written.place());
        found.is_none()
    });
    found
}

/// The root of the first document, or its beginning.
pub(crate) fn root(sources: &Sources) -> String {
    let mut found = None;
    sources.for_each(|document| {
        if found.is_none() {
            found = Some(format!("{}:1:1", document.name));
            let mut look = |written: &Written<'_>| {
                found = Some(written.place());
                false
            };
            if let Ok(text) = text(&document.bytes) {
                elements(&document.name, &text, &mut look);
            }
        }
    });
    found.unwrap_or_default()
}

/// Calls `look` for every element of the schema namespace that is no part of an annotation, until that is enough.
fn each(sources: &Sources, look: &mut dyn FnMut(&Written<'_>) -> bool) {
    let mut goes_on = true;
    sources.for_each(|document| {
        if goes_on && let Ok(text) = text(&document.bytes) {
            goes_on = elements(&document.name, &text, look);
        }
    });
}

/// As far as the document is well-formed.
fn elements(document: &str, text: &str, look: &mut dyn FnMut(&Written<'_>) -> bool) -> bool {
    let mut reader = NsReader::from_str(text);
    let (mut open, mut target): (Vec<Box<str>>, Option<String>) = (Vec::new(), None);
    let mut places = Places::new(text.as_bytes());
    loop {
        let at = reader.buffer_position() as usize;
        let (start, empty) = match reader.read_event() {
            Ok(Event::Start(start)) => (start, false),
            Ok(Event::Empty(start)) => (start, true),
            Ok(Event::End(_)) => {
                open.pop();
                continue;
            }
            Ok(Event::Eof) | Err(_) => return true,
            Ok(_) => continue,
        };
        let local = String::from_utf8_lossy(start.local_name().into_inner()).into_owned();
        let (namespace, _) = reader.resolver().resolve_element(start.name());
        let ours = matches!(namespace, ResolveResult::Bound(namespace) if namespace.0 == XS);
        if open.is_empty() {
            target = attribute(&start, "targetNamespace");
        }
        if ours && !open.iter().any(|above| **above == *"annotation") {
            let written = Written {
                document,
                place: places.next(at),
                target: target.as_deref(),
                depth: open.len(),
                parent: open.last().map(|above| &**above),
                local: &local,
                start: &start,
            };
            if !look(&written) {
                return false;
            }
        }
        if !empty {
            open.push(local.into());
        }
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|attribute| attribute.key.as_ref() == name.as_bytes())?;
    Some(String::from_utf8_lossy(&found.value).into_owned())
}
