//! What lies under the reader: decoded characters that XML can hold, counted, as much of them as one event needs.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead};

use memchr::{memchr_iter, memmem, memrchr};
use sekisho_charset::{CharsetError, CharsetErrorKind, Encoding};

/// A place in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Line, from 1; lines end with U+000A.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// Byte offset in the UTF-8 text, from 0; a byte order mark does not count.
    pub byte: u64,
}

impl Position {
    pub(crate) const START: Position = Position { line: 1, column: 1, byte: 0 };

    /// The place after `text`, which begins here.
    #[inline]
    #[must_use]
    pub fn after(self, text: &[u8]) -> Position {
        let byte = self.byte + text.len() as u64;
        // From one tag to the next it is a few bytes: done before a search is set up.
        if text.len() <= NEAR {
            let (mut line, mut column) = (self.line, self.column);
            for &byte in text {
                let feed = byte == b'\n';
                line += u64::from(feed);
                column = if feed { 1 } else { column + u64::from(byte & 0xC0 != 0x80) };
            }
            return Position { line, column, byte };
        }
        self.far_after(text, byte)
    }

    fn far_after(self, text: &[u8], byte: u64) -> Position {
        match memrchr(b'\n', text) {
            None => Position { column: self.column + characters(text), byte, ..self },
            Some(last) => Position {
                line: self.line + memchr_iter(b'\n', text).count() as u64,
                column: 1 + characters(&text[last + 1..]),
                byte,
            },
        }
    }
}

/// Texts that are looked through byte by byte, in bytes.
const NEAR: usize = 64;

/// Bytes that do not continue a character.
fn characters(text: &[u8]) -> u64 {
    // As many as a byte can count: so many at once are counted side by side.
    let few = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(byte & 0xC0 != 0x80)).sum::<u8>();
    text.chunks(usize::from(u8::MAX)).map(|bytes| u64::from(few(bytes))).sum()
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why there is nothing after the text that the source holds.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A character that XML cannot hold.
    Character,
    /// Bytes that are not in the declared encoding.
    Encoding(CharsetError),
    /// The input failed.
    Io(io::Error),
}

/// Bytes taken from the input at once.
const CHUNK_BYTES: usize = 32 * 1024;

/// The input as characters that XML can hold.
///
/// The text in hand is a `String`, so every slice of it is known to be UTF-8 without a second look; every character
/// in it is an XML character, so nothing above has to check again. Whatever is wrong waits until the text before it
/// is used up: a fault is met where it is, however the input was cut into pieces.
pub(crate) struct Source<R> {
    input: R,
    text: String,
    /// Where the rest begins.
    at: usize,
    /// Where the current event begins; what is before it goes when more text is needed.
    event_at: usize,
    /// Offset in the document of `text[0]`.
    base: u64,
    /// The beginning of a character whose end the input has not given yet.
    carry: [u8; 4],
    carried: usize,
    fault: Option<Fault>,
    ended: bool,
    /// A place before which nobody asks any more.
    known: Cell<Position>,
    /// The place of the current event, once somebody has asked.
    event_position: Cell<Option<Position>>,
    noncharacter: memmem::Finder<'static>,
}

impl<R: BufRead> Source<R> {
    pub(crate) fn new(input: R) -> Self {
        Source {
            input,
            text: String::new(),
            at: 0,
            event_at: 0,
            base: 0,
            carry: [0; 4],
            carried: 0,
            fault: None,
            ended: false,
            known: Cell::new(Position::START),
            event_position: Cell::new(None),
            noncharacter: memmem::Finder::new(b"\xEF\xBF"),
        }
    }

    pub(crate) fn input(&self) -> &R {
        &self.input
    }

    pub(crate) fn into_input(self) -> R {
        self.input
    }

