//! Which chunk goes next, and what its end means: the decisions for one upstream, pure.
//!
//! [`Dispatcher::next`] says what is to be done, as a [`Command`]; who carries it out tells what became of it
//! ([`Dispatcher::answer`]). One command is under way at a time, except chunks: they are sent beside everything else, and
//! [`Dispatcher::ended`] says how each ended. Nothing here reads a clock, a store or a socket, and with one seed, the same
//! answers lead to the same commands: `scheduler` is the shell for service, `xtask/simulation` the one for trials.
//!
//! The order that makes outcomes true is in the commands: a chunk is written down before it is sent; what has come back is
//! written down before anything new is begun; and what the ledger could not take is offered again until it has.

mod by_keys;
mod close;
mod command;
mod open;
mod order;
mod quotas;
mod reload;
mod routes;
mod written;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use sekisho_journal::machine::LiveChunk;
use sekisho_journal::{BatchId, BatchState, BatchView, Code, Digest, Epoch, Event};

use self::close::Kind;
pub use self::command::{Answer, Command, Moment, Question, Reading, Report, Sending, TaskId};
use self::order::Orders;
use self::routes::Routes;
use crate::backoff::Budget;
use crate::breaker::Breaker;
use crate::encode::Measured;
use crate::pace::{ChunkSize, Pace, Ticket};
use crate::plan::CompiledPlan;
use crate::quota::Quota;
use crate::resend::Resend;

/// How long the dispatcher waits before it asks a failing ledger again.
const LEDGER_WAIT: Duration = Duration::from_secs(1);

/// Changes of a batch that are nearer to each other than this (in milliseconds) are not told apart by their times.
const SAME_TIME: u64 = 1_000;

/// The order in which batches are served: the first accepted first.
pub(crate) type Turn = (u64, BatchId);

/// A batch with records without an outcome.
struct OpenBatch {
    /// As it was when `state` was loaded.
    view: BatchView,
    /// When that was (unix milliseconds).
    loaded_at: u64,
    plan: Arc<CompiledPlan>,
    state: BatchState,
    resend: Resend,
    orders: Orders,
}

impl OpenBatch {
    /// Nothing has changed in the ledger since it was loaded. What was changed shortly before may have been followed by
    /// something that bears the same time.
    fn is_current(&self, view: &BatchView) -> bool {
        self.view == *view && view.changed_at.saturating_add(SAME_TIME) < self.loaded_at
    }

    /// Of some of its records nobody can know yet what became of them.
    fn is_waiting(&self) -> bool {
        self.state.chunks().any(LiveChunk::is_waiting)
    }

    /// The spool cannot give some of its records.
    fn is_unreadable(&self) -> bool {
        let by_spool = |code: &Code| code.as_str().starts_with("spool-");
        self.state.chunks().any(|chunk| chunk.held() && chunk.code().is_some_and(by_spool))
    }
}

/// A chunk that is being sent or asked for.
struct Task {
    turn: Turn,
    chunk: u64,
    kind: Kind,
    ticket: Option<Ticket>,
    opened: Duration,
    measured: Arc<Measured>,
    /// The upstream is asked which of its rows are there.
    by_keys: bool,
    /// Calls of it that were counted before it began.
    calls: u64,
    /// It goes whole or not at all.
    whole: bool,
}

/// The command that is under way, and what follows from its answer.
enum Asked {
    Nothing,
    List,
    Plan(Digest),
    Memory(Arc<CompiledPlan>),
    Quota,
    /// The state of the batch that this view is of.
    State(Box<BatchView>, Arc<CompiledPlan>),
    /// The state of a batch that the copy here has fallen behind of.
    Behind(Turn),
    Write {
        turn: Turn,
        at: u64,
        events: Vec<Event>,
        then: Then,
    },
    Measure {
        turn: Turn,
        within: Range<u64>,
        then: Use,
    },
    Run {
        turn: Turn,
        code: Code,
    },
    /// What of the batch waits for what: for its own records, or for those of an earlier one.
    Order {
        turn: Turn,
        after: Option<Turn>,
    },
    Digest(Turn),
    /// What was tried before this process.
    GivenBack(Turn),
    /// Whether what is sent next is counted.
    Count,
}

/// What follows when events have happened.
enum Then {
    /// They were an outcome: the next one may be offered.
    Outcome,
    /// A record that was tried as often as may be is an operator's.
    Withheld(u64),
    /// The batch is looked at again.
    Again,
    /// The batch is over.
    Finish,
    /// Records got an outcome without being sent.
    Count { outcome: &'static str, count: u64 },
    /// The new chunk is sent.
    Send { chunk: u64, measured: Measured },
    /// The chunk in doubt is sent again, in parts of such a size.
    Repeat { chunk: u64, size: ChunkSize, most: Option<u64> },
}

/// What records are read for.
enum Use {
    Open,
    Repeat {
        chunk: u64,
        /// By an operator, all of it; else as this decides.
        ordered: bool,
    },
    Ask {
        chunk: u64,
        question: Question,
    },
}

/// What looking at a batch led to.
enum Step {
    /// This has to be done first.
    Do(Command),
    /// Nothing to do before this time, or before something ends.
    Wait(Option<Duration>),
}

/// One look at every batch, in their order.
struct Round {
    turns: VecDeque<Turn>,
    /// When to look again.
    next: Option<Duration>,
}

/// What an upstream's dispatcher is about, for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Batches with records without an outcome.
    pub open_batches: u64,
    /// Those with records that the spool cannot give.
    pub unreadable_batches: u64,
    /// Chunks under way.
    pub in_flight: u64,
    /// Nothing is sent before this time.
    pub paused_until: Option<Duration>,
}

