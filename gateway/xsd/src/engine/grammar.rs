//! A schema as it is run: immutable tables that refer to one another by number.
//!
//! Nothing here lends from the compiler's objects; they are gone once this is built.

use sekisho_datatypes::{TypeId, Types};

use super::content::Model;
use super::names::{NameId, Names, NamespaceId};

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $id(pub(crate) u32);

        impl $id {
            #[inline]
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// An element declaration.
    ElementId
    /// A type definition, simple or complex.
    TypeIndex
    /// A content model.
    ModelId
    /// What a complex type says about attributes.
    AttributesId
    /// A global attribute declaration.
    AttributeId
    /// A key, keyref or unique.
    ConstraintId
}

/// Everything that documents are held to.
#[derive(Debug)]
pub(crate) struct Grammar {
    pub(crate) names: Names,
    pub(crate) simple: Types,
    pub(crate) elements: Vec<Element>,
    pub(crate) types: Vec<Type>,
    pub(crate) models: Vec<Model>,
    pub(crate) attribute_sets: Vec<Attributes>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) constraints: Vec<Constraint>,
    /// By name: the global element, type and attribute.
    pub(crate) globals: Vec<Globals>,
    pub(crate) any_type: TypeIndex,
    pub(crate) well_known: WellKnown,
}

/// What a name means at the top level of a schema.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Globals {
    pub(crate) element: Option<ElementId>,
    pub(crate) ty: Option<TypeIndex>,
    pub(crate) attribute: Option<AttributeId>,
}

/// Names with a meaning of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WellKnown {
    pub(crate) xsi: NamespaceId,
    pub(crate) xsi_type: NameId,
    pub(crate) xsi_nil: NameId,
    pub(crate) xsi_schema_location: NameId,
    pub(crate) xsi_no_namespace_schema_location: NameId,
}

/// Ways of derivation (part 1 §3.4.1 `{final}` and elsewhere), as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Ways(pub(crate) u8);

impl Ways {
    pub(crate) const EXTENSION: Ways = Ways(1);
    pub(crate) const RESTRICTION: Ways = Ways(2);
    pub(crate) const LIST: Ways = Ways(4);
    pub(crate) const UNION: Ways = Ways(8);
    pub(crate) const SUBSTITUTION: Ways = Ways(16);

    pub(crate) fn has(self, other: Ways) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn and(self, other: Ways) -> Ways {
        Ways(self.0 | other.0)
    }
}

/// An element declaration (part 1 §3.3.1).
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: NameId,
    pub(crate) ty: TypeIndex,
    pub(crate) nillable: bool,
    pub(crate) is_abstract: bool,
    /// `{disallowed substitutions}`.
    pub(crate) block: Ways,
    pub(crate) value: Option<ValueConstraint>,
    pub(crate) constraints: Vec<ConstraintId>,
    /// The type that the schema names does not exist: an error only where the element is used.
    pub(crate) untyped: bool,
}

/// A default or fixed value (part 1 §3.2.1 and §3.3.1 `{value constraint}`).
#[derive(Debug, Clone)]
pub(crate) struct ValueConstraint {
    pub(crate) text: Box<str>,
    pub(crate) fixed: bool,
    /// What prefixes mean where it is written, as far as that matters.
    pub(crate) namespaces: Vec<(String, String)>,
    /// The canonical bytes of the value in its declared simple type; `None` when that has no such value.
    pub(crate) key: Option<Box<[u8]>>,
}

/// A type definition (part 1 §3.4.1, §3.14.1).
#[derive(Debug)]
pub(crate) struct Type {
    /// `None` for `xs:anyType`.
    pub(crate) base: Option<TypeIndex>,
    /// How it is derived from its base.
    pub(crate) way: Ways,
    /// `{prohibited substitutions}`.
    pub(crate) block: Ways,
    pub(crate) is_abstract: bool,
    pub(crate) content: Content,
    /// `None` for a simple type, which has no attributes.
    pub(crate) attributes: Option<AttributesId>,
    /// The member types of a union that has no facets of its own: they may stand for it.
    pub(crate) members: Vec<TypeIndex>,
}

/// `{content type}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Empty,
    Simple(TypeId),
    Elements(ModelId),
    Mixed(ModelId),
}

impl Content {
    pub(crate) fn model(self) -> Option<ModelId> {
        match self {
            Content::Elements(model) | Content::Mixed(model) => Some(model),
            Content::Empty | Content::Simple(_) => None,
        }
    }
}

