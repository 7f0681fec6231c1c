//! JSON (RFC 8259) arrays and NDJSON into records.
//!
//! A reader of its own, for three things that the parts at hand do not do together: numbers stay the text that was
//! written, a member that comes twice is found, and memory is bounded by one record.

mod expect;
mod lexer;

#[cfg(test)]
mod tests;

use std::io::BufRead;
use std::sync::Arc;

use sekisho_xsd::{SimpleType, ValueKind, Words};

use crate::layout::{FieldContent, FieldId, Layout, LevelId};
use crate::read::error::Expected;
use crate::read::{Awaited, ReadError, ReadErrorKind, RecordSource, check_entries};
use crate::record::{EntryKind, Record};
use crate::violations::{Fault, JsonKind};
use lexer::{JsonError, Lexer};

/// How records follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonForm {
    /// One array of objects.
    Array,
    /// One object a line (NDJSON). Empty lines are passed over.
    Lines,
}

/// What a JSON payload may be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Greatest size of one value, in bytes of UTF-8 after unescaping.
    pub value_bytes: usize,
    /// Greatest size of one record as written, in bytes of UTF-8; at most 1 GiB.
    pub record_bytes: usize,
    /// Greatest depth of arrays and objects inside a record, the record's own object counted.
    pub depth: usize,
}

impl Default for JsonLimits {
    /// 64 KiB, 1 MiB, 32.
    fn default() -> Self {
        JsonLimits { value_bytes: 64 * 1024, record_bytes: 1024 * 1024, depth: 32 }
    }
}

/// Positions in a record are 32 bits wide.
const MAX_RECORD_BYTES: usize = 1 << 30;
/// Names longer than this are no field's; they are not kept.
const MAX_NAME_BYTES: usize = 1024;

/// Reads records from JSON. Holds one record in memory, up to its limit.
pub struct JsonReader<R: BufRead> {
    lexer: Lexer<R>,
    layout: Arc<Layout>,
    form: JsonForm,
    limits: JsonLimits,
    state: State,
    records: u64,
    name: Vec<u8>,
    /// The text of the record that is being read.
    text: Vec<u8>,
    /// Which members have come in the objects that are open, by depth of the layout: the number of the object.
    seen: Vec<Vec<u64>>,
    objects: u64,
    depth: usize,
    field: Option<(LevelId, FieldId)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Records,
    End,
    Failed,
}

impl<R: BufRead> JsonReader<R> {
    /// A reader over UTF-8 without a byte order mark (what `charset::Decoder` yields).
    pub fn new(input: R, layout: &Arc<Layout>, form: JsonForm, limits: JsonLimits) -> Self {
        JsonReader {
            lexer: Lexer::new(input, limits.record_bytes.min(MAX_RECORD_BYTES)),
            layout: Arc::clone(layout),
            form,
            limits,
            state: State::Start,
            records: 0,
            name: Vec::new(),
            text: Vec::new(),
            seen: Vec::new(),
            objects: 0,
            depth: 0,
            field: None,
        }
    }

    fn read(&mut self, record: &mut Record) -> Result<bool, JsonError> {
        let more = match (self.form, self.state) {
            (_, State::End | State::Failed) => false,
            (JsonForm::Array, State::Start) => self.array_start()?,
            (JsonForm::Array, State::Records) => self.array_next()?,
            (JsonForm::Lines, _) => self.line_next()?,
        };
        if !more {
            self.state = State::End;
            return Ok(false);
        }
        self.state = State::Records;
        self.records += 1;
        self.lexer.start_record();
        record.start(self.records, self.lexer.place());
        record.in_any_order();
        self.text = record.take_text();
        self.text.clear();
        self.lexer.line_ends = self.form == JsonForm::Array;
        self.depth = 0;
        self.object(LevelId::RECORD, 0, record)?;
        self.field = None;
        if !record.set_text(std::mem::take(&mut self.text)) {
            return Err(JsonError { kind: ReadErrorKind::NotUtf8, place: record.place() });
        }
        record.sort(&self.layout);
        Ok(true)
    }

    fn array_start(&mut self) -> Result<bool, JsonError> {
        match self.lexer.between_records()? {
            None => return Err(self.lexer.fail(ReadErrorKind::Truncated { expected: expect::ARRAY })),
            Some(b'[') => self.lexer.bump(b'[')?,
            Some(0xEF) => return Err(self.lexer.fail(ReadErrorKind::ByteOrderMark)),
            Some(_) => return Err(self.lexer.unexpected(expect::ARRAY)),
        }
        match self.lexer.between_records()? {
            None => Err(self.lexer.fail(ReadErrorKind::Truncated { expected: expect::RECORD_OR_END })),
            Some(b']') => self.array_end(),
            Some(b',') => Err(self.lexer.unexpected(expect::RECORD_OR_END)),
            Some(_) => Ok(true),
        }
    }

