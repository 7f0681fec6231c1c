//! What is found, told without a value.

use super::identifiers::Lost;
use super::{Assessor, Stop};
use crate::engine::names::{NameId, Names};
use crate::violation::Violation;
use crate::wording::{self, Wording};
use sekisho_xml::Position;

/// Violations that wait to be handed on.
#[derive(Debug, Default)]
pub(super) struct Findings {
    waiting: Vec<Violation>,
    pub(super) count: u64,
    reported: u64,
    counted: u64,
    /// How many of those that wait have their place.
    placed: usize,
}

impl Findings {
    pub(super) fn clear(&mut self, reported: u64, counted: u64) {
        *self =
            Findings { waiting: std::mem::take(&mut self.waiting), reported, counted, ..Findings::default() };
        self.waiting.clear();
    }

    pub(super) fn place(&mut self, at: Position) {
        for violation in self.waiting.iter_mut().filter(|violation| violation.line == Some(0)) {
            (violation.line, violation.column) = (Some(at.line), Some(at.column));
            violation.byte = Some(at.byte);
        }
        self.placed = self.waiting.len();
    }

    /// As [`Findings::place`], where the place is not asked for unless it is needed: of the text, or where white space is
    /// out of place, too, of all of it.
    pub(super) fn place_text(&mut self, text: impl FnOnce() -> Position, all: impl FnOnce() -> Position) {
        if let Some(violation) = self.waiting.iter().find(|violation| violation.line == Some(0)) {
            self.place(if violation.code == "cvc-complex-type.2.3" { text() } else { all() });
        }
    }

    /// Whether the next violation is told, not only counted.
    fn has_room(&self) -> bool {
        self.count < self.reported
    }

    fn add(&mut self, violation: impl FnOnce() -> Violation) {
        self.count += 1;
        if self.count <= self.reported {
            self.waiting.push(violation());
        }
    }
}

/// Names and numbers of elements from the root on, as they are told; `None` for none.
fn path(names: &Names, steps: impl Iterator<Item = (Option<NameId>, u64)>) -> Option<String> {
    let mut path = String::new();
    for (name, number) in steps {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name.map_or("*", |name| names.local(name)));
        if number > 0 {
            path.push_str(&format!("[{number}]"));
        }
    }
    Some(path).filter(|path| !path.is_empty())
}

impl Assessor<'_, '_> {
    /// How many violations there were.
    pub(crate) fn violations(&self) -> u64 {
        self.memory.findings.count
    }

    /// Whether the next violation is told, not only counted.
    pub(super) fn reports(&self) -> bool {
        self.memory.findings.has_room()
    }

    /// How many more violations are told.
    pub(super) fn untold(&self) -> usize {
        let findings = &self.memory.findings;
        usize::try_from(findings.reported.saturating_sub(findings.count)).unwrap_or(usize::MAX)
    }

    /// Hands on what was found.
    pub(crate) fn tell(&mut self, sink: &mut dyn FnMut(Violation)) -> Result<(), Stop> {
        let findings = &mut self.memory.findings;
        if !findings.waiting.is_empty() {
            findings.waiting.drain(..).for_each(sink);
        }
        if findings.count >= findings.counted { Err(Stop::Enough) } else { Ok(()) }
    }

    /// A rule broken by the innermost element.
    pub(super) fn report_here(&mut self, code: &'static str) {
        let depth = self.memory.frames.len();
        self.report(code, depth);
    }

    /// A rule broken by the element at this depth, where it stands.
    pub(super) fn report(&mut self, code: &'static str, depth: usize) {
        self.report_with(code, depth, |field| wording::message(code, field, None));
    }

    /// A rule broken by an attribute of the innermost element, which is named only by a name from the schema.
    pub(super) fn report_attribute(&mut self, code: &'static str, name: Option<&str>) {
        let depth = self.memory.frames.len();
        self.report_with(code, depth, |field| wording::message(code, field, name));
    }

