//! What is refused at load says where, by which rule and what to do, in English and Japanese.
#![allow(clippy::unwrap_used, reason = "what cannot be written fails the test")]

mod bounds;
#[path = "../../../xml/tests/data/encodings.rs"]
mod encodings;
mod kinds;
mod twice;

use std::path::PathBuf;

use sekisho_xsd::{Schema, SchemaError};
use tempfile::TempDir;

/// A schema document with this inside, from its second line on.
fn document(attributes: &str, body: &str) -> Vec<u8> {
    format!("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'{attributes}>\n{body}\n</xs:schema>")
        .into()
}

/// The documents in a folder of their own, of which the first is the schema's.
fn written<B: AsRef<[u8]>>(documents: &[(&str, B)]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in documents {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let first = folder.path().join(documents[0].0);
    (folder, first)
}

struct Refused {
    code: &'static str,
    place: String,
    rule: String,
    message: String,
    message_ja: String,
}

/// What is wrong with the documents: with a place that is a file of theirs, a line and a column, and with words.
#[track_caller]
fn refused<B: AsRef<[u8]>>(documents: &[(&str, B)]) -> Refused {
    let (_folder, first) = written(documents);
    let error = Schema::load(&first, None).map(drop).expect_err(documents[0].0);
    told(&error, &documents.iter().map(|(name, _)| *name).collect::<Vec<_>>())
}

#[track_caller]
fn told(error: &SchemaError, files: &[&str]) -> Refused {
    let code = error.code();
    let ja = sekisho_xsd::schema_text_ja;
    let (place, rule, message, message_ja) = match error {
        SchemaError::Invalid { place, rule, message, message_ja }
        | SchemaError::TooLarge { place, rule, message, message_ja } => {
            (place, rule.as_str(), message.clone(), message_ja.clone())
        }
        SchemaError::Unsupported { place, construct, advice } => {
            (place, code, format!("{construct}: {advice}"), format!("{}。{}", ja(construct), ja(advice)))
        }
        SchemaError::Record { place, name, problem } => {
            (place, code, format!("{name} {problem}"), format!("{name} {}", ja(problem)))
        }
        other => panic!("{other}"),
    };
    let parts: Vec<&str> = place.rsplitn(3, ':').collect();
    let [column, line, file] = parts[..] else { panic!("{place}: no line or column: {error}") };
    assert!(files.contains(&file), "{place}: {error}");
    assert!(
        [line, column].iter().all(|number| number.parse::<u64>().is_ok_and(|number| number > 0)),
        "{place}: {error}"
    );
    assert!(!rule.is_empty() && error.to_string().starts_with(&format!("{place}: {rule}: ")), "{error}");
    assert!(!message.contains("schema:///") && !message_ja.contains("schema:///"), "{error}");
    let ours = message_ja.split("コンパイラーの説明（英語）: ").next().unwrap();
    assert!(ours.chars().any(|c| ('ぁ'..='ん').contains(&c)) && ours != message, "{error}: {message_ja}");
    Refused { code, place: place.clone(), rule: rule.to_owned(), message, message_ja }
}
