//! What the cloud may be asked for in a day, and what it was asked for.

use std::time::Duration;

use crate::world::{Broken, World};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// When the cloud was called, and how many rows it was sent.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    calls: Vec<Duration>,
    rows: Vec<(Duration, u64)>,
}

impl World {
    /// A call is made. Calls of jobs are not counted here: how often a job is looked at nobody knows beforehand.
    pub(crate) fn count_call(&mut self, route: usize) -> Result<(), Broken> {
        self.asked.calls.push(self.now);
        let Some(most) = self.scenario.routes[route].plan.pace.daily.calls else { return Ok(()) };
        self.counted.budgeted += 1;
        let since = self.day_ago();
        let made =
            self.asked.calls.iter().rev().take_while(|at| Some(**at) > since || since.is_none()).count();
        // Jobs of another route have their share of it, so that this one may have less.
        if made as u64 > most {
            return Err(format!("{made} calls within 24 hours where {most} may be made"));
        }
        Ok(())
    }

    /// Rows are sent.
    pub(crate) fn count_rows(&mut self, route: usize, rows: u64) -> Result<(), Broken> {
        self.asked.rows.push((self.now, rows));
        let Some(most) = self.scenario.routes[route].plan.pace.daily.rows else { return Ok(()) };
        self.counted.budgeted += 1;
        let since = self.day_ago();
        let late = self.asked.rows.iter().rev().take_while(|(at, _)| Some(*at) > since || since.is_none());
        let sent: u64 = late.map(|(_, rows)| rows).sum();
        // A record that alone has more rows than a day has goes alone.
        if sent > most && sent > rows {
            return Err(format!("{sent} rows within 24 hours where {most} may be sent"));
        }
        Ok(())
    }

    /// A day ago, less by what the clock was set: the gateway counts by the wall clock. None: before the beginning.
    fn day_ago(&self) -> Option<Duration> {
        let set: i64 = self.scenario.jumps.iter().map(|(_, by)| by.abs()).sum();
        self.now.checked_sub(DAY - Duration::from_millis(set.unsigned_abs()))
    }
}