    fn array_next(&mut self) -> Result<bool, JsonError> {
        match self.lexer.between_records()? {
            None => Err(self.lexer.fail(ReadErrorKind::Truncated { expected: expect::COMMA_OR_ARRAY_END })),
            Some(b']') => self.array_end(),
            Some(b',') => {
                self.lexer.bump(b',')?;
                match self.lexer.between_records()? {
                    None => Err(self.lexer.fail(ReadErrorKind::Truncated { expected: expect::RECORD })),
                    // No record begins here: the last one is the one before.
                    Some(b']' | b',') => Err(self.lexer.unexpected(expect::RECORD)),
                    Some(_) => Ok(true),
                }
            }
            Some(_) => Err(self.lexer.unexpected(expect::COMMA_OR_ARRAY_END)),
        }
    }

    fn array_end(&mut self) -> Result<bool, JsonError> {
        self.lexer.bump(b']')?;
        match self.lexer.between_records()? {
            None => Ok(false),
            Some(_) => Err(self.lexer.unexpected(expect::PAYLOAD_END)),
        }
    }

    fn line_next(&mut self) -> Result<bool, JsonError> {
        if self.state == State::Records {
            self.lexer.start_record();
            self.lexer.line_ends = false;
            match self.lexer.token()? {
                None | Some(b'\n') => {}
                Some(_) => return Err(self.lexer.unexpected(expect::LINE_END)),
            }
        }
        let next = self.lexer.between_records()?;
        if next == Some(0xEF) && self.state == State::Start {
            return Err(self.lexer.fail(ReadErrorKind::ByteOrderMark));
        }
        Ok(next.is_some())
    }

    /// Reads an object: a record, or an instance of the group whose fields are `level`, `nested` groups deep.
    fn object(&mut self, level: LevelId, nested: usize, record: &mut Record) -> Result<(), JsonError> {
        let layout = Arc::clone(&self.layout);
        let fields = &layout.level(level).fields;
        self.enter()?;
        self.lexer.take(b'{', expect::OBJECT)?;
        self.objects += 1;
        let object = self.objects;
        if self.seen.len() == nested {
            self.seen.push(Vec::new());
        }
        if self.seen[nested].len() < fields.len() {
            self.seen[nested].resize(fields.len(), 0);
        }
        // Members mostly come in the layout's order: try the next field before looking the name up.
        let mut likely = 0;
        if self.lexer.required(expect::MEMBER_OR_END)? == b'}' {
            self.depth -= 1;
            return self.lexer.bump(b'}');
        }
        loop {
            self.lexer.required(expect::NAME)?;
            let place = self.lexer.place();
            self.name.clear();
            let mut name = std::mem::take(&mut self.name);
            let whole = self.lexer.string(&mut name, MAX_NAME_BYTES);
            self.name = name;
            let found = if !whole? {
                None
            } else if fields.get(likely).is_some_and(|field| field.name.local.as_bytes() == self.name) {
                Some(FieldId(likely as u16))
            } else {
                std::str::from_utf8(&self.name).ok().and_then(|name| layout.level(level).named(name))
            };
            self.lexer.take(b':', expect::COLON)?;
            let Some(id) = found else {
                record.report(Fault::UnknownMember, &layout, None, place);
                self.skip_value()?;
                if self.object_continues()? {
                    continue;
                }
                return Ok(());
            };
            likely = usize::from(id.0) + 1;
            self.field = Some((level, id));
            let field = layout.level(level).field(id);
            let seen = &mut self.seen[nested][usize::from(id.0)];
            if std::mem::replace(seen, object) == object {
                record.report(Fault::DuplicateMember, &layout, Some(&field.name.local), place);
                self.skip_value()?;
            } else {
                match &field.content {
                    FieldContent::Value(ty) => {
                        self.value(id, field.nillable, ty, &field.name.local, record)?
                    }
                    FieldContent::Group { level, repeats } => {
                        self.group(id, *level, *repeats, nested, &field.name.local, record)?;
                    }
                }
            }
            if !self.object_continues()? {
                return Ok(());
            }
        }
    }

