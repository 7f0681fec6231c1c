//! How many rows the next chunk has.

use std::time::Duration;

use super::filter::Work;
use super::{CONFIDENT, Pace};

/// The first chunk has this part of the rows that one may have before anything was seen, the second has all of them:
/// two sizes tell fixed cost from cost per row. A smaller first one shows that better, but bounds the ones after it more:
/// as long as nothing else has ended, all of its time may have been its rows'.
const FIRST: f64 = 0.5;

/// What the upstream may do to a chunk while it is under way nobody knows when it is sent. Chunks are made so short that
/// they outlast an upstream that is all at once so many times as slow, the first that costs no more than [`SPARE`].
const SUDDEN: [f64; 3] = [11.5, 5.4, 2.0];

/// So much of the throughput is given up for that.
const SPARE: f64 = 0.05;

/// And so much of it while the upstream is hardly known: what a batch loses at the beginning it does not make good again.
const SPARE_COLD: f64 = 0.02;

/// How near to the limit a chunk then may come.
const OUTLASTS: f64 = 0.85;

/// What noise may do to it beyond that is the limit's affair, not the step's.
const NOISE_BORNE: f64 = 1.15;

/// Of rows that are smaller than usual a chunk may have so many times as many; or of larger ones as many, if they take no
/// more than so many times as long.
const OTHERS: f64 = 1.25;

/// Rounding must not take a row away.
const ROUNDING: f64 = 1.0 + 1e-9;

/// The end of a batch is looked for by halving so often.
const HALVINGS: u32 = 24;

/// How large the next chunk may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChunkSize {
    /// Most rows.
    pub rows: u64,
    /// Most bytes of the request's body.
    pub bytes: u64,
    /// How many rows it is meant to have, if they are of the usual size.
    pub usual: u64,
    /// What rows and bytes may cost together, where that is known: rows of other sizes make a chunk of fewer or more of
    /// them. A single record may always be sent.
    pub costs: Option<Costs>,
}

/// Seconds for the rows of a chunk and their bytes, and the most of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Seconds for each row.
    pub per_row: f64,
    /// Seconds for each byte.
    pub per_byte: f64,
    /// Most seconds.
    pub most: f64,
}

impl ChunkSize {
    /// As large as need be.
    pub const WHOLE: Self = Self { rows: u64::MAX, bytes: u64::MAX, usual: u64::MAX, costs: None };

    /// Whether so many rows with so many bytes are within it.
    pub fn holds(&self, rows: u64, bytes: u64) -> bool {
        let cost = |costs: Costs| costs.per_row * rows as f64 + costs.per_byte * bytes as f64;
        rows <= self.rows && bytes <= self.bytes && self.costs.is_none_or(|costs| cost(costs) <= costs.most)
    }
}

impl Pace {
    /// Rows of the next chunk if many are left.
    pub fn rows(&self, now: Duration) -> u64 {
        self.most(now).0
    }

    /// Rows of the next chunk if many are left, and whether it is their time that bounds them.
    pub(super) fn most(&self, now: Duration) -> (u64, bool) {
        if let Some(rows) = self.spec.fixed_rows {
            return (rows, false);
        }
        let grown = (self.growth * self.proven).min(self.ceiling).min(self.spec.max_rows as f64);
        if self.model.is_blank() {
            return (whole(if self.flights.is_empty() { FIRST * grown } else { grown }), false);
        }
        let timely = self.enough(f64::from(self.wanted.max(self.allowed)), self.lateness(now));
        (whole(grown.min(timely)), timely < grown)
    }

    /// Rows of a chunk that is surely no slow call, while no more of these may be under way; 0 where there is none.
    pub(super) fn most_not_slow(&self, now: Duration) -> Option<u64> {
        let (load, slower) = (f64::from(self.allowed), self.lateness(now));
        let slow = Duration::from_millis(self.spec.slow_ms).as_secs_f64();
        let is_slow = |flight: &&super::Flight| {
            let expected = self.model.seconds(flight.work, load, slower) * self.model.margin();
            self.model.is_blank() || expected > slow || self.sample(flight, now).seconds > slow
        };
        let under_way = self.flights.values().filter(is_slow).count();
        if under_way < self.spec.max_slow_in_flight as usize || self.model.is_blank() {
            return None;
        }
        let rows = self.model.rows_in(slow / self.model.margin(), self.row_bytes, load, slower);
        // Casts saturate.
        Some(rows as u64)
    }

