//! Counts of what was asked and done, and the log of the last calls.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::locked;

/// Calls that the log remembers.
const LOG: usize = 100_000;
const DAY: Duration = Duration::from_secs(86_400);

/// One call of a service, as the log has it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct CallRecord {
    pub(super) number: u64,
    pub(super) dialect: &'static str,
    /// Step of a dialect with several (`bulk2`), or the operation.
    pub(super) step: &'static str,
    pub(super) object: String,
    pub(super) rows: u64,
    pub(super) written: u64,
    pub(super) rejected: u64,
    pub(super) status: u16,
    pub(super) outcome: &'static str,
    /// From the last byte of the request to the answer.
    pub(super) seconds: f64,
    /// Work by the model, undisturbed.
    pub(super) work_seconds: f64,
    pub(super) bytes: u64,
    /// Calls at work when this one began to work.
    pub(super) in_flight: usize,
}

/// Sums over all calls since the start or the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Sums {
    pub(super) calls: u64,
    pub(super) calls_by_dialect: BTreeMap<&'static str, u64>,
    pub(super) rows_received: u64,
    pub(super) rows_written: u64,
    pub(super) rows_rejected: u64,
    pub(super) time_limit_hits: u64,
    pub(super) quota_refusals: u64,
    pub(super) logins: u64,
    pub(super) session_refusals: u64,
    pub(super) resets: u64,
    pub(super) bytes_received: u64,
    pub(super) slowest_call_seconds: f64,
}

/// The log and the sums.
#[derive(Default)]
pub(super) struct Calls {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sums: Sums,
    log: VecDeque<CallRecord>,
    last: u64,
}

impl Calls {
    /// Adds a call that has ended.
    pub(super) fn add(&self, mut record: CallRecord) {
        let mut inner = locked(&self.inner);
        let Inner { sums, log, last } = &mut *inner;
        *last += 1;
        record.number = *last;
        sums.calls += 1;
        *sums.calls_by_dialect.entry(record.dialect).or_default() += 1;
        sums.rows_received += record.rows;
        sums.rows_written += record.written;
        sums.rows_rejected += record.rejected;
        sums.bytes_received += record.bytes;
        sums.time_limit_hits += u64::from(record.outcome == "killed");
        sums.quota_refusals += u64::from(record.outcome == "quota");
        sums.session_refusals += u64::from(record.outcome == "session");
        sums.resets += u64::from(matches!(record.outcome, "reset-before" | "reset-after"));
        sums.slowest_call_seconds = sums.slowest_call_seconds.max(record.seconds);
        if log.len() == LOG {
            log.pop_front();
        }
        log.push_back(record);
    }

    /// Rows that a bulk job wrote and refused between calls, and the batches of it that were stopped at their limit.
    pub(super) fn add_job(&self, written: u64, rejected: u64, kills: u64) {
        let mut inner = locked(&self.inner);
        inner.sums.rows_written += written;
        inner.sums.rows_rejected += rejected;
        inner.sums.time_limit_hits += kills;
    }

    pub(super) fn logged_in(&self) {
        locked(&self.inner).sums.logins += 1;
    }

    pub(super) fn sums(&self) -> Sums {
        locked(&self.inner).sums.clone()
    }

    /// Calls with numbers above `after`, oldest first.
    pub(super) fn after(&self, after: u64) -> Vec<CallRecord> {
        locked(&self.inner).log.iter().filter(|call| call.number > after).cloned().collect()
    }

    pub(super) fn clear(&self) {
        let mut inner = locked(&self.inner);
        inner.sums = Sums::default();
        inner.log.clear();
    }
}

/// API calls of the day. A day begins at the start, at `new-day`, and 24 hours after it began.
pub(super) struct Quota {
    day: Mutex<(Instant, u64)>,
}

impl Default for Quota {
    fn default() -> Self {
        Quota { day: Mutex::new((Instant::now(), 0)) }
    }
}

impl Quota {
    /// Counts one call.
    ///
    /// # Errors
    /// The day's `total` calls were used up before; seconds until the next day.
    pub(super) fn take(&self, total: u64) -> Result<(), u64> {
        let mut day = locked(&self.day);
        if day.0.elapsed() >= DAY {
            *day = (Instant::now(), 0);
        }
        if total > 0 && day.1 >= total {
            return Err((DAY - day.0.elapsed()).as_secs().max(1));
        }
        day.1 += 1;
        Ok(())
    }

    pub(super) fn used(&self) -> u64 {
        locked(&self.day).1
    }

    /// Seconds until the next day.
    pub(super) fn left(&self) -> u64 {
        DAY.saturating_sub(locked(&self.day).0.elapsed()).as_secs().max(1)
    }

    pub(super) fn new_day(&self) {
        *locked(&self.day) = (Instant::now(), 0);
    }
}
