//! The fuzz target of this crate, run over a small corpus; `fuzz_read` is what a fuzzer calls.

use std::io::Read;

use crate::trace::{Pieces, Seen, trace, trace_of};
use sekisho_xml::write::{escape_attribute, escape_text};
use sekisho_xml::{Event, Limits, ProcessingInstructions, Reader, decode_document};

/// First byte: length of the pieces and options; the rest: a document. Panics when an invariant is broken.
pub fn fuzz_read(data: &[u8]) {
    let Some((&choice, document)) = data.split_first() else { return };
    let mut limits = Limits::default();
    if choice & 1 == 1 {
        limits.processing_instructions = ProcessingInstructions::Skip;
    }
    if choice & 2 == 2 {
        limits = Limits { depth: 4, attributes: 2, text_bytes: 16, event_bytes: 32, ..limits };
    }
    let whole = trace_of(document, limits);
    let lengths = [usize::from(choice >> 2) % 16 + 1, 1];
    assert_eq!(whole, trace(&mut Reader::new(Pieces::new(document, &lengths), limits)));
    balanced(&whole.0, whole.1.is_none());
    if whole.1.is_none() {
        rewritten(&whole.0, limits);
    }
    if let Ok(mut decoded) = decode_document(document, None) {
        let mut text = String::new();
        let _ = decoded.read_to_string(&mut text);
    }
    let mut reader = Reader::new(document, limits);
    while let Ok(Event::Start(_)) = reader.next() {
        let mut content = Vec::new();
        if reader.text_stream().read_to_end(&mut content).is_ok() {
            std::str::from_utf8(&content).expect("a stream of characters");
        }
    }
}

/// Ends match starts; a whole document has one root.
fn balanced(seen: &[Seen], whole: bool) {
    let mut open = Vec::new();
    let mut roots = 0;
    for event in seen {
        match event {
            Seen::Start(name, ..) => {
                roots += usize::from(open.is_empty());
                open.push(name);
            }
            Seen::Text(_) => assert!(!open.is_empty(), "no text outside the root"),
            Seen::End(name, _) => assert_eq!(open.pop(), Some(name)),
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
            Seen::Start(name, attributes, _, _) => {
                let (namespace, local) = name[1..].rsplit_once('}').expect("an expanded name");
                document.extend_from_slice(format!("<{local} xmlns=\"").as_bytes());
                escape_attribute(namespace, &mut document).expect("read from XML");
                document.push(b'"');
                for (index, (name, value)) in attributes.iter().enumerate() {
                    let (namespace, local) = name[1..].rsplit_once('}').expect("an expanded name");
                    if namespace.is_empty() {
                        document.extend_from_slice(format!(" {local}=\"").as_bytes());
                    } else if namespace == "http://www.w3.org/XML/1998/namespace" {
                        document.extend_from_slice(format!(" xml:{local}=\"").as_bytes());
                    } else {
                        document.extend_from_slice(format!(" xmlns:n{index}=\"").as_bytes());
                        escape_attribute(namespace, &mut document).expect("read from XML");
                        document.extend_from_slice(format!("\" n{index}:{local}=\"").as_bytes());
                    }
                    escape_attribute(value, &mut document).expect("read from XML");
                    document.push(b'"');
                }
                document.push(b'>');
                names.push(local);
            }
            Seen::Text(text) => escape_text(text, &mut document).expect("read from XML"),
            Seen::End(..) => {
                let name = names.pop().expect("balanced");
                document.extend_from_slice(format!("</{name}>").as_bytes());
            }
        }
    }
    let wide = Limits { event_bytes: 1 << 24, attribute_value_bytes: 1 << 24, ..limits };
    let (again, error) = trace_of(&document, Limits { namespaces_in_scope: 4096, ..wide });
    assert_eq!(error, None);
    let bare = |seen: &[Seen]| -> Vec<Seen> {
        let nowhere = sekisho_xml::Position { line: 0, column: 0, byte: 0 };
        seen.iter()
            .map(|event| match event.clone() {
                Seen::Start(name, attributes, ..) => Seen::Start(name, attributes, Vec::new(), nowhere),
                Seen::End(name, _) => Seen::End(name, nowhere),
                text => text,
            })
            .collect()
    };
    assert_eq!(bare(&again), bare(seen));
}

#[test]
fn corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut seeds: Vec<Vec<u8>> = std::fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a seed"))
        .collect();
    assert!(seeds.len() >= 5);
    seeds.extend(include_str!("../data/ill-formed.tsv").lines().map(|line| line.as_bytes().to_vec()));
    for seed in seeds {
        for choice in [0, 1, 2, 3, 4, 9, 30, 61] {
            fuzz_read(&[&[choice], &seed[..]].concat());
            // Cut short, and with one byte damaged, here and there.
            for at in (0..seed.len()).step_by(1 + seed.len() / 64) {
                fuzz_read(&[&[choice], &seed[..at]].concat());
                let mut damaged = [&[choice], &seed[..]].concat();
                damaged[1 + at] = b"<>&;]\"'-!?/=\0\xFF"[at % 14];
                fuzz_read(&damaged);
            }
        }
    }
}
