//! A document's events held against a grammar (part 1 §3.3.4, §3.4.4, §5.2).
//!
//! [`Assessor`] is a push machine: `start`, `text` and `end` as the document has them, then `finish`. Everything that
//! grows with the document's depth is a stack that is used again; keys and identifiers are kept as fingerprints, as many
//! as a cap allows.

mod attributes;
mod bindings;
mod child;
mod document;
mod fingerprint;
mod frame;
mod habit;
mod identifiers;
mod identity;
mod leave;
mod prints;
mod record;
mod recovery;
mod report;
mod sites;
mod start;

use std::collections::HashSet;

use sekisho_datatypes::{Scratch, TypeId};
use sekisho_xml::Position;

use super::grammar::{ElementId, Grammar};
use super::names::{NamespaceId, secret};
use crate::facts::TypeFacts;
use crate::wording::Shown;
pub(crate) use attributes::public_code;
use bindings::Bindings;
pub(crate) use document::{Bounds, check};
use fingerprint::Fingerprints;
use frame::Frame;
use habit::Habits;
use identifiers::Identifiers;
use identity::Identity;
use prints::Room;
use record::Again;
use recovery::Recoveries;
use report::Findings;
use sites::Paths;

/// What a check needs beside the document.
#[derive(Clone, Copy)]
pub(crate) struct Basis<'g> {
    pub(crate) grammar: &'g Grammar,
    /// Names that may be repeated to users.
    pub(crate) declared: &'g HashSet<Box<str>>,
    /// What is known of a simple type, for words.
    pub(crate) facts: &'g dyn Fn(TypeId) -> Option<&'g TypeFacts>,
}

/// Why a document is not assessed further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// More than the named limit allows.
    Limit(&'static str, u64),
    /// The content model is open in too many ways.
    TooManyWays,
    /// Enough violations.
    Enough,
}

/// What a document's root is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// The global declaration of its name.
    Declared,
    /// This declaration.
    Element(ElementId),
}

/// Room that one document after the other uses.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    frames: Vec<Frame>,
    /// Words of content models' states, innermost last.
    words: Vec<u32>,
    /// For each open element, how many children there were of each name of its model.
    counts: Vec<u32>,
    text: String,
    bindings: Bindings,
    scratch: Scratch,
    key: Vec<u8>,
    seen: Vec<bool>,
    /// The namespace that was met last, which is mostly the next one, too.
    last_uri: String,
    last_namespace: Option<NamespaceId>,
    findings: Findings,
    recoveries: Recoveries,
    again: Again,
    fingerprints: Option<Fingerprints>,
    identity: Identity,
    identifiers: Identifiers,
    paths: Paths,
    /// For keys, identifiers and references to them.
    room: Room,
    habits: Habits,
}

/// A document under assessment.
pub(crate) struct Assessor<'g, 'm> {
    basis: Basis<'g>,
    grammar: &'g Grammar,
    root: Root,
    memory: &'m mut Memory,
    /// The most bytes of text in one element.
    max_text: usize,
    /// Whether values are told.
    shown: Shown,
}

impl<'g, 'm> Assessor<'g, 'm> {
    pub(crate) fn new(basis: Basis<'g>, root: Root, memory: &'m mut Memory, bounds: &Bounds) -> Self {
        memory.clear(bounds);
        Assessor { basis, grammar: basis.grammar, root, memory, max_text: bounds.text, shown: bounds.shown }
    }

    /// Says where the start tag is that `start` has taken.
    pub(crate) fn place(&mut self, at: Position) {
        if let Some(frame) = self.memory.frames.last_mut() {
            (frame.line, frame.column, frame.byte) = (at.line, at.column, at.byte);
        }
        self.memory.findings.place(at);
        self.place_references();
    }

    /// Says where the piece of character data is that `text` has taken: its first character that is no white space, and its
    /// first one.
    pub(crate) fn place_text(&mut self, text: impl FnOnce() -> Position, all: impl FnOnce() -> Position) {
        self.memory.findings.place_text(text, all);
    }

    /// Takes a piece of character data. [`Assessor::place_text`] says afterwards where it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Stop> {
        use super::grammar::Content;
        let Some(frame) = self.memory.frames.last_mut() else { return Ok(()) };
        if frame.skip {
            return Ok(());
        }
        let first = !frame.has_text;
        frame.has_text = true;
        match frame.content {
            Content::Simple(_) if !frame.nil => {}
            Content::Mixed(_) if !frame.nil => {
                self.keep_mixed(text, first);
                return Ok(());
            }
            // Between elements white space may stand, in what is nil no character at all (§3.3.4, clause 3.2.1).
            Content::Elements(_) if !frame.nil => {
                if !frame.told_text && text.bytes().any(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
                {
                    frame.told_text = true;
                    self.report_text("cvc-complex-type.2.3");
                }
                return Ok(());
            }
            Content::Empty | Content::Simple(_) | Content::Elements(_) | Content::Mixed(_) => {
                if !frame.told_text {
                    frame.told_text = true;
                    let code = if frame.nil { "cvc-elt.3.2.1" } else { "cvc-complex-type.2.1" };
                    self.report_text(code);
                }
                return Ok(());
            }
        }
        let begin = frame.text as usize;
        if first {
            self.memory.text.truncate(begin);
        }
        if self.memory.text.len() - begin + text.len() > self.max_text {
            return Err(Stop::Limit("bytes of text in one element", self.max_text as u64));
        }
        self.memory.text.push_str(text);
        Ok(())
    }

    /// Keeps so much of the text of mixed content that a fixed value can be told from it. Where there is an element, too, it
    /// is another one (part 1 §3.3.4, clause 5.2.2.1).
    fn keep_mixed(&mut self, text: &str, first: bool) {
        let Some(frame) = self.memory.frames.last().filter(|frame| !frame.has_children) else { return };
        let value = frame.element.and_then(|element| self.grammar.elements[element.index()].value.as_ref());
        let Some(fixed) = value.filter(|value| value.fixed) else { return };
        let (kept, begin) = (&mut self.memory.text, frame.text as usize);
        if first {
            kept.truncate(begin);
        }
        let room = (fixed.text.len() + 1).saturating_sub(kept.len() - begin);
        let end = (room..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
        kept.push_str(&text[..end]);
    }

    /// Takes the end of the document: references that lead nowhere.
    pub(crate) fn finish(&mut self) {
        let lost = self.memory.identifiers.dangling(self.untold());
        self.report_lost("cvc-id.1", &lost);
    }

    fn fingerprints(&mut self) -> Fingerprints {
        *self.memory.fingerprints.get_or_insert_with(|| Fingerprints::new(secret()))
    }
}

impl Memory {
    /// How many violations the last document had, as far as it was checked.
    pub(crate) fn found(&self) -> u64 {
        self.findings.count
    }

    fn clear(&mut self, bounds: &Bounds) {
        self.frames.clear();
        self.words.clear();
        self.counts.clear();
        self.text.clear();
        self.text.shrink_to(1 << 16);
        self.bindings.clear();
        self.last_namespace = None;
        self.findings.clear(bounds.reported, bounds.counted);
        self.recoveries.renew();
        self.again.clear();
        self.identity.clear();
        self.identifiers.clear();
        self.paths.clear();
        self.room = Room::default();
        self.habits.clear(bounds.habits);
    }
}
