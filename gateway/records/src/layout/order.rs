//! One order for the fields of a content model.
//!
//! Where a name occurs in one place only, document order is that order. Where it occurs in several branches of a
//! choice, the fields are sorted so that every branch finds its own in the order it asks for; if no such order
//! exists, CSV columns and JSON members, which come in no order of their own, could not be held to the model.

use sekisho_xsd::Particle;

/// Every pair (a, b) of field numbers such that a sequence asks for a before b.
///
/// `number` gives the field of an element; `pairs` must hold one bit a pair, row by row.
pub(super) struct Precedence {
    fields: usize,
    before: Vec<bool>,
}

impl Precedence {
    pub(super) fn of(
        content: &[Particle],
        fields: usize,
        number: &dyn Fn(&Particle) -> Option<usize>,
    ) -> Precedence {
        let mut precedence = Precedence { fields, before: vec![false; fields * fields] };
        let mut all = Vec::new();
        precedence.sequence(content, number, &mut all);
        precedence
    }

    /// Adds to `seen` the fields of `items`, and to the pairs what their sequence asks for.
    fn sequence(
        &mut self,
        items: &[Particle],
        number: &dyn Fn(&Particle) -> Option<usize>,
        seen: &mut Vec<usize>,
    ) {
        let mut earlier: Vec<usize> = Vec::new();
        for item in items {
            let mut here = Vec::new();
            self.particle(item, number, &mut here);
            for &a in &earlier {
                for &b in &here {
                    self.before[a * self.fields + b] = true;
                }
            }
            for field in here {
                if !earlier.contains(&field) {
                    earlier.push(field);
                }
            }
        }
        seen.extend(earlier);
    }

    fn particle(
        &mut self,
        item: &Particle,
        number: &dyn Fn(&Particle) -> Option<usize>,
        seen: &mut Vec<usize>,
    ) {
        match item {
            Particle::Element(_) => seen.extend(number(item)),
            Particle::Sequence { items, .. } => self.sequence(items, number, seen),
            Particle::Choice { items, .. } | Particle::All { items, .. } => {
                for item in items {
                    self.particle(item, number, seen);
                }
            }
        }
    }

    /// The fields sorted, as near to their numbers as the pairs allow; or a field that is in a circle.
    pub(super) fn sorted(&self) -> Result<Vec<usize>, usize> {
        let mut placed = vec![false; self.fields];
        let mut order = Vec::with_capacity(self.fields);
        while order.len() < self.fields {
            let free = |&b: &usize| {
                !placed[b]
                    && (0..self.fields).all(|a| !self.before[a * self.fields + b] || (placed[a] && a != b))
            };
            let Some(next) = (0..self.fields).find(free) else {
                return Err((0..self.fields).find(|&field| !placed[field]).unwrap_or(0));
            };
            placed[next] = true;
            order.push(next);
        }
        Ok(order)
    }
}
