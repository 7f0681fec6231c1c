//! What an element that is passed over means to the identity constraints around it.
//!
//! Where in an element the values of a key are written depends on its tags alone, and those are the same from one element
//! to the next. So it is learnt with them: which selections end in the element, and which of its values each took.
//! That holds below one parent, as long as nothing selected is open around the element.

use sekisho_datatypes::NoNamespaces;

use super::super::Assessor;
use super::super::fingerprint::{Fingerprint, Fingerprints};
use super::Habits;
use crate::engine::names::secret;

/// The most keys that one element makes, and the most kinds of element that make them differently.
const MAX_MADE: usize = 64;

/// A key sequence that an element made: the table that has it, and where its values are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Made {
    pub(in super::super) table: usize,
    pub(in super::super) values: Vec<Written>,
}

/// Where a value of a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Written {
    /// It is the text of the element's descendant of this number, of those without children.
    Text(u32),
    /// In a tag, the same each time: an attribute, or that an element is nil.
    Tag(Fingerprint),
}

/// What the elements of one habit make: a few ways for all of their walks.
#[derive(Debug, Default)]
pub(super) struct Effects(Vec<Vec<Made>>);

impl Effects {
    /// The number of an effect; `None` when there are too many.
    pub(super) fn number(&mut self, made: Vec<Made>) -> Option<usize> {
        let known = self.0.iter().position(|known| *known == made);
        known.or_else(|| {
            let room = self.0.len() < MAX_MADE;
            room.then(|| {
                self.0.push(made);
                self.0.len() - 1
            })
        })
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Habits {
    /// The number of the element without children that is about to end, in the element that is being learnt from.
    pub(in super::super) fn leaf(&self) -> Option<u32> {
        self.lesson.as_ref()?;
        (self.labels.len() as u32).checked_sub(1)
    }

    /// Takes a key that the element made that is being learnt from.
    pub(in super::super) fn note_key(&mut self, made: impl FnOnce() -> Made) {
        let Some(lesson) = &mut self.lesson else { return };
        if lesson.made.len() == MAX_MADE {
            return self.forgo();
        }
        lesson.made.push(made());
    }

    /// Something was met that elements which are passed over cannot do.
    pub(in super::super) fn forgo(&mut self) {
        self.lesson = None;
    }
}

impl Assessor<'_, '_> {
    /// Makes the keys of the element ahead, whose values are in `Habits::values`. `None` when nothing was made: one of
    /// them is there already, or there is no room, which is said where elements are read.
    pub(super) fn make_keys(&mut self, habit: usize, effect: usize, element: &str) -> Option<()> {
        let memory = &mut *self.memory;
        let habits = &mut memory.habits;
        let made = &habits.habits[habit].effects.0[effect];
        if made.is_empty() {
            return Some(());
        }
        let fingerprints = *memory.fingerprints.get_or_insert_with(|| Fingerprints::new(secret()));
        let tables = memory.identity.tables();
        habits.keys.clear();
        for Made { table, values } in made {
            habits.parts.clear();
            for written in values {
                habits.parts.push(match *written {
                    Written::Tag(value) => value,
                    Written::Text(number) => {
                        let value = habits.values.get(number as usize)?;
                        let text = &element[value.start..value.end];
                        memory.key.clear();
                        let simple = &self.grammar.simple;
                        let (scratch, key) = (&mut memory.scratch, &mut memory.key);
                        simple.value_key(value.label?, text, &NoNamespaces, scratch, key).ok()?;
                        fingerprints.of(&memory.key)
                    }
                });
            }
            let key = (*table, fingerprints.of_all(habits.parts.iter().copied()));
            if habits.keys.contains(&key) || tables.has(key.0, key.1) {
                return None;
            }
            habits.keys.push(key);
        }
        if !memory.room.is_ample() {
            return None;
        }
        for &(table, key) in &habits.keys {
            // New, and there is room for it.
            let _ = tables.define(table, key, &mut memory.room);
        }
        Some(())
    }
}
