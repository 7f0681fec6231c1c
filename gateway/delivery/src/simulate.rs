//! The pace against a model of a cloud, on a virtual clock: for tests and for looking at what the pace does.
//!
//! A call with n rows is fixed + per_row n seconds of work. Work is done at a speed of
//! 1 / ((1 + drift(t)) (1 + contention (calls under way - 1))); a call that is not done within the limit is killed.

mod models;

use std::time::Duration;

pub use self::models::{Case, cases};
use crate::pace::{End, Pace, PaceSpec, Ticket};

/// A cloud.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudModel {
    /// Seconds of work of a call without rows.
    pub fixed: f64,
    /// Seconds of work per row.
    pub per_row: f64,
    /// By how much each further call under way slows all of them.
    pub contention: f64,
    /// Slow swing of the cost and noise per call together stay within ± this.
    pub drift: f64,
    /// Part of `drift` that is noise per call.
    pub noise_part: f64,
    /// Period of the slow swing in seconds.
    pub drift_period: f64,
    /// Calls that take longer, in seconds, are killed.
    pub limit: f64,
    /// From these times on (seconds, ascending) all costs are multiplied by these factors.
    pub steps: Vec<(f64, f64)>,
}

impl CloudModel {
    /// The cloud of the demonstration: limit 10 s, 0.3 s + 1 ms a row, contention, ± 30 % drift.
    pub fn demonstration() -> Self {
        Self {
            fixed: 0.3,
            per_row: 0.001,
            contention: 0.15,
            drift: 0.3,
            noise_part: 0.33,
            drift_period: 60.0,
            limit: 10.0,
            steps: Vec::new(),
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Virtual seconds until every row was done.
    pub seconds: f64,
    /// Virtual seconds until half of them were.
    pub half: f64,
    /// Calls killed at the limit.
    pub hits: u64,
    /// How often calls were killed, all those counted as one that were under way when the first of them was killed: what
    /// no sender could know of.
    pub strokes: u64,
    /// Calls made.
    pub calls: u64,
    /// Longest call in seconds.
    pub longest: f64,
    /// How the pace explains itself at the end; empty for fixed sizes.
    pub explained: String,
}

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
    /// The run that knows the cloud.
    pub oracle: Run,
    /// Throughput of the pace as a part of that of the best fixed size.
    pub share: f64,
}

impl Comparison {
    /// Throughput of the pace as a part of the oracle's.
    pub fn share_of_oracle(&self) -> f64 {
        self.oracle.seconds / self.pace.seconds
    }

