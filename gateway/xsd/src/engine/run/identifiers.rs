//! `xs:ID` and `xs:IDREF` over a document (part 1 §3.14.4, §5.2).

use std::collections::{HashMap, HashSet};

use super::Stop;
use super::fingerprint::{Fingerprint, Hashed};

/// The most identifiers and different references that are kept.
const MAX_KEPT: usize = 1 << 22;

#[derive(Debug, Default)]
pub(super) struct Identifiers {
    ids: HashSet<Fingerprint, Hashed>,
    /// What is referred to, with the place of the first reference.
    references: HashMap<Fingerprint, (u64, u64), Hashed>,
    /// References whose place is yet to be told.
    fresh: Vec<Fingerprint>,
}

impl Identifiers {
    pub(super) fn clear(&mut self) {
        self.ids = HashSet::default();
        self.references = HashMap::default();
        self.fresh.clear();
    }

    /// How many identifiers and references there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.ids.len(), self.references.len())
    }

    /// Takes an identifier; false when the document has it already.
    pub(super) fn define(&mut self, id: Fingerprint) -> Result<bool, Stop> {
        self.room()?;
        Ok(self.ids.insert(id))
    }

    pub(super) fn refer(&mut self, id: Fingerprint, line: u64, column: u64) -> Result<(), Stop> {
        if !self.ids.contains(&id) {
            self.room()?;
            self.references.entry(id).or_insert((line, column));
            if line == 0 {
                self.fresh.push(id);
            }
        }
        Ok(())
    }

    /// Gives references made in a start tag their place.
    #[inline]
    pub(super) fn place(&mut self, line: u64, column: u64) {
        for id in self.fresh.drain(..) {
            if let Some(at) = self.references.get_mut(&id).filter(|at| at.0 == 0) {
                *at = (line, column);
            }
        }
    }

    /// The places of references that lead nowhere, in order.
    pub(super) fn dangling(&self) -> Vec<(u64, u64)> {
        let gone = self.references.iter().filter(|(id, _)| !self.ids.contains(*id));
        let mut places: Vec<_> = gone.map(|(_, &at)| at).collect();
        places.sort_unstable();
        places
    }

    fn room(&self) -> Result<(), Stop> {
        if self.ids.len() + self.references.len() >= MAX_KEPT {
            return Err(Stop::Limit("identifiers and references to them", MAX_KEPT as u64));
        }
        Ok(())
    }
}
