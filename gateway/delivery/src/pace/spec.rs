//! Bounds and aims.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bounds and aims of a pace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PaceSpec {
    /// The upstream's processing-time limit for one request, in milliseconds.
    pub limit_ms: u64,
    /// How long beyond the limit the gateway waits for the upstream's own answer, in milliseconds. Then the outcome is
    /// unknown.
    pub grace_ms: u64,
    /// The part of the limit that chunks are sized for, 0.05 to 0.9.
    pub target: f64,
    /// Most rows of a chunk before anything was seen; the first one has half of them. Never more than a quarter of
    /// `max_rows`.
    pub start_rows: u64,
    /// Most rows in a chunk.
    pub max_rows: u64,
    /// Most bytes in a chunk (of its request's body).
    pub max_bytes: u64,
    /// Most chunks under way.
    pub max_in_flight: u32,
    /// A call that takes longer than this, in milliseconds, is a slow one.
    pub slow_ms: u64,
    /// Most slow calls under way; while there are so many, chunks are sized to be none. Bulk jobs are no slow calls.
    pub max_slow_in_flight: u32,
    /// What the upstream may be asked for within 24 hours.
    pub daily: DailySpec,
    /// Rows of every chunk, whatever is observed, and `max_in_flight` of them at once. For measuring only.
    pub fixed_rows: Option<u64>,
}

/// What an upstream may be asked for within any 24 hours, over restarts, by all routes that lead to it. What is used up is
/// waited for, until a time that status and metrics state. A route's own numbers bound that route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DailySpec {
    /// Most calls. Chunks then are as large as the target allows.
    pub calls: Option<u64>,
    /// Most rows sent.
    pub rows: Option<u64>,
    /// Most batches that bulk jobs are cut into at the upstream, 10,000 rows each.
    pub batches: Option<u64>,
    /// Calls are spread evenly over the day, where `calls` is set; else they are made as soon as they can be.
    pub spread: bool,
}

impl Default for PaceSpec {
    fn default() -> Self {
        Self {
            limit_ms: 600_000,
            grace_ms: 5_000,
            target: 0.5,
            start_rows: 200,
            max_rows: 10_000,
            max_bytes: 32 * 1024 * 1024,
            max_in_flight: 8,
            slow_ms: 20_000,
            max_slow_in_flight: 20,
            daily: DailySpec::default(),
            fixed_rows: None,
        }
    }
}

impl PaceSpec {
    /// Rows of a chunk before anything was seen.
    pub(crate) fn start(&self) -> f64 {
        self.start_rows.min(self.max_rows.div_ceil(4)).max(1) as f64
    }

    /// The limit.
    pub fn limit(&self) -> Duration {
        Duration::from_millis(self.limit_ms)
    }

    /// How long an answer is waited for.
    pub fn deadline(&self) -> Duration {
        self.limit() + Duration::from_millis(self.grace_ms)
    }

    /// The time that chunks are sized for.
    pub fn target_time(&self) -> Duration {
        self.limit().mul_f64(self.target.clamp(0.0, 1.0))
    }

    /// What is wrong with it, if anything: the key and the reason.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.limit_ms == 0 {
            Some(("pace.limit_ms", "must be at least 1"))
        } else if !(0.05..=0.9).contains(&self.target) {
            Some(("pace.target", "must be between 0.05 and 0.9"))
        } else if [self.daily.calls, self.daily.rows, self.daily.batches].contains(&Some(0)) {
            Some(("pace.daily", "calls, rows and batches must be at least 1"))
        } else if self.slow_ms == 0 || self.max_slow_in_flight == 0 {
            Some(("pace.slow_ms", "slow_ms and max_slow_in_flight must be at least 1"))
        } else if self.start_rows == 0
            || self.max_rows == 0
            || self.max_bytes == 0
            || self.max_in_flight == 0
            || self.fixed_rows == Some(0)
        {
            Some(("pace", "start_rows, max_rows, max_bytes, max_in_flight and fixed_rows must be at least 1"))
        } else {
            None
        }
    }
}
