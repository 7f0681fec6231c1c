//! What the upstream has been seen to take: fixed cost, cost per row, contention, level and noise.

use serde::{Deserialize, Serialize};

/// Contention factors that are weighed against each other: how much each further chunk under way slows all of them.
const CONTENTION: [f64; 12] = [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5];

/// Where the weighing starts: without evidence some contention is likelier than none or a lot.
const LIKELY: f64 = 0.15;

/// So many samples say as much about contention as one that owes nothing to the others: drift and noise of the load
/// make neighbours alike.
const INDEPENDENCE: f64 = 20.0;

/// How much of an observation's weight is left after the next one: about 100 are remembered. The shape of the cost
/// hardly changes; what drifts is followed by the level.
const SHAPE_MEMORY: f64 = 0.99;

/// One finished chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) rows: f64,
    pub(crate) seconds: f64,
    /// Mean number of chunks under way while it was, itself counted.
    pub(crate) load: f64,
}

/// The estimates.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    fits: [Fit; CONTENTION.len()],
    best: usize,
    pub(crate) fixed: f64,
    pub(crate) per_row: f64,
    level: f64,
    spread: f64,
    samples: u64,
}

/// What is worth keeping over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) fixed: f64,
    pub(crate) per_row: f64,
    pub(crate) contention: f64,
    pub(crate) noise: f64,
    pub(crate) rows: f64,
    pub(crate) in_flight: u32,
}

/// Weighted least squares of relative errors: minimises the sum of w (1 - (fixed + per_row n) c / t)².
#[derive(Clone, Copy, Debug, Default)]
struct Fit {
    one: f64,
    x1: f64,
    x2: f64,
    x11: f64,
    x12: f64,
    x22: f64,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            fits: [Fit::default(); CONTENTION.len()],
            best: CONTENTION.iter().position(|&factor| factor == LIKELY).unwrap_or(0),
            fixed: 0.0,
            per_row: 0.0,
            level: 1.0,
            spread: 0.15,
            samples: 0,
        }
    }

    /// Estimates as an earlier process left them; they weigh as little as a handful of observations.
    pub(crate) fn from_memory(memory: &Memory) -> Self {
        let mut model = Self::new();
        for part in [0.25, 0.5, 1.0] {
            for load in [1.0, f64::from(memory.in_flight.max(1))] {
                let rows = (memory.rows * part).max(1.0);
                let seconds = (memory.fixed + memory.per_row * rows) * contention(memory.contention, load);
                if seconds.is_finite() && seconds > 0.0 {
                    model.learn(Sample { rows, seconds, load });
                }
            }
        }
        model.spread = memory.noise.clamp(0.02, 1.0);
        model
    }

    pub(crate) fn memory(&self, rows: f64, in_flight: u32) -> Option<Memory> {
        (self.samples > 0).then(|| Memory {
            fixed: self.fixed * self.level,
            per_row: self.per_row * self.level,
            contention: self.contention(),
            noise: self.spread,
            rows,
            in_flight,
        })
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.samples == 0
    }

    pub(crate) fn contention(&self) -> f64 {
        CONTENTION[self.best]
    }

    /// Takes in a finished chunk.
    pub(crate) fn learn(&mut self, sample: Sample) {
        for (fit, factor) in self.fits.iter_mut().zip(CONTENTION) {
            fit.add(sample, contention(factor, sample.load));
        }
        self.samples += 1;
        self.solve();
        let ratio = sample.seconds / self.shape(sample.rows, sample.load);
        if self.samples == 1 {
            return;
        }
        let surprise = (ratio / self.level).ln().abs();
        self.spread += 0.1 * (surprise - self.spread);
        // A cloud that gets slower is followed faster than one that gets faster: the one costs a hit, the other time.
        let weight = if ratio > self.level { 0.35 } else { 0.2 };
        self.level += weight * (ratio - self.level);
    }

    /// A chunk took at least this long, however it ended: the level is at least that.
    pub(crate) fn at_least(&mut self, sample: Sample) {
        if !self.is_blank() {
            self.level = self.level.max(sample.seconds / self.shape(sample.rows, sample.load));
        }
    }

    /// Level that a chunk still under way already proves; never below the level learnt.
    pub(crate) fn level_with(&self, under_way: impl Iterator<Item = Sample>) -> f64 {
        under_way.fold(self.level, |level, sample| {
            level.max(sample.seconds / self.shape(sample.rows, sample.load))
        })
    }

    /// Seconds for a chunk of `rows` at `load`, at the given level.
    pub(crate) fn seconds(&self, rows: f64, load: f64, level: f64) -> f64 {
        level * self.shape(rows, load)
    }

    /// Rows whose expected time at `load` is `target`; possibly below 1 or infinite.
    pub(crate) fn rows_in(&self, target: f64, load: f64, level: f64) -> f64 {
        let left = target / (level * contention(self.contention(), load)) - self.fixed;
        if self.per_row > 0.0 { left / self.per_row } else { f64::INFINITY }
    }

    /// Factor by which a chunk may exceed its expected time, with high confidence.
    pub(crate) fn margin(&self) -> f64 {
        // Mean absolute deviation times 1.25 is the standard deviation of normal noise; two and a half of them.
        (2.5 * 1.25 * self.spread).exp().min(4.0)
    }

    pub(crate) fn noise(&self) -> f64 {
        self.spread
    }

    pub(crate) fn level(&self) -> f64 {
        self.level
    }

    fn shape(&self, rows: f64, load: f64) -> f64 {
        ((self.fixed + self.per_row * rows) * contention(self.contention(), load)).max(1e-6)
    }

    fn solve(&mut self) {
        let solved = self.fits.map(|fit| fit.solve());
        let least = solved.iter().fold(f64::INFINITY, |least, (_, _, error)| least.min(*error)).max(1e-6);
        let weight = self.fits[0].one / INDEPENDENCE;
        let mut best = f64::INFINITY;
        for (index, (fixed, per_row, error)) in solved.into_iter().enumerate() {
            // The likelihood of what was seen, against what is likely beforehand: few samples or much noise prove little.
            let surprise = ((CONTENTION[index] + 0.05) / (LIKELY + 0.05)).ln();
            let score = weight * error / least + surprise * surprise;
            if score < best {
                best = score;
                (self.best, self.fixed, self.per_row) = (index, fixed, per_row);
            }
        }
    }
}

