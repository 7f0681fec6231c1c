//! What the upstream has been seen to take: fixed cost, cost per row and per byte, contention and noise.
//!
//! A chunk of n rows with b bytes at load l takes (fixed + per_row n + per_byte b) (1 + contention (l - 1)) seconds, times
//! noise; or with a set number of workers, as `crowd` says. The costs are followed by a Kalman filter (`filter`), one for each
//! crowd that may be. What changes from chunk to chunk is taken to be the speed of the upstream, which scales all costs
//! alike; their proportion is remembered. Else a pace that holds its chunks' time constant while the upstream slows down
//! and its chunks shrink would seem to show that time does not depend on rows.

use serde::{Deserialize, Serialize};

use super::crowd::{Alone, CROWDS, Crowd};
use super::filter::{CONFIDENCE, Filter, Work};
use super::normal::beyond;

/// Where the weighing starts: without evidence some contention is likelier than none or a lot.
const LIKELY: f64 = 0.15;

/// How much less likely, as a score, a set number of workers is than none.
const WORKERS_UNLIKELY: f64 = 1.5;

/// So many samples say as much about contention as one that owes nothing to the others: drift and noise of the load
/// make neighbours alike.
const INDEPENDENCE: f64 = 2.0;

/// How much of the evidence for a contention is left after the next sample.
const MEMORY: f64 = 0.998;

/// What is worse than the best by this is ruled out: nothing is tried for it.
const RULED_OUT: f64 = 6.0;

/// And by this so far that it adds nothing to the risk.
const NEGLIGIBLE: f64 = 12.0;

/// Noise, as the mean deviation, before anything was seen. Less makes a cold start little quicker, and a cloud with much noise
/// stops a call at the start.
const FIRST_SPREAD: f64 = 0.12;

/// Noise of a single chunk that is always reckoned with.
const LEAST_NOISE: f64 = 0.03;

/// Of so many chunks one may be expected to come too near to the limit: a risk as small as that of a deviation of 2.25.
const RISK: f64 = 1.0 / 80.0;

/// How many deviations are reckoned with where no chunk has met such a load.
const UNMET: f64 = 1.0;

/// How far a call's fixed cost may be below what it seems, in deviations, where short chunks are safer.
const CHEAPER: f64 = 0.5;

/// One finished chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) work: Work,
    pub(crate) seconds: f64,
    /// What it would have taken alone: how many were under way is known for every moment of it.
    pub(crate) alone: Alone,
    /// Mean number of chunks under way while it was, itself counted.
    pub(crate) load: f64,
}

impl Sample {
    /// If it took so long at least.
    pub(crate) fn lasting(mut self, seconds: f64) -> Self {
        let by = (seconds / self.seconds).max(1.0);
        self.alone = self.alone.map(|alone| alone * by);
        self.seconds *= by;
        self
    }
}

