//! Who sends: the pace, an oracle, somebody with a fixed size.

use super::world::World;
use super::{Case, CloudModel, Run};
use crate::pace::{ChunkSize, Costs, End, Pace, PaceSpec, Ticket};

/// Calls after whose answers the pace is taken to have seen enough: what was before is shown apart.
const WARM_UP: u64 = 32;

/// A pace and the best fixed chunk size, side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The run with the pace.
    pub pace: Run,
    /// The run with the best fixed size.
    pub best: Run,
    /// Rows of the best fixed size.
    pub best_rows: u64,
    /// Chunks in flight with the best fixed size.
    pub best_in_flight: u32,
    /// Throughput of the pace as a part of that of the best fixed size.
    pub share: f64,
}

/// A pace that has seen nothing at first, and the oracle beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Until a number of calls were answered.
    pub warm_up: Run,
    /// The rows after that, from the first one sent to the last one answered.
    pub pace: Run,
    /// The oracle with the same rows, beginning at the same time.
    pub oracle: Run,
}

impl Trial {
    /// Throughput of the pace as a part of the oracle's.
    pub fn share(&self) -> f64 {
        self.oracle.seconds / self.pace.seconds
    }
}

/// A pace learns, and then sends `rows` rows; the oracle beside it.
pub fn trial(case: &Case, rows: u64, seed: u64) -> Trial {
    let mut pace = Pace::new(case.spec);
    let calm = CloudModel { steps: Vec::new(), ..case.cloud.clone() };
    let mut before = World::new(&calm, u64::MAX, seed);
    paced(&mut pace, &mut before, Some(WARM_UP));
    let warm_up = before.result(pace.explain(before.clock()));
    before.again(rows);
    // Steps come at parts of the time that it takes without them.
    let mut undisturbed = before.beside();
    informed(&mut undisturbed, &calm, &case.spec);
    let took = undisturbed.result(String::new()).seconds;
    let steps = case.cloud.steps.iter().map(|(part, by)| (part * took, *by)).collect();
    let stepping = CloudModel { steps, ..calm.clone() };
    let mut world = before.moved_to(&stepping);
    let mut other = world.beside();
    paced(&mut pace, &mut world, None);
    informed(&mut other, &stepping, &case.spec);
    let explained = pace.explain(world.clock());
    Trial { warm_up, pace: world.result(explained), oracle: other.result(String::new()) }
}

/// Sends `rows` rows with a pace of its own.
pub fn run(cloud: &CloudModel, spec: &PaceSpec, rows: u64, seed: u64) -> Run {
    let mut pace = Pace::new(*spec);
    let mut world = World::new(cloud, rows, seed);
    paced(&mut pace, &mut world, None);
    world.result(pace.explain(world.clock()))
}

/// Sends `rows` rows as somebody would who knows the cloud, its drift and its steps at every moment (though neither the
/// noise of each call nor what comes), and keeps to the same target and bounds as the pace.
pub fn run_oracle(cloud: &CloudModel, spec: &PaceSpec, rows: u64, seed: u64) -> Run {
    let mut world = World::new(cloud, rows, seed);
    informed(&mut world, cloud, spec);
    world.result(String::new())
}

/// Sends `rows` rows in chunks of one size.
pub fn run_fixed(cloud: &CloudModel, chunk: u64, in_flight: u32, rows: u64, seed: u64) -> Run {
    let mut world = World::new(cloud, rows, seed);
    let size = ChunkSize { rows: chunk, usual: chunk, ..ChunkSize::WHOLE };
    while !world.is_done() {
        while world.left > 0 && world.calls.len() < in_flight as usize {
            world.open(&size);
        }
        world.advance();
        // A size that is killed more often than not never gets done.
        if world.hits > 20 {
            world.now = f64::INFINITY;
            break;
        }
    }
    world.result(String::new())
}

/// The pace against the fixed size and number in flight (both within the bounds of `spec`) that a sender would choose
/// who knew the cloud: the fastest without a hit.
pub fn compare(cloud: &CloudModel, spec: &PaceSpec, rows: u64, seed: u64) -> Comparison {
    let mut best: Option<(u64, u32, Run)> = None;
    for in_flight in in_flight_choices(spec.max_in_flight) {
        let mut size = 4.0_f64;
        while size < 1.15 * spec.max_rows as f64 {
            let chunk = (size as u64).min(spec.max_rows);
            let tried = run_fixed(cloud, chunk, in_flight, rows, seed);
            let better = best.as_ref().is_none_or(|(_, _, best)| tried.seconds < best.seconds);
            if tried.hits == 0 && better {
                best = Some((chunk, in_flight, tried));
            }
            size *= 1.15;
        }
    }
    let paced = run(cloud, spec, rows, seed);
    let (best_rows, best_in_flight, best) = best.unwrap_or_else(|| (0, 0, paced.clone()));
    Comparison { share: best.seconds / paced.seconds, pace: paced, best, best_rows, best_in_flight }
}

fn in_flight_choices(most: u32) -> Vec<u32> {
    let mut choices: Vec<u32> =
        [1, 2, 3, 4, 6, 8, 12, 16, 24, 32].into_iter().filter(|n| *n < most).collect();
    choices.push(most);
    choices
}

/// Sends what is left, or until so many calls were answered and none is under way.
fn paced(pace: &mut Pace, world: &mut World<'_>, answers: Option<u64>) {
    let mut tickets: Vec<(u64, Ticket)> = Vec::new();
    let mut answered = 0;
    loop {
        let more = answers.is_none_or(|enough| answered < enough);
        while more && world.left > 0 {
            let Some(size) = pace.next(world.clock(), world.left) else { break };
            let call = world.open(&size);
            let (number, rows, bytes) = (call.number, call.rows, call.bytes);
            tickets.push((number, pace.opened(world.clock(), rows, bytes)));
        }
        if world.calls.is_empty() {
            return;
        }
        for ended in world.advance() {
            if let Some(at) = tickets.iter().position(|(number, _)| *number == ended.number) {
                let (_, ticket) = tickets.swap_remove(at);
                let end = if ended.killed { End::TimeLimit } else { End::Done };
                pace.finished(world.clock(), ticket, end);
                answered += u64::from(!ended.killed);
            }
        }
    }
}

/// Sends what is left with full knowledge of the present.
fn informed(world: &mut World<'_>, cloud: &CloudModel, spec: &PaceSpec) {
    let target = spec.target_time().as_secs_f64();
    while !world.is_done() {
        let cost = world.cost_now();
        let each = cloud.per_row + cloud.per_byte * cloud.row_bytes as f64;
        let seconds = |n: u32| target / (cost * cloud.slowdown(n)) - cloud.fixed;
        let fits = |n: u32| (seconds(n) / each).clamp(1.0, spec.max_rows as f64);
        let speed = |n: u32| f64::from(n) * fits(n) / (cloud.slowdown(n) * (cloud.fixed + each * fits(n)));
        let best =
            (1..=spec.max_in_flight).max_by(|one, other| speed(*one).total_cmp(&speed(*other))).unwrap_or(1);
        while world.left > 0 && world.calls.len() < best as usize {
            let free = u64::from(best) - world.calls.len() as u64;
            let share = world.left.div_ceil(free);
            let rows = spec.max_rows.min(share).max(1);
            let costs =
                Costs { per_row: cloud.per_row, per_byte: cloud.per_byte, most: seconds(best).max(0.0) };
            world.open(&ChunkSize { rows, bytes: spec.max_bytes, usual: rows, costs: Some(costs) });
        }
        world.advance();
    }
}
