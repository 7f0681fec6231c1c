//! A strict, bounded, streaming XML reader: what the rest of the gateway may trust.
//!
//! Tags are split off here, other markup by `quick-xml`; everything that it lets pass and everything that it would buffer
//! is caught here. Whatever [`Reader`] yields belongs to a document that is well-formed (XML 1.0, fifth edition) and
//! namespace-well-formed (Namespaces in XML 1.0, third edition) up to that point; there is no document type
//! declaration and no entity but the five predefined ones; time is linear in the input, and memory is bounded by
//! [`Limits`] whatever the input. Character content of any size goes through [`TextStream`].
//!
//! The layers, from below: `source` (decoded characters, budget, positions), `quick_xml::Reader` (where a comment ends),
//! `tag`, `scope` and `declaration` (what is inside markup), `reader` (structure and character data).
#![forbid(unsafe_code)]

mod declaration;
mod detect;
mod detect_error;
mod error;
mod event;
pub mod expect;
mod limits;
mod name;
mod qname;
mod reader;
mod reference;
mod rules;
mod scope;
mod source;
mod tag;
mod text_stream;
pub mod write;

pub use detect::{Detected, decode_document, detect_encoding, head_bytes};
pub use detect_error::{DetectError, DetectFault};
pub use error::XmlError;
pub use event::{Attribute, EndName, Event, Start, Text};
pub use expect::Expectation;
pub use limits::{Limits, ProcessingInstructions};
pub use name::is_ncname;
pub use qname::{QName, QNameError};
pub use reader::Reader;
pub use rules::{Explanation, explain, rules};
pub use source::Position;
pub use text_stream::TextStream;
