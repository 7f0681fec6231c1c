//! A segment's content as it is encrypted: frames of 64 KiB, each sealed by itself, so that it is written and read in bounded
//! memory.
//!
//! Each frame has its tag behind it. Its nonce is what no other one under the folder's key has: a random number of the folder's
//! writer, the segment's counter, the frame's number. What is said of it is the segment's header: of all but the last as far as
//! it is known while they are written, of the last, which may be empty, the whole of it.

use super::data_key::{FolderKey, TAG};

/// Bytes of content in each frame but the last.
pub(super) const FRAME: usize = 64 * 1024;

/// Seals the frames of one segment, one after the other.
#[derive(Debug)]
pub(super) struct Frames {
    salt: u32,
    segment: u32,
    next: u32,
}

impl Frames {
    pub(super) fn new(salt: u32, segment: u32) -> Self {
        Self { salt, segment, next: 0 }
    }

    /// Bytes that `length` bytes of content take.
    pub(super) fn sealed_length(length: u64) -> u64 {
        length + (length / FRAME as u64 + 1) * TAG as u64
    }

    /// How many are sealed.
    pub(super) fn sealed(&self) -> u32 {
        self.next
    }

    fn nonce(&mut self) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.salt.to_be_bytes());
        nonce[4..8].copy_from_slice(&self.segment.to_be_bytes());
        nonce[8..].copy_from_slice(&self.next.to_be_bytes());
        // A segment is far shorter than 2^32 frames.
        self.next += 1;
        nonce
    }

    /// Seals the next frame in its place.
    pub(super) fn seal(&mut self, key: &FolderKey, header: &[u8], frame: &mut Vec<u8>) {
        let nonce = self.nonce();
        key.seal(nonce, header, frame);
    }

    /// Opens all frames in their place: what is left is the content, of `length` bytes. False if they are not what was sealed.
    pub(super) fn open(
        mut self,
        key: &FolderKey,
        begun: &[u8],
        header: &[u8],
        sealed: &mut Vec<u8>,
        length: usize,
    ) -> bool {
        if sealed.len() as u64 != Self::sealed_length(length as u64) {
            return false;
        }
        let last = length / FRAME;
        for number in 0..=last {
            let from = number * (FRAME + TAG);
            let to = if number == last { sealed.len() } else { from + FRAME + TAG };
            let said = if number == last { header } else { begun };
            let nonce = self.nonce();
            let Some(frame) = sealed.get_mut(from..to) else { return false };
            if !key.open(nonce, said, frame) {
                return false;
            }
            sealed.copy_within(from..to - TAG, number * FRAME);
        }
        sealed.truncate(length);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::BatchId;
    use crate::spool::data_key::DataKey;

    fn key() -> FolderKey {
        DataKey::from(zeroize::Zeroizing::new([3; 32])).of_folder(BatchId::from_bytes([4; 16]))
    }

    fn sealed(content: &[u8], begun: &[u8], header: &[u8]) -> Vec<u8> {
        let mut frames = Frames::new(7, 1);
        let mut out = Vec::new();
        let (key, full) = (key(), content.len() / FRAME * FRAME);
        for frame in content[..full].chunks(FRAME) {
            let mut frame = frame.to_vec();
            frames.seal(&key, begun, &mut frame);
            out.extend(frame);
        }
        let mut frame = content[full..].to_vec();
        frames.seal(&key, header, &mut frame);
        out.extend(frame);
        out
    }

    fn opened(mut sealed: Vec<u8>, salt: u32, segment: u32, header: &[u8], length: usize) -> Option<Vec<u8>> {
        Frames::new(salt, segment).open(&key(), b"begun", header, &mut sealed, length).then_some(sealed)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_was_sealed_comes_back_and_nothing_else_is_taken_for_it(
            length in prop_oneof![0..200usize, FRAME - 2..FRAME + 3, 2 * FRAME - 1..2 * FRAME + 2],
            flip in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let bytes = sealed(&content, b"begun", b"header");
            prop_assert_eq!(bytes.len() as u64, Frames::sealed_length(length as u64));
            prop_assert_eq!(opened(bytes.clone(), 7, 1, b"header", length), Some(content));
            let mut other = bytes.clone();
            other[flip.index(bytes.len())] ^= 1 << bit;
            prop_assert_eq!(opened(other, 7, 1, b"header", length), None, "a bit is flipped");
            for (salt, segment, header) in [(8, 1, "header"), (7, 2, "header"), (7, 1, "headed")] {
                prop_assert_eq!(opened(bytes.clone(), salt, segment, header.as_bytes(), length), None);
            }
            prop_assert_eq!(opened(bytes.clone(), 7, 1, b"header", length + 1), None);
            if length > FRAME {
                // Frames in another order.
                let mut swapped = bytes[FRAME + TAG..].to_vec();
                swapped.extend(&bytes[..FRAME + TAG]);
                prop_assert_eq!(opened(swapped, 7, 1, b"header", length), None);
            }
        }
    }

    #[test]
    fn the_cipher_is_aes_256_gcm() {
        // Test case 14 of the specification that McGrew and Viega submitted to NIST.
        let cipher = crate::spool::data_key::cipher(&[0; 32]);
        let mut bytes = vec![0; 16];
        crate::spool::data_key::seal(&cipher, [0; 12], b"", &mut bytes);
        let wanted = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
        assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), wanted);
    }
}