    /// The work of a chunk of so many usual rows.
    pub(super) fn usual(&self, rows: f64) -> Work {
        Work { rows, bytes: rows * self.row_bytes }
    }

    /// A chunk of so many usual rows. Where their time bounds them (`timely`), of as many others as take the same time; else
    /// there is time left for larger ones.
    pub(super) fn sized(&self, rows: u64, timely: bool) -> ChunkSize {
        let usual = rows.max(1);
        let (bytes, most_rows) = (self.spec.max_bytes, self.spec.max_rows);
        if self.spec.fixed_rows.is_some() || self.model.is_blank() {
            return ChunkSize { rows: usual, bytes, usual, costs: None };
        }
        let others = whole(OTHERS * usual as f64).min(most_rows).max(usual);
        let (rows, slack) = if timely { (others, ROUNDING) } else { (usual, OTHERS) };
        let (per_row, per_byte) = (self.model.per_row(), self.model.per_byte());
        let most = slack * usual as f64 * self.model.each(self.row_bytes);
        ChunkSize { rows, bytes, usual, costs: Some(Costs { per_row, per_byte, most }) }
    }

    /// Rows that fit; fewer where that makes a chunk safer and costs little.
    fn enough(&self, load: f64, slower: f64) -> f64 {
        let most = self.affordable(load, slower);
        if self.spec.daily.calls.is_some() {
            // Calls are counted: none is given away.
            return most;
        }
        // Where it is not known well, shorter chunks show it better, and cost little until then.
        let (fixed, each) = (self.model.least_fixed(), self.model.each(self.row_bytes));
        let speed = |rows: f64| rows / (fixed + each * rows).max(1e-12);
        let limit = self.spec.limit().as_secs_f64();
        let near = OUTLASTS * limit / self.model.margin().min(NOISE_BORNE);
        let outlasting = |by: &f64| self.model.rows_in(near / by, self.row_bytes, load, slower);
        let spare = if self.warming() { SPARE_COLD } else { SPARE };
        let short = SUDDEN.iter().map(outlasting);
        short
            .filter(|rows| *rows >= 1.0)
            .find(|rows| speed(*rows) >= (1.0 - spare) * speed(most))
            .map_or(most, |rows| rows.min(most))
    }

    /// This chunk's share of what is left, such that all that are under way then end together.
    pub(super) fn share(&self, now: Duration, remaining: u64, most: u64) -> u64 {
        let (load, slower) = (f64::from(self.allowed), self.lateness(now));
        // When each place is free: those taken, by what is expected of the chunks in them.
        let mut free_at: Vec<f64> = self
            .flights
            .values()
            .map(|flight| {
                let expected = self.model.seconds(flight.work, load, slower);
                (expected - self.sample(flight, now).seconds).max(0.0)
            })
            .collect();
        free_at.resize(free_at.len().max(self.allowed as usize), 0.0);
        let sent_by = |end: f64| -> f64 {
            free_at
                .iter()
                .map(|from| self.model.rows_in(end - from, self.row_bytes, load, slower).max(0.0))
                .sum()
        };
        let full = self.model.seconds(self.usual(most as f64), load, slower);
        // The end that is just late enough, by halving.
        let (mut early, mut late) = (0.0, full);
        while sent_by(late) < remaining as f64 && late < 100.0 * full {
            (early, late) = (late, late * 2.0);
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(early, late);
            if sent_by(middle) < remaining as f64 { early = middle } else { late = middle }
        }
        // More than fits one chunk in each place: a full one.
        if late >= full {
            most
        } else {
            self.model.rows_in(late, self.row_bytes, load, slower).ceil().max(1.0) as u64
        }
    }

    /// Rows that fit the target in expectation, and the limit at the worst that is likely.
    pub(super) fn affordable(&self, load: f64, slower: f64) -> f64 {
        let limit = self.spec.limit().as_secs_f64();
        let expected = self.model.rows_in(self.spec.target * limit, self.row_bytes, load, slower);
        let most = expected.min(self.spec.max_rows as f64).max(1.0);
        // The larger the chunk, the larger the doubt: the largest size that fits, by halving.
        let fits = |rows: f64| self.model.surely_within(self.usual(rows), load, slower, CONFIDENT * limit);
        if fits(most) {
            return most;
        }
        let (mut small, mut large) = (1.0, most);
        while large - small > 0.5 {
            let middle = f64::midpoint(small, large);
            if fits(middle) { small = middle } else { large = middle }
        }
        small
    }
}

fn whole(rows: f64) -> u64 {
    // Casts saturate; below one row there is no chunk.
    (rows as u64).max(1)
}
