//! Layouts, canonical records, record streams and mappings to rows.
//!
//! A [`Layout`] is compiled from a schema's record type; every door reads its payload into [`Record`]s of that
//! layout ([`CsvReader`], [`JsonReader`], [`XmlRecords`], all [`RecordSource`]s), one [`RecordChecker`] gives the
//! verdict, and what lies in the spool is a record's one canonical form ([`Record::canonical`]). On the way out a
//! [`Mapper`] turns canonical records into rows, and [`mod@write`] turns rows into the bytes a cloud takes.
//!
//! What absent, nil, empty, numbers, booleans and white space mean at each door is one table: see [`values`].
#![forbid(unsafe_code)]

pub mod canonical;
pub mod check;
pub mod key;
pub mod layout;
pub mod mapping;
pub mod read;
pub mod record;
pub mod violations;
pub mod write;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

/// What a value means at each door.
#[doc = include_str!("../VALUES.md")]
pub mod values {}

pub use canonical::{CanonicalError, CanonicalRecord, Item, Picked, Wanted};
pub use check::{RecordChecker, UsualShapes};
pub use key::RecordKey;
pub use layout::{Field, FieldContent, FieldId, Layout, LayoutError, LayoutNames, NamedField};
pub use mapping::{Cell, ColumnSpec, Mapper, MappingError, MappingSpec, RowBuf, RowError, WithoutInstance};
pub use read::csv::{CsvOptions, CsvOptionsError, CsvReader, EmptyCells, EmptyLines, Header};
pub use read::json::{JsonForm, JsonLimits, JsonReader};
pub use read::xml::{XmlOptions, XmlRecords};
pub use read::{Awaited, Expected, Next, ReadError, ReadErrorKind, RecordSource};
pub use record::{Place, Record, Value};
pub use violations::{Fault, JsonKind, Violation, Violations};
