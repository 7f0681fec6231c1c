//! The files of the log as one writer sees them: lines chained and signed, files rotated, and taken up again after a failure.
//!
//! A file that could not be written or synced is given up, never written again: what of it is on the disk, the next file says.
//! So there is one way to go on, whether the gateway was killed or its disk was full.

use std::sync::Arc;

use crate::folder::{Appending, Folder};
use crate::key::SigningKey;
use crate::line::Head;
use crate::resume::standing;
use crate::signed::{self, After, Opened};

/// How often files are ended and checkpoints made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after which a file is ended.
    pub rotate_bytes: u64,
    /// Milliseconds after which a file is ended.
    pub rotate_millis: u64,
    /// Lines after which a checkpoint is made.
    pub checkpoint_lines: u64,
    /// Milliseconds after which one is made, if there are new lines.
    pub checkpoint_millis: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rotate_bytes: 128 << 20,
            rotate_millis: 24 * 3_600_000,
            checkpoint_lines: 10_000,
            checkpoint_millis: 10_000,
        }
    }
}

/// How long a log that cannot be written is left alone before it is tried again, in milliseconds.
const RETRY: u64 = 1_000;

/// Nothing can be written now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the exchange log cannot be written: {0}")]
pub struct Failed(pub(crate) Arc<str>);

/// What is not on record.
#[derive(Debug, Clone, Copy, Default)]
struct Lost {
    lines: u64,
    from: u64,
    until: u64,
}

impl Lost {
    fn count(&mut self, lines: u64, from: u64, until: u64) {
        if lines == 0 {
            return;
        }
        if self.lines == 0 {
            self.from = from;
        }
        self.lines += lines;
        self.until = until;
    }
}

/// A file that is written.
struct Current {
    number: u64,
    file: Box<dyn Appending>,
    bytes: u64,
    opened_at: u64,
}

/// The log's files. One thread has it.
pub struct Recorder {
    folder: Box<dyn Folder>,
    key: SigningKey,
    limits: Limits,
    /// The last line that was written.
    head: Head,
    /// `None` when it cannot be written.
    current: Option<Current>,
    /// Numbers of lines that were written and not synced, but for the log's own, and since when.
    unsynced: Vec<u64>,
    unsynced_since: u64,
    /// Lines since the last one that is signed, and since when.
    unsigned: u64,
    signed_at: u64,
    lost: Lost,
    lost_in_all: u64,
    tried_at: u64,
    /// The log was ended, and nothing is written any more.
    ended: bool,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("head", &self.head).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Takes up the log in the folder, and begins a file. `now` is unix milliseconds, here and elsewhere.
    ///
    /// # Errors
    /// When the folder cannot be read or written, or its last file does not begin as one does.
    pub fn open(folder: Box<dyn Folder>, key: SigningKey, limits: Limits, now: u64) -> Result<Self, Failed> {
        let mut recorder = Self {
            folder,
            key,
            limits,
            head: Head::NOTHING,
            current: None,
            unsynced: Vec::new(),
            unsynced_since: now,
            unsigned: 0,
            signed_at: now,
            lost: Lost::default(),
            lost_in_all: 0,
            tried_at: 0,
            ended: false,
            buffer: Vec::new(),
        };
        recorder.take_up(now)?;
        Ok(recorder)
    }

    /// The last line.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Whether nothing can be written now.
    pub fn is_failing(&self) -> bool {
        self.current.is_none() && !self.ended
    }

    /// Exchanges that are not on record since the process began.
    pub fn lost(&self) -> u64 {
        self.lost_in_all
    }

