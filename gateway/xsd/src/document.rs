//! Whole documents, checked in bounded memory.

use std::io::BufRead;

use crate::error::DocumentError;
use crate::schema::Schema;
use crate::violation::Violation;

/// The verdict on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Whether no rule was broken.
    pub valid: bool,
    /// How many violations there are in all; at most as many as the cap were reported.
    pub violations: u64,
}

impl Schema {
    /// Checks a whole document against the declaration of its root element.
    ///
    /// # Errors
    /// When the document is not well-formed, has a document type declaration, goes over a limit, or cannot be read.
    pub fn validate_document(
        &self,
        _input: impl BufRead,
        _sink: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        todo!()
    }
}
