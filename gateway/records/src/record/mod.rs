//! A record in memory: one reusable arena for all records of an intake.

mod order;
mod origin;
mod places;

#[cfg(test)]
mod tests;

use crate::canonical::{CanonicalRecord, Item};
use crate::check::rendering::Rendering;
use crate::layout::{FieldId, Layout};
use crate::violations::Violation;
pub(crate) use origin::Origin;
use places::Blank;

/// A field's value. Absent fields are not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Present and without a value (`xsi:nil`, JSON `null` of a nillable field).
    Nil,
    /// A text, possibly empty.
    Text(&'a str),
}

/// Where something stands in the payload, after transfer decoding and conversion to UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// Byte offset, from 0; a byte order mark does not count.
    pub byte: u64,
}

impl Place {
    /// Where a payload begins.
    pub(crate) const START: Place = Place { line: 1, column: 1, byte: 0 };
}

/// One record: values, groups and where each was read. Cleared and filled again by a
/// [`RecordSource`](crate::RecordSource); in steady state nothing is allocated.
#[derive(Debug, Default)]
pub struct Record {
    number: u64,
    place: Place,
    /// In layout order after [`Record::sort`]; groups as matching `Open` and `Close`.
    pub(crate) entries: Vec<Entry>,
    /// What the entries point into.
    pub(crate) text: String,
    /// What the reader found wrong with this record: it is refused for these, unchecked.
    pub(crate) faults: Vec<Violation>,
    /// The record as an XML document of its own, when it does not match the layout.
    pub(crate) captured: Option<Rendering>,
    /// Cells with nothing in them: where fields that are absent would stand.
    blanks: Vec<Blank>,
    /// Fields may come in any order, so that a missing one is missing in the record, not before another one.
    unordered: bool,
    scratch: order::Scratch,
    /// The canonical form of a record that was read and found valid in one pass; it then has no entries.
    known_form: Vec<u8>,
    /// Its length, if there is one.
    known: Option<usize>,
    /// Where the values of such a record stand, if somebody asks for that.
    origin: Option<Origin>,
}

/// One value, or one end of a group instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    /// Number within the level of the group around.
    pub(crate) field: FieldId,
    /// Bytes of the arena's text, for [`EntryKind::Text`].
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Lines below the record's first.
    line: u32,
    column: u32,
    /// Bytes behind the record's first.
    byte: u32,
}

/// A place in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Offset {
    /// Lines below the record's first.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
    /// Bytes behind the record's first.
    pub(crate) byte: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Text,
    Nil,
    Open,
    Close,
}

impl Record {
    /// An empty record.
    pub fn new() -> Record {
        Record::default()
    }

    /// The record's number in its payload, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Where the record starts.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Sets where the record starts, for readers that know it only later.
    pub(crate) fn set_place(&mut self, place: Place) {
        self.place = place;
    }

