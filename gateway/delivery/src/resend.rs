//! What is remembered of a batch beyond the ledger, to send its records again wisely. Lost at a restart, and then
//! found out again; tries that are proven to have been in vain are read from the ledger.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use sekisho_journal::{Code, RangeSet};

/// Most runs of suspects before those that are done with are dropped.
const MOST_SUSPECTS: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Resend {
    /// Runs of records that were refused together: first to (end, largest chunk).
    suspects: BTreeMap<u64, (u64, u64)>,
    /// How often a record was refused for the moment.
    refusals: HashMap<u64, u32>,
    /// Of records that were taken in part: the rows that no try has taken.
    lacking: HashMap<u64, Vec<u32>>,
    /// Records refused for the moment, and until when they wait.
    waiting: RangeSet,
    waiting_until: Duration,
    doubts: HashMap<u64, Doubt>,
    /// Records in doubt that were tried as often as may be, and why that was in vain: their neighbours go on without them.
    spent: BTreeMap<u64, Code>,
    /// Of tries before this process is known what has to be.
    pub(crate) tries_are_known: bool,
    /// Pending records that were sent as often as may be and had no effect, and as what they are held for an operator.
    withheld: BTreeMap<u64, Code>,
}

/// A chunk in doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Failures since it came to be in doubt.
    pub(crate) failures: u32,
    /// The record that ran into the time limit alone, and how often.
    pub(crate) alone: (u64, u32),
    pub(crate) not_before: Duration,
    /// Most records in the next try.
    pub(crate) size: Option<u64>,
    /// The upstream no longer knows the handle: asking by it is of no use.
    pub(crate) forgotten: bool,
    /// Every try was answered: what no answer says was taken was not.
    pub(crate) answered: bool,
    /// The upstream was at work when it said which rows were there: by `not_before` none that is not there will come.
    pub(crate) heard: bool,
    /// Questions by key that were answered, and of no use.
    pub(crate) useless: u32,
    /// When it was asked by key for the first time here, and for how long earlier processes had asked before that.
    pub(crate) asked_since: Option<(Duration, Duration)>,
    /// By `not_before` nothing that was sent can be at work any more.
    pub(crate) rests: bool,
    /// Of the doubt that began then (unix milliseconds): until when nothing is decided about it.
    pub(crate) window: Option<(u64, Duration)>,
    /// It is over, and the upstream was asked once more, or cannot be.
    pub(crate) waited: bool,
}

impl Resend {
    /// The records of `range` were refused together: from now on they go in halves.
    pub(crate) fn split(&mut self, range: Range<u64>, pending: &RangeSet) {
        let size = (range.end - range.start).div_ceil(2);
        let touched: Vec<(u64, (u64, u64))> = self
            .suspects
            .range(..range.end)
            .filter(|(_, (end, _))| *end > range.start)
            .map(|(start, suspect)| (*start, *suspect))
            .collect();
        for (start, (end, its_size)) in touched {
            self.suspects.remove(&start);
            if start < range.start {
                self.suspects.insert(start, (range.start, its_size));
            }
            if end > range.end {
                self.suspects.insert(range.end, (end, its_size));
            }
        }
        self.suspects.insert(range.start, (range.end, size));
        if self.suspects.len() > MOST_SUSPECTS {
            self.suspects.retain(|start, (end, _)| range.contains(start) || pending.touches(&(*start..*end)));
        }
    }

    /// The next pending records that may go in one chunk, and most of them at once if they are suspects.
    pub(crate) fn window(&self, pending: &RangeSet, now: Duration) -> Option<(Range<u64>, Option<u64>)> {
        let waits = now < self.waiting_until;
        for run in pending.runs() {
            let mut start = run.start;
            while start < run.end {
                let mut end = run.end;
                if waits && let Some(waiting) = self.waiting.run_from(start) {
                    if waiting.start <= start {
                        start = waiting.end;
                        continue;
                    }
                    end = end.min(waiting.start);
                }
                if let Some((_, (suspect_end, size))) = self.suspects.range(..=start).next_back()
                    && *suspect_end > start
                {
                    return Some((start..end.min(*suspect_end), Some(*size)));
                }
                if let Some((suspect, _)) = self.suspects.range(start + 1..).next() {
                    end = end.min(*suspect);
                }
                return Some((start..end, None));
            }
        }
        None
    }

