//! Identity constraints (part 1 §3.11).

use std::collections::HashMap;

use xsd_schema::namespace::context::NamespaceContextSnapshot;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{IdentityKind, QNameRef};
use xsd_schema::{IdentityConstraintKey, NameId as TheirName};

use super::xpath::{self, MAX_STEPS, Unread};
use super::{Build, BuildError};
use crate::engine::grammar::{Constraint, ConstraintId, ConstraintKind, NameTest, Path};
use crate::whereabouts::Kind;

impl Build<'_> {
    pub(super) fn constraints(
        &mut self,
        keys: &[IdentityConstraintKey],
    ) -> Result<Vec<Constraint>, BuildError> {
        self.names_are_given_once(keys)?;
        let mut all = Vec::new();
        for &key in keys {
            let data = &self.set.arenas.identity_constraints[key];
            let unread = |what: &str, why| {
                let (rule, message) = match why {
                    Unread::Wrong => (
                        "c-selector-xpath",
                        format!("the {what} of this constraint cannot be read: mend its path"),
                    ),
                    Unread::TooLong => (
                        "limit-path-steps",
                        format!(
                            "the {what} of this constraint has more than {MAX_STEPS} steps: start it nearer, with .//"
                        ),
                    ),
                };
                BuildError::new(data.source.clone(), rule, message)
            };
            let selector = self.paths(&data.selector.xpath, &data.selector.ns_snapshot, false);
            let mut fields = Vec::new();
            for field in &data.fields {
                let paths = self.paths(&field.xpath, &field.ns_snapshot, true);
                fields.push(paths.map_err(|why| unread("field", why))?);
            }
            let refer = match &data.refer {
                Some(refer) => Some(self.referred(key, refer, keys).ok_or_else(|| {
                    let name = self.set.name_table.resolve_ref(refer.local_name);
                    let message = format!(
                        "there is no key or unique of the name {name} in that namespace: mend the reference"
                    );
                    BuildError::new(data.source.clone(), "src-resolve", message)
                })?),
                None => None,
            };
            let kind = match data.kind {
                IdentityKind::Key => ConstraintKind::Key,
                IdentityKind::Unique => ConstraintKind::Unique,
                IdentityKind::Keyref => ConstraintKind::Keyref,
            };
            all.push(Constraint {
                name: self.set.name_table.resolve_ref(data.name).into(),
                kind,
                selector: selector.map_err(|why| unread("selector", why))?,
                fields,
                refer,
                referred: false,
            });
        }
        let referred: Vec<ConstraintId> = all.iter().filter_map(|constraint| constraint.refer).collect();
        for id in referred {
            all[id.index()].referred = true;
        }
        Ok(all)
    }

    /// Constraints of one namespace have different names (part 1 §3.15.6). Of those on elements inside types the compiler
    /// looks at those of one document only.
    fn names_are_given_once(&self, keys: &[IdentityConstraintKey]) -> Result<(), BuildError> {
        let mut known: HashMap<(Option<TheirName>, TheirName), Option<&SourceRef>> = HashMap::new();
        for &key in keys {
            let data = &self.set.arenas.identity_constraints[key];
            let source = data.source.as_ref();
            let first = *known.entry((self.target_of(key), data.name)).or_insert(source);
            let place = |source: Option<&SourceRef>| source.map(|source| (source.doc_id, source.span.start));
            // What is inherited is written once.
            if place(first) != place(source) {
                let name = self.set.name_table.resolve_ref(data.name);
                let message = Kind::Constraint.declared_twice(name, &(self.compiler.place)(first));
                return Err(BuildError { source: source.cloned(), rule: "ic-unique", message });
            }
        }
        Ok(())
    }

    /// The key or unique that a keyref names.
    fn referred(
        &self,
        key: IdentityConstraintKey,
        refer: &QNameRef,
        keys: &[IdentityConstraintKey],
    ) -> Option<ConstraintId> {
        let source = self.set.arenas.identity_constraints[key].source.as_ref();
        let document = source.and_then(|source| self.set.documents.get(source.doc_id as usize));
        // A document without a namespace of its own means that of the one that includes it.
        let adopted = document.filter(|document| document.is_chameleon());
        let wanted = refer.namespace.or(adopted.and_then(|document| document.target_namespace));
        let found = keys.iter().find(|&&other| {
            let data = &self.set.arenas.identity_constraints[other];
            data.kind != IdentityKind::Keyref
                && data.name == refer.local_name
                && self.target_of(other) == wanted
        });
        found.and_then(|found| self.constraint_ids.get(found).copied())
    }

    fn target_of(&self, key: IdentityConstraintKey) -> Option<TheirName> {
        let source = self.set.arenas.identity_constraints[key].source.as_ref()?;
        self.set.documents.get(source.doc_id as usize)?.target_namespace
    }

    fn paths(
        &mut self,
        text: &str,
        bindings: &NamespaceContextSnapshot,
        field: bool,
    ) -> Result<Vec<Path>, Unread> {
        let table = &self.set.name_table;
        let names = &mut self.names;
        xpath::parse(text, field, &mut |prefix, local| {
            let uri = match prefix {
                None => "",
                Some(prefix) => table.resolve_ref(bindings.resolve_prefix(table.get(prefix)?)?),
            };
            Some(match local {
                "*" => NameTest::Namespace(names.intern_namespace(uri)),
                local => NameTest::Name(names.intern(uri, local)),
            })
        })
    }
}
