//! Text of which the beginning was read to find out what it is.

use std::io::{self, BufRead, Cursor, Read};

use sekisho_xml::TextStream;

/// Text that was read ahead, then the rest of its element.
pub struct HeadThenText<'a, R: BufRead> {
    pub(super) head: Cursor<Vec<u8>>,
    pub(super) text: Option<TextStream<'a, R>>,
}

impl<R: BufRead> BufRead for HeadThenText<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.head.position() < self.head.get_ref().len() as u64 {
            return self.head.fill_buf();
        }
        match &mut self.text {
            Some(text) => text.fill_buf(),
            None => Ok(&[]),
        }
    }

    fn consume(&mut self, amount: usize) {
        if self.head.position() < self.head.get_ref().len() as u64 {
            self.head.consume(amount);
        } else if let Some(text) = &mut self.text {
            text.consume(amount);
        }
    }
}

impl<R: BufRead> Read for HeadThenText<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
