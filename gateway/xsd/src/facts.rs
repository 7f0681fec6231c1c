//! What is known of a simple type beside how its values are checked.

use xsd_schema::parser::frames::SimpleTypeVariety;
use xsd_schema::types::BuiltinTypes;
use xsd_schema::types::facets::{FacetSet, WhitespaceMode};
use xsd_schema::{SchemaSet, SimpleTypeKey, TypeKey};

use crate::compiled::Compiled;
use crate::record::{ValueKind, WhiteSpace};

/// How deep type derivation is followed; the compiler refuses deeper chains.
const MAX_DERIVATION: usize = 256;

/// A simple type in our own words.
#[derive(Clone, Debug)]
pub(crate) struct TypeFacts {
    /// The type's own name, `xs:` before a built-in one; `None` for a nameless type.
    pub(crate) name: Option<String>,
    /// The built-in type it comes from, for messages: `xs:date`; `a list`, `a union`.
    pub(crate) family: String,
    pub(crate) white_space: WhiteSpace,
    pub(crate) kind: ValueKind,
    pub(crate) max_length: Option<u64>,
    /// Its values depend on more than their text (QName, NOTATION, ID, IDREF, ENTITY): which one.
    pub(crate) contextual: Option<&'static str>,
}

pub(crate) fn facts(compiled: &Compiled, key: SimpleTypeKey) -> TypeFacts {
    let set = &compiled.set;
    let chain = derivation(set, key);
    let mut facets = FacetSet::new();
    for &step in &chain {
        facets.inherit_from(&set.arenas.simple_types[step].facets);
    }
    let builtins = set.builtin_types();
    let builtin = chain.iter().copied().find(|&step| builtins.is_builtin(step));
    let variety = set.arenas.simple_types[key].variety;
    let family = match (variety, builtin) {
        (SimpleTypeVariety::List, _) => "a list".to_owned(),
        (SimpleTypeVariety::Union, _) => "a union".to_owned(),
        (SimpleTypeVariety::Atomic, Some(builtin)) => builtin_name(set, builtin),
        (SimpleTypeVariety::Atomic, None) => "xs:anySimpleType".to_owned(),
    };
    TypeFacts {
        name: type_name(set, key),
        family,
        white_space: white_space(set, key, 0),
        kind: kind(set, key),
        max_length: max_length(&facets, variety, key, set),
        contextual: contextual(set, key, 0),
    }
}

/// The type and all that it is derived from, itself first.
fn derivation(set: &SchemaSet, key: SimpleTypeKey) -> Vec<SimpleTypeKey> {
    let mut chain = vec![key];
    let mut at = key;
    while let Some(TypeKey::Simple(base)) = set.arenas.simple_types[at].resolved_base_type {
        if chain.len() == MAX_DERIVATION || base == at {
            break;
        }
        chain.push(base);
        at = base;
    }
    chain
}

fn type_name(set: &SchemaSet, key: SimpleTypeKey) -> Option<String> {
    if set.builtin_types().is_builtin(key) {
        return Some(builtin_name(set, key));
    }
    set.arenas.simple_types[key].name.map(|name| set.name_table.resolve(name))
}

fn builtin_name(set: &SchemaSet, key: SimpleTypeKey) -> String {
    let name = set.arenas.simple_types[key].name.map(|name| set.name_table.resolve(name));
    format!("xs:{}", name.unwrap_or_default())
}

