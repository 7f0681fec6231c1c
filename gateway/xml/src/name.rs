//! Characters and names (XML 1.0, productions 2 to 5; Namespaces in XML 1.0, productions 4 to 11).

const START: u8 = 1;
const NAME: u8 = 2;

/// What an ASCII byte may be in an NCName.
const ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => START | NAME,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// Whether `text` is a name without a colon (NCName).
pub fn is_ncname(text: &str) -> bool {
    !text.is_empty() && ncname_end(text, 0) == text.len()
}

/// A qualified name at the start of a text: where it ends, and where its colon is, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QNameSpan {
    pub(crate) end: usize,
    /// Length of the prefix; 0 for none.
    pub(crate) prefix: usize,
}

/// Why there is no qualified name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadName {
    /// No name starts there.
    Missing,
    /// There is a name, and its colons are not where a qualified name has them.
    Colon,
}

/// Reads the qualified name that begins at `start`.
#[inline]
pub(crate) fn qname_at(text: &str, start: usize) -> Result<QNameSpan, BadName> {
    let bytes = text.as_bytes();
    let end = ncname_end(text, start);
    if end == start {
        return Err(if bytes.get(start) == Some(&b':') { BadName::Colon } else { BadName::Missing });
    }
    if bytes.get(end) != Some(&b':') {
        return Ok(QNameSpan { end, prefix: 0 });
    }
    let local_end = ncname_end(text, end + 1);
    if local_end == end + 1 || bytes.get(local_end) == Some(&b':') {
        return Err(BadName::Colon);
    }
    Ok(QNameSpan { end: local_end, prefix: end - start })
}

/// Where the NCName that begins at `start` ends; `start` if none begins there.
#[inline]
pub(crate) fn ncname_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut wanted = START;
    while let Some(&byte) = bytes.get(at) {
        if byte < 0x80 {
            if ASCII[usize::from(byte)] & wanted == 0 {
                return at;
            }
            at += 1;
        } else {
            let Some(character) = text[at..].chars().next() else { return at };
            if !(is_name_start(character) || (wanted == NAME && is_name(character))) {
                return at;
            }
            at += character.len_utf8();
        }
        wanted = NAME;
    }
    at
}

/// NameStartChar (production 4) from U+0080 up.
fn is_name_start(character: char) -> bool {
    matches!(character,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// What NameChar (production 4a) adds from U+0080 up.
fn is_name(character: char) -> bool {
    matches!(character, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// S (production 3).
#[inline]
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Char (production 2).
pub(crate) fn is_char(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        other => other >= ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "_", "a-b.c0", "名前", "é", "a\u{B7}", "a\u{300}", "\u{10000}", "ｶﾅ"] {
            assert!(is_ncname(good), "{good}");
        }
        for bad in ["", "1a", "-a", ".a", "a:b", ":a", "a b", "\u{B7}a", "\u{300}a", "×", "÷", "\u{3000}"] {
            assert!(!is_ncname(bad), "{bad}");
        }
    }

    #[test]
    fn qualified_names() {
        assert_eq!(qname_at("p:a b", 0), Ok(QNameSpan { end: 3, prefix: 1 }));
        assert_eq!(qname_at("x p:a", 2), Ok(QNameSpan { end: 5, prefix: 1 }));
        assert_eq!(qname_at("名:前", 0), Ok(QNameSpan { end: 7, prefix: 3 }));
        assert_eq!(qname_at("a", 0), Ok(QNameSpan { end: 1, prefix: 0 }));
        for colon in [":a", "a:", "a:b:c", "a::b", "a:1"] {
            assert_eq!(qname_at(colon, 0), Err(BadName::Colon), "{colon}");
        }
        assert_eq!(qname_at(" a", 0), Err(BadName::Missing));
        assert_eq!(qname_at("", 0), Err(BadName::Missing));
    }
}
