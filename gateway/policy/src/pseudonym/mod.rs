//! Pseudonyms that only the side that has the key can undo.
//!
//! A value is written into a text of fixed length: its own length, itself, then zeros; and that text is permuted by FF1
//! (NIST SP 800-38G) under AES-256, with the domain as tweak. Why this and no other construction:
//!
//! - A pseudonym takes the place of an identifier of a layout, which has an alphabet and a greatest length
//!   (`[0-9A-Za-z]{1,20}`). An authenticated cipher (AES-SIV, RFC 5297) needs 16 bytes beside the value, which do not fit;
//!   a hash with a table needs a table, which is as secret as the data and must never be lost.
//! - It is a permutation: two values never have one pseudonym, so that what was a key is one.
//! - All pseudonyms have one length, and one value has one pseudonym in its domain, today and tomorrow: records of
//!   different weeks belong together, which is what they are sent for. That much, whoever sees them may learn.
//! - The zeros make it an encode-then-encipher scheme (Bellare and Rogaway, 2000): what was not made with this key and
//!   this domain, a slip of the pen or a wrong key file among it, shows no zeros when it is undone, but by a chance of one
//!   in 62ⁿ for n zeros. There are at least three; five of digits.

mod ff1;

use std::fmt;

use crate::spec::Alphabet;
use ff1::{Ff1, Unusable};

/// The greatest length of a pseudonym.
pub const MOST_LENGTH: u32 = 32;

/// The key of pseudonyms: 256 bits out of a file.
#[derive(Clone)]
pub struct PseudonymKey([u8; 32]);

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey(..)")
    }
}

impl PseudonymKey {
    /// The key that a file's text holds: 64 hexadecimal digits, with white space around them.
    pub fn parse(text: &str) -> Option<PseudonymKey> {
        let text = text.trim();
        let digits: Vec<u8> = text.chars().map_while(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        if digits.len() != 64 || text.len() != 64 {
            return None;
        }
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = pair[0] << 4 | pair[1];
        }
        Some(PseudonymKey(key))
    }

    /// What tells one key from another, without telling anything of it.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        Sha256::new().chain_update(b"sekisho pseudonym key").chain_update(self.0).finalize().into()
    }
}

/// Makes and undoes the pseudonyms of one domain.
#[derive(Debug)]
pub struct Pseudonyms {
    permutation: Ff1,
    alphabet: Alphabet,
    length: u32,
}

/// A value that has no pseudonym, or a text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PseudonymError {
    /// A value with a character that is not in the alphabet.
    #[error("character {at} is none of the alphabet of the pseudonyms")]
    Character {
        /// Which one, from 1.
        at: usize,
    },
    /// A value that is too long, or empty.
    #[error("a value has 1 to {most} characters")]
    Length {
        /// The greatest length.
        most: u32,
    },
    /// A text that was not made with this key for this domain.
    #[error("is no pseudonym of this domain under this key")]
    NotOne,
    /// The sizes cannot be used, or AES failed.
    #[error("pseudonyms of this length cannot be made")]
    Unusable,
}

impl PseudonymError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Character { .. } | Self::Length { .. } => "policy-pseudonym",
            Self::NotOne => "pseudonym-unknown",
            Self::Unusable => "pseudonym-unusable",
        }
    }

    /// What is wrong, in Japanese.
    pub fn message_ja(&self) -> String {
        match self {
            Self::Character { at } => format!("{at}文字目が、仮名に使う文字ではありません"),
            Self::Length { most } => format!("値は1文字から{most}文字までです"),
            Self::NotOne => "この鍵とこの領域（domain）の仮名ではありません".to_owned(),
            Self::Unusable => "この長さの仮名は作れません".to_owned(),
        }
    }
}

impl From<Unusable> for PseudonymError {
    fn from(Unusable: Unusable) -> Self {
        Self::Unusable
    }
}

