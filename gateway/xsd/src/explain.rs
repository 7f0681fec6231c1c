//! What a schema compiles to, and what it costs.

use std::collections::HashMap;

pub use sekisho_datatypes::PatternCost;
use sekisho_datatypes::TypeId;

use crate::engine::grammar::{
    Attribute, AttributeUse, Attributes, Constraint, ConstraintKind, Element, Globals, Grammar, ModelId,
    Path, Type, TypeIndex,
};
use crate::facts::TypeFacts;
use crate::schema::Schema;

/// The fewest and most bytes that a key, or a reference to one, takes while a document is checked: a fingerprint of 16
/// bytes in a table that is between seven sixteenths and seven eighths full.
const KEY_BYTES: (u64, u64) = (20, 40);
/// The same of a reference, which is kept with its place in a list that grows by doubling.
const REFERENCE_BYTES: (u64, u64) = (32, 64);

/// What a schema compiles to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaCost {
    /// Element declarations, global and local.
    pub elements: usize,
    /// Those that a document may have as its root.
    pub global_elements: usize,
    /// Global attribute declarations and attribute uses of types.
    pub attributes: usize,
    /// Simple types that the schema defines.
    pub simple_types: usize,
    /// Complex types that the schema defines.
    pub complex_types: usize,
    /// Every content model, the largest first.
    pub models: Vec<ModelCost>,
    /// Every pattern facet, the largest first.
    pub patterns: Vec<PatternCost>,
    /// Every key, keyref and unique, in the schema's order.
    pub constraints: Vec<ConstraintCost>,
    /// Bytes of all tables, patterns included. What the allocator adds is not counted.
    pub bytes: u64,
}

/// A content model, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCost {
    /// The name of its type; of a nameless one `element` and the name of an element that has it.
    pub name: String,
    /// `table` (a deterministic automaton), `counted` (positions with counters) or `all` (`xs:all`).
    pub kind: &'static str,
    /// States of a table, positions of what is counted, members of an `xs:all`.
    pub states: usize,
    /// Bytes.
    pub bytes: usize,
}

/// An identity constraint: what a document costs while it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstraintCost {
    /// Its name.
    pub name: String,
    /// `key`, `keyref` or `unique`.
    pub kind: &'static str,
    /// The element that carries it.
    pub element: String,
    /// How many fields it has.
    pub fields: usize,
    /// The fewest and most bytes that are kept for each element that its selector picks.
    pub bytes_per_record: (u64, u64),
}

impl Schema {
    /// What the schema compiles to and what that costs.
    pub fn cost(&self) -> SchemaCost {
        let grammar = &self.inner.engine.grammar;
        let names = type_names(grammar);
        let mut models: Vec<ModelCost> = Vec::new();
        let mut owners: HashMap<ModelId, TypeIndex> = HashMap::new();
        for (index, ty) in grammar.types.iter().enumerate() {
            if let Some(model) = ty.content.model() {
                owners.entry(model).or_insert(TypeIndex(index as u32));
            }
        }
        for (index, model) in grammar.models.iter().enumerate() {
            let owner = owners.get(&ModelId(index as u32)).copied();
            if owner == Some(grammar.any_type) {
                continue;
            }
            let cost = model.cost();
            let name = owner.and_then(|owner| names.get(&owner).cloned()).unwrap_or_else(|| "-".to_owned());
            models.push(ModelCost { name, kind: cost.kind, states: cost.states, bytes: cost.bytes });
        }
        models.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        let mut patterns = grammar.simple.patterns();
        // The built-in types' are there whatever the schema is.
        patterns.retain(|pattern| pattern.name.as_ref().is_none_or(|name| !name.starts_with("xs:")));
        patterns.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.source.cmp(&b.source)));
        let complex =
            grammar.types.iter().enumerate().filter(|(index, ty)| {
                ty.attributes.is_some() && TypeIndex(*index as u32) != grammar.any_type
            });
        let uses: usize = grammar.attribute_sets.iter().map(|set| set.uses.len()).sum();
        SchemaCost {
            elements: grammar.elements.len(),
            global_elements: grammar.globals.iter().filter(|globals| globals.element.is_some()).count(),
            attributes: grammar
                .attributes
                .iter()
                .filter(|attribute| !is_instance(grammar, attribute))
                .count()
                + uses,
            simple_types: self.own_simple_types(),
            complex_types: complex.count(),
            models,
            patterns,
            constraints: constraints(grammar),
            bytes: bytes(grammar),
        }
    }
}

