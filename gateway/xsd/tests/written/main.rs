//! Schemas that a test writes: what must load, and what must not.
#![allow(clippy::unwrap_used, reason = "what cannot be written, or does not load, fails the test")]

mod constraints;
mod definitions;
mod derivation;
mod mixed;

use sekisho_xsd::{Schema, SchemaError};

/// Loads a document with these definitions, which begin in its third line.
fn load(body: &str) -> Result<Schema, SchemaError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.xsd");
    let text = format!("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">\n\n{body}\n</xs:schema>");
    std::fs::write(&path, text).unwrap();
    Schema::load(&path, None)
}

/// That the document breaks this rule: said at its place, in both languages. What is said in Japanese.
#[track_caller]
fn refused(rule: &str, body: &str) -> String {
    let Err(error) = load(body) else { panic!("{rule} is broken: {body}") };
    let SchemaError::Invalid { place, rule: broken, message_ja, .. } = &error else { panic!("{error}") };
    assert_eq!(broken, rule, "{body}: {error}");
    assert!(place.starts_with("main.xsd:3:"), "{body}: {error}");
    assert!(message_ja.chars().any(|c| c >= 'ぁ'), "{message_ja}");
    message_ja.clone()
}

/// The schema, of a document that must load.
#[track_caller]
fn taken(body: &str) -> Schema {
    load(body).unwrap_or_else(|error| panic!("{body}: {error}"))
}
