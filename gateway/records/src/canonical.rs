//! The one byte form of a record.

use crate::layout::FieldId;
use crate::record::Value;

/// A canonical record, as it lies in the spool.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalRecord<'a>(&'a [u8]);

/// One step through a canonical record, in layout order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A field that has a value or is nil. Absent fields are not listed.
    Value(FieldId, Value<'a>),
    /// An instance of a nested group begins; the field ids that follow are those of the group.
    Open(FieldId),
    /// The innermost open instance ends.
    Close,
}

/// Bytes that are not a canonical record: the spool is damaged, or was written for another layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} of the canonical record: {rule}")]
pub struct CanonicalError {
    /// Offset of the byte that breaks the rule.
    pub offset: usize,
    /// The rule.
    pub rule: &'static str,
}

impl CanonicalError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        "canonical-record"
    }
}

impl<'a> CanonicalRecord<'a> {
    /// Takes bytes as a canonical record, after checking that they are one, whole.
    ///
    /// # Errors
    /// When the bytes are not the unique minimal form of any record.
    pub fn new(_bytes: &'a [u8]) -> Result<Self, CanonicalError> {
        todo!()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The record's items in layout order.
    pub fn items(&self) -> Items<'a> {
        todo!()
    }
}

/// The items of a canonical record.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    _rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        todo!()
    }
}
