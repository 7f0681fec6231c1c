//! `submitBatch`, and a route's own operations of the same shape: read up to the payload, which is streamed.

use std::io::BufRead;

use sekisho_xml::{Event, QName, Start};

use super::ahead::{PayloadPlace, PayloadReader, Pieces};
use super::{REFERENCE_CHARACTERS, names};
use crate::envelope::{EnvelopeReader, MessageProblem, SoapError, XMIME, XOP};
use crate::mime::cid;

/// Bytes of text in which a `cid:` URL may stand.
const POINTER_BYTES: usize = 2048;

/// Depth of the elements in the body's child, the envelope being 1.
const FIELD_DEPTH: usize = 4;

/// Local names of the elements of a submission. Any other element is refused, as it may hold records under a name that is wrong;
/// but for those that an operation of another namespace than ours has beside them, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionShape<'n> {
    /// The client's own reference.
    pub reference: String,
    /// The idempotency key.
    pub idempotency_key: String,
    /// The payload: `href`, `xop:Include`, a swaRef, or base64.
    pub data: String,
    /// The payload as a swaRef (Attachments Profile section 4.4).
    pub attachment: String,
    /// The parent of the record elements.
    pub records: String,
    /// Elements that an operation of another namespace has beside these, before or behind the payload. They are passed over, with what
    /// is in them, which must be named here, too; but a `cid:` URL in them is a pointer to the payload.
    pub beside: &'n [QName],
}

impl Default for SubmissionShape<'_> {
    /// `batchId`, `idempotencyKey`, `data`, `attachment`, `records`, and nothing beside them.
    fn default() -> Self {
        Self {
            reference: "batchId".into(),
            idempotency_key: "idempotencyKey".into(),
            data: "data".into(),
            attachment: "attachment".into(),
            records: "records".into(),
            beside: &[],
        }
    }
}

/// Where the records of a submission are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// In the part with this Content-ID.
    Attachment(String),
    /// Base64 text, to be read from [`Submission::base64`].
    Base64,
    /// Record elements: the XML reader stands behind the start tag of their parent.
    Records,
    /// Nothing in the body points anywhere: the only other part, if there is one.
    Unnamed,
}

/// A submission, read up to its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The client's own reference.
    pub reference: Option<String>,
    /// The idempotency key.
    pub idempotency_key: Option<String>,
    /// Where the records are.
    pub payload: Payload,
    /// Where in the envelope they are, or are pointed to.
    pub place: Option<PayloadPlace>,
    /// Media type of the payload: `contentType` or `xmime:contentType` of `data`.
    pub content_type: Option<String>,
    /// Base64 text that was read to find out what it is.
    head: Vec<u8>,
    /// Where it stands: each piece has one of its four bytes at least.
    pieces: Pieces,
    /// Bytes of white space before it.
    skipped: u64,
    /// Whether that was all.
    ended: bool,
    /// The child of the body's child that is being read.
    standing: Option<PayloadPlace>,
}

/// One child of the operation's element, or its end.
struct Field {
    local: String,
    /// Its name, if the contract has it.
    known: Option<&'static str>,
    href: Option<String>,
    content_type: Option<String>,
    is_include: bool,
    /// It may stand beside the payload.
    is_beside: bool,
}

impl Submission {
    /// Reads the children of the body's child up to a payload that is streamed, or all of them. An empty body is a
    /// submission too: its payload is the only other part.
    pub fn read<R: BufRead>(
        envelope: &mut EnvelopeReader<R>,
        shape: &SubmissionShape<'_>,
    ) -> Result<Self, SoapError> {
        let mut submission = Self {
            reference: None,
            idempotency_key: None,
            payload: Payload::Unnamed,
            place: None,
            content_type: None,
            head: Vec::new(),
            pieces: Vec::new(),
            skipped: 0,
            ended: false,
            standing: None,
        };
        submission.walk(envelope, shape)?;
        Ok(submission)
    }

