//! Whole documents, checked in bounded memory.

use std::io::BufRead;

use xsd_schema::validation::ValidationRoot;
use xsd_schema::xml::ParseLimits;

use crate::compiled::Engine;
use crate::error::DocumentError;
use crate::run::{Bounds, Run};
use crate::schema::Schema;
use crate::violation::Violation;

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
    /// `input` yields UTF-8, whatever encoding the document declares. Schema location hints are ignored. Memory does
    /// not depend on the size of the document, except for keys and IDs, of which each takes what it takes.
    ///
    /// Limits: 256 levels, 256 attributes and 64 namespace declarations on an element, 128 prefixes in scope, 1 KiB
    /// for a name, 4 KiB for a namespace name, 1 MiB for an attribute value, 4 MiB of text in an element, 5 MiB in one
    /// construct of the markup, 2^30 nodes (2^26 when the schema has keys or IDs to remember), 16 location hints, and
    /// 1 MiB of names that the schema does not have. Of one schema at most 16 documents at a time, intakes that have
    /// met a faulty record among them.
    ///
    /// # Errors
    /// When the document is not well-formed, has a document type declaration, goes over a limit, or cannot be read.
    pub fn validate_document(
        &self,
        input: impl BufRead,
        sink: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        let compiled = self.inner.pool.hold().ok_or(DocumentError::Busy)?;
        let engine = Held { schema: self, engine: Some(Engine::of(compiled)) };
        let bounds = document_bounds(self.inner.remembers);
        let Some(engine) = &engine.engine else { return Err(DocumentError::Busy) };
        let run = Run {
            schema: self,
            compiled: engine.borrow_owner(),
            validator: engine.borrow_dependent(),
            root: ValidationRoot::Declaration,
            bounds: &bounds,
        };
        run.check(input, &mut Vec::new(), sink)
    }
}

/// Gives the compiled schema back however the check ends.
struct Held<'s> {
    schema: &'s Schema,
    engine: Option<Engine>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.schema.inner.pool.release(engine.into_owner());
        }
    }
}

fn document_bounds(remembers: bool) -> Bounds {
    Bounds {
        parse: ParseLimits::none()
            .with_max_depth(256)
            .with_max_name_bytes(1024)
            .with_max_namespace_uri_bytes(4096)
            .with_max_attributes(256)
            .with_max_namespace_declarations(64)
            .with_max_namespaces_in_scope(128)
            .with_max_attribute_value_bytes(1 << 20)
            .with_max_text_bytes(4 << 20)
            .with_max_nodes(if remembers { 64 << 20 } else { 1 << 30 }),
        construct: 5 << 20,
        text: 4 << 20,
        hints: 16,
        reported: 1000,
        counted: 100_000,
        names: 1 << 20,
    }
}
