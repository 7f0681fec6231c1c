//! Particles as a tree, groups and references followed.

use super::alphabet::{Alphabet, Symbol};
use super::{Match, What};
use crate::engine::grammar::{ElementId, Wildcard};
use crate::engine::names::NameId;

/// A particle (part 1 §3.9), or what a model group makes of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Particle {
    /// Nothing: an empty sequence.
    Empty,
    /// What cannot occur: an empty choice.
    Never,
    /// An element or wildcard particle, by its number.
    Leaf(u32),
    Sequence(Vec<Particle>),
    Choice(Vec<Particle>),
    /// `max` is `None` when unbounded.
    Repeat {
        inner: Box<Particle>,
        min: u32,
        max: Option<u32>,
    },
    /// The leaves of an `xs:all` with whether each is required, and whether all of it may be absent.
    All {
        members: Vec<(u32, bool)>,
        optional: bool,
    },
}

/// What an element or wildcard particle takes.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) term: Term,
    /// Where in the schema the particle is written, as a number: a group that is referred to twice has its leaves twice.
    pub(crate) origin: u32,
}

/// The term of such a particle.
#[derive(Clone, Debug)]
pub(crate) enum Term {
    /// An element, and the members of its substitution group that may stand for it.
    Elements(Vec<Member>),
    Wildcard(Wildcard),
}

/// An element that a particle takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) name: NameId,
    pub(crate) element: ElementId,
    /// Errors may propose it.
    pub(crate) principal: bool,
    pub(crate) is_abstract: bool,
}

impl Particle {
    /// This particle so many times.
    pub(crate) fn times(self, min: u32, max: Option<u32>) -> Particle {
        match (self, min, max) {
            (_, _, Some(0)) | (Particle::Empty, ..) => Particle::Empty,
            (particle, 1, Some(1)) => particle,
            (Particle::All { members, .. }, 0, Some(1)) => Particle::All { members, optional: true },
            (Particle::Never, 0, _) => Particle::Empty,
            (Particle::Never, ..) => Particle::Never,
            (Particle::Repeat { inner, min: least, max: most }, min, max) => {
                match rounds((least, most), (min, max)) {
                    Some((min, max)) => Particle::Repeat { inner, min, max },
                    None => {
                        let inner = Box::new(Particle::Repeat { inner, min: least, max: most });
                        Particle::Repeat { inner, min, max }
                    }
                }
            }
            (inner, min, max) => Particle::Repeat { inner: Box::new(inner), min, max },
        }
    }

    pub(crate) fn sequence(items: Vec<Particle>) -> Particle {
        let mut flat = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Particle::Empty => {}
                Particle::Never => return Particle::Never,
                Particle::Sequence(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Particle::Empty,
            1 => flat.remove(0),
            _ => Particle::Sequence(flat),
        }
    }

    pub(crate) fn choice(items: Vec<Particle>) -> Particle {
        let mut flat = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Particle::Never => {}
                Particle::Choice(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Particle::Never,
            1 => flat.remove(0),
            _ => Particle::Choice(flat),
        }
    }

    pub(crate) fn nullable(&self) -> bool {
        match self {
            Particle::Empty => true,
            Particle::Never | Particle::Leaf(_) => false,
            Particle::Sequence(items) => items.iter().all(Particle::nullable),
            Particle::Choice(items) => items.iter().any(Particle::nullable),
            Particle::Repeat { inner, min, .. } => *min == 0 || inner.nullable(),
            Particle::All { members, optional } => *optional || members.iter().all(|member| !member.1),
        }
    }

    pub(super) fn as_all(&self) -> Option<(&[(u32, bool)], bool)> {
        match self {
            Particle::All { members, optional } => Some((members, *optional)),
            _ => None,
        }
    }

    pub(super) fn has_all(&self) -> bool {
        match self {
            Particle::All { .. } => true,
            Particle::Empty | Particle::Never | Particle::Leaf(_) => false,
            Particle::Sequence(items) | Particle::Choice(items) => items.iter().any(Particle::has_all),
            Particle::Repeat { inner, .. } => inner.has_all(),
        }
    }

    /// How many leaves there are once repetitions are written out; saturating.
    pub(super) fn expanded_len(&self) -> usize {
        match self {
            Particle::Empty | Particle::Never => 0,
            Particle::Leaf(_) => 1,
            Particle::All { members, .. } => members.len(),
            Particle::Sequence(items) | Particle::Choice(items) => {
                items.iter().fold(0, |sum, item| sum.saturating_add(item.expanded_len()))
            }
            Particle::Repeat { inner, min, max } => {
                let copies = max.unwrap_or(*min).max(1);
                inner.expanded_len().saturating_mul(copies as usize)
            }
        }
    }

    /// The same content with repetitions other than `?`, `*` and `+` written out.
    pub(super) fn expanded(&self) -> Particle {
        match self {
            Particle::Sequence(items) => Particle::Sequence(items.iter().map(Particle::expanded).collect()),
            Particle::Choice(items) => Particle::Choice(items.iter().map(Particle::expanded).collect()),
            Particle::Repeat { inner, min, max } => {
                let inner = inner.expanded();
                let (min, max) = (*min, *max);
                if max.is_none() && min <= 1 {
                    return Particle::Repeat { inner: Box::new(inner), min, max };
                }
                let mut tail = match max {
                    None => inner.clone().times(0, None),
                    Some(max) => {
                        let mut tail = Particle::Empty;
                        for _ in min..max {
                            let once = Particle::sequence(vec![inner.clone(), tail]);
                            tail = Particle::choice(vec![once, Particle::Empty]);
                        }
                        tail
                    }
                };
                for _ in 0..min {
                    tail = Particle::sequence(vec![inner.clone(), tail]);
                }
                tail
            }
            other => other.clone(),
        }
    }
}

/// How often something comes that comes `inner` times in each of `outer` rounds: `None` where numbers in between are left
/// out. One counter, where each round would have its own and all ways to share out what came would have to be followed.
fn rounds(inner: (u32, Option<u32>), outer: (u32, Option<u32>)) -> Option<(u32, Option<u32>)> {
    let ((least, most), (min, max)) = (inner, outer);
    let fewer = most.map_or(if min == 0 { 0 } else { u64::MAX - 1 }, |most| u64::from(min) * u64::from(most));
    // What the fewest rounds have at most, and one round more has at least.
    let dense = max == Some(min) || fewer + 1 >= (u64::from(min) + 1) * u64::from(least);
    let product = match (most, max) {
        (Some(most), Some(max)) => Some(most.checked_mul(max)?),
        _ => None,
    };
    dense.then_some((least.checked_mul(min)?, product))
}

impl Leaf {
    /// The symbols that the leaf takes, each with what is matched.
    pub(super) fn symbols(&self, term: u32, alphabet: &Alphabet) -> Vec<(Symbol, Match)> {
        match &self.term {
            Term::Elements(members) => members
                .iter()
                .filter_map(|member| {
                    let symbol = alphabet.of_name(member.name)?;
                    Some((symbol, Match { term, what: What::Element(member.element) }))
                })
                .collect(),
            Term::Wildcard(wildcard) => {
                let matched = Match { term, what: What::Wildcard(wildcard.process) };
                let all = alphabet.spaces().chain(alphabet.classes());
                all.filter(|(_, space)| wildcard.namespaces.allow(*space))
                    .map(|(s, _)| (s, matched))
                    .collect()
            }
        }
    }
}