    /// Whether the reader found something wrong with this record.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The value of a top-level field; `None` when absent or a group.
    pub fn value(&self, field: FieldId) -> Option<Value<'_>> {
        if let Some(form) = self.known_form() {
            return value_in(form, field);
        }
        let mut depth = 0_u32;
        for entry in &self.entries {
            match entry.kind {
                EntryKind::Open => depth += 1,
                EntryKind::Close => depth -= 1,
                EntryKind::Nil if depth == 0 && entry.field == field => return Some(Value::Nil),
                EntryKind::Text if depth == 0 && entry.field == field => {
                    return Some(Value::Text(self.text_of(entry)));
                }
                EntryKind::Nil | EntryKind::Text => {}
            }
        }
        None
    }

    /// Empties the record for the next one, which has this number and starts here.
    pub fn start(&mut self, number: u64, place: Place) {
        self.number = number;
        self.place = place;
        self.entries.clear();
        self.text.clear();
        self.faults.clear();
        self.captured = None;
        self.blanks.clear();
        self.unordered = false;
        self.known = None;
    }

    /// Stores a value of the current level.
    pub fn push(&mut self, field: FieldId, value: Value<'_>, place: Place) {
        let start = self.text.len();
        let kind = match value {
            Value::Nil => EntryKind::Nil,
            Value::Text(text) => {
                self.text.push_str(text);
                EntryKind::Text
            }
        };
        self.push_entry(kind, field, start, self.text.len(), place);
    }

    /// Opens an instance of a group: what follows belongs to it.
    pub fn open(&mut self, group: FieldId, place: Place) {
        self.push_entry(EntryKind::Open, group, 0, 0, place);
    }

    /// Closes the instance that was opened last.
    pub fn close(&mut self, group: FieldId) {
        self.push_entry(EntryKind::Close, group, 0, 0, self.place);
    }

    pub(crate) fn push_entry(
        &mut self,
        kind: EntryKind,
        field: FieldId,
        start: usize,
        end: usize,
        place: Place,
    ) {
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let line = narrow(place.line.saturating_sub(self.place.line));
        let column = narrow(place.column);
        let byte = narrow(place.byte.saturating_sub(self.place.byte));
        // Readers cap a record far below 4 GiB; what does not fit would be cut short, never wrap.
        let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.entries.push(Entry { kind, field, start: offset(start), end: offset(end), line, column, byte });
    }

    /// Appends an entry whose place is given relative to the record: for readers that know it so.
    #[inline]
    pub(crate) fn push_span(
        &mut self,
        kind: EntryKind,
        field: FieldId,
        span: (u32, u32),
        Offset { line, column, byte }: Offset,
    ) {
        self.entries.push(Entry { kind, field, start: span.0, end: span.1, line, column, byte });
    }

    /// Brings the entries into layout order, wherever an object's members or an `xs:all` came in another.
    pub(crate) fn sort(&mut self, layout: &Layout) {
        self.scratch.sort(&mut self.entries, layout.is_flat());
    }

    #[inline]
    pub(crate) fn text_of(&self, entry: &Entry) -> &str {
        // Spans are made from lengths of this text at character boundaries; an empty text would show in any test.
        self.text.get(entry.start as usize..entry.end as usize).unwrap_or_default()
    }

    pub(crate) fn place_of(&self, entry: &Entry) -> Place {
        self.place_at(Offset { line: entry.line, column: entry.column, byte: entry.byte })
    }

    fn place_at(&self, Offset { line, column, byte }: Offset) -> Place {
        Place {
            line: self.place.line + u64::from(line),
            column: u64::from(column),
            byte: self.place.byte + u64::from(byte),
        }
    }

    /// Appends the record's canonical form (see [`crate::canonical`]) to `out`.
    ///
    /// Meant for records that [`crate::RecordChecker::check`] has accepted: it brings them into order and normalises
    /// their values.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        self.write_canonical(out);
    }

    /// Replaces what is in `out` by the record's canonical form, to be looked at.
    pub fn canonical_in<'o>(&self, out: &'o mut Vec<u8>) -> CanonicalRecord<'o> {
        out.clear();
        self.write_canonical(out);
        // Written by the encoder a moment ago.
        CanonicalRecord::trusted(out)
    }

    fn write_canonical(&self, out: &mut Vec<u8>) {
        if let Some(form) = self.known_form() {
            return out.extend_from_slice(form);
        }
        out.reserve(self.text.len() + 2 * self.entries.len() + 16);
        let mut writer = crate::canonical::Writer::new(out);
        for entry in &self.entries {
            match entry.kind {
                EntryKind::Text => writer.text(entry.field, self.text_of(entry).as_bytes()),
                EntryKind::Nil => writer.nil(entry.field),
                EntryKind::Open => writer.open(entry.field),
                EntryKind::Close => writer.close(),
            }
        }
        writer.end();
    }

    /// Whether the record has been found valid as it was read.
    pub(crate) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    fn known_form(&self) -> Option<&[u8]> {
        self.known.map(|length| &self.known_form[..length])
    }

    /// Takes the memory for a canonical form, to be handed back with [`Record::set_known`].
    pub(crate) fn take_known(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.known_form)
    }

    /// Hands back the memory of [`Record::take_known`], with the length of this record's canonical form if the record
    /// is found valid.
    pub(crate) fn set_known(&mut self, form: Vec<u8>, length: Option<usize>) {
        self.known_form = form;
        self.known = length;
    }

    /// Takes the text's memory, to be filled by a reader of bytes and handed back with [`Record::set_text`].
    pub(crate) fn take_text(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text).into_bytes()
    }

    /// Hands back the memory of [`Record::take_text`]; `false` when it is not UTF-8, and the text is then empty.
    pub(crate) fn set_text(&mut self, bytes: Vec<u8>) -> bool {
        match String::from_utf8(bytes) {
            Ok(text) => {
                self.text = text;
                true
            }
            Err(_) => false,
        }
    }
}

/// A field of a flat record in canonical form.
fn value_in(form: &[u8], field: FieldId) -> Option<Value<'_>> {
    // Written by the encoder a moment ago.
    let mut values = CanonicalRecord::trusted(form).items().filter_map(|item| match item {
        Item::Value(found, value) => Some((found, value)),
        Item::Open(_) | Item::Close => None,
    });
    values.find(|(found, _)| *found >= field).filter(|(found, _)| *found == field).map(|(_, value)| value)
}
