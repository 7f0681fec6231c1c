//! Opening: what a batch needs next.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use sekisho_journal::machine::LiveChunk;
#[cfg(feature = "planted")]
use sekisho_journal::planted::{Bug, is as is_planted};
use sekisho_journal::{ChunkState, Code, Digest, Event};

use super::close::Kind;
use super::order::Allowed;
use super::quotas::calls_for;
use super::{
    Asked, Command, Dispatcher, Moment, OpenBatch, Question, Reading, Sending, Step, Task, TaskId, Then,
    Turn, Use,
};
use crate::encode::{Bounds, Measured};
use crate::pace::ChunkSize;
use crate::plan::RetrySpec;

/// How long a batch whose payload cannot be read waits before it is looked at again.
pub(super) const UNREADABLE_WAIT: Duration = Duration::from_secs(60);

/// For how many deadlines of a call an upstream is asked by key that gives no answer.
const LONGEST_ASKED: u32 = 10;

impl Dispatcher {
    /// The next thing for a batch.
    pub(super) fn step(&mut self, turn: Turn, now: Moment) -> Step {
        let Some(batch) = self.batches.get(&turn) else { return Step::Wait(None) };
        if batch.state.is_drained() {
            if batch.state.sums().delivered == batch.state.records() {
                // The delivered records are the accepted ones.
                let digest = batch.view.records_digest;
                return Step::Do(self.finish(turn, Some(digest), now));
            }
            self.asked = Asked::Digest(turn);
            return Step::Do(Command::Digest(turn.1));
        }
        if !batch.resend.tries_are_known {
            self.asked = Asked::GivenBack(turn);
            return Step::Do(Command::GivenBack(turn.1));
        }
        let expired = batch.view.expires_at.is_some_and(|at| now.wall >= at);
        if expired && batch.state.closing().is_none() && batch.state.sums().pending > 0 {
            let expired = vec![Event::Expired { code: Code::new("expired") }];
            return Step::Do(self.write(turn, expired, Then::Again, now));
        }
        if let Some(until) = self.breaker.paused_until(now.clock) {
            return Step::Wait(Some(until));
        }
        if self.breaker.is_half_open() && !self.tasks.is_empty() {
            return Step::Wait(None);
        }
        if let Some(until) = self.quota_used_up_until(turn, now) {
            return Step::Wait(Some(until));
        }
        let idle = |chunk: &&LiveChunk| !self.is_worked_on(turn, chunk.number());
        // In flight, and nobody is at work on it: an operator has ordered that it be sent again. What another owner has in
        // flight is none of ours: who has been overtaken may read, and learns of it only when it writes.
        let ordered = batch
            .state
            .chunks()
            .filter(idle)
            .find(|chunk| chunk.state().is_in_flight() && chunk.epoch() == self.epoch);
        if let Some(chunk) = ordered {
            // The order is for the chunk as it was, not for parts of it.
            let number = chunk.number();
            let then = Use::Repeat { chunk: number, ordered: true };
            return self.read_again(turn, then, ChunkSize::WHOLE, None).map_or(Step::Wait(None), Step::Do);
        }
        let doubts: Vec<u64> = batch
            .state
            .chunks()
            .filter(|chunk| chunk.state() == ChunkState::InDoubt && !chunk.held())
            .filter(idle)
            .map(|chunk| chunk.number())
            .collect();
        for number in doubts {
            match self.resolve(turn, number, now) {
                Step::Wait(wait) => self.look_by(wait),
                step => return step,
            }
        }
        self.open_next(turn, now)
    }

    pub(super) fn finish(&mut self, turn: Turn, delivered_digest: Option<Digest>, now: Moment) -> Command {
        self.write(turn, vec![Event::Finished { delivered_digest }], Then::Finish, now)
    }

    fn is_worked_on(&self, turn: Turn, chunk: u64) -> bool {
        self.tasks.values().any(|task| task.turn == turn && task.chunk == chunk)
    }

