//! White space before a value is read (part 2 §4.3.6).

use std::borrow::Cow;

/// The `whiteSpace` facet.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub enum WhiteSpace {
    /// As it is.
    Preserve,
    /// Each tab, line feed and carriage return becomes a space.
    Replace,
    /// As `Replace`; then runs become one space, and none stands at either end.
    Collapse,
}

impl WhiteSpace {
    /// The value as the facet leaves it; borrowed when it changes nothing but the ends.
    pub fn normalise(self, raw: &str) -> Cow<'_, str> {
        let mut buffer = String::new();
        let borrowed = self.apply(raw, &mut buffer).len();
        match buffer.is_empty() {
            // What stays is a run of `raw` itself.
            true => Cow::Borrowed(self.trim(raw).get(..borrowed).unwrap_or_default()),
            false => Cow::Owned(buffer),
        }
    }

    /// As [`WhiteSpace::normalise`], into a buffer that is used again and filled only when something changes.
    pub(crate) fn apply<'a>(self, raw: &'a str, buffer: &'a mut String) -> &'a str {
        buffer.clear();
        let raw = self.trim(raw);
        let bytes = raw.as_bytes();
        let change = match self {
            WhiteSpace::Preserve => None,
            WhiteSpace::Replace => bytes.iter().position(|byte| matches!(byte, b'\t' | b'\n' | b'\r')),
            WhiteSpace::Collapse => first_to_collapse(bytes),
        };
        let Some(from) = change else { return raw };
        // White space is ASCII: cutting there never splits a character.
        buffer.push_str(&raw[..from]);
        match self {
            WhiteSpace::Collapse => {
                for word in raw[from..].split(is_space).filter(|word| !word.is_empty()) {
                    buffer.push(' ');
                    buffer.push_str(word);
                }
            }
            _ => buffer.extend(raw[from..].chars().map(|c| if is_space(c) { ' ' } else { c })),
        }
        buffer
    }

    fn trim(self, raw: &str) -> &str {
        match self {
            WhiteSpace::Collapse => raw.trim_matches(is_space),
            _ => raw,
        }
    }
}

pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Where the first run of white space begins that is not one space; the text is trimmed already.
fn first_to_collapse(bytes: &[u8]) -> Option<usize> {
    let mut after_space = false;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\t' | b'\n' | b'\r' => return Some(at - usize::from(after_space)),
            b' ' if after_space => return Some(at - 1),
            b' ' => after_space = true,
            _ => after_space = false,
        }
    }
    None
}