    /// A rule broken by the element at this depth, in words of its own.
    pub(super) fn report_with(
        &mut self,
        code: &'static str,
        depth: usize,
        words: impl FnOnce(Option<&str>) -> Wording,
    ) {
        let record = if self.reports() { self.record(depth) } else { None };
        let basis = self.basis;
        let memory = &mut *self.memory;
        let frames = &memory.frames[..depth];
        memory.findings.add(|| {
            let last = frames.last();
            let shown = |name: Option<NameId>| name.map(|name| basis.grammar.names.local(name));
            let field = last.and_then(|frame| shown(frame.name));
            let steps = frames.iter().map(|frame| (frame.name, u64::from(frame.position)));
            let Wording { message, expected, found } = words(field);
            Violation {
                code,
                field: field.map(str::to_owned),
                path: path(&basis.grammar.names, steps),
                record,
                line: last.map(|frame| frame.line),
                column: last.map(|frame| frame.column),
                byte: last.map(|frame| frame.byte),
                expected,
                found,
                message: message.en,
                message_ja: message.ja,
            }
        });
    }

    /// A rule broken by a child of the innermost element, at the child's start tag, which is yet to be placed.
    pub(super) fn report_child(&mut self, child: Option<&str>, words: impl FnOnce(Option<&str>) -> Wording) {
        let depth = self.memory.frames.len();
        let waiting = self.memory.findings.waiting.len();
        self.report_with("cvc-complex-type.2.4", depth, words);
        if let Some(violation) = self.memory.findings.waiting.get_mut(waiting) {
            violation.field = child.map(str::to_owned);
            (violation.line, violation.column) = (Some(0), Some(0));
        }
    }

    /// Text out of place in the innermost element, where the text is, which is yet to be told.
    pub(super) fn report_text(&mut self, code: &'static str) {
        let waiting = self.memory.findings.waiting.len();
        self.report_here(code);
        if let Some(violation) = self.memory.findings.waiting.get_mut(waiting) {
            (violation.line, violation.column) = (Some(0), Some(0));
        }
    }

    /// Something missing at the end of the element at this depth.
    pub(super) fn report_gap(
        &mut self,
        name: &str,
        depth: usize,
        words: impl FnOnce(Option<&str>) -> Wording,
    ) {
        let waiting = self.memory.findings.waiting.len();
        self.report_with("cvc-complex-type.2.4", depth, words);
        if let Some(violation) = self.memory.findings.waiting.get_mut(waiting) {
            violation.field = Some(name.to_owned());
        }
    }

    /// A rule broken by elements that are long gone.
    pub(super) fn report_lost(&mut self, code: &'static str, lost: &Lost) {
        lost.first.iter().for_each(|row| self.report_at(code, row));
        self.memory.findings.count += lost.all.saturating_sub(lost.first.len() as u64);
    }

    /// A rule broken by the element with this site.
    fn report_at(&mut self, code: &'static str, row: &[u64]) {
        let (basis, memory) = (self.basis, &mut *self.memory);
        let site = memory.paths.site(row);
        memory.findings.add(|| {
            let names = &basis.grammar.names;
            let field = site.steps().last().and_then(|(name, _)| Some(names.local(name?)));
            let Wording { message, expected, found } = wording::message(code, field, None);
            Violation {
                code,
                field: field.map(str::to_owned),
                path: path(names, site.steps()),
                record: site.record,
                line: Some(site.at.line),
                column: Some(site.at.column),
                byte: Some(site.at.byte),
                expected,
                found,
                message: message.en,
                message_ja: message.ja,
            }
        });
    }

    /// A name that may be repeated: one that the schema declares, in whatever namespace the document has it.
    pub(super) fn shown<'n>(&self, local: &'n str) -> Option<&'n str> {
        self.basis.declared.contains(local).then_some(local)
    }
}
