//! Room on the disk of ledger and spool, beyond what clients may take of it: others write there, too.

use std::io;
use std::path::Path;

use prometheus::{IntGauge, Registry};

/// Less free than this is little: a batch or two more, and nothing can be accepted.
const LITTLE: u64 = 1 << 30;
/// On a small file system one part of so many is little.
const PART: u64 = 10;

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

    /// Whether the gateway's hop is degraded for it.
    pub(crate) fn is_low(self) -> bool {
        self.free < LITTLE.min(self.size / PART)
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

/// The room as metrics: `sekisho_state_free_bytes` and `sekisho_state_size_bytes`, as the gateway's probe saw it last. A scrape does
/// not ask the disk, which may hang.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    free: IntGauge,
    size: IntGauge,
}

impl Shown {
    /// # Errors
    /// When a name is registered already.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let free = "Bytes that can still be written on the file system of the state folder.";
        let size = "Bytes of the file system of the state folder.";
        let free = IntGauge::new("sekisho_state_free_bytes", free)?;
        let size = IntGauge::new("sekisho_state_size_bytes", size)?;
        registry.register(Box::new(free.clone()))?;
        registry.register(Box::new(size.clone()))?;
        Ok(Self { free, size })
    }

    pub(crate) fn show(&self, space: Space) {
        let whole = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.free.set(whole(space.free));
        self.size.set(whole(space.size));
    }
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
    fn room_is_little_below_a_gibibyte_or_a_tenth() {
        let (mib, gib) = (1_u64 << 20, 1_u64 << 30);
        for (free, size, low) in [
            (gib, 100 * gib, false),
            (gib - 1, 100 * gib, true),
            (gib - 1, 5 * gib, false),
            (20 * mib, 24 * mib, false),
            (2 * mib, 24 * mib, true),
            (0, 24 * mib, true),
            // A file system that does not say how large it is.
            (0, 0, false),
        ] {
            assert_eq!(Space { free, size }.is_low(), low, "{free} of {size}");
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
