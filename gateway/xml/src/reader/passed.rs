//! What is checked and passed over: comments, processing instructions, the XML declaration.
//!
//! However long one is, no more of it is held than a piece of the input: but for the declaration, which is read as a whole.

use std::io::BufRead;

use memchr::{memchr, memmem};

use super::Reader;
use crate::declaration::declaration;
use crate::error::XmlError;
use crate::limits::ProcessingInstructions;
use crate::name::{is_space, ncname_end};
use crate::rules;

/// The bytes that begin a comment.
const COMMENT: usize = "<!--".len();
/// The bytes that begin a processing instruction, and as many end it.
const INSTRUCTION: usize = "<?".len();

/// What a processing instruction is by its target.
#[derive(Clone, Copy)]
enum Target {
    Declaration,
    Other,
}

impl<R: BufRead> Reader<R> {
    /// A comment; that it is one is known.
    pub(super) fn comment(&mut self) -> Result<(), XmlError> {
        // `<!-->` and `<!--->` are no comments, and a hyphen before the end makes three of them. What is no comment is
        // read to its end for all that: one that has none is said to have none.
        let (mut gone, mut at, mut hyphens) = (0, COMMENT, false);
        loop {
            let text = self.event_in_hand(gone);
            let Some(found) = text.get(at..).and_then(|text| memchr(b'-', text)) else {
                (gone, at) = self.more_to_pass(gone, text.len(), rules::COMMENT_NOT_CLOSED)?;
                continue;
            };
            at += found;
            match text[at..] {
                [_, b'-', b'>', ..] => break,
                [_, b'-', _, ..] => hyphens = true,
                [_] | [_, b'-'] => {
                    (gone, at) = self.more_to_pass(gone, at, rules::COMMENT_NOT_CLOSED)?;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        self.source_mut().take(at + "-->".len());
        if hyphens {
            return Err(self.broken(rules::COMMENT_HYPHENS));
        }
        self.comments += 1;
        Ok(())
    }

    /// A processing instruction or the XML declaration.
    pub(super) fn instruction(&mut self) -> Result<(), XmlError> {
        let (mut gone, mut at) = (0, 1);
        let mut target = None;
        // From so many bytes on the target is known; before, the end shows where it ends.
        let known_from = self.limits.name_bytes.saturating_add(INSTRUCTION + 2);
        loop {
            let text = self.event_in_hand(gone);
            let length = text.len();
            if let Some(found) = memmem::find(text.get(at..).unwrap_or_default(), b"?>") {
                at += found;
                break;
            }
            at = length - usize::from(text.ends_with(b"?"));
            if target.is_none() && length >= known_from {
                target = Some(self.target(length));
            }
            match target {
                None | Some(Ok(Target::Declaration)) => {
                    self.more_of_event(self.most_passed(), gone, rules::PI_NOT_CLOSED)?
                }
                Some(_) => (gone, at) = self.more_to_pass(gone, at, rules::PI_NOT_CLOSED)?,
            }
        }
        // One question mark for the start and the end of it.
        if gone == 0 && at < INSTRUCTION {
            return Err(self.broken(rules::PI_TARGET));
        }
        let target = match target {
            Some(known) => known,
            None => self.target(at),
        };
        self.source_mut().take(at + INSTRUCTION);
        match (target?, self.limits.processing_instructions) {
            (Target::Declaration, _) => {
                let text = self.source().event_text();
                let from = "<?xml".len();
                match declaration(&text[from..text.len() - INSTRUCTION]) {
                    // What it says of the encoding is for whoever chose the decoder (WS-I Basic Profile 1.2 R1019).
                    Ok(_) => Ok(()),
                    Err((rule, at)) => Err(self.broken_inside(rule, from + at)),
                }
            }
            (Target::Other, ProcessingInstructions::Refuse) => {
                Err(XmlError::ProcessingInstruction { at: self.source().event_position() })
            }
            (Target::Other, ProcessingInstructions::Skip) => {
                self.processing_instructions += 1;
                Ok(())
            }
        }
    }

    /// The target of a processing instruction whose first `length` bytes are in hand: all before its end, or more than a
    /// target may have.
    fn target(&self, length: usize) -> Result<Target, XmlError> {
        let source = self.source();
        let text = source.rest();
        let end = ncname_end(text, INSTRUCTION);
        let name = &text[INSTRUCTION..end];
        if name.len() > self.limits.name_bytes {
            return Err(self.over("name_bytes", self.limits.name_bytes as u64));
        }
        let after = text.as_bytes().get(end).filter(|_| end < length);
        if name.is_empty() || after.is_some_and(|&byte| !is_space(byte)) {
            return Err(self.broken(rules::PI_TARGET));
        }
        match name {
            "xml" if source.event_offset() > 0 => Err(self.broken(rules::DECLARATION_MISPLACED)),
            "xml" => Ok(Target::Declaration),
            reserved if reserved.eq_ignore_ascii_case("xml") => Err(self.broken(rules::PI_TARGET_RESERVED)),
            _ => Ok(Target::Other),
        }
    }

    /// The bytes that a comment or processing instruction may have.
    fn most_passed(&self) -> usize {
        self.limits.event_bytes.max(self.limits.passed_bytes)
    }

    /// What is in hand of the event ahead, of which `gone` bytes were let go: no more of it than an event may have.
    fn event_in_hand(&self, gone: usize) -> &[u8] {
        let rest = self.source().rest_bytes();
        &rest[..rest.len().min(self.most_passed() - gone)]
    }

    /// Gets more of the event ahead and lets go of its next `length` bytes, which end with a character; gives how many are
    /// gone then, and where to look next.
    fn more_to_pass(
        &mut self,
        gone: usize,
        length: usize,
        not_closed: &'static str,
    ) -> Result<(usize, usize), XmlError> {
        self.more_of_event(self.most_passed(), gone, not_closed)?;
        self.source_mut().let_go(length);
        Ok((gone + length, 0))
    }

    /// Gets more of the event ahead, which may have `most` bytes and of which `gone` were let go. There is none where it gets too long, or where the
    /// document breaks or ends.
    pub(super) fn more_of_event(
        &mut self,
        most: usize,
        gone: usize,
        not_closed: &'static str,
    ) -> Result<(), XmlError> {
        let room = most - gone;
        let source = self.source_mut();
        let have = source.rest_bytes().len();
        if have <= room {
            source.look_ahead(have + 1);
            if source.rest_bytes().len() == have {
                let broken = self.broken(not_closed);
                return Err(self.fault().unwrap_or(broken));
            }
        }
        if have >= room {
            return Err(self.over("event_bytes", most as u64));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;
    use quick_xml::events::Event;

    use super::*;
    use crate::limits::Limits;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn what_is_passed_over_ends_where_quick_xml_ends_it(
            comment in any::<bool>(),
            inside in "[-?>é]{0,6}([-?> é]{0,12}[a-z関]{0,30}){0,4}",
            step in 1..80_usize,
            name_bytes in 1..20_usize,
        ) {
            let text = if comment { format!("<!--{inside}-->-->") } else { format!("<?a {inside}?>?>") };
            let mut theirs = quick_xml::Reader::from_str(&text);
            let hyphens = match theirs.read_event().unwrap() {
                Event::Comment(inside) => {
                    let inside: &[u8] = &inside;
                    memmem::find(inside, b"--").is_some() || inside.ends_with(b"-")
                }
                event => {
                    prop_assert!(matches!(event, Event::PI(_)));
                    false
                }
            };
            let instructions = ProcessingInstructions::Skip;
            let limits = Limits { name_bytes, processing_instructions: instructions, ..Limits::default() };
            let mut reader = Reader::new(BufReader::with_capacity(step, text.as_bytes()), limits);
            reader.source_mut().look_ahead(COMMENT);
            reader.source_mut().begin_event();
            let ours = if comment { reader.comment() } else { reader.instruction() };
            prop_assert_eq!(ours.is_err(), hyphens, "{}", text);
            prop_assert_eq!(reader.source().offset(), theirs.buffer_position(), "{}", text);
        }
    }
}
