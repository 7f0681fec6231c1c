//! One record element, matched to the layout as it streams by.

use std::io::BufRead;
use std::sync::Arc;

use sekisho_xml::{Event, Reader, Start};

use crate::check::rendering::{Rendering, XSI};
use crate::layout::{FieldContent, FieldId, Layout, Level, LevelId};
use crate::read::{ReadErrorKind, WRITTEN_OUT, check_entries};
use crate::record::{EntryKind, Place, Record};
use crate::violations::Fault;

use super::place_of;

/// Positions in a record are 32 bits wide.
const MAX_RECORD_BYTES: usize = 1 << 30;

/// So many times the bytes that a record may have, it may have when it is written anew: each name in full, a namespace at each
/// element that has another one than that around it, what must be escaped escaped.
const WRITTEN_OUT_TIMES: u64 = 4;
const MIN_WRITTEN_OUT: u64 = 1 << 16;

/// Reads record elements into records.
///
/// What matches the layout goes straight into the record. At the first thing that does not, the record so far is
/// written as XML again, what follows is written behind it, and the whole is kept for the schema to judge: its errors
/// are then the standard's own.
pub(super) struct ElementReader {
    layout: Arc<Layout>,
    max_field_bytes: usize,
    max_record_bytes: u64,
    frames: Vec<Frame>,
    attributes: Attributes,
    field: Option<(LevelId, FieldId)>,
    /// Where in the record another record begins, if one does.
    nested: Option<Place>,
}

/// An element whose children are being read: the record, or an instance of a group.
#[derive(Debug, Clone, Copy)]
struct Frame {
    level: LevelId,
    /// The field whose instance this is.
    group: FieldId,
    /// The field that came last.
    last: Option<FieldId>,
    /// Its first entry in the record.
    entries: usize,
}

/// What the attributes of a start tag come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Attributes {
    nil: Nil,
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Nil {
    #[default]
    Unsaid,
    Yes,
    No,
    /// Neither true nor false.
    Other(String),
}

impl Nil {
    fn written(&self) -> Option<&str> {
        match self {
            Nil::Unsaid => None,
            Nil::Yes => Some("true"),
            Nil::No => Some("false"),
            Nil::Other(text) => Some(text),
        }
    }
}

/// A step of the reading, taken out of an event so that the reader can be asked where it stands.
enum Step {
    Field(FieldId),
    /// A start tag that does not match.
    Stray(Arc<str>, Arc<str>),
    /// Text that does not match.
    StrayText(String),
    Nothing,
    End,
}