    fn open_next(&mut self, turn: Turn, now: Moment) -> Step {
        let Some(batch) = self.batches.get(&turn) else { return Step::Wait(None) };
        if batch.state.closing().is_some() || batch.state.pending().is_empty() {
            return Step::Wait(None);
        }
        if let Some((position, code)) = batch.resend.withheld(batch.state.pending()) {
            let events = self.held_unsent(turn, position..position + 1, &code);
            return Step::Do(self.write(turn, events, Then::Withheld(position), now));
        }
        let waits = batch.resend.waits_until(now.clock);
        if self.routes.get(&batch.plan.plan.route).is_none_or(|route| route.pace.is_full()) {
            return Step::Wait(waits);
        }
        let pending = match self.allowed(turn) {
            Allowed::Ask(command) => return Step::Do(command),
            Allowed::Of(pending) => pending,
            Allowed::Waits => return Step::Wait(waits),
        };
        let Some(batch) = self.batches.get(&turn) else { return Step::Wait(None) };
        let Some((window, most)) = batch.resend.window(&pending, now.clock) else {
            return Step::Wait(waits);
        };
        let Some(size) = self.size(turn, 0, now) else { return Step::Wait(waits) };
        let Some(batch) = self.batches.get(&turn) else { return Step::Wait(None) };
        let bounds = bounds(batch, size, most);
        self.measure(turn, window, bounds, Use::Open).map_or(Step::Wait(None), Step::Do)
    }

    /// A chunk in doubt: ask the upstream, repeat what may be repeated, or leave it to an operator.
    fn resolve(&mut self, turn: Turn, number: u64, now: Moment) -> Step {
        let Some(batch) = self.batches.get_mut(&turn) else { return Step::Wait(None) };
        let Some(chunk) = batch.state.chunk(number).cloned() else { return Step::Wait(None) };
        let (retry, idempotent, no_split) =
            (batch.plan.plan.retry, batch.plan.plan.idempotent, batch.plan.plan.no_split);
        #[cfg(feature = "planted")]
        let idempotent = idempotent || is_planted(Bug::RepeatedWithoutProof);
        let (doubt, deadline) = (*batch.resend.doubt(number), batch.plan.plan.pace.deadline());
        let finds = batch.plan.dialect.finder().is_some();
        if !doubt.rests {
            // An earlier process sent it, and nobody here knows when.
            match (batch.view.ordered, batch.orders.may_be_within()) {
                (false, None) => {
                    self.asked = Asked::Order { turn, after: None };
                    return Step::Do(Command::Order { batch: turn.1, after: None });
                }
                (false, Some(false)) => {}
                _ => {
                    let doubt = batch.resend.doubt(number);
                    doubt.not_before = doubt.not_before.max(now.clock + deadline);
                }
            }
            batch.resend.doubt(number).rests = true;
        }
        #[cfg(feature = "planted")]
        if sekisho_journal::planted::is(sekisho_journal::planted::Bug::WorkNotWaitedFor) {
            batch.resend.doubt(number).not_before = now.clock;
        }
        let doubt = *batch.resend.doubt(number);
        if doubt.not_before > now.clock {
            return Step::Wait(Some(doubt.not_before));
        }
        let job = chunk.reference().map(str::to_owned).filter(|_| batch.plan.dialect.bulk2().is_some());
        let question = job.map(Question::Job).or(finds.then_some(Question::Keys));
        let can_ask = question.is_some();
        let may_repeat = idempotent && !no_split;
        // A key that is not there yet may come to be there, as long as the upstream may be at work: that is asked at the end.
        if !may_repeat && (!can_ask || doubt.heard || doubt.forgotten) {
            let since = chunk.doubted_at().unwrap_or(chunk.changed_at());
            let window = batch.plan.plan.doubt_window();
            let until = batch.resend.waits_for_window(number, since, window, now.clock, now.wall);
            #[cfg(feature = "planted")]
            let until = if is_planted(Bug::WindowIgnored) { now.clock } else { until };
            if until > now.clock {
                return Step::Wait(Some(until));
            }
            let doubt = batch.resend.doubt(number);
            if !doubt.waited {
                // By now it may be known: what the upstream could not say before, it is asked once more.
                doubt.waited = true;
                doubt.forgotten &= window.is_zero();
            }
        }
        let asked = batch.resend.doubt(number);
        // Nobody could be asked for longer than anything may take.
        let longest = batch.plan.plan.doubt_window() + LONGEST_ASKED * deadline;
        asked.forgotten |= !asked.heard
            && asked.asked_since.is_some_and(|(since, before)| now.clock + before >= since + longest);
        let ask = can_ask && !asked.forgotten;
        if let Some(question) = question.filter(|_| ask) {
            let unbounded = Bounds { records: u64::MAX, size: ChunkSize::WHOLE };
            let given = chunk.given();
            let asking = self.measure(turn, given, unbounded, Use::Ask { chunk: number, question });
            return asking.map_or(Step::Wait(None), Step::Do);
        }
        let code = chunk.code().cloned().unwrap_or_else(|| Code::new("outcome-unknown"));
        if !may_repeat {
            return Step::Do(self.hold(turn, number, code, now));
        }
        if batch.resend.unspent(chunk.live()).is_empty() {
            let given = chunk.given();
            let code = batch.resend.spent_by(given).cloned().unwrap_or(code);
            return Step::Do(self.hold(turn, number, code, now));
        }
        let Some(size) = self.size(turn, chunk.live().len(), now) else { return Step::Wait(None) };
        if !self.budget.spend() {
            let until = now.clock + retry.max();
            if let Some(batch) = self.batches.get_mut(&turn) {
                batch.resend.doubt(number).not_before = until;
            }
            // Waited for; the next look is paid by the wait.
            self.budget.earn(&RetrySpec { budget: 1.0, ..retry });
            return Step::Wait(Some(until));
        }
        let repeated = vec![Event::DoubtRepeated { chunk: number, attempt: chunk.attempt() + 1 }];
        let then = Then::Repeat { chunk: number, size, most: doubt.size };
        Step::Do(self.write(turn, repeated, then, now))
    }

