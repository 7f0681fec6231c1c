//! What a route takes at the most.

use std::time::Duration;

use sekisho_edge::route::RouteLimits;

use super::Notes;
use crate::config::effective::gateway::between;
use crate::config::raw::{RouteMode, RouteSection};

/// Bytes of a relayed message where the route sets no limit: it is held in memory.
const RELAY_BODY_BYTES: u64 = 1024 * 1024;
/// The most that a relay route may set.
const RELAY_BODY_BYTES_MOST: u64 = 16 * 1024 * 1024;

#[allow(clippy::needless_update)] // further limits have their defaults
pub(super) fn of(section: &RouteSection, notes: &mut Notes<'_>) -> RouteLimits {
    let raw = &section.limits;
    let relay = section.mode == RouteMode::Relay;
    let usual = if relay { RELAY_BODY_BYTES } else { RouteLimits::default().body_bytes };
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
        ..RouteLimits::default()
    };
    for (key, value, most) in [
        ("limits.body_bytes", limits.body_bytes, if relay { RELAY_BODY_BYTES_MOST } else { 1 << 40 }),
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
    limits
}
