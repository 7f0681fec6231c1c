//! Closing: what a chunk's end means for its records, the pace and the breaker.

use std::time::Duration;

use sekisho_journal::{Code, Event, Exception, Outcome, RangeSet};
use sekisho_liveness::ErrorClass;

use super::{Dispatcher, Moment, Report, Task, TaskId};
use crate::backoff;
use crate::chunk::End;
use crate::dialect::{RowProblem, Verdict};
use crate::encode::Measured;
use crate::outcome::{IN_PART, MISSING, exceptions};
use crate::pace;
use crate::plan::RetrySpec;

/// How often an upstream is asked for the outcome of records that its answers leave out.
pub(super) const MOST_QUESTIONS: u32 = 3;

/// A record of a chunk in doubt whose turn to be sent again has not come.
const NOT_YET: &str = "not-repeated-yet";

/// Why a chunk is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// For the first time.
    New,
    /// Again, after its outcome was unknown.
    Repeat,
    /// Not sent: the upstream is asked what became of it.
    Ask,
}

/// What the end means for the records.
pub(super) enum Meaning {
    /// Rows have outcomes.
    Rows(Vec<RowProblem>),
    /// The records are refused for good: one alone, or what may not be split.
    Refused(String),
    /// Nothing was done; `split`: the records go in halves from now on.
    NotDone { code: String, split: bool },
    /// Nobody can know.
    Unknown { code: String, time_limit: bool, answered: bool },
}

impl Meaning {
    /// In a word, for those who count.
    fn word(&self) -> &'static str {
        match self {
            Meaning::Rows(problems) if problems.is_empty() => "taken",
            Meaning::Rows(_) => "taken-in-part",
            Meaning::Refused(_) => "refused",
            Meaning::NotDone { .. } => "not-done",
            Meaning::Unknown { time_limit: true, .. } => "time-limit",
            Meaning::Unknown { .. } => "unknown",
        }
    }
}

impl Dispatcher {
    /// A chunk that was sent or asked for has come back.
    pub fn ended(&mut self, now: Moment, task: TaskId, end: &End) {
        let Some(task) = self.tasks.remove(&task) else { return };
        #[cfg(feature = "planted")]
        let end = &planted_end(end);
        let Some(batch) = self.batches.get(&task.turn) else { return };
        let route = batch.plan.plan.route.clone();
        let retry = batch.plan.plan.retry;
        let bulk = batch.plan.dialect.bulk2().is_some();
        let proven = self.routes.get(&route).is_some_and(|route| route.proven);
        let (heard, end) = match end {
            End::BrokeOff { heard, why } => (Some(heard.as_slice()), &**why),
            end => (None, end),
        };
        let meaning = match task.by_keys {
            true => self.meaning_of_keys(now.clock, &task, end, &retry),
            false => self.meaning(now.clock, &task, end, proven, &retry),
        };
        self.tell_pace(now.clock, &task, end, &meaning, &route);
        let took = now.clock.saturating_sub(task.opened);
        self.reports.push(Report::ChunkEnded { route: route.clone(), end: meaning.word(), took });
        let keep = self.routes.ended(&self.name, &route);
        self.ready.extend(keep);
        let events = match task.by_keys {
            true => self.told_by_keys(now.clock, &task, meaning, heard, &route),
            false => self.events(now.clock, &task, meaning, &route),
        };
        if !events.is_empty() {
            self.outcomes.push_back((task.turn, events));
        }
        // A job's handle went into the ledger without the copy here.
        self.refresh |= bulk;
    }

    /// A chunk whose sending broke off without an end: in doubt, unless it was before.
    pub fn broke_off(&mut self, now: Moment, task: TaskId) {
        self.came_to_nothing(now, task, "task-broken");
    }

    pub(super) fn came_to_nothing(&mut self, now: Moment, task: TaskId, code: &str) {
        let Some(Task { turn, chunk, ticket, .. }) = self.tasks.remove(&task) else { return };
        let route = self.route_of(turn);
        if let (Some(route), Some(ticket)) = (self.routes.get(&route), ticket) {
            route.pace.finished(now.clock, ticket, pace::End::Other);
        }
        let state = self.batches.get(&turn).and_then(|batch| batch.state.chunk(chunk));
        if state.is_some_and(|chunk| chunk.state().is_in_flight()) {
            self.outcomes.push_back((turn, vec![Event::ChunkInDoubt { chunk, code: Code::new(code) }]));
        }
    }