impl Fit {
    fn add(&mut self, sample: Sample, factor: f64) {
        let x1 = factor / sample.seconds;
        let x2 = sample.rows * x1;
        for (sum, new) in [
            (&mut self.one, 1.0),
            (&mut self.x1, x1),
            (&mut self.x2, x2),
            (&mut self.x11, x1 * x1),
            (&mut self.x12, x1 * x2),
            (&mut self.x22, x2 * x2),
        ] {
            *sum = *sum * SHAPE_MEMORY + new;
        }
    }

    /// Fixed cost, cost per row (neither negative) and mean squared relative error.
    fn solve(&self) -> (f64, f64, f64) {
        if self.one == 0.0 {
            return (0.0, 0.0, 0.0);
        }
        // With one size seen only, nothing tells fixed cost from cost per row: then all of it counts as cost per row,
        // which is the careful reading for a larger chunk.
        let ridge = 1e-3 * self.x11;
        let (x11, x12, x22) = (self.x11 + ridge, self.x12, self.x22);
        let determinant = x11 * x22 - x12 * x12;
        let mut fixed = (self.x1 * x22 - self.x2 * x12) / determinant;
        let mut per_row = (self.x2 * x11 - self.x1 * x12) / determinant;
        if !(fixed.is_finite() && fixed > 0.0) {
            (fixed, per_row) = (0.0, self.x2 / x22);
        } else if !(per_row.is_finite() && per_row > 0.0) {
            (fixed, per_row) = (self.x1 / self.x11, 0.0);
        }
        let squares = self.one - 2.0 * (fixed * self.x1 + per_row * self.x2)
            + fixed * fixed * self.x11
            + 2.0 * fixed * per_row * self.x12
            + per_row * per_row * self.x22;
        (fixed, per_row, (squares / self.one).max(0.0))
    }
}

/// How much slower a chunk is when `load` of them are under way, itself counted.
pub(crate) fn contention(factor: f64, load: f64) -> f64 {
    1.0 + factor * (load - 1.0).max(0.0)
}
