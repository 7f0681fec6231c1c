//! References: the five predefined entities and characters by number (XML 1.0, section 4.1).

use crate::name::{is_char, is_ncname};
use crate::rules;

/// The longest reference that is read; leading zeros make them as long as one likes.
pub(crate) const LONGEST: usize = 64;

/// What stands at an ampersand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A character, and how many bytes its reference has.
    Character(char, usize),
    /// The text ends before it can be told.
    Unfinished,
    /// More than [`LONGEST`] bytes.
    TooLong,
    /// Not a reference that may stand there.
    Bad(&'static str),
}

/// Reads the reference that begins `text`, which begins with an ampersand.
pub(crate) fn reference(text: &str) -> Reference {
    let body = &text.as_bytes()[1..];
    let Some(length) = body.iter().position(|&byte| !may_stand_in_reference(byte)) else {
        return if text.len() >= LONGEST { Reference::TooLong } else { Reference::Unfinished };
    };
    if length + 2 > LONGEST {
        return Reference::TooLong;
    }
    if body[length] != b';' {
        return Reference::Bad(rules::REFERENCE_SYNTAX);
    }
    let body = &text[1..=length];
    let character = match body {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => match body.strip_prefix('#') {
            Some(number) => by_number(number),
            None if is_ncname(body) => Err(rules::ENTITY_UNDECLARED),
            None => Err(rules::REFERENCE_SYNTAX),
        },
    };
    match character {
        Ok(character) => Reference::Character(character, length + 2),
        Err(rule) => Reference::Bad(rule),
    }
}

fn may_stand_in_reference(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'#' | b'_' | b'-' | b'.' | b':') || byte >= 0x80
}

fn by_number(number: &str) -> Result<char, &'static str> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() {
        return Err(rules::REFERENCE_SYNTAX);
    }
    let mut value = 0u32;
    for digit in digits.chars() {
        let digit = digit.to_digit(radix).ok_or(rules::REFERENCE_SYNTAX)?;
        value = value.saturating_mul(radix).saturating_add(digit);
    }
    char::from_u32(value).filter(|&character| is_char(character)).ok_or(rules::CHARACTER_REFERENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (text, character) in [
            ("&amp;", '&'),
            ("&lt;", '<'),
            ("&gt;", '>'),
            ("&apos;", '\''),
            ("&quot;", '"'),
            ("&#65;", 'A'),
            ("&#x41;", 'A'),
            ("&#xD;", '\r'),
            ("&#x0000000000000000000000000000041;", 'A'),
            ("&#x1F600;", '😀'),
            ("&#x10FFFF;", '\u{10FFFF}'),
        ] {
            assert_eq!(reference(text), Reference::Character(character, text.len()), "{text}");
        }
        for text in
            ["& ", "&;", "&#;", "&#x;", "&#xG;", "&#1A;", "&#X41;", "&1;", "&a b;", "&&", "&<", "&a:;"]
        {
            assert_eq!(reference(text), Reference::Bad(rules::REFERENCE_SYNTAX), "{text}");
        }
        for text in ["&nbsp;", "&a;", "&名;", "&AMP;", "&xxe;"] {
            assert_eq!(reference(text), Reference::Bad(rules::ENTITY_UNDECLARED), "{text}");
        }
        for text in ["&#0;", "&#x1F;", "&#xFFFE;", "&#xD800;", "&#x110000;", "&#99999999999999999999;"] {
            assert_eq!(reference(text), Reference::Bad(rules::CHARACTER_REFERENCE), "{text}");
        }
        for text in ["&", "&#", "&#x", "&am", "&amp"] {
            assert_eq!(reference(text), Reference::Unfinished, "{text}");
        }
        // Whatever ends it: from pieces it could not be told either.
        for end in ["", ";", ">", "\n"] {
            assert_eq!(reference(&format!("&{}{end}", "a".repeat(63))), Reference::TooLong, "{end:?}");
        }
        assert_eq!(reference(&format!("&{}>", "a".repeat(62))), Reference::Bad(rules::REFERENCE_SYNTAX));
        assert_eq!(reference(&format!("&#{}65;", "0".repeat(62))), Reference::TooLong);
    }
}
