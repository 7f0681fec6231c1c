//! What the reader yields for documents that it takes.

use std::io::{self, BufRead, BufReader, Read};

use crate::trace::{Seen, trace_of};
use sekisho_charset::{CharsetErrorKind, Decoder, Encoding, Unmappable};
use sekisho_xml::{
    Event, Limits, Position, ProcessingInstructions, QName, Reader, XmlError, decode_document, explain,
};

fn reader(document: &str) -> Reader<&[u8]> {
    Reader::new(document.as_bytes(), Limits::default())
}

/// The document's events in one line: `<{ns}name @{ns}name=value>`, text as it is, `</{ns}name>`.
fn line(document: &str) -> String {
    let (seen, error) = trace_of(document.as_bytes(), Limits::default());
    assert_eq!(error, None, "{document}");
    seen.into_iter()
        .map(|seen| match seen {
            Seen::Start(name, attributes, declarations, _) => {
                let attributes: String =
                    attributes.iter().map(|(name, value)| format!(" {name}={value}")).collect();
                let declarations: String =
                    declarations.iter().map(|(prefix, uri)| format!(" {prefix}:{uri}")).collect();
                format!("<{name}{attributes}{declarations}>")
            }
            Seen::Text(text) => text,
            Seen::End(name, _) => format!("</{name}>"),
        })
        .collect()
}

#[test]
fn names_are_expanded() {
    let cases = [
        ("<a/>", "<{}a></{}a>"),
        ("<a xmlns='u'><b/></a>", "<{u}a :u><{u}b></{u}b></{u}a>"),
        ("<a xmlns='u'><b xmlns=''/></a>", "<{u}a :u><{}b :></{}b></{u}a>"),
        ("<p:a xmlns:p='u' b='' p:b=''/>", "<{u}a {}b= {u}b= p:u></{u}a>"),
        ("<a xmlns='u' b=''/>", "<{u}a {}b= :u></{u}a>"),
        (
            "<p:a xmlns:p='u'><p:a xmlns:p='v'/><p:b/></p:a>",
            "<{u}a p:u><{v}a p:v></{v}a><{u}b></{u}b></{u}a>",
        ),
        ("<a xml:lang='ja'/>", "<{}a {http://www.w3.org/XML/1998/namespace}lang=ja></{}a>"),
        ("<名:前 xmlns:名='urn:名'/>", "<{urn:名}前 名:urn:名></{urn:名}前>"),
    ];
    for (document, events) in cases {
        assert_eq!(line(document), events, "{document}");
    }
}

#[test]
fn values_are_normalised() {
    assert_eq!(line("<a b='x\t\r\ny\r\nz\n'/>"), "<{}a {}b=x  y z ></{}a>");
    assert_eq!(line("<a b='&#x9;&#xA;&#xD;&amp;&quot;'/>"), "<{}a {}b=\t\n\r&\"></{}a>");
    assert_eq!(line("<a b='&lt;>' c=\"'\"/>"), "<{}a {}b=<> {}c='></{}a>");
}

#[test]
fn text_is_joined_over_references_sections_and_comments() {
    assert_eq!(line("<a>x&amp;y<![CDATA[<&]]>z<!-- c -->!</a>"), "<{}a>x&y<&z!</{}a>");
    assert_eq!(line("<a><![CDATA[]]></a>"), "<{}a></{}a>");
    assert_eq!(line("<a><![CDATA[]]]]><![CDATA[>]]></a>"), "<{}a>]]></{}a>");
    assert_eq!(line("<a><![CDATA[&amp;<b>\r\n]]></a>"), "<{}a>&amp;<b>\n</{}a>");
    assert_eq!(line("<a>]]&gt;]&#93;></a>"), "<{}a>]]>]]></{}a>");
    assert_eq!(line("<?xml version='1.0'?>\n<!-- c -->\n<a/>\n<!-- c -->"), "<{}a></{}a>");
}

