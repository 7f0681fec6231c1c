//! What begins with `<`: tags, comments, processing instructions, the XML declaration.
//!
//! Tags are most of a document, so where they end is found here; the rest is `quick-xml`'s to split, and so is a tag that
//! does not end as it should, for the error.

use std::io::BufRead;

use quick_xml::events::Event as Markup;

use super::{Pending, Reader, Step};
use crate::declaration::declaration;
use crate::error::XmlError;
use crate::limits::ProcessingInstructions;
use crate::name::{is_space, qname_at};
use crate::rules;
use crate::source::Source;
use crate::tag::TagError;

/// The tags that are looked through byte by byte, in bytes.
const SHORT_TAG: usize = 32;

impl<R: BufRead> Reader<R> {
    /// What begins with `<`.
    pub(super) fn markup(&mut self) -> Result<Option<Step>, XmlError> {
        let source = self.source_mut();
        source.look_ahead(2);
        match source.rest_bytes().get(1).copied() {
            Some(b'!') if !self.comment_follows()? => return Ok(None),
            Some(b'!' | b'?') | None => {}
            Some(second) => {
                if let Some(length) = self.tag_length() {
                    let source = self.source_mut();
                    let empty = source.rest_bytes()[1..length].ends_with(b"/>");
                    source.take(length);
                    return if second == b'/' { self.end_tag() } else { self.start_tag(empty) }.map(Some);
                }
            }
        }
        self.buffer.clear();
        match self.markup.read_event_into(&mut self.buffer) {
            Ok(Markup::Start(_)) => self.start_tag(false).map(Some),
            Ok(Markup::Empty(_)) => self.start_tag(true).map(Some),
            Ok(Markup::End(_)) => self.end_tag().map(Some),
            Ok(Markup::Comment(_)) => self.comment().map(|()| None),
            Ok(Markup::PI(_) | Markup::Decl(_)) => self.processing_instruction().map(|()| None),
            // Nothing else begins with `<` and gets past `comment_follows`.
            Ok(_) => Err(self.broken(rules::MARKUP_DECLARATION)),
            Err(error) => Err(self.markup_error(&error)),
        }
    }

    /// How long the tag ahead is: up to the first `>` that is not in a literal. `None` when there is none within the budget.
    #[inline]
    fn tag_length(&mut self) -> Option<usize> {
        let budget = self.limits.event_bytes;
        let rest = self.source().rest_bytes();
        // Without attributes it is short: this is over before a search is set up.
        let near = rest.iter().take(SHORT_TAG).position(|byte| matches!(byte, b'>' | b'"' | b'\''));
        match near {
            Some(end) if rest[end] == b'>' && end < budget => Some(end + 1),
            _ => self.long_tag_length(),
        }
    }

    fn long_tag_length(&mut self) -> Option<usize> {
        let budget = self.limits.event_bytes;
        let source = self.source_mut();
        let (mut at, mut quote) = (0, None);
        loop {
            let rest = source.rest_bytes();
            let rest = &rest[..rest.len().min(budget)];
            while let Some(found) = match quote {
                None => memchr::memchr3(b'>', b'"', b'\'', &rest[at..]),
                Some(quote) => memchr::memchr(quote, &rest[at..]),
            } {
                at += found + 1;
                quote = match (quote, rest[at - 1]) {
                    (None, b'>') => return Some(at),
                    (None, open) => Some(open),
                    (Some(_), _) => None,
                };
            }
            at = rest.len();
            source.look_ahead(at + 1);
            if at == budget || source.rest_bytes().len() == at {
                return None;
            }
        }
    }

    /// What begins with `<!`: true for a comment; a CDATA section is entered, so that its content is never buffered.
    fn comment_follows(&mut self) -> Result<bool, XmlError> {
        const CDATA: &str = "<![CDATA[";
        const DOCTYPE: &str = "<!DOCTYPE";
        const COMMENT: &str = "<!--";
        let outside = self.scope.depth() == 0;
        let source = self.source_mut();
        for wanted in 3..=CDATA.len() {
            source.look_ahead(wanted);
            let rest = source.rest();
            if rest.starts_with(COMMENT) {
                return Ok(true);
            }
            if rest.starts_with(DOCTYPE) {
                return Err(XmlError::Doctype { at: self.position() });
            }
            if rest.starts_with(CDATA) {
                if outside {
                    return Err(self.broken(rules::CDATA_OUTSIDE_ROOT));
                }
                source.take(CDATA.len());
                self.in_cdata = true;
                return Ok(false);
            }
            let head = &rest[..rest.char_indices().nth(wanted).map_or(rest.len(), |(end, _)| end)];
            if ![COMMENT, DOCTYPE, CDATA].iter().any(|known| known.starts_with(head)) {
                return Err(self.broken(rules::MARKUP_DECLARATION));
            }
            if rest.len() < wanted {
                break;
            }
        }
        let broken = self.broken(rules::MARKUP_DECLARATION);
        Err(self.fault().unwrap_or(broken))
    }

    fn comment(&mut self) -> Result<(), XmlError> {
        // `<!-->` and `<!--->` are no comments, and a hyphen before the end makes three of them.
        let text = self.source().event_text().as_bytes();
        let inside = text.get(4..text.len().saturating_sub(3));
        match inside {
            Some(inside) if memchr::memmem::find(inside, b"--").is_none() && !inside.ends_with(b"-") => {
                self.comments += 1;
                Ok(())
            }
            _ => Err(self.broken(rules::COMMENT_HYPHENS)),
        }
    }

