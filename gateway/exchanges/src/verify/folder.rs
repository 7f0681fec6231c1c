//! A whole folder, file by file.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use super::{Finding, Report, Verifier};
use crate::folder::{file_name, numbers_in};

/// Bytes that are read at once.
const READ: usize = 1 << 20;

/// Reads every file of the log in a folder, and gives every line of an exchange to `sink`. With `closed`, the last file must be
/// closed.
///
/// # Errors
/// The outer one when a file cannot be read, or there is none (`NotFound`); the inner one is the first thing that is wrong.
pub fn verify_folder(
    folder: &Path,
    mut verifier: Verifier,
    closed: bool,
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Result<Report, Finding>> {
    let numbers = numbers_in(folder)?;
    if numbers.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the folder has no file of an exchange log"));
    }
    for number in numbers {
        let file = File::open(folder.join(file_name(number)))?;
        let read = verifier.file(number, BufReader::with_capacity(READ, file), &mut sink)?;
        if let Err(finding) = read {
            return Ok(Err(finding));
        }
    }
    Ok(verifier.finish(closed))
}
