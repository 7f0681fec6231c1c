//! Names (XML 1.0 fifth edition §2.3, Namespaces in XML 1.0 §4) and languages (part 2 §3.3.3).

/// Production 4, the colon among it.
pub(crate) const START: [(char, char); 16] = [
    (':', ':'),
    ('A', 'Z'),
    ('_', '_'),
    ('a', 'z'),
    ('\u{C0}', '\u{D6}'),
    ('\u{D8}', '\u{F6}'),
    ('\u{F8}', '\u{2FF}'),
    ('\u{370}', '\u{37D}'),
    ('\u{37F}', '\u{1FFF}'),
    ('\u{200C}', '\u{200D}'),
    ('\u{2070}', '\u{218F}'),
    ('\u{2C00}', '\u{2FEF}'),
    ('\u{3001}', '\u{D7FF}'),
    ('\u{F900}', '\u{FDCF}'),
    ('\u{FDF0}', '\u{FFFD}'),
    ('\u{10000}', '\u{EFFFF}'),
];

/// What production 4a has beside [`START`].
pub(crate) const FURTHER: [(char, char); 5] =
    [('-', '.'), ('0', '9'), ('\u{B7}', '\u{B7}'), ('\u{300}', '\u{36F}'), ('\u{203F}', '\u{2040}')];

pub(crate) fn is_start(c: char) -> bool {
    within(&START, c)
}

/// Production 4a.
pub(crate) fn is_part(c: char) -> bool {
    is_start(c) || within(&FURTHER, c)
}

fn within(ranges: &[(char, char)], c: char) -> bool {
    ranges.iter().any(|&(first, last)| (first..=last).contains(&c))
}

pub(crate) fn is_nmtoken(literal: &str) -> bool {
    !literal.is_empty() && literal.chars().all(is_part)
}

pub(crate) fn is_name(literal: &str) -> bool {
    literal.starts_with(is_start) && literal.chars().all(is_part)
}

pub(crate) fn is_ncname(literal: &str) -> bool {
    is_name(literal) && !literal.contains(':')
}

/// Prefix, empty for none, and local name of a literal of QName.
pub(crate) fn split_qname(literal: &str) -> Option<(&str, &str)> {
    match literal.split_once(':') {
        None => is_ncname(literal).then_some(("", literal)),
        Some((prefix, local)) => (is_ncname(prefix) && is_ncname(local)).then_some((prefix, local)),
    }
}

/// `[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`
pub(crate) fn is_language(literal: &str) -> bool {
    literal.split('-').enumerate().all(|(at, part)| {
        (1..=8).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit()))
    })
}
