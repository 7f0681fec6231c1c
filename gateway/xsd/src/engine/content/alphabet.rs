//! The symbols of one content model: its names, and what its wildcards tell apart.

use std::collections::BTreeMap;

use super::particle::{Leaf, Term};
use crate::engine::grammar::Namespaces;
use crate::engine::names::{Found, NameId, Names, NamespaceId};

/// A child as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(pub(crate) u32);

/// Names first, then namespaces that wildcards tell apart, then every other namespace.
#[derive(Debug)]
pub(crate) struct Alphabet {
    /// Sorted.
    names: Vec<NameId>,
    /// The namespace of each name.
    spaces: Vec<NamespaceId>,
    /// For each name, whether errors may propose it.
    shown: Vec<bool>,
    /// By name id from `low` on: symbol + 1, 0 for none. Empty when the ids lie too far apart.
    dense: Vec<u32>,
    low: u32,
    namespaces: Vec<NamespaceId>,
    has_wildcards: bool,
}

impl Alphabet {
    pub(super) fn new(leaves: &[Leaf], known: &Names) -> Self {
        let mut names: BTreeMap<NameId, bool> = BTreeMap::new();
        let mut namespaces = Vec::new();
        let mut has_wildcards = false;
        for leaf in leaves {
            match &leaf.term {
                Term::Elements(members) => {
                    for member in members {
                        *names.entry(member.name).or_default() |= member.principal;
                    }
                }
                Term::Wildcard(wildcard) => {
                    has_wildcards = true;
                    if let Namespaces::Not(listed) | Namespaces::Of(listed) = &wildcard.namespaces {
                        namespaces.extend(listed.iter().copied());
                    }
                }
            }
        }
        namespaces.sort_unstable();
        namespaces.dedup();
        let shown = names.values().copied().collect();
        let names: Vec<NameId> = names.into_keys().collect();
        let spaces = names.iter().map(|&name| known.namespace_of(name)).collect();
        let low = names.first().map_or(0, |name| name.0);
        let span = names.last().map_or(0, |name| (name.0 - low) as usize + 1);
        let mut dense = Vec::new();
        if span <= 4 * names.len() + 64 {
            dense.resize(span, 0);
            for (symbol, name) in names.iter().enumerate() {
                dense[(name.0 - low) as usize] = symbol as u32 + 1;
            }
        }
        Alphabet { names, spaces, shown, dense, low, namespaces, has_wildcards }
    }

    /// The symbol of a child; `None` when no particle of the model can take it.
    #[inline]
    pub(super) fn symbol(&self, child: Found) -> Option<Symbol> {
        if let Some(name) = child.name {
            let known = if self.dense.is_empty() {
                self.names.binary_search(&name).ok().map(|symbol| symbol as u32)
            } else {
                let offset = name.0.wrapping_sub(self.low) as usize;
                self.dense.get(offset).and_then(|symbol| symbol.checked_sub(1))
            };
            if let Some(symbol) = known {
                return Some(Symbol(symbol));
            }
        }
        self.has_wildcards.then(|| self.namespace_symbol(child.namespace))
    }

    fn namespace_symbol(&self, namespace: NamespaceId) -> Symbol {
        let class = self.namespaces.binary_search(&namespace).unwrap_or(self.namespaces.len());
        Symbol((self.names.len() + class) as u32)
    }

    /// How many names there are; their symbols come first.
    pub(crate) fn names(&self) -> usize {
        self.names.len()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.names[..])
            + size_of_val(&self.spaces[..])
            + self.shown.len()
            + size_of_val(&self.dense[..])
            + size_of_val(&self.namespaces[..])
    }

    /// How many symbols there are.
    pub(super) fn len(&self) -> usize {
        self.names.len() + if self.has_wildcards { self.namespaces.len() + 1 } else { 0 }
    }

    /// The name of a symbol, if it is one that errors propose.
    pub(super) fn shown(&self, symbol: Symbol) -> Option<NameId> {
        let index = symbol.0 as usize;
        self.shown.get(index).copied().unwrap_or(false).then(|| self.names[index])
    }

    pub(super) fn of_name(&self, name: NameId) -> Option<Symbol> {
        self.names.binary_search(&name).ok().map(|symbol| Symbol(symbol as u32))
    }

    /// The symbols that stand for children in namespaces, with a namespace that each stands for.
    pub(super) fn classes(&self) -> impl Iterator<Item = (Symbol, NamespaceId)> + '_ {
        let last = self.has_wildcards.then_some(NamespaceId::UNKNOWN);
        let namespaces = self.namespaces.iter().copied().filter(|_| self.has_wildcards).chain(last);
        namespaces
            .enumerate()
            .map(|(class, namespace)| (Symbol((self.names.len() + class) as u32), namespace))
    }

    /// The symbols of names, with the namespace of each.
    pub(super) fn spaces(&self) -> impl Iterator<Item = (Symbol, NamespaceId)> + '_ {
        self.spaces.iter().enumerate().map(|(symbol, &space)| (Symbol(symbol as u32), space))
    }
}
