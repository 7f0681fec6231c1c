//! Positions and what may follow each: Glushkov's construction, with counters.
//!
//! A position is one particle that takes an element. What follows it is a short list of *links*, each to a list of
//! positions that several share, with what a link asks of the counters: to leave repetitions they must have come round
//! often enough, to go round once more not too often.

use std::collections::HashMap;

use super::alphabet::{Alphabet, Symbol};
use super::particle::{Leaf, Particle};
use super::{Match, ModelError};

/// The most entries of all lists together.
pub(crate) const MAX_LISTED: usize = 1 << 22;

/// A repetition that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
}

/// A way on from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Link {
    /// To the positions of a list. Counters from `level` on are left; with `again` the one before is counted up.
    To { list: u32, level: u32, again: bool },
    /// The content may end.
    End,
}

/// One place where an element is taken.
#[derive(Debug)]
pub(super) struct Position {
    pub(super) leaf: u32,
    /// An index into `Positions::follows`.
    pub(super) follow: u32,
    /// The counted repetitions around it, outermost first.
    pub(super) counters: Vec<Counter>,
}

#[derive(Debug, Default)]
pub(super) struct Positions {
    pub(super) all: Vec<Position>,
    pub(super) follows: Vec<Vec<Link>>,
    pub(super) lists: Vec<Vec<u32>>,
    /// What may come first.
    pub(super) start: u32,
    listed: usize,
}

impl Positions {
    pub(super) fn new(particle: &Particle) -> Result<Positions, ModelError> {
        let mut positions = Positions::default();
        let end = positions.follow(vec![Link::End]);
        let first = positions.place(particle, end, &mut Vec::new())?;
        let list = positions.list(first)?;
        let mut links = vec![Link::To { list, level: 0, again: false }];
        links.extend(particle.nullable().then_some(Link::End));
        positions.start = positions.follow(links);
        Ok(positions)
    }

    pub(super) fn bytes(&self) -> usize {
        let positions: usize =
            self.all.iter().map(|at| size_of_val(at) + size_of_val(&at.counters[..])).sum();
        let follows: usize =
            self.follows.iter().map(|links| size_of_val(links) + size_of_val(&links[..])).sum();
        let lists: usize = self.lists.iter().map(|list| size_of_val(list) + size_of_val(&list[..])).sum();
        positions + follows + lists
    }

    /// Makes the positions of `node`, after which comes `follow`; the ones that may come first, in order.
    fn place(
        &mut self,
        node: &Particle,
        follow: u32,
        counters: &mut Vec<Counter>,
    ) -> Result<Vec<u32>, ModelError> {
        Ok(match node {
            Particle::Empty | Particle::Never => Vec::new(),
            Particle::Leaf(leaf) => {
                self.all.push(Position { leaf: *leaf, follow, counters: counters.clone() });
                vec![self.all.len() as u32 - 1]
            }
            Particle::Choice(items) => {
                let mut first = Vec::new();
                for item in items {
                    first.extend(self.place(item, follow, counters)?);
                }
                first
            }
            Particle::Sequence(items) => self.sequence(items, follow, counters)?,
            Particle::Repeat { inner, min, max } => self.repeat(inner, *min, *max, follow, counters)?,
            Particle::All { .. } => return Err(ModelError::AllInside),
        })
    }

    fn sequence(
        &mut self,
        items: &[Particle],
        follow: u32,
        counters: &mut Vec<Counter>,
    ) -> Result<Vec<u32>, ModelError> {
        let mut first = Vec::new();
        let mut rest_follow = follow;
        let mut rest_nullable = true;
        // From the end, because what follows an item has to be there before it.
        for item in items.iter().rev() {
            let mut item_first = self.place(item, rest_follow, counters)?;
            if item.nullable() {
                item_first.extend_from_slice(&first);
            } else {
                rest_nullable = false;
            }
            first = item_first;
            let list = self.list(first.clone())?;
            let mut links = vec![Link::To { list, level: counters.len() as u32, again: false }];
            if rest_nullable {
                links.extend_from_slice(&self.follows[follow as usize].clone());
            }
            rest_follow = self.follow(links);
        }
        Ok(first)
    }

    fn repeat(
        &mut self,
        inner: &Particle,
        min: u32,
        max: Option<u32>,
        follow: u32,
        counters: &mut Vec<Counter>,
    ) -> Result<Vec<u32>, ModelError> {
        if max == Some(1) {
            return self.place(inner, follow, counters);
        }
        // Rounds that are not taken may be empty ones.
        let min = if inner.nullable() { 0 } else { min };
        let counted = max.is_some() || min > 1;
        // The way round leads to what comes first inside, which is known only afterwards.
        let list = self.list(Vec::new())?;
        counters.extend(counted.then_some(Counter { min, max }));
        let mut links = vec![Link::To { list, level: counters.len() as u32, again: counted }];
        links.extend_from_slice(&self.follows[follow as usize].clone());
        let around = self.follow(links);
        let first = self.place(inner, around, counters)?;
        if counted {
            counters.pop();
        }
        self.listed += first.len();
        self.lists[list as usize].clone_from(&first);
        Ok(first)
    }

    fn list(&mut self, positions: Vec<u32>) -> Result<u32, ModelError> {
        self.listed += positions.len();
        if self.listed > MAX_LISTED {
            return Err(ModelError::TooLarge);
        }
        self.lists.push(positions);
        Ok(self.lists.len() as u32 - 1)
    }

    fn follow(&mut self, links: Vec<Link>) -> u32 {
        self.follows.push(links);
        self.follows.len() as u32 - 1
    }
}

/// What a list takes: symbol, position, index into the model's matches; sorted by symbol.
pub(super) type Entries = Vec<(Symbol, u32, u32)>;

/// For each list, what it takes.
pub(super) fn by_symbol(
    positions: &Positions,
    leaves: &[Leaf],
    alphabet: &Alphabet,
    matches: &mut Vec<Match>,
) -> Result<Vec<Entries>, ModelError> {
    let mut known: HashMap<(u32, Symbol), u32> = HashMap::new();
    let symbols: Vec<Vec<(Symbol, u32)>> = leaves
        .iter()
        .enumerate()
        .map(|(term, leaf)| {
            let mut last: Option<(Match, u32)> = None;
            let mut taken = leaf.symbols(term as u32, alphabet);
            taken.sort_by_key(|(symbol, _)| *symbol);
            taken.dedup_by_key(|(symbol, _)| *symbol);
            taken
                .into_iter()
                .map(|(symbol, matched)| {
                    let index = *known.entry((term as u32, symbol)).or_insert_with(|| match last {
                        Some((same, index)) if same == matched => index,
                        _ => {
                            matches.push(matched);
                            matches.len() as u32 - 1
                        }
                    });
                    last = Some((matched, index));
                    (symbol, index)
                })
                .collect()
        })
        .collect();
    let mut total = 0;
    positions
        .lists
        .iter()
        .map(|list| {
            let mut entries: Vec<_> = list
                .iter()
                .flat_map(|&at| {
                    let leaf = positions.all[at as usize].leaf;
                    symbols[leaf as usize].iter().map(move |&(symbol, matched)| (symbol, at, matched))
                })
                .collect();
            total += entries.len();
            // The sort is stable: within a symbol, positions stay in the order of the schema.
            entries.sort_by_key(|(symbol, ..)| *symbol);
            if total > MAX_LISTED { Err(ModelError::TooLarge) } else { Ok(entries) }
        })
        .collect()
}
