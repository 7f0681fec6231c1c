//! How many rows the next chunk has.

use std::time::Duration;

use super::{CONFIDENT, Pace, sample};

/// The first chunk has this part of the rows that one may have before anything was seen, the second has all of them:
/// two sizes tell fixed cost from cost per row.
const FIRST: f64 = 0.25;

/// The end of a batch is looked for by halving so often.
const HALVINGS: u32 = 24;

impl Pace {
    /// Rows of the next chunk if many are left.
    pub fn rows(&self, now: Duration) -> u64 {
        if let Some(rows) = self.spec.fixed_rows {
            return rows;
        }
        let grown = (self.growth * self.proven).min(self.ceiling).min(self.spec.max_rows as f64);
        if self.model.is_blank() {
            return whole(if self.flights.is_empty() { FIRST * grown } else { grown });
        }
        whole(grown.min(self.affordable(f64::from(self.wanted.max(self.allowed)), self.lateness(now))))
    }

    /// This chunk's share of what is left, such that all that are under way then end together.
    pub(super) fn share(&self, now: Duration, remaining: u64, most: u64) -> u64 {
        let (load, slower) = (f64::from(self.allowed), self.lateness(now));
        let area = self.area_until(now);
        // When each place is free: those taken, by what is expected of the chunks in them.
        let mut free_at: Vec<f64> = self
            .flights
            .values()
            .map(|flight| {
                let expected = self.model.seconds(flight.rows, load, slower);
                (expected - sample(flight, now, area).seconds).max(0.0)
            })
            .collect();
        free_at.resize(free_at.len().max(self.allowed as usize), 0.0);
        let sent_by = |end: f64| -> f64 {
            free_at.iter().map(|from| self.model.rows_in(end - from, load, slower).max(0.0)).sum()
        };
        let full = self.model.seconds(most as f64, load, slower);
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
        if late >= full { most } else { self.model.rows_in(late, load, slower).ceil().max(1.0) as u64 }
    }

    /// Rows that fit the target in expectation, and the limit at the worst that is likely.
    pub(super) fn affordable(&self, load: f64, slower: f64) -> f64 {
        let limit = self.spec.limit().as_secs_f64();
        let (noise, strain) = (self.model.margin().ln(), self.model.strain(load));
        let within = |doubt: f64| {
            let worst = noise.hypot(doubt.ln()).exp() * strain;
            let target = (self.spec.target * limit).min(CONFIDENT * limit / worst);
            self.model.rows_in(target, load, slower)
        };
        let most = within(1.0).min(self.spec.max_rows as f64).max(1.0);
        // The larger the chunk, the larger the doubt: the largest size for which both fit, by halving.
        let fits = |rows: f64| within(self.model.doubt(rows)) >= rows;
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