/// The estimates.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    filters: [Filter; CROWDS.len()],
    best: usize,
    /// How unlikely each crowd is beside the likeliest: twice the logarithm of the odds.
    worse: [f64; CROWDS.len()],
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
        let mut model = Self {
            filters: [Filter::default(); CROWDS.len()],
            best: 0,
            worse: [0.0; CROWDS.len()],
            spread: FIRST_SPREAD,
            samples: 0,
            heaviest: 1.0,
        };
        model.compare();
        model
    }

    /// Estimates as an earlier process left them; what they are now may be a fifth more or less.
    pub(crate) fn from_memory(memory: &Memory) -> Self {
        let mut model = Self::new();
        let usual = Work { rows: memory.rows.max(1.0), bytes: memory.rows.max(1.0) * memory.row_bytes };
        let known = Crowd { contention: memory.contention, workers: memory.workers };
        // At the load that it was learnt at, every crowd must foretell the same.
        let load = f64::from(memory.in_flight.max(1));
        for (filter, crowd) in model.filters.iter_mut().zip(CROWDS) {
            let scale = known.slowdown(load) / crowd.slowdown(load);
            let costs = [memory.fixed, memory.per_row, memory.per_byte].map(|cost| cost * scale);
            *filter = Filter::known(costs, usual, 0.2);
            // What is likely beforehand is in what was learnt.
            filter.misfit = 4.0 * crowd.distance(known) - INDEPENDENCE * unlikely(crowd);
        }
        model.compare();
        model.samples = 8;
        model.heaviest = load;
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

    /// What a call may cost by itself if it is cheaper than it seems.
    pub(crate) fn least_fixed(&self) -> f64 {
        self.filters[self.best].least_fixed(CHEAPER)
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
        if self.samples == 1 {
            for (filter, alone) in self.filters.iter_mut().zip(sample.alone) {
                *filter = Filter::first(sample.work, alone);
            }
            return;
        }
        let noise = (1.25 * self.spread).max(LEAST_NOISE);
        let surprise = self.late(&sample).ln().abs();
        // What may be the doubt about the costs is not all noise.
        let own = self.filters[self.best].share_of_noise(sample.work, noise);
        self.spread += 0.1 * (surprise * own - self.spread);
        for (filter, alone) in self.filters.iter_mut().zip(sample.alone) {
            filter.learn(sample.work, alone, noise);
        }
        self.weigh();
    }

    /// A chunk took at least this long, however it ended: the upstream is at most as fast as that.
    pub(crate) fn at_least(&mut self, sample: Sample) {
        if self.is_blank() {
            return;
        }
        for (filter, alone) in self.filters.iter_mut().zip(sample.alone) {
            filter.slow_down(alone / filter.expected(sample.work));
        }
    }

    /// What was learnt of chunks beside each other no longer holds.
    pub(crate) fn forget_load(&mut self) {
        self.heaviest = 1.0;
    }

    /// By how much the upstream is slower than learnt, as chunks still under way already prove; at least 1.
    pub(crate) fn lateness(&self, under_way: impl Iterator<Item = Sample>) -> f64 {
        under_way.fold(1.0, |late, sample| late.max(self.late(&sample)))
    }

    /// How many times as long as expected a chunk took.
    fn late(&self, sample: &Sample) -> f64 {
        sample.alone[self.best] / self.filters[self.best].expected(sample.work)
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

    /// Whether a chunk at `load` takes at most `most` seconds, with high confidence, on an upstream so many times as slow as
    /// learnt. Every crowd is reckoned with as far as it is likely, with the costs that it makes of what was seen, with noise,
    /// and with what so few chunks leave open about costs.
    pub(crate) fn surely_within(&self, work: Work, load: f64, slower: f64, most: f64) -> bool {
        let noise = 1.25 * self.spread;
        let time = |index: usize| {
            let filter = &self.filters[index];
            let open = filter.doubt(work).ln() / CONFIDENCE;
            (slower * filter.expected(work) * CROWDS[index].slowdown(load), noise.hypot(open))
        };
        // What no chunk has met may be as if all shared one server.
        let (likeliest, deviation) = time(self.best);
        let met = self.crowd().slowdown(self.heaviest) / self.heaviest;
        let unmet = (load * met / self.crowd().slowdown(load)).max(1.0);
        if likeliest * unmet * (UNMET * deviation).exp() > most {
            return false;
        }
        let (mut all, mut late) = (0.0, 0.0);
        for (index, worse) in self.open(NEGLIGIBLE) {
            let likely = (-worse / 2.0).exp();
            let (expected, deviation) = time(index);
            all += likely;
            late += likely * beyond((most / expected).ln() / deviation);
        }
        late <= RISK * all
    }

    /// Itself with each crowd that is not ruled out, and how likely that is beside the likeliest.
    pub(crate) fn likely(&self) -> Vec<(f64, Self)> {
        self.open(RULED_OUT)
            .map(|(best, worse)| ((-worse / 2.0).exp(), Self { best, ..self.clone() }))
            .collect()
    }

    /// The crowds that are worse than the likeliest by less than this, and by how much.
    fn open(&self, than: f64) -> impl Iterator<Item = (usize, f64)> {
        self.worse.into_iter().enumerate().filter(move |(_, worse)| *worse < than)
    }

    pub(crate) fn noise(&self) -> f64 {
        self.spread
    }

    /// Weighs what the crowds have foretold.
    fn weigh(&mut self) {
        for filter in &mut self.filters {
            filter.misfit *= MEMORY;
        }
        self.compare();
    }

    /// Takes the likeliest crowd.
    fn compare(&mut self) {
        for (worse, (filter, crowd)) in self.worse.iter_mut().zip(self.filters.iter().zip(CROWDS)) {
            *worse = filter.misfit / INDEPENDENCE + unlikely(crowd);
        }
        let scores = self.worse.iter().enumerate();
        self.best = scores.min_by(|one, other| one.1.total_cmp(other.1)).map_or(0, |(index, _)| index);
        let least = self.worse[self.best];
        self.worse = self.worse.map(|score| score - least);
    }
}

/// How unlikely a crowd is beforehand.
fn unlikely(crowd: Crowd) -> f64 {
    let other = ((crowd.contention + 0.05) / (LIKELY + 0.05)).ln();
    other * other + if crowd.workers > 0 { WORKERS_UNLIKELY } else { 0.0 }
}
