//! Sets of positions, kept as runs.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of positions as disjoint runs that do not touch: memory goes with the number of runs, not of positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeSet {
    /// Start to end (exclusive).
    runs: BTreeMap<u64, u64>,
    len: u64,
}

impl RangeSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { runs: BTreeMap::new(), len: 0 }
    }

    /// How many positions are in it.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The runs in ascending order; no two of them touch.
    pub fn runs(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.runs.iter().map(|(&start, &end)| start..end)
    }

    /// How many runs it takes.
    pub fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// The first run, if there is one.
    pub fn first_run(&self) -> Option<Range<u64>> {
        self.runs().next()
    }

    /// The first run at or after `position`, cut to begin there if it began earlier.
    pub fn run_from(&self, position: u64) -> Option<Range<u64>> {
        if let Some((_, &end)) = self.runs.range(..=position).next_back()
            && end > position
        {
            return Some(position..end);
        }
        self.runs.range(position..).next().map(|(&start, &end)| start..end)
    }

    /// The position is in it.
    pub fn contains(&self, position: u64) -> bool {
        self.runs.range(..=position).next_back().is_some_and(|(_, &end)| end > position)
    }

    /// Every position of the range is in it (true of an empty range).
    pub fn covers(&self, range: &Range<u64>) -> bool {
        range.is_empty()
            || self.runs.range(..=range.start).next_back().is_some_and(|(_, &end)| end >= range.end)
    }

    /// At least one position of the range is in it.
    pub fn touches(&self, range: &Range<u64>) -> bool {
        !range.is_empty() && self.run_from(range.start).is_some_and(|run| run.start < range.end)
    }

    /// Adds the range. Returns how many positions were not in it before.
    pub fn insert(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let (mut start, mut end, mut had) = (range.start, range.end, 0);
        // Runs that overlap or touch: all that begin at or before the end and reach the start.
        while let Some((&first, &last)) = self.runs.range(..=end).next_back() {
            if last < start {
                break;
            }
            had += last.min(range.end).saturating_sub(first.max(range.start));
            start = start.min(first);
            end = end.max(last);
            self.runs.remove(&first);
        }
        self.runs.insert(start, end);
        let new = (range.end - range.start) - had;
        self.len += new;
        new
    }

    /// Takes the range out. Returns how many positions of it were in the set.
    pub fn remove(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let mut had = 0;
        while let Some((&first, &last)) = self.runs.range(..range.end).next_back() {
            if last <= range.start {
                break;
            }
            self.runs.remove(&first);
            had += last.min(range.end) - first.max(range.start);
            if last > range.end {
                self.runs.insert(range.end, last);
            }
            if first < range.start {
                self.runs.insert(first, range.start);
            }
        }
        self.len -= had;
        had
    }
}

impl From<Range<u64>> for RangeSet {
    fn from(range: Range<u64>) -> Self {
        Self::from_iter([range])
    }
}

impl FromIterator<Range<u64>> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut set = Self::new();
        for range in ranges {
            set.insert(range);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The same answers as a set of single positions, whatever is added and taken out.
        #[test]
        fn behaves_as_a_set(steps in prop::collection::vec((any::<bool>(), 0u64..60, 0u64..20), 0..60)) {
            let (mut runs, mut model) = (RangeSet::new(), BTreeSet::new());
            for (add, start, length) in steps {
                let range = start..start + length;
                prop_assert_eq!(runs.covers(&range), range.clone().all(|p| model.contains(&p)));
                prop_assert_eq!(runs.touches(&range), range.clone().any(|p| model.contains(&p)));
                prop_assert_eq!(runs.contains(start), model.contains(&start));
                let first = runs.run_from(start).map(|run| run.start);
                prop_assert_eq!(first, model.range(start..).next().copied());
                let changed = if add {
                    (runs.insert(range.clone()), range.filter(|p| model.insert(*p)).count())
                } else {
                    (runs.remove(range.clone()), range.filter(|p| model.remove(p)).count())
                };
                prop_assert_eq!(changed.0, changed.1 as u64);
                prop_assert_eq!(runs.len(), model.len() as u64);
                prop_assert_eq!(runs.runs().flatten().collect::<BTreeSet<_>>(), model.clone());
                let ends: Vec<_> = runs.runs().collect();
                prop_assert!(ends.windows(2).all(|pair| pair[0].end < pair[1].start));
                prop_assert_eq!(runs.clone(), ends.into_iter().rev().collect::<RangeSet>());
            }
        }
    }
}
