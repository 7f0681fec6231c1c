//! The XML reader, and what expects elements to be written alike.

use std::io::Read;

use sekisho_xml::write::{escape_attribute, escape_text};
use sekisho_xml::{Event, Expectation, Limits, Position, ProcessingInstructions, Reader, decode_document};

use crate::pieces::Pieces;
use crate::trace::{Name, Seen, trace};

/// The namespace that is bound to the prefix `xml`, and to no other.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// First byte: options and the length of pieces; the rest: a document.
pub(crate) fn reader(bytes: &[u8]) {
    let Some((&choice, document)) = bytes.split_first() else { return };
    let mut limits = Limits::default();
    if choice & 1 == 1 {
        limits.processing_instructions = ProcessingInstructions::Skip;
    }
    if choice & 2 == 2 {
        limits = Limits { depth: 4, attributes: 2, text_bytes: 16, event_bytes: 32, ..limits };
    }
    let whole = trace(&mut Reader::new(document, limits));
    let lengths = [usize::from(choice >> 2) % 16 + 1, 1];
    assert_eq!(whole, trace(&mut Reader::new(Pieces::new(document, lengths), limits)));
    balanced(&whole.0, whole.1.is_none());
    if whole.1.is_none() {
        rewritten(&whole.0, limits);
    }
    if let Ok(mut decoded) = decode_document(document, None) {
        let mut text = String::new();
        // Bytes that are not in their encoding are its error to make.
        let _ = decoded.read_to_string(&mut text);
    }
    streams(document, limits);
}

/// Ends match starts; a whole document has one root.
fn balanced(seen: &[Seen], whole: bool) {
    let mut open = Vec::new();
    let mut roots = 0;
    for event in seen {
        match event {
            Seen::Start { name, .. } => {
                roots += usize::from(open.is_empty());
                open.push(name);
            }
            Seen::Text(_) => assert!(!open.is_empty(), "no text outside the root"),
            Seen::End { name, .. } => assert_eq!(open.pop(), Some(name)),
        }
    }
    assert!(roots <= 1 && (!whole || (roots == 1 && open.is_empty())));
}

/// A document written anew from its events gives the same events.
fn rewritten(seen: &[Seen], limits: Limits) {
    let mut document = Vec::new();
    let mut names = Vec::new();
    for event in seen {
        match event {
            Seen::Start { name: (namespace, local), attributes, .. } => {
                // Of the namespace xml there is one prefix, and no default.
                let name = if namespace == XML { format!("xml:{local}") } else { local.clone() };
                document.extend_from_slice(format!("<{name}").as_bytes());
                if namespace != XML {
                    document.extend_from_slice(b" xmlns=\"");
                    escape_attribute(namespace, &mut document).unwrap();
                    document.push(b'"');
                }
                for (index, (name, value)) in attributes.iter().enumerate() {
                    write_attribute(index, name, value, &mut document);
                }
                document.push(b'>');
                names.push(name);
            }
            Seen::Text(text) => escape_text(text, &mut document).unwrap(),
            Seen::End { .. } => {
                document.extend_from_slice(format!("</{}>", names.pop().unwrap()).as_bytes());
            }
        }
    }
    let (event_bytes, attribute_value_bytes) = (1 << 24, 1 << 24);
    let wide = Limits { event_bytes, attribute_value_bytes, namespaces_in_scope: 4096, ..limits };
    let (again, error) = trace(&mut Reader::new(&document[..], wide));
    assert_eq!(error, None);
    let bare = |seen: &[Seen]| seen.iter().cloned().map(without_places).collect::<Vec<_>>();
    assert_eq!(bare(&again), bare(seen));
}

/// An event as it is in every way of writing it.
fn without_places(event: Seen) -> Seen {
    let at = Position { line: 0, column: 0, byte: 0 };
    match event {
        Seen::Start { name, attributes, .. } => {
            Seen::Start { name, attributes, declarations: Vec::new(), at }
        }
        Seen::End { name, .. } => Seen::End { name, at },
        text => text,
    }
}

