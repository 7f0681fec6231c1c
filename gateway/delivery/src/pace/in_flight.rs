//! How many chunks are under way.

use super::model::Model;
use super::{CONFIDENT, Pace};

/// At most so many times the chunks under way that answered ones have met, while costs are being learnt.
const REACH: f64 = 4.0;

/// Most chunks in flight that are weighed against each other.
const MOST_WEIGHED: u32 = 64;

/// A further chunk in flight must be expected to bring at least this much more throughput.
const WORTH: f64 = 1.01;

/// And fewer in flight this much.
const WORTH_FEWER: f64 = 1.04;

/// After so many chunks it is asked whether another number shall be tried.
const LOOK: u32 = 8;

/// One that is expected to bring this much more throughput is tried after as many chunks as the patience says.
const WAIT: f64 = 0.04;

/// And only where what is left to be sent is expected to gain so many times what the trial costs.
const REPAID: f64 = 3.0;

/// And the patience grows up to this.
const LONGEST_PATIENCE: u32 = 256;

impl Pace {
    /// More or fewer chunks in flight, where the model expects more throughput from it.
    pub(super) fn balance(&mut self) {
        let best = self.best(&self.model);
        let reach = if self.warming() { REACH } else { 1.0 };
        let step = (reach * self.model.heaviest()).round().max(f64::from(self.allowed + 1)) as u32;
        self.wanted = self.more_wanted(best.min(step));
        if self.wanted > self.allowed {
            if self.warming() || self.steady >= self.allowed {
                self.more();
            }
            return;
        }
        let gain = self.throughput(&self.model, best) / self.throughput(&self.model, self.allowed).max(1e-9);
        if best < self.allowed && self.steady >= self.allowed && gain > WORTH_FEWER {
            self.change(best.max(self.allowed / 2));
        } else if self.steady.is_multiple_of(LOOK) && self.steady >= self.allowed {
            self.try_another();
        }
    }

    /// Where what is known leaves open which number in flight is the best, another one is tried for a round: as long as
    /// there are always as many nothing shows what others would do. The more is to be had the sooner.
    pub(super) fn try_another(&mut self) {
        let now = |model: &Model| self.throughput(model, self.allowed).max(1e-9);
        let others = self.model.likely().into_iter().map(|(likely, model)| {
            let number = self.best(&model);
            (number, likely * (self.throughput(&model, number) / now(&model) - 1.0))
        });
        let Some((number, gain)) = others.max_by(|one, other| one.1.total_cmp(&other.1)) else { return };
        if number == self.allowed || f64::from(self.steady) * gain < WAIT * f64::from(self.patience) {
            return;
        }
        // A round goes by until it has shown something.
        let lost = 1.0 - self.throughput(&self.model, number) / now(&self.model);
        let round = f64::from(self.allowed) * self.proven;
        if gain * (self.remaining as f64) < REPAID * lost * round {
            return;
        }
        self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
        if number < self.allowed {
            self.change(number.max(self.allowed / 2));
        } else {
            self.wanted = number;
            self.more();
        }
    }

    /// The largest number up to `most` for which chunks that are safe whatever it does to them are no waste.
    fn more_wanted(&self, most: u32) -> u32 {
        let under_way =
            |n: u32| f64::from(n) * self.affordable(f64::from(n), 1.0).min(self.growth * self.proven);
        let now = under_way(self.allowed);
        (self.allowed + 1..=most).rev().find(|n| under_way(*n) > 0.5 * now).unwrap_or(self.allowed)
    }

    /// As many of the wanted chunks as those under way can bear.
    fn more(&mut self) {
        if let Some(bearable) = (self.allowed + 1..=self.wanted).rev().find(|n| self.bearable(*n)) {
            let wanted = self.wanted;
            self.change(bearable);
            self.wanted = wanted;
        }
    }

    pub(super) fn change(&mut self, allowed: u32) {
        self.allowed = allowed;
        self.wanted = allowed;
        self.steady = 0;
        self.changed = self.tickets;
    }

    /// The number in flight with the most throughput by this model; more only where it is worth it.
    fn best(&self, model: &Model) -> u32 {
        let mut best = (1, self.throughput(model, 1));
        for n in 2..=self.spec.max_in_flight.min(MOST_WEIGHED) {
            let rows = self.throughput(model, n);
            if rows > best.1 * (1.0 + (WORTH - 1.0) * f64::from(n - best.0)) {
                best = (n, rows);
            }
        }
        best.0
    }

    /// Rows a second that the model expects with so many chunks in flight, each of the size that would be chosen then.
    fn throughput(&self, model: &Model, in_flight: u32) -> f64 {
        let load = f64::from(in_flight);
        let limit = self.spec.limit().as_secs_f64();
        let target = (self.spec.target * limit).min(CONFIDENT * limit / model.margin());
        let rows =
            model.rows_in(target, self.row_bytes, load, 1.0).min(self.spec.max_rows as f64).min(self.ceiling);
        // A chunk that must shrink to nothing to fit is no chunk.
        if rows <= 1.0 { 0.0 } else { load * rows / model.seconds(self.usual(rows), load, 1.0) }
    }

    /// Whether chunks under way would stay away from the limit if there were so many of them, at the worst that is likely.
    fn bearable(&self, in_flight: u32) -> bool {
        let most = CONFIDENT * self.spec.limit().as_secs_f64();
        let within = |work| self.model.surely_within(work, f64::from(in_flight), 1.0, most);
        self.flights.values().all(|flight| within(flight.work))
    }
}
