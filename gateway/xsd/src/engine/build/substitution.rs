//! Substitution groups: which elements may stand for which.

use std::collections::{HashMap, HashSet};

use xsd_schema::arenas::ElementDeclData;
use xsd_schema::parser::frames::DerivationMethod;
use xsd_schema::schema::model::DerivationSet;
use xsd_schema::{ElementKey, TypeKey};

use super::types::MAX_DERIVATION;
use super::{Build, BuildError};
use crate::violation::Words;

impl Build<'_> {
    /// For every head, the elements that may stand for it (part 1 §3.3.6, Substitution Group OK (Transitive)).
    pub(super) fn find_members(&mut self) -> Result<(), BuildError> {
        let set = self.set;
        let mut direct: HashMap<ElementKey, Vec<ElementKey>> = HashMap::new();
        // In the order of the documents, so that it is the same always.
        for &key in self.compiler.elements {
            let element = &set.arenas.elements[key];
            if element.resolved_substitution_groups.len() < element.substitution_group.len() {
                let name = element.name.map_or("", |name| set.name_table.resolve_ref(name));
                let message =
                    format!("the element that {name} stands for is not declared: mend the reference");
                return Err(BuildError::new(element.source.clone(), "src-resolve", message));
            }
            for &head in &set.arenas.elements[key].resolved_substitution_groups {
                self.check_affiliation(key, head)?;
                direct.entry(head).or_default().push(key);
            }
        }
        for &head in direct.keys() {
            let element = &set.arenas.elements[head];
            if element.block.contains_substitution() {
                continue;
            }
            let ty = element.resolved_type.unwrap_or(TypeKey::Complex(set.any_type_key()));
            let prohibited = match ty {
                TypeKey::Complex(key) => set.arenas.complex_types[key].block,
                TypeKey::Simple(_) => DerivationSet::empty(),
            };
            let mut stack: Vec<ElementKey> = direct[&head].iter().rev().copied().collect();
            let mut visited = HashSet::from([head]);
            let mut members = Vec::new();
            while let Some(key) = stack.pop() {
                if !visited.insert(key) {
                    continue;
                }
                let own = set.arenas.elements[key].resolved_type;
                let own = own.unwrap_or(TypeKey::Complex(set.any_type_key()));
                if self.may_stand(own, ty, element.block | prohibited) {
                    members.push(key);
                }
                stack.extend(direct.get(&key).into_iter().flatten().rev());
            }
            self.members.insert(head, members);
        }
        Ok(())
    }

    /// Clause 2.3 of it: no way of derivation from the head's type to the own one is blocked, by the head, its type or the
    /// types in between.
    fn may_stand(&self, own: TypeKey, head: TypeKey, mut blocked: DerivationSet) -> bool {
        let set = self.set;
        let mut used = DerivationSet::empty();
        let mut at = own;
        for _ in 0..MAX_DERIVATION {
            let TypeKey::Complex(key) = at else { break };
            if at == head || key == set.any_type_key() {
                break;
            }
            let ty = &set.arenas.complex_types[key];
            if at != own {
                blocked |= ty.block;
            }
            used |= match ty.derivation_method {
                Some(DerivationMethod::Extension) => DerivationSet::EXTENSION,
                _ => DerivationSet::RESTRICTION,
            };
            at = ty.resolved_base_type.unwrap_or(TypeKey::Complex(set.any_type_key()));
        }
        let mut without = blocked & (DerivationSet::EXTENSION | DerivationSet::RESTRICTION);
        if without.contains_restriction() {
            // Simple types come from simple types by restriction, whatever they are.
            without |= DerivationSet::LIST | DerivationSet::UNION;
        }
        // The member type of a union may stand for it, yet is derived from it in no way: there is nothing to block.
        (used & blocked).is_empty() && set.is_type_derived_from(at, head, without)
    }

    /// Element Declaration Properties Correct (part 1 §3.3.6), clause 4, as far as the compiler does not ask: where the
    /// head excludes restriction, a simple type is validly derived from none but itself (§3.14.6, Type Derivation OK
    /// (Simple), clause 2.1), a member of a union as little.
    fn check_affiliation(&self, key: ElementKey, head: ElementKey) -> Result<(), BuildError> {
        let set = self.set;
        let (element, head) = (&set.arenas.elements[key], &set.arenas.elements[head]);
        let (Some(mut at), Some(above @ TypeKey::Simple(_))) = (element.resolved_type, head.resolved_type)
        else {
            return Ok(());
        };
        for _ in 0..MAX_DERIVATION {
            let TypeKey::Complex(key) = at else { break };
            at = set.arenas.complex_types[key].resolved_base_type.unwrap_or(above);
        }
        if at == above || !head.final_derivation.contains_restriction() {
            return Ok(());
        }
        let name = |data: &ElementDeclData| data.name.map(|name| set.name_table.resolve(name));
        let (own, head) = (name(element).unwrap_or_default(), name(head).unwrap_or_default());
        let message = Words::new(
            format!(
                "the element {head} is final for restriction: {own}, which is to stand for it, must have its type"
            ),
            format!(
                "要素 {head} のfinalは制限による派生を禁じています。代わりとなる要素 {own} には同じ型を指定してください"
            ),
        );
        Err(BuildError { source: element.source.clone(), rule: "e-props-correct.4", message })
    }
}
