//! Whether what was written is still there: every line, in its order, as it was.
//!
//! What this can tell: the first line that was altered, is missing, or stands elsewhere; files that are missing between others;
//! lines that were chained anew by somebody without the key, up to the last one that is signed. What it cannot, from the files
//! alone: that the newest lines were taken away, all of them from some line on (a gateway that was killed leaves the same). For
//! that there are heads, which receipts carry, and `closed`.

mod folder;
mod report;

use std::io::{self, BufRead};

use sha2::{Digest as _, Sha256};

pub use self::folder::verify_folder;
pub use self::report::{Finding, Found, Report};
use crate::key::PublicKey;
use crate::line::{Framed, Head, LONGEST, Link};
use crate::signed::{After, Read};

/// How the file before ended, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ended {
    /// No file was read yet.
    Unread,
    /// With its last line.
    Closed,
    /// Without it, and with so many bytes of lines; behind them, others that are none.
    Open { kept: u64, cut: u64, digest: Link, place: u64 },
}

/// Reads the files of a log in their order.
#[derive(Debug)]
pub struct Verifier {
    keys: Vec<PublicKey>,
    /// Heads that must be in the log, by number.
    heads: Vec<Head>,
    head: Head,
    ended: Ended,
    /// A file in which no line was ended, and its bytes: the newest may be one.
    unbegun: Option<(u64, u64)>,
    next_file: u64,
    report: Report,
}

/// What one line turned out to be.
enum Line<'l> {
    Whole(Framed<'l>),
    /// No line, or one that does not follow: what is wrong if it is not the rest of a file that was not closed.
    Not(Found),
}

impl Verifier {
    /// A verifier that takes signatures of these keys only; of any, where there are none: then whoever can write the folder can
    /// sign. Lines with these heads must be there.
    pub fn new(keys: Vec<PublicKey>, mut heads: Vec<Head>) -> Self {
        heads.sort_by_key(|head| head.line);
        Self {
            keys,
            heads,
            head: Head::NOTHING,
            ended: Ended::Unread,
            unbegun: None,
            next_file: 0,
            report: Report::default(),
        }
    }

