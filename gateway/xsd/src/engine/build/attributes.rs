//! The attributes of complex types (part 1 §3.4.2 `{attribute uses}`, `{attribute wildcard}`).

use std::collections::{HashMap, HashSet};

use sekisho_datatypes::{Builtin, TypeId};
use xsd_schema::arenas::ResolvedAttributeUse;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{
    AttributeUseKind, AttributeUseResult, ComplexContentResult, DerivationMethod, WildcardResult,
};
use xsd_schema::{AttributeGroupKey, AttributeKey, ComplexTypeKey, DocumentId, NameId as TheirName, TypeKey};

use super::types::MAX_DERIVATION;
use super::{Build, BuildError};
use crate::engine::grammar::{
    Attribute, AttributeId, AttributeUse, Attributes, Namespaces, Process, ValueConstraint, Wildcard,
};
use crate::engine::names::NameId;

impl Build<'_> {
    pub(super) fn attributes(&mut self, key: ComplexTypeKey) -> Result<Attributes, BuildError> {
        let mut uses = Vec::new();
        let any = self.attribute_wildcard(key, 0);
        let idle = self.collect_uses(key, &mut uses)?;
        let by_wildcard =
            |name| any.as_ref().is_some_and(|any| any.namespaces.allow(self.names.namespace_of(name)));
        uses.extend(idle.into_iter().filter(|using| !by_wildcard(using.attribute.name)));
        uses.sort_by_key(|using: &AttributeUse| using.attribute.name);
        Ok(Attributes { uses, any, absent_matters: false, has_id: false })
    }

    /// The type's own uses, its groups', and those of its base that a restriction leaves standing.
    ///
    /// What is prohibited is nothing at all (part 1 §3.2.2). But where it has a fixed value and forbids nothing that there
    /// would be without it, it may stand with that value: so the W3C's suite reads XSD 1.0 (attP031). Such ones are what
    /// is returned; a wildcard may still take what they name.
    fn collect_uses(
        &mut self,
        key: ComplexTypeKey,
        out: &mut Vec<AttributeUse>,
    ) -> Result<Vec<AttributeUse>, BuildError> {
        let any_type = self.set.any_type_key();
        let mut taken = Taken::default();
        let mut at = key;
        for level in 0..MAX_DERIVATION {
            if at == any_type {
                break;
            }
            let ty = &self.set.arenas.complex_types[at];
            (taken.level, taken.extends) = (level, ty.derivation_method == Some(DerivationMethod::Extension));
            taken.adding = at == key && taken.extends;
            let mut prohibited = Vec::new();
            for (index, using) in ty.attributes.iter().enumerate() {
                let resolved = ty.resolved_attributes.get(index);
                let Some(attribute) = self.attribute_use(using, resolved, ty.target_namespace) else {
                    continue;
                };
                if using.use_kind == AttributeUseKind::Prohibited {
                    prohibited.push(attribute.name);
                    taken.set_aside(using, attribute);
                } else {
                    let required = using.use_kind == AttributeUseKind::Required;
                    let own = AttributeUse { attribute, required };
                    taken.take(own, Declaration::of(using, resolved), out);
                }
            }
            let mut visited = HashSet::new();
            for &group in &ty.resolved_attribute_groups {
                self.group_uses(group, &mut visited, &mut taken, out);
            }
            if ty.derivation_method != Some(DerivationMethod::Extension) {
                taken.prohibit(prohibited);
            }
            match ty.resolved_base_type {
                Some(TypeKey::Complex(base)) if base != at => at = base,
                _ => break,
            }
        }
        match taken.twice {
            Some(name) => {
                let local = self.names.local(name);
                let message = format!("the attribute {local} is in the base type already: leave it out here");
                let source = self.set.arenas.complex_types[key].source.clone();
                Err(BuildError::new(source, "ct-props-correct.4", message))
            }
            None => Ok(taken.idle()),
        }
    }

    fn group_uses(
        &mut self,
        key: AttributeGroupKey,
        visited: &mut HashSet<AttributeGroupKey>,
        taken: &mut Taken,
        out: &mut Vec<AttributeUse>,
    ) {
        if !visited.insert(key) {
            return;
        }
        let Some(group) = self.set.arenas.get_attribute_group(key) else { return };
        for (index, using) in group.attributes.iter().enumerate() {
            let resolved = group.resolved_attributes.get(index);
            let Some(attribute) = self.attribute_use(using, resolved, group.target_namespace) else {
                continue;
            };
            if using.use_kind == AttributeUseKind::Prohibited {
                taken.set_aside(using, attribute);
            } else {
                let required = using.use_kind == AttributeUseKind::Required;
                taken.take(AttributeUse { attribute, required }, Declaration::of(using, resolved), out);
            }
        }
        for &nested in &group.resolved_attribute_groups {
            self.group_uses(nested, visited, taken, out);
        }
    }

    fn attribute_use(
        &mut self,
        using: &AttributeUseResult,
        resolved: Option<&ResolvedAttributeUse>,
        fallback: Option<TheirName>,
    ) -> Option<Attribute> {
        let set = self.set;
        let own = &using.attribute;
        let key = resolved.and_then(|resolved| resolved.resolved_ref);
        let global = key.and_then(|key| set.arenas.attributes.get(key));
        let name = match (own.name, &own.ref_name) {
            (Some(name), None) => {
                let namespace = set.effective_local_attribute_namespace(
                    own.target_namespace,
                    own.form.as_deref(),
                    own.source.as_ref(),
                    fallback,
                );
                self.name(namespace, name)
            }
            _ => {
                let global = global?;
                self.name(global.target_namespace, global.name?)
            }
        };
        let ty =
            resolved.and_then(|resolved| resolved.resolved_type).or(global.and_then(|g| g.resolved_type));
        let global_fixed = global.and_then(|global| global.fixed_value.as_deref());
        let global_default = global.and_then(|global| global.default_value.as_deref());
        let global_source = global.and_then(|global| global.source.as_ref());
        let choices = [
            (own.fixed_value.as_deref(), true, own.source.as_ref()),
            (own.default_value.as_deref(), global_fixed.is_some(), own.source.as_ref()),
            (global_fixed, true, global_source),
            (global_default, false, global_source),
        ];
        let ty = self.attribute_type(ty);
        let value = choices.into_iter().find_map(|(text, fixed, source)| Some((text?, fixed, source)));
        let value = value.map(|(text, fixed, source)| self.value_constraint(text, fixed, source));
        Some(Attribute { name, ty, value })
    }

    fn attribute_type(&self, ty: Option<TypeKey>) -> TypeId {
        let known = match ty {
            Some(TypeKey::Simple(key)) => self.simple_ids.get(&key).copied().flatten(),
            _ => None,
        };
        known.unwrap_or(Builtin::AnySimpleType.id())
    }

    /// The global attributes, by name.
    pub(super) fn global_attributes(&mut self) -> HashMap<NameId, AttributeId> {
        let set = self.set;
        let mut keys: Vec<(Option<TheirName>, TheirName, AttributeKey)> = Vec::new();
        for (&namespace, table) in &set.namespaces {
            keys.extend(table.attributes.iter().map(|(&local, &key)| (namespace, local, key)));
        }
        let mut found = HashMap::new();
        for (namespace, local, key) in keys {
            let Some(data) = set.arenas.attributes.get(key) else { continue };
            let name = self.name(namespace, local);
            let ty = self.attribute_type(data.resolved_type);
            let fixed = data.fixed_value.as_deref();
            let text = fixed.or(data.default_value.as_deref());
            let value = text.map(|text| self.value_constraint(text, fixed.is_some(), data.source.as_ref()));
            self.attributes.push(Attribute { name, ty, value });
            found.insert(name, AttributeId(self.attributes.len() as u32 - 1));
        }
        found
    }

    pub(super) fn value_constraint(
        &self,
        text: &str,
        fixed: bool,
        source: Option<&xsd_schema::parser::SourceRef>,
    ) -> ValueConstraint {
        ValueConstraint { text: text.into(), fixed, namespaces: self.bindings_at(source, text), key: None }
    }

    /// The type's own wildcard with that of its base, where it extends it.
    fn attribute_wildcard(&mut self, key: ComplexTypeKey, depth: usize) -> Option<Wildcard> {
        if key == self.set.any_type_key() {
            return Some(Wildcard { namespaces: Namespaces::Any, process: Process::Lax });
        }
        let ty = &self.set.arenas.complex_types[key];
        let local = ty.attribute_wildcard.as_ref().or(match &ty.content {
            ComplexContentResult::Empty => None,
            ComplexContentResult::Simple(def) => def.attribute_wildcard.as_ref(),
            ComplexContentResult::Complex(def) => def.attribute_wildcard.as_ref(),
        });
        let own = self.complete_wildcard(local, ty.target_namespace, &ty.resolved_attribute_groups, 0);
        let (Some(DerivationMethod::Extension), Some(TypeKey::Complex(base))) =
            (ty.derivation_method, ty.resolved_base_type)
        else {
            return own;
        };
        let base = if depth < MAX_DERIVATION { self.attribute_wildcard(base, depth + 1) } else { None };
        match (own, base) {
            (Some(own), Some(base)) => {
                Some(Wildcard { namespaces: union(&own.namespaces, &base.namespaces), process: own.process })
            }
            (own, base) => own.or(base),
        }
    }

    /// What is written locally and in the groups, all together.
    fn complete_wildcard(
        &mut self,
        local: Option<&WildcardResult>,
        target: Option<TheirName>,
        groups: &[AttributeGroupKey],
        depth: usize,
    ) -> Option<Wildcard> {
        let mut all: Vec<Wildcard> =
            local.map(|wildcard| self.wildcard(wildcard, target)).into_iter().collect();
        for &group in groups {
            let Some(data) = self.set.arenas.get_attribute_group(group).filter(|_| depth < MAX_DERIVATION)
            else {
                continue;
            };
            let local = data.attribute_wildcard.as_ref();
            let nested = &data.resolved_attribute_groups;
            all.extend(self.complete_wildcard(local, data.target_namespace, nested, depth + 1));
        }
        // The first one says how its attributes are assessed.
        all.into_iter().reduce(|a, b| Wildcard {
            namespaces: intersection(&a.namespaces, &b.namespaces),
            process: a.process,
        })
    }
}

