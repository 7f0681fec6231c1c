//! Content models whose repetitions are counted.
//!
//! The state is a set of *ways*: a position and the counters around it. In a legal schema the particle that takes an
//! element is always one (Unique Particle Attribution), but the round of nested repetitions that it belongs to may be
//! open, as in `(a{1,9}, b?){1,9}`: then several ways are followed at once. A way that another can do no better than is
//! dropped, and there is a bound on their number.

use super::alphabet::{Alphabet, Symbol};
use super::particle::{Leaf, Particle};
use super::positions::{Counter, Entries, Link, Positions, by_symbol};
use super::{Match, ModelError, Step};

/// The most ways that are followed at once.
pub(crate) const MAX_WAYS: usize = 256;
/// What is tried of a model before it is taken: walks, steps of one, and ways held against ways in all of them.
const TRIED_WALKS: usize = 16;
const TRIED_STEPS: usize = 4096;
const TRIED_WAYS: usize = 1 << 26;
/// The position before the first child.
const BEFORE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Counted {
    positions: Positions,
    lists: Vec<Entries>,
    /// Words of a way: its position, and a counter for each level of repetition.
    width: usize,
}

impl Counted {
    pub(super) fn new(
        particle: &Particle,
        leaves: &[Leaf],
        alphabet: &Alphabet,
        matches: &mut Vec<Match>,
    ) -> Result<Counted, ModelError> {
        let positions = Positions::new(particle)?;
        let lists = by_symbol(&positions, leaves, alphabet, matches)?;
        let levels = positions.all.iter().map(|position| position.counters.len()).max().unwrap_or(0);
        Ok(Counted { positions, lists, width: 1 + levels })
    }

    /// Whether a document was found, among those that are likely to be, that is open in more ways than are followed: one
    /// element over and over as often as it may come, then another one; and elements in no order. Ways multiply where
    /// one repetition inside another may end in several places.
    pub(super) fn is_too_open(&self) -> bool {
        if self.width < 3 {
            return false;
        }
        let mut spent = 0;
        (0..TRIED_WALKS).any(|walk| self.walk_opens(walk, &mut spent))
    }

    fn walk_opens(&self, walk: usize, spent: &mut usize) -> bool {
        let mut words = Vec::new();
        let mut ways = self.start(&mut words);
        let mut last = None;
        let (mut next, mut random) = (Vec::new(), walk as u32);
        for _ in 0..TRIED_STEPS {
            *spent += words.len() * ways as usize;
            if *spent > TRIED_WAYS {
                return false;
            }
            // Odd walks change their element at any time.
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let again = last.filter(|_| walk.is_multiple_of(2) || random >> 30 > 0);
            let mut step = again.map_or(Step::Refused, |symbol| self.step(&mut ways, 0, &mut words, symbol));
            if step == Step::Refused {
                next.clear();
                self.next(ways, &words, &mut next);
                let Some(&symbol) =
                    next.get((walk / 2 + (random >> 16) as usize * (walk % 2)) % next.len().max(1))
                else {
                    return false;
                };
                last = Some(symbol);
                step = self.step(&mut ways, 0, &mut words, symbol);
            }
            if step == Step::TooMany {
                return true;
            }
        }
        false
    }

    pub(super) fn positions(&self) -> usize {
        self.positions.all.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let lists: usize = self.lists.iter().map(|list| size_of_val(list) + size_of_val(&list[..])).sum();
        lists + self.positions.bytes()
    }

    pub(super) fn start(&self, words: &mut Vec<u32>) -> u32 {
        words.push(BEFORE);
        words.resize(words.len() + self.width - 1, 0);
        1
    }

