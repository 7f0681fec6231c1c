//! The key that segments and indexes are authenticated with, and fingerprints are made with.

use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::{hmac, rand};
use siphasher::sip128::{Hasher128, SipHasher24};

use super::error::{IoContext, Result, SpoolError};
use crate::identity::Digest;

const KEY_BYTES: usize = 32;

/// Keys for one purpose each, all made from the key file's.
pub(super) struct Keys {
    /// Over segments.
    pub(super) segment: hmac::Key,
    /// Over pages of an index.
    pub(super) page: hmac::Key,
    /// Over what recognises repeated requests.
    repetition: hmac::Key,
    /// Tells keys apart, says nothing about them.
    pub(super) id: [u8; 8],
    fingerprint: [u8; 16],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Reads the key file, or creates it if `may_create`.
    pub(super) fn open(path: &Path, may_create: bool) -> Result<Self> {
        let wrong = |problem| SpoolError::KeyFile { path: path.to_owned(), problem };
        if !path.try_exists().at("looking for", path)? {
            if !may_create {
                return Err(wrong("is missing, but there are batches sealed under it: restore it"));
            }
            create(path)?;
        }
        let file = File::open(path).at("opening", path)?;
        if file.metadata().at("reading", path)?.permissions().mode() & 0o077 != 0 {
            return Err(wrong("can be read by others: take their permissions away (mode 0600)"));
        }
        let mut key = Vec::with_capacity(KEY_BYTES + 1);
        file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key).at("reading", path)?;
        if key.len() != KEY_BYTES {
            return Err(wrong("does not have 32 bytes: restore it"));
        }
        Ok(Self::from(&key))
    }

    pub(super) fn from(key: &[u8]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derive = |purpose: &str| hmac::sign(&master, purpose.as_bytes());
        let mut keys = Self {
            segment: hmac::Key::new(hmac::HMAC_SHA256, derive("sekisho spool segment 1").as_ref()),
            page: hmac::Key::new(hmac::HMAC_SHA256, derive("sekisho spool page 1").as_ref()),
            repetition: hmac::Key::new(hmac::HMAC_SHA256, derive("sekisho repetition 1").as_ref()),
            id: [0; 8],
            fingerprint: [0; 16],
        };
        keys.id.copy_from_slice(&derive("sekisho spool key id 1").as_ref()[..8]);
        keys.fingerprint.copy_from_slice(&derive("sekisho spool fingerprint 1").as_ref()[..16]);
        keys
    }

    /// HMAC-SHA256 over the kind and the text.
    pub(super) fn hash(&self, kind: &str, text: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.repetition);
        context.update(&(kind.len() as u64).to_le_bytes());
        context.update(kind.as_bytes());
        context.update(text);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        Digest(hash)
    }

    /// A key's fingerprint: SipHash-2-4 with 128 bits under a secret key. Equal keys have equal ones in every batch
    /// of this spool; two different keys share one with probability 2^-128.
    pub(super) fn fingerprint(&self, key: &[u8]) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.fingerprint);
        hasher.write(key);
        hasher.finish128().as_u128()
    }
}

/// Written under a name of its own and then linked: the key file is whole or not there, whoever else tries.
fn create(path: &Path) -> Result<()> {
    let mut random = [0; KEY_BYTES + 8];
    rand::fill(&mut random).map_err(|_| SpoolError::KeyFile {
        path: path.to_owned(),
        problem: "cannot be made: the operating system gives no random numbers",
    })?;
    let (key, name) = random.split_at(KEY_BYTES);
    let suffix: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let draft = path.with_extension(format!("new-{suffix}"));
    let folder = super::folder_above(path);
    fs::create_dir_all(folder).at("creating", folder)?;
    let written = (|| {
        let mut file = private().create_new(true).open(&draft)?;
        file.write_all(key)?;
        file.sync_all()?;
        fs::hard_link(&draft, path)
    })();
    let _ = fs::remove_file(&draft); // a draft that stays behind does no harm
    match written {
        // Another process was faster: its key is the key.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other
            .at("writing", path)
            .and_then(|()| super::disk::sync_folder(&super::disk::FileSystem, folder)),
    }
}

/// To open a file for reading and writing, created for its owner only.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}
