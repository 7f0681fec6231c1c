//! Envelopes: a small reader over quick-xml, strict where SOAP is, and a writer.

use std::borrow::Cow;
use std::io::Write;

use http::{HeaderMap, StatusCode, header};
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::answer::Answer;
use super::refusal::Refusal;

/// Namespace of the described operations.
pub(super) const INTAKE: &str = "urn:example:city-cloud:intake:1";
/// Namespace of the partner SOAP calls.
pub(super) const PARTNER: &str = "urn:partner.soap.sforce.com";
/// Namespace of the fields in partner SOAP calls.
pub(super) const SOBJECT: &str = "urn:sobject.partner.soap.sforce.com";
const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
const DEEPEST: usize = 64;

/// The namespaces that the cloud knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ns {
    None,
    Soap11,
    Soap12,
    Intake,
    Partner,
    SObject,
    Other,
}

/// The version of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Soap11,
    Soap12,
}

/// One step through a document.
pub(super) enum Token<'x> {
    Open(Ns, BytesStart<'x>),
    Text(Cow<'x, str>),
    Close,
    End,
}

/// A document of one request.
pub(super) struct Xml<'x> {
    reader: NsReader<&'x [u8]>,
    depth: usize,
    rooted: bool,
}

impl<'x> Xml<'x> {
    /// # Errors
    /// The bytes are not UTF-8.
    pub(super) fn new(bytes: &'x [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Ok(Xml { reader, depth: 0, rooted: false })
    }

    /// The next step; comments are skipped.
    ///
    /// # Errors
    /// The document is not well-formed, has a DTD or a processing instruction, or is too deep.
    pub(super) fn next(&mut self) -> Result<Token<'x>, String> {
        loop {
            let (resolved, event) = self.reader.read_resolved_event().map_err(|error| error.to_string())?;
            match event {
                Event::Start(start) => {
                    let ns = match resolved {
                        ResolveResult::Unbound => Ns::None,
                        ResolveResult::Bound(uri) => known(uri.as_ref()),
                        ResolveResult::Unknown(_) => return Err("a prefix is not declared".to_owned()),
                    };
                    if self.depth == 0 && self.rooted {
                        return Err("a second root element".to_owned());
                    }
                    self.rooted = true;
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(format!("elements deeper than {DEEPEST}"));
                    }
                    return Ok(Token::Open(ns, start));
                }
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(Token::Close);
                }
                Event::Text(text) => {
                    let text = text.xml10_content().map_err(|error| error.to_string())?;
                    if self.depth > 0 {
                        return Ok(Token::Text(text));
                    }
                    if !text.trim().is_empty() {
                        return Err("text outside the root element".to_owned());
                    }
                }
                Event::CData(text) => {
                    return Ok(Token::Text(text.xml10_content().map_err(|error| error.to_string())?));
                }
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                    let text = match character {
                        Some(character) => Cow::Owned(character.to_string()),
                        None => match &*reference {
                            b"lt" => Cow::Borrowed("<"),
                            b"gt" => Cow::Borrowed(">"),
                            b"amp" => Cow::Borrowed("&"),
                            b"apos" => Cow::Borrowed("'"),
                            b"quot" => Cow::Borrowed("\""),
                            _ => return Err("an entity that is not declared".to_owned()),
                        },
                    };
                    return Ok(Token::Text(text));
                }
                Event::Eof if self.depth > 0 || !self.rooted => {
                    return Err("the document ends early".to_owned());
                }
                Event::Eof => return Ok(Token::End),
                Event::DocType(_) => return Err("a DTD is not taken".to_owned()),
                Event::PI(_) => return Err("processing instructions are not taken".to_owned()),
                Event::Comment(_) | Event::Decl(_) => {}
                Event::Empty(_) => {}
            }
        }
    }

    /// The next element that opens; `None` at the end of the element around. Text between must be white space.
    ///
    /// # Errors
    /// As [`Xml::next`], and text where elements stand.
    pub(super) fn child(&mut self) -> Result<Option<(Ns, BytesStart<'x>)>, String> {
        loop {
            match self.next()? {
                Token::Open(ns, start) => return Ok(Some((ns, start))),
                Token::Close | Token::End => return Ok(None),
                Token::Text(text) if text.trim().is_empty() => {}
                Token::Text(_) => return Err("text where an element is expected".to_owned()),
            }
        }
    }

    /// Appends the text of the element that has just opened, up to its end.
    ///
    /// # Errors
    /// As [`Xml::next`], and an element inside.
    pub(super) fn text(&mut self, into: &mut String) -> Result<(), String> {
        loop {
            match self.next()? {
                Token::Text(text) => into.push_str(&text),
                Token::Close => return Ok(()),
                Token::Open(_, start) => {
                    return Err(format!("element {} inside a text", name(&start)));
                }
                Token::End => return Err("the document ends early".to_owned()),
            }
        }
    }

    /// Skips to the end of the element that has just opened.
    ///
    /// # Errors
    /// As [`Xml::next`].
    pub(super) fn skip(&mut self) -> Result<(), String> {
        let mut depth = 1;
        while depth > 0 {
            match self.next()? {
                Token::Open(..) => depth += 1,
                Token::Close => depth -= 1,
                Token::Text(_) => {}
                Token::End => return Err("the document ends early".to_owned()),
            }
        }
        Ok(())
    }

    /// Whether an element says `xsi:nil`.
    pub(super) fn is_nil(&self, start: &BytesStart<'_>) -> bool {
        start.attributes().has_nil(self.reader.resolver())
    }
}

