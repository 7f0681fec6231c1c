//! The walk through an envelope.

use std::io::BufRead;

use sekisho_xml::{Event, Position, QName, Reader};

use super::timestamp::Times;
use super::{
    Addressing, BodyChild, EnvelopeOptions, HeaderBlock, Lifetime, Rule, SoapError, Version, WSA, WSA_2004,
    addressing, header,
};

/// Namespace of XML Signature.
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Depth of the body's child, the envelope being 1.
const CHILD_DEPTH: usize = 3;

/// Reads an envelope up to the body's child, hands over the XML reader there, and checks what follows.
///
/// The input is UTF-8; [`sekisho_xml::decode_document`] stands before it for everything else (R1012 allows UTF-16).
/// All header blocks are read before the body is looked at, so mandatory ones can be answered first (R1025, R2725).
pub struct EnvelopeReader<R: BufRead> {
    xml: Reader<R>,
    version: Version,
    headers: Vec<HeaderBlock>,
    addressing: Addressing,
    submission_actions: Vec<String>,
    signed: bool,
    times: Times,
    body: Option<BodyChild>,
}

/// The next thing at the level of the envelope's parts.
enum Part {
    Child(QName, bool),
    End,
}

impl<R: BufRead> EnvelopeReader<R> {
    /// Reads up to and with the start tag of the body's child, or the body's end if it is empty.
    pub fn open(input: R, options: &EnvelopeOptions) -> Result<Self, SoapError> {
        let mut xml = Reader::new(input, options.xml);
        let version = open_envelope(&mut xml)?;
        if let Some(expected) = options.expected
            && expected != version
        {
            return Err(SoapError::ContentType { expected, found: version, at: xml.position() });
        }
        let mut reader = Self {
            xml,
            version,
            headers: Vec::new(),
            addressing: Addressing::default(),
            submission_actions: Vec::new(),
            signed: false,
            times: Times::default(),
            body: None,
        };
        reader.read_header(options)?;
        reader.body = reader.open_body()?;
        Ok(reader)
    }

    /// Version of the envelope.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The header blocks, in order.
    pub fn headers(&self) -> &[HeaderBlock] {
        &self.headers
    }

    /// WS-Addressing values.
    pub fn addressing(&self) -> &Addressing {
        &self.addressing
    }

