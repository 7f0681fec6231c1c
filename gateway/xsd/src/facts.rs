//! What is known of a simple type: its facets in words, so that errors need no value.

use xsd_schema::parser::frames::SimpleTypeVariety;
use xsd_schema::types::facets::{FacetSet, WhitespaceMode};
use xsd_schema::types::{BuiltinTypes, normalize_whitespace};
use xsd_schema::{SchemaSet, SimpleTypeKey, TypeKey};

use crate::compiled::Compiled;
use crate::record::{ValueKind, WhiteSpace};
use crate::wording::Words;

/// How deep type derivation is followed; the compiler refuses deeper chains.
const MAX_DERIVATION: usize = 256;
/// How much of a pattern is shown, in characters.
const MAX_SHOWN: usize = 80;

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
    bounds: Bounds,
}

#[derive(Clone, Debug, Default)]
struct Bounds {
    length: Option<u64>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    total_digits: Option<u32>,
    fraction_digits: Option<u32>,
    min_inclusive: Option<String>,
    max_inclusive: Option<String>,
    min_exclusive: Option<String>,
    max_exclusive: Option<String>,
    patterns: Vec<String>,
    enumerated: usize,
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
        bounds: bounds(&facets),
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

fn bounds(facets: &FacetSet) -> Bounds {
    let shown = |value: &str| normalize_whitespace(value, WhitespaceMode::Collapse).into_owned();
    Bounds {
        length: facets.length.as_ref().map(|f| f.value),
        min_length: facets.min_length.as_ref().map(|f| f.value),
        max_length: facets.max_length.as_ref().map(|f| f.value),
        total_digits: facets.total_digits.as_ref().map(|f| f.value),
        fraction_digits: facets.fraction_digits.as_ref().map(|f| f.value),
        min_inclusive: facets.min_inclusive.as_ref().map(|f| shown(&f.value)),
        max_inclusive: facets.max_inclusive.as_ref().map(|f| shown(&f.value)),
        min_exclusive: facets.min_exclusive.as_ref().map(|f| shown(&f.value)),
        max_exclusive: facets.max_exclusive.as_ref().map(|f| shown(&f.value)),
        patterns: facets.patterns.iter().flatten().map(|p| p.value.clone()).collect(),
        enumerated: facets.enumeration.as_ref().map_or(0, |list| list.values.len()),
    }
}

impl TypeFacts {
    /// What rule `code` demands of a value of this type, and how long the value found is: never the value.
    pub(crate) fn explain(&self, code: &str, value: &str) -> Words {
        let (found, found_ja) = match self.kind {
            ValueKind::List => {
                let items = value.split_ascii_whitespace().count();
                (format!("{items} items"), format!("{items}個"))
            }
            _ => {
                let characters = value.chars().count();
                (format!("{characters} characters"), format!("{characters}文字"))
            }
        };
        let b = &self.bounds;
        let (en, ja) = match code {
            "cvc-length-valid" => {
                let bound = or(b.length);
                (
                    format!("a length of exactly {} is required, found {found}", bound.0),
                    format!("長さは{}でなければなりません（{found_ja}あります）", bound.1),
                )
            }
            "cvc-minLength-valid" => {
                let bound = or(b.min_length);
                (
                    format!("a length of at least {} is required, found {found}", bound.0),
                    format!("長さは{}以上でなければなりません（{found_ja}あります）", bound.1),
                )
            }
            "cvc-maxLength-valid" => {
                let bound = or(b.max_length);
                (
                    format!("a length of at most {} is allowed, found {found}", bound.0),
                    format!("長さは{}以下でなければなりません（{found_ja}あります）", bound.1),
                )
            }
            "cvc-totalDigits-valid" => {
                let bound = or(b.total_digits);
                (format!("at most {} digits are allowed", bound.0), format!("数字は{}桁までです", bound.1))
            }
            "cvc-fractionDigits-valid" => {
                let bound = or(b.fraction_digits);
                (
                    format!("at most {} digits are allowed after the point", bound.0),
                    format!("小数点以下は{}桁までです", bound.1),
                )
            }
            "cvc-minInclusive-valid" => {
                let bound = or(b.min_inclusive.as_ref());
                (format!("the least value allowed is {}", bound.0), format!("値は{}以上です", bound.1))
            }
            "cvc-maxInclusive-valid" => {
                let bound = or(b.max_inclusive.as_ref());
                (format!("the greatest value allowed is {}", bound.0), format!("値は{}以下です", bound.1))
            }
            "cvc-minExclusive-valid" => {
                let bound = or(b.min_exclusive.as_ref());
                (
                    format!("the value must be more than {}", bound.0),
                    format!("値は{}より大きい値です", bound.1),
                )
            }
            "cvc-maxExclusive-valid" => {
                let bound = or(b.max_exclusive.as_ref());
                (
                    format!("the value must be less than {}", bound.0),
                    format!("値は{}より小さい値です", bound.1),
                )
            }
            "cvc-pattern-valid" => match b.patterns.as_slice() {
                [pattern] => {
                    let pattern = shown(pattern);
                    (
                        format!("the value does not match the pattern {pattern}, found {found}"),
                        format!("値がパターン{pattern}に合いません（{found_ja}あります）"),
                    )
                }
                _ => (
                    format!("the value does not match the pattern of its type, found {found}"),
                    format!("値が型のパターンに合いません（{found_ja}あります）"),
                ),
            },
            "cvc-enumeration-valid" => (
                format!("the value is none of the {} that are listed, found {found}", b.enumerated),
                format!("値が{}個の選択肢のどれでもありません（{found_ja}あります）", b.enumerated),
            ),
            _ if value.is_empty() => {
                ("an empty value is not allowed".to_owned(), "空の値は許されません".to_owned())
            }
            _ if self.kind == ValueKind::List => (
                format!("an item of the list is not valid, found {found}"),
                format!("リストの項目に正しくないものがあります（{found_ja}あります）"),
            ),
            _ => {
                let family = article(&self.family);
                (
                    format!("the value is not {}, found {found}", family.0),
                    format!("値が{}ではありません（{found_ja}あります）", family.1),
                )
            }
        };
        match self.name.as_ref().filter(|name| **name != self.family) {
            Some(name) => Words::new(format!("{en} (type {name})"), format!("{ja}（型 {name}）")),
            None => Words { en, ja },
        }
    }
}

fn or(bound: Option<impl ToString>) -> (String, String) {
    match bound {
        Some(bound) => (bound.to_string(), bound.to_string()),
        None => ("the type's bound".to_owned(), "型の限度".to_owned()),
    }
}

fn article(family: &str) -> (String, String) {
    match family {
        "a list" => ("a valid list".to_owned(), "正しいリスト".to_owned()),
        "a union" => ("a value of any member of the union".to_owned(), "共用体のいずれかの型の値".to_owned()),
        builtin => (format!("of type {builtin}"), format!("{builtin}型の値")),
    }
}

fn shown(pattern: &str) -> String {
    if pattern.chars().count() <= MAX_SHOWN {
        return pattern.to_owned();
    }
    pattern.chars().take(MAX_SHOWN).chain("…".chars()).collect()
}
