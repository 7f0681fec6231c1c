//! Escaping of text into XML.

/// A character that XML 1.0 cannot hold (production 2), not even as a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {char_index} (from 0) of the text is U+{code_point:04X}, which XML cannot hold")]
pub struct Unwritable {
    /// Index of the character in the text, in characters from 0.
    pub char_index: usize,
    /// The character's code point: a control character, U+FFFE or U+FFFF.
    pub code_point: u32,
}

impl Unwritable {
    /// Stable code of this error.
    pub fn code(&self) -> &'static str {
        "xml-unwritable-character"
    }
}

/// Appends `text` as character data. A reader gives back exactly `text`: carriage returns are written as references.
///
/// # Errors
/// The first character that XML cannot hold; `out` is then as it was.
pub fn escape_text(text: &str, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    escape(text, out, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        // Only ]]> needs it; always is simpler to trust.
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    })
}

/// Appends `text` as the inside of an attribute value between either kind of quotes. A reader gives back exactly
/// `text`: tabs and line ends are written as references.
///
/// # Errors
/// The first character that XML cannot hold; `out` is then as it was.
pub fn escape_attribute(text: &str, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    escape(text, out, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'"' => Some(b"&quot;"),
        b'\'' => Some(b"&apos;"),
        b'\t' => Some(b"&#x9;"),
        b'\n' => Some(b"&#xA;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    })
}

#[inline]
fn escape(
    text: &str,
    out: &mut Vec<u8>,
    replacement: impl Fn(u8) -> Option<&'static [u8]>,
) -> Result<(), Unwritable> {
    let before = out.len();
    out.reserve(text.len());
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if let Some(replacement) = replacement(byte) {
            out.extend_from_slice(&bytes[written..at]);
            out.extend_from_slice(replacement);
            written = at + 1;
        } else if (byte < b' ' && !matches!(byte, b'\t' | b'\n'))
            || (byte == 0xEF && matches!(bytes[at..], [_, 0xBF, 0xBE | 0xBF, ..]))
        {
            out.truncate(before);
            return Err(Unwritable {
                char_index: text[..at].chars().count(),
                code_point: text[at..].chars().next().map_or(0, u32::from),
            });
        }
    }
    out.extend_from_slice(&bytes[written..]);
    Ok(())
}