    /// Every `wsa:Action` for us that is not empty: of WS-Addressing 1.0, and of its submission of 2004/08, of which nothing else is
    /// read.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.addressing.action.iter().chain(&self.submission_actions).map(String::as_str)
    }

    /// Whether a header block holds a signature (XML Signature 1.1 section 4.1; WS-Security 1.1 section 8): whoever writes the
    /// message anew breaks it.
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// From when to when the message is good, where a header block for us says so.
    pub fn lifetime(&self) -> Option<Lifetime> {
        self.times.lifetime()
    }

    /// Mandatory blocks for us that `understood` does not know; WS-Addressing 1.0 is known always.
    pub fn not_understood(&self, understood: impl Fn(&QName) -> bool) -> Vec<QName> {
        self.headers
            .iter()
            .filter(|block| block.must_understand && block.for_us)
            .filter(|block| &*block.name.namespace != WSA && !understood(&block.name))
            .map(|block| block.name.clone())
            .collect()
    }

    /// The body's child; `None` when the body is empty, which is legal.
    pub fn body(&self) -> Option<&BodyChild> {
        self.body.as_ref()
    }

    /// The XML reader: behind the start tag of the body's child, or wherever the last user left it inside that child.
    pub fn xml(&mut self) -> &mut Reader<R> {
        &mut self.xml
    }

    /// Where the XML reader is.
    pub fn position(&self) -> Position {
        self.xml.position()
    }

    /// Passes what is left of the body's child and reads the envelope to its end: no second child, nothing behind the body
    /// (R1011), nothing behind the envelope.
    pub fn finish(mut self) -> Result<(), SoapError> {
        if self.body.is_some() {
            self.leave_child()?;
            match self.part(Rule::SeveralBodyChildren)? {
                Part::End => {}
                Part::Child(..) => return Err(self.broken(Rule::SeveralBodyChildren)),
            }
        }
        match self.part(Rule::AfterBody)? {
            Part::End => {}
            Part::Child(..) => return Err(self.broken(Rule::AfterBody)),
        }
        match self.xml.next()? {
            Event::Eof => Ok(()),
            _ => Err(self.broken(Rule::AfterBody)),
        }
    }

    /// Passes what is left of the body's child, its end included.
    pub(crate) fn leave_child(&mut self) -> Result<(), SoapError> {
        while self.xml.depth() >= CHILD_DEPTH {
            self.xml.skip_element()?;
        }
        Ok(())
    }

    /// Whether the XML reader still is inside the body's child.
    pub(crate) fn inside_child(&self) -> bool {
        self.body.is_some() && self.xml.depth() >= CHILD_DEPTH
    }

    fn read_header(&mut self, options: &EnvelopeOptions) -> Result<(), SoapError> {
        match self.part(Rule::Text)? {
            Part::Child(name, style) if name.is(self.version.namespace(), "Header") => {
                self.refuse_encoding_style(style)?;
            }
            Part::Child(name, style) if name.is(self.version.namespace(), "Body") => {
                return self.refuse_encoding_style(style);
            }
            Part::Child(..) => return Err(self.broken(Rule::EnvelopeChild)),
            Part::End => return Err(self.broken(Rule::BodyMissing)),
        }
        while self.read_block(options)? {}
        match self.part(Rule::Text)? {
            Part::Child(name, style) if name.is(self.version.namespace(), "Body") => {
                self.refuse_encoding_style(style)
            }
            Part::Child(..) => Err(self.broken(Rule::EnvelopeChild)),
            Part::End => Err(self.broken(Rule::BodyMissing)),
        }
    }

    /// Reads one header block; `false` at the header's end.
    fn read_block(&mut self, options: &EnvelopeOptions) -> Result<bool, SoapError> {
        let version = self.version;
        let (name, demands) = loop {
            let depth = self.xml.depth() + 1;
            match self.xml.next()? {
                Event::Start(start) => {
                    let demands = header::demands(&start, version);
                    let role = demands.as_ref().and_then(|demands| demands.role.as_deref());
                    if header::is_for_us(version, role, &options.roles) {
                        self.times.start(&start, depth);
                    }
                    break (start.qname(), demands);
                }
                Event::Text(piece) if piece.is_white_space() => {}
                Event::Text(_) => return Err(self.broken(Rule::Text)),
                Event::End(_) | Event::Eof => return Ok(false),
            }
        };
        let at = self.xml.position();
        if name.namespace.is_empty() {
            return Err(SoapError::Broken { rule: Rule::HeaderUnqualified, at });
        }
        let Some(demands) = demands else {
            return Err(SoapError::Broken { rule: Rule::MustUnderstandValue, at });
        };
        if self.headers.len() == options.header_blocks {
            let max = options.header_blocks as u64;
            return Err(SoapError::Limit { which: "header blocks", max, at });
        }
        let for_us = header::is_for_us(version, demands.role.as_deref(), &options.roles);
        let is_address = for_us && &*name.namespace == WSA;
        if for_us && name.is(WSA_2004, "Action") {
            let action = addressing::value(&mut self.xml, "wsa:Action", options.addressing_bytes)?;
            self.submission_actions.extend(Some(action).filter(|action| !action.is_empty()));
        } else if !(is_address
            && self.addressing.read(&mut self.xml, &name.local, options.addressing_bytes)?)
        {
            self.signed |= is_signature(&name.namespace, &name.local);
            self.pass_block(for_us)?;
        }
        let must_understand = demands.must_understand;
        self.headers.push(HeaderBlock { name, must_understand, for_us, role: demands.role, at });
        Ok(true)
    }

    /// Passes what is left of a header block, looking for a signature, and for a timestamp where it is for us.
    fn pass_block(&mut self, for_us: bool) -> Result<(), SoapError> {
        let outside = self.xml.depth().saturating_sub(1);
        loop {
            let depth = self.xml.depth() + 1;
            match self.xml.next()? {
                Event::Start(start) => {
                    self.signed |= is_signature(start.namespace(), start.local());
                    if for_us {
                        self.times.start(&start, depth);
                    }
                }
                Event::Text(piece) => self.times.text(piece.as_str()),
                Event::End(_) | Event::Eof => {
                    self.times.end(self.xml.depth());
                    if self.xml.depth() <= outside {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn open_body(&mut self) -> Result<Option<BodyChild>, SoapError> {
        let (name, attributes) = loop {
            match self.xml.next()? {
                Event::Start(start) => {
                    let attributes = start.attributes().map(|attribute| {
                        let name = QName::new(attribute.namespace, attribute.local);
                        (name, attribute.value.into_owned())
                    });
                    break (start.qname(), attributes.collect());
                }
                Event::Text(piece) if piece.is_white_space() => {}
                Event::Text(_) => return Err(self.broken(Rule::Text)),
                Event::End(_) | Event::Eof => return Ok(None),
            }
        };
        let at = self.xml.position();
        if name.namespace.is_empty() {
            return Err(SoapError::Broken { rule: Rule::BodyUnqualified, at });
        }
        Ok(Some(BodyChild { name, attributes, at }))
    }

    /// The next element, or the end of the element around; characters other than white space break `rule`.
    fn part(&mut self, rule: Rule) -> Result<Part, SoapError> {
        let version = self.version;
        loop {
            match self.xml.next()? {
                Event::Start(start) => {
                    let style = start.attribute(version.namespace(), "encodingStyle").is_some();
                    return Ok(Part::Child(start.qname(), style));
                }
                Event::Text(piece) if piece.is_white_space() => {}
                Event::Text(_) if rule == Rule::AfterBody => return Err(self.broken(rule)),
                Event::Text(_) => return Err(self.broken(Rule::Text)),
                Event::End(_) | Event::Eof => return Ok(Part::End),
            }
        }
    }

    /// 1.1 stacks of the encoded days still send it, and it changes nothing for literal content; 1.2 forbids it.
    fn refuse_encoding_style(&self, style: bool) -> Result<(), SoapError> {
        if style && self.version == Version::Soap12 { Err(self.broken(Rule::EncodingStyle)) } else { Ok(()) }
    }

    fn broken(&self, rule: Rule) -> SoapError {
        SoapError::Broken { rule, at: self.xml.position() }
    }
}

fn is_signature(namespace: &str, local: &str) -> bool {
    namespace == DSIG && local == "Signature"
}

fn open_envelope<R: BufRead>(xml: &mut Reader<R>) -> Result<Version, SoapError> {
    let name = loop {
        match xml.next()? {
            Event::Start(start) => break start.qname(),
            Event::Text(_) => {}
            Event::End(_) | Event::Eof => {
                return Err(SoapError::Broken { rule: Rule::NotAnEnvelope, at: xml.position() });
            }
        }
    };
    let at = xml.position();
    if &*name.local != "Envelope" {
        return Err(SoapError::Broken { rule: Rule::NotAnEnvelope, at });
    }
    Version::of_namespace(&name.namespace).ok_or(SoapError::VersionMismatch { at })
}
