//! SOAP envelopes: 1.1 (with BP 1.1 and SSBP 1.0) and 1.2, read as a stream up to the body's child and checked behind it.
use sekisho_xml::{QName, XmlError};
use std::io::BufRead;

/// SOAP's version, told by the envelope's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `http://schemas.xmlsoap.org/soap/envelope/`
    Soap11,
    /// `http://www.w3.org/2003/05/soap-envelope`
    Soap12,
}

impl Version {
    /// Namespace of the envelope.
    pub fn namespace(self) -> &'static str {
        match self {
            Version::Soap11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Version::Soap12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }
    /// Media type of a plain message.
    pub fn media_type(self) -> &'static str {
        match self {
            Version::Soap11 => "text/xml",
            Version::Soap12 => "application/soap+xml",
        }
    }
}

/// Bounds of an envelope, beside those of the XML reader.
#[derive(Debug, Clone)]
pub struct EnvelopeOptions {
    /// The version that the media type promises; another one is refused.
    pub expected: Option<Version>,
    /// Roles (actors) that we play beside `next` and the ultimate receiver.
    pub roles: Vec<String>,
    /// Header blocks.
    pub header_blocks: usize,
    /// Bytes of one WS-Addressing value.
    pub addressing_bytes: usize,
    /// Limits of the XML reader.
    pub xml: sekisho_xml::Limits,
}

/// One header block.
#[derive(Debug, Clone)]
pub struct HeaderBlock {
    /// Its name.
    pub name: QName,
    /// `mustUnderstand`.
    pub must_understand: bool,
    /// Whether its actor or role is one of ours.
    pub for_us: bool,
    /// `actor` or `role` as it came.
    pub role: Option<String>,
}

/// WS-Addressing 1.0 headers aimed at us.
#[derive(Debug, Clone, Default)]
pub struct Addressing {
    /// `wsa:MessageID`.
    pub message_id: Option<String>,
    /// `wsa:Action`.
    pub action: Option<String>,
    /// `wsa:To`.
    pub to: Option<String>,
    /// Address of `wsa:ReplyTo`.
    pub reply_to: Option<String>,
    /// Address of `wsa:FaultTo`.
    pub fault_to: Option<String>,
    /// Address of `wsa:From`.
    pub from: Option<String>,
    /// `wsa:RelatesTo`.
    pub relates_to: Vec<String>,
}

/// The body's child.
#[derive(Debug, Clone)]
pub struct BodyChild {
    /// Its name.
    pub name: QName,
    /// Its attributes.
    pub attributes: Vec<(QName, String)>,
}

/// Why a message is not an envelope that we take.
#[derive(Debug, thiserror::Error)]
pub enum SoapError {
    /// Not XML as SOAP wants it.
    #[error(transparent)]
    Xml(#[from] XmlError),
}

impl SoapError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        todo!()
    }
    /// Who is at fault.
    pub fn who(&self) -> crate::fault::Who {
        todo!()
    }
    /// The same as `Display`, in Japanese.
    pub fn message_ja(&self) -> String {
        todo!()
    }
}

/// Reads an envelope up to the body's child, hands over the XML reader there, and checks what follows.
pub struct EnvelopeReader<R: BufRead> {
    xml: sekisho_xml::Reader<R>,
    version: Version,
    headers: Vec<HeaderBlock>,
    addressing: Addressing,
    body: Option<BodyChild>,
}

impl<R: BufRead> EnvelopeReader<R> {
    /// Reads up to and with the start tag of the body's child.
    pub fn open(input: R, options: &EnvelopeOptions) -> Result<Self, SoapError> {
        let _ = (input, options);
        todo!()
    }
    /// Version of the envelope.
    pub fn version(&self) -> Version {
        self.version
    }
    /// The header blocks.
    pub fn headers(&self) -> &[HeaderBlock] {
        &self.headers
    }
    /// WS-Addressing values.
    pub fn addressing(&self) -> &Addressing {
        &self.addressing
    }
    /// Mandatory blocks aimed at us that `understood` does not know (WS-Addressing is known always).
    pub fn not_understood(&self, understood: impl Fn(&QName) -> bool) -> Vec<QName> {
        let _ = understood;
        todo!()
    }
    /// The body's child; `None` when the body is empty.
    pub fn body(&self) -> Option<&BodyChild> {
        self.body.as_ref()
    }
    /// The XML reader, standing after the start tag of the body's child.
    pub fn xml(&mut self) -> &mut sekisho_xml::Reader<R> {
        &mut self.xml
    }
    /// Reads the rest of the body's child and of the envelope; nothing may follow (R1011).
    pub fn finish(self) -> Result<(), SoapError> {
        todo!()
    }
}

/// WS-Addressing headers of an answer.
#[derive(Debug, Clone, Default)]
pub struct ReplyHeaders {
    /// `wsa:Action`.
    pub action: String,
    /// `wsa:RelatesTo`.
    pub relates_to: Option<String>,
    /// `wsa:MessageID`.
    pub message_id: Option<String>,
}

/// A whole envelope around a body that is XML already.
pub fn write(version: Version, headers: Option<&ReplyHeaders>, body: &[u8]) -> Vec<u8> {
    let _ = (version, headers, body);
    todo!()
}
