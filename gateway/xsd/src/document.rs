//! Whole documents, checked in bounded memory.

use std::io::{self, BufRead, Read as _};

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
    /// How many violations were found, told or not.
    pub violations: u64,
    /// Whether the document was read to its end: a check stops at 100,000 violations.
    pub complete: bool,
}

/// What is told of the violations of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// The most violations that are told; all are counted, up to 100,000.
    pub violations: u64,
    /// Whether each tells the first 40 characters of the value that is wrong: these are residents' data, and for those
    /// who may see the document itself.
    pub values: bool,
}

impl Default for Telling {
    /// 1,000 violations, and no values.
    fn default() -> Self {
        Telling { violations: 1000, values: false }
    }
}

impl Schema {
    /// Checks a whole document against the declaration of its root element, telling the first 1,000 violations.
    ///
    /// `input` yields UTF-8, with or without a byte order mark, whatever encoding the document declares:
    /// `sekisho_xml::decode_document` makes it so from every encoding. Schema location hints are ignored. Time is linear
    /// in the document. Memory does not depend on its size, except for keys, identifiers and the references to them: a
    /// fingerprint of 16 bytes each, 24 with the place of a reference, in tables that are at least two thirds full and
    /// take 96 MiB together (some 4,400,000 keys or 2,900,000 references). One more is refused.
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
        self.validate_document_telling(Telling::default(), without_mark(input)?, sink)
    }

    /// As [`Schema::validate_document`], with a say in what is told. `input` has no byte order mark: a decoder has taken
    /// it off, and another one behind it is text where none may be.
    ///
    /// # Errors
    /// As [`Schema::validate_document`].
    pub fn validate_document_telling(
        &self,
        telling: Telling,
        input: impl BufRead,
        sink: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        let shown = if telling.values { Shown::Beginning } else { Shown::Never };
        let bounds = Bounds { reported: telling.violations, shown, ..Bounds::document() };
        self.basis(|basis| check(basis, Root::Declared, &bounds, &mut Memory::default(), input, sink))
    }
}

/// The input after a byte order mark, if it begins with one.
fn without_mark(mut input: impl BufRead) -> Result<impl BufRead, DocumentError> {
    const MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
    let mut head = Vec::with_capacity(MARK.len());
    input.by_ref().take(MARK.len() as u64).read_to_end(&mut head).map_err(DocumentError::Io)?;
    if head == MARK {
        head.clear();
    }
    Ok(io::Cursor::new(head).chain(input))
}
