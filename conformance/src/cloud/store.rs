//! What the cloud holds: tables of rows by key, one byte string a row, with the effects counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::locked;
use super::rows::{Rows, Value};

/// Tables by name.
#[derive(Default)]
pub(super) struct Store {
    tables: Mutex<BTreeMap<String, Arc<Mutex<Table>>>>,
}

impl Store {
    /// The table of that name, made when it is first named.
    pub(super) fn table(&self, name: &str) -> Arc<Mutex<Table>> {
        Arc::clone(locked(&self.tables).entry(name.to_owned()).or_default())
    }

    /// The table of that name, if anything was ever sent to it.
    pub(super) fn existing(&self, name: &str) -> Option<Arc<Mutex<Table>>> {
        locked(&self.tables).get(name).map(Arc::clone)
    }

    pub(super) fn tables(&self) -> Vec<(String, Arc<Mutex<Table>>)> {
        locked(&self.tables).iter().map(|(name, table)| (name.clone(), Arc::clone(table))).collect()
    }

    pub(super) fn clear(&self) {
        locked(&self.tables).clear();
    }
}

/// How a row that is sent meets the row that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The row sent is the row held from now on.
    Replace,
    /// Fields that are not sent stay as they are.
    Merge,
    /// As `Replace`, but an effect of its own each time: what an insert without a unique key does.
    Add,
}

/// One table: rows by key.
#[derive(Default)]
pub(super) struct Table {
    columns: Vec<String>,
    index: HashMap<String, u16>,
    rows: HashMap<Box<str>, Held>,
    scratch: Vec<u8>,
}

/// A row that is held, and what happened to it.
pub(super) struct Held {
    /// Cells in the order of the table's columns (see [`encode`]); empty after a delete.
    cells: Box<[u8]>,
    /// How often a call wrote the row.
    pub(super) writes: u32,
    /// How often a write changed what is held (an `Add` always does).
    pub(super) changes: u32,
    deleted: bool,
}

impl Table {
    /// Numbers of this table's columns for the columns of a request.
    pub(super) fn translate(&mut self, rows: &Rows) -> Vec<u16> {
        rows.columns().iter().map(|name| self.column(name)).collect()
    }

    /// Writes row `at` of `rows` under `key`; columns left out by `skip` are not stored. True if the key is new.
    pub(super) fn write(
        &mut self,
        rows: &Rows,
        at: usize,
        columns: &[u16],
        key: &str,
        mode: Mode,
        skip: Option<u16>,
    ) -> bool {
        let mut cells: Vec<(u16, Value<'_>)> = rows
            .row(at)
            .filter(|(column, _)| Some(*column) != skip)
            .map(|(column, value)| (columns[usize::from(column)], value))
            .collect();
        cells.sort_by_key(|(column, _)| *column);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let created = match self.rows.get_mut(key) {
            Some(held) => {
                if mode == Mode::Merge && !held.deleted {
                    encode(merge(decode(&held.cells), &cells), &mut scratch);
                } else {
                    encode(cells.iter().copied(), &mut scratch);
                }
                held.writes += 1;
                let created = held.deleted;
                if created || mode == Mode::Add || *held.cells != *scratch {
                    held.changes += 1;
                    held.deleted = false;
                    held.cells = scratch.as_slice().into();
                }
                created
            }
            None => {
                encode(cells.iter().copied(), &mut scratch);
                let held = Held { cells: scratch.as_slice().into(), writes: 1, changes: 1, deleted: false };
                self.rows.insert(key.into(), held);
                true
            }
        };
        self.scratch = scratch;
        created
    }

    /// Removes a row; its counts stay. True if it was there.
    pub(super) fn delete(&mut self, key: &str) -> bool {
        let Some(held) = self.rows.get_mut(key) else { return false };
        held.writes += 1;
        if held.deleted {
            return false;
        }
        held.changes += 1;
        held.deleted = true;
        held.cells = Box::default();
        true
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.rows.get(key).is_some_and(|held| !held.deleted)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Held> {
        self.rows.get(key).filter(|held| !held.deleted)
    }

    /// Keys of the rows that are held, in no order.
    pub(super) fn keys(&self) -> Vec<Box<str>> {
        self.rows.iter().filter(|(_, held)| !held.deleted).map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for held in self.rows.values() {
            counts.rows += u64::from(!held.deleted);
            counts.writes += u64::from(held.writes);
            counts.rewritten += u64::from(held.writes > 1);
            counts.repeated_effects += u64::from(held.changes > 1);
        }
        counts
    }

    fn column(&mut self, name: &str) -> u16 {
        if let Some(column) = self.index.get(name) {
            return *column;
        }
        let column = self.columns.len() as u16;
        self.columns.push(name.to_owned());
        self.index.insert(name.to_owned(), column);
        column
    }
}

impl Held {
    /// The cells of the row: number of the column, value.
    pub(super) fn cells(&self) -> impl Iterator<Item = (u16, Value<'_>)> {
        decode(&self.cells)
    }
}

/// Sums over a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Counts {
    /// Rows that are held.
    pub(super) rows: u64,
    /// Writes in all.
    pub(super) writes: u64,
    /// Keys written more than once.
    pub(super) rewritten: u64,
    /// Keys whose content was changed more than once.
    pub(super) repeated_effects: u64,
}

/// A cell: 0x00–0x7F is a text of that one character; 0x80 n skips n columns; 0x81 n is a text of n bytes; 0x82 is null.
fn encode<'v>(cells: impl Iterator<Item = (u16, Value<'v>)>, out: &mut Vec<u8>) {
    let mut next = 0u16;
    for (column, value) in cells {
        if column > next {
            out.push(0x80);
            number(out, u32::from(column - next));
        }
        next = column + 1;
        match value {
            Value::Null => out.push(0x82),
            Value::Text(text) => match text.as_bytes() {
                [byte] => out.push(*byte),
                bytes => {
                    out.push(0x81);
                    number(out, bytes.len() as u32);
                    out.extend_from_slice(bytes);
                }
            },
        }
    }
}

