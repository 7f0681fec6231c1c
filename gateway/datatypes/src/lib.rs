//! XML Schema 1.0 part 2 (Datatypes, second edition): values checked as bytes.
//!
//! A [`TypesBuilder`] takes the simple types of a schema, one derivation step at a time; [`Types`] then checks values
//! ([`Types::check`]) and says which of them are equal ([`Types::value_key`]). Everything is pure: no input, no clock.
//! On the usual path a value costs no allocation, and time is linear in the value whatever it is.
//!
//! Whether a restriction is narrower than its base, and which facets may stand where, is the schema compiler's to
//! judge: here only what cannot be represented is refused ([`DefinitionError`]).
//!
//! No error of this crate holds a value: rules, facets of the schema and lengths only.
#![forbid(unsafe_code)]

mod builder;
mod builtin;
mod checks;
mod cost;
mod definition;
mod evaluate;
mod facets;
mod fault;
mod literal;
mod namespaces;
mod pattern;
mod scratch;
mod shape;
mod types;
mod value;
mod white_space;

pub use builder::TypesBuilder;
pub use builtin::{Builtin, TypeId, Variety};
pub use cost::PatternCost;
pub use definition::DefinitionError;
pub use facets::{EnumValue, Facets};
pub use fault::{Fault, Unit, What};
pub use namespaces::{Namespaces, NoNamespaces};
pub use scratch::Scratch;
pub use shape::{ByteClass, Shape};
pub use types::{IdKind, Ids, Tables, Types, Valid};
pub use white_space::WhiteSpace;
