//! From the compiler's objects to a [`Grammar`].

mod attributes;
mod bindings;
mod constraints;
mod content;
mod derivation;
mod elements;
mod simple;
mod substitution;
mod types;
mod values;
mod xpath;

use std::collections::HashMap;

use sekisho_datatypes::{Builtin, DefinitionError, Tables, TypeId, TypesBuilder};
use xsd_schema::parser::SourceRef;
use xsd_schema::{
    ComplexTypeKey, ElementKey, IdentityConstraintKey, NameId as TheirName, SchemaSet, SimpleTypeKey, TypeKey,
};

use self::content::Origins;
use super::grammar::{
    Attribute, Attributes, ConstraintId, Element, ElementId, Globals, Grammar, TypeIndex, WellKnown,
};
use super::names::{NameId, Names};
use crate::engine::content::{Attribution, MAX_LISTED, MAX_WAYS, Model, ModelError};
use crate::violation::Words;
use crate::wording::schema_text_ja;

/// The namespace of XML Schema's own types.
const XS: &str = "http://www.w3.org/2001/XMLSchema";
/// The namespace of `xsi:type` and its like.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A schema that the compiler takes and this engine does not.
#[derive(Debug)]
pub(crate) struct BuildError {
    pub(crate) source: Option<SourceRef>,
    pub(crate) rule: &'static str,
    pub(crate) message: Words,
}

impl BuildError {
    /// In our own words, which are known in Japanese.
    fn new(source: Option<SourceRef>, rule: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        let ja = schema_text_ja(&message);
        BuildError { source, rule, message: Words::new(message, ja) }
    }
}

/// What is built from.
pub(crate) struct Compiler<'s> {
    pub(crate) set: &'s SchemaSet,
    /// All simple types, in the order of their public ids.
    pub(crate) types: &'s [SimpleTypeKey],
    /// All element declarations, in an order that is always the same.
    pub(crate) elements: &'s [ElementKey],
    /// `file:line:column`, as messages say it.
    pub(crate) place: &'s dyn Fn(Option<&SourceRef>) -> String,
    /// The text of a document, for the namespace bindings at a place in it.
    pub(crate) text: &'s dyn Fn(u32) -> Option<String>,
}

/// What is built.
pub(crate) struct Built {
    pub(crate) grammar: Grammar,
    /// The simple types by public id; `None` for one that cannot be used.
    pub(crate) simple: Vec<Option<TypeId>>,
}

/// Builds the grammar of a compiled schema.
pub(crate) fn build(compiler: &Compiler<'_>, tables: Tables) -> Result<Built, BuildError> {
    let set = compiler.set;
    let mut constraints: Vec<_> = set.arenas.identity_constraints.iter().map(|(key, _)| key).collect();
    constraints.sort_by_key(|&key| {
        let source = set.arenas.identity_constraints[key].source.as_ref();
        source.map(|source| (source.doc_id, source.span.start))
    });
    let mut complex: Vec<_> = set.arenas.complex_types.iter().map(|(key, _)| key).collect();
    complex.sort_by_key(|&key| {
        let source = set.arenas.complex_types[key].source.as_ref();
        source.map(|source| (source.doc_id, source.span.start, source.span.end))
    });
    let mut build = Build {
        compiler,
        set,
        names: Names::new(),
        simple: TypesBuilder::new(tables),
        simple_ids: HashMap::new(),
        simple_content: HashMap::new(),
        type_index: HashMap::new(),
        element_ids: compiler.elements.iter().zip(0..).map(|(&key, id)| (key, ElementId(id))).collect(),
        constraint_ids: constraints.iter().zip(0..).map(|(&key, id)| (key, ConstraintId(id))).collect(),
        members: HashMap::new(),
        models: Vec::new(),
        origins: Origins::default(),
        attribution: Attribution::default(),
        attribute_sets: Vec::new(),
        attributes: Vec::new(),
    };
    let simple_keys = compiler.types.iter().map(|&key| TypeKey::Simple(key));
    let complex_keys = complex.iter().map(|&key| TypeKey::Complex(key));
    build.type_index =
        simple_keys.chain(complex_keys).zip(0..).map(|(key, id)| (key, TypeIndex(id))).collect();
    build.run(&complex, &constraints)
}

struct Build<'s> {
    compiler: &'s Compiler<'s>,
    set: &'s SchemaSet,
    names: Names,
    simple: TypesBuilder,
    /// `None` for a type that refers to one that does not exist.
    simple_ids: HashMap<SimpleTypeKey, Option<TypeId>>,
    simple_content: HashMap<ComplexTypeKey, TypeId>,
    type_index: HashMap<TypeKey, TypeIndex>,
    element_ids: HashMap<ElementKey, ElementId>,
    constraint_ids: HashMap<IdentityConstraintKey, ConstraintId>,
    /// The members of substitution groups, by head.
    members: HashMap<ElementKey, Vec<ElementKey>>,
    models: Vec<Model>,
    origins: Origins,
    attribution: Attribution,
    attribute_sets: Vec<Attributes>,
    attributes: Vec<Attribute>,
}

