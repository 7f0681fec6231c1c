//! One route made effective.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sekisho_charset::{Encoding, Unmappable};
use sekisho_delivery::Plan;
use sekisho_edge::route::{
    BadRecords, Client, Doors, Format, Mode, Operation, ReceiptMember, RecordRules, RecordsAt, Reply, Route,
    RouteLimits,
};
use sekisho_journal::Digest;
use sekisho_records::{CsvReader, Layout, RecordKey};
use sekisho_xml::QName;

use super::{EffectiveUpstream, LoadedSchema};
use crate::config::mistake::Mistakes;
use crate::config::raw::{
    BadRecordsPolicy, Door, OperationSection, PayloadFormat, RecordsPlace, ReplyMember, RouteMode,
    RouteSection,
};

/// What routes refer to by name.
pub(super) struct Parts<'p> {
    pub(super) schemas: &'p BTreeMap<String, LoadedSchema>,
    pub(super) clients: &'p BTreeMap<String, Arc<Client>>,
    pub(super) upstreams: &'p BTreeMap<String, EffectiveUpstream>,
}

/// A route, and its delivery plan where it has one.
pub(super) struct Built {
    pub(super) route: Route,
    pub(super) plan: Option<String>,
}

/// Bytes of a relayed message where the route sets no limit: it is held in memory.
const RELAY_BODY_BYTES: u64 = 1024 * 1024;
/// The most that a relay route may set.
const RELAY_BODY_BYTES_MOST: u64 = 16 * 1024 * 1024;

/// One route's mistakes under one name.
struct Notes<'n> {
    route: &'n str,
    mistakes: &'n mut Mistakes,
}

impl Notes<'_> {
    fn add(&mut self, key: &str, problem: impl std::fmt::Display) {
        self.mistakes.add(format!("route {:?}: {key}", self.route), problem);
    }
}

pub(super) fn build(section: &RouteSection, parts: &Parts<'_>, mistakes: &mut Mistakes) -> Option<Built> {
    let mut notes = Notes { route: &section.name, mistakes };
    let notes = &mut notes;
    path(section, notes);
    let clients = clients(section, parts, notes);
    let doors = doors(section, notes);
    let limits = limits(section, notes);
    let operations = operations(&section.operation, notes);
    let upstream = parts.upstreams.get(&section.upstream);
    if upstream.is_none() {
        notes.add("upstream", format!("there is no upstream {:?} (or it has mistakes)", section.upstream));
    }
    let schema = parts.schemas.get(&section.schema);
    if schema.is_none() {
        notes.add("schema", format!("there is no schema {:?} (or it has mistakes)", section.schema));
    }
    let (schema, upstream) = (schema?, upstream?);
    let formats = formats(section, &schema.layout, notes);
    let records = record_rules(section, schema, &formats, notes)?;
    let (mode, plan) = match section.mode {
        RouteMode::StoreAndForward => store_and_forward(section, schema, notes)?,
        RouteMode::Relay => (relay(section, upstream, notes)?, None),
    };
    let route = Route {
        name: section.name.clone(),
        path: section.path.clone(),
        clients,
        doors,
        formats,
        operations,
        records,
        mode,
        limits,
        upstream: section.upstream.clone(),
    };
    Some(Built { route, plan })
}

fn path(section: &RouteSection, notes: &mut Notes<'_>) {
    let path = &section.path;
    let good = path.starts_with('/')
        && path.len() > 1
        && !path.ends_with('/')
        && !path.contains("//")
        && path.split('/').all(|step| step != "." && step != "..")
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b));
    if !good {
        notes.add(
            "path",
            "must be like \"/attributes\": steps of letters, digits, `-`, `_`, `.`, `~`, no slash at the end",
        );
    }
    if path.starts_with("/.refused") {
        notes.add("path", "\"/.refused\" is the gateway's own");
    }
}

fn clients(section: &RouteSection, parts: &Parts<'_>, notes: &mut Notes<'_>) -> Vec<Arc<Client>> {
    if section.clients.is_empty() {
        notes.add("clients", "at least one client is needed: a route that nobody may use permits nothing");
    }
    let mut found = Vec::new();
    for name in &section.clients {
        match parts.clients.get(name) {
            Some(client) => found.push(Arc::clone(client)),
            None => notes.add("clients", format!("there is no client {name:?}")),
        }
    }
    found
}

