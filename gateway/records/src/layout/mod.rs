//! Layouts: the fields of a record, in the order in which canonical records hold them.

mod compile;
mod names;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use sekisho_xml::QName;
use sekisho_xsd::{KeyConstraint, RecordType, SimpleType};

pub use names::{LayoutNames, NamedField};

/// Greatest number of fields in one level.
pub const MAX_FIELDS: usize = 4_096;
/// Greatest depth of nested groups.
pub const MAX_DEPTH: usize = 16;

/// The number of a field within its level: the record's own fields, or those of one nested group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// The fields of one record element: what CSV, JSON and XML are all held to.
///
/// A canonical record lists its fields in this order, which is one that the schema's content model allows for any
/// valid choice of fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    record_type: RecordType,
    /// The record's own level is the first.
    levels: Vec<Level>,
}

/// The fields of the record, or of one nested group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Level {
    pub(crate) fields: Vec<Field>,
    /// Whether the content model asks for this order (anything but one `xs:all`).
    pub(crate) ordered: bool,
    by_name: HashMap<Arc<str>, u16>,
}

/// Which level of a layout: an index, the record's own being 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelId(pub(crate) u16);

impl LevelId {
    /// The record's own fields.
    pub(crate) const RECORD: LevelId = LevelId(0);
}

/// One field of a record, or one nested group of fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The element's name.
    pub name: QName,
    /// Whether the field may be nil.
    pub nillable: bool,
    /// What an empty element stands for, white space normalised: the schema's default or fixed value.
    pub default: Option<String>,
    /// Whether [`Field::default`] is the only value allowed.
    pub fixed: bool,
    /// What is inside.
    pub content: FieldContent,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldContent {
    /// A value.
    Value(SimpleType),
    /// Instances of a group of further fields ([`Layout::fields_of`]).
    Group {
        /// The level that has the group's fields.
        level: LevelId,
        /// Whether more than one instance may occur.
        repeats: bool,
    },
}

/// A record type that cannot be a layout: the operator's to mend, found when the route is loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A record without fields.
    #[error("{element} has no fields: a record needs at least one")]
    Empty {
        /// The record or group element.
        element: String,
    },
    /// A value that may come several times has no single place in a row.
    #[error(
        "field {field} is a value that may occur more than once: put it into an element of its own that repeats, or \
         make it an xs:list"
    )]
    RepeatedValue {
        /// The field.
        field: String,
    },
    /// A group of elements that repeats as a whole, without an element around each round.
    #[error(
        "in {element} a sequence or choice of several elements may repeat: CSV and JSON cannot say which elements \
         belong together; put an element around each round"
    )]
    RepeatedParticles {
        /// The record or group element.
        element: String,
    },
    /// Two fields that CSV and JSON could not tell apart.
    #[error("in {element} more than one field has the local name {field}: only XML could tell them apart")]
    SameName {
        /// The record or group element.
        element: String,
        /// The local name.
        field: String,
    },
    /// A group that may be nil.
    #[error("group {field} is nillable: CSV and JSON have no nil group; make it optional instead")]
    NillableGroup {
        /// The group.
        field: String,
    },
    /// Too many fields or too deep.
    #[error("{element} has more than {max} {which}")]
    TooLarge {
        /// The record or group element.
        element: String,
        /// Of what.
        which: &'static str,
        /// The limit.
        max: usize,
    },
    /// A key of a field that is not there, is a group, or is named twice.
    #[error("{field} cannot be a key field: {problem}")]
    Key {
        /// The field.
        field: String,
        /// Why not.
        problem: &'static str,
    },
}

impl LayoutError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "layout-empty",
            Self::RepeatedValue { .. } => "layout-repeated-value",
            Self::RepeatedParticles { .. } => "layout-repeated-particles",
            Self::SameName { .. } => "layout-same-name",
            Self::NillableGroup { .. } => "layout-nillable-group",
            Self::TooLarge { .. } => "layout-too-large",
            Self::Key { .. } => "layout-key",
        }
    }
}

impl Layout {
    /// Compiles a record type.
    ///
    /// # Errors
    /// When CSV or JSON could not be held to the type as XML is.
    pub fn compile(ty: &RecordType) -> Result<Layout, LayoutError> {
        let levels = compile::levels(&ty.element, &ty.content)?;
        Ok(Layout { record_type: ty.clone(), levels })
    }

    /// The record element.
    pub fn element(&self) -> &QName {
        &self.record_type.element
    }

    /// The top-level fields, in order.
    pub fn fields(&self) -> &[Field] {
        &self.levels[0].fields
    }

    /// The fields inside a group; none for a field that holds a value.
    pub fn fields_of(&self, field: &Field) -> &[Field] {
        match field.content {
            FieldContent::Value(_) => &[],
            FieldContent::Group { level, .. } => &self.level(level).fields,
        }
    }

    /// Whether no field is a group, so that a record is one line of CSV.
    pub fn is_flat(&self) -> bool {
        self.levels.len() == 1
    }

    /// The top-level field of this local name.
    pub fn field(&self, name: &str) -> Option<FieldId> {
        self.levels[0].named(name)
    }

    /// The keys that the schema demands of the records of one parent.
    pub fn keys(&self) -> &[KeyConstraint] {
        &self.record_type.keys
    }

    /// What is needed to read canonical records of this layout later, when the schema may have changed.
    pub fn names(&self) -> LayoutNames {
        LayoutNames { element: self.element().clone(), fields: self.named_fields(LevelId::RECORD) }
    }

    /// The record type that the layout was compiled from.
    pub fn record_type(&self) -> &RecordType {
        &self.record_type
    }

    pub(crate) fn levels(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter()
    }

    pub(crate) fn level(&self, id: LevelId) -> &Level {
        &self.levels[usize::from(id.0)]
    }

    fn named_fields(&self, id: LevelId) -> Vec<NamedField> {
        let named = |field: &Field| NamedField {
            name: field.name.local.clone(),
            group: match field.content {
                FieldContent::Value(_) => None,
                FieldContent::Group { level, .. } => Some(self.named_fields(level)),
            },
        };
        self.level(id).fields.iter().map(named).collect()
    }
}

impl Level {
    /// A level whose field names are known to be distinct.
    fn new(fields: Vec<Field>, ordered: bool) -> Level {
        let mut by_name: HashMap<Arc<str>, u16> = HashMap::with_capacity(fields.len());
        for (id, field) in (0..).zip(&fields) {
            by_name.insert(field.name.local.clone(), id);
        }
        Level { fields, ordered, by_name }
    }

    /// The field of this local name.
    pub(crate) fn named(&self, local: &str) -> Option<FieldId> {
        self.by_name.get(local).map(|&id| FieldId(id))
    }

    pub(crate) fn field(&self, id: FieldId) -> &Field {
        &self.fields[usize::from(id.0)]
    }
}
