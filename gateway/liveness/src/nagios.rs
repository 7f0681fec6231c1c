//! A snapshot in the form that Nagios-style plugins give, with their exit codes.
use crate::hop::{HopState, Snapshot};
use crate::table::Language;

/// The exit code of a Nagios-style plugin: 0 OK (up), 1 WARNING (degraded), 2 CRITICAL (down), 3 UNKNOWN.
pub fn exit_code(state: HopState) -> u8 {
    match state {
        HopState::Up => 0,
        HopState::Degraded => 1,
        HopState::Down => 2,
        HopState::Unknown => 3,
    }
}

/// The plugin's line of output, with performance data after `|`.
pub fn line(snapshot: &Snapshot, language: Language) -> String {
    let _ = (snapshot, language);
    todo!()
}
