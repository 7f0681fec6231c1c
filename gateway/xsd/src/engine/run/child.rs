//! A child in its parent's content (part 1 §3.4.4, §3.8.4, §3.9.4).

use super::{Assessor, Stop};
use crate::engine::content::{Step, What};
use crate::engine::grammar::{Content, ElementId, Process};
use crate::engine::names::Found;
use crate::wording::{self, Expected, MAX_NAMES};

/// The most names of a model whose next ones are looked up for a report.
pub(super) const MAX_LISTED: usize = 512;

/// What a child is to its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    Declared(ElementId),
    /// A wildcard took it, and no declaration has its name.
    Undeclared {
        strict: bool,
    },
    /// Nothing inside is assessed.
    Skipped,
}

impl Assessor<'_, '_> {
    /// Takes a child into the innermost element's content; its number among the siblings of its name comes with it.
    pub(super) fn child(&mut self, found: Found, local: &str) -> Result<(Child, u32), Stop> {
        let Some(parent) = self.memory.frames.last_mut() else { return Ok((self.root(found), 1)) };
        parent.has_children = true;
        if parent.skip {
            return Ok((Child::Skipped, 0));
        }
        let model = match parent.content {
            _ if parent.nil => {
                if !std::mem::replace(&mut parent.told_children, true) {
                    self.report_here("cvc-elt.3.2.1");
                }
                return Ok((Child::Skipped, 0));
            }
            Content::Empty | Content::Simple(_) => {
                if !std::mem::replace(&mut parent.told_children, true) {
                    self.refuse(local);
                }
                return Ok((Child::Skipped, 0));
            }
            Content::Elements(model) | Content::Mixed(model) => &self.grammar.models[model.index()],
        };
        let symbol = model.symbol(found);
        let step = match symbol {
            Some(symbol) => model.step(&mut parent.state, &mut self.memory.words, symbol),
            None => Step::Refused,
        };
        let counted = symbol.filter(|symbol| (symbol.0 as usize) < model.alphabet.names());
        let position = match counted {
            Some(symbol) => {
                let count = &mut self.memory.counts[parent.counts as usize + symbol.0 as usize];
                *count += 1;
                *count
            }
            None => 0,
        };
        let what = match step {
            Step::Taken(matched) => Some(model.matches[matched as usize].what),
            Step::Refused => self.recover(symbol, local),
            Step::TooMany => return Err(Stop::TooManyWays),
        };
        let child = match what {
            Some(What::Element(element)) => Child::Declared(element),
            Some(What::Wildcard(Process::Skip)) | None => Child::Skipped,
            Some(What::Wildcard(process)) => match self.grammar.global(found.name).element {
                Some(element) => Child::Declared(element),
                None => Child::Undeclared { strict: process == Process::Strict },
            },
        };
        Ok((child, position))
    }

    /// Says that a child is refused.
    pub(super) fn refuse(&mut self, local: &str) {
        let child = self.shown(local);
        let frame = *self.top();
        let mut expected = Expected::default();
        if let Some(model) = frame.content.model().filter(|_| self.reports()) {
            let model = &self.grammar.models[model.index()];
            let words = &self.memory.words;
            // Of a model with very many names a list of a few helps nobody.
            let few = model.alphabet.names() <= MAX_LISTED;
            let names = if few { model.expected(frame.state, words) } else { Vec::new() };
            expected.more = names.len() > MAX_NAMES || !few;
            let shown = names.iter().take(MAX_NAMES);
            expected.names = shown.map(|(_, name)| self.grammar.names.local(*name)).collect();
            expected.end = model.accepts(frame.state, words);
        }
        self.report_child(child, |parent| wording::refused(parent, child, &expected));
    }
}
