//! Elements that are written like their siblings before them, verified by comparing.
//!
//! An element that comes again and again (a record) is learnt from once it has been read and found valid: the bytes
//! between its values, and the type of each value. A sibling ahead with the same bytes in between has the same tags,
//! attributes and namespaces; if its parent's content model takes it and its values are of their types, it is valid, and
//! it is passed over. Anything else is read as ever, with the same verdict and the same words.

mod keys;

use std::collections::HashMap;
use std::io::BufRead;

use sekisho_datatypes::{Builtin, NoNamespaces, TypeId, Types, Variety};
use sekisho_xml::Reader;
use sekisho_xml::expect::{Expectation, Value, WayId};

use super::Assessor;
use super::bindings::Bindings;
use super::fingerprint::Fingerprint;
use crate::engine::content::{Step, What};
use crate::engine::grammar::{Content, ElementId};
use crate::engine::names::Found;
use keys::Effects;
pub(super) use keys::{Made, Written};

/// The longest element that is learnt from, in bytes.
const MAX_ELEMENT: usize = 64 * 1024;
/// Ways that all known walks of one habit have together.
const MAX_STEPS: usize = 64 * 1024;
/// White space that is passed over before an element.
const MAX_SPACE: usize = 4096;
/// After so many elements in a row that were not as expected, only one in as many is looked at so.
const PATIENCE: u32 = 64;
/// Text that is looked at for an element when none of its kind has been learnt from.
const FIRST_LOOK: usize = 8 * 1024;

/// What is known of a value: its type, or that there is none and no text either.
type Label = Option<TypeId>;

/// What is known of a document's elements.
#[derive(Debug, Default)]
pub(super) struct Habits {
    habits: Vec<Habit>,
    /// The most of them.
    max: usize,
    /// Elements that were passed over.
    pub(super) passed: u64,
    lesson: Option<Lesson>,
    /// Of the last lesson, to be used again.
    text: String,
    labels: Vec<Label>,
    values: Vec<Value<Label>>,
    walk: Vec<WayId>,
    /// For each type, single ASCII characters that are values of it: a bit each.
    singles: Vec<u128>,
    /// The keys of the element ahead, with their tables, and the values of one of them.
    keys: Vec<(usize, Fingerprint)>,
    parts: Vec<Fingerprint>,
}

/// How the children of one parent are written.
#[derive(Debug)]
struct Habit {
    /// Elements open around them.
    depth: usize,
    /// The start tag of the parent, by its place, and what prefixes mean there.
    parent: (u64, u64),
    bindings: Bindings,
    element: ElementId,
    found: Found,
    expectation: Expectation<Label>,
    /// Walks through elements that were found valid, and what each does to identity constraints.
    walks: HashMap<Box<[WayId]>, usize>,
    effects: Effects,
    /// Constraints are open around the parent: what is known of walks is true below it only.
    watched: bool,
    steps: usize,
    /// The walk that was met last, which most elements share.
    last: (Vec<WayId>, usize),
    longest: usize,
    disappointments: u32,
}

/// An element that is being read and may be learnt from.
#[derive(Debug)]
struct Lesson {
    /// Elements open with it.
    depth: usize,
    element: ElementId,
    found: Found,
    /// Where its start tag begins.
    from: u64,
    /// What had been found before it.
    before: Mark,
    made: Vec<Made>,
}

/// What an element must not change if one like it may be passed over: violations, identifiers and references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64, (usize, usize));

impl Habits {
    pub(super) fn clear(&mut self, max: usize) {
        *self = Habits { max, text: std::mem::take(&mut self.text), ..Habits::default() };
    }

    fn at(&mut self, depth: usize) -> Option<usize> {
        self.habits.iter().position(|habit| habit.depth == depth)
    }
}

impl Habit {
    fn is_tired(&mut self) -> bool {
        let tired = self.disappointments > PATIENCE && !self.disappointments.is_multiple_of(PATIENCE);
        self.disappointments = self.disappointments.wrapping_add(u32::from(tired));
        tired
    }

    /// What a walk does, if it is known.
    fn effect(&mut self, walk: &[WayId]) -> Option<usize> {
        if self.last.0 == walk {
            return Some(self.last.1);
        }
        let effect = *self.walks.get(walk)?;
        self.last.0.clear();
        self.last.0.extend_from_slice(walk);
        self.last.1 = effect;
        Some(effect)
    }

    fn remember(&mut self, walk: &[WayId], made: Vec<Made>) {
        if self.steps + walk.len() > MAX_STEPS {
            self.forget();
        }
        let Some(effect) = self.effects.number(made) else { return };
        if self.walks.insert(walk.into(), effect).is_none() {
            self.steps += walk.len();
        }
    }

    /// Forgets the walks, not how elements are written.
    fn forget(&mut self) {
        self.walks.clear();
        self.effects.clear();
        self.last.0.clear();
        self.steps = 0;
    }

