//! `xs:ID` and `xs:IDREF` over a document (part 1 §3.14.4, §5.2).

use std::collections::BinaryHeap;

use super::Stop;
use super::fingerprint::Fingerprint;
use super::prints::{Kept, Prints, Room, words};

/// References of one start tag whose room is kept for the next one's.
const MAX_FRESH: usize = 1024;

/// Where something is, in few bytes: lines and columns beyond four thousand millions are not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    line: u32,
    column: u32,
}

impl Place {
    /// Of a start tag that is yet to be placed.
    pub(super) const OPEN: Place = Place { line: 0, column: 0 };

    pub(super) fn new(line: u64, column: u64) -> Place {
        let few = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Place { line: few(line), column: few(column) }
    }

    /// Line and column, as far as they are known.
    pub(super) fn told(self) -> (Option<u64>, Option<u64>) {
        let known = |number: u32| (number != u32::MAX).then_some(u64::from(number));
        (known(self.line), known(self.column))
    }
}

/// What is referred to, with the place of the reference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference {
    to: [u64; 2],
    pub(super) at: Place,
}

impl Reference {
    pub(super) fn new(to: Fingerprint, at: Place) -> Reference {
        Reference { at, ..Reference::of(words(to)) }
    }
}

impl Kept for Reference {
    fn of(words: [u64; 2]) -> Self {
        Reference { to: words, at: Place::OPEN }
    }

    fn words(&self) -> [u64; 2] {
        self.to
    }
}

#[derive(Debug, Default)]
pub(super) struct Identifiers {
    ids: Prints,
    /// What is referred to, with the place of the first reference.
    references: Prints<Reference>,
    /// References whose place is yet to be told.
    fresh: Vec<Fingerprint>,
}

impl Identifiers {
    /// Begins another document, for which there is all room again.
    pub(super) fn clear(&mut self) {
        *self = Identifiers::default();
    }

    /// How many identifiers and references there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.ids.len(), self.references.len())
    }

    /// Takes an identifier; false when the document has it already.
    pub(super) fn define(&mut self, id: Fingerprint, room: &mut Room) -> Result<bool, Stop> {
        self.ids.insert(id, room)
    }

    pub(super) fn refer(&mut self, id: Fingerprint, at: Place, room: &mut Room) -> Result<(), Stop> {
        if self.ids.contains(id) || !self.references.insert(id, room)? {
            return Ok(());
        }
        if at == Place::OPEN {
            self.fresh.push(id);
        } else if let Some(reference) = self.references.get_mut(id) {
            reference.at = at;
        }
        Ok(())
    }

    /// Gives references made in a start tag their place.
    #[inline]
    pub(super) fn place(&mut self, line: u64, column: u64) {
        if self.fresh.is_empty() {
            return;
        }
        for id in self.fresh.drain(..) {
            if let Some(reference) = self.references.get_mut(id) {
                reference.at = Place::new(line, column);
            }
        }
        self.fresh.shrink_to(MAX_FRESH);
    }

    /// The first places of references that lead nowhere, in order, and how many there are in all.
    pub(super) fn dangling(&self, most: usize) -> (Vec<Place>, u64) {
        let (mut first, mut all) = (BinaryHeap::new(), 0);
        for (id, reference) in self.references.iter() {
            if self.ids.contains(id) {
                continue;
            }
            all += 1;
            first.push(reference.at);
            if first.len() > most {
                first.pop();
            }
        }
        (first.into_sorted_vec(), all)
    }
}

/// The first places where something leads nowhere, as many as are told, and how many there are in all.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) first: Vec<Place>,
    most: usize,
    pub(super) all: u64,
}

impl Lost {
    pub(super) fn new(most: usize) -> Lost {
        Lost { first: Vec::new(), most, all: 0 }
    }

    pub(super) fn add(&mut self, at: Place) {
        self.all += 1;
        if self.first.len() < self.most {
            self.first.push(at);
        }
    }
}
