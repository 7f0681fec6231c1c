//! From the compiled content model to particles of our own.

mod find;
mod keys;
mod model;

use std::collections::HashSet;

use sekisho_xml::QName;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{AttributeUseKind, ComplexContentResult, Compositor, DerivationMethod};
use xsd_schema::{ComplexTypeKey, ElementKey, SchemaSet, SimpleTypeKey, TypeKey};

use crate::compiled::Compiled;
use crate::error::SchemaError;
use crate::record::{Element, ElementContent, Particle, RecordType, SimpleType};
use crate::schema::Schema;
use model::{Declared, MAX_DEPTH, Node, content};

/// The type of the record element `record`; see [`Schema::record_type`].
pub(crate) fn record_type(
    schema: &Schema,
    compiled: &Compiled,
    record: &QName,
) -> Result<RecordType, SchemaError> {
    let members = substitutable(&compiled.set);
    let mut translation = Translation { schema, compiled, set: &compiled.set, members, open: Vec::new() };
    let found = find::find(&translation, record)?;
    let element = translation.element(&found.declared, 1, Some(1))?;
    let ElementContent::Complex(particles) = element.content else {
        let advice = "name an element that has elements inside";
        return Err(translation.unsupported(
            found.declared.source.as_ref(),
            "a record with a simple type",
            advice,
        ));
    };
    let keys = keys::keys(&translation, &found, &particles)?;
    let key = found.declared.key;
    let declaration = compiled.elements.iter().position(|&element| element == key).ok_or_else(|| {
        translation.no_record(found.declared.source.as_ref(), record, "has no declaration of its own")
    })?;
    Ok(RecordType {
        element: record.clone(),
        content: flat(particles),
        keys,
        declaration: declaration as u32,
    })
}

/// The heads of substitution groups that have members.
fn substitutable(set: &SchemaSet) -> HashSet<ElementKey> {
    set.arenas
        .elements
        .values()
        .flat_map(|element| element.resolved_substitution_groups.iter().copied())
        .collect()
}

struct Translation<'s> {
    schema: &'s Schema,
    set: &'s SchemaSet,
    compiled: &'s Compiled,
    members: HashSet<ElementKey>,
    /// The complex types that are being translated, outermost first.
    open: Vec<ComplexTypeKey>,
}

