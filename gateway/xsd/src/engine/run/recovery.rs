//! Going on after an element that the content model refuses, so that one missing field is one error.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::Assessor;
use crate::engine::content::{Model, State, Step, Symbol, What};
use crate::engine::grammar::ModelId;
use crate::engine::names::{NameId, Names};
use crate::wording::{self, MAX_NAMES, Met};

/// How many states are tried to find what is missing.
const MAX_TRIED: usize = 1000;
/// How many steps of the model one search takes.
const MAX_STEPS: usize = 50_000;
/// How many steps all searches take, and how many of them each document that is begun gives back: records are documents.
const STEPS: usize = 1_000_000;
const STEPS_BACK: usize = 100;
/// How many outcomes are remembered, and how many missing elements in them.
const MAX_OUTCOMES: usize = 4096;
const MAX_GAPS: usize = 1 << 16;

/// An element that is not there.
#[derive(Debug, Clone)]
struct Missing {
    name: NameId,
    /// What could have stood in its place, it among them: so many that it shows whether they can all be told.
    alternatives: Vec<NameId>,
}

/// A state with its words.
type Own = (State, Vec<u32>);
/// What must be supposed, the state that follows, and what the next child then is.
type Recovery = (Vec<Missing>, Own, Option<What>);
/// `None` where the content cannot go on, or where it was not found that it can.
type Outcome = Option<Arc<Recovery>>;

/// What was found before, in this document and in those before it: whoever repeats an error does not make it dearer.
#[derive(Debug, Default)]
pub(super) struct Recoveries {
    /// For models that are tables: by model, state and the child's symbol, `None` being the end.
    known: HashMap<(ModelId, u32, Option<Symbol>), Outcome>,
    /// How many missing elements there are in it.
    gaps: usize,
    /// The steps that were taken and not given back.
    spent: usize,
}

impl Recoveries {
    /// Begins another document.
    pub(super) fn renew(&mut self) {
        self.spent = self.spent.saturating_sub(STEPS_BACK);
    }

    fn find(
        &mut self,
        id: ModelId,
        model: &Model,
        from: (State, Vec<u32>),
        symbol: Option<Symbol>,
    ) -> Outcome {
        // What a set has had, and what is no member of it, it never takes.
        if model.is_set() {
            return None;
        }
        let key = (id, from.0.number(), symbol);
        if model.is_table()
            && let Some(known) = self.known.get(&key)
        {
            return known.clone();
        }
        let budget = MAX_STEPS.min(STEPS.saturating_sub(self.spent));
        if budget == 0 {
            return None;
        }
        let mut search = Search { model, symbol, steps: 0, budget };
        let outcome = search.run(from).map(Arc::new);
        self.spent += search.steps;
        let gaps = outcome.as_ref().map_or(0, |found| found.0.len());
        if model.is_table() && self.known.len() < MAX_OUTCOMES && self.gaps + gaps <= MAX_GAPS {
            self.gaps += gaps;
            self.known.insert(key, outcome.clone());
        }
        outcome
    }
}

/// A step towards acceptance: what was supposed, and the step before.
struct Supposed {
    state: (State, Vec<u32>),
    name: Option<NameId>,
    before: usize,
}

impl Assessor<'_, '_> {
    /// Tells what is wrong with a child that is refused where it stands, and finds what it is all the same: with what
    /// should have come before it supposed, it may fit.
    pub(super) fn recover(&mut self, symbol: Option<Symbol>, local: &str) -> Option<What> {
        let frame = *self.top();
        let model = frame.content.model()?;
        let outcome = symbol.and_then(|symbol| self.outcome(model, frame.state, Some(symbol)));
        match outcome {
            Some(found) => {
                let (missing, state, what) = &*found;
                let mut own = frame.state;
                Model::attach(&mut own, &mut self.memory.words, state);
                self.top().state = own;
                self.tell_missing(missing, local);
                *what
            }
            None => {
                self.refuse(local);
                None
            }
        }
    }