    /// The number of the file that is written.
    pub fn file(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.number)
    }

    /// Since when there are lines that are not synced.
    pub fn unsynced_since(&self) -> Option<u64> {
        (!self.unsynced.is_empty()).then_some(self.unsynced_since)
    }

    /// Chains and writes lines. They are on the disk after [`Self::sync`].
    ///
    /// # Errors
    /// When they cannot be written: then they are counted as lost, and a later line says so.
    pub fn write<'m>(
        &mut self,
        lines: impl ExactSizeIterator<Item = &'m [u8]>,
        now: u64,
    ) -> Result<(), Failed> {
        let count = lines.len() as u64;
        if let Err(failed) = self.ready(now) {
            self.count_lost(count, now);
            return Err(failed);
        }
        if self.unsynced.is_empty() {
            self.unsynced_since = now;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        for members in lines {
            self.head.append(members, &mut buffer);
            self.unsynced.push(self.head.line);
            self.unsigned += 1;
            if self.unsigned >= self.limits.checkpoint_lines {
                self.checkpoint(now, &mut buffer);
            }
        }
        let written = self.append(&buffer, now);
        buffer.clear();
        // A burst leaves no large buffer behind.
        buffer.shrink_to(4 << 20);
        self.buffer = buffer;
        written
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// When that fails: what is not there is counted as lost.
    pub fn sync(&mut self, now: u64) -> Result<(), Failed> {
        let Some(current) = &mut self.current else { return Err(failed("nothing was written")) };
        match current.file.sync() {
            Ok(()) => {
                self.unsynced.clear();
                Ok(())
            }
            Err(error) => Err(self.give_up(&error, now)),
        }
    }

    /// What is due by the clock: a checkpoint, a new file, another try at one that could not be made.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tick(&mut self, now: u64) -> Result<(), Failed> {
        self.ready(now)?;
        if self.unsigned > 0 && now.saturating_sub(self.signed_at) >= self.limits.checkpoint_millis {
            let mut line = Vec::new();
            self.checkpoint(now, &mut line);
            self.append(&line, now)?;
            self.sync(now)?;
        }
        Ok(())
    }

    /// Ends the log. Nothing can be written after that.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn close(&mut self, now: u64) -> Result<(), Failed> {
        self.end_file(now)?;
        self.ended = true;
        Ok(())
    }

    /// Ends the file that is written, for good.
    fn end_file(&mut self, now: u64) -> Result<(), Failed> {
        if self.current.is_none() {
            return Err(failed("no file is open"));
        }
        let mut line = Vec::new();
        signed::closed(&mut self.head, &self.key, now, &mut line);
        self.unsigned = 0;
        self.append(&line, now)?;
        self.sync(now)?;
        self.current = None;
        Ok(())
    }

    /// A file to write in.
    fn ready(&mut self, now: u64) -> Result<(), Failed> {
        if self.ended {
            return Err(failed("it was ended"));
        }
        let Some(current) = &self.current else {
            if now.saturating_sub(self.tried_at) < RETRY && now >= self.tried_at {
                return Err(failed("it could not be written a moment ago"));
            }
            return self.take_up(now);
        };
        let aged = now.saturating_sub(current.opened_at) >= self.limits.rotate_millis;
        if current.bytes >= self.limits.rotate_bytes || aged {
            let number = current.number;
            self.end_file(now)?;
            self.begin(number + 1, After::Closed, now)?;
        }
        Ok(())
    }

    /// Goes on behind what the last file on the disk says, in a new one.
    fn take_up(&mut self, now: u64) -> Result<(), Failed> {
        self.tried_at = now;
        let found = standing(&*self.folder).map_err(|error| failed(&error.to_string()))?;
        let missing = self.unsynced.iter().filter(|line| **line > found.head.line).count() as u64;
        let since = self.unsynced_since;
        self.unsynced.clear();
        self.lost.count(missing, since, now);
        self.lost_in_all += missing;
        self.head = found.head;
        self.begin(found.next, found.after, now)
    }

    fn begin(&mut self, number: u64, after: After, now: u64) -> Result<(), Failed> {
        let opened = Opened { file: number, previous: self.head.hash, after };
        let before = self.head;
        let mut lines = Vec::new();
        signed::opened(&mut self.head, &self.key, now, &opened, &mut lines);
        let lost = std::mem::take(&mut self.lost);
        if lost.lines > 0 {
            signed::gap(&mut self.head, now, lost.lines, lost.from, lost.until, &mut lines);
        }
        let made = self.folder.create(number).and_then(|mut file| {
            let written = file.append(&lines).and_then(|()| file.sync()).and_then(|()| self.folder.sync());
            if written.is_err() {
                // Nobody has been told of anything in it. What stays behind is taken up like any other.
                let _ = self.folder.remove(number);
            }
            written.map(|()| file)
        });
        match made {
            Ok(file) => {
                let bytes = lines.len() as u64;
                self.current = Some(Current { number, file, bytes, opened_at: now });
                (self.unsigned, self.signed_at) = (u64::from(lost.lines > 0), now);
                Ok(())
            }
            Err(error) => {
                self.head = before;
                self.lost = lost;
                self.tried_at = now;
                Err(failed(&error.to_string()))
            }
        }
    }

    fn checkpoint(&mut self, now: u64, out: &mut Vec<u8>) {
        signed::checkpoint(&mut self.head, &self.key, now, out);
        (self.unsigned, self.signed_at) = (0, now);
    }

    fn append(&mut self, bytes: &[u8], now: u64) -> Result<(), Failed> {
        let Some(current) = &mut self.current else { return Err(failed("no file is open")) };
        match current.file.append(bytes) {
            Ok(()) => {
                current.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) => Err(self.give_up(&error, now)),
        }
    }

    /// The file is not written any more. What of it is on the disk shows when a new one is begun.
    fn give_up(&mut self, error: &std::io::Error, now: u64) -> Failed {
        self.current = None;
        self.tried_at = now;
        failed(&error.to_string())
    }

    fn count_lost(&mut self, lines: u64, now: u64) {
        self.lost.count(lines, now, now);
        self.lost_in_all += lines;
    }
}

fn failed(why: &str) -> Failed {
    Failed(why.into())
}
