//! The one byte form of a record.
//!
//! A record is a run of items over a cursor, which starts at field 0 of the record and, inside a group instance, at
//! field 0 of the group:
//!
//! | bytes | meaning |
//! | --- | --- |
//! | `00`..`7E`, then that many bytes | the field at the cursor has this text; the cursor moves on by one |
//! | `81`, varint n ≥ 127, n bytes | the same for a longer text |
//! | `82` | the field at the cursor is nil; the cursor moves on by one |
//! | `80`, varint n ≥ 1 | the cursor moves on by n: absent fields, or away from a group |
//! | `83` | an instance of the group at the cursor begins |
//! | `84` | it ends; the cursor stays at the group, so that a further instance may follow |
//! | `FF` | end of the record |
//!
//! A varint is little-endian base 128 in the fewest bytes. There is one encoding a record: skips are merged, never
//! trailing, and a group is left by a skip only. A decoder refuses anything else, so that equal bytes and equal
//! records are the same thing, and digests of records mean something.

use crate::layout::FieldId;
use crate::record::Value;

mod wanted;

#[cfg(test)]
mod tests;

pub use wanted::{Picked, Wanted};

const SHORT: u8 = 0x7E;
const SKIP: u8 = 0x80;
const LONG: u8 = 0x81;
const NIL: u8 = 0x82;
const OPEN: u8 = 0x83;
const CLOSE: u8 = 0x84;
const END: u8 = 0xFF;
/// Depth of groups that a decoder follows: no layout has more.
const MAX_DEPTH: usize = crate::layout::MAX_DEPTH;

/// A canonical record, as it lies in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanonicalRecord<'a>(&'a [u8]);

/// One step through a canonical record, in layout order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A field that has a value or is nil. Absent fields are not listed.
    Value(FieldId, Value<'a>),
    /// An instance of a nested group begins; the field ids that follow are those of the group.
    Open(FieldId),
    /// The innermost open instance ends.
    Close,
}

/// Bytes that are not a canonical record: the spool is damaged, or was written for another layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} of the canonical record: {rule}")]
pub struct CanonicalError {
    /// Offset of the byte that breaks the rule, from 0.
    pub offset: usize,
    /// The rule.
    pub rule: &'static str,
}

impl CanonicalError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        "canonical-record"
    }
}

impl<'a> CanonicalRecord<'a> {
    /// Takes bytes as a canonical record, after checking that they are one, whole.
    ///
    /// # Errors
    /// When the bytes are not the unique minimal form of any record.
    pub fn new(bytes: &'a [u8]) -> Result<Self, CanonicalError> {
        let mut walk = Walk::new(bytes);
        while walk.step()?.is_some() {}
        Ok(CanonicalRecord(bytes))
    }

    /// Takes bytes that the encoder has written.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        CanonicalRecord(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The record's items in layout order.
    pub fn items(&self) -> Items<'a> {
        Items { walk: Walk::new(self.0) }
    }
}

/// The items of a canonical record.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    walk: Walk<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        // `CanonicalRecord::new` has walked these same bytes to their end without an error.
        self.walk.step().ok().flatten()
    }
}

