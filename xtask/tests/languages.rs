//! What is said in English is said in Japanese, too: names, numbers and what to do.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Calls whose two texts are English and Japanese.
const CALLS: &[&str] = &["text!(", "Text::new(", "Words::new(", "language.of("];

/// Words with which English asks for something to be done, where a clause begins.
const ASKS: &[&str] = &[
    "add", "ask", "begin", "choose", "close", "come", "connect", "correct", "give", "leave", "look", "make",
    "mend", "name", "put", "rename", "send", "take", "try", "use", "write",
];

/// What Japanese asks with.
const ASKS_JA: &[&str] = &["ください", "お試し", "再送すると"];

/// What stands for an error of a room below, whose words are English: Japanese says it in words of its own.
const ERRORS: &[&str] = &["detail", "error", "reason", "which", "notes"];

/// Where a text has no name that its English has, because it is joined to it later, or has no such part of speech.
const ELSEWHERE: &[(&str, &str)] = &[
    ("sekisho/src/probes.rs", "of"),
    ("xsd/src/wording/value.rs", "of"),
    ("xsd/src/wording/value.rs", "bound"),
    ("xsd/src/wording/value.rs", "behind"),
];

struct Pair {
    at: String,
    english: String,
    japanese: String,
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The text literal that begins at a quote, and what is behind it.
fn literal(source: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = source.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((text, &source[at + 2..])),
            '\\' => match characters.next()?.1 {
                // A line that goes on in the next one.
                '\n' => {
                    let rest = characters.as_str();
                    let blank = rest.len() - rest.trim_start().len();
                    characters.by_ref().take(rest[..blank].chars().count()).for_each(drop);
                }
                escaped => text.push(escaped),
            },
            character => text.push(character),
        }
    }
    None
}

/// The text literals up to the parenthesis that closes, and what is behind it.
fn literals(mut source: &str) -> (Vec<String>, &str) {
    let (mut found, mut depth) = (Vec::new(), 1);
    while let Some(character) = source.chars().next() {
        if let Some((text, rest)) = literal(source) {
            found.push(text);
            source = rest;
            continue;
        }
        source = match source.strip_prefix("'\"'") {
            Some(rest) => rest,
            None => &source[character.len_utf8()..],
        };
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    (found, source)
}

/// The text that stands next, made by `format!` or as it is, and what is behind it.
fn text_at(source: &str) -> Option<(String, &str)> {
    let source = source.trim_start();
    if let Some(inside) = source.strip_prefix("format!(") {
        let (texts, rest) = literals(inside);
        return texts.into_iter().next().map(|text| (text, rest));
    }
    let (text, rest) = literal(source)?;
    let owned = [".to_owned()", ".into()"].into_iter().find_map(|call| rest.strip_prefix(call));
    Some((text, owned.unwrap_or(rest)))
}

fn is_japanese(text: &str) -> bool {
    text.chars().any(|character| character >= 'ぁ')
}

/// A file without its tests: what they say is said to nobody. Tests in a file of their own (`mod tests;`) cut nothing off.
fn said(source: &str) -> &str {
    source.split("\nmod tests {").next().unwrap_or_default()
}

fn pairs() -> Vec<Pair> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway");
    let mut files = Vec::new();
    for entry in fs::read_dir(&root).expect("the gateway has rooms") {
        sources(&entry.expect("a folder can be listed").path().join("src"), &mut files);
    }
    let mut pairs = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let source = said(&source);
        let shown = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        let mut add = |at: usize, english: &str, japanese: &str| {
            if is_japanese(japanese) && !is_japanese(english) {
                let at = format!("{shown}:{}", source[..at].matches('\n').count() + 1);
                pairs.push(Pair { at, english: english.to_owned(), japanese: japanese.to_owned() });
            }
        };
        for call in CALLS {
            for (at, _) in source.match_indices(call) {
                if let [english, japanese] = literals(&source[at + call.len()..]).0.as_slice() {
                    add(at, english, japanese);
                }
            }
        }
        // A refusal: class, code and English, and then Japanese.
        let call = "Refusal::new(";
        for (at, _) in source.match_indices(call) {
            let (english, rest) = literals(&source[at + call.len()..]);
            let Some(rest) = rest.trim_start().strip_prefix(".ja(") else { continue };
            let english: Vec<_> = english.iter().filter(|text| text.contains(' ')).collect();
            if let ([english], [japanese]) = (english.as_slice(), literals(rest).0.as_slice()) {
                add(at, english, japanese);
            }
        }
        // Two texts beside each other, whatever is before them.
        for (at, _) in source.match_indices(['(', ',']) {
            let Some((english, rest)) = text_at(&source[at + 1..]) else { continue };
            let Some(rest) = rest.trim_start().strip_prefix(',') else { continue };
            if let Some((japanese, _)) = text_at(rest) {
                add(at, &english, &japanese);
            }
        }
    }
    pairs
}