impl Translation<'_> {
    fn element(&mut self, declared: &Declared, min: u32, max: Option<u32>) -> Result<Element, SchemaError> {
        let at = declared.source.as_ref();
        let data = &self.set.arenas.elements[declared.key];
        if self.members.contains(&declared.key) {
            let construct = format!("the substitution group of element {}", declared.name.local);
            return Err(self.unsupported(at, &construct, "list the elements in a choice"));
        }
        if data.is_abstract {
            let construct = format!("the abstract element {}", declared.name.local);
            return Err(self.unsupported(at, &construct, "refer to an element that can occur"));
        }
        if !data.identity_constraints.is_empty() {
            let construct =
                format!("a key, keyref or unique on element {} in the record", declared.name.local);
            return Err(self.unsupported(
                at,
                &construct,
                "put the constraint on an element above the records",
            ));
        }
        let content = match data.resolved_type {
            Some(TypeKey::Simple(key)) => ElementContent::Simple(self.simple(key, declared)?),
            Some(TypeKey::Complex(key)) => self.complex(key, declared)?,
            None => return Err(self.untyped(declared)),
        };
        Ok(Element {
            name: declared.name.clone(),
            min,
            max,
            nillable: data.nillable,
            default: data.default_value.clone(),
            fixed: data.fixed_value.clone(),
            content,
        })
    }

    fn simple(&self, key: SimpleTypeKey, declared: &Declared) -> Result<SimpleType, SchemaError> {
        let Some(id) = self.compiled.id(key) else { return Err(self.untyped(declared)) };
        let facts = self.schema.facts(id);
        if let Some(context) = facts.contextual {
            let construct = format!("the type {context} of element {}", declared.name.local);
            let advice = "its values depend on more than their text: take xs:NCName, or another type";
            return Err(self.unsupported(declared.source.as_ref(), &construct, advice));
        }
        Ok(SimpleType {
            id,
            name: facts.name.clone().unwrap_or_else(|| declared.name.local.to_string()),
            white_space: facts.white_space,
            kind: facts.kind,
            max_length: facts.max_length,
        })
    }

    fn complex(&mut self, key: ComplexTypeKey, declared: &Declared) -> Result<ElementContent, SchemaError> {
        let at = declared.source.as_ref();
        let local = &declared.name.local;
        let ty = &self.set.arenas.complex_types[key];
        if key == self.set.any_type_key() {
            return Err(self.untyped(declared));
        }
        if self.open.contains(&key) {
            let construct = format!("the type of element {local}, which contains itself,");
            return Err(self.unsupported(at, &construct, "records have a fixed depth: write the levels out"));
        }
        if ty.is_abstract {
            let construct = format!("the abstract type of element {local}");
            return Err(self.unsupported(at, &construct, "refer to the derived type that occurs"));
        }
        self.refuse_attributes(key, declared)?;
        if let ComplexContentResult::Simple(_) = ty.content {
            return self.simple_content(key, declared);
        }
        if self.mixed(key) {
            let construct = format!("mixed content in element {local}");
            return Err(self.unsupported(at, &construct, "put the text into an element"));
        }
        self.open.push(key);
        let mut particles = Vec::new();
        for node in content(self.set, key) {
            particles.extend(self.particle(&node)?);
        }
        self.open.pop();
        if let Some(name) = repeated(&particles) {
            let construct = format!("the element {name} in more than one place of element {local}");
            return Err(self.unsupported(
                at,
                &construct,
                "write it once, with maxOccurs, or under two names",
            ));
        }
        Ok(ElementContent::Complex(particles))
    }

    /// `None` for what cannot occur.
    fn particle(&mut self, node: &Node) -> Result<Option<Particle>, SchemaError> {
        let (min, max) = node.occurs;
        if max == Some(0) {
            return Ok(None);
        }
        let particle = match &node.term {
            model::Term::Element(declared) => Particle::Element(self.element(declared, min, max)?),
            model::Term::Wildcard => {
                return Err(self.unsupported(
                    node.source.as_ref(),
                    "xs:any",
                    "name the elements that may occur",
                ));
            }
            model::Term::Unresolved(what) => {
                return Err(self.unsupported(node.source.as_ref(), what, "mend the reference"));
            }
            model::Term::Group(compositor, nodes) => {
                let mut items = Vec::new();
                for node in nodes {
                    items.extend(self.particle(node)?);
                }
                match compositor {
                    Compositor::Sequence => Particle::Sequence { min, max, items: flat(items) },
                    Compositor::Choice => Particle::Choice { min, max, items },
                    Compositor::All => Particle::All { min, items },
                }
            }
        };
        Ok(Some(particle))
    }

    fn refuse_attributes(&self, key: ComplexTypeKey, declared: &Declared) -> Result<(), SchemaError> {
        let mut at = Some(key);
        for _ in 0..MAX_DEPTH {
            let Some(key) = at.filter(|&key| key != self.set.any_type_key()) else { break };
            let ty = &self.set.arenas.complex_types[key];
            let (uses, groups, wildcard) = match &ty.content {
                ComplexContentResult::Simple(def) => {
                    (&def.attributes, &def.attribute_groups, &def.attribute_wildcard)
                }
                ComplexContentResult::Complex(def) => {
                    (&def.attributes, &def.attribute_groups, &def.attribute_wildcard)
                }
                ComplexContentResult::Empty => (&ty.attributes, &ty.attribute_groups, &ty.attribute_wildcard),
            };
            let allowed =
                ty.attributes.iter().chain(uses).any(|a| a.use_kind != AttributeUseKind::Prohibited);
            let grouped = !ty.attribute_groups.is_empty() || !groups.is_empty();
            let any = ty.attribute_wildcard.is_some() || wildcard.is_some();
            if allowed || grouped || any {
                let construct = format!("an attribute of element {}", declared.name.local);
                let advice = "make it an element: CSV and JSON have no attributes";
                return Err(self.unsupported(declared.source.as_ref(), &construct, advice));
            }
            at = ty.resolved_base_type.and_then(|base| base.as_complex()).filter(|&base| base != key);
        }
        Ok(())
    }

    /// Without attributes, an extended simple type is that simple type.
    fn simple_content(
        &self,
        key: ComplexTypeKey,
        declared: &Declared,
    ) -> Result<ElementContent, SchemaError> {
        let mut at = key;
        for _ in 0..MAX_DEPTH {
            let ty = &self.set.arenas.complex_types[at];
            let extends = matches!(&ty.content, ComplexContentResult::Simple(def)
                if def.derivation == DerivationMethod::Extension);
            match ty.resolved_base_type {
                Some(TypeKey::Simple(base)) if extends => {
                    return self.simple(base, declared).map(ElementContent::Simple);
                }
                Some(TypeKey::Complex(base)) if extends && base != at => at = base,
                _ => break,
            }
        }
        let construct = format!("simple content by restriction in element {}", declared.name.local);
        Err(self.unsupported(declared.source.as_ref(), &construct, "define a simple type with these facets"))
    }

    fn mixed(&self, key: ComplexTypeKey) -> bool {
        let ty = &self.set.arenas.complex_types[key];
        ty.mixed || matches!(&ty.content, ComplexContentResult::Complex(def) if def.mixed)
    }

    fn untyped(&self, declared: &Declared) -> SchemaError {
        let construct = format!("element {} of type xs:anyType", declared.name.local);
        self.unsupported(declared.source.as_ref(), &construct, "give it a type")
    }

    fn unsupported(&self, at: Option<&SourceRef>, construct: &str, advice: &'static str) -> SchemaError {
        let place = self.schema.place(self.set.locate(at).as_ref());
        SchemaError::Unsupported { place, construct: construct.to_owned(), advice }
    }

    /// The record element as it is declared here is none.
    fn no_record(&self, at: Option<&SourceRef>, record: &QName, problem: &str) -> SchemaError {
        let place = self.schema.place(self.set.locate(at).as_ref());
        SchemaError::Record { place, name: record.to_string(), problem: problem.to_owned() }
    }
}

/// Sequences that occur exactly once, dissolved into the sequence around them.
fn flat(items: Vec<Particle>) -> Vec<Particle> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Particle::Sequence { min: 1, max: Some(1), items } => out.extend(flat(items)),
            other => out.push(other),
        }
    }
    out
}

/// A name that stands in two places of one element's content.
fn repeated(particles: &[Particle]) -> Option<String> {
    fn walk<'p>(particles: &'p [Particle], seen: &mut HashSet<&'p QName>) -> Option<String> {
        particles.iter().find_map(|particle| match particle {
            Particle::Element(element) => {
                (!seen.insert(&element.name)).then(|| element.name.local.to_string())
            }
            Particle::Sequence { items, .. }
            | Particle::Choice { items, .. }
            | Particle::All { items, .. } => walk(items, seen),
        })
    }
    walk(particles, &mut HashSet::new())
}
