//! Types as they are defined, one derivation step at a time.

use crate::builtin::{Builtin, TypeId};
use crate::definition::DefinitionError;
use crate::facets::Facets;
use crate::types::{Tables, Types};

/// Takes definitions, each after those that it names; the built-in types are there already.
#[derive(Debug)]
pub struct TypesBuilder {
    count: u32,
}

impl TypesBuilder {
    /// The built-in types.
    pub fn new(tables: Tables) -> TypesBuilder {
        let _ = tables;
        TypesBuilder { count: Builtin::ALL.len() as u32 }
    }

    /// The id of a built-in type, the same as [`Builtin::id`].
    pub fn builtin(&self, builtin: Builtin) -> TypeId {
        builtin.id()
    }

    /// A restriction of `base` (part 2 §4.1.2.1).
    ///
    /// # Errors
    /// What cannot be represented: [`DefinitionError`].
    pub fn restrict(
        &mut self,
        base: TypeId,
        name: Option<String>,
        facets: Facets,
    ) -> Result<TypeId, DefinitionError> {
        let _ = (base, name, facets);
        self.count += 1;
        Ok(TypeId(self.count - 1))
    }

    /// A list of `item` (part 2 §4.1.2.2).
    ///
    /// # Errors
    /// `item` is a list or has one among its members.
    pub fn list(&mut self, name: Option<String>, item: TypeId) -> Result<TypeId, DefinitionError> {
        self.restrict(item, name, Facets::default())
    }

    /// A union of `members` in their order (part 2 §4.1.2.3).
    ///
    /// # Errors
    /// No member, or too deep a nesting.
    pub fn union(&mut self, name: Option<String>, members: Vec<TypeId>) -> Result<TypeId, DefinitionError> {
        let _ = members;
        self.restrict(TypeId(0), name, Facets::default())
    }

    /// The types, ready to check values.
    pub fn finish(self) -> Types {
        Types { _todo: () }
    }
}
