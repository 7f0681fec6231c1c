//! XML elements into records.

mod element;
mod habit;

#[cfg(test)]
mod tests;

use std::io::BufRead;
use std::sync::Arc;

use sekisho_xml::{Event, QName, Reader, XmlError};
use sekisho_xsd::Words;

use crate::check::RecordChecker;
use crate::layout::Layout;
use crate::read::{Awaited, Next, ReadError, ReadErrorKind, RecordSource};
use crate::record::{Place, Record};
use crate::violations::Violations;
use element::ElementReader;
use habit::Habit;

/// How records are taken out of XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XmlOptions {
    /// Greatest size of one value, in bytes of UTF-8.
    pub max_field_bytes: usize,
    /// Greatest size of one record element as written, in bytes of UTF-8; at most 1 GiB.
    pub max_record_bytes: usize,
}

impl Default for XmlOptions {
    /// 64 KiB, 1 MiB.
    fn default() -> Self {
        XmlOptions { max_field_bytes: 64 * 1024, max_record_bytes: 1024 * 1024 }
    }
}

/// Reads the record elements that are the children of one element. Another element is an error wherever it stands, as it may be
/// a record whose name is wrong; see [`XmlRecords::beside`]. Holds one record in memory, up to its limit.
pub struct XmlRecords<'x, R: BufRead> {
    reader: &'x mut Reader<R>,
    element: ElementReader,
    /// Names of elements that may stand beside the records.
    beside: &'x [QName],
    /// Since the last record, one of them was passed over.
    passed: bool,
    habit: Habit,
    records: u64,
    state: State,
    /// Whether the document's own start and end are this reader's business.
    document: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeRoot,
    Children,
    End,
    Failed,
}

/// What a child of the current element is; taken out of the event so that the reader can be asked where it stands.
enum Child {
    Record,
    /// Named as one that may stand beside the records.
    Beside,
    /// The record's local name in another namespace.
    Namesake,
    Other,
    WhiteSpace,
    Text,
    End,
    Eof,
}

impl<'x, R: BufRead> XmlRecords<'x, R> {
    /// Reads the children of the reader's current element (its start was the last event), up to its end, which is
    /// consumed.
    pub fn new(reader: &'x mut Reader<R>, layout: &Arc<Layout>, options: XmlOptions) -> Self {
        Self::with_state(reader, layout, options, State::Children, false)
    }

    /// Reads a whole document: its root holds the records, or is the only one. The end of the document is part of it:
    /// the source ends after the document was found well-formed.
    pub fn from_document(reader: &'x mut Reader<R>, layout: &Arc<Layout>, options: XmlOptions) -> Self {
        Self::with_state(reader, layout, options, State::BeforeRoot, true)
    }

    /// Passes over elements with one of these names, wherever they stand: what an operation says besides its records. Whatever is in
    /// them must have one of these names, too, so that no record is lost in them.
    #[must_use]
    pub fn beside(mut self, names: &'x [QName]) -> Self {
        self.beside = names;
        self
    }

    fn with_state(
        reader: &'x mut Reader<R>,
        layout: &Arc<Layout>,
        options: XmlOptions,
        state: State,
        document: bool,
    ) -> Self {
        let element = ElementReader::new(layout, options.max_field_bytes, options.max_record_bytes);
        let habit = Habit::new(options.max_field_bytes, options.max_record_bytes);
        XmlRecords { reader, element, beside: &[], passed: false, habit, records: 0, state, document }
    }

    fn read(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        if self.state == State::BeforeRoot {
            self.state = State::Children;
            if let Child::Record = self.child()? {
                return self.record(record).map(|()| true);
            }
        }
        while self.state == State::Children {
            match self.child()? {
                Child::Record => return self.record(record).map(|()| true),
                Child::Namesake => {
                    let record_element = self.element.layout().element().to_string();
                    return Err(self.fail(ReadErrorKind::NotARecord { record_element }));
                }
                Child::Beside => self.pass_over()?,
                Child::Other => return Err(self.not_a_record()),
                Child::WhiteSpace => {}
                Child::Text => return Err(self.fail(ReadErrorKind::TextBetweenRecords)),
                Child::End if self.document => {}
                Child::End | Child::Eof => self.state = State::End,
            }
        }
        Ok(false)
    }

    /// Passes over an element beside the records, to its end.
    fn pass_over(&mut self) -> Result<(), ReadError> {
        self.passed = true;
        let outside = self.reader.depth() - 1;
        while self.reader.depth() > outside {
            match self.child()? {
                Child::Record | Child::Namesake | Child::Other => return Err(self.not_a_record()),
                Child::Beside | Child::WhiteSpace | Child::Text | Child::End | Child::Eof => {}
            }
        }
        Ok(())
    }

    fn not_a_record(&self) -> ReadError {
        let record_element = self.element.layout().element().local.to_string();
        self.fail(ReadErrorKind::NotARecord { record_element })
    }

