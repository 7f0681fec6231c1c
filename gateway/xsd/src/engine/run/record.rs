//! Which record a violation is in: the outermost element around it that may come more than once.

use std::collections::{HashMap, HashSet, VecDeque};

use super::child::MAX_LISTED;
use super::frame::Frame;
use super::{Assessor, Root};
use crate::engine::content::{Model, Step, Symbol};
use crate::engine::grammar::{Grammar, ModelId};
use crate::engine::names::{Found, NameId};

/// How many states are tried to find out whether an element may come again.
const MAX_TRIED: usize = 256;

/// What was found before, by model and name.
pub(super) type Again = HashMap<(ModelId, NameId), bool>;

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
            let again = child.position > 1
                || (child.position == 1
                    && *memory
                        .again
                        .entry((model, name))
                        .or_insert_with(|| may_come_again(self.grammar, parent, model, name, &memory.words)));
            again.then_some(u64::from(child.position))
        })
    }
}

/// Whether the parent's content, which has just taken an element of this name, may take another one later.
fn may_come_again(grammar: &Grammar, parent: &Frame, model: ModelId, name: NameId, words: &[u32]) -> bool {
    let model = &grammar.models[model.index()];
    let found = Found { name: Some(name), namespace: grammar.names.namespace_of(name) };
    let Some(symbol) = model.symbol(found) else { return false };
    let takes = |state, words: &[u32], symbol: Symbol| {
        let (mut state, mut words) = (state, words.to_vec());
        matches!(model.step(&mut state, &mut words, symbol), Step::Taken(_)).then_some((state, words))
    };
    let mut queue = VecDeque::from([Model::detached(parent.state, words)]);
    let mut met = HashSet::new();
    while let Some((state, words)) = queue.pop_front() {
        if takes(state, &words, symbol).is_some() {
            return true;
        }
        // Very many names would make the search dear; that the element may come next is then all that is looked at.
        let next =
            if model.alphabet.names() <= MAX_LISTED { model.expected(state, &words) } else { Vec::new() };
        for (next, _) in next {
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
