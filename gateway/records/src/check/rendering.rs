//! A record as an XML document of its own, for the schema's own verdict.

use std::sync::Arc;

use sekisho_xml::write::{Unwritable, escape_attribute, escape_text};
use sekisho_xml::{QName, Trail};

use crate::layout::{FieldContent, Layout, LevelId};
use crate::record::{EntryKind, Place, Record};

pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A document under construction: every start tag on a line of its own, so that the line of a violation says which
/// element it is about, and with it where that stands in the payload.
#[derive(Debug, Default)]
pub(crate) struct Rendering {
    pub(crate) xml: Vec<u8>,
    /// Where start tags are, a row each: its line in `xml`, where its name begins there, the line, column and byte of its
    /// place in the payload, the row of the element around it. There are as many as a payload likes: rows of few bytes.
    starts: Trail,
    open: Vec<OpenElement>,
    line: u64,
}

/// A start tag as it is found again.
struct StartTag {
    /// Where its name begins in the document.
    name: usize,
    /// Its place in the payload.
    place: Place,
    /// The row of the element around it.
    parent: usize,
}

#[derive(Debug)]
struct OpenElement {
    namespace: Arc<str>,
    /// Its tag's name: bytes of `xml`.
    name: std::ops::Range<usize>,
    /// Its start tag's row.
    row: usize,
}

impl Rendering {
    /// Begins a document with the record element as its root.
    pub(crate) fn begin(&mut self, record: &QName, place: Place) {
        self.xml.clear();
        self.starts.clear();
        self.open.clear();
        self.line = 1;
        self.start(&record.namespace, &record.local, false, place);
    }

    /// Writes a start tag. Names come from a schema or from an XML reader, so that they can be written.
    pub(crate) fn start(&mut self, namespace: &Arc<str>, local: &Arc<str>, nil: bool, place: Place) {
        let parent = self.open.last();
        let root = parent.is_none();
        if !root {
            self.xml.push(b'\n');
            self.line += 1;
        }
        self.xml.push(b'<');
        let from = self.xml.len();
        self.xml.extend_from_slice(local.as_bytes());
        let name = from..self.xml.len();
        let Place { line, column, byte } = place;
        let row = [self.line, from as u64, line, column, byte, parent.map_or(0, |parent| parent.row as u64)];
        let row = self.starts.push(&row);
        if parent.map_or("", |parent| &parent.namespace) != &**namespace {
            self.xml.extend_from_slice(b" xmlns=\"");
            // A namespace name that cannot be written is none that a schema or a reader can have come by.
            let _ = escape_attribute(namespace, &mut self.xml);
            self.xml.push(b'"');
        }
        if root {
            self.xml.extend_from_slice(b" xmlns:xsi=\"");
            self.xml.extend_from_slice(XSI.as_bytes());
            self.xml.push(b'"');
        }
        self.open.push(OpenElement { namespace: Arc::clone(namespace), name, row });
        if nil {
            self.attribute_nil("true");
        }
        self.xml.push(b'>');
    }

    /// Writes the start tag's `xsi:nil` with the value it came with.
    pub(crate) fn nil_as_written(&mut self, value: &str) {
        if self.xml.last() == Some(&b'>') {
            self.xml.pop();
            self.attribute_nil(value);
            self.xml.push(b'>');
        }
    }

    fn attribute_nil(&mut self, value: &str) {
        self.xml.extend_from_slice(b" xsi:nil=\"");
        let _ = escape_attribute(value, &mut self.xml);
        self.xml.push(b'"');
    }

