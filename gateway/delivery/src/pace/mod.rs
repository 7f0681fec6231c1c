//! How many rows the next chunk has, and how many chunks are under way.
//!
//! A pure controller: what happened and when goes in, sizes come out. It learns fixed cost, cost per row and contention
//! ([`model`]), and sizes chunks so that the expected time is a set part of the upstream's limit, and the time at the
//! worst that is likely stays well under it ([`size`]). The worst that is likely counts noise, what so few chunks cannot
//! tell yet, and what more chunks at once may do to each other. It starts small; two answers of different sizes show
//! enough to go on in large steps; it shrinks at once. [`in_flight`] decides how many chunks are under way.

mod crowd;
mod explain;
mod filter;
mod in_flight;
mod model;
mod normal;
mod size;
mod spec;

use std::collections::BTreeMap;
use std::time::Duration;

use self::crowd::{Alone, CROWDS};
use self::filter::Work;
use self::model::{Memory, Model, Sample};
pub use self::size::{ChunkSize, Costs};
pub use self::spec::{DailySpec, PaceSpec};

/// No chunk is sized to come nearer to the limit than this part of it, noise included.
const CONFIDENT: f64 = 0.8;

/// A chunk that took more than this part of the limit was a near miss.
const NEAR_MISS: f64 = 0.8;

/// What has been seen to work may grow by this much at most, as far as the time left over allows.
const GROWTH: f64 = 8.0;

/// And by so much after a hit or a near miss.
const GROWTH_CAREFUL: f64 = 1.5;

/// How much the bytes of the last chunk's rows say about those of the next one's.
const LATELY: f64 = 0.3;

/// Chunks after which the upstream is known well enough that only little is changed at once.
const WARM: u64 = 32;

/// The controller of one route to one upstream.
#[derive(Clone, Debug)]
pub struct Pace {
    spec: PaceSpec,
    model: Model,
    flights: BTreeMap<u64, Flight>,
    tickets: u64,
    /// Chunks that may be under way now.
    allowed: u32,
    /// Chunks that shall be under way next: new ones are sized for that.
    wanted: u32,
    /// Bytes of a row, as chunks lately have had them.
    row_bytes: f64,
    /// Rows of the largest chunk that has been seen to work.
    proven: f64,
    /// By how much the next chunk may be larger.
    growth: f64,
    /// Most rows after a hit or a refusal for size; rises again as chunks work.
    ceiling: f64,
    /// Chunks finished well of those opened since `allowed` was last changed.
    steady: u32,
    /// The last ticket that was given before.
    changed: u64,
    /// How many of them it takes until another number is tried where the model leaves open which one is the best.
    patience: u32,
    /// Rows that were left to be sent when the next size was last asked for.
    remaining: u64,
    passed: Passed,
    hits: u64,
    /// When the last of them was: chunks opened before it show nothing of what works since.
    hit_at: Option<Duration>,
}

/// A chunk under way, as the pace knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

#[derive(Clone, Copy, Debug)]
struct Flight {
    opened: Duration,
    work: Work,
    /// What had passed when it was opened.
    since: Passed,
}

/// What has passed up to a moment.
#[derive(Clone, Copy, Debug)]
struct Passed {
    at: Duration,
    /// Integral of the number of chunks under way, in chunk seconds.
    area: f64,
    /// How far a chunk would have come that was under way all the time.
    alone: Alone,
}

/// What a pace takes the upstream's costs to be for a chunk alone, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learnt {
    /// For a call without rows.
    pub per_call: f64,
    /// For a row by itself.
    pub per_row: f64,
    /// For a byte.
    pub per_byte: f64,
    /// How far chunks are off from it, in the mean, as a part of it.
    pub noise: f64,
}

/// How a chunk ended, as far as its time says something about the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Answered, with all or some of the rows taken: its time counts.
    Done,
    /// Stopped at the time limit, or not answered in time.
    TimeLimit,
    /// Refused for its size: too many rows or bytes.
    TooLarge,
    /// Refused because there were too many calls.
    TooMany,
    /// Ended for a reason that says nothing about time.
    Other,
}

