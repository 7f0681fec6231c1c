//! Runs the pace against models of clouds on a virtual clock, beside fixed chunk sizes that a search finds: the best for
//! each run, which knows the cloud's mood on that day, and for the demonstration the best that is never hit on any of the
//! days; and beside an oracle that knows the cloud and keeps to the same target. Prints one JSON object a model and seed: `cargo run --release -p sekisho-delivery --example pace -- [ROWS]
//! [SEEDS]`. `cargo xtask pace` shows them as a table.
#![forbid(unsafe_code)]

use std::io::{self, Write};

use sekisho_delivery::pace::PaceSpec;
use sekisho_delivery::simulate::{Case, CloudModel, cases, compare, run_fixed};
use serde_json::json;

/// The model that the demonstration's cloud is.
const DEMONSTRATION: &str = "demonstration";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let mut number = |usual: u64| match arguments.next() {
        None => Ok(usual),
        Some(parsed) => parsed.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error)),
    };
    let (rows, seeds) = (number(400_000)?, number(3)?);
    let mut out = io::stdout().lock();
    for case in cases() {
        let Case { name, cloud, spec } = &case;
        // Only the demonstration is also run live, with a size that is hit on none of the days.
        let common = if *name == DEMONSTRATION { best_of_all(cloud, spec, rows, seeds) } else { None };
        for seed in 0..seeds {
            let found = compare(cloud, spec, rows, seed);
            let line = json!({
                "model": name,
                "seed": seed,
                "rows": rows,
                "share": found.share,
                "share_of_oracle": found.share_of_oracle(),
                "settled": found.settled(),
                "steady": case.is_steady(),
                "harsh": case.is_harsh(),
                "steps": cloud.steps.len(),
                "hits": found.pace.hits,
                "strokes": found.pace.strokes,
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
                    "seconds": run_fixed(cloud, chunk, in_flight, rows, seed).seconds,
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
