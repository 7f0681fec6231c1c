//! What was selected: node tables (part 1 §3.11.5).

use super::super::Stop;
use super::super::fingerprint::Fingerprint;
use super::super::identifiers::Lost;
use super::super::prints::{Prints, Room};
use super::references::References;
use crate::engine::grammar::ConstraintId;

/// Key sequences. A set takes half of what a map to one bit would: there may be millions.
#[derive(Debug, Default)]
struct Keys {
    all: Prints,
    /// Those of them that several children of one element have, which therefore count for none.
    repeated: Prints,
}

impl Keys {
    fn finds(&self, key: Fingerprint) -> bool {
        self.all.contains(key) && !self.repeated.contains(key)
    }

    /// Leaves what counts for nothing out.
    fn settle(&mut self, room: &mut Room) {
        let repeated = std::mem::take(&mut self.repeated);
        repeated.iter().for_each(|(key, _)| self.all.remove(key));
        repeated.release(room);
    }

    fn release(self, room: &mut Room) {
        self.all.release(room);
        self.repeated.release(room);
    }
}

#[derive(Debug, Default)]
pub(in super::super) struct Tables {
    /// The tables of open scopes, and free ones.
    open: Vec<Table>,
    free: Vec<usize>,
    /// Tables that elements have from their own scopes and from their children, by constraint and depth.
    handed: Vec<Handed>,
}

#[derive(Debug, Default)]
struct Table {
    keys: Keys,
    references: References,
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

    /// Takes a key; false when the table has it already. It has it afterwards, even where there was no room.
    pub(in super::super) fn define(
        &mut self,
        table: usize,
        key: Fingerprint,
        room: &mut Room,
    ) -> Result<bool, Stop> {
        self.open[table].keys.all.insert(key, room)
    }

    /// Whether the table has the key.
    pub(in super::super) fn has(&self, table: usize, key: Fingerprint) -> bool {
        self.open[table].keys.all.contains(key)
    }

    pub(super) fn refer(
        &mut self,
        table: usize,
        key: Fingerprint,
        site: &[u64],
        room: &mut Room,
    ) -> Result<(), Stop> {
        self.open[table].references.push(key, site, room)
    }

    /// A key's scope ends; its table is kept where a reference may still ask for it.
    pub(super) fn close_key(
        &mut self,
        table: usize,
        constraint: ConstraintId,
        depth: u32,
        referred: bool,
        room: &mut Room,
    ) -> Result<(), Stop> {
        let keys = std::mem::take(&mut self.open[table].keys);
        self.free.push(table);
        if !referred {
            keys.release(room);
            return Ok(());
        }
        match self.find(constraint, depth) {
            // The element's own entries count, whatever its children have.
            Some(index) => {
                let Keys { all, repeated } = &mut self.handed[index].keys;
                if repeated.len() > 0 {
                    keys.all.iter().for_each(|(key, _)| repeated.remove(key));
                }
                all.absorb(keys.all, room, |_, _| Ok(()))
            }
            None => {
                self.handed.push(Handed { constraint, depth, keys });
                Ok(())
            }
        }
    }

    /// A keyref's scope ends; the places of references that lead nowhere.
    pub(super) fn close_keyref(
        &mut self,
        table: usize,
        refer: Option<ConstraintId>,
        depth: u32,
        room: &mut Room,
        lost: &mut Lost,
    ) {
        let references = std::mem::take(&mut self.open[table].references);
        self.free.push(table);
        let keys = refer.and_then(|refer| self.find(refer, depth)).map(|index| &self.handed[index].keys);
        references.each(room, |key, site| {
            if !keys.is_some_and(|keys| keys.finds(key)) {
                lost.add(site);
            }
        });
    }

    /// Whether the element at `depth` has a table from its children.
    #[inline]
    pub(super) fn any_at(&self, depth: u32) -> bool {
        self.handed.iter().any(|handed| handed.depth == depth)
    }

    /// The element at `depth` ends: its parent has its tables, as far as somebody up there asks for them.
    pub(super) fn hand_up(
        &mut self,
        depth: u32,
        room: &mut Room,
        wanted: impl Fn(ConstraintId) -> bool,
    ) -> Result<(), Stop> {
        let mut at = 0;
        while at < self.handed.len() {
            if self.handed[at].depth != depth {
                at += 1;
                continue;
            }
            let constraint = self.handed[at].constraint;
            if !wanted(constraint) {
                let gone = self.handed.swap_remove(at);
                gone.keys.release(room);
                continue;
            }
            // What its children have several times, it does not have: another child of its parent may.
            self.handed[at].keys.settle(room);
            match self.find(constraint, depth - 1) {
                None => self.handed[at].depth -= 1,
                Some(above) => {
                    let mut small = std::mem::take(&mut self.handed[at].keys);
                    let large = &mut self.handed[above].keys;
                    if small.all.len() > large.all.len() {
                        std::mem::swap(&mut small, large);
                    }
                    let Keys { all, repeated } = large;
                    repeated.absorb(small.repeated, room, |_, _| Ok(()))?;
                    all.absorb(small.all, room, |key, room| repeated.insert(key, room).map(drop))?;
                    self.handed.swap_remove(at);
                }
            }
        }
        Ok(())
    }

    fn find(&self, constraint: ConstraintId, depth: u32) -> Option<usize> {
        self.handed.iter().position(|handed| handed.constraint == constraint && handed.depth == depth)
    }
}
