//! Active checks on their own clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::board::Board;
use crate::hop::ErrorClass;
use crate::observation::Observation;

/// An active check of one hop.
#[async_trait]
pub trait Probe: Send + Sync + 'static {
    /// The identity of the hop that it looks at, as the board knows it.
    fn hop(&self) -> &str;

    /// Looks once. The prober sets the deadline, and drops the look when it has passed; so a look must wait by `await`, and
    /// must not have effects that a second look would do again.
    async fn check(&self) -> Observation;
}

/// How often a probe runs and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    deadline: Duration,
}

/// Why a schedule cannot be kept. The fault is the configuration's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The deadline is zero, or not shorter than the interval.
    #[error(
        "a probe's deadline ({deadline:?}) must be more than zero and shorter than its interval ({interval:?})"
    )]
    Deadline {
        /// The interval.
        interval: Duration,
        /// The deadline.
        deadline: Duration,
    },
}

impl ScheduleError {
    /// A stable code for the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deadline { .. } => "probe-deadline",
        }
    }
}

impl Schedule {
    /// Every `interval`, for at most `deadline`.
    ///
    /// # Errors
    /// When the deadline is zero or not shorter than the interval: the fact that a look brings would be too old before the
    /// next one could replace it.
    pub fn new(interval: Duration, deadline: Duration) -> Result<Self, ScheduleError> {
        if deadline.is_zero() || deadline >= interval {
            return Err(ScheduleError::Deadline { interval, deadline });
        }
        Ok(Self { interval, deadline })
    }

    /// Every `interval`, for at most half of it and at most 10 s.
    ///
    /// # Errors
    /// When the interval is zero.
    pub fn every(interval: Duration) -> Result<Self, ScheduleError> {
        Self::new(interval, (interval / 2).min(Duration::from_secs(10)))
    }

    /// The interval.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The deadline.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The time from the beginning of one look to that of the next: a tenth shorter than the interval at most and never
    /// longer, so that many probes do not fall into step and no fact gets older than the interval and one deadline.
    fn period(&self) -> Duration {
        self.interval.mul_f64(0.9 + 0.1 * fastrand::f64())
    }
}

/// As soon as the way to a hop is open again it is looked at, but not sooner after the last look than this part of its interval: a
/// line that comes and goes is no reason to log in all the time.
const EARLY: u32 = 10;

/// Runs probes, each on a clock of its own, until it is stopped or dropped.
///
/// A hop whose way has opened again is looked at before its time, at most ten times as often as usual.
///
/// A probe never runs twice at once: one that does not end when it is dropped is not begun again, and its hop turns to
/// unknown by itself. One that panics costs its own look only.
#[derive(Debug)]
pub struct Prober {
    stop: watch::Sender<bool>,
    clocks: JoinSet<()>,
}

impl Prober {
    /// Starts a clock for each probe on the current tokio runtime. First looks begin at once, spread over a tenth of their
    /// interval.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn start(board: Board, probes: Vec<(Box<dyn Probe>, Schedule)>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut clocks = JoinSet::new();
        for (probe, schedule) in probes {
            clocks.spawn(run(board.clone(), Arc::from(probe), schedule, stopped.clone()));
        }
        Self { stop, clocks }
    }

    /// Stops all probes: looks under way are dropped and say nothing, and no other begins.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.clocks.join_next().await.is_some() {}
    }
}

async fn run(board: Board, probe: Arc<dyn Probe>, schedule: Schedule, mut stopped: watch::Receiver<bool>) {
    let mut next = Instant::now() + schedule.interval.mul_f64(0.1 * fastrand::f64());
    let mut openings = board.openings();
    let mut last = None;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = sleep_until(next) => {}
            Ok(()) = openings.changed() => {
                if let Some(last) = last && board.wants_look(probe.hop()) {
                    next = next.min(last + schedule.interval / EARLY);
                }
                continue;
            }
        }
        let begun = Instant::now();
        last = Some(begun);
        next = begun + schedule.period();
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = look(&board, &probe, schedule, begun) => {}
        }
    }
}

/// One look, in a task of its own that a panic ends and that is dropped with this future.
async fn look(board: &Board, probe: &Arc<dyn Probe>, schedule: Schedule, begun: Instant) {
    let mut task = JoinSet::new();
    let began = board.now();
    let looking = Arc::clone(probe);
    task.spawn(async move { looking.check().await });
    match timeout_at(begun + schedule.deadline, task.join_next()).await {
        Ok(result) => {
            let mut observation =
                result.map_or_else(Observation::unknown, |result| seen(probe.hop(), result));
            observation.began = observation.began.or(Some(began));
            observation.latency = observation.latency.or_else(|| Some(begun.elapsed()));
            board.report(probe.hop(), observation);
        }
        Err(_) => {
            let deadline = schedule.deadline;
            let late = Observation::down(ErrorClass::Timeout).took(deadline).text(
                format!("no answer within {} ms", deadline.as_millis()),
                format!("{} ミリ秒以内に応答がありません", deadline.as_millis()),
            );
            board.report(probe.hop(), late);
            // Not begun again before it has ended.
            task.shutdown().await;
        }
    }
}

fn seen(hop: &str, result: Result<Observation, JoinError>) -> Observation {
    result.unwrap_or_else(|_| {
        tracing::error!(hop, "a probe panicked; its hop will turn to unknown");
        Observation::unknown()
    })
}

#[cfg(test)]
mod tests;