fn doors(section: &RouteSection, notes: &mut Notes<'_>) -> Doors {
    let has = |door| section.doors.contains(&door);
    if section.doors.is_empty() {
        notes.add("doors", "at least one of \"swa\", \"soap\", \"rest\" is needed");
    }
    if section.mode == RouteMode::Relay && has(Door::Rest) {
        notes.add("doors", "a relay route passes SOAP messages as they come: \"swa\" and \"soap\" only");
    }
    Doors { swa: has(Door::Swa), soap: has(Door::Soap), rest: has(Door::Rest) }
}

fn formats(section: &RouteSection, layout: &Layout, notes: &mut Notes<'_>) -> Vec<Format> {
    let allowed = |format: &Format| *format != Format::Csv || layout.is_flat();
    match &section.formats {
        None => Format::ALL.into_iter().filter(allowed).collect(),
        Some(listed) => {
            if listed.is_empty() {
                notes.add("formats", "at least one of \"csv\", \"json\", \"ndjson\", \"xml\" is needed");
            }
            let formats: Vec<_> = listed
                .iter()
                .map(|format| match format {
                    PayloadFormat::Csv => Format::Csv,
                    PayloadFormat::Json => Format::Json,
                    PayloadFormat::Ndjson => Format::Ndjson,
                    PayloadFormat::Xml => Format::Xml,
                })
                .collect();
            if formats.iter().any(|format| !allowed(format)) {
                notes.add("formats", "\"csv\": a record of this schema is nested, and not one line of CSV");
            }
            formats
        }
    }
}

