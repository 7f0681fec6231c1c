//! Lines and columns of byte offsets.

use std::io::{self, BufRead, Read};

/// Line and column, both from 1, of the byte offset `at`; the column counts characters.
pub(crate) fn line_and_column(text: &[u8], at: usize) -> (u64, u64) {
    let before = &text[..at.min(text.len())];
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = before.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
    (line, 1 + characters(&before[line_start..]))
}

fn characters(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count() as u64
}

/// A place in a text: the byte offset of a line's start, with the line's number.
#[derive(Clone, Copy, Debug)]
struct LineStart {
    offset: u64,
    line: u64,
}

/// Knows the line and column of recent offsets of a text that goes by.
///
/// It keeps the last bytes that went by and the line number at their start: an offset asked for is that of the markup
/// just read, so it is always among them unless one construct is longer than the window, and then the line is that
/// of the window's start and the column unknown.
#[derive(Debug)]
pub(crate) struct Lines {
    window: Vec<u8>,
    start: LineStart,
    /// Characters before the window on its first line.
    column: u64,
}

/// How much of the text is kept behind the reader.
const WINDOW: usize = 64 << 10;

impl Lines {
    pub(crate) fn new() -> Self {
        Self { window: Vec::new(), start: LineStart { offset: 0, line: 1 }, column: 0 }
    }

    /// Takes the next bytes of the text.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        self.window.extend_from_slice(bytes);
        if self.window.len() > 2 * WINDOW {
            let gone = self.window.len() - WINDOW;
            let (line, column) = self.of(self.start.offset + gone as u64);
            self.start = LineStart { offset: self.start.offset + gone as u64, line };
            self.column = column - 1;
            self.window.drain(..gone);
        }
    }

    /// Where the text stands now.
    pub(crate) fn end(&self) -> (u64, u64) {
        self.of(self.start.offset + self.window.len() as u64)
    }

    /// Line and column of the byte offset `at`, or of where the text stands when that is long gone.
    pub(crate) fn recent(&self, at: u64) -> (u64, u64) {
        if at < self.start.offset { self.end() } else { self.of(at) }
    }

    /// Line and column of the byte offset `at`.
    pub(crate) fn of(&self, at: u64) -> (u64, u64) {
        let at = at.saturating_sub(self.start.offset) as usize;
        let (line, column) = line_and_column(&self.window, at);
        if line == 1 { (self.start.line, self.column + column) } else { (self.start.line + line - 1, column) }
    }
}

/// A reader that shows what goes by to `Lines`.
pub(crate) struct Watched<'l, R> {
    input: R,
    lines: &'l std::cell::RefCell<Lines>,
    /// Bytes that may still pass before one construct is too long; see [`Watched::renew`].
    budget: &'l std::cell::Cell<usize>,
}

impl<'l, R: BufRead> Watched<'l, R> {
    pub(crate) fn new(
        input: R,
        lines: &'l std::cell::RefCell<Lines>,
        budget: &'l std::cell::Cell<usize>,
    ) -> Self {
        Self { input, lines, budget }
    }
}

/// The input went on for longer than one construct may without an event.
#[derive(Debug, thiserror::Error)]
#[error("one construct of the document is too long")]
pub(crate) struct TooLong;

impl<R: BufRead> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buffer.len());
        buffer[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Watched<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.budget.get() == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong));
        }
        let bytes = self.input.fill_buf()?;
        Ok(&bytes[..bytes.len().min(self.budget.get())])
    }

    fn consume(&mut self, n: usize) {
        if n > 0 {
            // The bytes are still in the buffer that `fill_buf` showed: asking again reads nothing new.
            if let Ok(bytes) = self.input.fill_buf() {
                self.lines.borrow_mut().pass(&bytes[..n.min(bytes.len())]);
            }
            self.budget.set(self.budget.get().saturating_sub(n));
        }
        self.input.consume(n);
    }
}
