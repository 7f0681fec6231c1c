//! Schemas, loaded and held against their pins.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sekisho_records::Layout;
use sekisho_xml::QName;
use sekisho_xsd::{RecordType, Schema, SchemaDigest, SchemaError};

use super::names;
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::SchemaSection;
use crate::config::words;
use crate::language::{Text, text};

/// A schema with its record type.
pub(super) struct LoadedSchema {
    pub(super) schema: Schema,
    pub(super) record: RecordType,
    pub(super) layout: Arc<Layout>,
}

/// A name that is none.
pub(super) fn qualified_name() -> Text {
    Text::new(
        "must be a name with its namespace: {namespace}name",
        "名前空間付きの名前を、{名前空間}名前 の形で書いてください",
    )
}

/// Loads every schema that has no mistakes.
pub(super) fn load(
    sections: &[SchemaSection],
    folder: &Path,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, LoadedSchema> {
    names::unique(mistakes, "schema", sections.iter().map(|schema| schema.name.as_str()));
    let mut loaded = BTreeMap::new();
    for (index, section) in sections.iter().enumerate() {
        if let Some(schema) = load_one(section, folder, &KeyPath::item_of("schema", index), mistakes) {
            loaded.insert(section.name.clone(), schema);
        }
    }
    loaded
}

fn load_one(
    section: &SchemaSection,
    folder: &Path,
    path: &KeyPath,
    mistakes: &mut Mistakes,
) -> Option<LoadedSchema> {
    let file = folder.join(&section.file);
    let pin = section.digest.as_ref().map(|digest| digest.parse::<SchemaDigest>());
    if let Some(Err(_)) = &pin {
        mistakes.add(
            &path.key("digest"),
            text!(
                "must be sha256: and 64 hexadecimal digits, as `sekisho pin` prints it",
                "「sha256:」と16進数64桁を、`sekisho pin` の出力どおりに書いてください"
            ),
        );
    }
    let record: Option<QName> = section.record.parse().ok();
    if record.is_none() {
        mistakes.add(&path.key("record"), qualified_name());
    }
    // A placeholder stands where the file's name was wrong: there is nothing to be found there.
    if mistakes.is_told(&path.key("file")) {
        return None;
    }
    let schema = match Schema::load(&file, pin.as_ref().and_then(|pin| pin.as_ref().ok())) {
        Ok(schema) => schema,
        Err(error) => {
            let key = if matches!(error, SchemaError::Pin { .. }) { "digest" } else { "file" };
            mistakes.add(&path.key(key), words::schema(&error));
            return None;
        }
    };
    if pin.is_none() {
        let digest = schema.digest();
        mistakes.add(
            &path.key("digest"),
            text!(
                "is missing; a schema is pinned: digest = \"{digest}\"",
                "がありません。スキーマは固定します：digest = \"{digest}\""
            ),
        );
    }
    let told = mistakes.is_told(&path.key("record"));
    let record = schema.record_type(&record.filter(|_| !told)?);
    let record = record.map_err(|error| mistakes.add(&path.key("record"), words::schema(&error))).ok()?;
    let layout = Layout::compile(&record);
    let layout = layout.map_err(|error| mistakes.add(&path.key("record"), words::layout(&error))).ok()?;
    Some(LoadedSchema { schema, record, layout: Arc::new(layout) })
}
