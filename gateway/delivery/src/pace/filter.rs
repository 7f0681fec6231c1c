//! Fixed cost, cost per row and cost per byte, followed by a Kalman filter.

/// How far the upstream's speed is expected to change from one chunk to the next, as a fraction.
const DRIFT: f64 = 0.025;

/// How far each cost by itself is.
const RESHAPE: f64 = 0.004;

/// A cost that seems to be nothing may yet come to be this part of a chunk's time.
const LEAST_SHARE: f64 = 0.05;

/// How many standard deviations are meant by high confidence.
pub(super) const CONFIDENCE: f64 = 2.5;

/// Of the first chunk's time, this is taken for noise, squared.
const FIRST_NOISE: f64 = 0.02;

/// A sample so many deviations off says that the speed has changed at once.
const STEP: f64 = 2.5;

/// What a chunk asks of the upstream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Work {
    pub(crate) rows: f64,
    pub(crate) bytes: f64,
}

/// Costs in seconds (of a call, of a row, of a byte), their covariance, and how badly they have foretold the samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    pub(super) costs: [f64; 3],
    covariance: [[f64; 3]; 3],
    pub(super) misfit: f64,
}

impl Work {
    fn parts(self) -> [f64; 3] {
        [1.0, self.rows, self.bytes]
    }
}

impl Filter {
    /// After one chunk: somewhere between all of its time having been fixed and all of it its rows', and of that somewhere
    /// between all by their number and all by their bytes.
    pub(super) fn first(work: Work, seconds: f64) -> Self {
        // Means, variances and covariances of the shares, each part evenly between none and all.
        let (means, spread) = match work.bytes > 0.0 {
            true => (
                [1.0 / 2.0, 1.0 / 4.0, 1.0 / 4.0],
                [
                    [1.0 / 12.0, -1.0 / 24.0, -1.0 / 24.0],
                    [-1.0 / 24.0, 7.0 / 144.0, -1.0 / 144.0],
                    [-1.0 / 24.0, -1.0 / 144.0, 7.0 / 144.0],
                ],
            ),
            false => (
                [1.0 / 2.0, 1.0 / 2.0, 0.0],
                [[1.0 / 12.0, -1.0 / 12.0, 0.0], [-1.0 / 12.0, 1.0 / 12.0, 0.0], [0.0; 3]],
            ),
        };
        let each = work.parts().map(|part| if part > 0.0 { seconds / part } else { 0.0 });
        let mut filter = Self::default();
        for one in 0..3 {
            filter.costs[one] = means[one] * each[one];
            for other in 0..3 {
                filter.covariance[one][other] =
                    each[one] * each[other] * (spread[one][other] + FIRST_NOISE * means[one] * means[other]);
            }
        }
        filter
    }

    /// These costs, each within this part of it either way; `work` is the usual chunk.
    pub(super) fn known(costs: [f64; 3], work: Work, within: f64) -> Self {
        let mut filter = Self { costs, ..Self::default() };
        filter.reshape(work, within);
        filter
    }

    /// Each cost by itself may be other by this part.
    fn reshape(&mut self, work: Work, part: f64) {
        let least = LEAST_SHARE * self.expected(work);
        for (one, amount) in work.parts().into_iter().enumerate() {
            let cost = if amount > 0.0 { self.costs[one].max(least / amount) } else { self.costs[one] };
            self.covariance[one][one] += (part * cost).powi(2);
        }
    }

    /// Seconds for a chunk alone.
    pub(super) fn expected(&self, work: Work) -> f64 {
        dot(self.costs, work.parts()).max(1e-9)
    }

    fn variance(&self, work: Work) -> f64 {
        dot(self.gains(work), work.parts()).max(0.0)
    }

    /// Covariance of each cost with a chunk's time.
    fn gains(&self, work: Work) -> [f64; 3] {
        self.covariance.map(|row| dot(row, work.parts()))
    }

    /// The part of a surprise that noise is expected to have.
    pub(super) fn share_of_noise(&self, work: Work, noise: f64) -> f64 {
        let own = noise * self.expected(work);
        (own * own / (self.variance(work) + own * own)).sqrt()
    }

