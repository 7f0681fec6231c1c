//! What 400,000 keys, identifiers and references to them take, of whatever kind.
//!
//! Alone in its file, one test: the figures are the process's.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use std::io::{BufReader, Read};

use sekisho_xsd::Schema;

const COUNT: u64 = 400_000;
/// KiB that they may take.
const MOST: u64 = 24 << 10;

const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:complexType name="R"><xs:sequence><xs:element name="r" type="xs:string" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
<xs:element name="unique" type="R"><xs:unique name="u"><xs:selector xpath="r"/><xs:field xpath="."/></xs:unique></xs:element>
<xs:element name="referred" type="R"><xs:key name="k"><xs:selector xpath="r"/><xs:field xpath="."/></xs:key>
  <xs:keyref name="f" refer="k"><xs:selector xpath="r"/><xs:field xpath="."/></xs:keyref></xs:element>
<xs:element name="identified"><xs:complexType><xs:sequence><xs:element name="r" maxOccurs="unbounded"><xs:complexType>
  <xs:attribute name="i" type="xs:ID"/><xs:attribute name="j" type="xs:IDREF"/></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
<xs:element name="handed"><xs:complexType><xs:sequence><xs:element name="s" type="R" maxOccurs="unbounded">
  <xs:key name="own"><xs:selector xpath="r"/><xs:field xpath="."/></xs:key></xs:element></xs:sequence></xs:complexType>
  <xs:keyref name="up" refer="own"><xs:selector xpath="s/r"/><xs:field xpath="."/></xs:keyref></xs:element>
</xs:schema>"#;

type Piece = fn(u64) -> String;

/// A root, and what is in it for each number.
const KINDS: [(&str, Piece); 4] = [
    ("unique", |n| format!("<r>{n}</r>")),
    ("referred", |n| format!("<r>{n}</r>")),
    ("identified", |n| format!("<r i='i{n}' j='i{}'/>", COUNT - 1 - n)),
    ("handed", |n| format!("<s><r>{n}</r></s>")),
];

/// A document that is made as it is read.
struct Document {
    piece: Piece,
    next: u64,
    made: Vec<u8>,
    at: usize,
}

impl Read for Document {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.made.len() && self.next < COUNT {
            self.made = (self.piece)(self.next).into_bytes();
            (self.at, self.next) = (0, self.next + 1);
        }
        let read = (&self.made[self.at..]).read(into)?;
        self.at += read;
        Ok(read)
    }
}

/// Peak resident memory so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap()
}

#[test]
fn four_hundred_thousand_of_any_kind_are_few_mebibytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.xsd");
    std::fs::write(&path, SCHEMA).unwrap();
    let schema = Schema::load(&path, None).unwrap();
    let check = |root: &str, document: Document| {
        let (head, tail) = (format!("<{root}>"), format!("</{root}>"));
        let text = head.as_bytes().chain(document).chain(tail.as_bytes());
        let validity = schema.validate_document(BufReader::new(text), &mut |_| {}).unwrap();
        assert!(validity.valid && validity.complete, "{root}");
    };
    let from = |piece, next| Document { piece, next, made: Vec::new(), at: 0 };
    check("unique", from(KINDS[0].1, COUNT - 1));
    // What one document leaves behind is room for the next: all of them are held against what there was before the first.
    let before = peak();
    for (root, piece) in KINDS {
        check(root, from(piece, 0));
        let taken = peak() - before;
        assert!(taken <= MOST, "{root}: {taken} KiB");
    }
}
