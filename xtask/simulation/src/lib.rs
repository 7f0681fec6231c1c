//! Delivery on a virtual clock: the gateway's own decisions, plans, rows, verdicts, rules and spool, over a ledger and a disk in
//! memory that crash as told, a network that loses, delays and repeats, and a cloud that counts its effects. A seed decides
//! everything, so that a run that breaks a promise can be replayed.
//!
//! After every transition: the sums balance; a record that is pending, cancelled or expired has had no effect and can have
//! none; one that is delivered has had all of its effect, in every row; of one that is partial just the rows that are listed
//! lack; one that is rejected deserved it. At every effect: it is the row's first, unless a repeat does no harm; on an ordered
//! route nothing newer is overwritten, and within a batch no later record of the same key; and nothing comes that was refused
//! or that a later record takes the place of. While nobody can know what became of a record, none with its key goes where the route
//! has a window for that, and no operator is asked before it is over. At every call: no day has more of them, or of rows, than its budget. After every
//! crash and every removal: what has a receipt is in the ledger, and its records can be read, for as long as they have to be.
//! To a client that awaits its batch: the one answer says of every row, in the client's order, what is true, and asked for again it is
//! the same. At the end: every record has an outcome, and what has had its time can be removed.
#![forbid(unsafe_code)]

mod answers;
mod check;
mod cloud;
pub mod disk;
mod exchange;
mod jobs;
pub mod ledger;
mod looks;
mod process;
mod quotas;
mod removal;
mod scenario;
mod windows;
mod world;

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sekisho_upstream::{Endpoint, EndpointConfig};

pub use world::Counted;
use world::World;

/// Runs seeds, one after the other.
pub struct Simulation {
    endpoint: Endpoint,
}

/// A run in which a promise was broken.
#[derive(Debug, Clone)]
pub struct Failure {
    /// By which it is replayed.
    pub seed: u64,
    /// What was broken.
    pub broken: String,
    /// What happened until then, if it was traced.
    pub trace: Vec<String>,
}

impl Simulation {
    /// Ready to run.
    ///
    /// # Errors
    /// The cloud's address, which is never called, cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { endpoint: Endpoint::load(&EndpointConfig::new("http://127.0.0.1:9"))? })
    }

    /// Runs a seed.
    ///
    /// # Errors
    /// A promise was broken.
    pub fn run(&self, seed: u64, traced: bool) -> Result<Counted, Failure> {
        let mut world = World::new(seed, &self.endpoint, traced);
        let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
        let broken = match ran {
            Ok(Ok(())) => return Ok(world.counted),
            Ok(Err(broken)) => broken,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_else(|| "a panic".to_owned())
            }
        };
        Err(Failure { seed, broken, trace: world.trace.take().unwrap_or_default() })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, broken, .. } = self;
        write!(f, "seed {seed}: {broken}\nreplay it: cargo run -p sekisho-simulation -- --seed {seed}")
    }
}

/// Runs seeds on several threads; the first failure that is found ends them all.
///
/// # Errors
/// The simulation cannot be made.
pub fn run_all(seeds: Range<u64>, threads: usize) -> anyhow::Result<Result<Counted, Failure>> {
    let simulation = Simulation::new()?;
    let (next, over) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let worker = || -> Result<Counted, Failure> {
        let mut sums = Counted::default();
        while !over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let counted = simulation.run(seed, false).inspect_err(|_| over.store(true, Ordering::Relaxed))?;
            sums = sums.plus(&counted);
        }
        Ok(sums)
    };
    let ends: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let mut sums = Counted::default();
    for end in ends {
        match end {
            Ok(counted) => sums = sums.plus(&counted),
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(sums))
}

impl Counted {
    /// The sums of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            happenings: self.happenings + other.happenings,
            transitions: self.transitions + other.transitions,
            requests: self.requests + other.requests,
            kills: self.kills + other.kills,
            power_failures: self.power_failures + other.power_failures,
            doubts: self.doubts + other.doubts,
            decisions: self.decisions + other.decisions,
            delivered: self.delivered + other.delivered,
            partial: self.partial + other.partial,
            duplicates: self.duplicates + other.duplicates,
            removed: self.removed + other.removed,
            forgotten: self.forgotten + other.forgotten,
            budgeted: self.budgeted + other.budgeted,
            nonsense: self.nonsense + other.nonsense,
            answers: self.answers + other.answers,
            looks: self.looks + other.looks,
            absent: self.absent + other.absent,
        }
    }
}
