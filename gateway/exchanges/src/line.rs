//! The form of a line, and how it is chained.
//!
//! ```text
//! {"line":17,"kind":"exchange", … ,"hash":"<64 hexadecimal digits>"}⏎
//! ```
//! `hash` is the SHA-256 over the hash of the line before it (32 bytes; zeros before the first) and the line's bytes up to, and
//! without, `,"hash":`.

use sha2::{Digest as _, Sha256};

/// The hash of a line.
pub type Link = [u8; 32];

/// Before the first line there is none.
pub(crate) const BEFORE_ALL: Link = [0; 32];
/// Bytes of a line at the most, its end included. What is longer was not written by a gateway.
pub const LONGEST: usize = 64 * 1024;

const BEGINNING: &[u8] = b"{\"line\":";
const HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}\n";
/// Bytes from the hash's name to the end of the line.
const TAIL: usize = HASH.len() + 64 + END.len();

/// The last line of a log, or of a part of it: its number, from 1, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the line.
    pub line: u64,
    /// Its hash.
    pub hash: Link,
}

impl Head {
    /// Before the first line.
    pub(crate) const NOTHING: Self = Self { line: 0, hash: BEFORE_ALL };

    /// Appends the next line: its number, then `members`, which begin with a comma, then its hash.
    pub(crate) fn append(&mut self, members: &[u8], out: &mut Vec<u8>) {
        let began = self.begin(out);
        out.extend_from_slice(members);
        self.end(began, out);
    }

    /// Writes the beginning of the next line, and says where in `out` that is.
    pub(crate) fn begin(&self, out: &mut Vec<u8>) -> usize {
        let began = out.len();
        out.extend_from_slice(BEGINNING);
        number(self.line + 1, out);
        began
    }

    /// Ends a line that was begun there.
    pub(crate) fn end(&mut self, began: usize, out: &mut Vec<u8>) {
        self.hash = link(&self.hash, &out[began..]);
        self.line += 1;
        out.extend_from_slice(HASH);
        hex(&self.hash, out);
        out.extend_from_slice(END);
    }
}

impl std::fmt::Display for Head {
    /// `17:5feceb…`: as a receipt has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::with_capacity(64);
        hex(&self.hash, &mut text);
        write!(f, "{}:{}", self.line, String::from_utf8_lossy(&text))
    }
}

impl std::str::FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let wrong = "a head is a line's number, a colon and 64 hexadecimal digits";
        let (line, hash) = text.split_once(':').ok_or(wrong)?;
        Ok(Self { line: line.parse().map_err(|_| wrong)?, hash: unhex(hash.as_bytes()).ok_or(wrong)? })
    }
}

/// SHA-256 over the hash before and the bytes.
pub(crate) fn link(before: &Link, bytes: &[u8]) -> Link {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(bytes);
    hasher.finalize().into()
}

/// A line as it stands: what is chained, and what it says its hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framed<'l> {
    /// The number that it says it has.
    pub number: u64,
    /// What kind of line it says it is.
    pub kind: &'l str,
    /// What is chained.
    pub chained: &'l [u8],
    /// The hash that it says it has.
    pub hash: Link,
}

impl<'l> Framed<'l> {
    /// Reads a line with its end; `None` where it has not the form of one.
    pub fn read(line: &'l [u8]) -> Option<Self> {
        let at = line.len().checked_sub(TAIL)?;
        let (chained, tail) = line.split_at(at);
        let digits = tail.strip_prefix(HASH)?.strip_suffix(END)?;
        let rest = chained.strip_prefix(BEGINNING)?;
        let comma = memchr::memchr(b',', rest)?;
        let number = decimal(&rest[..comma])?;
        let kind = rest[comma..].strip_prefix(b",\"kind\":\"")?;
        let kind = &kind[..memchr::memchr(b'"', kind)?];
        Some(Self { number, kind: std::str::from_utf8(kind).ok()?, chained, hash: unhex(digits)? })
    }

    /// Whether it follows a line with this hash.
    pub fn follows(&self, before: &Link) -> bool {
        link(before, self.chained) == self.hash
    }

    /// Whether it would follow that line if it had this number.
    pub(crate) fn would_follow_as(&self, before: &Link, number: u64) -> bool {
        let comma = BEGINNING.len() + digits_of(self.number);
        let mut bytes = Vec::with_capacity(self.chained.len());
        bytes.extend_from_slice(BEGINNING);
        self::number(number, &mut bytes);
        bytes.extend_from_slice(self.chained.get(comma..).unwrap_or_default());
        link(before, &bytes) == self.hash
    }
}

fn digits_of(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// Writes a number.
pub(crate) fn number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A number as [`number`] writes it: no sign, no zero in front.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 || (digits.len() > 1 && digits[0] == b'0') {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Writes hexadecimal digits, small letters.
pub(crate) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Reads exactly so many bytes in hexadecimal digits, small letters.
pub(crate) fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test says so by failing

    use super::*;

    #[test]
    fn a_line_is_what_the_documentation_says() {
        let mut head = Head::NOTHING;
        let mut out = Vec::new();
        head.append(b",\"kind\":\"exchange\"", &mut out);
        let before_hash = b"{\"line\":1,\"kind\":\"exchange\"";
        let hash = Sha256::digest([&[0u8; 32][..], before_hash].concat());
        let text = format!("{{\"line\":1,\"kind\":\"exchange\",\"hash\":\"{hash:x}\"}}\n");
        assert_eq!(String::from_utf8(out.clone()).unwrap(), text);
        let framed = Framed::read(&out).unwrap();
        assert_eq!((framed.number, framed.kind, framed.hash), (1, "exchange", head.hash));
        assert!(framed.follows(&BEFORE_ALL));
        assert!(framed.would_follow_as(&BEFORE_ALL, 1) && !framed.would_follow_as(&BEFORE_ALL, 2));
        assert_eq!(head.to_string().parse(), Ok(head));
    }

    #[test]
    fn numbers_are_written_in_one_way() {
        for text in ["0", "7", "10", "18446744073709551615"] {
            let mut out = Vec::new();
            number(text.parse().unwrap(), &mut out);
            assert_eq!(out, text.as_bytes());
            assert_eq!(decimal(&out), text.parse().ok());
            assert_eq!(digits_of(text.parse().unwrap()), text.len());
        }
        for wrong in ["", "01", "+1", "18446744073709551616", "1 "] {
            assert_eq!(decimal(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
