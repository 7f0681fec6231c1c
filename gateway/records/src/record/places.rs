//! Where in the payload something about a record stands, and what it is called there.

use std::fmt::Write as _;

use crate::layout::{FieldContent, FieldId, Layout, LevelId};
use crate::violations::{Fault, Violation};

use super::{EntryKind, Offset, Place, Record};

/// Faults of one record that are kept; a record has no use for more.
const MAX_FAULTS: usize = 100;

/// An absent field that has a place all the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blank {
    field: FieldId,
    at: Offset,
}

impl Record {
    /// Notes what a reader finds wrong: the record is refused for it.
    pub(crate) fn report(&mut self, fault: Fault, layout: &Layout, field: Option<&str>, place: Place) {
        if self.faults.len() < MAX_FAULTS {
            let path = self.path(self.entries.len(), layout, field);
            let violation = self.violation(fault, path, field, place);
            self.faults.push(violation);
        }
    }

    /// A fault of this record.
    pub(crate) fn violation(
        &self,
        fault: Fault,
        path: String,
        field: Option<&str>,
        place: Place,
    ) -> Violation {
        let words = fault.wording();
        Violation {
            record: self.number(),
            field: field.map(str::to_owned),
            path: Some(path),
            line: Some(place.line),
            column: Some(place.column),
            byte: Some(place.byte),
            code: fault.code(),
            expected: Some(words.expected),
            found: Some(words.found),
            message: words.message.en,
            message_ja: words.message.ja,
        }
    }

    /// The names and numbers of the record, of the groups that are open before the entry `upto`, and of the field.
    pub(crate) fn path(&self, upto: usize, layout: &Layout, field: Option<&str>) -> String {
        let mut path = format!("{}[{}]", layout.element().local, self.number());
        let mut open = Vec::new();
        for (at, entry) in self.entries[..upto].iter().enumerate() {
            match entry.kind {
                EntryKind::Open => open.push(at),
                EntryKind::Close => drop(open.pop()),
                EntryKind::Text | EntryKind::Nil => {}
            }
        }
        let (mut level, mut from) = (LevelId::RECORD, 0);
        for at in open {
            let group = layout.level(level).field(self.entries[at].field);
            let number = self.instances(from, at);
            // Writing to a text cannot fail.
            let _ = write!(path, "/{}[{number}]", group.name.local);
            if let FieldContent::Group { level: inner, .. } = group.content {
                level = inner;
            }
            from = at + 1;
        }
        if let Some(field) = field {
            let _ = write!(path, "/{field}[1]");
        }
        path
    }

    /// How many instances of the group that opens at `at` there are from `from` on, this one included.
    fn instances(&self, from: usize, at: usize) -> usize {
        let (mut depth, mut count) = (0_usize, 1);
        for entry in &self.entries[from..at] {
            match entry.kind {
                EntryKind::Open => {
                    count += usize::from(depth == 0 && entry.field == self.entries[at].field);
                    depth += 1;
                }
                EntryKind::Close => depth = depth.saturating_sub(1),
                EntryKind::Text | EntryKind::Nil => {}
            }
        }
        count
    }

    /// Notes that a field is absent, and where it would stand.
    #[inline]
    pub(crate) fn blank(&mut self, field: FieldId, at: Offset) {
        self.blanks.push(Blank { field, at });
    }

    /// Where a top-level field that is absent would stand.
    pub(crate) fn place_of_blank(&self, field: FieldId) -> Option<Place> {
        let blank = self.blanks.iter().find(|blank| blank.field == field)?;
        Some(self.place_at(blank.at))
    }

    /// Says that fields may come in any order.
    pub(crate) fn in_any_order(&mut self) {
        self.unordered = true;
    }

    /// Whether fields may come in any order.
    pub(crate) fn is_unordered(&self) -> bool {
        self.unordered
    }
}
