//! The types of a schema, ready to check values.

use std::borrow::Cow;

use crate::builtin::{Builtin, TypeId, Variety};
use crate::checks::Checks;
use crate::fault::Fault;
use crate::literal::Literal;
use crate::namespaces::Namespaces;
use crate::scratch::Scratch;
use crate::shape::Shape;
use crate::white_space::{WhiteSpace, is_space};

/// Which Unicode a pattern's `\p{…}`, `\d`, `\w`, `\i` and `\c` mean.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Hash)]
pub enum Tables {
    /// The newest Unicode at hand.
    #[default]
    Current,
    /// Unicode 3.0, as XSD 1.0 and the W3C test suite mean it. For the suite only: its categories know no character
    /// outside the basic plane.
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

    pub(crate) fn or(self, other: Ids) -> Ids {
        Ids { id: self.id || other.id, idref: self.idref || other.idref, entity: self.entity || other.entity }
    }

    fn kind(self) -> Option<IdKind> {
        match self {
            Ids { id: true, .. } => Some(IdKind::Id),
            Ids { idref: true, .. } => Some(IdKind::Idref),
            Ids { entity: true, .. } => Some(IdKind::Entity),
            _ => None,
        }
    }
}

/// Simple types, compiled. Shared between threads by reference.
#[derive(Clone, Debug)]
pub struct Types {
    pub(crate) types: Vec<SimpleType>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct SimpleType {
    pub(crate) name: Option<String>,
    pub(crate) base: TypeId,
    /// The built-in type that is nearest among it and what it is derived from.
    pub(crate) builtin: Builtin,
    pub(crate) white_space: WhiteSpace,
    pub(crate) variety: Variety,
    pub(crate) body: Body,
    pub(crate) ids: Ids,
    /// Steps of derivation behind it.
    pub(crate) depth: usize,
    /// Types that may have to be tried for one value.
    pub(crate) weight: usize,
    pub(crate) shape: Option<Shape>,
}

/// How its values are checked.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// `anySimpleType`
    Any,
    Atomic(Literal, Checks),
    List(TypeId, Checks),
    Union(Checks),
}

