//! Blanks inside values of `xs:base64Binary` (part 2 §3.2.16): default and fixed values, enumerations.
//!
//! They are no part of the value, and the compiler takes none. So it sees the same values without them.

use std::collections::{HashMap, HashSet};

use xsd_schema::parser::frames::{ComplexContentResult, QNameRef, SimpleTypeVariety};
use xsd_schema::types::facets::FacetSet;
use xsd_schema::{NameId, SchemaSet};

use crate::written::{Of, Rewrite, rewrite};

const XS: &str = "http://www.w3.org/2001/XMLSchema";

type Name = (Option<NameId>, NameId);

/// The names of types and global attributes whose values are binary data in base 64.
struct Base64 {
    types: HashSet<Name>,
    attributes: HashSet<Name>,
}

/// Takes the blanks out of such values in documents that have been read and of which nothing is checked yet.
///
/// The members of unions keep theirs: the value might be meant as one of another member.
pub(crate) fn close_up(set: &mut SchemaSet) {
    let (Some(namespace), Some(local)) = (set.name_table.get(XS), set.name_table.get("base64Binary")) else {
        return;
    };
    let mut base64 =
        Base64 { types: derived_from((Some(namespace), local), set), attributes: HashSet::new() };
    for (_, attribute) in set.arenas.attributes.iter() {
        let inline = attribute.inline_type.as_deref().map(Of::Simple);
        let of = inline.or(attribute.type_ref.as_ref().map(Of::reference));
        if let Some(local) = attribute.name.filter(|_| of.is_some_and(|of| base64.is(of))) {
            base64.attributes.insert((attribute.target_namespace, local));
        }
    }
    rewrite(set, &mut base64);
}

/// The named types that come from this one by restriction, or have such content, and its own name.
fn derived_from(root: Name, set: &SchemaSet) -> HashSet<Name> {
    let mut derived: HashMap<Name, Vec<Name>> = HashMap::new();
    let mut link = |base: Option<Of<'_>>, namespace: Option<NameId>, local: Option<NameId>| {
        if let (Some(base), Some(local)) = (base.and_then(named), local) {
            derived.entry(name(base)).or_default().push((namespace, local));
        }
    };
    for (_, ty) in set.arenas.simple_types.iter() {
        let base = ty.base_type.as_ref().filter(|_| ty.variety == SimpleTypeVariety::Atomic);
        link(base.map(Of::reference), ty.target_namespace, ty.name);
    }
    for (_, ty) in set.arenas.complex_types.iter() {
        link(content(&ty.content), ty.target_namespace, ty.name);
    }
    let mut found = HashSet::from([root]);
    let mut waiting = vec![root];
    while let Some(base) = waiting.pop() {
        for &ty in derived.get(&base).into_iter().flatten() {
            if found.insert(ty) {
                waiting.push(ty);
            }
        }
    }
    found
}

/// What simple content restricts or extends.
fn content(content: &ComplexContentResult) -> Option<Of<'_>> {
    let ComplexContentResult::Simple(def) = content else { return None };
    let inline = def.content_type.as_deref().map(Of::Simple);
    inline.or(def.base_type.as_ref().map(Of::reference))
}

/// The named type that one inside a definition comes from; none for the type of an attribute, lists and unions.
fn named(mut of: Of<'_>) -> Option<&QNameRef> {
    loop {
        of = match of {
            Of::Named(name) => return Some(name),
            Of::Simple(ty) if ty.variety == SimpleTypeVariety::Atomic => {
                ty.base_type.as_ref().map(Of::reference)?
            }
            Of::Complex(ty) => content(&ty.content)?,
            Of::Simple(_) | Of::Attribute(_) => return None,
        };
    }
}

fn name(reference: &QNameRef) -> Name {
    (reference.namespace, reference.local_name)
}

impl Base64 {
    fn is(&self, of: Of<'_>) -> bool {
        match of {
            Of::Attribute(reference) => self.attributes.contains(&name(reference)),
            of => named(of).is_some_and(|reference| self.types.contains(&name(reference))),
        }
    }
}

impl Rewrite for Base64 {
    fn facets(&mut self, of: Of<'_>, facets: &mut FacetSet) {
        if let Some(enumeration) = facets.enumeration.as_mut().filter(|_| self.is(of)) {
            enumeration.values = enumeration.values.drain().map(|value| closed_up(&value)).collect();
        }
    }

    fn value(&mut self, of: Of<'_>, value: &mut String) {
        if self.is(of) {
            *value = closed_up(value);
        }
    }
}

fn closed_up(value: &str) -> String {
    value.split(['\t', '\n', '\r', ' ']).collect()
}
