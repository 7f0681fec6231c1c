//! SOAP faults: SOAP 1.1 section 4.4 (as R1000 to R1031 bind it), SOAP 1.2 part 1 section 5.4.

use std::io::BufRead;

use sekisho_xml::{QName, is_ncname};
use serde::{Deserialize, Serialize};

use crate::Version;
use crate::envelope::{self, EnvelopeReader, MessageProblem, ReplyHeaders, SoapError};
use crate::message::xml::{Element, push_text};
use crate::message::{NAMESPACE, RecordError, Unfinished};

mod addressing;
mod received;

#[cfg(test)]
mod tests;

pub use addressing::{ACTION, InvalidHeader, SOAP_ACTION};
pub use received::ReceivedFault;

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The sender: the envelope's version is not one of ours.
    VersionMismatch,
    /// The sender: a mandatory header block is not understood.
    MustUnderstand,
    /// The sender: the message is at fault. `Client` in SOAP 1.1.
    Sender,
    /// The gateway or what lies behind it. `Server` in SOAP 1.1.
    Receiver,
}

impl Who {
    /// The standard fault code, which is all that may stand in a fault's code (R1004; never dot notation, R1031).
    pub fn code(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::VersionMismatch, _) => "VersionMismatch",
            (Self::MustUnderstand, _) => "MustUnderstand",
            (Self::Sender, Version::Soap11) => "Client",
            (Self::Sender, Version::Soap12) => "Sender",
            (Self::Receiver, Version::Soap11) => "Server",
            (Self::Receiver, Version::Soap12) => "Receiver",
        }
    }
}

/// Where in a message something is wrong; what is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// MIME part, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u64>,
    /// Line of the part or body, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column of that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Byte of the part or body, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Record, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// Name of the field in the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Location {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<sekisho_xml::Position> for Location {
    fn from(at: sekisho_xml::Position) -> Self {
        Self { line: Some(at.line), column: Some(at.column), byte: Some(at.byte), ..Self::default() }
    }
}

impl From<crate::mime::At> for Location {
    fn from(at: crate::mime::At) -> Self {
        Self { part: Some(u64::from(at.part)), line: Some(at.line), byte: Some(at.byte), ..Self::default() }
    }
}

/// A fault, whatever the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Who has to act.
    pub who: Who,
    /// Our own stable code, kebab-case; it stands in the detail (and as the subcode in SOAP 1.2).
    pub code: String,
    /// Correlation id: finds the line in the gateway's log.
    pub id: String,
    /// What happened and what to do, in English.
    pub reason_en: String,
    /// The same in Japanese.
    pub reason_ja: String,
    /// Where in the message.
    pub location: Location,
    /// Header blocks that were not understood (SOAP 1.2 part 1 section 5.4.8 names them in the header).
    pub not_understood: Vec<QName>,
    /// The first errors of the records, when a batch was refused for them.
    pub errors: Vec<RecordError>,
    /// How many errors there were in all.
    pub errors_total: Option<u64>,
    /// Where the batch stands whose answer was awaited.
    pub unfinished: Option<Box<Unfinished>>,
    /// The WS-Addressing header that is at fault: then the fault's codes are those of WS-Addressing. Not read from what is received.
    pub invalid_header: Option<InvalidHeader>,
    /// What the fault says by WS-Addressing of the message that it answers. Not read from what is received.
    pub headers: Option<ReplyHeaders>,
}

impl Fault {
    /// A fault without location or errors.
    pub fn new(who: Who, code: &str, id: &str, reason_en: &str, reason_ja: &str) -> Self {
        Self {
            who,
            code: code.to_owned(),
            id: id.to_owned(),
            reason_en: reason_en.to_owned(),
            reason_ja: reason_ja.to_owned(),
            location: Location::default(),
            not_understood: Vec::new(),
            errors: Vec::new(),
            errors_total: None,
            unfinished: None,
            invalid_header: None,
            headers: None,
        }
    }

    /// The fault that an error of the envelope means.
    pub fn of(error: &SoapError, id: &str) -> Self {
        let fault = Self::new(error.who(), error.code(), id, &error.to_string(), &error.message_ja());
        Self { location: error.position().map(Location::from).unwrap_or_default(), ..fault }
    }

    /// The fault for header blocks that must be understood and are not (R1027; SOAP 1.2 part 1 section 5.4.8).
    pub fn not_understood(blocks: Vec<QName>, id: &str) -> Self {
        let fault = Self::new(
            Who::MustUnderstand,
            "soap-must-understand",
            id,
            "a header block that must be understood is not understood here; leave it out, or send it without mustUnderstand",
            "理解必須（mustUnderstand）のヘッダーブロックを理解できません。外すか、mustUnderstand なしで送ってください",
        );
        Self { not_understood: blocks, ..fault }
    }

    /// HTTP status: SOAP 1.1 always 500 (R1126); SOAP 1.2 part 2 table 20: 400 for the sender, 500 for the rest.
    pub fn http_status(&self, version: Version) -> u16 {
        match (version, self.who) {
            (Version::Soap12, Who::Sender) => 400,
            _ => 500,
        }
    }

