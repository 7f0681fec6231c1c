//! CSV (RFC 4180) in and out, one record in memory at a time.

use std::io::{self, Read, Write};

use csv_core::{ReadRecordResult, Reader};

use super::Stopped;
use crate::language::text;

/// Greatest size of a record.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The records of a file.
pub(super) struct Lines<R> {
    input: R,
    core: Reader,
    buffer: Vec<u8>,
    /// What of the buffer has not been read.
    unread: std::ops::Range<usize>,
    begun: bool,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Cells of the record at hand.
    count: usize,
    line: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        let (buffer, text, ends) = (vec![0; 64 * 1024], vec![0; 4096], vec![0; 64]);
        Lines {
            input,
            core: Reader::new(),
            buffer,
            unread: 0..0,
            begun: false,
            text,
            ends,
            count: 0,
            line: 1,
        }
    }

    /// The line on which the record at hand begins, from 1.
    pub(super) fn number(&self) -> u64 {
        self.line
    }

    /// Reads the next record; `false` at the end.
    pub(super) fn next(&mut self) -> Result<bool, Stopped> {
        let (mut written, mut ended) = (0, 0);
        self.line = self.core.line();
        loop {
            if self.unread.is_empty() {
                let length = self.input.read(&mut self.buffer)?;
                self.unread = 0..length;
                if !std::mem::replace(&mut self.begun, true)
                    && self.buffer[..length].starts_with("\u{feff}".as_bytes())
                {
                    self.unread.start = '\u{feff}'.len_utf8();
                }
            }
            let (result, read, out, ends) = self.core.read_record(
                &self.buffer[self.unread.clone()],
                &mut self.text[written..],
                &mut self.ends[ended..],
            );
            self.unread.start += read;
            written += out;
            ended += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < MOST_BYTES => {
                    self.text.resize(self.text.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MOST_BYTES => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    let what = text!("more than {MOST_BYTES} bytes", "{MOST_BYTES}バイトを超えています");
                    return Err(Stopped::At { line: self.line, what });
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(false),
            }
        }
        self.count = ended;
        if std::str::from_utf8(&self.text[..written]).is_err() {
            let what = text!("is not in UTF-8", "文字コードがUTF-8ではありません");
            return Err(Stopped::At { line: self.line, what });
        }
        Ok(true)
    }

    /// The cells of the record at hand.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        // All of it is UTF-8, and so is what stands between two delimiters of it.
        starts
            .zip(&self.ends[..self.count])
            .map(|(start, &end)| std::str::from_utf8(&self.text[start..end]).unwrap_or_default())
    }
}

/// Writes a record.
pub(super) fn write<'c>(output: &mut impl Write, cells: impl Iterator<Item = &'c str>) -> io::Result<()> {
    for (n, cell) in cells.enumerate() {
        if n > 0 {
            output.write_all(b",")?;
        }
        if cell.contains([',', '"', '\r', '\n']) {
            write!(output, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            output.write_all(cell.as_bytes())?;
        }
    }
    output.write_all(b"\r\n")
}
