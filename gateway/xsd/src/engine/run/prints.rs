//! Sets of fingerprints in flat tables that grow by a quarter at most, a part at a time, and pay for what they take.
//!
//! A table that doubles as a whole has three times what it needs while it does. Of many parts only one is ever there
//! twice, and a quarter more is less than half again of what is in it. What they take is taken out of one [`Room`].
//! Sizes are those in which memory is given out, four to a doubling: what is between would be taken, and of no use.

use super::Stop;
use super::fingerprint::Fingerprint;

/// Bytes that all tables of one document take together: six million slots of keys, or four of references. A part that
/// grows is there twice for a moment, which adds a sixty-fourth.
pub(super) const MAX_BYTES: usize = 96 << 20;
/// What must be left for keys to be made in advance: more than one element's can take.
const SPARE: usize = MAX_BYTES / 8;
/// From so many on a set has parts.
const WHOLE: usize = 4096;
/// How many, as a power of two.
const PARTS: u32 = 6;
/// The least slots of a part.
const FEW: usize = 8;

/// What is left for the tables of one document: for keys, references to them, identifiers and references to those.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: usize,
}

impl Room {
    /// The bytes that are taken.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Takes what a table has grown by.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Stop> {
        self.taken += bytes;
        if self.taken > MAX_BYTES {
            return Err(Stop::Limit("bytes of keys, identifiers and references to them", MAX_BYTES as u64));
        }
        Ok(())
    }

    /// Takes back what a table no longer has.
    pub(super) fn give_back(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_sub(bytes);
    }

    /// Whether the keys of another element are sure to find room.
    pub(super) fn is_ample(&self) -> bool {
        self.taken + SPARE <= MAX_BYTES
    }
}

/// A fingerprint as it is kept, in two words: what is none stands for a slot that is free.
type Words = [u64; 2];

const FREE: Words = [0; 2];

pub(super) fn words(print: Fingerprint) -> [u64; 2] {
    // A fingerprint that would be taken for a free slot becomes another one, which is as likely a mistake as any two
    // values having the same.
    let print = print.max(1);
    [(print >> 64) as u64, print as u64]
}

/// A fingerprint, and what is known with it.
pub(super) trait Kept: Copy {
    /// With a fingerprint, and nothing known yet.
    fn of(words: [u64; 2]) -> Self;
    fn words(&self) -> [u64; 2];

    fn print(&self) -> Fingerprint {
        let [high, low] = self.words();
        Fingerprint::from(high) << 64 | Fingerprint::from(low)
    }
}

impl Kept for Words {
    fn of(words: [u64; 2]) -> Self {
        words
    }

    fn words(&self) -> [u64; 2] {
        *self
    }
}

/// Open addressing, in the order of the fingerprints.
#[derive(Debug)]
struct Part<T> {
    slots: Box<[T]>,
    len: usize,
}

impl<T: Kept> Default for Part<T> {
    fn default() -> Self {
        Part { slots: Box::default(), len: 0 }
    }
}

impl<T: Kept> Part<T> {
    /// Where the search for a fingerprint begins. Bits that say which part it is in have no say in it.
    fn home(&self, words: Words) -> usize {
        ((u128::from(words[1]) * self.slots.len() as u128) >> 64) as usize
    }

    fn next(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    /// The slot that has it, or the free one that it would have. There is a free one.
    fn find(&self, words: Words) -> Result<usize, usize> {
        let mut at = self.home(words);
        loop {
            let found = self.slots[at].words();
            if found == words {
                return Ok(at);
            }
            if found == FREE {
                return Err(at);
            }
            at = self.next(at);
        }
    }

    fn contains(&self, words: Words) -> bool {
        !self.slots.is_empty() && self.find(words).is_ok()
    }

    /// Makes room for another one; how many slots that takes.
    fn grow(&mut self) -> usize {
        let slots = self.slots.len();
        if self.len < slots * 7 / 8 {
            return 0;
        }
        let more = larger::<T>(slots) - slots;
        let free = vec![T::of(FREE); slots + more].into_boxed_slice();
        for kept in std::mem::replace(&mut self.slots, free) {
            if kept.words() != FREE
                && let Err(at) = self.find(kept.words())
            {
                self.slots[at] = kept;
            }
        }
        more
    }

    fn remove(&mut self, words: Words) -> bool {
        if self.slots.is_empty() {
            return false;
        }
        let Ok(mut hole) = self.find(words) else { return false };
        let mut at = hole;
        loop {
            at = self.next(at);
            let kept = self.slots[at];
            if kept.words() == FREE {
                break;
            }
            // What lies behind the hole moves into it, unless its search begins behind the hole, too.
            let home = self.home(kept.words());
            let stays = if hole < at { hole < home && home <= at } else { hole < home || home <= at };
            if !stays {
                self.slots[hole] = kept;
                hole = at;
            }
        }
        self.slots[hole] = T::of(FREE);
        self.len -= 1;
        true
    }
}

/// The next number of slots: twice as many while they are few, then what the next of four sizes to a doubling has.
fn larger<T>(slots: usize) -> usize {
    if slots < 8 * FEW {
        return FEW.max(2 * slots);
    }
    let least = (slots + 1) * size_of::<T>();
    let step = (1 << least.ilog2()) / 4;
    least.next_multiple_of(step) / size_of::<T>()
}

/// A set of fingerprints with what is known with each.
#[derive(Debug)]
pub(super) struct Prints<T: Kept = Words> {
    /// None, one, or all of them.
    parts: Vec<Part<T>>,
    len: usize,
}

impl<T: Kept> Default for Prints<T> {
    fn default() -> Self {
        Prints { parts: Vec::new(), len: 0 }
    }
}

impl<T: Kept> Prints<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn contains(&self, print: Fingerprint) -> bool {
        let words = words(print);
        self.parts.get(self.part(words)).is_some_and(|part| part.contains(words))
    }

