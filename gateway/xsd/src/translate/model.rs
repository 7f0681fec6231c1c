//! A complex type's content as it is written, with references followed.

use sekisho_xml::QName;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{
    ComplexContentResult, Compositor, DerivationMethod, ElementFrameResult, ModelGroupDefResult,
    ParticleResult, ParticleTerm,
};
use xsd_schema::{ComplexTypeKey, ElementKey, ModelGroupKey, NameId, SchemaSet, TypeKey};

/// How deep derivations and groups are followed. The compiler refuses deeper ones before.
pub(super) const MAX_DEPTH: usize = 256;

/// One particle.
pub(super) struct Node {
    pub(super) term: Term,
    pub(super) occurs: (u32, Option<u32>),
    pub(super) source: Option<SourceRef>,
}

pub(super) enum Term {
    Element(Declared),
    Group(Compositor, Vec<Node>),
    Wildcard,
    /// A reference that leads nowhere, or round in a circle.
    Unresolved(String),
}

/// An element declaration where it is used.
#[derive(Clone)]
pub(super) struct Declared {
    pub(super) name: QName,
    pub(super) key: ElementKey,
    pub(super) source: Option<SourceRef>,
}

/// The particles of a complex type, one after the other: those of the type that it extends come first.
pub(super) fn content(set: &SchemaSet, key: ComplexTypeKey) -> Vec<Node> {
    let mut chain = vec![key];
    let mut at = key;
    while chain.len() < MAX_DEPTH {
        let ty = &set.arenas.complex_types[at];
        match (ty.derivation_method, ty.resolved_base_type) {
            (Some(DerivationMethod::Extension), Some(TypeKey::Complex(base)))
                if base != at && base != set.any_type_key() =>
            {
                chain.push(base);
                at = base;
            }
            _ => break,
        }
    }
    chain.into_iter().rev().filter_map(|key| own_particle(set, key)).collect()
}

fn own_particle(set: &SchemaSet, key: ComplexTypeKey) -> Option<Node> {
    let ty = &set.arenas.complex_types[key];
    let ComplexContentResult::Complex(def) = &ty.content else { return None };
    let particle = def.particle.as_ref()?;
    let mut walker = Walker {
        set,
        target: ty.target_namespace,
        elements: &ty.resolved_content_particle_elements,
        next: 0,
        groups: Vec::new(),
    };
    Some(walker.node(particle))
}

/// Walks particles in the order of the compiler's list of resolved declarations.
struct Walker<'s> {
    set: &'s SchemaSet,
    target: Option<NameId>,
    elements: &'s [Option<ElementKey>],
    next: usize,
    groups: Vec<ModelGroupKey>,
}

impl Walker<'_> {
    fn node(&mut self, particle: &ParticleResult) -> Node {
        let term = match &particle.term {
            ParticleTerm::Element(element) => self.element(element, particle.source.as_ref()),
            ParticleTerm::Any(_) => Term::Wildcard,
            ParticleTerm::Group(group) => self.group(group),
        };
        Node { term, occurs: (particle.min_occurs, particle.max_occurs), source: particle.source.clone() }
    }

    fn element(&mut self, element: &ElementFrameResult, source: Option<&SourceRef>) -> Term {
        let index = self.next;
        self.next += 1;
        let source = source.or(element.source.as_ref());
        let (namespace, local, key) = match (&element.ref_name, element.name) {
            (Some(name), _) => {
                (name.namespace, name.local_name, self.set.lookup_element(name.namespace, name.local_name))
            }
            (None, Some(name)) => {
                let namespace = self.set.effective_local_element_namespace(
                    element.target_namespace,
                    element.form.as_deref(),
                    source,
                    self.target,
                );
                (namespace, name, self.elements.get(index).copied().flatten())
            }
            (None, None) => return Term::Unresolved("an element without a name".to_owned()),
        };
        let names = |id| self.set.name_table.resolve_ref(id);
        let name = QName::new(namespace.map_or("", names), names(local));
        match key {
            Some(key) => Term::Element(Declared { name, key, source: source.cloned() }),
            None => Term::Unresolved(format!("the element {}, which is not declared,", name.local)),
        }
    }

    fn group(&mut self, group: &ModelGroupDefResult) -> Term {
        let Some(reference) = &group.ref_name else {
            let nodes = group.particles.iter().map(|particle| self.node(particle)).collect();
            return Term::Group(group.compositor.unwrap_or(Compositor::Sequence), nodes);
        };
        let found = self
            .set
            .lookup_model_group(reference.namespace, reference.local_name)
            .filter(|key| !self.groups.contains(key) && self.groups.len() < MAX_DEPTH);
        let Some((key, data)) = found.and_then(|key| Some((key, self.set.arenas.get_model_group(key)?)))
        else {
            let name = self.set.name_table.resolve_ref(reference.local_name);
            return Term::Unresolved(format!("the reference to group {name}"));
        };
        let mut groups = self.groups.clone();
        groups.push(key);
        // A named group has its own list of resolved declarations.
        let mut inside = Walker {
            set: self.set,
            target: self.target,
            elements: &data.resolved_particle_elements,
            next: 0,
            groups,
        };
        let nodes = data.particles.iter().map(|particle| inside.node(particle)).collect();
        Term::Group(data.compositor.unwrap_or(Compositor::Sequence), nodes)
    }
}
