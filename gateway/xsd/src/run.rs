//! One document under check: the compiler's validator driven over it, and its findings told in our words.

use std::cell::{Cell, RefCell};
use std::io::BufRead;

use xsd_schema::validation::{DriveWithError, SchemaValidator, ValidationRoot, drive_quick_xml_with_in};
use xsd_schema::xml::{LimitExceeded, NotWellFormed, ParseLimit, ParseLimits};

use crate::compiled::Compiled;
use crate::document::Validity;
use crate::error::DocumentError;
use crate::observe::{Ear, Eye, Progress, Stop, Watch};
use crate::place::{Lines, TooLong, Watched};
use crate::schema::Schema;
use crate::violation::Violation;

/// Bounds on one document, all finite.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) parse: ParseLimits,
    /// Bytes between one event and the next: what the parser buffers at most.
    pub(crate) construct: usize,
    /// Bytes of text directly inside one element, comments and sections notwithstanding.
    pub(crate) text: usize,
    /// `xsi:schemaLocation` and `xsi:noNamespaceSchemaLocation` attributes, which are ignored but remembered.
    pub(crate) hints: usize,
    /// Violations that are reported.
    pub(crate) reported: u64,
    /// Violations at which the check stops.
    pub(crate) counted: u64,
    /// Bytes of names that the schema does not have.
    pub(crate) names: usize,
}

/// A document, a schema and what to check it by.
pub(crate) struct Run<'r> {
    pub(crate) schema: &'r Schema,
    pub(crate) compiled: &'r Compiled,
    pub(crate) validator: &'r SchemaValidator<'r>,
    pub(crate) root: ValidationRoot,
    pub(crate) bounds: &'r Bounds,
}

impl Run<'_> {
    /// Checks a document to its end, as far as its bounds go.
    pub(crate) fn check(
        &self,
        input: impl BufRead,
        buffer: &mut Vec<u8>,
        report: &mut dyn FnMut(Violation),
    ) -> Result<Validity, DocumentError> {
        let lines = RefCell::new(Lines::new());
        let budget = Cell::new(self.bounds.construct);
        let watch = Watch {
            run: self,
            lines: &lines,
            budget: &budget,
            progress: RefCell::new(Progress::default()),
            report: RefCell::new(report),
        };
        let mut runtime = self.validator.start_run(Ear(&watch));
        runtime.set_parse_limits(self.bounds.parse.clone());
        runtime.set_validation_root(self.root);
        let input = Watched::new(input, &lines, &budget);
        let driven =
            drive_quick_xml_with_in(input, &mut runtime, &self.compiled.set, &mut Eye(&watch), buffer);
        let mut complete = true;
        match driven {
            Ok(_) => runtime.end_validation().map_err(|_| fatal(&lines.borrow()))?,
            Err(DriveWithError::Hook(Stop::Enough)) => complete = false,
            Err(error) => return Err(stopped(error, &lines.borrow(), self.bounds)),
        }
        let violations = watch.progress.borrow().violations;
        Ok(Validity { valid: violations == 0, violations, complete })
    }
}

/// The validator gave up: a limit of its own, never a verdict.
fn fatal(lines: &Lines) -> DocumentError {
    let (line, column) = lines.end();
    DocumentError::ContentModel { line, column }
}

fn stopped(error: DriveWithError<Stop>, lines: &Lines, bounds: &Bounds) -> DocumentError {
    let at = |position| lines.of(position);
    match error {
        DriveWithError::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) => {
            let (line, column) = lines.end();
            DocumentError::Limit {
                line,
                column,
                which: "bytes in one construct",
                max: bounds.construct as u64,
            }
        }
        DriveWithError::Io(error) => DocumentError::Io(error),
        DriveWithError::NotWellFormed(error) => not_well_formed(&error, at(error.position())),
        DriveWithError::LimitExceeded(error) => over_limit(&error, at(error.position())),
        DriveWithError::Hook(Stop::Doctype(position)) => {
            let (line, column) = at(position);
            let message = "a document type declaration is not allowed".to_owned();
            DocumentError::NotWellFormed { line, column, message }
        }
        DriveWithError::Hook(Stop::Limit(which, max)) => {
            let (line, column) = lines.end();
            DocumentError::Limit { line, column, which, max }
        }
        // `Enough` ends a check without an error, and the enum may grow.
        _ => DocumentError::Io(std::io::Error::other("the check was stopped")),
    }
}

fn not_well_formed(error: &NotWellFormed, (line, column): (u64, u64)) -> DocumentError {
    DocumentError::NotWellFormed {
        line,
        column,
        message: format!("not well-formed: {}", error.rule().citation()),
    }
}

fn over_limit(error: &LimitExceeded, (line, column): (u64, u64)) -> DocumentError {
    let which = match error.limit() {
        ParseLimit::Depth => "levels of elements",
        ParseLimit::NameLength => "bytes in a name",
        ParseLimit::NamespaceUriLength => "bytes in a namespace name",
        ParseLimit::Attributes => "attributes of one element",
        ParseLimit::NamespaceDeclarations => "namespace declarations on one element",
        ParseLimit::NamespacesInScope => "namespace prefixes in scope",
        ParseLimit::AttributeValueSize => "bytes in an attribute value",
        ParseLimit::TextSize => "bytes of text in one piece",
        _ => "nodes in the document",
    };
    DocumentError::Limit { line, column, which, max: error.max() as u64 }
}
