//! A snapshot as a table for people.

use std::fmt::Write as _;
use std::time::Duration;

use time::OffsetDateTime;
use unicode_width::UnicodeWidthStr;

use crate::hop::{ErrorClass, Hop, HopState, Snapshot};

/// The language of texts for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

/// Whether the table is for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// States in colour, by ANSI escape sequences.
    Colour,
}

const COLUMNS: usize = 7;

/// The snapshot as a table, one line a hop, columns aligned (full-width characters count as two). Times are at the offset
/// that the snapshot carries; see [`Snapshot::at_offset`].
pub fn table(snapshot: &Snapshot, language: Language, style: Style) -> String {
    let head: [&str; COLUMNS] = match language {
        Language::English => ["HOP", "STATE", "SINCE", "CHECKED", "TOOK", "CLASS", "WHAT"],
        Language::Japanese => ["経路点", "状態", "いつから", "確認", "所要", "分類", "内容"],
    };
    let rows: Vec<[String; COLUMNS]> = snapshot.hops.iter().map(|hop| row(hop, language)).collect();
    let mut widths = head.map(UnicodeWidthStr::width);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut out = String::new();
    line(&mut out, &head.map(str::to_owned), &widths, None);
    for (row, hop) in rows.iter().zip(&snapshot.hops) {
        line(&mut out, row, &widths, (style == Style::Colour).then(|| colour(hop.state)));
    }
    out
}

fn row(hop: &Hop, language: Language) -> [String; COLUMNS] {
    let ja = language == Language::Japanese;
    let age = hop.age_ms.map(|ms| span(Duration::from_millis(ms)));
    [
        hop.id(),
        if ja { hop.state.label_ja() } else { hop.state.as_str() }.to_owned(),
        at(hop.since),
        age.map_or_else(|| "-".to_owned(), |age| if ja { format!("{age}前") } else { format!("{age} ago") }),
        hop.latency().map_or_else(|| "-".to_owned(), span),
        hop.class
            .map_or("-", |class| if ja { class.label_ja() } else { ErrorClass::as_str(class) })
            .to_owned(),
        if ja { &hop.text_ja } else { &hop.text_en }.chars().filter(|c| !c.is_control()).collect(),
    ]
}

fn line(out: &mut String, cells: &[String; COLUMNS], widths: &[usize; COLUMNS], state_colour: Option<&str>) {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let paint = state_colour.filter(|_| column == 1);
        out.push_str(paint.unwrap_or_default());
        out.push_str(cell);
        out.push_str(if paint.is_some() { "\x1b[0m" } else { "" });
        if column + 1 < COLUMNS {
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
    }
    out.push('\n');
}

fn colour(state: HopState) -> &'static str {
    match state {
        HopState::Up => "\x1b[32m",
        HopState::Unknown => "\x1b[35m",
        HopState::Degraded => "\x1b[33m",
        HopState::Down => "\x1b[1;31m",
    }
}

/// Month, day and time: what an operator compares with a watch.
fn at(moment: OffsetDateTime) -> String {
    let mut out = String::new();
    let (month, day) = (u8::from(moment.month()), moment.day());
    // Writing into a string cannot fail.
    let _ =
        write!(out, "{month:02}-{day:02} {:02}:{:02}:{:02}", moment.hour(), moment.minute(), moment.second());
    out
}

/// A span in the unit that suits it.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 if span < Duration::from_millis(10) => format!("{:.1} ms", span.as_secs_f64() * 1000.0),
        0 => format!("{} ms", span.as_millis()),
        1..=9 => format!("{:.1} s", span.as_secs_f64()),
        10..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests;