    /// What is known with one.
    pub(super) fn get_mut(&mut self, print: Fingerprint) -> Option<&mut T> {
        let words = words(print);
        let part = self.part(words);
        let part = self.parts.get_mut(part).filter(|part| !part.slots.is_empty())?;
        let at = part.find(words).ok()?;
        Some(&mut part.slots[at])
    }

    /// Adds one; false when it is there already. It is there afterwards, even where there was no room.
    pub(super) fn insert(&mut self, print: Fingerprint, room: &mut Room) -> Result<bool, Stop> {
        self.put(T::of(words(print)), room)
    }

    fn put(&mut self, kept: T, room: &mut Room) -> Result<bool, Stop> {
        if self.parts.is_empty() {
            self.parts.push(Part::default());
        } else if self.parts.len() == 1 && self.len >= WHOLE {
            self.divide(room)?;
        }
        let words = kept.words();
        let part = self.part(words);
        let part = &mut self.parts[part];
        let free = if part.slots.is_empty() { Err(0) } else { part.find(words) };
        let Err(free) = free else { return Ok(false) };
        let grown = part.grow();
        let at = if grown == 0 { free } else { part.find(words).unwrap_or_else(|free| free) };
        part.slots[at] = kept;
        part.len += 1;
        self.len += 1;
        room.take(grown * size_of::<T>()).map(|()| true)
    }

    /// One part becomes many.
    fn divide(&mut self, room: &mut Room) -> Result<(), Stop> {
        let before = self.bytes();
        let whole = std::mem::take(&mut self.parts);
        self.parts.resize_with(1 << PARTS, Part::default);
        for kept in whole.into_iter().flat_map(|part| part.slots) {
            if kept.words() == FREE {
                continue;
            }
            let part = self.part(kept.words());
            let part = &mut self.parts[part];
            part.grow();
            if let Err(at) = part.find(kept.words()) {
                part.slots[at] = kept;
                part.len += 1;
            }
        }
        room.give_back(before);
        room.take(self.bytes())
    }

    /// Takes one out. The table stays as large as it is.
    pub(super) fn remove(&mut self, print: Fingerprint) {
        let words = words(print);
        let part = self.part(words);
        let gone = self.parts.get_mut(part).is_some_and(|part| part.remove(words));
        self.len -= usize::from(gone);
    }

    /// Takes all of another set, and hands on those that were here already. A part of it is gone before the next one is
    /// looked at.
    pub(super) fn absorb(
        &mut self,
        other: Prints<T>,
        room: &mut Room,
        mut known: impl FnMut(Fingerprint, &mut Room) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut outcome = Ok(());
        for part in other.parts {
            let bytes = size_of_val(&part.slots[..]);
            for kept in part.slots.into_iter().filter(|kept| kept.words() != FREE) {
                if outcome.is_ok() {
                    outcome = match self.put(kept, room) {
                        Ok(false) => known(kept.print(), room),
                        put => put.map(drop),
                    };
                }
            }
            room.give_back(bytes);
        }
        outcome
    }

    /// The set is no longer needed.
    pub(super) fn release(self, room: &mut Room) {
        room.give_back(self.bytes());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Fingerprint, &T)> {
        let kept = self.parts.iter().flat_map(|part| &part.slots[..]).filter(|kept| kept.words() != FREE);
        kept.map(|kept| (kept.print(), kept))
    }

