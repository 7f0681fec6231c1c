//! The pace beside the best fixed chunk size: searched in simulation, confirmed live.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;

use super::Bench;
use super::figure::{Bound, Figure, each, median};
use super::gateway::until_delivered;
use super::upload::{self, Generated};
use crate::demo::{self, Dialect, Door, Stage};
use crate::workspace::cargo;

/// Part of the best fixed size's throughput that the pace has to reach.
const SHARE: f64 = 0.9;
/// The model that the demonstration's cloud is.
const DEMONSTRATION: &str = "demonstration";
/// Rows of the live runs.
const LIVE: u64 = 40_000;

/// The longest that one live batch may take.
const LONGEST: Duration = Duration::from_secs(300);

/// What is simulated.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rows to deliver after the warm-up.
    #[arg(long, default_value_t = Options::default().rows)]
    rows: u64,
    /// Runs of each model, each with a seed of its own: every other one is for tuning, the rest for reporting only.
    #[arg(long, default_value_t = Options::default().seeds)]
    seeds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows: 400_000, seeds: 10 }
    }
}

/// One simulated run of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Simulated {
    model: String,
    seed: u64,
    /// A seed that the pace was tuned with.
    tuning: bool,
    /// Throughput after the warm-up as a part of that of a sender who knows the cloud and keeps to the same target.
    share: f64,
    /// What it has to be, in the mean of the seeds.
    least_share: f64,
    warm_up: Sent,
    pace: Sent,
    oracle: Sent,
    /// From one call to the next the cost may change by more than a factor of 1.8.
    harsh: bool,
    /// Chunks so short that a step stops none of them cost little.
    avoidable: bool,
    most_hits: u64,
    limit: f64,
    /// From nothing, learning included.
    cold: Option<f64>,
    /// Beside fixed sizes.
    fixed: Option<BesideFixed>,
}

/// What one sender did.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Sent {
    seconds: f64,
    hits: u64,
    calls: u64,
    longest: f64,
}

/// A pace that has seen nothing, beside fixed sizes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct BesideFixed {
    share: f64,
    pace_seconds: f64,
    hits: u64,
    /// The best that is not hit in the run of any seed.
    common: Option<Fixed>,
}

impl Simulated {
    fn hits(&self) -> u64 {
        self.warm_up.hits + self.pace.hits
    }

    /// Throughput of a pace that has seen nothing as a part of that of the best size that is never hit.
    fn share_of_common(&self) -> Option<f64> {
        let fixed = self.fixed.as_ref()?;
        Some(fixed.common.as_ref()?.seconds / fixed.pace_seconds)
    }
}

/// A fixed chunk size that the search found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Fixed {
    rows: u64,
    in_flight: u32,
    seconds: f64,
}

/// Shows the simulation as a table, the seeds for tuning apart from those for reporting. `false` when a bound is missed: too
/// many hits in a run, too small a share of the oracle's throughput in the mean of a model's seeds of one kind, or too
/// small a one of the best fixed size's at the demonstration's cloud.
pub(crate) fn show(options: &Options) -> anyhow::Result<bool> {
    let runs = simulate(options.rows, options.seeds)?;
    let width = runs.iter().map(|run| run.model.len()).max().unwrap_or(0);
    println!(
        "Share: throughput after the warm-up as a part of that of an oracle, mean and least of the seeds."
    );
    println!(
        "Hits: calls stopped at the limit in one run, at most; in the warm-up; allowed; the oracle's.\n"
    );
    println!(
        "{:<width$}  {:>13}  {:>13}  {:>5}  {:>4} {:>7} {:>7} {:>6}  {:>7}  {:>6} {:>6}  {:>13}",
        "model",
        "tuning",
        "reporting",
        "bound",
        "hits",
        "warm-up",
        "allowed",
        "oracle",
        "longest",
        "calls",
        "oracle",
        "warm-up"
    );
    let mut missed = Vec::new();
    for of_model in runs.chunk_by(|one, other| one.model == other.model) {
        missed.extend(row(of_model, width));
    }
    let beside = runs.iter().filter_map(|run| run.fixed.as_ref());
    let fixed: Vec<f64> = beside.map(|fixed| fixed.share).collect();
    let cold: Vec<f64> = runs.iter().filter_map(|run| run.cold).collect();
    println!(
        "\nThe demonstration's cloud from nothing: {} of the oracle, {} of the best fixed size",
        each(&cold),
        each(&fixed)
    );
    if least(&fixed) < SHARE {
        missed.push(format!("{DEMONSTRATION}: {:.3} of the best fixed size, under {SHARE}", least(&fixed)));
    }
    for miss in &missed {
        println!("MISSED {miss}");
    }
    Ok(missed.is_empty())
}

