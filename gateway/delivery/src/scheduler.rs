//! One upstream's scheduler: the shell around a [`Dispatcher`]. It carries out what that decides, on the real ledger, spool,
//! network and clocks, and shows it to metrics and hops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_journal::{BatchId, CallName, Code, Ledger, LedgerError, Spool, SpoolReader, delivered_digest};
#[cfg(feature = "failpoints")]
use sekisho_journal::{
    Event,
    failpoints::{self, Point},
};
use sekisho_liveness::Board;
use sekisho_upstream::Upstream;
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::bulk2::{self, Notary};
use crate::chunk::{End, Keep, Outgoing, Tally};
use crate::delivery::UpstreamStatus;
use crate::dialect::Verdict;
use crate::dispatch::{Answer, Command, Dispatcher, Moment, Question, Reading, Report, Sending, TaskId};
use crate::encode::{EncodeError, RowSource};
use crate::find;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::quota::Wait;
use crate::traffic;

/// How long the scheduler sleeps at most: expiry and hand-made changes of the ledger are found by then.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// What all schedulers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) spool: Spool,
    pub(crate) board: Board,
    pub(crate) metrics: Metrics,
    /// Unix milliseconds.
    pub(crate) now: fn() -> u64,
}

/// The strings by which a scheduler is moved.
pub(crate) struct Controls {
    pub(crate) wake: Arc<Notify>,
    pub(crate) upstream: watch::Receiver<Upstream>,
    /// Set once: until when chunks under way are waited for.
    pub(crate) parked: watch::Receiver<Option<Instant>>,
    pub(crate) status: Arc<Mutex<UpstreamStatus>>,
}

pub(crate) struct Scheduler {
    name: String,
    shared: Shared,
    controls: Controls,
    dispatcher: Dispatcher,
    started: Instant,
    /// Payloads that are being read: of batches with a chunk under way. Each holds a file and a segment in memory.
    readers: HashMap<BatchId, SpoolReader>,
    running: JoinSet<End>,
    /// Chunks under way by the task that works on them, and since when.
    tasks: HashMap<Id, Sent>,
}

/// A chunk that a task works on.
struct Sent {
    task: TaskId,
    since: Instant,
    tally: Tally,
    /// Nothing is sent: the upstream is asked by key.
    by_keys: bool,
}

impl Scheduler {
    pub(crate) fn new(name: String, shared: Shared, controls: Controls) -> Self {
        let dispatcher = Dispatcher::new(&name, shared.ledger.epoch(), fastrand::u64(..));
        Self {
            name,
            shared,
            controls,
            dispatcher,
            started: Instant::now(),
            readers: HashMap::new(),
            running: JoinSet::new(),
            tasks: HashMap::new(),
        }
    }

    /// Runs until parked. Returns how many chunks were still under way then.
    pub(crate) async fn run(mut self) -> u64 {
        loop {
            while let Some(ended) = self.running.try_join_next_with_id() {
                self.joined(ended);
            }
            let command = self.dispatcher.next(self.now());
            // Between two looks at the batches: what was written down to be sent has been sent.
            let parked = *self.controls.parked.borrow_and_update();
            if let (Command::Sleep(_) | Command::List, Some(grace)) = (&command, parked) {
                return self.park(grace).await;
            }
            match command {
                Command::Sleep(until) => self.sleep(until).await,
                command => self.carry_out(command).await,
            }
        }
    }

    fn now(&self) -> Moment {
        Moment { clock: self.started.elapsed(), wall: (self.shared.now)() }
    }

    async fn sleep(&mut self, until: Option<Duration>) {
        self.keep_open(None);
        self.publish();
        let longest = self.started.elapsed() + LONGEST_SLEEP;
        let wake_at = self.started + until.unwrap_or(longest).min(longest);
        tokio::select! {
            biased;
            _ = self.controls.parked.changed() => {}
            Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.joined(ended),
            () = self.controls.wake.notified() => self.dispatcher.wake(),
            () = sleep_until(wake_at) => self.dispatcher.wake(),
        }
    }

