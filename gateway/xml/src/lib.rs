//! A strict, bounded, streaming XML reader: what the rest of the gateway may trust.
//!
//! A tag is held as a whole, everything else goes by in pieces. Whatever [`Reader`] yields belongs to a document that is well-formed (XML 1.0, fifth edition) and
//! namespace-well-formed (Namespaces in XML 1.0, third edition) up to that point; there is no document type
//! declaration and no entity but the five predefined ones; time is linear in the input, and memory is bounded by
//! [`Limits`] whatever the input. Character content of any size goes through [`TextStream`].
//!
//! The layers, from below: `source` (decoded characters, positions), `tag`, `scope` and `declaration` (what is inside
//! markup), `reader` (structure, character data, and what is passed over).
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
mod trail;
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
pub use trail::{Rows, Trail};
