//! What an upstream may be asked for within 24 hours: calls, rows, batches. Pure; times are unix milliseconds, since it has
//! to hold over restarts.
//!
//! What was spent is counted in quarters of an hour; each counts until 24 hours after its end. So no 24 hours, and no
//! calendar day, have more than the budget, whatever the upstream counts by.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pace::DailySpec;
use crate::signals::Signals;

/// Milliseconds of what is counted together.
const QUARTER: u64 = 15 * 60 * 1_000;

/// Milliseconds of 24 hours.
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// The upstream says that its calls are used up, and not until when: it is asked again after so many milliseconds.
const ASK_AGAIN: u64 = QUARTER;

/// What was asked of an upstream, and what it said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quota {
    spent: BTreeMap<u64, Spent>,
    /// When the last call was.
    last: u64,
    /// Calls left until then, as the upstream said.
    window: Option<(u64, u64)>,
    /// Calls of the day left at that time, as the upstream said.
    usage: Option<(u64, u64)>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spent {
    pub(crate) calls: u64,
    pub(crate) rows: u64,
    pub(crate) batches: u64,
}

/// Why nothing is sent, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// Unix milliseconds.
    pub(crate) until: u64,
    /// Of what there is no more.
    pub(crate) of: Budget,
}

/// Of what there is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    /// So many calls were made of as many.
    Calls(u64),
    Rows(u64),
    Batches(u64),
    /// They are spread over the day.
    Spread(u64),
    /// The upstream says so.
    Told,
}

impl Quota {
    /// As an earlier process left it ([`Quota::remember`]); text that is no memory is ignored.
    pub(crate) fn recall(memory: &str) -> Self {
        let spent: BTreeMap<u64, Spent> = serde_json::from_str(memory).unwrap_or_default();
        Self { spent, ..Self::default() }
    }

    /// What is to be kept over a restart, as JSON.
    pub(crate) fn remember(&self) -> Option<String> {
        serde_json::to_string(&self.spent).ok()
    }

    /// This is asked of the upstream now.
    pub(crate) fn spend(&mut self, now: u64, what: Spent) {
        // Beyond a day either way it does not count: the past is over, and the clock has been set back.
        self.spent.retain(|quarter, _| {
            let at = quarter * QUARTER;
            at + QUARTER + DAY > now && at < now + DAY
        });
        let entry = self.spent.entry(now / QUARTER).or_default();
        entry.calls = entry.calls.saturating_add(what.calls);
        entry.rows = entry.rows.saturating_add(what.rows);
        entry.batches = entry.batches.saturating_add(what.batches);
        self.last = now;
        for (left, _) in [&mut self.window, &mut self.usage].into_iter().flatten() {
            *left = left.saturating_sub(what.calls);
        }
    }

    /// So many calls were made beside those that were counted beforehand.
    pub(crate) fn also(&mut self, now: u64, calls: u64) {
        let last = self.last;
        self.spend(now, Spent { calls, ..Spent::default() });
        self.last = last;
    }

    /// An answer has said this.
    pub(crate) fn told(&mut self, now: u64, signals: Signals) {
        if let Some(window) = signals.window {
            self.window = Some((window.left, now.saturating_add(window.seconds * 1_000)));
        }
        if let Some(usage) = signals.usage {
            self.usage = Some((usage.total.saturating_sub(usage.used), now));
        }
    }

    /// Until when what takes so many calls and rows may not be sent, and why; the latest of all reasons.
    pub(crate) fn wait(&self, spec: &DailySpec, calls: u64, rows: u64, now: u64) -> Option<Wait> {
        let of = |most: Option<u64>, needed: u64, part: fn(&Spent) -> u64, budget: fn(u64) -> Budget| {
            let most = most?;
            // More than the whole budget is never free: then all of it has to be.
            let least = most.saturating_sub(needed - 1).max(1);
            Some(Wait { until: self.below(least, part, now)?, of: budget(most) })
        };
        let spread = || {
            let calls = spec.calls.filter(|_| spec.spread)?;
            let until = self.last.min(now) + DAY.div_ceil(calls.max(1));
            (self.last > 0).then_some(Wait { until, of: Budget::Spread(calls) })
        };
        let told = |until: u64| Wait { until, of: Budget::Told };
        let window = self.window.filter(|(left, _)| *left == 0).map(|(_, until)| told(until));
        let usage = self.usage.filter(|(left, _)| *left == 0).map(|(_, at)| told(at.min(now) + ASK_AGAIN));
        let reasons = [
            of(spec.calls, calls.max(1), |spent| spent.calls, Budget::Calls),
            of(spec.rows, rows.max(1), |spent| spent.rows, Budget::Rows),
            of(spec.batches, 1, |spent| spent.batches, Budget::Batches),
            spread(),
            window,
            usage,
        ];
        reasons.into_iter().flatten().filter(|wait| wait.until > now).max_by_key(|wait| wait.until)
    }

