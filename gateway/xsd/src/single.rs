//! An optional `xs:all` of one element, as what is left of another one (part 1 §3.9.6).
//!
//! Whether such a group is ignored or not, it restricts an optional `xs:all` that has the element. The compiler makes an
//! optional element of it, which a required one cannot be restricted to. A sequence it compares as it is written; so it
//! sees one.

use std::collections::HashSet;

use xsd_schema::SchemaSet;
use xsd_schema::parser::frames::{
    ComplexContentResult, Compositor, DerivationMethod, ModelGroupDefResult, ParticleTerm,
};

use crate::written::{Complex, Place, Rewrite, place, rewrite};

/// The types with such a group.
#[derive(Default)]
pub(crate) struct Single(HashSet<Place>);

impl Single {
    /// Makes a sequence of each such group in types that have been read and of which nothing is checked yet.
    pub(crate) fn take(set: &mut SchemaSet) -> Single {
        let mut single = Single::default();
        rewrite(set, &mut single);
        single
    }

    /// Makes them what they are again.
    pub(crate) fn put_back(&self, set: &mut SchemaSet) {
        for (_, ty) in set.arenas.entries_mut().complex_types.iter_mut() {
            if ty.source.as_ref().is_some_and(|source| self.0.contains(&place(source)))
                && let Some((group, _)) = group(&mut ty.content)
            {
                group.compositor = Some(Compositor::All);
            }
        }
    }
}

impl Rewrite for Single {
    fn complex(&mut self, ty: Complex<'_>) {
        let (Some(source), Some(_), Some(DerivationMethod::Restriction)) = (ty.source, ty.base, ty.method)
        else {
            return;
        };
        let Some((group, (0, Some(1)))) = group(ty.content) else { return };
        let [only] = &group.particles[..] else { return };
        // Anything else is wrong there, and the compiler says so.
        let one = matches!(only.term, ParticleTerm::Element(_)) && only.max_occurs == Some(1);
        if group.ref_name.is_none() && group.compositor == Some(Compositor::All) && one {
            group.compositor = Some(Compositor::Sequence);
            self.0.insert(place(source));
        }
    }
}

/// The group that is a type's content, with how often it may occur.
fn group(content: &mut ComplexContentResult) -> Option<(&mut ModelGroupDefResult, (u32, Option<u32>))> {
    let ComplexContentResult::Complex(def) = content else { return None };
    let particle = def.particle.as_mut()?;
    let occurs = (particle.min_occurs, particle.max_occurs);
    match &mut particle.term {
        ParticleTerm::Group(group) => Some((group, occurs)),
        ParticleTerm::Element(_) | ParticleTerm::Any(_) => None,
    }
}
