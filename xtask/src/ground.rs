//! Folders that a run makes anew.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A folder of which there is one, for as long as a run lasts: another run waits until this one ends, however it ends.
#[derive(Debug)]
pub(crate) struct Ground {
    folder: PathBuf,
    /// Beside the folder, which is made anew; the kernel takes it back from who died.
    _lock: File,
}

impl Ground {
    /// Takes the folder, when no other run has it any more, and clears it.
    pub(crate) fn take(folder: &Path) -> anyhow::Result<Self> {
        let lock = Self::lock(folder)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("another run is at work in {}: waiting for its end", folder.display());
                lock.lock()?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", folder.display()));
            }
        }
        cleared(folder)?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn lock(folder: &Path) -> anyhow::Result<File> {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = folder.with_extension("lock");
        File::create(&file).with_context(|| format!("opening {}", file.display()))
    }
}

/// Makes an empty folder, in place of what is there.
pub(crate) fn cleared(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_second_run_waits_for_the_end_of_the_first() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("cases");
        let first = Ground::take(&folder).unwrap();
        fs::write(first.folder().join("of the first"), "x").unwrap();
        // Nobody else can have it: what `take` would wait for.
        assert!(matches!(Ground::lock(&folder).unwrap().try_lock(), Err(TryLockError::WouldBlock)));
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let second = Ground::take(&folder).unwrap();
                assert!(ended.load(Ordering::SeqCst), "the first was still at work");
                assert_eq!(fs::read_dir(second.folder()).unwrap().count(), 0, "it is made anew");
            });
            assert!(first.folder().join("of the first").exists());
            ended.store(true, Ordering::SeqCst);
            drop(first);
            second.join().unwrap();
        });
    }

    #[test]
    fn runs_in_other_folders_do_not_wait() {
        let place = tempfile::tempdir().unwrap();
        let _one = Ground::take(&place.path().join("one")).unwrap();
        let other = Ground::take(&place.path().join("other")).unwrap();
        assert!(other.folder().is_dir());
    }
}
