//! An element that has not ended.

use super::super::content::State;
use super::super::grammar::{Content, ElementId, TypeIndex};
use super::super::names::NameId;

#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) name: Option<NameId>,
    /// Its number among the siblings of its name; 0 when it is not counted.
    pub(super) position: u32,
    pub(super) element: Option<ElementId>,
    /// `None` when no type governs it: it is assessed laxly.
    pub(super) ty: Option<TypeIndex>,
    pub(super) content: Content,
    pub(super) state: State,
    /// Where its counts of children begin.
    pub(super) counts: u32,
    /// Where its text begins.
    pub(super) text: u32,
    /// How many bindings there were before its own.
    pub(super) bindings: u32,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) byte: u64,
    /// Nothing inside is assessed.
    pub(super) skip: bool,
    pub(super) nil: bool,
    /// It claims to be nil and may not be: that its content is not there needs no long list.
    pub(super) claims_nil: bool,
    pub(super) has_text: bool,
    pub(super) has_children: bool,
    /// Its text is wanted though its content is mixed.
    pub(super) keeps_text: bool,
    /// An identity constraint wants its value.
    pub(super) is_field: bool,
    /// That text, or that children are out of place was said.
    pub(super) told_text: bool,
    pub(super) told_children: bool,
}
