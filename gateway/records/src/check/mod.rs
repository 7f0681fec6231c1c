//! The verdict on a record, the same at every door.

mod cells;
mod recent;
pub(crate) mod rendering;
mod shapes;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use sekisho_xsd::{Checker, Schema};

use crate::layout::{Field, FieldContent, FieldId, Layout, LevelId};
use crate::record::{EntryKind, Record};
use crate::violations::{Fault, Violation, Violations};
pub(crate) use cells::CellRules;
use cells::Known;
use recent::{Recent, pack};
use rendering::Rendering;
use shapes::Shapes;
pub use shapes::UsualShapes;

/// The rule that a set of fields breaks, or one that is missing or too much.
const CONTENT: &str = "cvc-complex-type.2.4";
/// The rules that text out of place breaks.
const TEXT: [&str; 3] = ["cvc-complex-type.2.1", "cvc-complex-type.2.3", "cvc-elt.3.2.1"];

/// Checks the records of one intake against the schema.
///
/// A record is valid when each of its values is, and each set of fields that are present together. Both are
/// remembered, exactly and in bounded memory, so that most records never reach the schema engine. A record of which
/// that is not known is written as an XML element and put before the schema itself: whatever door it came through, the
/// verdict and the codes of all its violations are those of the standard.
pub struct RecordChecker {
    layout: Arc<Layout>,
    checker: Checker,
    shapes: Shapes,
    /// For each level, for each field.
    recent: Vec<Vec<Recent>>,
    known: Known,
    rendering: Rendering,
    levels: Vec<LevelId>,
}

impl RecordChecker {
    /// A checker for records of `layout`, which was compiled from a record type of this `schema`.
    pub fn new(schema: &Schema, layout: &Arc<Layout>) -> Self {
        RecordChecker {
            layout: Arc::clone(layout),
            checker: Checker::new(schema, layout.record_type()),
            shapes: Shapes::default(),
            recent: layout.levels().map(|level| vec![Recent::default(); level.fields.len()]).collect(),
            known: Known::new(layout.fields().len()),
            rendering: Rendering::default(),
            levels: Vec::new(),
        }
    }

    /// Takes over which fields were present together in valid records of earlier intakes, and tells it to later ones. All have
    /// the same schema and layout.
    #[must_use]
    pub fn sharing(mut self, usual: &Arc<UsualShapes>) -> Self {
        self.shapes.share(usual);
        self
    }

    /// Lets violations of the schema tell the first 40 characters of the value that is wrong. Off by default: these are
    /// residents' data.
    #[must_use]
    pub fn show_values(mut self, show: bool) -> Self {
        self.checker = self.checker.show_values(show);
        self
    }

    /// Checks a record: `true` when it is valid. White space is normalised and defaults are filled in, so that
    /// [`Record::canonical`] is the same whichever door the record came through.
    pub fn check(&mut self, record: &mut Record, violations: &mut Violations) -> bool {
        if record.is_known() {
            return true;
        }
        if record.has_faults() {
            record.faults.drain(..).for_each(|fault| violations.push(fault));
            return false;
        }
        if let Some(captured) = record.captured.take() {
            let valid = self.put_before_schema(&captured, record, violations);
            if valid {
                // The schema takes what the reader could not match to the layout: nothing may leave unread.
                let path = record.path(0, &self.layout, None);
                violations.push(record.violation(Fault::NotInLayout, path, None, record.place()));
            }
            record.captured = Some(captured);
            return false;
        }
        let layout = Arc::clone(&self.layout);
        record.sort(&layout);
        let values = match self.values(record, &layout) {
            Ok(values) => values,
            Err(unwritable) => {
                unwritable.into_iter().for_each(|violation| violations.push(violation));
                return false;
            }
        };
        let shapes = self.shapes.known(&record.entries, &layout);
        if values && shapes {
            return true;
        }
        let mut rendering = std::mem::take(&mut self.rendering);
        rendering.begin(layout.element(), record.place());
        // Values were searched for characters that cannot be written, before.
        let _ = rendering.entries(record, &layout);
        rendering.end();
        let valid = self.put_before_schema(&rendering, record, violations);
        self.rendering = rendering;
        if valid {
            self.shapes.accept();
        }
        valid
    }

    /// Normalises the record's values and checks each; `false` when the schema has to be asked about one. The
    /// violations are those of characters that no XML can hold, about which it cannot be asked.
    fn values(&mut self, record: &mut Record, layout: &Layout) -> Result<bool, Vec<Violation>> {
        let mut good = true;
        let mut unwritable = Vec::new();
        self.levels.clear();
        let mut level = LevelId::RECORD;
        for at in 0..record.entries.len() {
            let entry = record.entries[at];
            match entry.kind {
                EntryKind::Close => level = self.levels.pop().unwrap_or(LevelId::RECORD),
                EntryKind::Open => {
                    self.levels.push(level);
                    if let FieldContent::Group { level: inner, .. } =
                        layout.level(level).field(entry.field).content
                    {
                        level = inner;
                    }
                }
                EntryKind::Nil => {
                    good &= layout.level(level).field(entry.field).nillable && {
                        // Nil and fixed exclude each other (cvc-elt.3.2.2).
                        !layout.level(level).field(entry.field).fixed
                    }
                }
                EntryKind::Text => {
                    let packed = pack(record.text_of(&entry));
                    let recent = &self.recent[usize::from(level.0)][usize::from(entry.field.0)];
                    if packed.is_some_and(|packed| recent.contains(packed)) {
                        continue;
                    }
                    let field = layout.level(level).field(entry.field);
                    if let Some(violation) = unwritable_in(record, at, field, layout) {
                        unwritable.push(violation);
                        continue;
                    }
                    let unchanged = normalise(record, at, field);
                    let accepted = self.accepts(record.text_of(&record.entries[at]), field);
                    good &= accepted;
                    if unchanged && accepted {
                        let entry = &record.entries[at];
                        self.remember(level, entry.field, record.text_of(entry).as_bytes(), packed);
                    }
                }
            }
        }
        if unwritable.is_empty() { Ok(good) } else { Err(unwritable) }
    }