    /// The whole envelope, UTF-8.
    pub fn write(&self, version: Version) -> Vec<u8> {
        let mut out = Vec::with_capacity(2048);
        envelope::write_open(version, self.headers.as_ref(), &self.header_blocks(version), &mut out);
        match version {
            Version::Soap11 => self.write_11(&mut out),
            Version::Soap12 => self.write_12(&mut out),
        }
        out.extend_from_slice(b"</env:Body></env:Envelope>");
        out
    }

    /// SOAP 1.1: unqualified children, no others than these (R1000, R1001).
    fn write_11(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<env:Fault>");
        match &self.invalid_header {
            Some(invalid) => invalid.write_code_11(out),
            None => {
                let code = self.who.code(Version::Soap11);
                out.extend_from_slice(format!("<faultcode>env:{code}</faultcode>").as_bytes());
            }
        }
        out.extend_from_slice(b"<faultstring xml:lang=\"en\">");
        push_text(&self.reason_en, out);
        out.extend_from_slice(b"</faultstring><detail>");
        out.extend_from_slice(&self.detail());
        out.extend_from_slice(b"</detail></env:Fault>");
    }

    fn write_12(&self, out: &mut Vec<u8>) {
        let code = self.who.code(Version::Soap12);
        out.extend_from_slice(format!("<env:Fault><env:Code><env:Value>env:{code}</env:Value>").as_bytes());
        if let Some(invalid) = &self.invalid_header {
            invalid.write_subcodes_12(out);
        } else if is_ncname(&self.code) {
            let subcode = format!(
                "<env:Subcode><env:Value xmlns:g=\"{NAMESPACE}\">g:{}</env:Value></env:Subcode>",
                self.code
            );
            out.extend_from_slice(subcode.as_bytes());
        }
        out.extend_from_slice(b"</env:Code><env:Reason>");
        for (language, reason) in [("en", &self.reason_en), ("ja", &self.reason_ja)] {
            out.extend_from_slice(format!("<env:Text xml:lang=\"{language}\">").as_bytes());
            push_text(reason, out);
            out.extend_from_slice(b"</env:Text>");
        }
        out.extend_from_slice(b"</env:Reason><env:Detail>");
        out.extend_from_slice(&self.detail());
        if let Some(invalid) = &self.invalid_header {
            invalid.write_problem(out);
        }
        out.extend_from_slice(b"</env:Detail></env:Fault>");
    }

    /// `Upgrade` and `NotUnderstood` of SOAP 1.2 (part 1 sections 5.4.7 and 5.4.8), `FaultDetail` of WS-Addressing for SOAP 1.1.
    fn header_blocks(&self, version: Version) -> Vec<u8> {
        let mut blocks = String::new();
        if version == Version::Soap12 && self.who == Who::VersionMismatch {
            blocks.push_str("<env:Upgrade>");
            for known in [Version::Soap12, Version::Soap11] {
                let namespace = known.namespace();
                blocks.push_str(&format!(
                    "<env:SupportedEnvelope qname=\"v:Envelope\" xmlns:v=\"{namespace}\"/>"
                ));
            }
            blocks.push_str("</env:Upgrade>");
        }
        let mut blocks = blocks.into_bytes();
        if let (Version::Soap11, Some(invalid)) = (version, &self.invalid_header) {
            invalid.write_header_11(&mut blocks);
        }
        if version == Version::Soap12 {
            // A name without a namespace cannot have a prefix; no header block that was read has such a name.
            for name in self.not_understood.iter().filter(|name| !name.namespace.is_empty()) {
                let start = format!("<env:NotUnderstood qname=\"u:{}\" xmlns:u=\"", name.local);
                blocks.extend_from_slice(start.as_bytes());
                // A name out of a document that was read holds no character that XML cannot.
                let _ = sekisho_xml::write::escape_attribute(&name.namespace, &mut blocks);
                blocks.extend_from_slice(b"\"/>");
            }
        }
        blocks
    }

    fn detail(&self) -> Vec<u8> {
        let mut element = Element::new("problem");
        element.text("code", &self.code);
        element.text("id", &self.id);
        element.bilingual("reason", &self.reason_en, &self.reason_ja);
        if !self.location.is_empty() {
            element.around("location", |element| {
                element.optional_number("part", self.location.part);
                element.optional_number("line", self.location.line);
                element.optional_number("column", self.location.column);
                element.optional_number("byte", self.location.byte);
                element.optional_number("record", self.location.record);
                element.optional("field", self.location.field.as_deref());
            });
        }
        for name in &self.not_understood {
            element.text("header", &name.to_string());
        }
        element.optional_number("errorsTotal", self.errors_total);
        for error in &self.errors {
            error.write(&mut element);
        }
        if let Some(unfinished) = &self.unfinished {
            unfinished.write(&mut element);
        }
        element.finish()
    }
}
