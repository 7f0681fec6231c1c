//! A folder in memory, whose disk has as much room as a test gives it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use sekisho_exchanges::{
    Appending, Direction, Entry, Finding, Folder, Kind, Limits, PublicKey, Recorder, Report, SigningKey,
    Verifier,
};
use uuid::Uuid;

/// The disk, shared by those who look at it.
#[derive(Clone, Default)]
pub(crate) struct Memory(pub(crate) Arc<Mutex<Disk>>);

#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) files: BTreeMap<u64, Vec<u8>>,
    /// Bytes that can still be written; no end of them where absent.
    pub(crate) room: Option<usize>,
    pub(crate) fails_to_sync: bool,
}

struct File(Memory, u64);

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl Folder for Memory {
    fn numbers(&self) -> io::Result<Vec<u64>> {
        Ok(self.0.lock().unwrap().files.keys().copied().collect())
    }

    fn open(&self, number: u64) -> io::Result<Box<dyn Read + '_>> {
        let file = self.0.lock().unwrap().files.get(&number).cloned();
        Ok(Box::new(io::Cursor::new(file.ok_or(io::ErrorKind::NotFound)?)))
    }

    fn create(&self, number: u64) -> io::Result<Box<dyn Appending>> {
        assert!(
            self.0.lock().unwrap().files.insert(number, Vec::new()).is_none(),
            "no file is written twice"
        );
        Ok(Box::new(File(self.clone(), number)))
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        let removed = self.0.lock().unwrap().files.remove(&number);
        removed.map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Appending for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.0.lock().unwrap();
        let fits = disk.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        disk.room = disk.room.map(|room| room - fits);
        disk.files.get_mut(&self.1).unwrap().extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(full()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.0.0.lock().unwrap().fails_to_sync {
            Err(io::Error::other("the disk is gone"))
        } else {
            Ok(())
        }
    }
}

/// A log with small files and checkpoints every few lines.
pub(crate) const LIMITS: Limits =
    Limits { rotate_bytes: 4_000, rotate_millis: 1_000_000, checkpoint_lines: 5, checkpoint_millis: 1_000 };

/// What a line says, of the exchange with that number.
pub(crate) fn members(number: u64) -> Vec<u8> {
    let mut entry = Entry::new(Kind::Exchange, Direction::In, Uuid::from_u128(number.into()), number);
    entry.client = Some("city");
    entry.status = Some(200);
    entry.members()
}

pub(crate) fn write(recorder: &mut Recorder, numbers: std::ops::Range<u64>, now: u64) -> Result<(), String> {
    let lines: Vec<Vec<u8>> = numbers.map(members).collect();
    recorder.write(lines.iter().map(Vec::as_slice), now).map_err(|failed| failed.to_string())
}

/// A closed log of so many exchanges in several files, and the key that has signed it.
pub(crate) fn written(exchanges: u64) -> (Memory, PublicKey) {
    let memory = Memory::default();
    let key = SigningKey::passing().unwrap();
    let public = key.public();
    let mut recorder = Recorder::open(Box::new(memory.clone()), key, LIMITS, 0).unwrap();
    for number in 0..exchanges {
        write(&mut recorder, number..number + 1, number).unwrap();
    }
    recorder.close(exchanges).unwrap();
    (memory, public)
}

impl Memory {
    pub(crate) fn files(&self) -> Vec<(u64, Vec<u8>)> {
        self.0.lock().unwrap().files.clone().into_iter().collect()
    }

    pub(crate) fn verify(&self, keys: &[PublicKey]) -> Result<Report, Finding> {
        verify(&self.files(), keys, false)
    }
}

pub(crate) fn verify(files: &[(u64, Vec<u8>)], keys: &[PublicKey], closed: bool) -> Result<Report, Finding> {
    let mut verifier = Verifier::new(keys.to_vec(), Vec::new());
    for (number, file) in files {
        // A small buffer, so that lines cross its end.
        let file = io::BufReader::with_capacity(100, &file[..]);
        verifier.file(*number, file, |_| Ok(())).unwrap()?;
    }
    verifier.finish(closed)
}