    /// What the slots take.
    fn bytes(&self) -> usize {
        self.parts.iter().map(|part| size_of_val(&part.slots[..])).sum()
    }

    /// Which part has a fingerprint, by bits that the place in the part does not depend on.
    fn part(&self, words: Words) -> usize {
        if self.parts.len() > 1 { (words[0] >> (u64::BITS - PARTS)) as usize } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what finds no room fails the test")]

    use std::collections::HashSet;

    use super::*;

    fn prints(count: u64) -> impl Iterator<Item = Fingerprint> {
        let mut random = fastrand::Rng::with_seed(7);
        // Some come again.
        std::iter::repeat_with(move || {
            Fingerprint::from(random.u64(..count)).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
        })
    }

    #[test]
    fn a_set_of_parts_is_a_set() {
        let (mut set, mut known, mut room) = (Prints::<Words>::default(), HashSet::new(), Room::default());
        assert!(!set.contains(1) && set.get_mut(1).is_none());
        set.remove(1);
        for print in prints(2 * WHOLE as u64).filter(|&print| print != 0).take(3 * WHOLE) {
            assert_eq!(set.contains(print), known.contains(&print));
            assert_eq!(set.insert(print, &mut room).unwrap(), known.insert(print));
            assert_eq!((set.len(), room.taken()), (known.len(), set.bytes()));
        }
        assert!(set.parts.len() > 1 && set.parts.iter().all(|part| part.len > 0));
        for print in known.iter().copied().filter(|print| print >> 7 & 1 == 0).collect::<Vec<_>>() {
            set.remove(print);
            set.remove(print);
            known.remove(&print);
            assert_eq!((set.len(), set.contains(print)), (known.len(), false));
        }
        assert!(known.iter().all(|&print| set.contains(print) && set.get_mut(print).is_some()));
        assert_eq!(set.iter().map(|(print, _)| print).collect::<HashSet<_>>(), known);
        set.release(&mut room);
        assert_eq!(room.taken(), 0);
    }

    #[test]
    fn a_table_takes_less_than_half_again_of_what_is_in_it() {
        let (mut set, mut room) = (Prints::<Words>::default(), Room::default());
        for print in prints(u64::MAX).take(200_000) {
            set.insert(print, &mut room).unwrap();
            let least = size_of::<Words>() * set.len();
            assert!(room.taken() >= least);
            // Small tables are few, and what they take is counted, too.
            assert!(set.len() < 4 * WHOLE || room.taken() < least * 3 / 2 + 4096, "{} {least}", room.taken());
        }
    }

    /// Memory is given out in four sizes to a doubling: another size would take the next larger one.
    #[test]
    fn a_part_has_a_size_in_which_memory_is_given_out() {
        fn sizes<T>() {
            let mut slots = 0;
            while slots < 1 << 20 {
                let before = slots;
                slots = larger::<T>(before);
                assert!(
                    slots > before && (before < 8 * FEW || slots * 4 <= before * 5 + 4),
                    "{before} {slots}"
                );
                let bytes = slots * size_of::<T>();
                let given = bytes.next_multiple_of((1 << bytes.ilog2()) / 4);
                assert!(given - bytes < size_of::<T>(), "{bytes}");
            }
        }
        sizes::<Words>();
        sizes::<[u64; 3]>();
    }

    #[test]
    fn sets_that_are_united_leave_nothing_behind() {
        let (mut room, mut twice) = (Room::default(), HashSet::new());
        let mut sets = [Prints::<Words>::default(), Prints::default()];
        let mut known = [HashSet::new(), HashSet::new()];
        for (at, print) in prints(20_000).take(30_000).enumerate() {
            sets[at % 2].insert(print, &mut room).unwrap();
            known[at % 2].insert(print);
        }
        let [mut one, other] = sets;
        let twofold = |print, _: &mut Room| {
            twice.insert(print);
            Ok(())
        };
        one.absorb(other, &mut room, twofold).unwrap();
        assert_eq!(one.len(), known[0].union(&known[1]).count());
        assert_eq!(twice.len(), known[0].intersection(&known[1]).count());
        assert_eq!(room.taken(), one.bytes());
    }

    #[test]
    fn room_ends() {
        let mut room = Room::default();
        assert!(room.is_ample() && room.take(MAX_BYTES).is_ok() && !room.is_ample());
        assert!(room.take(1).is_err());
        room.give_back(MAX_BYTES);
        assert!(room.is_ample() && room.take(1).is_ok());
    }
}
