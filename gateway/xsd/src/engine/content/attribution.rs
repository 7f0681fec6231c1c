//! Unique Particle Attribution (part 1 §3.8.6): whatever comes next, one particle at most may take it.
//!
//! What may come next is what the links of a position lead to. Positions that lead on alike, as the alternatives of a
//! choice do, are looked at once, so that the check is linear in the automaton. Repetitions stay repetitions: but for
//! one that has an exact number of rounds, coming round again and leaving are both open at its end.
//!
//! A group that is referred to twice is two: the letter of the rule can be read otherwise, but other processors refuse
//! what would be ambiguous if it were written out.

use super::ModelError;
use super::particle::{Leaf, Member, Particle, Term};
use super::positions::{Counter, Link, Positions};
use crate::engine::names::Names;

/// Two leaves that could take the same element.
pub(crate) type Competing = [u32; 2];

/// The check, with room that one model after the other uses.
#[derive(Debug, Default)]
pub(crate) struct Attribution {
    /// For each name the leaf that is called so, and the one that takes elements called so: the first in the set of
    /// that number.
    seen: Vec<[(u64, u32); 2]>,
    /// The number of the set that is being looked at.
    set: u64,
}

impl Attribution {
    /// Two particles of the model that compete for an element, if there are.
    pub(crate) fn competing(
        &mut self,
        particle: &Particle,
        leaves: &[Leaf],
        names: &Names,
    ) -> Result<Option<Competing>, ModelError> {
        self.seen.resize(names.len(), Default::default());
        if let Some((members, _)) = particle.as_all() {
            let members: Vec<u32> = members.iter().map(|&(leaf, _)| leaf).collect();
            return Ok(self.among(&members, leaves, names));
        }
        let positions = Positions::new(particle)?;
        let mut done = vec![false; positions.follows.len()];
        let ends = positions.all.iter().map(|position| (position.follow, &position.counters[..]));
        let mut open = Vec::new();
        for (follow, counters) in std::iter::once((positions.start, &[][..])).chain(ends) {
            if std::mem::replace(&mut done[follow as usize], true) {
                continue;
            }
            for lists in open_together(&positions.follows[follow as usize], counters) {
                open.clear();
                let lists = lists.iter().map(|&list| &positions.lists[list as usize]);
                open.extend(lists.flatten().map(|&position| positions.all[position as usize].leaf));
                if let Some(competing) = self.among(&open, leaves, names) {
                    return Ok(Some(competing));
                }
            }
        }
        Ok(None)
    }

    /// Two of the leaves of `open`, any of which may take the next element, that compete for one.
    fn among(&mut self, open: &[u32], leaves: &[Leaf], names: &Names) -> Option<Competing> {
        self.set += 1;
        let mut wildcards = Vec::new();
        for &leaf in open {
            let Term::Elements(members) = &leaves[leaf as usize].term else {
                wildcards.push(leaf);
                continue;
            };
            // Two particles of one name compete although no element might be called so: an abstract one.
            let called = members.first().map(|own| (own.name, 0));
            let taken = takes(members).map(|member| (member.name, 1));
            for (name, place) in called.into_iter().chain(taken) {
                let (set, first) = &mut self.seen[name.index()][place];
                if *set != self.set {
                    (*set, *first) = (self.set, leaf);
                } else if *first != leaf {
                    return Some([*first, leaf]);
                }
            }
        }
        for (at, &wildcard) in wildcards.iter().enumerate() {
            let elements =
                open.iter().filter(|&&leaf| matches!(leaves[leaf as usize].term, Term::Elements(_)));
            let mut others = elements.chain(&wildcards[..at]);
            let competes = |&&leaf: &&u32| leaf != wildcard && compete(leaf, wildcard, leaves, names);
            if let Some(&other) = others.find(competes) {
                return Some([other, wildcard]);
            }
        }
        None
    }
}

/// The lists that are open at once at the end of a position: one set of them where no repetition around it has an exact
/// number of rounds. Where one has, it comes round again, or it is left.
fn open_together(links: &[Link], counters: &[Counter]) -> Vec<Vec<u32>> {
    let exact = |again: bool, level: u32| {
        let counter = again.then(|| &counters[level as usize - 1]);
        counter.filter(|counter| counter.max == Some(counter.min)).map(|_| level)
    };
    // Innermost first.
    let rounds: Vec<u32> = links
        .iter()
        .filter_map(|link| match *link {
            Link::To { level, again, .. } => exact(again, level),
            Link::End => None,
        })
        .collect();
    let lists = |round: Option<u32>| {
        links
            .iter()
            .filter_map(|link| match *link {
                // Those further in are over, this one is not.
                Link::To { list, level, again } => {
                    let over =
                        exact(again, level).is_some_and(|level| round.is_none_or(|round| level > round));
                    let left = round.is_some_and(|round| level < round);
                    (!over && !left).then_some(list)
                }
                Link::End => None,
            })
            .collect()
    };
    rounds.iter().map(|&round| lists(Some(round))).chain([lists(None)]).collect()
}

