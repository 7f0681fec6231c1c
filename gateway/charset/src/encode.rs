//! From text to bytes, without substitutes.

use encoding_rs::{EncoderResult, SHIFT_JIS};

use crate::Encoding;

/// A character that the target encoding does not have, or has only as another character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "character {char_index} (from 0) of the text does not exist in {encoding}: choose UTF-8, or map it first"
)]
pub struct EncodeError {
    /// The target encoding.
    pub encoding: Encoding,
    /// Index of the character in the text, in characters from 0.
    pub char_index: usize,
    /// The character's code point. It is payload: for programs, not for messages.
    pub code_point: u32,
}

impl EncodeError {
    /// Stable code of this error.
    pub fn code(&self) -> &'static str {
        "charset-unmappable"
    }
}

/// Encodes `text`, appending to `out`. No byte order mark is written ([`Encoding::byte_order_mark`] has it);
/// [`Encoding::Utf16`] is big-endian. What is written decodes to exactly `text` again: characters that would come
/// back as others (U+00A5, U+203E, U+2212 in Windows-31J) are refused like those that do not exist at all.
///
/// # Errors
/// The first character that the encoding does not have; `out` is then as it was.
pub fn encode(text: &str, encoding: Encoding, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match encoding {
        Encoding::Utf8 => out.extend_from_slice(text.as_bytes()),
        Encoding::Utf16 | Encoding::Utf16Be => {
            out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        }
        Encoding::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
        Encoding::UsAscii => match text.bytes().position(|byte| !byte.is_ascii()) {
            None => out.extend_from_slice(text.as_bytes()),
            Some(at) => return Err(unmappable(text, at, encoding)),
        },
        Encoding::Windows31J => encode_windows_31j(text, out)?,
    }
    Ok(())
}

fn encode_windows_31j(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = out.len();
    let mut encoder = SHIFT_JIS.new_encoder();
    let mut done = 0;
    while done < text.len() {
        let rest = &text[done..];
        let run = rest.find(comes_back_as_another).unwrap_or(rest.len());
        if run == 0 {
            out.truncate(before);
            return Err(unmappable(text, done, Encoding::Windows31J));
        }
        // Two bytes a character at most, and characters of one byte in UTF-8 are one byte here too.
        out.reserve(2 * run + 8);
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(&rest[..run], out, false);
        done += read;
        if let EncoderResult::Unmappable(character) = result {
            match user_defined(character) {
                Some(bytes) => out.extend_from_slice(&bytes),
                None => {
                    out.truncate(before);
                    return Err(unmappable(text, done - character.len_utf8(), Encoding::Windows31J));
                }
            }
        }
    }
    Ok(())
}

/// The WHATWG encoder maps these to bytes that decode to a backslash, a tilde and U+FF0D.
fn comes_back_as_another(character: char) -> bool {
    matches!(character, '\u{A5}' | '\u{203E}' | '\u{2212}')
}

/// The user-defined rows (外字): the WHATWG tables decode them and do not encode them.
fn user_defined(character: char) -> Option<[u8; 2]> {
    let cell = u32::from(character).checked_sub(0xE000).filter(|&cell| cell < 10 * 188)?;
    let (row, cell) = ((cell / 188) as u8, (cell % 188) as u8);
    let trail = if cell < 0x3F { 0x40 + cell } else { 0x41 + cell };
    Some([0xF0 + row, trail])
}

fn unmappable(text: &str, at: usize, encoding: Encoding) -> EncodeError {
    EncodeError {
        encoding,
        char_index: text[..at].chars().count(),
        code_point: text[at..].chars().next().map_or(0, u32::from),
    }
}