/// Decides for one upstream.
pub struct Dispatcher {
    name: String,
    epoch: Epoch,
    batches: BTreeMap<Turn, OpenBatch>,
    plans: HashMap<Digest, Option<Arc<CompiledPlan>>>,
    routes: Routes,
    tasks: BTreeMap<TaskId, Task>,
    last_task: u64,
    breaker: Breaker,
    budget: Budget,
    /// What was asked of the upstream; not known before it was read.
    quota: Option<Quota>,
    /// A route has a daily budget: what was asked is kept.
    counts: bool,
    random: fastrand::Rng,
    /// Events that the ledger has not taken yet, the oldest first; nothing new is opened before it has.
    outcomes: VecDeque<(Turn, Vec<Event>)>,
    /// What follows at once.
    ready: VecDeque<Command>,
    asked: Asked,
    /// Batches of which the ledger knows more than the copy here.
    behind: BTreeSet<Turn>,
    /// Open batches that are still to be taken in.
    listed: Option<VecDeque<BatchView>>,
    round: Option<Round>,
    /// Something has its outcome since the batches began to be looked at: what waited for it may go.
    stirred: bool,
    /// The ledger may hold what is not known here.
    refresh: bool,
    /// The ledger fails: it is asked again then.
    ledger_waits: Duration,
    reports: Vec<Report>,
}

impl Dispatcher {
    /// Decides for the upstream of that name, as the ledger's owner of that epoch. Waits are drawn from `seed`.
    pub fn new(name: &str, epoch: Epoch, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        Self {
            name: name.to_owned(),
            epoch,
            batches: BTreeMap::new(),
            plans: HashMap::new(),
            routes: Routes::default(),
            tasks: BTreeMap::new(),
            last_task: 0,
            breaker: Breaker::new(random.fork()),
            budget: Budget::new(),
            quota: None,
            counts: false,
            random,
            outcomes: VecDeque::new(),
            ready: VecDeque::new(),
            asked: Asked::Nothing,
            behind: BTreeSet::new(),
            listed: None,
            round: None,
            stirred: false,
            refresh: true,
            ledger_waits: Duration::ZERO,
            reports: Vec::new(),
        }
    }

    /// What to do next. To be asked again after every command, and after a sleep whenever anything has happened.
    pub fn next(&mut self, now: Moment) -> Command {
        loop {
            if let Some(command) = self.ready.pop_front() {
                if let Command::Count { .. } = command {
                    self.asked = Asked::Count;
                }
                return command;
            }
            if now.clock < self.ledger_waits {
                return Command::Sleep(Some(self.ledger_waits));
            }
            if let Some(command) = self.outcome(now) {
                return command;
            }
            if let Some(turn) = self.behind.pop_first() {
                self.asked = Asked::Behind(turn);
                return Command::Load(turn.1);
            }
            if let Some(command) = self.reload() {
                return command;
            }
            if let Some(command) = self.look(now) {
                return command;
            }
            let next = self.round.take().and_then(|round| round.next);
            if !self.refresh && !self.stirred {
                return Command::Sleep(next);
            }
        }
    }

