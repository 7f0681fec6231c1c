//! SOAP envelopes: 1.1 (as WS-I Basic Profile 1.1 and Simple SOAP Binding Profile 1.0 bind it) and 1.2, read as a stream up
//! to the body's child, handed over there, and checked behind it.

use sekisho_xml::{Limits, Position, QName};

use crate::MediaType;

mod addressing;
mod error;
mod header;
mod reader;
mod timestamp;
mod write;

#[cfg(test)]
mod tests;

pub use addressing::{ANONYMOUS, Addressing, NONE};
pub use error::{MessageProblem, Rule, SoapError};
pub use reader::EnvelopeReader;
pub use timestamp::Lifetime;
pub use write::{ReplyHeaders, around, write};

pub(crate) use write::open as write_open;

/// WS-Addressing 1.0.
pub const WSA: &str = "http://www.w3.org/2005/08/addressing";
/// The submission that WS-Addressing 1.0 was made of; of it nothing is read but its `wsa:Action`.
pub(crate) const WSA_2004: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// XML-binary Optimized Packaging.
pub const XOP: &str = "http://www.w3.org/2004/08/xop/include";
/// `xmime:contentType`.
pub const XMIME: &str = "http://www.w3.org/2005/05/xmlmime";

/// SOAP's version, told by the envelope's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `http://schemas.xmlsoap.org/soap/envelope/`
    Soap11,
    /// `http://www.w3.org/2003/05/soap-envelope`
    Soap12,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Version::Soap11 => "SOAP 1.1",
            Version::Soap12 => "SOAP 1.2",
        })
    }
}

impl Version {
    /// Namespace of the envelope.
    pub fn namespace(self) -> &'static str {
        match self {
            Version::Soap11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Version::Soap12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }

    /// The version of that namespace.
    pub fn of_namespace(namespace: &str) -> Option<Self> {
        [Version::Soap11, Version::Soap12].into_iter().find(|version| version.namespace() == namespace)
    }

    /// Media type of a message without attachments.
    pub fn media_type(self) -> &'static str {
        match self {
            Version::Soap11 => "text/xml",
            Version::Soap12 => "application/soap+xml",
        }
    }

    /// The version that a media type promises, of a whole message or of a root part: `text/xml` is 1.1,
    /// `application/soap+xml` 1.2; `multipart/related` says it in `type`, XOP in `start-info` or `type`.
    pub fn of_media_type(media: &MediaType) -> Option<Self> {
        match media.essence() {
            "text/xml" => Some(Version::Soap11),
            "application/soap+xml" => Some(Version::Soap12),
            "multipart/related" => match MediaType::parse(media.parameter("type")?).ok()?.essence() {
                "application/xop+xml" => Self::named(media.parameter("start-info")?),
                plain => Self::named(plain),
            },
            "application/xop+xml" => Self::named(media.parameter("type")?),
            _ => None,
        }
    }

    fn named(media: &str) -> Option<Self> {
        let media = MediaType::parse(media).ok()?;
        [Version::Soap11, Version::Soap12].into_iter().find(|version| media.is(version.media_type()))
    }
}

/// Bounds of an envelope, beside those of the XML reader, and what is expected of it.
#[derive(Debug, Clone)]
pub struct EnvelopeOptions {
    /// The version that the media type promises; another one is refused.
    pub expected: Option<Version>,
    /// Roles (actors) that we play beside `next` and the ultimate receiver.
    pub roles: Vec<String>,
    /// Header blocks. Default 64.
    pub header_blocks: usize,
    /// Bytes of one WS-Addressing value. Default 2,048.
    pub addressing_bytes: usize,
    /// Limits of the XML reader.
    pub xml: Limits,
}

impl Default for EnvelopeOptions {
    fn default() -> Self {
        Self {
            expected: None,
            roles: Vec::new(),
            header_blocks: 64,
            addressing_bytes: 2048,
            xml: Limits::default(),
        }
    }
}

/// One header block, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBlock {
    /// Its name.
    pub name: QName,
    /// `mustUnderstand`.
    pub must_understand: bool,
    /// Whether its actor or role is one of ours.
    pub for_us: bool,
    /// `actor` or `role` as it came.
    pub role: Option<String>,
    /// Where its start tag is.
    pub at: Position,
}

/// The body's child, which names the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyChild {
    /// Its name.
    pub name: QName,
    /// Its attributes.
    pub attributes: Vec<(QName, String)>,
    /// Where its start tag is.
    pub at: Position,
}
