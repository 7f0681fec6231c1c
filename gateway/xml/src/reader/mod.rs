//! The reader: the document's structure, and its character data.

mod content;
mod markup;
mod passed;

use std::io::BufRead;

use self::markup::inside_start_tag;
use crate::error::XmlError;
use crate::event::{EndName, Event, Start, Text};
use crate::limits::Limits;
use crate::name::is_space;
use crate::rules;
use crate::scope::{Namespace, Scope};
use crate::source::{Fault, Position, Source};
use crate::tag::Tag;
use crate::text_stream::TextStream;

/// A strict, bounded, streaming XML reader over UTF-8.
///
/// Events come in document order; everything about an element's name, attributes and namespaces has been checked
/// when its event comes. After an error the reader gives the same error again.
pub struct Reader<R: BufRead> {
    source: Source<R>,
    limits: Limits,
    tag: Tag,
    scope: Scope,
    /// What to do before the next event is read.
    pending: Pending,
    in_cdata: bool,
    root_seen: bool,
    /// Bytes of character data since the last tag, as delivered by `next`.
    text_bytes: u64,
    /// A character that is not written as such: a reference, or a carriage return that counts as a line feed.
    character: String,
    comments: u64,
    processing_instructions: u64,
    failure: Option<XmlError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    /// The last event was an empty-element tag: its end comes next.
    End,
    /// The last event was an end: its element is still on the stack, for its name and bindings.
    Close,
}

/// One event, without its contents.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Start(Namespace),
    Text(Piece),
    End,
    Eof,
}

/// Where a piece of character data lies.
#[derive(Clone, Copy)]
pub(crate) enum Piece {
    /// The last so many bytes used of the source.
    Source(usize),
    /// `Reader::character`.
    Character,
}

impl<R: BufRead> Reader<R> {
    /// A reader of `input`, UTF-8 without a byte order mark: `sekisho_charset::Decoder` makes it so from every
    /// encoding, [`crate::decode_document`] finds out which one it is. Bytes that are not UTF-8 are refused here too.
    pub fn new(input: R, limits: Limits) -> Self {
        Reader {
            source: Source::new(input),
            limits,
            tag: Tag::default(),
            scope: Scope::new(),
            pending: Pending::Nothing,
            in_cdata: false,
            root_seen: false,
            text_bytes: 0,
            character: String::new(),
            comments: 0,
            processing_instructions: 0,
            failure: None,
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// Whatever makes the document one that the gateway does not take, at its place; see [`XmlError`].
    #[allow(clippy::should_implement_trait)] // a lending iterator cannot be an `Iterator`
    #[inline]
    pub fn next(&mut self) -> Result<Event<'_>, XmlError> {
        Ok(match self.step_within_text_limit()? {
            Step::Start(namespace) => Event::Start(self.start(namespace)),
            Step::Text(piece) => Event::Text(Text { text: self.piece(piece) }),
            Step::End => Event::End(self.end()),
            Step::Eof => Event::Eof,
        })
    }

    /// Where the last event starts. A piece of character data starts, for this, at its first character that is not white
    /// space: wherever pieces are cut, the first one with something in it is in the same place.
    pub fn position(&self) -> Position {
        let text = self.source().event_text().as_bytes();
        match text.iter().take_while(|&&byte| is_space(byte)).count() {
            0 => self.source().event_position(),
            spaces => self.source().position_inside(spaces),
        }
    }

    /// Where the last event starts, white space and all: a place that is the same wherever pieces are cut only for the first
    /// piece behind markup.
    pub fn beginning(&self) -> Position {
        self.source().event_position()
    }

    /// Byte offset in the UTF-8 text right after the last event.
    pub fn end_byte(&self) -> u64 {
        self.source().offset()
    }

    /// How many elements are open: after a start its element counts, after its end it does no more.
    pub fn depth(&self) -> usize {
        self.scope.depth() - usize::from(self.pending == Pending::Close)
    }

    /// The namespace bindings in scope at the current element, innermost first: prefix (empty for the default
    /// namespace) and namespace name. The prefix `xml` is not listed. After an end they are those of the element
    /// that has just ended.
    pub fn namespaces(&self) -> impl Iterator<Item = (&str, &str)> {
        self.scope.in_scope()
    }

    /// Changes [`Limits::event_bytes`] from the next event on.
    pub fn set_event_budget(&mut self, bytes: usize) {
        self.limits.event_bytes = bytes;
    }

    /// The character content of the innermost open element as a stream in bounded memory, up to its end, which is
    /// consumed. Meant for right after a start; [`Limits::text_bytes`] does not bind it.
    pub fn text_stream(&mut self) -> TextStream<'_, R> {
        TextStream::new(self)
    }