    /// What became of the command under way.
    pub fn answer(&mut self, now: Moment, answer: Answer) {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        match (asked, answer) {
            (Asked::Write { turn, events, then, .. }, Answer::Failed) => {
                #[cfg(feature = "planted")]
                if sekisho_journal::planted::is(sekisho_journal::planted::Bug::OutcomeDropped) {
                    return self.ledger_failed(now);
                }
                if let Then::Outcome = then {
                    tracing::error!(batch = %turn.1, "an outcome is not written down yet");
                    self.outcomes.push_front((turn, events));
                }
                self.ledger_failed(now);
            }
            (Asked::Count, Answer::Failed) => {
                self.not_counted(now);
                self.ledger_failed(now);
            }
            (_, Answer::Failed) => self.ledger_failed(now),
            (Asked::Write { turn, at, events, then }, Answer::Written) => {
                self.happened(turn, at, &events);
                self.written(turn, then, now);
            }
            (Asked::Write { turn, then, .. }, Answer::Illegal) => self.not_written(turn, then, now),
            (Asked::List, Answer::Batches(views)) => self.listed(views),
            (Asked::Plan(digest), Answer::Plan(json)) => self.plan(digest, json.as_deref()),
            (Asked::Memory(plan), Answer::Memory(memory)) => {
                self.routes.enter(&plan, &memory.unwrap_or_default());
            }
            (Asked::Quota, Answer::Memory(memory)) => {
                self.quota = Some(Quota::recall(&memory.unwrap_or_default()));
            }
            (Asked::State(view, plan), Answer::State(state)) => self.loaded(*view, plan, state, now),
            (Asked::Behind(turn), Answer::State(state)) => {
                if let (Some(batch), Some(state)) = (self.batches.get_mut(&turn), state) {
                    batch.state = state;
                }
            }
            (Asked::Measure { turn, then, .. }, Answer::Measured(measured)) => {
                self.measured(turn, then, measured, now);
            }
            (Asked::Measure { turn, within, then }, Answer::Unreadable { code, lasting }) => {
                self.unreadable(turn, within, then, code, lasting, now);
            }
            (Asked::Run { turn, code }, Answer::Run(run)) => self.hold_unread(turn, run, code, now),
            (Asked::Order { turn, after }, Answer::Order(order)) => self.ordered(turn, after, order),
            (Asked::Order { turn, after }, Answer::Unreadable { code, lasting }) => {
                self.not_ordered(turn, after, code, lasting, now);
            }
            (Asked::GivenBack(turn), Answer::GivenBack(chunks)) => self.given_back(turn, &chunks),
            (Asked::Digest(turn), Answer::Digest(digest)) => {
                let command = self.finish(turn, digest, now);
                self.ready.push_back(command);
            }
            // An answer to something else is none: what was asked for is asked for again.
            _ => {}
        }
    }

    /// A batch was accepted, cancelled or decided upon, or it is time to look: the ledger is read again.
    pub fn wake(&mut self) {
        self.refresh = true;
    }

    /// Nothing more is opened. Chunks whose end nobody has heard are in doubt; [`Dispatcher::last`] says what is still to
    /// be written down. Returns how many chunks that are.
    pub fn park(&mut self, now: Moment) -> u64 {
        let left: Vec<TaskId> = self.tasks.keys().copied().collect();
        for task in &left {
            self.came_to_nothing(now, *task, "parked");
        }
        self.ready.clear();
        self.ready.extend(self.routes.all(&self.name));
        self.ready.extend(self.keep_quota());
        self.ledger_waits = Duration::ZERO;
        left.len() as u64
    }

    /// After [`Dispatcher::park`]: what is still to be done, until there is nothing or the ledger fails.
    pub fn last(&mut self, now: Moment) -> Option<Command> {
        if now.clock < self.ledger_waits {
            return None;
        }
        self.outcome(now).or_else(|| self.ready.pop_front())
    }

    /// A chunk of the batch is under way: its payload will be read.
    pub fn is_sending(&self, batch: BatchId) -> bool {
        self.tasks.values().any(|task| task.turn.1 == batch)
    }

    /// What has come about since this was asked last.
    pub fn reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// How it stands.
    pub fn status(&self, now: Moment) -> Status {
        Status {
            open_batches: self.batches.len() as u64,
            unreadable_batches: self.batches.values().filter(|batch| batch.is_unreadable()).count() as u64,
            in_flight: self.tasks.len() as u64,
            paused_until: self.breaker.paused_until(now.clock).max(self.quotas_used_up_until(now)),
        }
    }

    /// The route's pace, for each.
    pub fn paces(&self) -> impl Iterator<Item = (&str, &Pace)> {
        self.routes.paces()
    }

    /// The copy of a batch's state, which is the ledger's as long as nobody else changes the batch.
    pub fn state(&self, batch: BatchId) -> Option<&BatchState> {
        self.batches.iter().find(|(turn, _)| turn.1 == batch).map(|(_, batch)| &batch.state)
    }

    /// The oldest outcome that the ledger has not taken.
    fn outcome(&mut self, now: Moment) -> Option<Command> {
        let (turn, events) = self.outcomes.pop_front()?;
        Some(self.write(turn, events, Then::Outcome, now))
    }

    /// The next thing that a batch needs; none when all have been looked at.
    fn look(&mut self, now: Moment) -> Option<Command> {
        if self.round.is_none() {
            self.stirred = false;
            let turns = self.batches.keys().copied().collect();
            self.round = Some(Round { turns, next: None });
        }
        loop {
            let round = self.round.as_ref()?;
            let turn = *round.turns.front()?;
            match self.step(turn, now) {
                Step::Do(command) => return Some(command),
                Step::Wait(wait) => self.leave(turn, wait),
            }
        }
    }

    /// The batch is left until then.
    fn leave(&mut self, turn: Turn, until: Option<Duration>) {
        self.look_by(until);
        let Some(round) = self.round.as_mut().filter(|round| round.turns.front() == Some(&turn)) else {
            return;
        };
        round.turns.pop_front();
    }

    /// Every batch is looked at again by this time.
    fn look_by(&mut self, time: Option<Duration>) {
        if let Some(round) = &mut self.round {
            round.next = [round.next, time].into_iter().flatten().min();
        }
    }
}
