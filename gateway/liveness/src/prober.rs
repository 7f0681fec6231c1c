//! Active checks on their own clock.

use std::time::Duration;

use async_trait::async_trait;

use crate::board::Board;
use crate::observation::Observation;

/// An active check of one hop.
#[async_trait]
pub trait Probe: Send + Sync + 'static {
    /// The identity of the hop that it looks at, as the board knows it.
    fn hop(&self) -> &str;

    /// Looks once. The prober sets the deadline and drops the look when it has passed.
    async fn check(&self) -> Observation;
}

/// How often a probe runs and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    deadline: Duration,
}

/// Why a schedule cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The deadline is zero, or not shorter than the interval.
    #[error("a probe's deadline ({deadline:?}) must be more than zero and shorter than its interval ({interval:?})")]
    Deadline {
        /// The interval.
        interval: Duration,
        /// The deadline.
        deadline: Duration,
    },
}

impl Schedule {
    /// Every `interval`, for at most `deadline`.
    ///
    /// # Errors
    /// When the deadline is zero or not shorter than the interval.
    pub fn new(interval: Duration, deadline: Duration) -> Result<Self, ScheduleError> {
        if deadline.is_zero() || deadline >= interval {
            return Err(ScheduleError::Deadline { interval, deadline });
        }
        Ok(Self { interval, deadline })
    }
}

/// Runs probes until it is stopped or dropped.
#[derive(Debug)]
pub struct Prober {}

impl Prober {
    /// Starts a clock for each probe on the current tokio runtime.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn start(board: Board, probes: Vec<(Box<dyn Probe>, Schedule)>) -> Self {
        let _ = (board, probes);
        todo!()
    }

    /// Stops all probes, and returns when none runs any more.
    pub async fn stop(self) {
        todo!()
    }
}