const SYMBOLS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl Alphabet {
    fn radix(self) -> u32 {
        match self {
            Alphabet::Digits => 10,
            Alphabet::LowerAlphanumeric => 36,
            Alphabet::Alphanumeric => 62,
        }
    }

    /// Symbols that say how long a value is.
    fn head(self) -> u32 {
        if self == Alphabet::Digits { 2 } else { 1 }
    }

    /// Zeros that there are at least: a chance of one in 46,656 or less that anything else has as many.
    fn zeros(self) -> u32 {
        if self == Alphabet::Digits { 5 } else { 3 }
    }

    fn symbol(self, byte: u8) -> Option<u8> {
        let at = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'z' => byte - b'a' + 10,
            b'A'..=b'Z' => byte - b'A' + 36,
            _ => return None,
        };
        (u32::from(at) < self.radix()).then_some(at)
    }
}

impl Pseudonyms {
    /// Pseudonyms of `length` characters for the values of a domain.
    ///
    /// # Errors
    /// When the length cannot be: see [`Pseudonyms::lengths`].
    pub fn new(
        key: &PseudonymKey,
        domain: &str,
        alphabet: Alphabet,
        length: u32,
    ) -> Result<Pseudonyms, PseudonymError> {
        let (least, most) = Self::lengths(alphabet);
        if !(least..=most).contains(&length) {
            return Err(PseudonymError::Unusable);
        }
        let permutation = Ff1::new(&key.0, domain.as_bytes(), alphabet.radix(), length)?;
        Ok(Pseudonyms { permutation, alphabet, length })
    }

    /// The least and the greatest length of pseudonyms.
    pub fn lengths(alphabet: Alphabet) -> (u32, u32) {
        (alphabet.head() + alphabet.zeros() + 1, MOST_LENGTH)
    }

    /// The greatest length of a value.
    pub fn most(&self) -> u32 {
        self.length - self.alphabet.head() - self.alphabet.zeros()
    }

    /// Appends the pseudonym of a value to `out`.
    ///
    /// # Errors
    /// When the value has none; nothing is appended then.
    pub fn make(&self, value: &str, out: &mut String) -> Result<(), PseudonymError> {
        let mut text = [0; MOST_LENGTH as usize];
        let text = &mut text[..self.length as usize];
        if value.is_empty() || value.chars().count() > self.most() as usize {
            return Err(PseudonymError::Length { most: self.most() });
        }
        let (head, rest) = text.split_at_mut(self.alphabet.head() as usize);
        for (at, (symbol, c)) in rest.iter_mut().zip(value.chars()).enumerate() {
            let known = u8::try_from(c).ok().and_then(|byte| self.alphabet.symbol(byte));
            *symbol = known.ok_or(PseudonymError::Character { at: at + 1 })?;
        }
        let mut length = value.len() as u32;
        for symbol in head.iter_mut().rev() {
            *symbol = (length % self.alphabet.radix()) as u8;
            length /= self.alphabet.radix();
        }
        self.permutation.encrypt(text)?;
        out.extend(text.iter().map(|&symbol| char::from(SYMBOLS[usize::from(symbol)])));
        Ok(())
    }

