//! An element ends: its content is complete, its value is one of its type (part 1 §3.3.4 clauses 5 to 7).

use sekisho_datatypes::{Builtin, TypeId};

use super::frame::Frame;
use super::{Assessor, Stop};
use crate::engine::grammar::{Content, ValueConstraint};

/// The value of an element, as far as identity constraints are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Known(u128),
    /// There is one, but it is not valid: that was said.
    Bad,
    /// Nil.
    Absent,
    /// The element has no simple content.
    Complex,
}

impl Assessor<'_, '_> {
    /// Takes an end tag.
    pub(crate) fn end(&mut self) -> Result<(), Stop> {
        let Some(&frame) = self.memory.frames.last() else { return Ok(()) };
        if !frame.skip {
            self.leave(&frame)?;
        } else if self.memory.identity.is_active() {
            self.memory.identity.end_skipped();
        }
        let memory = &mut *self.memory;
        memory.frames.pop();
        memory.text.truncate(frame.text as usize);
        memory.counts.truncate(frame.counts as usize);
        memory.bindings.truncate(frame.bindings);
        if frame.content.model().is_some() {
            memory.words.truncate(frame.state.words());
        }
        Ok(())
    }

    fn leave(&mut self, frame: &Frame) -> Result<(), Stop> {
        let mut value = Value::Complex;
        match frame.content {
            Content::Simple(_) if frame.nil => value = Value::Absent,
            _ if frame.nil => {}
            Content::Elements(model) | Content::Mixed(model) => {
                let model = &self.grammar.models[model.index()];
                if !model.accepts(frame.state, &self.memory.words) {
                    self.incomplete();
                }
                if frame.keeps_text {
                    self.value_of_mixed(frame);
                }
            }
            Content::Simple(ty) => value = self.simple_value(frame, ty)?,
            Content::Empty if frame.keeps_text => self.value_of_mixed(frame),
            Content::Empty => {}
        }
        if self.memory.identity.is_active() {
            self.leave_identity(frame, value)?;
        }
        Ok(())
    }

    /// Simple content: the text, or what an empty element stands for.
    fn simple_value(&mut self, frame: &Frame, ty: TypeId) -> Result<Value, Stop> {
        if frame.told_children {
            return Ok(Value::Bad);
        }
        let grammar = self.grammar;
        let constraint = frame.element.and_then(|element| grammar.elements[element.index()].value.as_ref());
        let empty = !frame.has_text && !frame.has_children;
        if let Some(constraint) = constraint.filter(|_| empty) {
            return self.supplied(frame, ty, constraint);
        }
        let fixed = constraint.filter(|constraint| constraint.fixed);
        let begin = frame.text as usize;
        let memory = &mut *self.memory;
        let text = &memory.text[begin..];
        let simple = &self.grammar.simple;
        memory.key.clear();
        let checked = if frame.is_field || fixed.is_some() {
            simple.value_key(ty, text, &memory.bindings, &mut memory.scratch, &mut memory.key).map(drop)
        } else {
            simple.check(ty, text, &memory.bindings, &mut memory.scratch).map(drop)
        };
        if let Err(fault) = checked {
            let text = std::mem::take(&mut self.memory.text);
            self.report_value(&fault, ty, &text[begin..], None);
            self.memory.text = text;
            return Ok(Value::Bad);
        }
        if let Some(fixed) = fixed
            && !self.is_fixed(frame, ty, fixed)
        {
            self.report_here("cvc-elt.5.2.2");
        }
        if simple.ids(ty).any() {
            let text = std::mem::take(&mut self.memory.text);
            let noted = self.identifiers_in(ty, &text[begin..]);
            self.memory.text = text;
            self.place_references();
            if noted? {
                self.report_here("cvc-simple-type");
                return Ok(Value::Bad);
            }
        }
        Ok(if frame.is_field { Value::Known(self.fingerprints().of(&self.memory.key)) } else { Value::Bad })
    }

    /// An empty element takes its default or fixed value.
    fn supplied(&mut self, frame: &Frame, ty: TypeId, constraint: &ValueConstraint) -> Result<Value, Stop> {
        let memory = &mut *self.memory;
        memory.key.clear();
        let bindings = &constraint.namespaces;
        let taken = self.grammar.simple.value_key(
            ty,
            &constraint.text,
            bindings,
            &mut memory.scratch,
            &mut memory.key,
        );
        let same = match &constraint.key {
            Some(key) if taken.is_ok() => **key == *memory.key || self.is_untyped(frame),
            _ => true,
        };
        if taken.is_err() || !same {
            // In its own type the value was checked with the schema: here an xsi:type has brought another.
            self.report_here("cvc-elt.5.1.1");
            return Ok(Value::Bad);
        }
        let noted = self.identifiers_in(ty, &constraint.text);
        self.place_references();
        if noted? {
            self.report_here("cvc-simple-type");
            return Ok(Value::Bad);
        }
        Ok(if frame.is_field { Value::Known(self.fingerprints().of(&self.memory.key)) } else { Value::Bad })
    }

    /// Whether the value just read, in `Memory::key`, is the fixed one.
    fn is_fixed(&mut self, frame: &Frame, ty: TypeId, fixed: &ValueConstraint) -> bool {
        if let Some(key) = fixed.key.as_ref().filter(|_| !self.is_untyped(frame)) {
            return **key == *self.memory.key;
        }
        // Where the declared type has no values of its own, the governing one says what the fixed text means.
        let memory = &mut *self.memory;
        let own = memory.key.len();
        let bindings = &fixed.namespaces;
        let taken =
            self.grammar.simple.value_key(ty, &fixed.text, bindings, &mut memory.scratch, &mut memory.key);
        let same = taken.is_ok() && memory.key[..own] == memory.key[own..];
        memory.key.truncate(own);
        same
    }

    /// Whether the declared type is one whose values are mere text.
    fn is_untyped(&self, frame: &Frame) -> bool {
        let declared = frame.element.map(|element| self.grammar.elements[element.index()].ty);
        declared.is_some_and(|ty| match self.grammar.types[ty.index()].content {
            Content::Simple(ty) => ty == Builtin::AnySimpleType.id(),
            _ => true,
        })
    }

    /// A default or fixed value where the content is not simple.
    fn value_of_mixed(&mut self, frame: &Frame) {
        let Some(element) = frame.element else { return };
        let Some(constraint) = &self.grammar.elements[element.index()].value else { return };
        let empty = !frame.has_text && !frame.has_children;
        if !matches!(frame.content, Content::Mixed(_)) {
            // Only an xsi:type brings such content to an element that has a value.
            if empty {
                self.report_here("cvc-elt.5.1.1");
            }
            return;
        }
        if !constraint.fixed || empty {
            return;
        }
        if frame.has_children {
            self.report_here("cvc-elt.5.2.2.1");
        } else if self.memory.text.get(frame.text as usize..) != Some(&*constraint.text) {
            self.report_here("cvc-elt.5.2.2.2");
        }
    }
}
