//! Content-IDs and the `cid:` URLs that name them (RFC 2392).

/// The longest Content-ID that is taken, in bytes.
pub(super) const MAX_BYTES: usize = 512;

/// The Content-ID that a `cid:` URL names, percent-decoded and without brackets (RFC 2392); `None` if `href` is not such a
/// URL or decodes to something that no Content-ID can be.
pub fn cid(href: &str) -> Option<String> {
    let href = href.trim_matches([' ', '\t', '\r', '\n']);
    let scheme = href.get(..4)?;
    if !scheme.eq_ignore_ascii_case("cid:") || href.len() > 4 + 3 * MAX_BYTES {
        return None;
    }
    let mut id = Vec::with_capacity(href.len());
    let mut bytes = href.bytes().skip(4);
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            // Two hexadecimal digits fit a byte.
            id.push((high * 16 + low) as u8);
        } else {
            id.push(byte);
        }
    }
    let id = String::from_utf8(id).ok()?;
    bare(&id).map(str::to_owned)
}

/// Whether two Content-IDs are the same, angle brackets and white space around them ignored (old stacks leave them out of
/// `start`).
pub fn same_content_id(a: &str, b: &str) -> bool {
    match (bare(a), bare(b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// The id without white space and brackets around it, if it can be one: visible ASCII, no bracket inside, not too long.
pub(super) fn bare(value: &str) -> Option<&str> {
    let value = value.trim_matches([' ', '\t']);
    let id = match value.strip_prefix('<') {
        Some(rest) => rest.strip_suffix('>')?,
        None => value,
    };
    let sound = |b: u8| b.is_ascii_graphic() && b != b'<' && b != b'>';
    (!id.is_empty() && id.len() <= MAX_BYTES && id.bytes().all(sound)).then_some(id)
}