impl ElementReader {
    pub(super) fn new(
        layout: &Arc<Layout>,
        max_field_bytes: usize,
        max_record_bytes: usize,
    ) -> ElementReader {
        ElementReader {
            layout: Arc::clone(layout),
            max_field_bytes,
            max_record_bytes: max_record_bytes.min(MAX_RECORD_BYTES) as u64,
            frames: Vec::new(),
            attributes: Attributes::default(),
            field: None,
            nested: None,
        }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The field that was being read when an error came.
    pub(super) fn current_field(&self) -> Option<&str> {
        let (level, id) = self.field?;
        Some(&self.layout.level(level).field(id).name.local)
    }

    /// Where in the record that was read last another one begins.
    pub(super) fn nested(&self) -> Option<Place> {
        self.nested
    }

    /// Notes where an element stands that does not match the layout: a record in a record is one that is not closed,
    /// perhaps.
    fn stray(&mut self, namespace: &str, local: &str, place: Place) {
        let element = self.layout.element();
        if *element.local == *local && *element.namespace == *namespace {
            self.nested.get_or_insert(place);
        }
    }

    /// The name of an element, if it is one that the layout has: a name of the payload's own is none to be told.
    fn known<'n>(&self, local: &'n str) -> Option<&'n str> {
        self.layout.levels().any(|level| level.named(local).is_some()).then_some(local)
    }

    /// Notes the attributes of the start tag that is about to be read.
    pub(super) fn attributes(&mut self, start: &Start<'_>) {
        self.attributes = attributes(start);
    }

    /// Reads a record element whose start was the last event, up to its end, which is consumed.
    pub(super) fn read<R: BufRead>(
        &mut self,
        reader: &mut Reader<R>,
        record: &mut Record,
    ) -> Result<(), ReadErrorKind> {
        let layout = Arc::clone(&self.layout);
        let from = reader.position().byte;
        self.field = None;
        self.nested = None;
        self.frames.clear();
        self.frames.push(Frame { level: LevelId::RECORD, group: FieldId(0), last: None, entries: 0 });
        let attributes = std::mem::take(&mut self.attributes);
        if let Some(fault) = attributes.fault {
            record.report(fault, &layout, None, record.place());
            return self.drain(reader, 1, from);
        }
        if attributes.nil != Nil::Unsaid {
            // Of the record element: the schema knows whether it may be nil; a layout has no nil records.
            let mut rendering = begin(record, &layout);
            rendering.nil_as_written(attributes.nil.written().unwrap_or_default());
            return self.capture(reader, record, rendering, from);
        }
        loop {
            self.check_size(reader, from)?;
            let Some(&frame) = self.frames.last() else { return Ok(()) };
            let level = layout.level(frame.level);
            match self.step(reader, level, frame, record)? {
                Step::Nothing => {}
                Step::End => {
                    self.frames.pop();
                    if self.frames.is_empty() {
                        return Ok(());
                    }
                    record.close(frame.group);
                }
                Step::StrayText(text) => {
                    let mut rendering = begin(record, &layout);
                    let _ = rendering.text(&text); // Text from an XML reader can be written.
                    return self.capture(reader, record, rendering, from);
                }
                Step::Stray(namespace, local) => {
                    let place = place_of(reader);
                    self.stray(&namespace, &local, place);
                    if let Some(fault) = self.attributes.fault {
                        record.report(fault, &layout, self.known(&local), place);
                        return self.drain(reader, self.frames.len() + 1, from);
                    }
                    let mut rendering = begin(record, &layout);
                    self.start(&mut rendering, &namespace, &local, place);
                    return self.capture(reader, record, rendering, from);
                }
                Step::Field(id) => {
                    check_entries(record, self.max_record_bytes)?;
                    let place = place_of(reader);
                    let field = level.field(id);
                    self.field = Some((frame.level, id));
                    if let Some(fault) = self.attributes.fault {
                        record.report(fault, &layout, Some(&field.name.local), place);
                        return self.drain(reader, self.frames.len() + 1, from);
                    }
                    if let Some(frame) = self.frames.last_mut() {
                        frame.last = Some(id);
                    }
                    // `xsi:nil` at all is an error where the declaration is not nillable (cvc-elt.3.1).
                    let nil_fits = match self.attributes.nil {
                        Nil::Unsaid => true,
                        Nil::Yes => !matches!(field.content, FieldContent::Group { .. }),
                        Nil::No => field.nillable,
                        Nil::Other(_) => false,
                    };
                    if !nil_fits {
                        let mut rendering = begin(record, &layout);
                        self.start(&mut rendering, &field.name.namespace, &field.name.local, place);
                        return self.capture(reader, record, rendering, from);
                    }
                    match field.content {
                        FieldContent::Group { level, .. } => {
                            record.open(id, place);
                            let entries = record.entries.len();
                            self.frames.push(Frame { level, group: id, last: None, entries });
                        }
                        FieldContent::Value(_) => {
                            if !self.value(reader, record, id, from)? {
                                return Ok(());
                            }
                        }
                    }
                    self.field = None;
                }
            }
        }
    }

    /// Reads the next event among the children of a record or group.
    fn step<R: BufRead>(
        &mut self,
        reader: &mut Reader<R>,
        level: &Level,
        frame: Frame,
        record: &Record,
    ) -> Result<Step, ReadErrorKind> {
        Ok(match reader.next().map_err(ReadErrorKind::Xml)? {
            Event::Start(start) => {
                self.attributes = attributes(&start);
                match expected(level, frame, &start, record) {
                    Some(id) => Step::Field(id),
                    None => Step::Stray(start.namespace().into(), start.local().into()),
                }
            }
            Event::Text(text) if text.is_white_space() => Step::Nothing,
            Event::Text(text) => Step::StrayText(text.as_str().to_owned()),
            Event::End(_) | Event::Eof => Step::End,
        })
    }

    /// Reads a field's value up to its end; `false` when the rest of the record was read too, as it has a fault or does
    /// not match.
    fn value<R: BufRead>(
        &mut self,
        reader: &mut Reader<R>,
        record: &mut Record,
        id: FieldId,
        from: u64,
    ) -> Result<bool, ReadErrorKind> {
        let layout = Arc::clone(&self.layout);
        let place = place_of(reader);
        let nil = self.attributes.nil == Nil::Yes;
        let (level, _) = self.field.unwrap_or((LevelId::RECORD, id));
        let name = &layout.level(level).field(id).name;
        let start = record.text.len();
        loop {
            let stray = match reader.next().map_err(ReadErrorKind::Xml)? {
                Event::Text(text) if !nil => {
                    let text = text.as_str();
                    if record.text.len() - start + text.len() > self.max_field_bytes {
                        record.text.truncate(start);
                        let fault = Fault::FieldTooLong { max: self.max_field_bytes };
                        record.report(fault, &layout, Some(&name.local), place);
                        self.drain(reader, self.frames.len() + 1, from)?;
                        return Ok(false);
                    }
                    record.text.push_str(text);
                    None
                }
                Event::End(_) | Event::Eof => {
                    let kind = if nil { EntryKind::Nil } else { EntryKind::Text };
                    record.push_entry(kind, id, start, record.text.len(), place);
                    return Ok(true);
                }
                // A nil element with content (cvc-elt.3.2.1).
                Event::Text(text) => Some(Step::StrayText(text.as_str().to_owned())),
                // An element inside a value (cvc-type.3.1.2).
                Event::Start(stray) => {
                    self.attributes = attributes(&stray);
                    Some(Step::Stray(stray.namespace().into(), stray.local().into()))
                }
            };
            self.check_size(reader, from)?;
            let Some(stray) = stray else { continue };
            let stray_place = place_of(reader);
            if let Step::Stray(namespace, local) = &stray {
                self.stray(namespace, local, stray_place);
                if let Some(fault) = self.attributes.fault {
                    record.report(fault, &layout, self.known(local), stray_place);
                    self.drain(reader, self.frames.len() + 2, from)?;
                    return Ok(false);
                }
            }
            let mut rendering = begin(record, &layout);
            rendering.start(&name.namespace, &name.local, nil, place);
            let _ = rendering.text(&record.text[start..]); // Text from an XML reader can be written.
            match stray {
                Step::Stray(namespace, local) => self.start(&mut rendering, &namespace, &local, stray_place),
                Step::StrayText(text) => {
                    let _ = rendering.text(&text);
                }
                _ => {}
            }
            self.capture(reader, record, rendering, from)?;
            return Ok(false);
        }
    }

    /// Writes the start tag that was read last, with its `xsi:nil`.
    fn start(&self, rendering: &mut Rendering, namespace: &Arc<str>, local: &Arc<str>, place: Place) {
        rendering.start(namespace, local, false, place);
        if let Some(nil) = self.attributes.nil.written() {
            rendering.nil_as_written(nil);
        }
    }

    /// Writes the rest of the record behind what `rendering` has, and keeps it with the record.
    fn capture<R: BufRead>(
        &mut self,
        reader: &mut Reader<R>,
        record: &mut Record,
        mut rendering: Rendering,
        from: u64,
    ) -> Result<(), ReadErrorKind> {
        while rendering.depth() > 0 {
            self.check_size(reader, from)?;
            self.check_written(&rendering)?;
            let step = match reader.next().map_err(ReadErrorKind::Xml)? {
                Event::Start(start) => {
                    self.attributes = attributes(&start);
                    Step::Stray(start.namespace().into(), start.local().into())
                }
                Event::Text(text) => {
                    let _ = rendering.text(text.as_str()); // Text from an XML reader can be written.
                    Step::Nothing
                }
                Event::End(_) => Step::End,
                // A reader reports the end of a document after its last element's end only.
                Event::Eof => return Ok(()),
            };
            match step {
                Step::Stray(namespace, local) => {
                    let place = place_of(reader);
                    self.stray(&namespace, &local, place);
                    if let Some(fault) = self.attributes.fault {
                        let layout = Arc::clone(&self.layout);
                        record.report(fault, &layout, self.known(&local), place);
                        return self.drain(reader, rendering.depth() + 1, from);
                    }
                    self.start(&mut rendering, &namespace, &local, place);
                }
                Step::End => rendering.end(),
                _ => {}
            }
        }
        record.captured = Some(rendering);
        Ok(())
    }

    /// Reads up to the end of the record, of which nothing more is to be known: `open` elements are open.
    fn drain<R: BufRead>(
        &mut self,
        reader: &mut Reader<R>,
        mut open: usize,
        from: u64,
    ) -> Result<(), ReadErrorKind> {
        while open > 0 {
            self.check_size(reader, from)?;
            let element = self.layout.element();
            let is_record = match reader.next().map_err(ReadErrorKind::Xml)? {
                Event::Start(start) => {
                    open += 1;
                    start.is(&element.namespace, &element.local)
                }
                Event::End(_) => {
                    open -= 1;
                    false
                }
                Event::Text(_) => false,
                Event::Eof => return Ok(()),
            };
            if is_record {
                self.nested.get_or_insert(place_of(reader));
            }
        }
        Ok(())
    }

    /// Whatever is wrong with a record, it is said within this bound, or this is what is wrong.
    fn check_written(&self, rendering: &Rendering) -> Result<(), ReadErrorKind> {
        let max = (WRITTEN_OUT_TIMES * self.max_record_bytes).max(MIN_WRITTEN_OUT);
        if rendering.xml.len() as u64 > max {
            return Err(ReadErrorKind::Limit { which: WRITTEN_OUT, max });
        }
        Ok(())
    }

    fn check_size<R: BufRead>(&self, reader: &Reader<R>, from: u64) -> Result<(), ReadErrorKind> {
        if reader.end_byte() - from > self.max_record_bytes {
            return Err(ReadErrorKind::Limit { which: "bytes in a record", max: self.max_record_bytes });
        }
        Ok(())
    }
}

