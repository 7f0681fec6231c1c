//! Bytes that come in pieces.

use std::io::{self, BufRead, Read};

/// Hands out bytes in pieces of the given lengths, over and over, with interruptions.
pub(crate) struct Pieces<'a> {
    rest: &'a [u8],
    lengths: [usize; 2],
    turn: usize,
    left: usize,
}

impl<'a> Pieces<'a> {
    /// Pieces of `bytes`; the lengths are positive.
    pub(crate) fn new(bytes: &'a [u8], lengths: [usize; 2]) -> Self {
        Pieces { rest: bytes, lengths, turn: 0, left: lengths[0] }
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            self.turn += 1;
            self.left = self.lengths[self.turn % 2];
            if self.turn.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(&self.rest[..self.left.min(self.rest.len())])
    }

    fn consume(&mut self, amount: usize) {
        self.rest = &self.rest[amount..];
        self.left -= amount;
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}