    /// When waiting records may go, if some wait.
    pub(crate) fn waits_until(&self, now: Duration) -> Option<Duration> {
        (now < self.waiting_until && !self.waiting.is_empty()).then_some(self.waiting_until)
    }

    /// Whether a record that was refused for the moment may be tried again; counts the refusal.
    pub(crate) fn may_retry(&mut self, position: u64, most: u32) -> bool {
        let refusals = self.refusals.entry(position).or_default();
        *refusals += 1;
        *refusals < most
    }

    /// An earlier process has sent these records in vain.
    pub(crate) fn tried_before(&mut self, positions: impl Iterator<Item = u64>) {
        positions.for_each(|position| *self.refusals.entry(position).or_default() += 1);
    }

    /// How often the record was refused for the moment.
    pub(crate) fn refusals(&self, position: u64) -> u32 {
        self.refusals.get(&position).copied().unwrap_or(0)
    }

    /// The rows of a record that no try has taken, where the last one has not taken these.
    pub(crate) fn lacking(&self, position: u64, mut not_taken: Vec<u32>) -> Vec<u32> {
        if let Some(before) = self.lacking.get(&position) {
            not_taken.retain(|row| before.contains(row));
        }
        not_taken
    }

    /// A record was taken in part, and is to be sent again: these rows of it no try has taken.
    pub(crate) fn taken_in_part(&mut self, position: u64, lacking: Vec<u32>) {
        self.lacking.insert(position, lacking);
    }

    /// Of these records, only those are to be sent again.
    pub(crate) fn settled_records(&mut self, records: &Range<u64>, again: impl Fn(u64) -> bool) {
        self.lacking.retain(|position, _| !records.contains(position) || again(*position));
    }

    /// These records wait until then.
    pub(crate) fn delay(&mut self, positions: impl Iterator<Item = u64>, now: Duration, until: Duration) {
        if now >= self.waiting_until {
            self.waiting = RangeSet::new();
        }
        for position in positions {
            self.waiting.insert(position..position + 1);
        }
        self.waiting_until = self.waiting_until.max(until);
    }

    /// What is remembered of a chunk in doubt.
    pub(crate) fn doubt(&mut self, chunk: u64) -> &mut Doubt {
        self.doubts.entry(chunk).or_default()
    }

    /// Until when nothing is decided about a chunk that has been in doubt since `doubted_at` (unix milliseconds, as `wall`). What
    /// the ledger says is reckoned with once; from then on the monotonic clock counts.
    pub(crate) fn waits_for_window(
        &mut self,
        chunk: u64,
        doubted_at: u64,
        window: Duration,
        now: Duration,
        wall: u64,
    ) -> Duration {
        let doubt = self.doubt(chunk);
        if let Some((since, until)) = doubt.window
            && since == doubted_at
        {
            return until;
        }
        // A clock that was set back may not make it longer than it is. Both are cut off to milliseconds, so that less may be gone.
        let gone = Duration::from_millis(wall.saturating_sub(doubted_at).saturating_sub(1));
        let until = now + window.saturating_sub(gone);
        (doubt.window, doubt.waited) = (Some((doubted_at, until)), false);
        until
    }

    /// A record in doubt was tried as often as may be.
    pub(crate) fn spend(&mut self, position: u64, code: Code) {
        self.spent.insert(position, code);
    }

    /// Those of a chunk's open records that may still be tried.
    pub(crate) fn unspent(&self, live: &RangeSet) -> RangeSet {
        let mut left = live.clone();
        for position in self.spent.keys() {
            left.remove(*position..position + 1);
        }
        left
    }

    /// An operator has ordered that these records be tried again.
    pub(crate) fn ordered(&mut self, records: Range<u64>) {
        self.spent.retain(|position, _| !records.contains(position));
    }

