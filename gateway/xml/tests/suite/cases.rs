//! The table of ill-formed documents and their twins, `tests/data/ill-formed.toml`; its head says what each key means.

use serde::Deserialize;

/// One pair of documents.
#[derive(Debug)]
pub(crate) struct Case {
    /// The rule or code by which `bad` is refused.
    pub(crate) refused: String,
    pub(crate) name: String,
    /// Line and column of the refusal.
    pub(crate) at: Option<String>,
    pub(crate) bad: Vec<u8>,
    pub(crate) good: Vec<u8>,
    pub(crate) detect: bool,
    pub(crate) instructions: bool,
    /// Why libxml2 takes `bad`.
    pub(crate) xmllint: Option<String>,
    /// Why libxml2 refuses `good`.
    pub(crate) xmllint_good: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    refused: String,
    by: String,
    cases: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    at: Option<String>,
    bad: String,
    good: String,
    by: Option<String>,
    #[serde(default)]
    detect: bool,
    #[serde(default)]
    instructions: bool,
    xmllint: Option<String>,
    xmllint_good: Option<String>,
}

/// All of the table.
pub(crate) fn cases() -> Vec<Case> {
    let table: Table = toml::from_str(include_str!("../data/ill-formed.toml")).expect("the table");
    let mut cases = Vec::new();
    for group in table.group {
        for written in group.cases {
            let by = written.by.as_ref().unwrap_or(&group.by);
            let known = ["XML [", "XML WFC ", "XML 4.3.3", "NS ", "refused by policy: WS-I "];
            assert!(known.iter().any(|known| by.starts_with(known)), "{}: by {by}", written.name);
            cases.push(Case {
                bad: unescaped(&written.bad),
                good: unescaped(&written.good),
                refused: group.refused.clone(),
                name: written.name,
                at: written.at,
                detect: written.detect,
                instructions: written.instructions,
                xmllint: written.xmllint,
                xmllint_good: written.xmllint_good,
            });
        }
    }
    cases
}

/// The bytes that a text of the table stands for.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let hexadecimal = |digits: &str| u32::from_str_radix(digits, 16).ok();
        let known = match escape.as_bytes().first() {
            Some(b'n') => Some((vec![b'\n'], 1)),
            Some(b'r') => Some((vec![b'\r'], 1)),
            Some(b't') => Some((vec![b'\t'], 1)),
            Some(b'\\') => Some((vec![b'\\'], 1)),
            Some(b'x') => {
                let byte = escape.get(1..3).and_then(hexadecimal).and_then(|byte| u8::try_from(byte).ok());
                byte.map(|byte| (vec![byte], 3))
            }
            Some(b'u') => escape.find('}').and_then(|end| {
                let character = escape.get(2..end).and_then(hexadecimal).and_then(char::from_u32)?;
                Some((character.to_string().into_bytes(), end + 1))
            }),
            _ => None,
        };
        let (stands_for, length) = known.unwrap_or_else(|| panic!("an unknown escape in {text}"));
        bytes.extend(stands_for);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
