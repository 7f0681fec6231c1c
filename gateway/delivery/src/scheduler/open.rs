//! Opening: what a batch needs next.

use std::ops::Range;
use std::time::Duration;

use sekisho_journal::machine::Chunk;
use sekisho_journal::{ChunkState, Code, Event, LedgerError};

use super::close::{Ended, Kind};
use super::{OpenBatch, Scheduler, Step, Task, Turn};
use crate::bulk2::{self, Notary};
use crate::chunk::{Outgoing, deliver};
use crate::encode::{Bounds, EncodeError, Measured, RowSource, measure};
use crate::pace::ChunkSize;
use crate::traffic;

/// How long a batch whose payload cannot be read waits before it is looked at again.
const UNREADABLE_WAIT: Duration = Duration::from_secs(60);

impl Scheduler {
    /// Does the next thing for a batch.
    pub(super) async fn step(&mut self, turn: Turn) -> Result<Step, LedgerError> {
        let now = self.clock();
        let Some(batch) = self.batches.get(&turn) else { return Ok(Step::Wait(None)) };
        if batch.state.is_drained() {
            return self.finish(turn).await;
        }
        let expired = batch.view.expires_at.is_some_and(|at| (self.shared.now)() >= at);
        if expired && batch.state.closing.is_none() && batch.state.sums.pending > 0 {
            self.apply(turn, vec![Event::Expired { code: Code::new("expired") }]).await?;
            return Ok(Step::Again);
        }
        if let Some(until) = self.breaker.paused_until(now) {
            return Ok(Step::Wait(Some(until)));
        }
        if self.breaker.is_half_open() && !self.running.is_empty() {
            return Ok(Step::Wait(None));
        }
        let mut next = None;
        // In flight, and nobody is at work on it: an operator has ordered that it be sent again.
        let ordered = batch.state.chunks.values().find(|chunk| {
            chunk.state.is_in_flight()
                && !self.tasks.values().any(|task| task.turn == turn && task.chunk == chunk.number)
        });
        if let Some(chunk) = ordered.cloned() {
            // The order is for the chunk as it was, not for parts of it.
            let whole = ChunkSize { rows: u64::MAX, bytes: u64::MAX };
            return self.send_again(turn, &chunk, whole, None, now).await;
        }
        let doubts: Vec<u64> = batch
            .state
            .chunks
            .values()
            .filter(|chunk| chunk.state == ChunkState::InDoubt && !chunk.held)
            .map(|chunk| chunk.number)
            .filter(|number| !self.tasks.values().any(|task| task.turn == turn && task.chunk == *number))
            .collect();
        for number in doubts {
            match self.resolve(turn, number, now).await? {
                Step::Again => return Ok(Step::Again),
                Step::Wait(wait) => next = [next, wait].into_iter().flatten().min(),
            }
        }
        match self.open_next(turn, now).await? {
            Step::Again => Ok(Step::Again),
            Step::Wait(wait) => Ok(Step::Wait([next, wait].into_iter().flatten().min())),
        }
    }

    async fn finish(&mut self, turn: Turn) -> Result<Step, LedgerError> {
        let Some(batch) = self.batches.get(&turn) else { return Ok(Step::Wait(None)) };
        let route = batch.plan.plan.route.clone();
        // Where every record was delivered, the delivered records are the accepted ones.
        let all = batch.state.sums.delivered == batch.state.records;
        let delivered_digest = all.then_some(batch.view.records_digest);
        match self.apply(turn, vec![Event::Finished { delivered_digest }]).await {
            Ok(()) => {
                self.shared.metrics.batch_finished(&self.name, &route);
                self.batches.remove(&turn);
            }
            // Not drained after all: the copy here was behind.
            Err(LedgerError::Illegal { .. }) => self.refresh = true,
            Err(error) => return Err(error),
        }
        Ok(Step::Wait(None))
    }

