//! Content models as automata (part 1 §3.8, §3.9).
//!
//! A particle tree becomes *positions*, one for each element or wildcard particle, with what may follow each
//! (Glushkov's construction). Small models then become a table, state by symbol; where repetition would make the
//! table large the positions are run directly, with a counter for every repetition, so that `maxOccurs="100000"`
//! costs a number. `xs:all` is a set of bits.

mod all;
mod alphabet;
mod attribution;
mod counted;
mod particle;
mod positions;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use super::grammar::{ElementId, Process};
use super::names::{Found, NameId, Names};
use all::All;
pub(crate) use alphabet::{Alphabet, Symbol};
pub(crate) use attribution::Attribution;
use counted::Counted;
pub(crate) use counted::MAX_WAYS;
pub(crate) use particle::{Leaf, Member, Particle, Term};
pub(crate) use positions::MAX_LISTED;
use table::Table;

/// A content model, ready to be followed.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) alphabet: Alphabet,
    /// What a matched element is, by the number that a step gives.
    pub(crate) matches: Vec<Match>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Table(Table),
    Counted(Counted),
    All(All),
}

/// What an element that the model takes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// Which particle it was.
    pub(crate) term: u32,
    pub(crate) what: What,
}

/// The declaration of a matched element, or how a wildcard wants it assessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Element(ElementId),
    Wildcard(Process),
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// `table`, `counted` or `all`.
    pub(crate) kind: &'static str,
    /// States of a table, positions of what is counted, members of an `xs:all`.
    pub(crate) states: usize,
    pub(crate) bytes: usize,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An index into `Model::matches`.
    Taken(u32),
    Refused,
    /// More ways at once than are followed.
    TooMany,
}

/// How far a content model has been followed: one number, and words of one stack for the models that need more.
///
/// Only the innermost open element's words change, so they lie at the end of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct State {
    number: u32,
    /// Where the words begin.
    words: u32,
}

/// A model that cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModelError {
    /// More states, transitions or positions than are held.
    TooLarge,
    /// Repetitions inside one another that a document may share its elements out to in more ways than are followed.
    TooManyWays,
    /// `xs:all` that is not the whole content.
    AllInside,
}

impl Model {
    pub(crate) fn build(particle: &Particle, leaves: &[Leaf], names: &Names) -> Result<Model, ModelError> {
        let alphabet = Alphabet::new(leaves, names);
        if let Some((members, optional)) = particle.as_all() {
            let mut matches = Vec::new();
            let all = All::new(members, optional, leaves, &alphabet, &mut matches);
            return Ok(Model { alphabet, matches, kind: Kind::All(all) });
        }
        if particle.has_all() {
            return Err(ModelError::AllInside);
        }
        let mut matches = Vec::new();
        let table = Table::new(particle, leaves, &alphabet, &mut matches);
        let kind = match table {
            Ok(table) => Kind::Table(table),
            Err(ModelError::TooLarge) => {
                matches.clear();
                let counted = Counted::new(particle, leaves, &alphabet, &mut matches)?;
                if counted.is_too_open() {
                    return Err(ModelError::TooManyWays);
                }
                Kind::Counted(counted)
            }
            Err(other) => return Err(other),
        };
        Ok(Model { alphabet, matches, kind })
    }

    /// The state before any child; its words go to the end of `words`.
    #[inline]
    pub(crate) fn start(&self, words: &mut Vec<u32>) -> State {
        let at = words.len() as u32;
        let number = match &self.kind {
            Kind::Table(_) => 0,
            Kind::Counted(counted) => counted.start(words),
            Kind::All(all) => all.start(words),
        };
        State { number, words: at }
    }

    /// Takes one child, whose symbol is given.
    #[inline]
    pub(crate) fn step(&self, state: &mut State, words: &mut Vec<u32>, symbol: Symbol) -> Step {
        match &self.kind {
            Kind::Table(table) => match table.step(state.number, symbol) {
                Some((next, matched)) => {
                    state.number = next;
                    Step::Taken(matched)
                }
                None => Step::Refused,
            },
            Kind::Counted(counted) => counted.step(&mut state.number, state.words as usize, words, symbol),
            Kind::All(all) => all.step(state.words as usize, words, symbol),
        }
    }

