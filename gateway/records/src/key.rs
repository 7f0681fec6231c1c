//! The key of a record: what identifies it among the records of a batch.

use crate::layout::{Layout, LayoutError};
use crate::record::Record;

/// Which top-level fields are a record's key, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    _fields: Vec<u16>,
}

impl RecordKey {
    /// A key of the named fields.
    ///
    /// # Errors
    /// When a name is no top-level field that holds a value, or comes twice.
    pub fn compile(_layout: &Layout, _fields: &[&str]) -> Result<RecordKey, LayoutError> {
        todo!()
    }

    /// Appends the key of a checked record to `out`: the fields' values, each behind its length.
    ///
    /// `false`, and nothing appended, when a field is absent or nil: the record then has no key.
    pub fn write(&self, _record: &Record, _out: &mut Vec<u8>) -> bool {
        todo!()
    }
}