    /// Rows that may still be sent now.
    pub(crate) fn rows_left(&self, spec: &DailySpec, now: u64) -> u64 {
        let used = self.used(now).rows;
        spec.rows.map_or(u64::MAX, |most| most.saturating_sub(used))
    }

    /// What was spent within 24 hours.
    pub(crate) fn used(&self, now: u64) -> Spent {
        self.counted(now).fold(Spent::default(), |sum, (_, spent)| Spent {
            calls: sum.calls.saturating_add(spent.calls),
            rows: sum.rows.saturating_add(spent.rows),
            batches: sum.batches.saturating_add(spent.batches),
        })
    }

    fn counted(&self, now: u64) -> impl Iterator<Item = (u64, &Spent)> {
        let ended = self.spent.iter().map(|(quarter, spent)| ((quarter + 1).saturating_mul(QUARTER), spent));
        ended
            .filter(move |(end, _)| end.saturating_add(DAY) > now && *end < now.saturating_add(DAY + QUARTER))
    }

    /// When less than `most` of it is counted; `None` if that is so now.
    fn below(&self, most: u64, part: fn(&Spent) -> u64, now: u64) -> Option<u64> {
        let mut used: u64 = self.counted(now).map(|(_, spent)| part(spent)).fold(0, u64::saturating_add);
        if used < most {
            return None;
        }
        let mut until = now;
        for (end, spent) in self.counted(now) {
            used = used.saturating_sub(part(spent));
            until = end + DAY;
            if used < most {
                break;
            }
        }
        Some(until)
    }
}