    /// Reads a record and checks it, in one pass if it is written like those before.
    fn read_checked(
        &mut self,
        record: &mut Record,
        checker: &mut RecordChecker,
        violations: &mut Violations,
    ) -> Result<Next, ReadError> {
        let among_records = self.state == State::Children;
        if among_records && self.habit.takes(self.reader, self.records + 1, record, checker) {
            self.records += 1;
            return Ok(Next::Good);
        }
        let lesson = self.habit.begin(self.reader, among_records);
        self.passed = false;
        if !self.read(record)? {
            return Ok(Next::End);
        }
        // What is beside a record is nothing of how records are written.
        let lesson = lesson && !self.passed && self.habit.labels(record);
        if !checker.check(record, violations) {
            return Ok(Next::Bad);
        }
        if lesson {
            self.habit.learn(self.reader);
        }
        Ok(Next::Good)
    }

    fn child(&mut self) -> Result<Child, ReadError> {
        let child = match self.reader.next() {
            Ok(Event::Start(start)) => {
                let name = self.element.layout().element();
                if start.is(&name.namespace, &name.local) {
                    self.element.attributes(&start);
                    Ok(Child::Record)
                } else if self.beside.iter().any(|beside| start.is(&beside.namespace, &beside.local)) {
                    Ok(Child::Beside)
                } else if start.local() == &*name.local {
                    Ok(Child::Namesake)
                } else {
                    Ok(Child::Other)
                }
            }
            Ok(Event::Text(text)) if text.is_white_space() => Ok(Child::WhiteSpace),
            Ok(Event::Text(_)) => Ok(Child::Text),
            Ok(Event::End(_)) => Ok(Child::End),
            Ok(Event::Eof) => Ok(Child::Eof),
            Err(error) => Err(error),
        };
        child.map_err(|error| self.fail_xml(error))
    }

    fn record(&mut self, record: &mut Record) -> Result<(), ReadError> {
        self.records += 1;
        record.start(self.records, place_of(self.reader));
        match self.element.read(self.reader, record) {
            Ok(()) => Ok(()),
            Err(kind) => {
                let nested = self.element.nested().filter(|_| is_of_open_record(&kind));
                // Which field the record that begins in it is in, matters no more.
                let field = self.element.current_field().filter(|_| nested.is_none()).map(str::to_owned);
                let mut error = match (kind, nested) {
                    (_, Some(Place { line, column, .. })) => {
                        let record_element = self.element.layout().element().local.to_string();
                        let kind = ReadErrorKind::RecordNotClosed { record_element, line, column };
                        ReadError { place: record.place(), ..self.fail(kind) }
                    }
                    (ReadErrorKind::Xml(error), None) => self.fail_xml(error),
                    // Which event was too much depends on how text is cut into pieces.
                    (kind @ ReadErrorKind::Limit { .. }, None) => {
                        ReadError { place: record.place(), ..self.fail(kind) }
                    }
                    (kind, None) => self.fail(kind),
                };
                error.record = self.records;
                Err(error.about(self.element.layout(), field))
            }
        }
    }

    fn fail_xml(&self, error: XmlError) -> ReadError {
        let place = error.position().map(|at| Place { line: at.line, column: at.column, byte: at.byte });
        let mut failed = self.fail(match error {
            XmlError::Io(error) => ReadErrorKind::of_io(error),
            XmlError::Encoding(error, _) => ReadErrorKind::Charset(error),
            error => ReadErrorKind::Xml(error),
        });
        failed.place = place.unwrap_or(failed.place);
        failed
    }

    fn fail(&self, kind: ReadErrorKind) -> ReadError {
        ReadError { kind, place: place_of(self.reader), record: 0, field: None, path: None }
    }
}

impl<R: BufRead> RecordSource for XmlRecords<'_, R> {
    fn next(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        if self.state == State::Failed {
            return Err(ReadError::after_error());
        }
        let result = self.read(record);
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    fn awaited(&self) -> Awaited {
        let name = &self.element.layout().element().local;
        let record = Words { en: format!("an element {name}"), ja: format!("要素 {name}") };
        Awaited { place: place_of(self.reader), record }
    }

    fn next_checked(
        &mut self,
        record: &mut Record,
        checker: &mut RecordChecker,
        violations: &mut Violations,
    ) -> Result<Next, ReadError> {
        if self.state == State::Failed {
            return Err(ReadError::after_error());
        }
        let result = self.read_checked(record, checker, violations);
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }
}

/// Rules that a document with a record that is never closed breaks in the end.
const NOT_CLOSED: [&str; 2] = ["end-tag-mismatch", "element-not-closed"];

/// Whether an error is what a record that is never closed comes to: it grows until its size is too much, or until an end
/// tag, or the end of the document, is not its own.
fn is_of_open_record(kind: &ReadErrorKind) -> bool {
    match kind {
        ReadErrorKind::Limit { .. } => true,
        ReadErrorKind::Xml(XmlError::NotWellFormed { rule, .. }) => NOT_CLOSED.contains(rule),
        _ => false,
    }
}

/// Where the last event started.
fn place_of<R: BufRead>(reader: &Reader<R>) -> Place {
    let at = reader.position();
    Place { line: at.line, column: at.column, byte: at.byte }
}