/// The record so far, as XML, with the record element and its open groups left open.
fn begin(record: &Record, layout: &Layout) -> Rendering {
    let mut rendering = Rendering::default();
    rendering.begin(layout.element(), record.place());
    let _ = rendering.entries_as_read(record, layout); // Text from an XML reader can be written.
    rendering
}

/// The field that a start tag is, when it may come here.
fn expected(level: &Level, frame: Frame, start: &Start<'_>, record: &Record) -> Option<FieldId> {
    let local = start.local();
    let fits = |id: usize| level.fields.get(id).is_some_and(|field| *field.name.local == *local);
    let last = frame.last.map(|id| usize::from(id.0));
    let next = last.map_or(0, |last| last + 1);
    // Elements mostly come in order: the next one, or the same group again.
    let id = if fits(next) {
        FieldId(next as u16)
    } else if let Some(last) = last.filter(|&last| fits(last)) {
        FieldId(last as u16)
    } else {
        level.named(local)?
    };
    let field = level.field(id);
    if *start.namespace() != *field.name.namespace {
        return None;
    }
    let group = matches!(field.content, FieldContent::Group { .. });
    let in_order = match frame.last {
        None => true,
        Some(last) => last < id || (last == id && group),
    };
    let fits_here = in_order || (!level.ordered && !came_before(record, frame.entries, id));
    fits_here.then_some(id)
}

