//! What a route takes at the most.

use std::time::Duration;

use sekisho_edge::route::RouteLimits;

use super::Notes;
use crate::config::effective::gateway::{admission, between};
use crate::config::key_path::KeyPath;
use crate::config::raw::{LimitsSection, RouteMode, RouteSection};
use crate::language::text;

/// Bytes of a relayed message where the route sets no limit: it is held in memory.
const RELAY_BODY_BYTES: u64 = 1024 * 1024;
/// Bytes of memory that are kept for the answer to a relayed message.
const RELAY_ANSWER_BYTES: u64 = 64 * 1024;
/// The longest that a batch may wait: ten years, in seconds.
pub(super) const LONGEST_WAIT: u64 = 10 * 365 * 24 * 60 * 60;
/// The most that a relay route may set.
const RELAY_BODY_BYTES_MOST: u64 = 16 * 1024 * 1024;

pub(super) fn of(section: &RouteSection, whole: &LimitsSection, notes: &mut Notes<'_>) -> RouteLimits {
    let raw = &section.limits;
    let relay = section.mode == RouteMode::Relay;
    // What is split is not held in memory.
    let whole_only = relay && section.split.is_none();
    let usual = if whole_only { RELAY_BODY_BYTES } else { RouteLimits::default().body_bytes };
    let limits = RouteLimits {
        body_bytes: raw.body_bytes.unwrap_or(usual),
        unpacked_bytes: raw.unpacked_bytes,
        unpack_ratio: raw.unpack_ratio,
        records: raw.records,
        record_bytes: raw.record_bytes,
        field_bytes: raw.field_bytes,
        errors_listed: raw.errors_listed,
        parts: raw.parts,
        depth: raw.depth,
        body_idle: Duration::from_millis(raw.body_idle_ms),
        bare_line_feeds: section.bare_line_feeds,
        ordered: section.ordered,
        expires_after: section.expire_after_seconds.map(Duration::from_secs),
    };
    for (key, value, most) in [
        ("limits.body_bytes", limits.body_bytes, if whole_only { RELAY_BODY_BYTES_MOST } else { 1 << 40 }),
        ("limits.unpacked_bytes", limits.unpacked_bytes, 1 << 40),
        ("limits.unpack_ratio", u64::from(limits.unpack_ratio), 10_000),
        ("limits.records", limits.records, 1 << 32),
        ("limits.record_bytes", limits.record_bytes as u64, 16 << 20),
        ("limits.field_bytes", limits.field_bytes as u64, 16 << 20),
        ("limits.errors_listed", limits.errors_listed as u64, 10_000),
        ("limits.parts", limits.parts as u64, 1_000),
        ("limits.depth", limits.depth as u64, 1_000),
        ("limits.body_idle_ms", raw.body_idle_ms, 3_600_000),
    ] {
        if value == 0 || value > most {
            notes.add(key, between(1, most));
        }
    }
    if section.expire_after_seconds.is_some_and(|seconds| !(1..=LONGEST_WAIT).contains(&seconds)) {
        notes.add("expire_after_seconds", between(1, LONGEST_WAIT));
    }
    if whole_only {
        keeps_nothing(section, notes);
    }
    if relay {
        let (key, held) = match &section.split {
            Some(split) => ("split.pass_bytes", split.pass_bytes),
            None => ("limits.body_bytes", limits.body_bytes),
        };
        let written = section.limits.body_bytes.is_some() || section.split.is_some();
        held_in_memory(key, held, written, whole, notes);
    }
    limits
}

/// A relay route that does not split keeps nothing.
fn keeps_nothing(section: &RouteSection, notes: &mut Notes<'_>) {
    for (key, set) in [
        ("ordered", section.ordered),
        ("expire_after_seconds", section.expire_after_seconds.is_some()),
        ("doubt_window_seconds", section.doubt_window_seconds.is_some()),
    ] {
        if set {
            notes.add(
                key,
                text!(
                    "is for store-and-forward routes: a relay route that does not split keeps no batch",
                    "蓄積転送の特定通信で使うキーです。分割（split）しない中継（relay）の特定通信はバッチを保管しません"
                ),
            );
        }
    }
}

/// A message that passes as it came is held in memory; `written`: something says how long it may be.
fn held_in_memory(key: &str, held: u64, written: bool, whole: &LimitsSection, notes: &mut Notes<'_>) {
    let share = admission(whole).client_relay_bytes as u64;
    let needed = held.saturating_add(RELAY_ANSWER_BYTES);
    // No share at all is told already.
    if share > 0 && needed > share {
        // It is told where something was written.
        let path = match written {
            true => notes.path.dotted(key),
            false => KeyPath::root().dotted("limits.client_relay_bytes"),
        };
        notes.mistakes.add(
            &path,
            text!(
                "a relayed message and 64 KiB for its answer take {needed} bytes, and one client has {share} \
                 (limits.client_relay_bytes)",
                "中継するメッセージと応答用の64 KiBに{needed}バイトが必要ですが、1団体の上限は{share}バイトです\
                 （limits.client_relay_bytes）"
            ),
        );
    }
}
