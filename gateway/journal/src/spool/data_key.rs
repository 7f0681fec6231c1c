//! The key of one batch's payload, and what is made of it for each folder.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::error::{Result, SpoolError};
use crate::identity::BatchId;

pub(super) const KEY_BYTES: usize = 32;

/// Bytes of the tag behind what is sealed.
pub(super) const TAG: usize = 16;

/// The random key of one batch: its payload's, and that of what the upstream said of it. Wiped when it is dropped.
pub(super) struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

/// The key of one folder of a batch, made from the batch's: no two folders have one, so that segments can be counted in each.
pub(super) struct FolderKey(LessSafeKey);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey")
    }
}

impl std::fmt::Debug for FolderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FolderKey")
    }
}

impl DataKey {
    /// A new one.
    pub(super) fn random() -> Result<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *key).map_err(|_| SpoolError::NoRandom)?;
        Ok(Self(key))
    }

    pub(super) fn from(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(key)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The key of the folder with this name.
    pub(super) fn of_folder(&self, folder: BatchId) -> FolderKey {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        let mut context = hmac::Context::with_key(&master);
        context.update(b"sekisho spool folder key 1");
        context.update(folder.as_bytes());
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(context.sign().as_ref());
        FolderKey(cipher(&key))
    }
}

impl FolderKey {
    /// Encrypts `bytes` in their place and adds the tag.
    pub(super) fn seal(&self, nonce: [u8; 12], said: &[u8], bytes: &mut Vec<u8>) {
        seal(&self.0, nonce, said, bytes);
    }

    /// Decrypts `bytes`, whose last ones are the tag, in their place; false if anything of it, or of what is `said` of it, is
    /// not as it was.
    pub(super) fn open(&self, nonce: [u8; 12], said: &[u8], bytes: &mut [u8]) -> bool {
        self.0.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(said), bytes).is_ok()
    }
}

/// AES-256-GCM (NIST SP 800-38D) under a key.
pub(super) fn cipher(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    #[allow(clippy::expect_used)] // the one reason to refuse a key is its length
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes is one of AES-256"))
}

/// Encrypts `bytes` in their place and adds the tag. Nobody may use the nonce again under this key.
pub(super) fn seal(cipher: &LessSafeKey, nonce: [u8; 12], said: &[u8], bytes: &mut Vec<u8>) {
    let nonce = Nonce::assume_unique_for_key(nonce);
    #[allow(clippy::expect_used)] // GCM takes 64 GiB; a segment's frame and a key are far below
    cipher.seal_in_place_append_tag(nonce, Aad::from(said), bytes).expect("short enough for GCM");
}
