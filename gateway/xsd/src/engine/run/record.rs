//! Which record a violation is in: the outermost element around it that may come more than once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use super::child::MAX_LISTED;
use super::{Assessor, Root};
use crate::engine::content::{Model, State, Step, Symbol};
use crate::engine::grammar::ModelId;
use crate::engine::names::{Found, NameId};

/// How many states are tried to find out whether an element may come again.
const MAX_TRIED: usize = 256;

/// How many steps of models all searches of a document take. Where they are spent, what has come once comes once.
const STEPS: usize = 200_000;

/// What was found before, by model and name, and the steps that it took.
#[derive(Debug, Default)]
pub(super) struct Again {
    known: HashMap<(ModelId, NameId), bool>,
    steps: usize,
}

impl Again {
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.steps = 0;
    }
}

impl Assessor<'_, '_> {
    /// The number of the record that the last of the first `depth` open elements is in.
    pub(super) fn record(&mut self, depth: usize) -> Option<u64> {
        // Who checks one record knows its number.
        if self.root != Root::Declared {
            return None;
        }
        let memory = &mut *self.memory;
        let frames = memory.frames.get(..depth)?;
        frames.windows(2).find_map(|pair| {
            let [parent, child] = pair else { return None };
            let (model, name) = (parent.content.model()?, child.name?);
            let mut known = || {
                let Again { known, steps } = &mut memory.again;
                match known.entry((model, name)) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(unknown) => {
                        let model = &self.grammar.models[model.index()];
                        let found = self.grammar.names.found(name);
                        *unknown.insert(may_come_again(model, found, parent.state, &memory.words, steps))
                    }
                }
            };
            let again = child.position > 1 || (child.position == 1 && known());
            again.then_some(u64::from(child.position))
        })
    }
}

/// Whether the parent's content, which has just taken an element of this name, may take another one later.
fn may_come_again(model: &Model, found: Found, from: State, words: &[u32], steps: &mut usize) -> bool {
    let Some(symbol) = model.symbol(found) else { return false };
    let takes = |state, words: &[u32], symbol: Symbol| {
        let (mut state, mut words) = (state, words.to_vec());
        matches!(model.step(&mut state, &mut words, symbol), Step::Taken(_)).then_some((state, words))
    };
    let mut queue = VecDeque::from([Model::detached(from, words)]);
    let mut met = HashSet::new();
    while let Some((state, words)) = queue.pop_front() {
        if takes(state, &words, symbol).is_some() {
            return true;
        }
        // Very many names would make the search dear; that the element may come next is then all that is looked at.
        let next =
            if model.alphabet.names() <= MAX_LISTED { model.expected(state, &words) } else { Vec::new() };
        let cost = 1 + words.len() * state.number() as usize * usize::from(!model.is_table());
        for (next, _) in next {
            *steps += cost;
            if *steps > STEPS {
                return false;
            }
            if met.len() < MAX_TRIED
                && let Some((state, words)) = takes(state, &words, next)
                && met.insert((state.number(), words.clone()))
            {
                queue.push_back((state, words));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

    use super::*;
    use crate::engine::content::tests::wide;

    #[test]
    fn searches_for_another_one_end_where_their_steps_do() {
        let count = 500;
        let (model, names) = wide(count);
        let mut steps = 0;
        for &found in &names[..names.len() - 1] {
            let mut words = Vec::new();
            let mut state = model.start(&mut words);
            let symbol = model.symbol(found).unwrap();
            assert!(matches!(model.step(&mut state, &mut words, symbol), Step::Taken(_)));
            assert!(!may_come_again(&model, found, state, &words, &mut steps));
        }
        assert!((STEPS..=STEPS + count as usize).contains(&steps), "{steps}");
    }
}
