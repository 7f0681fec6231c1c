//! Where references stand whose end is known only later: places that are told as fully as those of elements that are still
//! open, in a few bytes each.

use std::collections::HashMap;

use sekisho_xml::{Position, Trail};

use super::Assessor;
use super::frame::Frame;
use super::prints::Room;
use crate::engine::names::NameId;

/// The most paths that are told apart, leaving aside which of its name an element is: a schema has few, and a schema that
/// recurs has no more.
const MAX_PATHS: usize = 256;
/// The deepest that an element's path is kept.
const MAX_LEVELS: usize = 32;

/// Numbers of a row before those of the elements among their siblings.
const HEAD: usize = 5;

/// The names of open elements, outermost first.
type Path = Box<[Option<NameId>]>;

/// The paths on which there is something to tell.
#[derive(Debug, Default)]
pub(super) struct Paths {
    numbers: HashMap<Path, u64>,
    all: Vec<Path>,
    /// What is asked for, mostly the one before again.
    names: Vec<Option<NameId>>,
    last: Option<u64>,
    /// The row that was made last: line, column, byte, record or 0, path or 0, and what number each of its elements is among
    /// its siblings of one name.
    row: Vec<u64>,
}

impl Paths {
    pub(super) fn clear(&mut self) {
        *self = Paths::default();
    }

    /// The number of the path of these elements, from 1; 0 when it is not kept.
    fn number(&mut self, frames: &[Frame]) -> u64 {
        if frames.len() > MAX_LEVELS {
            return 0;
        }
        let names = || frames.iter().map(|frame| frame.name);
        if let Some(last) = self.last
            && names().eq(self.names.iter().copied())
        {
            return last;
        }
        self.names.clear();
        self.names.extend(names());
        let number = match self.numbers.get(&*self.names) {
            Some(&number) => number,
            None if self.all.len() == MAX_PATHS => 0,
            None => {
                self.all.push(self.names.as_slice().into());
                let number = self.all.len() as u64;
                self.numbers.insert(self.names.as_slice().into(), number);
                number
            }
        };
        self.last = Some(number);
        number
    }

    /// The row that was made last.
    pub(super) fn row(&self) -> &[u64] {
        &self.row
    }

    /// What a row says.
    pub(super) fn site<'p>(&'p self, row: &'p [u64]) -> Site<'p> {
        let (head, numbers) = row.split_at(HEAD.min(row.len()));
        let at = |index: usize| head.get(index).copied().unwrap_or(0);
        let path = at(4).checked_sub(1).and_then(|path| self.all.get(path as usize));
        Site {
            at: Position { line: at(0), column: at(1), byte: at(2) },
            record: Some(at(3)).filter(|&record| record > 0),
            path: path.map_or(&[], |path| &**path),
            numbers,
        }
    }
}

/// Where an element is that may be long gone.
pub(super) struct Site<'p> {
    pub(super) at: Position,
    pub(super) record: Option<u64>,
    /// Empty when it is not kept.
    path: &'p [Option<NameId>],
    numbers: &'p [u64],
}

impl Site<'_> {
    /// The elements from the root on: their names, and what number each is among its siblings of that name.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Option<NameId>, u64)> {
        self.path.iter().copied().zip(self.numbers.iter().copied())
    }
}

/// Sites, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Sites(Trail);

impl Sites {
    /// Keeps a site; which one it is. Where there is no room for it, the next table that grows says so.
    pub(super) fn push(&mut self, row: &[u64], room: &mut Room) -> usize {
        let before = self.0.held();
        let at = self.0.push(row);
        let after = self.0.held();
        room.give_back(before);
        let _ = room.take(after);
        at
    }

    pub(super) fn row(&self, at: usize) -> Option<Vec<u64>> {
        self.0.row(at)
    }

    pub(super) fn rows(&self) -> sekisho_xml::Rows<'_> {
        self.0.rows()
    }

    pub(super) fn release(self, room: &mut Room) {
        room.give_back(self.0.held());
    }
}

impl Assessor<'_, '_> {
    /// Makes the row of the innermost element's site.
    pub(super) fn site(&mut self) {
        let record = self.record(self.memory.frames.len()).unwrap_or(0);
        let memory = &mut *self.memory;
        let (paths, frames) = (&mut memory.paths, &memory.frames);
        let path = paths.number(frames);
        paths.row.clear();
        if let Some(last) = frames.last() {
            paths.row.extend([last.line, last.column, last.byte, record, path]);
        }
        if path > 0 {
            paths.row.extend(frames.iter().map(|frame| u64::from(frame.position)));
        }
    }

    /// Keeps the site of the innermost element with the references that it has made.
    pub(super) fn place_references(&mut self) {
        if self.memory.identifiers.awaits_place() {
            self.site();
            let memory = &mut *self.memory;
            memory.identifiers.place(memory.paths.row(), &mut memory.room);
        }
    }
}
