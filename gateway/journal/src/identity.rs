//! The names of things: batches, digests, epochs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{NoContext, Timestamp, Uuid};

/// A batch's name: a UUID of version 7 (RFC 9562 section 5.7), so that names sort by the time they were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(Uuid);

impl BatchId {
    /// A new name, unique by 74 random bits, given at `now` (unix milliseconds).
    pub fn new(now: u64) -> Self {
        // The remainder is below 1,000 ms, so the nanoseconds fit.
        let nanos = (now % 1_000) as u32 * 1_000_000;
        Self(Uuid::new_v7(Timestamp::from_unix(NoContext, now / 1_000, nanos)))
    }

    /// The sixteen bytes of the UUID, in network order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The name with these sixteen bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// What is asked for as a batch is not a UUID in the hyphenated form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a batch id: a hyphenated lower-case UUID is expected, such as 0198c0de-0000-7000-8000-000000000000"
)]
pub struct ParseBatchIdError;

impl ParseBatchIdError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "batch-id-invalid"
    }
}

impl FromStr for BatchId {
    type Err = ParseBatchIdError;

    /// Takes only the form that `Display` gives, so that a batch has one name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = Self(Uuid::try_parse(text).map_err(|_| ParseBatchIdError)?);
        if id.to_string() == text { Ok(id) } else { Err(ParseBatchIdError) }
    }
}

/// A SHA-256 digest (FIPS 180-4). Text form: `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::finished(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
    }

    pub(crate) fn finished(digest: aws_lc_rs::digest::Digest) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not `sha256:` with 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: `sha256:` and 64 lower-case hexadecimal digits are expected")]
pub struct ParseDigestError;

impl ParseDigestError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "digest-invalid"
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix("sha256:").ok_or(ParseDigestError)?.as_bytes();
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(ParseDigestError),
        };
        if hex.len() != 64 {
            return Err(ParseDigestError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The term of one owner of the ledger: each opening takes the next one, and transitions under an older one are
/// refused. A gateway that was thought dead can therefore change nothing once another has taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_text_form_and_sort_by_time() {
        let (earlier, later) = (BatchId::new(1_700_000_000_000), BatchId::new(1_700_000_000_001));
        assert!(earlier < later);
        assert!(earlier.to_string() < later.to_string());
        assert_eq!(earlier.to_string().parse(), Ok(earlier));
        assert_eq!(earlier.to_string().to_uppercase().parse::<BatchId>(), Err(ParseBatchIdError));
        assert_eq!(format!("{{{earlier}}}").parse::<BatchId>(), Err(ParseBatchIdError));
        assert_ne!(BatchId::new(5), BatchId::new(5));
    }

    #[test]
    fn digests_go_through_text_unchanged() {
        let digest = Digest::of(b"abc");
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(serde_json::to_string(&digest).unwrap(), format!("{text:?}"));
        for wrong in ["", "sha256:", "sha1:00", &text.to_uppercase(), &text[..70], &format!("{text}0")] {
            assert_eq!(wrong.parse::<Digest>(), Err(ParseDigestError));
        }
    }
}
