//! Which encoding a document is in when nobody has said so (XML 1.0, appendix F and section 4.3.3).

use std::io::{self, Chain, Cursor, Read};

use sekisho_charset::{Decoder, Encoding, Unmappable};

use crate::declaration::declaration;
use crate::detect_error::{DetectError, DetectFault, foreign};
use crate::name::is_space;
use crate::source::Position;

/// How much of a document's head is looked at for its declaration, in bytes.
const HEAD_BYTES: u64 = 1024;
/// The byte order mark of UTF-8, in bytes.
const LONGEST_MARK: u64 = 3;

/// The encoding of a document. The charset that came with it decides, whatever its declaration says (RFC 7303 section
/// 3.2, WS-I Basic Profile 1.2 R1019), unless a byte order mark says that it cannot be. Without one, the byte order
/// mark does, then the XML declaration, then it is UTF-8.
///
/// `head` is the document's first bytes; [`head_bytes`] are enough.
///
/// # Errors
/// The declaration names an encoding that is not spoken, or that it cannot be written in; the label is another than that
/// of the byte order mark; the document is in UTF-16 and does not say so.
pub fn detect_encoding(head: &[u8], label: Option<Encoding>) -> Result<Encoding, DetectError> {
    match label {
        Some(label) => labelled(head, label),
        None => unlabelled(head),
    }
}

/// How many of a document's first bytes [`detect_encoding`] has to see: with a label its byte order mark.
pub fn head_bytes(label: Option<Encoding>) -> u64 {
    if label.is_some() { LONGEST_MARK } else { HEAD_BYTES }
}

/// The byte order mark at the beginning, as the encoding that it is of.
fn mark(head: &[u8]) -> Option<Encoding> {
    [Encoding::Utf8, Encoding::Utf16Be, Encoding::Utf16Le]
        .into_iter()
        .find(|encoding| head.starts_with(encoding.byte_order_mark()))
}

fn labelled(head: &[u8], label: Encoding) -> Result<Encoding, DetectError> {
    let fits = |written| {
        label == written
            || (label == Encoding::Utf16 && matches!(written, Encoding::Utf16Le | Encoding::Utf16Be))
    };
    match mark(head) {
        Some(written) if !fits(written) => Err(DetectError {
            fault: DetectFault::LabelContradiction { label, written },
            at: Position::START,
            offset: 0,
        }),
        _ => Ok(label),
    }
}

fn unlabelled(head: &[u8]) -> Result<Encoding, DetectError> {
    let marked = mark(head);
    let written = marked.unwrap_or(match head {
        [0, b'<', 0, ..] => Encoding::Utf16Be,
        [b'<', 0, _, 0, ..] => Encoding::Utf16Le,
        _ => Encoding::Utf8,
    });
    let mark_bytes = marked.map_or(0, |encoding| encoding.byte_order_mark().len());
    let (text, unit) = match written {
        Encoding::Utf16Be => (ascii(&head[mark_bytes..], 1), 2),
        Encoding::Utf16Le => (ascii(&head[mark_bytes..], 0), 2),
        _ => (head[mark_bytes..].to_vec(), 1),
    };
    let wrong = |fault, before: &[u8]| DetectError {
        fault,
        at: Position::START.after(before),
        offset: (mark_bytes + unit * before.len()) as u64,
    };
    let (label, before) = match declared(&text) {
        Declared::Name(label, before) => (label, before),
        Declared::Nothing if marked.is_none() && written != Encoding::Utf8 => {
            return Err(wrong(DetectFault::Undeclared { written }, b""));
        }
        Declared::Nothing | Declared::Broken => return Ok(written),
    };
    let Some(declared) = Encoding::from_label(label) else {
        return Err(wrong(DetectFault::Unsupported { name: foreign(label) }, before));
    };
    let fits = match written {
        Encoding::Utf16Le => matches!(declared, Encoding::Utf16 | Encoding::Utf16Le),
        Encoding::Utf16Be => matches!(declared, Encoding::Utf16 | Encoding::Utf16Be),
        _ if marked.is_some() => declared == Encoding::Utf8,
        _ => matches!(declared, Encoding::Utf8 | Encoding::UsAscii | Encoding::Windows31J),
    };
    match written {
        _ if !fits => Err(wrong(DetectFault::Contradiction { declared, written }, before)),
        Encoding::Utf8 => Ok(declared),
        _ => Ok(written),
    }
}

/// UTF-16 code units as ASCII, which a declaration is; others become a byte that is none. The low byte of a unit is at `low`.
fn ascii(units: &[u8], low: usize) -> Vec<u8> {
    units.chunks_exact(2).map(|unit| if unit[1 - low] == 0 { unit[low] } else { 0xFF }).collect()
}

/// What a document declares.
enum Declared<'t> {
    /// The encoding's name, and the text before it.
    Name(&'t str, &'t [u8]),
    /// There is no declaration, or it names no encoding.
    Nothing,
    /// The declaration is not well-formed: the reader will say so.
    Broken,
}

fn declared(text: &[u8]) -> Declared<'_> {
    const OPEN: &[u8] = b"<?xml";
    let rest = match text.strip_prefix(OPEN) {
        Some(rest) if rest.first().is_some_and(|&byte| is_space(byte)) => rest,
        _ => return Declared::Nothing,
    };
    let inside = memchr::memmem::find(rest, b"?>").and_then(|end| std::str::from_utf8(&rest[..end]).ok());
    match inside.map(declaration) {
        Some(Ok(Some((name, at)))) => Declared::Name(name, &text[..OPEN.len() + at]),
        Some(Ok(None)) => Declared::Nothing,
        Some(Err(_)) | None => Declared::Broken,
    }
}

/// A document decoded, its first bytes having been looked at.
pub type Detected<R> = Decoder<Chain<Cursor<Vec<u8>>, R>>;

