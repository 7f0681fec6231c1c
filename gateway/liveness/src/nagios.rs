//! A snapshot in the form that Nagios-style plugins give, with their exit codes (Monitoring Plugins guidelines, "Plugin
//! return codes" and "Performance data").

use crate::hop::{Hop, HopState, Snapshot};
use crate::table::Language;

/// The exit code of a plugin: 0 OK (up), 1 WARNING (degraded), 2 CRITICAL (down), 3 UNKNOWN.
pub fn exit_code(state: HopState) -> u8 {
    match state {
        HopState::Up => 0,
        HopState::Degraded => 1,
        HopState::Down => 2,
        HopState::Unknown => 3,
    }
}

/// The plugin's word for a state.
pub fn word(state: HopState) -> &'static str {
    match state {
        HopState::Up => "OK",
        HopState::Degraded => "WARNING",
        HopState::Down => "CRITICAL",
        HopState::Unknown => "UNKNOWN",
    }
}

/// The plugin's one line of output: the worst state, every hop that has it with its text, and after `|` how long each hop
/// took, in seconds. No line end.
pub fn line(snapshot: &Snapshot, language: Language) -> String {
    let overall = snapshot.overall();
    let mut worst =
        snapshot.hops.iter().filter(|hop| hop.state == overall && overall != HopState::Up).peekable();
    let what = match (worst.peek(), language) {
        (Some(_), _) => worst.map(|hop| said(hop, language)).collect::<Vec<_>>().join("; "),
        (None, Language::English) if snapshot.hops.is_empty() => "no hops in the answer".to_owned(),
        (None, Language::Japanese) if snapshot.hops.is_empty() => "応答に経路点がありません".to_owned(),
        (None, Language::English) if snapshot.hops.len() == 1 => "1 hop, not at fault".to_owned(),
        (None, Language::English) => format!("{} hops, none at fault", snapshot.hops.len()),
        (None, Language::Japanese) => format!("経路点 {} 件、異常なし", snapshot.hops.len()),
    };
    let times: String = snapshot
        .hops
        .iter()
        .filter_map(|hop| {
            hop.latency().map(|took| format!(" '{}'={:.6}s;;;0", label(&hop.id()), took.as_secs_f64()))
        })
        .collect();
    let bar = if times.is_empty() { "" } else { " |" };
    format!("SEKISHO {} - {what}{bar}{times}", word(overall))
}

fn said(hop: &Hop, language: Language) -> String {
    let class = hop.class.map(|class| match language {
        Language::English => format!(" ({class})"),
        Language::Japanese => format!("({})", class.label_ja()),
    });
    let class = class.unwrap_or_default();
    match language {
        Language::English => format!("{} {}{class}: {}", hop.id(), hop.state, text(&hop.text_en)),
        Language::Japanese => format!("{} {}{class}: {}", hop.id(), hop.state.label_ja(), text(&hop.text_ja)),
    }
}

/// A bar begins the performance data, and a line end the long output: neither may come from a text.
fn text(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect()
}

/// A label must hold neither quotes nor `=`.
fn label(id: &str) -> String {
    id.chars().filter(|c| !matches!(c, '\'' | '=' | '|') && !c.is_control()).collect()
}

#[cfg(test)]
mod tests;