/// The elements that a particle really takes.
fn takes(members: &[Member]) -> impl Iterator<Item = &Member> {
    members.iter().filter(|member| !member.is_abstract)
}

/// Whether the wildcard may take what the other takes.
fn compete(leaf: u32, wildcard: u32, leaves: &[Leaf], names: &Names) -> bool {
    let Term::Wildcard(wildcard) = &leaves[wildcard as usize].term else { return false };
    match &leaves[leaf as usize].term {
        Term::Elements(members) => {
            takes(members).any(|member| wildcard.namespaces.allow(names.namespace_of(member.name)))
        }
        Term::Wildcard(other) => wildcard.namespaces.overlap(&other.namespaces),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

    use proptest::prelude::*;

    use super::super::tests::{letters, particle};
    use super::*;

    /// The same with repetitions written out, two rounds for more than two: what comes next is what the lists say.
    fn written_out(particle: &Particle) -> Particle {
        match particle {
            Particle::Sequence(items) => Particle::sequence(items.iter().map(written_out).collect()),
            Particle::Choice(items) => Particle::choice(items.iter().map(written_out).collect()),
            Particle::Repeat { inner, min, max } => {
                let (min, max) = match (*min, *max) {
                    (min, Some(max)) if min == max && min > 1 => (2, 2),
                    (min, Some(1)) => (min, 1),
                    (min, _) => (min.min(1), 2),
                };
                written_out(inner).times(min, Some(max))
            }
            other => other.clone(),
        }
    }

    fn ambiguous(particle: &Particle, leaves: &[Leaf]) -> bool {
        let positions = Positions::new(&written_out(particle).expanded()).unwrap();
        let follows = positions.all.iter().map(|position| position.follow).chain([positions.start]);
        follows.into_iter().any(|follow| {
            let mut open: Vec<u32> = Vec::new();
            for link in &positions.follows[follow as usize] {
                if let Link::To { list, .. } = link {
                    let list = &positions.lists[*list as usize];
                    open.extend(list.iter().map(|&at| positions.all[at as usize].leaf));
                }
            }
            open.iter().any(|&a| open.iter().any(|&b| a != b && named(a, leaves) == named(b, leaves)))
        })
    }

    fn named(leaf: u32, leaves: &[Leaf]) -> crate::engine::names::NameId {
        let Term::Elements(members) = &leaves[leaf as usize].term else { unreachable!("only elements") };
        members[0].name
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]
        #[test]
        fn repetitions_written_out_compete_alike(particle in particle()) {
            // Leaves 0 and 2 have one name, 1 and 3 another one.
            let mut alphabetical = letters(4);
            alphabetical.leaves[2].term = alphabetical.leaves[0].term.clone();
            alphabetical.leaves[3].term = alphabetical.leaves[1].term.clone();
            let found = Attribution::default().competing(&particle, &alphabetical.leaves, &alphabetical.names);
            let found = found.unwrap();
            prop_assert_eq!(found.is_some(), ambiguous(&particle, &alphabetical.leaves), "{:?}", particle);
        }
    }

    #[test]
    fn nested_repetitions_are_not_written_out() {
        let alphabetical = letters(2);
        let nested = (0..60).fold(Particle::Leaf(0), |inner, _| inner.times(2, Some(2)));
        let follows = |after| Particle::sequence(vec![nested.clone(), Particle::Leaf(after)]);
        let competing = |particle: &Particle, leaves: &[Leaf]| {
            Attribution::default().competing(particle, leaves, &alphabetical.names).unwrap()
        };
        let leaves = alphabetical.leaves.clone();
        assert_eq!(competing(&follows(1), &leaves), None);
        let mut alike = leaves;
        alike[1].term = alike[0].term.clone();
        // Every round is counted: which of the two is meant is clear.
        assert_eq!(competing(&follows(1), &alike), None);
        let open = Particle::sequence(vec![nested.clone().times(1, Some(3)), Particle::Leaf(1)]);
        assert_eq!(competing(&open, &alike), Some([0, 1]));
    }
}
