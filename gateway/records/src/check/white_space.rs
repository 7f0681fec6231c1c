//! The whiteSpace facet (XSD 1.0 part 2 section 4.3.6), applied.

use std::borrow::Cow;

use sekisho_xsd::WhiteSpace;

/// `text` as the facet makes it; borrowed when nothing changes.
pub(crate) fn normalised(text: &str, facet: WhiteSpace) -> Cow<'_, str> {
    if is_normal(text, facet) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    normalise_into(text, facet, &mut out);
    Cow::Owned(out)
}

/// Whether the facet leaves `text` as it is.
pub(crate) fn is_normal(text: &str, facet: WhiteSpace) -> bool {
    let bytes = text.as_bytes();
    match facet {
        WhiteSpace::Preserve => true,
        WhiteSpace::Replace => !bytes.iter().any(|b| matches!(b, b'\t' | b'\n' | b'\r')),
        WhiteSpace::Collapse => {
            // A space may stand between two other characters only.
            let mut after_space = true;
            for &b in bytes {
                match b {
                    b'\t' | b'\n' | b'\r' => return false,
                    b' ' if after_space => return false,
                    b' ' => after_space = true,
                    _ => after_space = false,
                }
            }
            bytes.is_empty() || !after_space
        }
    }
}

/// Appends what the facet makes of `text`.
pub(crate) fn normalise_into(text: &str, facet: WhiteSpace, out: &mut String) {
    match facet {
        WhiteSpace::Preserve => out.push_str(text),
        WhiteSpace::Replace => {
            out.extend(text.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c }));
        }
        WhiteSpace::Collapse => {
            // The four characters of XML only: an ideographic space is a character like any other.
            let words = text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
            for (n, word) in words.enumerate() {
                if n > 0 {
                    out.push(' ');
                }
                out.push_str(word);
            }
        }
    }
}
