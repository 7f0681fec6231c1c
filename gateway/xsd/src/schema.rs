//! A schema, loaded from disk.

use std::path::Path;
use std::sync::Arc;

use sekisho_xml::QName;

use crate::digest::SchemaDigest;
use crate::error::SchemaError;
use crate::record::RecordType;

/// A compiled schema. Cheap to clone; shared by every route that names it.
#[derive(Clone, Debug)]
pub struct Schema {
    _inner: Arc<()>,
}

/// One document that a schema is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDocument {
    /// Its path below the schema's own folder, `/` between the steps.
    pub name: String,
    /// Its digest, alone.
    pub digest: SchemaDigest,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Schema {
    /// Reads and compiles the schema at `path` and every document it includes, imports or redefines, from disk only.
    pub fn load(_path: &Path, _pin: Option<&SchemaDigest>) -> Result<Schema, SchemaError> {
        todo!()
    }

    /// The digest over all documents of the schema.
    pub fn digest(&self) -> SchemaDigest {
        todo!()
    }

    /// The documents that the schema is made of, by name.
    pub fn documents(&self) -> &[SchemaDocument] {
        todo!()
    }

    /// The type of the record element `record`: a global element, or one declared inside a global one.
    pub fn record_type(&self, _record: &QName) -> Result<RecordType, SchemaError> {
        todo!()
    }

    /// Whether the schema declares a global element of this name.
    pub fn element_exists(&self, _name: &QName) -> bool {
        todo!()
    }
}
