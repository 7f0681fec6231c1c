//! Closing: what a chunk's end means for its records, the pace, the breaker and the hops.

use std::time::Duration;

use sekisho_journal::{Code, Event, Exception, Outcome, RangeSet};
use sekisho_liveness::ErrorClass;
use tokio::task::{Id, JoinError};

use super::{Scheduler, Task, Turn};
use crate::backoff;
use crate::chunk::End;
use crate::dialect::{RowProblem, Verdict};
use crate::encode::Measured;
use crate::outcome::exceptions;
use crate::pace::{self, Ticket};
use crate::traffic;

/// How often an upstream is asked for the outcome of records that its answers leave out.
const MOST_QUESTIONS: u32 = 3;

/// A record of a chunk in doubt whose turn to be sent again has not come.
const NOT_YET: &str = "not-repeated-yet";

/// Why a chunk was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// For the first time.
    New,
    /// Again, after its outcome was unknown.
    Repeat,
    /// Not sent: the upstream is asked what became of it.
    Ask,
}

/// A chunk that has come back.
pub(super) struct Ended {
    pub(super) turn: Turn,
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) ticket: Option<Ticket>,
    pub(super) opened: Duration,
    pub(super) took: Duration,
    pub(super) measured: Measured,
    pub(super) end: End,
}

/// What the end means for the records.
enum Meaning {
    /// Rows have outcomes.
    Rows(Vec<RowProblem>),
    /// The one record is refused for good.
    Alone(String),
    /// Nothing was done; `split`: the records go in halves from now on.
    NotDone { code: String, split: bool },
    /// Nobody can know.
    Unknown { code: String, time_limit: bool },
}

impl Scheduler {
    pub(super) async fn joined(&mut self, ended: Result<(Id, Ended), JoinError>) {
        match ended {
            Ok((task, ended)) => {
                self.tasks.remove(&task);
                self.ended(ended).await;
            }
            Err(error) => {
                tracing::error!(%error, "a delivery task broke off");
                if let Some(task) = self.tasks.remove(&error.id()) {
                    self.came_to_nothing(&task, "task-broken").await;
                }
            }
        }
    }

    /// A chunk whose task brought no end: in doubt, unless it was before.
    pub(super) async fn came_to_nothing(&mut self, task: &Task, code: &str) {
        let (turn, chunk) = (task.turn, task.chunk);
        let now = self.clock();
        let route = self.batches.get(&turn).map(|batch| batch.plan.plan.route.clone()).unwrap_or_default();
        if let (Some(route), Some(ticket)) = (self.routes.get(&route), task.ticket) {
            route.pace.finished(now, ticket, pace::End::Other);
        }
        let state = self.batches.get(&turn).and_then(|batch| batch.state.chunks.get(&chunk));
        if state.is_some_and(|chunk| chunk.state.is_in_flight()) {
            let events = vec![Event::ChunkInDoubt { chunk, code: Code::new(code) }];
            self.apply_surely(turn, events).await;
        }
    }

    async fn ended(&mut self, ended: Ended) {
        let now = self.clock();
        let Some(batch) = self.batches.get(&ended.turn) else { return };
        let route = batch.plan.plan.route.clone();
        let retry = batch.plan.plan.retry;
        let refused = matches!(&ended.end, End::Answered(Verdict::Rows(problems)) if !problems.is_empty());
        traffic::report(&self.shared.board, &self.name, &ended.end, ended.took, refused);
        let proven = self.routes.get(&route).is_some_and(|route| route.proven);
        let meaning = self.meaning(&ended, proven, &retry);
        self.tell_pace(&ended, &meaning, &route, now);
        let word = match &meaning {
            Meaning::Rows(problems) if problems.is_empty() => "taken",
            Meaning::Rows(_) => "taken-in-part",
            Meaning::Alone(_) => "refused",
            Meaning::NotDone { .. } => "not-done",
            Meaning::Unknown { time_limit: true, .. } => "time-limit",
            Meaning::Unknown { .. } => "unknown",
        };
        self.shared.metrics.chunk_ended(&self.name, &route, word, ended.took.as_secs_f64());
        let kept = self.routes.ended(&self.name, &route);
        if let Some((name, memory)) = kept
            && let Err(error) = self.shared.ledger.keep_pace(&name, memory).await
        {
            tracing::warn!(code = error.code(), %error, "what the pace has learnt could not be kept");
        }
        let events = self.events(&ended, meaning, now);
        if !events.is_empty() {
            self.apply_surely(ended.turn, events).await;
        }
        let bulk = self.batches.get(&ended.turn).is_some_and(|batch| batch.plan.dialect.bulk2().is_some());
        // A job's handle went into the ledger without the copy here.
        self.refresh |= bulk;
    }

