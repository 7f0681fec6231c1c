//! One route made effective.

mod duplicates;
mod limits;
mod operations;
mod plan;
mod policy;
mod records;
pub(crate) mod wsdl;

use std::collections::BTreeMap;
use std::sync::Arc;

use sekisho_edge::route::{Client, Doors, Mode, Route};
use sekisho_scan::Scanner;

use super::schemas::LoadedSchema;
use super::{EffectiveScanner, EffectiveUpstream, names};
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{Door, Raw, RouteMode, RouteSection};
use crate::language::{Text, text};

/// What routes refer to by name.
pub(super) struct Parts<'p> {
    pub(super) raw: &'p Raw,
    pub(super) schemas: &'p BTreeMap<String, LoadedSchema>,
    pub(super) clients: &'p BTreeMap<String, Arc<Client>>,
    pub(super) upstreams: &'p BTreeMap<String, EffectiveUpstream>,
    pub(super) scanners: &'p BTreeMap<String, EffectiveScanner>,
}

/// A route, and its delivery plan where it has one.
pub(super) struct Built {
    pub(super) route: Route,
    pub(super) plan: Option<String>,
}

/// One route's mistakes, by its keys.
struct Notes<'n> {
    path: KeyPath,
    mistakes: &'n mut Mistakes,
}

impl Notes<'_> {
    fn add(&mut self, key: &str, problem: Text) {
        self.mistakes.add(&self.path.dotted(key), problem);
    }

    fn is_told(&self, key: &str) -> bool {
        self.mistakes.is_told(&self.path.dotted(key))
    }
}

/// Builds the route as far as what it refers to is there.
pub(super) fn build(
    index: usize,
    section: &RouteSection,
    parts: &Parts<'_>,
    mistakes: &mut Mistakes,
) -> Option<Built> {
    let mut notes = Notes { path: KeyPath::item_of("route", index), mistakes };
    let notes = &mut notes;
    path(section, notes);
    let clients = clients(section, parts, notes);
    let doors = doors(section, notes);
    let limits = limits::of(section, &parts.raw.limits, notes);
    let (schema, upstream) = references(section, parts, notes);
    let operations = operations::of(&section.operation, schema.map(|schema| schema.layout.element()), notes);
    plan::numbers(section, notes);
    let formats = records::formats(section, schema.map(|schema| &*schema.layout), notes);
    purpose(section, notes);
    // From here on, what is sent is what leaves.
    let policy::Leaving { policy, schema: leaving } = policy::of(section, schema, parts, notes);
    let records = schema.and_then(|schema| records::rules(section, schema, leaving?, &formats, notes));
    let has_key = records.as_ref().map(|records| records.key.is_some());
    let scan = scan(section, parts, notes);
    let duplicates = duplicates::of(section, &parts.raw.gateway, has_key, notes);
    let mode = match section.mode {
        RouteMode::StoreAndForward => plan::store_and_forward(section, leaving, upstream, notes),
        RouteMode::Relay => plan::relay(section, leaving, upstream, notes),
    };
    let (mode, plan): (Mode, Option<String>) = mode?;
    let route = Route {
        name: section.name.clone(),
        path: section.path.clone(),
        clients,
        doors,
        formats,
        operations,
        records: records?,
        policy,
        scan,
        purpose: section.purpose.clone(),
        mode,
        duplicates,
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
            text!(
                "must be like \"/attributes\": steps of letters, digits, `-`, `_`, `.`, `~`, no slash at the end",
                "\"/attributes\"のように書いてください。使えるのは英数字と「-」「_」「.」「~」で、末尾に「/」は付けません"
            ),
        );
    }
    if path.starts_with("/.refused") {
        notes.add(
            "path",
            text!("\"/.refused\" is the gateway's own", "\"/.refused\"はゲートウェイ自身が使います"),
        );
    }
}

fn purpose(section: &RouteSection, notes: &mut Notes<'_>) {
    if section.purpose.as_ref().is_some_and(|purpose| !names::is_good(purpose)) {
        notes.add("purpose", names::syntax());
    }
}

fn clients(section: &RouteSection, parts: &Parts<'_>, notes: &mut Notes<'_>) -> Vec<Arc<Client>> {
    if section.clients.is_empty() {
        notes.add(
            "clients",
            text!(
                "at least one client is needed: a route that nobody may use permits nothing",
                "clientが1つ以上必要です。誰も使えない特定通信は、何も通しません"
            ),
        );
    }
    let known: Vec<&str> = parts.raw.client.iter().map(|client| client.name.as_str()).collect();
    let mut found = Vec::new();
    for (item, name) in section.clients.iter().enumerate() {
        match parts.clients.get(name) {
            Some(client) => found.push(Arc::clone(client)),
            None => {
                let path = notes.path.key("clients").item(item);
                names::unknown(notes.mistakes, &path, "client", name, &known);
            }
        }
    }
    found
}

/// Schema and upstream; what is there but has mistakes of its own is not told again.
fn references<'p>(
    section: &RouteSection,
    parts: &Parts<'p>,
    notes: &mut Notes<'_>,
) -> (Option<&'p LoadedSchema>, Option<&'p EffectiveUpstream>) {
    let schemas: Vec<&str> = parts.raw.schema.iter().map(|schema| schema.name.as_str()).collect();
    let upstreams: Vec<&str> = parts.raw.upstream.iter().map(|upstream| upstream.name.as_str()).collect();
    for (key, name, known) in
        [("schema", &section.schema, &schemas), ("upstream", &section.upstream, &upstreams)]
    {
        if !known.contains(&name.as_str()) {
            let path = notes.path.key(key);
            names::unknown(notes.mistakes, &path, key, name, known);
        }
    }
    (parts.schemas.get(&section.schema), parts.upstreams.get(&section.upstream))
}

/// The scanner of what passes; one that is there but has mistakes of its own is not told again.
fn scan(section: &RouteSection, parts: &Parts<'_>, notes: &mut Notes<'_>) -> Option<Scanner> {
    let name = &section.scan.as_ref()?.scanner;
    let known: Vec<&str> = parts.raw.scanner.iter().map(|scanner| scanner.name.as_str()).collect();
    if known.is_empty() {
        notes.add("scan.scanner", text!("there is no [[scanner]]", "[[scanner]]がありません"));
    } else if !known.contains(&name.as_str()) {
        let path = notes.path.dotted("scan.scanner");
        names::unknown(notes.mistakes, &path, "scanner", name, &known);
    }
    parts.scanners.get(name).map(|one| one.scanner.clone())
}

fn doors(section: &RouteSection, notes: &mut Notes<'_>) -> Doors {
    let has = |door| section.doors.contains(&door);
    if section.doors.is_empty() {
        notes.add(
            "doors",
            text!(
                "at least one of \"swa\", \"soap\", \"rest\" is needed",
                "\"swa\"、\"soap\"、\"rest\"のうち1つ以上が必要です"
            ),
        );
    }
    if section.mode == RouteMode::Relay && has(Door::Rest) {
        notes.add(
            "doors",
            text!(
                "a relay route passes SOAP messages as they come: \"swa\" and \"soap\" only",
                "中継（relay）の特定通信はSOAPメッセージをそのまま渡すので、\"swa\"と\"soap\"だけが使えます"
            ),
        );
    }
    Doors { swa: has(Door::Swa), soap: has(Door::Soap), rest: has(Door::Rest) }
}
