//! What the answer to a question by key means for a chunk in doubt.

use std::collections::BTreeMap;
use std::time::Duration;

#[cfg(feature = "planted")]
use sekisho_journal::planted::{Bug, is as is_planted};
use sekisho_journal::{Code, Event, Exception, Outcome};

use super::close::{MOST_QUESTIONS, Meaning};
use super::{Dispatcher, Task, Turn};
use crate::backoff;
use crate::chunk::End;
use crate::dialect::{RowProblem, Verdict};
use crate::outcome::{IN_PART, MISSING};
use crate::plan::RetrySpec;

/// No try has had its effect on the record.
const ABSENT: &str = "not-processed";

impl Dispatcher {
    /// The upstream has said which rows are there, or nothing of any: what its answer says of a call it says of the question.
    pub(super) fn meaning_of_keys(
        &mut self,
        now: Duration,
        task: &Task,
        end: &End,
        retry: &RetrySpec,
    ) -> Meaning {
        let (code, answered, wait) = match end {
            End::Answered(Verdict::Rows(problems)) => {
                self.breaker.worked();
                return Meaning::Rows(problems.clone());
            }
            End::Answered(Verdict::Later { code, wait, quota }) => {
                (code, true, wait.or(quota.then(|| retry.max())))
            }
            End::Answered(
                Verdict::Data { code, .. }
                | Verdict::TooLarge(code)
                | Verdict::Misuse(code)
                | Verdict::Session(code)
                | Verdict::TimeLimit(code)
                | Verdict::Unknown(code),
            ) => (code, true, None),
            End::Lost { code, timeout } => (code, *timeout, None),
            End::NotSent { code, .. } => (code, false, None),
            End::BrokeOff { why, .. } => return self.meaning_of_keys(now, task, why, retry),
        };
        self.breaker.failed(task.opened, now, wait, retry);
        Meaning::Unknown { code: code.clone(), time_limit: false, answered }
    }

    /// What to write down. `heard`: what was said of the rows before the question broke off.
    pub(super) fn told_by_keys(
        &mut self,
        now: Duration,
        task: &Task,
        meaning: Meaning,
        heard: Option<&[RowProblem]>,
        route: &str,
    ) -> Vec<Event> {
        match meaning {
            Meaning::Rows(problems) => self.looked(now, task, &problems, route),
            Meaning::Unknown { code, answered, .. } => {
                let mut events = Vec::new();
                if let Some(heard) = heard {
                    let (left, rest) = self.left(task, heard, |_| (Outcome::InDoubt, MISSING));
                    self.count(route, &left, rest);
                    let is_done = left.is_empty();
                    events.push(answered_with(task, left));
                    if is_done {
                        self.settled(task);
                        return events;
                    }
                }
                self.asked_in_vain(now, task, answered);
                events.push(Event::DoubtAsked { chunk: task.chunk, code: Code::new(&code) });
                events
            }
            Meaning::Refused(code) | Meaning::NotDone { code, .. } => {
                self.asked_in_vain(now, task, true);
                vec![Event::DoubtAsked { chunk: task.chunk, code: Code::new(&code) }]
            }
        }
    }

    /// All of its rows were looked for: what is there is there. Of what is not, nothing is known before the upstream can be at
    /// work on nothing more; at the second look it is.
    fn looked(&mut self, now: Duration, task: &Task, problems: &[RowProblem], route: &str) -> Vec<Event> {
        let number = task.chunk;
        let Some(batch) = self.batches.get_mut(&task.turn) else { return Vec::new() };
        let (retry, deadline) = (batch.plan.plan.retry, batch.plan.plan.pace.deadline());
        let is_first = !std::mem::replace(&mut batch.resend.doubt(number).heard, true);
        #[cfg(feature = "planted")]
        let is_first = is_first && !is_planted(Bug::FirstLookBelieved);
        let (left, live) = self.left(task, problems, |is_whole| match (is_first, is_whole) {
            (true, _) => (Outcome::InDoubt, MISSING),
            #[cfg(feature = "planted")]
            (false, false) if is_planted(Bug::PartThereSentAgain) => (Outcome::Returned, ABSENT),
            (false, true) => (Outcome::Returned, ABSENT),
            // To send it again would do again what is there of it.
            (false, false) => (Outcome::InDoubt, IN_PART),
        });
        self.count(route, &left, live);
        let mut events = vec![answered_with(task, left.clone())];
        let in_part = left.iter().any(|one| one.code.as_str() == IN_PART);
        let Some(batch) = self.batches.get_mut(&task.turn) else { return Vec::new() };
        if left.is_empty() {
            batch.resend.settled(number);
        } else if is_first {
            let doubt = batch.resend.doubt(number);
            doubt.failures += 1;
            let wait = backoff::wait(&retry, doubt.failures, &mut self.random);
            doubt.not_before = now + wait.max(deadline);
            events.push(Event::DoubtAsked { chunk: number, code: Code::new(MISSING) });
        } else if in_part {
            let code = Code::new(IN_PART);
            events.push(Event::DoubtAsked { chunk: number, code: code.clone() });
            events.push(Event::DoubtHeld { chunk: number, code });
            self.stirred = true;
        } else {
            events.push(Event::DoubtReturned { chunk: number, code: Code::new(ABSENT) });
            batch.resend.settled(number);
            self.try_again(now, task, &left);
        }
        events
    }