impl Pace {
    /// A pace that has seen nothing.
    pub fn new(spec: PaceSpec) -> Self {
        Self {
            spec,
            model: Model::new(),
            flights: BTreeMap::new(),
            tickets: 0,
            allowed: spec.max_in_flight.min(2),
            wanted: spec.max_in_flight.min(2),
            row_bytes: 0.0,
            proven: spec.start() / GROWTH,
            growth: GROWTH,
            ceiling: f64::INFINITY,
            steady: 0,
            changed: 0,
            patience: 8,
            remaining: 0,
            passed: Passed { at: Duration::ZERO, area: 0.0, alone: Alone::default() },
            hits: 0,
            hit_at: None,
        }
    }

    /// A pace that remembers what an earlier one has learnt ([`Pace::remember`]); text that is no memory is ignored. It
    /// still starts at a quarter of the size, since the cloud may have changed.
    pub fn recall(spec: PaceSpec, memory: &str) -> Self {
        let mut pace = Self::new(spec);
        if let Ok(memory) = serde_json::from_str::<Memory>(memory) {
            let costs = [memory.fixed, memory.per_row, memory.per_byte];
            let others = [memory.row_bytes, memory.contention, memory.noise, memory.rows];
            let mut sane = costs.iter().chain(&others);
            if sane.all(|value| value.is_finite() && *value >= 0.0) {
                pace.model = Model::from_memory(&memory);
                pace.row_bytes = memory.row_bytes;
                pace.proven = (memory.rows / 4.0 / GROWTH).max(pace.proven);
                pace.allowed = (memory.in_flight / 2).clamp(1, spec.max_in_flight).max(pace.allowed);
            }
        }
        pace
    }

    /// What is worth keeping over a restart, as JSON; `None` as long as nothing was learnt.
    pub fn remember(&self) -> Option<String> {
        let memory = self.model.memory(self.proven, self.row_bytes, self.allowed)?;
        serde_json::to_string(&memory).ok()
    }

    /// The bounds it keeps to.
    pub fn spec(&self) -> &PaceSpec {
        &self.spec
    }

    /// Chunks that may be under way now.
    pub fn allowed(&self) -> u32 {
        if self.spec.fixed_rows.is_some() { self.spec.max_in_flight } else { self.allowed }
    }

    /// Chunks under way.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// What it takes the upstream's costs to be, in seconds; zero as long as nothing was seen.
    pub fn learnt(&self) -> Learnt {
        Learnt {
            per_call: self.model.fixed(),
            per_row: self.model.per_row(),
            per_byte: self.model.per_byte(),
            noise: if self.model.is_blank() { 0.0 } else { self.model.noise() },
        }
    }

    /// As many chunks are under way as may be.
    pub fn is_full(&self) -> bool {
        self.flights.len() >= self.allowed() as usize
    }

    /// Time-limit hits so far.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Size of the next chunk, or `None` while enough are under way. `remaining` rows are left to be sent, as far as is
    /// known: the last ones are spread over the chunks that may still be opened, so that they end together.
    pub fn next(&mut self, now: Duration, remaining: u64) -> Option<ChunkSize> {
        self.remaining = remaining;
        let free = (self.allowed() as usize).checked_sub(self.flights.len()).filter(|free| *free > 0)?;
        if let Some(rows) = self.spec.fixed_rows {
            return Some(self.sized(rows, false));
        }
        let (most, timely) = self.most(now);
        let (most, timely) = match self.most_not_slow(now) {
            Some(few) if few < most => (few, true),
            _ => (most, timely),
        };
        if most == 0 {
            return None;
        }
        let share = match self.model.is_blank() {
            true => remaining.div_ceil(free as u64),
            false => self.share(now, remaining, most),
        };
        let rows = most.min(share.max(most / 8));
        Some(self.sized(rows, timely && rows == most))
    }

    /// A chunk of so many rows and bytes is about to be sent.
    pub fn opened(&mut self, now: Duration, rows: u64, bytes: u64) -> Ticket {
        self.advance(now);
        self.tickets += 1;
        let work = Work { rows: rows.max(1) as f64, bytes: bytes as f64 };
        let row_bytes = work.bytes / work.rows;
        let lately = if self.row_bytes > 0.0 { LATELY } else { 1.0 };
        self.row_bytes += lately * (row_bytes - self.row_bytes);
        self.flights.insert(self.tickets, Flight { opened: now, work, since: self.passed });
        Ticket(self.tickets)
    }

