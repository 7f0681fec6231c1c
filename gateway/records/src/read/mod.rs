//! Record streams: CSV, JSON and XML into records.

pub mod csv;
pub(crate) mod error;
pub mod json;
pub mod xml;

#[cfg(test)]
mod tests;

pub use error::{Expected, ReadError, ReadErrorKind};

use sekisho_xsd::Words;

use crate::check::RecordChecker;
use crate::record::{Place, Record};
use crate::violations::Violations;

/// The most values and ends of groups that a record has which may have so many bytes: what is written in fewer is empty groups
/// without end, and takes far more memory than bytes.
fn most_entries(max_record_bytes: u64) -> usize {
    usize::try_from(max_record_bytes / 8).unwrap_or(usize::MAX).max(1024)
}

/// Asked before each value and each group of a record that may have so many bytes, at every door: whether there is room for it
/// among what the record has by then.
///
/// # Errors
/// When there is none.
fn check_entries(record: &Record, max_record_bytes: u64) -> Result<(), ReadErrorKind> {
    let most = most_entries(max_record_bytes);
    if record.entries.len() >= most {
        return Err(ReadErrorKind::Limit { which: ENTRIES, max: most as u64 });
    }
    Ok(())
}

/// What is counted of them.
const ENTRIES: &str = "values and ends of groups in a record";

/// What is counted of a record that does not match its layout, and is therefore written anew.
pub(crate) const WRITTEN_OUT: &str = "bytes in a record with its names written out";

/// What a source had next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A record that is valid.
    Good,
    /// A record that is not: its violations were reported.
    Bad,
    /// Nothing: the payload is read.
    End,
}

/// Where a source stands, and what could stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Where: behind the last record that was read, and, once there is none any more, where the payload ends.
    pub place: Place,
    /// What one more record would be in this payload.
    pub record: Words,
}

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

    /// Where one more record could stand, and what it would be: for a payload that has too few.
    fn awaited(&self) -> Awaited;

    /// Reads the next record and checks it: [`RecordSource::next`] and [`RecordChecker::check`] in one, with the same
    /// verdict, the same violations and the same canonical form, and faster where records are like those before.
    ///
    /// # Errors
    /// As [`RecordSource::next`].
    fn next_checked(
        &mut self,
        record: &mut Record,
        checker: &mut RecordChecker,
        violations: &mut Violations,
    ) -> Result<Next, ReadError> {
        Ok(match self.next(record)? {
            false => Next::End,
            true if checker.check(record, violations) => Next::Good,
            true => Next::Bad,
        })
    }
}

impl<S: RecordSource + ?Sized> RecordSource for Box<S> {
    fn next(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        (**self).next(record)
    }

    fn awaited(&self) -> Awaited {
        (**self).awaited()
    }

    fn next_checked(
        &mut self,
        record: &mut Record,
        checker: &mut RecordChecker,
        violations: &mut Violations,
    ) -> Result<Next, ReadError> {
        (**self).next_checked(record, checker, violations)
    }
}
