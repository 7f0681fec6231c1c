//! SOAP envelopes, faults, SwA and MTOM packaging, and the gateway's own messages.
//!
//! Everything here is a pure core: bytes go in through `Read`, typed parts, header blocks and bodies come out, and nothing
//! opens a socket, looks at a clock or starts a thread. Every buffer has a cap, so memory does not depend on the input.
//!
//! | module | what it reads or writes |
//! | --- | --- |
//! | [`media_type`] | `Content-Type` values (RFC 9110 section 8.3.1) |
//! | [`mime`] | `multipart/related` packages as a stream of parts (RFC 2046, RFC 2387, SwA) |
//! | [`related`] | the same packages, written |
//! | [`envelope`] | SOAP 1.1 and 1.2 envelopes, up to and after the body's child |
//! | [`fault`] | SOAP faults in both versions |
//! | [`message`] | the gateway's own operations, namespace [`message::NAMESPACE`] |
//! | [`contract`] | the WSDL, the XSD and the OpenAPI document that describe all of it |
#![forbid(unsafe_code)]

pub mod contract;
pub mod envelope;
pub mod fault;
pub mod media_type;
pub mod message;
pub mod mime;
pub mod related;

pub use envelope::{EnvelopeReader, SoapError, Version};
pub use fault::Fault;
pub use media_type::MediaType;
pub use mime::{MimeError, MultipartReader, PartHead, PartLimits, cid, same_content_id};