    /// The payload of [`Payload::Base64`].
    pub fn base64<'a, R: BufRead>(&mut self, envelope: &'a mut EnvelopeReader<R>) -> PayloadReader<'a, R> {
        let head = std::mem::take(&mut self.head);
        let pieces = std::mem::take(&mut self.pieces);
        let text = (!self.ended).then(|| envelope.xml().text_stream());
        PayloadReader::new(head, pieces, self.skipped, text)
    }

    /// Reads what follows a streamed payload in the body's child: no second payload, and, in our own namespace, nothing.
    /// A reference that stands there is taken.
    pub fn finish<R: BufRead>(
        &mut self,
        envelope: &mut EnvelopeReader<R>,
        shape: &SubmissionShape<'_>,
    ) -> Result<(), SoapError> {
        while envelope.xml().depth() >= FIELD_DEPTH {
            match envelope.xml().next()? {
                Event::Start(start) => {
                    let known = names::of_contract(start.namespace(), start.local());
                    return Err(unexpected(envelope, known, "data"));
                }
                Event::Text(piece) if !piece.is_white_space() => {
                    return Err(refuse(envelope, MessageProblem::UnexpectedText, "data"));
                }
                _ => {}
            }
        }
        if !envelope.inside_child() {
            return Ok(());
        }
        if self.walk(envelope, shape)? {
            return Err(refuse(envelope, MessageProblem::SeveralPayloads, "data"));
        }
        Ok(())
    }

    /// Reads fields until a payload is to be streamed (`true`) or the operation's element ends (`false`).
    fn walk<R: BufRead>(
        &mut self,
        envelope: &mut EnvelopeReader<R>,
        shape: &SubmissionShape<'_>,
    ) -> Result<bool, SoapError> {
        let Some(child) = envelope.body() else { return Ok(false) };
        let ours = &*child.name.namespace == super::NAMESPACE;
        while let Some(field) = next_field(envelope, MessageProblem::UnexpectedText, shape.beside)? {
            let local = field.local.as_str();
            let element =
                [("data", &shape.data), ("attachment", &shape.attachment), ("records", &shape.records)]
                    .into_iter()
                    .find_map(|(element, name)| (local == name).then_some(element));
            self.standing = Some(PayloadPlace { element, at: envelope.position() });
            if local == shape.reference {
                let value = short_text(envelope, "batchId")?;
                self.once(envelope, |submission| &mut submission.reference, value, "batchId")?;
            } else if local == shape.idempotency_key {
                let value = short_text(envelope, "idempotencyKey")?;
                self.once(envelope, |submission| &mut submission.idempotency_key, value, "idempotencyKey")?;
            } else if local == shape.records {
                self.set(envelope, Payload::Records)?;
                return Ok(true);
            } else if local == shape.data || local == shape.attachment {
                if self.data(envelope, field)? {
                    return Ok(true);
                }
            } else if ours {
                return Err(unexpected(envelope, field.known, "submitBatch"));
            } else {
                self.pass_over(envelope, field, shape.beside)?;
            }
        }
        Ok(false)
    }

    /// Reads `data`: a pointer to its end, or base64 up to where it is known to be that (`true`).
    fn data<R: BufRead>(
        &mut self,
        envelope: &mut EnvelopeReader<R>,
        field: Field,
    ) -> Result<bool, SoapError> {
        self.content_type = field.content_type;
        if let Some(href) = field.href {
            self.point(envelope, &href)?;
            expect_end(envelope)?;
            return Ok(false);
        }
        loop {
            match envelope.xml().next()? {
                Event::Text(piece) => {
                    let before = self.head.len();
                    self.head.extend_from_slice(piece.as_str().as_bytes());
                    let spaces = self.head.len() - self.head.trim_ascii_start().len();
                    self.skipped += spaces as u64;
                    self.head.drain(..spaces);
                    if self.head.len() > before {
                        self.pieces.push((before, piece_at(envelope, before)));
                    }
                    if self.head.len() >= 4 {
                        return self.text_payload(envelope);
                    }
                    continue;
                }
                Event::End(_) | Event::Eof => {
                    if !self.head.is_empty() {
                        self.ended = true;
                        self.set(envelope, Payload::Base64)?;
                        return Ok(true);
                    }
                    return Ok(false);
                }
                Event::Start(start) if !start.is(XOP, "Include") || !self.head.is_empty() => {
                    let known = names::of_contract(start.namespace(), start.local());
                    return Err(unexpected(envelope, known, "data"));
                }
                Event::Start(start) => {
                    if let Some(href) = start.attribute("", "href") {
                        let href = href.into_owned();
                        self.point(envelope, &href)?;
                        expect_end(envelope)?;
                        expect_end(envelope)?;
                        return Ok(false);
                    }
                    // gSOAP writes base64 into xop:Include when it was told not to attach.
                }
            }
        }
    }

    /// Four characters tell a `cid:` URL from base64, which has no colon.
    fn text_payload<R: BufRead>(&mut self, envelope: &mut EnvelopeReader<R>) -> Result<bool, SoapError> {
        if !self.head[..4].eq_ignore_ascii_case(b"cid:") {
            self.set(envelope, Payload::Base64)?;
            return Ok(true);
        }
        let mut href = String::from_utf8_lossy(&std::mem::take(&mut self.head)).into_owned();
        loop {
            match envelope.xml().next()? {
                Event::Text(piece) => href.push_str(piece.as_str()),
                Event::End(_) | Event::Eof => break,
                Event::Start(start) => {
                    let known = names::of_contract(start.namespace(), start.local());
                    return Err(unexpected(envelope, known, "data"));
                }
            }
            if href.len() > POINTER_BYTES {
                return Err(refuse(envelope, MessageProblem::NotCid, "data"));
            }
        }
        self.point(envelope, &href)?;
        Ok(false)
    }

    /// Passes over an element beside the payload, to its end; `cid:` URLs in it are pointers to the payload.
    fn pass_over<R: BufRead>(
        &mut self,
        envelope: &mut EnvelopeReader<R>,
        field: Field,
        beside: &[QName],
    ) -> Result<(), SoapError> {
        let outside = envelope.xml().depth() - 1;
        let mut text = String::new();
        self.beside(envelope, field)?;
        while envelope.xml().depth() > outside {
            let href = match envelope.xml().next()? {
                Event::Start(start) => {
                    text.clear();
                    let field = Field::of(&start, beside);
                    self.beside(envelope, field)?;
                    None
                }
                Event::Text(piece) => {
                    if text.len() <= POINTER_BYTES {
                        text.push_str(piece.as_str());
                        if text.trim_ascii_start().is_empty() {
                            text.clear();
                        }
                    }
                    None
                }
                Event::End(_) => Some(std::mem::take(&mut text)),
                Event::Eof => None,
            };
            self.point_if_cid(envelope, href.as_deref())?;
        }
        Ok(())
    }

    /// The start of an element beside the payload, or of one that points to it from there.
    fn beside<R: BufRead>(
        &mut self,
        envelope: &mut EnvelopeReader<R>,
        field: Field,
    ) -> Result<(), SoapError> {
        if field.is_include {
            // It stands for bytes: those of a part, or it would hold them itself.
            self.point(envelope, field.href.as_deref().unwrap_or_default())?;
            return expect_end(envelope);
        }
        if !field.is_beside {
            return Err(refuse(envelope, MessageProblem::NotNamed, "data"));
        }
        self.point_if_cid(envelope, field.href.as_deref())
    }

    fn point_if_cid<R: BufRead>(
        &mut self,
        envelope: &EnvelopeReader<R>,
        href: Option<&str>,
    ) -> Result<(), SoapError> {
        match href.and_then(cid) {
            Some(id) => self.set(envelope, Payload::Attachment(id)),
            None => Ok(()),
        }
    }

    fn point<R: BufRead>(&mut self, envelope: &EnvelopeReader<R>, href: &str) -> Result<(), SoapError> {
        let id = cid(href).ok_or_else(|| refuse(envelope, MessageProblem::NotCid, "data"))?;
        self.set(envelope, Payload::Attachment(id))
    }

    fn set<R: BufRead>(&mut self, envelope: &EnvelopeReader<R>, payload: Payload) -> Result<(), SoapError> {
        if self.payload != Payload::Unnamed {
            let here = PayloadPlace { element: None, at: envelope.position() };
            let second = self.standing.unwrap_or(here);
            return Err(SoapError::SeveralPayloads { first: self.place.unwrap_or(second), second });
        }
        self.payload = payload;
        self.place = self.standing;
        Ok(())
    }

    fn once<R: BufRead>(
        &mut self,
        envelope: &EnvelopeReader<R>,
        slot: impl FnOnce(&mut Self) -> &mut Option<String>,
        value: String,
        element: &'static str,
    ) -> Result<(), SoapError> {
        match slot(self).replace(value) {
            Some(_) => Err(refuse(envelope, MessageProblem::UnexpectedElement, element)),
            None => Ok(()),
        }
    }
}

