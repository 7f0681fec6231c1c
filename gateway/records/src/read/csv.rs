//! CSV (RFC 4180) into records.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;
use crate::read::{ReadError, RecordSource};
use crate::record::Record;

/// How the first line is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Header {
    /// The first line names the columns, in any order.
    #[default]
    Names,
    /// There is no header line: the columns are the layout's fields, in order.
    Positions,
    /// A header line when every cell of the first line is a known name; no header line when none is.
    Auto,
}

/// What a cell with nothing in it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyCells {
    /// The field is absent.
    #[default]
    Absent,
    /// The field is present and empty.
    Empty,
    /// Absent when nothing is there, present and empty when quoted (`""`).
    AbsentUnlessQuoted,
}

/// What a line with nothing in it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyLines {
    /// Empty lines may stand at the end of the payload only.
    #[default]
    AtEnd,
    /// Empty lines are passed over everywhere.
    Skip,
    /// Any empty line is an error.
    Refuse,
}

/// How a CSV payload is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CsvOptions {
    /// How the first line is understood.
    pub header: Header,
    /// The character between cells: ASCII, not a quote, CR or LF.
    pub delimiter: char,
    /// What an empty cell means.
    pub empty: EmptyCells,
    /// What an empty line means.
    pub empty_lines: EmptyLines,
    /// The text of an unquoted cell that stands for nil (such as `#N/A`); without it CSV has no nil.
    pub nil: Option<String>,
    /// Greatest size of one value, in bytes of UTF-8.
    pub max_field_bytes: usize,
    /// Greatest size of one record with its quotes and delimiters, in bytes of UTF-8.
    pub max_record_bytes: usize,
    /// Column names that stand for a field: name in the header line to field name.
    pub names: BTreeMap<String, String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions {
            header: Header::default(),
            delimiter: ',',
            empty: EmptyCells::default(),
            empty_lines: EmptyLines::default(),
            nil: None,
            max_field_bytes: 64 * 1024,
            max_record_bytes: 1024 * 1024,
            names: BTreeMap::new(),
        }
    }
}

/// Options that do not fit the layout: the operator's to mend, found when the route is loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvOptionsError {
    /// A record with nested groups is not one line.
    #[error("field {field} is a group: a record of this layout is not one line of CSV")]
    Nested {
        /// The group.
        field: String,
    },
}

/// Reads records from CSV.
pub struct CsvReader<R: BufRead> {
    _input: R,
}

impl<R: BufRead> CsvReader<R> {
    /// A reader over UTF-8 without a byte order mark (what `charset::Decoder` yields).
    ///
    /// # Errors
    /// When the options do not fit the layout.
    pub fn new(_input: R, _layout: &Arc<Layout>, _options: &CsvOptions) -> Result<Self, CsvOptionsError> {
        todo!()
    }
}

impl<R: BufRead> RecordSource for CsvReader<R> {
    fn next(&mut self, _record: &mut Record) -> Result<bool, ReadError> {
        todo!()
    }
}