    /// A chunk that was about to be sent is not: what it was before, it is again, and is looked at later.
    pub(super) fn not_sent(&mut self, now: Moment, task: TaskId, code: &str, wait: Duration) {
        let Some(Task { turn, chunk, kind, ticket, .. }) = self.tasks.remove(&task) else { return };
        let route = self.route_of(turn);
        if let (Some(route), Some(ticket)) = (self.routes.get(&route), ticket) {
            route.pace.finished(now.clock, ticket, pace::End::Other);
        }
        if let Some(batch) = self.batches.get_mut(&turn).filter(|_| kind != Kind::New) {
            batch.resend.doubt(chunk).not_before = now.clock + wait;
        }
        let code = Code::new(code);
        match kind {
            Kind::New => self.outcomes.push_back((turn, vec![Event::ChunkReturned { chunk, code }])),
            Kind::Repeat => self.outcomes.push_back((turn, vec![Event::ChunkInDoubt { chunk, code }])),
            // It was in doubt, and is.
            Kind::Ask => {}
        }
    }

    /// What the end means; tells the breaker.
    fn meaning(&mut self, now: Duration, task: &Task, end: &End, proven: bool, retry: &RetrySpec) -> Meaning {
        let alone = task.whole || task.measured.records.end - task.measured.records.start == 1;
        let mut failed = |wait| self.breaker.failed(task.opened, now, wait, retry);
        match end {
            End::Answered(Verdict::Rows(problems)) => {
                self.breaker.worked();
                Meaning::Rows(problems.clone())
            }
            End::Answered(Verdict::Data { code, certain }) if *certain || proven => {
                self.breaker.worked();
                if alone {
                    Meaning::Refused(code.clone())
                } else {
                    Meaning::NotDone { code: code.clone(), split: true }
                }
            }
            End::Answered(Verdict::TooLarge(code)) => {
                self.breaker.worked();
                if alone {
                    Meaning::Refused(code.clone())
                } else {
                    Meaning::NotDone { code: code.clone(), split: true }
                }
            }
            End::Answered(Verdict::Data { code, .. } | Verdict::Misuse(code) | Verdict::Session(code)) => {
                failed(Some(retry.max()));
                Meaning::NotDone { code: code.clone(), split: false }
            }
            End::Answered(Verdict::Later { code, wait, quota }) => {
                failed(wait.or(quota.then(|| retry.max())));
                Meaning::NotDone { code: code.clone(), split: false }
            }
            End::NotSent { code, class } => {
                failed((*class == ErrorClass::Authentication).then(|| retry.max() / 4));
                Meaning::NotDone { code: code.clone(), split: false }
            }
            End::Answered(Verdict::TimeLimit(code)) | End::Lost { code, timeout: true } => {
                let answered = matches!(end, End::Answered(_));
                Meaning::Unknown { code: code.clone(), time_limit: true, answered }
            }
            End::Answered(Verdict::Unknown(code)) | End::Lost { code, timeout: false } => {
                failed(None);
                let answered = matches!(end, End::Answered(_));
                Meaning::Unknown { code: code.clone(), time_limit: false, answered }
            }
            // Questions by key alone break off.
            End::BrokeOff { why, .. } => self.meaning(now, task, why, proven, retry),
        }
    }

    fn tell_pace(&mut self, now: Duration, task: &Task, end: &End, meaning: &Meaning, route: &str) {
        let Some(route) = self.routes.get(route) else { return };
        let end = match meaning {
            Meaning::Rows(_) => pace::End::Done,
            Meaning::Unknown { time_limit: true, .. } => pace::End::TimeLimit,
            _ if matches!(end, End::Answered(Verdict::TooLarge(_))) => pace::End::TooLarge,
            _ if matches!(end, End::Answered(Verdict::Later { quota: true, .. })) => pace::End::TooMany,
            _ => pace::End::Other,
        };
        // One row taken shows that the calls are right.
        if let Meaning::Rows(problems) = meaning {
            route.proven |= (problems.len() as u64) < task.measured.rows;
        }
        if let Some(ticket) = task.ticket {
            route.pace.finished(now, ticket, end);
        }
    }