    fn hold(&mut self, turn: Turn, chunk: u64, code: Code, now: Moment) -> Command {
        tracing::warn!(batch = %turn.1, chunk, code = code.as_str(), "a chunk's outcome is unknown: an operator must decide");
        // What waited because nobody could know may go.
        self.stirred = true;
        self.write(turn, vec![Event::DoubtHeld { chunk, code }], Then::Again, now)
    }

    /// The first run of a chunk's open records is read, to be sent again; the ledger has it in flight.
    pub(super) fn read_again(
        &mut self,
        turn: Turn,
        then: Use,
        size: ChunkSize,
        most: Option<u64>,
    ) -> Option<Command> {
        let Use::Repeat { chunk, ordered } = &then else { return None };
        let batch = self.batches.get_mut(&turn)?;
        let given = batch.state.chunk(*chunk)?;
        if *ordered {
            batch.resend.ordered(given.given());
        }
        let run = batch.resend.unspent(given.live()).first_run()?;
        let batch = self.batches.get(&turn)?;
        let bounds = bounds(batch, size, most);
        self.measure(turn, run, bounds, then)
    }

    /// How large the next chunk of the batch's route may be; `again` are records to be sent that are not pending.
    fn size(&mut self, turn: Turn, again: u64, now: Moment) -> Option<ChunkSize> {
        let batch = self.batches.get(&turn)?;
        let route = &batch.plan.plan.route;
        if self.routes.get(route)?.pace.is_full() {
            return None;
        }
        let pending: u64 = self
            .batches
            .values()
            .filter(|batch| batch.plan.plan.route == *route)
            .map(|batch| batch.state.sums().pending)
            .sum();
        let size = self.routes.get(route)?.pace.next(now.clock, pending + again)?;
        let left = self.rows_left(turn, now).max(1);
        Some(ChunkSize { rows: size.rows.min(left), usual: size.usual.min(left), ..size })
    }

    fn measure(&mut self, turn: Turn, within: Range<u64>, bounds: Bounds, then: Use) -> Option<Command> {
        let plan = Arc::clone(&self.batches.get(&turn)?.plan);
        self.asked = Asked::Measure { turn, within: within.clone(), then };
        Some(Command::Measure(Reading { batch: turn.1, plan, within, bounds }))
    }

