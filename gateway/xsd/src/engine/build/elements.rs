//! Element declarations.

use xsd_schema::{ElementKey, TypeKey};

use super::types::ways;
use super::{Build, BuildError};
use crate::engine::grammar::{Content, Element, Type};

impl Build<'_> {
    pub(super) fn element(&mut self, key: ElementKey) -> Element {
        let set = self.set;
        let data = &set.arenas.elements[key];
        let any_type = TypeKey::Complex(set.any_type_key());
        let ty = data.resolved_type.unwrap_or(any_type);
        let broken =
            matches!(ty, TypeKey::Simple(key) if self.simple_ids.get(&key).copied().flatten().is_none());
        let fixed = data.fixed_value.as_deref();
        let text = fixed.or(data.default_value.as_deref());
        let local = data.name.or(data.ref_name.as_ref().map(|name| name.local_name));
        let namespace = data.target_namespace;
        Element {
            name: match local {
                Some(local) => self.name(namespace, local),
                None => self.names.intern("", ""),
            },
            ty: self.type_index.get(&ty).copied().unwrap_or(self.type_index[&any_type]),
            nillable: data.nillable,
            is_abstract: data.is_abstract,
            block: ways(data.block),
            value: text.map(|text| self.value_constraint(text, fixed.is_some(), data.source.as_ref())),
            constraints: data
                .identity_constraints
                .iter()
                .filter_map(|constraint| self.constraint_ids.get(constraint).copied())
                .collect(),
            untyped: data.deferred_type_error.is_some() || broken,
        }
    }

    /// Part 1 §3.3.6, Element Default Valid (Immediate), clause 2, as far as it is not about the value: that stands for no
    /// content at all, so the content of such an element is simple, or mixed and may be empty. The compiler does not ask.
    pub(super) fn values_may_stand(&self, elements: &[Element], types: &[Type]) -> Result<(), BuildError> {
        for (&key, element) in self.compiler.elements.iter().zip(elements) {
            let name = self.names.local(element.name);
            let message = match types[element.ty.index()].content {
                _ if element.value.is_none() => continue,
                Content::Simple(_) => continue,
                Content::Mixed(model) if self.models[model.index()].emptiable() => continue,
                Content::Mixed(_) => {
                    format!(
                        "the content of element {name} may not be empty: give it no default or fixed value"
                    )
                }
                Content::Empty | Content::Elements(_) => {
                    format!(
                        "element {name} has neither simple nor mixed content: give it no default or fixed value"
                    )
                }
            };
            let source = self.set.arenas.elements[key].source.clone();
            return Err(BuildError::new(source, "e-props-correct.2", message));
        }
        Ok(())
    }
}
