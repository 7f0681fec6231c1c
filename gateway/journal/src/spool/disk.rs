//! Every change to a batch's folder that has to last: files and folders created, bytes written, files and folders synced.
//!
//! Nothing else in the spool touches what has to last, so the tests below see the whole order in which a batch reaches the
//! disk, and trials can put another [`Disk`] in its place: one that loses what was not synced when it is told to crash.

use std::fmt::Debug;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;

use super::error::{IoContext, Result};
use super::key_file::private;
#[cfg(feature = "failpoints")]
use crate::failpoints::{self, Point};

/// What a spool lies on: the operating system's file system, or what keeps the same promises. What was written or created is
/// there for whoever reads; whether it is there after a crash is certain once the file, and the folder with its name, were
/// synced.
pub trait Disk: Debug + Send + Sync {
    /// Creates a folder whose parent is there, for its owner only.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with everything in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Whether there is a folder or a file of that name.
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// The names in a folder, in no order, as far as they are text.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// The names in a folder last from now on.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Creates a file that is not there yet, for its owner only.
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to read.
    fn open_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a file whose content nobody may find again, overwriting it as far as that is of use.
    fn wipe_file(&self, path: &Path) -> io::Result<()> {
        self.remove_file(path)
    }
}

/// An open file of a [`Disk`].
pub trait DiskFile: Debug + Send + Sync {
    /// Writes all of `bytes` at `offset`.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Fills `bytes` from `offset` on; an error of kind `UnexpectedEof` where the file ends before.
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// How many bytes it has.
    fn size(&self) -> io::Result<u64>;
    /// What was written lasts from now on.
    fn sync(&self) -> io::Result<()>;
}

/// Bytes of a file that are overwritten: keys are short.
const MOST_WIPED: usize = 4_096;

/// The operating system's file system.
#[derive(Debug)]
pub(super) struct FileSystem;

impl Disk for FileSystem {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
        names.filter_map(io::Result::transpose).collect()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        fs::File::open(folder)?.sync_all()
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(private().create_new(true).open(path)?))
    }

    fn open_file(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(fs::File::open(path)?))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn wipe_file(&self, path: &Path) -> io::Result<()> {
        let file = fs::OpenOptions::new().write(true).open(path)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).min(MOST_WIPED);
        FileExt::write_all_at(&file, &vec![0; length], 0)?;
        file.sync_data()?;
        fs::remove_file(path)
    }
}

impl DiskFile for fs::File {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Creates the spool's own folder, with those above it.
pub(super) fn create_all(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    seen(Deed::Created, path);
    Ok(())
}

/// Creates a folder for its owner only.
pub(super) fn create_folder(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    #[cfg(feature = "failpoints")]
    failpoints::fails(Point::FolderCreate)?;
    disk.create_folder(path)?;
    seen(Deed::Created, path);
    Ok(())
}

/// Creates a file that is not there yet, for its owner only.
pub(super) fn create_file(disk: &dyn Disk, path: &Path) -> Result<Box<dyn DiskFile>> {
    #[cfg(feature = "failpoints")]
    failpoints::fails(Point::FileCreate).at("creating", path)?;
    let file = disk.create_file(path).at("creating", path)?;
    seen(Deed::Created, path);
    Ok(file)
}

/// Writes all of `bytes` at `offset`. They last once the file is synced.
pub(super) fn write_at(file: &dyn DiskFile, path: &Path, bytes: &[u8], offset: u64) -> Result<()> {
    #[cfg(feature = "failpoints")]
    failpoints::fails(Point::FileWrite).at("writing", path)?;
    file.write_all_at(bytes, offset).at("writing", path)?;
    seen(Deed::Wrote, path);
    Ok(())
}

/// When this returns, the file's content is on the disk (fsync).
pub(super) fn sync_file(file: &dyn DiskFile, path: &Path) -> Result<()> {
    #[cfg(feature = "planted")]
    if crate::planted::is(crate::planted::Bug::FileNotSynced) {
        return Ok(());
    }
    #[cfg(feature = "failpoints")]
    failpoints::fails(Point::FileSync).at("syncing", path)?;
    file.sync().at("syncing", path)?;
    seen(Deed::Synced, path);
    Ok(())
}

/// When this returns, the names in the folder are on the disk (fsync of the folder).
pub(super) fn sync_folder(disk: &dyn Disk, folder: &Path) -> Result<()> {
    #[cfg(feature = "planted")]
    if crate::planted::is(crate::planted::Bug::FolderNotSynced) {
        return Ok(());
    }
    #[cfg(feature = "failpoints")]
    failpoints::fails(Point::FolderSync).at("syncing", folder)?;
    disk.sync_folder(folder).at("syncing", folder)?;
    seen(Deed::Synced, folder);
    Ok(())
}

/// What was done to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Created,
    Wrote,
    Synced,
}

#[cfg(not(test))]
fn seen(_: Deed, _: &Path) {}

