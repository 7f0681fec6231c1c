//! Character content of any size in bounded memory.

use std::io::{self, BufRead, Read};

use crate::error::XmlError;
use crate::reader::{Piece, Reader, Step};
use crate::source::Position;

/// The character content of one element as a stream: references replaced, line ends normalised, CDATA sections
/// included, comments left out. It ends with the element, whose end is consumed.
///
/// Errors are [`XmlError`] inside an `io::Error` of kind `InvalidData`, a child element being
/// [`XmlError::UnexpectedElement`]; errors of the input pass through as they are. Dropped before its end, the stream
/// leaves the reader inside the element, after the piece that was read last.
pub struct TextStream<'a, R: BufRead> {
    reader: &'a mut Reader<R>,
    piece: Option<Piece>,
    used: usize,
    done: bool,
}

impl<'a, R: BufRead> TextStream<'a, R> {
    pub(crate) fn new(reader: &'a mut Reader<R>) -> Self {
        let done = reader.depth() == 0;
        TextStream { reader, piece: None, used: 0, done }
    }

    /// Where the byte that is read next stands; at the end, where the element ends. Told before something is read, it is where the
    /// last event of the reader starts.
    pub fn position(&self) -> Position {
        match self.piece {
            Some(piece) => self.reader.position_in(piece, self.used),
            None => self.reader.beginning(),
        }
    }

    /// Goes on to a piece with something left in it, or to the end.
    fn advance(&mut self) -> Result<(), XmlError> {
        while !self.done && self.piece.is_none_or(|piece| self.reader.piece(piece).len() == self.used) {
            self.piece = None;
            self.used = 0;
            match self.reader.step()? {
                Step::Text(piece) => self.piece = Some(piece),
                Step::Start(_) => {
                    self.done = true;
                    return Err(XmlError::UnexpectedElement { at: self.reader.position() });
                }
                Step::End | Step::Eof => self.done = true,
            }
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for TextStream<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.advance().map_err(|error| match error {
            XmlError::Io(error) => error,
            error => io::Error::new(io::ErrorKind::InvalidData, error),
        })?;
        Ok(match self.piece {
            Some(piece) => &self.reader.piece(piece).as_bytes()[self.used..],
            None => &[],
        })
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}

impl<R: BufRead> Read for TextStream<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}
