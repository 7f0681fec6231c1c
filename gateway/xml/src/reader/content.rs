//! Character data: text, CDATA sections, references, line ends.

use std::io::BufRead;

use super::{Piece, Reader, Step};
use crate::error::XmlError;
use crate::name::is_space;
use crate::reference::{LONGEST, Reference, reference};
use crate::rules;

impl<R: BufRead> Reader<R> {
    /// White space between the things outside the document element.
    pub(super) fn outside_root(&mut self) -> Result<Option<Step>, XmlError> {
        let source = self.source_mut();
        let spaces = source.rest_bytes().iter().take_while(|&&byte| is_space(byte)).count();
        source.take(spaces);
        if spaces == 0 {
            return Err(self.broken(rules::TEXT_OUTSIDE_ROOT));
        }
        Ok(None)
    }

    /// Character data that begins with neither `<` nor `&`.
    pub(super) fn text(&mut self) -> Result<Option<Step>, XmlError> {
        let length = plain_text(self.source().rest_bytes());
        if length > 0 {
            self.source_mut().take(length);
            return Ok(Some(Step::Text(Piece::Source(length))));
        }
        let source = self.source_mut();
        if source.rest().starts_with('\r') {
            return Ok(self.carriage_return());
        }
        // A closing bracket: only with two characters more is it known what it means.
        source.look_ahead(3);
        if source.rest().starts_with("]]>") {
            return Err(self.broken(rules::CDATA_END_IN_TEXT));
        }
        source.take(1);
        Ok(Some(Step::Text(Piece::Source(1))))
    }

    /// The inside of a CDATA section, or its end.
    pub(super) fn cdata(&mut self) -> Result<Option<Step>, XmlError> {
        let length = plain_cdata(self.source().rest_bytes());
        if length > 0 {
            self.source_mut().take(length);
            return Ok(Some(Step::Text(Piece::Source(length))));
        }
        let source = self.source_mut();
        if source.rest().starts_with('\r') {
            return Ok(self.carriage_return());
        }
        source.look_ahead(3);
        if source.rest().starts_with("]]>") {
            source.take(3);
            self.in_cdata = false;
            return Ok(None);
        }
        source.take(1);
        Ok(Some(Step::Text(Piece::Source(1))))
    }

    /// A line end (section 2.11): with a line feed after it a carriage return is nothing, alone it is a line feed.
    fn carriage_return(&mut self) -> Option<Step> {
        let source = self.source_mut();
        source.look_ahead(2);
        let pair = source.rest_bytes().get(1) == Some(&b'\n');
        source.take(1);
        if pair {
            return None;
        }
        Some(self.one_character('\n'))
    }

    fn one_character(&mut self, character: char) -> Step {
        self.character.clear();
        self.character.push(character);
        Step::Text(Piece::Character)
    }

    pub(super) fn reference(&mut self) -> Result<Option<Step>, XmlError> {
        let mut wanted = 1;
        loop {
            let source = self.source_mut();
            source.look_ahead(wanted);
            match reference(source.rest()) {
                Reference::Character(character, length) => {
                    source.take(length);
                    return Ok(Some(self.one_character(character)));
                }
                Reference::Bad(rule) => return Err(self.broken(rule)),
                Reference::TooLong => return Err(self.over("reference_bytes", LONGEST as u64)),
                Reference::Unfinished if source.rest().len() < wanted => {
                    let broken = self.broken(rules::REFERENCE_SYNTAX);
                    return Err(self.fault().unwrap_or(broken));
                }
                Reference::Unfinished => wanted = source.rest().len() + 1,
            }
        }
    }
}

/// Bytes that end a run of plain character data.
const ENDS_TEXT: [bool; 256] = table(b"<&\r]");
/// Bytes that end a run inside a CDATA section.
const ENDS_CDATA: [bool; 256] = table(b"\r]");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut index = 0;
    while index < bytes.len() {
        table[bytes[index] as usize] = true;
        index += 1;
    }
    table
}

/// How many bytes are character data as they stand.
#[inline]
fn plain_text(bytes: &[u8]) -> usize {
    plain(bytes, &ENDS_TEXT)
}

#[inline]
fn plain_cdata(bytes: &[u8]) -> usize {
    plain(bytes, &ENDS_CDATA)
}

#[inline]
fn plain(bytes: &[u8], ends: &[bool; 256]) -> usize {
    let mut from = 0;
    loop {
        let Some(found) = bytes[from..].iter().position(|&byte| ends[usize::from(byte)]) else {
            return bytes.len();
        };
        let at = from + found;
        // Brackets that begin no ]]> are plain too, if that can be seen from here.
        match bytes[at..] {
            [b']', second, ..] if second != b']' => from = at + 1,
            [b']', b']', third, ..] if third != b'>' => from = at + 1,
            _ => return at,
        }
    }
}
