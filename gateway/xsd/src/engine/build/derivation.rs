//! Which kind of content may come from which (part 1 §3.4.6), as far as the compiler does not ask.

use xsd_schema::parser::frames::{ComplexContentResult, DerivationMethod};
use xsd_schema::schema::model::DerivationSet;
use xsd_schema::{ComplexTypeKey, SimpleTypeKey, TypeKey};

use super::types::MAX_DERIVATION;
use super::{Build, BuildError};
use crate::engine::grammar::{Content, Type};

const EXTENSION: &str = "cos-ct-extends";
const RESTRICTION: &str = "derivation-ok-restriction";

impl Build<'_> {
    /// Derivation Valid (Extension), clause 1.4, and Derivation Valid (Restriction, Complex), clause 5: all but what
    /// particles restrict.
    pub(super) fn contents_derive(
        &self,
        complex: &[ComplexTypeKey],
        types: &[Type],
    ) -> Result<(), BuildError> {
        for &key in complex {
            let ty = &self.set.arenas.complex_types[key];
            let Some(TypeKey::Complex(base)) =
                ty.resolved_base_type.filter(|_| key != self.set.any_type_key())
            else {
                continue;
            };
            let content = |key| types[self.type_index[&TypeKey::Complex(key)].index()].content;
            let refused = match ty.derivation_method {
                Some(DerivationMethod::Extension) => not_extended(content(base), content(key)),
                _ => self.not_restricted((base, content(base)), (key, content(key))),
            };
            if let Some((rule, message)) = refused {
                return Err(BuildError::new(ty.source.clone(), rule, message));
            }
        }
        Ok(())
    }

    fn not_restricted(
        &self,
        (base_key, base): (ComplexTypeKey, Content),
        (key, own): (ComplexTypeKey, Content),
    ) -> Option<(&'static str, &'static str)> {
        let message = match (base, own) {
            // Clause 5.2.1.
            (Content::Simple(_), Content::Simple(_)) => {
                let inside = self.set.arenas.complex_types[key].resolved_simple_content_type?;
                let without = DerivationSet::empty();
                let base = self.named_content(base_key).map(TypeKey::Simple);
                if base.is_some_and(|base| self.set.is_type_derived_from(inside, base, without)) {
                    return None;
                }
                "the simple type inside does not restrict the content of the base type: derive it from that, or give facets only"
            }
            // Clause 5.2.2.
            (Content::Mixed(model), Content::Simple(_)) if self.models[model.index()].emptiable() => {
                return None;
            }
            (_, Content::Simple(_)) => {
                "simple content can restrict other simple content, and mixed content that may be empty: take another base type"
            }
            (Content::Simple(_), _) => SIMPLE,
            // Clause 5.4.1.2.
            (Content::Empty | Content::Elements(_), Content::Mixed(_)) => {
                "the content is mixed, and that of the base type is not: leave mixed out"
            }
            _ => return None,
        };
        Some((RESTRICTION, message))
    }

    /// The simple type that is the content of a type with simple content, if it has not been restricted there: what a
    /// restriction makes has no name, and nothing is derived from it (part 1 §3.4.2).
    fn named_content(&self, key: ComplexTypeKey) -> Option<SimpleTypeKey> {
        let mut at = key;
        for _ in 0..MAX_DERIVATION {
            let ty = &self.set.arenas.complex_types[at];
            let restricted = matches!(
                &ty.content,
                ComplexContentResult::Simple(def) if def.derivation == DerivationMethod::Restriction
            );
            match ty.resolved_base_type? {
                _ if restricted => return None,
                TypeKey::Simple(simple) => return Some(simple),
                TypeKey::Complex(base) => at = base,
            }
        }
        None
    }
}

const SIMPLE: &str = "the base type has simple content: this type needs simple content, too";

fn not_extended(base: Content, own: Content) -> Option<(&'static str, &'static str)> {
    let message = match (base, own) {
        (Content::Elements(_), Content::Mixed(_)) | (Content::Mixed(_), Content::Elements(_)) => {
            "either the content is mixed or that of the base type, and not both: an extension keeps that as it is"
        }
        (Content::Simple(_), Content::Elements(_) | Content::Mixed(_)) => SIMPLE,
        _ => return None,
    };
    Some((EXTENSION, message))
}
