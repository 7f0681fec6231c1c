//! clamd's command `INSTREAM`: the content in chunks, each behind its length, and one line as the answer.
//!
//! The forms are those of clamd(8): `zINSTREAM`, chunks with lengths of four bytes in network order, a length of zero at the end;
//! the answer ends in a zero byte as the command did.

use crate::{Said, ScanError, Signature, Verdict};

/// Asks whether somebody is there.
pub const PING: &[u8] = b"zPING\0";
/// Bytes of an answer, without its end.
const LONGEST_ANSWER: usize = 4 * 1024;

/// One content, told to clamd.
#[derive(Debug, Default)]
pub struct InStream {
    answer: Line,
    told: bool,
}

impl InStream {
    /// Whether the next piece may be given: clamd takes it all without a word.
    pub fn takes_more(&self) -> bool {
        !self.told
    }

    /// Whether the end was told.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// Writes the command.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"zINSTREAM\0");
    }

    /// Writes a chunk; none for no bytes, as that would be the end.
    pub fn piece(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        // A chunk is no longer than its length can say.
        for chunk in piece.chunks(crate::Talk::PIECE) {
            let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(chunk);
        }
    }

    /// Writes the end.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.told = true;
        out.extend_from_slice(&0_u32.to_be_bytes());
    }

    /// Takes bytes of the answer.
    ///
    /// # Errors
    /// When the answer is not of the protocol, says that the content is too much, or lets pass what clamd does not have whole.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Said, ScanError> {
        let Some(line) = self.answer.read(bytes)? else { return Ok(Said::Nothing) };
        match meaning(line)? {
            Verdict::Clean if !self.told => Err(ScanError::Early),
            verdict => Ok(Said::Verdict(verdict)),
        }
    }
}

/// The answer to [`PING`].
#[derive(Debug, Default)]
pub struct Ping(Line);

impl Ping {
    /// Takes bytes of the answer; whether it is there whole.
    ///
    /// # Errors
    /// When it is another one than clamd's.
    pub fn read(&mut self, bytes: &[u8]) -> Result<bool, ScanError> {
        match self.0.read(bytes)? {
            None => Ok(false),
            Some(b"PONG") => Ok(true),
            Some(_) => Err(ScanError::Nonsense("PONG was expected")),
        }
    }
}

/// What an answer to `INSTREAM` means.
fn meaning(line: &[u8]) -> Result<Verdict, ScanError> {
    // The size limit is told of the command, not of the stream.
    if line.ends_with(b"size limit exceeded. ERROR") {
        return Err(ScanError::BeyondItsLimits);
    }
    let said = line.strip_prefix(b"stream: ").ok_or(ScanError::Nonsense("\"stream: \" was expected"))?;
    if said == b"OK" {
        return Ok(Verdict::Clean);
    }
    if let Some(name) = said.strip_suffix(b" FOUND") {
        // With AlertExceedsMax: what is beyond a limit was not looked at.
        if name.starts_with(b"Heuristics.Limits.Exceeded") {
            return Err(ScanError::BeyondItsLimits);
        }
        return Ok(Verdict::Found(Signature::new(name)));
    }
    if said.ends_with(b" ERROR") {
        return Err(ScanError::Failed);
    }
    Err(ScanError::Nonsense("OK, FOUND or ERROR was expected"))
}

/// A line that ends in a zero byte.
#[derive(Debug, Default)]
struct Line(Vec<u8>);

impl Line {
    /// The line without its end, once that is there. What lies behind it is not looked at: one line is all that is asked for.
    fn read(&mut self, bytes: &[u8]) -> Result<Option<&[u8]>, ScanError> {
        let end = bytes.iter().position(|byte| *byte == 0);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if self.0.len() + part.len() > LONGEST_ANSWER {
            return Err(ScanError::Nonsense("the answer is too long"));
        }
        self.0.extend_from_slice(part);
        Ok(end.map(|_| self.0.as_slice()))
    }
}

#[cfg(test)]
mod tests;
