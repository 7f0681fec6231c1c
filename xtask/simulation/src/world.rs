//! The world: a clock that jumps from one happening to the next, the stores, the cloud, the network, the gateway, its clients.

use std::collections::BTreeMap;
use std::time::Duration;

use sekisho_delivery::JobAnswer;
use sekisho_delivery::dispatch::{Dispatcher, Sending, TaskId};
use sekisho_journal::{BatchId, Digest, Epoch, Event, RangeSet, Spool, SpoolReader};
use sekisho_upstream::Endpoint;

use crate::cloud::{Cloud, Request};
use crate::disk::{DiskFaults, ModelDisk};
use crate::jobs::{CloudJob, Course, JobCall};
use crate::ledger::ModelLedger;
use crate::looks::{Look, LookCall};
use crate::quotas::Asked;
use crate::scenario::{Content, Faults, Scenario, finds, within};

/// Where the spool lies on the model disk.
pub(crate) const SPOOL: &str = "/spool";
/// And the folder of the keys of batches.
pub(crate) const DATA_KEYS: &str = "/data-keys";

/// The wall clock when a run begins (unix milliseconds).
const BEGIN: u64 = 1_800_000_000_000;

/// How long after the faults everything must have settled. Where the cloud may be asked for little in a day, each record
/// has days of its own: the least budget lets one through, and some are refused for the moment.
const PATIENCE: Duration = Duration::from_secs(4 * 3_600);
const PATIENCE_OF_RECORD: Duration = Duration::from_secs(3 * 24 * 3_600);

/// How often the operator looks at what is held, once it is calm, and where things take days.
const OPERATOR: Duration = Duration::from_secs(300);
const OPERATOR_OF_DAYS: Duration = Duration::from_secs(3 * 3_600);

/// Keys that one payload may have, where no other one has them.
const PAYLOAD_OF_KEYS: u32 = 1_000;

/// More happenings than any run has that gets anywhere.
const MOST_HAPPENINGS: u32 = 100_000;

/// What happens at a time.
pub(crate) enum Happening {
    /// A client sends a payload.
    Submit(usize),
    /// A client withdraws a batch.
    Cancel(BatchId),
    /// The gateway is started.
    Start,
    /// The gateway has slept long enough; the number says which sleep it was.
    Wake(u64),
    /// A request reaches the cloud.
    Arrive(u64),
    /// The cloud stops a request that it has begun to answer.
    Stopped(u64),
    /// What has had its time is removed.
    Purge,
    /// The cloud has done a part of a request: which, of how many, and of how many it will do.
    Work { request: u64, part: u8, of: u8, last: u8 },
    /// An exchange is over for the gateway that began it.
    Over { incarnation: u64, task: TaskId, reply: Reply },
    /// A gateway that stood still while another took over goes on with what it was writing.
    GoOn { gateway: Box<Gateway>, batch: BatchId, at: u64, events: Vec<Event> },
    /// A call about a job reaches the cloud.
    JobArrive(Box<JobCall>),
    /// The cloud has done a part of a job, or fails at it.
    JobWork { job: String, part: u8, fails: bool },
    /// A step of a job is over for the gateway that took it.
    JobTold { incarnation: u64, task: TaskId, call: u64, answer: JobAnswer, file: Option<Vec<u8>> },
    /// A call that asks by key reaches the cloud.
    LookArrive(Box<LookCall>),
    /// It is over for the gateway that made it.
    LookTold { incarnation: u64, task: TaskId, call: u64, reply: Reply },
    /// The wall clock is set.
    Jump(i64),
    /// Nothing goes wrong from now on.
    Calm,
    /// The operator looks at what is held.
    Operate,
}

/// What a gateway hears at the end of an exchange.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer { status: u16, retry_after: Option<u64>, media: &'static str, body: Vec<u8> },
    NotSent,
    Lost { timeout: bool },
}

/// A gateway that runs: what it knows is gone when it is killed.
pub(crate) struct Gateway {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) epoch: Epoch,
    pub(crate) started: Duration,
    pub(crate) spool: Spool,
    pub(crate) readers: BTreeMap<BatchId, SpoolReader>,
    pub(crate) sendings: BTreeMap<TaskId, Sending>,
    pub(crate) courses: BTreeMap<TaskId, Course>,
    pub(crate) looks: BTreeMap<TaskId, Look>,
    pub(crate) sleep: u64,
}

