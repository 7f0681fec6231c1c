//! A whole document: the strict reader's events into the machine.

use std::io::BufRead;

use sekisho_xml::{Event, Limits, Position, ProcessingInstructions, Reader, XmlError};

use super::{Assessor, Basis, Memory, Root, Stop};
use crate::checker::Checker;
use crate::document::Validity;
use crate::error::DocumentError;
use crate::violation::Violation;
use crate::wording::Shown;

/// Bounds on one document, all finite.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) xml: Limits,
    /// Bytes of text directly inside one element.
    pub(crate) text: usize,
    /// Violations that are reported.
    pub(crate) reported: u64,
    /// Violations at which the check stops.
    pub(crate) counted: u64,
    /// Depths at once at which elements are expected to be written like their siblings.
    pub(crate) habits: usize,
    /// Whether violations tell the beginning of the value.
    pub(crate) shown: Shown,
}

impl Bounds {
    /// Of a whole document. A tag or a text, what is made of its references and white space, and the value that is compared
    /// with a fixed one are held at once: within 8 MiB (`tests/hostile.rs`).
    pub(crate) fn document() -> Bounds {
        Bounds {
            xml: Limits {
                depth: 256,
                attributes: 256,
                name_bytes: 1024,
                attribute_value_bytes: 1 << 20,
                text_bytes: 4 << 20,
                namespaces_in_scope: 128,
                namespace_uri_bytes: 4096,
                event_bytes: 2 << 20,
                passed_bytes: 5 << 20,
                processing_instructions: ProcessingInstructions::Skip,
            },
            text: 2 << 20,
            reported: 1000,
            counted: 100_000,
            habits: 3,
            shown: Shown::Never,
        }
    }

    /// Of one record element, whose values have at most `value` bytes.
    pub(crate) fn record(value: usize) -> Bounds {
        Bounds {
            xml: Limits {
                depth: 64,
                attributes: 64,
                name_bytes: 1024,
                attribute_value_bytes: 64 << 10,
                text_bytes: value as u64,
                namespaces_in_scope: 64,
                namespace_uri_bytes: 4096,
                event_bytes: 1 << 20,
                passed_bytes: 0,
                processing_instructions: ProcessingInstructions::Skip,
            },
            text: value,
            reported: 1000,
            counted: Checker::MOST_COUNTED,
            habits: 0,
            shown: Shown::Never,
        }
    }
}

/// Checks a document to its end, as far as its bounds go.
pub(crate) fn check(
    basis: Basis<'_>,
    root: Root,
    bounds: &Bounds,
    memory: &mut Memory,
    input: impl BufRead,
    sink: &mut dyn FnMut(Violation),
) -> Result<Validity, DocumentError> {
    let mut reader = Reader::new(input, bounds.xml);
    let mut assessor = Assessor::new(basis, root, memory, bounds);
    let mut complete = true;
    let mut between = false;
    loop {
        if between && assessor.takes_ahead(&mut reader) {
            continue;
        }
        between = false;
        let outcome = match reader.next() {
            Ok(Event::Start(tag)) => {
                let before = assessor.mark();
                let outcome = assessor.start(&tag);
                assessor.place(reader.position());
                assessor.begin_lesson(before, &mut reader);
                outcome
            }
            Ok(Event::Text(text)) => {
                let outcome = assessor.text(text.as_str());
                assessor.place_text(|| reader.position(), || reader.beginning());
                outcome
            }
            Ok(Event::End(_)) => {
                assessor.note_element();
                let outcome = assessor.end();
                assessor.end_lesson(&reader);
                between = true;
                outcome
            }
            Ok(Event::Eof) => break,
            Err(error) => return Err(stopped(error)),
        };
        match outcome.and_then(|()| assessor.tell(sink)) {
            Ok(()) => {}
            Err(Stop::Enough) => {
                complete = false;
                break;
            }
            Err(stop) => return Err(limit(stop, reader.position())),
        }
    }
    if complete {
        assessor.finish();
        complete = assessor.tell(sink).is_ok();
    }
    let violations = assessor.violations();
    Ok(Validity { valid: violations == 0, violations, complete })
}

fn limit(stop: Stop, at: Position) -> DocumentError {
    let Position { line, column, byte } = at;
    match stop {
        Stop::Limit(which, max) => DocumentError::Limit { line, column, byte, which, max },
        Stop::TooManyWays | Stop::Enough => DocumentError::ContentModel { line, column, byte },
    }
}

fn stopped(error: XmlError) -> DocumentError {
    let Position { line, column, byte } =
        error.position().unwrap_or(Position { line: 1, column: 1, byte: 0 });
    let ill = |en: String, ja: String| DocumentError::NotWellFormed {
        line,
        column,
        byte,
        message: en,
        message_ja: ja,
    };
    match error {
        XmlError::Limit { which, max, .. } => {
            DocumentError::Limit { line, column, byte, which: limit_in_words(which), max }
        }
        XmlError::Io(error) => DocumentError::Io(error),
        XmlError::Encoding(ref charset, _) => DocumentError::Encoding {
            line,
            column,
            byte: charset.offset,
            code: charset.code(),
            message: error.without_place(),
            message_ja: error.without_place_ja(),
        },
        other => ill(other.without_place(), other.without_place_ja()),
    }
}

fn limit_in_words(which: &'static str) -> &'static str {
    match which {
        "depth" => "levels of elements",
        "attributes" => "attributes of one element",
        "name_bytes" => "bytes in a name",
        "attribute_value_bytes" => "bytes in an attribute value",
        "text_bytes" => "bytes of text in one element",
        "namespaces_in_scope" => "namespace declarations in scope",
        "namespace_uri_bytes" => "bytes in a namespace name",
        "reference_bytes" => "bytes in a reference",
        _ => "bytes in one construct",
    }
}