    /// Remembers a value that the field takes as it is.
    fn remember(&mut self, level: LevelId, field: FieldId, value: &[u8], packed: Option<u128>) {
        if let Some(packed) = packed {
            self.recent[usize::from(level.0)][usize::from(field.0)].insert(packed);
        }
        if level == LevelId::RECORD {
            self.known.remember(field, value);
        }
    }

    /// Whether a normalised value is one that the field takes; `false` may also mean that it is not known.
    fn accepts(&mut self, text: &str, field: &Field) -> bool {
        let FieldContent::Value(ty) = &field.content else { return false };
        // Whether two texts are the same value of a fixed field's type is the schema's to say.
        let fixed = !field.fixed || field.default.as_deref() == Some(text);
        fixed && self.checker.value(ty.id, text).is_ok()
    }

    /// Lets the schema assess a record written as XML, and reports what it finds with places in the payload.
    fn put_before_schema(
        &mut self,
        rendering: &Rendering,
        record: &Record,
        violations: &mut Violations,
    ) -> bool {
        let layout = &self.layout;
        let (most, mut listed) = (violations.room() as u64, 0);
        let found = self.checker.element_telling(&rendering.xml, most, &mut |found| {
            listed += 1;
            violations.push(told(found, rendering, record, layout));
        });
        violations.count(found.saturating_sub(listed));
        if found >= Checker::MOST_COUNTED {
            violations.not_all();
        }
        found == 0
    }
}

/// What the schema finds, as it is about the payload.
fn told(found: sekisho_xsd::Violation, rendering: &Rendering, record: &Record, layout: &Layout) -> Violation {
    let element = &layout.element().local;
    // The document that the schema saw has this record alone.
    let path = found.path.as_deref().unwrap_or(element);
    let depth = path.split('/').count();
    let inside = path.split_once('/').map_or(String::new(), |(_, inside)| format!("/{inside}"));
    let start = found.line.and_then(|line| match record.is_unordered() {
        true if found.code == CONTENT => rendering.place_of_gap(line, depth, found.field.as_deref()),
        // Text has no place of its own in the payload: the element that may not have it has.
        _ if TEXT.contains(&found.code) => rendering.place_of_gap(line, depth, None),
        _ => rendering.place(line),
    });
    let (place, at_record) = start.unwrap_or((record.place(), true));
    // A violation of the record element itself is no field's.
    let field = found.field.filter(|name| !at_record || **name != **element);
    let blank = field.as_deref().filter(|_| found.code == CONTENT && depth == 1);
    let blank = blank.and_then(|name| record.place_of_blank(layout.field(name)?));
    let place = blank.unwrap_or(place);
    Violation {
        record: record.number(),
        field,
        path: Some(format!("{element}[{}]{inside}", record.number())),
        line: Some(place.line),
        column: Some(place.column),
        byte: Some(place.byte),
        code: found.code,
        expected: found.expected,
        found: found.found,
        message: found.message,
        // The words of this crate are whole sentences.
        message_ja: format!("{}。", found.message_ja),
    }
}

/// Normalises the white space of the value `at`, or fills in what an empty one stands for; `true` when nothing changed.
fn normalise(record: &mut Record, at: usize, field: &Field) -> bool {
    let FieldContent::Value(ty) = &field.content else { return true };
    let entry = record.entries[at];
    let text = record.text_of(&entry);
    let changed = match (&field.default, text) {
        (Some(default), "") => default.clone(),
        _ => match ty.white_space.normalise(text) {
            // Borrowed and shorter: white space taken off the ends.
            Cow::Borrowed(normal) if normal.len() == text.len() => return true,
            changed => changed.into_owned(),
        },
    };
    let start = record.text.len();
    record.text.push_str(&changed);
    record.entries[at].start = start as u32;
    record.entries[at].end = record.text.len() as u32;
    false
}

/// Whether a text is its own normal form, and stands for itself.
fn is_normal(text: &str, field: &Field) -> bool {
    let FieldContent::Value(ty) = &field.content else { return false };
    let defaulted = text.is_empty() && field.default.is_some();
    !defaulted
        && matches!(ty.white_space.normalise(text), Cow::Borrowed(normal) if normal.len() == text.len())
}

/// Whether a text may hold a character that XML cannot: no other has any of these bytes.
fn suspicious(text: &str) -> bool {
    let suspicious = |&byte: &u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0xEF;
    text.as_bytes().iter().any(suspicious)
}

/// The first character of a value that XML 1.0 cannot hold (section 2.2), as a violation.
fn unwritable_in(record: &Record, at: usize, field: &Field, layout: &Layout) -> Option<Violation> {
    let entry = &record.entries[at];
    let text = record.text_of(entry);
    if !suspicious(text) {
        return None;
    }
    let bad = |&c: &char| matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}');
    let code_point = text.chars().find(bad)?.into();
    let name = Some(&*field.name.local);
    let path = record.path(at, layout, name);
    Some(record.violation(Fault::CharacterNotAllowed { code_point }, path, name, record.place_of(entry)))
}