/// A payload that was sent, and what the world knows about each record of it.
pub(crate) struct Truth {
    pub(crate) route: usize,
    pub(crate) records: Vec<Content>,
    pub(crate) batch: Option<BatchId>,
    /// Its client has a receipt.
    pub(crate) promised: bool,
    /// Its client was told that it is not taken.
    pub(crate) refused: bool,
    /// Its place in the order of acceptance, once it was accepted.
    pub(crate) sequence: Option<u64>,
    /// Records that later ones take the place of.
    pub(crate) superseded: RangeSet,
    /// How often each row of each record has had its effect.
    pub(crate) effects: Vec<Vec<u32>>,
    /// When it was finished, by the wall clock.
    pub(crate) finished: Option<u64>,
    pub(crate) expires: Option<Duration>,
    pub(crate) cancelled: Option<Duration>,
}

impl Truth {
    /// A payload of which the gateway knows nothing.
    pub(crate) fn new(
        route: usize,
        records: Vec<Content>,
        expires: Option<Duration>,
        cancelled: Option<Duration>,
    ) -> Self {
        let effects = records.iter().map(|content| vec![0; content.bad.len()]).collect();
        Self {
            route,
            records,
            batch: None,
            promised: false,
            refused: false,
            sequence: None,
            superseded: RangeSet::new(),
            effects,
            finished: None,
            expires,
            cancelled,
        }
    }

    /// Some of the record has had its effect.
    pub(crate) fn has_effect(&self, position: u64) -> bool {
        self.effects[position as usize].iter().any(|effects| *effects > 0)
    }

    /// All of the record has had its effect.
    pub(crate) fn is_done(&self, position: u64) -> bool {
        self.effects[position as usize].iter().all(|effects| *effects > 0)
    }
}

pub(crate) struct World {
    pub(crate) random: fastrand::Rng,
    pub(crate) faults: Faults,
    pub(crate) scenario: Scenario,
    pub(crate) now: Duration,
    wall_offset: i64,
    /// The latest that the wall clock has shown before it was set.
    pub(crate) latest_wall: u64,
    happenings: BTreeMap<(Duration, u64), Happening>,
    number: u64,
    pub(crate) ledger: ModelLedger,
    pub(crate) disk: ModelDisk,
    pub(crate) cloud: Cloud,
    pub(crate) endpoint: Endpoint,
    pub(crate) requests: BTreeMap<u64, Request>,
    pub(crate) jobs: BTreeMap<String, CloudJob>,
    pub(crate) plans: Vec<(Digest, String)>,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) incarnation: u64,
    pub(crate) truths: Vec<Truth>,
    pub(crate) batches: BTreeMap<BatchId, usize>,
    /// What the clients of batches that are awaited were told.
    pub(crate) told: BTreeMap<BatchId, String>,
    /// When each chunk was sent last.
    pub(crate) sent: BTreeMap<(BatchId, u64), Duration>,
    pub(crate) to_submit: u32,
    /// What the cloud was asked for, and when.
    pub(crate) asked: Asked,
    /// Told to whoever replays the run.
    pub(crate) trace: Option<Vec<String>>,
    pub(crate) counted: Counted,
}

/// What happened in a run: a simulation in which nothing goes wrong shows nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Happenings.
    pub happenings: u64,
    /// Transitions in the ledger.
    pub transitions: u64,
    /// Requests to the cloud.
    pub requests: u64,
    /// Gateways killed.
    pub kills: u64,
    /// Of them by a power failure.
    pub power_failures: u64,
    /// Chunks that came to be in doubt.
    pub doubts: u64,
    /// Chunks that an operator decided on.
    pub decisions: u64,
    /// Records delivered.
    pub delivered: u64,
    /// Records of which some rows have had their effect and some have not.
    pub partial: u64,
    /// Records of a batch with the key of another one of it.
    pub duplicates: u64,
    /// Payloads removed.
    pub removed: u64,
    /// Batches of which nothing is left.
    pub forgotten: u64,
    /// Requests that waited for no budget, on routes that have one.
    pub budgeted: u64,
    /// Answers that were none.
    pub nonsense: u64,
    /// Answers made for clients that await them.
    pub answers: u64,
    /// Questions by key that were answered to their end.
    pub looks: u64,
    /// Rows that were not there when they were looked for.
    pub absent: u64,
}

