//! Room on the disk of ledger and spool, beyond what clients may take of it: others write there, too.

use std::io;
use std::path::{Path, PathBuf};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Registry};

/// Below this the gateway's hop is degraded: a batch or two more, and nothing can be accepted.
pub(crate) const LOW: u64 = 1 << 30;

/// Bytes of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    /// What this process may still write.
    pub(crate) free: u64,
    /// All of it.
    pub(crate) size: u64,
}

impl Space {
    /// That of the file system on which a folder lies. It blocks as long as that does.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let found = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Self { free: bytes(found.f_bavail), size: bytes(found.f_blocks) })
    }
}

/// Bytes in the largest binary unit of which there is at least one.
pub(crate) fn in_units(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(bits, _)| bytes >> bits > 0) {
        Some((bits, unit)) => format!("{} {unit}", bytes >> bits),
        None => format!("{bytes} B"),
    }
}

struct Shown {
    state: PathBuf,
    free: IntGauge,
    size: IntGauge,
}

impl Collector for Shown {
    fn desc(&self) -> Vec<&Desc> {
        [self.free.desc(), self.size.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(space) = Space::of(&self.state) else { return Vec::new() };
        let whole = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.free.set(whole(space.free));
        self.size.set(whole(space.size));
        [self.free.collect(), self.size.collect()].concat()
    }
}

/// Shows `sekisho_state_free_bytes` and `sekisho_state_size_bytes` of the state folder.
///
/// # Errors
/// When a name is registered already.
pub(crate) fn register(registry: &Registry, state: &Path) -> prometheus::Result<()> {
    let free = "Bytes that can still be written on the file system of the state folder.";
    let size = "Bytes of the file system of the state folder.";
    registry.register(Box::new(Shown {
        state: state.to_owned(),
        free: IntGauge::new("sekisho_state_free_bytes", free)?,
        size: IntGauge::new("sekisho_state_size_bytes", size)?,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    #[test]
    fn bytes_are_said_in_the_unit_that_fits() {
        for (bytes, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            ((1 << 30) - 1, "1023 MiB"),
            (12 << 30, "12 GiB"),
            (3 << 40, "3 TiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(in_units(bytes), said);
        }
    }

    #[test]
    fn the_space_of_a_folder_is_known_and_that_of_none_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let space = Space::of(folder.path()).unwrap();
        assert!(space.free <= space.size && space.size > 0, "{space:?}");
        assert!(Space::of(&folder.path().join("gone")).is_err());
    }
}
