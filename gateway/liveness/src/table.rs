//! A snapshot as a table for people.
use crate::hop::Snapshot;

/// The language of texts for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Japanese.
    Ja,
}

/// Whether the table is for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// States in colour, by ANSI escape sequences.
    Colour,
}

/// The snapshot as a table, one line a hop, columns aligned (full-width characters count as two).
pub fn table(snapshot: &Snapshot, language: Language, style: Style) -> String {
    let _ = (snapshot, language, style);
    todo!()
}
