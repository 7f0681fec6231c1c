//! The one window of bytes through which a package is read.

use std::io::{self, Read};

use super::At;

/// Size of the window: large enough that the boundary search, not the refilling, sets the pace.
pub(super) const CAPACITY: usize = 64 * 1024;

/// A fixed buffer over the input, which knows where in the package it stands.
pub(super) struct Window<R> {
    input: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    ended: bool,
    byte: u64,
    line: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R, capacity: usize) -> Self {
        let buffer = vec![0; capacity].into_boxed_slice();
        Self { input, buffer, start: 0, end: 0, ended: false, byte: 0, line: 1 }
    }

    /// What is in the window.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Leaves `count` bytes behind.
    pub(super) fn advance(&mut self, count: usize) {
        let at = self.ahead(count);
        (self.line, self.byte) = (at.0, at.1);
        self.start += count;
    }

    /// Reads more behind what is there; `false` at the end of the input. The window must not be full.
    pub(super) fn refill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        debug_assert!(self.end < self.buffer.len(), "a delimiter is shorter than the window");
        while !self.ended {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Makes at least one byte available; `None` at the end of the input.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.start == self.end && !self.refill()? {
            return Ok(None);
        }
        Ok(self.bytes().first().copied())
    }

    /// Whether the input has ended; what is in the window is all that is left then.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// The line on which the window starts.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The byte at which the window starts.
    pub(super) fn byte(&self) -> u64 {
        self.byte
    }

    /// Place of the byte `offset` bytes ahead, which is in the window.
    pub(super) fn place(&self, part: u32, offset: usize) -> At {
        let (line, byte) = self.ahead(offset);
        At { part, line, byte }
    }

    fn ahead(&self, offset: usize) -> (u64, u64) {
        let passed = &self.buffer[self.start..self.start + offset];
        let lines = memchr::memchr_iter(b'\n', passed).count();
        (self.line + lines as u64, self.byte + offset as u64)
    }
}
