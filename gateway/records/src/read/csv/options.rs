//! How a CSV payload is to be read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::layout::{FieldContent, FieldId, Layout};

/// How the first line is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Header {
    /// The first line names the columns, in any order. A field without a column is absent in every record.
    #[default]
    Names,
    /// There is no header line: the columns are the layout's fields, all of them, in order.
    Positions,
    /// A header line when any cell of the first line is a known name (all must be then); none otherwise.
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

/// What a line with nothing in it means. A record of one empty cell is written `""`.
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
    /// The character between cells: ASCII, no control character but tab, not a quote.
    pub delimiter: char,
    /// What an empty cell means.
    pub empty: EmptyCells,
    /// What an empty line means.
    pub empty_lines: EmptyLines,
    /// The text of an unquoted cell that stands for nil (such as `#N/A`); without it CSV has no nil.
    pub nil: Option<String>,
    /// Greatest size of one value, in bytes of UTF-8.
    pub max_field_bytes: usize,
    /// Greatest size of one line with its quotes and delimiters, in bytes of UTF-8.
    pub max_record_bytes: usize,
    /// Column names that stand for a field: name in the header line to field name. Field names are always known.
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
    #[error(
        "field {field} is a group: a record of this layout is not one line of CSV; leave CSV out of the doors"
    )]
    Nested {
        /// The group.
        field: String,
    },
    /// A delimiter that cannot be one.
    #[error("the delimiter must be tab or one printable ASCII character other than the quote")]
    Delimiter,
    /// A nil text that a cell cannot have unquoted.
    #[error("the nil text must not be empty, nor hold the delimiter, a quote or a line end")]
    Nil,
    /// A size of zero, or beyond what a record can address.
    #[error("{which} must be from 1 to {max}")]
    Size {
        /// The option.
        which: &'static str,
        /// The greatest size.
        max: usize,
    },
    /// A column name for a field that is not there.
    #[error("the column name {name} stands for {field}, which is no field of the layout")]
    UnknownField {
        /// The column name.
        name: String,
        /// The field it should stand for.
        field: String,
    },
    /// A column name that is the name of another field.
    #[error("the column name {name} stands for {field}, but is the name of another field")]
    NameTaken {
        /// The column name.
        name: String,
        /// The field it should stand for.
        field: String,
    },
}

impl CsvOptionsError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nested { .. } => "csv-nested-layout",
            Self::Delimiter => "csv-delimiter",
            Self::Nil => "csv-nil",
            Self::Size { .. } => "csv-size",
            Self::UnknownField { .. } => "csv-unknown-field",
            Self::NameTaken { .. } => "csv-name-taken",
        }
    }
}

/// Greatest sizes that may be configured: positions in a record are 32 bits wide.
const MAX_SIZE: usize = 1 << 30;

impl CsvOptions {
    /// Checks the options against a layout.
    ///
    /// # Errors
    /// When they do not fit it.
    pub fn check(&self, layout: &Layout) -> Result<(), CsvOptionsError> {
        let group = |field: &&crate::layout::Field| matches!(field.content, FieldContent::Group { .. });
        if let Some(field) = layout.fields().iter().find(group) {
            return Err(CsvOptionsError::Nested { field: field.name.local.to_string() });
        }
        let printable = self.delimiter.is_ascii_graphic() || matches!(self.delimiter, ' ' | '\t');
        if !printable || self.delimiter == '"' {
            return Err(CsvOptionsError::Delimiter);
        }
        if let Some(nil) = &self.nil
            && (nil.is_empty() || nil.contains([self.delimiter, '"', '\r', '\n']))
        {
            return Err(CsvOptionsError::Nil);
        }
        for (which, size) in
            [("max_field_bytes", self.max_field_bytes), ("max_record_bytes", self.max_record_bytes)]
        {
            if size == 0 || size > MAX_SIZE {
                return Err(CsvOptionsError::Size { which, max: MAX_SIZE });
            }
        }
        for (name, field) in &self.names {
            let (name, field) = (name.clone(), field.clone());
            match (layout.field(&field), layout.field(&name)) {
                (None, _) => return Err(CsvOptionsError::UnknownField { name, field }),
                (Some(id), Some(other)) if id != other => {
                    return Err(CsvOptionsError::NameTaken { name, field });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The field that a header cell names.
    pub(super) fn field(&self, layout: &Layout, name: &str) -> Option<FieldId> {
        layout.field(name).or_else(|| layout.field(self.names.get(name)?))
    }
}
