//! Clouds that the pace has to do with.

use super::CloudModel;
use crate::pace::PaceSpec;

/// A cloud and the bounds that a pace has there.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What is special about it.
    pub name: String,
    /// The cloud; times of its steps are parts of the time that an oracle takes without them.
    pub cloud: CloudModel,
    /// The bounds.
    pub spec: PaceSpec,
}

/// Noise included, the cost of one call is at most so many times the one before it: what a sender must bear.
const BEARABLE: f64 = 1.8;

/// Throughput that a pace must have as a part of an oracle's, where the cost is steady.
const STEADY: f64 = 0.95;

/// And where it drifts or steps.
const MOVING: f64 = 0.85;

impl Case {
    /// Neither drift, nor steps, nor more noise than a sender must bear.
    pub fn is_steady(&self) -> bool {
        self.cloud.swing == 0.0 && self.cloud.steps.is_empty() && !self.is_harsh()
    }

    /// The least share of the oracle's throughput that is good enough.
    pub fn least_share(&self) -> f64 {
        if self.is_steady() { STEADY } else { MOVING }
    }

    /// From one call to the next the cost may change by more than a factor of 1.8.
    pub fn is_harsh(&self) -> bool {
        let noise = (1.0 + self.cloud.noise) / (1.0 - self.cloud.noise);
        let step = self.steps_up().fold(1.0, f64::max);
        noise * step * self.swing_in_a_call() > BEARABLE
    }

    /// Most calls that may be killed: none where changes are bearable, one for each step where they are not. Where the calls
    /// under way cannot all be short enough for the step without more loss of throughput than a steady cloud may have,
    /// as many as are under way.
    pub fn most_hits(&self) -> u64 {
        let harsh = self.steps_up().filter(|by| by * self.noise() > BEARABLE);
        match self.is_harsh() {
            false => 0,
            true if self.is_avoidable() => harsh.count().max(1) as u64,
            true => harsh.count().max(1) as u64 * u64::from(self.spec.max_in_flight),
        }
    }

    /// Whether a sender that knew nothing but the factor of the steps could keep its chunks so short that none of them is
    /// killed, and lose no more by that, as long as nothing steps, than half of what it may lose at all.
    pub fn is_avoidable(&self) -> bool {
        let limit = self.spec.limit().as_secs_f64();
        let worst = self.steps_up().fold(1.0, f64::max) * (1.0 + self.cloud.noise);
        let calls = self.spec.max_in_flight;
        // Fixed cost as a part of the limit, beside the others under way: what is lost of each chunk's time.
        let fixed = self.cloud.fixed * self.cloud.slowdown(calls) / limit;
        let (longest, short) = (self.spec.target, (1.0 / worst).min(self.spec.target));
        let spare = (1.0 - STEADY) / 2.0;
        1.0 - fixed / short >= (1.0 - spare) * (1.0 - fixed / longest)
    }

    /// So many calls that a test which is to take seconds leaves it out.
    #[cfg(test)]
    pub(super) fn has_many_calls(&self) -> bool {
        self.cloud.per_row > 0.05
    }

    fn noise(&self) -> f64 {
        (1.0 + self.cloud.noise) / (1.0 - self.cloud.noise)
    }

    /// The steps by which costs rise.
    pub(super) fn steps_up(&self) -> impl Iterator<Item = f64> {
        let mut last = 1.0;
        self.cloud
            .steps
            .iter()
            .map(move |(_, by)| by / std::mem::replace(&mut last, *by))
            .filter(|by| *by > 1.0)
    }

    /// By how much the slow swing may raise the cost while one chunk is under way.
    fn swing_in_a_call(&self) -> f64 {
        let part = std::f64::consts::TAU * self.spec.target_time().as_secs_f64() / self.cloud.swing_period;
        let at = |phase: f64| 1.0 + self.cloud.swing * phase.sin();
        (0..64)
            .map(|n| f64::from(n) * std::f64::consts::TAU / 64.0)
            .fold(1.0, |most, phase| most.max(at(phase + part.min(std::f64::consts::PI)) / at(phase)))
    }
}