/// The local name of an element.
pub(super) fn name(start: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(start.local_name().as_ref()).into_owned()
}

fn known(uri: &[u8]) -> Ns {
    match std::str::from_utf8(uri) {
        Ok(INTAKE) => Ns::Intake,
        Ok(PARTNER) => Ns::Partner,
        Ok(SOBJECT) => Ns::SObject,
        Ok(SOAP_11) => Ns::Soap11,
        Ok(SOAP_12) => Ns::Soap12,
        _ => Ns::Other,
    }
}

/// What the header of an envelope said that the cloud acts on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) session: Option<String>,
    pub(super) all_or_none: bool,
}

/// Reads up to the child of the body: the version, the header, and the name of that child, which has just opened.
///
/// # Errors
/// Says what is not SOAP about it.
pub(super) fn open<'x>(xml: &mut Xml<'x>) -> Result<(Version, Header, Ns, String), String> {
    let (ns, start) = xml.child()?.ok_or("no root element")?;
    let version = match (ns, start.local_name().as_ref()) {
        (Ns::Soap11, b"Envelope") => Version::Soap11,
        (Ns::Soap12, b"Envelope") => Version::Soap12,
        _ => return Err("the root element is no Envelope".to_owned()),
    };
    let mut header = Header::default();
    loop {
        let (at, start) = xml.child()?.ok_or("the envelope has no Body")?;
        if at != ns {
            return Err(format!("element {} in the envelope", name(&start)));
        }
        match start.local_name().as_ref() {
            b"Header" => read_header(xml, &mut header)?,
            b"Body" => {
                let (ns, start) = xml.child()?.ok_or("the body is empty")?;
                return Ok((version, header, ns, name(&start)));
            }
            _ => return Err(format!("element {} in the envelope", name(&start))),
        }
    }
}

fn read_header(xml: &mut Xml<'_>, header: &mut Header) -> Result<(), String> {
    while let Some((ns, block)) = xml.child()? {
        match (ns, block.local_name().as_ref()) {
            (Ns::Partner, b"SessionHeader" | b"AllOrNoneHeader") => {
                while let Some((_, field)) = xml.child()? {
                    let mut text = String::new();
                    xml.text(&mut text)?;
                    match field.local_name().as_ref() {
                        b"sessionId" => header.session = Some(text.trim().to_owned()),
                        b"allOrNone" => header.all_or_none = matches!(text.trim(), "true" | "1"),
                        _ => {}
                    }
                }
            }
            _ => xml.skip()?,
        }
    }
    Ok(())
}

/// Reads from after the child of the body to the end of the document.
///
/// # Errors
/// Says what stands there that must not.
pub(super) fn finish(xml: &mut Xml<'_>) -> Result<(), String> {
    if xml.child()?.is_some() {
        return Err("more than one element in the body".to_owned());
    }
    if xml.child()?.is_some() {
        return Err("an element after the body".to_owned());
    }
    match xml.next()? {
        Token::End => Ok(()),
        _ => Err("something after the envelope".to_owned()),
    }
}