/// The names in braces, those of the two languages' own parts as one.
fn placeholders(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for piece in text.split('{').skip(1) {
        let name: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let name = match name.as_str() {
            "ja" | "english" | "japanese" => "en",
            "名前空間" => "namespace",
            other => other.trim_end_matches("_ja").trim_end_matches("_en"),
        };
        names.insert(name.to_owned());
    }
    names
}

/// Whether a clause of an English text begins with a word that asks.
fn asks(text: &str) -> bool {
    let clauses = text.split(['.', ':', ';', ',']);
    clauses.map(str::trim_start).any(|clause| {
        let clause = clause.strip_prefix("or ").or(clause.strip_prefix("and ")).unwrap_or(clause);
        let mut words = clause.split(|c: char| !c.is_alphabetic());
        let first = words.next().unwrap_or_default();
        // What is all in capitals is the head of a table; a word alone is a name.
        let shouted = first.len() > 1 && first.chars().all(char::is_uppercase);
        !shouted && words.next().is_some() && ASKS.contains(&first.to_lowercase().as_str())
    })
}

#[test]
fn both_languages_have_the_same_names_in_their_texts() {
    let pairs = pairs();
    assert!(pairs.len() > 500, "{} texts", pairs.len());
    let mut wrong = Vec::new();
    for pair in pairs {
        let (english, japanese) = (placeholders(&pair.english), placeholders(&pair.japanese));
        // A place without a name may be anything.
        if english.contains("") || japanese.contains("") {
            continue;
        }
        let elsewhere =
            |name: &str| ELSEWHERE.iter().any(|(file, known)| pair.at.starts_with(file) && *known == name);
        let missing: Vec<_> = english
            .difference(&japanese)
            .filter(|name| !ERRORS.contains(&name.as_str()) && !elsewhere(name))
            .collect();
        if !missing.is_empty() {
            wrong.push(format!("{}: {missing:?}: {} / {}", pair.at, pair.english, pair.japanese));
        }
    }
    assert!(wrong.is_empty(), "in English only:\n{}", wrong.join("\n"));
}

#[test]
fn what_english_asks_for_japanese_asks_for_too() {
    let mut wrong = Vec::new();
    for pair in pairs() {
        if asks(&pair.english) && !ASKS_JA.iter().any(|word| pair.japanese.contains(word)) {
            wrong.push(format!("{}: {} / {}", pair.at, pair.english, pair.japanese));
        }
    }
    assert!(wrong.is_empty(), "says in English only what to do:\n{}", wrong.join("\n"));
}

#[test]
fn texts_are_read_as_the_compiler_reads_them() {
    let source = "f(\"a \\\"b\\\" \\\n    c {x}\", g('\"', \"ください\"), 1) + \"d\"";
    let (found, rest) = literals(&source[2..]);
    assert_eq!(found, ["a \"b\" c {x}", "ください"]);
    assert_eq!(rest, " + \"d\"");
    assert_eq!(said("a\nmod tests;\nb\nmod tests {\n    c\n}"), "a\nmod tests;\nb");
    assert!(asks("it is wrong: send it again") && asks("Send it") && asks("is wrong, or take it out"));
    assert!(!asks("the sender sends it") && !asks("NAME") && !asks("SEND TO") && !asks("name"));
    assert_eq!(placeholders("{a}, {b_ja:?} and {english}").into_iter().collect::<Vec<_>>(), ["a", "b", "en"]);
}
