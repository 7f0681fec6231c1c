//! `xs:all`: each member once, in any order (part 1 §3.8.6).

use super::alphabet::{Alphabet, Symbol};
use super::particle::Leaf;
use super::{Match, Step};

const NONE: u32 = u32::MAX;

/// The members that have come are bits of the state's words.
#[derive(Debug)]
pub(super) struct All {
    /// By symbol: member and match.
    members: Vec<(u32, u32)>,
    /// Bits of the members that must come.
    required: Vec<u32>,
    /// All of it may be absent.
    optional: bool,
    /// The symbols that errors propose, by member.
    proposed: Vec<Vec<Symbol>>,
}

impl All {
    pub(super) fn new(
        list: &[(u32, bool)],
        optional: bool,
        leaves: &[Leaf],
        alphabet: &Alphabet,
        matches: &mut Vec<Match>,
    ) -> All {
        let mut members = vec![(NONE, 0); alphabet.len()];
        let mut required = vec![0; list.len().div_ceil(32)];
        let mut proposed = Vec::new();
        for (member, &(leaf, must)) in list.iter().enumerate() {
            required[member / 32] |= u32::from(must) << (member % 32);
            let symbols = leaves[leaf as usize].symbols(leaf, alphabet);
            for &(symbol, matched) in &symbols {
                if members[symbol.0 as usize].0 == NONE {
                    members[symbol.0 as usize] = (member as u32, matches.len() as u32);
                    matches.push(matched);
                }
            }
            proposed.push(symbols.into_iter().map(|(symbol, _)| symbol).collect());
        }
        All { members, required, optional, proposed }
    }

    pub(super) fn members(&self) -> usize {
        self.proposed.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let proposed: usize =
            self.proposed.iter().map(|list| size_of_val(list) + size_of_val(&list[..])).sum();
        size_of_val(&self.members[..]) + size_of_val(&self.required[..]) + proposed
    }

    pub(super) fn start(&self, words: &mut Vec<u32>) -> u32 {
        words.resize(words.len() + self.required.len(), 0);
        0
    }

    pub(super) fn step(&self, at: usize, words: &mut [u32], symbol: Symbol) -> Step {
        let (member, matched) = self.members[symbol.0 as usize];
        if member == NONE {
            return Step::Refused;
        }
        let word = &mut words[at + member as usize / 32];
        let bit = 1 << (member % 32);
        if *word & bit != 0 {
            return Step::Refused;
        }
        *word |= bit;
        Step::Taken(matched)
    }

    pub(super) fn accepts(&self, words: &[u32]) -> bool {
        let seen = &words[..self.required.len()];
        let complete = seen.iter().zip(&self.required).all(|(seen, required)| seen & required == *required);
        complete || self.optional && seen.iter().all(|&word| word == 0)
    }

    pub(super) fn next(&self, words: &[u32], out: &mut Vec<Symbol>) {
        for (member, symbols) in self.proposed.iter().enumerate() {
            if words[member / 32] >> (member % 32) & 1 == 0 {
                out.extend_from_slice(symbols);
            }
        }
    }

    /// The members that must still come, by one symbol each.
    pub(super) fn missing(&self, words: &[u32]) -> Vec<Symbol> {
        let must =
            |member: usize| (self.required[member / 32] & !words[member / 32]) >> (member % 32) & 1 == 1;
        (0..self.proposed.len())
            .filter(|&member| must(member))
            .filter_map(|member| self.proposed[member].first().copied())
            .collect()
    }
}