    /// After a member: whether another one follows. At the end of the object its depth is left.
    fn object_continues(&mut self) -> Result<bool, JsonError> {
        self.field = None;
        let more = self.continues(b'}', expect::COMMA_OR_OBJECT_END)?;
        if !more {
            self.depth -= 1;
        }
        Ok(more)
    }

    fn continues(&mut self, end: u8, expected: Expected) -> Result<bool, JsonError> {
        match self.lexer.required(expected)? {
            b',' => {
                self.lexer.bump(b',')?;
                Ok(true)
            }
            byte if byte == end => {
                self.lexer.bump(byte)?;
                Ok(false)
            }
            _ => Err(self.lexer.unexpected(expected)),
        }
    }

    fn value(
        &mut self,
        id: FieldId,
        nillable: bool,
        ty: &SimpleType,
        name: &str,
        record: &mut Record,
    ) -> Result<(), JsonError> {
        let first = self.lexer.required(expect::VALUE)?;
        let place = self.lexer.place();
        let start = self.text.len();
        // What stands for an absent field is none.
        if first != b'n' || nillable {
            self.check_entries(record)?;
        }
        let fits = match first {
            b'n' => {
                self.lexer.word("null")?;
                if nillable {
                    record.push_entry(EntryKind::Nil, id, 0, 0, place);
                }
                return Ok(());
            }
            b'[' if ty.kind == ValueKind::List => match self.list()? {
                Some(fits) => fits,
                None => {
                    let fault = Fault::JsonType { expected: JsonKind::List, found: JsonKind::Array };
                    record.report(fault, &self.layout, Some(name), place);
                    return Ok(());
                }
            },
            b'[' | b'{' => {
                let found = JsonKind::begun_by(first);
                let fault = Fault::JsonType { expected: JsonKind::Scalar, found };
                record.report(fault, &self.layout, Some(name), place);
                return self.skip_value();
            }
            _ => self.scalar(first, self.limits.value_bytes)?,
        };
        if fits {
            record.push_entry(EntryKind::Text, id, start, self.text.len(), place);
        } else {
            self.text.truncate(start);
            let fault = Fault::FieldTooLong { max: self.limits.value_bytes };
            record.report(fault, &self.layout, Some(name), place);
        }
        Ok(())
    }

    /// Reads a string, number or boolean whose first byte is next, and appends its text; `false` when it is too long.
    fn scalar(&mut self, first: u8, max: usize) -> Result<bool, JsonError> {
        match first {
            b'"' => self.lexer.string(&mut self.text, max),
            b'-' | b'0'..=b'9' => self.lexer.number(&mut self.text, max),
            b't' => self.literal("true", max),
            b'f' => self.literal("false", max),
            _ => Err(self.lexer.unexpected(expect::VALUE)),
        }
    }

    fn literal(&mut self, word: &'static str, max: usize) -> Result<bool, JsonError> {
        self.lexer.word(word)?;
        self.text.extend_from_slice(word.as_bytes());
        Ok(word.len() <= max)
    }

    /// Reads the items of an `xs:list` from an array, joined by spaces; `None` when an item cannot be one.
    fn list(&mut self) -> Result<Option<bool>, JsonError> {
        let start = self.text.len();
        let (mut fits, mut items) = (true, true);
        self.enter()?;
        self.lexer.take(b'[', expect::ARRAY_START)?;
        if self.lexer.required(expect::ITEM_OR_END)? == b']' {
            self.lexer.bump(b']')?;
        } else {
            loop {
                let first = self.lexer.required(expect::ITEM)?;
                if matches!(first, b'[' | b'{' | b'n') {
                    items = false;
                    self.skip_value()?;
                } else {
                    let item = self.text.len() + usize::from(self.text.len() > start);
                    self.text.resize(item, b' ');
                    // What is left of the value's size; nothing more is kept once that is passed.
                    fits &= self.scalar(first, (start + self.limits.value_bytes).saturating_sub(item))?;
                    // An item with white space inside, or an empty one, would be another list.
                    let text = &self.text[item..];
                    items &= !fits || !text.is_empty() && !text.iter().any(u8::is_ascii_whitespace);
                }
                if !self.continues(b']', expect::COMMA_OR_ARRAY_END)? {
                    break;
                }
            }
        }
        self.depth -= 1;
        if !items {
            self.text.truncate(start);
        }
        Ok(items.then_some(fits))
    }

