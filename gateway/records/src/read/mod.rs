//! Record streams: CSV, JSON and XML into records.

pub mod csv;
mod error;
pub mod json;
pub mod xml;

#[cfg(test)]
mod tests;

pub use error::{ReadError, ReadErrorKind};

use crate::record::Record;

/// A stream of records.
pub trait RecordSource {
    /// Reads the next record into `record`; `false` at the end of the payload.
    ///
    /// What is wrong with this record only (a column too many, an unknown member) is kept in the record;
    /// [`crate::RecordChecker::check`] reports it, and reading can go on.
    ///
    /// # Errors
    /// When the payload cannot be read any further. Calling again after an error is an error too
    /// ([`ReadErrorKind::AfterError`]).
    fn next(&mut self, record: &mut Record) -> Result<bool, ReadError>;
}

impl<S: RecordSource + ?Sized> RecordSource for Box<S> {
    fn next(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        (**self).next(record)
    }
}