#[cfg(test)]
use tests::seen;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;
    use crate::identity::BatchId;
    use crate::spool::Spool;

    thread_local! {
        /// What this thread did, in its order.
        static DEEDS: RefCell<Vec<(Deed, PathBuf)>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn seen(deed: Deed, path: &Path) {
        DEEDS.with_borrow_mut(|deeds| deeds.push((deed, path.to_owned())));
    }

    fn deeds() -> Vec<(Deed, PathBuf)> {
        DEEDS.take()
    }

    fn first(deeds: &[(Deed, PathBuf)], deed: Deed, path: &Path) -> usize {
        let found = deeds.iter().position(|(done, at)| *done == deed && at == path);
        found.unwrap_or_else(|| panic!("{deed:?} is never done to {}: {deeds:#?}", path.display()))
    }

    fn last(deeds: &[(Deed, PathBuf)], deed: Deed, path: &Path) -> usize {
        let found = deeds.iter().rposition(|(done, at)| *done == deed && at == path);
        found.unwrap_or_else(|| panic!("{deed:?} is never done to {}: {deeds:#?}", path.display()))
    }

    fn open(state: &Path) -> Spool {
        Spool::open(&state.join("spool"), &state.join("keys/spool.key")).unwrap()
    }

    /// The receipt is given after `seal` has returned: by then all of this has been done, and in this order.
    #[test]
    fn a_sealed_batch_is_on_the_disk_with_its_files_and_its_folders() {
        let state = tempfile::tempdir().unwrap();
        let spool = open(state.path()).with_segment_bytes(10_000);
        for records in [0, 1, 100, 40_000] {
            deeds();
            let mut writer = spool.create(BatchId::new(1)).unwrap();
            let folder = state.path().join("spool").join(writer.batch().to_string());
            for number in 0..records {
                writer.push(format!("record {number}").as_bytes(), Some(&u32::to_le_bytes(number))).unwrap();
            }
            let sealed = writer.seal().unwrap();
            let deeds = deeds();

            // What is there is what was seen to be made: the index and the segments, and nothing beside them.
            let there: BTreeSet<PathBuf> =
                std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            let made: BTreeSet<PathBuf> = deeds
                .iter()
                .filter(|(deed, path)| *deed == Deed::Created && *path != folder)
                .map(|(_, path)| path.clone())
                .collect();
            assert_eq!(there, made);
            assert_eq!(there.len() as u32, sealed.segments + 1, "{records} records");
            assert!(records < 40_000 || sealed.segments > 10, "{}", sealed.segments);

            let names = last(&deeds, Deed::Synced, &folder);
            for file in &there {
                let synced = last(&deeds, Deed::Synced, file);
                assert!(
                    last(&deeds, Deed::Wrote, file) < synced,
                    "{} is written after its sync",
                    file.display()
                );
                assert!(first(&deeds, Deed::Created, file) < names, "{} has no lasting name", file.display());
            }
            // The index says that the batch is sealed: its first page, written last, comes behind every segment.
            let index = folder.join("index");
            let said = last(&deeds, Deed::Wrote, &index);
            for segment in there.iter().filter(|file| **file != index) {
                assert!(last(&deeds, Deed::Synced, segment) < said, "{} comes too late", segment.display());
            }
            let parent = last(&deeds, Deed::Synced, &state.path().join("spool"));
            assert!(first(&deeds, Deed::Created, &folder) < parent, "the batch's folder has no lasting name");
            assert_eq!(deeds.last(), Some(&(Deed::Synced, state.path().join("spool"))));
        }
    }

    /// A sealed batch without its key would be lost.
    #[test]
    fn the_key_of_an_encrypted_batch_lasts_before_the_batch_is_sealed() {
        use crate::spool::{Encryption, WrappingKey};
        let state = tempfile::tempdir().unwrap();
        let store = state.path().join("data-keys");
        let keys = vec![WrappingKey::from_bytes("k", &[1; 32]).unwrap()];
        let encryption = Encryption { folder: store.clone(), keys };
        let (folder, key_file) = (state.path().join("spool"), state.path().join("spool.key"));
        let spool = Spool::open_with(&folder, &key_file, Some(encryption)).unwrap();
        deeds();
        let mut writer = spool.create(BatchId::new(1)).unwrap();
        writer.push(b"record", None).unwrap();
        let batch = writer.seal().unwrap().batch;
        let deeds = deeds();
        let key = store.join(format!("{batch}.k"));
        let said = last(&deeds, Deed::Wrote, &folder.join(batch.to_string()).join("index"));
        let synced = last(&deeds, Deed::Synced, &key);
        assert!(last(&deeds, Deed::Wrote, &key) < synced && synced < said, "{deeds:#?}");
        let names = last(&deeds, Deed::Synced, &store);
        assert!(first(&deeds, Deed::Created, &key) < names && names < said, "{deeds:#?}");
    }

    #[test]
    fn the_spools_own_folder_has_a_lasting_name() {
        let state = tempfile::tempdir().unwrap();
        deeds();
        open(state.path());
        let deeds = deeds();
        let made = first(&deeds, Deed::Created, &state.path().join("spool"));
        assert!(made < last(&deeds, Deed::Synced, state.path()), "{deeds:#?}");
        assert!(made < last(&deeds, Deed::Synced, &state.path().join("spool")), "{deeds:#?}");
        assert!(deeds.contains(&(Deed::Synced, state.path().join("keys"))), "{deeds:#?}");
    }
}
