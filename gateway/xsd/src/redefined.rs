//! What is redefined twice (part 1 §4.2.2, §3.15.6).
//!
//! A redefinition may be redefined in turn. Two of one original are two definitions of one name, of which the compiler
//! takes the one that it reads last.

use std::collections::{HashMap, HashSet};

use xsd_schema::parser::SourceRef;
use xsd_schema::{DocumentId, NameId, SchemaError, SchemaSet};

/// Types have one space of names, groups and attribute groups one each.
type Name = (u8, Option<NameId>, NameId);

struct Redefinition<'s> {
    document: DocumentId,
    /// The document that it redefines.
    of: DocumentId,
    source: Option<&'s SourceRef>,
}

/// Refuses documents that redefine one definition twice. Meant for a set of which nothing is resolved yet.
pub(crate) fn refuse_twice(set: &SchemaSet) -> Result<(), SchemaError> {
    let mut known: HashMap<Name, Vec<Redefinition<'_>>> = HashMap::new();
    let mut reached = Reached { set, from: HashMap::new() };
    for (document, id) in set.documents.iter().zip(0..) {
        for directive in &document.redefines {
            let Some(of) = directive.resolved_doc_id else { continue };
            let arenas = &set.arenas;
            let simple = directive.simple_types.iter().map(|&key| &arenas.simple_types[key]);
            let simple = simple.map(|ty| (0, ty.target_namespace, ty.name, ty.source.as_ref()));
            let complex = directive.complex_types.iter().map(|&key| &arenas.complex_types[key]);
            let complex = complex.map(|ty| (0, ty.target_namespace, ty.name, ty.source.as_ref()));
            let groups = directive.groups.iter().map(|&key| &arenas.model_groups[key]);
            let groups = groups.map(|group| (1, group.target_namespace, group.name, group.source.as_ref()));
            let attributes = directive.attribute_groups.iter().map(|&key| &arenas.attribute_groups[key]);
            let attributes =
                attributes.map(|group| (2, group.target_namespace, group.name, group.source.as_ref()));
            for (kind, namespace, local, source) in simple.chain(complex).chain(groups).chain(attributes) {
                let Some(local) = local else { continue };
                let others = known.entry((kind, namespace, local)).or_default();
                let own = Redefinition { document: id, of, source };
                if let Some(first) = others.iter().find(|other| !reached.in_turn(other, &own)) {
                    let name = set.name_table.resolve_ref(local);
                    let first = set.locate(first.source).map(|at| at.to_string()).unwrap_or_default();
                    let message = format!(
                        "{name} is redefined twice, first at {first}: redefine it in one document only"
                    );
                    return Err(SchemaError::structural(
                        "sch-props-correct.2",
                        message,
                        set.locate(own.source),
                    ));
                }
                others.push(own);
            }
        }
    }
    Ok(())
}

/// The documents that one is made of, by document.
struct Reached<'s> {
    set: &'s SchemaSet,
    from: HashMap<DocumentId, HashSet<DocumentId>>,
}

impl Reached<'_> {
    /// Whether one of the two redefines what the other has made.
    fn in_turn(&mut self, a: &Redefinition<'_>, b: &Redefinition<'_>) -> bool {
        self.has(a.of, b.document) || self.has(b.of, a.document)
    }

    fn has(&mut self, from: DocumentId, to: DocumentId) -> bool {
        let set = self.set;
        let found = self.from.entry(from).or_insert_with(|| {
            let mut found = HashSet::from([from]);
            let mut waiting = vec![from];
            while let Some(at) = waiting.pop() {
                let Some(document) = set.documents.get(at as usize) else { continue };
                let redefined = document.redefines.iter().filter_map(|directive| directive.resolved_doc_id);
                let included = document.includes.iter().filter_map(|directive| directive.resolved_doc_id);
                waiting.extend(redefined.chain(included).filter(|&next| found.insert(next)));
            }
            found
        });
        found.contains(&to)
    }
}