macro_rules! tell {
    ($world:expr, $($words:tt)*) => {
        if let Some(trace) = &mut $world.trace {
            trace.push(format!("{:>10.3} {}", $world.now.as_secs_f64(), format_args!($($words)*)));
        }
    };
}
pub(crate) use tell;

/// A promise that was broken.
pub(crate) type Broken = String;

impl World {
    pub(crate) fn new(seed: u64, endpoint: &Endpoint, traced: bool) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let scenario = Scenario::new(&mut random);
        let faults = scenario.faults;
        let disk = ModelDisk::new(random.u64(..), DiskFaults::default());
        let mut world = Self {
            faults,
            now: Duration::ZERO,
            wall_offset: 0,
            latest_wall: 0,
            happenings: BTreeMap::new(),
            number: 0,
            ledger: ModelLedger::default(),
            disk,
            cloud: Cloud::default(),
            endpoint: endpoint.clone(),
            requests: BTreeMap::new(),
            jobs: BTreeMap::new(),
            plans: Vec::new(),
            gateway: None,
            incarnation: 0,
            truths: Vec::new(),
            batches: BTreeMap::new(),
            told: BTreeMap::new(),
            sent: BTreeMap::new(),
            to_submit: 0,
            asked: Asked::default(),
            trace: traced.then(Vec::new),
            counted: Counted::default(),
            random,
            scenario,
        };
        world.prepare();
        world
    }

    fn prepare(&mut self) {
        tell!(self, "faults: {:?}", self.faults);
        for route in &self.scenario.routes {
            let json = route.plan.to_json().unwrap_or_default();
            self.plans.push((self.ledger.define(&json), json));
        }
        for payload in &self.scenario.payloads {
            let records = self.keyed(payload.route, &payload.records);
            let truth = Truth::new(payload.route, records, payload.expires, payload.cancelled);
            self.truths.push(truth);
        }
        let at: Vec<Duration> = self.scenario.payloads.iter().map(|payload| payload.at).collect();
        for (index, at) in at.into_iter().enumerate() {
            self.submit_at(at, index);
        }
        for (at, by) in self.scenario.jumps.clone() {
            self.plan(at, Happening::Jump(by));
        }
        self.plan(Duration::ZERO, Happening::Start);
        self.plan(self.scenario.calm, Happening::Calm);
        if self.scenario.slice.is_some() {
            self.soon(Duration::from_secs(10), Happening::Purge);
        }
        self.disk.set_faults(self.faults.disk);
    }

    /// The records of the next payload: where the cloud is asked by key, keys are used once, so that a client that sends its records
    /// again, because it does not know whether they were taken, has new ones.
    pub(crate) fn keyed(&self, route: usize, records: &[Content]) -> Vec<Content> {
        let mut records = records.to_vec();
        if finds(&self.scenario.routes[route].plan.dialect) {
            let first = PAYLOAD_OF_KEYS
                * (1 + u32::try_from(self.truths.len()).unwrap_or(u32::MAX / PAYLOAD_OF_KEYS - 1));
            records.iter_mut().for_each(|content| content.key = first + content.key % PAYLOAD_OF_KEYS);
        }
        records
    }

    /// Lets everything happen until nothing is open any more.
    ///
    /// # Errors
    /// A promise was broken: which, and when.
    pub(crate) fn run(&mut self) -> Result<(), Broken> {
        while let Some(((at, _), happening)) = self.happenings.pop_first() {
            self.now = at;
            self.counted.happenings += 1;
            if self.counted.happenings > u64::from(MOST_HAPPENINGS) {
                return Err("nothing comes to rest".into());
            }
            if at > self.scenario.calm + self.patience() {
                return Err(format!("never settles: {}", self.open()));
            }
            self.happen(happening)?;
            if self.is_over() {
                return self.at_the_end();
            }
        }
        Err(format!("nothing more happens: {}", self.open()))
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Broken> {
        match happening {
            Happening::Submit(payload) => self.submit(payload)?,
            Happening::Cancel(batch) => self.withdraw(batch)?,
            Happening::Start => self.start()?,
            Happening::Wake(sleep) => {
                // It was woken before, and sleeps again.
                let Some(gateway) = self.gateway.as_mut().filter(|gateway| gateway.sleep == sleep) else {
                    return Ok(());
                };
                gateway.dispatcher.wake();
            }
            Happening::Arrive(request) => self.arrive(request),
            Happening::Work { request, part, of, last } => self.work(request, part, of, last)?,
            Happening::Stopped(request) => self.stopped(request),
            Happening::Purge => self.purge_some()?,
            Happening::Over { incarnation, task, reply } => self.over(incarnation, task, &reply),
            Happening::GoOn { gateway, batch, at, events } => self.go_on(*gateway, batch, at, &events)?,
            Happening::JobArrive(call) => self.arrive_for_job(*call),
            Happening::JobWork { job, part, fails } => self.worked(&job, part, fails)?,
            Happening::JobTold { incarnation, task, call, answer, file } => {
                self.told(incarnation, task, call, answer, file)?;
            }
            Happening::LookArrive(call) => self.arrive_to_look(*call),
            Happening::LookTold { incarnation, task, call, reply } => {
                self.told_of_look(incarnation, task, call, &reply)?;
            }
            Happening::Jump(by) => {
                self.latest_wall = self.latest_wall.max(self.wall());
                self.wall_offset += by;
            }
            Happening::Calm => {
                tell!(self, "calm");
                self.faults = Faults::default();
                self.disk.set_faults(DiskFaults::default());
                self.disk.die_after(None);
                self.plan(self.now + OPERATOR, Happening::Operate);
            }
            Happening::Operate => {
                self.operate()?;
                self.plan(self.now + self.days(OPERATOR, OPERATOR_OF_DAYS), Happening::Operate);
            }
        }
        self.run_gateway()
    }

    /// Every payload has its receipt, every record its outcome, and the network is empty.
    fn is_over(&self) -> bool {
        self.now >= self.scenario.calm
            && self.to_submit == 0
            && self.ledger.batches().all(|entry| entry.state.is_finished())
            && self.requests.values().all(|request| request.to_come == 0)
            && !self.jobs.values().any(CloudJob::is_at_work)
    }

    /// How long after the faults everything must have settled.
    fn patience(&self) -> Duration {
        // What was sent again counts again.
        let records: usize = self.truths.iter().map(|truth| truth.records.len()).sum();
        self.days(PATIENCE, PATIENCE_OF_RECORD.saturating_mul(u32::try_from(records).unwrap_or(u32::MAX)))
    }

    /// One time or the other, as the run takes days or not.
    pub(crate) fn days(&self, usual: Duration, of_days: Duration) -> Duration {
        if self.scenario.has_budget() { of_days } else { usual }
    }

    fn open(&self) -> String {
        let open = self.ledger.batches().filter(|entry| !entry.state.is_finished());
        let open: Vec<String> = open
            .map(|entry| format!("{:?} {:?}", entry.state.sums(), entry.state.chunks().collect::<Vec<_>>()))
            .collect();
        format!("{} to be submitted, open: {}", self.to_submit, open.join("; "))
    }

    /// Unix milliseconds.
    pub(crate) fn wall(&self) -> u64 {
        let since = i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX);
        BEGIN.saturating_add_signed(since + self.wall_offset)
    }

    pub(crate) fn plan(&mut self, at: Duration, happening: Happening) {
        self.number += 1;
        self.happenings.insert((at, self.number), happening);
    }

    pub(crate) fn soon(&mut self, most: Duration, happening: Happening) {
        let at = self.now + within(&mut self.random, most);
        self.plan(at, happening);
    }

    pub(crate) fn submit_at(&mut self, at: Duration, payload: usize) {
        self.to_submit += 1;
        self.plan(at, Happening::Submit(payload));
    }

    /// Whether something of this likelihood comes about.
    pub(crate) fn chance(&mut self, likelihood: f64) -> bool {
        likelihood > 0.0 && self.random.f64() < likelihood
    }

    /// Records that a request in the network, or at work in the cloud, may still have an effect on.
    pub(crate) fn may_come(&self, payload: usize, position: u64) -> bool {
        self.requests.values().any(|request| request.may_take(payload, position))
            || self.jobs.values().any(|job| job.may_take(payload, position))
    }
}
