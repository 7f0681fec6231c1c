//! What one record may hold: the compiled content model in our own words.

use std::borrow::Cow;

use sekisho_xml::QName;
use xsd_schema::types::facets::{WhitespaceMode, normalize_whitespace};

/// The type of one record element, as CSV, JSON and XML can all be held to it.
///
/// Element content only: a record type with attributes, mixed content, wildcards or substitution groups is refused
/// by name when it is asked for, because no other door than XML could carry it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordType {
    /// The record element.
    pub element: QName,
    /// The record's content, one after the other.
    pub content: Vec<Particle>,
    /// `xs:key` and `xs:unique` of elements above the record that pick the record and identify it by its children.
    pub keys: Vec<KeyConstraint>,
    /// The record element's declaration, by its index in each compiled schema.
    pub(crate) declaration: u32,
}

/// A part of a content model (XSD 1.0 part 1 §3.9): what may occur here, and how often.
///
/// `max` is `None` when unbounded.
#[derive(Debug, Clone, PartialEq)]
pub enum Particle {
    /// One element.
    Element(Element),
    /// The items one after the other.
    Sequence {
        /// Least number of rounds.
        min: u32,
        /// Greatest number of rounds.
        max: Option<u32>,
        /// The items of one round.
        items: Vec<Particle>,
    },
    /// One of the items.
    Choice {
        /// Least number of rounds.
        min: u32,
        /// Greatest number of rounds.
        max: Option<u32>,
        /// What one round chooses from.
        items: Vec<Particle>,
    },
    /// All items in any order, each at most once (§3.8.6).
    All {
        /// 0 or 1.
        min: u32,
        /// The items: elements only.
        items: Vec<Particle>,
    },
}

/// One field, or one group of fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Namespace and local name as in a document.
    pub name: QName,
    /// `minOccurs`.
    pub min: u32,
    /// `maxOccurs`, `None` when unbounded.
    pub max: Option<u32>,
    /// Whether `xsi:nil="true"` is allowed.
    pub nillable: bool,
    /// The value that an empty element stands for.
    pub default: Option<String>,
    /// The only value that the element may have, and what an empty one stands for.
    pub fixed: Option<String>,
    /// What is inside.
    pub content: ElementContent,
}

/// What is inside an element.
#[derive(Debug, Clone, PartialEq)]
pub enum ElementContent {
    /// A value.
    Simple(SimpleType),
    /// Further elements.
    Complex(Vec<Particle>),
}

/// A simple type, as far as readers and writers of values need to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct SimpleType {
    /// What [`Checker::value`](crate::Checker::value) takes.
    pub id: TypeId,
    /// The type's name, or for a nameless one that of the element it belongs to.
    pub name: String,
    /// What happens to white space before the value is checked, inherited facets included.
    pub white_space: WhiteSpace,
    /// The family of its primitive type.
    pub kind: ValueKind,
    /// The greatest length that a valid value can have, if a facet of the type bounds it: characters, for a list
    /// items. A hint for buffers; the checker decides.
    pub max_length: Option<u64>,
}

/// A simple type of one loaded schema. It means nothing to another schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub(crate) u32);

/// The whiteSpace facet (XSD 1.0 part 2 §4.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhiteSpace {
    /// Nothing is changed.
    Preserve,
    /// Tab, line feed and carriage return become a space each.
    Replace,
    /// Replaced, runs of spaces made one, none at either end.
    Collapse,
}

impl WhiteSpace {
    /// The text as the facet has it: what [`Checker::value`](crate::Checker::value) takes.
    pub fn normalise<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mode = match self {
            Self::Preserve => WhitespaceMode::Preserve,
            Self::Replace => WhitespaceMode::Replace,
            Self::Collapse => WhitespaceMode::Collapse,
        };
        normalize_whitespace(text, mode)
    }
}

/// The family of a simple type's values: how JSON may write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// `xs:boolean`.
    Boolean,
    /// `xs:decimal` and all below it, `xs:float`, `xs:double`.
    Number,
    /// Everything else with one value; unions too.
    Text,
    /// A white-space separated list.
    List,
}

/// A key or a uniqueness constraint over the records of one parent (XSD 1.0 part 1 §3.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyConstraint {
    /// The constraint's name.
    pub name: String,
    /// Whether every field must be there.
    pub kind: KeyKind,
    /// The child elements that identify a record, in the constraint's order.
    pub fields: Vec<QName>,
}

/// What a [`KeyConstraint`] demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `xs:key`: every field present and not nil, every combination once.
    Key,
    /// `xs:unique`: every combination once among the records that have all fields.
    Unique,
}
