//! Single values and single record elements against a record type.

use crate::record::{RecordType, TypeId};
use crate::schema::Schema;
use crate::violation::{ValueViolation, Violation};

/// Checks the values and records of one intake. Owns what it needs; cheap to make.
pub struct Checker {
    _schema: Schema,
}

impl Checker {
    /// A checker for records of type `record` of `schema`.
    pub fn new(_schema: &Schema, _record: &RecordType) -> Checker {
        todo!()
    }

    /// Checks one value, its white space already normalised as the type says.
    ///
    /// # Errors
    /// The first rule that the value breaks.
    pub fn value(&mut self, _ty: TypeId, _value: &str) -> Result<(), ValueViolation> {
        todo!()
    }

    /// Checks one record element, given as a small document of its own, and reports every violation.
    pub fn element(&mut self, _xml: &[u8], _sink: &mut dyn FnMut(Violation)) {
        todo!()
    }
}
