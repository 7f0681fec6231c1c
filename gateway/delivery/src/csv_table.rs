//! A CSV answer, record by record, in bounded memory (RFC 4180).

use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader};

/// Most bytes of one record of an answer.
const MOST_RECORD: usize = 4 * 1024 * 1024;

/// Most fields of one record of an answer.
const MOST_FIELDS: usize = 10_000;

/// Reads records of text fields.
pub(crate) struct CsvTable<R> {
    input: R,
    reader: Reader,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    fields: Vec<u8>,
    ends: Vec<usize>,
    at_end: bool,
}

impl<R: Read> CsvTable<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            reader: Reader::new(),
            buffer: vec![0; 32 * 1024],
            start: 0,
            end: 0,
            fields: vec![0; 4096],
            ends: vec![0; 64],
            at_end: false,
        }
    }

    /// Replaces `record` by the next one; `false` at the end.
    pub(crate) fn next(&mut self, record: &mut Vec<String>) -> io::Result<bool> {
        let (mut written, mut ended) = (0, 0);
        loop {
            if self.start == self.end && !self.at_end {
                self.start = 0;
                self.end = self.input.read(&mut self.buffer)?;
                self.at_end = self.end == 0;
            }
            let input = self.buffer.get(self.start..self.end).unwrap_or_default();
            let (result, read, wrote, ends) = self.reader.read_record(
                input,
                self.fields.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(ended..).unwrap_or_default(),
            );
            self.start += read;
            written += wrote;
            ended += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => grow(&mut self.fields, MOST_RECORD)?,
                ReadRecordResult::OutputEndsFull => grow(&mut self.ends, MOST_FIELDS)?,
                ReadRecordResult::Record => {
                    self.take(record, ended)?;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    fn take(&self, record: &mut Vec<String>, count: usize) -> io::Result<()> {
        record.clear();
        let mut from = 0;
        for end in self.ends.iter().take(count) {
            let field = self.fields.get(from..*end).unwrap_or_default();
            let text = std::str::from_utf8(field)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the answer is not UTF-8"))?;
            record.push(text.to_owned());
            from = *end;
        }
        Ok(())
    }
}

fn grow<T: Default + Clone>(buffer: &mut Vec<T>, most: usize) -> io::Result<()> {
    if buffer.len() >= most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a record of the answer is too long"));
    }
    let length = (buffer.len() * 2).min(most);
    buffer.resize(length, T::default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time: every seam is tried.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match (self.0.split_first(), buffer.first_mut()) {
                (Some((byte, rest)), Some(slot)) => {
                    *slot = *byte;
                    self.0 = rest;
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }

    fn all(input: impl Read) -> io::Result<Vec<Vec<String>>> {
        let mut table = CsvTable::new(input);
        let (mut record, mut all) = (Vec::new(), Vec::new());
        while table.next(&mut record)? {
            all.push(record.clone());
        }
        Ok(all)
    }

    #[test]
    fn quoted_fields_and_both_line_ends_are_read_across_every_seam() {
        let text = "a,b\r\n\"x,\"\"y\"\"\n\",2\nlast,";
        let expected = vec![vec!["a", "b"], vec!["x,\"y\"\n", "2"], vec!["last", ""]];
        assert_eq!(all(text.as_bytes()).expect("whole"), expected);
        assert_eq!(all(Drip(text.as_bytes())).expect("drip"), expected);
    }

    #[test]
    fn long_records_grow_the_buffers_up_to_their_cap() {
        let long = "x".repeat(100_000);
        assert_eq!(all(format!("{long},1\n").as_bytes()).expect("long")[0][0].len(), 100_000);
        let endless = io::repeat(b'x').take(5_000_000);
        assert!(all(endless).is_err());
    }
}