    fn group(
        &mut self,
        id: FieldId,
        level: LevelId,
        repeats: bool,
        nested: usize,
        name: &str,
        record: &mut Record,
    ) -> Result<(), JsonError> {
        let expected = if repeats { JsonKind::Objects } else { JsonKind::OneObject };
        match self.lexer.required(expect::VALUE)? {
            b'n' => self.lexer.word("null"),
            b'{' if !repeats => self.instance(id, level, nested, record),
            b'[' => {
                self.enter()?;
                self.lexer.bump(b'[')?;
                if self.lexer.required(expect::OBJECT_OR_END)? == b']' {
                    self.depth -= 1;
                    return self.lexer.bump(b']');
                }
                loop {
                    let first = self.lexer.required(expect::OBJECT)?;
                    if first == b'{' {
                        self.instance(id, level, nested, record)?;
                    } else {
                        let (place, found) = (self.lexer.place(), JsonKind::begun_by(first));
                        record.report(Fault::JsonType { expected, found }, &self.layout, Some(name), place);
                        self.skip_value()?;
                    }
                    if !self.continues(b']', expect::COMMA_OR_ARRAY_END)? {
                        self.depth -= 1;
                        return Ok(());
                    }
                }
            }
            first => {
                let (place, found) = (self.lexer.place(), JsonKind::begun_by(first));
                record.report(Fault::JsonType { expected, found }, &self.layout, Some(name), place);
                self.skip_value()
            }
        }
    }

    fn instance(
        &mut self,
        id: FieldId,
        level: LevelId,
        nested: usize,
        record: &mut Record,
    ) -> Result<(), JsonError> {
        self.check_entries(record)?;
        record.open(id, self.lexer.place());
        self.object(level, nested + 1, record)?;
        record.close(id);
        Ok(())
    }

    fn check_entries(&self, record: &Record) -> Result<(), JsonError> {
        check_entries(record, self.lexer.max_record_bytes()).map_err(|kind| self.lexer.fail(kind))
    }

    /// Passes over a value that has no place, which must still be JSON.
    fn skip_value(&mut self) -> Result<(), JsonError> {
        let start = self.text.len();
        match self.lexer.required(expect::VALUE)? {
            b'n' => self.lexer.word("null"),
            b'{' => {
                self.enter()?;
                self.lexer.bump(b'{')?;
                if self.lexer.required(expect::MEMBER_OR_END)? == b'}' {
                    self.depth -= 1;
                    return self.lexer.bump(b'}');
                }
                loop {
                    self.lexer.required(expect::NAME)?;
                    self.lexer.string(&mut self.text, 0)?;
                    self.text.truncate(start);
                    self.lexer.take(b':', expect::COLON)?;
                    self.skip_value()?;
                    if !self.continues(b'}', expect::COMMA_OR_OBJECT_END)? {
                        self.depth -= 1;
                        return Ok(());
                    }
                }
            }
            b'[' => {
                self.enter()?;
                self.lexer.bump(b'[')?;
                if self.lexer.required(expect::VALUE_OR_END)? == b']' {
                    self.depth -= 1;
                    return self.lexer.bump(b']');
                }
                loop {
                    self.skip_value()?;
                    if !self.continues(b']', expect::COMMA_OR_ARRAY_END)? {
                        self.depth -= 1;
                        return Ok(());
                    }
                }
            }
            first => {
                self.scalar(first, 0)?;
                self.text.truncate(start);
                Ok(())
            }
        }
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            let max = self.limits.depth as u64;
            return Err(self.lexer.fail(ReadErrorKind::Limit { which: "levels of arrays and objects", max }));
        }
        Ok(())
    }

    fn failed(&mut self, error: JsonError) -> ReadError {
        let in_record = self.state == State::Records;
        self.state = State::Failed;
        let field = self.field.map(|(level, id)| self.layout.level(level).field(id).name.local.to_string());
        let record = if in_record { self.records } else { 0 };
        let error = ReadError { kind: error.kind, place: error.place, record, field: None, path: None };
        error.about(&self.layout, field)
    }
}

impl<R: BufRead> RecordSource for JsonReader<R> {
    fn next(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        if self.state == State::Failed {
            return Err(ReadError::after_error());
        }
        self.read(record).map_err(|error| self.failed(error))
    }

    fn awaited(&self) -> Awaited {
        let (en, ja) = match self.form {
            JsonForm::Array => ("an object in the array", "配列の中のオブジェクト"),
            JsonForm::Lines => ("a line with an object", "オブジェクトの行"),
        };
        Awaited { place: self.lexer.place(), record: Words { en: en.into(), ja: ja.into() } }
    }
}