/// The decoder: one strict pass.
#[derive(Debug, Clone)]
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The cursors of the record and of the open instances.
    cursors: [u32; MAX_DEPTH + 1],
    depth: usize,
    /// Whether the item before was the end of an instance: the cursor is still at its group.
    after_group: bool,
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Walk { bytes, at: 0, cursors: [0; MAX_DEPTH + 1], depth: 0, after_group: false, ended: false }
    }

    fn step(&mut self) -> Result<Option<Item<'a>>, CanonicalError> {
        if self.ended {
            return Ok(None);
        }
        let mut skipped = false;
        loop {
            let start = self.at;
            let fail = |rule| Err(CanonicalError { offset: start, rule });
            let code = self.byte()?;
            if skipped && matches!(code, SKIP | CLOSE | END) {
                return fail("a skip must lead to a field");
            }
            if self.after_group && !matches!(code, SKIP | OPEN | CLOSE | END) {
                return fail("a group is left by a skip");
            }
            match code {
                SKIP => {
                    let fields = self.varint()?;
                    if fields == 0 {
                        return fail("a skip of no fields");
                    }
                    let cursor =
                        self.cursors[self.depth].checked_add(fields).filter(|&c| c <= u32::from(u16::MAX));
                    let Some(cursor) = cursor else { return fail("more fields than a layout has") };
                    self.cursors[self.depth] = cursor;
                    self.after_group = false;
                    skipped = true;
                }
                0..=SHORT => {
                    let field = self.next_field(start)?;
                    return Ok(Some(Item::Value(field, Value::Text(self.text(usize::from(code))?))));
                }
                LONG => {
                    let length = self.varint()? as usize;
                    if length <= usize::from(SHORT) {
                        return fail("a short text in the long form");
                    }
                    let field = self.next_field(start)?;
                    return Ok(Some(Item::Value(field, Value::Text(self.text(length)?))));
                }
                NIL => return Ok(Some(Item::Value(self.next_field(start)?, Value::Nil))),
                OPEN => {
                    let Ok(group) = u16::try_from(self.cursors[self.depth]) else {
                        return fail("more fields than a layout has");
                    };
                    if self.depth == MAX_DEPTH {
                        return fail("groups deeper than a layout has");
                    }
                    self.depth += 1;
                    self.cursors[self.depth] = 0;
                    self.after_group = false;
                    return Ok(Some(Item::Open(FieldId(group))));
                }
                CLOSE => {
                    if self.depth == 0 {
                        return fail("the end of a group that is not open");
                    }
                    self.depth -= 1;
                    self.after_group = true;
                    return Ok(Some(Item::Close));
                }
                END => {
                    if self.depth > 0 {
                        return fail("the end of the record inside a group");
                    }
                    if self.at < self.bytes.len() {
                        return fail("bytes behind the end of the record");
                    }
                    self.ended = true;
                    return Ok(None);
                }
                _ => return fail("an unknown code"),
            }
        }
    }

    fn next_field(&mut self, start: usize) -> Result<FieldId, CanonicalError> {
        let cursor = &mut self.cursors[self.depth];
        let field = u16::try_from(*cursor)
            .map_err(|_| CanonicalError { offset: start, rule: "more fields than a layout has" })?;
        *cursor += 1;
        Ok(FieldId(field))
    }

    fn text(&mut self, length: usize) -> Result<&'a str, CanonicalError> {
        let start = self.at;
        let bytes = self.bytes[start..].get(..length).ok_or_else(|| self.short())?;
        self.at += length;
        std::str::from_utf8(bytes).map_err(|error| CanonicalError {
            offset: start + error.valid_up_to(),
            rule: "a text that is not UTF-8",
        })
    }

    fn varint(&mut self) -> Result<u32, CanonicalError> {
        let start = self.at;
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(CanonicalError {
                        offset: start,
                        rule: "a number in more bytes than it needs",
                    });
                }
                return u32::try_from(value)
                    .map_err(|_| CanonicalError { offset: start, rule: "a number over 32 bits" });
            }
        }
        Err(CanonicalError { offset: start, rule: "a number over 32 bits" })
    }

    fn byte(&mut self) -> Result<u8, CanonicalError> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| self.short())?;
        self.at += 1;
        Ok(byte)
    }

    fn short(&self) -> CanonicalError {
        CanonicalError { offset: self.bytes.len(), rule: "the record is cut short" }
    }
}