/// The attributes that a complex type allows.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    /// Sorted by name.
    pub(crate) uses: Vec<AttributeUse>,
    pub(crate) any: Option<Wildcard>,
    /// Whether a use is required or has a default, so that what is absent matters.
    pub(crate) absent_matters: bool,
    /// Whether a use is of a type that is or comes from `xs:ID`.
    pub(crate) has_id: bool,
}

impl Attributes {
    #[inline]
    pub(crate) fn find(&self, name: NameId) -> Option<usize> {
        if self.uses.len() <= 8 {
            return self.uses.iter().position(|using| using.attribute.name == name);
        }
        self.uses.binary_search_by_key(&name, |using| using.attribute.name).ok()
    }
}

/// One attribute that a complex type has (part 1 §3.5.1).
#[derive(Debug)]
pub(crate) struct AttributeUse {
    pub(crate) attribute: Attribute,
    pub(crate) required: bool,
}

/// An attribute declaration, its value constraint being the effective one (part 1 §3.2.1).
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) name: NameId,
    pub(crate) ty: TypeId,
    pub(crate) value: Option<ValueConstraint>,
}

/// A wildcard (part 1 §3.10.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard {
    pub(crate) namespaces: Namespaces,
    pub(crate) process: Process,
}

/// `{namespace constraint}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Namespaces {
    Any,
    Not(Vec<NamespaceId>),
    Of(Vec<NamespaceId>),
}

impl Namespaces {
    pub(crate) fn allow(&self, namespace: NamespaceId) -> bool {
        match self {
            Namespaces::Any => true,
            Namespaces::Not(excluded) => !excluded.contains(&namespace),
            Namespaces::Of(allowed) => allowed.contains(&namespace),
        }
    }

    /// Whether there is a namespace that both allow.
    pub(crate) fn overlap(&self, other: &Namespaces) -> bool {
        match (self, other) {
            (Namespaces::Of(listed), not_listed) | (not_listed, Namespaces::Of(listed)) => {
                listed.iter().any(|&namespace| not_listed.allow(namespace))
            }
            // Each leaves out finitely many.
            _ => true,
        }
    }
}

/// `{process contents}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    Strict,
    Lax,
    Skip,
}

/// An identity-constraint definition (part 1 §3.11.1).
#[derive(Debug)]
pub(crate) struct Constraint {
    /// Its local name.
    pub(crate) name: Box<str>,
    pub(crate) kind: ConstraintKind,
    pub(crate) selector: Vec<Path>,
    pub(crate) fields: Vec<Vec<Path>>,
    /// What a keyref refers to.
    pub(crate) refer: Option<ConstraintId>,
    /// Whether a keyref refers to it: its table is needed after its own scope, too.
    pub(crate) referred: bool,
}

/// `{identity-constraint category}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConstraintKind {
    Key,
    Unique,
    Keyref,
}

/// A path of the XPath subset of part 1 §3.11.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// `.//` in front.
    pub(crate) anywhere: bool,
    /// The elements on the way down; at most 63.
    pub(crate) steps: Vec<NameTest>,
    /// The attribute at the end, if the path ends in one.
    pub(crate) attribute: Option<NameTest>,
}

/// A step's test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameTest {
    Any,
    Namespace(NamespaceId),
    Name(NameId),
}

impl Grammar {
    pub(crate) fn global(&self, name: Option<NameId>) -> Globals {
        name.and_then(|name| self.globals.get(name.index()).copied()).unwrap_or_default()
    }

    /// Whether `derived` is `base` or comes from it by none of the ways in `without` (part 1 §3.4.6 and §3.14.6, Type
    /// Derivation OK). A simple type comes from another one by restriction, a member of a union from that as well.
    pub(crate) fn derives(&self, derived: TypeIndex, base: TypeIndex, without: Ways) -> bool {
        if derived == base {
            return true;
        }
        let mut at = derived;
        loop {
            let ty = &self.types[at.index()];
            let way = if ty.attributes.is_none() { Ways::RESTRICTION } else { ty.way };
            if without.has(way) {
                return false;
            }
            match ty.base {
                Some(above) if above == base => return true,
                Some(above) if above != at => at = above,
                _ => break,
            }
        }
        !without.has(Ways::RESTRICTION)
            && self.types[base.index()].members.iter().any(|&member| self.derives(derived, member, without))
    }
}