    async fn open_next(&mut self, turn: Turn, now: Duration) -> Result<Step, LedgerError> {
        let Some(batch) = self.batches.get(&turn) else { return Ok(Step::Wait(None)) };
        if batch.state.closing.is_some() || batch.state.pending.is_empty() {
            return Ok(Step::Wait(None));
        }
        let Some((window, most)) = batch.resend.window(&batch.state.pending, now) else {
            return Ok(Step::Wait(batch.resend.waits_until(now)));
        };
        let waits = batch.resend.waits_until(now);
        let Some(size) = self.size(turn, 0, now) else { return Ok(Step::Wait(waits)) };
        let Some(batch) = self.batches.get(&turn) else { return Ok(Step::Wait(None)) };
        let bounds = bounds(batch, size, most);
        let measured = match self.measured(turn, window.clone(), bounds).await {
            Ok(measured) => measured,
            Err(error) if error.is_lasting() => return self.hold_unread(turn, window, &error).await,
            Err(error) => return Ok(self.unreadable(turn, &error, now)),
        };
        let first = measured.records.start;
        let count = measured.records.end - first;
        if count == 0 {
            let code = Code::new(measured.unsendable.unwrap_or("record-unsendable"));
            let route = self.route_of(turn);
            self.apply(turn, vec![Event::RecordsRejected { first, count: 1, code }]).await?;
            self.shared.metrics.records(&self.name, &route, "rejected", 1);
            return Ok(Step::Again);
        }
        let Some(batch) = self.batches.get(&turn) else { return Ok(Step::Wait(None)) };
        let number = batch.state.next_chunk();
        let attempt = 1 + batch.resend.refusals(first);
        let opened = Event::ChunkOpened { chunk: number, first, count, attempt };
        if measured.rows == 0 {
            // Records that make no row have nothing to be sent, and so have all of their effect.
            let answered = Event::ChunkAnswered { chunk: number, exceptions: Vec::new(), rows: 0 };
            let route = self.route_of(turn);
            self.apply(turn, vec![opened, answered]).await?;
            self.shared.metrics.records(&self.name, &route, "delivered", count);
            return Ok(Step::Again);
        }
        match self.apply(turn, vec![opened]).await {
            Ok(()) => {}
            Err(LedgerError::Illegal { .. }) => {
                // Cancelled meanwhile, for one.
                self.refresh = true;
                return Ok(Step::Wait(Some(now)));
            }
            Err(error) => return Err(error),
        }
        let retry = self.batches.get(&turn).map(|batch| batch.plan.plan.retry).unwrap_or_default();
        self.budget.earn(&retry);
        self.launch(turn, number, measured, Kind::New, None);
        Ok(Step::Again)
    }

    /// A chunk in doubt: ask the upstream, repeat what may be repeated, or leave it to an operator.
    async fn resolve(&mut self, turn: Turn, number: u64, now: Duration) -> Result<Step, LedgerError> {
        let Some(batch) = self.batches.get_mut(&turn) else { return Ok(Step::Wait(None)) };
        let Some(chunk) = batch.state.chunks.get(&number).cloned() else { return Ok(Step::Wait(None)) };
        let plan = batch.plan.plan.clone();
        let doubt = *batch.resend.doubt(number);
        if doubt.not_before > now {
            return Ok(Step::Wait(Some(doubt.not_before)));
        }
        let ask = batch.plan.dialect.bulk2().is_some() && !doubt.forgotten;
        if let Some(reference) = chunk.reference.clone().filter(|_| ask) {
            return self.ask(turn, chunk, reference, now).await;
        }
        let code = chunk.code.clone().unwrap_or_else(|| Code::new("outcome-unknown"));
        if !plan.idempotent || plan.no_split {
            return self.hold(turn, number, code).await;
        }
        if doubt.alone >= plan.retry.alone_attempts {
            return self.hold(turn, number, Code::new("time-limit-alone")).await;
        }
        let Some(size) = self.size(turn, chunk.live.len(), now) else { return Ok(Step::Wait(None)) };
        if !self.budget.spend() {
            let until = now + plan.retry.max();
            if let Some(batch) = self.batches.get_mut(&turn) {
                batch.resend.doubt(number).not_before = until;
            }
            // Waited for; the next look is paid by the wait.
            self.budget.earn(&crate::plan::RetrySpec { budget: 1.0, ..plan.retry });
            return Ok(Step::Wait(Some(until)));
        }
        self.apply(turn, vec![Event::DoubtRepeated { chunk: number, attempt: chunk.attempt + 1 }]).await?;
        self.send_again(turn, &chunk, size, doubt.size, now).await
    }

