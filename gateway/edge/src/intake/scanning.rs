//! Content on its way to the route's scanner, beside its reader: what the scanner has not let pass is not sealed and not sent.
//!
//! What is scanned is what a payload's digest is of: the attached file, the decoded base64, the unpacked body, or the envelope that
//! holds the records. Every other part of a package is scanned by itself. One content goes to the scanner after the other, never two
//! of one message at once, so that messages do not wait for each other where a scanner has few threads.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

use sekisho_exchanges::Verdict as OnRecord;
use sekisho_scan::{Content, ScanError, Scanner, Verdict};

use crate::refusal::{Class, Refusal};

/// Bytes of an envelope that are held until it is known whether its records are in it.
const HELD: usize = 64 * 1024;
/// When to come again where the scanner does not answer.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(30);

/// The scans of one message.
#[derive(Debug)]
pub(crate) struct Scans {
    scanner: Scanner,
    /// Who has sent it: whose place it takes at the scanner.
    client: String,
    envelope: RefCell<Envelope>,
    /// Of some content only the beginning was scanned.
    in_part: Cell<bool>,
    /// The message does not pass: nothing that comes after it is asked about, and nothing makes it pass again.
    stopped: RefCell<Option<Stopped>>,
}

/// The message's envelope.
#[derive(Debug)]
enum Envelope {
    /// Its records may be in it.
    Held(Vec<u8>),
    /// It is the payload, as far as anybody knows.
    Going(Content),
    /// It holds no records, or is scanned with the whole message.
    Left,
}

impl Scans {
    /// Scans for a message whose envelope may be its payload.
    pub(crate) fn new(scanner: &Scanner, client: &str) -> Self {
        Self {
            scanner: scanner.clone(),
            client: client.to_owned(),
            envelope: RefCell::new(Envelope::Held(Vec::new())),
            in_part: Cell::new(false),
            stopped: RefCell::new(None),
        }
    }

    /// The envelope is not scanned by itself.
    pub(crate) fn leave_envelope(&self) {
        *self.envelope.borrow_mut() = Envelope::Left;
    }

    /// Begins a content.
    pub(crate) fn begin(&self) -> Scan<'_> {
        Scan { scans: self, of: Of::Content(self.content()) }
    }

    fn content(&self) -> Content {
        self.scanner.begin(&self.client)
    }

    /// Begins the envelope.
    pub(crate) fn begin_envelope(&self) -> Scan<'_> {
        Scan { scans: self, of: Of::Envelope }
    }

    /// Scans content to its end.
    pub(crate) fn whole(&self, mut content: impl Read) -> Result<(), Refusal> {
        let mut scanned = Scanned { input: &mut content, scan: Some(self.begin()) };
        io::copy(&mut scanned, &mut io::sink()).map_err(|error| super::from_io(&error))?;
        scanned.scan.map_or(Ok(()), Scan::finish)
    }

    /// What the exchange log says, where nothing was found.
    pub(crate) fn verdict(&self) -> Result<OnRecord, Refusal> {
        self.passes().map_err(|stopped| stopped.refusal())?;
        Ok(if self.in_part.get() { OnRecord::Partly } else { OnRecord::Passed })
    }

    fn passes(&self) -> Result<(), Stopped> {
        self.stopped.borrow().clone().map_or(Ok(()), Err)
    }

    /// Gives bytes on; an error that carries the scanner's last word where that is not that it is clean.
    fn give(&self, content: &mut Content, bytes: &[u8]) -> io::Result<()> {
        let stopped =
            self.passes().and_then(|()| content.give(bytes).map_or(Ok(()), |said| self.judged(said)));
        stopped.map_err(|stopped| io::Error::new(io::ErrorKind::InvalidData, stopped))
    }

    fn finish(&self, content: Content) -> Result<(), Refusal> {
        let finished = self.passes().and_then(|()| self.judged(content.finish()));
        finished.map_err(|stopped| stopped.refusal())
    }

    /// Lets clean content pass, and remembers what is not.
    fn judged(&self, said: Result<Verdict, ScanError>) -> Result<(), Stopped> {
        if let Err(error) = &said {
            let scanner = self.scanner.settings().name.as_str();
            tracing::warn!(scanner, code = error.code(), %error, "content has no verdict");
        }
        match said {
            Ok(Verdict::Clean) => Ok(()),
            Ok(Verdict::CleanInPart) => {
                self.in_part.set(true);
                Ok(())
            }
            said => {
                let stopped = Stopped(said);
                *self.stopped.borrow_mut() = Some(stopped.clone());
                Err(stopped)
            }
        }
    }
}

