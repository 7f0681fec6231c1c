//! CSV (RFC 4180) into records.

mod line;
mod options;

#[cfg(test)]
mod tests;

use std::io::BufRead;
use std::sync::Arc;

use csv_core::ReadRecordResult;
use sekisho_xsd::Words;

pub use options::{CsvOptions, CsvOptionsError, EmptyCells, EmptyLines, Header};

use crate::check::{CellRules, RecordChecker};
use crate::layout::{FieldId, Layout};
use crate::read::{Awaited, Next, ReadError, ReadErrorKind, RecordSource};
use crate::record::{EntryKind, Offset, Place, Record};
use crate::violations::{Fault, Violations};
use line::{Line, LineError, chars};

/// Reads records from CSV: one line a record, lines ended by CR LF or LF, the last one's end optional.
///
/// Holds one line in memory, up to its limit.
pub struct CsvReader<R: BufRead> {
    input: R,
    layout: Arc<Layout>,
    options: CsvOptions,
    core: csv_core::Reader,
    line: Line,
    columns: Option<Columns>,
    /// The line in the buffer is the first record, not a header.
    held: bool,
    /// First of the empty lines that were passed over and may only stand at the end.
    empty_line: Option<Place>,
    ends: Vec<usize>,
    places: Vec<Offset>,
    records: u64,
    failed: bool,
}

/// Which column holds which field.
struct Columns {
    count: usize,
    /// Field and column (from 0), in the order of the fields, so that records come out in layout order.
    fields: Vec<(FieldId, usize)>,
    /// The fields by column, if they come in the order of the layout.
    in_order: Option<Vec<FieldId>>,
}

impl Columns {
    fn new(fields_by_column: Vec<FieldId>) -> Columns {
        let count = fields_by_column.len();
        let in_order = fields_by_column.is_sorted().then(|| fields_by_column.clone());
        let mut fields: Vec<_> = fields_by_column.into_iter().zip(0..).collect();
        fields.sort_unstable();
        Columns { count, fields, in_order }
    }
}

impl<R: BufRead> CsvReader<R> {
    /// A reader over UTF-8 without a byte order mark (what `charset::Decoder` yields).
    ///
    /// # Errors
    /// When the options do not fit the layout.
    pub fn new(input: R, layout: &Arc<Layout>, options: &CsvOptions) -> Result<Self, CsvOptionsError> {
        options.check(layout)?;
        let delimiter = options.delimiter as u8; // ASCII: just checked.
        let columns = (options.header == Header::Positions).then(|| positions(layout));
        Ok(CsvReader {
            input,
            layout: Arc::clone(layout),
            options: options.clone(),
            core: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            line: Line::new(delimiter, options.max_record_bytes),
            columns,
            held: false,
            empty_line: None,
            ends: Vec::new(),
            places: Vec::new(),
            records: 0,
            failed: false,
        })
    }

    fn read(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        if !self.start(record)? {
            return Ok(false);
        }
        self.fill(record)?;
        Ok(true)
    }

    /// Reads a record and checks it, in one pass if it is like those before.
    fn read_checked(
        &mut self,
        record: &mut Record,
        checker: &mut RecordChecker,
        violations: &mut Violations,
    ) -> Result<Next, ReadError> {
        if !self.start(record)? {
            return Ok(Next::End);
        }
        if self.is_expected(record, checker) {
            return Ok(Next::Good);
        }
        self.fill(record)?;
        Ok(if checker.check(record, violations) { Next::Good } else { Next::Bad })
    }

    /// Reads the line of the next record.
    fn start(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        if self.columns.is_none() {
            self.read_header()?;
        }
        if !self.next_line()? {
            return Ok(false);
        }
        self.records += 1;
        record.start(self.records, self.line_start());
        record.in_any_order();
        Ok(true)
    }

    fn is_expected(&self, record: &mut Record, checker: &mut RecordChecker) -> bool {
        let in_order = self.columns.as_ref().and_then(|columns| columns.in_order.as_ref());
        let Some(columns) = in_order.filter(|_| !self.line.quotes) else { return false };
        let rules = CellRules {
            delimiter: self.options.delimiter as u8, // ASCII: checked when the reader was made.
            empty_is_absent: self.options.empty != EmptyCells::Empty,
            nil: self.options.nil.as_deref(),
            max_bytes: self.options.max_field_bytes,
        };
        checker.takes_line(self.line.with_end(), columns, rules, record)
    }

    /// Reads up to the next line with anything in it.
    fn next_line(&mut self) -> Result<bool, ReadError> {
        if std::mem::take(&mut self.held) {
            return Ok(true);
        }
        loop {
            if !self.line.read(&mut self.input).map_err(|error| self.fail(error))? {
                return Ok(false);
            }
            if self.line.number == 1 && self.line.content().starts_with("\u{FEFF}".as_bytes()) {
                return Err(self.fail(LineError::new(ReadErrorKind::ByteOrderMark, 0)));
            }
            let empty = self.line.content().is_empty();
            match self.options.empty_lines {
                EmptyLines::Skip if empty => {}
                EmptyLines::AtEnd if empty => {
                    let place = self.line_start();
                    self.empty_line.get_or_insert(place);
                }
                // A record may come behind it, or none.
                EmptyLines::Refuse if empty => return Err(self.fail_empty(self.line_start(), 0)),
                _ => {
                    return match self.empty_line {
                        Some(place) => Err(self.fail_empty(place, self.records + 1)),
                        None => Ok(true),
                    };
                }
            }
        }
    }