    /// Sends the first run of a chunk's open records again; the ledger has it in flight.
    async fn send_again(
        &mut self,
        turn: Turn,
        chunk: &Chunk,
        size: ChunkSize,
        most: Option<u64>,
        now: Duration,
    ) -> Result<Step, LedgerError> {
        let Some(run) = chunk.live.first_run() else { return Ok(Step::Wait(None)) };
        let Some(batch) = self.batches.get(&turn) else { return Ok(Step::Wait(None)) };
        let bounds = bounds(batch, size, most);
        match self.measured(turn, run, bounds).await {
            Ok(measured) if measured.rows > 0 => {
                self.launch(turn, chunk.number, measured, Kind::Repeat, None);
                Ok(Step::Again)
            }
            // It was encoded once and cannot be now: the payload is not what it was.
            Ok(_) => {
                let code = Code::new("record-unsendable");
                let doubted = Event::ChunkInDoubt { chunk: chunk.number, code: code.clone() };
                self.apply(turn, vec![doubted, Event::DoubtHeld { chunk: chunk.number, code }]).await?;
                Ok(Step::Again)
            }
            Err(error) => {
                let code = Code::new(error.code());
                let mut events = vec![Event::ChunkInDoubt { chunk: chunk.number, code: code.clone() }];
                if error.is_lasting() {
                    events.push(Event::DoubtHeld { chunk: chunk.number, code });
                    self.apply(turn, events).await?;
                    self.tell_unreadable(turn, &error);
                    return Ok(Step::Again);
                }
                self.apply(turn, events).await?;
                if let Some(batch) = self.batches.get_mut(&turn) {
                    batch.resend.doubt(chunk.number).not_before = now + UNREADABLE_WAIT;
                }
                Ok(self.unreadable(turn, &error, now))
            }
        }
    }

    async fn ask(
        &mut self,
        turn: Turn,
        chunk: Chunk,
        reference: String,
        now: Duration,
    ) -> Result<Step, LedgerError> {
        let unbounded = Bounds { records: u64::MAX, rows: u64::MAX, bytes: u64::MAX };
        match self.measured(turn, chunk.first..chunk.first + chunk.count, unbounded).await {
            Ok(measured) => {
                self.launch(turn, chunk.number, measured, Kind::Ask, Some(reference));
                Ok(Step::Again)
            }
            Err(error) if error.is_lasting() => {
                self.tell_unreadable(turn, &error);
                self.hold(turn, chunk.number, Code::new(error.code())).await
            }
            Err(error) => Ok(self.unreadable(turn, &error, now)),
        }
    }

    /// Records that the spool cannot give are held, with its reason, as a chunk that was never sent; the others go on.
    /// Restored from a backup, they go when an operator gives them back or orders that they be sent.
    async fn hold_unread(
        &mut self,
        turn: Turn,
        window: Range<u64>,
        error: &EncodeError,
    ) -> Result<Step, LedgerError> {
        let spool = self.shared.spool.clone();
        let all = window.clone();
        let run = tokio::task::spawn_blocking(move || match spool.reader(turn.1) {
            Ok(reader) => reader.unreadable_run(window),
            Err(_) => window,
        });
        let run = run.await.unwrap_or(all);
        let Some(batch) = self.batches.get(&turn) else { return Ok(Step::Wait(None)) };
        let (chunk, code) = (batch.state.next_chunk(), Code::new(error.code()));
        let (first, count) = (run.start, run.end - run.start);
        let events = vec![
            Event::ChunkOpened { chunk, first, count, attempt: 1 },
            Event::ChunkInDoubt { chunk, code: code.clone() },
            Event::DoubtHeld { chunk, code },
        ];
        match self.apply(turn, events).await {
            Ok(()) => {}
            Err(LedgerError::Illegal { .. }) => {
                // Cancelled meanwhile, for one.
                self.refresh = true;
                return Ok(Step::Wait(Some(self.clock())));
            }
            Err(error) => return Err(error),
        }
        self.tell_unreadable(turn, error);
        Ok(Step::Again)
    }

    async fn hold(&mut self, turn: Turn, chunk: u64, code: Code) -> Result<Step, LedgerError> {
        tracing::warn!(batch = %turn.1, chunk, code = code.as_str(), "a chunk's outcome is unknown: an operator must decide");
        self.apply(turn, vec![Event::DoubtHeld { chunk, code }]).await?;
        Ok(Step::Again)
    }

