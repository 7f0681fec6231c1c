//! What of a route's records may leave: rules held against the layouts, with the files that they name.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use sekisho_policy::{At, Ground, Place, Policy, PolicyError, PolicySpec, Problem};

use super::{Notes, Parts};
use crate::config::effective::names;
use crate::config::effective::schemas::LoadedSchema;
use crate::config::key_path::KeyPath;
use crate::config::raw::{self, RouteMode, RouteSection};
use crate::config::words;
use crate::language::{Text, text};

/// What leaves of a route's records.
pub(super) struct Leaving<'p> {
    /// What is demanded of it; nothing where the route has no policy.
    pub(super) policy: Option<Arc<Policy>>,
    /// The schema that it has: of what is sent, and of the key.
    pub(super) schema: Option<&'p LoadedSchema>,
}

/// Compiles the policy of a route, as far as what it refers to is there.
pub(super) fn of<'p>(
    section: &RouteSection,
    schema: Option<&'p LoadedSchema>,
    parts: &Parts<'p>,
    notes: &mut Notes<'_>,
) -> Leaving<'p> {
    let Some(spec) = &section.policy else { return Leaving { policy: None, schema } };
    let place = match parts.raw.gateway.place {
        raw::Place::Asp => Place::Asp,
        raw::Place::Municipality => Place::Municipality,
    };
    let outgoing = outgoing(spec, place, parts, notes);
    let folder = notes.mistakes.folder().to_owned();
    let mut secret = |key: &str, file: &Option<std::path::PathBuf>| match (file, place) {
        (Some(file), Place::Municipality) => self::secret(&folder.join(file), key, notes).map(Some),
        _ => Some(None),
    };
    let (table, key) = (secret("policy.names", &spec.names), secret("policy.key", &spec.key));
    // What is not there is told already, and everything would follow from it.
    let (Some(schema), Some(outgoing), Some(names), Some(key)) = (schema, outgoing, table, key) else {
        return Leaving { policy: None, schema: None };
    };
    let ground = Ground {
        place,
        schema: schema.schema.clone(),
        layout: Arc::clone(&schema.layout),
        outgoing: outgoing.map(|outgoing| (outgoing.schema.clone(), Arc::clone(&outgoing.layout))),
        names,
        key,
    };
    match Policy::compile(spec, &ground) {
        Ok(policy) => {
            if section.mode == RouteMode::Relay && policy.changes_records() {
                notes.add(
                    "policy",
                    text!(
                        "changes records, and a relayed message passes as it came: only rules that refuse go with mode = \"relay\"",
                        "レコードを変える規則があります。中継（relay）ではメッセージをそのまま渡すので、拒否する規則だけが使えます"
                    ),
                );
            }
            Leaving { policy: Some(Arc::new(policy)), schema: outgoing.or(Some(schema)) }
        }
        Err(errors) => {
            for error in &errors {
                let key = key_of(error, &notes.path);
                if !follows(error, &key, notes) {
                    notes.mistakes.add(&key, told(error));
                }
            }
            Leaving { policy: None, schema: outgoing.or(Some(schema)) }
        }
    }
}

/// The schema of what leaves; `None` outside when it is not there.
fn outgoing<'p>(
    spec: &PolicySpec,
    place: Place,
    parts: &Parts<'p>,
    notes: &mut Notes<'_>,
) -> Option<Option<&'p LoadedSchema>> {
    let Some(name) = spec.outgoing.as_ref().filter(|_| place == Place::Municipality) else {
        return Some(None);
    };
    let known: Vec<&str> = parts.raw.schema.iter().map(|schema| schema.name.as_str()).collect();
    if !known.contains(&name.as_str()) {
        names::unknown(notes.mistakes, &notes.path.dotted("policy.outgoing"), "schema", name, &known);
    }
    parts.schemas.get(name).map(Some)
}

/// The text of a file that nobody else may read.
fn secret(file: &Path, key: &str, notes: &mut Notes<'_>) -> Option<String> {
    let read = std::fs::metadata(file)
        .and_then(|found| Ok((found.permissions().mode() & 0o777, std::fs::read_to_string(file)?)));
    let (mode, text) = match read {
        Ok(read) => read,
        Err(error) => {
            notes.add(key, words::file(file, &error));
            return None;
        }
    };
    if mode & 0o007 != 0 {
        let shown = words::on_a_line(file);
        notes.add(
            key,
            text!(
                "{shown}: everybody on this machine may read or change it (mode {mode:03o}): take the rights of others away \
                 (chmod o=)",
                "{shown}：このマシンの誰でも読み書きできます（モード{mode:03o}）。他人の権限を外してください（chmod o=）"
            ),
        );
        return None;
    }
    Some(text)
}

/// Where a mistake of a policy stands.
fn key_of(error: &PolicyError, route: &KeyPath) -> KeyPath {
    let policy = route.key("policy");
    match &error.at {
        At::Policy(key) => policy.key(key),
        At::Role(role, item) => {
            let role = policy.key("roles").key(role.name());
            item.map_or_else(|| role.clone(), |item| role.item(item))
        }
        At::Rule(rule, key) => policy.key("rule").item(*rule).key(key),
        At::Item(rule, key, item) => policy.key("rule").item(*rule).key(key).item(*item),
    }
}

/// Whether a mistake follows from another one: a rule that lacks a demand because what stands there is wrong.
fn follows(error: &PolicyError, key: &KeyPath, notes: &Notes<'_>) -> bool {
    let demands = ["absent", "form", "pattern", "same", "never", "extreme_age", "pseudonym"];
    let rule = key.parent().unwrap_or_default();
    let is_told = |demand: &str| {
        let path = rule.key(demand);
        notes.mistakes.is_told(&path) || (0..32).any(|item| notes.mistakes.is_told(&path.item(item)))
    };
    matches!(error.problem, Problem::Demands { found: 0 }) && demands.into_iter().any(is_told)
}

fn told(error: &PolicyError) -> Text {
    Text::new(error.problem.to_string(), error.problem.message_ja())
}
