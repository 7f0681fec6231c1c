//! What is found in a file, whatever it was checked as.

use sekisho_edge::refusal::Refusal;
use sekisho_records::{ReadError, ReadErrorKind};
use sekisho_xml::DetectError;
use sekisho_xsd::{DocumentError, Words};

use crate::language::{Text, text};

/// One thing that is wrong with a file.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) code: &'static str,
    /// Line and column, from 1.
    pub(super) place: Option<(u64, u64)>,
    /// Byte offset in the text as UTF-8, from 0; of what is wrong with the encoding, in the file as it is.
    pub(super) byte: Option<u64>,
    pub(super) record: Option<u64>,
    pub(super) field: Option<String>,
    pub(super) path: Option<String>,
    pub(super) expected: Option<Text>,
    pub(super) found: Option<Text>,
    pub(super) message: Text,
}

/// What comes out of the check of one file: findings, then how it ended.
#[derive(Debug)]
pub(super) enum Told {
    Finding(Box<Finding>),
    End(End),
}

/// How the check of a file ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) verdict: Verdict,
    /// How many violations there are, told or not.
    pub(super) violations: u64,
    /// Whether the file was read to its end, and all there is was counted.
    pub(super) complete: bool,
}

#[derive(Debug)]
pub(super) enum Verdict {
    Valid,
    Invalid,
    /// Why it cannot be read.
    Unreadable(Text),
}

impl Verdict {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::Invalid => "invalid",
            Verdict::Unreadable(_) => "unreadable",
        }
    }
}

fn both(words: Words) -> Text {
    Text::new(words.en, words.ja)
}

impl From<sekisho_xsd::Violation> for Finding {
    fn from(violation: sekisho_xsd::Violation) -> Self {
        let (en, ja) = (violation.message, violation.message_ja);
        Finding {
            code: violation.code,
            place: violation.line.zip(violation.column),
            byte: violation.byte,
            record: violation.record,
            field: violation.field,
            path: violation.path,
            expected: violation.expected.map(both),
            found: violation.found.map(both),
            message: match violation.record {
                Some(record) => text!("record {record}: {en}", "レコード{record}: {ja}"),
                None => Text::new(en, ja),
            },
        }
    }
}

impl From<sekisho_records::Violation> for Finding {
    fn from(violation: sekisho_records::Violation) -> Self {
        let sekisho_records::Violation { record, field, message, message_ja, .. } = violation;
        let (of, of_ja) = (field.as_deref().unwrap_or("record"), field.as_deref().unwrap_or("レコード"));
        Finding {
            code: violation.code,
            // Of a record as a whole the line is known.
            place: violation.line.map(|line| (line, violation.column.unwrap_or(1))),
            byte: violation.byte,
            record: Some(record),
            message: text!("record {record}, {of}: {message}", "レコード{record}、{of_ja}: {message_ja}"),
            field,
            path: violation.path,
            expected: violation.expected.map(both),
            found: violation.found.map(both),
        }
    }
}

impl From<&ReadError> for Finding {
    fn from(error: &ReadError) -> Self {
        Finding {
            code: error.code(),
            place: Some((error.place.line, error.place.column)),
            byte: Some(match &error.kind {
                ReadErrorKind::Charset(charset) => charset.offset,
                _ => error.place.byte,
            }),
            record: Some(error.record).filter(|&record| record > 0),
            field: error.field.clone(),
            path: error.path.clone(),
            expected: error.expected().map(both),
            found: error.found().map(both),
            message: Text::new(error.without_place(), error.without_place_ja()),
        }
    }
}

impl From<&Refusal> for Finding {
    fn from(refusal: &Refusal) -> Self {
        Finding {
            code: refusal.code,
            place: None,
            byte: None,
            record: None,
            field: None,
            path: None,
            expected: None,
            found: None,
            message: Text::new(refusal.reason.clone(), refusal.japanese()),
        }
    }
}

impl From<&DetectError> for Finding {
    fn from(error: &DetectError) -> Self {
        Finding {
            code: error.code(),
            place: Some((error.at.line, error.at.column)),
            byte: Some(error.offset),
            record: None,
            field: None,
            path: None,
            expected: None,
            found: None,
            message: Text::new(error.to_string(), error.message_ja()),
        }
    }
}

impl From<&DocumentError> for Finding {
    fn from(error: &DocumentError) -> Self {
        let place = error.place();
        Finding {
            code: error.code(),
            place: place.map(|(line, column, _)| (line, column)),
            byte: place.map(|(.., byte)| byte),
            record: None,
            field: None,
            path: None,
            expected: None,
            found: None,
            message: both(error.without_place()),
        }
    }
}
