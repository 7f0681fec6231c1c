//! Our own engine: documents checked against tables, in one pass and in bounded memory.
//!
//! `build` turns what the compiler made of a schema into a [`grammar::Grammar`], which lends nothing from it and never
//! changes; `content` is the part of it that says which element may follow which; `run` takes a document's events and
//! holds them against the grammar.

pub(crate) mod build;
pub(crate) mod content;
pub(crate) mod grammar;
pub(crate) mod names;
pub(crate) mod run;
