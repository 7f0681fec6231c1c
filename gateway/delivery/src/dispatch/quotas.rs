//! What the upstream may be asked for in a day: counted, waited for, kept.

use std::time::Duration;

#[cfg(feature = "planted")]
use sekisho_journal::planted::{Bug, is as is_planted};

use super::close::Kind;
use super::{Command, Dispatcher, LEDGER_WAIT, Moment, Question, TaskId, Turn};
use crate::encode::Measured;
use crate::pace::{DailySpec, Pace};
use crate::plan::CompiledPlan;
use crate::quota::{Spent, Wait};
use crate::signals::Signals;

/// Calls that a bulk job takes at least: create, upload, close, one look, three files of results.
const CALLS_OF_A_JOB: u64 = 7;

/// Rows of the batches that the upstream cuts a bulk job into.
const ROWS_OF_A_BATCH: u64 = 10_000;

impl Dispatcher {
    /// What the exchanges of a chunk came to: so many calls, and what their answers say of the upstream's own counts.
    pub fn heard(&mut self, now: Moment, task: TaskId, calls: u64, signals: Signals) {
        let Some(quota) = &mut self.quota else { return };
        let task = self.tasks.get(&task);
        let batch = task.and_then(|task| self.batches.get(&task.turn));
        let of_a_job = batch.is_some_and(|batch| batch.plan.dialect.bulk2().is_some());
        let counted = if of_a_job { CALLS_OF_A_JOB } else { task.map_or(1, |task| task.calls) };
        quota.also(now.wall, calls.saturating_sub(counted));
        quota.told(now.wall, signals);
        if calls > counted {
            let keep = self.keep_quota();
            self.ready.extend(keep);
        }
    }

    /// A line for each route, and until when it waits because a budget is used up.
    pub(crate) fn waits(&self, now: Moment) -> impl Iterator<Item = (&str, &Pace, Option<Wait>)> {
        self.routes.paces().map(move |(route, pace)| (route, pace, self.wait(&pace.spec().daily, 1, 1, now)))
    }

    /// What was asked of the upstream within 24 hours.
    pub(crate) fn used(&self, now: Moment) -> Spent {
        self.quota.as_ref().map(|quota| quota.used(now.wall)).unwrap_or_default()
    }

    /// Until when nothing may be sent of the batch.
    pub(super) fn quota_used_up_until(&self, turn: Turn, now: Moment) -> Option<Duration> {
        self.no_room_until(turn, 1, now)
    }

    /// Until when a chunk of the batch with so many rows may not be sent. A record goes whole, so that it may have more rows
    /// than are left.
    pub(super) fn no_room_until(&self, turn: Turn, rows: u64, now: Moment) -> Option<Duration> {
        #[cfg(feature = "planted")]
        let rows = if is_planted(Bug::RowsNotCounted) { 1 } else { rows };
        let plan = &self.batches.get(&turn)?.plan;
        let wait = self.wait(&plan.plan.pace.daily, calls_of(plan), rows, now)?;
        Some(now.clock + Duration::from_millis(wait.until.saturating_sub(now.wall)))
    }

    /// Until when it may not be asked what became of a chunk.
    pub(super) fn no_room_to_ask(
        &self,
        turn: Turn,
        measured: &Measured,
        question: &Question,
        now: Moment,
    ) -> Option<Duration> {
        let plan = &self.batches.get(&turn)?.plan;
        let calls = calls_for(plan, measured, Some(question));
        let wait = self.wait(&plan.plan.pace.daily, calls, 1, now)?;
        Some(now.clock + Duration::from_millis(wait.until.saturating_sub(now.wall)))
    }

    /// Until when nothing may be sent at all.
    pub(super) fn quotas_used_up_until(&self, now: Moment) -> Option<Duration> {
        let each: Option<Vec<Duration>> =
            self.batches.keys().map(|turn| self.quota_used_up_until(*turn, now)).collect();
        each?.into_iter().min()
    }

    /// Rows of the batch's route that may still be sent now.
    pub(super) fn rows_left(&self, turn: Turn, now: Moment) -> u64 {
        let daily = self.batches.get(&turn).map(|batch| batch.plan.plan.pace.daily);
        let left = |daily| Some(self.quota.as_ref()?.rows_left(&daily, now.wall));
        daily.and_then(left).unwrap_or(u64::MAX)
    }

    /// A chunk is sent, or asked for: counted before it is, and kept where budgets have to hold over a restart.
    pub(super) fn spend(
        &mut self,
        plan: &CompiledPlan,
        measured: &Measured,
        kind: Kind,
        calls: u64,
        now: Moment,
    ) -> Option<Command> {
        let bulk = plan.dialect.bulk2().is_some();
        let (rows, batches) = match kind {
            Kind::Ask => (0, 0),
            Kind::New | Kind::Repeat if bulk => (measured.rows, measured.rows.div_ceil(ROWS_OF_A_BATCH)),
            Kind::New | Kind::Repeat => (measured.rows, 0),
        };
        self.quota.as_mut()?.spend(now.wall, Spent { calls, rows, batches });
        Some(Command::Count { name: self.quota_name(), memory: self.counted()? })
    }

    /// What was to be sent next could not be counted, and so is not sent.
    pub(super) fn not_counted(&mut self, now: Moment) {
        let Some(Command::Send(sending)) = self.ready.pop_front() else { return };
        self.not_sent(now, sending.task, "ledger-storage", LEDGER_WAIT);
    }

    /// What was asked of the upstream is kept, where that is needed.
    pub(super) fn keep_quota(&self) -> Option<Command> {
        Some(Command::Keep { name: self.quota_name(), memory: self.counted()? })
    }

    fn counted(&self) -> Option<String> {
        #[cfg(feature = "planted")]
        if is_planted(Bug::QuotaForgotten) {
            return None;
        }
        self.quota.as_ref().filter(|_| self.counts)?.remember()
    }

    /// The name under which it is kept; no route has one like it.
    pub(super) fn quota_name(&self) -> String {
        format!("{}#quota", self.name)
    }

    fn wait(&self, daily: &DailySpec, calls: u64, rows: u64, now: Moment) -> Option<Wait> {
        self.quota.as_ref()?.wait(daily, calls, rows, now.wall)
    }
}

/// Calls that sending a chunk, or asking for it, takes at least.
pub(super) fn calls_for(plan: &CompiledPlan, measured: &Measured, ask: Option<&Question>) -> u64 {
    match (ask, plan.dialect.finder()) {
        (Some(Question::Keys), Some(finder)) => measured.rows.div_ceil(finder.most_keys()).max(1),
        _ => calls_of(plan),
    }
}

/// Calls that sending one chunk takes at least.
fn calls_of(plan: &CompiledPlan) -> u64 {
    #[cfg(feature = "planted")]
    if is_planted(Bug::JobTakenForOneCall) {
        return 1;
    }
    if plan.dialect.bulk2().is_some() { CALLS_OF_A_JOB } else { 1 }
}