/// Where the last piece of text begins, or, at the beginning of a payload, its first character that is no white space.
fn piece_at<R: BufRead>(envelope: &mut EnvelopeReader<R>, before: usize) -> sekisho_xml::Position {
    if before == 0 { envelope.position() } else { envelope.xml().beginning() }
}

fn refuse<R: BufRead>(
    envelope: &EnvelopeReader<R>,
    problem: MessageProblem,
    element: &'static str,
) -> SoapError {
    SoapError::Message { problem, element, at: envelope.position() }
}

/// An element may not stand where it does, in `parent`; it is named only if the contract has its name.
fn unexpected<R: BufRead>(
    envelope: &EnvelopeReader<R>,
    known: Option<&'static str>,
    parent: &'static str,
) -> SoapError {
    match known {
        Some(own) => refuse(envelope, MessageProblem::UnexpectedElement, own),
        None => refuse(envelope, MessageProblem::UnknownElement, parent),
    }
}

impl Field {
    /// `beside` are names of elements that may stand beside the payload.
    fn of(start: &Start<'_>, beside: &[QName]) -> Self {
        let attribute = |namespace, local| start.attribute(namespace, local).map(|value| value.into_owned());
        Self {
            local: start.local().to_owned(),
            known: names::of_contract(start.namespace(), start.local()),
            href: attribute("", "href"),
            content_type: attribute("", "contentType").or_else(|| attribute(XMIME, "contentType")),
            is_include: start.is(XOP, "Include"),
            is_beside: beside.iter().any(|name| start.is(&name.namespace, &name.local)),
        }
    }
}

