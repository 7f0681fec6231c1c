//! Runs the pace against models of clouds on a virtual clock, beside the best fixed chunk size that a search finds,
//! and prints one JSON object a model and seed: `cargo run --release -p sekisho-delivery --example pace -- [ROWS]
//! [SEEDS]`. `cargo xtask pace` shows them as a table.
#![forbid(unsafe_code)]

use std::io::{self, Write};

use sekisho_delivery::pace::PaceSpec;
use sekisho_delivery::simulate::{CloudModel, compare};
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
        for seed in 0..seeds {
            let spec = PaceSpec { limit_ms: (cloud.limit * 1_000.0) as u64, ..PaceSpec::default() };
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
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
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
