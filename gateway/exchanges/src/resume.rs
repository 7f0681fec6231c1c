//! What the last file says when a log is taken up again.

use std::io::{self, BufRead, BufReader};

use sha2::{Digest as _, Sha256};

use crate::folder::Folder;
use crate::line::{Framed, Head, LONGEST};
use crate::signed::{After, Opened, Read};

/// Where a log goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its last line.
    pub(crate) head: Head,
    /// The number of the next file.
    pub(crate) next: u64,
    /// How the last one ended.
    pub(crate) after: After,
}

/// Why a log cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResumeError {
    #[error("the exchange log cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A file has whole lines, and the first of them is none that begins a file.
    #[error(
        "file {0} of the exchange log does not begin as a file of it does: `sekisho log verify` says where; move the \
         folder away to begin anew"
    )]
    Beginning(u64),
}

/// Reads the last file. One in which no line was ever ended is removed: nobody was told of anything in it.
pub(crate) fn standing(folder: &dyn Folder) -> Result<Standing, ResumeError> {
    loop {
        let Some(last) = folder.numbers()?.last().copied() else {
            return Ok(Standing { head: Head::NOTHING, next: 1, after: After::Nothing });
        };
        match read(last, folder.open(last)?)? {
            Some((head, after)) => return Ok(Standing { head, next: last + 1, after }),
            None => {
                folder.remove(last)?;
                folder.sync()?;
            }
        }
    }
}

/// The head of a file, and how it ends; `None` where no line of it was ended.
fn read(number: u64, file: impl io::Read) -> Result<Option<(Head, After)>, ResumeError> {
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    let mut head = None;
    let (mut kept, mut closed) = (0u64, false);
    let mut behind = Sha256::new();
    let mut cut = 0u64;
    loop {
        line.clear();
        let length = next(&mut file, &mut line)?;
        if length == 0 {
            break;
        }
        let followed = match (&head, Framed::read(&line)) {
            (_, None) => None,
            (None, Some(framed)) => begins(number, &line, &framed).then_some(framed),
            (Some(Head { line, hash }), Some(framed)) => {
                (!closed && framed.number == line + 1 && framed.follows(hash)).then_some(framed)
            }
        };
        match followed {
            Some(framed) => {
                closed = framed.kind == "closed";
                head = Some(Head { line: framed.number, hash: framed.hash });
                kept += length;
            }
            None if head.is_none() && line.ends_with(b"\n") => return Err(ResumeError::Beginning(number)),
            None if head.is_none() => return Ok(None),
            // From here on nothing is chained: the rest is told of by its length and digest.
            None => {
                behind.update(&line);
                cut = length + io::copy(&mut file, &mut Counting(&mut behind))?;
                break;
            }
        }
    }
    Ok(head.map(|head| {
        let after = if closed && cut == 0 {
            After::Closed
        } else {
            After::Cut { kept, cut, digest: behind.finalize().into() }
        };
        (head, after)
    }))
}

/// Whether this line begins the file with that number.
fn begins(number: u64, line: &[u8], framed: &Framed<'_>) -> bool {
    let opened = Read::of(line).and_then(|read| read.opened());
    let right = |opened: Opened| opened.file == number && framed.follows(&opened.previous);
    framed.kind == "opened" && opened.is_some_and(right)
}

/// Reads a line with its end, or as much as a line may have.
pub(crate) fn next(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    let read = io::Read::take(file, LONGEST as u64).read_until(b'\n', line)?;
    Ok(read as u64)
}

struct Counting<'d>(&'d mut Sha256);

impl io::Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
