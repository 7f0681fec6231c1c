//! `xs:ID` and `xs:IDREF` over a document (part 1 §3.14.4, §5.2).

use std::collections::BinaryHeap;

use super::Stop;
use super::fingerprint::Fingerprint;
use super::prints::{Kept, Prints, Room};
use super::sites::Sites;

/// References of one start tag whose room is kept for the next one's.
const MAX_FRESH: usize = 1024;

/// What is referred to, and which site the first reference to it has.
#[derive(Debug, Clone, Copy)]
struct Reference {
    to: [u64; 2],
    site: u32,
}

impl Kept for Reference {
    fn of(words: [u64; 2]) -> Self {
        Reference { to: words, site: 0 }
    }

    fn words(&self) -> [u64; 2] {
        self.to
    }
}

#[derive(Debug, Default)]
pub(super) struct Identifiers {
    ids: Prints,
    references: Prints<Reference>,
    sites: Sites,
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

    /// Takes a reference. The site of those that are taken is told afterwards ([`Identifiers::place`]).
    pub(super) fn refer(&mut self, id: Fingerprint, room: &mut Room) -> Result<(), Stop> {
        if !self.ids.contains(id) && self.references.insert(id, room)? {
            self.fresh.push(id);
        }
        Ok(())
    }

    /// Whether there are references whose site is yet to be told.
    #[inline]
    pub(super) fn awaits_place(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Gives them their site.
    pub(super) fn place(&mut self, site: &[u64], room: &mut Room) {
        // What they take together is far from four thousand millions of them.
        let site = u32::try_from(self.sites.push(site, room)).unwrap_or(u32::MAX);
        for id in self.fresh.drain(..) {
            if let Some(reference) = self.references.get_mut(id) {
                reference.site = site;
            }
        }
        self.fresh.shrink_to(MAX_FRESH);
    }

    /// The first references that lead nowhere.
    pub(super) fn dangling(&self, most: usize) -> Lost {
        let (mut first, mut all) = (BinaryHeap::new(), 0);
        for (id, reference) in self.references.iter() {
            if self.ids.contains(id) {
                continue;
            }
            all += 1;
            first.push(reference.site);
            if first.len() > most {
                first.pop();
            }
        }
        let first = first.into_sorted_vec().into_iter();
        Lost { first: first.filter_map(|site| self.sites.row(site as usize)).collect(), most, all }
    }
}

/// The first sites where something leads nowhere, as many as are told, and how many there are in all.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) first: Vec<Vec<u64>>,
    most: usize,
    pub(super) all: u64,
}

impl Lost {
    pub(super) fn new(most: usize) -> Lost {
        Lost { first: Vec::new(), most, all: 0 }
    }

    pub(super) fn add(&mut self, site: &[u64]) {
        self.all += 1;
        if self.first.len() < self.most {
            self.first.push(site.to_vec());
        }
    }
}
