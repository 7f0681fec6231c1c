//! What was selected: node tables (part 1 §3.11.5).

use std::collections::HashSet;

use super::super::Stop;
use super::super::fingerprint::{Fingerprint, Hashed};
use super::prints::Prints;
use crate::engine::grammar::ConstraintId;

/// The most keys and references that are kept at once.
const MAX_KEPT: usize = 1 << 22;

/// Key sequences. A set takes half of what a map to one bit would: there may be millions.
#[derive(Debug, Default)]
struct Keys {
    all: Prints,
    /// Those of them that several children of one element have, which therefore count for none.
    repeated: HashSet<Fingerprint, Hashed>,
}

impl Keys {
    fn len(&self) -> usize {
        self.all.len() + self.repeated.len()
    }

    fn finds(&self, key: &Fingerprint) -> bool {
        self.all.contains(key) && !self.repeated.contains(key)
    }

    /// Leaves what counts for nothing out.
    fn settle(&mut self) {
        for key in self.repeated.drain() {
            self.all.remove(&key);
        }
        self.repeated.shrink_to_fit();
    }
}

#[derive(Debug, Default)]
pub(in super::super) struct Tables {
    /// The tables of open scopes, and free ones.
    open: Vec<Table>,
    free: Vec<usize>,
    /// Tables that elements have from their own scopes and from their children, by constraint and depth.
    handed: Vec<Handed>,
    kept: usize,
}

#[derive(Debug, Default)]
struct Table {
    keys: Keys,
    references: Vec<(Fingerprint, (u64, u64))>,
}

#[derive(Debug)]
struct Handed {
    constraint: ConstraintId,
    depth: u32,
    keys: Keys,
}

impl Tables {
    pub(super) fn clear(&mut self) {
        *self = Tables::default();
    }

    pub(super) fn open(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.open.push(Table::default());
            self.open.len() - 1
        })
    }

    /// Takes a key; false when the table has it already.
    pub(in super::super) fn define(&mut self, table: usize, key: Fingerprint) -> Result<bool, Stop> {
        let new = self.open[table].keys.all.insert(key);
        self.room(usize::from(new))?;
        Ok(new)
    }

    /// Whether the table has the key.
    pub(in super::super) fn has(&self, table: usize, key: Fingerprint) -> bool {
        self.open[table].keys.all.contains(&key)
    }

    /// Whether so many more are kept.
    pub(in super::super) fn has_room(&self, more: usize) -> bool {
        self.kept + more <= MAX_KEPT
    }

    pub(super) fn refer(&mut self, table: usize, key: Fingerprint, at: (u64, u64)) -> Result<(), Stop> {
        self.room(1)?;
        self.open[table].references.push((key, at));
        Ok(())
    }

    fn room(&mut self, more: usize) -> Result<(), Stop> {
        self.kept += more;
        if self.kept > MAX_KEPT {
            return Err(Stop::Limit("keys and references to them", MAX_KEPT as u64));
        }
        Ok(())
    }

    /// A key's scope ends; its table is kept where a reference may still ask for it.
    pub(super) fn close_key(&mut self, table: usize, constraint: ConstraintId, depth: u32, referred: bool) {
        let keys = std::mem::take(&mut self.open[table].keys);
        self.free.push(table);
        if !referred {
            self.kept -= keys.len();
            return;
        }
        match self.find(constraint, depth) {
            // The element's own entries count, whatever its children have.
            Some(index) => {
                let handed = &mut self.handed[index].keys;
                let before = handed.len() + keys.len();
                handed.repeated.retain(|key| !keys.all.contains(key));
                handed.all.extend(keys.all);
                self.kept -= before - self.handed[index].keys.len();
            }
            None => self.handed.push(Handed { constraint, depth, keys }),
        }
    }

    /// A keyref's scope ends; the places of references that lead nowhere.
    pub(super) fn close_keyref(
        &mut self,
        table: usize,
        refer: Option<ConstraintId>,
        depth: u32,
        lost: &mut Vec<(u64, u64)>,
    ) {
        let references = std::mem::take(&mut self.open[table].references);
        self.free.push(table);
        self.kept -= references.len();
        let keys = refer.and_then(|refer| self.find(refer, depth)).map(|index| &self.handed[index].keys);
        let known = |key: &Fingerprint| keys.is_some_and(|keys| keys.finds(key));
        lost.extend(references.into_iter().filter(|(key, _)| !known(key)).map(|(_, at)| at));
    }

    /// Whether the element at `depth` has a table from its children.
    #[inline]
    pub(super) fn any_at(&self, depth: u32) -> bool {
        self.handed.iter().any(|handed| handed.depth == depth)
    }

    /// The element at `depth` ends: its parent has its tables, as far as somebody up there asks for them.
    pub(super) fn hand_up(&mut self, depth: u32, wanted: impl Fn(ConstraintId) -> bool) {
        let mut at = 0;
        while at < self.handed.len() {
            if self.handed[at].depth != depth {
                at += 1;
                continue;
            }
            let constraint = self.handed[at].constraint;
            if !wanted(constraint) {
                let gone = self.handed.swap_remove(at);
                self.kept -= gone.keys.len();
                continue;
            }
            // What its children have several times, it does not have: another child of its parent may.
            let own = &mut self.handed[at].keys;
            let before = own.len();
            own.settle();
            self.kept -= before - own.len();
            match self.find(constraint, depth - 1) {
                None => self.handed[at].depth -= 1,
                Some(above) => {
                    let mut small = std::mem::take(&mut self.handed[at].keys);
                    let large = &mut self.handed[above].keys;
                    if small.len() > large.len() {
                        std::mem::swap(&mut small, large);
                    }
                    let before = small.len() + large.len();
                    large.repeated.extend(small.repeated);
                    for key in small.all {
                        if !large.all.insert(key) {
                            large.repeated.insert(key);
                        }
                    }
                    // No more than there were: each key that is in both is now in both sets of one.
                    self.kept -= before.saturating_sub(large.len());
                    self.handed.swap_remove(at);
                }
            }
        }
    }

    fn find(&self, constraint: ConstraintId, depth: u32) -> Option<usize> {
        self.handed.iter().position(|handed| handed.constraint == constraint && handed.depth == depth)
    }
}