/// Whether a field came before among the entries of a level.
fn came_before(record: &Record, from: usize, id: FieldId) -> bool {
    let mut depth = 0_usize;
    for entry in &record.entries[from..] {
        match entry.kind {
            EntryKind::Close => depth = depth.saturating_sub(1),
            _ if depth == 0 && entry.field == id => return true,
            EntryKind::Open => depth += 1,
            EntryKind::Text | EntryKind::Nil => {}
        }
    }
    false
}

fn attributes(start: &Start<'_>) -> Attributes {
    let mut found = Attributes::default();
    for attribute in start.attributes() {
        match (attribute.namespace, attribute.local) {
            (XSI, "nil") => {
                let text = attribute.value.trim_matches([' ', '\t', '\n', '\r']);
                found.nil = match text {
                    "true" | "1" => Nil::Yes,
                    "false" | "0" => Nil::No,
                    _ => Nil::Other(attribute.value.into_owned()),
                };
            }
            // Hints where a schema might be; never followed.
            (XSI, "schemaLocation" | "noNamespaceSchemaLocation") => {}
            (XSI, "type") => found.fault = Some(Fault::XsiTypeNotAllowed),
            _ => {
                found.fault.get_or_insert(Fault::AttributeNotAllowed);
            }
        }
    }
    found
}
