//! How many requests a client may send in a second: each has a rate of its own, so that nobody pays for another's flood.
//!
//! The generic cell rate algorithm (ITU-T I.371): one instant for each client says when it would be on time again. A few
//! lines, and no store of its own: clients come from the configuration.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many requests a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRate {
    /// In a second, as a mean. At least 1.
    pub per_second: u32,
    /// At once, after it was quiet. At least 1.
    pub at_once: u32,
}

impl Default for RequestRate {
    fn default() -> Self {
        Self { per_second: 500, at_once: 1_000 }
    }
}

impl RequestRate {
    /// From one request to the next.
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }

    /// How far ahead of its time a client may be.
    fn ahead(self) -> Duration {
        self.interval() * self.at_once.max(1).saturating_sub(1)
    }

    /// When the next request is due after one at `now`; how long that one comes too early where it does.
    fn pass(self, due: Instant, now: Instant) -> Result<Instant, Duration> {
        let early = due.saturating_duration_since(now);
        match early.checked_sub(self.ahead()) {
            Some(too_early) if !too_early.is_zero() => Err(too_early),
            _ => Ok(due.max(now) + self.interval()),
        }
    }
}

/// When the next request of each client is due.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// By name: clients come from the configuration, so there are few.
    due: Mutex<HashMap<String, Instant>>,
    /// What was logged of those that were refused.
    logged: Mutex<HashMap<String, Logged>>,
}

/// What was logged of a client's refusals.
#[derive(Debug)]
struct Logged {
    last: Instant,
    /// Refusals since then.
    unlogged: u64,
}

/// From one refusal of a client that is logged to the next: a flood fills no log. The exchange log has each of them.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

impl Rates {
    /// Counts a request of a client; how long it should have waited where it is one too many, and is not counted.
    pub(crate) fn pass(&self, client: &str, rate: RequestRate, now: Instant) -> Result<(), Duration> {
        let mut clients = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        match clients.get_mut(client) {
            Some(due) => *due = rate.pass(*due, now)?,
            None => {
                clients.insert(client.to_owned(), now + rate.interval());
            }
        }
        Ok(())
    }

    /// Whether a client's refusal is to be logged; if so, how many before it were not.
    pub(crate) fn logs(&self, client: &str, now: Instant) -> Option<u64> {
        let mut clients = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(logged) = clients.get_mut(client) else {
            clients.insert(client.to_owned(), Logged { last: now, unlogged: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(logged.last) < BETWEEN_LINES {
            logged.unlogged += 1;
            return None;
        }
        Some(std::mem::replace(logged, Logged { last: now, unlogged: 0 }).unlogged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: RequestRate = RequestRate { per_second: 10, at_once: 3 };
    const INTERVAL: Duration = Duration::from_millis(100);

    #[test]
    fn a_client_has_its_burst_and_then_its_rate() {
        let (rates, start) = (Rates::default(), Instant::now());
        for _ in 0..3 {
            assert_eq!(rates.pass("city", RATE, start), Ok(()));
        }
        assert_eq!(rates.pass("city", RATE, start), Err(INTERVAL));
        // Others have theirs.
        assert_eq!(rates.pass("town", RATE, start), Ok(()));
        // Who is told to wait so long, and does, is on time; one that was refused has cost nothing.
        assert_eq!(rates.pass("city", RATE, start + INTERVAL), Ok(()));
        assert_eq!(rates.pass("city", RATE, start + INTERVAL), Err(INTERVAL));
        // Quiet for long, it has its burst again, and no more.
        let later = start + Duration::from_secs(3_600);
        let passed = (0..10).filter(|_| rates.pass("city", RATE, later).is_ok()).count();
        assert_eq!(passed, 3);
    }

    #[test]
    fn a_rate_that_a_reload_changes_holds_from_the_next_request_on() {
        let (rates, start) = (Rates::default(), Instant::now());
        (0..3).for_each(|_| rates.pass("city", RATE, start).unwrap());
        let faster = RequestRate { per_second: 1_000, at_once: 1_000 };
        assert_eq!(rates.pass("city", faster, start), Ok(()));
    }

    #[test]
    fn a_flood_fills_no_log() {
        let (rates, start) = (Rates::default(), Instant::now());
        let at = |millis| rates.logs("city", start + Duration::from_millis(millis));
        assert_eq!([0, 1, 999].map(at), [Some(0), None, None]);
        assert_eq!(rates.logs("town", start), Some(0), "of its own");
        assert_eq!([1_000, 1_001, 5_000, 6_000].map(at), [Some(2), None, Some(1), Some(0)]);
    }

    proptest! {
        /// In any stretch of time no more requests pass than its length at the rate, and the burst; and who keeps to the
        /// rate is never refused.
        #[test]
        fn no_more_pass_than_the_rate_and_the_burst(
            per_second in 1..2_000_u32,
            at_once in 1..50_u32,
            gaps in prop::collection::vec(0..2_000_000_u64, 1..200),
        ) {
            let (rate, start) = (RequestRate { per_second, at_once }, Instant::now());
            let rates = Rates::default();
            let mut now = start;
            let mut passed = Vec::new();
            for gap in gaps {
                now += Duration::from_micros(gap);
                if rates.pass("city", rate, now).is_ok() {
                    passed.push(now);
                }
            }
            for (n, from) in passed.iter().enumerate() {
                let in_it = (passed.len() - n) as u64;
                let stretch = (*passed.last().unwrap_or(from) - *from).as_nanos() as u64;
                let most = stretch / rate.interval().as_nanos() as u64 + u64::from(at_once) + 1;
                prop_assert!(in_it <= most, "{in_it} in {stretch} ns");
            }
            let mut on_time = now + rate.interval() * (at_once + 1);
            for _ in 0..100 {
                prop_assert!(rates.pass("city", rate, on_time).is_ok());
                on_time += rate.interval();
            }
        }
    }
}