/// The next child element; `None` at the end of its parent.
fn next_field<R: BufRead>(
    envelope: &mut EnvelopeReader<R>,
    problem: MessageProblem,
    beside: &[QName],
) -> Result<Option<Field>, SoapError> {
    loop {
        match envelope.xml().next()? {
            Event::Start(start) => return Ok(Some(Field::of(&start, beside))),
            Event::Text(piece) if piece.is_white_space() => {}
            Event::Text(_) => return Err(refuse(envelope, problem, "submitBatch")),
            Event::End(_) | Event::Eof => return Ok(None),
        }
    }
}

/// Nothing but white space up to the end of the innermost element: a pointer holds no data of its own.
fn expect_end<R: BufRead>(envelope: &mut EnvelopeReader<R>) -> Result<(), SoapError> {
    match next_field(envelope, MessageProblem::SeveralPayloads, &[])? {
        None => Ok(()),
        Some(field) if field.is_include => Err(refuse(envelope, MessageProblem::SeveralPayloads, "data")),
        Some(field) => Err(unexpected(envelope, field.known, "data")),
    }
}

/// Text of a short element, without the white space around it.
fn short_text<R: BufRead>(
    envelope: &mut EnvelopeReader<R>,
    element: &'static str,
) -> Result<String, SoapError> {
    let mut text = String::new();
    loop {
        match envelope.xml().next()? {
            Event::Text(piece) => text.push_str(piece.as_str()),
            Event::End(_) | Event::Eof => break,
            Event::Start(start) => {
                let known = names::of_contract(start.namespace(), start.local());
                return Err(unexpected(envelope, known, element));
            }
        }
        // Twice the length leaves room for white space and bounds what is held.
        if text.len() > 8 * REFERENCE_CHARACTERS {
            return Err(refuse(envelope, MessageProblem::InvalidValue, element));
        }
    }
    let value = text.trim_matches([' ', '\t', '\r', '\n']);
    if value.is_empty() || value.chars().count() > REFERENCE_CHARACTERS {
        return Err(refuse(envelope, MessageProblem::InvalidValue, element));
    }
    Ok(value.to_owned())
}