/// A decoder for a document, in the encoding that [`detect_encoding`] finds. Bad bytes are refused.
///
/// # Errors
/// Those of `input`; [`DetectError`] inside an `io::Error` of kind `InvalidData`.
pub fn decode_document<R: Read>(mut input: R, label: Option<Encoding>) -> io::Result<Detected<R>> {
    let mut head = Vec::new();
    (&mut input).take(head_bytes(label)).read_to_end(&mut head)?;
    let encoding =
        detect_encoding(&head, label).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
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

    /// An encoding, or what is wrong and the byte where.
    type Found = Result<Encoding, (DetectFault, u64)>;

    #[test]
    fn heads() {
        let plain = "<?xml version='1.0'?><a/>";
        let named = |label| format!("<?xml version='1.0' encoding='{label}'?><a/>");
        let contradicts =
            |declared, written, offset| Err((DetectFault::Contradiction { declared, written }, offset));
        let undeclared = |written| Err((DetectFault::Undeclared { written }, 0));
        let cases: Vec<(Vec<u8>, Found)> = vec![
            (b"".to_vec(), Ok(Encoding::Utf8)),
            (b"<a/>".to_vec(), Ok(Encoding::Utf8)),
            (plain.into(), Ok(Encoding::Utf8)),
            (named("utf-8").into(), Ok(Encoding::Utf8)),
            (named("Shift_JIS").into(), Ok(Encoding::Windows31J)),
            (named("Windows-31J").into(), Ok(Encoding::Windows31J)),
            (named("US-ASCII").into(), Ok(Encoding::UsAscii)),
            (named("EUC-JP").into(), Err((DetectFault::Unsupported { name: Some("EUC-JP") }, 30))),
            (named("UTF-16").into(), contradicts(Encoding::Utf16, Encoding::Utf8, 30)),
            (named("FOO").into(), Err((DetectFault::Unsupported { name: None }, 30))),
            ([b"\xEF\xBB\xBF", named("UTF-8").as_bytes()].concat(), Ok(Encoding::Utf8)),
            (
                [b"\xEF\xBB\xBF", named("Shift_JIS").as_bytes()].concat(),
                contradicts(Encoding::Windows31J, Encoding::Utf8, 33),
            ),
            (utf16(plain, true, true), Ok(Encoding::Utf16Le)),
            (utf16(plain, false, true), Ok(Encoding::Utf16Be)),
            (utf16(&named("UTF-16"), true, true), Ok(Encoding::Utf16Le)),
            (utf16(&named("UTF-16"), false, false), Ok(Encoding::Utf16Be)),
            (utf16(&named("UTF-16LE"), true, false), Ok(Encoding::Utf16Le)),
            (utf16(&named("UTF-8"), true, true), contradicts(Encoding::Utf8, Encoding::Utf16Le, 62)),
            (utf16("<a/>", true, false), undeclared(Encoding::Utf16Le)),
            (utf16(plain, false, false), undeclared(Encoding::Utf16Be)),
            // The reader says what is wrong with it.
            (utf16("<?xml version='1.1' encoding='FOO'?><a/>", false, false), Ok(Encoding::Utf16Be)),
        ];
        for (head, encoding) in cases {
            let found = detect_encoding(&head, None).map_err(|error| (error.fault, error.offset));
            assert_eq!(found, encoding, "{head:x?}");
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
    #[test]
    fn a_mark_contradicts_a_label() {
        use Encoding::{UsAscii, Utf8, Utf16, Utf16Be, Utf16Le, Windows31J};
        for (head, label, fits) in [
            (&b"\xEF\xBB\xBF<a/>"[..], Utf8, true),
            (b"\xEF\xBB\xBF<a/>", Windows31J, false),
            (b"\xEF\xBB\xBF<a/>", UsAscii, false),
            (b"\xFF\xFE<\0", Utf16, true),
            (b"\xFE\xFF\0<", Utf16, true),
            (b"\xFF\xFE<\0", Utf16Le, true),
            (b"\xFF\xFE<\0", Utf16Be, false),
            (b"\xFF\xFE<\0", Utf8, false),
            (b"<\0a\0", Utf16Le, true),
            (b"<?xml version='1.0' encoding='EUC-JP'?>", Utf8, true),
        ] {
            let found = detect_encoding(head, Some(label)).map_err(|error| (error.code(), error.offset));
            let wanted = if fits { Ok(label) } else { Err(("xml-encoding-contradiction", 0)) };
            assert_eq!(found, wanted, "{head:x?} {label}");
        }
    }

    #[test]
    fn an_error_names_the_encoding_and_its_byte_in_both_languages() {
        for (document, words) in [
            ("<?xml version='1.0' encoding='euc-jp'?>", ["EUC-JP", "30", "Windows-31J"]),
            ("<?xml version='1.0'\n encoding='ISO-8859-1'?>", ["ISO-8859-1", "31", "UTF-8"]),
            ("<?xml version='1.0' encoding='UTF-16'?>", ["UTF-16", "30", "UTF-8"]),
        ] {
            let error = detect_encoding(document.as_bytes(), None).expect_err("refused");
            for said in [error.to_string(), error.message_ja()] {
                assert!(words.iter().all(|word| said.contains(word)), "{said}");
            }
        }
        let unknown = detect_encoding(b"<?xml version='1.0' encoding='K4NARY'?>", None).expect_err("unknown");
        assert!(!format!("{unknown}{}{unknown:?}", unknown.message_ja()).contains("K4NARY"));
        let below = detect_encoding(b"<?xml version='1.0'\n encoding='FOO'?>", None).expect_err("unknown");
        assert_eq!((below.at.line, below.at.column, below.at.byte), (2, 12, 31));
    }
}
