//! Where the record element is declared, and below which elements.

use std::collections::HashMap;

use sekisho_xml::QName;
use xsd_schema::parser::SourceRef;
use xsd_schema::{ComplexTypeKey, ElementKey, SchemaSet, TypeKey};

use super::Translation;
use super::model::{Declared, MAX_DEPTH, Node, Term, content};
use crate::error::SchemaError;

/// The most elements looked at: a schema that has more ways to its record is not read further.
const MAX_VISITS: usize = 100_000;

/// A record element, with every way to it.
pub(super) struct Found {
    pub(super) declared: Declared,
    /// The elements above it, outermost first; empty for the global element itself.
    pub(super) ways: Vec<Vec<Declared>>,
}

pub(super) fn find(translation: &Translation<'_>, record: &QName) -> Result<Found, SchemaError> {
    let set = translation.set;
    let fault = |at: Option<&SourceRef>, problem: &str| translation.no_record(at, record, problem);
    let mut search = Search::new(set, record);
    for (&namespace, table) in &set.namespaces {
        for (&local, &key) in &table.elements {
            let names = |id| set.name_table.resolve_ref(id);
            let name = QName::new(namespace.map_or("", names), names(local));
            let source = set.arenas.elements[key].source.clone();
            search.element(&Declared { name, key, source });
        }
    }
    if search.visits > MAX_VISITS {
        let at = search.hits.first().and_then(|(_, declared)| declared.source.as_ref());
        return Err(fault(
            at,
            "lies in a schema with more than 100,000 ways to elements: name it globally, or simplify the schema",
        ));
    }
    let mut hits = search.hits;
    // The tables above have no order: the same way first, always.
    hits.sort_by_key(|(way, _)| way.iter().map(|above| above.name.to_string()).collect::<Vec<_>>());
    let Some((_, declared)) = hits.first().cloned() else {
        return Err(fault(None, "is not declared in the schema"));
    };
    let meaning = |key: ElementKey| {
        let data = &set.arenas.elements[key];
        (data.resolved_type, data.nillable, &data.default_value, &data.fixed_value)
    };
    if let Some((_, other)) = hits.iter().find(|(_, other)| meaning(other.key) != meaning(declared.key)) {
        let place = |at: &Declared| translation.schema.place(set.locate(at.source.as_ref()).as_ref());
        let problem = format!(
            "is declared more than once with different types, here and at {}: use different names",
            place(&declared)
        );
        return Err(fault(other.source.as_ref(), &problem));
    }
    Ok(Found { declared, ways: hits.into_iter().map(|(way, _)| way).collect() })
}

struct Search<'s> {
    set: &'s SchemaSet,
    record: &'s QName,
    members: HashMap<ElementKey, Vec<ElementKey>>,
    way: Vec<Declared>,
    types: Vec<ComplexTypeKey>,
    hits: Vec<(Vec<Declared>, Declared)>,
    visits: usize,
}

impl<'s> Search<'s> {
    fn new(set: &'s SchemaSet, record: &'s QName) -> Self {
        let mut members: HashMap<_, Vec<_>> = HashMap::new();
        for (key, data) in set.arenas.elements.iter() {
            for &head in &data.resolved_substitution_groups {
                members.entry(head).or_default().push(key);
            }
        }
        Self { set, record, members, way: Vec::new(), types: Vec::new(), hits: Vec::new(), visits: 0 }
    }

    fn element(&mut self, declared: &Declared) {
        self.visits += 1;
        if self.visits > MAX_VISITS || self.way.len() > MAX_DEPTH {
            return;
        }
        if declared.name == *self.record {
            self.hits.push((self.way.clone(), declared.clone()));
            return;
        }
        let Some(TypeKey::Complex(key)) = self.set.arenas.elements[declared.key].resolved_type else {
            return;
        };
        if key == self.set.any_type_key() || self.types.contains(&key) {
            return;
        }
        self.types.push(key);
        self.way.push(declared.clone());
        for node in content(self.set, key) {
            self.node(&node);
        }
        self.way.pop();
        self.types.pop();
    }

    fn node(&mut self, node: &Node) {
        if node.occurs.1 == Some(0) {
            return;
        }
        match &node.term {
            Term::Element(declared) => {
                self.element(declared);
                for member in self.members.get(&declared.key).cloned().unwrap_or_default() {
                    let data = &self.set.arenas.elements[member];
                    let names = |id| self.set.name_table.resolve_ref(id);
                    let name =
                        QName::new(data.target_namespace.map_or("", names), data.name.map_or("", names));
                    let source = data.source.clone();
                    self.element(&Declared { name, key: member, source });
                }
            }
            Term::Group(_, nodes) => nodes.iter().for_each(|node| self.node(node)),
            Term::Wildcard | Term::Unresolved(_) => {}
        }
    }
}
