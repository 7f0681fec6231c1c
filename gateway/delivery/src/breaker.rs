//! When an upstream is left in peace: a simple circuit breaker on a clock of the caller's.

use std::time::Duration;

use crate::backoff;
use crate::plan::RetrySpec;

/// Closed while all is well; open for a while after a failure of the upstream as a whole; then half open: one chunk
/// may try.
#[derive(Debug)]
pub(crate) struct Breaker {
    failures: u32,
    tripped_at: Duration,
    until: Duration,
    random: fastrand::Rng,
}

impl Breaker {
    /// Waits are drawn from `random`.
    pub(crate) fn new(random: fastrand::Rng) -> Self {
        Self { failures: 0, tripped_at: Duration::ZERO, until: Duration::ZERO, random }
    }

    /// A chunk opened at `opened` failed at `now` for a reason that concerns the upstream. What had been opened before
    /// the breaker last tripped is the same failure, not another one.
    pub(crate) fn failed(
        &mut self,
        opened: Duration,
        now: Duration,
        asked: Option<Duration>,
        spec: &RetrySpec,
    ) {
        if self.failures == 0 || opened >= self.tripped_at {
            self.failures = self.failures.saturating_add(1);
            self.tripped_at = now;
            self.until = self.until.max(now + backoff::wait(spec, self.failures, &mut self.random));
        }
        if let Some(wait) = asked {
            self.until = self.until.max(now + wait);
        }
    }

    /// A chunk was answered: the upstream works.
    pub(crate) fn worked(&mut self) {
        self.failures = 0;
        self.until = Duration::ZERO;
    }

    /// Until when nothing is sent, if that is in the future.
    pub(crate) fn paused_until(&self, now: Duration) -> Option<Duration> {
        (self.until > now).then_some(self.until)
    }

    /// The last chunks failed: one at a time may try.
    pub(crate) fn is_half_open(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn spec() -> RetrySpec {
        RetrySpec { initial_ms: 1_000, max_ms: 8_000, ..RetrySpec::default() }
    }

    #[test]
    fn chunks_that_were_under_way_when_it_tripped_do_not_count_again() {
        let mut breaker = Breaker::new(fastrand::Rng::with_seed(1));
        for _ in 0..50 {
            breaker.failed(SECOND, 2 * SECOND, None, &spec());
        }
        assert!(breaker.until <= 3 * SECOND, "one failure, one short wait: {breaker:?}");
        assert!(breaker.is_half_open());
        breaker.failed(4 * SECOND, 5 * SECOND, None, &spec());
        assert_eq!(breaker.failures, 2);
        breaker.worked();
        assert!(!breaker.is_half_open() && breaker.paused_until(5 * SECOND).is_none());
    }

    #[test]
    fn a_stated_wait_is_kept() {
        let mut breaker = Breaker::new(fastrand::Rng::with_seed(1));
        breaker.failed(SECOND, SECOND, Some(30 * SECOND), &spec());
        assert_eq!(breaker.paused_until(2 * SECOND), Some(31 * SECOND));
        assert_eq!(breaker.paused_until(31 * SECOND), None);
    }
}
