//! A batch that is tried and not kept: what the gateway would say of it as a whole, once its records have been checked.

use std::io;
use std::path::{Path, PathBuf};

use sekisho_journal::{BatchId, BatchWriter, Spool};
use sekisho_records::{Awaited, Record};

use super::lines::Lines;
use super::{duplicates, no_records, none_is_good, storage, too_many_records};
use crate::refusal::Refusal;
use crate::route::{BadRecords, Mode, Route};

/// The records of one file, as the intake of a route would count them and hold their keys against each other.
///
/// Keys are sorted by a spool of its own: on the disk, as keyed fingerprints. No record is written. Memory is that of a
/// [`BatchWriter`], however many records there are.
#[derive(Debug)]
pub struct Trial<'r> {
    route: &'r Route,
    /// `None` where the route does not look at keys.
    keys: Option<(Spool, BatchWriter)>,
    lines: Lines,
    key: Vec<u8>,
    read: u64,
    taken: u64,
}

impl<'r> Trial<'r> {
    /// Begins one. Where the route looks at keys, `folder` is asked for an empty folder that nobody else uses.
    ///
    /// # Errors
    /// What the file system says.
    pub fn begin(route: &'r Route, folder: impl FnOnce() -> io::Result<PathBuf>) -> io::Result<Self> {
        let keeps = route.mode.plan().is_some() && route.records.key.is_some();
        let keys = if keeps { Some(open(&folder()?).map_err(io::Error::other)?) } else { None };
        Ok(Self { route, keys, lines: Lines::default(), key: Vec::new(), read: 0, taken: 0 })
    }

    /// Takes the next record; `leaving` is what leaves of it, if it is good.
    ///
    /// # Errors
    /// More records than the route takes; keys that cannot be written.
    pub fn take(&mut self, record: &Record, leaving: Option<&Record>) -> Result<(), Refusal> {
        self.read += 1;
        self.lines.note(self.read, record.place().line);
        if self.read > self.route.limits.records {
            return Err(too_many_records(self.route));
        }
        self.taken += u64::from(leaving.is_some());
        let Some((_, writer)) = &mut self.keys else { return Ok(()) };
        self.key.clear();
        // A bad record has no key, and its place.
        let key = match (&self.route.records.key, leaving) {
            (Some(key), Some(leaving)) if key.write(leaving, &mut self.key) => Some(self.key.as_slice()),
            _ => None,
        };
        writer.push(&[], key).map_err(|error| storage(&error))
    }

    /// Ends it behind the last record; `awaited` is what their source says then.
    ///
    /// # Errors
    /// No records, or several of one key where the route does not take them.
    pub fn end(self, awaited: &Awaited) -> Result<(), Refusal> {
        let bad_are_told = self.read > self.taken && self.route.records.bad_records == BadRecords::Refuse;
        let is_batch = match &self.route.mode {
            Mode::StoreAndForward { .. } => true,
            Mode::Relay { split, .. } => split.as_ref().is_some_and(|split| self.read > split.above_records),
        };
        if !is_batch {
            return Ok(());
        }
        if self.taken == 0 && !bad_are_told {
            return Err(if self.read == 0 { no_records(awaited) } else { none_is_good(self.read) });
        }
        let Some((spool, writer)) = self.keys else { return Ok(()) };
        let sealed = writer.seal().map_err(|error| storage(&error))?;
        duplicates::settle(&sealed, &[], &self.lines, self.route, &spool).map(drop)
    }
}

fn open(folder: &Path) -> Result<(Spool, BatchWriter), sekisho_journal::SpoolError> {
    let spool = Spool::open(folder, &folder.join("key"))?;
    let writer = spool.create(BatchId::new(0))?;
    Ok((spool, writer))
}