    /// Writes character data.
    ///
    /// # Errors
    /// When XML cannot hold it; nothing is then written.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Unwritable> {
        escape_text(text, &mut self.xml)?;
        self.line += memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64;
        Ok(())
    }

    /// Writes the end tag of the element that was opened last.
    pub(crate) fn end(&mut self) {
        if let Some(element) = self.open.pop() {
            self.xml.extend_from_slice(b"</");
            self.xml.extend_from_within(element.name);
            self.xml.push(b'>');
        }
    }

    /// Elements that are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Writes the record's entries, as far as they go, in their order. Group instances that are open stay open. Values have
    /// been normalised, and defaults filled in.
    ///
    /// # Errors
    /// When a value has a character that XML cannot hold.
    pub(crate) fn entries(&mut self, record: &Record, layout: &Layout) -> Result<(), Unwritable> {
        self.write_entries(record, layout, true)
    }

    /// The same of entries as they were read: what is empty stands for its default.
    ///
    /// # Errors
    /// When a value has a character that XML cannot hold.
    pub(crate) fn entries_as_read(&mut self, record: &Record, layout: &Layout) -> Result<(), Unwritable> {
        self.write_entries(record, layout, false)
    }

    fn write_entries(
        &mut self,
        record: &Record,
        layout: &Layout,
        normalised: bool,
    ) -> Result<(), Unwritable> {
        let mut levels = vec![LevelId::RECORD];
        for entry in &record.entries {
            let Some(&level) = levels.last() else { break };
            if entry.kind == EntryKind::Close {
                levels.pop();
                self.end();
                continue;
            }
            let field = layout.level(level).field(entry.field);
            if let FieldContent::Group { level, .. } = field.content {
                levels.push(level);
            }
            let place = record.place_of(entry);
            self.start(&field.name.namespace, &field.name.local, entry.kind == EntryKind::Nil, place);
            if entry.kind == EntryKind::Text {
                match record.text_of(entry) {
                    // The value came out of white space alone: an element without any content would stand for the
                    // default (cvc-elt.5.1), which this one does not.
                    "" if normalised && field.default.is_some() => self.xml.push(b' '),
                    text => self.text(text)?,
                }
            }
            if entry.kind != EntryKind::Open {
                self.end();
            }
        }
        Ok(())
    }

    /// Where in the payload a violation on this line of the document is: the place of the last element that starts up to
    /// that line. Whether that is the record element itself is told too.
    pub(crate) fn place(&self, line: u64) -> Option<(Place, bool)> {
        let row = self.last_row(line)?;
        Some((self.start_tag(row)?.place, row == 0))
    }

    /// The same where children have no order: a field that is missing in an element `depth` deep, the record element being
    /// 1 deep, is not missing before another one, but there.
    pub(crate) fn place_of_gap(&self, line: u64, depth: usize, field: Option<&str>) -> Option<(Place, bool)> {
        let last = self.last_row(line)?;
        let start = self.start_tag(last)?;
        if field.is_some_and(|name| self.is_named(&start, name)) {
            return Some((start.place, last == 0));
        }
        // What starts last and is no deeper is the element itself or one of those around it.
        let mut around = vec![last];
        let (mut row, mut parent) = (last, start.parent);
        while row != 0 {
            row = parent;
            parent = self.start_tag(row)?.parent;
            around.push(row);
        }
        let row = around[around.len().saturating_sub(depth.max(1))];
        Some((self.start_tag(row)?.place, row == 0))
    }

    /// The row of the last start tag up to a line.
    fn last_row(&self, line: u64) -> Option<usize> {
        self.starts.count_while(|row| row.first().is_some_and(|&start| start <= line)).checked_sub(1)
    }

    fn start_tag(&self, row: usize) -> Option<StartTag> {
        match self.starts.row(row)?[..] {
            [_, name, line, column, byte, parent] => {
                // Both were indices before they were numbers.
                let (name, parent) = (name as usize, parent as usize);
                Some(StartTag { name, place: Place { line, column, byte }, parent })
            }
            _ => None,
        }
    }

    fn is_named(&self, start: &StartTag, name: &str) -> bool {
        let tag = self.xml.get(start.name..).unwrap_or_default();
        tag.strip_prefix(name.as_bytes()).is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'>')))
    }
}