    /// Takes a child; the ways lie in `words` from `at` to the end.
    pub(super) fn step(&self, number: &mut u32, at: usize, words: &mut Vec<u32>, symbol: Symbol) -> Step {
        let end = words.len();
        let mut found = None;
        for way in 0..*number as usize {
            let base = at + way * self.width;
            let from = words[base];
            for link in self.links(from) {
                let Link::To { list, level, again } = *link else { continue };
                if !self.may_leave(&words[base..base + self.width], level, again) {
                    continue;
                }
                let list = &self.lists[list as usize];
                let first = list.partition_point(|entry| entry.0 < symbol);
                for &(_, position, matched) in list[first..].iter().take_while(|entry| entry.0 == symbol) {
                    found.get_or_insert(matched);
                    self.push_way(words, base, position, level as usize, again);
                    self.prune(words, end);
                    if words.len() - end > MAX_WAYS * self.width {
                        words.truncate(end);
                        return Step::TooMany;
                    }
                }
            }
        }
        let Some(matched) = found else { return Step::Refused };
        let ways = words.len() - end;
        words.copy_within(end.., at);
        words.truncate(at + ways);
        *number = (ways / self.width) as u32;
        Step::Taken(matched)
    }

    pub(super) fn accepts(&self, number: u32, words: &[u32]) -> bool {
        words.chunks_exact(self.width).take(number as usize).any(|way| {
            self.links(way[0]).iter().any(|link| *link == Link::End && self.may_leave(way, 0, false))
        })
    }

    pub(super) fn next(&self, number: u32, words: &[u32], out: &mut Vec<Symbol>) {
        for way in words.chunks_exact(self.width).take(number as usize) {
            for link in self.links(way[0]) {
                if let Link::To { list, level, again } = *link
                    && self.may_leave(way, level, again)
                {
                    let mut entries: Vec<_> = self.lists[list as usize].iter().collect();
                    entries.sort_by_key(|(_, _, matched)| *matched);
                    out.extend(entries.into_iter().map(|(symbol, ..)| *symbol));
                }
            }
        }
    }

    fn links(&self, position: u32) -> &[Link] {
        let follow = match position {
            BEFORE => self.positions.start,
            _ => self.positions.all[position as usize].follow,
        };
        &self.positions.follows[follow as usize]
    }

    fn counters(&self, position: u32) -> &[Counter] {
        if position == BEFORE { &[] } else { &self.positions.all[position as usize].counters }
    }

    /// Whether the repetitions from `level` on have come round often enough, and with `again` the one before may go
    /// round once more.
    fn may_leave(&self, way: &[u32], level: u32, again: bool) -> bool {
        let counters = self.counters(way[0]);
        let level = level as usize;
        let left = counters.iter().zip(&way[1..]).skip(level).all(|(counter, &count)| count >= counter.min);
        left && (!again || counters[level - 1].max.is_none_or(|max| way[level] < max))
    }

    fn push_way(&self, words: &mut Vec<u32>, base: usize, position: u32, level: usize, again: bool) {
        let counters = self.counters(position);
        words.push(position);
        for slot in 0..self.width - 1 {
            let count = words[base + 1 + slot];
            words.push(match counters.get(slot) {
                None => 0,
                Some(_) if slot >= level => 1,
                // Beyond the least number an unbounded repetition need not be counted.
                Some(counter) if again && slot + 1 == level => match counter.max {
                    None => (count + 1).min(counter.min),
                    Some(_) => count + 1,
                },
                Some(_) => count,
            });
        }
    }

    /// Drops the last way if another does as well, and others if it does as well as they.
    fn prune(&self, words: &mut Vec<u32>, from: usize) {
        let last = words.len() - self.width;
        let mut at = from;
        while at < last {
            if self.does_as_well(&words[at..at + self.width], &words[last..]) {
                words.truncate(last);
                return;
            }
            at += self.width;
        }
        let newest = words.split_off(last);
        let mut keep = from;
        let mut at = from;
        while at < words.len() {
            if !self.does_as_well(&newest, &words[at..at + self.width]) {
                words.copy_within(at..at + self.width, keep);
                keep += self.width;
            }
            at += self.width;
        }
        words.truncate(keep);
        words.extend_from_slice(&newest);
    }

    /// Whether all that can come after way `b` can come after way `a`.
    fn does_as_well(&self, a: &[u32], b: &[u32]) -> bool {
        a[0] == b[0]
            && self.counters(a[0]).iter().zip(a[1..].iter().zip(&b[1..])).all(|(counter, (&a, &b))| {
                // Fewer rounds leave more room; but too few do not suffice.
                a == b || if counter.max.is_none() { a >= b } else { a <= b && a >= counter.min }
            })
    }
}