#[test]
fn instructions_are_refused_or_skipped() {
    let document = "<?xml version='1.0' encoding='EUC-JP'?><?a b?><r><?c?>x<?d ??>y</r><?xml-stylesheet e?>";
    let error = trace_of(document.as_bytes(), Limits::default()).1;
    assert!(matches!(error, Some(("xml-processing-instruction", _, Some(Position { column: 40, .. })))));
    let limits = Limits { processing_instructions: ProcessingInstructions::Skip, ..Limits::default() };
    let mut reader = Reader::new(document.as_bytes(), limits);
    let mut text = String::new();
    assert!(matches!(reader.next(), Ok(Event::Start(_))));
    reader.text_into(&mut text).expect("well-formed");
    assert_eq!(text, "xy");
    assert!(matches!(reader.next(), Ok(Event::Eof)));
    assert_eq!(reader.processing_instructions(), 4);
}

#[test]
fn a_document_type_is_refused_before_it_is_read() {
    for document in [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>",
        "<?xml version='1.0'?>\n<!DOCTYPE a SYSTEM 'file:///x'><a/>",
        "<a><!DOCTYPE a></a>",
    ] {
        let error = trace_of(document.as_bytes(), Limits::default()).1;
        assert!(matches!(error, Some(("xml-doctype", ..))), "{document}: {error:?}");
    }
    let endless = (&b"<!DOCTYPE a ["[..]).chain(io::repeat(b' '));
    let mut reader = Reader::new(BufReader::new(endless), Limits::default());
    assert!(matches!(reader.next(), Err(XmlError::Doctype { .. })));
}

#[test]
fn places_are_lines_and_characters() {
    let (seen, _) = trace_of("<a>\n  <名前\n  b='😀'/> 関所<c/>\r\n</a>".as_bytes(), Limits::default());
    let places: Vec<(u64, u64, u64)> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Start(.., at) | Seen::End(_, at) => Some((at.line, at.column, at.byte)),
            Seen::Text(_) => None,
        })
        .collect();
    // The end of an empty-element tag is where the tag is.
    assert_eq!(places, [(1, 1, 0), (2, 3, 6), (2, 3, 6), (3, 13, 33), (3, 13, 33), (4, 1, 39)]);
}