    /// A processing instruction or the XML declaration.
    fn processing_instruction(&mut self) -> Result<(), XmlError> {
        let text = self.source().event_text();
        let inside = text.get(2..text.len().saturating_sub(2)).unwrap_or_default();
        let Ok(target) = qname_at(inside, 0) else { return Err(self.broken(rules::PI_TARGET)) };
        let after = inside.as_bytes().get(target.end);
        if target.prefix > 0 || after.is_some_and(|&byte| !is_space(byte)) {
            return Err(self.broken(rules::PI_TARGET));
        }
        if target.end > self.limits.name_bytes {
            return Err(self.over("name_bytes", self.limits.name_bytes as u64));
        }
        match &inside[..target.end] {
            "xml" if self.source().event_offset() > 0 => Err(self.broken(rules::DECLARATION_MISPLACED)),
            "xml" => match declaration(&inside[target.end..]) {
                // What it says of the encoding is for whoever chose the decoder (WS-I Basic Profile 1.2 R1019).
                Ok(_) => Ok(()),
                Err((rule, at)) => Err(self.broken_inside(rule, 2 + target.end + at)),
            },
            reserved if reserved.eq_ignore_ascii_case("xml") => Err(self.broken(rules::PI_TARGET_RESERVED)),
            _ => match self.limits.processing_instructions {
                ProcessingInstructions::Refuse => {
                    Err(XmlError::ProcessingInstruction { at: self.position() })
                }
                ProcessingInstructions::Skip => {
                    self.processing_instructions += 1;
                    Ok(())
                }
            },
        }
    }

    #[inline]
    fn start_tag(&mut self, empty: bool) -> Result<Step, XmlError> {
        if self.scope.depth() == 0 {
            if self.root_seen {
                return Err(self.broken(rules::SECOND_ROOT));
            }
            self.root_seen = true;
        }
        self.text_bytes = 0;
        let text = inside_start_tag(self.markup.get_ref(), empty);
        match self.tag.read(text, empty, &mut self.scope, &self.limits) {
            Ok(namespace) => {
                if empty {
                    self.pending = Pending::End;
                }
                Ok(Step::Start(namespace))
            }
            Err(TagError::Rule(rule, at)) => Err(self.broken_inside(rule, 1 + at)),
            Err(TagError::Limit(which, max)) => Err(self.over(which, max)),
        }
    }

    #[inline]
    fn end_tag(&mut self) -> Result<Step, XmlError> {
        self.text_bytes = 0;
        let text = self.source().event_text().as_bytes();
        let inside = &text[2..text.len() - 1];
        let Some((name, _, _)) = self.scope.innermost() else {
            return Err(self.broken(rules::END_TAG_ALONE));
        };
        match inside.strip_prefix(name.as_bytes()) {
            Some([]) => {}
            Some(after) if after.iter().all(|&byte| is_space(byte)) => {}
            Some([first, ..]) if is_space(*first) => return Err(self.broken(rules::END_TAG_SYNTAX)),
            _ => return Err(self.broken(rules::END_TAG_MISMATCH)),
        }
        self.pending = Pending::Close;
        Ok(Step::End)
    }

    /// Why `quick-xml` could not read the markup: too long, unreadable, or unfinished.
    #[cold]
    fn markup_error(&mut self, error: &quick_xml::Error) -> XmlError {
        use quick_xml::errors::SyntaxError;
        if self.source().budget_exceeded() {
            return self.over("event_bytes", self.limits.event_bytes as u64);
        }
        // Only what has stopped `quick-xml` itself; after other errors there may be a fault further on in the text.
        if let (quick_xml::Error::Io(_), Some(fault)) = (error, self.fault()) {
            return fault;
        }
        self.broken(match error {
            // One question mark for the start and the end of it.
            quick_xml::Error::Syntax(_) if self.source().event_text() == "<?>" => rules::PI_TARGET,
            quick_xml::Error::Syntax(SyntaxError::UnclosedComment) => rules::COMMENT_NOT_CLOSED,
            quick_xml::Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => {
                rules::PI_NOT_CLOSED
            }
            _ => rules::TAG_NOT_CLOSED,
        })
    }
}

/// The text of the start tag that was read last, between `<` and `>` or `/>`.
#[inline]
pub(super) fn inside_start_tag<R: BufRead>(source: &Source<R>, empty: bool) -> &str {
    let text = source.event_text();
    &text[1..text.len() - if empty { 2 } else { 1 }]
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;
    use quick_xml::parser::{ElementParser, Parser};

    use super::*;
    use crate::limits::Limits;

    proptest! {
        #[test]
        fn a_tag_ends_where_quick_xml_ends_it(
            inside in "[a</é]([ -/a='\"é]{0,70}>?){1,3}",
            step in 1..80_usize,
            budget in 1..100_usize,
        ) {
            let text = format!("<{inside}");
            let limits = Limits { event_bytes: budget, ..Limits::default() };
            let mut reader = Reader::new(BufReader::with_capacity(step, text.as_bytes()), limits);
            reader.source_mut().look_ahead(2);
            let theirs = ElementParser::default().feed(&text.as_bytes()[1..]).map(|end| end + 2);
            prop_assert_eq!(reader.tag_length(), theirs.filter(|&length| length <= budget), "{}", text);
        }
    }
}