    /// These records go again, if they may: each try that came to nothing counts. What failed whole goes in halves, so that no
    /// record is given up for a neighbour.
    fn try_again(&mut self, now: Duration, task: &Task, absent: &[Exception]) {
        let Some(batch) = self.batches.get_mut(&task.turn) else { return };
        let retry = batch.plan.plan.retry;
        let records = task.measured.records.clone();
        let count = records.end - records.start;
        let halved = count > 1 && absent.len() as u64 == count && !batch.plan.plan.no_split;
        if halved {
            batch.resend.split(records, batch.state.pending());
        }
        let mut most = 1;
        for one in absent {
            let may_go = batch.resend.may_retry(one.position, retry.record_attempts);
            most = most.max(batch.resend.refusals(one.position));
            if !may_go && !halved {
                batch.resend.withhold(one.position, one.code.clone());
            }
        }
        let until = now + backoff::wait(&retry, most, &mut self.random);
        batch.resend.delay(absent.iter().map(|one| one.position), now, until);
    }

    /// What an earlier process has found out: of its chunks in doubt, those that were not there count as tries of their records. What
    /// an operator has given back begins anew.
    pub(super) fn given_back(&mut self, turn: Turn, chunks: &[(u64, u64, Code)]) {
        let Some(batch) = self.batches.get_mut(&turn) else { return };
        for (first, count, code) in chunks {
            let open = (*first..first + count).filter(|position| batch.state.is_open(*position));
            match code.as_str() {
                ABSENT => batch.resend.tried_before(open),
                _ => open.for_each(|position| batch.resend.given_up(position)),
            }
        }
        batch.resend.tries_are_known = true;
    }

    fn asked_in_vain(&mut self, now: Duration, task: &Task, answered: bool) {
        let Some(batch) = self.batches.get_mut(&task.turn) else { return };
        let (retry, deadline) = (batch.plan.plan.retry, batch.plan.plan.pace.deadline());
        let is_ordered = batch.view.ordered || batch.orders.are_within();
        let doubt = batch.resend.doubt(task.chunk);
        doubt.failures += 1;
        doubt.useless += u32::from(answered);
        // Answered, and to no avail, as often as makes sense.
        doubt.forgotten |= doubt.useless > MOST_QUESTIONS;
        // It may have stood still, with what was sent before.
        doubt.heard = false;
        doubt.not_before = now + backoff::wait(&retry, doubt.failures, &mut self.random);
        if is_ordered {
            doubt.not_before = doubt.not_before.max(now + deadline);
        }
    }

    fn settled(&mut self, task: &Task) {
        if let Some(batch) = self.batches.get_mut(&task.turn) {
            batch.resend.settled(task.chunk);
        }
    }

    /// The open records that are not there with all of their rows, ascending, and how many are open. `outcome` says what becomes of
    /// one, of which no row is there or some are not.
    fn left(
        &self,
        task: &Task,
        problems: &[RowProblem],
        outcome: impl Fn(bool) -> (Outcome, &'static str),
    ) -> (Vec<Exception>, u64) {
        let batch = self.batches.get(&task.turn);
        let Some(chunk) = batch.and_then(|batch| batch.state.chunk(task.chunk)) else {
            return (Vec::new(), 0);
        };
        let measured = &task.measured;
        let mut absent: BTreeMap<u64, u64> = BTreeMap::new();
        for problem in problems {
            *absent.entry(measured.record_of(problem.row).0).or_default() += 1;
        }
        // A question is about all of a chunk, or is not asked; should it not have been, nothing is known of the rest.
        let asked = |position: u64| measured.records.contains(&position);
        let left = chunk.live().runs().flatten().filter_map(|position| {
            let rows = absent.get(&position);
            let (outcome, code) = match rows {
                None if asked(position) => return None,
                None => (Outcome::InDoubt, MISSING),
                Some(rows) => outcome(*rows == u64::from(measured.rows_of(position))),
            };
            Some(Exception::new(position, outcome, code))
        });
        (left.collect(), chunk.live().len())
    }
}

fn answered_with(task: &Task, exceptions: Vec<Exception>) -> Event {
    Event::ChunkAnswered { chunk: task.chunk, exceptions, rows: task.measured.rows }
}
