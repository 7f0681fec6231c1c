//! Mappings: a canonical record into the rows that the cloud counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::CanonicalRecord;
use crate::layout::LayoutNames;

/// How a record becomes rows.
///
/// Without columns every field of a flat layout is a column of its own name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MappingSpec {
    /// The nested group of which every instance becomes a row, the fields above it repeated; without it a record is
    /// one row. Steps are parted by `/`.
    pub rows: Option<String>,
    /// What becomes of a record that has no instance of that group.
    pub without_instance: WithoutInstance,
    /// Fields that get another name: field to column.
    pub rename: std::collections::BTreeMap<String, String>,
    /// Fields that are not sent.
    pub drop: Vec<String>,
    /// Columns with one value in every row.
    pub constant: std::collections::BTreeMap<String, String>,
    /// The columns and their order, each with its source. Where given, `rename`, `drop` and `constant` must be empty.
    pub columns: Vec<ColumnSpec>,
    /// The text that stands for nil where the form has no nil of its own, such as `#N/A`.
    pub nil: Option<String>,
    /// Columns that identify a row.
    pub key: Vec<String>,
}

/// What becomes of a record without an instance of the group that makes the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutInstance {
    /// One row with the fields above the group only.
    #[default]
    OneRow,
    /// No row.
    NoRow,
}

/// One column of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// The column's name.
    pub name: String,
    /// Where its value comes from.
    #[serde(flatten)]
    pub source: ColumnSource,
}

/// Where a column's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnSource {
    /// A field, steps parted by `/`.
    Field(String),
    /// The same text in every row.
    Constant(String),
}

/// A mapping that does not fit the layout: the operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// A name that is no field.
    #[error("{0} is no field of the layout")]
    UnknownField(String),
}

/// Turns canonical records of one layout into rows.
#[derive(Debug, Clone)]
pub struct Mapper {
    columns: Vec<String>,
}

/// One cell of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing: the column is left out, or empty where it cannot be.
    Absent,
    /// Present without a value.
    Nil,
    /// A text.
    Text(&'a str),
}

/// The rows of one record, reusable.
#[derive(Debug, Default)]
pub struct RowBuf {
    _text: String,
}

impl RowBuf {
    /// No rows.
    pub fn new() -> RowBuf {
        RowBuf::default()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cells of row `row` (from 0), one for each column of the mapper.
    pub fn cells(&self, _row: usize) -> impl ExactSizeIterator<Item = Cell<'_>> {
        std::iter::empty()
    }
}

/// A canonical record that the mapper's layout cannot have: the spool and the pinned plan do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the canonical record does not fit its layout: {0}")]
pub struct RowError(pub &'static str);

impl Mapper {
    /// Compiles a mapping for records of a layout.
    ///
    /// # Errors
    /// When the mapping names what the layout does not have, or two columns alike.
    pub fn new(_spec: &MappingSpec, _names: &LayoutNames) -> Result<Mapper, MappingError> {
        todo!()
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Positions in [`Mapper::columns`] of the columns that identify a row.
    pub fn key(&self) -> &[usize] {
        todo!()
    }

    /// The text that stands for nil.
    pub fn nil(&self) -> Option<&str> {
        todo!()
    }

    /// Replaces what is in `out` by the rows of `record`, and returns how many there are.
    ///
    /// # Errors
    /// When the record does not fit the layout.
    pub fn rows(&self, _record: CanonicalRecord<'_>, _out: &mut RowBuf) -> Result<usize, RowError> {
        todo!()
    }
}