impl Types {
    /// Whether `raw`, its white space not yet normalised, is a value of the type (part 1 §3.14.4).
    ///
    /// Time is linear in `raw`. `namespaces` are asked for QName and NOTATION only. That an ENTITY is declared, an ID
    /// unique and an IDREF an ID is for the caller to see to: [`Types::each_id`]. That `raw` has only characters that
    /// XML can hold, too.
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
        match &self.get(ty).shape {
            Some(shape) if shape.takes(raw.as_bytes()) => Ok(Valid { member: ty }),
            _ => self.evaluate(ty, raw, namespaces, scratch, None).map(|member| Valid { member }),
        }
    }

    /// As [`Types::check`], and appends the value's canonical bytes to `out`: two values are equal exactly when their
    /// bytes are. Values of different primitive types are different. A list of one value is that value: XSD 1.1 says so
    /// (structures §3.11.4), where 1.0 says nothing.
    ///
    /// Equal are 1, 1.0 and +01 as decimals; durations of as many months and seconds; instants at one moment, but not
    /// one with a time zone and one without; 0 and -0, NaN and NaN.
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
        self.evaluate(ty, raw, namespaces, scratch, Some(out))
    }

    /// The value with its white space as the type has it: of a union as the member has it that takes the value, and
    /// unchanged when none does.
    pub fn normalise<'a>(&self, ty: TypeId, raw: &'a str) -> Cow<'a, str> {
        let ty = match self.variety(ty) {
            Variety::Union(_) => match self.evaluate(ty, raw, &EveryPrefix, &mut Scratch::new(), None) {
                Ok(member) => member,
                Err(_) => return Cow::Borrowed(raw),
            },
            _ => ty,
        };
        self.white_space(ty).normalise(raw)
    }

    /// The type's `whiteSpace`; `Preserve` for a union, whose members have their own.
    pub fn white_space(&self, ty: TypeId) -> WhiteSpace {
        self.get(ty).white_space
    }

    /// The primitive type; `AnySimpleType` for that itself, a list and a union.
    pub fn primitive(&self, ty: TypeId) -> Builtin {
        match self.get(ty).body {
            Body::Atomic(..) => self.get(ty).builtin.primitive(),
            _ => Builtin::AnySimpleType,
        }
    }

    /// The nearest built-in type among the type and those that it is derived from.
    pub fn builtin(&self, ty: TypeId) -> Builtin {
        self.get(ty).builtin
    }

    /// What the values are made of.
    pub fn variety(&self, ty: TypeId) -> &Variety {
        &self.get(ty).variety
    }

    /// The type it is derived from; `AnySimpleType` from itself.
    pub fn base(&self, ty: TypeId) -> TypeId {
        self.get(ty).base
    }

    /// The name it was defined by, `xs:` before a built-in one.
    pub fn name(&self, ty: TypeId) -> Option<&str> {
        self.get(ty).name.as_deref()
    }

    /// How many types there are; every [`TypeId`] is below.
    pub fn count(&self) -> usize {
        self.types.len()
    }

    /// Whether a type is another, or is validly derived from it (part 1 §3.14.6, Type Derivation OK (Simple)): by steps
    /// of restriction, and a member of a union, or what is derived from one, from the union.
    pub fn derives_from(&self, ty: TypeId, ancestor: TypeId) -> bool {
        let mut at = ty;
        loop {
            if at == ancestor {
                return true;
            }
            let base = self.base(at);
            if base == at {
                break;
            }
            at = base;
        }
        match self.variety(ancestor) {
            Variety::Union(members) => members.iter().any(|&member| self.derives_from(ty, member)),
            _ => false,
        }
    }

    /// Which of ID, IDREF and ENTITY the type, its items or its members are.
    pub fn ids(&self, ty: TypeId) -> Ids {
        self.get(ty).ids
    }

    /// Calls `sink` with every ID, IDREF and ENTITY in a valid value, in order; not with an ENTITY that is the value of a
    /// union, of which nothing more is asked (part 1 §3.14.4 clause 2).
    pub fn each_id(
        &self,
        ty: TypeId,
        raw: &str,
        namespaces: &dyn Namespaces,
        scratch: &mut Scratch,
        sink: &mut dyn FnMut(IdKind, &str),
    ) {
        let ids = self.ids(ty);
        if !ids.any() {
            return;
        }
        match (&self.get(ty).body, self.variety(ty)) {
            (Body::List(item, _), _) => {
                for text in items(raw) {
                    self.each_id(*item, text, namespaces, scratch, sink);
                }
            }
            (_, Variety::Union(_)) => {
                if let Ok(member) = self.evaluate(ty, raw, namespaces, scratch, None) {
                    self.each_id(member, raw, namespaces, scratch, &mut |kind, text| {
                        if kind != IdKind::Entity {
                            sink(kind, text);
                        }
                    });
                }
            }
            _ => {
                if let Some(kind) = ids.kind() {
                    sink(kind, &self.white_space(ty).normalise(raw));
                }
            }
        }
    }

    /// The type's check in a few words, if it can be said so.
    pub fn shape(&self, ty: TypeId) -> Option<Shape> {
        self.get(ty).shape.clone()
    }

    pub(crate) fn get(&self, ty: TypeId) -> &SimpleType {
        &self.types[ty.index()]
    }
}

/// The items of a list (part 2 §2.5.1.2).
pub(crate) fn items(raw: &str) -> impl Iterator<Item = &str> {
    raw.split(is_space).filter(|item| !item.is_empty())
}

/// Where every prefix is bound, for what only asks how white space is treated.
struct EveryPrefix;

impl Namespaces for EveryPrefix {
    fn namespace(&self, _: &str) -> Option<&str> {
        Some("")
    }
}
