//! Character encodings with an explicit policy for what does not map.
//!
//! A [`Decoder`] turns an encoded stream into UTF-8 in bounded memory and says exactly which bytes its
//! encoding does not have; [`encode`] turns text into bytes and never writes a substitute on its own.
//! The tables are those of `encoding_rs`; the labels, the policy, the offsets and the round trip are ours.
//!
//! # Windows-31J
//! `shift_jis` and all its aliases mean Windows-31J (Microsoft code page 932), as they do in the field: JIS X 0208
//! with the NEC and IBM rows, and the user-defined rows F040–F9FC as U+E000–U+E757. The stray bytes 0x80, 0xA0
//! and 0xFD–0xFF are no part of it: the last four are refused, and 0x80 becomes U+0080 as in the WHATWG table.
#![forbid(unsafe_code)]

mod decoder;
mod encode;
mod encoding;
mod error;

pub use decoder::{Decoder, Unmappable};
pub use encode::{EncodeError, encode};
pub use encoding::Encoding;
pub use error::{CharsetError, CharsetErrorKind};
