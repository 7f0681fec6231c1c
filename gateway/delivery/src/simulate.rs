//! The pace against models of clouds, on a virtual clock: for tests and for looking at what the pace does.
//!
//! A call with n rows of b bytes together is fixed + per_row n + per_byte b seconds of work, times noise. Work is done at a
//! speed of 1 / (cost (t) slowdown (calls under way)); a call that is not done within the limit is killed, and its rows
//! come back.

mod models;
mod senders;
mod world;

pub use self::models::{Case, cases};
pub use self::senders::{Comparison, Trial, compare, run, run_fixed, run_oracle, trial};

/// A cloud.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudModel {
    /// Seconds of work of a call without rows.
    pub fixed: f64,
    /// Seconds of work per row.
    pub per_row: f64,
    /// Seconds of work per byte.
    pub per_byte: f64,
    /// By how much each further call under way slows all of them.
    pub contention: f64,
    /// Calls that are worked on at once without slowing each other beyond `contention`; 0: any number.
    pub workers: u32,
    /// Each call's work is off by up to this part, either way.
    pub noise: f64,
    /// The cost swings slowly by this part, either way.
    pub swing: f64,
    /// Period of the swing in seconds.
    pub swing_period: f64,
    /// Calls that take longer, in seconds, are killed.
    pub limit: f64,
    /// Bytes of a row, in the mean.
    pub row_bytes: u64,
    /// Runs of rows are larger or smaller by up to this part.
    pub row_spread: f64,
    /// From these times on (seconds, ascending) all costs are multiplied by these factors. In a [`Case`] the times are parts
    /// of the time that an oracle would take if there were no steps.
    pub steps: Vec<(f64, f64)>,
}

impl CloudModel {
    /// The cloud of the demonstration: limit 10 s, 0.3 s + 1 ms a row, contention, ± 20 % drift, ± 10 % noise.
    pub fn demonstration() -> Self {
        Self {
            fixed: 0.3,
            per_row: 0.001,
            per_byte: 0.0,
            contention: 0.15,
            workers: 0,
            noise: 0.1,
            swing: 0.2,
            swing_period: 60.0,
            limit: 10.0,
            row_bytes: 400,
            row_spread: 0.0,
            steps: Vec::new(),
        }
    }

    /// Seconds of work of a call.
    fn work(&self, rows: f64, bytes: f64) -> f64 {
        self.fixed + self.per_row * rows + self.per_byte * bytes
    }

    /// How much slower so many calls under way are than one.
    fn slowdown(&self, calls: u32) -> f64 {
        let beyond = if self.workers == 0 { 1.0 } else { f64::from(calls) / f64::from(self.workers) };
        (1.0 + self.contention * f64::from(calls.saturating_sub(1))) * beyond.max(1.0)
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Virtual seconds until every row was done.
    pub seconds: f64,
    /// Calls killed at the limit.
    pub hits: u64,
    /// How often calls were killed, all those counted as one that were under way when the first of them was killed: what
    /// no sender could know of.
    pub strokes: u64,
    /// Calls made.
    pub calls: u64,
    /// Longest call in seconds.
    pub longest: f64,
    /// How the pace explains itself at the end; empty for other senders.
    pub explained: String,
}

#[cfg(test)]
mod tests;