    /// Appends the character content of the innermost open element to `out`, up to its end, which is consumed.
    ///
    /// # Errors
    /// [`XmlError::UnexpectedElement`] for a child element; whatever [`Reader::next`] fails with.
    pub fn text_into(&mut self, out: &mut String) -> Result<(), XmlError> {
        loop {
            match self.step_within_text_limit()? {
                Step::Text(piece) => out.push_str(self.piece(piece)),
                Step::Start(_) => return Err(XmlError::UnexpectedElement { at: self.position() }),
                Step::End | Step::Eof => return Ok(()),
            }
        }
    }

    /// Skips what is left of the innermost open element, up to its end, which is consumed. Everything skipped is
    /// checked like everything else; its character data is not bound by [`Limits::text_bytes`].
    ///
    /// # Errors
    /// Whatever [`Reader::next`] fails with.
    pub fn skip_element(&mut self) -> Result<(), XmlError> {
        let outside = self.depth().saturating_sub(1);
        loop {
            match self.step()? {
                Step::End if self.depth() == outside => return Ok(()),
                Step::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    /// The last event as it is written, if it was a tag.
    pub fn event_text(&self) -> &str {
        self.source().event_text()
    }

    /// The limits that it keeps to.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The text behind the last event, as far as it is in hand: at least `bytes` of it, unless the document ends or
    /// breaks before. Nothing in it is checked beyond being XML characters.
    ///
    /// Empty where the next event does not begin at a byte of its own: behind an empty-element tag's start, inside a
    /// CDATA section, and after an error.
    pub fn ahead(&mut self, bytes: usize) -> &str {
        if self.pending == Pending::End || self.in_cdata || self.failure.is_some() {
            return "";
        }
        self.source_mut().look_ahead(bytes);
        self.source().rest()
    }

    /// Where the byte `length` bytes ahead is.
    pub fn position_ahead(&self, length: usize) -> Position {
        self.source().position_ahead(length)
    }

    /// Passes over the first `length` bytes ahead, which are known to be whole elements and character data that this
    /// reader would have read: an [`crate::Expectation`] followed them. [`Reader::position`] is then where they end.
    pub fn pass(&mut self, length: usize) {
        self.text_bytes = 0;
        self.source_mut().pass(length);
    }

    /// Comments skipped so far.
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// Processing instructions skipped so far ([`crate::ProcessingInstructions::Skip`]).
    pub fn processing_instructions(&self) -> u64 {
        self.processing_instructions
    }

    /// The input below the reader, for what it counts.
    pub fn input(&self) -> &R {
        self.source().input()
    }

    /// The input; what was read ahead is lost with the reader.
    pub fn into_inner(self) -> R {
        self.source.into_input()
    }

    #[inline]
    fn source(&self) -> &Source<R> {
        &self.source
    }

    #[inline]
    fn source_mut(&mut self) -> &mut Source<R> {
        &mut self.source
    }

    #[inline]
    fn start(&self, namespace: Namespace) -> Start<'_> {
        let text = inside_start_tag(self.source(), self.tag.empty);
        Start { tag: &self.tag, text, scope: &self.scope, namespace }
    }

    #[inline]
    fn end(&self) -> EndName<'_> {
        // An end event always has its element on the stack still.
        let (name, prefix, namespace) = self.scope.innermost().unwrap_or(("", 0, Namespace::None));
        EndName { name, prefix, namespace: self.scope.name(namespace) }
    }

    #[inline]
    pub(crate) fn piece(&self, piece: Piece) -> &str {
        match piece {
            Piece::Source(length) => self.source().used(length),
            Piece::Character => &self.character,
        }
    }

    /// Where a byte of a piece that was taken last stands; of a character reference, where that begins.
    pub(crate) fn position_in(&self, piece: Piece, used: usize) -> Position {
        match piece {
            Piece::Source(length) => {
                let before = self.source().event_text().len().saturating_sub(length);
                self.source().position_inside(before + used)
            }
            Piece::Character => self.source().event_position(),
        }
    }

    #[inline]
    fn step_within_text_limit(&mut self) -> Result<Step, XmlError> {
        let step = self.step()?;
        if let Step::Text(piece) = step {
            let length = self.piece(piece).len() as u64;
            if length > self.limits.text_bytes - self.text_bytes {
                return self.text_up_to_limit(piece);
            }
            self.text_bytes += length;
        }
        Ok(step)
    }

    /// What still fits of a piece that is too long, so that no more and no less than the limit allows is delivered,
    /// however the input is cut; then the error.
    #[cold]
    fn text_up_to_limit(&mut self, piece: Piece) -> Result<Step, XmlError> {
        let max = self.limits.text_bytes;
        let (text, room) = (self.piece(piece), (max - self.text_bytes) as usize);
        let fits = text.char_indices().map(|(start, _)| start).take_while(|&start| start <= room).last();
        match (piece, fits) {
            (Piece::Source(length), Some(fits)) if fits > 0 => {
                self.source_mut().give_back(length - fits);
                self.text_bytes += fits as u64;
                Ok(Step::Text(Piece::Source(fits)))
            }
            _ => {
                let at = self.source().event_position();
                Err(self.fail(XmlError::Limit { which: "text_bytes", max, at }))
            }
        }
    }

    /// One event further.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<Step, XmlError> {
        if let Some(failure) = &self.failure {
            return Err(failure.again());
        }
        match self.pending {
            Pending::Nothing => {}
            Pending::Close => {
                self.pending = Pending::Nothing;
                self.scope.close();
            }
            Pending::End => {
                self.pending = Pending::Close;
                return Ok(Step::End);
            }
        }
        match self.read() {
            Ok(step) => Ok(step),
            Err(error) => Err(self.fail(error)),
        }
    }

