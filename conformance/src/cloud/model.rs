//! The model of time: what a call costs, and when it is stopped.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use super::locked;
use super::options::ModelOptions;

/// The longest time between two looks at how many others are at work.
const STEP: Duration = Duration::from_millis(20);

/// Costs, their drift, and the number of calls at work.
pub(super) struct Model {
    options: Mutex<ModelOptions>,
    chance: Mutex<Rng>,
    started: Instant,
    phase: f64,
    at_work: AtomicUsize,
    peak: AtomicUsize,
}

/// How a call's work ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ended {
    /// All of it is done.
    Done,
    /// Stopped at the limit with this part of the work done, 0 to 1.
    Killed(f64),
}

impl Model {
    pub(super) fn new(options: ModelOptions, seed: u64) -> Self {
        let mut chance = Rng::with_seed(seed);
        let phase = chance.f64() * std::f64::consts::TAU;
        Model {
            options: Mutex::new(options),
            chance: Mutex::new(chance),
            started: Instant::now(),
            phase,
            at_work: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }

    pub(super) fn options(&self) -> ModelOptions {
        locked(&self.options).clone()
    }

    pub(super) fn set(&self, options: ModelOptions) {
        *locked(&self.options) = options;
    }

    /// Calls at work now, and the most there have been at once.
    pub(super) fn in_flight(&self) -> (usize, usize) {
        (self.at_work.load(Ordering::Relaxed), self.peak.load(Ordering::Relaxed))
    }

    /// Seconds of work that a call of so many rows and bytes has, before drift and contention.
    pub(super) fn cost(&self, rows: usize, bytes: usize) -> f64 {
        let options = locked(&self.options);
        options.fixed.as_secs_f64()
            + options.per_row.as_secs_f64() * rows as f64
            + options.per_kib.as_secs_f64() * (bytes as f64 / 1024.0)
    }

    /// Works for `seconds` of undisturbed time, which began at `began`, or until `limit` has passed since.
    pub(super) async fn work(&self, seconds: f64, began: Instant, limit: Duration) -> Ended {
        let _counted = AtWork::enter(self);
        let noise = locked(&self.chance).f64() * 2.0 - 1.0;
        let mut left = seconds;
        let mut last = began;
        loop {
            let options = self.options();
            let others = self.at_work.load(Ordering::Relaxed).saturating_sub(1);
            let slow = (1.0 + self.drift(&options, noise)) * (1.0 + options.contention * others as f64);
            let now = Instant::now();
            left -= (now - last).as_secs_f64() / slow;
            last = now;
            // What comes in one step after the limit is over it: the limit is looked at first.
            if now - began >= limit {
                let done = if seconds > 0.0 { 1.0 - left.max(0.0) / seconds } else { 1.0 };
                return Ended::Killed(done.clamp(0.0, 1.0));
            }
            // Less than the clock can tell is nothing.
            if left <= 1e-9 {
                return Ended::Done;
            }
            let next = STEP.min(Duration::from_secs_f64(left * slow)).min(limit - (now - began));
            sleep(next).await;
        }
    }

    /// The drift now: mostly a slow wave, with some noise of the call's own.
    fn drift(&self, options: &ModelOptions, noise: f64) -> f64 {
        let period = options.drift_period.as_secs_f64().max(0.001);
        let turn = self.started.elapsed().as_secs_f64() / period * std::f64::consts::TAU + self.phase;
        options.drift * (0.7 * turn.sin() + 0.3 * noise)
    }
}

/// Counts a call as at work for as long as it lives.
struct AtWork<'m>(&'m Model);

impl<'m> AtWork<'m> {
    fn enter(model: &'m Model) -> Self {
        let now = model.at_work.fetch_add(1, Ordering::Relaxed) + 1;
        model.peak.fetch_max(now, Ordering::Relaxed);
        AtWork(model)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn model(contention: f64) -> Model {
        let options = ModelOptions { contention, drift: 0.0, ..ModelOptions::default() };
        Model::new(options, 1)
    }

    async fn timed(model: &Model, seconds: f64, limit: Duration) -> (Ended, f64) {
        let began = Instant::now();
        let ended = model.work(seconds, began, limit).await;
        (ended, began.elapsed().as_secs_f64())
    }

    #[tokio::test(start_paused = true)]
    async fn calls_at_work_together_slow_each_other_down() {
        let model = model(1.0);
        let (ended, alone) = timed(&model, 3.0, HOUR).await;
        assert!(ended == Ended::Done && (alone - 3.0).abs() < 0.1, "{alone}");
        let (one, other) = tokio::join!(timed(&model, 3.0, HOUR), timed(&model, 3.0, HOUR));
        for (ended, took) in [one, other] {
            assert!(ended == Ended::Done && (took - 6.0).abs() < 0.1, "two at once: {took}");
        }
        assert_eq!(model.in_flight(), (0, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_stopped_at_the_limit_with_what_it_has_done() {
        let (ended, took) = timed(&model(0.0), 10.0, Duration::from_secs(4)).await;
        assert!((took - 4.0).abs() < 0.1, "{took}");
        assert!(matches!(ended, Ended::Killed(done) if (done - 0.4).abs() < 0.01), "{ended:?}");
    }
}
