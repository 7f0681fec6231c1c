//! The pace beside the best fixed chunk size: searched in simulation, confirmed live.

use std::process::Stdio;

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;

use super::Bench;
use super::figure::{Bound, Figure, each, median};
use crate::demo::{self, Dialect, Door};
use crate::workspace::cargo;

/// Part of the best fixed size's throughput that the pace has to reach.
const SHARE: f64 = 0.9;
/// The model that the demonstration's cloud is.
const DEMONSTRATION: &str = "demonstration";
/// Rows of the live runs.
const LIVE: u64 = 40_000;

/// What is simulated.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rows to deliver.
    #[arg(long, default_value_t = 400_000)]
    rows: u64,
    /// Runs of each model, each with a seed of its own.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
}

/// One simulated run of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Simulated {
    model: String,
    seed: u64,
    share: f64,
    hits: u64,
    calls: u64,
    seconds: f64,
    longest: f64,
    limit: f64,
    best: Fixed,
}

/// The best fixed chunk size that the search found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Fixed {
    rows: u64,
    in_flight: u32,
    seconds: f64,
    calls: u64,
}

/// Shows the simulation as a table. `false` when the demonstration's model misses its bound, or any model is hit.
pub(crate) fn show(options: &Options) -> anyhow::Result<bool> {
    let runs = simulate(options.rows, options.seeds)?;
    let width = runs.iter().map(|run| run.model.len()).max().unwrap_or(0);
    println!(
        "{:<width$}  {:>4}  {:>6}  {:>5}  {:>9}  {:>6}  {:>16}  best fixed size",
        "model", "seed", "share", "hits", "pace", "calls", "longest of limit"
    );
    for run in &runs {
        println!(
            "{:<width$}  {:>4}  {:>6.3}  {:>5}  {:>7.1} s  {:>6}  {:>7.1} of {:>4.0} s  {:>7.1} s with {} rows x {} ({} calls)",
            run.model,
            run.seed,
            run.share,
            run.hits,
            run.seconds,
            run.calls,
            run.longest,
            run.limit,
            run.best.seconds,
            run.best.rows,
            run.best.in_flight,
            run.best.calls,
        );
    }
    let good = |run: &Simulated| run.hits == 0 && (run.model != DEMONSTRATION || run.share >= SHARE);
    Ok(runs.iter().all(good))
}

/// Runs the simulation, which is a program of the delivery's own.
fn simulate(rows: u64, seeds: u64) -> anyhow::Result<Vec<Simulated>> {
    let mut command = cargo();
    command.args([
        "run",
        "--release",
        "--locked",
        "--quiet",
        "-p",
        "sekisho-delivery",
        "--example",
        "pace",
        "--",
    ]);
    command.args([rows.to_string(), seeds.to_string()]);
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the simulation failed: {}", output.status);
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).context("a line of the simulation")).collect()
}

/// Simulates and runs live.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let seeds = if bench.quick { 2 } else { 6 };
    let runs = simulate(400_000, seeds)?;
    let of_demonstration: Vec<_> = runs.iter().filter(|run| run.model == DEMONSTRATION).collect();
    let shares: Vec<_> = of_demonstration.iter().map(|run| run.share).collect();
    let hits: u64 = of_demonstration.iter().map(|run| run.hits).sum();
    let mut figures = vec![
        Figure::new("pace, simulated, of best fixed size", least(&shares), "")
            .bound(Bound::AtLeast(SHARE))
            .note(format!("400000 rows; the least of {seeds} seeds: {}", each(&shares))),
        Figure::new("pace, simulated, time-limit hits", hits as f64, "").bound(Bound::AtMost(0.0)),
    ];
    let mut models: Vec<&str> = runs.iter().map(|run| run.model.as_str()).collect();
    models.dedup();
    for model in models.into_iter().filter(|model| *model != DEMONSTRATION) {
        let of_model = || runs.iter().filter(|run| run.model == model);
        let shares: Vec<_> = of_model().map(|run| run.share).collect();
        let hits: u64 = of_model().map(|run| run.hits).sum();
        figures.push(
            Figure::new(format!("  {model}"), least(&shares), "")
                .note(format!("{hits} hits; {}", each(&shares))),
        );
    }
    figures.extend(live(bench)?);
    Ok(figures)
}

/// The same comparison with the gateway and the reference cloud, with the fixed size that the simulation found best for
/// so many rows.
fn live(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let rounds: u64 = if bench.quick { 1 } else { 2 };
    let simulated = simulate(LIVE, 1)?;
    let best =
        simulated.iter().find(|run| run.model == DEMONSTRATION).context("the demonstration's model")?;
    let (mut paced, mut fixed, mut hits) = (Vec::new(), Vec::new(), 0);
    for seed in 1..=rounds {
        for fixed_rows in [Some(best.best.rows), None] {
            let options = demo::Options {
                door: Door::Swa,
                dialect: Dialect::Soap,
                records: LIVE,
                no_split: false,
                fixed_rows,
                fixed_in_flight: best.best.in_flight,
                seed,
                per_row: "1ms".to_owned(),
            };
            let seen = demo::act(&options, &bench.programs)?;
            if !seen.print() && fixed_rows.is_none() {
                bail!("the demonstration is off");
            }
            if fixed_rows.is_some() {
                fixed.push(seen.records_a_second());
            } else {
                paced.push(seen.records_a_second());
                hits += seen.hits();
            }
        }
    }
    let share = median(&paced) / median(&fixed);
    Ok(vec![
        Figure::new("pace, live, of best fixed size", share, "").bound(Bound::AtLeast(SHARE)).note(format!(
            "{LIVE} records, in turn with {} rows x {} (simulated for so many: {:.2})",
            best.best.rows, best.best.in_flight, best.share
        )),
        Figure::new("pace, live, time-limit hits", hits as f64, "").bound(Bound::AtMost(0.0)),
        Figure::new("  pace", median(&paced), "rows/s").note(each(&paced)),
        Figure::new("  best fixed size", median(&fixed), "rows/s").note(each(&fixed)),
    ])
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}