fn write_attribute(index: usize, (namespace, local): &Name, value: &str, out: &mut Vec<u8>) {
    match namespace.as_str() {
        "" => out.extend_from_slice(format!(" {local}=\"").as_bytes()),
        XML => {
            out.extend_from_slice(format!(" xml:{local}=\"").as_bytes());
        }
        _ => {
            out.extend_from_slice(format!(" xmlns:n{index}=\"").as_bytes());
            escape_attribute(namespace, out).unwrap();
            out.extend_from_slice(format!("\" n{index}:{local}=\"").as_bytes());
        }
    }
    escape_attribute(value, out).unwrap();
    out.push(b'"');
}

/// The content of the innermost of the elements that begin the document, as a stream.
fn streams(document: &[u8], limits: Limits) {
    let mut reader = Reader::new(document, limits);
    while let Ok(Event::Start(_)) = reader.next() {
        let mut content = Vec::new();
        if reader.text_stream().read_to_end(&mut content).is_ok() {
            std::str::from_utf8(&content).unwrap();
        }
    }
}

/// What stands around an element of [`expectation`].
const BEFORE: &str = "<x xmlns:p='urn:p'>";

/// First byte: how values are labelled; the rest: elements with a zero byte between. What is known from those before is
/// held against each, and then each is learnt from, as the records of a batch are.
pub(crate) fn expectation(bytes: &[u8]) {
    let Some((&choice, texts)) = bytes.split_first() else { return };
    let Ok(texts) = std::str::from_utf8(texts) else { return };
    let mut expectation = Expectation::default();
    let mut values = Vec::new();
    for text in texts.split('\0') {
        // Reader::ahead gives nothing else.
        if text.contains(|c: char| (c < ' ' && !"\t\n\r".contains(c)) || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        {
            continue;
        }
        let read = element(text);
        if let Some(followed) = expectation.follow(text, &mut values) {
            let Some((end, names, read)) = &read else { panic!("followed, and no element") };
            assert_eq!(followed.length, *end);
            assert_eq!(values.len(), read.len());
            for (index, value) in values.iter().enumerate() {
                assert_eq!(&text[value.start..value.end], read[index]);
                assert_eq!(value.label, label(choice, index, &names[index]));
            }
        }
        if let Some((end, names, _)) = &read {
            let labels: Vec<u8> =
                names.iter().enumerate().map(|(index, name)| label(choice, index, name)).collect();
            expectation.learn(&text[..*end], &labels);
        }
    }
}

/// By place, or by name with few enough labels that different names share one.
fn label(choice: u8, index: usize, name: &str) -> u8 {
    match choice & 3 {
        0 => index as u8,
        1 => name.bytes().fold(0, u8::wrapping_add),
        _ => name.bytes().fold(0, u8::wrapping_add) & 1,
    }
}

/// The element that begins a text, as a reader sees it: its length, and the names and values of the elements in it that
/// have no children. `None` when the reader refuses it, or the text begins with something else.
fn element(text: &str) -> Option<(usize, Vec<String>, Vec<String>)> {
    if !text.starts_with('<') {
        return None;
    }
    let document = format!("{BEFORE}{text}");
    let mut reader = Reader::new(document.as_bytes(), Limits::default());
    let (mut names, mut values, mut leaf) = (Vec::new(), Vec::new(), None);
    loop {
        match reader.next().ok()? {
            Event::Start(start) => leaf = Some((start.local().to_owned(), String::new())),
            Event::Text(text) => {
                if let Some((_, value)) = &mut leaf {
                    value.push_str(text.as_str());
                } else if reader.depth() < 2 {
                    return None;
                }
            }
            Event::End(_) => {
                if let Some((name, value)) = leaf.take() {
                    names.push(name);
                    values.push(value);
                }
                match reader.depth() {
                    0 => return None,
                    1 => return Some((reader.end_byte() as usize - BEFORE.len(), names, values)),
                    _ => {}
                }
            }
            Event::Eof => return None,
        }
    }
}
