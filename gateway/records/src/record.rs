//! A record in memory: one reusable arena for all records of an intake.

/// A field's value. Absent fields are not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Present and without a value (`xsi:nil`, JSON `null` of a nillable field).
    Nil,
    /// A text, possibly empty.
    Text(&'a str),
}

/// Where something stands in the payload, after transfer decoding and conversion to UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

/// One record: values, groups and where each was read.
#[derive(Debug, Default)]
pub struct Record {
    number: u64,
}

impl Record {
    /// An empty record.
    pub fn new() -> Record {
        Record::default()
    }

    /// The record's number in its payload, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Where the record starts.
    pub fn place(&self) -> Place {
        todo!()
    }

    /// The value of a top-level field; `None` when absent or a group.
    pub fn value(&self, _field: crate::FieldId) -> Option<Value<'_>> {
        todo!()
    }

    /// Appends the record's canonical form (see [`crate::canonical`]) to `out`.
    ///
    /// Meant for records that [`crate::RecordChecker::check`] has accepted, and normalised.
    pub fn canonical(&self, _out: &mut Vec<u8>) {
        todo!()
    }
}