    /// The text in hand that is not yet used.
    #[inline]
    pub(crate) fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Its bytes.
    #[inline]
    pub(crate) fn rest_bytes(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The text that was used last.
    #[inline]
    pub(crate) fn used(&self, length: usize) -> &str {
        &self.text[self.at - length..self.at]
    }

    /// Uses `length` bytes of the rest.
    #[inline]
    pub(crate) fn take(&mut self, length: usize) {
        self.at += length;
    }

    /// Uses `length` bytes that are no event; the next one begins behind them.
    pub(crate) fn pass(&mut self, length: usize) {
        self.at += length;
        self.begin_event();
    }

    /// Takes back the last `length` bytes that were used.
    pub(crate) fn give_back(&mut self, length: usize) {
        self.at -= length;
    }

    /// Offset in the document of the rest.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Tries to have at least `length` bytes in hand; fewer mean that the document ends or breaks there.
    #[inline]
    pub(crate) fn look_ahead(&mut self, length: usize) {
        while self.text.len() - self.at < length && self.refill() {}
    }

    /// Marks the rest as the start of an event.
    #[inline]
    pub(crate) fn begin_event(&mut self) {
        self.event_at = self.at;
        self.event_position.set(None);
    }

    /// Uses `length` bytes of an event that nobody asks for any more, so that they need not be held: its text is from then
    /// on what comes behind them, its place stays the one where it began.
    #[cold]
    pub(crate) fn let_go(&mut self, length: usize) {
        self.event_position();
        self.at += length;
        self.event_at = self.at;
        self.walk_to(self.at);
    }

    /// What is wrong after the text in hand.
    pub(crate) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// What was used of the current event.
    #[inline]
    pub(crate) fn event_text(&self) -> &str {
        &self.text[self.event_at..self.at]
    }

    /// Where the current event starts.
    pub(crate) fn event_position(&self) -> Position {
        if let Some(position) = self.event_position.get() {
            return position;
        }
        let position = self.walk_to(self.event_at);
        self.event_position.set(Some(position));
        position
    }

    /// Offset in the document of the current event.
    pub(crate) fn event_offset(&self) -> u64 {
        self.base + self.event_at as u64
    }

    /// The place `length` bytes into the rest.
    pub(crate) fn position_ahead(&self, length: usize) -> Position {
        // What is walked over cannot be asked for later.
        self.event_position();
        self.walk_to(self.at.saturating_add(length).min(self.text.len()))
    }

    /// The place `length` bytes into the current event.
    pub(crate) fn position_inside(&self, length: usize) -> Position {
        let event = &self.text.as_bytes()[self.event_at..];
        self.event_position().after(&event[..length.min(event.len())])
    }

    /// Where the text in hand ends.
    pub(crate) fn end_position(&self) -> Position {
        self.position_ahead(usize::MAX)
    }

    /// The place of a byte of the text in hand, at or after the known one.
    #[inline]
    fn walk_to(&self, at: usize) -> Position {
        let known = self.known.get();
        let position = known.after(&self.text.as_bytes()[(known.byte - self.base) as usize..at]);
        self.known.set(position);
        position
    }

    /// Gets more text; false at the end of the input or at a fault.
    #[cold]
    fn refill(&mut self) -> bool {
        if self.ended || self.fault.is_some() {
            return false;
        }
        if self.event_at > 0 {
            self.event_position();
            self.base += self.event_at as u64;
            self.text.drain(..self.event_at);
            self.at -= self.event_at;
            self.event_at = 0;
        }
        let before = self.text.len();
        while self.text.len() == before && self.fault.is_none() && !self.ended {
            self.read_chunk();
        }
        self.text.len() > before
    }

    fn read_chunk(&mut self) {
        let chunk = match self.input.fill_buf() {
            Ok(chunk) => &chunk[..chunk.len().min(CHUNK_BYTES)],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Err(error) => {
                let encoding = error.get_ref().and_then(|inner| inner.downcast_ref::<CharsetError>());
                self.fault = Some(match encoding {
                    Some(&error) => Fault::Encoding(error),
                    None => Fault::Io(error),
                });
                return;
            }
        };
        let end = self.base + self.text.len() as u64;
        if chunk.is_empty() {
            self.ended = true;
            if self.carried > 0 {
                let bytes = &self.carry[..self.carried];
                self.fault = Some(Fault::Encoding(not_utf8(end, bytes, CharsetErrorKind::Truncated)));
            }
            return;
        }
        if self.carried > 0 {
            self.carry[self.carried] = chunk[0];
            let grown = self.carry;
            let grown = &grown[..self.carried + 1];
            match std::str::from_utf8(grown) {
                Ok(character) => {
                    self.carried = 0;
                    self.input.consume(1);
                    self.append(character);
                }
                Err(error) => match error.error_len() {
                    None => {
                        self.carried += 1;
                        self.input.consume(1);
                    }
                    Some(bad) => {
                        let bytes = &grown[..bad];
                        self.fault = Some(Fault::Encoding(not_utf8(end, bytes, CharsetErrorKind::Malformed)));
                    }
                },
            }
            return;
        }
        let (good, bad) = match std::str::from_utf8(chunk) {
            Ok(good) => (good, &chunk[..0]),
            Err(error) => {
                let (good, rest) = chunk.split_at(error.valid_up_to());
                let bad = error.error_len().unwrap_or(rest.len());
                // The part before is known to be good; an empty text is never used.
                (std::str::from_utf8(good).unwrap_or_default(), &rest[..bad])
            }
        };
        let taken = good.len() + bad.len();
        // Three bytes and fewer may be the start of a character; four never are.
        let unfinished =
            !bad.is_empty() && std::str::from_utf8(bad).is_err_and(|error| error.error_len().is_none());
        let illegal = illegal_character(good.as_bytes(), &self.noncharacter);
        self.text.push_str(&good[..illegal.unwrap_or(good.len())]);
        if illegal.is_some() {
            self.fault = Some(Fault::Character);
        } else if unfinished {
            self.carry[..bad.len()].copy_from_slice(bad);
            self.carried = bad.len();
        } else if !bad.is_empty() {
            let offset = end + good.len() as u64;
            self.fault = Some(Fault::Encoding(not_utf8(offset, bad, CharsetErrorKind::Malformed)));
        }
        self.input.consume(taken);
    }

    fn append(&mut self, good: &str) {
        match illegal_character(good.as_bytes(), &self.noncharacter) {
            None => self.text.push_str(good),
            Some(_) => self.fault = Some(Fault::Character),
        }
    }
}

fn not_utf8(offset: u64, bad: &[u8], kind: CharsetErrorKind) -> CharsetError {
    let mut bytes = [0; 4];
    let len = bad.len().min(4);
    bytes[..len].copy_from_slice(&bad[..len]);
    CharsetError { encoding: Encoding::Utf8, offset, bytes, len: len as u8, kind }
}

/// The first character of a UTF-8 text that is none in XML (production 2): a control, U+FFFE or U+FFFF.
fn illegal_character(text: &[u8], noncharacter: &memmem::Finder<'_>) -> Option<usize> {
    // Without a branch in the loop this runs at the speed of memory; whatever is found stops the document anyway.
    let control = |byte: u8| (byte < b' ') & (byte != b'\t') & (byte != b'\n') & (byte != b'\r');
    let controls = text.iter().fold(false, |found, &byte| found | control(byte));
    let first_control = if controls { text.iter().position(|&byte| control(byte)) } else { None };
    let before = &text[..first_control.unwrap_or(text.len())];
    noncharacter
        .find_iter(before)
        .find(|&at| before.get(at + 2).is_some_and(|&last| last >= 0xBE))
        .or(first_control)
}