impl Build<'_> {
    fn run(
        mut self,
        complex: &[ComplexTypeKey],
        constraints: &[IdentityConstraintKey],
    ) -> Result<Built, BuildError> {
        let well_known = self.well_known();
        self.declare_globals();
        for &key in self.compiler.types {
            self.simple_type(key)?;
        }
        self.find_members()?;
        let mut types = Vec::new();
        for &key in self.compiler.types {
            types.push(self.simple_definition(key));
        }
        for &key in complex {
            let ty = self.complex_definition(key)?;
            types.push(ty);
        }
        self.contents_derive(complex, &types)?;
        let elements: Vec<Element> = self.compiler.elements.iter().map(|&key| self.element(key)).collect();
        self.values_may_stand(&elements, &types)?;
        let attributes = self.global_attributes();
        let constraints = self.constraints(constraints)?;
        let globals = self.globals(&attributes);
        let any_type = self.type_index[&TypeKey::Complex(self.set.any_type_key())];
        let simple = self.compiler.types.iter().map(|key| self.simple_ids[key]).collect();
        let mut grammar = Grammar {
            names: self.names,
            simple: self.simple.finish(),
            elements,
            types,
            models: self.models,
            attribute_sets: self.attribute_sets,
            attributes: self.attributes,
            constraints,
            globals,
            any_type,
            well_known,
        };
        values::settle(&mut grammar);
        Ok(Built { grammar, simple })
    }

    fn well_known(&mut self) -> WellKnown {
        WellKnown {
            xsi: self.names.intern_namespace(XSI),
            xsi_type: self.names.intern(XSI, "type"),
            xsi_nil: self.names.intern(XSI, "nil"),
            xsi_schema_location: self.names.intern(XSI, "schemaLocation"),
            xsi_no_namespace_schema_location: self.names.intern(XSI, "noNamespaceSchemaLocation"),
        }
    }

    /// Our number of one of their names.
    fn name(&mut self, namespace: Option<TheirName>, local: TheirName) -> NameId {
        let table = &self.set.name_table;
        let uri = namespace.map_or("", |namespace| table.resolve_ref(namespace));
        self.names.intern(uri, table.resolve_ref(local))
    }

    /// Gives the names of global components numbers first, in the order of their documents.
    fn declare_globals(&mut self) {
        for &key in self.compiler.elements {
            let element = &self.set.arenas.elements[key];
            if let Some(name) = element.name {
                self.name(element.target_namespace, name);
            }
        }
    }

    fn globals(&mut self, attributes: &HashMap<NameId, super::grammar::AttributeId>) -> Vec<Globals> {
        let set = self.set;
        let mut known: HashMap<NameId, Globals> = HashMap::new();
        for builtin in Builtin::ALL {
            let name = self.names.intern(XS, builtin.local_name());
            if let Some(key) = self.builtin_key(builtin.local_name()) {
                known.entry(name).or_default().ty = Some(self.type_index[&TypeKey::Simple(key)]);
            }
        }
        let any_type = self.names.intern(XS, "anyType");
        known.entry(any_type).or_default().ty =
            self.type_index.get(&TypeKey::Complex(set.any_type_key())).copied();
        for (&namespace, table) in &set.namespaces {
            for (&local, key) in &table.elements {
                let name = self.name(namespace, local);
                known.entry(name).or_default().element = self.element_ids.get(key).copied();
            }
            for (&local, key) in &table.types {
                let name = self.name(namespace, local);
                let ty = self.type_index.get(key).copied();
                let entry = known.entry(name).or_default();
                entry.ty = entry.ty.or(ty);
            }
        }
        for (&name, &attribute) in attributes {
            known.entry(name).or_default().attribute = Some(attribute);
        }
        let mut globals = vec![Globals::default(); self.names.len()];
        for (name, meaning) in known {
            globals[name.index()] = meaning;
        }
        globals
    }
}

fn definition(error: &DefinitionError, source: Option<&SourceRef>) -> BuildError {
    let rule = match error {
        DefinitionError::Limit { .. } => "limit-types",
        DefinitionError::PatternSize { .. } => "limit-pattern",
        other => other.code(),
    };
    BuildError { source: source.cloned(), rule, message: Words::new(error.to_string(), error.message_ja()) }
}

fn model(error: ModelError, source: Option<&SourceRef>) -> BuildError {
    let (rule, message) = match error {
        ModelError::TooLarge => (
            "limit-content-model",
            format!(
                "the content model has more than {MAX_LISTED} steps from one element to the next: write it with fewer alternatives"
            ),
        ),
        ModelError::TooManyWays => (
            "limit-repetitions",
            format!(
                "the content model is open in more than {MAX_WAYS} ways: write it with fewer repetitions inside one another"
            ),
        ),
        ModelError::AllInside => {
            ("cos-all-limited", "xs:all is not the whole content of the type".to_owned())
        }
    };
    BuildError::new(source.cloned(), rule, message)
}
