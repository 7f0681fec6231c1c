//! `hexBinary` and `base64Binary` (part 2 §3.2.15, §3.2.16).

/// The octets of a literal of hexBinary.
pub(crate) fn hex_octets(literal: &[u8]) -> Option<u64> {
    let valid = literal.len().is_multiple_of(2) && literal.iter().all(u8::is_ascii_hexdigit);
    valid.then_some(literal.len() as u64 / 2)
}

/// The octets of a literal of base64Binary: quartets of its alphabet, padded, a single space allowed between any two of
/// its characters; bits that carry nothing are 0 (the grammar of §3.2.16).
pub(crate) fn base64_octets(literal: &[u8]) -> Option<u64> {
    let (body, padding) = split_padding(literal)?;
    let mut digits = 0_u64;
    let mut last = 0;
    let mut after_space = true;
    for &byte in body {
        match sextet(byte) {
            Some(value) => {
                digits += 1;
                last = value;
                after_space = false;
            }
            // What is normalised has single spaces; a restriction cannot widen that.
            None if byte == b' ' && !after_space => after_space = true,
            None => return None,
        }
    }
    let unused = match (digits % 4, padding) {
        (0, 0) => 0,
        (2, 2) => 0b1111,
        (3, 1) => 0b11,
        _ => return None,
    };
    (last & unused == 0).then_some(digits * 6 / 8)
}

/// What comes before the padding, and how many `=` it has. A space after the last character stays with the body.
fn split_padding(literal: &[u8]) -> Option<(&[u8], u8)> {
    let Some(before) = literal.strip_suffix(b"=") else { return Some((literal, 0)) };
    let before = before.strip_suffix(b" ").unwrap_or(before);
    let Some(first) = before.strip_suffix(b"=") else { return Some((before, 1)) };
    Some((first.strip_suffix(b" ").unwrap_or(first), 2))
}

fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}