    /// Whether the content may end here.
    #[inline]
    pub(crate) fn accepts(&self, state: State, words: &[u32]) -> bool {
        match &self.kind {
            Kind::Table(table) => table.accepts(state.number),
            Kind::Counted(counted) => counted.accepts(state.number, &words[state.words as usize..]),
            Kind::All(all) => all.accepts(&words[state.words as usize..]),
        }
    }

    /// Whether nothing at all is content enough (part 1 §3.9.6, Particle Emptiable).
    pub(crate) fn emptiable(&self) -> bool {
        let mut words = Vec::new();
        let start = self.start(&mut words);
        self.accepts(start, &words)
    }

    /// The symbols of the elements that may come next, by the names that the schema gives them; wildcards and
    /// members of substitution groups left out.
    pub(crate) fn expected(&self, state: State, words: &[u32]) -> Vec<(Symbol, NameId)> {
        let words = words.get(state.words as usize..).unwrap_or_default();
        let mut next = Vec::new();
        match &self.kind {
            Kind::Table(table) => table.next(state.number, &mut next),
            Kind::Counted(counted) => counted.next(state.number, words, &mut next),
            Kind::All(all) => all.next(words, &mut next),
        }
        let mut seen = vec![false; self.alphabet.len()];
        next.retain(|symbol| !std::mem::replace(&mut seen[symbol.0 as usize], true));
        next.into_iter().filter_map(|symbol| Some((symbol, self.alphabet.shown(symbol)?))).collect()
    }

    /// What must still come, in no order, where the order does not matter; `None` where it does.
    pub(crate) fn unordered(&self, state: State, words: &[u32]) -> Option<Vec<NameId>> {
        match &self.kind {
            Kind::All(all) => {
                let missing = all.missing(&words[state.words as usize..]);
                Some(missing.into_iter().filter_map(|symbol| self.alphabet.shown(symbol)).collect())
            }
            _ => None,
        }
    }

    /// The symbol of a child.
    #[inline]
    pub(crate) fn symbol(&self, child: Found) -> Option<Symbol> {
        self.alphabet.symbol(child)
    }

    /// A state of its own, with its words at the start of a stack of its own.
    pub(crate) fn detached(state: State, words: &[u32]) -> (State, Vec<u32>) {
        let own = words.get(state.words as usize..).unwrap_or_default().to_vec();
        (State { number: state.number, words: 0 }, own)
    }

    /// Puts a detached state back in the place of `state`, which is the innermost.
    pub(crate) fn attach(state: &mut State, words: &mut Vec<u32>, (other, own): &(State, Vec<u32>)) {
        state.number = other.number;
        words.truncate(state.words as usize);
        words.extend_from_slice(own);
    }
}

impl State {
    /// Where the state's words begin: what comes after is gone with it.
    pub(crate) fn words(self) -> usize {
        self.words as usize
    }

    /// A number that, for models that are tables, says all.
    pub(crate) fn number(self) -> u32 {
        self.number
    }
}

impl Model {
    /// What the model takes, for those who ask what a schema costs.
    pub(crate) fn cost(&self) -> Cost {
        let (kind, states, bytes) = match &self.kind {
            Kind::Table(table) => ("table", table.states(), table.bytes()),
            Kind::Counted(counted) => ("counted", counted.positions(), counted.bytes()),
            Kind::All(all) => ("all", all.members(), all.bytes()),
        };
        let own = size_of::<Model>() + self.alphabet.bytes() + self.matches.len() * size_of::<Match>();
        Cost { kind, states, bytes: own + bytes }
    }

    /// How many states there are whose number says all there is to say.
    pub(crate) fn states(&self) -> usize {
        match &self.kind {
            Kind::Table(table) => table.states(),
            Kind::Counted(_) | Kind::All(_) => 0,
        }
    }

    /// Whether it is a set: an `xs:all`.
    pub(crate) fn is_set(&self) -> bool {
        matches!(self.kind, Kind::All(_))
    }

    /// Whether the state's number says all there is to say.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.kind, Kind::Table(_))
    }
}