    /// Reads the file with this number, after those before it, and gives every line that is not the log's own to `sink`, with its
    /// end.
    ///
    /// # Errors
    /// The outer one when the file cannot be read; the inner one is the first thing that is wrong.
    pub fn file(
        &mut self,
        number: u64,
        mut file: impl BufRead,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Result<(), Finding>> {
        let wrong = |place: u64, found: Found| Ok(Err(Finding { file: number, place, found }));
        if let Some((file, bytes)) = self.unbegun {
            let found = if bytes == 0 { Found::Empty } else { Found::Torn };
            return Ok(Err(Finding { file, place: u64::from(bytes > 0), found }));
        }
        if self.ended != Ended::Unread && number != self.next_file {
            return wrong(0, Found::FileMissing { wanted: self.next_file });
        }
        self.next_file = number + 1;
        self.report.files += 1;
        let mut carried = Vec::new();
        let mut closed = false;
        let (mut kept, mut place) = (0u64, 0u64);
        // What is not chained, and what would be wrong with it if the file did not simply end there.
        let mut cut: Option<(u64, Sha256, Found)> = None;
        loop {
            let length = next_line(&mut file, &mut carried, |line| {
                place += 1;
                if let Some((length, digest, found)) = &mut cut {
                    *length += line.len() as u64;
                    digest.update(line);
                    if line.ends_with(b"\n") && matches!(found, Found::Torn) {
                        *found = Found::NoLine;
                    }
                    return Ok(Ok(()));
                }
                if closed {
                    return Ok(Err(Found::AfterTheLast));
                }
                match self.line(number, place, line) {
                    Ok(Line::Whole(framed)) => {
                        closed = framed.kind == "closed";
                        kept += line.len() as u64;
                        if matches!(framed.kind, "exchange" | "begun") {
                            sink(line)?
                        }
                        Ok(Ok(()))
                    }
                    Ok(Line::Not(found)) if line.ends_with(b"\n") => Ok(Err(found)),
                    Ok(Line::Not(_)) => {
                        cut = Some((line.len() as u64, Sha256::new_with_prefix(line), Found::Torn));
                        Ok(Ok(()))
                    }
                    Err(found) => Ok(Err(found)),
                }
            })?;
            match length {
                Some(Err(found)) => return wrong(place, found),
                Some(Ok(())) => {}
                None => break,
            }
        }
        let (length, digest, found) = match cut {
            Some((length, digest, found)) => (length, digest.finalize().into(), Some(found)),
            None => (0, Sha256::new().finalize().into(), None),
        };
        // Behind a line that was torn there is nothing: whole lines there are a hole in the middle.
        if let Some(found) = found.filter(|found| !matches!(found, Found::Torn)) {
            return wrong(place, found);
        }
        self.report.torn = length;
        if kept == 0 {
            self.unbegun = Some((number, length));
            return Ok(Ok(()));
        }
        self.ended = if closed { Ended::Closed } else { Ended::Open { kept, cut: length, digest, place } };
        Ok(Ok(()))
    }

    /// One line with its end, the `place`th of its file.
    fn line<'l>(&mut self, file: u64, place: u64, line: &'l [u8]) -> Result<Line<'l>, Found> {
        let Some(framed) = Framed::read(line) else {
            let found = if line.ends_with(b"\n") { Found::NoLine } else { Found::Torn };
            return Ok(Line::Not(found));
        };
        let own = match framed.kind {
            "exchange" | "begun" => None,
            _ => Some(Read::of(line).ok_or(Found::NoLine)?),
        };
        if place == 1 {
            self.begin(file, &framed, own.as_ref())?;
        } else if framed.kind == "opened" {
            return Err(Found::NoLine);
        }
        let wanted = self.head.line + 1;
        if !framed.follows(&self.head.hash) {
            let renumbered = framed.number != wanted && framed.would_follow_as(&self.head.hash, wanted);
            return Err(match framed.number {
                _ if renumbered => Found::Altered,
                number if number > wanted => Found::Missing { first: wanted, last: number - 1 },
                number if number < wanted => Found::Elsewhere { wanted },
                _ => Found::Altered,
            });
        }
        if framed.number != wanted {
            return Err(Found::Elsewhere { wanted });
        }
        if let Some(own) = own {
            self.own(&framed, &own)?;
        } else {
            self.report.exchanges += u64::from(framed.kind == "exchange");
            self.report.unsigned += 1;
        }
        self.head = Head { line: framed.number, hash: framed.hash };
        self.report.head = Some(self.head);
        while let Some(head) = self.heads.first().filter(|head| head.line <= self.head.line) {
            if *head != self.head {
                return Err(Found::OtherHead { line: head.line });
            }
            self.heads.remove(0);
        }
        Ok(Line::Whole(framed))
    }

    /// The first line of a file: it follows the file before.
    fn begin(&mut self, file: u64, framed: &Framed<'_>, own: Option<&Read>) -> Result<(), Found> {
        let opened =
            own.filter(|_| framed.kind == "opened").and_then(Read::opened).ok_or(Found::NoBeginning)?;
        if opened.file != file {
            return Err(Found::NoBeginning);
        }
        match (&self.ended, &opened.after) {
            (Ended::Unread, _) => {
                // What came before is not here: this line says what it follows.
                let before = framed.number.checked_sub(1).ok_or(Found::NoBeginning)?;
                self.head = Head { line: before, hash: opened.previous };
                self.report.first = Some(framed.number);
                self.heads.retain(|head| head.line > before);
            }
            (_, _) if opened.previous != self.head.hash => {
                return Err(Found::OtherFileBefore);
            }
            (Ended::Closed, After::Closed) => {}
            (Ended::Open { kept, cut, digest, .. }, After::Cut { kept: k, cut: c, digest: d })
                if (kept, cut, digest) == (k, c, d) =>
            {
                self.report.cuts += 1;
                self.report.torn = 0;
            }
            (Ended::Open { .. }, _) => return Err(Found::OtherEnd),
            (Ended::Closed, _) => return Err(Found::OtherEnd),
        }
        Ok(())
    }

    /// A line that the gateway wrote for itself.
    fn own(&mut self, framed: &Framed<'_>, own: &Read) -> Result<(), Found> {
        match framed.kind {
            "gap" => {
                self.report.lost += own.lost;
                self.report.unsigned += 1;
                return Ok(());
            }
            "opened" | "checkpoint" | "closed" => {}
            _ => return Err(Found::NoLine),
        }
        let key = own.key().ok_or(Found::Signature)?;
        if !self.keys.is_empty() && !self.keys.contains(&key) {
            return Err(Found::OtherKey);
        }
        if !own.is_signed(&self.head.hash, framed.chained) {
            return Err(Found::Signature);
        }
        if !self.report.keys.contains(&key) {
            self.report.keys.push(key);
        }
        self.report.signed += 1;
        self.report.unsigned = 0;
        Ok(())
    }

    /// What there is to say of the whole log. With `closed`, its last file must be.
    ///
    /// # Errors
    /// When a head that must be there is not, or the log was not closed.
    pub fn finish(mut self, closed: bool) -> Result<Report, Finding> {
        let file = self.next_file.saturating_sub(1);
        if let Some(head) = self.heads.first() {
            return Err(Finding { file, place: 0, found: Found::HeadMissing { line: head.line } });
        }
        self.report.closed = self.ended == Ended::Closed && self.unbegun.is_none();
        let place = if let Ended::Open { place, .. } = self.ended { place } else { 0 };
        if closed && !self.report.closed {
            return Err(Finding { file, place, found: Found::NotClosed });
        }
        Ok(self.report)
    }
}

/// Gives one line, with its end if it has one, to `each`. What is longer than a line may be comes in pieces.
fn next_line<T>(
    file: &mut impl BufRead,
    carried: &mut Vec<u8>,
    each: impl FnOnce(&[u8]) -> io::Result<T>,
) -> io::Result<Option<T>> {
    carried.clear();
    loop {
        let buffered = match file.fill_buf() {
            Ok(buffered) => buffered,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffered.is_empty() {
            return if carried.is_empty() { Ok(None) } else { each(carried).map(Some) };
        }
        let room = LONGEST - carried.len();
        let end = memchr::memchr(b'\n', buffered).map(|at| at + 1);
        let taken = end.unwrap_or(buffered.len()).min(room);
        if end == Some(taken) && carried.is_empty() {
            // The usual case: nothing is copied.
            let said = each(&buffered[..taken]);
            file.consume(taken);
            return said.map(Some);
        }
        carried.extend_from_slice(&buffered[..taken]);
        file.consume(taken);
        if end == Some(taken) || carried.len() == LONGEST {
            return each(carried).map(Some);
        }
    }
}