    /// Takes in a chunk's time, as it would have been alone.
    pub(super) fn learn(&mut self, work: Work, seconds: f64, noise: f64) {
        self.drift(DRIFT);
        self.reshape(work, RESHAPE);
        let expected = self.expected(work);
        let own = (noise * expected).powi(2);
        let off = seconds - expected;
        let mut variance = self.variance(work) + own;
        // A change of speed says nothing about contention: what is further off counts as no worse.
        self.misfit +=
            (off * off / variance).min(2.5 * STEP * STEP) + (variance / (expected * expected)).ln();
        if off * off > STEP * STEP * variance {
            // An upstream that gets slower is followed faster than one that gets faster: the one costs a hit, the other time.
            let part = if off > 0.0 { 1.0 } else { 0.5 };
            self.drift(part * off / expected);
            variance = self.variance(work) + own;
        }
        let gains = self.gains(work);
        for one in 0..3 {
            self.costs[one] += gains[one] / variance * off;
            for other in 0..3 {
                self.covariance[one][other] -= gains[one] * gains[other] / variance;
            }
        }
        self.keep_costs_possible();
    }

    /// No cost is negative: what the others are then follows from how they hang together.
    fn keep_costs_possible(&mut self) {
        for _ in 0..2 {
            let negative = (0..3).filter(|one| self.costs[*one] < 0.0);
            let Some(least) = negative.min_by(|one, other| self.share(*one).total_cmp(&self.share(*other)))
            else {
                return;
            };
            self.costs = self.costs_if_none(least);
        }
        self.costs = self.costs.map(|cost| cost.max(0.0));
    }

    /// What a call may cost at least, so many deviations from what it is taken to cost.
    pub(super) fn least_fixed(&self, deviations: f64) -> f64 {
        (self.costs[0] - deviations * self.covariance[0][0].max(0.0).sqrt()).max(0.0)
    }

    /// How many deviations a cost is from nothing.
    fn share(&self, one: usize) -> f64 {
        self.costs[one] / self.covariance[one][one].max(1e-300).sqrt()
    }

    /// The costs that are likely if one of them is nothing.
    fn costs_if_none(&self, none: usize) -> [f64; 3] {
        let (cost, variance) = (self.costs[none], self.covariance[none][none].max(1e-300));
        let mut costs = self.costs;
        for (one, value) in costs.iter_mut().enumerate() {
            *value -= self.covariance[one][none] / variance * cost;
        }
        costs[none] = 0.0;
        costs
    }

    /// The speed may have changed by this part.
    fn drift(&mut self, part: f64) {
        for one in 0..3 {
            for other in 0..3 {
                self.covariance[one][other] += part * part * self.costs[one] * self.costs[other];
            }
        }
    }

    /// All costs are so many times what they were, if that is more.
    pub(super) fn slow_down(&mut self, by: f64) {
        if by > 1.0 {
            self.costs = self.costs.map(|cost| cost * by);
            self.covariance = self.covariance.map(|row| row.map(|value| value * by * by));
        }
    }

    /// Factor by which the expected time of a chunk may be wrong, with high confidence.
    pub(super) fn doubt(&self, work: Work) -> f64 {
        let expected = self.expected(work);
        let either_way = expected + CONFIDENCE * self.variance(work).sqrt();
        // A fixed cost is nothing at least: had all the time been the rows', a larger chunk took no longer than this.
        let costs = self.costs_if_none(0);
        let rest = [0.0, work.rows, work.bytes];
        let with_fixed = self.covariance.map(|row| row[0]);
        let own = dot(self.covariance.map(|row| dot(row, rest)), rest);
        let shared = dot(with_fixed, rest).powi(2) / self.covariance[0][0].max(1e-300);
        let all_rows = dot(costs, rest) + CONFIDENCE * (own - shared).max(0.0).sqrt();
        (either_way.min(all_rows) / expected).max(1.0)
    }
}

fn dot(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
