//! Sets of fingerprints that grow a part at a time.
//!
//! A table that grows as a whole has its old and its new half at once, which for the keys of a large document is half as
//! much again as it needs. Of many parts only one is ever there twice.

use std::collections::HashSet;

use super::super::fingerprint::{Fingerprint, Hashed};

/// From so many on a set has parts.
const WHOLE: usize = 4096;
/// How many, as a power of two.
const PARTS: u32 = 6;

#[derive(Debug, Default)]
pub(super) struct Prints {
    /// None, one, or all of them.
    parts: Vec<HashSet<Fingerprint, Hashed>>,
    len: usize,
}

impl Prints {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn contains(&self, print: &Fingerprint) -> bool {
        self.parts.get(self.part(*print)).is_some_and(|part| part.contains(print))
    }

    /// Adds one; false when it is there already.
    pub(super) fn insert(&mut self, print: Fingerprint) -> bool {
        if self.parts.is_empty() {
            self.parts.push(HashSet::default());
        } else if self.parts.len() == 1 && self.len >= WHOLE {
            let whole = std::mem::take(&mut self.parts);
            self.parts.resize_with(1 << PARTS, HashSet::default);
            for print in whole.into_iter().flatten() {
                let part = self.part(print);
                self.parts[part].insert(print);
            }
        }
        let part = self.part(print);
        let new = self.parts[part].insert(print);
        self.len += usize::from(new);
        new
    }

    pub(super) fn remove(&mut self, print: &Fingerprint) {
        let part = self.part(*print);
        let gone = self.parts.get_mut(part).is_some_and(|part| part.remove(print));
        self.len -= usize::from(gone);
    }

    /// Which part has a fingerprint, by bits that the place in the part does not depend on.
    fn part(&self, print: Fingerprint) -> usize {
        if self.parts.len() > 1 { (print >> (Fingerprint::BITS - PARTS)) as usize } else { 0 }
    }
}

impl IntoIterator for Prints {
    type Item = Fingerprint;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<HashSet<Fingerprint, Hashed>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter().flatten()
    }
}

impl Extend<Fingerprint> for Prints {
    fn extend<T: IntoIterator<Item = Fingerprint>>(&mut self, prints: T) {
        prints.into_iter().for_each(|print| {
            self.insert(print);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_parts_is_a_set() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut prints, mut known) = (Prints::default(), HashSet::new());
        assert!(!prints.contains(&0));
        for _ in 0..3 * WHOLE {
            // Some come again.
            let print =
                Fingerprint::from(random.u64(..2 * WHOLE as u64)).wrapping_mul(0x9E37_79B9_7F4A_7C15 << 61);
            assert_eq!(prints.contains(&print), known.contains(&print));
            assert_eq!(prints.insert(print), known.insert(print));
            assert_eq!(prints.len(), known.len());
        }
        assert!(prints.parts.len() > 1 && prints.parts.iter().all(|part| !part.is_empty()));
        for print in known.iter().copied().filter(|print| print >> 7 & 1 == 0).collect::<Vec<_>>() {
            prints.remove(&print);
            prints.remove(&print);
            known.remove(&print);
            assert_eq!((prints.len(), prints.contains(&print)), (known.len(), false));
        }
        assert_eq!(prints.into_iter().collect::<HashSet<_>>(), known);
    }
}
