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
pub mod schema;
mod single;
mod sources;
mod translate;
pub mod violation;
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
