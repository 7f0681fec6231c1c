//! Mail addresses.

use super::glyph::{Glyph, glyph};

/// Whether there is a mail address anywhere: at least one character that a local part may have, `@`, and a domain of at
/// least two labels, the last of two characters or more (RFC 5321, section 4.1.2; labels may be in any script).
pub(crate) fn has_mail(value: &str) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        /// Before an `@`; whether the last character may end a local part.
        Local(bool),
        /// In the domain: characters of this label, and whether there was one before it.
        Label(u32, bool),
    }
    let mut state = State::Local(false);
    for c in value.chars() {
        let glyph = glyph(c);
        if glyph == Glyph::Invisible {
            continue;
        }
        let of_label = is_of_label(glyph);
        state = match (state, glyph) {
            (State::Label(2.., true), Glyph::At) => return true,
            (State::Local(true) | State::Label(1.., _), Glyph::At) => State::Label(0, false),
            (_, Glyph::At) => State::Local(false),
            (State::Label(length, further), _) if of_label => {
                if further && length >= 1 {
                    return true;
                }
                State::Label(length + 1, further)
            }
            (State::Label(1.., _), Glyph::Dot) => State::Label(0, true),
            _ => State::Local(of_label || is_of_local(c)),
        };
    }
    false
}

fn is_of_label(glyph: Glyph) -> bool {
    matches!(
        glyph,
        Glyph::Digit(_)
            | Glyph::Letter(_)
            | Glyph::Hyphen
            | Glyph::LongVowel
            | Glyph::Han
            | Glyph::Hiragana
            | Glyph::Katakana
    )
}

/// What RFC 5322 calls atext, in either width.
fn is_of_local(c: char) -> bool {
    let code = u32::from(c);
    let narrow = if (0xFF01..=0xFF5E).contains(&code) { code - 0xFEE0 } else { code };
    char::from_u32(narrow).is_some_and(|c| "!#$%&'*+/=?^_`{|}~.\"".contains(c))
}
