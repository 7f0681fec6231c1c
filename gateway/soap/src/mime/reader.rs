//! The reader itself: boundary lines, heads and bodies.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use memchr::memmem;

use super::transfer::{Base64, QuotedPrintable, Step};
use super::window::{self, Window};
use super::{At, Defect, MimeError, PartHead, PartLimits, TransferEncoding, TransferError, head};

/// The most white space that may follow a boundary on its line (RFC 2046 section 5.1.1, transport padding), in bytes.
const PADDING: usize = 256;

/// Decoded bytes held at once.
const DECODED: usize = 12 * 1024;

/// Reads a `multipart/*` package part by part.
///
/// Bodies of `7bit`, `8bit` and `binary` parts come straight out of the window, at the speed of one copy and two vector
/// searches. After an error every further call gives the same error.
pub struct MultipartReader<R> {
    window: Window<R>,
    limits: PartLimits,
    /// Line end, two hyphens, boundary.
    needle: memmem::Finder<'static>,
    /// Bytes of the line end in the needle.
    lead: usize,
    stage: Stage,
    /// Whether the boundary may stand right at the window's start, its line end being behind us.
    line_start: bool,
    /// Bytes at the window's start that are known to be body.
    clear: usize,
    /// Number of the current part, from 1.
    part: u32,
    content_ids: HashMap<String, u32>,
    transfer: Transfer,
    decoded: Vec<u8>,
    decoded_start: usize,
    decoded_end: usize,
    broken: Option<(Defect, At)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the first boundary line.
    Preamble,
    /// Behind a boundary line that opens a part.
    Opened,
    /// In a part's body.
    Body,
    /// Behind the closing boundary line.
    Closed,
    /// Behind the epilogue.
    Ended,
}

enum Transfer {
    SevenBit,
    Identity,
    Base64(Base64),
    QuotedPrintable(QuotedPrintable),
}

impl<R: Read> MultipartReader<R> {
    /// A reader over the body of a `multipart/*` message; `boundary` as [`crate::MediaType::boundary`] gave it.
    pub fn new(input: R, boundary: &str, limits: PartLimits) -> Self {
        Self::with_capacity(input, boundary, limits, window::CAPACITY)
    }

    pub(super) fn with_capacity(input: R, boundary: &str, limits: PartLimits, capacity: usize) -> Self {
        let line_end = if limits.bare_line_feed { "\n" } else { "\r\n" };
        let needle = format!("{line_end}--{boundary}");
        Self {
            window: Window::new(input, capacity.max(2 * needle.len())),
            limits,
            needle: memmem::Finder::new(&needle).into_owned(),
            lead: line_end.len(),
            stage: Stage::Preamble,
            line_start: true,
            clear: 0,
            part: 0,
            content_ids: HashMap::new(),
            transfer: Transfer::Identity,
            decoded: Vec::new(),
            decoded_start: 0,
            decoded_end: 0,
            broken: None,
        }
    }

    /// Skips what is left of the current part and reads the next one's head; `None` behind the closing boundary, once the
    /// input has ended. What is skipped is not transfer-decoded.
    pub fn next_part(&mut self) -> Result<Option<PartHead>, MimeError> {
        self.unbroken()?;
        let result = self.proceed();
        self.remember(result)
    }

