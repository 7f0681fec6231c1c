//! Clouds that the pace has to do with.

use super::CloudModel;
use crate::pace::PaceSpec;

/// A cloud and the bounds that a pace has there.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What is special about it.
    pub name: &'static str,
    /// The cloud.
    pub cloud: CloudModel,
    /// The bounds.
    pub spec: PaceSpec,
}

impl Case {
    /// Neither drift, nor steps, nor more than a little noise.
    pub fn is_steady(&self) -> bool {
        self.cloud.drift * (1.0 - self.cloud.noise_part) == 0.0
            && self.cloud.drift <= 0.1
            && self.cloud.steps.is_empty()
    }

    /// From one call to the next the cost may change, noise included, by more than a factor of 1.8.
    pub fn is_harsh(&self) -> bool {
        let mut last = 1.0;
        let noise = self.cloud.drift * self.cloud.noise_part;
        let least = (1.0 + noise) / (1.0 - noise);
        let steps = self.cloud.steps.iter().map(|(_, by)| {
            let by = by / std::mem::replace(&mut last, *by);
            by * least
        });
        steps.fold(least, f64::max) > 1.8
    }
}

/// The demonstration's cloud first; the others differ from it in what their name says.
pub fn cases() -> Vec<Case> {
    let demo = CloudModel::demonstration;
    let costs =
        |fixed: f64, per_row: f64, contention: f64| CloudModel { fixed, per_row, contention, ..demo() };
    let calm = |cloud: CloudModel| CloudModel { drift: 0.05, noise_part: 1.0, ..cloud };
    let step = |factor: f64, limit: f64| CloudModel { steps: vec![(60.0, factor)], limit, ..demo() };
    let limit = |limit: f64, cloud: CloudModel| CloudModel { limit, ..cloud };
    let (cap, places) = (10_000, 8);
    let all: Vec<(&str, CloudModel, u64, u32)> = vec![
        ("demonstration", demo(), cap, places),
        ("steady", CloudModel { drift: 0.0, ..demo() }, cap, places),
        ("a little noise", calm(demo()), cap, places),
        ("noise only", CloudModel { noise_part: 1.0, ..demo() }, cap, places),
        ("drift only", CloudModel { noise_part: 0.0, ..demo() }, cap, places),
        ("much drift", CloudModel { drift: 0.5, ..demo() }, cap, places),
        ("quick drift", CloudModel { drift_period: 15.0, ..demo() }, cap, places),
        (
            "slow drift",
            CloudModel { drift_period: 600.0, drift: 0.5, noise_part: 0.1, ..demo() },
            cap,
            places,
        ),
        ("no contention", costs(0.3, 0.001, 0.0), cap, places),
        ("no contention, calm", calm(costs(0.3, 0.001, 0.0)), cap, places),
        ("strong contention", costs(0.3, 0.001, 0.6), cap, places),
        ("strong contention, calm", calm(costs(0.3, 0.001, 0.6)), cap, places),
        ("one server", costs(0.3, 0.001, 1.0), cap, places),
        ("one server, calm", calm(costs(0.3, 0.001, 1.0)), cap, places),
        ("calls hinder each other", costs(0.3, 0.001, 2.0), cap, places),
        ("calls hinder, calm", calm(costs(0.3, 0.001, 2.0)), cap, places),
        ("dear calls", costs(2.0, 0.001, 0.15), cap, places),
        ("dear calls, calm", calm(costs(2.0, 0.001, 0.15)), cap, places),
        ("dear calls, limit 60 s", limit(60.0, costs(4.0, 0.001, 0.05)), cap, places),
        ("dear rows", costs(0.3, 0.01, 0.15), cap, places),
        ("very dear rows", costs(0.3, 0.03, 0.15), cap, places),
        ("dearest rows, limit 60 s", limit(60.0, costs(0.3, 0.1, 0.15)), cap, places),
        ("cheap rows", costs(0.3, 0.0001, 0.15), cap, places),
        ("cheap calls and rows", costs(0.02, 0.0001, 0.05), cap, places),
        ("cap of 200", demo(), 200, places),
        ("cap of 2,000", demo(), 2_000, places),
        ("one at a time", demo(), cap, 1),
        ("32 at once", costs(0.3, 0.001, 0.02), cap, 32),
        ("limit 30 s, 4 at once", limit(30.0, costs(0.1, 0.01, 0.3)), 2_000, 4),
        ("limit 60 s", limit(60.0, costs(0.5, 0.002, 0.15)), 5_000, places),
        ("limit 600 s", limit(600.0, costs(1.0, 0.05, 0.15)), cap, places),
        ("limit 600 s, cheap", limit(600.0, costs(1.0, 0.002, 0.15)), cap, places),
        ("1.5 times as slow after 60 s", step(1.5, 10.0), cap, places),
        ("half the speed after 60 s", step(2.0, 10.0), cap, places),
        ("a fifth of the speed after 60 s", step(5.0, 10.0), cap, places),
        ("a tenth of the speed after 60 s", step(10.0, 60.0), cap, places),
        ("twice the speed after 60 s", step(0.5, 10.0), cap, places),
        ("five times the speed after 60 s", step(0.2, 10.0), cap, places),
    ];
    all.into_iter()
        .map(|(name, cloud, max_rows, max_in_flight)| {
            let limit_ms = (cloud.limit * 1_000.0) as u64;
            let spec = PaceSpec { limit_ms, max_rows, max_in_flight, ..PaceSpec::default() };
            Case { name, cloud, spec }
        })
        .collect()
}