    /// What the end means; tells the breaker.
    fn meaning(&mut self, ended: &Ended, proven: bool, retry: &crate::plan::RetrySpec) -> Meaning {
        let now = self.clock();
        let alone = ended.measured.records.end - ended.measured.records.start == 1;
        let mut failed = |wait| self.breaker.failed(ended.opened, now, wait, retry);
        match &ended.end {
            End::Answered(Verdict::Rows(problems)) => {
                self.breaker.worked();
                Meaning::Rows(problems.clone())
            }
            End::Answered(Verdict::Data { code, certain }) if *certain || proven => {
                self.breaker.worked();
                if alone {
                    Meaning::Alone(code.clone())
                } else {
                    Meaning::NotDone { code: code.clone(), split: true }
                }
            }
            End::Answered(Verdict::TooLarge(code)) => {
                self.breaker.worked();
                if alone {
                    Meaning::Alone(code.clone())
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
                Meaning::Unknown { code: code.clone(), time_limit: true }
            }
            End::Answered(Verdict::Unknown(code)) | End::Lost { code, timeout: false } => {
                failed(None);
                Meaning::Unknown { code: code.clone(), time_limit: false }
            }
        }
    }

    fn tell_pace(&mut self, ended: &Ended, meaning: &Meaning, route: &str, now: Duration) {
        let Some(route) = self.routes.get(route) else { return };
        let end = match meaning {
            Meaning::Rows(_) => pace::End::Done,
            Meaning::Unknown { time_limit: true, .. } => pace::End::TimeLimit,
            _ if matches!(ended.end, End::Answered(Verdict::TooLarge(_))) => pace::End::TooLarge,
            _ => pace::End::Other,
        };
        // One row taken shows that the calls are right.
        if let Meaning::Rows(problems) = meaning {
            route.proven |= (problems.len() as u64) < ended.measured.rows;
        }
        if let Some(ticket) = ended.ticket {
            route.pace.finished(now, ticket, end);
        }
    }

    /// What to write down, and what to remember for sending again.
    fn events(&mut self, ended: &Ended, meaning: Meaning, now: Duration) -> Vec<Event> {
        let number = ended.number;
        let Some(batch) = self.batches.get_mut(&ended.turn) else { return Vec::new() };
        let plan = &batch.plan.plan;
        let Some(chunk) = batch.state.chunks.get(&number) else { return Vec::new() };
        let (live, doubted, chunk_attempt) = (chunk.live.clone(), chunk.doubted, chunk.attempt);
        let resend = &mut batch.resend;
        let answered = |exceptions: Vec<Exception>| {
            vec![Event::ChunkAnswered { chunk: number, exceptions, rows: ended.measured.rows }]
        };
        match meaning {
            Meaning::Rows(problems) => {
                if ended.kind == Kind::Repeat {
                    self.budget.refund();
                }
                let most = plan.retry.record_attempts;
                let mut found = exceptions(&problems, &ended.measured, plan.idempotent, |position| {
                    resend.may_retry(position, most)
                });
                let returned: Vec<u64> = found
                    .iter()
                    .filter(|exception| exception.outcome == Outcome::Returned)
                    .map(|exception| exception.position)
                    .collect();
                if let Some(most) = returned.iter().map(|position| resend.refusals(*position)).max() {
                    let wait = backoff::wait(&plan.retry, most.max(1), &mut self.random);
                    resend.delay(returned.into_iter(), now, now + wait);
                }
                found.retain(|exception| live.contains(exception.position));
                let open = not_in(&live, &ended.measured);
                let all = merged(found, open);
                let in_doubt = |exception: &Exception| {
                    exception.outcome == Outcome::InDoubt
                        || (doubted && exception.outcome == Outcome::Returned)
                };
                let proven = ended.kind == Kind::Ask
                    && chunk_attempt == 1
                    && all.iter().all(|exception| exception.outcome != Outcome::InDoubt);
                let mut events = answered(all.clone());
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
                    doubt.forgotten |= ended.kind == Kind::Ask && doubt.failures >= MOST_QUESTIONS;
                    doubt.not_before = now + backoff::wait(&plan.retry, doubt.failures, &mut self.random);
                }
                let route = plan.route.clone();
                self.count(&route, &all, live.len());
                events
            }
            Meaning::Alone(code) => {
                let position = ended.measured.records.start;
                let alone = vec![Exception::new(position, Outcome::Rejected, code.as_str())];
                let all = merged(alone, not_in(&live, &ended.measured));
                resend.settled(number);
                let route = plan.route.clone();
                self.count(&route, &all, live.len());
                answered(all)
            }
            Meaning::NotDone { code, split } => {
                if split {
                    resend.split(ended.measured.records.clone(), &batch.state.pending);
                    let count = ended.measured.records.end - ended.measured.records.start;
                    resend.doubt(number).size = Some(count.div_ceil(2));
                }
                let code = Code::new(&code);
                match ended.kind {
                    Kind::Ask => vec![Event::DoubtReturned { chunk: number, code }],
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
            Meaning::Unknown { code, time_limit } => {
                let count = ended.measured.records.end - ended.measured.records.start;
                let doubt = resend.doubt(number);
                doubt.failures += 1;
                doubt.forgotten |= code == "job-gone";
                if time_limit {
                    doubt.size = Some(count.div_ceil(2));
                    doubt.alone += u32::from(count == 1);
                }
                doubt.not_before = now + backoff::wait(&plan.retry, doubt.failures, &mut self.random);
                match ended.kind {
                    // It was in doubt, and is.
                    Kind::Ask => Vec::new(),
                    _ => vec![Event::ChunkInDoubt { chunk: number, code: Code::new(&code) }],
                }
            }
        }
    }

    fn count(&self, route: &str, exceptions: &[Exception], live: u64) {
        let of = |outcome: Outcome| exceptions.iter().filter(|one| one.outcome == outcome).count() as u64;
        let metrics = &self.shared.metrics;
        metrics.records(&self.name, route, "delivered", live.saturating_sub(exceptions.len() as u64));
        metrics.records(&self.name, route, "partial", of(Outcome::Partial));
        metrics.records(&self.name, route, "rejected", of(Outcome::Rejected));
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