/// The demonstration's cloud first. Of the others each differs from a plain cloud in what its name says.
pub fn cases() -> Vec<Case> {
    let demo = CloudModel::demonstration;
    // ± 5 % of noise and nothing else.
    let calm = || CloudModel { noise: 0.05, swing: 0.0, ..demo() };
    let mut all: Vec<(String, CloudModel, PaceSpec)> = Vec::new();
    let mut add = |name: &str, cloud: CloudModel, cap: u64, places: u32| {
        let limit_ms = (cloud.limit * 1_000.0) as u64;
        let spec = PaceSpec { limit_ms, max_rows: cap, max_in_flight: places, ..PaceSpec::default() };
        all.push((name.to_owned(), cloud, spec));
    };
    let (cap, places) = (10_000, 8);
    add("demonstration", demo(), cap, places);

    // Costs over three decades.
    for fixed in [0.003, 0.03, 0.3, 3.0] {
        for per_row in [0.0001, 0.001, 0.01, 0.1] {
            let name = format!("{fixed} s + {} ms a row", per_row * 1e3);
            add(&name, CloudModel { fixed, per_row, limit: 30.0, ..calm() }, cap, places);
        }
    }
    // Bytes.
    let bytes =
        |per_row: f64, per_byte: f64, row_spread: f64| CloudModel { per_row, per_byte, row_spread, ..calm() };
    add("bytes only", bytes(0.0, 2.5e-6, 0.0), cap, places);
    add("bytes only, rows differ", bytes(0.0, 2.5e-6, 0.6), cap, places);
    add("rows and bytes, rows differ", bytes(0.0005, 1.25e-6, 0.6), cap, places);
    add("rows only, rows differ", bytes(0.001, 0.0, 0.6), cap, places);

    // Noise and drift.
    add("no noise at all", CloudModel { noise: 0.0, ..calm() }, cap, places);
    add("noise ± 15 %", CloudModel { noise: 0.15, ..calm() }, cap, places);
    add("noise ± 28 %", CloudModel { noise: 0.28, ..calm() }, cap, places);
    add("noise ± 40 %", CloudModel { noise: 0.4, ..calm() }, cap, places);
    let drift =
        |swing: f64, swing_period: f64, noise: f64| CloudModel { swing, swing_period, noise, ..demo() };
    add("drift ± 30 %", drift(0.3, 60.0, 0.05), cap, places);
    add("drift ± 50 %", drift(0.5, 120.0, 0.1), cap, places);
    add("quick drift", drift(0.2, 20.0, 0.1), cap, places);
    add("slow drift ± 50 %", drift(0.5, 600.0, 0.05), cap, places);

    // Contention.
    let contention = |contention: f64| CloudModel { contention, ..calm() };
    add("no contention", contention(0.0), cap, places);
    add("strong contention", contention(0.6), cap, places);
    add("one server", contention(1.0), cap, places);
    add("calls hinder each other", contention(2.0), cap, places);
    add("three workers", CloudModel { workers: 3, contention: 0.02, ..calm() }, cap, places);
    add("one server, drift", CloudModel { contention: 1.0, ..demo() }, cap, places);
    add("strong contention, drift", CloudModel { contention: 0.6, ..demo() }, cap, places);
    add("dear calls", CloudModel { fixed: 2.0, ..calm() }, cap, places);
    add("dear calls, drift", CloudModel { fixed: 2.0, ..demo() }, cap, places);

    // Limits, caps, places.
    let limit = |limit: f64, fixed: f64, per_row: f64| CloudModel { limit, fixed, per_row, ..demo() };
    add("limit 60 s", limit(60.0, 0.5, 0.005), 5_000, places);
    add("limit 230 s", limit(230.0, 1.0, 0.02), cap, places);
    add("limit 600 s", limit(600.0, 1.0, 0.05), cap, places);
    add("limit 600 s, cheap", limit(600.0, 1.0, 0.002), cap, places);
    add("cap of 200", demo(), 200, places);
    add("cap of 2,000", demo(), 2_000, places);
    add("one at a time", demo(), cap, 1);
    add("32 at once", CloudModel { contention: 0.02, ..calm() }, cap, 32);

    // Steps, in the middle of the time.
    let step = |by: f64, cloud: CloudModel| CloudModel { steps: vec![(0.5, by)], ..cloud };
    let small = || CloudModel { fixed: 0.01, ..calm() };
    let minutes = || CloudModel { fixed: 0.5, per_row: 0.01, limit: 600.0, ..calm() };
    let minute = || CloudModel { fixed: 0.05, per_row: 0.002, limit: 60.0, ..calm() };
    add("1.5 times as slow", step(1.5, demo()), cap, places);
    for (limit, cloud) in [("10 s", small()), ("60 s", minute()), ("600 s", minutes())] {
        for by in [2.0, 5.0, 10.0] {
            add(&format!("{by} times as slow, limit {limit}"), step(by, cloud.clone()), cap, places);
        }
        for by in [2.0, 5.0, 10.0] {
            add(&format!("{by} times as fast, limit {limit}"), step(1.0 / by, cloud.clone()), cap, places);
        }
    }
    let there_and_back =
        CloudModel { steps: vec![(0.2, 2.0), (0.6, 1.0), (0.8, 2.0), (1.2, 1.0)], ..minute() };
    add("twice as slow and back, twice", there_and_back, cap, places);
    // Where calls cost much of the limit, short ones cost more than may be lost: what is under way at the step is killed.
    for by in [2.0, 5.0, 10.0] {
        add(&format!("{by} times as slow, dear calls"), step(by, calm()), cap, places);
    }
    all.into_iter().map(|(name, cloud, spec)| Case { name, cloud, spec }).collect()
}