impl Schema {
    /// Simple types that are neither built in nor those of `xsi:type` and its like.
    fn own_simple_types(&self) -> usize {
        let grammar = &self.inner.engine.grammar;
        let instance = grammar.attributes.iter().filter(|attribute| is_instance(grammar, attribute));
        let instance: Vec<_> = instance.map(|attribute| attribute.ty).collect();
        let own = |(facts, simple): (&TypeFacts, &Option<TypeId>)| {
            let built_in = facts.name.as_ref().is_some_and(|name| name.starts_with("xs:"));
            !built_in && !simple.is_some_and(|simple| instance.contains(&simple))
        };
        self.inner.types.iter().zip(&self.inner.engine.simple).filter(|pair| own(*pair)).count()
    }
}

/// Whether an attribute is one of `xsi:type` and its like (part 1 §3.2.7), which every schema has.
fn is_instance(grammar: &Grammar, attribute: &Attribute) -> bool {
    grammar.names.namespace_of(attribute.name) == grammar.well_known.xsi
}

/// Names of types that have one, or that an element gives them.
fn type_names(grammar: &Grammar) -> HashMap<TypeIndex, String> {
    let mut names = HashMap::new();
    for element in &grammar.elements {
        let name = format!("element {}", grammar.names.local(element.name));
        names.entry(element.ty).or_insert(name);
    }
    for (name, globals) in grammar.globals.iter().enumerate() {
        if let Some(ty) = globals.ty {
            let name = crate::engine::names::NameId(name as u32);
            names.insert(ty, grammar.names.local(name).to_owned());
        }
    }
    names
}

fn constraints(grammar: &Grammar) -> Vec<ConstraintCost> {
    let carrier = |index: usize| {
        let has = |element: &&Element| element.constraints.iter().any(|id| id.index() == index);
        grammar.elements.iter().find(has).map_or("-", |element| grammar.names.local(element.name)).to_owned()
    };
    let cost = |(index, constraint): (usize, &Constraint)| {
        let (kind, bytes_per_record) = match constraint.kind {
            ConstraintKind::Key => ("key", KEY_BYTES),
            ConstraintKind::Unique => ("unique", KEY_BYTES),
            ConstraintKind::Keyref => ("keyref", REFERENCE_BYTES),
        };
        ConstraintCost {
            name: constraint.name.to_string(),
            kind,
            element: carrier(index),
            fields: constraint.fields.len(),
            bytes_per_record,
        }
    };
    grammar.constraints.iter().enumerate().map(cost).collect()
}

fn bytes(grammar: &Grammar) -> u64 {
    let names: usize = (0..grammar.names.len() as u32)
        // Beside its text: namespace, pointer, length, hash, and two slots of the table.
        .map(|name| 40 + grammar.names.local(crate::engine::names::NameId(name)).len())
        .sum();
    let models: usize = grammar.models.iter().map(|model| model.cost().bytes).sum();
    let patterns: usize = grammar.simple.patterns().iter().map(|pattern| pattern.bytes).sum();
    let attribute_sets: usize = grammar
        .attribute_sets
        .iter()
        .map(|set| size_of::<Attributes>() + set.uses.len() * size_of::<AttributeUse>())
        .sum();
    let paths = |paths: &[Path]| -> usize {
        paths.iter().map(|path| size_of::<Path>() + size_of_val(&path.steps[..])).sum()
    };
    let constraints: usize = grammar
        .constraints
        .iter()
        .map(|constraint| {
            let fields: usize = constraint.fields.iter().map(|field| size_of_val(field) + paths(field)).sum();
            size_of::<Constraint>() + constraint.name.len() + paths(&constraint.selector) + fields
        })
        .sum();
    let total = names
        + models
        + patterns
        + attribute_sets
        + constraints
        + grammar.simple.bytes()
        + grammar.elements.len() * size_of::<Element>()
        + grammar.types.len() * size_of::<Type>()
        + grammar.attributes.len() * size_of::<Attribute>()
        + grammar.globals.len() * size_of::<Globals>();
    total as u64
}
