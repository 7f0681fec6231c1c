//! One upstream's scheduler: which chunk goes next, and what its end means.

mod close;
mod open;
mod routes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_journal::{
    BatchId, BatchState, BatchView, Code, Digest, Epoch, Event, Ledger, LedgerError, Spool, SpoolReader,
};
use sekisho_liveness::Board;
use sekisho_upstream::Upstream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::close::Ended;
use self::routes::Routes;
use crate::backoff::Budget;
use crate::breaker::Breaker;
use crate::delivery::UpstreamStatus;
use crate::metrics::Metrics;
use crate::pace::Ticket;
use crate::plan::{CompiledPlan, Plan};
use crate::resend::Resend;

/// How long the scheduler sleeps at most: expiry and hand-made changes of the ledger are found by then.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// How long it waits before it asks a failing ledger again.
const LEDGER_WAIT: Duration = Duration::from_secs(1);

/// Changes of a batch that are nearer to each other than this (in milliseconds) are not told apart by their times.
const SAME_TIME: u64 = 1_000;

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

/// A batch with records without an outcome.
struct OpenBatch {
    /// As it was when `state` was loaded.
    view: BatchView,
    /// When that was (unix milliseconds).
    loaded_at: u64,
    plan: Arc<CompiledPlan>,
    state: BatchState,
    resend: Resend,
}

impl OpenBatch {
    /// Nothing has changed in the ledger since it was loaded. What was changed shortly before may have been followed by
    /// something that bears the same time.
    fn is_current(&self, view: &BatchView) -> bool {
        self.view == *view && view.changed_at.saturating_add(SAME_TIME) < self.loaded_at
    }
}

impl OpenBatch {
    /// The spool cannot give some of its records.
    fn is_unreadable(&self) -> bool {
        let by_spool = |code: &Code| code.as_str().starts_with("spool-");
        self.state.chunks.values().any(|chunk| chunk.held && chunk.code.as_ref().is_some_and(by_spool))
    }
}

/// The order in which batches are served: the first accepted first.
type Turn = (u64, BatchId);

/// A chunk that a task works on.
struct Task {
    turn: Turn,
    chunk: u64,
    ticket: Option<Ticket>,
}

pub(crate) struct Scheduler {
    name: String,
    shared: Shared,
    controls: Controls,
    epoch: Epoch,
    started: Instant,
    batches: BTreeMap<Turn, OpenBatch>,
    /// Payloads that are being read: of batches with a chunk under way. Each holds a file and a segment in memory.
    readers: BTreeMap<Turn, SpoolReader>,
    plans: HashMap<Digest, Option<Arc<CompiledPlan>>>,
    routes: Routes,
    running: JoinSet<Ended>,
    /// Chunks under way by the task that works on them.
    tasks: HashMap<tokio::task::Id, Task>,
    breaker: Breaker,
    budget: Budget,
    random: fastrand::Rng,
    /// Events that the ledger has not taken yet; nothing new is opened before it has.
    unwritten: Vec<(Turn, Vec<Event>)>,
    refresh: bool,
}

/// What looking at a batch led to.
enum Step {
    /// Something was done: look again.
    Again,
    /// Nothing to do before this time, or before something ends.
    Wait(Option<Duration>),
}

impl Scheduler {
    pub(crate) fn new(name: String, shared: Shared, controls: Controls) -> Self {
        let epoch = shared.ledger.epoch();
        Self {
            name,
            shared,
            controls,
            epoch,
            started: Instant::now(),
            batches: BTreeMap::new(),
            readers: BTreeMap::new(),
            plans: HashMap::new(),
            routes: Routes::default(),
            running: JoinSet::new(),
            tasks: HashMap::new(),
            breaker: Breaker::new(),
            budget: Budget::new(),
            random: fastrand::Rng::new(),
            unwritten: Vec::new(),
            refresh: true,
        }
    }

    /// Runs until parked. Returns how many chunks were still under way then.
    pub(crate) async fn run(mut self) -> u64 {
        loop {
            let grace = *self.controls.parked.borrow_and_update();
            if let Some(grace) = grace {
                return self.park(grace).await;
            }
            let next = match self.fill().await {
                Ok(_) if self.refresh => {
                    // Something turned out to be otherwise in the ledger: look again, but let others run in between.
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(upstream = self.name, code = error.code(), %error, "the ledger fails: delivery waits");
                    Some(self.clock() + LEDGER_WAIT)
                }
            };
            self.publish();
            let longest = self.clock() + LONGEST_SLEEP;
            let wake_at = self.started + next.unwrap_or(longest).min(longest);
            let slept = tokio::select! {
                biased;
                _ = self.controls.parked.changed() => false,
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => {
                    self.joined(ended).await;
                    false
                }
                () = self.controls.wake.notified() => {
                    self.refresh = true;
                    false
                }
                () = sleep_until(wake_at) => true,
            };
            self.refresh |= slept;
        }
    }

    /// Time since this scheduler started: the clock of pace and breaker.
    fn clock(&self) -> Duration {
        self.started.elapsed()
    }

    /// Opens as many chunks as may be. Returns when to look again, if a time is known.
    async fn fill(&mut self) -> Result<Option<Duration>, LedgerError> {
        self.write_late().await?;
        if self.refresh {
            self.reload().await?;
            self.refresh = false;
        }
        let mut next: Option<Duration> = None;
        let turns: Vec<Turn> = self.batches.keys().copied().collect();
        let mut waiting_routes: BTreeSet<String> = BTreeSet::new();
        for turn in turns {
            let Some(batch) = self.batches.get(&turn) else { continue };
            let (route, ordered) = (batch.plan.plan.route.clone(), batch.view.ordered);
            if waiting_routes.contains(&route) {
                continue;
            }
            let wait = loop {
                if let Step::Wait(wait) = self.step(turn).await? {
                    break wait;
                }
            };
            if !self.tasks.values().any(|task| task.turn == turn) {
                self.readers.remove(&turn);
            }
            next = [next, wait].into_iter().flatten().min();
            // Ordered: the later ones of the route wait until this one is through.
            if ordered && self.batches.contains_key(&turn) {
                waiting_routes.insert(route);
            }
        }
        Ok(next)
    }