fn record_rules(
    section: &RouteSection,
    schema: &LoadedSchema,
    formats: &[Format],
    notes: &mut Notes<'_>,
) -> Option<RecordRules> {
    let charset = Encoding::from_label(&section.charset);
    if charset.is_none() {
        notes.add("charset", "must be UTF-8, UTF-16 or Windows-31J");
    }
    if formats.contains(&Format::Csv)
        && let Err(error) = CsvReader::new(std::io::empty(), &schema.layout, &section.csv)
    {
        notes.add("csv", error);
    }
    Some(RecordRules {
        schema: schema.schema.clone(),
        layout: Arc::clone(&schema.layout),
        csv: section.csv.clone(),
        charset: charset?,
        unmappable: section.replace_unmappable.map_or(Unmappable::Refuse, Unmappable::Replace),
        key: key(section, schema, notes)?,
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
            notes.add("schema", "it has several keys over the record; one can be held over a batch");
            return None;
        }
    };
    let fields = match &section.key {
        Some(fields) if !from_schema.is_empty() && *fields != from_schema => {
            let schema_key = from_schema.join(", ");
            notes.add(
                "key",
                format!("the schema has a key of its own ({schema_key}), which holds at every door"),
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
            notes.add("key", error);
            None
        }
    }
}

fn store_and_forward(
    section: &RouteSection,
    schema: &LoadedSchema,
    notes: &mut Notes<'_>,
) -> Option<(Mode, Option<String>)> {
    if section.target.is_some() {
        notes.add("target", "is for relay routes; a store-and-forward route's dialect says where to");
    }
    let Some(dialect) = &section.dialect else {
        notes.add("dialect", "is missing: [route.dialect] with kind = \"soap\", \"swa\", \"rest\", \"bulk2\", \"collections\" or \"partner-soap\"");
        return None;
    };
    let plan = Plan {
        route: section.name.clone(),
        upstream: section.upstream.clone(),
        layout: schema.layout.names(),
        mapping: section.mapping.clone(),
        dialect: dialect.clone(),
        pace: section.pace,
        retry: section.retry,
        idempotent: section.idempotent,
        no_split: section.no_split,
    };
    if let Err(error) = plan.check() {
        notes.add("dialect, mapping, pace or retry", error);
        return None;
    }
    let text = plan.to_json().map_err(|error| notes.add("dialect", error)).ok()?;
    let mapping =
        serde_json::to_string(&section.mapping).map_err(|error| notes.add("mapping", error)).ok()?;
    let mode =
        Mode::StoreAndForward { plan: Digest::of(text.as_bytes()), mapping: Digest::of(mapping.as_bytes()) };
    Some((mode, Some(text)))
}

fn relay(section: &RouteSection, upstream: &EffectiveUpstream, notes: &mut Notes<'_>) -> Option<Mode> {
    if section.dialect.is_some() {
        notes.add("dialect", "a relay route passes messages as they come and has none");
    }
    let target = section.target.clone().unwrap_or_else(|| section.path.clone());
    if !target.starts_with('/') || upstream.upstream.endpoint().target(&target).is_none() {
        notes.add("target", "must be a path at the upstream, such as \"/services/intake\"");
        return None;
    }
    Some(Mode::Relay {
        upstream: Arc::new(upstream.upstream.clone()),
        target,
        deadline: upstream.upstream.endpoint().request_timeout(),
    })
}

fn limits(section: &RouteSection, notes: &mut Notes<'_>) -> RouteLimits {
    let raw = &section.limits;
    let relay = section.mode == RouteMode::Relay;
    let usual = if relay { RELAY_BODY_BYTES } else { RouteLimits::default().body_bytes };
    let limits = RouteLimits {
        body_bytes: raw.body_bytes.unwrap_or(usual),
        unpacked_bytes: raw.unpacked_bytes,
        unpack_ratio: raw.unpack_ratio,
        records: raw.records,
        record_bytes: raw.record_bytes,
        field_bytes: raw.field_bytes,
        errors_listed: raw.errors_listed,
        parts: raw.parts,
        depth: raw.depth,
        body_idle: Duration::from_millis(raw.body_idle_ms),
    };
    for (key, value, most) in [
        ("limits.body_bytes", limits.body_bytes, if relay { RELAY_BODY_BYTES_MOST } else { 1 << 40 }),
        ("limits.unpacked_bytes", limits.unpacked_bytes, 1 << 40),
        ("limits.unpack_ratio", u64::from(limits.unpack_ratio), 10_000),
        ("limits.records", limits.records, 1 << 32),
        ("limits.record_bytes", limits.record_bytes as u64, 16 << 20),
        ("limits.field_bytes", limits.field_bytes as u64, 16 << 20),
        ("limits.errors_listed", limits.errors_listed as u64, 10_000),
        ("limits.parts", limits.parts as u64, 1_000),
        ("limits.depth", limits.depth as u64, 1_000),
        ("limits.body_idle_ms", raw.body_idle_ms, 3_600_000),
    ] {
        if value == 0 || value > most {
            notes.add(key, format!("must be between 1 and {most}"));
        }
    }
    limits
}

fn operations(sections: &[OperationSection], notes: &mut Notes<'_>) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    for section in sections {
        let Ok(body) = section.body.parse::<QName>() else {
            notes.add("operation.body", "must be a name with its namespace: {namespace}name");
            continue;
        };
        if *body.namespace == *sekisho_soap::message::NAMESPACE {
            notes.add("operation.body", "is in the gateway's own namespace, which it answers itself");
        }
        if operations.iter().any(|other| other.body == body) {
            notes.add("operation.body", format!("there is another operation for {body}"));
        }
        let reply = section.reply.as_ref().and_then(|reply| match reply.element.parse::<QName>() {
            Ok(element) => Some(Reply {
                element,
                children: reply
                    .children
                    .iter()
                    .map(|(name, member)| {
                        let member = match member {
                            ReplyMember::Id => ReceiptMember::Id,
                            ReplyMember::Accepted => ReceiptMember::Accepted,
                            ReplyMember::SetAside => ReceiptMember::SetAside,
                            ReplyMember::PayloadDigest => ReceiptMember::PayloadDigest,
                        };
                        (name.clone(), member)
                    })
                    .collect(),
            }),
            Err(_) => {
                notes.add("operation.reply.element", "must be a name with its namespace: {namespace}name");
                None
            }
        });
        operations.push(Operation {
            body,
            action: section.action.clone(),
            records: match section.records {
                RecordsPlace::Anywhere => RecordsAt::Anywhere,
                RecordsPlace::BodyChildren => RecordsAt::BodyChildren,
            },
            reply,
        });
    }
    operations
}
