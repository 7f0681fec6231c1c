//! The fail points of the gateway by name, and how each comes to be passed.

use std::ops::RangeInclusive;

/// What has to be done so that a point is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provoked {
    /// Nothing: the load passes it.
    ByLoad,
    /// It is passed before the gateway is ready.
    AtStart,
    /// SIGHUP.
    ByReload,
    /// SIGTERM.
    ByClosing,
    /// An operator decides on a chunk in doubt.
    ByDecision,
}

/// A fail point of the gateway.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) name: &'static str,
    pub(super) provoked: Provoked,
    /// The gateway is killed at one of so many passes.
    pub(super) passes: u64,
}

const fn point(name: &'static str, provoked: Provoked, passes: u64) -> Point {
    Point { name, provoked, passes }
}

use Provoked::{AtStart, ByClosing, ByDecision, ByLoad, ByReload};

/// All of them, in the order in which a batch passes them. (`gateway/journal/src/failpoints.rs` says what each is; a test below
/// holds the names to it.)
pub(super) const POINTS: [Point; 35] = [
    point("folder-create", ByLoad, 12),
    point("file-create", ByLoad, 24),
    point("file-write", ByLoad, 40),
    point("file-sync", ByLoad, 24),
    point("data-key-kept", ByLoad, 12),
    point("folder-sync", ByLoad, 24),
    point("batch-sealed", ByLoad, 12),
    point("transaction-begin", ByLoad, 60),
    point("transaction-commit", ByLoad, 60),
    point("transaction-committed", ByLoad, 60),
    point("batch-accepted", ByLoad, 12),
    point("chunk-opened", ByLoad, 30),
    point("login-asked", ByLoad, 30),
    point("logged-in", ByLoad, 30),
    point("chunk-sending", ByLoad, 30),
    point("chunk-sent", ByLoad, 30),
    point("chunk-answered", ByLoad, 30),
    point("results-kept", ByLoad, 9),
    point("chunk-ended", ByLoad, 30),
    point("outcome-written", ByLoad, 30),
    point("job-created", ByLoad, 6),
    point("job-noted", ByLoad, 6),
    point("job-uploaded", ByLoad, 6),
    point("job-closed", ByLoad, 6),
    point("job-fetched", ByLoad, 12),
    point("decision-written", ByDecision, 1),
    point("payload-released", ByLoad, 10),
    point("payload-removed", ByLoad, 10),
    point("taking-over", AtStart, 1),
    point("stores-opened", AtStart, 1),
    point("stores-recovered", AtStart, 1),
    point("reload-read", ByReload, 2),
    point("reload-defined", ByReload, 2),
    point("closing", ByClosing, 1),
    point("parked", ByClosing, 1),
];

/// Those that can fail as a disk does, and the passes from which on they do, while a batch or several are on their way.
pub(super) const DISK: [(&str, RangeInclusive<u64>); 8] = [
    ("folder-create", 1..=4),
    ("file-create", 1..=8),
    ("file-write", 1..=12),
    ("file-sync", 1..=8),
    // The first of these are passed at the start, which may fail.
    ("folder-sync", 5..=12),
    ("transaction-begin", 20..=60),
    ("transaction-commit", 20..=60),
    ("transaction-committed", 20..=60),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use std::collections::BTreeSet;

    use super::*;
    use crate::workspace::root;

    /// The names that the gateway knows, as they stand in its source: lines such as `ChunkSent = "chunk-sent",`.
    #[test]
    fn every_fail_point_of_the_gateway_is_one_that_kills_and_no_other() {
        let source = std::fs::read_to_string(root().join("gateway/journal/src/failpoints.rs")).unwrap();
        let table = source.split("\npoints! {\n").nth(1).unwrap().split("\n}\n").next().unwrap();
        let lines = table.lines().filter(|line| !line.trim().starts_with("///"));
        let known: BTreeSet<&str> = lines.map(|line| line.split('"').nth(1).unwrap()).collect();
        let named: BTreeSet<&str> = POINTS.iter().map(|point| point.name).collect();
        assert_eq!(named, known);
        assert_eq!(named.len(), POINTS.len());
        let may_fail = table.split("/// ").filter(|point| point.contains("May fail")).count();
        assert_eq!(may_fail, DISK.len());
        for (name, _) in DISK {
            let (before, _) = table.split_once(&format!("\"{name}\"")).unwrap();
            assert!(before.rsplit("/// ").next().unwrap().contains("May fail"), "{name}");
        }
    }
}