/// One content that is scanned as it is read.
#[derive(Debug)]
pub(crate) struct Scan<'s> {
    scans: &'s Scans,
    of: Of,
}

#[derive(Debug)]
enum Of {
    Content(Content),
    Envelope,
}

impl Scan<'_> {
    pub(crate) fn give(&mut self, bytes: &[u8]) -> io::Result<()> {
        let envelope = match &mut self.of {
            Of::Content(content) => return self.scans.give(content, bytes),
            Of::Envelope => &mut *self.scans.envelope.borrow_mut(),
        };
        match envelope {
            Envelope::Left => Ok(()),
            Envelope::Going(content) => self.scans.give(content, bytes),
            Envelope::Held(held) => {
                held.extend_from_slice(bytes);
                if held.len() <= HELD {
                    return Ok(());
                }
                let mut content = self.scans.content();
                let given = self.scans.give(&mut content, held);
                *envelope = Envelope::Going(content);
                given
            }
        }
    }

    /// Waits for the verdict.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        match self.of {
            Of::Content(content) => self.scans.finish(content),
            Of::Envelope => match self.scans.envelope.replace(Envelope::Left) {
                Envelope::Left => self.scans.passes().map_err(|stopped| stopped.refusal()),
                Envelope::Going(content) => self.scans.finish(content),
                Envelope::Held(held) => {
                    let mut content = self.scans.content();
                    self.scans.give(&mut content, &held).map_err(|error| super::from_io(&error))?;
                    self.scans.finish(content)
                }
            },
        }
    }
}

/// A reader whose bytes are scanned.
struct Scanned<'s, R> {
    input: R,
    scan: Option<Scan<'s>>,
}

impl<R: Read> Read for Scanned<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buf)?;
        if let Some(scan) = &mut self.scan {
            scan.give(&buf[..n])?;
        }
        Ok(n)
    }
}

/// What a scanner said that does not let content pass, on its way through readers.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the scanner does not let the content pass")]
pub(super) struct Stopped(Result<Verdict, ScanError>);

impl Stopped {
    pub(super) fn refusal(&self) -> Refusal {
        match &self.0 {
            Ok(Verdict::Clean | Verdict::CleanInPart) => {
                Refusal::internal("scanning content", &"clean content was stopped")
            }
            Ok(Verdict::Found(signature)) => {
                let mut refusal = Refusal::new(
                    Class::Invalid,
                    "content-infected",
                    "The scanner found something in the message that must not pass. Nothing was kept or sent; look for \
                     malware where the message comes from before sending it again.",
                )
                .ja(
                    "電文から、通してはならないものが検出されました（ウイルス検査）。何も保管・送信していません。\
                     再送の前に、送信元の端末・システムを検査してください。",
                );
                refusal.found = Some(signature.to_string());
                refusal
            }
            Err(error) if error.is_of_content() => Refusal::new(
                Class::TooLarge,
                "content-unscannable",
                "The message is larger, or more deeply packed, than the scanner looks at. Nothing was kept or sent; send \
                 less at once.",
            )
            .ja(
                "電文が大きすぎるか、圧縮の階層が深すぎるため、ウイルス検査ができません。何も保管・送信していません。\
                 分割して送信してください。",
            ),
            Err(_) => Refusal::new(
                Class::Busy,
                "scanner-unavailable",
                "The scanner does not answer as it should, and this route passes nothing unscanned. Nothing was kept or \
                 sent; come again later.",
            )
            .ja(
                "ウイルス検査が利用できません。この特定通信は検査なしでは通しません。何も保管・送信していません。\
                 時間をおいて再送してください。",
            )
            .retry_after(AGAIN),
        }
    }
}

#[cfg(test)]
mod tests;