    /// Body of the current part, transfer-decoded. It can be dropped and asked for again: it goes on where it was. Errors
    /// are [`MimeError`]s inside `io::Error` (see [`MimeError::from_io`]), after every good byte before them.
    pub fn body(&mut self) -> PartBody<'_, R> {
        PartBody { reader: self }
    }

    /// The place in the package that is read next.
    pub fn at(&self) -> At {
        self.window.place(self.part, 0)
    }

    fn proceed(&mut self) -> Result<Option<PartHead>, MimeError> {
        loop {
            match self.stage {
                Stage::Preamble => {
                    self.skip(self.limits.preamble_bytes, "bytes before the first boundary")?
                }
                Stage::Body => self.skip(usize::MAX, "bytes")?,
                Stage::Opened => return self.open_part().map(Some),
                Stage::Closed => {
                    self.skip_epilogue()?;
                    self.stage = Stage::Ended;
                }
                Stage::Ended => return Ok(None),
            }
        }
    }

    fn open_part(&mut self) -> Result<PartHead, MimeError> {
        if self.part as usize >= self.limits.parts {
            return Err(self.limit("parts", self.limits.parts, 0));
        }
        self.part += 1;
        let head = head::read(&mut self.window, self.part, &self.limits)?;
        if let Some(id) = &head.content_id
            && let Some(first) = self.content_ids.insert(id.clone(), self.part)
        {
            return Err(self.malformed(Defect::DuplicateContentId { first }, 0));
        }
        self.transfer = match head.transfer_encoding {
            Some(TransferEncoding::EightBit | TransferEncoding::Binary) => Transfer::Identity,
            None if self.limits.eight_bit_unlabelled => Transfer::Identity,
            None | Some(TransferEncoding::SevenBit) => Transfer::SevenBit,
            Some(TransferEncoding::Base64) => Transfer::Base64(Base64::default()),
            Some(TransferEncoding::QuotedPrintable) => {
                Transfer::QuotedPrintable(QuotedPrintable::new(self.limits.bare_line_feed))
            }
        };
        (self.decoded_start, self.decoded_end) = (0, 0);
        (self.stage, self.line_start) = (Stage::Body, true);
        Ok(head)
    }

    fn skip(&mut self, max: usize, which: &'static str) -> Result<(), MimeError> {
        let mut skipped = 0;
        loop {
            let count = self.span()?;
            if count == 0 {
                return Ok(());
            }
            if count > max - skipped {
                return Err(self.limit(which, max, max - skipped));
            }
            skipped += count;
            self.leave(count);
        }
    }

    fn skip_epilogue(&mut self) -> Result<(), MimeError> {
        if self.part == 0 {
            return Err(self.malformed(Defect::NoPart, 0));
        }
        let mut left = self.limits.epilogue_bytes;
        while self.window.peek()?.is_some() {
            let count = self.window.bytes().len();
            if count > left {
                return Err(self.limit("bytes after the closing boundary", self.limits.epilogue_bytes, left));
            }
            left -= count;
            self.window.advance(count);
        }
        Ok(())
    }

    /// Bytes at the window's start that belong to the body (or preamble) for sure; 0 once its boundary line is passed.
    fn span(&mut self) -> Result<usize, MimeError> {
        while self.clear == 0 && matches!(self.stage, Stage::Preamble | Stage::Body) {
            if self.line_start {
                self.look_at_line_start()?;
                continue;
            }
            let bytes = self.window.bytes();
            if let Some(found) = self.needle.find(bytes) {
                let lead = usize::from(self.limits.bare_line_feed && found > 0 && bytes[found - 1] == b'\r');
                self.clear = found - lead;
                if self.clear == 0 {
                    self.pass_boundary(lead + self.needle.needle().len())?;
                }
            } else if self.window.ended() {
                self.clear = bytes.len();
                if self.clear == 0 {
                    return Err(self.cut_off());
                }
            } else {
                self.clear = bytes.len() - self.undecided(bytes);
                if self.clear == 0 {
                    self.window.refill()?;
                }
            }
        }
        Ok(self.clear)
    }

    /// Bytes at the end that may be the start of a boundary line.
    fn undecided(&self, bytes: &[u8]) -> usize {
        let needle = self.needle.needle();
        let most = bytes.len().min(needle.len() - 1);
        let held = (1..=most).rev().find(|&k| bytes.ends_with(&needle[..k])).unwrap_or(0);
        let before = bytes[..bytes.len() - held].last();
        held + usize::from(self.limits.bare_line_feed && before == Some(&b'\r'))
    }

    /// At the start of a preamble or body the boundary needs no line end of its own.
    fn look_at_line_start(&mut self) -> Result<(), MimeError> {
        let dash_boundary = &self.needle.needle()[self.lead..];
        let bytes = self.window.bytes();
        if bytes.starts_with(dash_boundary) {
            let count = dash_boundary.len();
            return self.pass_boundary(count);
        }
        self.line_start = bytes.len() < dash_boundary.len() && dash_boundary.starts_with(bytes);
        if self.line_start && !self.window.refill()? {
            self.line_start = false;
        }
        Ok(())
    }

    /// Passes the boundary (`count` bytes with its line end before it) and the rest of its line.
    fn pass_boundary(&mut self, count: usize) -> Result<(), MimeError> {
        self.window.advance(count);
        let mut closing = false;
        if self.window.peek()? == Some(b'-') {
            self.window.advance(1);
            match self.window.peek()? {
                Some(b'-') => self.window.advance(1),
                Some(_) => return Err(self.malformed(Defect::BoundaryLine, 0)),
                None => return Err(self.cut_off()),
            }
            closing = true;
        }
        let mut padding = 0;
        loop {
            match self.window.peek()? {
                Some(b' ' | b'\t') if padding < PADDING => padding += 1,
                Some(b'\r') => {
                    self.window.advance(1);
                    match self.window.peek()? {
                        Some(b'\n') => {}
                        Some(_) => return Err(self.malformed(Defect::BoundaryLine, 0)),
                        None if closing => break,
                        None => return Err(self.cut_off()),
                    }
                    self.window.advance(1);
                    break;
                }
                // What follows the closing boundary means nothing, so its line end decides nothing.
                Some(b'\n') if closing || self.limits.bare_line_feed => {
                    self.window.advance(1);
                    break;
                }
                Some(b'\n') => return Err(self.malformed(Defect::BareLineFeed, 0)),
                Some(_) => return Err(self.malformed(Defect::BoundaryLine, 0)),
                None if closing => break,
                None => return Err(self.cut_off()),
            }
            self.window.advance(1);
        }
        self.stage = if closing { Stage::Closed } else { Stage::Opened };
        Ok(())
    }

    /// Decoded bytes that are at hand; none at the end of the part.
    fn fill(&mut self) -> Result<(), MimeError> {
        while self.decoded_start == self.decoded_end {
            self.unbroken()?;
            let count = self.span()?;
            let bytes = &self.window.bytes()[..count];
            let (step, finished) = match &mut self.transfer {
                Transfer::Identity => return Ok(()),
                Transfer::SevenBit => return self.check_seven_bit(),
                Transfer::Base64(decoder) if count == 0 => (None, decoder.finish()),
                Transfer::QuotedPrintable(decoder) if count == 0 => (None, decoder.finish()),
                Transfer::Base64(decoder) => {
                    self.decoded.resize(DECODED, 0);
                    (Some(decoder.step(bytes, &mut self.decoded)), Ok(()))
                }
                Transfer::QuotedPrintable(decoder) => {
                    self.decoded.resize(DECODED, 0);
                    (Some(decoder.step(bytes, &mut self.decoded)), Ok(()))
                }
            };
            finished.map_err(|error| self.malformed(error.into(), 0))?;
            let Some(Step { taken, made, error }) = step else { return Ok(()) };
            self.leave(taken);
            (self.decoded_start, self.decoded_end) = (0, made);
            if let Some(error) = error {
                self.broken = Some((error.into(), self.at()));
            }
        }
        Ok(())
    }

    fn check_seven_bit(&mut self) -> Result<(), MimeError> {
        let bytes = &self.window.bytes()[..self.clear];
        if bytes.is_ascii() {
            return Ok(());
        }
        let good = bytes.iter().position(|b| !b.is_ascii()).unwrap_or(0);
        if good == 0 {
            return Err(self.malformed(TransferError::EightBit.into(), 0));
        }
        self.clear = good;
        Ok(())
    }

    /// What `fill` made available.
    fn available(&self) -> &[u8] {
        match self.transfer {
            Transfer::Identity | Transfer::SevenBit => &self.window.bytes()[..self.clear],
            _ => &self.decoded[self.decoded_start..self.decoded_end],
        }
    }

    fn take(&mut self, amount: usize) {
        match self.transfer {
            Transfer::Identity | Transfer::SevenBit => self.leave(amount.min(self.clear)),
            _ => self.decoded_start = (self.decoded_start + amount).min(self.decoded_end),
        }
    }

    fn leave(&mut self, count: usize) {
        self.window.advance(count);
        self.clear -= count;
    }

    fn unbroken(&self) -> Result<(), MimeError> {
        match &self.broken {
            Some((defect, at)) => Err(MimeError::Malformed { defect: defect.clone(), at: *at }),
            None => Ok(()),
        }
    }

    fn remember<T>(&mut self, result: Result<T, MimeError>) -> Result<T, MimeError> {
        if let Err(MimeError::Malformed { defect, at }) = &result {
            self.broken = Some((defect.clone(), *at));
        }
        result
    }

    fn malformed(&self, defect: Defect, ahead: usize) -> MimeError {
        MimeError::Malformed { defect, at: self.window.place(self.part, ahead) }
    }

    fn limit(&self, which: &'static str, max: usize, ahead: usize) -> MimeError {
        self.malformed(Defect::Limit { which, max: max as u64 }, ahead)
    }

    fn cut_off(&self) -> MimeError {
        let defect = if self.stage == Stage::Preamble { Defect::NoBoundary } else { Defect::Truncated };
        self.malformed(defect, 0)
    }
}

/// Body of one part; ends where the part ends.
pub struct PartBody<'a, R> {
    reader: &'a mut MultipartReader<R>,
}

impl<R: Read> BufRead for PartBody<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let result = self.reader.fill();
        self.reader.remember(result)?;
        Ok(self.reader.available())
    }

    fn consume(&mut self, amount: usize) {
        self.reader.take(amount);
    }
}

impl<R: Read> Read for PartBody<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
