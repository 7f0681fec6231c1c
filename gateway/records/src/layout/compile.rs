//! From a record type to levels of fields.

use std::collections::HashMap;

use sekisho_xml::QName;
use sekisho_xsd::{Element, ElementContent, Particle, SimpleType};

use super::order::Precedence;
use super::{Field, FieldContent, LayoutError, Level, LevelId, MAX_DEPTH, MAX_FIELDS};
use crate::check::white_space::normalised;

/// Fields of one level whose names occur several times in the content model: sorting them is cubic, and a schema
/// that repeats names among so many fields is not one that anybody reads.
const MAX_SORTED: usize = 512;

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
    let mut numbers: HashMap<&QName, usize> = HashMap::new();
    let mut distinct: Vec<Occurrence<'_>> = Vec::new();
    let mut names_repeat = false;
    for occurrence in occurrences {
        if let Some(&number) = numbers.get(&occurrence.element.name) {
            names_repeat = true;
            let first = &mut distinct[number];
            first.repeats |= occurrence.repeats;
            if !same_declaration(first.element, occurrence.element) {
                let field = occurrence.element.name.local.to_string();
                return Err(LayoutError::Inconsistent { element: element(), field });
            }
        } else {
            numbers.insert(&occurrence.element.name, distinct.len());
            distinct.push(occurrence);
        }
    }
    if distinct.is_empty() {
        return Err(LayoutError::Empty { element: element() });
    }
    if distinct.len() > MAX_FIELDS {
        return Err(LayoutError::TooLarge { element: element(), which: "fields", max: MAX_FIELDS });
    }
    let mut locals: HashMap<&str, ()> = HashMap::new();
    for occurrence in &distinct {
        if locals.insert(&occurrence.element.name.local, ()).is_some() {
            let field = occurrence.element.name.local.to_string();
            return Err(LayoutError::SameLocalName { element: element(), field });
        }
    }
    let order = if names_repeat {
        if distinct.len() > MAX_SORTED {
            return Err(LayoutError::TooLarge {
                element: element(),
                which: "fields where names occur more than once",
                max: MAX_SORTED,
            });
        }
        let number = |particle: &Particle| match particle {
            Particle::Element(element) => numbers.get(&element.name).copied(),
            _ => None,
        };
        Precedence::of(content, distinct.len(), &number).sorted().map_err(|field| LayoutError::Order {
            element: element(),
            field: distinct[field].element.name.local.to_string(),
        })?
    } else {
        (0..distinct.len()).collect()
    };
    let mut fields = Vec::with_capacity(order.len());
    for number in order {
        fields.push(field(&distinct[number], depth, levels)?);
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
            Some(normalised(text, *white_space).into_owned())
        }
        _ => None,
    };
    let fixed = element.fixed.is_some();
    Ok(Field { name: element.name.clone(), nillable: element.nillable, default, fixed, content })
}

/// Whether two declarations of one name mean the same, occurrence apart (cos-element-consistent asks for the same
/// type only).
fn same_declaration(a: &Element, b: &Element) -> bool {
    let content = match (&a.content, &b.content) {
        (ElementContent::Simple(a), ElementContent::Simple(b)) => a.id == b.id,
        (a, b) => a == b,
    };
    content && a.nillable == b.nillable && a.default == b.default && a.fixed == b.fixed
}