impl Wait {
    /// In one line, for operators: "waits 3 h 12 min: 1,000 of 1,000 calls of 24 hours are used".
    pub(crate) fn explain(&self, now: u64) -> String {
        let minutes = Duration::from_millis(self.until.saturating_sub(now)).as_secs().div_ceil(60);
        let long = match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes} min"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        };
        let why = match self.of {
            Budget::Calls(most) => format!("{most} calls of 24 hours are used"),
            Budget::Rows(most) => format!("{most} rows of 24 hours are sent"),
            Budget::Batches(most) => format!("{most} batches of 24 hours are used"),
            Budget::Spread(calls) => format!("{calls} calls are spread over 24 hours"),
            Budget::Told => "the upstream says that its calls are used up".to_owned(),
        };
        format!("waits {long}: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{Usage, Window};

    /// Some day at noon.
    const NOON: u64 = 20_000 * DAY + DAY / 2;
    const HOUR: u64 = 4 * QUARTER;

    fn calls(most: u64) -> DailySpec {
        DailySpec { calls: Some(most), ..DailySpec::default() }
    }

    fn call(rows: u64) -> Spent {
        Spent { calls: 1, rows, batches: 0 }
    }

    #[test]
    fn no_24_hours_have_more_calls_than_the_budget() {
        let (mut quota, spec) = (Quota::default(), calls(100));
        let (mut now, mut made) = (NOON, Vec::new());
        while made.len() < 1_000 {
            match quota.wait(&spec, 1, 1, now) {
                Some(wait) => {
                    assert!(wait.until > now && wait.until <= now + DAY + QUARTER);
                    now = wait.until;
                }
                None => {
                    quota.spend(now, call(1));
                    made.push(now);
                    now += 61_000;
                }
            }
        }
        for (place, at) in made.iter().enumerate() {
            let within = made[place..].iter().take_while(|later| **later < at + DAY).count();
            assert!(within <= 100, "{within} within 24 hours of {at}");
        }
        // And the budget is used: ten times 100 take nine days and a little.
        assert!(now - NOON < 10 * DAY + 10 * QUARTER + 100 * 61_000);
    }

    #[test]
    fn what_was_spent_is_known_after_a_restart() {
        let (mut quota, spec) = (Quota::default(), calls(3));
        for minute in 0..3 {
            quota.spend(NOON + minute * 60_000, call(500));
        }
        let wait = quota.wait(&spec, 1, 1, NOON + HOUR);
        let recalled = Quota::recall(&quota.remember().expect("a memory"));
        assert_eq!(recalled.wait(&spec, 1, 1, NOON + HOUR), wait);
        assert_eq!(wait, Some(Wait { until: NOON + QUARTER + DAY, of: Budget::Calls(3) }));
        assert_eq!(recalled.used(NOON + HOUR), Spent { calls: 3, rows: 1_500, batches: 0 });
        assert_eq!(
            wait.map(|wait| wait.explain(NOON + HOUR)).as_deref(),
            Some("waits 23 h 15 min: 3 calls of 24 hours are used")
        );
        for nonsense in ["", "{}", "[1]", "{\"x\":1}"] {
            assert_eq!(Quota::recall(nonsense).wait(&spec, 1, 1, NOON), None);
        }
    }

    #[test]
    fn what_takes_several_calls_waits_until_there_is_room_for_all_of_them() {
        let (mut quota, spec) = (Quota::default(), calls(10));
        quota.spend(NOON, Spent { calls: 5, ..Spent::default() });
        assert_eq!(quota.wait(&spec, 5, 1, NOON), None);
        assert!(quota.wait(&spec, 6, 1, NOON).is_some());
        quota.also(NOON, 4);
        assert_eq!(quota.wait(&spec, 1, 1, NOON), None);
        assert!(quota.wait(&spec, 2, 1, NOON).is_some());
        // More than the budget itself: when none of it is used.
        assert_eq!(Quota::default().wait(&spec, 50, 1, NOON), None);
    }

    #[test]
    fn rows_and_batches_have_budgets_of_their_own() {
        let spec = DailySpec { rows: Some(1_000), batches: Some(2), ..DailySpec::default() };
        let mut quota = Quota::default();
        quota.spend(NOON, Spent { calls: 1, rows: 700, batches: 1 });
        assert_eq!(quota.rows_left(&spec, NOON), 300);
        assert_eq!(quota.wait(&spec, 1, 300, NOON), None);
        assert!(matches!(quota.wait(&spec, 1, 301, NOON), Some(Wait { of: Budget::Rows(1_000), .. })));
        // More than the budget itself: when none of it is used.
        assert_eq!(Quota::default().wait(&spec, 1, 5_000, NOON), None);
        quota.spend(NOON, Spent { calls: 1, rows: 10, batches: 1 });
        assert!(matches!(quota.wait(&spec, 1, 1, NOON), Some(Wait { of: Budget::Batches(2), .. })));
    }

    #[test]
    fn calls_may_be_spread_over_the_day() {
        let spec = DailySpec { spread: true, ..calls(24) };
        let mut quota = Quota::default();
        assert_eq!(quota.wait(&spec, 1, 1, NOON), None);
        quota.spend(NOON, call(1));
        assert_eq!(
            quota.wait(&spec, 1, 1, NOON + 1),
            Some(Wait { until: NOON + HOUR, of: Budget::Spread(24) })
        );
        assert_eq!(quota.wait(&spec, 1, 1, NOON + HOUR), None);
    }

    #[test]
    fn what_the_upstream_says_is_waited_for() {
        let (mut quota, spec) = (Quota::default(), DailySpec::default());
        quota.told(NOON, Signals { window: Some(Window { left: 2, seconds: 30 }), usage: None });
        quota.spend(NOON, call(1));
        assert_eq!(quota.wait(&spec, 1, 1, NOON), None);
        quota.spend(NOON, call(1));
        assert_eq!(quota.wait(&spec, 1, 1, NOON).map(|wait| wait.until), Some(NOON + 30_000));
        assert_eq!(quota.wait(&spec, 1, 1, NOON + 30_000), None);
        quota.told(NOON, Signals { window: None, usage: Some(Usage { used: 4_999, total: 5_000 }) });
        assert_eq!(quota.wait(&spec, 1, 1, NOON + 30_000), None);
        quota.spend(NOON + 30_000, call(1));
        let wait = quota.wait(&spec, 1, 1, NOON + 30_000).expect("used up");
        assert!(wait.until > NOON + 30_000 && wait.until <= NOON + 30_000 + ASK_AGAIN);
    }

    #[test]
    fn a_clock_that_jumps_neither_frees_the_budget_nor_stops_for_ever() {
        let (mut quota, spec) = (Quota::default(), calls(1));
        quota.spend(NOON, call(1));
        // Back by some hours: it still counts.
        assert!(quota.wait(&spec, 1, 1, NOON - 5 * HOUR).is_some());
        // Back by a year: what lies a year ahead counts for nothing.
        assert_eq!(quota.wait(&spec, 1, 1, NOON - 365 * DAY), None);
        // Forward by a year: it is over.
        assert_eq!(quota.wait(&spec, 1, 1, NOON + 365 * DAY), None);
    }
}
