//! What the upstream has been seen to take: fixed cost, cost per row and per byte, contention and noise.
//!
//! A chunk of n rows with b bytes at load l takes (fixed + per_row n + per_byte b) (1 + contention (l - 1)) seconds, times
//! noise; or with a set number of workers, as `crowd` says. The costs are followed by a Kalman filter (`filter`), one for each
//! crowd that may be. What changes from chunk to chunk is taken to be the speed of the upstream, which scales all costs
//! alike; their proportion is remembered. Else a pace that holds its chunks' time constant while the upstream slows down
//! and its chunks shrink would seem to show that time does not depend on rows.

use serde::{Deserialize, Serialize};

use super::crowd::{CROWDS, Crowd};
use super::filter::{CONFIDENCE, Filter, Work};

/// Where the weighing starts: without evidence some contention is likelier than none or a lot.
const LIKELY: f64 = 0.15;

/// How much less likely, as a score, a set number of workers is than none.
const WORKERS_UNLIKELY: f64 = 1.5;

/// So many samples say as much about contention as one that owes nothing to the others: drift and noise of the load
/// make neighbours alike.
const INDEPENDENCE: f64 = 2.0;

/// How much of the evidence for a contention is left after the next sample.
const MEMORY: f64 = 0.998;

/// What is worse than the best by this is ruled out.
const RULED_OUT: f64 = 6.0;

/// Noise of a single chunk that is always reckoned with.
const LEAST_NOISE: f64 = 0.03;

/// How much the last chunk's load says about the load lately.
const LATELY: f64 = 0.3;

/// One finished chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) work: Work,
    pub(crate) seconds: f64,
    /// Mean number of chunks under way while it was, itself counted.
    pub(crate) load: f64,
}

/// The estimates.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    filters: [Filter; CROWDS.len()],
    best: usize,
    spread: f64,
    samples: u64,
    /// The highest load that an answered chunk has met.
    heaviest: f64,
    /// The load that chunks have met lately.
    lately: f64,
}