    /// Why the first of these records that was tried as often as may be was not taken.
    pub(crate) fn spent_by(&self, records: Range<u64>) -> Option<&Code> {
        self.spent.range(records).next().map(|(_, code)| code)
    }

    /// A pending record is not to be sent again.
    pub(crate) fn withhold(&mut self, position: u64, code: Code) {
        self.withheld.insert(position, code);
    }

    /// The first of the pending records that is not to be sent again.
    pub(crate) fn withheld(&self, pending: &RangeSet) -> Option<(u64, Code)> {
        let first = self.withheld.iter().find(|(position, _)| pending.contains(**position));
        first.map(|(position, code)| (*position, code.clone()))
    }

    /// An operator decides about the record, and may order that it be sent.
    pub(crate) fn given_up(&mut self, position: u64) {
        self.withheld.remove(&position);
        self.refusals.remove(&position);
    }

    /// The chunk has its outcome.
    pub(crate) fn settled(&mut self, chunk: u64) {
        self.doubts.remove(&chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(10);

    #[test]
    fn records_refused_together_are_halved_until_the_culprit_stands_alone() {
        let bad = 37;
        let mut pending = RangeSet::from(0..100);
        let mut resend = Resend::default();
        let (mut calls, mut rejected, mut delivered) = (0, Vec::new(), RangeSet::new());
        while let Some((window, size)) = resend.window(&pending, NOW) {
            let end = window.end.min(window.start + size.unwrap_or(100));
            let chunk = window.start..end;
            calls += 1;
            if !chunk.contains(&bad) {
                pending.remove(chunk.clone());
                delivered.insert(chunk);
            } else if end - window.start == 1 {
                pending.remove(chunk.clone());
                rejected.push(chunk.start);
            } else {
                resend.split(chunk, &pending);
            }
            assert!(calls < 40, "bounded: {resend:?}");
        }
        assert_eq!(rejected, [bad]);
        assert_eq!(delivered.len(), 99);
        assert!(calls <= 2 * 7 + 1, "about two calls a halving: {calls}");
    }

    #[test]
    fn waiting_records_let_others_pass() {
        let pending = RangeSet::from(0..10);
        let mut resend = Resend::default();
        resend.delay([0, 1, 5].into_iter(), NOW, 2 * NOW);
        assert_eq!(resend.window(&pending, NOW), Some((2..5, None)));
        assert_eq!(resend.waits_until(NOW), Some(2 * NOW));
        assert_eq!(resend.window(&pending, 2 * NOW), Some((0..10, None)));
        assert_eq!(resend.waits_until(2 * NOW), None);
    }

    #[test]
    fn a_window_is_reckoned_from_the_ledgers_time_once_and_then_by_the_monotonic_clock() {
        let window = Duration::from_secs(100);
        let mut resend = Resend::default();
        // An earlier process has left it in doubt 30 seconds ago.
        let left = Duration::from_millis(70_001);
        assert_eq!(resend.waits_for_window(1, 50_000, window, NOW, 80_000), NOW + left);
        // The wall clock is set, whichever way: that changes nothing.
        for wall in [0, 10_000_000] {
            assert_eq!(resend.waits_for_window(1, 50_000, window, 2 * NOW, wall), NOW + left);
        }
        // Before the doubt, as the ledger has it: all of the window, and not more.
        assert_eq!(resend.waits_for_window(2, 50_000, window, NOW, 20_000), NOW + window);
        assert_eq!(resend.waits_for_window(3, 50_000, window, NOW, 500_000), NOW);
        // Sent again, and in doubt again.
        resend.doubt(1).waited = true;
        assert_eq!(resend.waits_for_window(1, 90_000, window, 3 * NOW, 90_000), 3 * NOW + window);
        assert!(!resend.doubt(1).waited);
    }

    #[test]
    fn retries_of_a_record_are_counted() {
        let mut resend = Resend::default();
        assert!(resend.may_retry(7, 3) && resend.may_retry(7, 3) && !resend.may_retry(7, 3));
        assert!(resend.may_retry(8, 3));
        assert_eq!((resend.refusals(7), resend.refusals(9)), (3, 0));
    }
}