/// Prints one model; returns the bounds that it misses.
fn row(runs: &[Simulated], width: usize) -> Vec<String> {
    let first = &runs[0];
    let most = |of: fn(&Simulated) -> u64| runs.iter().map(of).max().unwrap_or(0);
    let shares = |tuning: bool| -> Vec<f64> {
        runs.iter().filter(|run| run.tuning == tuning).map(|run| run.share).collect()
    };
    let told = |shares: &[f64]| match shares {
        [] => "-".to_owned(),
        shares => format!("{:.3} {:.3}", mean(shares), least(shares)),
    };
    let calls = |of: fn(&Simulated) -> u64| runs.iter().map(of).sum::<u64>() / runs.len() as u64;
    let (tuning, reporting) = (shares(true), shares(false));
    let longest = runs.iter().map(|run| run.pace.longest).fold(0.0, f64::max) / first.limit;
    let warm_up = runs.iter().map(|run| run.warm_up.seconds).sum::<f64>() / runs.len() as f64;
    println!(
        "{:<width$}  {:>13}  {:>13}  {:>5.2}  {:>4} {:>7} {:>7} {:>6}  {:>7.2}  {:>6} {:>6}  {:>4} {:>6.0} s{}",
        first.model,
        told(&tuning),
        told(&reporting),
        first.least_share,
        most(|run| run.pace.hits),
        most(|run| run.warm_up.hits),
        first.most_hits,
        most(|run| run.oracle.hits),
        longest,
        calls(|run| run.pace.calls),
        calls(|run| run.oracle.calls),
        calls(|run| run.warm_up.calls),
        warm_up,
        if first.harsh && !first.avoidable { "  nothing can be done about what is under way" } else { "" },
    );
    let mut missed = Vec::new();
    for run in runs.iter().filter(|run| run.hits() > run.most_hits) {
        missed.push(format!(
            "{}: {} hits with seed {}, over {}",
            run.model,
            run.hits(),
            run.seed,
            run.most_hits
        ));
    }
    for (kind, shares) in [("tuning", &tuning), ("reporting", &reporting)] {
        if !shares.is_empty() && mean(shares) < first.least_share {
            let (share, bound) = (mean(shares), first.least_share);
            missed.push(format!(
                "{}: {share:.3} of the oracle with the seeds for {kind}, under {bound}",
                first.model
            ));
        }
    }
    missed
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
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
    let beside: Vec<_> = of_demonstration.iter().filter_map(|run| run.fixed.as_ref()).collect();
    let shares: Vec<_> = beside.iter().map(|fixed| fixed.share).collect();
    let hits: u64 = beside.iter().map(|fixed| fixed.hits).sum();
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
        let hits: u64 = of_model().map(Simulated::hits).sum();
        figures.push(
            Figure::new(format!("  {model}, of oracle"), least(&shares), "")
                .note(format!("{hits} hits; {}", each(&shares))),
        );
    }
    figures.extend(live(bench)?);
    Ok(figures)
}

/// Batches that one gateway delivers live: the first with a pace that has seen nothing, the others with what it learnt.
const BATCHES: usize = 2;

/// What was seen of one gateway live.
struct Live {
    /// Records delivered a second, batch by batch.
    speeds: [f64; BATCHES],
    hits: u64,
}