    /// Goes on below another parent.
    fn move_to(&mut self, parent: (u64, u64), watched: bool) {
        if self.parent != parent && (watched || self.watched) {
            self.forget();
        }
        (self.parent, self.watched) = (parent, watched);
    }
}

impl Assessor<'_, '_> {
    /// Takes the element ahead, if it is written as expected and valid; it is then passed over. Otherwise nothing has
    /// happened. Meant for between two events.
    pub(super) fn takes_ahead<R: BufRead>(&mut self, reader: &mut Reader<R>) -> bool {
        if self.memory.habits.habits.is_empty() || self.memory.habits.lesson.is_some() {
            return false;
        }
        let depth = self.memory.frames.len();
        let Some(at) = self.memory.habits.at(depth) else { return false };
        let Some(length) = self.expected(at, reader) else {
            let habit = &mut self.memory.habits.habits[at];
            habit.disappointments = habit.disappointments.wrapping_add(1);
            return false;
        };
        self.memory.habits.habits[at].disappointments = 0;
        self.memory.habits.passed += 1;
        reader.pass(length);
        true
    }

    /// The length of the element ahead and of the white space before it, if it is valid. The parent's content has then
    /// taken it.
    fn expected<R: BufRead>(&mut self, at: usize, reader: &mut Reader<R>) -> Option<usize> {
        let memory = &mut *self.memory;
        let habits = &mut memory.habits;
        let habit = &mut habits.habits[at];
        let parent = memory.frames.last_mut()?;
        let Content::Elements(model) = parent.content else { return None };
        if habit.is_tired() || parent.skip || parent.nil || memory.identity.selects() {
            return None;
        }
        if habit.parent != (parent.line, parent.column) {
            let watched = memory.identity.is_active() || habit.watched;
            if watched || habit.bindings != memory.bindings {
                return None;
            }
            habit.parent = (parent.line, parent.column);
        }
        let text = reader.ahead(2 * habit.longest);
        let element = text.trim_start_matches([' ', '\t', '\r', '\n']);
        let space = text.len() - element.len();
        if space > MAX_SPACE {
            return None;
        }
        let followed = habit.expectation.follow(element, &mut habits.values)?;
        habits.walk.clear();
        habits.walk.extend(habits.values.iter().map(|value| value.way).chain([followed.end]));
        let simple = &self.grammar.simple;
        let effect = habit.effect(&habits.walk)?;
        let valid = habits.values.iter().all(|value| {
            let text = &element[value.start..value.end];
            match value.label {
                None => text.is_empty(),
                Some(ty) => match *text.as_bytes() {
                    [single @ 0..0x80] => {
                        let known = &mut habits.singles[ty.index()];
                        *known >> single & 1 == 1 || {
                            let taken = simple.check(ty, text, &NoNamespaces, &mut memory.scratch).is_ok();
                            *known |= u128::from(taken) << single;
                            taken
                        }
                    }
                    _ => {
                        text.len() <= self.max_text
                            && simple.check(ty, text, &NoNamespaces, &mut memory.scratch).is_ok()
                    }
                },
            }
        });
        if !valid {
            return None;
        }
        let model = &self.grammar.models[model.index()];
        let symbol = model.symbol(habit.found).filter(|_| model.is_table())?;
        let mut state = parent.state;
        let taken = match model.step(&mut state, &mut memory.words, symbol) {
            Step::Taken(matched) => model.matches[matched as usize].what == What::Element(habit.element),
            Step::Refused | Step::TooMany => false,
        };
        let counted = ((symbol.0 as usize) < model.alphabet.names())
            .then_some(parent.counts as usize + symbol.0 as usize);
        if !taken {
            return None;
        }
        // Last, because it cannot be undone.
        self.make_keys(at, effect, element)?;
        let memory = &mut *self.memory;
        let parent = memory.frames.last_mut()?;
        (parent.state, parent.has_children) = (state, true);
        if let Some(counted) = counted {
            memory.counts[counted] += 1;
        }
        Some(space + followed.length)
    }

