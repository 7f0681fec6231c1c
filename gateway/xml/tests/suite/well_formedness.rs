//! Ill-formed documents, each with its rule and its place, and a well-formed twin that must be taken.

use std::collections::BTreeSet;

use sekisho_xml::{Event, Limits, Position, Reader, XmlError, rules};

const TABLE: &str = include_str!("../data/ill-formed.tsv");

fn read_all(document: &[u8]) -> Result<(), XmlError> {
    let mut reader = Reader::new(document, Limits::default());
    while !matches!(reader.next()?, Event::Eof) {}
    assert_eq!(reader.depth(), 0);
    Ok(())
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, length) = match (first, after) {
            (b'\\', [b'n', ..]) => (b'\n', 2),
            (b'\\', [b'r', ..]) => (b'\r', 2),
            (b'\\', [b't', ..]) => (b'\t', 2),
            (b'\\', [b'\\', ..]) => (b'\\', 2),
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("ASCII");
                (u8::from_str_radix(digits, 16).expect("two hexadecimal digits"), 4)
            }
            (b'\\', _) => panic!("an unknown escape in {text}"),
            (&other, _) => (other, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    bytes
}

#[test]
fn every_rule_is_held_where_it_is_broken() {
    let mut broken = BTreeSet::new();
    let mut failures = Vec::new();
    let mut documents = 0;
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [rule, place, bad, good] = columns[..] else { panic!("four columns in {line:?}") };
        documents += 1;
        broken.insert(rule);
        match read_all(&unescape(bad)) {
            Err(XmlError::NotWellFormed { rule: found, at: Position { line, column, .. } })
                if found == rule && format!("{line}:{column}") == place => {}
            other => failures.push(format!("{bad}: wanted {rule} at {place}, got {other:?}")),
        }
        if let Err(error) = read_all(&unescape(good)) {
            failures.push(format!("{good}: refused, {error}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(documents >= 60, "{documents}");
    let all: BTreeSet<&str> = rules().iter().map(|rule| rule.rule).collect();
    assert_eq!(all, broken, "every rule has a document that breaks it");
}
