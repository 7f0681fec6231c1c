//! `submitBatch` as a client sends it: what stands before the payload, and what behind it.

use super::xml::Element;
use crate::envelope::{self, Version, XOP};

/// How a client sends the payload of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier<'a> {
    /// SwA: `href="cid:…"` to the part with this Content-ID.
    Attachment(&'a str),
    /// MTOM: `xop:Include` to the part with this Content-ID.
    Include(&'a str),
    /// Base64 text between the frame's halves.
    Base64,
    /// Record elements between the frame's halves.
    Records,
}

/// A submission to be sent: what stands before the payload and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionFrame {
    /// The envelope up to the payload.
    pub before: Vec<u8>,
    /// The envelope behind the payload.
    pub after: Vec<u8>,
}

impl SubmissionFrame {
    /// A `submitBatch` of our own namespace, as the client program sends it.
    pub fn new(
        version: Version,
        reference: Option<&str>,
        idempotency_key: Option<&str>,
        content_type: Option<&str>,
        carrier: Carrier<'_>,
    ) -> Self {
        let mut element = Element::new("submitBatch");
        element.optional("batchId", reference);
        element.optional("idempotencyKey", idempotency_key);
        let type_attribute = content_type.map(|value| ("contentType", value.to_owned()));
        match carrier {
            Carrier::Attachment(id) => {
                let href = ("href", format!("cid:{}", percent_encoded(id)));
                element.open("data", type_attribute.into_iter().chain([href]));
            }
            Carrier::Include(id) => {
                element.open("data", type_attribute);
                let href = percent_encoded(id);
                element.raw(format!("<xop:Include xmlns:xop=\"{XOP}\" href=\"cid:{href}\"/>").as_bytes());
            }
            Carrier::Base64 => element.open("data", type_attribute),
            Carrier::Records => element.open("records", None),
        }
        let (start, end) = element.halves();
        let whole = envelope::write(version, None, &start);
        let close = b"</env:Body></env:Envelope>";
        let before = whole[..whole.len() - close.len()].to_vec();
        Self { before, after: [&end[..], close].concat() }
    }
}

/// A Content-ID as it stands in a `cid:` URL: what RFC 3986 does not let stand in a path is escaped.
fn percent_encoded(id: &str) -> String {
    let mut url = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$'()*,;=:@".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}