    /// How things stand.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.memory.findings.count, self.memory.identifiers.counts())
    }

    /// Begins to learn from the element whose start tag was taken last, if that is worth it: an element that comes again.
    /// `before` is how things stood before that.
    pub(super) fn begin_lesson<R: BufRead>(&mut self, before: Mark, reader: &mut Reader<R>) {
        let depth = self.memory.frames.len();
        let habits = &mut self.memory.habits;
        if habits.max == 0 {
            return;
        }
        let at = reader.position().byte;
        if let Some(lesson) = &habits.lesson {
            // What is inside an element that is too long may be learnt from instead.
            if at - lesson.from > MAX_ELEMENT as u64 {
                habits.forgo();
            }
            return;
        }
        let Some(frame) = self.memory.frames.last() else { return };
        let (Some(element), Some(name)) = (frame.element, frame.name) else { return };
        let is_parent = matches!(frame.content, Content::Elements(_));
        let watched = self.memory.identity.is_watched_closely(depth as u32);
        if frame.position < 2 || !is_parent || frame.skip || frame.nil || watched {
            return;
        }
        let known = habits.at(depth - 1);
        if known.is_some_and(|at| habits.habits[at].is_tired()) {
            return;
        }
        let look = known.map_or(FIRST_LOOK, |at| FIRST_LOOK.max(2 * habits.habits[at].longest));
        habits.text.clear();
        habits.text.push_str(reader.event_text());
        habits.text.push_str(reader.ahead(look));
        habits.labels.clear();
        habits.lesson = Some(Lesson {
            depth,
            element,
            found: Found { name: Some(name), namespace: self.grammar.names.namespace_of(name) },
            from: at,
            before,
            made: Vec::new(),
        });
    }

    /// Notes the innermost element, which is about to end, for the lesson that it is part of.
    pub(super) fn note_element(&mut self) {
        let habits = &mut self.memory.habits;
        if habits.lesson.is_none() {
            return;
        }
        let Some(frame) = self.memory.frames.last() else { return };
        // What has a default or fixed value keeps its text.
        let plain = !frame.skip && !frame.keeps_text && frame.ty.is_some();
        let label = match frame.content {
            _ if !plain => return habits.forgo(),
            _ if frame.has_children => return,
            Content::Simple(ty) if !frame.nil => Some(ty),
            _ if frame.has_text => return habits.forgo(),
            _ => None,
        };
        let simple = &self.grammar.simple;
        if label.is_some_and(|ty| simple.ids(ty).any() || has_names(simple, ty)) {
            return habits.forgo();
        }
        habits.labels.push(label);
    }

    /// Ends the lesson, if it was about the element that has just ended.
    pub(super) fn end_lesson<R: BufRead>(&mut self, reader: &Reader<R>) {
        let (depth, after) = (self.memory.frames.len(), self.mark());
        let memory = &mut *self.memory;
        let Some(lesson) = memory.habits.lesson.take_if(|lesson| lesson.depth == depth + 1) else { return };
        let same = lesson.before == after;
        let length = (reader.end_byte() - lesson.from) as usize;
        let Some(parent) = memory.frames.last().filter(|_| same && length <= MAX_ELEMENT) else { return };
        let habits = &mut memory.habits;
        habits.singles.resize(self.grammar.simple.count(), 0);
        let at = habits.habit(depth, &lesson, &memory.bindings);
        habits.habits[at].move_to((parent.line, parent.column), memory.identity.is_active());
        let Some(text) = habits.text.get(..length) else {
            // Longer than what was looked at: the next one is seen whole.
            habits.habits[at].longest = length;
            return;
        };
        let habit = &mut habits.habits[at];
        habit.expectation.learn(text, &habits.labels);
        habit.longest = habit.longest.max(length);
        if let Some(followed) = habit.expectation.follow(text, &mut habits.values)
            && followed.length == length
        {
            habits.walk.clear();
            habits.walk.extend(habits.values.iter().map(|value| value.way).chain([followed.end]));
            habit.remember(&habits.walk, lesson.made);
        }
    }
}

impl Habits {
    /// The habit that a lesson is for: the one at this depth, if it is about the same elements under the same bindings;
    /// else a new one in its place, or in that of the least successful.
    fn habit(&mut self, depth: usize, lesson: &Lesson, bindings: &Bindings) -> usize {
        let known = self.at(depth);
        if let Some(at) = known {
            let habit = &mut self.habits[at];
            if habit.element == lesson.element && habit.found == lesson.found && habit.bindings == *bindings {
                return at;
            }
        }
        let new = Habit {
            depth,
            parent: (0, 0),
            bindings: bindings.clone(),
            element: lesson.element,
            found: lesson.found,
            expectation: Expectation::default(),
            walks: HashMap::new(),
            effects: Effects::default(),
            watched: false,
            steps: 0,
            last: Default::default(),
            longest: 0,
            disappointments: 0,
        };
        let worst = || (0..self.habits.len()).max_by_key(|&at| self.habits[at].disappointments);
        match known.or_else(|| (self.habits.len() == self.max).then(worst).flatten()) {
            Some(at) => {
                self.habits[at] = new;
                at
            }
            None => {
                self.habits.push(new);
                self.habits.len() - 1
            }
        }
    }
}

/// Whether values of the type are names whose prefixes mean something.
fn has_names(simple: &Types, ty: TypeId) -> bool {
    match simple.variety(ty) {
        Variety::Atomic => matches!(simple.primitive(ty), Builtin::QName | Builtin::Notation),
        Variety::List(item) => has_names(simple, *item),
        Variety::Union(members) => members.iter().any(|&member| has_names(simple, member)),
    }
}

#[cfg(test)]
mod tests;
