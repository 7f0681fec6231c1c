//! How many rows the next chunk has, and how many chunks are under way.
use crate::plan::PlanError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds and aims of a pace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PaceSpec {
    /// The upstream's processing-time limit for one request, in milliseconds.
    pub limit_ms: u64,
    /// The part of the limit that chunks are sized for.
    pub target: f64,
    /// Rows of the first chunk.
    pub start_rows: u64,
    /// Most rows in a chunk.
    pub max_rows: u64,
    /// Most bytes in a chunk (of its request's body).
    pub max_bytes: u64,
    /// Most chunks under way.
    pub max_in_flight: u32,
    /// Rows of every chunk, whatever is observed, `max_in_flight` of them at once. For measuring only.
    pub fixed_rows: Option<u64>,
}

impl Default for PaceSpec {
    fn default() -> Self {
        Self {
            limit_ms: 600_000,
            target: 0.5,
            start_rows: 50,
            max_rows: 10_000,
            max_bytes: 32 * 1024 * 1024,
            max_in_flight: 8,
            fixed_rows: None,
        }
    }
}

impl PaceSpec {
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let wrong = |key, reason: &str| Err(PlanError::Setting { key, reason: reason.to_owned() });
        if self.limit_ms == 0 {
            return wrong("pace.limit_ms", "must be at least 1");
        }
        if !(0.05..=0.9).contains(&self.target) {
            return wrong("pace.target", "must be between 0.05 and 0.9");
        }
        if self.start_rows == 0 || self.max_rows == 0 || self.max_bytes == 0 || self.max_in_flight == 0 {
            return wrong("pace", "start_rows, max_rows, max_bytes and max_in_flight must be at least 1");
        }
        if self.fixed_rows == Some(0) {
            return wrong("pace.fixed_rows", "must be at least 1");
        }
        Ok(())
    }

    /// The limit.
    pub fn limit(&self) -> Duration {
        Duration::from_millis(self.limit_ms)
    }
}

/// The controller.
pub struct Pace;
