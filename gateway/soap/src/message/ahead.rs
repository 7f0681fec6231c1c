//! Base64 in an envelope, of which the beginning was read to find out what it is; and where a fault of it stands.

use std::io::{self, BufRead, Cursor, Read};

use sekisho_xml::{Position, TextStream};

use crate::mime::{Base64Fault, Base64Reader};

/// The pieces that the text read ahead came in: from which of its bytes on, and where that stands.
pub(super) type Pieces = Vec<(usize, Position)>;

/// Text that was read ahead, then the rest of its element.
struct HeadThenText<'a, R: BufRead> {
    head: Cursor<Vec<u8>>,
    pieces: Pieces,
    text: Option<TextStream<'a, R>>,
}

impl<R: BufRead> HeadThenText<'_, R> {
    /// Where the byte that is read next stands; at the end, where the element ends.
    fn position(&self) -> Position {
        let read = usize::try_from(self.head.position()).unwrap_or(usize::MAX);
        let head = self.head.get_ref();
        match (&self.text, self.pieces.iter().rev().find(|(from, _)| *from <= read)) {
            (None, Some((from, at))) => at.after(&head[*from..read.min(head.len())]),
            (Some(_), Some((from, at))) if read < head.len() => at.after(&head[*from..read]),
            (Some(text), _) => text.position(),
            (None, None) => Position { line: 1, column: 1, byte: 0 },
        }
    }
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

/// Decoded base64 out of an envelope.
///
/// Every good byte comes before an error, which is an [`InlineFault`] inside an `io::Error` where the base64 is at fault, and a
/// [`sekisho_xml::XmlError`] where the XML is; errors of the input pass through as they are.
pub struct PayloadReader<'a, R: BufRead>(Base64Reader<HeadThenText<'a, R>>);

impl<'a, R: BufRead> PayloadReader<'a, R> {
    /// A decoder of `head`, which stands in these pieces behind `skipped` bytes of white space, and of the text behind it.
    pub(super) fn new(head: Vec<u8>, pieces: Pieces, skipped: u64, text: Option<TextStream<'a, R>>) -> Self {
        let text = HeadThenText { head: Cursor::new(head), pieces, text };
        Self(Base64Reader::starting_at(text, skipped))
    }
}

impl<R: BufRead> BufRead for PayloadReader<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // Asked twice, as an error needs the input again: what is there is only shown the second time.
        if let Err(error) = self.0.fill_buf() {
            let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<Base64Fault>()).copied();
            let Some(fault) = fault else { return Err(error) };
            let at = self.0.input().position();
            return Err(io::Error::new(io::ErrorKind::InvalidData, InlineFault { fault, at }));
        }
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

impl<R: BufRead> Read for PayloadReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// Why base64 in an envelope was refused, and where in the envelope; [`PayloadReader`] carries it inside an `io::Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{at} of the envelope: {fault}; encode the data again")]
pub struct InlineFault {
    /// The rule, and the byte of the base64 text.
    pub fault: Base64Fault,
    /// Where in the envelope: at the byte that is wrong, or where the text ends too early.
    pub at: Position,
}

impl InlineFault {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        let Position { line, column, .. } = self.at;
        format!(
            "Envelope の{line}行{column}文字目: {}。データをエンコードし直してください",
            self.fault.message_ja()
        )
    }
}

/// Where a message has its payload, or points to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadPlace {
    /// The child of the body's child, if the contract has its name.
    pub element: Option<&'static str>,
    /// Where that begins in the envelope.
    pub at: Position,
}

impl PayloadPlace {
    /// In words: the element, its line and its column.
    pub fn english(&self) -> String {
        let Position { line, column, .. } = self.at;
        match self.element {
            Some(element) => format!("the element {element} at line {line}, column {column}"),
            None => format!("an element of the operation's own at line {line}, column {column}"),
        }
    }

    /// The same in Japanese.
    pub fn japanese(&self) -> String {
        let Position { line, column, .. } = self.at;
        match self.element {
            Some(element) => format!("{line}行{column}文字目の要素 {element}"),
            None => format!("{line}行{column}文字目にある操作固有の要素"),
        }
    }
}
