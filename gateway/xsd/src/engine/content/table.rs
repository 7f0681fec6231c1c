//! Content models as tables: state by symbol.

use std::collections::{BTreeMap, HashMap};

use super::alphabet::{Alphabet, Symbol};
use super::particle::{Leaf, Particle};
use super::positions::{Entries, Link, Positions, by_symbol};
use super::{Match, ModelError, What};

/// Up to so many cells a table is a plain rectangle.
const DENSE_CELLS: usize = 1 << 16;
/// The most transitions of one table.
const MAX_STEPS: usize = 1 << 22;
/// Repetitions may be written out up to so many positions, beside twice those that are written in the schema.
const MAX_EXPANSION: usize = 512;
const NOWHERE: u32 = u32::MAX;

/// A deterministic automaton.
#[derive(Debug)]
pub(super) struct Table {
    accepting: Vec<bool>,
    steps: Steps,
    /// For each state, the symbols that lead on, in the schema's order, as far as errors need them.
    next: Vec<Box<[Symbol]>>,
}

#[derive(Debug)]
enum Steps {
    /// Target and match for each symbol of each state.
    Dense { width: usize, cells: Vec<(u32, u32)> },
    /// The same, only those that lead somewhere, sorted by symbol; each state's begin at `rows[state]`.
    Sparse { rows: Vec<u32>, steps: Vec<(Symbol, u32, u32)> },
}

impl Table {
    pub(super) fn new(
        particle: &Particle,
        leaves: &[Leaf],
        alphabet: &Alphabet,
        matches: &mut Vec<Match>,
    ) -> Result<Table, ModelError> {
        let limit = MAX_EXPANSION + 2 * leaves.len();
        if particle.expanded_len() > limit {
            return Err(ModelError::TooLarge);
        }
        let positions = Positions::new(&particle.expanded())?;
        let lists = by_symbol(&positions, leaves, alphabet, matches)?;
        let mut states: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut queue = vec![vec![positions.start]];
        states.insert(queue[0].clone(), 0);
        let mut rows: Vec<BTreeMap<Symbol, (u32, u32)>> = Vec::new();
        let mut accepting = Vec::new();
        let mut next = Vec::new();
        let mut total = 0;
        while let Some(state) = queue.get(rows.len()).cloned() {
            let (row, order, accepts) = row(&positions, &lists, &state, matches);
            total += row.len();
            if total > MAX_STEPS {
                return Err(ModelError::TooLarge);
            }
            let mut targets = BTreeMap::new();
            for (symbol, (matched, target)) in row {
                let fresh = states.len() as u32;
                let number = *states.entry(target.clone()).or_insert(fresh);
                if number == fresh {
                    if queue.len() > 4 * limit {
                        return Err(ModelError::TooLarge);
                    }
                    queue.push(target);
                }
                targets.insert(symbol, (number, matched));
            }
            rows.push(targets);
            accepting.push(accepts);
            next.push(order.into_boxed_slice());
        }
        Ok(Table { accepting, steps: Steps::new(&rows, alphabet.len()), next })
    }

    #[inline]
    pub(super) fn step(&self, state: u32, symbol: Symbol) -> Option<(u32, u32)> {
        match &self.steps {
            Steps::Dense { width, cells } => {
                let (target, matched) = cells[state as usize * width + symbol.0 as usize];
                (target != NOWHERE).then_some((target, matched))
            }
            Steps::Sparse { rows, steps } => {
                let row = &steps[rows[state as usize] as usize..rows[state as usize + 1] as usize];
                let at = row.binary_search_by_key(&symbol, |step| step.0).ok()?;
                Some((row[at].1, row[at].2))
            }
        }
    }

    #[inline]
    pub(super) fn accepts(&self, state: u32) -> bool {
        self.accepting[state as usize]
    }

    pub(super) fn states(&self) -> usize {
        self.accepting.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let steps = match &self.steps {
            Steps::Dense { cells, .. } => size_of_val(&cells[..]),
            Steps::Sparse { rows, steps } => size_of_val(&rows[..]) + size_of_val(&steps[..]),
        };
        let next: usize = self.next.iter().map(|next| size_of_val(next) + size_of_val(&next[..])).sum();
        self.accepting.len() + steps + next
    }

    pub(super) fn next(&self, state: u32, out: &mut Vec<Symbol>) {
        out.extend_from_slice(&self.next[state as usize]);
    }
}

impl Steps {
    fn new(rows: &[BTreeMap<Symbol, (u32, u32)>], width: usize) -> Steps {
        if rows.len() * width <= DENSE_CELLS {
            let mut cells = vec![(NOWHERE, 0); rows.len() * width];
            for (state, row) in rows.iter().enumerate() {
                for (symbol, &step) in row {
                    cells[state * width + symbol.0 as usize] = step;
                }
            }
            return Steps::Dense { width, cells };
        }
        let mut starts = vec![0];
        let mut steps = Vec::new();
        for row in rows {
            steps.extend(row.iter().map(|(&symbol, &(target, matched))| (symbol, target, matched)));
            starts.push(steps.len() as u32);
        }
        Steps::Sparse { rows: starts, steps }
    }
}

type Row = BTreeMap<Symbol, (u32, Vec<u32>)>;

/// Where the state leads: for each symbol the match and the follow sets; the symbols in the schema's order; whether it
/// accepts.
fn row(
    positions: &Positions,
    lists: &[Entries],
    state: &[u32],
    matches: &[Match],
) -> (Row, Vec<Symbol>, bool) {
    let mut row = Row::new();
    let mut order: Vec<(u32, Symbol)> = Vec::new();
    let mut accepts = false;
    for &follow in state {
        for link in &positions.follows[follow as usize] {
            let Link::To { list, .. } = *link else {
                accepts = true;
                continue;
            };
            for &(symbol, at, matched) in &lists[list as usize] {
                let follow = positions.all[at as usize].follow;
                match row.get_mut(&symbol) {
                    None => {
                        order.push((matches[matched as usize].term, symbol));
                        row.insert(symbol, (matched, vec![follow]));
                    }
                    Some((known, targets)) => {
                        // Unique Particle Attribution leaves one; should two be there, a declaration is the closer one.
                        let declared = |m: u32| matches!(matches[m as usize].what, What::Element(_));
                        if declared(matched) && !declared(*known) {
                            *known = matched;
                            *targets = vec![follow];
                        } else if declared(matched) == declared(*known) {
                            targets.push(follow);
                        }
                    }
                }
            }
        }
    }
    for (_, targets) in row.values_mut() {
        targets.sort_unstable();
        targets.dedup();
    }
    order.sort_unstable();
    (row, order.into_iter().map(|(_, symbol)| symbol).collect(), accepts)
}
