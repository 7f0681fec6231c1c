//! Automata against a matcher that simply tries everything.
#![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::counted::Counted;
use super::*;
use crate::engine::grammar::{ElementId, Namespaces, Process, Wildcard};
use crate::engine::names::{Names, NamespaceId};

const LETTERS: u32 = 4;

/// All places where the particle may end that begins at `from`.
fn ends(particle: &Particle, word: &[u32], from: usize) -> BTreeSet<usize> {
    match particle {
        Particle::Empty => [from].into(),
        Particle::Never => BTreeSet::new(),
        Particle::Leaf(leaf) => (word.get(from) == Some(leaf)).then_some(from + 1).into_iter().collect(),
        Particle::Sequence(items) => items.iter().fold([from].into(), |starts: BTreeSet<usize>, item| {
            starts.into_iter().flat_map(|start| ends(item, word, start)).collect()
        }),
        Particle::Choice(items) => items.iter().flat_map(|item| ends(item, word, from)).collect(),
        Particle::Repeat { inner, min, max } => {
            let mut all = BTreeSet::new();
            let mut at: BTreeSet<usize> = [from].into();
            // Rounds beyond the word's length are empty ones.
            let last = max.unwrap_or(u32::MAX).min(min + word.len() as u32 + 1);
            for round in 0..=last {
                if round >= *min {
                    all.extend(at.iter().copied());
                }
                at = at.into_iter().flat_map(|start| ends(inner, word, start)).collect();
            }
            all
        }
        Particle::All { .. } => BTreeSet::new(),
    }
}

pub(super) fn particle() -> impl Strategy<Value = Particle> {
    let leaf = prop_oneof![
        9 => (0..LETTERS).prop_map(Particle::Leaf),
        1 => Just(Particle::Empty),
        1 => Just(Particle::Never)
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Particle::sequence),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Particle::choice),
            (inner, 0..4u32, prop::option::of(0..4u32))
                .prop_map(|(inner, min, more)| inner.times(min, more.map(|more| min + more))),
        ]
    })
}

pub(super) struct Alphabetical {
    pub(super) names: Names,
    pub(super) leaves: Vec<Leaf>,
    letters: Vec<Found>,
}

pub(super) fn letters(count: u32) -> Alphabetical {
    let mut names = Names::new();
    let mut leaves = Vec::new();
    let mut letters = Vec::new();
    for index in 0..count {
        let name = names.intern("", &format!("e{index}"));
        let member = Member { name, element: ElementId(index), principal: true, is_abstract: false };
        leaves.push(Leaf { term: Term::Elements(vec![member]), origin: index });
        letters.push(Found { name: Some(name), namespace: NamespaceId::NONE });
    }
    Alphabetical { names, leaves, letters }
}