/// What tells attribute declarations apart, whatever their names.
#[derive(PartialEq, Eq)]
enum Declaration {
    Global(AttributeKey),
    Local(Option<(DocumentId, usize, usize)>),
}

impl Declaration {
    fn of(using: &AttributeUseResult, resolved: Option<&ResolvedAttributeUse>) -> Declaration {
        let place = |source: &SourceRef| (source.doc_id, source.span.start, source.span.end);
        match resolved.and_then(|resolved| resolved.resolved_ref) {
            Some(key) => Declaration::Global(key),
            None => Declaration::Local(using.attribute.source.as_ref().map(place)),
        }
    }
}

/// The names of which is known, from the type down to its bases, what they are.
#[derive(Default)]
struct Taken {
    names: HashSet<NameId>,
    /// How many bases down, and whether what is further down stays as it is.
    level: usize,
    extends: bool,
    /// Where uses are in the list that can come again, one declaration in two uses, and down to which level.
    again: HashMap<NameId, (usize, usize)>,
    /// What the type adds by extension, until it is met or prohibited below. The compiler looks no further than to the
    /// first restriction (part 1 §3.4.6, Complex Type Definition Properties Correct, clause 4).
    added: HashMap<NameId, Declaration>,
    adding: bool,
    /// A name that is there twice, of different declarations.
    twice: Option<NameId>,
    /// Prohibited attributes with a fixed value.
    fixed: Vec<Attribute>,
    /// Names of uses, those that are prohibited further down among them.
    used: HashSet<NameId>,
}