    fn read_header(&mut self) -> Result<(), ReadError> {
        let auto = self.options.header == Header::Auto;
        if !self.next_line()? {
            if auto {
                self.columns = Some(positions(&self.layout));
                return Ok(());
            }
            return Err(self.fail(LineError::new(ReadErrorKind::HeaderMissing, 0)));
        }
        let mut text = Vec::new();
        // A header of more cells than fields repeats one or has an unknown one: found below, at the first such cell.
        let cells = self.unescape(&mut text, self.layout.fields().len() + 1);
        let listed = cells.min(self.ends.len());
        let mut fields: Vec<FieldId> = Vec::with_capacity(listed);
        let mut unknown = None;
        for column in 0..listed {
            let start = if column == 0 { 0 } else { self.ends[column - 1] };
            let name = std::str::from_utf8(&text[start..self.ends[column]]).unwrap_or_default();
            match self.options.field(&self.layout, name) {
                None => unknown = unknown.or(Some(column)),
                Some(field) => {
                    if let Some(first) = fields.iter().position(|&other| other == field)
                        && !(auto && unknown.is_some())
                    {
                        let kind = ReadErrorKind::HeaderDuplicate { column: column + 1, first: first + 1 };
                        return Err(self.fail_header(kind, column));
                    }
                    fields.push(field);
                }
            }
        }
        match unknown {
            Some(_) if auto && fields.is_empty() => {
                self.columns = Some(positions(&self.layout));
                self.held = true;
            }
            Some(column) => {
                return Err(self.fail_header(ReadErrorKind::HeaderUnknown { column: column + 1 }, column));
            }
            None => self.columns = Some(Columns::new(fields)),
        }
        Ok(())
    }

    /// Unescapes the line into `text`, and the ends of its first `room` cells into `self.ends`; returns how many cells
    /// there are.
    fn unescape(&mut self, text: &mut Vec<u8>, room: usize) -> usize {
        let line = self.line.with_end();
        // One byte more than can come out, as a full buffer stops csv-core even where nothing is to come.
        text.resize(line.len() + 1, 0);
        self.ends.resize(room, 0);
        let (mut read, mut written, mut cells) = (0, 0, 0);
        let mut overflow = [0; 16];
        loop {
            let ends = if cells < room { &mut self.ends[cells..] } else { &mut overflow };
            let (result, nin, nout, nend) = self.core.read_record(&line[read..], &mut text[written..], ends);
            read += nin;
            written += nout;
            cells += nend;
            if result != ReadRecordResult::OutputEndsFull {
                break;
            }
        }
        text.truncate(written);
        cells
    }

    /// Fills the record from the line.
    fn fill(&mut self, record: &mut Record) -> Result<(), ReadError> {
        // Set by `read` before any record; an empty table would make every line a fault.
        let count = self.columns.as_ref().map_or(0, |columns| columns.count);
        let mut text = record.take_text();
        let cells = self.unescape(&mut text, count);
        // Without the delimiters the bytes of two cells can make a character that is in neither.
        let is_text = record.set_text(text);
        if !(is_text && self.ends[..cells.min(count)].iter().all(|&end| record.text.is_char_boundary(end))) {
            let content = std::str::from_utf8(self.line.content());
            let offset = content.map_or_else(|error| error.valid_up_to(), str::len);
            let error = self.fail(LineError::new(ReadErrorKind::NotUtf8, offset));
            let field = error.field.clone();
            return Err(ReadError { record: self.records, ..error }.about(&self.layout, field));
        }
        if cells != count {
            let fault = if cells > count {
                Fault::TooManyCells { expected: count, found: cells }
            } else {
                Fault::TooFewCells { expected: count, found: cells }
            };
            let place = self.place(if cells > count { self.start_of(count) } else { usize::MAX });
            record.report(fault, &self.layout, None, place);
            return Ok(());
        }
        // Bytes are characters in a line of ASCII; else the characters before each cell are counted, in one pass.
        let content = self.line.content();
        let quotes = self.line.quotes;
        let plain = content.is_ascii() && !(quotes && memchr::memchr(b'\n', content).is_some());
        if !plain {
            self.count_places();
        }
        let Some(columns) = &self.columns else { return Ok(()) };
        for &(field, column) in &columns.fields {
            let start = if column == 0 { 0 } else { self.ends[column - 1] };
            let end = self.ends[column];
            let quoted = quotes && self.line.cells[column].quoted;
            let at = match plain {
                true => {
                    let byte = if quotes { self.line.cells[column].start } else { start + column } as u32;
                    Offset { line: 0, column: byte + 1, byte }
                }
                false => self.places[column],
            };
            let is_absent = match self.options.empty {
                EmptyCells::Absent => true,
                EmptyCells::AbsentUnlessQuoted => !quoted,
                EmptyCells::Empty => false,
            };
            if start == end && is_absent {
                record.blank(field, at);
                continue;
            }
            if end - start > self.options.max_field_bytes {
                let name = &self.layout.fields()[usize::from(field.0)].name.local;
                let fault = Fault::FieldTooLong { max: self.options.max_field_bytes };
                record.report(fault, &self.layout, Some(name), self.place(at.byte as usize));
                continue;
            }
            let nil =
                !quoted && self.options.nil.as_ref().is_some_and(|nil| record.text[start..end] == **nil);
            let kind = if nil { EntryKind::Nil } else { EntryKind::Text };
            record.push_span(kind, field, (start as u32, end as u32), at);
        }
        Ok(())
    }

