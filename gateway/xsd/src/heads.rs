//! References to elements that others may stand for, written out as choices (part 1 §3.9.6, Particle Valid (Restriction),
//! clause 2.1).
//!
//! So a restriction may take some of the elements, in the place of their head among others, or one after the other where
//! the head may come often. The compiler compares such a reference as the element that it is. Where it refuses a
//! restriction, it is asked again with choices in the place of references; only then, since it takes some that it would
//! not take in this form.
//!
//! It compares choices in order, and what stands for a head has none: so each choice names its own element as often as
//! there are branches on the other side that this could be compared with.

use std::collections::{HashMap, HashSet};

use xsd_schema::arenas::SchemaArenas;
use xsd_schema::parser::frames::{
    ComplexContentResult, Compositor, ModelGroupDefResult, ParticleResult, ParticleTerm, QNameRef,
};
use xsd_schema::{ElementKey, NameId, SchemaError, SchemaSet};

use crate::written::{Complex, Place, Rewrite, place, rewrite};

/// The most particles that may come in the place of references.
const MAX_WRITTEN_OUT: usize = 100_000;
/// The most elements of substitution groups with which that is tried.
const MAX_ELEMENTS: usize = 2_000;

type Name = (Option<NameId>, NameId);

/// How references to elements are shown to the compiler.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heads {
    AsWritten,
    WrittenOut,
}

impl Heads {
    /// Whether something else may come out when references are written out.
    pub(crate) fn matter(error: &SchemaError) -> bool {
        matches!(error, SchemaError::StructuralError { constraint: "derivation-ok-restriction", .. })
    }
}

/// Content with references that are written out, and how it was.
#[derive(Default)]
pub(crate) struct WrittenOut {
    /// How often the element of each name is named; none that nothing stands for and that stands for nothing.
    often: HashMap<Name, usize>,
    added: usize,
    types: HashMap<Place, Original>,
    groups: HashMap<Place, Original>,
}

/// What a content model was, with which of the elements in its place are those of the original.
struct Original {
    particles: Vec<ParticleResult>,
    kept: Vec<bool>,
}

impl WrittenOut {
    /// Writes references out in documents that have been read and of which nothing is resolved yet; `None` where there
    /// are none, or too many.
    pub(crate) fn take(set: &mut SchemaSet) -> Option<WrittenOut> {
        let mut out = WrittenOut { often: often(&set.arenas), ..WrittenOut::default() };
        if out.often.is_empty() {
            return None;
        }
        let groups: Vec<_> = set.arenas.model_groups.iter().map(|(key, _)| key).collect();
        for key in groups {
            let group = &mut set.arenas.entries_mut().model_groups[key];
            if let Some(source) = group.source.as_ref().filter(|_| group.compositor != Some(Compositor::All))
                && let Some(original) = out.write_out(&mut group.particles)
            {
                out.groups.insert(place(source), original);
            }
        }
        rewrite(set, &mut out);
        (out.added > 0 && out.added < MAX_WRITTEN_OUT).then_some(out)
    }

    /// Puts the references back.
    pub(crate) fn put_back(mut self, set: &mut SchemaSet) {
        let SchemaArenas { complex_types, model_groups, .. } = set.arenas.entries_mut();
        for (_, ty) in complex_types.iter_mut() {
            let original = ty.source.as_ref().and_then(|source| self.types.get(&place(source)));
            if let (Some(original), Some(group)) = (original, group(&mut ty.content)) {
                group.particles.clone_from(&original.particles);
                original.leave(&mut ty.resolved_content_particle_elements);
            }
        }
        for (_, group) in model_groups.iter_mut() {
            let original = group.source.as_ref().and_then(|source| self.groups.remove(&place(source)));
            if let Some(original) = original {
                original.leave(&mut group.resolved_particle_elements);
                group.particles = original.particles;
            }
        }
    }

    fn write_out(&mut self, particles: &mut [ParticleResult]) -> Option<Original> {
        let (before, original) = (self.added, particles.to_vec());
        let mut kept = Vec::new();
        self.particles(particles, &mut kept);
        (self.added > before).then_some(Original { particles: original, kept })
    }

