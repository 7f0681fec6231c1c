//! Which encoding a document is in when nobody has said so (XML 1.0, appendix F and section 4.3.3).

use std::io::{self, Chain, Cursor, Read};

use sekisho_charset::{Decoder, Encoding, Unmappable};

use crate::declaration::declaration;

/// How much of a document's head is looked at for its declaration, in bytes.
const HEAD_BYTES: usize = 1024;

/// Why a document's encoding cannot be told: the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// The XML declaration names an encoding that the gateway does not speak.
    #[error(
        "the XML declaration names an encoding that is not spoken here: send UTF-8, UTF-16 or Windows-31J"
    )]
    Unsupported,
    /// The XML declaration names another encoding than the one it is written in.
    #[error("the XML declaration names another encoding than the one it is written in ({written})")]
    Contradiction {
        /// What the first bytes show.
        written: Encoding,
    },
}

impl DetectError {
    /// Stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            DetectError::Unsupported => "xml-encoding-unsupported",
            DetectError::Contradiction { .. } => "xml-encoding-contradiction",
        }
    }
}

/// What the head of a document shows of its encoding: the byte order mark, then the XML declaration, then UTF-8.
///
/// `head` is the document's first bytes; 1,024 are enough for any declaration.
///
/// # Errors
/// The declaration names an encoding that is not spoken, or that it cannot be written in.
pub fn detect_encoding(head: &[u8]) -> Result<Encoding, DetectError> {
    let (written, ascii) = match head {
        [0xEF, 0xBB, 0xBF, rest @ ..] => (Encoding::Utf8, rest.to_vec()),
        [0xFE, 0xFF, rest @ ..] => (Encoding::Utf16Be, low_bytes(rest, 1)),
        [0xFF, 0xFE, rest @ ..] => (Encoding::Utf16Le, low_bytes(rest, 0)),
        [0, b'<', 0, ..] => (Encoding::Utf16Be, low_bytes(head, 1)),
        [b'<', 0, _, 0, ..] => (Encoding::Utf16Le, low_bytes(head, 0)),
        _ => (Encoding::Utf8, head.to_vec()),
    };
    let marked = head.starts_with(Encoding::Utf8.byte_order_mark());
    let Some(label) = declared_label(&ascii) else { return Ok(written) };
    let declared = Encoding::from_label(&label).ok_or(DetectError::Unsupported)?;
    let fits = match written {
        Encoding::Utf16Le => matches!(declared, Encoding::Utf16 | Encoding::Utf16Le),
        Encoding::Utf16Be => matches!(declared, Encoding::Utf16 | Encoding::Utf16Be),
        _ if marked => declared == Encoding::Utf8,
        _ => matches!(declared, Encoding::Utf8 | Encoding::UsAscii | Encoding::Windows31J),
    };
    match (fits, written) {
        (false, _) => Err(DetectError::Contradiction { written }),
        (true, Encoding::Utf8) => Ok(declared),
        (true, _) => Ok(written),
    }
}

/// The low bytes of UTF-16 code units: a declaration is ASCII, and nothing else is looked for.
fn low_bytes(units: &[u8], at: usize) -> Vec<u8> {
    units.chunks_exact(2).map(|unit| unit[at]).collect()
}

/// The encoding that a well-formed XML declaration names; whatever is wrong with it, the reader will say.
fn declared_label(head: &[u8]) -> Option<String> {
    let rest = head.strip_prefix(b"<?xml")?;
    let end = memchr::memmem::find(rest, b"?>")?;
    declaration(std::str::from_utf8(&rest[..end]).ok()?).ok()?.map(str::to_owned)
}

/// A document decoded, its first bytes having been looked at.
pub type Detected<R> = Decoder<Chain<Cursor<Vec<u8>>, R>>;

/// A decoder for a document. The charset that came with it decides, whatever its declaration says (RFC 7303 section
/// 3.2, WS-I Basic Profile 1.2 R1019); without one, [`detect_encoding`] does. Bad bytes are refused.
///
/// # Errors
/// Those of `input`; [`DetectError`] inside an `io::Error` of kind `InvalidData`.
pub fn decode_document<R: Read>(mut input: R, charset: Option<Encoding>) -> io::Result<Detected<R>> {
    let mut head = Vec::new();
    let encoding = match charset {
        Some(encoding) => encoding,
        None => {
            (&mut input).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
            detect_encoding(&head).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
        }
    };
    Ok(Decoder::new(Cursor::new(head).chain(input), encoding, Unmappable::Refuse))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
        let text = if mark { format!("\u{FEFF}{text}") } else { text.to_owned() };
        text.encode_utf16()
            .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    }

    #[test]
    fn heads() {
        let plain = "<?xml version='1.0'?><a/>";
        let named = |label| format!("<?xml version='1.0' encoding='{label}'?><a/>");
        let cases: Vec<(Vec<u8>, Result<Encoding, DetectError>)> = vec![
            (b"".to_vec(), Ok(Encoding::Utf8)),
            (b"<a/>".to_vec(), Ok(Encoding::Utf8)),
            (plain.into(), Ok(Encoding::Utf8)),
            (named("utf-8").into(), Ok(Encoding::Utf8)),
            (named("Shift_JIS").into(), Ok(Encoding::Windows31J)),
            (named("Windows-31J").into(), Ok(Encoding::Windows31J)),
            (named("US-ASCII").into(), Ok(Encoding::UsAscii)),
            (named("EUC-JP").into(), Err(DetectError::Unsupported)),
            (named("UTF-16").into(), Err(DetectError::Contradiction { written: Encoding::Utf8 })),
            ([b"\xEF\xBB\xBF", named("UTF-8").as_bytes()].concat(), Ok(Encoding::Utf8)),
            (
                [b"\xEF\xBB\xBF", named("Shift_JIS").as_bytes()].concat(),
                Err(DetectError::Contradiction { written: Encoding::Utf8 }),
            ),
            (utf16(plain, true, true), Ok(Encoding::Utf16Le)),
            (utf16(plain, false, true), Ok(Encoding::Utf16Be)),
            (utf16(&named("UTF-16"), true, true), Ok(Encoding::Utf16Le)),
            (utf16(&named("UTF-16"), false, false), Ok(Encoding::Utf16Be)),
            (utf16(&named("UTF-16LE"), true, false), Ok(Encoding::Utf16Le)),
            (
                utf16(&named("UTF-8"), true, true),
                Err(DetectError::Contradiction { written: Encoding::Utf16Le }),
            ),
        ];
        for (head, encoding) in cases {
            assert_eq!(detect_encoding(&head), encoding, "{head:x?}");
            let decoded = decode_document(&head[..], None).and_then(|mut decoder| {
                let mut text = String::new();
                decoder.read_to_string(&mut text).map(|_| text)
            });
            assert_eq!(decoded.is_ok(), encoding.is_ok(), "{head:x?}");
        }
    }

    #[test]
    fn the_charset_that_came_with_it_decides() {
        let document = b"<?xml version='1.0' encoding='Shift_JIS'?><a>\xE9\x96\xA2</a>";
        let mut text = String::new();
        decode_document(&document[..], Some(Encoding::Utf8))
            .and_then(|mut decoder| decoder.read_to_string(&mut text))
            .expect("UTF-8 it is");
        assert!(text.contains('関'));
    }
}
