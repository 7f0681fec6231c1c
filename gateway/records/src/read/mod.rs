//! Record streams: CSV, JSON and XML into records.

pub mod csv;
pub mod json;
pub mod xml;

use crate::record::{Place, Record};

/// A stream of records.
pub trait RecordSource {
    /// Reads the next record into `record`; `false` at the end of the payload.
    ///
    /// What is wrong with this record only (a column too many, an unknown member) is kept in the record;
    /// [`crate::RecordChecker::check`] reports it, and reading can go on.
    ///
    /// # Errors
    /// When the payload cannot be read any further. Calling again after an error is an error too.
    fn next(&mut self, record: &mut Record) -> Result<bool, ReadError>;
}

/// A payload that cannot be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("line {}, column {}{}: {kind}", .place.line, .place.column, RecordAndField(*.record, .field.as_deref()))]
pub struct ReadError {
    /// What is wrong.
    pub kind: ReadErrorKind,
    /// Where.
    pub place: Place,
    /// Number of the record that was being read, from 1; 0 before the first (a header).
    pub record: u64,
    /// The field that was being read.
    pub field: Option<String>,
}

struct RecordAndField<'a>(u64, Option<&'a str>);

impl std::fmt::Display for RecordAndField<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 > 0 {
            write!(f, ", record {}", self.0)?;
        }
        self.1.map_or(Ok(()), |field| write!(f, ", field {field}"))
    }
}

/// What is wrong with a payload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The sender's connection or an adaptor below failed.
    #[error("the payload cannot be read: {0}")]
    Io(#[source] std::io::Error),
}

impl ReadError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        todo!()
    }

    /// The message in Japanese.
    pub fn message_ja(&self) -> String {
        todo!()
    }
}
