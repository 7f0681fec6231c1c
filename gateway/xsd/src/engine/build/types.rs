//! Complex types.

use sekisho_datatypes::{Builtin, TypeId};
use xsd_schema::arenas::ComplexTypeDefData;
use xsd_schema::parser::frames::{
    ComplexContentResult, Compositor, DerivationMethod, ParticleResult, ParticleTerm,
};
use xsd_schema::schema::model::DerivationSet;
use xsd_schema::{ComplexTypeKey, TypeKey};

use super::simple::no_base;
use super::{Build, BuildError, definition, model};
use crate::engine::content::{Leaf, Model, Particle, Term};
use crate::engine::grammar::{AttributesId, Content, ModelId, Type, Ways, Wildcard};

/// How deep derivation is followed; the compiler refuses deeper chains.
pub(super) const MAX_DERIVATION: usize = 256;

/// What kind of content a type has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Simple,
    Elements,
    Mixed,
}

impl Build<'_> {
    pub(super) fn complex_definition(&mut self, key: ComplexTypeKey) -> Result<Type, BuildError> {
        let set = self.set;
        let ty = &set.arenas.complex_types[key];
        let any_type = set.any_type_key();
        // Where nothing is written of a derivation, there is no method either.
        if ty.derivation_method.is_some() && ty.base_type.is_none() && ty.source.is_some() {
            return Err(no_base(ty.source.as_ref(), "s4s-att-must-appear"));
        }
        let base = match ty.resolved_base_type {
            _ if key == any_type => None,
            Some(base) => Some(base),
            None => Some(TypeKey::Complex(any_type)),
        };
        let way = match ty.derivation_method {
            Some(DerivationMethod::Extension) => Ways::EXTENSION,
            _ => Ways::RESTRICTION,
        };
        let content = match self.kind(key, 0) {
            Kind::Empty => Content::Empty,
            Kind::Simple => Content::Simple(self.simple_content(key, 0)?),
            Kind::Elements => Content::Elements(self.model(key, ty)?),
            Kind::Mixed => Content::Mixed(self.model(key, ty)?),
        };
        let attributes = self.attributes(key)?;
        self.attribute_sets.push(attributes);
        Ok(Type {
            base: base.and_then(|base| self.type_index.get(&base).copied()),
            way,
            block: ways(ty.block),
            is_abstract: ty.is_abstract,
            content,
            attributes: Some(AttributesId(self.attribute_sets.len() as u32 - 1)),
            members: Vec::new(),
        })
    }

    /// Part 1 §3.4.2, `{content type}`.
    pub(super) fn kind(&self, key: ComplexTypeKey, depth: usize) -> Kind {
        if key == self.set.any_type_key() {
            return Kind::Mixed;
        }
        let ty = &self.set.arenas.complex_types[key];
        match &ty.content {
            ComplexContentResult::Simple(_) => Kind::Simple,
            ComplexContentResult::Empty if ty.mixed => Kind::Mixed,
            ComplexContentResult::Empty => Kind::Empty,
            ComplexContentResult::Complex(def) => {
                let particle = def.particle.as_ref();
                let nothing = particle.is_none_or(is_nothing);
                match (ty.mixed || def.mixed, nothing, ty.derivation_method, ty.resolved_base_type) {
                    (true, ..) => Kind::Mixed,
                    (false, false, ..) => Kind::Elements,
                    // What an extension adds nothing to stays what it is.
                    (false, true, Some(DerivationMethod::Extension), Some(TypeKey::Complex(base)))
                        if depth < MAX_DERIVATION =>
                    {
                        self.kind(base, depth + 1)
                    }
                    (false, true, ..) => Kind::Empty,
                }
            }
        }
    }

    fn model(&mut self, key: ComplexTypeKey, ty: &ComplexTypeDefData) -> Result<ModelId, BuildError> {
        let mut leaves = Vec::new();
        let particle: Particle = self.content_particle(key, &mut leaves, 0)?;
        let refused = |error| model(error, ty.source.as_ref());
        let competing = self.attribution.competing(&particle, &leaves, &self.names).map_err(refused)?;
        if let Some([first, second]) = competing {
            return Err(self.ambiguous(&leaves[first as usize], &leaves[second as usize]));
        }
        self.leave_to_wildcards(&mut leaves);
        let built = Model::build(&particle, &leaves, &self.names).map_err(refused)?;
        self.models.push(built);
        Ok(ModelId(self.models.len() as u32 - 1))
    }

    /// An abstract element is taken by no particle of its own (part 1 §3.9.4), and so by the wildcard beside it. Where there
    /// is none, its name stays: what is wrong is that it is abstract.
    fn leave_to_wildcards(&self, leaves: &mut [Leaf]) {
        let wildcards: Vec<Wildcard> = leaves
            .iter()
            .filter_map(|leaf| match &leaf.term {
                Term::Wildcard(wildcard) => Some(wildcard.clone()),
                Term::Elements(_) => None,
            })
            .collect();
        let taken = |name| wildcards.iter().any(|any| any.namespaces.allow(self.names.namespace_of(name)));
        for leaf in leaves {
            if let Term::Elements(members) = &mut leaf.term {
                members.retain(|member| !member.is_abstract || !taken(member.name));
            }
        }
    }

    fn ambiguous(&self, first: &Leaf, second: &Leaf) -> BuildError {
        let name = |leaf: &Leaf| match &leaf.term {
            Term::Elements(members) => members.first().map(|own| self.names.local(own.name)),
            Term::Wildcard(_) => None,
        };
        // Only the wildcard that an extension of xs:anyType has from there is written nowhere.
        let place = match self.origins.source(second.origin) {
            Some(source) => (self.compiler.place)(Some(source)),
            None => "xs:anyType".to_owned(),
        };
        let message = match (name(first), name(second)) {
            (Some(first), Some(second)) => format!(
                "the elements {first} and {second} ({place}) compete for what comes next: it must be clear which one is meant"
            ),
            (Some(element), None) | (None, Some(element)) => format!(
                "the element {element} and a wildcard ({place}) compete for what comes next: it must be clear which one is meant"
            ),
            (None, None) => format!(
                "this wildcard and another one ({place}) compete for what comes next: it must be clear which one is meant"
            ),
        };
        let source = self.origins.source(first.origin).cloned();
        BuildError::new(source, "cos-nonambig", message)
    }

    /// The simple type of a complex type's simple content (part 1 §3.4.2).
    fn simple_content(&mut self, key: ComplexTypeKey, depth: usize) -> Result<TypeId, BuildError> {
        if let Some(&known) = self.simple_content.get(&key) {
            return Ok(known);
        }
        let set = self.set;
        let ty = &set.arenas.complex_types[key];
        let any = Builtin::AnySimpleType.id();
        let base = match ty.resolved_simple_content_type.or(ty.resolved_base_type) {
            Some(TypeKey::Simple(base)) => self.simple_type(base)?.unwrap_or(any),
            Some(TypeKey::Complex(base)) if depth < MAX_DERIVATION && self.kind(base, 0) == Kind::Simple => {
                self.simple_content(base, depth + 1)?
            }
            _ => any,
        };
        let own = match &ty.content {
            ComplexContentResult::Simple(def)
                if def.derivation == DerivationMethod::Restriction && !def.facets.is_empty() =>
            {
                let facets = self.facets(&def.facets);
                let restricted = self.simple.restrict(base, None, facets);
                restricted.map_err(|error| definition(&error, ty.source.as_ref()))?
            }
            _ => base,
        };
        self.simple_content.insert(key, own);
        Ok(own)
    }
}

/// Whether the effective content of a type with this particle is empty (part 1 §3.4.2, effective content, clause 2.1): the
/// group that is written there has nothing inside. A reference to such a group is a particle all the same.
fn is_nothing(particle: &ParticleResult) -> bool {
    if particle.max_occurs == Some(0) {
        return true;
    }
    match &particle.term {
        ParticleTerm::Group(group) if group.ref_name.is_none() && group.particles.is_empty() => {
            group.compositor != Some(Compositor::Choice) || particle.min_occurs == 0
        }
        _ => false,
    }
}

/// Their set of ways as ours.
pub(super) fn ways(set: DerivationSet) -> Ways {
    let pairs = [
        (DerivationSet::EXTENSION, Ways::EXTENSION),
        (DerivationSet::RESTRICTION, Ways::RESTRICTION),
        (DerivationSet::LIST, Ways::LIST),
        (DerivationSet::UNION, Ways::UNION),
        (DerivationSet::SUBSTITUTION, Ways::SUBSTITUTION),
    ];
    pairs
        .iter()
        .filter(|(theirs, _)| set.contains(*theirs))
        .fold(Ways::default(), |all, (_, ours)| all.and(*ours))
}