/// What is worth keeping over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) fixed: f64,
    pub(crate) per_row: f64,
    pub(crate) per_byte: f64,
    /// Bytes of a row.
    pub(crate) row_bytes: f64,
    pub(crate) contention: f64,
    pub(crate) workers: u32,
    pub(crate) noise: f64,
    pub(crate) rows: f64,
    pub(crate) in_flight: u32,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            filters: [Filter::default(); CROWDS.len()],
            best: CROWDS.iter().position(|crowd| crowd.contention == LIKELY).unwrap_or(0),
            spread: 0.12,
            samples: 0,
            heaviest: 1.0,
            lately: 1.0,
        }
    }

    /// Estimates as an earlier process left them; what they are now may be a fifth more or less.
    pub(crate) fn from_memory(memory: &Memory) -> Self {
        let mut model = Self::new();
        let usual = Work { rows: memory.rows.max(1.0), bytes: memory.rows.max(1.0) * memory.row_bytes };
        let known = Crowd { contention: memory.contention, workers: memory.workers };
        // At the load that it was learnt at, every crowd must foretell the same.
        let load = f64::from(memory.in_flight.max(1));
        let far = |crowd: Crowd| crowd.distance(known);
        for (index, (filter, crowd)) in model.filters.iter_mut().zip(CROWDS).enumerate() {
            if far(crowd) < far(CROWDS[model.best]) {
                model.best = index;
            }
            let scale = known.slowdown(load) / crowd.slowdown(load);
            let costs = [memory.fixed, memory.per_row, memory.per_byte].map(|cost| cost * scale);
            *filter = Filter::known(costs, usual, 0.2);
            filter.misfit = 4.0 * far(crowd);
        }
        model.samples = 8;
        model.heaviest = load;
        model.lately = load;
        model.spread = memory.noise.clamp(0.05, 1.0);
        model
    }

    pub(crate) fn memory(&self, rows: f64, row_bytes: f64, in_flight: u32) -> Option<Memory> {
        (self.samples > 0).then(|| Memory {
            fixed: self.fixed(),
            per_row: self.per_row(),
            per_byte: self.per_byte(),
            row_bytes,
            contention: self.crowd().contention,
            workers: self.crowd().workers,
            noise: self.spread,
            rows,
            in_flight,
        })
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.samples == 0
    }

    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    pub(crate) fn crowd(&self) -> Crowd {
        CROWDS[self.best]
    }

    pub(crate) fn fixed(&self) -> f64 {
        self.filters[self.best].costs[0]
    }

    pub(crate) fn per_row(&self) -> f64 {
        self.filters[self.best].costs[1]
    }

    pub(crate) fn per_byte(&self) -> f64 {
        self.filters[self.best].costs[2]
    }

    pub(crate) fn heaviest(&self) -> f64 {
        self.heaviest
    }

    /// Takes in a finished chunk.
    pub(crate) fn learn(&mut self, sample: Sample) {
        self.samples += 1;
        self.heaviest = self.heaviest.max(sample.load);
        self.lately += LATELY * (sample.load - self.lately);
        if self.samples == 1 {
            for (filter, crowd) in self.filters.iter_mut().zip(CROWDS) {
                *filter = Filter::first(sample.work, sample.seconds / crowd.slowdown(sample.load));
            }
            return;
        }
        let noise = (1.25 * self.spread).max(LEAST_NOISE);
        let surprise = (sample.seconds / self.seconds(sample.work, sample.load, 1.0)).ln().abs();
        // What may be the doubt about the costs is not all noise.
        let own = self.filters[self.best].share_of_noise(sample.work, noise);
        self.spread += 0.1 * (surprise * own - self.spread);
        for (filter, crowd) in self.filters.iter_mut().zip(CROWDS) {
            filter.learn(sample.work, sample.seconds / crowd.slowdown(sample.load), noise);
        }
        self.weigh();
    }

    /// A chunk took at least this long, however it ended: the upstream is at most as fast as that.
    pub(crate) fn at_least(&mut self, sample: Sample) {
        if self.is_blank() {
            return;
        }
        for (filter, crowd) in self.filters.iter_mut().zip(CROWDS) {
            let least = sample.seconds / crowd.slowdown(sample.load);
            filter.slow_down(least / filter.expected(sample.work));
        }
    }

    /// What was learnt of chunks beside each other no longer holds.
    pub(crate) fn forget_load(&mut self) {
        self.heaviest = 1.0;
    }

    /// By how much the upstream is slower than learnt, as chunks still under way already prove; at least 1.
    pub(crate) fn lateness(&self, under_way: impl Iterator<Item = Sample>) -> f64 {
        under_way
            .fold(1.0, |late, sample| late.max(sample.seconds / self.seconds(sample.work, sample.load, 1.0)))
    }

    /// Seconds for a chunk at `load`, on an upstream so many times as slow as learnt.
    pub(crate) fn seconds(&self, work: Work, load: f64, slower: f64) -> f64 {
        (slower * self.filters[self.best].expected(work) * self.crowd().slowdown(load)).max(1e-6)
    }

    /// Rows of so many bytes whose expected time at `load` is `target`; possibly below 1 or infinite.
    pub(crate) fn rows_in(&self, target: f64, row_bytes: f64, load: f64, slower: f64) -> f64 {
        let left = target / (slower * self.crowd().slowdown(load)) - self.fixed();
        let each = self.each(row_bytes);
        match each > 0.0 {
            true => left / each,
            false if left > 0.0 => f64::INFINITY,
            false => 0.0,
        }
    }

    /// Seconds for a row of so many bytes, alone.
    pub(crate) fn each(&self, row_bytes: f64) -> f64 {
        self.per_row() + self.per_byte() * row_bytes
    }

    /// Factor by which a chunk of known costs may exceed its expected time, with high confidence.
    pub(crate) fn margin(&self) -> f64 {
        // Mean absolute deviation times 1.25 is the standard deviation of normal noise.
        (CONFIDENCE * 1.25 * self.spread).exp().min(4.0)
    }

    /// Factor by which the expected time of a chunk may be wrong, with high confidence, because few chunks have
    /// shown what the costs are.
    pub(crate) fn doubt(&self, work: Work) -> f64 {
        self.filters[self.best].doubt(work)
    }

    /// Factor by which a chunk at `load` may be slower than expected: since no chunk has met such a load, as if all of them
    /// shared one server; and since another crowd than the likeliest may be true, what that one would make of more than
    /// there were lately.
    pub(crate) fn strain(&self, load: f64) -> f64 {
        let more = |crowd: Crowd, than: f64| crowd.slowdown(load) / crowd.slowdown(than.min(load));
        let unmet = load / self.heaviest / more(self.crowd(), self.heaviest);
        let least = self.score(self.best);
        let open = (0..CROWDS.len()).filter(|index| self.score(*index) < least + RULED_OUT);
        let worst = open.map(|index| more(CROWDS[index], self.lately)).fold(1.0, f64::max);
        unmet.max(worst / more(self.crowd(), self.lately)).max(1.0)
    }

    /// Itself with each crowd that is not ruled out, and how likely that is beside the likeliest.
    pub(crate) fn likely(&self) -> Vec<(f64, Self)> {
        let least = self.score(self.best);
        let open = (0..CROWDS.len()).map(|index| (index, self.score(index) - least));
        open.filter(|(_, worse)| *worse < RULED_OUT)
            .map(|(best, worse)| ((-worse / 2.0).exp(), Self { best, ..self.clone() }))
            .collect()
    }

    pub(crate) fn noise(&self) -> f64 {
        self.spread
    }

    /// How unlikely a contention is, by what was foretold and by what is likely beforehand.
    fn score(&self, index: usize) -> f64 {
        let unlikely = ((CROWDS[index].contention + 0.05) / (LIKELY + 0.05)).ln();
        let workers = if CROWDS[index].workers > 0 { WORKERS_UNLIKELY } else { 0.0 };
        self.filters[index].misfit / INDEPENDENCE + unlikely * unlikely + workers
    }

    /// Takes the likeliest contention.
    fn weigh(&mut self) {
        for filter in &mut self.filters {
            filter.misfit *= MEMORY;
        }
        let scores = (0..CROWDS.len()).map(|index| (index, self.score(index)));
        self.best = scores.min_by(|one, other| one.1.total_cmp(&other.1)).map_or(0, |(index, _)| index);
    }
}