    /// What was read is sent, or written down as what cannot be.
    pub(super) fn measured(&mut self, turn: Turn, then: Use, measured: Measured, now: Moment) {
        let no_room = self.no_room_until(turn, measured.rows, now);
        match then {
            Use::Open | Use::Repeat { ordered: true, .. } if no_room.is_some() => self.leave(turn, no_room),
            Use::Repeat { chunk, .. } if no_room.is_some() => {
                if let (Some(batch), Some(until)) = (self.batches.get_mut(&turn), no_room) {
                    batch.resend.doubt(chunk).not_before = until;
                }
                let doubted = Event::ChunkInDoubt { chunk, code: Code::new("daily-budget") };
                self.outcomes.push_back((turn, vec![doubted]));
            }
            Use::Open => {
                let command = self.open(turn, measured, now);
                self.ready.extend(command);
            }
            Use::Repeat { chunk, .. } if measured.rows > 0 => {
                self.send(turn, chunk, measured, Kind::Repeat, None, now);
            }
            // It was encoded once and cannot be now: the payload is not what it was.
            Use::Repeat { chunk, .. } => {
                let code = Code::new("record-unsendable");
                let doubted = Event::ChunkInDoubt { chunk, code: code.clone() };
                self.outcomes.push_back((turn, vec![doubted, Event::DoubtHeld { chunk, code }]));
            }
            // The payload is not what it was: an answer would say nothing of the rest.
            Use::Ask { chunk, .. } if self.stops_short(turn, chunk, &measured) => {
                let code = Code::new(measured.unsendable.unwrap_or("record-unsendable"));
                let command = self.hold(turn, chunk, code, now);
                self.ready.push_back(command);
            }
            Use::Ask { chunk, question } => {
                if let Some(until) = self.no_room_to_ask(turn, &measured, &question, now) {
                    if let Some(batch) = self.batches.get_mut(&turn) {
                        batch.resend.doubt(chunk).not_before = until;
                    }
                    return;
                }
                self.send(turn, chunk, measured, Kind::Ask, Some(question), now);
            }
        }
    }

    /// Not all of the chunk was read.
    fn stops_short(&self, turn: Turn, chunk: u64, measured: &Measured) -> bool {
        let chunk = self.batches.get(&turn).and_then(|batch| batch.state.chunk(chunk));
        chunk.is_some_and(|chunk| measured.records.end < chunk.given().end)
    }

    /// Writes a new chunk down, before anything of it is sent.
    fn open(&mut self, turn: Turn, measured: Measured, now: Moment) -> Option<Command> {
        let batch = self.batches.get(&turn)?;
        let first = measured.records.start;
        let count = measured.records.end - first;
        if count == 0 {
            let code = Code::new(measured.unsendable.unwrap_or("record-unsendable"));
            let rejected = vec![Event::RecordsRejected { first, count: 1, code }];
            return Some(self.write(turn, rejected, Then::Count { outcome: "rejected", count: 1 }, now));
        }
        let chunk = batch.state.next_chunk();
        let attempt = 1 + batch.resend.refusals(first);
        let opened = Event::ChunkOpened { chunk, first, count, attempt };
        if measured.rows == 0 {
            // Records that make no row have nothing to be sent, and so have all of their effect.
            let answered = Event::ChunkAnswered { chunk, exceptions: Vec::new(), rows: 0 };
            let then = Then::Count { outcome: "delivered", count };
            return Some(self.write(turn, vec![opened, answered], then, now));
        }
        #[cfg(feature = "planted")]
        if sekisho_journal::planted::is(sekisho_journal::planted::Bug::SentBeforeWritten) {
            self.send(turn, chunk, measured, Kind::New, None, now);
            return Some(self.write(turn, vec![opened], Then::Again, now));
        }
        Some(self.write(turn, vec![opened], Then::Send { chunk, measured }, now))
    }

    /// The spool cannot give the records that are wanted.
    pub(super) fn unreadable(
        &mut self,
        turn: Turn,
        within: Range<u64>,
        then: Use,
        code: Code,
        lasting: bool,
        now: Moment,
    ) {
        let later = now.clock + UNREADABLE_WAIT;
        match then {
            Use::Open if lasting => {
                self.asked = Asked::Run { turn, code };
                self.ready.push_back(Command::Probe { batch: turn.1, within });
            }
            Use::Ask { chunk, .. } if lasting => {
                let command = self.hold(turn, chunk, code, now);
                self.ready.push_back(command);
            }
            Use::Open => self.leave(turn, Some(later)),
            Use::Ask { chunk, .. } => {
                if let Some(batch) = self.batches.get_mut(&turn) {
                    batch.resend.doubt(chunk).not_before = later;
                }
            }
            Use::Repeat { chunk, .. } => {
                let mut events = vec![Event::ChunkInDoubt { chunk, code: code.clone() }];
                if lasting {
                    events.push(Event::DoubtHeld { chunk, code });
                } else if let Some(batch) = self.batches.get_mut(&turn) {
                    batch.resend.doubt(chunk).not_before = later;
                }
                self.outcomes.push_back((turn, events));
            }
        }
    }

