//! The key that checkpoints are signed with: Ed25519 (RFC 8032), in a file of its own.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use crate::line::{hex, unhex};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("the log's key file {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others may read it.
    #[error("the log's key file {} can be read by others: take their permissions away (mode 0600)", .0.display())]
    Mode(PathBuf),
    /// It holds no such key.
    #[error(
        "{} holds no Ed25519 key in PEM (PKCS#8; `openssl genpkey -algorithm ed25519` makes one)", .0.display()
    )]
    Content(PathBuf),
    /// It holds no public key.
    #[error("{} holds no Ed25519 public key in PEM: `sekisho log key` prints one", .0.display())]
    Public(PathBuf),
    /// The operating system gives no random numbers, or takes no key.
    #[error("no key can be made: the operating system gives no random numbers")]
    Random,
}

impl KeyError {
    /// Stable, kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "log-key-file",
            Self::Mode(_) => "log-key-mode",
            Self::Content(_) => "log-key-content",
            Self::Public(_) => "log-key-public",
            Self::Random => "log-key-random",
        }
    }
}

/// The private key. Shown nowhere.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads the key, which none but its owner may be able to read.
    ///
    /// # Errors
    /// When the file cannot be read, others can read it, or it holds no Ed25519 key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let cannot = |error| KeyError::File { path: path.to_owned(), error };
        let file = File::open(path).map_err(cannot)?;
        if file.metadata().map_err(cannot)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Mode(path.to_owned()));
        }
        let mut text = Vec::new();
        file.take(64 * 1024).read_to_end(&mut text).map_err(cannot)?;
        let wrong = || KeyError::Content(path.to_owned());
        let key = PrivatePkcs8KeyDer::from_pem_slice(&text).map_err(|_| wrong())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()).map_err(|_| wrong())?;
        Ok(Self { pair })
    }

    /// Reads the key, or makes it where there is no file, for its owner only. Says whether it was made.
    ///
    /// # Errors
    /// As [`Self::read`], and when the file cannot be made.
    pub fn read_or_make(path: &Path) -> Result<(Self, bool), KeyError> {
        let made = !path.exists();
        if made {
            make(path)?;
        }
        Self::read(path).map(|key| (key, made))
    }

    /// A new key that is in no file: for tests and measurements.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn passing() -> Result<Self, KeyError> {
        Ok(Self { pair: Ed25519KeyPair::generate().map_err(|_| KeyError::Random)? })
    }

    /// The key that signatures are held against.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        // An Ed25519 key has 32 bytes (RFC 8032 section 5.1.5).
        bytes.copy_from_slice(&self.pair.public_key().as_ref()[..32]);
        PublicKey(bytes)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        // And a signature 64 (section 5.1.6).
        signature.copy_from_slice(&self.pair.sign(message).as_ref()[..64]);
        signature
    }
}

/// Written under a name of its own and then linked: the key file is whole or not there.
fn make(path: &Path) -> Result<(), KeyError> {
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(|_| KeyError::Random)?;
    let text = pem("PRIVATE KEY", document.as_ref());
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".new-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::hard_link(&draft, path)?;
        match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    })();
    let _ = std::fs::remove_file(&draft); // a draft that stays behind does no harm
    written.map_err(|error| KeyError::File { path: path.to_owned(), error })
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut encoded = base64(der);
    while encoded.len() > 64 {
        let rest = encoded.split_off(64);
        text.push_str(&encoded);
        text.push('\n');
        encoded = rest;
    }
    format!("{text}{encoded}\n-----END {label}-----\n")
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

/// The key that signatures are held against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 public key up to its 32 bytes (RFC 8410 section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

impl PublicKey {
    /// Reads the key in PEM from a file.
    ///
    /// # Errors
    /// When the file cannot be read or holds no Ed25519 public key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = std::fs::read(path).map_err(|error| KeyError::File { path: path.to_owned(), error })?;
        let found = SubjectPublicKeyInfoDer::from_pem_slice(&text).ok();
        let bytes = found.as_deref().and_then(|der| der.strip_prefix(&SPKI)?.try_into().ok());
        bytes.map(Self).ok_or_else(|| KeyError::Public(path.to_owned()))
    }

    /// The key in PEM, as `openssl pkey -pubout` writes it.
    pub fn pem(&self) -> String {
        pem("PUBLIC KEY", &[&SPKI[..], &self.0].concat())
    }

    pub(crate) fn from_hex(digits: &str) -> Option<Self> {
        unhex(digits.as_bytes()).map(Self)
    }

    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(64);
        hex(&self.0, &mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test says so by failing

    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        let (first, made) = SigningKey::read_or_make(&path).unwrap();
        assert!(made);
        let (again, made) = SigningKey::read_or_make(&path).unwrap();
        assert!(!made);
        assert_eq!(first.public(), again.public());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let public = folder.path().join("log.pub");
        std::fs::write(&public, first.public().pem()).unwrap();
        let public = PublicKey::read(&public).unwrap();
        assert!(public.has_signed(b"x", &again.sign(b"x")) && !public.has_signed(b"y", &again.sign(b"x")));

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(SigningKey::read(&path).unwrap_err().code(), "log-key-mode");
        let other = folder.path().join("other");
        std::fs::write(&other, "no key").unwrap();
        std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(SigningKey::read(&other).unwrap_err().code(), "log-key-content");
        assert_eq!(PublicKey::read(&path).unwrap_err().code(), "log-key-public");
        assert_eq!(SigningKey::read(&folder.path().join("gone")).unwrap_err().code(), "log-key-file");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "no draft stays behind");
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
