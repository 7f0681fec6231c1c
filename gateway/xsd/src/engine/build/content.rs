//! A complex type's content as a tree of particles, references followed (part 1 §3.4.2, §3.8, §3.9).

use std::collections::HashMap;

use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{
    ComplexContentResult, Compositor, DerivationMethod, ElementFrameResult, ModelGroupDefResult,
    ParticleResult, ParticleTerm, ProcessContents, WildcardNamespace, WildcardResult,
};
use xsd_schema::{ComplexTypeKey, DocumentId, ElementKey, ModelGroupKey, NameId as TheirName, TypeKey};

use super::types::{Kind, MAX_DERIVATION};
use super::{Build, BuildError};
use crate::engine::content::{Leaf, Member, Particle, Term};
use crate::engine::grammar::{Namespaces, Process, Wildcard};
use crate::engine::names::NamespaceId;

/// How deep groups may refer to groups; the compiler refuses deeper ones.
const MAX_GROUPS: usize = 256;

impl Build<'_> {
    /// All of a type's content: what an extension adds comes after what its base has.
    pub(super) fn content_particle(
        &mut self,
        key: ComplexTypeKey,
        leaves: &mut Vec<Leaf>,
        depth: usize,
    ) -> Result<Particle, BuildError> {
        if key == self.set.any_type_key() {
            let wildcard = Wildcard { namespaces: Namespaces::Any, process: Process::Lax };
            return Ok(self.leaf(leaves, Term::Wildcard(wildcard), None).times(0, None));
        }
        let ty = &self.set.arenas.complex_types[key];
        let base = match (ty.derivation_method, ty.resolved_base_type) {
            (Some(DerivationMethod::Extension), Some(TypeKey::Complex(base)))
                if base != key && depth < MAX_DERIVATION && self.kind(base, 0) != Kind::Empty =>
            {
                self.content_particle(base, leaves, depth + 1)?
            }
            _ => Particle::Empty,
        };
        let ComplexContentResult::Complex(def) = &ty.content else { return Ok(base) };
        let Some(particle) = &def.particle else { return Ok(base) };
        let mut walk = Walk {
            target: ty.target_namespace,
            elements: &ty.resolved_content_particle_elements,
            next: 0,
            groups: Vec::new(),
            original: None,
        };
        let own = self.particle(particle, &mut walk, leaves)?;
        Ok(Particle::sequence(vec![base, own]))
    }

    fn particle(
        &mut self,
        particle: &ParticleResult,
        walk: &mut Walk<'_>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<Particle, BuildError> {
        let source = particle.source.as_ref();
        let term = match &particle.term {
            ParticleTerm::Element(element) => self.element_particle(element, source, walk, leaves)?,
            ParticleTerm::Any(any) => {
                let wildcard = self.wildcard(any, walk.target);
                self.leaf(leaves, Term::Wildcard(wildcard), source)
            }
            ParticleTerm::Group(group) => self.group_particle(group, walk, leaves)?,
        };
        Ok(term.times(particle.min_occurs, particle.max_occurs))
    }

    fn element_particle(
        &mut self,
        element: &ElementFrameResult,
        source: Option<&SourceRef>,
        walk: &mut Walk<'_>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<Particle, BuildError> {
        let index = walk.next;
        walk.next += 1;
        let source = source.or(element.source.as_ref());
        let key = match (&element.ref_name, element.name) {
            (Some(name), _) => self.set.lookup_element(name.namespace, name.local_name),
            (None, Some(_)) => walk.elements.get(index).copied().flatten(),
            (None, None) => None,
        };
        let Some(key) = key else {
            let message = "an element particle refers to no declaration";
            return Err(BuildError::new(source.cloned(), "src-resolve", message));
        };
        let members = match element.ref_name {
            Some(_) => self.substitutable(key),
            None => {
                let namespace = self.set.effective_local_element_namespace(
                    element.target_namespace,
                    element.form.as_deref(),
                    source,
                    walk.target,
                );
                let local = element.name.or(self.set.arenas.elements[key].name);
                let name = local.map(|local| self.name(namespace, local));
                let element = self.element_ids.get(&key).copied();
                name.zip(element)
                    .map(|(name, element)| Member { name, element, principal: true, is_abstract: false })
                    .into_iter()
                    .collect()
            }
        };
        Ok(self.leaf(leaves, Term::Elements(members), source))
    }

    /// The element and all that may stand for it (part 1 §3.3.6, Substitution Group OK).
    fn substitutable(&mut self, head: ElementKey) -> Vec<Member> {
        let head = self.set.arenas.elements[head].resolved_ref.unwrap_or(head);
        let mut keys = vec![head];
        keys.extend(self.members.get(&head).cloned().unwrap_or_default());
        let mut members = Vec::new();
        for key in keys {
            let element = &self.set.arenas.elements[key];
            if let (Some(name), Some(&id)) = (element.name, self.element_ids.get(&key)) {
                let name = self.name(element.target_namespace, name);
                let proposed = key == head || self.set.arenas.elements[head].is_abstract;
                let is_abstract = element.is_abstract;
                members.push(Member { name, element: id, principal: proposed && !is_abstract, is_abstract });
            }
        }
        members
    }

    fn group_particle(
        &mut self,
        group: &ModelGroupDefResult,
        walk: &mut Walk<'_>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<Particle, BuildError> {
        let Some(reference) = &group.ref_name else {
            return self.members_of(group.compositor, &group.particles, walk, leaves);
        };
        let own = walk.original.filter(|(namespace, local, _)| {
            (*namespace, *local) == (reference.namespace, reference.local_name)
        });
        let found = match own {
            Some((_, _, original)) => Some(original),
            None => self.set.lookup_model_group(reference.namespace, reference.local_name),
        };
        let found = found.filter(|key| !walk.groups.contains(key) && walk.groups.len() < MAX_GROUPS);
        let Some((key, data)) = found.and_then(|key| Some((key, self.set.arenas.get_model_group(key)?)))
        else {
            let message = "a reference to a group leads nowhere, or round in a circle";
            return Err(BuildError::new(group.source.clone(), "src-resolve", message));
        };
        let mut groups = walk.groups.clone();
        groups.push(key);
        // A redefined group's reference to itself means what it was before.
        let original =
            data.redefine_original.zip(data.name).map(|(key, name)| (data.target_namespace, name, key));
        let mut inside = Walk {
            target: walk.target,
            elements: &data.resolved_particle_elements,
            next: 0,
            groups,
            original,
        };
        self.members_of(data.compositor, &data.particles, &mut inside, leaves)
    }

    fn members_of(
        &mut self,
        compositor: Option<Compositor>,
        particles: &[ParticleResult],
        walk: &mut Walk<'_>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<Particle, BuildError> {
        let mut items = Vec::with_capacity(particles.len());
        for particle in particles {
            let item = self.particle(particle, walk, leaves)?;
            // What may come no time at all is no particle (§3.3.2, §3.8.2, §3.10.2): no branch of a choice, above all.
            if particle.max_occurs != Some(0) {
                items.push(item);
            }
        }
        Ok(match compositor.unwrap_or(Compositor::Sequence) {
            Compositor::Sequence => Particle::sequence(items),
            Compositor::Choice => Particle::choice(items),
            Compositor::All => all(&items),
        })
    }

    /// A wildcard, its namespaces written out (part 1 §3.10.2).
    pub(super) fn wildcard(&mut self, wildcard: &WildcardResult, target: Option<TheirName>) -> Wildcard {
        let documents = &self.set.documents;
        let declared = wildcard.source.as_ref().and_then(|source| documents.get(source.doc_id as usize));
        let target = declared.map_or(target, |document| document.target_namespace);
        let namespaces = match &wildcard.namespace {
            WildcardNamespace::Any => Namespaces::Any,
            WildcardNamespace::Other => {
                let mut excluded = vec![NamespaceId::NONE, self.space(target)];
                excluded.sort_unstable();
                excluded.dedup();
                Namespaces::Not(excluded)
            }
            WildcardNamespace::TargetNamespace => Namespaces::Of(vec![self.space(target)]),
            WildcardNamespace::Local => Namespaces::Of(vec![NamespaceId::NONE]),
            WildcardNamespace::List(list) => {
                let mut listed: Vec<_> = list.iter().map(|token| self.space(token.resolve(target))).collect();
                listed.sort_unstable();
                listed.dedup();
                Namespaces::Of(listed)
            }
        };
        let process = match wildcard.process_contents {
            ProcessContents::Strict => Process::Strict,
            ProcessContents::Lax => Process::Lax,
            ProcessContents::Skip => Process::Skip,
        };
        Wildcard { namespaces, process }
    }

    fn leaf(&mut self, leaves: &mut Vec<Leaf>, term: Term, source: Option<&SourceRef>) -> Particle {
        leaves.push(Leaf { term, origin: self.origins.number(source) });
        Particle::Leaf(leaves.len() as u32 - 1)
    }

    pub(super) fn space(&mut self, namespace: Option<TheirName>) -> NamespaceId {
        let table = &self.set.name_table;
        namespace
            .map_or(NamespaceId::NONE, |namespace| self.names.intern_namespace(table.resolve_ref(namespace)))
    }
}

