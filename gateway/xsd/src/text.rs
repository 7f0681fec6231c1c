//! The text of a schema document, in the encoding that it is in (XML 1.0, section 4.3.3).

use std::io::{self, Read as _};

use sekisho_charset::CharsetError;
use sekisho_xml::{DetectError, decode_document};

use crate::place::line_and_column;
use crate::violation::Words;

/// Why bytes are no text: the rule, and the line and column of the first ones that are none.
#[derive(Debug)]
pub(crate) struct NoText {
    pub(crate) rule: &'static str,
    pub(crate) words: Words,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// What a document says, without its byte order mark.
pub(crate) fn text(bytes: &[u8]) -> Result<String, NoText> {
    let mut decoded = decode_document(bytes, None).map_err(|error| no_text(&error, b""))?;
    // Every good byte comes before an error: where they end, it is.
    let mut good = Vec::with_capacity(bytes.len());
    if let Err(error) = decoded.read_to_end(&mut good) {
        return Err(no_text(&error, &good));
    }
    String::from_utf8(good).map_err(|error| no_text(&io::ErrorKind::InvalidData.into(), error.as_bytes()))
}

fn no_text(error: &io::Error, before: &[u8]) -> NoText {
    let (line, column) = line_and_column(before, before.len());
    let inner = error.get_ref();
    if let Some(detect) = inner.and_then(|inner| inner.downcast_ref::<DetectError>()) {
        let words = Words::new(detect.to_string(), detect.message_ja());
        return NoText { rule: detect.code(), words, line: detect.at.line, column: detect.at.column };
    }
    if let Some(charset) = inner.and_then(|inner| inner.downcast_ref::<CharsetError>()) {
        let words = Words::new(charset.to_string(), charset.message_ja());
        return NoText { rule: charset.code(), words, line, column };
    }
    NoText {
        rule: "xml", words: Words::new(error.to_string(), "文書を読み取れません"), line, column
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what is no text fails the test")]

    use super::*;

    #[test]
    fn a_document_is_in_the_encoding_that_it_says() {
        let says = |label: &str, value: &[u8]| {
            [format!("<?xml version='1.0' encoding='{label}'?>\n<a>").as_bytes(), value, b"</a>"].concat()
        };
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for (bytes, value) in [
            ("<a>髙</a>".as_bytes().to_vec(), "髙"),
            ("\u{FEFF}<a>髙</a>".into(), "髙"),
            (says("utf-8", "髙".as_bytes()), "髙"),
            (says("Windows-31J", b"\xFB\xFC"), "髙"),
            (says("Shift_JIS", b"\x83\x5C"), "ソ"),
            (utf16("\u{FEFF}<a>髙</a>"), "髙"),
            (utf16("<?xml version='1.0' encoding='UTF-16'?><a>髙</a>"), "髙"),
        ] {
            let found = text(&bytes).unwrap();
            assert!(found.ends_with(&format!("<a>{value}</a>")) && found.starts_with('<'), "{found}");
        }
        for (bytes, rule, place) in [
            (says("ISO-8859-1", "é".as_bytes()), "xml-encoding-unsupported", (1, 31)),
            (says("EBCDIC", b""), "xml-encoding-unsupported", (1, 31)),
            (says("UTF-16", "é".as_bytes()), "xml-encoding-contradiction", (1, 31)),
            (utf16("<a>髙</a>"), "xml-encoding-undeclared", (1, 1)),
            (says("UTF-8", b"x\x82\xA0"), "charset-", (2, 5)),
            (b"<a>\n\x8D\x82</a>".to_vec(), "charset-", (2, 1)),
            (says("Windows-31J", b"x\xFF"), "charset-", (2, 5)),
        ] {
            let no = text(&bytes).unwrap_err();
            assert!(no.rule.starts_with(rule), "{no:?}");
            assert_eq!((no.line, no.column), place, "{no:?}");
            assert!(!no.words.en.is_empty() && no.words.ja.chars().any(|c| c >= 'ぁ'), "{no:?}");
        }
    }
}