    /// How large the next chunk of the batch's route may be; `again` are records to be sent that are not pending.
    fn size(&mut self, turn: Turn, again: u64, now: Duration) -> Option<ChunkSize> {
        let batch = self.batches.get(&turn)?;
        let route = batch.plan.plan.route.clone();
        if self.routes.get(&route)?.pace.is_full() {
            return None;
        }
        let pending: u64 = self
            .batches
            .values()
            .filter(|batch| batch.plan.plan.route == route)
            .map(|batch| batch.state.sums.pending)
            .sum();
        self.routes.get(&route)?.pace.next(now, pending + again)
    }

    /// Reads the records of the next chunk; the payload is opened for that, and stays open while the chunk is under way.
    async fn measured(
        &mut self,
        turn: Turn,
        within: Range<u64>,
        bounds: Bounds,
    ) -> Result<Measured, EncodeError> {
        let first = within.start;
        let lost = move || EncodeError::Record { position: first };
        let Some(batch) = self.batches.get(&turn) else { return Err(lost()) };
        let (plan, open) = (batch.plan.clone(), self.readers.get(&turn).cloned());
        let spool = self.shared.spool.clone();
        let measuring = tokio::task::spawn_blocking(move || {
            let reader = match open {
                Some(reader) => reader,
                None => spool.reader(turn.1)?,
            };
            let measured = measure(&reader, &plan.mapper, &plan.dialect, within, bounds)?;
            Ok((reader, measured))
        });
        let (reader, measured) = measuring.await.unwrap_or_else(|_| Err(lost()))?;
        self.readers.insert(turn, reader);
        Ok(measured)
    }

    fn unreadable(&mut self, turn: Turn, error: &EncodeError, now: Duration) -> Step {
        tracing::error!(batch = %turn.1, code = error.code(), %error, "a batch's records cannot be read: it waits");
        traffic::unreadable(&self.shared.board, error.code());
        Step::Wait(Some(now + UNREADABLE_WAIT))
    }

    fn tell_unreadable(&self, turn: Turn, error: &EncodeError) {
        tracing::error!(batch = %turn.1, code = error.code(), %error, "records of a batch cannot be read: they are held for an operator");
        traffic::unreadable(&self.shared.board, error.code());
    }

    fn route_of(&self, turn: Turn) -> String {
        self.batches.get(&turn).map(|batch| batch.plan.plan.route.clone()).unwrap_or_default()
    }

    /// Sends a chunk that the ledger knows to be in flight (or asks for one in doubt) on a task of its own.
    fn launch(&mut self, turn: Turn, number: u64, measured: Measured, kind: Kind, reference: Option<String>) {
        let now = self.clock();
        let (Some(batch), Some(reader)) = (self.batches.get(&turn), self.readers.get(&turn)) else { return };
        let plan = &batch.plan.plan;
        // Asking costs the upstream next to nothing: it is no chunk for the pace.
        let ticket = match kind {
            Kind::Ask => None,
            Kind::New | Kind::Repeat => {
                self.routes.get(&plan.route).map(|route| route.pace.opened(now, measured.rows))
            }
        };
        let upstream = self.controls.upstream.borrow().clone();
        let deadline = plan.pace.deadline();
        let outgoing = Outgoing {
            upstream,
            source: RowSource { reader: reader.clone(), plan: batch.plan.clone() },
            batch: turn.1.to_string(),
            number,
            deadline,
        };
        let notary = Notary {
            ledger: self.shared.ledger.clone(),
            batch: turn.1,
            epoch: self.epoch,
            chunk: number,
            now: self.shared.now,
        };
        let started = self.started;
        let task = self.running.spawn(async move {
            let end = match (&reference, outgoing.source.plan.dialect.bulk2()) {
                (Some(id), Some(spec)) => bulk2::resolve(&outgoing, spec, &measured, id).await,
                _ => deliver(&outgoing, &measured, &notary).await,
            };
            Ended { turn, number, kind, ticket, opened: now, took: started.elapsed() - now, measured, end }
        });
        self.tasks.insert(task.id(), Task { turn, chunk: number, ticket });
    }
}

fn bounds(batch: &OpenBatch, size: ChunkSize, most: Option<u64>) -> Bounds {
    if batch.plan.plan.no_split {
        return Bounds { records: u64::MAX, rows: u64::from(u32::MAX), bytes: u64::MAX };
    }
    let dialect = &batch.plan.dialect;
    Bounds {
        records: most.unwrap_or(u64::MAX),
        rows: size.rows.min(dialect.most_rows()),
        bytes: size.bytes.min(dialect.most_bytes()),
    }
}
