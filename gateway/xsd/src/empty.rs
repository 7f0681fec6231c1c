//! Groups with nothing inside, as the whole content of a type (part 1 §3.4.2, effective content, clause 2.1).
//!
//! Such a type is empty, as if no group were written, and any group may extend it. The compiler looks at the group, and
//! refuses to add to it. So it does not see the group.

use xsd_schema::SchemaSet;
use xsd_schema::parser::frames::{ComplexContentResult, Compositor, ParticleResult, ParticleTerm};

/// Leaves out such groups of types that have been read and of which nothing is checked yet: those that are derived from
/// nothing, since of a derivation it counts that there is a group. What has a name can be a base, and what has none cannot.
pub(crate) fn leave_out(set: &mut SchemaSet) {
    for (_, ty) in set.arenas.entries_mut().complex_types.iter_mut() {
        if let ComplexContentResult::Complex(def) = &mut ty.content
            && def.base_type.is_none()
            && def.particle.as_ref().is_some_and(is_empty)
        {
            def.particle = None;
            if !def.mixed && !ty.mixed {
                ty.content = ComplexContentResult::Empty;
            }
        }
    }
}

/// Whether it is such a group, with nothing about it that would be wrong.
fn is_empty(particle: &ParticleResult) -> bool {
    let ParticleTerm::Group(group) = &particle.term else { return false };
    let (min, max) = (particle.min_occurs, particle.max_occurs);
    let written = match group.compositor {
        Some(Compositor::All) => min <= 1 && max == Some(1),
        Some(Compositor::Choice) => min == 0,
        _ => max.is_none_or(|max| min <= max),
    };
    group.ref_name.is_none() && group.particles.is_empty() && written
}
