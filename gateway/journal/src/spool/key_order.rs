//! Which record has to wait for which: older data never overwrites newer.

use super::error::Result;
use super::key_index::Entries;
use super::reader::SpoolReader;
use crate::machine::{BatchState, LiveChunk};
use crate::ranges::RangeSet;

/// Pairs that are kept between two batches: 1.6 MB. Where there are more, the later batch waits as a whole.
const MOST_WAITS: usize = 100_000;

/// What of a batch has to wait for records of an earlier batch, or of the same one, that have the same key: as long as
/// these have no outcome. Records with other keys may overtake them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrder {
    waits: Waits,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Waits {
    /// A position, and the earlier one that it waits for; ascending.
    For(Vec<(u64, u64)>),
    /// Everything waits until nothing of the earlier batch is open.
    ForAll,
}

impl KeyOrder {
    /// The most records of one batch that may have the key of an earlier one and be sent after it; intake refuses a
    /// batch with more.
    pub const MOST_IN_ORDER: u64 = 100_000;

    /// A batch against itself: each record waits for the one before it that has its key. Blocking: reads the index of
    /// keys once, unless the batch has no key twice. Memory: 16 bytes for each record that waits.
    ///
    /// # Errors
    /// The file system, or an index that is not authentic.
    pub fn within(batch: &SpoolReader) -> Result<Self> {
        let mut waits = Vec::new();
        if batch.sealed().duplicates == 0 {
            return Ok(Self { waits: Waits::For(waits) });
        }
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::DuplicatesPass) {
            return Ok(Self { waits: Waits::For(waits) });
        }
        let mut keys = Groups::of(batch);
        while keys.next()? {
            waits.extend(keys.positions.windows(2).map(|pair| (pair[1], pair[0])));
        }
        waits.sort_unstable();
        Ok(Self { waits: Waits::For(waits) })
    }

    /// A batch against one that was accepted before it. Blocking: reads both indexes of keys once. Where a record has no
    /// key, nobody can say what it may overtake: then everything waits, and so it does where more than 100,000 records
    /// would have to.
    ///
    /// # Errors
    /// The file system, or an index that is not authentic.
    pub fn between(earlier: &SpoolReader, later: &SpoolReader) -> Result<Self> {
        let all = Self::whole();
        if !earlier.all_have_keys() || !later.all_have_keys() {
            return Ok(all);
        }
        let (mut before, mut after) = (Groups::of(earlier), Groups::of(later));
        let mut waits = Vec::new();
        let mut both = before.next()? && after.next()?;
        while both {
            both = match before.fingerprint.cmp(&after.fingerprint) {
                std::cmp::Ordering::Less => before.next()?,
                std::cmp::Ordering::Greater => after.next()?,
                std::cmp::Ordering::Equal => {
                    if waits.len() + before.positions.len() * after.positions.len() > MOST_WAITS {
                        return Ok(all);
                    }
                    for position in &after.positions {
                        waits.extend(before.positions.iter().map(|earlier| (*position, *earlier)));
                    }
                    before.next()? && after.next()?
                }
            };
        }
        waits.sort_unstable();
        Ok(Self { waits: Waits::For(waits) })
    }

    /// Everything waits until nothing of the earlier batch is open: where it cannot be known what may overtake what.
    pub fn whole() -> Self {
        Self { waits: Waits::ForAll }
    }

    /// Nothing waits for anything.
    pub fn is_empty(&self) -> bool {
        matches!(&self.waits, Waits::For(waits) if waits.is_empty())
    }

    /// As [`KeyOrder::hold_back`], only for what is in doubt there and not with an operator yet: as long as nobody can know
    /// what became of a record, none with its key goes, whichever batch came first.
    pub fn hold_back_doubted(&self, pending: &mut RangeSet, other: &BatchState) {
        let waiting =
            |position| other.chunks().any(|chunk| chunk.is_waiting() && chunk.live().contains(position));
        match &self.waits {
            Waits::ForAll if other.chunks().any(LiveChunk::is_waiting) => *pending = RangeSet::new(),
            Waits::ForAll => {}
            Waits::For(waits) => {
                for (position, other_one) in waits {
                    if waiting(*other_one) {
                        pending.remove(*position..position + 1);
                    }
                }
            }
        }
    }

    /// Takes out of `pending` what has to wait, as the earlier batch stands now (or the batch itself, for an order within
    /// one): records that wait for one that is pending, in flight or in doubt.
    pub fn hold_back(&self, pending: &mut RangeSet, earlier: &BatchState) {
        match &self.waits {
            Waits::ForAll if earlier.is_drained() => {}
            Waits::ForAll => *pending = RangeSet::new(),
            Waits::For(waits) => {
                for (position, earlier_one) in waits {
                    if earlier.is_open(*earlier_one) {
                        pending.remove(*position..position + 1);
                    }
                }
            }
        }
    }
}

impl SpoolReader {
    /// The records that a later one with the same key takes the place of; `None` where they are more than `most`.
    ///
    /// # Errors
    /// The file system, or an index that is not authentic.
    pub fn superseded(&self, most: u64) -> Result<Option<RangeSet>> {
        let mut superseded = RangeSet::new();
        if self.sealed().duplicates > most {
            return Ok(None);
        }
        let mut keys = Groups::of(self);
        while keys.next()? {
            let (_, earlier) = keys.positions.split_last().unwrap_or((&0, &[]));
            #[cfg(feature = "planted")]
            let earlier = match keys.positions.split_first() {
                Some((_, others)) if crate::planted::is(crate::planted::Bug::FirstWins) => others,
                _ => earlier,
            };
            for position in earlier {
                superseded.insert(*position..position + 1);
            }
        }
        Ok(Some(superseded))
    }
}