/// How far the model takes the word, and whether it may end there.
fn follow(model: &Model, letters: &[Found], word: &[u32]) -> Option<(usize, bool)> {
    let mut words = vec![7; 3];
    let mut state = model.start(&mut words);
    for (taken, &letter) in word.iter().enumerate() {
        match model.symbol(letters[letter as usize]).map(|symbol| model.step(&mut state, &mut words, symbol))
        {
            Some(Step::Taken(_)) => {}
            Some(Step::TooMany) => return None,
            Some(Step::Refused) | None => return Some((taken, model.accepts(state, &words))),
        }
    }
    assert_eq!(words[..3], [7; 3]);
    Some((word.len(), model.accepts(state, &words)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
    #[test]
    fn automata_take_what_the_particle_takes(
        particle in particle(),
        word in prop::collection::vec(0..LETTERS, 0..8),
    ) {
        let alphabetical = letters(LETTERS);
        let table = Model::build(&particle, &alphabetical.leaves, &alphabetical.names).unwrap();
        prop_assert!(table.is_table());
        let alphabet = Alphabet::new(&alphabetical.leaves, &alphabetical.names);
        let mut matches = Vec::new();
        let counted = Counted::new(&particle, &alphabetical.leaves, &alphabet, &mut matches).unwrap();
        let counted = Model { alphabet, matches, kind: Kind::Counted(counted) };
        let whole = ends(&particle, &word, 0).contains(&word.len());
        for model in [&table, &counted] {
            let (taken, accepts) = follow(model, &alphabetical.letters, &word).unwrap();
            prop_assert_eq!(taken == word.len() && accepts, whole, "{:?} {:?}", particle, word);
        }
    }
}

#[test]
fn many_rounds_cost_a_number() {
    let alphabetical = letters(2);
    let often = |leaf, min, max| Particle::Leaf(leaf).times(min, max);
    let particle = Particle::sequence(vec![often(0, 99_999, Some(100_000)), often(1, 3, None)]);
    let model = Model::build(&particle, &alphabetical.leaves, &alphabetical.names).unwrap();
    assert!(!model.is_table());
    for (a, b, valid) in
        [(100_000, 3, true), (99_999, 9, true), (99_998, 3, false), (100_001, 3, false), (99_999, 2, false)]
    {
        let word: Vec<u32> = std::iter::repeat_n(0, a).chain(std::iter::repeat_n(1, b)).collect();
        let (taken, accepts) = follow(&model, &alphabetical.letters, &word).unwrap();
        assert_eq!(taken == word.len() && accepts, valid, "{a} {b}");
    }
    // Open in many ways, and bounded all the same.
    let open = Particle::sequence(vec![often(0, 1, Some(900)), often(1, 0, Some(1))]).times(1, Some(900));
    let model = Model::build(&open, &alphabetical.leaves, &alphabetical.names).unwrap();
    let (taken, accepts) = follow(&model, &alphabetical.letters, &[0; 5000]).unwrap();
    assert_eq!((taken, accepts), (5000, true));
}

#[test]
fn what_would_be_open_in_too_many_ways_is_not_built() {
    let alphabetical = letters(3);
    let often = |inner: Particle, min, max| inner.times(min, max);
    let inner = often(Particle::Leaf(0), 5, Some(6));
    let middle = often(Particle::choice(vec![inner, Particle::Leaf(1)]), 5, Some(9));
    let outer = often(Particle::choice(vec![middle.clone(), Particle::Leaf(2)]), 50, Some(90));
    for (particle, refused) in [(middle.times(5, Some(5)), false), (outer, true)] {
        let built = Model::build(&particle, &alphabetical.leaves, &alphabetical.names).map(drop);
        assert_eq!(built, if refused { Err(ModelError::TooManyWays) } else { Ok(()) }, "{particle:?}");
    }
}

#[test]
fn all_is_a_set() {
    let alphabetical = letters(40);
    let members = (0..40).map(|leaf| (leaf, leaf % 2 == 0)).collect();
    let model = |optional| {
        let particle = Particle::All { members: Vec::clone(&members), optional };
        Model::build(&particle, &alphabetical.leaves, &alphabetical.names).unwrap()
    };
    let word = |letters: &[u32]| follow(&model(false), &alphabetical.letters, letters).unwrap();
    let even: Vec<u32> = (0..40).rev().filter(|leaf| leaf % 2 == 0).collect();
    assert_eq!(word(&even), (20, true));
    assert_eq!(word(&even[1..]), (19, false));
    assert_eq!(word(&[5, 38, 5]), (2, false));
    assert_eq!(word(&[]), (0, false));
    assert_eq!(follow(&model(true), &alphabetical.letters, &[]), Some((0, true)));
    assert_eq!(follow(&model(true), &alphabetical.letters, &[1]), Some((1, false)));
}

#[test]
fn wildcards_tell_namespaces_apart() {
    let mut alphabetical = letters(1);
    let other = alphabetical.names.intern_namespace("urn:o");
    let namespaces = Namespaces::Not(vec![NamespaceId::NONE]);
    let wildcard = Wildcard { namespaces, process: Process::Lax };
    alphabetical.leaves.push(Leaf { term: Term::Wildcard(wildcard), origin: 1 });
    let particle = Particle::sequence(vec![Particle::Leaf(0), Particle::Leaf(1).times(0, None)]);
    let model = Model::build(&particle, &alphabetical.leaves, &alphabetical.names).unwrap();
    let mut words = Vec::new();
    let mut state = model.start(&mut words);
    let mut step = |child| {
        let symbol = model.symbol(child).unwrap();
        match model.step(&mut state, &mut words, symbol) {
            Step::Taken(matched) => Some(model.matches[matched as usize].what),
            _ => None,
        }
    };
    let unnamed = |namespace| Found { name: None, namespace };
    assert_eq!(step(unnamed(other)), None);
    assert_eq!(step(alphabetical.letters[0]), Some(What::Element(ElementId(0))));
    assert_eq!(step(unnamed(other)), Some(What::Wildcard(Process::Lax)));
    assert_eq!(step(unnamed(NamespaceId::UNKNOWN)), Some(What::Wildcard(Process::Lax)));
    assert_eq!(step(unnamed(NamespaceId::NONE)), None);
    assert_eq!(step(alphabetical.letters[0]), None);
}

/// A sequence of so many elements each of which may be left out, and their names.
pub(crate) fn wide(count: u32) -> (Model, Vec<Found>) {
    let alphabetical = letters(count);
    let items = (0..count).map(|leaf| Particle::Leaf(leaf).times(0, Some(1))).collect();
    let model = Model::build(&Particle::sequence(items), &alphabetical.leaves, &alphabetical.names).unwrap();
    (model, alphabetical.letters)
}
