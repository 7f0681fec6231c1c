//! What a mapping is, as configured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a record becomes rows.
///
/// Without `columns` every field becomes a column of its own name, in layout order, those of the group named by `rows`
/// in the group's place; `rename`, `drop` and `constant` change that. With `columns` the columns are just these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MappingSpec {
    /// The nested group of which every instance becomes a row, with the fields above it repeated; without it a record is
    /// one row. Steps of a path are parted by `/`, as in `Member` or `Member/Job`.
    pub rows: Option<String>,
    /// What becomes of a record that has no instance of that group.
    pub without_instance: WithoutInstance,
    /// Fields that get another name: field (path) to column.
    pub rename: BTreeMap<String, String>,
    /// Fields and groups (paths) that are not sent.
    pub drop: Vec<String>,
    /// Columns with one value in every row, behind the others: column to value.
    pub constant: BTreeMap<String, String>,
    /// The columns and their order, each with its source. Not together with `rename`, `drop` or `constant`.
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

/// One column of a row: of a field or of a constant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// The column's name.
    pub name: String,
    /// The field (path) that its value comes from. Not together with `constant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The value that every row has. Not together with `field`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<String>,
}

/// A mapping that does not fit the layout: the operator's to mend, found when the route is loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// A path that is no field.
    #[error("{path} is no field of the layout")]
    UnknownField {
        /// The path.
        path: String,
    },
    /// A group where a field is asked for, or a field where a group is.
    #[error("{path} is {found}, {expected} is needed here")]
    Kind {
        /// The path.
        path: String,
        /// What it is.
        found: &'static str,
        /// What is needed.
        expected: &'static str,
    },
    /// A group that is neither what makes the rows nor dropped.
    #[error("group {path} can be in no row: name it as `rows`, or drop it")]
    GroupLeft {
        /// The group.
        path: String,
    },
    /// A field of a group of which a row sees no single instance.
    #[error("{path} lies in a group that does not make the rows: a row has no single value of it")]
    OutOfReach {
        /// The path.
        path: String,
    },
    /// Two columns of one name.
    #[error("two columns have the name {column}")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// No column at all.
    #[error("the mapping has no columns")]
    NoColumns,
    /// A column with no source, or two.
    #[error("column {column} needs either `field` or `constant`")]
    Source {
        /// The column.
        column: String,
    },
    /// `columns` together with what it replaces.
    #[error("`columns` says all: leave `{key}` out")]
    Both {
        /// `rename`, `drop` or `constant`.
        key: &'static str,
    },
    /// A field that is renamed and dropped.
    #[error("{path} is both renamed and dropped")]
    RenamedAndDropped {
        /// The path.
        path: String,
    },
    /// A column whose name cannot be an element's, where rows are XML.
    #[error(
        "column {column} becomes an XML element, and that cannot be its name: rename it; letters, digits, `.`, `-` and `_` \
         may stand in it, and a letter or `_` at the beginning"
    )]
    NoElement {
        /// The name.
        column: String,
    },
    /// A key column that is none.
    #[error("the key column {column} is no column of the mapping")]
    Key {
        /// The name.
        column: String,
    },
}

impl MappingError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownField { .. } => "mapping-unknown-field",
            Self::Kind { .. } => "mapping-kind",
            Self::NoElement { .. } => "mapping-no-element",
            Self::GroupLeft { .. } => "mapping-group-left",
            Self::OutOfReach { .. } => "mapping-out-of-reach",
            Self::DuplicateColumn { .. } => "mapping-duplicate-column",
            Self::NoColumns => "mapping-no-columns",
            Self::Source { .. } => "mapping-source",
            Self::Both { .. } => "mapping-both",
            Self::RenamedAndDropped { .. } => "mapping-renamed-and-dropped",
            Self::Key { .. } => "mapping-key",
        }
    }
}
