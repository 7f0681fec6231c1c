//! What the upstream has been seen to take: fixed cost, cost per row, contention and noise.
//!
//! A chunk of n rows at load l takes (fixed + per_row n) (1 + contention (l - 1)) seconds, times noise. Fixed cost and cost
//! per row are followed by a Kalman filter, one for each contention that may be. What changes from chunk to chunk is
//! taken to be the speed of the upstream, which scales both costs alike; their proportion is remembered. Else a pace
//! that holds its chunks' time constant while the upstream slows down and its chunks shrink would seem to show that
//! time does not depend on rows.

use serde::{Deserialize, Serialize};

/// Contention factors that are weighed against each other: how much each further chunk under way slows all of them.
const CONTENTION: [f64; 14] = [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75, 1.0, 1.4, 2.0, 3.0];

/// Where the weighing starts: without evidence some contention is likelier than none or a lot.
const LIKELY: f64 = 0.15;

/// So many samples say as much about contention as one that owes nothing to the others: drift and noise of the load
/// make neighbours alike.
const INDEPENDENCE: f64 = 2.0;

/// How much of the evidence for a contention is left after the next sample.
const MEMORY: f64 = 0.998;

/// A contention whose score is worse by this is ruled out.
const RULED_OUT: f64 = 1.5;

/// How far the upstream's speed is expected to change from one chunk to the next, as a fraction.
const DRIFT: f64 = 0.025;

/// How far the proportion of the costs is.
const RESHAPE: f64 = 0.004;

/// Noise of a single chunk that is always reckoned with.
const LEAST_NOISE: f64 = 0.03;

/// How many standard deviations are meant by high confidence.
const CONFIDENCE: f64 = 2.5;

/// Of the first chunk's time, this is taken for noise, squared.
const FIRST_NOISE: f64 = 0.02;

/// A sample so many deviations off says that the speed has changed at once.
const STEP: f64 = 2.5;

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
    filters: [Filter; CONTENTION.len()],
    best: usize,
    spread: f64,
    samples: u64,
    /// The highest load that an answered chunk has met.
    heaviest: f64,
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