    /// A chunk has ended.
    pub fn finished(&mut self, now: Duration, ticket: Ticket, end: End) {
        self.advance(now);
        let Some(flight) = self.flights.remove(&ticket.0) else { return };
        let sample = self.sample(&flight, now);
        match end {
            End::Done => {
                let since = self.hit_at.is_none_or(|hit| flight.opened >= hit);
                self.done(sample, since, ticket.0 > self.changed);
            }
            End::TimeLimit => {
                self.hits += 1;
                self.hit_at = Some(now);
                let limit = self.spec.limit().as_secs_f64();
                self.model.at_least(sample.lasting(limit));
                self.model.forget_load();
                self.shrink(sample.work.rows / 2.0);
                // What is under way was sized by the same mistake: until one chunk works, no more than that is sent.
                self.proven = self.proven.min(sample.work.rows / 8.0);
                self.growth = GROWTH_CAREFUL;
                self.change(1);
            }
            End::TooLarge => self.shrink(sample.work.rows / 2.0),
            // Fewer at once; those that were under way with it have said the same.
            End::TooMany if ticket.0 > self.changed => self.change((self.allowed / 2).max(1)),
            End::TooMany => {}
            End::Other => {}
        }
    }

    /// `since`: it was opened after the last hit; `new`: since the number in flight was last changed.
    fn done(&mut self, sample: Sample, since: bool, new: bool) {
        let limit = self.spec.limit().as_secs_f64();
        self.model.learn(sample);
        if sample.seconds > NEAR_MISS * limit {
            self.model.at_least(sample);
            self.shrink(sample.work.rows * (self.spec.target * limit / sample.seconds));
        } else if since {
            self.proven = self.proven.max(sample.work.rows);
            // Later, as far as the target if all of the time had been the rows'.
            let worst = sample.seconds * self.proven / sample.work.rows;
            let roomy = (self.spec.target * limit / worst).clamp(GROWTH_CAREFUL, GROWTH);
            self.growth = if self.warming() { GROWTH } else { roomy };
            if sample.work.rows >= 0.8 * self.ceiling {
                self.ceiling *= 1.1;
            }
        }
        if since {
            self.steady += u32::from(new);
            self.balance();
        }
    }

    /// Little is known yet.
    fn warming(&self) -> bool {
        self.model.samples() < WARM
    }

    fn shrink(&mut self, rows: f64) {
        self.ceiling = self.ceiling.min(rows.max(1.0));
        self.proven = self.proven.min(self.ceiling);
        self.growth = GROWTH_CAREFUL;
    }

    /// By how much the upstream is slower than learnt, as chunks under way already prove.
    fn lateness(&self, now: Duration) -> f64 {
        self.model.lateness(self.flights.values().map(|flight| self.sample(flight, now)))
    }

    fn sample(&self, flight: &Flight, now: Duration) -> Sample {
        let seconds = now.saturating_sub(flight.opened).as_secs_f64().max(1e-4);
        let passed = self.passed_until(now);
        let mut alone = passed.alone;
        for (alone, before) in alone.iter_mut().zip(flight.since.alone) {
            *alone = (*alone - before).max(1e-6);
        }
        let load = ((passed.area - flight.since.area) / seconds).max(1.0);
        Sample { work: flight.work, seconds, alone, load }
    }

    fn advance(&mut self, now: Duration) {
        self.passed = self.passed_until(now);
    }

    fn passed_until(&self, now: Duration) -> Passed {
        let Passed { at, mut area, mut alone } = self.passed;
        let seconds = now.saturating_sub(at).as_secs_f64();
        let load = self.flights.len() as f64;
        area += load * seconds;
        for (alone, crowd) in alone.iter_mut().zip(CROWDS) {
            *alone += seconds / crowd.slowdown(load);
        }
        Passed { at: at.max(now), area, alone }
    }
}

#[cfg(test)]
mod tests;
