//! Reading a configuration, section by section, so that one mistake does not hide the others.

use std::path::Path;

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::Mistakes;
use super::raw::{AdminSection, GatewaySection, LimitsSection, LogSection, Raw};

/// The sections that there are.
const SECTIONS: [&str; 9] =
    ["gateway", "limits", "admin", "log", "listener", "client", "schema", "upstream", "route"];

/// Reads a configuration. `None`, and at least one mistake, when it cannot be taken as a whole.
pub(crate) fn read(text: &str, mistakes: &mut Mistakes) -> Option<Raw> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = error.span().map(|span| line_of(text, span.start));
        mistakes.add_at(line, "", error.message());
    }
    if !errors.is_empty() {
        return None;
    }
    let mut sections = Sections { text, table: document.into_inner(), mistakes };
    sections.unknown();
    let gateway: Option<GatewaySection> = sections.one("gateway");
    if gateway.is_none() && !sections.seen("gateway") {
        sections.mistakes.add("gateway", "the section is missing: [gateway] with at least the key state");
    }
    let limits: LimitsSection = sections.one("limits").unwrap_or_default();
    let admin: AdminSection = sections.one("admin").unwrap_or_default();
    let log: LogSection = sections.one("log").unwrap_or_default();
    let (listener, client, schema) =
        (sections.many("listener"), sections.many("client"), sections.many("schema"));
    let (upstream, route) = (sections.many("upstream"), sections.many("route"));
    if !mistakes.is_empty() {
        return None;
    }
    Some(Raw { gateway: gateway?, limits, admin, log, listener, client, schema, upstream, route })
}

/// Reads the file at `path`.
pub(crate) fn file(path: &Path, mistakes: &mut Mistakes) -> Option<Raw> {
    match std::fs::read_to_string(path) {
        Ok(text) => read(&text, mistakes),
        Err(error) => {
            mistakes.add("", format!("the file cannot be read: {error}"));
            None
        }
    }
}

struct Sections<'t, 'm> {
    text: &'t str,
    table: DeTable<'t>,
    mistakes: &'m mut Mistakes,
}

impl<'t> Sections<'t, '_> {
    fn seen(&self, name: &str) -> bool {
        self.table.iter().any(|(key, _)| key.get_ref() == name)
    }

    fn unknown(&mut self) {
        for (key, _) in &self.table {
            if !SECTIONS.contains(&key.get_ref().as_ref()) {
                let line = Some(line_of(self.text, key.span().start));
                let allowed = SECTIONS.join(", ");
                self.mistakes.add_at(
                    line,
                    key.get_ref().as_ref(),
                    format!("unknown section; there are: {allowed}"),
                );
            }
        }
    }

    fn take(&self, name: &str) -> Option<Spanned<DeValue<'t>>> {
        self.table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value.clone())
    }

    fn one<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.take(name)?;
        self.decode(name, value)
    }

    fn many<T: DeserializeOwned>(&mut self, name: &str) -> Vec<T> {
        let Some(value) = self.take(name) else { return Vec::new() };
        let line = Some(line_of(self.text, value.span().start));
        let DeValue::Array(items) = value.into_inner() else {
            self.mistakes.add_at(line, name, format!("must be written as [[{name}]], once for each"));
            return Vec::new();
        };
        let mut list = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let name = named(name, index, item.get_ref());
            list.extend(self.decode(&name, item.clone()));
        }
        list
    }

    fn decode<T: DeserializeOwned>(&mut self, name: &str, value: Spanned<DeValue<'t>>) -> Option<T> {
        let start = value.span().start;
        match T::deserialize(value.into_deserializer()) {
            Ok(section) => Some(section),
            Err(error) => {
                let at = error.span().map_or(start, |span| span.start);
                self.mistakes.add_at(Some(line_of(self.text, at)), name, error.message());
                None
            }
        }
    }
}

/// `route "attributes"`, or `route 2` where it has no name.
fn named(section: &str, index: usize, value: &DeValue<'_>) -> String {
    let name = value.get("name").and_then(|name| name.get_ref().as_str().map(str::to_owned));
    name.map_or_else(|| format!("{section} {}", index + 1), |name| format!("{section} {name:?}"))
}

fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|b| **b == b'\n').count() + 1
}
