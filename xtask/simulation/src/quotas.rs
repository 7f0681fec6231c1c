//! What the cloud may be asked for in a day, and what it was asked for.

use std::time::Duration;

use crate::world::{Broken, World};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Calls that a bulk job takes at least: create, upload, close, one look, three files of results.
const CALLS_OF_A_JOB: u64 = 7;

/// What the cloud was asked for, and how many rows it was sent.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    exchanges: Vec<Exchange>,
    rows: Vec<(Duration, u64)>,
}

/// A call, or a bulk job or a look by key with all of its calls.
#[derive(Debug)]
struct Exchange {
    began: Duration,
    /// Calls that it needs, known when it begins.
    needs: u64,
    /// Calls that were made of it. As long as it is under way, nobody knows how many looks it takes.
    made: u64,
    course: Course,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    UnderWay,
    /// The gateway knows how many calls it took, since then; it has written that down, or not yet.
    Known {
        since: Duration,
        kept: bool,
    },
    /// The gateway was killed meanwhile: it cannot know of more than were needed.
    CutOff,
}

impl Exchange {
    /// Its calls after `since`, as far as they can be known.
    fn calls(&self, since: Option<Duration>) -> u64 {
        let within = |at: Duration| since.is_none_or(|since| at > since);
        let needed = match self.course {
            Course::UnderWay => self.needs,
            _ => self.made.min(self.needs),
        };
        let beyond = match self.course {
            Course::Known { since: at, .. } if within(at) => self.made.saturating_sub(self.needs),
            _ => 0,
        };
        beyond + if within(self.began) { needed } else { 0 }
    }
}

impl World {
    /// A call is made.
    pub(crate) fn count_call(&mut self, route: usize) -> Result<(), Broken> {
        self.count(route, 1).map(|exchange| {
            let known = Course::Known { since: self.now, kept: true };
            (self.asked.exchanges[exchange].made, self.asked.exchanges[exchange].course) = (1, known);
        })
    }

    /// A bulk job is begun, or asked for. Its looks beyond the first are counted when it is over, against what comes next: how
    /// many they are nobody knows beforehand, and a job that nobody looks at is of no use.
    pub(crate) fn count_job(&mut self, route: usize) -> Result<usize, Broken> {
        self.count(route, CALLS_OF_A_JOB)
    }

    /// It is asked by key what became of a chunk, in so many calls.
    pub(crate) fn count_look(&mut self, route: usize, calls: u64) -> Result<usize, Broken> {
        self.count(route, calls)
    }

    fn count(&mut self, route: usize, needs: u64) -> Result<usize, Broken> {
        let since = self.day_ago();
        if let Some(most) = self.scenario.routes[route].plan.pace.daily.calls {
            self.counted.budgeted += 1;
            // Jobs of another route have their share of it, so that this one may have less.
            let used: u64 = self.asked.exchanges.iter().map(|exchange| exchange.calls(since)).sum();
            if used > 0 && used + needs > most {
                return Err(format!(
                    "{used} calls were made within 24 hours where {most} may be, and {needs} are to come"
                ));
            }
        }
        let exchange = Exchange { began: self.now, needs, made: 0, course: Course::UnderWay };
        self.asked.exchanges.push(exchange);
        Ok(self.asked.exchanges.len() - 1)
    }

    /// A call of a job, or of a look, is made.
    pub(crate) fn count_call_of(&mut self, exchange: usize) {
        if let Some(exchange) = self.asked.exchanges.get_mut(exchange) {
            exchange.made += 1;
        }
    }

    /// A job, or a look, is over: the gateway is told how many calls it took.
    pub(crate) fn exchange_is_over(&mut self, exchange: usize) {
        let now = self.now;
        if let Some(exchange) = self.asked.exchanges.get_mut(exchange) {
            exchange.course = Course::Known { since: now, kept: exchange.made <= exchange.needs };
        }
    }

    /// What the gateway knows of calls is in the ledger.
    pub(crate) fn calls_are_kept(&mut self) {
        for exchange in &mut self.asked.exchanges {
            if let Course::Known { kept, .. } = &mut exchange.course {
                *kept = true;
            }
        }
    }

    /// The gateway is killed: what it has not written down it does not know any more.
    pub(crate) fn calls_are_forgotten(&mut self) {
        for exchange in &mut self.asked.exchanges {
            if !matches!(exchange.course, Course::Known { kept: true, .. }) {
                exchange.course = Course::CutOff;
            }
        }
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
