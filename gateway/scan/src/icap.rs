//! ICAP (RFC 3507): the content as the body of a request that the server may let pass, change or answer itself (`REQMOD`).
//!
//! Where the server wants a preview (section 4.5), the content's beginning is shown first, and the rest follows if it asks for it.
//! `204` is the word that lets content pass; so is `200` with the very same body, from servers that know no `204`. Another body, an
//! answer in place of the request, or a header that names what was found, is a find. A word on the preview alone is one on the beginning
//! ([`Verdict::CleanInPart`]).

mod chunks;
mod head;
mod options;

use sha2::{Digest, Sha256};

use self::chunks::Chunks;
use self::head::{Encapsulated, Head, HeadReader};
pub use self::options::{AskOptions, Options, Service};
use crate::{Said, ScanError, Signature, Verdict};

/// One content, told to an ICAP server.
#[derive(Debug)]
pub struct ReqMod {
    service: Service,
    phase: Phase,
    answer: Answer,
    sent: Sum,
    tag: Option<Box<str>>,
}

/// How far the content has been told.
#[derive(Debug)]
enum Phase {
    /// No more is known of it than the preview will hold.
    Preview { most: usize, known: Vec<u8> },
    /// The preview was sent; this much was known beyond it.
    Shown { beyond: Vec<u8> },
    /// It is being sent.
    Sending,
    /// All of it was sent.
    Told,
}

/// How far the answer has been read.
#[derive(Debug)]
enum Answer {
    Head(HeadReader),
    /// Headers of the HTTP message in it, of so many bytes; a body follows them, or none.
    Headers {
        left: u64,
        body: bool,
    },
    Body(Box<Chunks>, Sum),
}

/// Length and digest of content.
#[derive(Debug, Clone, Default)]
struct Sum {
    bytes: u64,
    digest: Sha256,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
    }

    fn is(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.digest.clone().finalize() == other.digest.clone().finalize()
    }
}

impl ReqMod {
    /// A content for `service`, whose `options` are known or not; without them there is no preview.
    pub fn new(service: Service, options: Option<&Options>) -> Self {
        let phase = match options.and_then(|options| options.preview) {
            Some(most) => Phase::Preview { most, known: Vec::with_capacity(most.min(1024)) },
            None => Phase::Sending,
        };
        let answer = Answer::Head(HeadReader::default());
        Self { service, phase, answer, sent: Sum::default(), tag: None }
    }

    /// The server's state as it tags it (`ISTag`, section 4.7), once it has answered.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Whether the next piece may be given: not while the server decides about the preview.
    pub fn takes_more(&self) -> bool {
        matches!(self.phase, Phase::Preview { .. } | Phase::Sending)
    }

    /// Whether it is the server's turn.
    pub fn is_told(&self) -> bool {
        matches!(self.phase, Phase::Shown { .. } | Phase::Told)
    }

