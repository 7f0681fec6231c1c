//! Whole documents, checked in bounded memory.

use std::io::BufRead;

use crate::engine::run::{Bounds, Memory, Root, check};
use crate::error::DocumentError;
use crate::schema::Schema;
use crate::violation::Violation;
use crate::wording::Shown;

/// The verdict on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Whether no rule was broken.
    pub valid: bool,
    /// How many violations were found; the first 1,000 were reported.
    pub violations: u64,
    /// Whether the document was read to its end: a check stops at 100,000 violations.
    pub complete: bool,
}

impl Schema {
    /// Checks a whole document against the declaration of its root element.
    ///
    /// `input` yields UTF-8, whatever encoding the document declares. Schema location hints are ignored. Time is linear
    /// in the document. Memory does not depend on its size, except for keys and identifiers, of which each takes some
    /// 20 to 40 bytes, up to 4,194,304 of them.
    ///
    /// Limits: 256 levels, 256 attributes of an element, 128 namespace declarations in scope, 1 KiB for a name, 4 KiB
    /// for a namespace name, 1 MiB for an attribute value, 4 MiB of text in an element, 5 MiB in one construct of the
    /// markup, 1,024 scopes and selected elements of identity constraints open at once.
    ///
    /// # Errors
    /// When the document is not well-formed, has a document type declaration, goes over a limit, or cannot be read.
    pub fn validate_document(
        &self,
        input: impl BufRead,
        sink: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        self.check_document(&Bounds::document(), input, sink)
    }

    /// As [`Schema::validate_document`], every violation telling the first 40 characters of the value that is wrong. For
    /// those who may see the document itself: these are residents' data.
    ///
    /// # Errors
    /// As [`Schema::validate_document`].
    pub fn validate_document_showing_values(
        &self,
        input: impl BufRead,
        sink: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        let bounds = Bounds { shown: Shown::Beginning, ..Bounds::document() };
        self.check_document(&bounds, input, sink)
    }

    fn check_document(
        &self,
        bounds: &Bounds,
        input: impl BufRead,
        sink: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        self.basis(|basis| check(basis, Root::Declared, bounds, &mut Memory::default(), input, sink))
    }
}
