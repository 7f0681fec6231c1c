//! Layouts: the fields of a record, in the order in which canonical records hold them.

use std::sync::Arc;

use sekisho_xml::QName;
use sekisho_xsd::{KeyConstraint, RecordType, SimpleType};
use serde::{Deserialize, Serialize};

/// The number of a field within its level: the record's own fields, or those of one nested group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// The fields of one record element.
#[derive(Debug)]
pub struct Layout {
    element: QName,
    fields: Vec<Field>,
    keys: Vec<KeyConstraint>,
}

/// One field of a record, or one nested group of fields.
#[derive(Debug, Clone)]
pub struct Field {
    /// The element's name.
    pub name: QName,
    /// Whether the field may be nil.
    pub nillable: bool,
    /// What an empty element stands for, white space normalised: the schema's default or fixed value.
    pub default: Option<String>,
    /// What is inside.
    pub content: FieldContent,
}

/// What a field holds.
#[derive(Debug, Clone)]
pub enum FieldContent {
    /// A value.
    Value(SimpleType),
    /// Instances of a group of further fields.
    Group {
        /// The fields of the group, in order.
        fields: Vec<Field>,
        /// Whether more than one instance may occur.
        repeats: bool,
    },
}

/// A record type that cannot be a layout: the operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// Placeholder for the moment.
    #[error("{0}")]
    Unsupported(String),
}

impl Layout {
    /// Compiles a record type.
    ///
    /// # Errors
    /// When CSV or JSON could not be held to the type as XML is.
    pub fn compile(_ty: &RecordType) -> Result<Layout, LayoutError> {
        todo!()
    }

    /// The record element.
    pub fn element(&self) -> &QName {
        &self.element
    }

    /// The top-level fields, in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether no field is a group, so that a record is one line of CSV.
    pub fn is_flat(&self) -> bool {
        todo!()
    }

    /// The top-level field of this local name.
    pub fn field(&self, _name: &str) -> Option<FieldId> {
        todo!()
    }

    /// The keys that the schema demands of the records of one parent.
    pub fn keys(&self) -> &[KeyConstraint] {
        &self.keys
    }

    /// What is needed to read canonical records of this layout later, when the schema may have changed.
    pub fn names(&self) -> LayoutNames {
        todo!()
    }
}

/// The names of a layout's fields, as pinned with a batch: enough to map its canonical records to rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutNames {
    /// The record element.
    pub element: QName,
    /// The fields in layout order.
    pub fields: Vec<NamedField>,
}

/// One field of [`LayoutNames`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedField {
    /// Local name of the field's element.
    pub name: Arc<str>,
    /// The fields inside, when it is a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Vec<NamedField>>,
}
