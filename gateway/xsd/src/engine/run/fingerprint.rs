//! Values as numbers of fixed size.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

/// 128 bits of a keyed hash: two values have the same by chance only, and nobody who does not know the key can look
/// for two that do.
pub(super) type Fingerprint = u128;

/// Makes fingerprints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fingerprints {
    keys: (u64, u64),
}

impl Fingerprints {
    pub(super) fn new(keys: (u64, u64)) -> Self {
        Fingerprints { keys }
    }

    pub(super) fn of(&self, bytes: &[u8]) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(bytes);
        hasher.finish128().as_u128()
    }

    /// The fingerprint of several values in their order.
    pub(super) fn of_all(&self, values: impl Iterator<Item = Fingerprint>) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        values.for_each(|value| hasher.write(&value.to_le_bytes()));
        hasher.finish128().as_u128()
    }
}