impl Taken {
    /// Two uses of one declaration are one that asks for what both ask for.
    fn take(&mut self, own: AttributeUse, declaration: Declaration, out: &mut Vec<AttributeUse>) {
        let name = own.attribute.name;
        if self.adding {
            self.added.insert(name, declaration);
        } else if self.added.remove(&name).is_some_and(|added| added != declaration) {
            self.twice = self.twice.or(Some(name));
        }
        self.used.insert(name);
        let down_to = if self.extends { usize::MAX } else { self.level };
        if self.names.insert(name) {
            self.again.insert(name, (out.len(), down_to));
            out.push(own);
        } else if let Some((at, end)) = self.again.get_mut(&name).filter(|(_, end)| self.level <= *end) {
            *end = down_to;
            let first = &mut out[*at];
            first.required |= own.required;
            let stronger = own.attribute.value.filter(|value| {
                first.attribute.value.as_ref().is_none_or(|first| value.fixed && !first.fixed)
            });
            first.attribute.value = stronger.or(first.attribute.value.take());
        }
    }

    fn set_aside(&mut self, using: &AttributeUseResult, attribute: Attribute) {
        self.fixed.extend(using.attribute.fixed_value.is_some().then_some(attribute));
    }

    /// What was set aside and names nothing that there is.
    fn idle(mut self) -> Vec<AttributeUse> {
        self.fixed.retain(|attribute| self.used.insert(attribute.name));
        self.fixed.into_iter().map(|attribute| AttributeUse { attribute, required: false }).collect()
    }

