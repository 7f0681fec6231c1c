//! Where the files lie: made, appended to, synced; never renamed, and removed only where nothing was ever written in them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A folder of log files. Tests bring one that fails as ordered.
pub trait Folder: Send {
    /// The numbers of the log's files, ascending.
    fn numbers(&self) -> io::Result<Vec<u64>>;
    /// Opens a file from its beginning.
    fn open(&self, number: u64) -> io::Result<Box<dyn Read + '_>>;
    /// Makes a file that is not there yet.
    fn create(&self, number: u64) -> io::Result<Box<dyn Appending>>;
    /// Removes a file in which nothing whole was ever written.
    fn remove(&self, number: u64) -> io::Result<()>;
    /// Makes durable which files there are.
    fn sync(&self) -> io::Result<()>;
}

/// A file that is written from its beginning to its end.
pub trait Appending: Send {
    /// Writes all of it, or fails with some of it written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes durable what was written.
    fn sync(&mut self) -> io::Result<()>;
}

/// The name of a file.
pub fn file_name(number: u64) -> String {
    format!("exchanges-{number:010}.ndjson")
}

/// The number in a file's name, if it is one of the log's.
pub fn file_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("exchanges-")?.strip_suffix(".ndjson")?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// The numbers of the files in a folder, ascending.
pub(crate) fn numbers_in(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in folder.read_dir()? {
        numbers.extend(entry?.file_name().to_str().and_then(file_number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A folder on the disk.
#[derive(Debug)]
pub struct FileSystem {
    folder: PathBuf,
    /// Held, so that nobody else writes there.
    _lock: File,
}

impl FileSystem {
    /// Takes the folder, which is made if its parent is there, for this process alone.
    ///
    /// # Errors
    /// When it cannot be made or written, or (`WouldBlock`) another process has it.
    pub fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            make_folder(folder)?;
            if let Some(parent) = folder.parent() {
                sync_folder(parent)?;
            }
        }
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(file_name(number))
    }
}

/// Makes a folder that others than its owner and its group have no rights to.
///
/// # Errors
/// When it is there already, or cannot be made.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o750).create(folder)
}

/// An empty path is the folder that the process is in.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let here = Path::new(".");
    File::open(if folder.as_os_str().is_empty() { here } else { folder })?.sync_all()
}

impl Folder for FileSystem {
    fn numbers(&self) -> io::Result<Vec<u64>> {
        numbers_in(&self.folder)
    }

    fn open(&self, number: u64) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.path(number))?))
    }

    fn create(&self, number: u64) -> io::Result<Box<dyn Appending>> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o640).open(self.path(number))?;
        Ok(Box::new(OnDisk(file)))
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        std::fs::remove_file(self.path(number))
    }

    fn sync(&self) -> io::Result<()> {
        sync_folder(&self.folder)
    }
}

struct OnDisk(File);

impl Appending for OnDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name() {
        assert_eq!(file_number(&file_name(7)), Some(7));
        assert_eq!(file_number(&file_name(u64::MAX)), Some(u64::MAX));
        for other in
            ["exchanges-7.ndjson", "exchanges-0000000007.ndjson~", "exchanges-+000000007.ndjson", "lock"]
        {
            assert_eq!(file_number(other), None, "{other}");
        }
    }
}
