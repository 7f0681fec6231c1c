//! One line of CSV: from the input into a buffer, and its quotes held to RFC 4180.
//!
//! `csv-core` unescapes leniently ("it prefers a parse over no parse"), so that what it is given is checked first.

use std::io::{self, BufRead};

use memchr::{memchr, memchr2_iter};

use crate::read::ReadErrorKind;

/// The line that was read last, and where the reader stands.
pub(super) struct Line {
    /// The line with `\n` at its end, whatever ended it in the payload.
    bytes: Vec<u8>,
    /// Its number, from 1. A line with line ends inside quotes has the number of its first.
    pub(super) number: u64,
    /// Its first byte in the payload.
    pub(super) byte: u64,
    /// Number of the line behind it, and its first byte.
    next: (u64, u64),
    /// Whether there is any quote in it.
    pub(super) quotes: bool,
    /// Where each cell starts, and whether it is quoted; filled when there are quotes.
    pub(super) cells: Vec<RawCell>,
    max_bytes: usize,
    delimiter: u8,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RawCell {
    pub(super) start: usize,
    pub(super) quoted: bool,
}

/// What is wrong, and at which byte of the line.
pub(super) struct LineError {
    pub(super) kind: ReadErrorKind,
    pub(super) offset: usize,
    /// A byte of the cell that it is about.
    pub(super) cell: usize,
}

impl LineError {
    pub(super) fn new(kind: ReadErrorKind, offset: usize) -> LineError {
        LineError { kind, offset, cell: offset }
    }
}

impl Line {
    pub(super) fn new(delimiter: u8, max_bytes: usize) -> Line {
        Line {
            bytes: Vec::new(),
            number: 0,
            byte: 0,
            next: (1, 0),
            quotes: false,
            cells: Vec::new(),
            max_bytes,
            delimiter,
        }
    }

    /// The line without its end.
    pub(super) fn content(&self) -> &[u8] {
        self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes)
    }

    /// The line with `\n` at its end.
    pub(super) fn with_end(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the next line; `false` at the end of the input. On an error the line is what was read of it.
    pub(super) fn read(&mut self, input: &mut impl BufRead) -> Result<bool, LineError> {
        self.bytes.clear();
        self.cells.clear();
        self.quotes = false;
        (self.number, self.byte) = self.next;
        let mut in_quotes = false;
        let ended = loop {
            let chunk = match input.fill_buf() {
                Ok([]) => break false,
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(LineError::new(ReadErrorKind::of_io(error), self.bytes.len())),
            };
            let mut used = chunk.len();
            let mut ended = false;
            for at in memchr2_iter(b'"', b'\n', chunk) {
                if chunk[at] == b'"' {
                    self.quotes = true;
                    in_quotes = !in_quotes;
                } else if !in_quotes {
                    (used, ended) = (at + 1, true);
                    break;
                }
            }
            // Two more for the line end.
            let room = (self.max_bytes + 2).saturating_sub(self.bytes.len());
            let taken = used.min(room);
            self.bytes.extend_from_slice(&chunk[..taken]);
            if taken < used {
                return Err(self.too_long());
            }
            input.consume(used);
            self.next.1 += used as u64;
            if ended {
                break true;
            }
        };
        if !ended && self.bytes.is_empty() {
            return Ok(false);
        }
        if self.quotes {
            // A quote that is still open has eaten the line end too.
            if ended {
                self.strip_end();
            }
            self.scan()?;
            self.next.0 += memchr::memchr_iter(b'\n', &self.bytes).count() as u64 + 1;
        } else {
            if ended {
                self.strip_end();
            }
            self.next.0 += 1;
            if let Some(at) = memchr(b'\r', &self.bytes) {
                return Err(LineError::new(ReadErrorKind::BareCarriageReturn, at));
            }
        }
        if self.bytes.len() > self.max_bytes {
            return Err(self.too_long());
        }
        self.bytes.push(b'\n');
        Ok(true)
    }

    fn strip_end(&mut self) {
        self.bytes.pop();
        if self.bytes.last() == Some(&b'\r') {
            self.bytes.pop();
        }
    }

    /// Finds the cells of a line with quotes in it. Cells are short: plain loops beat `memchr` here.
    fn scan(&mut self) -> Result<(), LineError> {
        let bytes = &self.bytes;
        let fail = |kind, offset| Err(LineError::new(kind, offset));
        let mut at = 0;
        loop {
            let start = at;
            let quoted = bytes.get(at) == Some(&b'"');
            self.cells.push(RawCell { start, quoted });
            if quoted {
                at += 1;
                loop {
                    let Some(quote) = bytes[at..].iter().position(|&byte| byte == b'"') else {
                        return fail(ReadErrorKind::UnclosedQuote, start);
                    };
                    at += quote + 1;
                    if bytes.get(at) != Some(&b'"') {
                        break;
                    }
                    at += 1;
                }
                match bytes.get(at) {
                    None => return Ok(()),
                    Some(&byte) if byte == self.delimiter => {}
                    Some(_) => return fail(ReadErrorKind::TextAfterQuote, at),
                }
            } else {
                let special = |&byte: &u8| byte == self.delimiter || byte == b'"' || byte == b'\r';
                let Some(found) = bytes[at..].iter().position(special) else { return Ok(()) };
                at += found;
                match bytes[at] {
                    b'"' => return fail(ReadErrorKind::QuoteInCell, at),
                    b'\r' => return fail(ReadErrorKind::BareCarriageReturn, at),
                    _ => {}
                }
            }
            at += 1;
        }
    }

    /// The line is longer than the limit: most often for a quote that was left open, so its place is told.
    ///
    /// It is about the cell in which the limit is passed, and stands at the record's beginning.
    fn too_long(&mut self) -> LineError {
        let mut limit = ("bytes in a record", 0, self.max_bytes);
        if self.quotes {
            self.cells.clear();
            match self.scan() {
                Err(LineError { kind: ReadErrorKind::UnclosedQuote, offset, .. }) => {
                    let which = "bytes in a record; the quote that opens here is not closed within them";
                    limit = (which, offset, offset);
                }
                Err(error) => return error,
                Ok(()) => {}
            }
        }
        let (which, offset, cell) = limit;
        LineError { kind: ReadErrorKind::Limit { which, max: self.max_bytes as u64 }, offset, cell }
    }

    /// Lines below this line's first, and column in characters from 1, of a byte of this line.
    pub(super) fn place(&self, offset: usize) -> (u32, u32) {
        let before = &self.bytes[..offset.min(self.bytes.len())];
        let lines = memchr::memchr_iter(b'\n', before).count();
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        (lines as u32, chars(&before[start..]) + 1)
    }

    /// Whether nothing of it has come yet.
    pub(super) fn is_bare(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Number of the line behind it, and its first byte.
    pub(super) fn behind(&self) -> (u64, u64) {
        self.next
    }

    /// Which cell a byte of this line is in, from 0.
    pub(super) fn cell_at(&self, offset: usize) -> usize {
        let mut in_quotes = false;
        let mut cell = 0;
        for &byte in &self.bytes[..offset.min(self.bytes.len())] {
            match byte {
                b'"' => in_quotes = !in_quotes,
                _ if byte == self.delimiter && !in_quotes => cell += 1,
                _ => {}
            }
        }
        cell
    }
}

/// Characters of UTF-8.
pub(super) fn chars(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() as u32
}
