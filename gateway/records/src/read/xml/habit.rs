//! Records that are written like those before them.

use std::io::BufRead;

use sekisho_xml::Reader;
use sekisho_xml::expect::{Expectation, Followed, Value};

use crate::check::RecordChecker;
use crate::layout::FieldId;
use crate::record::{EntryKind, Place, Record};

/// After so many records in a row that were not as expected, only one in as many is looked at so.
const PATIENCE: u32 = 64;
/// White space that is passed over before a record.
const MAX_SPACE: usize = 4096;
/// Text that is looked at for a record when none has been learnt from.
const FIRST_LOOK: usize = 16 * 1024;

/// How the records of one parent are written: what is learnt from records that were read and found valid, and then
/// saves reading them.
pub(super) struct Habit {
    expectation: Expectation<FieldId>,
    values: Vec<Value<FieldId>>,
    labels: Vec<FieldId>,
    /// The text that begins with the record being read, to learn from, and where it is in the document.
    lesson: String,
    lesson_at: u64,
    /// Bytes of the longest record that was learnt from, with white space before it.
    longest: usize,
    disappointments: u32,
    max_field_bytes: usize,
    max_record_bytes: usize,
}

impl Habit {
    pub(super) fn new(max_field_bytes: usize, max_record_bytes: usize) -> Self {
        Habit {
            expectation: Expectation::default(),
            values: Vec::new(),
            labels: Vec::new(),
            lesson: String::new(),
            lesson_at: 0,
            longest: 0,
            disappointments: 0,
            max_field_bytes,
            max_record_bytes,
        }
    }

    /// Takes the record ahead, if it is written as expected and valid; it is then passed over. Otherwise nothing has
    /// happened.
    pub(super) fn takes<R: BufRead>(
        &mut self,
        reader: &mut Reader<R>,
        number: u64,
        record: &mut Record,
        checker: &mut RecordChecker,
    ) -> bool {
        if self.expectation.is_empty() || self.is_tired() {
            return false;
        }
        let max_bytes = self.max_field_bytes.min(reader.limits().text_bytes as usize);
        let text = reader.ahead(2 * self.longest);
        let space = text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let text = &text[space..];
        if space > MAX_SPACE {
            return false;
        }
        let taken = match self.expectation.follow(text, &mut self.values) {
            Some(Followed { length, .. }) if length <= self.max_record_bytes => {
                record.start(number, Place::default());
                checker.takes_values(text, &self.values, max_bytes, record).then_some(length)
            }
            _ => None,
        };
        let Some(length) = taken else {
            self.disappointments += 1;
            return false;
        };
        self.disappointments = 0;
        let at = reader.position_ahead(space);
        record.set_place(Place { line: at.line, column: at.column, byte: at.byte });
        reader.pass(space + length);
        true
    }

    fn is_tired(&self) -> bool {
        self.disappointments > PATIENCE && !self.disappointments.is_multiple_of(PATIENCE)
    }

    /// Keeps the text ahead, to learn from the record that is read next; `false` when that is not worth it.
    pub(super) fn begin<R: BufRead>(&mut self, reader: &mut Reader<R>, among_records: bool) -> bool {
        if self.is_tired() {
            self.disappointments += 1;
            return false;
        }
        if !among_records {
            return false;
        }
        self.lesson_at = reader.end_byte();
        self.lesson.clear();
        self.lesson.push_str(reader.ahead(FIRST_LOOK.max(2 * self.longest)));
        true
    }

    /// Notes the fields of the record that has been read, in the order in which they are written; `false` when there is
    /// anything but plain values in it.
    pub(super) fn labels(&mut self, record: &Record) -> bool {
        self.labels.clear();
        self.labels.extend(record.entries.iter().map(|entry| entry.field));
        record.captured.is_none() && record.entries.iter().all(|entry| entry.kind == EntryKind::Text)
    }

    /// Learns how the record that has been read is written.
    pub(super) fn learn<R: BufRead>(&mut self, reader: &Reader<R>) {
        let length = (reader.end_byte() - self.lesson_at) as usize;
        let Some(text) = self.lesson.get(..length) else { return };
        let text = text.trim_start_matches([' ', '\t', '\r', '\n']);
        self.expectation.learn(text, &self.labels);
        self.longest = self.longest.max(length);
    }
}