/// The keys of a batch in the order of their fingerprints, each with its positions, ascending.
struct Groups<'r> {
    reader: &'r SpoolReader,
    entries: Entries,
    fingerprint: u128,
    positions: Vec<u64>,
    /// The first entry of the next key.
    ahead: Option<(u128, u64)>,
    begun: bool,
}

impl<'r> Groups<'r> {
    fn of(reader: &'r SpoolReader) -> Self {
        Self {
            reader,
            entries: Entries::new(),
            fingerprint: 0,
            positions: Vec::new(),
            ahead: None,
            begun: false,
        }
    }

    /// On to the next key; false at the end.
    fn next(&mut self) -> Result<bool> {
        if !std::mem::replace(&mut self.begun, true) {
            self.ahead = self.reader.entry(&mut self.entries)?;
        }
        let Some((fingerprint, first)) = self.ahead else { return Ok(false) };
        self.fingerprint = fingerprint;
        self.positions.clear();
        self.positions.push(first);
        loop {
            self.ahead = self.reader.entry(&mut self.entries)?;
            match self.ahead {
                Some((same, position)) if same == fingerprint => self.positions.push(position),
                _ => return Ok(true),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::identity::{BatchId, Epoch};
    use crate::machine::Event;
    use crate::spool::Spool;

    fn spool(state: &tempfile::TempDir) -> Spool {
        Spool::open(&state.path().join("spool"), &state.path().join("spool.key")).unwrap()
    }

    /// A batch whose records have these keys; `None` has none.
    fn batch(spool: &Spool, keys: impl IntoIterator<Item = Option<u32>>) -> SpoolReader {
        let mut writer = spool.create(BatchId::new(1)).unwrap();
        for key in keys {
            writer.push(b"record", key.map(u32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice)).unwrap();
        }
        spool.reader(writer.seal().unwrap().batch).unwrap()
    }

    /// A batch of which only these records have no outcome yet.
    fn with_open(records: u64, open: &BTreeSet<u64>) -> BatchState {
        let mut state = BatchState::new(records, 0);
        for first in (0..records).filter(|position| !open.contains(position)) {
            let rejected = Event::RecordsRejected { first, count: 1, code: "test".into() };
            state.apply(&rejected, Epoch(1), 1).unwrap();
        }
        state
    }

    fn held_back(order: &KeyOrder, records: u64, earlier: &BatchState) -> BTreeSet<u64> {
        let mut pending = RangeSet::from(0..records);
        order.hold_back(&mut pending, earlier);
        (0..records).filter(|position| !pending.contains(*position)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Just those wait that have the key of an earlier record without an outcome.
        #[test]
        fn a_record_waits_for_earlier_ones_with_its_key_and_for_nothing_else(
            one in prop::collection::vec(0u32..40, 1..60),
            two in prop::collection::vec(0u32..40, 1..60),
            open in prop::collection::btree_set(0u64..60, 0..60),
        ) {
            let state = tempfile::tempdir().unwrap();
            let spool = spool(&state);
            let keyed = |keys: &[u32]| batch(&spool, keys.iter().map(|key| Some(*key)));
            let (earlier, later) = (keyed(&one), keyed(&two));
            let stands = with_open(one.len() as u64, &open);

            let order = KeyOrder::between(&earlier, &later).unwrap();
            let expected: BTreeSet<u64> = (0..two.len())
                .filter(|p| one.iter().enumerate().any(|(e, key)| *key == two[*p] && open.contains(&(e as u64))))
                .map(|p| p as u64)
                .collect();
            prop_assert_eq!(held_back(&order, two.len() as u64, &stands), expected);

            let order = KeyOrder::within(&earlier).unwrap();
            prop_assert_eq!(order.is_empty(), earlier.sealed().duplicates == 0);
            let expected: BTreeSet<u64> = (0..one.len())
                .filter(|p| one[..*p].iter().rposition(|key| *key == one[*p]).is_some_and(|e| open.contains(&(e as u64))))
                .map(|p| p as u64)
                .collect();
            prop_assert_eq!(held_back(&order, one.len() as u64, &stands), expected);

            let superseded: BTreeSet<u64> = (0..one.len())
                .filter(|p| one[p + 1..].contains(&one[*p]))
                .map(|p| p as u64)
                .collect();
            let found = earlier.superseded(1_000).unwrap().unwrap();
            prop_assert_eq!(found.runs().flatten().collect::<BTreeSet<_>>(), superseded);
        }
    }

    #[test]
    fn where_nobody_can_say_what_may_overtake_everything_waits() {
        let state = tempfile::tempdir().unwrap();
        let spool = spool(&state);
        let whole = batch(&spool, (0..10).map(Some));
        let without = batch(&spool, (20..30).map(|key| (key != 25).then_some(key)));
        let same = batch(&spool, std::iter::repeat_n(Some(1), 400));
        for (earlier, later) in [(&whole, &without), (&without, &whole), (&same, &same)] {
            let order = KeyOrder::between(earlier, later).unwrap();
            let open = with_open(earlier.records(), &BTreeSet::from([3]));
            assert_eq!(held_back(&order, later.records(), &open).len() as u64, later.records());
            let drained = with_open(earlier.records(), &BTreeSet::new());
            assert_eq!(held_back(&order, later.records(), &drained), BTreeSet::new());
        }
        assert_eq!(same.superseded(398).unwrap(), None);
        assert_eq!(same.superseded(399).unwrap(), Some(RangeSet::from(0..399)));
    }
}
