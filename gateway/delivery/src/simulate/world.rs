//! A cloud on a virtual clock.

use std::time::Duration;

use super::{CloudModel, Run};
use crate::pace::ChunkSize;

/// Longest step of the virtual clock in seconds: within it, speeds are constant.
const STEP: f64 = 0.1;

/// So many rows after each other have one size.
const RUN: u64 = 1_000;

/// One cloud with the calls that it is at.
pub(super) struct World<'a> {
    cloud: &'a CloudModel,
    random: fastrand::Rng,
    phase: f64,
    seed: u64,
    pub(super) now: f64,
    /// When the first row of what is measured was there: times of steps count from it.
    origin: f64,
    pub(super) left: u64,
    /// The next row, which says how long it is.
    place: u64,
    pub(super) calls: Vec<Call>,
    made: u64,
    pub(super) hits: u64,
    strokes: u64,
    /// When the first call of the last stroke was killed.
    struck: f64,
    longest: f64,
}

pub(super) struct Call {
    pub(super) number: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    opened: f64,
    work: f64,
}

/// A call that has ended.
pub(super) struct Ended {
    pub(super) number: u64,
    pub(super) killed: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(cloud: &'a CloudModel, rows: u64, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let phase = random.f64() * std::f64::consts::TAU;
        Self {
            cloud,
            random,
            phase,
            seed,
            now: 0.0,
            origin: 0.0,
            left: rows,
            place: 0,
            calls: Vec::new(),
            made: 0,
            hits: 0,
            strokes: 0,
            struck: f64::NEG_INFINITY,
            longest: 0.0,
        }
    }

    /// The same cloud in the same mood, with its account begun anew and so many rows to send.
    pub(super) fn again(&mut self, rows: u64) {
        self.left = rows;
        (self.made, self.hits, self.strokes, self.longest) = (0, 0, 0, 0.0);
        self.origin = self.now;
    }

    /// Another sender at the same cloud, at the same time and with the same rows.
    pub(super) fn beside(&self) -> Self {
        let mut other = World::new(self.cloud, self.left, self.seed);
        (other.now, other.origin, other.place) = (self.now, self.origin, self.place);
        other
    }

    /// The same state at another cloud.
    pub(super) fn moved_to<'b>(self, cloud: &'b CloudModel) -> World<'b> {
        World { cloud, ..self }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left == 0 && self.calls.is_empty()
    }

    pub(super) fn clock(&self) -> Duration {
        Duration::from_secs_f64(self.now)
    }

    /// Opens a call with as many of the next rows as the size holds, at least one.
    pub(super) fn open(&mut self, size: &ChunkSize) -> &Call {
        let (mut rows, mut bytes) = (0, 0);
        while rows < self.left {
            let each = self.row_bytes(self.place);
            let run = (RUN - self.place % RUN).min(self.left - rows);
            let taken = fitting(size, rows, bytes, each, run);
            (rows, bytes, self.place) = (rows + taken, bytes + taken * each, self.place + taken);
            if taken < run {
                if rows == 0 {
                    (rows, bytes, self.place) = (1, each, self.place + 1);
                }
                break;
            }
        }
        self.left -= rows;
        self.made += 1;
        let noise = self.cloud.noise * (2.0 * self.random.f64() - 1.0);
        let work = self.cloud.work(rows as f64, bytes as f64) * (1.0 + noise);
        self.calls.push(Call { number: self.made, rows, bytes, opened: self.now, work });
        &self.calls[self.calls.len() - 1]
    }

    /// Bytes of a row at this place: runs of rows have sizes of their own.
    pub(super) fn row_bytes(&self, place: u64) -> u64 {
        let mean = self.cloud.row_bytes as f64;
        let run =
            fastrand::Rng::with_seed(self.seed ^ (place / RUN).wrapping_mul(0x9e37_79b9_7f4a_7c15)).f64();
        (mean * (1.0 + self.cloud.row_spread * (2.0 * run - 1.0))).round().max(1.0) as u64
    }

    /// Goes on to the next end of a call.
    pub(super) fn advance(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        while ended.is_empty() && !self.calls.is_empty() {
            let speed = 1.0 / (self.cost_now() * self.cloud.slowdown(self.calls.len() as u32));
            let nearest = self.calls.iter().fold(STEP, |step, call| {
                step.min(call.work / speed).min(call.opened + self.cloud.limit - self.now)
            });
            let step = nearest.max(1e-6);
            self.now += step;
            for call in &mut self.calls {
                call.work -= step * speed;
            }
            let (now, limit) = (self.now, self.cloud.limit);
            let over: Vec<Call> = self
                .calls
                .extract_if(.., |call| call.work <= 1e-9 || now - call.opened >= limit - 1e-9)
                .collect();
            for call in over {
                ended.push(self.end(&call));
            }
        }
        ended
    }

    fn end(&mut self, call: &Call) -> Ended {
        let killed = call.work > 1e-9;
        self.longest = self.longest.max(self.now - call.opened);
        if killed {
            self.hits += 1;
            if call.opened > self.struck {
                (self.strokes, self.struck) = (self.strokes + 1, self.now);
            }
            self.left += call.rows;
        }
        Ended { number: call.number, killed }
    }

    /// By what all costs are multiplied now, contention and noise apart.
    pub(super) fn cost_now(&self) -> f64 {
        let swing = (self.phase + std::f64::consts::TAU * self.now / self.cloud.swing_period).sin();
        let since = self.now - self.origin;
        let steps = self.cloud.steps.iter().take_while(|(from, _)| *from <= since);
        (1.0 + self.cloud.swing * swing) * steps.last().map_or(1.0, |(_, by)| *by)
    }

    pub(super) fn result(&self, explained: String) -> Run {
        Run {
            seconds: self.now - self.origin,
            hits: self.hits,
            strokes: self.strokes,
            calls: self.made,
            longest: self.longest,
            explained,
        }
    }
}

/// How many of the next `most` rows of one size still fit.
fn fitting(size: &ChunkSize, rows: u64, bytes: u64, each: u64, most: u64) -> u64 {
    let fits = |more: u64| size.holds(rows + more, bytes + more * each);
    if fits(most) {
        return most;
    }
    let (mut few, mut many) = (0, most);
    while many - few > 1 {
        let middle = u64::midpoint(few, many);
        if fits(middle) { few = middle } else { many = middle }
    }
    few
}
