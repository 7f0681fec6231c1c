//! Going on after an element that the content model refuses, so that one missing field is one error.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Assessor;
use crate::engine::content::{Model, State, Step, Symbol, What};
use crate::engine::grammar::ModelId;
use crate::engine::names::NameId;
use crate::wording::{self, Met};

/// How many states are tried to find what is missing.
const MAX_TRIED: usize = 1000;
/// How many outcomes are remembered, and how many are sought for models whose outcomes cannot be.
const MAX_OUTCOMES: usize = 512;

/// An element that is not there.
#[derive(Debug, Clone)]
struct Missing {
    name: NameId,
    /// All that could have stood in its place, it among them.
    alternatives: Vec<NameId>,
}

/// What must be supposed, the state that follows, and what the next child then is.
type Outcome = Option<(Vec<Missing>, (State, Vec<u32>), Option<What>)>;

/// What was found before: whoever repeats an error does not make it dearer.
#[derive(Debug, Default)]
pub(super) struct Recoveries {
    /// For models that are tables: by model, state and the child's symbol, `None` being the end.
    known: HashMap<(ModelId, u32, Option<Symbol>), Outcome>,
    sought: usize,
}

impl Recoveries {
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.sought = 0;
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
            Some((missing, state, what)) => {
                let mut own = frame.state;
                Model::attach(&mut own, &mut self.memory.words, &state);
                self.top().state = own;
                self.tell_missing(&missing, local);
                what
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
        let missing = match model.unordered(frame.state, &self.memory.words) {
            _ if frame.claims_nil => None,
            Some(names) => {
                Some(names.into_iter().map(|name| Missing { name, alternatives: vec![name] }).collect())
            }
            None => self.outcome(id, frame.state, None).map(|(missing, ..)| missing),
        };
        match missing.filter(|missing: &Vec<Missing>| !missing.is_empty()) {
            Some(missing) => {
                let depth = self.memory.frames.len();
                for gap in missing {
                    let (name, others) = self.words_of(&gap);
                    let field = name.clone();
                    self.report_gap(&field, depth, |parent| {
                        let others: Vec<&str> = others.iter().map(String::as_str).collect();
                        wording::missing(parent, &name, &others, Met::End)
                    });
                }
            }
            None => {
                let depth = self.memory.frames.len();
                self.report_with("cvc-complex-type.2.4", depth, wording::early);
            }
        }
    }

    fn tell_missing(&mut self, missing: &[Missing], child: &str) {
        let met = Met::Child(self.shown(child));
        for gap in missing {
            let (name, others) = self.words_of(gap);
            self.report_child(Some(&name), |parent| {
                let others: Vec<&str> = others.iter().map(String::as_str).collect();
                wording::missing(parent, &name, &others, met)
            });
        }
    }

    fn words_of(&self, gap: &Missing) -> (String, Vec<String>) {
        let local = |name: NameId| self.grammar.names.local(name).to_owned();
        (local(gap.name), gap.alternatives.iter().map(|&name| local(name)).collect())
    }

    fn outcome(&mut self, id: ModelId, state: State, symbol: Option<Symbol>) -> Outcome {
        let model = &self.grammar.models[id.index()];
        let key = (id, state.number(), symbol);
        if model.is_table()
            && let Some(known) = self.memory.recoveries.known.get(&key)
        {
            return known.clone();
        }
        if self.memory.recoveries.sought >= MAX_OUTCOMES {
            return None;
        }
        self.memory.recoveries.sought += 1;
        let outcome = seek(model, Model::detached(state, &self.memory.words), symbol);
        if model.is_table() {
            self.memory.recoveries.known.insert(key, outcome.clone());
        }
        outcome
    }
}

/// The fewest elements after which the content takes the symbol, or may end.
fn seek(model: &Model, from: (State, Vec<u32>), symbol: Option<Symbol>) -> Outcome {
    let mut tried = vec![Supposed { state: from, name: None, before: 0 }];
    let mut queue = VecDeque::from([0]);
    let mut met = HashSet::new();
    while let Some(at) = queue.pop_front() {
        let (state, words) = tried[at].state.clone();
        match symbol {
            Some(symbol) => {
                let (mut after, mut after_words) = (state, words.clone());
                if let Step::Taken(matched) = model.step(&mut after, &mut after_words, symbol) {
                    let what = model.matches[matched as usize].what;
                    return Some((way(model, &tried, at), (after, after_words), Some(what)));
                }
            }
            None if model.accepts(state, &words) => {
                return Some((way(model, &tried, at), (state, words), None));
            }
            None => {}
        }
        for (next, name) in model.expected(state, &words) {
            let (mut after, mut after_words) = (state, words.clone());
            if tried.len() == MAX_TRIED {
                return None;
            }
            let taken = matches!(model.step(&mut after, &mut after_words, next), Step::Taken(_));
            if taken && met.insert((after.number(), after_words.clone())) {
                queue.push_back(tried.len());
                tried.push(Supposed { state: (after, after_words), name: Some(name), before: at });
            }
        }
    }
    None
}

fn way(model: &Model, tried: &[Supposed], mut at: usize) -> Vec<Missing> {
    let mut missing = Vec::new();
    while let Some(name) = tried[at].name {
        at = tried[at].before;
        let (state, words) = &tried[at].state;
        let alternatives = model.expected(*state, words).into_iter().map(|(_, name)| name).collect();
        missing.push(Missing { name, alternatives });
    }
    missing.reverse();
    missing
}
