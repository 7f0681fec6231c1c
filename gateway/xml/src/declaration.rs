//! The XML declaration (XML 1.0, sections 2.8, 2.9 and 4.3.3).

use crate::name::is_space;
use crate::rules;

/// Checks what stands between `<?xml` and `?>`; gives the declared encoding, if any, and the byte of `text` where
/// its name begins.
///
/// # Errors
/// The broken rule, and the byte of `text` where it is broken.
pub(crate) fn declaration(text: &str) -> Result<Option<(&str, usize)>, (&'static str, usize)> {
    const PARTS: [&str; 3] = ["version", "encoding", "standalone"];
    let bytes = text.as_bytes();
    let mut next_part = 0;
    let mut encoding = None;
    let mut at = 0;
    loop {
        let part_at = skip_space(bytes, at);
        if part_at == bytes.len() {
            return if next_part == 0 { Err((rules::DECLARATION_SYNTAX, at)) } else { Ok(encoding) };
        }
        let wrong = |rule| Err((rule, part_at));
        let part = PARTS.iter().position(|part| text[part_at..].starts_with(part));
        let Some(part) =
            part.filter(|&part| part_at > at && part >= next_part && (part > 0) == (next_part > 0))
        else {
            return wrong(rules::DECLARATION_SYNTAX);
        };
        next_part = part + 1;
        let equals = skip_space(bytes, part_at + PARTS[part].len());
        let quote_at = skip_space(bytes, equals + 1);
        let (Some(b'='), Some(&quote @ (b'"' | b'\''))) = (bytes.get(equals), bytes.get(quote_at)) else {
            return wrong(rules::DECLARATION_SYNTAX);
        };
        let Some(length) = memchr::memchr(quote, &bytes[quote_at + 1..]) else {
            return wrong(rules::DECLARATION_SYNTAX);
        };
        let value = &text[quote_at + 1..quote_at + 1 + length];
        match part {
            0 if value != "1.0" => return wrong(rules::DECLARATION_VERSION),
            1 if !is_encoding_name(value) => return wrong(rules::DECLARATION_ENCODING),
            2 if !matches!(value, "yes" | "no") => return wrong(rules::DECLARATION_STANDALONE),
            1 => encoding = Some((value, quote_at + 1)),
            _ => {}
        }
        at = quote_at + length + 2;
    }
}

fn skip_space(bytes: &[u8], at: usize) -> usize {
    let from = bytes.get(at..).unwrap_or_default();
    at + from.iter().position(|&byte| !is_space(byte)).unwrap_or(from.len())
}

/// EncName (production 81).
fn is_encoding_name(value: &str) -> bool {
    value.starts_with(|first: char| first.is_ascii_alphabetic())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations() {
        for (text, encoding) in [
            (" version='1.0'", None),
            (" version=\"1.0\" ", None),
            ("\n version = '1.0' encoding=\"UTF-8\"", Some("UTF-8")),
            (" version='1.0' encoding='Shift_JIS' standalone='yes' ", Some("Shift_JIS")),
            (" version='1.0' standalone='no'", None),
        ] {
            let found =
                declaration(text).map(|named| named.map(|(name, at)| (name, text.find(name) == Some(at))));
            assert_eq!(found, Ok(encoding.map(|name| (name, true))), "{text}");
        }
        for (text, rule) in [
            ("", rules::DECLARATION_SYNTAX),
            (" ", rules::DECLARATION_SYNTAX),
            (" encoding='UTF-8'", rules::DECLARATION_SYNTAX),
            (" encoding='UTF-8' version='1.0'", rules::DECLARATION_SYNTAX),
            (" version='1.0'encoding='UTF-8'", rules::DECLARATION_SYNTAX),
            (" version='1.0' standalone='yes' encoding='UTF-8'", rules::DECLARATION_SYNTAX),
            (" version='1.0' version='1.0'", rules::DECLARATION_SYNTAX),
            (" version=1.0", rules::DECLARATION_SYNTAX),
            (" version='1.0", rules::DECLARATION_SYNTAX),
            (" version", rules::DECLARATION_SYNTAX),
            (" version=", rules::DECLARATION_SYNTAX),
            (" version='1.0' x='y'", rules::DECLARATION_SYNTAX),
            (" VERSION='1.0'", rules::DECLARATION_SYNTAX),
            (" version='1.1'", rules::DECLARATION_VERSION),
            (" version=' 1.0'", rules::DECLARATION_VERSION),
            (" version='1.0' encoding=''", rules::DECLARATION_ENCODING),
            (" version='1.0' encoding='8bit'", rules::DECLARATION_ENCODING),
            (" version='1.0' encoding='UTF 8'", rules::DECLARATION_ENCODING),
            (" version='1.0' standalone='YES'", rules::DECLARATION_STANDALONE),
        ] {
            assert_eq!(declaration(text).map_err(|(rule, _)| rule), Err(rule), "{text}");
        }
    }
}