    #[cold]
    fn fail(&mut self, error: XmlError) -> XmlError {
        self.failure = Some(error.again());
        error
    }

    fn read(&mut self) -> Result<Step, XmlError> {
        loop {
            let source = self.source_mut();
            source.look_ahead(1);
            source.begin_event();
            let Some(&first) = source.rest_bytes().first() else {
                return self.end_of_input();
            };
            let step = match first {
                _ if self.in_cdata => self.cdata()?,
                b'<' => self.markup()?,
                _ if self.scope.depth() == 0 => self.outside_root()?,
                b'&' => self.reference()?,
                _ => self.text()?,
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    fn end_of_input(&mut self) -> Result<Step, XmlError> {
        let rule = if self.in_cdata {
            rules::CDATA_NOT_CLOSED
        } else if self.scope.depth() > 0 {
            rules::ELEMENT_NOT_CLOSED
        } else if !self.root_seen {
            rules::NO_ROOT
        } else {
            if let Some(error) = self.fault() {
                return Err(error);
            }
            return Ok(Step::Eof);
        };
        Err(self.fault().unwrap_or_else(|| self.broken(rule)))
    }

    /// What is wrong with the input where the text in hand ends, if that is why there is no more.
    #[cold]
    fn fault(&mut self) -> Option<XmlError> {
        let at = self.source().end_position();
        Some(match self.source_mut().take_fault()? {
            Fault::Character => XmlError::NotWellFormed { rule: rules::ILLEGAL_CHARACTER, at },
            Fault::Encoding(error) => XmlError::Encoding(error, at),
            Fault::Io(error) => XmlError::Io(error),
        })
    }

    /// A rule broken where the current event starts.
    #[cold]
    fn broken(&self, rule: &'static str) -> XmlError {
        XmlError::NotWellFormed { rule, at: self.source().event_position() }
    }

    /// A rule broken at a byte of the current event.
    #[cold]
    fn broken_inside(&self, rule: &'static str, at: usize) -> XmlError {
        XmlError::NotWellFormed { rule, at: self.source().position_inside(at) }
    }

    /// A limit passed by the current event.
    #[cold]
    fn over(&self, which: &'static str, max: u64) -> XmlError {
        XmlError::Limit { which, max, at: self.source().event_position() }
    }
}
