//! What a seed stands for: who sends what and when, and what goes wrong how often.

mod payloads;
mod routes;

use std::time::Duration;

use sekisho_delivery::Plan;
use sekisho_journal::{Keep, Slice};

pub(crate) use self::routes::{NAMESPACE, finds};
use crate::disk::DiskFaults;

/// Things go wrong until then.
const CALM: Duration = Duration::from_secs(120);

/// How often what goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// The gateway is killed before or after a command.
    pub(crate) kill: f64,
    /// A kill is a power failure.
    pub(crate) power: f64,
    /// A gateway is not dead but stands still, and goes on when another has taken over.
    pub(crate) late_write: f64,
    /// The ledger fails.
    pub(crate) ledger: f64,
    pub(crate) disk: DiskFaults,
    /// There is no connection.
    pub(crate) no_line: f64,
    /// Cut before anything arrives.
    pub(crate) cut_before: f64,
    /// Cut while the cloud is at work.
    pub(crate) cut_at_work: f64,
    /// Cut after the effect.
    pub(crate) cut_after: f64,
    /// Never answered.
    pub(crate) hang: f64,
    /// The cloud says "not now".
    pub(crate) later: f64,
    /// The cloud's answer is none: garbled, cut, doubled, of another call.
    pub(crate) nonsense: f64,
    /// The cloud begins its answer before its work, and ends in the middle of both.
    pub(crate) streamed: f64,
    /// Some device on the way sends an idempotent request twice.
    pub(crate) twice: f64,
    /// A request is long on its way.
    pub(crate) slow_line: f64,
    /// The cloud is so slow that it stops calls at its limit.
    pub(crate) slow_cloud: f64,
    /// A row is locked for the moment.
    pub(crate) lock: f64,
}

/// A route.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) plan: Plan,
    pub(crate) ordered: bool,
    /// What becomes of a batch with several records of one key.
    pub(crate) duplicates: Duplicates,
    /// Records have members, each of which makes a row.
    pub(crate) members: bool,
    /// The cloud says of a call, and not of its rows, whether it was taken: all of it or nothing.
    pub(crate) whole: bool,
    /// How long what belongs to its finished batches is kept.
    pub(crate) keep: Keep,
}

/// What becomes of a batch with several records of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// It is refused whole.
    Refuse,
    /// The last one of each key is sent.
    LastWins,
    /// All are sent, in their order.
    InOrder,
}

/// A batch that a client sends.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pub(crate) at: Duration,
    pub(crate) route: usize,
    pub(crate) records: Vec<Content>,
    /// Pending records expire so long after acceptance.
    pub(crate) expires: Option<Duration>,
    /// Withdrawn so long after acceptance.
    pub(crate) cancelled: Option<Duration>,
}

/// A record, and what the cloud thinks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) key: u32,
    /// Any call with it is refused.
    pub(crate) poison: bool,
    /// Its rows: which of them are refused, always.
    pub(crate) bad: Vec<bool>,
}

impl Content {
    /// The cloud refuses some of it, always.
    pub(crate) fn is_bad(&self) -> bool {
        self.bad.contains(&true)
    }
}

/// A run.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) faults: Faults,
    pub(crate) routes: Vec<Route>,
    pub(crate) payloads: Vec<Payload>,
    pub(crate) calm: Duration,
    pub(crate) segment_bytes: u64,
    /// Times at which the wall clock is set, by so many milliseconds.
    pub(crate) jumps: Vec<(Duration, i64)>,
    /// How much of a route one removal takes at the most; none: nothing is removed.
    pub(crate) slice: Option<Slice>,
    /// Payloads are encrypted, and the wrapping key is another one after each start.
    pub(crate) encrypted: bool,
}

impl Scenario {
    pub(crate) fn new(random: &mut fastrand::Rng) -> Self {
        let budget = routes::budget(random);
        let routes =
            (0..random.usize(1..=2)).map(|number| routes::route(number, budget, random)).collect::<Vec<_>>();
        let payloads = (0..random.usize(1..=5)).map(|_| payloads::payload(&routes, random)).collect();
        let jump = |random: &mut fastrand::Rng| (within(random, CALM), random.i64(-100_000..100_000));
        let jumps = if random.u8(..4) == 0 { (0..2).map(|_| jump(random)).collect() } else { Vec::new() };
        let slice = Slice { payloads: random.u32(1..4), rows: random.u64(1..40) };
        let faults = faults(random);
        let segment_bytes = random.u64(40..400);
        Self {
            faults,
            routes,
            payloads,
            calm: CALM,
            segment_bytes,
            jumps,
            slice: (random.u8(..3) == 0).then_some(slice),
            // As good as any number, and no other one is drawn otherwise for it.
            encrypted: segment_bytes.is_multiple_of(3),
        }
    }

    /// Some route has a daily budget, so that settling may take days.
    pub(crate) fn has_budget(&self) -> bool {
        self.routes.iter().any(|route| route.plan.pace.daily != Default::default())
    }
}

pub(crate) fn within(random: &mut fastrand::Rng, most: Duration) -> Duration {
    most.mul_f64(random.f64())
}

/// Each kind of fault is there in some runs and not in others, so that none hides what only another would show.
fn faults(random: &mut fastrand::Rng) -> Faults {
    let mut some = |share: f64, most: f64| {
        let (there, part) = (random.f64() < share, random.f64());
        if there { most * part } else { 0.0 }
    };
    Faults {
        kill: some(0.6, 0.06),
        power: some(0.8, 1.0),
        late_write: some(0.5, 0.8),
        ledger: some(0.4, 0.15),
        disk: DiskFaults { write: some(0.2, 0.05), read: some(0.2, 0.1) },
        no_line: some(0.3, 0.4),
        cut_before: some(0.4, 0.3),
        cut_at_work: some(0.5, 0.4),
        cut_after: some(0.4, 0.3),
        hang: some(0.3, 0.2),
        later: some(0.3, 0.3),
        nonsense: some(0.3, 0.3),
        streamed: some(0.3, 0.3),
        twice: some(0.3, 0.5),
        slow_line: some(0.3, 0.5),
        slow_cloud: some(0.5, 0.5),
        lock: some(0.3, 0.3),
    }
}
