//! Simple types: each definition handed on to `datatypes`.

use std::collections::HashMap;

use sekisho_datatypes::{Builtin, EnumValue, Facets, TypeId, WhiteSpace};
use xsd_schema::namespace::context::NamespaceContextSnapshot;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::SimpleTypeVariety;
use xsd_schema::types::facets::{FacetSet, WhitespaceMode};
use xsd_schema::{SimpleTypeKey, TypeKey};

use super::{Build, BuildError, definition};
use crate::engine::grammar::{Content, Type, Ways};

impl Build<'_> {
    /// The type's number among the values' types; `None` when what it refers to does not exist.
    pub(super) fn simple_type(&mut self, key: SimpleTypeKey) -> Result<Option<TypeId>, BuildError> {
        if let Some(&known) = self.simple_ids.get(&key) {
            return Ok(known);
        }
        // A definition that is met again inside itself is the compiler's to refuse.
        self.simple_ids.insert(key, None);
        let defined = self.define(key)?;
        self.simple_ids.insert(key, defined);
        Ok(defined)
    }

    fn define(&mut self, key: SimpleTypeKey) -> Result<Option<TypeId>, BuildError> {
        let set = self.set;
        let ty = &set.arenas.simple_types[key];
        let name = ty.name.map(|name| set.name_table.resolve(name));
        if set.builtin_types().is_builtin(key) {
            if let Some(builtin) = name.as_deref().and_then(Builtin::from_local_name) {
                return Ok(Some(self.simple.builtin(builtin)));
            }
            if ty.variety != SimpleTypeVariety::List {
                return Ok(None);
            }
        }
        let source = ty.source.as_ref();
        let failed = |error| definition(&error, source);
        if ty.base_type.is_none() && ty.variety == SimpleTypeVariety::Union {
            let mut members = Vec::new();
            for member in &ty.resolved_member_types {
                let TypeKey::Simple(member) = *member else { return Ok(None) };
                let Some(member) = self.simple_type(member)? else { return Ok(None) };
                members.push(member);
            }
            return self.simple.union(name, members).map(Some).map_err(failed);
        }
        if ty.base_type.is_none() && ty.variety == SimpleTypeVariety::List {
            let Some(TypeKey::Simple(item)) = ty.resolved_item_type else { return Ok(None) };
            let Some(item) = self.simple_type(item)? else { return Ok(None) };
            return self.simple.list(name, item).map(Some).map_err(failed);
        }
        if ty.base_type.is_none() && source.is_some() {
            return Err(no_base(source, "src-simple-type"));
        }
        let base = match ty.resolved_base_type {
            Some(TypeKey::Simple(base)) if base != key => {
                self.may_be_restricted(base, source)?;
                self.simple_type(base)?
            }
            _ => Some(Builtin::AnySimpleType.id()),
        };
        let Some(base) = base else { return Ok(None) };
        let facets = self.facets(&ty.facets);
        self.simple.restrict(base, name, facets).map(Some).map_err(failed)
    }

    /// Part 1 §3.14.6, Simple Type Definition Properties Correct, clause 3: the compiler asks it of atomic types only.
    fn may_be_restricted(&self, base: SimpleTypeKey, source: Option<&SourceRef>) -> Result<(), BuildError> {
        let base = &self.set.arenas.simple_types[base];
        if !base.final_derivation.contains_restriction() {
            return Ok(());
        }
        let name = base.name.map(|name| self.set.name_table.resolve(name)).unwrap_or_default();
        let message = format!("the type {name} is final for restriction: derive from another type");
        Err(BuildError::new(source.cloned(), "st-props-correct.3", message))
    }

    /// The facets of one step.
    pub(super) fn facets(&self, facets: &FacetSet) -> Facets {
        let enumeration = facets.enumeration.as_ref().map(|list| {
            // A value that stands there twice has the bindings of the first.
            let mut contexts: HashMap<&str, &NamespaceContextSnapshot> = HashMap::new();
            for (value, bindings) in &list.qname_contexts {
                contexts.entry(value).or_insert(bindings);
            }
            let mut values: Vec<EnumValue> = list
                .values
                .iter()
                .map(|text| {
                    let context = contexts.get(text.as_str());
                    let namespaces = context.map(|bindings| self.bindings(bindings)).unwrap_or_default();
                    EnumValue { text: text.clone(), namespaces }
                })
                .collect();
            // They come out of a hash set; the order decides nothing, but it is to be the same always.
            values.sort_by(|a, b| a.text.cmp(&b.text));
            values
        });
        Facets {
            length: facets.length.as_ref().map(|facet| facet.value),
            min_length: facets.min_length.as_ref().map(|facet| facet.value),
            max_length: facets.max_length.as_ref().map(|facet| facet.value),
            patterns: facets.patterns.iter().flatten().map(|pattern| pattern.value.clone()).collect(),
            enumeration,
            white_space: facets.whitespace.as_ref().map(|facet| white_space(facet.value)),
            min_inclusive: facets.min_inclusive.as_ref().map(|facet| facet.value.clone()),
            max_inclusive: facets.max_inclusive.as_ref().map(|facet| facet.value.clone()),
            min_exclusive: facets.min_exclusive.as_ref().map(|facet| facet.value.clone()),
            max_exclusive: facets.max_exclusive.as_ref().map(|facet| facet.value.clone()),
            total_digits: facets.total_digits.as_ref().map(|facet| u64::from(facet.value)),
            fraction_digits: facets.fraction_digits.as_ref().map(|facet| u64::from(facet.value)),
        }
    }

    pub(super) fn bindings(&self, context: &NamespaceContextSnapshot) -> Vec<(String, String)> {
        let table = &self.set.name_table;
        let default = context.default_ns.map(|uri| (String::new(), table.resolve(uri)));
        let bound = context.bindings.iter().map(|&(prefix, uri)| (table.resolve(prefix), table.resolve(uri)));
        default.into_iter().chain(bound).collect()
    }

    /// The type as derivations and elements see it.
    pub(super) fn simple_definition(&self, key: SimpleTypeKey) -> Type {
        let set = self.set;
        let ty = &set.arenas.simple_types[key];
        let any = set.builtin_types().any_simple_type;
        // Of the built-in types the compiler does not write down what they come from.
        let name = ty.name.filter(|_| set.builtin_types().is_builtin(key));
        let builtin = name.and_then(|name| Builtin::from_local_name(set.name_table.resolve_ref(name)));
        let above = builtin.and_then(|builtin| self.builtin_key(builtin.base().local_name()));
        let base = match above.map(TypeKey::Simple).or(ty.resolved_base_type) {
            _ if key == any => TypeKey::Complex(set.any_type_key()),
            Some(base) if base != TypeKey::Simple(key) => base,
            _ => TypeKey::Simple(any),
        };
        let constructed = ty.base_type.is_none() && !set.builtin_types().is_builtin(key);
        let way = match ty.variety {
            SimpleTypeVariety::List if constructed => Ways::LIST,
            SimpleTypeVariety::Union if constructed => Ways::UNION,
            _ => Ways::RESTRICTION,
        };
        let open = ty.variety == SimpleTypeVariety::Union && ty.facets.is_empty();
        let members = ty.resolved_member_types.iter().filter(|_| open);
        let content = self.simple_ids[&key].map_or(Content::Empty, Content::Simple);
        Type {
            base: self.type_index.get(&base).copied(),
            way,
            block: Ways::default(),
            is_abstract: false,
            content,
            attributes: None,
            members: members.filter_map(|member| self.type_index.get(member).copied()).collect(),
        }
    }

    pub(super) fn builtin_key(&self, local: &str) -> Option<SimpleTypeKey> {
        let name = self.set.name_table.get(local)?;
        self.set.builtin_types().get_by_local_name(name)
    }
}

/// A restriction of nothing (part 1 §3.14.3 clause 2, and §3.4.2, where `base` is required): the compiler takes it.
pub(super) fn no_base(source: Option<&SourceRef>, rule: &'static str) -> BuildError {
    let message = "a restriction names its base type, or has it inside: give it a base";
    BuildError::new(source.cloned(), rule, message)
}

fn white_space(mode: WhitespaceMode) -> WhiteSpace {
    match mode {
        WhitespaceMode::Preserve => WhiteSpace::Preserve,
        WhitespaceMode::Replace => WhiteSpace::Replace,
        WhitespaceMode::Collapse => WhiteSpace::Collapse,
    }
}