/// The version that a request's media type names; SOAP 1.1 where it names none.
pub(super) fn version_of(headers: &HeaderMap) -> Version {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.contains("application/soap+xml") { Version::Soap12 } else { Version::Soap11 }
}

impl Version {
    fn namespace(self) -> &'static str {
        match self {
            Version::Soap11 => SOAP_11,
            Version::Soap12 => SOAP_12,
        }
    }

    fn media(self) -> &'static str {
        match self {
            Version::Soap11 => "text/xml; charset=utf-8",
            Version::Soap12 => "application/soap+xml; charset=utf-8",
        }
    }

    /// An answer with `fill` writing the content of the body.
    pub(super) fn answer(self, status: StatusCode, fill: impl FnOnce(&mut Vec<u8>)) -> Answer {
        self.answer_with(status, |_| {}, fill)
    }

    /// As [`Version::answer`], with `header` writing the blocks of the header.
    pub(super) fn answer_with(
        self,
        status: StatusCode,
        header: impl FnOnce(&mut Vec<u8>),
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Answer {
        let mut out = Vec::with_capacity(1024);
        text(&mut out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"");
        text(&mut out, self.namespace());
        text(&mut out, "\">");
        let mut blocks = Vec::new();
        header(&mut blocks);
        if !blocks.is_empty() {
            text(&mut out, "<s:Header>");
            out.extend_from_slice(&blocks);
            text(&mut out, "</s:Header>");
        }
        text(&mut out, "<s:Body>");
        fill(&mut out);
        text(&mut out, "</s:Body></s:Envelope>");
        Answer::new(status, self.media(), out)
    }

    /// The fault of a described operation.
    pub(super) fn fault(self, refusal: &Refusal) -> Answer {
        let (code, message) = match refusal {
            Refusal::Input(why) => ("XML_PARSER_ERROR", why.clone()),
            other => (other.code(), other.message()),
        };
        let status = match refusal {
            Refusal::Session | Refusal::Unavailable | Refusal::TooManyRows(_) => refusal.status(),
            Refusal::NotFound(_) | Refusal::Media(_) | Refusal::Method => refusal.status(),
            other if self == Version::Soap12 && other.is_senders() => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        self.answer(status, |out| {
            let value = match (self, refusal.is_senders()) {
                (Version::Soap11, true) => "s:Client",
                (Version::Soap11, false) => "s:Server",
                (Version::Soap12, true) => "s:Sender",
                (Version::Soap12, false) => "s:Receiver",
            };
            let reason = format!("{code}: {message}");
            match self {
                Version::Soap11 => {
                    text(out, "<s:Fault>");
                    element(out, "faultcode", value);
                    element(out, "faultstring", &reason);
                    text(out, "<detail>");
                }
                Version::Soap12 => {
                    text(out, "<s:Fault><s:Code>");
                    element(out, "s:Value", value);
                    text(out, "</s:Code><s:Reason><s:Text xml:lang=\"en\">");
                    escape(out, &reason);
                    text(out, "</s:Text></s:Reason><s:Detail>");
                }
            }
            text(out, "<intakeFault xmlns=\"");
            text(out, INTAKE);
            text(out, "\">");
            element(out, "code", code);
            element(out, "message", &message);
            text(out, "</intakeFault>");
            text(out, if self == Version::Soap11 { "</detail></s:Fault>" } else { "</s:Detail></s:Fault>" });
        })
        .refusing(refusal)
    }
}

/// Appends markup.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends an element with text.
pub(super) fn element(out: &mut Vec<u8>, name: &str, value: &str) {
    text(out, "<");
    text(out, name);
    text(out, ">");
    escape(out, value);
    text(out, "</");
    // A start tag may carry attributes; the end tag has the name only.
    text(out, name.split(' ').next().unwrap_or(name));
    text(out, ">");
}

/// Appends text with what XML needs escaped; characters that XML cannot hold become `?`.
pub(super) fn escape(out: &mut Vec<u8>, value: &str) {
    for character in value.chars() {
        match character {
            '<' => text(out, "&lt;"),
            '>' => text(out, "&gt;"),
            '&' => text(out, "&amp;"),
            '"' => text(out, "&quot;"),
            '\r' => text(out, "&#13;"),
            '\t' | '\n' => out.push(character as u8),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push(b'?'),
            _ => {
                // Writing to memory does not fail.
                let _ = write!(out, "{character}");
            }
        }
    }
}