    /// Tells what is missing at the end of the innermost element.
    pub(super) fn incomplete(&mut self) {
        let frame = *self.top();
        let Some(id) = frame.content.model() else { return };
        let model = &self.grammar.models[id.index()];
        let (outcome, set);
        let missing = match model.unordered(frame.state, &self.memory.words) {
            _ if frame.claims_nil => &[][..],
            Some(names) => {
                set = names.into_iter().map(Missing::alone).collect::<Vec<_>>();
                &set
            }
            None => {
                outcome = self.outcome(id, frame.state, None);
                outcome.as_deref().map_or(&[][..], |(missing, ..)| missing)
            }
        };
        let depth = self.memory.frames.len();
        let names = &self.grammar.names;
        for gap in missing {
            let name = names.local(gap.name);
            self.report_gap(name, depth, |parent| {
                wording::missing(parent, name, &gap.others(names), Met::End)
            });
        }
        if missing.is_empty() {
            self.report_with("cvc-complex-type.2.4", depth, wording::early);
        }
    }

    fn tell_missing(&mut self, missing: &[Missing], child: &str) {
        let met = Met::Child(self.shown(child));
        let names = &self.grammar.names;
        for gap in missing {
            let name = names.local(gap.name);
            self.report_child(Some(name), |parent| wording::missing(parent, name, &gap.others(names), met));
        }
    }

    fn outcome(&mut self, id: ModelId, state: State, symbol: Option<Symbol>) -> Outcome {
        let model = &self.grammar.models[id.index()];
        let from = Model::detached(state, &self.memory.words);
        self.memory.recoveries.find(id, model, from, symbol)
    }
}

impl Missing {
    /// Nothing else could have stood in its place.
    fn alone(name: NameId) -> Missing {
        Missing { name, alternatives: Vec::new() }
    }

    fn others<'n>(&self, names: &'n Names) -> Vec<&'n str> {
        self.alternatives.iter().map(|&name| names.local(name)).collect()
    }
}

/// A search for the fewest elements after which the content takes the symbol, or may end.
struct Search<'m> {
    model: &'m Model,
    symbol: Option<Symbol>,
    steps: usize,
    budget: usize,
}

