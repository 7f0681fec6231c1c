//! The body of an answer: chunks (RFC 9112 section 7.1), which are given on and not kept.

use crate::ScanError;

/// Bytes of one line between chunks.
const LONGEST_LINE: usize = 1024;
/// Bytes of all lines behind the last chunk.
const LONGEST_TRAILER: usize = 16 * 1024;

/// A chunked body that is read.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: State,
    line: Vec<u8>,
    trailer: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// In the line with a chunk's size.
    #[default]
    Size,
    /// In a chunk, before so many bytes.
    Data(u64),
    /// In the line end behind a chunk.
    DataEnd,
    /// Behind the last chunk.
    Trailer,
    End,
}

impl Chunks {
    /// Whether all of the body was read.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::End
    }

    /// Reads on, and gives the data on as long as it is wanted; answers what lies behind the body's end, or behind what was wanted.
    pub(super) fn read<'b>(
        &mut self,
        mut bytes: &'b [u8],
        mut data: impl FnMut(&[u8]) -> bool,
    ) -> Result<&'b [u8], ScanError> {
        while !bytes.is_empty() && self.state != State::End {
            if let State::Data(left) = self.state {
                let (now, rest) =
                    bytes.split_at(bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                let wants_more = data(now);
                bytes = rest;
                self.state = match left - now.len() as u64 {
                    0 => State::DataEnd,
                    left => State::Data(left),
                };
                if !wants_more {
                    return Ok(bytes);
                }
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (now, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            bytes = rest;
            self.line.extend_from_slice(now);
            if self.line.len() > LONGEST_LINE {
                return Err(ScanError::Nonsense("a line between chunks is too long"));
            }
            if end.is_some() {
                self.state = self.behind_line()?;
                self.line.clear();
            }
        }
        Ok(bytes)
    }

    /// What comes behind the line that is whole now.
    fn behind_line(&mut self) -> Result<State, ScanError> {
        let line =
            self.line.strip_suffix(b"\r\n").ok_or(ScanError::Nonsense("a line between chunks ends in LF"))?;
        match self.state {
            State::Size => {
                let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                let good = (1..=15).contains(&size.len()) && size.iter().all(u8::is_ascii_hexdigit);
                let size = std::str::from_utf8(size).ok().filter(|_| good);
                let size = size.and_then(|size| u64::from_str_radix(size, 16).ok());
                match size.ok_or(ScanError::Nonsense("a chunk has no size"))? {
                    0 => Ok(State::Trailer),
                    size => Ok(State::Data(size)),
                }
            }
            State::DataEnd if line.is_empty() => Ok(State::Size),
            State::Trailer if line.is_empty() => Ok(State::End),
            State::Trailer => {
                self.trailer += line.len();
                match self.trailer > LONGEST_TRAILER {
                    true => Err(ScanError::Nonsense("too much follows the last chunk")),
                    false => Ok(State::Trailer),
                }
            }
            _ => Err(ScanError::Nonsense("a chunk is longer than its size")),
        }
    }
}
