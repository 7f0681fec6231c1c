//! Values that were accepted before.

/// The longest value that is remembered, in bytes.
const MAX_LEN: usize = 31;
/// The most values remembered of one type.
const MAX_SLOTS: usize = 512;
/// How many there is room for at first.
const FIRST_SLOTS: usize = 16;

/// The accepted values of one type: exact, bounded, each value in the one slot that its hash says.
///
/// A newcomer takes the slot of whoever was there. At most 16 KiB.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    slots: Box<[Slot]>,
    filled: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// 0 for none yet; otherwise one more than the length.
    mark: u8,
    bytes: [u8; MAX_LEN],
}

const EMPTY: Slot = Slot { mark: 0, bytes: [0; MAX_LEN] };

impl Memo {
    /// Whether `value` was accepted before, as far as is remembered.
    pub(crate) fn knows(&self, value: &str) -> bool {
        let value = value.as_bytes();
        if value.len() > MAX_LEN || self.slots.is_empty() {
            return false;
        }
        let slot = &self.slots[self.place(value)];
        usize::from(slot.mark) == value.len() + 1 && &slot.bytes[..value.len()] == value
    }

    /// Remembers that `value` is accepted, if it is short enough.
    pub(crate) fn remember(&mut self, value: &str) {
        let value = value.as_bytes();
        if value.len() > MAX_LEN {
            return;
        }
        if 2 * self.filled >= self.slots.len() && self.slots.len() < MAX_SLOTS {
            self.grow();
        }
        self.put(value);
    }

    fn put(&mut self, value: &[u8]) {
        let place = self.place(value);
        let slot = &mut self.slots[place];
        self.filled += usize::from(slot.mark == 0);
        slot.mark = value.len() as u8 + 1;
        slot.bytes[..value.len()].copy_from_slice(value);
    }

    fn grow(&mut self) {
        let slots = (2 * self.slots.len()).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots].into_boxed_slice());
        self.filled = 0;
        for slot in old.iter().filter(|slot| slot.mark != 0) {
            self.put(&slot.bytes[..usize::from(slot.mark) - 1]);
        }
    }

    /// A multiplicative hash of at most four words; the number of slots is a power of two.
    ///
    /// Whoever makes values collide gets them checked in full, no worse.
    fn place(&self, value: &[u8]) -> usize {
        const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut hash = value.len() as u64;
        for chunk in value.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(PRIME);
        }
        ((hash ^ (hash >> 32)) as usize) & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_knows_only_what_it_was_told(values in prop::collection::vec("[a-c]{0,4}|[0-9]{28,33}", 0..800)) {
            let mut memo = Memo::default();
            let mut told = std::collections::HashSet::new();
            for (i, value) in values.iter().enumerate() {
                prop_assert!(!memo.knows(value) || told.contains(value));
                if i % 2 == 0 {
                    memo.remember(value);
                    told.insert(value.clone());
                    prop_assert_eq!(memo.knows(value), value.len() <= MAX_LEN);
                }
            }
            prop_assert!(memo.slots.len() <= MAX_SLOTS);
        }
    }
}
