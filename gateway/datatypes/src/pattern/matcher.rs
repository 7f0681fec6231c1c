//! Expressions compiled to automata over bytes.
//!
//! A run of characters of one class needs none: it is counted. What has a small automaton gets it whole; what is larger
//! has its states made while it runs, in a cache of fixed size. Both look at each byte once.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::hybrid::dfa as lazy;
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Class, ClassUnicode, Hir, Repetition};

use super::parse::Node;

/// What an expression may take before it becomes an automaton, in bytes.
const MAX_NFA: usize = 16 << 20;
/// The most states of an NFA whose automaton is made whole.
const MAX_WHOLE: usize = 400;
/// What an automaton that is made whole may take, in bytes.
const MAX_DENSE: usize = 256 << 10;
/// What the states made on the way may take for each thread, in bytes, as far as one step's states fit.
const CACHE: usize = 512 << 10;

type Caches = Pool<lazy::Cache, Box<dyn Fn() -> lazy::Cache + Send + Sync + UnwindSafe + RefUnwindSafe>>;

pub(super) enum Matcher {
    Run { class: Characters, min: usize, max: Option<usize> },
    Whole { automaton: Box<dense::DFA<Vec<u32>>>, start: StateID },
    Lazy { automaton: Arc<lazy::DFA>, caches: Box<Caches> },
}

impl Matcher {
    /// `None` when it takes more than is allowed.
    pub(super) fn compile(node: &Node) -> Option<Matcher> {
        if let Some((class, min, max)) = run(node) {
            return Some(Matcher::Run { class: Characters::of(class), min, max });
        }
        let config = thompson::Config::new()
            .nfa_size_limit(Some(MAX_NFA))
            .which_captures(WhichCaptures::None)
            .shrink(false);
        let nfa = thompson::Compiler::new().configure(config).build_from_hir(&hir(node)).ok()?;
        if nfa.states().len() <= MAX_WHOLE
            && let Some(whole) = whole(&nfa)
        {
            return Some(whole);
        }
        let config = lazy::Config::new()
            .match_kind(MatchKind::All)
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true);
        let automaton = Arc::new(lazy::Builder::new().configure(config).build_from_nfa(nfa).ok()?);
        let made = automaton.clone();
        let caches: Caches = Pool::new(Box::new(move || made.create_cache()));
        Some(Matcher::Lazy { automaton, caches: Box::new(caches) })
    }

    /// Its kind, its states, its bytes, and those that each thread may take beside.
    pub(super) fn cost(&self) -> (&'static str, usize, usize, usize) {
        match self {
            Matcher::Run { class, .. } => {
                ("class", 0, size_of::<Characters>() + size_of_val(&class.wide[..]), 0)
            }
            Matcher::Whole { automaton, start } => {
                ("whole", states(automaton, *start), automaton.memory_usage(), 0)
            }
            Matcher::Lazy { automaton, .. } => {
                let nfa = automaton.get_nfa();
                ("lazy", nfa.states().len(), nfa.memory_usage() + automaton.memory_usage(), CACHE)
            }
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Matcher::Run { class, min, max } => {
                class.count(text).is_some_and(|count| count >= *min && max.is_none_or(|max| count <= max))
            }
            Matcher::Whole { automaton, start } => {
                let mut state = *start;
                for &byte in text.as_bytes() {
                    state = automaton.next_state(state, byte);
                    if automaton.is_dead_state(state) {
                        return false;
                    }
                }
                automaton.is_match_state(automaton.next_eoi_state(state))
            }
            // An error would be a cache that gives up, which it is not configured to do: no match, then.
            Matcher::Lazy { automaton, caches } => {
                stepwise(automaton, &mut caches.get(), text).unwrap_or_default()
            }
        }
    }
}

/// The states that can be reached.
fn states(automaton: &dense::DFA<Vec<u32>>, start: StateID) -> usize {
    let mut met = std::collections::HashSet::from([start]);
    let mut open = vec![start];
    while let Some(state) = open.pop() {
        for byte in 0..=u8::MAX {
            let next = automaton.next_state(state, byte);
            if met.insert(next) {
                open.push(next);
            }
        }
    }
    met.len()
}

fn stepwise(automaton: &lazy::DFA, cache: &mut lazy::Cache, text: &str) -> Option<bool> {
    let mut state = automaton.start_state_forward(cache, &anchored()).ok()?;
    for &byte in text.as_bytes() {
        state = automaton.next_state(cache, state, byte).ok()?;
        if state.is_dead() {
            return Some(false);
        }
    }
    Some(automaton.next_eoi_state(cache, state).ok()?.is_match())
}

fn anchored() -> Input<'static> {
    Input::new("").anchored(Anchored::Yes)
}

fn whole(nfa: &NFA) -> Option<Matcher> {
    let config = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(MAX_DENSE))
        .determinize_size_limit(Some(4 * MAX_DENSE))
        .accelerate(false);
    let automaton = Box::new(dense::Builder::new().configure(config).build_from_nfa(nfa).ok()?);
    // There is nothing to look around for: one start, whatever stands before.
    let start = automaton.start_state_forward(&anchored()).ok()?;
    Some(Matcher::Whole { automaton, start })
}

/// One class repeated and nothing else.
fn run(node: &Node) -> Option<(&ClassUnicode, usize, Option<usize>)> {
    match node {
        Node::Class(class) => Some((class, 1, Some(1))),
        Node::Repeat { node, min, max } => match &**node {
            Node::Class(class) => Some((class, *min as usize, max.map(|max| max as usize))),
            _ => None,
        },
        _ => None,
    }
}

fn hir(node: &Node) -> Hir {
    match node {
        Node::Class(class) => Hir::class(Class::Unicode(class.clone())),
        Node::Sequence(nodes) => Hir::concat(nodes.iter().map(hir).collect()),
        Node::Alternatives(nodes) => Hir::alternation(nodes.iter().map(hir).collect()),
        Node::Repeat { node, min, max } => {
            Hir::repetition(Repetition { min: *min, max: *max, greedy: true, sub: Box::new(hir(node)) })
        }
    }
}

/// A class, quick for ASCII.
pub(super) struct Characters {
    ascii: [bool; 128],
    /// The rest, sorted.
    wide: Box<[(char, char)]>,
}

impl Characters {
    fn of(class: &ClassUnicode) -> Characters {
        let has = |byte: u8| {
            let character = char::from(byte);
            class.iter().any(|range| (range.start()..=range.end()).contains(&character))
        };
        Characters {
            ascii: std::array::from_fn(|byte| has(byte as u8)),
            wide: class
                .iter()
                .filter(|range| !range.end().is_ascii())
                .map(|r| (r.start(), r.end()))
                .collect(),
        }
    }

    fn has(&self, character: char) -> bool {
        match self.ascii.get(character as usize) {
            Some(&has) => has,
            None => {
                let at = self.wide.partition_point(|&(_, end)| end < character);
                self.wide.get(at).is_some_and(|&(start, _)| start <= character)
            }
        }
    }

    /// How many characters the text has, when all are of the class.
    fn count(&self, text: &str) -> Option<usize> {
        let mut count = 0;
        for character in text.chars() {
            if !self.has(character) {
                return None;
            }
            count += 1;
        }
        Some(count)
    }
}