    /// Reads the open batches of this upstream from the ledger.
    async fn reload(&mut self) -> Result<(), LedgerError> {
        let views = self.shared.ledger.open_batches().await?;
        let known: BTreeSet<Turn> = views.iter().map(|view| (view.accepted_at, view.id)).collect();
        self.batches.retain(|turn, _| known.contains(turn));
        for view in views {
            let Some(plan) = self.plan(view.plan).await? else { continue };
            if plan.plan.upstream != self.name {
                continue;
            }
            let turn = (view.accepted_at, view.id);
            if self.batches.get(&turn).is_some_and(|batch| batch.is_current(&view)) {
                continue;
            }
            let loaded_at = (self.shared.now)();
            let Some(state) = self.shared.ledger.state(view.id).await? else { continue };
            match self.batches.get_mut(&turn) {
                Some(batch) => (batch.view, batch.loaded_at, batch.state) = (view, loaded_at, state),
                None => {
                    self.routes.enter(&self.shared.ledger, &self.name, &plan).await?;
                    let resend = Resend::default();
                    self.batches.insert(turn, OpenBatch { view, loaded_at, plan, state, resend });
                }
            }
        }
        Ok(())
    }

    /// The plan with this digest, compiled; `None` when it is not one that this version can carry out.
    async fn plan(&mut self, digest: Digest) -> Result<Option<Arc<CompiledPlan>>, LedgerError> {
        if let Some(known) = self.plans.get(&digest) {
            return Ok(known.clone());
        }
        let text = self.shared.ledger.plan(digest).await?.unwrap_or_default();
        let compiled = match Plan::from_json(&text).and_then(CompiledPlan::new) {
            Ok(plan) => Some(Arc::new(plan)),
            Err(error) => {
                tracing::error!(code = error.code(), %error, "a stored delivery plan cannot be carried out: its batches wait");
                None
            }
        };
        self.plans.insert(digest, compiled.clone());
        Ok(compiled)
    }

    /// Lets events happen in the ledger, and then in the copy here.
    async fn apply(&mut self, turn: Turn, events: Vec<Event>) -> Result<(), LedgerError> {
        let at = (self.shared.now)();
        self.shared.ledger.apply(turn.1, self.epoch, at, events.clone()).await?;
        let Some(batch) = self.batches.get_mut(&turn) else { return Ok(()) };
        for event in &events {
            if batch.state.apply(event, self.epoch, at).is_err() {
                // Somebody else has changed the batch meanwhile: the ledger's word counts.
                if let Some(state) = self.shared.ledger.state(turn.1).await? {
                    batch.state = state;
                }
                break;
            }
        }
        Ok(())
    }

    /// Events that must get into the ledger, now or later.
    async fn apply_surely(&mut self, turn: Turn, events: Vec<Event>) {
        match self.apply(turn, events.clone()).await {
            Ok(()) => {}
            Err(LedgerError::Illegal { illegal, .. }) => {
                tracing::warn!(batch = %turn.1, code = illegal.code(), %illegal, "an end came too late for the ledger");
                self.refresh = true;
            }
            Err(error) => {
                tracing::error!(batch = %turn.1, code = error.code(), %error, "an outcome is not written down yet");
                self.unwritten.push((turn, events));
            }
        }
    }

    async fn write_late(&mut self) -> Result<(), LedgerError> {
        while let Some((turn, events)) = self.unwritten.first().cloned() {
            match self.apply(turn, events).await {
                Ok(()) | Err(LedgerError::Illegal { .. }) => {
                    self.unwritten.remove(0);
                    self.refresh = true;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for what is under way; what is not back in time is in doubt.
    async fn park(&mut self, grace: Instant) -> u64 {
        while !self.running.is_empty() {
            match timeout_at(grace, self.running.join_next_with_id()).await {
                Ok(Some(ended)) => self.joined(ended).await,
                Ok(None) | Err(_) => break,
            }
        }
        self.running.shutdown().await;
        let left: Vec<Task> = self.tasks.drain().map(|(_, task)| task).collect();
        for task in &left {
            self.came_to_nothing(task, "parked").await;
        }
        if let Err(error) = self.write_late().await {
            tracing::error!(code = error.code(), %error, "outcomes could not be written down before the end");
        }
        self.routes.keep(&self.shared.ledger, &self.name).await;
        self.publish();
        left.len() as u64
    }

    fn publish(&self) {
        let now = self.clock();
        let paused = self.breaker.paused_until(now);
        let unreadable = self.batches.values().filter(|batch| batch.is_unreadable()).count() as u64;
        self.shared.metrics.upstream(&self.name, self.batches.len() as u64, unreadable, paused.is_some());
        let pace = self.routes.explain(&self.shared.metrics, &self.name, now);
        let mut status = self.controls.status.lock().unwrap_or_else(PoisonError::into_inner);
        *status = UpstreamStatus {
            upstream: self.name.clone(),
            open_batches: self.batches.len() as u64,
            unreadable_batches: unreadable,
            in_flight: self.running.len() as u64,
            paused_ms: paused
                .map_or(0, |until| u64::try_from(until.saturating_sub(now).as_millis()).unwrap_or(u64::MAX)),
            pace,
        };
    }
}
