//! What begins with `<`: tags, and what else it can be. A tag is held as a whole, [`super::passed`] what is passed over is not.

use std::io::BufRead;

use super::{Pending, Reader, Step};
use crate::error::XmlError;
use crate::name::is_space;
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
            Some(b'!') => {
                if self.comment_follows()? {
                    self.comment()?;
                }
                Ok(None)
            }
            Some(b'?') => self.instruction().map(|()| None),
            second => {
                let Some(length) = self.tag_length() else { return Err(self.unfinished_tag()) };
                let source = self.source_mut();
                let empty = source.rest_bytes()[1..length].ends_with(b"/>");
                source.take(length);
                if second == Some(b'/') { self.end_tag() } else { self.start_tag(empty) }.map(Some)
            }
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

    #[inline]
    fn start_tag(&mut self, empty: bool) -> Result<Step, XmlError> {
        if self.scope.depth() == 0 {
            if self.root_seen {
                return Err(self.broken(rules::SECOND_ROOT));
            }
            self.root_seen = true;
        }
        self.text_bytes = 0;
        let text = inside_start_tag(&self.source, empty);
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

    /// Why there is no tag ahead, where one begins: too long, unreadable, or unfinished.
    #[cold]
    fn unfinished_tag(&mut self) -> XmlError {
        match self.more_of_event(self.limits.event_bytes, 0, rules::TAG_NOT_CLOSED) {
            Err(error) => error,
            Ok(()) => self.broken(rules::TAG_NOT_CLOSED),
        }
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
