//! `final="list"` of simple types (part 1 §3.14.6, Derivation Valid (Restriction, Simple), clause 2.1).
//!
//! What is final for list cannot be the item of a list. The compiler asks it of what a list restricts as well, and so
//! refuses a restriction that nothing forbids. So it does not see this part of `final`, and we ask.

use std::collections::HashSet;

use xsd_schema::arenas::SimpleTypeDefData;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::SimpleTypeVariety;
use xsd_schema::schema::model::DerivationSet;
use xsd_schema::{DocumentId, SchemaError, SchemaSet, TypeKey};

use crate::written::{Place, place};

/// What is final for list.
pub(crate) struct FinalForList {
    /// Types with a name.
    types: HashSet<Place>,
    /// Documents whose `finalDefault` makes types without one so: they have no `final` of their own.
    documents: HashSet<DocumentId>,
}

impl FinalForList {
    /// Takes it out of types that have been read and of which nothing is checked yet.
    pub(crate) fn take(set: &mut SchemaSet) -> FinalForList {
        let mut documents = HashSet::new();
        for (document, id) in set.documents.iter_mut().zip(0..) {
            if document.final_default.contains_list() {
                document.final_default.remove(DerivationSet::LIST);
                documents.insert(id);
            }
        }
        let mut types = HashSet::new();
        for (_, ty) in set.arenas.entries_mut().simple_types.iter_mut() {
            if let Some(place) = ty.source.as_ref().map(place)
                && ty.final_derivation.contains_list()
            {
                ty.final_derivation.remove(DerivationSet::LIST);
                types.insert(place);
            }
        }
        FinalForList { types, documents }
    }

    /// Refuses a list of such a type.
    pub(crate) fn check(&self, set: &SchemaSet) -> Result<(), SchemaError> {
        let lists = set.arenas.simple_types.values().filter(|ty| ty.variety == SimpleTypeVariety::List);
        for list in lists.filter(|ty| ty.base_type.is_none()) {
            let Some(TypeKey::Simple(item)) = list.resolved_item_type else { continue };
            let item = &set.arenas.simple_types[item];
            if self.has(item) {
                let message = match item.name {
                    Some(name) => format!(
                        "the type {} is final for list: make a list of another type",
                        set.name_table.resolve(name)
                    ),
                    None => "finalDefault forbids a list of this type: make a list of one with a name and a final of its own"
                        .to_owned(),
                };
                let at = set.locate(list.source.as_ref());
                return Err(SchemaError::structural("cos-st-restricts", message, at));
            }
        }
        Ok(())
    }

    fn has(&self, ty: &SimpleTypeDefData) -> bool {
        let document = |source: &SourceRef| source.schema_defaults_doc.unwrap_or(source.doc_id);
        ty.source.as_ref().is_some_and(|source| match ty.name {
            Some(_) => self.types.contains(&place(source)),
            None => self.documents.contains(&document(source)),
        })
    }
}
