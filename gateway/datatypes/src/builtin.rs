//! The built-in types (part 2 §3): their names, their tree, and what each is restricted from.

use crate::white_space::WhiteSpace;

/// A simple type of a [`Types`](crate::Types). Built-in types have the same id everywhere ([`Builtin::id`]).
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct TypeId(pub(crate) u32);

impl TypeId {
    /// The type as an index: dense from 0, the built-in types first.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the values of a type are made of (part 2 §4.1.2.1 `{variety}`).
#[derive(Clone, Eq, PartialEq, Debug)]
pub enum Variety {
    /// One value.
    Atomic,
    /// Values of the item type, with white space between them.
    List(TypeId),
    /// A value of the first member type that takes it.
    Union(Vec<TypeId>),
}

macro_rules! builtins {
    ($($variant:ident $name:literal $base:ident,)*) => {
        /// A built-in type (part 2 §3.2, §3.3).
        #[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
        pub enum Builtin {
            $(#[doc = concat!("`xs:", $name, "`")] $variant,)*
        }

        impl Builtin {
            /// Every built-in type, each after its base.
            pub const ALL: &'static [Builtin] = &[$(Builtin::$variant,)*];

            /// The local name in the namespace of XML Schema.
            pub fn local_name(self) -> &'static str {
                match self { $(Builtin::$variant => $name,)* }
            }

            /// The type that it is derived from; `AnySimpleType` from itself.
            pub fn base(self) -> Builtin {
                match self { $(Builtin::$variant => Builtin::$base,)* }
            }
        }
    };
}

builtins! {
    AnySimpleType "anySimpleType" AnySimpleType,
    String "string" AnySimpleType,
    NormalizedString "normalizedString" String,
    Token "token" NormalizedString,
    Language "language" Token,
    Nmtoken "NMTOKEN" Token,
    Nmtokens "NMTOKENS" AnySimpleType,
    Name "Name" Token,
    NCName "NCName" Name,
    Id "ID" NCName,
    Idref "IDREF" NCName,
    Idrefs "IDREFS" AnySimpleType,
    Entity "ENTITY" NCName,
    Entities "ENTITIES" AnySimpleType,
    Boolean "boolean" AnySimpleType,
    Decimal "decimal" AnySimpleType,
    Integer "integer" Decimal,
    NonPositiveInteger "nonPositiveInteger" Integer,
    NegativeInteger "negativeInteger" NonPositiveInteger,
    Long "long" Integer,
    Int "int" Long,
    Short "short" Int,
    Byte "byte" Short,
    NonNegativeInteger "nonNegativeInteger" Integer,
    UnsignedLong "unsignedLong" NonNegativeInteger,
    UnsignedInt "unsignedInt" UnsignedLong,
    UnsignedShort "unsignedShort" UnsignedInt,
    UnsignedByte "unsignedByte" UnsignedShort,
    PositiveInteger "positiveInteger" NonNegativeInteger,
    Float "float" AnySimpleType,
    Double "double" AnySimpleType,
    Duration "duration" AnySimpleType,
    DateTime "dateTime" AnySimpleType,
    Time "time" AnySimpleType,
    Date "date" AnySimpleType,
    GYearMonth "gYearMonth" AnySimpleType,
    GYear "gYear" AnySimpleType,
    GMonthDay "gMonthDay" AnySimpleType,
    GDay "gDay" AnySimpleType,
    GMonth "gMonth" AnySimpleType,
    HexBinary "hexBinary" AnySimpleType,
    Base64Binary "base64Binary" AnySimpleType,
    AnyUri "anyURI" AnySimpleType,
    QName "QName" AnySimpleType,
    Notation "NOTATION" AnySimpleType,
}

impl Builtin {
    /// The type's id, the same in every [`Types`](crate::Types).
    pub fn id(self) -> TypeId {
        TypeId(self as u32)
    }

    /// The built-in type of that local name.
    pub fn from_local_name(name: &str) -> Option<Builtin> {
        Self::ALL.iter().copied().find(|builtin| builtin.local_name() == name)
    }

    /// The primitive type that it comes from; itself for `AnySimpleType` and for the three lists.
    pub fn primitive(self) -> Builtin {
        match self {
            Builtin::String | Builtin::NormalizedString | Builtin::Token => Builtin::String,
            Builtin::Decimal | Builtin::Integer => Builtin::Decimal,
            _ => match self.base() {
                Builtin::AnySimpleType => self,
                base => base.primitive(),
            },
        }
    }

    /// The item type of `NMTOKENS`, `IDREFS` and `ENTITIES`.
    pub fn item(self) -> Option<Builtin> {
        match self {
            Builtin::Nmtokens => Some(Builtin::Nmtoken),
            Builtin::Idrefs => Some(Builtin::Idref),
            Builtin::Entities => Some(Builtin::Entity),
            _ => None,
        }
    }

    pub(crate) fn white_space(self) -> WhiteSpace {
        match self {
            Builtin::AnySimpleType | Builtin::String => WhiteSpace::Preserve,
            Builtin::NormalizedString => WhiteSpace::Replace,
            _ => WhiteSpace::Collapse,
        }
    }
}
