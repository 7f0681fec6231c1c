//! XML elements into records.

use std::io::BufRead;
use std::sync::Arc;

use sekisho_xml::Reader;

use crate::layout::Layout;
use crate::read::{ReadError, RecordSource};
use crate::record::Record;

/// What becomes of children of the current element that are not records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtherChildren {
    /// They are an error.
    #[default]
    Refuse,
    /// They are passed over before the first record (a header), and an error after it.
    SkipBeforeFirst,
}

/// How records are taken out of XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XmlOptions {
    /// What becomes of other children.
    pub others: OtherChildren,
    /// Greatest size of one value, in bytes of UTF-8.
    pub max_field_bytes: usize,
    /// Greatest size of one record element, in bytes of UTF-8.
    pub max_record_bytes: usize,
}

impl Default for XmlOptions {
    fn default() -> Self {
        XmlOptions { others: OtherChildren::Refuse, max_field_bytes: 64 * 1024, max_record_bytes: 1024 * 1024 }
    }
}

/// Reads the record elements among the children of one element.
pub struct XmlRecords<'x, R: BufRead> {
    _reader: &'x mut Reader<R>,
}

impl<'x, R: BufRead> XmlRecords<'x, R> {
    /// Reads the children of the reader's current element (its start was the last event), to its end, which is
    /// consumed.
    pub fn new(_reader: &'x mut Reader<R>, _layout: &Arc<Layout>, _options: XmlOptions) -> Self {
        todo!()
    }

    /// Reads a whole document: its root holds the records. After the last record the document is read to its end.
    pub fn from_document(_reader: &'x mut Reader<R>, _layout: &Arc<Layout>, _options: XmlOptions) -> Self {
        todo!()
    }
}

impl<R: BufRead> RecordSource for XmlRecords<'_, R> {
    fn next(&mut self, _record: &mut Record) -> Result<bool, ReadError> {
        todo!()
    }
}
