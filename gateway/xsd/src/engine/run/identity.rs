//! Keys, uniqueness and references to keys (part 1 §3.11.4, §3.11.5).
//!
//! A *scope* is an element that carries a constraint, as long as it is open; a *selection* an element that the
//! constraint's selector picks, as long as it is open. Both follow their paths down the tree with a word of bits for
//! each path and level: bit `i` says that `i` steps have led here. What was selected is kept as fingerprints.

mod references;
mod scope;
mod tables;

use super::fingerprint::Fingerprint;
use super::frame::Frame;
use super::habit::Made;
use super::identifiers::Lost;
use super::leave::Value;
use super::{Assessor, Stop};
use crate::engine::grammar::{ConstraintId, ConstraintKind, Grammar};
use crate::engine::names::Found;
use scope::{Descent, Field, Scope, Selection};
use tables::Tables;

/// The most scopes and selections that are open at once.
const MAX_OPEN: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Identity {
    scopes: Vec<Scope>,
    selections: Vec<Selection>,
    /// Selections that are over, to be used again.
    spare: Vec<Selection>,
    tables: Tables,
}

/// A violation that an identity constraint found.
struct Breach(&'static str);

impl Identity {
    pub(super) fn clear(&mut self) {
        self.scopes.clear();
        self.spare.append(&mut self.selections);
        self.tables.clear();
    }

    #[inline]
    pub(super) fn is_active(&self) -> bool {
        !self.scopes.is_empty()
    }

    /// Whether an element that a constraint has selected is open.
    pub(super) fn selects(&self) -> bool {
        !self.selections.is_empty()
    }

    /// Whether the element at `depth`, the innermost, carries constraints, or another one is selected.
    pub(super) fn is_watched_closely(&self, depth: u32) -> bool {
        self.scopes.last().is_some_and(|scope| scope.depth >= depth)
            || self.selections.iter().any(|selection| selection.depth < depth)
    }

    pub(super) fn tables(&mut self) -> &mut Tables {
        &mut self.tables
    }

    /// An element that nothing looks into.
    #[inline]
    pub(super) fn skip(&mut self) {
        if self.is_active() {
            self.scopes.iter_mut().for_each(|scope| scope.descent.skip());
            self.selections.iter_mut().for_each(|selection| selection.descent.skip());
        }
    }

    pub(super) fn end_skipped(&mut self) {
        self.scopes.iter_mut().for_each(|scope| scope.descent.ascend());
        self.selections.iter_mut().for_each(|selection| selection.descent.ascend());
    }

    /// Takes an element at `depth`, its own constraints among them; true when its value is wanted.
    pub(super) fn start(
        &mut self,
        grammar: &Grammar,
        depth: u32,
        found: Found,
        constraints: &[ConstraintId],
    ) -> Result<bool, Stop> {
        for selection in &mut self.selections {
            let fields = &grammar.constraints[selection.constraint.index()].fields;
            selection.descent.descend(fields.iter().flatten(), found);
        }
        let before = self.selections.len();
        for index in 0..self.scopes.len() {
            let scope = &mut self.scopes[index];
            let paths = &grammar.constraints[scope.constraint.index()].selector;
            scope.descent.descend(paths.iter(), found);
            if scope.descent.arrives(paths.iter()) {
                self.select(grammar, index, depth)?;
            }
        }
        for &constraint in constraints {
            let mut descent = Descent::default();
            let paths = &grammar.constraints[constraint.index()].selector;
            descent.begin(paths.len());
            let arrives = descent.arrives(paths.iter());
            self.scopes.push(Scope { constraint, depth, descent, table: self.tables.open() });
            if arrives {
                self.select(grammar, self.scopes.len() - 1, depth)?;
            }
        }
        if self.scopes.len() + self.selections.len() > MAX_OPEN {
            return Err(Stop::Limit(
                "identity constraints and elements that they select, open at once",
                MAX_OPEN as u64,
            ));
        }
        debug_assert!(before <= self.selections.len());
        let mut wanted = false;
        for selection in &mut self.selections {
            let fields = &grammar.constraints[selection.constraint.index()].fields;
            wanted |= selection.expect(fields, depth);
        }
        Ok(wanted)
    }

    fn select(&mut self, grammar: &Grammar, scope: usize, depth: u32) -> Result<(), Stop> {
        let constraint = self.scopes[scope].constraint;
        let fields = &grammar.constraints[constraint.index()].fields;
        let mut selection = self.spare.pop().unwrap_or_default();
        selection.begin(constraint, scope, depth, fields.len(), fields.iter().map(Vec::len).sum());
        self.selections.push(selection);
        Ok(())
    }
}

impl Assessor<'_, '_> {
    /// An attribute of the innermost element: `None` when it is not assessed, `Some(None)` when its value is not known.
    pub(super) fn field_of_attribute(&mut self, found: Found, value: Option<Option<Fingerprint>>) {
        let mut repeated = 0;
        for selection in &mut self.memory.identity.selections {
            let fields = &self.grammar.constraints[selection.constraint.index()].fields;
            repeated += selection.attribute(fields, found, value);
        }
        (0..repeated).for_each(|_| self.report_here("cvc-identity-constraint.4.2.1"));
    }

    /// The innermost element ends: its value for fields, its selections, its scopes.
    pub(super) fn leave_identity(&mut self, frame: &Frame, value: Value) -> Result<(), Stop> {
        let depth = self.memory.frames.len() as u32;
        let nillable = frame.element.is_some_and(|element| self.grammar.elements[element.index()].nillable);
        let mut breaches = Vec::new();
        let grammar = self.grammar;
        if frame.is_field {
            let leaf = self.memory.habits.leaf();
            for selection in &mut self.memory.identity.selections {
                let kind = grammar.constraints[selection.constraint.index()].kind;
                selection.take(depth, value, leaf, nillable, |what| {
                    breaches.push(Breach(match what {
                        Field::Repeated => "cvc-identity-constraint.4.2.1",
                        Field::Complex => "cvc-identity-constraint.4",
                        Field::Nillable if kind == ConstraintKind::Key => "cvc-identity-constraint.4.2.3",
                        Field::Nillable => return false,
                    }));
                    true
                });
            }
        }
        self.report_breaches(&mut breaches);
        while self.memory.identity.selections.last().is_some_and(|selection| selection.depth == depth) {
            let Some(selection) = self.memory.identity.selections.pop() else { break };
            self.settle(&selection, &mut breaches)?;
            self.memory.identity.spare.push(selection);
        }
        self.report_breaches(&mut breaches);
        let identity = &self.memory.identity;
        if identity.scopes.last().is_some_and(|scope| scope.depth == depth) || identity.tables.any_at(depth) {
            self.close_scopes(depth)?;
        }
        let identity = &mut self.memory.identity;
        identity.scopes.iter_mut().for_each(|scope| scope.descent.ascend());
        identity.selections.iter_mut().for_each(|selection| selection.descent.ascend());
        Ok(())
    }

    fn report_breaches(&mut self, breaches: &mut Vec<Breach>) {
        breaches.drain(..).for_each(|breach| self.report_here(breach.0));
    }

    /// A selected element's fields are all known.
    fn settle(&mut self, selection: &Selection, breaches: &mut Vec<Breach>) -> Result<(), Stop> {
        let kind = self.grammar.constraints[selection.constraint.index()].kind;
        if selection.spoiled() {
            return Ok(());
        }
        let Some(values) = selection.values() else {
            if kind == ConstraintKind::Key {
                breaches.push(Breach("cvc-identity-constraint.4.2.1"));
            }
            return Ok(());
        };
        let sequence = self.fingerprints().of_all(values);
        let identity = &mut self.memory.identity;
        let table = identity.scopes[selection.scope].table;
        match kind {
            ConstraintKind::Keyref => {
                // Where a reference stands is kept, and not known of what is passed over.
                self.memory.habits.forgo();
                self.site();
                let memory = &mut *self.memory;
                memory.identity.tables.refer(table, sequence, memory.paths.row(), &mut memory.room)?;
            }
            ConstraintKind::Key | ConstraintKind::Unique => {
                self.memory.habits.note_key(|| Made { table, values: selection.written().collect() });
                if !identity.tables.define(table, sequence, &mut self.memory.room)? {
                    let repeats = if kind == ConstraintKind::Key {
                        "cvc-identity-constraint.4.2.2"
                    } else {
                        "cvc-identity-constraint.4.1"
                    };
                    breaches.push(Breach(repeats));
                }
            }
        }
        Ok(())
    }

    /// The constraints of the element at `depth` are over: references are followed, tables handed up.
    fn close_scopes(&mut self, depth: u32) -> Result<(), Stop> {
        let grammar = self.grammar;
        let first = self.memory.identity.scopes.partition_point(|scope| scope.depth < depth);
        let closing: Vec<Scope> = self.memory.identity.scopes.drain(first..).collect();
        let mut lost = Lost::new(self.untold());
        let (identity, room) = (&mut self.memory.identity, &mut self.memory.room);
        let (keyrefs, keys): (Vec<Scope>, Vec<Scope>) = closing
            .into_iter()
            .partition(|scope| grammar.constraints[scope.constraint.index()].kind == ConstraintKind::Keyref);
        for scope in keys {
            let referred = grammar.constraints[scope.constraint.index()].referred;
            identity.tables.close_key(scope.table, scope.constraint, depth, referred, room)?;
        }
        for scope in keyrefs {
            let refer = grammar.constraints[scope.constraint.index()].refer;
            identity.tables.close_keyref(scope.table, refer, depth, room, &mut lost);
        }
        let scopes = &identity.scopes;
        identity.tables.hand_up(depth, room, |constraint| {
            scopes.iter().any(|scope| grammar.constraints[scope.constraint.index()].refer == Some(constraint))
        })?;
        self.report_lost("cvc-identity-constraint.4.3", &lost);
        Ok(())
    }
}
