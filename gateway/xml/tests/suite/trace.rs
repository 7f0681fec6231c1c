//! What a reader makes of a document, in a form that can be compared.

use std::io::{self, BufRead, Read};

use sekisho_xml::{Event, Limits, Position, Reader, XmlError};

/// One event; neighbouring pieces of character data are one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Expanded name, attributes, declarations, place.
    Start(String, Vec<(String, String)>, Vec<(String, String)>, Position),
    /// Character data.
    Text(String),
    /// Expanded name, place.
    End(String, Position),
}

/// All events, and the error's code, rule or limit, and place.
pub(crate) type Trace = (Vec<Seen>, Option<(&'static str, &'static str, Option<Position>)>);

/// Reads to the end or to the error.
pub(crate) fn trace<R: BufRead>(reader: &mut Reader<R>) -> Trace {
    let mut seen = Vec::new();
    loop {
        let event = match reader.next() {
            Ok(Event::Eof) => return (seen, None),
            Ok(Event::Start(start)) => {
                let attributes = start
                    .attributes()
                    .map(|a| (format!("{{{}}}{}", a.namespace, a.local), a.value.into_owned()))
                    .collect();
                let declarations =
                    start.declarations().map(|(prefix, uri)| (prefix.to_owned(), uri.to_owned())).collect();
                Seen::Start(start.qname().to_string(), attributes, declarations, Position::of_nothing())
            }
            Ok(Event::Text(text)) => {
                assert!(!text.as_str().is_empty(), "no empty pieces");
                match seen.last_mut() {
                    Some(Seen::Text(before)) => {
                        before.push_str(text.as_str());
                        continue;
                    }
                    _ => Seen::Text(text.as_str().to_owned()),
                }
            }
            Ok(Event::End(end)) => {
                Seen::End(format!("{{{}}}{}", end.namespace(), end.local()), Position::of_nothing())
            }
            Err(error) => {
                let again = reader.next().map(|_| ()).expect_err("a reader that failed stays failed");
                assert_eq!(again.to_string(), error.to_string());
                return (seen, Some(key(&error)));
            }
        };
        seen.push(match event {
            Seen::Start(name, attributes, declarations, _) => {
                Seen::Start(name, attributes, declarations, reader.position())
            }
            Seen::End(name, _) => Seen::End(name, reader.position()),
            text => text,
        });
    }
}

/// What is compared of an error.
pub(crate) fn key(error: &XmlError) -> (&'static str, &'static str, Option<Position>) {
    let detail = match error {
        XmlError::NotWellFormed { rule, .. } => rule,
        XmlError::Limit { which, .. } => which,
        _ => "",
    };
    (error.code(), detail, error.position())
}

/// The trace of a document in one piece.
pub(crate) fn trace_of(document: &[u8], limits: Limits) -> Trace {
    trace(&mut Reader::new(document, limits))
}

trait OfNothing {
    fn of_nothing() -> Self;
}

impl OfNothing for Position {
    fn of_nothing() -> Self {
        Position { line: 0, column: 0, byte: 0 }
    }
}

/// Hands out a document in pieces of the given lengths, over and over, with interruptions.
pub(crate) struct Pieces<'a> {
    rest: &'a [u8],
    lengths: &'a [usize],
    turn: usize,
    left: usize,
}

impl<'a> Pieces<'a> {
    /// Pieces of `document`; `lengths` are positive.
    pub(crate) fn new(document: &'a [u8], lengths: &'a [usize]) -> Self {
        Pieces { rest: document, lengths, turn: 0, left: lengths[0] }
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            self.turn += 1;
            self.left = self.lengths[self.turn % self.lengths.len()];
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
