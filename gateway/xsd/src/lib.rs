//! Schemas compiled and pinned; records, fields and documents checked against them.
//!
//! A [`Schema`] is read from disk, once, whole: every document it is made of is digested, and what cannot be
//! checked is an error when it loads, never silently skipped. From it come
//!
//! - a [`RecordType`]: what one record may hold, as a tree of particles that CSV and JSON can be held to as well
//!   as XML ([`Schema::record_type`]);
//! - a [`Checker`]: single values and single record elements against that type;
//! - [`Schema::validate_document`]: whole documents, in bounded memory.
//!
//! No error of this crate quotes a value from a document it checks: positions, names and facets of the schema and
//! lengths only,
//! unless a caller who may see the data asks for the beginning of values.
//!
//! # Where the letter of XSD 1.0 is not followed
//! - A union that is the member of a union keeps its own facets, as in XSD 1.1; by the letter its members take its place, and
//!   what its facets exclude would pass (part 1 §3.14.2).
//! - What an empty element has by default is held against the type that an `xsi:type` names as it is written, and not in its
//!   canonical form (part 1 §3.3.4, clause 5.1.1).
//! - `minLength` and `maxLength` may be added to a `length` that agrees with them (part 2 §4.3.1.4).
//! - `xs:NOTATION` may be a type by itself; no value is one of it (part 2 §3.2.19).
//! - Times of day are the same value when they are so on one day (part 2 §3.2.8).
//! - A restriction may name what stands for a head in any order, and one that need not come in the place of a head that
//!   need not (part 1 §3.9.6).
//! - Names are those of the fifth edition of XML 1.0, and patterns know the Unicode of today.
#![forbid(unsafe_code)]

mod base64;
pub mod checker;
mod circle;
mod compiled;
mod dialect;
pub mod digest;
pub mod document;
mod empty;
mod engine;
pub mod error;
mod expansion;
pub mod explain;
mod facts;
mod finals;
mod heads;
pub mod lines;
mod mixed;
mod nameless;
mod phases;
mod place;
pub mod record;
mod redefined;
mod refusal;
pub mod schema;
mod single;
mod sources;
mod text;
mod translate;
pub mod violation;
mod whereabouts;
mod wording;
mod written;

pub use checker::Checker;
pub use digest::SchemaDigest;
pub use document::{Telling, Validity};
pub use error::{DocumentError, SchemaError};
pub use explain::{ConstraintCost, ModelCost, PatternCost, SchemaCost};
pub use record::{
    Element, ElementContent, KeyConstraint, KeyKind, Particle, RecordType, SimpleType, TypeId, ValueKind,
    WhiteSpace,
};
pub use schema::{Schema, SchemaDocument};
pub use violation::{ValueViolation, Violation, Words};
pub use wording::{disturbs, rule, schema_text_ja};