/// Where in the compiler's lists of resolved declarations a walk is.
struct Walk<'s> {
    target: Option<TheirName>,
    elements: &'s [Option<ElementKey>],
    next: usize,
    groups: Vec<ModelGroupKey>,
    /// Inside a redefined group: its name, and what it was before.
    original: Option<(Option<TheirName>, TheirName, ModelGroupKey)>,
}

/// Where particles are written, as numbers.
#[derive(Default)]
pub(super) struct Origins {
    known: HashMap<(DocumentId, usize, usize), u32>,
    sources: Vec<Option<SourceRef>>,
}

impl Origins {
    fn number(&mut self, source: Option<&SourceRef>) -> u32 {
        let fresh = self.sources.len() as u32;
        let place = source.map(|source| (source.doc_id, source.span.start, source.span.end));
        let known = place.map(|place| *self.known.entry(place).or_insert(fresh));
        if known.is_none_or(|known| known == fresh) {
            self.sources.push(source.cloned());
        }
        known.unwrap_or(fresh)
    }

    pub(super) fn source(&self, number: u32) -> Option<&SourceRef> {
        self.sources.get(number as usize)?.as_ref()
    }
}

fn all(items: &[Particle]) -> Particle {
    let mut members = Vec::new();
    for item in items {
        match item {
            Particle::Leaf(leaf) => members.push((*leaf, true)),
            Particle::Repeat { inner, min: 0, max: Some(1) } => {
                if let Particle::Leaf(leaf) = **inner {
                    members.push((leaf, false));
                }
            }
            // Nothing that occurs no time at all; anything else the compiler refuses.
            _ => {}
        }
    }
    if members.is_empty() { Particle::Empty } else { Particle::All { members, optional: false } }
}
