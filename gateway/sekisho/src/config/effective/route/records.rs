//! What the records of a route must be.

use std::sync::Arc;

use sekisho_charset::{Encoding, Unmappable};
use sekisho_edge::route::{BadRecords, Format, RecordRules};
use sekisho_records::{CsvReader, Layout, RecordKey};

use super::Notes;
use crate::config::effective::schemas::LoadedSchema;
use crate::config::raw::{BadRecordsPolicy, PayloadFormat, RouteSection};
use crate::config::words;
use crate::language::text;

/// The formats that a route takes; without its layout, all that are named.
pub(super) fn formats(section: &RouteSection, layout: Option<&Layout>, notes: &mut Notes<'_>) -> Vec<Format> {
    let allowed = |format: Format| format != Format::Csv || layout.is_none_or(Layout::is_flat);
    let Some(listed) = &section.formats else {
        return Format::ALL.into_iter().filter(|format| allowed(*format)).collect();
    };
    if listed.is_empty() {
        notes.add(
            "formats",
            text!(
                "at least one of \"csv\", \"json\", \"ndjson\", \"xml\" is needed",
                "\"csv\"、\"json\"、\"ndjson\"、\"xml\"のうち1つ以上が必要です"
            ),
        );
    }
    let mut formats = Vec::new();
    for (item, listed) in listed.iter().enumerate() {
        let format = match listed {
            PayloadFormat::Csv => Format::Csv,
            PayloadFormat::Json => Format::Json,
            PayloadFormat::Ndjson => Format::Ndjson,
            PayloadFormat::Xml => Format::Xml,
        };
        if !allowed(format) {
            let path = notes.path.key("formats").item(item);
            notes.mistakes.add(
                &path,
                text!(
                    "\"csv\": a record of this schema is nested, and not one line of CSV",
                    "\"csv\"：このスキーマのレコードは入れ子で、CSVの1行にできません"
                ),
            );
        }
        formats.push(format);
    }
    formats
}

/// Schema, charset and CSV options, and the key of what leaves, as far as they go together.
pub(super) fn rules(
    section: &RouteSection,
    schema: &LoadedSchema,
    leaving: &LoadedSchema,
    formats: &[Format],
    notes: &mut Notes<'_>,
) -> Option<RecordRules> {
    let charset = Encoding::from_label(&section.charset);
    if charset.is_none() {
        notes.add(
            "charset",
            text!(
                "must be UTF-8, UTF-16 or Windows-31J",
                "UTF-8、UTF-16、Windows-31Jのいずれかにしてください"
            ),
        );
    }
    if formats.contains(&Format::Csv)
        && schema.layout.is_flat()
        && let Err(error) = CsvReader::new(std::io::empty(), &schema.layout, &section.csv)
    {
        let (key, problem) = words::csv(&error);
        notes.add(key, problem);
    }
    let key = key(section, leaving, notes);
    Some(RecordRules {
        schema: schema.schema.clone(),
        layout: Arc::clone(&schema.layout),
        usual_shapes: Arc::default(),
        csv: section.csv.clone(),
        charset: charset?,
        unmappable: section.replace_unmappable.map_or(Unmappable::Refuse, Unmappable::Replace),
        key: key?,
        bad_records: match section.bad_records {
            BadRecordsPolicy::Refuse => BadRecords::Refuse,
            BadRecordsPolicy::SetAside => BadRecords::SetAside,
        },
    })
}

/// The key: the route's, or the schema's. `None` outside when it is wrong, inside when there is none.
fn key(section: &RouteSection, schema: &LoadedSchema, notes: &mut Notes<'_>) -> Option<Option<RecordKey>> {
    let from_schema: Vec<String> = match schema.record.keys.as_slice() {
        [] => Vec::new(),
        [key] => key.fields.iter().map(|field| field.local.to_string()).collect(),
        _ => {
            notes.add(
                "schema",
                text!(
                    "it has several keys over the record; one can be held over a batch",
                    "スキーマのレコードにキーが複数あります。バッチ全体で守れるのは1つだけです"
                ),
            );
            return None;
        }
    };
    let fields = match &section.key {
        Some(fields) if !from_schema.is_empty() && *fields != from_schema => {
            let schema_key = from_schema.join(", ");
            notes.add(
                "key",
                text!(
                    "the schema has a key of its own ({schema_key}), which holds at every door",
                    "スキーマ自身にキー（{schema_key}）があり、すべての受付口で使われます"
                ),
            );
            return None;
        }
        Some(fields) => fields.clone(),
        None => from_schema,
    };
    if fields.is_empty() {
        return Some(None);
    }
    let names: Vec<&str> = fields.iter().map(String::as_str).collect();
    match RecordKey::compile(&schema.layout, &names) {
        Ok(key) => Some(Some(key)),
        Err(error) => {
            notes.add("key", words::layout(&error));
            None
        }
    }
}