fn white_space(set: &SchemaSet, key: SimpleTypeKey, depth: usize) -> WhiteSpace {
    let ty = &set.arenas.simple_types[key];
    match ty.variety {
        SimpleTypeVariety::List => WhiteSpace::Collapse,
        // Part 2 §4.3.6: a union's value is normalised as the member type that takes it says. Where all members
        // agree that is known beforehand; otherwise the value goes to them as it is.
        SimpleTypeVariety::Union if depth < MAX_DERIVATION => {
            let mut members = ty.resolved_member_types.iter().filter_map(|member| member.as_simple());
            let Some(first) = members.next().map(|member| white_space(set, member, depth + 1)) else {
                return match ty.resolved_base_type.and_then(|base| base.as_simple()) {
                    Some(base) if base != key => white_space(set, base, depth + 1),
                    _ => WhiteSpace::Preserve,
                };
            };
            if members.all(|member| white_space(set, member, depth + 1) == first) {
                first
            } else {
                WhiteSpace::Preserve
            }
        }
        SimpleTypeVariety::Union => WhiteSpace::Preserve,
        SimpleTypeVariety::Atomic => {
            let chain = derivation(set, key);
            let facet =
                chain.iter().find_map(|&step| set.arenas.simple_types[step].facets.whitespace.as_ref());
            let builtins = set.builtin_types();
            match facet.map(|facet| facet.value) {
                Some(WhitespaceMode::Preserve) => WhiteSpace::Preserve,
                Some(WhitespaceMode::Replace) => WhiteSpace::Replace,
                Some(WhitespaceMode::Collapse) => WhiteSpace::Collapse,
                None if key == builtins.any_simple_type || chain.contains(&builtins.string) => {
                    WhiteSpace::Preserve
                }
                None => WhiteSpace::Collapse,
            }
        }
    }
}

fn kind(set: &SchemaSet, key: SimpleTypeKey) -> ValueKind {
    let builtins = set.builtin_types();
    let is = |base| set.derives_from(key, base);
    match set.arenas.simple_types[key].variety {
        SimpleTypeVariety::List => ValueKind::List,
        SimpleTypeVariety::Union => ValueKind::Text,
        SimpleTypeVariety::Atomic if is(builtins.boolean) => ValueKind::Boolean,
        SimpleTypeVariety::Atomic if is(builtins.decimal) || is(builtins.float) || is(builtins.double) => {
            ValueKind::Number
        }
        SimpleTypeVariety::Atomic => ValueKind::Text,
    }
}

fn contextual(set: &SchemaSet, key: SimpleTypeKey, depth: usize) -> Option<&'static str> {
    let builtins: &BuiltinTypes = set.builtin_types();
    let ty = &set.arenas.simple_types[key];
    let families = [
        (builtins.qname, "xs:QName"),
        (builtins.notation, "xs:NOTATION"),
        (builtins.id, "xs:ID"),
        (builtins.idref, "xs:IDREF"),
        (builtins.idrefs, "xs:IDREFS"),
        (builtins.entity, "xs:ENTITY"),
        (builtins.entities, "xs:ENTITIES"),
    ];
    if let Some((_, name)) = families.iter().find(|(family, _)| set.derives_from(key, *family)) {
        return Some(name);
    }
    if depth == MAX_DERIVATION {
        return None;
    }
    let item = ty.resolved_item_type.iter();
    item.chain(&ty.resolved_member_types)
        .filter_map(|part| part.as_simple())
        .find_map(|part| contextual(set, part, depth + 1))
}

/// The bound that facets put on a value's length: characters, items of a list. Numbers may have any number of
/// leading zeros, and binary types count octets: no bound from their facets.
fn max_length(
    facets: &FacetSet,
    variety: SimpleTypeVariety,
    key: SimpleTypeKey,
    set: &SchemaSet,
) -> Option<u64> {
    let builtins = set.builtin_types();
    let counted = match variety {
        SimpleTypeVariety::List => true,
        SimpleTypeVariety::Union => false,
        SimpleTypeVariety::Atomic => {
            set.derives_from(key, builtins.string) || set.derives_from(key, builtins.any_uri)
        }
    };
    if !counted {
        return None;
    }
    let bound = facets
        .length
        .as_ref()
        .map(|f| f.value)
        .into_iter()
        .chain(facets.max_length.as_ref().map(|f| f.value));
    let listed = facets
        .enumeration
        .as_ref()
        .filter(|_| variety == SimpleTypeVariety::Atomic)
        .and_then(|list| list.values.iter().map(|value| value.chars().count() as u64).max());
    bound.chain(listed).min()
}