    fn particles(&mut self, particles: &mut [ParticleResult], kept: &mut Vec<bool>) {
        for particle in particles {
            match &mut particle.term {
                // What stands in xs:all is elements; such groups are the whole content, and are not looked into.
                ParticleTerm::Group(group) if group.ref_name.is_none() => {
                    self.particles(&mut group.particles, kept);
                }
                ParticleTerm::Group(_) | ParticleTerm::Any(_) => {}
                ParticleTerm::Element(element) => {
                    kept.push(true);
                    let often = element.ref_name.as_ref().and_then(|name| self.often.get(&name_of(name)));
                    let Some(&often) = often.filter(|_| particle.max_occurs != Some(0)) else { continue };
                    self.added = self.added.saturating_add(often);
                    if self.added < MAX_WRITTEN_OUT {
                        kept.resize(kept.len() + often - 1, false);
                        *particle = choice(particle, often);
                    }
                }
            }
        }
    }
}

impl Rewrite for WrittenOut {
    fn complex(&mut self, ty: Complex<'_>) {
        if let (Some(source), Some(group)) = (ty.source, group(ty.content))
            && group.ref_name.is_none()
            && group.compositor != Some(Compositor::All)
            && let Some(original) = self.write_out(&mut group.particles)
        {
            self.types.insert(place(source), original);
        }
    }
}

impl Original {
    /// Leaves what was found of the original's elements.
    fn leave(&self, found: &mut Vec<Option<ElementKey>>) {
        let mut kept = self.kept.iter();
        found.retain(|_| kept.next().copied().unwrap_or(true));
    }
}

/// A choice of an element and itself, as often as the particle.
fn choice(particle: &ParticleResult, often: usize) -> ParticleResult {
    let (min_occurs, max_occurs) = (particle.min_occurs, particle.max_occurs);
    let mut one = particle.clone();
    (one.min_occurs, one.max_occurs) = (1, Some(1));
    if let ParticleTerm::Element(element) = &mut one.term {
        (element.min_occurs, element.max_occurs) = (1, Some(1));
    }
    let group = ModelGroupDefResult {
        name: None,
        ref_name: None,
        compositor: Some(Compositor::Choice),
        particles: vec![one; often],
        min_occurs,
        max_occurs,
        id: None,
        annotation: None,
        source: particle.source.clone(),
    };
    ParticleResult {
        term: ParticleTerm::Group(group),
        min_occurs,
        max_occurs,
        source: particle.source.clone(),
    }
}

/// The group that is a type's content.
fn group(content: &mut ComplexContentResult) -> Option<&mut ModelGroupDefResult> {
    let ComplexContentResult::Complex(def) = content else { return None };
    match &mut def.particle.as_mut()?.term {
        ParticleTerm::Group(group) => Some(group),
        ParticleTerm::Element(_) | ParticleTerm::Any(_) => None,
    }
}

/// For each element of a substitution group twice as many as may stand for it, itself among them: more than once at
/// least, since a choice of one is compared as that one, and more than all that may stand for it together.
fn often(arenas: &SchemaArenas) -> HashMap<Name, usize> {
    let mut members: HashMap<Name, Vec<Name>> = HashMap::new();
    let mut names = HashSet::new();
    for (_, element) in arenas.elements.iter() {
        let Some(own) = element.name.map(|local| (element.target_namespace, local)) else { continue };
        for head in &element.substitution_group {
            members.entry(name_of(head)).or_default().push(own);
            names.extend([own, name_of(head)]);
        }
    }
    let mut often = HashMap::new();
    if names.len() > MAX_ELEMENTS {
        return often;
    }
    for name in names {
        let mut found = HashSet::from([name]);
        let mut waiting = vec![name];
        while let Some(head) = waiting.pop() {
            waiting.extend(members.get(&head).into_iter().flatten().filter(|&&member| found.insert(member)));
        }
        // A member has two of its own, and so has each that may stand for it.
        let all =
            found.iter().map(|member| members.get(member).map_or(2, |direct| 2 * direct.len() + 2)).sum();
        often.insert(name, all);
    }
    often
}

fn name_of(reference: &QNameRef) -> Name {
    (reference.namespace, reference.local_name)
}