    fn prohibit(&mut self, names: Vec<NameId>) {
        for name in names {
            self.added.remove(&name);
            self.names.insert(name);
        }
    }
}

/// Part 1 §3.10.6, Attribute Wildcard Intersection.
fn intersection(a: &Namespaces, b: &Namespaces) -> Namespaces {
    match (a, b) {
        (Namespaces::Any, other) | (other, Namespaces::Any) => other.clone(),
        (Namespaces::Of(a), Namespaces::Of(b)) => {
            Namespaces::Of(a.iter().filter(|space| b.contains(space)).copied().collect())
        }
        (Namespaces::Of(of), Namespaces::Not(not)) | (Namespaces::Not(not), Namespaces::Of(of)) => {
            Namespaces::Of(of.iter().filter(|space| !not.contains(space)).copied().collect())
        }
        (Namespaces::Not(a), Namespaces::Not(b)) => {
            let mut both: Vec<_> = a.iter().chain(b).copied().collect();
            both.sort_unstable();
            both.dedup();
            Namespaces::Not(both)
        }
    }
}

/// Part 1 §3.10.6, Attribute Wildcard Union.
fn union(a: &Namespaces, b: &Namespaces) -> Namespaces {
    let not =
        |excluded: Vec<_>| if excluded.is_empty() { Namespaces::Any } else { Namespaces::Not(excluded) };
    match (a, b) {
        (Namespaces::Any, _) | (_, Namespaces::Any) => Namespaces::Any,
        (Namespaces::Of(a), Namespaces::Of(b)) => {
            let mut both: Vec<_> = a.iter().chain(b).copied().collect();
            both.sort_unstable();
            both.dedup();
            Namespaces::Of(both)
        }
        (Namespaces::Of(of), Namespaces::Not(excluded)) | (Namespaces::Not(excluded), Namespaces::Of(of)) => {
            not(excluded.iter().filter(|space| !of.contains(space)).copied().collect())
        }
        (Namespaces::Not(a), Namespaces::Not(b)) => {
            not(a.iter().filter(|space| b.contains(space)).copied().collect())
        }
    }
}