impl Search<'_> {
    fn run(&mut self, from: (State, Vec<u32>)) -> Option<Recovery> {
        let mut tried = vec![Supposed { state: from, name: None, before: 0 }];
        if let Some((state, what)) = self.reached(&tried[0].state) {
            return Some((Vec::new(), state, what));
        }
        let mut queue = VecDeque::from([0]);
        let (mut met, mut met_counted) = (vec![false; self.model.states()], HashSet::new());
        while let Some(at) = queue.pop_front() {
            let (state, words) = tried[at].state.clone();
            // A table is asked one question; where there are counters, every way is held against every other.
            let cost = 1 + words.len() * state.number() as usize * usize::from(met.is_empty());
            for (next, name) in self.model.expected(state, &words) {
                self.steps += cost;
                if self.steps > self.budget || tried.len() == MAX_TRIED {
                    return None;
                }
                let (mut after, mut after_words) = (state, words.clone());
                let taken = matches!(self.model.step(&mut after, &mut after_words, next), Step::Taken(_));
                let is_new = taken
                    && match met.get_mut(after.number() as usize) {
                        Some(met) => !std::mem::replace(met, true),
                        None => met_counted.insert((after.number(), after_words.clone())),
                    };
                if !is_new {
                    continue;
                }
                tried.push(Supposed { state: (after, after_words), name: Some(name), before: at });
                let last = tried.len() - 1;
                if let Some((state, what)) = self.reached(&tried[last].state) {
                    return Some((self.way(&tried, last), state, what));
                }
                queue.push_back(last);
            }
        }
        None
    }

    /// The state after the symbol, if it is taken here, or this one if the content may end.
    fn reached(&self, (state, words): &Own) -> Option<(Own, Option<What>)> {
        let Some(symbol) = self.symbol else {
            return self.model.accepts(*state, words).then(|| ((*state, words.clone()), None));
        };
        let (mut after, mut after_words) = (*state, words.clone());
        match self.model.step(&mut after, &mut after_words, symbol) {
            Step::Taken(matched) => {
                let what = self.model.matches[matched as usize].what;
                Some(((after, after_words), Some(what)))
            }
            Step::Refused | Step::TooMany => None,
        }
    }

    fn way(&mut self, tried: &[Supposed], mut at: usize) -> Vec<Missing> {
        let mut missing = Vec::new();
        while let Some(name) = tried[at].name {
            at = tried[at].before;
            let (state, words) = &tried[at].state;
            let expected = self.model.expected(*state, words);
            self.steps += expected.len();
            // The name itself, those that are told, and one more that says that there are others.
            let alternatives = expected.into_iter().map(|(_, name)| name).take(MAX_NAMES + 2).collect();
            missing.push(Missing { name, alternatives });
        }
        missing.reverse();
        missing
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

    use super::*;
    use crate::engine::content::{Leaf, Member, Particle, Term};
    use crate::engine::grammar::ElementId;
    use crate::engine::names::{Found, NamespaceId};

    /// A sequence of so many elements, each of which may be left out.
    fn wide(count: u32) -> (Model, Vec<Symbol>) {
        let mut names = Names::new();
        let mut leaves = Vec::new();
        let mut found = Vec::new();
        for index in 0..count {
            let name = names.intern("", &format!("e{index}"));
            let member = Member { name, element: ElementId(index), principal: true, is_abstract: false };
            leaves.push(Leaf { term: Term::Elements(vec![member]), origin: index });
            found.push(Found { name: Some(name), namespace: NamespaceId::NONE });
        }
        let items = (0..count).map(|leaf| Particle::Leaf(leaf).times(0, Some(1))).collect();
        let model = Model::build(&Particle::sequence(items), &leaves, &names).unwrap();
        let symbols = found.into_iter().map(|found| model.symbol(found).unwrap()).collect();
        (model, symbols)
    }

    #[test]
    fn searches_that_find_nothing_cost_no_more_than_is_there_for_them() {
        let (model, symbols) = wide(600);
        assert!(model.is_table());
        let mut recoveries = Recoveries::default();
        let back = |recoveries: &mut Recoveries, at: usize| {
            let mut words = Vec::new();
            let mut state = model.start(&mut words);
            assert!(matches!(model.step(&mut state, &mut words, symbols[at + 2]), Step::Taken(_)));
            let before = recoveries.spent;
            let outcome = recoveries.find(ModelId(0), &model, (state, words), Some(symbols[at]));
            assert!(outcome.is_none());
            recoveries.spent - before
        };
        let first = back(&mut recoveries, 0);
        assert!((1..=MAX_STEPS + 1).contains(&first), "{first}");
        // The same again is known, in another document, too.
        recoveries.renew();
        assert_eq!(back(&mut recoveries, 0), 0);
        for at in 1..500 {
            back(&mut recoveries, at);
        }
        assert!(recoveries.spent <= STEPS + MAX_STEPS, "{}", recoveries.spent);
        assert_eq!(back(&mut recoveries, 500), 0);
        for _ in 0..MAX_STEPS {
            recoveries.renew();
        }
        assert!(back(&mut recoveries, 501) > 0);
    }

    #[test]
    fn no_more_alternatives_are_kept_than_are_told() {
        let count = 300;
        let mut names = Names::new();
        let mut leaves = Vec::new();
        for index in 0..count {
            let name = names.intern("", &format!("e{index}"));
            let member = Member { name, element: ElementId(index), principal: true, is_abstract: false };
            leaves.push(Leaf { term: Term::Elements(vec![member]), origin: index });
        }
        let model = Particle::choice((0..count).map(Particle::Leaf).collect());
        let model = Model::build(&model, &leaves, &names).unwrap();
        let mut words = Vec::new();
        let start = model.start(&mut words);
        let mut recoveries = Recoveries::default();
        let found = recoveries.find(ModelId(0), &model, (start, words), None).unwrap();
        let (missing, ..) = &*found;
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].alternatives.len(), MAX_NAMES + 2);
        assert!(missing[0].others(&names).contains(&"e0"));
    }
}