    /// The same for the second half of the rows: without the time in which the pace learns.
    pub fn settled(&self) -> f64 {
        (self.oracle.seconds - self.oracle.half) / (self.pace.seconds - self.pace.half)
    }
}

/// Sends `rows` rows with a pace of its own.
pub fn run(cloud: &CloudModel, spec: &PaceSpec, rows: u64, seed: u64) -> Run {
    let mut pace = Pace::new(*spec);
    let mut world = World::new(cloud, rows, seed);
    let mut tickets: Vec<(u64, Ticket)> = Vec::new();
    while !world.is_done() {
        while let Some(size) = pace.next(world.clock(), world.left).filter(|_| world.left > 0) {
            let call = world.open(size.rows);
            tickets.push((call, pace.opened(world.clock(), world.rows_of(call))));
        }
        for (call, killed) in world.advance() {
            if let Some(at) = tickets.iter().position(|(number, _)| *number == call) {
                let (_, ticket) = tickets.swap_remove(at);
                pace.finished(world.clock(), ticket, if killed { End::TimeLimit } else { End::Done });
            }
        }
    }
    let explained = pace.explain(world.clock());
    world.result(explained)
}

/// Sends `rows` rows as somebody would who knows the cloud, its drift and its steps at every moment (though not the noise
/// of each call), and keeps to the same target and bounds as the pace.
pub fn run_oracle(cloud: &CloudModel, spec: &PaceSpec, rows: u64, seed: u64) -> Run {
    let mut world = World::new(cloud, rows, seed);
    let target = spec.target_time().as_secs_f64();
    while !world.is_done() {
        let cost = world.cost_now();
        let slow = |n: u32| cost * (1.0 + cloud.contention * f64::from(n - 1));
        let fits = |n: u32| {
            let rows = (target / slow(n) - cloud.fixed) / cloud.per_row;
            rows.clamp(1.0, spec.max_rows as f64)
        };
        let speed = |n: u32| f64::from(n) * fits(n) / (slow(n) * (cloud.fixed + cloud.per_row * fits(n)));
        let best =
            (1..=spec.max_in_flight).max_by(|one, other| speed(*one).total_cmp(&speed(*other))).unwrap_or(1);
        while world.left > 0 && world.calls.len() < best as usize {
            let free = u64::from(best) - world.calls.len() as u64;
            let share = world.left.div_ceil(free);
            world.open((fits(best) as u64).min(share));
        }
        world.advance();
    }
    world.result(String::new())
}

/// Sends `rows` rows in chunks of one size.
pub fn run_fixed(cloud: &CloudModel, chunk: u64, in_flight: u32, rows: u64, seed: u64) -> Run {
    let mut world = World::new(cloud, rows, seed);
    while !world.is_done() {
        while world.left > 0 && world.calls.len() < in_flight as usize {
            world.open(chunk);
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
    let oracle = run_oracle(cloud, spec, rows, seed);
    Comparison { share: best.seconds / paced.seconds, pace: paced, oracle, best, best_rows, best_in_flight }
}

fn in_flight_choices(most: u32) -> Vec<u32> {
    let mut choices: Vec<u32> =
        [1, 2, 3, 4, 6, 8, 12, 16, 24, 32].into_iter().filter(|n| *n < most).collect();
    choices.push(most);
    choices
}

struct World<'a> {
    cloud: &'a CloudModel,
    random: fastrand::Rng,
    phase: f64,
    now: f64,
    rows: u64,
    left: u64,
    calls: Vec<Call>,
    made: u64,
    half: f64,
    hits: u64,
    strokes: u64,
    /// When the first call of the last stroke was killed.
    struck: f64,
    longest: f64,
}

struct Call {
    number: u64,
    rows: u64,
    opened: f64,
    work: f64,
}

/// Longest step of the virtual clock: within it, speeds are constant.
const STEP: f64 = 0.1;

impl<'a> World<'a> {
    fn new(cloud: &'a CloudModel, rows: u64, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let phase = random.f64() * std::f64::consts::TAU;
        Self {
            cloud,
            random,
            phase,
            now: 0.0,
            rows,
            left: rows,
            calls: Vec::new(),
            made: 0,
            half: 0.0,
            hits: 0,
            strokes: 0,
            struck: f64::NEG_INFINITY,
            longest: 0.0,
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.calls.is_empty()
    }

    fn clock(&self) -> Duration {
        Duration::from_secs_f64(self.now)
    }

    fn open(&mut self, rows: u64) -> u64 {
        let rows = rows.clamp(1, self.left.max(1)).min(self.left);
        self.left -= rows;
        self.made += 1;
        let noise = self.cloud.drift * self.cloud.noise_part * (2.0 * self.random.f64() - 1.0);
        let work = (self.cloud.fixed + self.cloud.per_row * rows as f64) * (1.0 + noise);
        self.calls.push(Call { number: self.made, rows, opened: self.now, work });
        self.made
    }

    fn rows_of(&self, number: u64) -> u64 {
        self.calls.iter().find(|call| call.number == number).map_or(0, |call| call.rows)
    }

    /// Goes on to the next end of a call; returns who ended, and whether it was killed.
    fn advance(&mut self) -> Vec<(u64, bool)> {
        let mut ended = Vec::new();
        while ended.is_empty() && !self.calls.is_empty() {
            let speed = self.speed();
            let nearest = self.calls.iter().fold(STEP, |step, call| {
                step.min(call.work / speed).min(call.opened + self.cloud.limit - self.now)
            });
            let step = nearest.max(1e-6);
            self.now += step;
            for call in &mut self.calls {
                call.work -= step * speed;
            }
            let (now, limit) = (self.now, self.cloud.limit);
            let mut kept = Vec::with_capacity(self.calls.len());
            for call in self.calls.drain(..) {
                let took = now - call.opened;
                let (done, killed) = (call.work <= 1e-9, took >= limit - 1e-9);
                if done || killed {
                    self.longest = self.longest.max(took);
                    if !done {
                        self.hits += 1;
                        if call.opened > self.struck {
                            (self.strokes, self.struck) = (self.strokes + 1, now);
                        }
                        self.left += call.rows;
                    }
                    ended.push((call.number, !done));
                } else {
                    kept.push(call);
                }
            }
            self.calls = kept;
        }
        let open = self.left + self.calls.iter().map(|call| call.rows).sum::<u64>();
        if self.half == 0.0 && open <= self.rows / 2 {
            self.half = self.now;
        }
        ended
    }

    /// By what all costs are multiplied now, contention and noise apart.
    fn cost_now(&self) -> f64 {
        let swing = self.cloud.drift * (1.0 - self.cloud.noise_part);
        let drift = swing * (self.phase + std::f64::consts::TAU * self.now / self.cloud.drift_period).sin();
        let steps = self.cloud.steps.iter().take_while(|(from, _)| *from <= self.now);
        (1.0 + drift) * steps.last().map_or(1.0, |(_, by)| *by)
    }

    fn speed(&self) -> f64 {
        let others = self.calls.len().saturating_sub(1) as f64;
        1.0 / (self.cost_now() * (1.0 + self.cloud.contention * others))
    }

    fn result(self, explained: String) -> Run {
        Run {
            seconds: self.now,
            half: self.half,
            hits: self.hits,
            strokes: self.strokes,
            calls: self.made,
            longest: self.longest,
            explained,
        }
    }
}

#[cfg(test)]
mod tests;
