//! What a scanner says of content.

use std::fmt;

/// What a scanner says of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it, and it has seen all of it.
    Clean,
    /// Nothing against its beginning; more of it was not given, or not wanted.
    CleanInPart,
    /// It must not pass.
    Found(Signature),
}

/// The name of what was found, in the scanner's words: for the log, and for nobody else.
///
/// At the most [`Signature::LONGEST`] characters of visible ASCII; what else a scanner sends is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(String);

impl Signature {
    /// Characters of a name.
    pub const LONGEST: usize = 128;

    /// A name as a scanner sent it.
    pub fn new(sent: &[u8]) -> Self {
        let good = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._-:/+()!#@".contains(byte);
        let name: String =
            sent.iter().filter(good).take(Self::LONGEST).map(|byte| char::from(*byte)).collect();
        Self(if name.is_empty() { "unnamed".to_owned() } else { name })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_can_be_seen() {
        for (sent, name) in [
            (&b"Eicar-Test-Signature"[..], "Eicar-Test-Signature"),
            (b"Win.Test.EICAR_HDB-1", "Win.Test.EICAR_HDB-1"),
            (b"a\r\nb\x1b[2J \"c\"", "ab2Jc"),
            ("名前".as_bytes(), "unnamed"),
            (b"", "unnamed"),
        ] {
            assert_eq!(Signature::new(sent).as_str(), name);
        }
        assert_eq!(Signature::new(&[b'x'; 10_000]).as_str().len(), Signature::LONGEST);
    }
}
