//! When something is tried again: exponential backoff with full jitter, and a budget.

use std::time::Duration;

use crate::plan::RetrySpec;

/// Repetitions that are always allowed in a row.
const BURST: f64 = 10.0;

/// How long to wait before repetition number `failures` (from 1): drawn evenly between nothing and the exponential
/// bound, so that many chunks that failed together do not come back together.
pub(crate) fn wait(spec: &RetrySpec, failures: u32, random: &mut fastrand::Rng) -> Duration {
    let doubled =
        spec.initial().saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(spec.max()).mul_f64(random.f64())
}

/// A share of repetitions among new chunks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    tokens: f64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { tokens: BURST }
    }

    /// A new chunk was sent.
    pub(crate) fn earn(&mut self, spec: &RetrySpec) {
        self.tokens = (self.tokens + spec.budget).min(BURST);
    }

    /// A repetition was answered: the upstream works, so that it cost nothing.
    pub(crate) fn refund(&mut self) {
        self.tokens = (self.tokens + 1.0).min(BURST);
    }

    /// Whether a repetition is within the budget; if so it is spent.
    pub(crate) fn spend(&mut self) -> bool {
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_below_the_exponential_bound_and_the_longest_wait() {
        let spec = RetrySpec { initial_ms: 100, max_ms: 1_000, ..RetrySpec::default() };
        let mut random = fastrand::Rng::with_seed(7);
        for (failures, bound) in
            [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (40, 1_000), (4_000, 1_000)]
        {
            let drawn: Vec<Duration> = (0..200).map(|_| wait(&spec, failures, &mut random)).collect();
            assert!(drawn.iter().all(|wait| *wait <= Duration::from_millis(bound)), "{failures}");
            let longest = drawn.iter().max().copied().unwrap_or_default();
            assert!(longest > Duration::from_millis(bound * 8 / 10), "{failures}: the whole range is used");
        }
    }

    #[test]
    fn repetitions_beyond_the_burst_come_with_new_chunks_only() {
        let spec = RetrySpec { budget: 0.5, ..RetrySpec::default() };
        let mut budget = Budget::new();
        assert_eq!((0..20).filter(|_| budget.spend()).count(), 10);
        budget.earn(&spec);
        assert!(!budget.spend());
        budget.earn(&spec);
        assert!(budget.spend());
        budget.refund();
        assert!(budget.spend() && !budget.spend());
    }
}