    /// What to write down, and what to remember for sending again.
    fn events(&mut self, now: Duration, task: &Task, meaning: Meaning, route: &str) -> Vec<Event> {
        let number = task.chunk;
        let Some(batch) = self.batches.get_mut(&task.turn) else { return Vec::new() };
        let plan = &batch.plan.plan;
        let Some(chunk) = batch.state.chunk(number) else { return Vec::new() };
        let (live, doubted, chunk_attempt) = (chunk.live().clone(), chunk.doubted(), chunk.attempt());
        let may_repeat = plan.idempotent && !plan.no_split;
        #[cfg(feature = "planted")]
        let chunk_attempt =
            if is_planted(sekisho_journal::planted::Bug::OneJobSpeaksForAll) { 1 } else { chunk_attempt };
        let resend = &mut batch.resend;
        let answered = |exceptions: Vec<Exception>| {
            vec![Event::ChunkAnswered { chunk: number, exceptions, rows: task.measured.rows }]
        };
        match meaning {
            Meaning::Rows(problems) => {
                if task.kind == Kind::Repeat {
                    self.budget.refund();
                }
                let most = plan.retry.record_attempts;
                // The job that was given them, and no other, says itself what it did.
                let told = task.kind == Kind::Ask && chunk_attempt == 1;
                let unproven = doubted && !told && !resend.doubt(number).answered;
                let mut found =
                    exceptions(&problems, &task.measured, plan.idempotent, unproven, resend, most);
                let in_part = |exception: &Exception| exception.code.as_str() == IN_PART;
                resend.settled_records(&task.measured.records, |position| {
                    found.binary_search_by_key(&position, |exception| exception.position).is_ok()
                });
                let returned: Vec<u64> = found
                    .iter()
                    .filter(|exception| exception.outcome == Outcome::Returned || in_part(exception))
                    .map(|exception| exception.position)
                    .collect();
                if let Some(most) = returned.iter().map(|position| resend.refusals(*position)).max() {
                    let wait = backoff::wait(&plan.retry, most.max(1), &mut self.random);
                    resend.delay(returned.into_iter(), now, now + wait);
                }
                found.retain(|exception| live.contains(exception.position));
                let open = not_in(&live, &task.measured);
                let all = merged(found, open);
                let in_doubt = |exception: &Exception| {
                    exception.outcome == Outcome::InDoubt
                        || (doubted && exception.outcome == Outcome::Returned)
                };
                let proven = told && all.iter().all(|exception| exception.outcome != Outcome::InDoubt);
                // Tried as often as may be, and never proven.
                let is_spent = |exception: &Exception| {
                    exception.outcome == Outcome::InDoubt
                        && ![MISSING, NOT_YET, IN_PART].contains(&exception.code.as_str())
                };
                let spent = all.iter().find(|exception| is_spent(exception));
                let silent = all.iter().any(|exception| exception.code.as_str() == MISSING);
                resend.doubt(number).answered = !unproven && !silent;
                // The job has said what it did to them; only another try can do the rest.
                resend.doubt(number).forgotten |= !silent && all.iter().any(in_part);
                let mut events = answered(all.clone());
                if let Some(left) =
                    all.iter().find(|one| in_doubt(one)).filter(|_| task.kind == Kind::Ask && !proven)
                {
                    events.push(Event::DoubtAsked { chunk: number, code: left.code.clone() });
                }
                // What may not be repeated waits for the route's window first.
                let waits = !may_repeat && plan.doubt_window_seconds > 0;
                for one in all.iter().filter(|one| is_spent(one)) {
                    resend.spend(one.position, one.code.clone());
                }
                // What was not tried as often yet goes on without it.
                let open = all.iter().filter(|one| in_doubt(one));
                let open = may_repeat && open.clone().any(|one| !is_spent(one));
                if let Some(spent) = spent.filter(|_| !waits && !open) {
                    events.push(Event::DoubtHeld { chunk: number, code: spent.code.clone() });
                }
                if !all.iter().any(in_doubt) {
                    resend.settled(number);
                } else if proven {
                    // The job itself says that it never came to them, and no other was given them.
                    events.push(Event::DoubtReturned { chunk: number, code: Code::new("not-processed") });
                    resend.settled(number);
                } else if all
                    .iter()
                    .filter(|exception| in_doubt(exception))
                    .all(|one| one.code.as_str() == NOT_YET)
                {
                    // The rest of a chunk that is repeated in parts follows at once.
                    resend.doubt(number).not_before = now;
                } else {
                    let doubt = resend.doubt(number);
                    doubt.failures += 1;
                    doubt.forgotten |= task.kind == Kind::Ask && doubt.failures >= MOST_QUESTIONS;
                    doubt.not_before = now + backoff::wait(&plan.retry, doubt.failures, &mut self.random);
                }
                self.count(route, &all, live.len());
                events
            }
            Meaning::Refused(code) => {
                let refused = task.measured.records.clone().filter(|position| live.contains(*position));
                let refused =
                    refused.map(|position| Exception::new(position, Outcome::Rejected, code.as_str()));
                let all = merged(refused.collect(), not_in(&live, &task.measured));
                resend.settled(number);
                self.count(route, &all, live.len());
                answered(all)
            }
            Meaning::NotDone { code, split } => {
                if split {
                    resend.split(task.measured.records.clone(), batch.state.pending());
                    let count = task.measured.records.end - task.measured.records.start;
                    resend.doubt(number).size = Some(count.div_ceil(2));
                }
                let code = Code::new(&code);
                match task.kind {
                    Kind::Ask if chunk_attempt == 1 => vec![Event::DoubtReturned { chunk: number, code }],
                    // That job did nothing; one that was given them before may have. Asking again tells no more.
                    Kind::Ask => {
                        let doubt = resend.doubt(number);
                        doubt.forgotten = true;
                        doubt.failures += 1;
                        doubt.not_before = now + backoff::wait(&plan.retry, doubt.failures, &mut self.random);
                        vec![Event::DoubtAsked { chunk: number, code }]
                    }
                    _ if doubted => {
                        let doubt = resend.doubt(number);
                        doubt.failures += 1;
                        let wait = backoff::wait(&plan.retry, doubt.failures, &mut self.random);
                        doubt.not_before = if split { now } else { now + wait };
                        vec![Event::ChunkInDoubt { chunk: number, code }]
                    }
                    _ => vec![Event::ChunkReturned { chunk: number, code }],
                }
            }
            Meaning::Unknown { code, time_limit, .. } => {
                let count = task.measured.records.end - task.measured.records.start;
                let mut culprit = None;
                let doubt = resend.doubt(number);
                doubt.failures += 1;
                doubt.answered = false;
                doubt.forgotten |= code == "job-gone";
                if time_limit {
                    doubt.size = Some(count.div_ceil(2));
                    if count == 1 {
                        let position = task.measured.records.start;
                        let before = if doubt.alone.0 == position { doubt.alone.1 } else { 0 };
                        doubt.alone = (position, before + 1);
                        if doubt.alone.1 >= plan.retry.alone_attempts {
                            // It stands alone: its neighbours go as they would without it.
                            (doubt.alone, doubt.size) = ((position, 0), None);
                            culprit = Some(position);
                        }
                    }
                }
                doubt.not_before = now + backoff::wait(&plan.retry, doubt.failures, &mut self.random);
                doubt.rests = true;
                if batch.view.ordered || batch.orders.are_within() {
                    // The upstream may be at work on it still, and would overwrite what comes after the repetition. Who says that it has
                    // stopped has, and who was waited for to the end has had the time; but a call may have left long after it was begun,
                    // behind a login.
                    let since = if time_limit { task.opened } else { now };
                    doubt.not_before = doubt.not_before.max(since + plan.pace.deadline());
                }
                if let Some(position) = culprit {
                    resend.spend(position, Code::new("time-limit-alone"));
                }
                let code = Code::new(&code);
                match task.kind {
                    // It was in doubt, and is.
                    Kind::Ask => vec![Event::DoubtAsked { chunk: number, code }],
                    _ => vec![Event::ChunkInDoubt { chunk: number, code }],
                }
            }
        }
    }