    /// Appends the value whose pseudonym this is to `out`.
    ///
    /// # Errors
    /// When it is no pseudonym of this domain under this key; nothing is appended then.
    pub fn undo(&self, pseudonym: &str, out: &mut String) -> Result<(), PseudonymError> {
        let mut text = [0; MOST_LENGTH as usize];
        let text = &mut text[..self.length as usize];
        if pseudonym.len() != text.len() {
            return Err(PseudonymError::NotOne);
        }
        for (symbol, byte) in text.iter_mut().zip(pseudonym.bytes()) {
            *symbol = self.alphabet.symbol(byte).ok_or(PseudonymError::NotOne)?;
        }
        self.permutation.decrypt(text)?;
        let (head, rest) = text.split_at(self.alphabet.head() as usize);
        let radix = self.alphabet.radix();
        let length = head.iter().fold(0, |length, &symbol| length * radix + u32::from(symbol));
        let (value, zeros) = rest.split_at_checked(length as usize).ok_or(PseudonymError::NotOne)?;
        if value.is_empty() || length > self.most() || zeros.iter().any(|&symbol| symbol != 0) {
            return Err(PseudonymError::NotOne);
        }
        out.extend(value.iter().map(|&symbol| char::from(SYMBOLS[usize::from(symbol)])));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(digit: char) -> PseudonymKey {
        PseudonymKey::parse(&digit.to_string().repeat(64)).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_made_is_undone_with_the_same_key_and_domain_only(value in "[0-9a-zA-Z]{1,16}", other in "[0-9a-zA-Z]{1,16}") {
            let ids = Pseudonyms::new(&key('a'), "user-id", Alphabet::Alphanumeric, 20).unwrap();
            let (mut made, mut undone, mut of_other) = (String::new(), String::new(), String::new());
            ids.make(&value, &mut made).unwrap();
            prop_assert_eq!(made.len(), 20);
            ids.undo(&made, &mut undone).unwrap();
            prop_assert_eq!(&undone, &value);
            ids.make(&other, &mut of_other).unwrap();
            prop_assert_eq!(value == other, made == of_other);
            for others in [
                Pseudonyms::new(&key('b'), "user-id", Alphabet::Alphanumeric, 20).unwrap(),
                Pseudonyms::new(&key('a'), "house-id", Alphabet::Alphanumeric, 20).unwrap(),
            ] {
                // Three zeros are the fewest: with a short value there are more.
                if value.len() < 10 {
                    prop_assert_eq!(others.undo(&made, &mut undone), Err(PseudonymError::NotOne));
                }
            }
        }

        #[test]
        fn any_text_is_a_pseudonym_or_none(text in any::<String>()) {
            let ids = Pseudonyms::new(&key('a'), "d", Alphabet::Digits, 16).unwrap();
            let _ = ids.undo(&text, &mut String::new());
            let _ = ids.make(&text, &mut String::new());
        }
    }

    #[test]
    fn values_that_do_not_fit_are_told() {
        let ids = Pseudonyms::new(&key('1'), "d", Alphabet::Digits, 16).unwrap();
        let mut out = String::new();
        assert_eq!(ids.most(), 9);
        assert_eq!(ids.make("", &mut out), Err(PseudonymError::Length { most: 9 }));
        assert_eq!(ids.make("1234567890", &mut out), Err(PseudonymError::Length { most: 9 }));
        assert_eq!(ids.make("12a", &mut out), Err(PseudonymError::Character { at: 3 }));
        assert_eq!(ids.make("１", &mut out), Err(PseudonymError::Character { at: 1 }));
        assert!(out.is_empty());
        assert_eq!(
            Pseudonyms::new(&key('1'), "d", Alphabet::Digits, 7).err(),
            Some(PseudonymError::Unusable)
        );
        assert!(PseudonymKey::parse(&"g".repeat(64)).is_none() && PseudonymKey::parse("12").is_none());
    }

    #[test]
    fn pseudonyms_stay_what_they_are() {
        // What has been sent must be undone in years to come: these never change.
        let made = [
            ("user-id", Alphabet::Alphanumeric, 20, "0001234567"),
            ("user-id", Alphabet::Digits, 16, "1234567"),
            ("house", Alphabet::LowerAlphanumeric, 12, "a1"),
        ]
        .map(|(domain, alphabet, length, value)| {
            let mut made = String::new();
            Pseudonyms::new(&key('7'), domain, alphabet, length).unwrap().make(value, &mut made).unwrap();
            made
        });
        assert_eq!(made, PINNED);
    }

    const PINNED: [&str; 3] = ["kLRDb6naomICctvIY9kD", "8258000336177580", "k34k6tlipcud"];
}