/// The encoder. Fields must come in rising order within their level; groups may repeat.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    cursors: [u16; MAX_DEPTH + 1],
    depth: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out, cursors: [0; MAX_DEPTH + 1], depth: 0 }
    }

    #[inline]
    pub(crate) fn text(&mut self, field: FieldId, text: &[u8]) {
        self.skip_to(field);
        if let [byte] = *text {
            // Most texts: worth its own way.
            self.out.extend_from_slice(&[1, byte]);
            self.advance();
            return;
        }
        match u8::try_from(text.len()) {
            Ok(short) if short <= SHORT => self.out.push(short),
            _ => {
                self.out.push(LONG);
                self.varint(text.len() as u32);
            }
        }
        self.out.extend_from_slice(text);
        self.advance();
    }

    pub(crate) fn nil(&mut self, field: FieldId) {
        self.skip_to(field);
        self.out.push(NIL);
        self.advance();
    }

    pub(crate) fn open(&mut self, group: FieldId) {
        self.skip_to(group);
        self.out.push(OPEN);
        self.depth += 1;
        self.cursors[self.depth] = 0;
    }

    pub(crate) fn close(&mut self) {
        self.out.push(CLOSE);
        self.depth = self.depth.saturating_sub(1);
    }

    pub(crate) fn end(self) {
        self.out.push(END);
    }

    #[inline]
    fn advance(&mut self) {
        let cursor = &mut self.cursors[self.depth];
        *cursor = cursor.saturating_add(1);
    }

    #[inline]
    fn skip_to(&mut self, field: FieldId) {
        let cursor = &mut self.cursors[self.depth];
        debug_assert!(*cursor <= field.0, "fields in rising order");
        let fields = field.0.saturating_sub(*cursor);
        *cursor = field.0;
        if fields > 0 {
            self.out.push(SKIP);
            self.varint(u32::from(fields));
        }
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}

/// The encoder of a flat record without nils out of one line of text, into memory that is there already.
pub(crate) struct Form<'a> {
    out: &'a mut [u8],
    at: usize,
    cursor: u16,
}

impl<'a> Form<'a> {
    /// An encoder of a line of so many bytes: a delimiter or line end for each field, and their texts.
    pub(crate) fn new(memory: &'a mut Vec<u8>, line: usize) -> Self {
        // A cell of n bytes has n + 1 in the line. It takes n + 1, or n + 6 when it is long, behind a skip of 3 at most
        // (there are fewer than 2^14 fields): never more than 4 (n + 1). Then the end.
        let room = 4 * line + 1;
        if memory.len() < room {
            memory.resize(room, 0);
        }
        Form { out: memory, at: 0, cursor: 0 }
    }

    /// The field has this text.
    #[inline]
    pub(crate) fn text(&mut self, field: FieldId, text: &[u8]) {
        self.skip_to(field);
        match text {
            [single] => self.push(&[1, *single]),
            _ => {
                match u8::try_from(text.len()) {
                    Ok(short) if short <= SHORT => self.push(&[short]),
                    _ => {
                        self.push(&[LONG]);
                        self.varint(text.len() as u32);
                    }
                }
                self.push(text);
            }
        }
        self.cursor += 1;
    }

    /// Eight fields side by side have texts of one byte, each with the end of its cell behind it.
    #[inline]
    pub(crate) fn abreast(&mut self, first: FieldId, cells: &[u8; 16]) {
        self.skip_to(first);
        let (singles, _) = cells.as_chunks::<2>();
        let mut items = [1; 16];
        for (item, [single, _]) in items.as_chunks_mut::<2>().0.iter_mut().zip(singles) {
            item[1] = *single;
        }
        self.push(&items);
        self.cursor += 8;
    }

    /// Ends the record; how many bytes it has.
    pub(crate) fn end(mut self) -> usize {
        self.push(&[END]);
        self.at
    }

    #[inline]
    fn skip_to(&mut self, field: FieldId) {
        debug_assert!(self.cursor <= field.0, "fields in rising order");
        if self.cursor < field.0 {
            self.push(&[SKIP]);
            self.varint(u32::from(field.0 - self.cursor));
            self.cursor = field.0;
        }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.push(&[value as u8 | 0x80]);
            value >>= 7;
        }
        self.push(&[value as u8]);
    }
}