    async fn carry_out(&mut self, command: Command) {
        let ledger = self.shared.ledger.clone();
        let answer = match command {
            Command::List => ledger.open_batches().await.map(Answer::Batches),
            Command::Plan(digest) => ledger.plan(digest).await.map(Answer::Plan),
            Command::Recall(name) => ledger.pace(&name).await.map(Answer::Memory),
            Command::Load(batch) => ledger.state(batch).await.map(Answer::State),
            Command::Write { batch, at, events } => {
                #[cfg(feature = "failpoints")]
                let is_outcome = events.iter().any(|event| matches!(event, Event::ChunkAnswered { .. }));
                match ledger.apply(batch, ledger.epoch(), at, events).await {
                    Ok(_) => {
                        #[cfg(feature = "failpoints")]
                        if is_outcome {
                            failpoints::pass(Point::OutcomeWritten);
                        }
                        Ok(Answer::Written)
                    }
                    Err(LedgerError::Illegal { illegal, .. }) => {
                        tracing::debug!(%batch, code = illegal.code(), %illegal, "the ledger knows better");
                        Ok(Answer::Illegal)
                    }
                    Err(error) => Err(error),
                }
            }
            Command::Measure(reading) => Ok(self.measure(reading).await),
            Command::Probe { batch, within } => Ok(Answer::Run(self.unreadable_run(batch, within).await)),
            Command::Order { batch, after } => Ok(self.order(batch, after).await),
            Command::GivenBack(batch) => ledger.given_back(batch).await.map(Answer::GivenBack),
            Command::Digest(batch) => {
                delivered_digest(&self.shared.spool, &ledger, batch).await.map(Answer::Digest)
            }
            Command::Send(sending) => return self.launch(sending),
            Command::Count { name, memory } => {
                ledger.keep_pace(&name, memory).await.map(|()| Answer::Written)
            }
            Command::Keep { name, memory } => {
                if let Err(error) = ledger.keep_pace(&name, memory).await {
                    tracing::warn!(code = error.code(), %error, "what the pace has learnt could not be kept");
                }
                return;
            }
            Command::Sleep(_) => return,
        };
        let answer = answer.unwrap_or_else(|error| {
            tracing::error!(upstream = self.name, code = error.code(), %error, "the ledger fails: delivery waits");
            Answer::Failed
        });
        self.dispatcher.answer(self.now(), answer);
        self.count();
    }

    /// Reads the records of the next chunk; the payload is opened for that, and stays open while the chunk is under way.
    async fn measure(&mut self, reading: Reading) -> Answer {
        let batch = reading.batch();
        let lost = EncodeError::Record { position: reading.first() };
        let (open, spool) = (self.readers.get(&batch).cloned(), self.shared.spool.clone());
        let measuring = spawn_blocking(move || {
            let reader = match open {
                Some(reader) => reader,
                None => spool.reader(batch)?,
            };
            let measured = reading.measured(&reader)?;
            Ok((reader, measured))
        });
        match measuring.await.unwrap_or(Err(lost)) {
            Ok((reader, measured)) => {
                self.keep_open(Some(batch));
                self.readers.insert(batch, reader);
                Answer::Measured(measured)
            }
            Err(error) => {
                let what =
                    if error.is_lasting() { "they are held for an operator" } else { "the batch waits" };
                tracing::error!(%batch, code = error.code(), %error, "records of a batch cannot be read: {what}");
                traffic::unreadable(&self.shared.board, error.code());
                Answer::unreadable(&error)
            }
        }
    }

    /// Reads what of a batch waits for what; the payload stays open for the chunk that follows.
    async fn order(&mut self, batch: BatchId, after: Option<BatchId>) -> Answer {
        let (open, spool) = (self.readers.get(&batch).cloned(), self.shared.spool.clone());
        let reading = spawn_blocking(move || {
            let reader = open.map_or_else(|| spool.reader(batch), Ok);
            let open = reader.as_ref().ok().cloned();
            (open, Answer::order(reader, after.map(|earlier| spool.reader(earlier))))
        });
        let (open, answer) = match reading.await {
            Ok(read) => read,
            // A panic there was reported there: it is looked at later.
            Err(_) => (None, Answer::Unreadable { code: Code::new("task-broken"), lasting: false }),
        };
        if let Answer::Unreadable { code, .. } = &answer {
            tracing::error!(%batch, code = code.as_str(), "what of a batch may overtake what cannot be read");
            traffic::unreadable(&self.shared.board, code.as_str());
        }
        if let Some(reader) = open {
            self.keep_open(Some(batch));
            self.readers.insert(batch, reader);
        }
        answer
    }

    async fn unreadable_run(&self, batch: BatchId, within: std::ops::Range<u64>) -> std::ops::Range<u64> {
        let (spool, all) = (self.shared.spool.clone(), within.clone());
        let run = spawn_blocking(move || match spool.reader(batch) {
            Ok(reader) => reader.unreadable_run(within),
            Err(_) => within,
        });
        run.await.unwrap_or(all)
    }

    /// Closes the payloads of batches that have no chunk under way, but for one.
    fn keep_open(&mut self, one: Option<BatchId>) {
        let dispatcher = &self.dispatcher;
        self.readers.retain(|batch, _| Some(*batch) == one || dispatcher.is_sending(*batch));
    }

