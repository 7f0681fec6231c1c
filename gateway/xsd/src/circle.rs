//! Types that are defined by themselves: which they are, and where.

use std::collections::HashMap;

use xsd_schema::parser::SourceRef;
use xsd_schema::{NameId, SchemaError, SchemaSet, TypeKey};

/// The most names of a circle that are told.
const MAX_NAMES: usize = 8;

/// The first circle of definitions, in the order of the documents (part 1 §3.4.6 clause 3, §3.14.6 clause 2). Meant for
/// a set whose references are resolved.
pub(crate) fn find(set: &SchemaSet) -> Option<SchemaError> {
    let simple = set.arenas.simple_types.iter().map(|(key, _)| TypeKey::Simple(key));
    let complex = set.arenas.complex_types.iter().map(|(key, _)| TypeKey::Complex(key));
    let mut types: Vec<TypeKey> = simple.chain(complex).collect();
    types.sort_by_key(|&ty| source(set, ty).map(|source| (source.doc_id, source.span.start)));
    // Whether a type is on the way that is being followed; if not, it has been looked at.
    let mut open: HashMap<TypeKey, bool> = HashMap::new();
    for root in types {
        if open.contains_key(&root) {
            continue;
        }
        open.insert(root, true);
        let mut way = vec![(root, parts(set, root))];
        while let Some((ty, ahead)) = way.last_mut() {
            let Some(to) = ahead.pop() else {
                open.insert(*ty, false);
                way.pop();
                continue;
            };
            match open.get(&to) {
                Some(true) => {
                    let circle = way.iter().map(|&(behind, _)| behind).skip_while(|&behind| behind != to);
                    return Some(told(set, &circle.collect::<Vec<_>>()));
                }
                Some(false) => {}
                None => {
                    open.insert(to, true);
                    way.push((to, parts(set, to)));
                }
            }
        }
    }
    None
}

/// What a type is defined by, the first one last; nothing for a built-in one, which is written nowhere.
fn parts(set: &SchemaSet, ty: TypeKey) -> Vec<TypeKey> {
    if source(set, ty).is_none() {
        return Vec::new();
    }
    match ty {
        TypeKey::Complex(key) => set.arenas.complex_types[key].resolved_base_type.into_iter().collect(),
        TypeKey::Simple(key) => {
            let ty = &set.arenas.simple_types[key];
            let one = ty.resolved_base_type.into_iter().chain(ty.resolved_item_type);
            let mut all: Vec<_> = one.chain(ty.resolved_member_types.iter().copied()).collect();
            all.reverse();
            all
        }
    }
}

fn told(set: &SchemaSet, circle: &[TypeKey]) -> SchemaError {
    let rule = match circle.iter().any(|ty| matches!(ty, TypeKey::Complex(_))) {
        true => "ct-props-correct.3",
        false => "st-props-correct.2",
    };
    let mut names: Vec<&str> =
        circle.iter().filter_map(|&ty| Some(set.name_table.resolve_ref(name(set, ty)?))).collect();
    // A type can be referred to only by its name: a circle has one.
    let first = names.first().copied().unwrap_or_default();
    let long = names.len() > MAX_NAMES;
    names.truncate(MAX_NAMES);
    names.push(if long { "..." } else { first });
    let message = format!(
        "the type {first} is defined by itself ({}): let it come from another type",
        names.join(" -> ")
    );
    let named = circle.iter().copied().find(|&ty| name(set, ty).is_some());
    SchemaError::structural(rule, message, set.locate(named.and_then(|ty| source(set, ty))))
}

fn name(set: &SchemaSet, ty: TypeKey) -> Option<NameId> {
    match ty {
        TypeKey::Simple(key) => set.arenas.simple_types[key].name,
        TypeKey::Complex(key) => set.arenas.complex_types[key].name,
    }
}

fn source(set: &SchemaSet, ty: TypeKey) -> Option<&SourceRef> {
    match ty {
        TypeKey::Simple(key) => set.arenas.simple_types[key].source.as_ref(),
        TypeKey::Complex(key) => set.arenas.complex_types[key].source.as_ref(),
    }
}
