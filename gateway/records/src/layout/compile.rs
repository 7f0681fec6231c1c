//! From a record type to levels of fields.

use std::collections::HashSet;

use sekisho_xml::QName;
use sekisho_xsd::{Element, ElementContent, Particle, SimpleType};

use super::{Field, FieldContent, LayoutError, Level, LevelId, MAX_DEPTH, MAX_FIELDS};

/// The levels of a record type, the record's own first.
pub(super) fn levels(element: &QName, content: &[Particle]) -> Result<Vec<Level>, LayoutError> {
    let mut levels = vec![Level::new(Vec::new(), true)];
    levels[0] = level(element, content, 1, &mut levels)?;
    Ok(levels)
}

/// One element as the content model has it, with the occurrences of the particles around it.
struct Occurrence<'t> {
    element: &'t Element,
    repeats: bool,
}

fn level(
    name: &QName,
    content: &[Particle],
    depth: usize,
    levels: &mut Vec<Level>,
) -> Result<Level, LayoutError> {
    let element = || name.local.to_string();
    if depth > MAX_DEPTH {
        return Err(LayoutError::TooLarge { element: element(), which: "levels of groups", max: MAX_DEPTH });
    }
    let mut occurrences = Vec::new();
    for particle in content {
        collect(name, particle, false, &mut occurrences)?;
    }
    if occurrences.is_empty() {
        return Err(LayoutError::Empty { element: element() });
    }
    if occurrences.len() > MAX_FIELDS {
        return Err(LayoutError::TooLarge { element: element(), which: "fields", max: MAX_FIELDS });
    }
    // A name in one place only: document order is then the one order that every valid choice of fields has.
    let mut locals: HashSet<&str> = HashSet::with_capacity(occurrences.len());
    let mut fields = Vec::with_capacity(occurrences.len());
    for occurrence in &occurrences {
        let local = &occurrence.element.name.local;
        if !locals.insert(local) {
            return Err(LayoutError::SameName { element: element(), field: local.to_string() });
        }
        fields.push(field(occurrence, depth, levels)?);
    }
    let ordered = !matches!(content, [Particle::All { .. }]);
    Ok(Level::new(fields, ordered))
}

/// Lists the elements of a particle in document order. `repeated`: a particle around may come several times.
fn collect<'t>(
    name: &QName,
    particle: &'t Particle,
    repeated: bool,
    out: &mut Vec<Occurrence<'t>>,
) -> Result<(), LayoutError> {
    let (max, items) = match particle {
        Particle::Element(element) => {
            if element.max != Some(0) {
                out.push(Occurrence { element, repeats: repeated || element.max != Some(1) });
            }
            return Ok(());
        }
        Particle::Sequence { max, items, .. } | Particle::Choice { max, items, .. } => (*max, items),
        Particle::All { items, .. } => (Some(1), items),
    };
    if max == Some(0) {
        return Ok(());
    }
    let repeats = repeated || max != Some(1);
    let before = out.len();
    for item in items {
        collect(name, item, repeats, out)?;
    }
    // Rounds of a single element are that element repeated; rounds of several are in an order of their own.
    if repeats && out.len() - before > 1 {
        return Err(LayoutError::RepeatedParticles { element: name.local.to_string() });
    }
    Ok(())
}

fn field(occurrence: &Occurrence<'_>, depth: usize, levels: &mut Vec<Level>) -> Result<Field, LayoutError> {
    let Occurrence { element, repeats } = *occurrence;
    let local = || element.name.local.to_string();
    let content = match &element.content {
        ElementContent::Simple(_) if repeats => return Err(LayoutError::RepeatedValue { field: local() }),
        ElementContent::Simple(ty) => FieldContent::Value(ty.clone()),
        ElementContent::Complex(_) if element.nillable => {
            return Err(LayoutError::NillableGroup { field: local() });
        }
        ElementContent::Complex(content) => {
            let inner = level(&element.name, content, depth + 1, levels)?;
            levels.push(inner);
            FieldContent::Group { level: LevelId(levels.len() as u16 - 1), repeats }
        }
    };
    if levels.len() > MAX_FIELDS {
        return Err(LayoutError::TooLarge { element: local(), which: "groups", max: MAX_FIELDS });
    }
    let stands_for = element.fixed.as_ref().or(element.default.as_ref());
    let default = match (&content, stands_for) {
        (FieldContent::Value(SimpleType { white_space, .. }), Some(text)) => {
            Some(white_space.normalise(text).into_owned())
        }
        _ => None,
    };
    let fixed = element.fixed.is_some();
    Ok(Field { name: element.name.clone(), nillable: element.nillable, default, fixed, content })
}
