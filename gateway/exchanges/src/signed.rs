//! Lines that the gateway writes for itself: where a file begins and ends, checkpoints, gaps. All but gaps are signed.

use serde::Deserialize;

use crate::entry::Members;
use crate::key::{PublicKey, SigningKey};
use crate::line::{Head, Link, hex, unhex};

/// What is signed begins with this, so that a signature means nothing elsewhere.
const PURPOSE: &[u8] = b"sekisho exchange log 1\0";
const SIGNATURE: &[u8] = b",\"signature\":\"";

/// How the file before a file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// There was none.
    Nothing,
    /// With its last line.
    Closed,
    /// Without it: the gateway was killed, or could not write any more. `kept` bytes of it are lines; `cut` bytes behind them,
    /// with this SHA-256, are none.
    Cut { kept: u64, cut: u64, digest: Link },
}

/// What a file begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    /// The number of the file.
    pub(crate) file: u64,
    /// The hash of the last line of the file before.
    pub(crate) previous: Link,
    /// How that ended.
    pub(crate) after: After,
}

/// A line that the gateway wrote for itself, as it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Read {
    #[serde(default)]
    pub(crate) file: u64,
    #[serde(default)]
    previous: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    kept: u64,
    #[serde(default)]
    cut: u64,
    #[serde(default)]
    cut_digest: String,
    /// Of a gap: exchanges that are not on record.
    #[serde(default)]
    pub(crate) lost: u64,
    #[serde(default)]
    key: String,
    #[serde(default)]
    signature: String,
}

impl Read {
    /// Reads the line's members.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// What a file begins with, if that is whole.
    pub(crate) fn opened(&self) -> Option<Opened> {
        let after = match self.after.as_str() {
            "nothing" => After::Nothing,
            "closed" => After::Closed,
            "cut" => {
                After::Cut { kept: self.kept, cut: self.cut, digest: unhex(self.cut_digest.as_bytes())? }
            }
            _ => return None,
        };
        Some(Opened { file: self.file, previous: unhex(self.previous.as_bytes())?, after })
    }

    /// The key that the line says it is signed with.
    pub(crate) fn key(&self) -> Option<PublicKey> {
        PublicKey::from_hex(&self.key)
    }

    /// Whether that key has signed what is chained, behind a line with this hash.
    pub(crate) fn is_signed(&self, before: &Link, chained: &[u8]) -> bool {
        let signed = memchr::memmem::rfind(chained, SIGNATURE).map(|at| &chained[..at]);
        match (self.key(), unhex::<64>(self.signature.as_bytes()), signed) {
            (Some(key), Some(signature), Some(signed)) => {
                key.has_signed(&message(before, signed), &signature)
            }
            _ => false,
        }
    }
}

fn message(before: &Link, signed: &[u8]) -> Vec<u8> {
    [PURPOSE, before, signed].concat()
}

/// Ends a line's members with the key and its signature, and chains it.
fn sign(head: &mut Head, key: &SigningKey, members: Members, out: &mut Vec<u8>) {
    let mut members = members;
    members.word("key", &key.public().to_string());
    let began = head.begin(out);
    out.extend_from_slice(&members.0);
    let signature = key.sign(&message(&head.hash, &out[began..]));
    out.extend_from_slice(SIGNATURE);
    hex(&signature, out);
    out.push(b'"');
    head.end(began, out);
}

/// The first line of a file.
pub(crate) fn opened(head: &mut Head, key: &SigningKey, at: u64, opened: &Opened, out: &mut Vec<u8>) {
    let mut members = Members(Vec::new());
    members.word("kind", "opened");
    members.time("at", at);
    members.number("file", Some(opened.file));
    members.hex("previous", Some(&opened.previous));
    match &opened.after {
        After::Nothing => members.word("after", "nothing"),
        After::Closed => members.word("after", "closed"),
        After::Cut { kept, cut, digest } => {
            members.word("after", "cut");
            members.number("kept", Some(*kept));
            members.number("cut", Some(*cut));
            members.hex("cut_digest", Some(digest));
        }
    }
    sign(head, key, members, out);
}

/// A checkpoint.
pub(crate) fn checkpoint(head: &mut Head, key: &SigningKey, at: u64, out: &mut Vec<u8>) {
    let mut members = Members(Vec::new());
    members.word("kind", "checkpoint");
    members.time("at", at);
    sign(head, key, members, out);
}

/// The last line of a file.
pub(crate) fn closed(head: &mut Head, key: &SigningKey, at: u64, out: &mut Vec<u8>) {
    let mut members = Members(Vec::new());
    members.word("kind", "closed");
    members.time("at", at);
    sign(head, key, members, out);
}

/// Exchanges that are not on record, because nothing could be written: how many, and when they were.
pub(crate) fn gap(head: &mut Head, at: u64, lost: u64, from: u64, until: u64, out: &mut Vec<u8>) {
    let mut members = Members(Vec::new());
    members.word("kind", "gap");
    members.time("at", at);
    members.number("lost", Some(lost));
    members.time("from", from);
    members.time("until", until);
    head.append(&members.0, out);
}
