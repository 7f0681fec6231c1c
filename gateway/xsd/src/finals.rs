//! `final="list"` of simple types (part 1 §3.14.6, Derivation Valid (Restriction, Simple), clause 2.1).
//!
//! What is final for list cannot be the item of a list. The compiler asks it of what a list restricts as well, and so
//! refuses a restriction that nothing forbids. So it does not see this part of `final`, and we ask.

use std::collections::HashSet;

use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::SimpleTypeVariety;
use xsd_schema::schema::model::DerivationSet;
use xsd_schema::{DocumentId, SchemaError, SchemaSet, TypeKey};

/// The types that are final for list, by where they are written: their keys may change as the compiler redefines.
pub(crate) struct FinalForList(HashSet<(DocumentId, usize, usize)>);

impl FinalForList {
    /// Takes it out of types that have been read and of which nothing is checked yet.
    pub(crate) fn take(set: &mut SchemaSet) -> FinalForList {
        let mut taken = HashSet::new();
        for (_, ty) in set.arenas.entries_mut().simple_types.iter_mut() {
            if let Some(place) = ty.source.as_ref().map(place)
                && ty.final_derivation.contains_list()
            {
                ty.final_derivation.remove(DerivationSet::LIST);
                taken.insert(place);
            }
        }
        FinalForList(taken)
    }

    /// Refuses a list of such a type.
    pub(crate) fn check(&self, set: &SchemaSet) -> Result<(), SchemaError> {
        let lists = set.arenas.simple_types.values().filter(|ty| ty.variety == SimpleTypeVariety::List);
        for list in lists.filter(|ty| ty.base_type.is_none()) {
            let Some(TypeKey::Simple(item)) = list.resolved_item_type else { continue };
            let item = &set.arenas.simple_types[item];
            if item.source.as_ref().is_some_and(|source| self.0.contains(&place(source))) {
                let name = item.name.map(|name| set.name_table.resolve(name)).unwrap_or_default();
                let message = format!("the type {name} is final for list: make a list of another type");
                let at = set.locate(list.source.as_ref());
                return Err(SchemaError::structural("cos-st-restricts", message, at));
            }
        }
        Ok(())
    }
}

fn place(source: &SourceRef) -> (DocumentId, usize, usize) {
    (source.doc_id, source.span.start, source.span.end)
}
