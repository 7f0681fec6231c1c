//! A schema that a test writes.

use sekisho_xsd::{Schema, SchemaError};

/// Loads a document with these definitions, which begin in its third line.
pub(crate) fn load(body: &str) -> Result<Schema, SchemaError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.xsd");
    let text = format!("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">\n\n{body}\n</xs:schema>");
    std::fs::write(&path, text).unwrap();
    Schema::load(&path, None)
}
