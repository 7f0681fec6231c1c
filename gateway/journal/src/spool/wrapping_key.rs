//! Keys that wrap the keys of batches (key-encryption keys), as an operator keeps them.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::LessSafeKey;
use zeroize::Zeroizing;

use super::data_key::{KEY_BYTES, cipher};
use super::error::{IoContext, Result, SpoolError};

/// The longest id.
const LONGEST_ID: usize = 32;

/// A key that wraps the data keys of batches. Wiped when it is dropped.
pub struct WrappingKey {
    id: String,
    cipher: LessSafeKey,
}

impl std::fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WrappingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How payloads are encrypted.
#[derive(Debug)]
pub struct Encryption {
    /// The folder of the wrapped data keys, apart from spool and ledger. Whoever backs it up keeps what was to be gone.
    pub folder: PathBuf,
    /// The first one wraps; the others only unwrap what was wrapped with them. At least one, no id twice.
    pub keys: Vec<WrappingKey>,
}

/// Where a key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptIn {
    /// In a file of the operator's: nobody but its owner may have any permission.
    File,
    /// In the service manager's folder of credentials. Only the service can enter it; where it runs as a user of its own,
    /// systemd gives that user access by an access control list, whose mask shows as the group's permission.
    Credentials,
}

impl WrappingKey {
    /// Whether this can be a key's id: 1 to 32 lower-case letters, digits and hyphens, the first no hyphen.
    pub fn is_id(id: &str) -> bool {
        (1..=LONGEST_ID).contains(&id.len())
            && !id.starts_with('-')
            && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    }

    /// Reads a key: 32 bytes, or 64 hexadecimal digits with or without a line end.
    ///
    /// # Errors
    /// The file cannot be read, others may read it, or it holds no key; or the id is none.
    pub fn read(id: &str, path: &Path, kept: KeptIn) -> Result<Self> {
        let wrong = |problem| SpoolError::WrappingKeyFile { path: path.to_owned(), problem };
        let file = File::open(path).at("opening", path)?;
        let others = if kept == KeptIn::File { 0o077 } else { 0o037 };
        if file.metadata().at("reading", path)?.permissions().mode() & others != 0 {
            return Err(wrong("can be read or written by others: take their permissions away (mode 0400)"));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * KEY_BYTES + 3));
        file.take(2 * KEY_BYTES as u64 + 3).read_to_end(&mut bytes).at("reading", path)?;
        let key = key_in(&bytes)
            .ok_or_else(|| wrong("holds no key: 32 random bytes are one, or 64 hexadecimal digits"))?;
        Self::from_bytes(id, &key).ok_or_else(|| wrong("has an id that is none: see WrappingKey::is_id"))
    }

    /// A key of these bytes; `None` where the id is none.
    pub fn from_bytes(id: &str, key: &[u8; 32]) -> Option<Self> {
        Self::is_id(id).then(|| Self { id: id.to_owned(), cipher: cipher(key) })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn cipher(&self) -> &LessSafeKey {
        &self.cipher
    }
}

fn key_in(bytes: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if bytes.len() == KEY_BYTES {
        key.copy_from_slice(bytes);
        return Some(key);
    }
    let digits = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_key_is_bytes_or_digits_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let digits = "0123456789abcdefABCDEF00112233445566778899aabbccddeeff0001020304";
        let read = |content: &[u8], mode: u32, kept| {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            WrappingKey::read("k-1", &path, kept).map(|key| key.id().to_owned()).map_err(|error| error.code())
        };
        for content in [
            &[0xA5; 32][..],
            digits.as_bytes(),
            format!("{digits}\n").as_bytes(),
            format!("{digits}\r\n").as_bytes(),
        ] {
            assert_eq!(read(content, 0o600, KeptIn::File), Ok("k-1".to_owned()));
        }
        for content in
            [&b""[..], &[1; 31], &[1; 33], &digits.as_bytes()[1..], &[b'g'; 64], &[b'0'; 66], &[b'0'; 200]]
        {
            assert_eq!(read(content, 0o600, KeptIn::File), Err("spool-wrapping-key-file"));
        }
        for mode in [0o640, 0o604, 0o620, 0o601] {
            assert_eq!(read(&[1; 32], mode, KeptIn::File), Err("spool-wrapping-key-file"), "{mode:o}");
        }
        assert_eq!(read(&[1; 32], 0o440, KeptIn::Credentials), Ok("k-1".to_owned()));
        assert_eq!(read(&[1; 32], 0o444, KeptIn::Credentials), Err("spool-wrapping-key-file"));
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        let error = WrappingKey::read("k-1", &folder.path().join("no"), KeptIn::File).unwrap_err();
        assert_eq!(error.code(), "spool-io");
    }

    #[test]
    fn ids_are_short_and_plain() {
        for id in ["a", "2026-11", "k".repeat(32).as_str()] {
            assert!(WrappingKey::is_id(id), "{id}");
        }
        for id in ["", "-a", "A", "a.b", "a/b", "鍵", "k".repeat(33).as_str()] {
            assert!(!WrappingKey::is_id(id), "{id}");
        }
    }
}
