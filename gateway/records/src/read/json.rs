//! JSON (RFC 8259) arrays and NDJSON into records.

use std::io::BufRead;
use std::sync::Arc;

use crate::layout::Layout;
use crate::read::{ReadError, RecordSource};
use crate::record::Record;

/// How records follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonForm {
    /// One array of objects.
    Array,
    /// One object a line (NDJSON).
    Lines,
}

/// What a JSON payload may be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Greatest size of one value or name, in bytes of UTF-8 after unescaping.
    pub value_bytes: usize,
    /// Greatest size of one record, in bytes of UTF-8.
    pub record_bytes: usize,
    /// Greatest depth of arrays and objects.
    pub depth: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        JsonLimits { value_bytes: 64 * 1024, record_bytes: 1024 * 1024, depth: 32 }
    }
}

/// Reads records from JSON.
pub struct JsonReader<R: BufRead> {
    _input: R,
}

impl<R: BufRead> JsonReader<R> {
    /// A reader over UTF-8 without a byte order mark.
    pub fn new(_input: R, _layout: &Arc<Layout>, _form: JsonForm, _limits: JsonLimits) -> Self {
        todo!()
    }
}

impl<R: BufRead> RecordSource for JsonReader<R> {
    fn next(&mut self, _record: &mut Record) -> Result<bool, ReadError> {
        todo!()
    }
}
