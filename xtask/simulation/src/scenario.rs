//! What a seed stands for: who sends what and when, and what goes wrong how often.

use std::time::Duration;

use sekisho_delivery::{
    Bulk2Spec, DialectSpec, PaceSpec, Plan, RestFormat, RestSpec, ResultsSpec, RetrySpec,
};
use sekisho_records::{LayoutNames, MappingSpec, NamedField};
use sekisho_xml::QName;

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
    /// The cloud's answer is none.
    pub(crate) nonsense: f64,
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content {
    pub(crate) key: u32,
    /// Refused, always.
    pub(crate) bad: bool,
    /// Any call with it is refused.
    pub(crate) poison: bool,
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
}

impl Scenario {
    pub(crate) fn new(random: &mut fastrand::Rng) -> Self {
        let routes = (0..random.usize(1..=2)).map(|number| route(number, random)).collect::<Vec<_>>();
        let payloads = (0..random.usize(1..=5)).map(|_| payload(routes.len(), random)).collect();
        let jump = |random: &mut fastrand::Rng| (within(random, CALM), random.i64(-100_000..100_000));
        let jumps = if random.u8(..4) == 0 { (0..2).map(|_| jump(random)).collect() } else { Vec::new() };
        Self {
            faults: faults(random),
            routes,
            payloads,
            calm: CALM,
            segment_bytes: random.u64(40..400),
            jumps,
        }
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
        twice: some(0.3, 0.5),
        slow_line: some(0.3, 0.5),
        slow_cloud: some(0.5, 0.5),
        lock: some(0.3, 0.3),
    }
}

fn route(number: usize, random: &mut fastrand::Rng) -> Route {
    let idempotent = random.u8(..3) > 0;
    let field = |name: &str| NamedField { name: name.into(), group: None };
    let results = ResultsSpec {
        result: "results".into(),
        key: random.bool().then(|| "key".into()),
        success: "success".into(),
        true_values: vec!["true".into()],
        code: Some("code".into()),
        field: None,
    };
    let rest = RestSpec {
        method: "POST".into(),
        path: "/rows".into(),
        format: RestFormat::Json,
        envelope: None,
        record: "row".into(),
        namespace: None,
        headers: Default::default(),
        results: Some(results),
        taken: vec![200, 201, 204],
        error_code: "code".into(),
        codes: Default::default(),
    };
    let bulk2 = Bulk2Spec {
        version: "60.0".into(),
        object: "rows".into(),
        external_id: "K".into(),
        operation: if idempotent { "upsert" } else { "insert" }.into(),
        max_upload_bytes: 1_000_000,
        poll_initial_ms: random.u64(300..3_000),
        poll_max_ms: 8_000,
        job_seconds: random.u64(4..60),
        codes: Default::default(),
    };
    let dialect = match random.u8(..3) {
        0 => DialectSpec::Bulk2(bulk2),
        _ => DialectSpec::Rest(rest),
    };
    let plan = Plan {
        route: format!("route-{number}"),
        upstream: "cloud".into(),
        layout: LayoutNames {
            element: QName::new("urn:simulation", "record"),
            fields: vec![field("K"), field("V")],
        },
        mapping: MappingSpec { key: vec!["K".into()], ..MappingSpec::default() },
        dialect,
        pace: PaceSpec {
            limit_ms: 10_000,
            grace_ms: 2_000,
            start_rows: random.u64(2..20),
            max_rows: random.u64(4..40),
            max_in_flight: random.u32(1..4),
            ..PaceSpec::default()
        },
        retry: RetrySpec {
            initial_ms: 100,
            max_ms: 5_000,
            record_attempts: random.u32(2..6),
            alone_attempts: 3,
            budget: 0.5,
        },
        idempotent,
        no_split: random.u8(..16) == 0,
    };
    Route { plan, ordered: idempotent && random.u8(..4) > 0 }
}

fn payload(routes: usize, random: &mut fastrand::Rng) -> Payload {
    let records = random.u32(1..=16);
    let mut keys: Vec<u32> = (0..20).collect();
    random.shuffle(&mut keys);
    let (bad, poison) = (random.u8(..3) == 0, random.u8(..8) == 0);
    let mut content =
        |key: u32| Content { key, bad: bad && random.u8(..6) == 0, poison: poison && random.u8(..10) == 0 };
    let records = keys.into_iter().take(records as usize).map(&mut content).collect();
    let mut sometimes = |of: u8| (random.u8(..of) == 0).then(|| within(random, Duration::from_secs(60)));
    let (expires, cancelled) = (sometimes(6), sometimes(8));
    Payload {
        at: within(random, Duration::from_secs(20)),
        route: random.usize(..routes),
        records,
        expires,
        cancelled,
    }
}