/// Costs under one contention, their covariance, and how badly they have foretold the samples.
#[derive(Clone, Copy, Debug, Default)]
struct Filter {
    fixed: f64,
    per_row: f64,
    /// Variance of `fixed`, covariance, variance of `per_row`.
    p11: f64,
    p12: f64,
    p22: f64,
    misfit: f64,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            filters: [Filter::default(); CONTENTION.len()],
            best: CONTENTION.iter().position(|&factor| factor == LIKELY).unwrap_or(0),
            spread: 0.12,
            samples: 0,
            heaviest: 1.0,
        }
    }

    /// Estimates as an earlier process left them; what they are now may be a fifth more or less.
    pub(crate) fn from_memory(memory: &Memory) -> Self {
        let mut model = Self::new();
        let near = |factor: f64| (factor - memory.contention).abs();
        for (index, (filter, factor)) in model.filters.iter_mut().zip(CONTENTION).enumerate() {
            if near(factor) < near(CONTENTION[model.best]) {
                model.best = index;
            }
            // At the load that it was learnt at, every contention must foretell the same.
            let load = f64::from(memory.in_flight.max(1));
            let scale = contention(memory.contention, load) / contention(factor, load);
            let (fixed, per_row) = (memory.fixed * scale, memory.per_row * scale);
            *filter = Filter {
                fixed,
                per_row,
                p11: (0.2 * fixed).powi(2),
                p12: 0.0,
                p22: (0.2 * per_row).powi(2),
                misfit: 4.0 * near(factor),
            };
        }
        model.samples = 8;
        model.heaviest = f64::from(memory.in_flight.max(1));
        model.spread = memory.noise.clamp(0.05, 1.0);
        model
    }

    pub(crate) fn memory(&self, rows: f64, in_flight: u32) -> Option<Memory> {
        (self.samples > 0).then(|| Memory {
            fixed: self.fixed(),
            per_row: self.per_row(),
            contention: self.contention(),
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

    pub(crate) fn contention(&self) -> f64 {
        CONTENTION[self.best]
    }

    pub(crate) fn fixed(&self) -> f64 {
        self.filters[self.best].fixed
    }

    pub(crate) fn per_row(&self) -> f64 {
        self.filters[self.best].per_row
    }

    pub(crate) fn heaviest(&self) -> f64 {
        self.heaviest
    }

    /// Takes in a finished chunk.
    pub(crate) fn learn(&mut self, sample: Sample) {
        self.samples += 1;
        self.heaviest = self.heaviest.max(sample.load);
        if self.samples == 1 {
            for (filter, factor) in self.filters.iter_mut().zip(CONTENTION) {
                *filter = Filter::first(sample.rows, sample.seconds / contention(factor, sample.load));
            }
            return;
        }
        let noise = (1.25 * self.spread).max(LEAST_NOISE);
        let surprise = (sample.seconds / self.seconds(sample.rows, sample.load, 1.0)).ln().abs();
        // What may be the doubt about the costs is not all noise.
        let own = self.filters[self.best].share_of_noise(sample.rows, noise);
        self.spread += 0.1 * (surprise * own - self.spread);
        for (filter, factor) in self.filters.iter_mut().zip(CONTENTION) {
            filter.learn(sample.rows, sample.seconds / contention(factor, sample.load), noise);
        }
        self.weigh();
    }

    /// A chunk took at least this long, however it ended: the upstream is at most as fast as that.
    pub(crate) fn at_least(&mut self, sample: Sample) {
        if self.is_blank() {
            return;
        }
        for (filter, factor) in self.filters.iter_mut().zip(CONTENTION) {
            let least = sample.seconds / contention(factor, sample.load);
            filter.slow_down(least / filter.expected(sample.rows));
        }
    }

    /// What was learnt of chunks beside each other no longer holds.
    pub(crate) fn forget_load(&mut self) {
        self.heaviest = 1.0;
    }

    /// By how much the upstream is slower than learnt, as chunks still under way already prove; at least 1.
    pub(crate) fn lateness(&self, under_way: impl Iterator<Item = Sample>) -> f64 {
        under_way
            .fold(1.0, |late, sample| late.max(sample.seconds / self.seconds(sample.rows, sample.load, 1.0)))
    }

    /// Seconds for a chunk of `rows` at `load`, on an upstream so many times as slow as learnt.
    pub(crate) fn seconds(&self, rows: f64, load: f64, slower: f64) -> f64 {
        (slower * self.filters[self.best].expected(rows) * contention(self.contention(), load)).max(1e-6)
    }

    /// Rows whose expected time at `load` is `target`; possibly below 1 or infinite.
    pub(crate) fn rows_in(&self, target: f64, load: f64, slower: f64) -> f64 {
        let left = target / (slower * contention(self.contention(), load)) - self.fixed();
        match self.per_row() > 0.0 {
            true => left / self.per_row(),
            false if left > 0.0 => f64::INFINITY,
            false => 0.0,
        }
    }

    /// Factor by which a chunk of known costs may exceed its expected time, with high confidence.
    pub(crate) fn margin(&self) -> f64 {
        // Mean absolute deviation times 1.25 is the standard deviation of normal noise.
        (CONFIDENCE * 1.25 * self.spread).exp().min(4.0)
    }

    /// Factor by which the expected time of a chunk of `rows` may be wrong, with high confidence, because few chunks have
    /// shown what the costs are.
    pub(crate) fn doubt(&self, rows: f64) -> f64 {
        self.filters[self.best].doubt(rows)
    }

    /// Factor by which a chunk at `load` may be slower than expected, since no chunk has met such a load: as if all of
    /// them shared one server.
    pub(crate) fn strain(&self, load: f64) -> f64 {
        let expected = contention(self.contention(), load) / contention(self.contention(), self.heaviest);
        (load / self.heaviest / expected).max(1.0)
    }

    /// Itself under each contention that is not ruled out.
    pub(crate) fn likely(&self) -> Vec<Self> {
        let least = self.score(self.best);
        let open = (0..CONTENTION.len()).filter(|index| self.score(*index) < least + RULED_OUT);
        open.map(|best| Self { best, ..self.clone() }).collect()
    }

    pub(crate) fn noise(&self) -> f64 {
        self.spread
    }

    /// How unlikely a contention is, by what was foretold and by what is likely beforehand.
    fn score(&self, index: usize) -> f64 {
        let unlikely = ((CONTENTION[index] + 0.05) / (LIKELY + 0.05)).ln();
        self.filters[index].misfit / INDEPENDENCE + unlikely * unlikely
    }

    /// Takes the likeliest contention.
    fn weigh(&mut self) {
        for filter in &mut self.filters {
            filter.misfit *= MEMORY;
        }
        let scores = (0..CONTENTION.len()).map(|index| (index, self.score(index)));
        self.best = scores.min_by(|one, other| one.1.total_cmp(&other.1)).map_or(0, |(index, _)| index);
    }
}

impl Filter {
    /// After one chunk: somewhere between all of its time having been fixed and all of it its rows'.
    fn first(rows: f64, seconds: f64) -> Self {
        let (half, each) = (seconds / 2.0, seconds / 2.0 / rows);
        Self {
            fixed: half,
            per_row: each,
            p11: half * half * (1.0 / 3.0 + FIRST_NOISE),
            p12: half * each * (FIRST_NOISE - 1.0 / 3.0),
            p22: each * each * (1.0 / 3.0 + FIRST_NOISE),
            misfit: 0.0,
        }
    }

    fn expected(&self, rows: f64) -> f64 {
        (self.fixed + self.per_row * rows).max(1e-9)
    }

    fn variance(&self, rows: f64) -> f64 {
        (self.p11 + 2.0 * rows * self.p12 + rows * rows * self.p22).max(0.0)
    }

    /// The part of a surprise that noise is expected to have.
    fn share_of_noise(&self, rows: f64, noise: f64) -> f64 {
        let own = noise * self.expected(rows);
        (own * own / (self.variance(rows) + own * own)).sqrt()
    }

    fn learn(&mut self, rows: f64, seconds: f64, noise: f64) {
        self.drift(DRIFT);
        self.p11 += (RESHAPE * self.fixed).powi(2);
        self.p22 += (RESHAPE * self.per_row).powi(2);
        let expected = self.expected(rows);
        let own = (noise * expected).powi(2);
        let off = seconds - expected;
        let mut variance = self.variance(rows) + own;
        // A change of speed says nothing about contention: what is further off counts as no worse.
        self.misfit +=
            (off * off / variance).min(8.0 * STEP * STEP) + (variance / (expected * expected)).ln();
        if off * off > STEP * STEP * variance {
            // An upstream that gets slower is followed faster than one that gets faster: the one costs a hit, the other time.
            let part = if off > 0.0 { 1.0 } else { 0.5 };
            self.drift(part * off / expected);
            variance = self.variance(rows) + own;
        }
        let (gain1, gain2) =
            ((self.p11 + rows * self.p12) / variance, (self.p12 + rows * self.p22) / variance);
        self.fixed += gain1 * off;
        self.per_row += gain2 * off;
        self.p11 -= gain1 * gain1 * variance;
        self.p12 -= gain1 * gain2 * variance;
        self.p22 -= gain2 * gain2 * variance;
        // Neither cost is negative: what the other is then follows from how they hang together.
        if self.fixed < 0.0 {
            self.per_row -= self.p12 / self.p11.max(1e-300) * self.fixed;
            self.fixed = 0.0;
        }
        if self.per_row < 0.0 {
            self.fixed -= self.p12 / self.p22.max(1e-300) * self.per_row;
            self.per_row = 0.0;
        }
        self.fixed = self.fixed.max(0.0);
    }

    /// The speed may have changed by this part.
    fn drift(&mut self, part: f64) {
        let part = part * part;
        self.p11 += part * self.fixed * self.fixed;
        self.p12 += part * self.fixed * self.per_row;
        self.p22 += part * self.per_row * self.per_row;
    }

    fn slow_down(&mut self, by: f64) {
        if by > 1.0 {
            self.fixed *= by;
            self.per_row *= by;
            self.p11 *= by * by;
            self.p12 *= by * by;
            self.p22 *= by * by;
        }
    }

    fn doubt(&self, rows: f64) -> f64 {
        let expected = self.expected(rows);
        let either_way = expected + CONFIDENCE * self.variance(rows).sqrt();
        // A fixed cost is nothing at least: had all the time been the rows', a larger chunk took no longer than this.
        let each = self.per_row - self.p12 / self.p11.max(1e-300) * self.fixed;
        let rest = (self.p22 - self.p12 * self.p12 / self.p11.max(1e-300)).max(0.0).sqrt();
        let all_rows = rows * (each + CONFIDENCE * rest);
        (either_way.min(all_rows) / expected).max(1.0)
    }
}

/// How much slower a chunk is when `load` of them are under way, itself counted.
pub(crate) fn contention(factor: f64, load: f64) -> f64 {
    1.0 + factor * (load - 1.0).max(0.0)
}
