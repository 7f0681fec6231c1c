//! Runs the pace against models of clouds on a virtual clock, beside an oracle that knows the cloud and keeps to the same
//! target; and at the demonstration's cloud beside fixed chunk sizes that a search finds. Prints one JSON object a model and
//! seed: `cargo run --release -p sekisho-delivery --example pace -- [ROWS] [SEEDS] [MODEL]`. Seeds with even numbers are for
//! tuning, the others for reporting only. `cargo xtask pace` shows them as a table.
#![forbid(unsafe_code)]

use std::io::{self, Write};

use sekisho_delivery::pace::PaceSpec;
use sekisho_delivery::simulate::{Case, CloudModel, Run, cases, compare, run, run_fixed, run_oracle, trial};
use serde_json::{Value, json};

/// The model that the demonstration's cloud is.
const DEMONSTRATION: &str = "demonstration";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual: u64| match arguments.next() {
        None => Ok(usual),
        Some(text) => text.parse::<u64>().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error)),
    };
    let (rows, seeds) = (number(400_000)?, number(4)?);
    let only = arguments.next();
    let mut out = io::stdout().lock();
    for case in cases().iter().filter(|case| only.as_ref().is_none_or(|name| *name == case.name)) {
        let Case { name, cloud, spec } = case;
        // Only the demonstration is also run live, with a size that is hit on none of the days.
        let is_live = name == DEMONSTRATION;
        let common = if is_live { best_of_all(cloud, spec, rows, seeds) } else { None };
        for seed in 0..seeds {
            let tried = trial(case, rows, seed);
            let line = json!({
                "model": name,
                "seed": seed,
                "rows": rows,
                "tuning": seed % 2 == 0,
                "share": tried.share(),
                "least_share": case.least_share(),
                "warm_up": of_run(&tried.warm_up),
                "pace": of_run(&tried.pace),
                "oracle": of_run(&tried.oracle),
                "harsh": case.is_harsh(),
                "avoidable": case.is_avoidable(),
                "most_hits": case.most_hits(),
                "limit": cloud.limit,
                "explained": tried.pace.explained,
                // From nothing, learning included.
                "cold": is_live.then(|| {
                    run_oracle(cloud, spec, rows, seed).seconds / run(cloud, spec, rows, seed).seconds
                }),
                "fixed": is_live.then(|| fixed(cloud, spec, rows, seed, common)),
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn of_run(run: &Run) -> Value {
    json!({
        "seconds": run.seconds,
        "hits": run.hits,
        "strokes": run.strokes,
        "calls": run.calls,
        "longest": run.longest,
    })
}

/// The best fixed size for this run, which knows the cloud's mood on that day, and the one for all days.
fn fixed(cloud: &CloudModel, spec: &PaceSpec, rows: u64, seed: u64, common: Option<(u64, u32)>) -> Value {
    let found = compare(cloud, spec, rows, seed);
    json!({
        "share": found.share,
        "pace_seconds": found.pace.seconds,
        "hits": found.pace.hits,
        "best": {
            "rows": found.best_rows,
            "in_flight": found.best_in_flight,
            "seconds": found.best.seconds,
        },
        "common": common.map(|(chunk, in_flight)| json!({
            "rows": chunk,
            "in_flight": in_flight,
            "seconds": run_fixed(cloud, chunk, in_flight, rows, seed).seconds,
        })),
    })
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
