//! Runs the pace against models of clouds on a virtual clock, beside fixed chunk sizes that a search finds: the best for
//! each run, which knows the cloud's mood on that day, and the best that is never hit on any of the days. Prints one JSON
//! object a model and seed: `cargo run --release -p sekisho-delivery --example pace -- [ROWS]
//! [SEEDS]`. `cargo xtask pace` shows them as a table.
#![forbid(unsafe_code)]

use std::io::{self, Write};

use sekisho_delivery::pace::PaceSpec;
use sekisho_delivery::simulate::{CloudModel, compare, run_fixed};
use serde_json::json;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let mut number = |usual: u64| match arguments.next() {
        None => Ok(usual),
        Some(parsed) => parsed.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error)),
    };
    let (rows, seeds) = (number(400_000)?, number(3)?);
    let mut out = io::stdout().lock();
    for (name, cloud) in models() {
        let spec = PaceSpec { limit_ms: (cloud.limit * 1_000.0) as u64, ..PaceSpec::default() };
        let common = best_of_all(&cloud, &spec, rows, seeds);
        for seed in 0..seeds {
            let found = compare(&cloud, &spec, rows, seed);
            let line = json!({
                "model": name,
                "seed": seed,
                "rows": rows,
                "share": found.share,
                "hits": found.pace.hits,
                "calls": found.pace.calls,
                "seconds": found.pace.seconds,
                "longest": found.pace.longest,
                "limit": cloud.limit,
                "best": {
                    "rows": found.best_rows,
                    "in_flight": found.best_in_flight,
                    "seconds": found.best.seconds,
                    "calls": found.best.calls,
                },
                "common": common.map(|(chunk, in_flight)| json!({
                    "rows": chunk,
                    "in_flight": in_flight,
                    "seconds": run_fixed(&cloud, chunk, in_flight, rows, seed).seconds,
                })),
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The fixed size and number in flight that are fastest over all seeds without a hit in any.
fn best_of_all(cloud: &CloudModel, spec: &PaceSpec, rows: u64, seeds: u64) -> Option<(u64, u32)> {
    let sizes = std::iter::successors(Some(50.0), |size: &f64| Some(size * 1.15)).map(|size| size as u64);
    let sizes: Vec<u64> = sizes.take_while(|size| *size < spec.max_rows).chain([spec.max_rows]).collect();
    let mut best: Option<(f64, (u64, u32))> = None;
    for in_flight in 1..=spec.max_in_flight {
        for chunk in &sizes {
            let runs = (0..seeds).map(|seed| run_fixed(cloud, *chunk, in_flight, rows, seed));
            let seconds = runs.map(|run| (run.hits == 0).then_some(run.seconds)).sum::<Option<f64>>();
            let Some(seconds) = seconds else { continue };
            if best.is_none_or(|(fastest, _)| seconds < fastest) {
                best = Some((seconds, (*chunk, in_flight)));
            }
        }
    }
    best.map(|(_, found)| found)
}

/// The demonstration's cloud, and clouds that differ from it in one thing each.
fn models() -> Vec<(&'static str, CloudModel)> {
    let demonstration = CloudModel::demonstration;
    vec![
        ("demonstration", demonstration()),
        ("steady", CloudModel { drift: 0.0, ..demonstration() }),
        ("no contention", CloudModel { contention: 0.0, ..demonstration() }),
        ("strong contention", CloudModel { contention: 0.6, ..demonstration() }),
        ("dear calls", CloudModel { fixed: 2.0, ..demonstration() }),
        ("dear rows", CloudModel { per_row: 0.01, ..demonstration() }),
        ("cheap rows", CloudModel { per_row: 0.0001, ..demonstration() }),
        ("half the speed after 60 s", CloudModel { steps: vec![(60.0, 2.0)], ..demonstration() }),
        ("twice the speed after 60 s", CloudModel { steps: vec![(60.0, 0.5)], ..demonstration() }),
    ]
}