    pub(super) fn count(&mut self, route: &str, exceptions: &[Exception], live: u64) {
        let of = |outcome: Outcome| exceptions.iter().filter(|one| one.outcome == outcome).count() as u64;
        self.report_records(route, "delivered", live.saturating_sub(exceptions.len() as u64));
        self.report_records(route, "partial", of(Outcome::Partial));
        self.report_records(route, "rejected", of(Outcome::Rejected));
    }
}

#[cfg(feature = "planted")]
use sekisho_journal::planted::is as is_planted;

#[cfg(feature = "planted")]
fn planted_end(end: &End) -> End {
    use sekisho_journal::planted::{Bug, is};
    match end {
        End::Lost { code, timeout: false } if is(Bug::CutAsAbsent) => {
            End::NotSent { code: code.clone(), class: ErrorClass::Line }
        }
        End::BrokeOff { heard, .. } if is(Bug::BrokenLookBelieved) => {
            End::Answered(Verdict::Rows(heard.clone()))
        }
        other => other.clone(),
    }
}

/// Open records of the chunk that were not part of this exchange: they stay in doubt.
fn not_in(live: &RangeSet, measured: &Measured) -> Vec<Exception> {
    let mut rest = live.clone();
    rest.remove(measured.records.clone());
    rest.runs().flatten().map(|position| Exception::new(position, Outcome::InDoubt, NOT_YET)).collect()
}

/// Two lists ascending by position, as one.
fn merged(mut one: Vec<Exception>, other: Vec<Exception>) -> Vec<Exception> {
    one.extend(other);
    one.sort_by_key(|exception| exception.position);
    one
}