#[test]
fn places_are_told_late_as_well() {
    let document = format!("<a>{}\n<b>{}</b></a>", "x".repeat(100_000), "関\n".repeat(50_000));
    let mut reader = reader(&document);
    let mut at = Vec::new();
    while let Ok(event) = reader.next() {
        match event {
            Event::Start(_) => at.push(reader.position()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(at[1], Position { line: 2, column: 1, byte: 100_004 });
    assert_eq!(reader.position(), Position { line: 50_002, column: 9, byte: document.len() as u64 });
}

#[test]
fn bindings_in_scope_are_listed_once() {
    let mut reader = reader("<a xmlns='u' xmlns:p='v' xmlns:q='w'><b xmlns='' xmlns:p='x'><c/></b></a>");
    for _ in 0..3 {
        assert!(matches!(reader.next(), Ok(Event::Start(_))));
    }
    let scope: Vec<(&str, &str)> = reader.namespaces().collect();
    assert_eq!(scope, [("p", "x"), ("q", "w")]);
    assert_eq!(reader.depth(), 3);
    for _ in 0..2 {
        assert!(matches!(reader.next(), Ok(Event::End(_))));
    }
    assert_eq!(reader.depth(), 1);
    assert!(matches!(reader.next(), Ok(Event::End(_))));
    assert_eq!(reader.namespaces().collect::<Vec<_>>(), [("q", "w"), ("p", "v"), ("", "u")]);
    assert!(matches!(reader.next(), Ok(Event::Eof)));
    assert_eq!(reader.namespaces().count(), 0);
}

#[test]
fn one_name_of_every_kind() {
    let mut reader = reader("<p:a xmlns:p='urn:u' p:b='1' c='2'></p:a>");
    let Ok(Event::Start(start)) = reader.next() else { panic!("a start") };
    assert_eq!((start.prefix(), start.local(), start.namespace()), ("p", "a", "urn:u"));
    assert!(start.is("urn:u", "a") && !start.is("", "a") && !start.is_empty_tag());
    assert_eq!(start.qname(), "{urn:u}a".parse::<QName>().expect("a name"));
    assert_eq!(start.attribute("urn:u", "b").as_deref(), Some("1"));
    assert_eq!(start.attribute("", "b"), None);
    let prefixes: Vec<&str> = start.attributes().map(|attribute| attribute.prefix).collect();
    assert_eq!(prefixes, ["p", ""]);
    let Ok(Event::End(end)) = reader.next() else { panic!("an end") };
    assert_eq!((end.prefix(), end.local(), end.namespace()), ("p", "a", "urn:u"));
    assert!(end.is("urn:u", "a"));
}

#[test]
fn content_is_gathered_skipped_or_refused() {
    let mut reader = reader("<a><b>x<c/><d>y</d>z</b><e>t&#9;u</e><f/><g><h/></g></a>");
    reader.next().expect("a");
    reader.next().expect("b");
    reader.skip_element().expect("well-formed");
    assert_eq!(reader.depth(), 1);
    let mut text = String::new();
    assert!(matches!(reader.next(), Ok(Event::Start(e)) if e.local() == "e"));
    reader.text_into(&mut text).expect("text");
    assert_eq!(text, "t\tu");
    assert!(matches!(reader.next(), Ok(Event::Start(f)) if f.local() == "f" && f.is_empty_tag()));
    reader.text_into(&mut text).expect("no text");
    assert_eq!(text, "t\tu");
    assert!(matches!(reader.next(), Ok(Event::Start(g)) if g.local() == "g"));
    let error = reader.text_into(&mut text).expect_err("a child");
    assert!(matches!(error, XmlError::UnexpectedElement { at: Position { column: 45, .. } }), "{error}");
}

#[test]
fn a_stream_gives_the_content_whatever_its_form() {
    let document = "<a><b>QUJD&#xD;\r\nRE<![CDATA[VG]]><!-- c -->&#x41;==</b><c/></a>";
    for length in 1..9 {
        let lengths = [length];
        let mut reader =
            Reader::new(crate::trace::Pieces::new(document.as_bytes(), &lengths), Limits::default());
        reader.next().expect("a");
        reader.next().expect("b");
        let mut text = String::new();
        reader.text_stream().read_to_string(&mut text).expect("character content");
        assert_eq!(text, "QUJD\r\nREVGA==");
        assert_eq!(reader.depth(), 1);
        assert!(matches!(reader.next(), Ok(Event::Start(c)) if c.local() == "c"));
        assert_eq!(reader.text_stream().read(&mut [0; 4]).expect("empty"), 0);
        assert!(matches!(reader.next(), Ok(Event::End(a)) if a.local() == "a"));
        assert!(matches!(reader.next(), Ok(Event::Eof)));
    }
}

#[test]
fn a_stream_says_where_each_byte_of_it_stands() {
    // Each letter is at its column, but for those of a reference, which are where it begins.
    let document = "<a>ab\r\nあd<![CDATA[ef]]>&#x67;h<!-- c -->i</a>";
    let wanted = [
        ("a", 1, 4),
        ("b", 1, 5),
        ("\n", 1, 7),
        ("あ", 2, 1),
        ("d", 2, 2),
        ("e", 2, 12),
        ("f", 2, 13),
        ("g", 2, 17),
        ("h", 2, 23),
        ("i", 2, 34),
        ("", 2, 35),
    ];
    for length in [1, 3, 1000] {
        let lengths = [length];
        let mut reader =
            Reader::new(crate::trace::Pieces::new(document.as_bytes(), &lengths), Limits::default());
        reader.next().expect("a");
        let mut stream = reader.text_stream();
        for (character, line, column) in wanted {
            let next = stream.fill_buf().expect("character content");
            assert!(next.starts_with(character.as_bytes()), "{character:?}, {length} at once");
            let at = stream.position();
            assert_eq!((at.line, at.column), (line, column), "{character:?}, {length} at once");
            stream.consume(character.len());
        }
    }
}

#[test]
fn a_stream_refuses_children_and_passes_errors_on() {
    let inner = |error: io::Error| {
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        error.downcast::<XmlError>().expect("an XmlError inside").code()
    };
    for (document, code) in [
        ("<a>abc<b/></a>", "xml-unexpected-element"),
        ("<a>abc]]></a>", "xml-not-well-formed"),
        ("<a>abc", "xml-not-well-formed"),
        ("<a>abc<!DOCTYPE x></a>", "xml-doctype"),
    ] {
        let mut reader = reader(document);
        reader.next().expect("a");
        let mut stream = reader.text_stream();
        let mut text = [0; 3];
        stream.read_exact(&mut text).expect("what comes before the error");
        assert_eq!(&text, b"abc");
        assert_eq!(inner(stream.fill_buf().map(|_| ()).expect_err(document)), code);
    }
}

#[test]
fn a_stream_left_early_leaves_the_reader_inside() {
    let mut reader = reader("<a>abc<![CDATA[def]]></a>");
    reader.next().expect("a");
    assert_eq!(reader.text_stream().read(&mut [0; 2]).expect("some"), 2);
    assert_eq!(reader.depth(), 1);
    assert!(matches!(reader.next(), Ok(Event::Text(text)) if text.as_str() == "def"));
    assert!(matches!(reader.next(), Ok(Event::End(_))));
}

#[test]
fn every_encoding_gives_the_same_events() {
    let document = "<?xml version='1.0' encoding='LABEL'?><a 名='値'>関所ｶﾅ①</a>";
    for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows31J] {
        let text = document.replace("LABEL", encoding.name());
        let mut bytes = encoding.byte_order_mark().to_vec();
        sekisho_charset::encode(&text, encoding, &mut bytes).expect("encodable");
        for charset in [None, Some(encoding)] {
            let mut reader =
                Reader::new(decode_document(&bytes[..], charset).expect("detected"), Limits::default());
            let (seen, error) = crate::trace::trace(&mut reader);
            assert_eq!((seen.len(), error), (3, None), "{encoding}");
            assert_eq!(seen[1], Seen::Text("関所ｶﾅ①".to_owned()), "{encoding}");
        }
    }
}

#[test]
fn bad_bytes_are_placed_in_the_text_and_in_the_input() {
    let cp932 =
        Decoder::new(&b"<a>\x8A\xD6\x8F\x8A\n\x8A,</a>"[..], Encoding::Windows31J, Unmappable::Refuse);
    let mut reader = Reader::new(cp932, Limits::default());
    let (error, at) = loop {
        match reader.next() {
            Ok(_) => {}
            Err(XmlError::Encoding(error, at)) => break (error, at),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!((error.encoding, error.offset), (Encoding::Windows31J, 8));
    assert_eq!((error.sequence(), at.line, at.column), (&b"\x8A"[..], 2, 1));
    let cases: [(&[u8], u64, CharsetErrorKind); 3] = [
        (b"<a>ab\xFF</a>", 5, CharsetErrorKind::Malformed),
        (b"<a b='\xE3\x81'/>", 6, CharsetErrorKind::Malformed),
        (b"<a>\xE3\x81", 3, CharsetErrorKind::Truncated),
    ];
    for (document, offset, kind) in cases {
        let mut reader = Reader::new(document, Limits::default());
        let error = loop {
            match reader.next() {
                Ok(Event::Eof) => panic!("taken"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        match error {
            XmlError::Encoding(error, at) => {
                assert_eq!((error.offset, error.kind, at.byte), (offset, kind, offset))
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn errors_of_the_input_are_no_fault_of_the_document() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone"))
        }
    }
    for head in ["", "<a>", "<a b='", "<a>x", "<a><!", "<a><![CDATA[x", "<a>&am", "<a></", "<a/>"] {
        let mut reader = Reader::new(BufReader::new(head.as_bytes().chain(Broken)), Limits::default());
        let error = loop {
            match reader.next() {
                Ok(Event::Eof) => panic!("{head}: taken"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(
            matches!(&error, XmlError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset),
            "{head}: {error}"
        );
    }
}

#[test]
fn messages_say_where_and_what_without_the_payload() {
    let mut reader = reader("<a>\n秘密 & 秘密</a>");
    reader.next().expect("a");
    reader.next().expect("text");
    let error = reader.next().map(|_| ()).expect_err("a lone ampersand");
    let (en, ja) = (error.to_string(), error.message_ja());
    assert!(en.starts_with("line 2, column 4: not well-formed: ") && en.contains("reference-syntax"), "{en}");
    assert!(ja.starts_with("2行4文字目: ") && ja.contains("reference-syntax"), "{ja}");
    assert!(!en.contains("秘密") && !ja.contains("秘密"));
    assert!(explain("reference-syntax").is_some());
}