    /// Records that the spool cannot give are held, with its reason, as a chunk that was never sent; the others go on.
    /// Restored from a backup, they go when an operator gives them back or orders that they be sent.
    pub(super) fn hold_unread(&mut self, turn: Turn, run: Range<u64>, code: Code, now: Moment) {
        let events = self.held_unsent(turn, run, &code);
        if events.is_empty() {
            return;
        }
        let command = self.write(turn, events, Then::Again, now);
        self.ready.push_back(command);
    }

    /// Pending records become a chunk that is held, and was not sent.
    fn held_unsent(&self, turn: Turn, run: Range<u64>, code: &Code) -> Vec<Event> {
        let Some(batch) = self.batches.get(&turn) else { return Vec::new() };
        let chunk = batch.state.next_chunk();
        let (first, count) = (run.start, run.end - run.start);
        let attempt = 1 + batch.resend.refusals(first);
        vec![
            Event::ChunkOpened { chunk, first, count, attempt },
            Event::ChunkInDoubt { chunk, code: code.clone() },
            Event::DoubtHeld { chunk, code: code.clone() },
        ]
    }

    /// Sends a chunk that the ledger knows to be in flight, or asks for one in doubt.
    pub(super) fn send(
        &mut self,
        turn: Turn,
        chunk: u64,
        measured: Measured,
        kind: Kind,
        ask: Option<Question>,
        now: Moment,
    ) {
        let Some(batch) = self.batches.get(&turn) else { return };
        let plan = Arc::clone(&batch.plan);
        // Asking costs the upstream next to nothing: it is no chunk for the pace.
        let ticket = match kind {
            Kind::Ask => None,
            Kind::New | Kind::Repeat => {
                let route = self.routes.get(&plan.plan.route);
                route.map(|route| route.pace.opened(now.clock, measured.rows, measured.bytes))
            }
        };
        let calls = calls_for(&plan, &measured, ask.as_ref());
        let count = self.spend(&plan, &measured, kind, calls, now);
        self.ready.extend(count);
        if ask == Some(Question::Keys)
            && let Some(batch) = self.batches.get_mut(&turn)
        {
            let known = batch.state.chunk(chunk).and_then(|chunk| chunk.asked_at().zip(chunk.doubted_at()));
            let before = known.map_or(0, |(last, first)| last.saturating_sub(first));
            let since = (now.clock, Duration::from_millis(before));
            batch.resend.doubt(chunk).asked_since.get_or_insert(since);
        }
        if kind == Kind::Repeat
            && let Some(batch) = self.batches.get_mut(&turn)
        {
            // There will be another handle to ask by.
            let doubt = batch.resend.doubt(chunk);
            (doubt.forgotten, doubt.heard) = (false, false);
            (doubt.useless, doubt.asked_since) = (0, None);
        }
        self.last_task += 1;
        let task = TaskId(self.last_task);
        let measured = Arc::new(measured);
        let known = Task {
            turn,
            chunk,
            kind,
            ticket,
            opened: now.clock,
            measured: Arc::clone(&measured),
            by_keys: ask == Some(Question::Keys),
            calls,
            whole: plan.plan.no_split,
        };
        self.tasks.insert(task, known);
        self.ready.push_back(Command::Send(Sending { task, batch: turn.1, chunk, plan, measured, ask }));
    }
}

fn bounds(batch: &OpenBatch, size: ChunkSize, most: Option<u64>) -> Bounds {
    if batch.plan.plan.no_split {
        let size = ChunkSize { rows: u64::from(u32::MAX), ..ChunkSize::WHOLE };
        return Bounds { records: u64::MAX, size };
    }
    let dialect = &batch.plan.dialect;
    let (rows, bytes) = (size.rows.min(dialect.most_rows()), size.bytes.min(dialect.most_bytes()));
    Bounds { records: most.unwrap_or(u64::MAX), size: ChunkSize { rows, bytes, ..size } }
}
