//! The values that a field had last: most fields have few, of one character.

/// Values of up to this many bytes are kept.
const MAX_LEN: usize = 15;
/// Values kept a field.
const WAYS: usize = 4;

/// Exact copies of short values that a field was found to take as they are.
///
/// It stands before the schema checker's own memory of values and spares it most questions: a comparison of a few
/// words, no hash.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent {
    /// Packed values; 0, which no value packs to, is an empty place.
    values: [u128; WAYS],
    next: u8,
}

/// A short value as a number: its bytes, and its length plus one above them.
#[inline]
pub(super) fn pack(value: &str) -> Option<u128> {
    let bytes = value.as_bytes();
    if let [byte] = bytes {
        return Some(u128::from(*byte) | 2 << 120);
    }
    if bytes.len() > MAX_LEN {
        return None;
    }
    let mut packed = [0; 16];
    packed[..bytes.len()].copy_from_slice(bytes);
    packed[MAX_LEN] = bytes.len() as u8 + 1;
    Some(u128::from_le_bytes(packed))
}

impl Recent {
    #[inline]
    pub(super) fn contains(&self, packed: u128) -> bool {
        self.values.contains(&packed)
    }

    pub(super) fn insert(&mut self, packed: u128) {
        self.values[usize::from(self.next)] = packed;
        self.next = (self.next + 1) % WAYS as u8;
    }
}
