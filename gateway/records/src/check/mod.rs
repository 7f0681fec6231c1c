//! The verdict on a record, the same at every door.

use std::sync::Arc;

use sekisho_xsd::Schema;

use crate::layout::Layout;
use crate::record::Record;
use crate::violations::Violations;

/// Checks the records of one intake against the schema.
pub struct RecordChecker {
    _layout: Arc<Layout>,
}

impl RecordChecker {
    /// A checker for records of `layout`, which was compiled from a record type of `schema`.
    ///
    /// # Errors
    /// When the schema does not have the layout's record element.
    pub fn new(_schema: &Schema, _layout: &Arc<Layout>) -> Self {
        todo!()
    }

    /// Checks a record: `true` when it is valid. White space is normalised and defaults are filled in, so that
    /// [`Record::canonical`] is the same whichever door the record came through.
    pub fn check(&mut self, _record: &mut Record, _violations: &mut Violations) -> bool {
        todo!()
    }
}