/// The same comparison with the gateway and the reference cloud, with the fixed size that the simulation found best for
/// so many rows and that was hit on none of its days: nobody knows the mood of a real cloud beforehand.
fn live(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let rounds: u64 = if bench.quick { 1 } else { 3 };
    let simulated = simulate(LIVE, 8)?;
    let of_model: Vec<_> = simulated.iter().filter(|run| run.model == DEMONSTRATION).collect();
    let common = |run: &&Simulated| run.fixed.as_ref()?.common.clone();
    let best = of_model.iter().find_map(common).context("no size is never hit")?;
    let expected: Vec<_> = of_model.iter().filter_map(|run| run.share_of_common()).collect();
    let (mut paced, mut fixed) = (Vec::new(), Vec::new());
    for seed in 1..=rounds {
        let (own, other) = (deliver(bench, seed, None)?, deliver(bench, seed, Some(&best))?);
        println!("  seed {seed}: pace {:.0?}, fixed {:.0?} rows/s", own.speeds, other.speeds);
        paced.push(own);
        fixed.push(other);
    }
    let shares = |batch: usize| -> Vec<f64> {
        // A size that was stopped at the limit is none to be compared with.
        let counted = paced.iter().zip(&fixed).filter(|(_, fixed)| fixed.hits == 0);
        counted.map(|(paced, fixed)| paced.speeds[batch] / fixed.speeds[batch]).collect()
    };
    let hits: u64 = paced.iter().map(|run| run.hits).sum();
    let hit = fixed.iter().filter(|run| run.hits > 0).count();
    let share = |name: &str, batch: usize, note: String| {
        let shares = shares(batch);
        let figure = Figure::new(name, median(&shares), "").bound(Bound::AtLeast(SHARE));
        figure.note(format!("{note}; {}", each(&shares)))
    };
    let speeds = |name: &str, runs: &[Live]| {
        let all: Vec<_> = runs.iter().flat_map(|run| run.speeds).collect();
        Figure::new(name, median(&all), "rows/s").note(each(&all))
    };
    Ok(vec![
        share(
            "pace, live, of best fixed size, first batch",
            0,
            format!(
                "{LIVE} records, a pace that has seen nothing; in turn with {} rows x {}, the best that none of 8 simulated \
                 days hits ({hit} of {rounds} live runs were, and do not count); simulated {}",
                best.rows,
                best.in_flight,
                each(&expected)
            ),
        ),
        share(
            "pace, live, of best fixed size, next batch",
            1,
            format!("{LIVE} records more on the same gateway"),
        ),
        Figure::new("pace, live, time-limit hits", hits as f64, "").bound(Bound::AtMost(0.0)),
        speeds("  pace", &paced),
        speeds("  best fixed size", &fixed),
    ])
}

/// Delivers batches with a gateway and a cloud of their own.
fn deliver(bench: &Bench, seed: u64, fixed: Option<&Fixed>) -> anyhow::Result<Live> {
    let options = demo::Options {
        door: Door::Swa,
        dialect: Dialect::Soap,
        records: LIVE,
        no_split: false,
        fixed_rows: fixed.map(|fixed| fixed.rows),
        fixed_in_flight: fixed.map_or(1, |fixed| fixed.in_flight),
        seed,
        per_row: "1ms".to_owned(),
        limit: "10s".to_owned(),
    };
    let folder = bench.fresh("pacing")?;
    let stage = Stage::set(&options, &bench.programs, &folder)?;
    let mut speeds = [0.0; BATCHES];
    for (batch, speed) in speeds.iter_mut().enumerate() {
        let mut payload = Generated::start(bench, LIVE, Door::Swa.format())?;
        upload::send(stage.gateway, Door::Swa, &format!("pacing-{batch}"), &mut payload)?;
        let accepted = Instant::now();
        until_delivered(stage.admin, LONGEST)?;
        *speed = LIVE as f64 / accepted.elapsed().as_secs_f64();
    }
    let hits = stage.cloud_stats()?["time_limit_hits"].as_u64().context("the cloud's statistics")?;
    stage.strike()?;
    Ok(Live { speeds, hits })
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}
