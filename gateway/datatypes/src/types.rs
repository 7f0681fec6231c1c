//! The types of a schema, ready to check values.

use std::borrow::Cow;

use crate::builtin::{Builtin, TypeId, Variety};
use crate::fault::Fault;
use crate::namespaces::Namespaces;
use crate::scratch::Scratch;
use crate::shape::Shape;
use crate::white_space::WhiteSpace;

/// Which Unicode a pattern's `\p{…}`, `\d`, `\w`, `\i` and `\c` mean.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Tables {
    /// The newest Unicode at hand, and names as XML 1.0 fifth edition has them.
    #[default]
    Current,
    /// Unicode as XSD 1.0 and the W3C test suite mean it. For the suite only: it knows no character outside the
    /// basic plane.
    Xsd10,
}

/// A value is of its type.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Valid {
    /// The type that took the value: of a union the member, however deep; otherwise the type itself.
    pub member: TypeId,
}

/// Which of the types that mean something beyond their value.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum IdKind {
    /// `xs:ID`
    Id,
    /// `xs:IDREF`
    Idref,
    /// `xs:ENTITY`
    Entity,
}

/// What values of a type, or items or members of it, may be.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Ids {
    /// `xs:ID` or derived from it.
    pub id: bool,
    /// `xs:IDREF` or derived from it.
    pub idref: bool,
    /// `xs:ENTITY` or derived from it.
    pub entity: bool,
}

impl Ids {
    /// Whether there is any.
    pub fn any(self) -> bool {
        self.id || self.idref || self.entity
    }
}

/// Simple types, compiled. Shared between threads by reference.
#[derive(Debug)]
pub struct Types {
    pub(crate) _todo: (),
}

impl Types {
    /// Whether `raw`, its white space not yet normalised, is a value of the type (part 1 §3.14.4).
    ///
    /// Time is linear in `raw`. `namespaces` are asked for QName and NOTATION only.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(
        &self,
        ty: TypeId,
        raw: &str,
        namespaces: &dyn Namespaces,
        scratch: &mut Scratch,
    ) -> Result<Valid, Fault> {
        let _ = (ty, raw, namespaces, scratch);
        Ok(Valid { member: ty })
    }

    /// As [`Types::check`], and appends the value's canonical bytes to `out`: two values are equal exactly when their
    /// bytes are. Values of different primitive types are different.
    ///
    /// Returns the type that took the value, as [`Valid::member`].
    ///
    /// # Errors
    /// As [`Types::check`]; `out` is then as it was.
    pub fn value_key(
        &self,
        ty: TypeId,
        raw: &str,
        namespaces: &dyn Namespaces,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<TypeId, Fault> {
        out.extend_from_slice(raw.as_bytes());
        self.check(ty, raw, namespaces, scratch).map(|valid| valid.member)
    }

    /// The value with its white space as the type has it. Of a union, as the member that takes it has it: this needs
    /// the check, and what no member takes stays as it is.
    pub fn normalise<'a>(&self, ty: TypeId, raw: &'a str) -> Cow<'a, str> {
        self.white_space(ty).normalise(raw)
    }

    /// The type's `whiteSpace`; `Preserve` for a union, whose members have their own.
    pub fn white_space(&self, ty: TypeId) -> WhiteSpace {
        let _ = ty;
        WhiteSpace::Collapse
    }

    /// The primitive type; of a list or union `AnySimpleType`.
    pub fn primitive(&self, ty: TypeId) -> Builtin {
        let _ = ty;
        Builtin::AnySimpleType
    }

    /// What the values are made of.
    pub fn variety(&self, ty: TypeId) -> &Variety {
        let _ = ty;
        &Variety::Atomic
    }

    /// The type it is derived from; `AnySimpleType` from itself.
    pub fn base(&self, ty: TypeId) -> TypeId {
        ty
    }

    /// The name it was defined by, `xs:` before a built-in one.
    pub fn name(&self, ty: TypeId) -> Option<&str> {
        let _ = ty;
        None
    }

    /// Whether a type is, or is derived by steps of restriction, list or union from, another (part 1 §3.14.6 Type
    /// Derivation OK (Simple)): a member type is derived from its union.
    pub fn derives_from(&self, ty: TypeId, ancestor: TypeId) -> bool {
        ty == ancestor
    }

    /// Which of ID, IDREF and ENTITY the type, its items or its members are.
    pub fn ids(&self, ty: TypeId) -> Ids {
        let _ = ty;
        Ids::default()
    }

    /// Calls `sink` with every ID, IDREF and ENTITY in a value, in order; what no type takes has none.
    pub fn each_id(
        &self,
        ty: TypeId,
        raw: &str,
        namespaces: &dyn Namespaces,
        scratch: &mut Scratch,
        sink: &mut dyn FnMut(IdKind, &str),
    ) {
        let _ = (ty, raw, namespaces, scratch, sink);
    }

    /// The type's check in a few words, if it can be said so.
    pub fn shape(&self, ty: TypeId) -> Option<Shape> {
        let _ = ty;
        None
    }
}