fn decode(mut cells: &[u8]) -> impl Iterator<Item = (u16, Value<'_>)> {
    let mut column = 0u16;
    std::iter::from_fn(move || {
        loop {
            let (first, rest) = cells.split_first()?;
            match first {
                0x80 => {
                    let (skipped, rest) = take_number(rest);
                    column += skipped as u16;
                    cells = rest;
                    continue;
                }
                0x81 => {
                    let (length, rest) = take_number(rest);
                    let (text, rest) = rest.split_at(length as usize);
                    cells = rest;
                    column += 1;
                    return Some((column - 1, Value::Text(std::str::from_utf8(text).unwrap_or(""))));
                }
                0x82 => {
                    cells = rest;
                    column += 1;
                    return Some((column - 1, Value::Null));
                }
                _ => {
                    let text = std::str::from_utf8(&cells[..1]).unwrap_or("");
                    cells = rest;
                    column += 1;
                    return Some((column - 1, Value::Text(text)));
                }
            }
        }
    })
}

fn number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(mut bytes: &[u8]) -> (u32, &[u8]) {
    let mut number = 0;
    let mut shift = 0;
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        number |= u32::from(first & 0x7f) << shift;
        shift += 7;
        if first & 0x80 == 0 {
            break;
        }
    }
    (number, bytes)
}

/// The held cells with those of `sent` over them; both in order of their columns.
fn merge<'v>(
    held: impl Iterator<Item = (u16, Value<'v>)>,
    sent: &[(u16, Value<'v>)],
) -> impl Iterator<Item = (u16, Value<'v>)> {
    let mut cells: BTreeMap<u16, Value<'v>> = held.collect();
    cells.extend(sent.iter().copied());
    cells.into_iter()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cells_come_back_as_they_went_in(
            cells in proptest::collection::btree_map(0u16..600, proptest::option::of(".{0,200}"), 0..40)
        ) {
            let cells: Vec<(u16, Value<'_>)> = cells
                .iter()
                .map(|(column, text)| (*column, text.as_deref().map_or(Value::Null, Value::Text)))
                .collect();
            let mut bytes = Vec::new();
            encode(cells.iter().copied(), &mut bytes);
            prop_assert_eq!(decode(&bytes).collect::<Vec<_>>(), cells);
        }
    }

    fn rows(cells: &[(&str, Value<'_>)]) -> Rows {
        let mut rows = Rows::default();
        for (name, value) in cells {
            let column = rows.column(name).unwrap();
            rows.push(column, *value);
        }
        rows.end_row().unwrap();
        rows
    }

    fn write(table: &mut Table, mode: Mode, cells: &[(&str, Value<'_>)]) -> bool {
        let rows = rows(cells);
        let columns = table.translate(&rows);
        table.write(&rows, 0, &columns, "k", mode, None)
    }

    #[test]
    fn a_merge_leaves_what_is_not_sent() {
        let mut table = Table::default();
        assert!(write(&mut table, Mode::Merge, &[("a", Value::Text("1")), ("b", Value::Text("long text"))]));
        assert!(!write(&mut table, Mode::Merge, &[("c", Value::Null), ("a", Value::Text("2"))]));
        let cells: Vec<_> = table.get("k").unwrap().cells().collect();
        assert_eq!(cells, [(0, Value::Text("2")), (1, Value::Text("long text")), (2, Value::Null)]);
    }

    #[test]
    fn a_repeated_write_is_no_change_but_a_repeated_add_is() {
        let mut table = Table::default();
        for _ in 0..3 {
            write(&mut table, Mode::Replace, &[("a", Value::Text("1"))]);
        }
        assert_eq!(table.counts(), Counts { rows: 1, writes: 3, rewritten: 1, repeated_effects: 0 });
        write(&mut table, Mode::Add, &[("a", Value::Text("1"))]);
        assert_eq!(table.counts().repeated_effects, 1);
    }

    #[test]
    fn a_deleted_row_keeps_its_counts() {
        let mut table = Table::default();
        write(&mut table, Mode::Replace, &[("a", Value::Text("1"))]);
        assert!(table.delete("k"));
        assert!(!table.delete("k"));
        assert!(table.get("k").is_none());
        assert_eq!(table.counts().rows, 0);
        assert!(write(&mut table, Mode::Replace, &[("a", Value::Text("1"))]));
        assert_eq!(table.counts().writes, 4);
    }
}