    /// Sends a chunk that the ledger knows to be in flight (or asks for one in doubt) on a task of its own.
    fn launch(&mut self, sending: Sending) {
        #[cfg(feature = "failpoints")]
        failpoints::pass(Point::ChunkOpened);
        let Some(reader) = self.readers.get(&sending.batch).cloned() else {
            return self.dispatcher.broke_off(self.now(), sending.task);
        };
        let keep = sending.plan.plan.answer.as_ref().map(|_| Keep {
            spool: self.shared.spool.clone(),
            batch: sending.batch,
            call: CallName { chunk: sending.chunk, epoch: self.shared.ledger.epoch(), call: sending.task.0 },
        });
        let outgoing = Outgoing {
            upstream: self.controls.upstream.borrow().clone(),
            source: RowSource { reader, plan: sending.plan },
            batch: sending.batch.to_string(),
            number: sending.chunk,
            tally: Tally::default(),
            keep,
        };
        let tally = outgoing.tally.clone();
        let notary = Notary {
            ledger: self.shared.ledger.clone(),
            batch: sending.batch,
            epoch: self.shared.ledger.epoch(),
            chunk: sending.chunk,
            now: self.shared.now,
        };
        let (measured, ask) = (sending.measured, sending.ask);
        let by_keys = ask == Some(Question::Keys);
        let task = self.running.spawn(async move {
            match outgoing.source.plan.dialect.bulk2() {
                Some(spec) => {
                    let job = ask.as_ref().and_then(Question::job);
                    bulk2::deliver(&outgoing, spec, &measured, &notary, job).await
                }
                None if by_keys => find::ask(&outgoing, &measured).await,
                None => outgoing.send(&measured).await,
            }
        });
        let sent = Sent { task: sending.task, since: Instant::now(), tally, by_keys };
        self.tasks.insert(task.id(), sent);
    }

    fn joined(&mut self, ended: Result<(Id, End), JoinError>) {
        #[cfg(feature = "failpoints")]
        failpoints::pass(Point::ChunkEnded);
        let now = self.now();
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(Sent { task, since, tally, by_keys }) = self.tasks.remove(&id) else { return };
        let (calls, signals) = tally.sum();
        self.dispatcher.heard(now, task, calls, signals);
        match ended {
            Ok((_, end)) => {
                // That a row is not there is no refusal.
                let refused = !by_keys
                    && matches!(&end, End::Answered(Verdict::Rows(problems)) if !problems.is_empty());
                traffic::report(&self.shared.board, &self.name, &end, since.elapsed(), refused);
                self.dispatcher.ended(now, task, &end);
            }
            Err(error) => {
                tracing::error!(%error, "a delivery task broke off");
                self.dispatcher.broke_off(now, task);
            }
        }
        self.count();
    }

    /// Waits for what is under way; what is not back in time is in doubt.
    async fn park(&mut self, grace: Instant) -> u64 {
        while !self.running.is_empty() {
            match timeout_at(grace, self.running.join_next_with_id()).await {
                Ok(Some(ended)) => self.joined(ended),
                Ok(None) | Err(_) => break,
            }
            self.finish_writing().await;
        }
        self.running.shutdown().await;
        let left = self.dispatcher.park(self.now());
        self.finish_writing().await;
        self.publish();
        left
    }

    async fn finish_writing(&mut self) {
        while let Some(command) = self.dispatcher.last(self.now()) {
            self.carry_out(command).await;
        }
    }

    fn count(&mut self) {
        let (metrics, name) = (&self.shared.metrics, &self.name);
        for report in self.dispatcher.reports() {
            match report {
                Report::ChunkEnded { route, end, took } => {
                    metrics.chunk_ended(name, &route, end, took.as_secs_f64());
                }
                Report::Records { route, outcome, count } => metrics.records(name, &route, outcome, count),
                Report::BatchFinished { route } => metrics.batch_finished(name, &route),
            }
        }
    }

    fn publish(&self) {
        let now = self.now();
        let status = self.dispatcher.status(now);
        let paused = status.paused_until;
        self.shared.metrics.upstream(
            &self.name,
            status.open_batches,
            status.unreadable_batches,
            paused.is_some(),
        );
        self.shared.metrics.quota(&self.name, self.dispatcher.used(now));
        let line = |(route, pace, wait): (&str, &Pace, Option<Wait>)| {
            let seconds = wait.map_or(0, |wait| wait.until.saturating_sub(now.wall)) as f64 / 1e3;
            self.shared.metrics.pace(&self.name, route, pace, now.clock, seconds);
            let waits = wait.map(|wait| format!("; {}", wait.explain(now.wall))).unwrap_or_default();
            (route.to_owned(), pace.explain(now.clock) + &waits)
        };
        let pace = self.dispatcher.waits(now).map(line).collect();
        let paused = paused.map_or(Duration::ZERO, |until| until.saturating_sub(now.clock));
        let mut shown = self.controls.status.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = UpstreamStatus {
            upstream: self.name.clone(),
            open_batches: status.open_batches,
            unreadable_batches: status.unreadable_batches,
            in_flight: status.in_flight,
            paused_ms: u64::try_from(paused.as_millis()).unwrap_or(u64::MAX),
            pace,
        };
    }
}