    /// Where each cell of a line that is not plain ASCII starts, in one pass.
    fn count_places(&mut self) {
        self.places.clear();
        let bytes = self.line.content();
        let (mut line, mut column, mut at) = (0, 1, 0);
        for cell in 0..self.ends.len() {
            let start = match self.line.cells.get(cell) {
                Some(raw) => raw.start,
                None if cell == 0 => 0,
                None => self.ends[cell - 1] + cell,
            };
            let between = &bytes[at..start];
            match memchr::memrchr(b'\n', between) {
                None => column += chars(between),
                Some(last) => {
                    line += memchr::memchr_iter(b'\n', between).count() as u32;
                    column = chars(&between[last + 1..]) + 1;
                }
            }
            at = start;
            self.places.push(Offset { line, column, byte: start as u32 });
        }
    }

    /// Byte of the line at which a cell beyond the columns starts.
    fn start_of(&self, cell: usize) -> usize {
        match self.line.cells.get(cell) {
            Some(raw) => raw.start,
            None if cell == 0 => 0,
            None => self.ends[cell - 1] + cell,
        }
    }

    fn line_start(&self) -> Place {
        Place { line: self.line.number, column: 1, byte: self.line.byte }
    }

    fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.line.content().len());
        let (line, column) = self.line.place(offset);
        Place {
            line: self.line.number + u64::from(line),
            column: u64::from(column),
            byte: self.line.byte + offset as u64,
        }
    }

    fn fail(&self, error: LineError) -> ReadError {
        let place = self.place(error.offset);
        // Where the input fails before anything of a line has come, nobody knows whether there is one more record.
        let between = matches!(error.kind, ReadErrorKind::Io(_)) && self.line.is_bare();
        let (record, field) = match &self.columns {
            Some(columns) if !between => {
                let cell = self.line.cell_at(error.cell);
                let field = columns.fields.iter().find(|(_, column)| *column == cell);
                let name =
                    field.map(|(id, _)| self.layout.fields()[usize::from(id.0)].name.local.to_string());
                (self.records + 1, name)
            }
            _ => (0, None),
        };
        self.error(error.kind, place, record).about(&self.layout, field)
    }

    fn fail_header(&self, kind: ReadErrorKind, column: usize) -> ReadError {
        self.error(kind, self.place(self.start_of(column)), 0)
    }

    /// An empty line, with the number of the record behind it; 0 if nobody knows whether there is one.
    fn fail_empty(&self, place: Place, behind: u64) -> ReadError {
        let record = if self.columns.is_some() { behind } else { 0 };
        self.error(ReadErrorKind::EmptyLine, place, record).about(&self.layout, None)
    }

    fn error(&self, kind: ReadErrorKind, place: Place, record: u64) -> ReadError {
        ReadError { kind, place, record, field: None, path: None }
    }
}

impl<R: BufRead> RecordSource for CsvReader<R> {
    fn next(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        if self.failed {
            return Err(ReadError::after_error());
        }
        let result = self.read(record);
        self.failed = result.is_err();
        result
    }

    fn awaited(&self) -> Awaited {
        let (line, byte) = self.line.behind();
        let (en, ja) = match self.options.header {
            Header::Positions | Header::Auto => ("a line of cells", "値の行"),
            _ => ("a line of cells behind the header line", "見出し行に続く値の行"),
        };
        let record = Words { en: en.into(), ja: ja.into() };
        Awaited { place: Place { line, column: 1, byte }, record }
    }

    fn next_checked(
        &mut self,
        record: &mut Record,
        checker: &mut RecordChecker,
        violations: &mut Violations,
    ) -> Result<Next, ReadError> {
        if self.failed {
            return Err(ReadError::after_error());
        }
        let result = self.read_checked(record, checker, violations);
        self.failed = result.is_err();
        result
    }
}

/// The layout's fields in order, one a column.
fn positions(layout: &Layout) -> Columns {
    Columns::new((0..layout.fields().len()).map(|id| FieldId(id as u16)).collect())
}
