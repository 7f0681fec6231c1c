//! Every bound holds exactly, and holds memory and time on hostile input.

use std::io::{self, BufRead, BufReader, Read};

use crate::trace::trace_of;
use sekisho_xml::{Event, Limits, Reader, XmlError};

/// The limit that a document passes, if any.
fn passed(document: &str, limits: Limits) -> Option<&'static str> {
    match trace_of(document.as_bytes(), limits).1 {
        None => None,
        Some(("xml-limit", which, at)) => {
            assert!(at.is_some());
            Some(which)
        }
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn each_limit_holds_exactly() {
    let limits = Limits {
        depth: 3,
        attributes: 2,
        name_bytes: 7,
        attribute_value_bytes: 8,
        text_bytes: 6,
        namespaces_in_scope: 2,
        namespace_uri_bytes: 4,
        event_bytes: 60,
        ..Limits::default()
    };
    let cases = [
        ("<a><b><c/></b></a>", "<a><b><c><d/></c></b></a>", "depth"),
        ("<a b='' c='' xmlns='u'/>", "<a b='' c='' d=''/>", "attributes"),
        ("<abcdefg/>", "<abcdefgh/>", "name_bytes"),
        ("<p:abcde xmlns:p='u'/>", "<p:abcdef xmlns:p='u'/>", "name_bytes"),
        ("<a abcdefg=''/>", "<a abcdefgh=''/>", "name_bytes"),
        ("<a b='12345678'/>", "<a b='123456789'/>", "attribute_value_bytes"),
        ("<a>123456</a>", "<a>1234567</a>", "text_bytes"),
        ("<a>関所</a>", "<a>関所x</a>", "text_bytes"),
        ("<a>123<!-- -->456<b/>123456</a>", "<a>123<!-- -->4567</a>", "text_bytes"),
        ("<a>&amp;&amp;&amp;123</a>", "<a>123456&amp;</a>", "text_bytes"),
        ("<a><![CDATA[123]]><![CDATA[456]]></a>", "<a><![CDATA[123]]><![CDATA[4567]]></a>", "text_bytes"),
        (
            "<a xmlns='u'><b xmlns='v'/><b xmlns='w'/></a>",
            "<a xmlns='u'><b xmlns='v'><c xmlns='w'/></b></a>",
            "namespaces_in_scope",
        ),
        ("<a xmlns='1234'/>", "<a xmlns='12345'/>", "namespace_uri_bytes"),
    ];
    for (within, beyond, which) in &cases {
        assert_eq!(passed(within, limits), None, "{within}");
        assert_eq!(passed(beyond, limits), Some(*which), "{beyond}");
    }
    for (open, close) in [("<!--", "-->"), ("<a b='1' ", "/>")] {
        let exactly = format!("{open}{}{close}", " ".repeat(60 - open.len() - close.len()));
        let document = |event: &str| if open == "<!--" { format!("{event}<a/>") } else { event.to_owned() };
        assert_eq!(passed(&document(&exactly), limits), None, "{exactly}");
        let beyond = exactly.replacen(' ', "  ", 1);
        assert_eq!(passed(&document(&beyond), limits), Some("event_bytes"), "{beyond}");
    }
}

#[test]
fn what_is_passed_over_may_be_longer_than_a_tag() {
    let limits = Limits { event_bytes: 16, passed_bytes: 20, ..Limits::default() };
    let comment = |bytes: usize| format!("<!--{}--><a/>", " ".repeat(bytes - 7));
    assert_eq!(passed(&comment(20), limits), None);
    assert_eq!(passed(&comment(21), limits), Some("event_bytes"));
    assert_eq!(passed("<a              />", limits), Some("event_bytes"));
    let fewer = Limits { passed_bytes: 8, ..limits };
    assert_eq!(passed(&comment(16), fewer), None);
    assert_eq!(passed(&comment(17), fewer), Some("event_bytes"));
}

#[test]
fn the_budget_can_be_changed_on_the_way() {
    let document = format!("<a><b c='{}'/></a>", "x".repeat(100));
    let limits = Limits { event_bytes: 16, ..Limits::default() };
    assert_eq!(passed(&document, limits), Some("event_bytes"));
    let mut reader = Reader::new(document.as_bytes(), limits);
    reader.next().expect("a");
    reader.set_event_budget(200);
    assert!(matches!(reader.next(), Ok(Event::Start(_))));
}

/// Endless input after a head; counts what was taken of it.
struct Endless {
    head: &'static [u8],
    pattern: Vec<u8>,
    at: usize,
    taken: u64,
}

impl Endless {
    fn new(head: &'static str, pattern: &str) -> Self {
        let pattern = pattern.repeat(8192 / pattern.len() + 1).into_bytes();
        Endless { head: head.as_bytes(), pattern, at: 0, taken: 0 }
    }
}

impl BufRead for Endless {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.head.is_empty() {
            return Ok(self.head);
        }
        Ok(&self.pattern[self.at..])
    }
    fn consume(&mut self, amount: usize) {
        self.taken += amount as u64;
        if !self.head.is_empty() {
            self.head = &self.head[amount..];
        } else {
            self.at = (self.at + amount) % self.pattern.len();
        }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

#[test]
fn endless_input_of_every_kind_is_cut_off() {
    let cases = [
        ("", "<a>", "depth"),
        ("", "<abcdefghij ", "event_bytes"),
        ("<", "a", "event_bytes"),
        ("<a ", "b='c' ", "event_bytes"),
        ("<a b='", "x", "event_bytes"),
        ("<a>", "x", "text_bytes"),
        ("<a>", "&amp;", "text_bytes"),
        ("<a>", "]", "text_bytes"),
        ("<a><![CDATA[", "]", "text_bytes"),
        ("<a><![CDATA[", "x\r\n", "text_bytes"),
        ("<!--", "x", "event_bytes"),
        ("<?xml", " ", "event_bytes"),
        ("<a></", "a", "event_bytes"),
        ("<a></a", " ", "event_bytes"),
        ("<a>&#x", "0", "reference_bytes"),
        ("<a>&", "a", "reference_bytes"),
        ("<a>", "<b xmlns='u'>", "depth"),
    ];
    for (head, pattern, which) in cases {
        let mut reader = Reader::new(Endless::new(head, pattern), Limits::default());
        let error = loop {
            match reader.next() {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(
            matches!(error, XmlError::Limit { which: found, .. } if found == which),
            "{head}{pattern}…: {error}"
        );
        let taken = reader.input().taken;
        assert!(taken < 6 * 1024 * 1024, "{head}{pattern}…: {taken} bytes read");
    }
}

#[test]
fn many_attributes_with_a_raised_limit_stay_affordable() {
    let attributes: String = (0..20_000).map(|number| format!(" a{number}=''")).collect();
    let limits = Limits { attributes: 100_000, event_bytes: 1 << 20, ..Limits::default() };
    assert_eq!(passed(&format!("<a{attributes}/>"), limits), None);
    let repeated = format!("<a{attributes} a5=''/>");
    let error = trace_of(repeated.as_bytes(), limits).1;
    assert!(
        matches!(error, Some((_, "attribute-duplicate", Some(at))) if at.byte as usize == repeated.len() - 7)
    );
}

#[test]
fn the_bound_on_text_does_not_bind_a_stream() {
    let content = (&b"<a>"[..]).chain(io::repeat(b'x').take(300_000)).chain(&b"</a>"[..]);
    let limits = Limits { text_bytes: 10, ..Limits::default() };
    let mut reader = Reader::new(BufReader::new(content), limits);
    reader.next().expect("a");
    assert_eq!(io::copy(&mut reader.text_stream(), &mut io::sink()).expect("all of it"), 300_000);
    assert!(matches!(reader.next(), Ok(Event::Eof)));
}
