//! However the input is cut into pieces, the events, the error and every place are the same; what was escaped is
//! read back as it was.

use crate::trace::{Pieces, trace};
use proptest::prelude::*;
use proptest::sample::select;
use sekisho_xml::write::{escape_attribute, escape_text};
use sekisho_xml::{Event, Limits, ProcessingInstructions, Reader};

/// Most of them good in content; some break the document in a way that depends on what stands next to them.
const FRAGMENTS: &[&str] = &[
    "<a>",
    "</a>",
    "<b/>",
    "<p:c xmlns:p='urn:p'>",
    "</p:c>",
    "<d x='1' y=\"a&amp;b\n\tc\"/>",
    "<e\n f = 'g' >",
    "</e >",
    "text",
    "テキスト",
    "😀",
    "\r\n",
    "\r",
    "\n",
    "]",
    "]]",
    "]]>",
    ">",
    "&amp;",
    "&#x41;",
    "&#13;",
    "&lt",
    "&",
    ";",
    "<![CDATA[",
    "<![CDATA[x]]>",
    "<![CDATA[]]]]>",
    "<!--",
    "<!-- c -->",
    "<!-->",
    "<!---->",
    "<!---関-->",
    "-->",
    "--",
    "-",
    "<!-- 番号 ",
    "<?pi x?>",
    "<?pi ",
    "<?pi   \n ",
    "<?関所-x?>",
    "<?p:q x?>",
    "<?>",
    "?",
    "?>",
    "<?xml",
    "<?xml version='1.0'?>",
    "<!DOCTYPE a>",
    "<",
    "\u{1}",
    "\u{FFFE}",
    "é",
    "<ｶﾅ/>",
    "<z a='1' a='2'/>",
    "\u{FEFF}",
    "</",
    "/>",
];

fn documents() -> impl Strategy<Value = Vec<u8>> {
    let content = prop::collection::vec(select(FRAGMENTS), 0..14).prop_map(|parts| parts.concat());
    (content, any::<bool>(), prop::option::of((any::<prop::sample::Index>(), any::<u8>()))).prop_map(
        |(content, wrapped, damage)| {
            let text = if wrapped { format!("<root>{content}</root>") } else { content };
            let mut bytes = text.into_bytes();
            if let (Some((at, byte)), false) = (damage, bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        },
    )
}

fn limits() -> impl Strategy<Value = Limits> {
    (any::<bool>(), 1u64..40, 4usize..40, 1usize..4, 1usize..9, any::<bool>()).prop_map(
        |(small, text_bytes, event_bytes, depth, name_bytes, refused)| {
            let processing_instructions =
                if refused { ProcessingInstructions::Refuse } else { ProcessingInstructions::Skip };
            let limits = Limits { processing_instructions, ..Limits::default() };
            if small { Limits { text_bytes, event_bytes, depth, name_bytes, ..limits } } else { limits }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_split_gives_the_same_events_and_the_same_error(
        document in documents(),
        lengths in prop::collection::vec(1usize..9, 1..6),
        limits in limits(),
    ) {
        let mut whole = Reader::new(&document[..], limits);
        let mut pieces = Reader::new(Pieces::new(&document, &lengths), limits);
        prop_assert_eq!(trace(&mut whole), trace(&mut pieces));
        prop_assert_eq!(whole.comments(), pieces.comments());
        prop_assert_eq!(whole.processing_instructions(), pieces.processing_instructions());
    }

    #[test]
    fn what_was_escaped_is_read_back(text in any::<String>(), value in any::<String>()) {
        let mut document = b"<a b=\"".to_vec();
        let written = escape_attribute(&value, &mut document).and_then(|()| {
            document.extend_from_slice(b"\">");
            escape_text(&text, &mut document)
        });
        document.extend_from_slice(b"</a>");
        let unwritable = |text: &str| {
            text.chars().any(|c| (c < ' ' && !"\t\n\r".contains(c)) || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        };
        prop_assert_eq!(written.is_err(), unwritable(&value) || unwritable(&text));
        prop_assume!(written.is_ok());
        let mut reader = Reader::new(&document[..], Limits::default());
        match reader.next() {
            Ok(Event::Start(start)) => {
                let read = start.attribute("", "b");
                prop_assert_eq!(read.as_deref(), Some(value.as_str()));
            }
            other => prop_assert!(false, "{:?}", other.map(|_| ())),
        }
        let mut read = String::new();
        reader.text_into(&mut read).expect("well-formed");
        prop_assert_eq!(read, text);
        prop_assert!(matches!(reader.next(), Ok(Event::Eof)));
    }

    #[test]
    fn line_ends_are_normalised_as_the_standard_says(text in "[ab\r\n]{0,24}", cdata in any::<bool>(), length in 1usize..4) {
        let inside = if cdata { format!("<![CDATA[{text}]]>") } else { text.clone() };
        let document = format!("<a>{inside}</a>");
        let lengths = [length];
        let mut reader = Reader::new(Pieces::new(document.as_bytes(), &lengths), Limits::default());
        reader.next().expect("the start");
        let mut read = String::new();
        reader.text_into(&mut read).expect("well-formed");
        prop_assert_eq!(read, text.replace("\r\n", "\n").replace('\r', "\n"));
    }

    /// What stands where only elements may is told in one place, wherever the text before it is cut.
    #[test]
    fn the_first_character_of_a_text_is_in_one_place(space in "[ \\t\\r\\n]{0,12}", length in 1usize..6) {
        let document = format!("<a>{space}関<b/></a>");
        let lengths = [length];
        let mut reader = Reader::new(Pieces::new(document.as_bytes(), &lengths), Limits::default());
        reader.next().expect("the start");
        let at = loop {
            match reader.next().expect("well-formed") {
                Event::Text(text) if text.is_white_space() => {}
                Event::Text(_) => break reader.position(),
                other => panic!("{other:?}"),
            }
        };
        let before = &document[..document.find('関').expect("it is there")];
        let line = before.rsplit('\n').next().unwrap_or_default();
        prop_assert_eq!(at.byte as usize, before.len());
        prop_assert_eq!(at.column as usize, line.chars().count() + 1);
    }
}
