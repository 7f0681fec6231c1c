//! Envelopes of answers and requests.

use super::{Version, WSA};
use crate::message::xml::push_text;

/// WS-Addressing 1.0 headers of an answer; the anonymous address stands in `wsa:To`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyHeaders {
    /// `wsa:Action`.
    pub action: String,
    /// `wsa:RelatesTo`: the request's message id.
    pub relates_to: Option<String>,
    /// `wsa:MessageID`.
    pub message_id: Option<String>,
}

/// A whole envelope, UTF-8 with an XML declaration, around a body that is XML already.
pub fn write(version: Version, headers: Option<&ReplyHeaders>, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 512);
    open(version, headers, &[], &mut out);
    out.extend_from_slice(body);
    out.extend_from_slice(b"</env:Body></env:Envelope>");
    out
}

/// What stands before and behind a body of [`write`], for one that is streamed between them.
pub fn around(version: Version, headers: Option<&ReplyHeaders>) -> (Vec<u8>, &'static [u8]) {
    let mut out = Vec::with_capacity(512);
    open(version, headers, &[], &mut out);
    (out, b"</env:Body></env:Envelope>")
}

/// Everything up to and with the start tag of the body; the prefix of the envelope's namespace is `env`.
pub(crate) fn open(version: Version, headers: Option<&ReplyHeaders>, blocks: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><env:Envelope xmlns:env=\"");
    out.extend_from_slice(version.namespace().as_bytes());
    out.extend_from_slice(b"\">");
    if headers.is_some() || !blocks.is_empty() {
        out.extend_from_slice(b"<env:Header>");
        if let Some(headers) = headers {
            let mut address = |local: &str, value: &str| {
                out.extend_from_slice(format!("<wsa:{local} xmlns:wsa=\"{WSA}\">").as_bytes());
                push_text(value, out);
                out.extend_from_slice(format!("</wsa:{local}>").as_bytes());
            };
            address("To", super::ANONYMOUS);
            address("Action", &headers.action);
            if let Some(id) = &headers.message_id {
                address("MessageID", id);
            }
            if let Some(id) = &headers.relates_to {
                address("RelatesTo", id);
            }
        }
        out.extend_from_slice(blocks);
        out.extend_from_slice(b"</env:Header>");
    }
    out.extend_from_slice(b"<env:Body>");
}