    /// Writes the head, and that of the HTTP request around the content.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        // The content has no address and no name: there is nothing in it that a message said of itself.
        const REQUEST: &str = "POST http://content.invalid/ HTTP/1.1\r\nHost: content.invalid\r\n\
                               Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let preview = match &self.phase {
            Phase::Preview { most, .. } => format!("Preview: {most}\r\n"),
            _ => String::new(),
        };
        let Service { host, path } = &self.service;
        let head = format!(
            "REQMOD icap://{host}{path} ICAP/1.0\r\nHost: {host}\r\nUser-Agent: sekisho\r\nAllow: 204\r\n{preview}\
             Connection: close\r\nEncapsulated: req-hdr=0, req-body={}\r\n\r\n{REQUEST}",
            REQUEST.len()
        );
        out.extend_from_slice(head.as_bytes());
    }

    /// Takes a piece of the content, and writes what may be sent of it.
    pub fn piece(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.sent.add(piece);
        match &mut self.phase {
            Phase::Preview { most, known } => {
                known.extend_from_slice(piece);
                if known.len() > *most {
                    let beyond = known.split_off(*most);
                    chunk(known, out);
                    out.extend_from_slice(b"0\r\n\r\n");
                    self.phase = Phase::Shown { beyond };
                }
            }
            Phase::Sending => chunk(piece, out),
            // Not asked for: it takes no more.
            Phase::Shown { beyond } => beyond.extend_from_slice(piece),
            Phase::Told => {}
        }
    }

    /// Writes the end.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.phase, Phase::Told) {
            // The preview is all of it (section 4.5).
            Phase::Preview { known, .. } => {
                chunk(&known, out);
                out.extend_from_slice(b"0; ieof\r\n\r\n");
            }
            Phase::Sending => out.extend_from_slice(b"0\r\n\r\n"),
            // Not asked for: it takes no more.
            phase @ (Phase::Shown { .. } | Phase::Told) => self.phase = phase,
        }
    }

    /// Takes bytes of the answer; where it asks for the rest, writes what of that is known.
    ///
    /// # Errors
    /// When the answer is not of the protocol, is a refusal, or lets pass what the server does not have whole.
    pub fn read(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<Said, ScanError> {
        while !bytes.is_empty() {
            let verdict = match &mut self.answer {
                Answer::Head(reader) => {
                    let (rest, head) = reader.read(bytes)?;
                    bytes = rest;
                    match head {
                        None => None,
                        Some(head) => self.headed(head, out)?,
                    }
                }
                Answer::Headers { left, body } => {
                    let passed = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    bytes = &bytes[passed..];
                    *left -= passed as u64;
                    if *left == 0 && *body {
                        self.answer = Answer::Body(Box::default(), Sum::default());
                        None
                    } else if *left == 0 {
                        Some(self.compared(&Sum::default())?)
                    } else {
                        None
                    }
                }
                Answer::Body(chunks, sum) => {
                    let sent = self.sent.bytes;
                    bytes = chunks.read(bytes, |data| {
                        sum.add(data);
                        sum.bytes <= sent
                    })?;
                    if sum.bytes > sent {
                        // Whatever follows, it is not what was sent: nobody waits for its end.
                        Some(changed())
                    } else if chunks.has_ended() {
                        let came = sum.clone();
                        Some(self.compared(&came)?)
                    } else {
                        None
                    }
                }
            };
            if let Some(verdict) = verdict {
                return Ok(Said::Verdict(verdict));
            }
        }
        Ok(Said::Nothing)
    }

    /// What a head means; the verdict, where nothing behind it can change that.
    fn headed(&mut self, head: Head, out: &mut Vec<u8>) -> Result<Option<Verdict>, ScanError> {
        self.tag = head.tag;
        match head.status {
            100 => {
                let Phase::Shown { beyond } = &mut self.phase else {
                    return Err(ScanError::Nonsense("100 Continue, and there was no preview"));
                };
                let beyond = std::mem::take(beyond);
                self.phase = Phase::Sending;
                chunk(&beyond, out);
                self.answer = Answer::Head(HeadReader::default());
                Ok(None)
            }
            200 | 204 if head.found.is_some() => Ok(head.found.map(Verdict::Found)),
            204 => self.clean().map(Some),
            200 => match head.encapsulated {
                // The server answers in place of whom the request is for.
                Some(Encapsulated::Answer) => Ok(Some(Verdict::Found(Signature::new(b"blocked")))),
                Some(Encapsulated::Request { headers, body }) => {
                    self.answer = match (headers, body) {
                        (0, false) => return self.compared(&Sum::default()).map(Some),
                        (0, true) => Answer::Body(Box::default(), Sum::default()),
                        (left, body) => Answer::Headers { left, body },
                    };
                    Ok(None)
                }
                None => Err(ScanError::Nonsense("200 without a request or an answer in it")),
            },
            status => Err(ScanError::Refused(status)),
        }
    }

    /// What came back, held against what was sent.
    fn compared(&self, came: &Sum) -> Result<Verdict, ScanError> {
        match came.is(&self.sent) {
            true => self.clean(),
            false => Ok(changed()),
        }
    }

    /// Clean, unless it was said too early to be so. (A server may begin early to give the content back, and hold back its end.)
    fn clean(&self) -> Result<Verdict, ScanError> {
        match self.phase {
            Phase::Preview { .. } | Phase::Sending => Err(ScanError::Early),
            // What is beyond the preview it did not want to see.
            Phase::Shown { .. } => Ok(Verdict::CleanInPart),
            Phase::Told => Ok(Verdict::Clean),
        }
    }
}

/// What came back is not what was sent.
fn changed() -> Verdict {
    Verdict::Found(Signature::new(b"changed"))
}

/// A chunk (RFC 9112 section 7.1); none for no bytes, as that would be the end.
fn chunk(data: &[u8], out: &mut Vec<u8>) {
    if !data.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests;
