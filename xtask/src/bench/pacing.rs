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
/// Part of the throughput of a sender who knows the cloud: where its cost is steady, and where it is not.
const SETTLED: (f64, f64) = (0.95, 0.85);
/// The model that the demonstration's cloud is.
const DEMONSTRATION: &str = "demonstration";
/// Rows of the live runs.
const LIVE: u64 = 40_000;

/// The longest that one live batch may take.
const LONGEST: Duration = Duration::from_secs(300);

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
    /// Throughput as a part of that of a sender who knows the cloud and keeps to the same target.
    share_of_oracle: f64,
    /// The same for the second half of the rows, without the time in which the pace learns.
    settled: f64,
    /// The cost does not change.
    steady: bool,
    /// From one call to the next the cost may change by more than a factor of 1.8.
    harsh: bool,
    steps: u64,
    hits: u64,
    /// Hits, with all those counted as one that were under way when the first of them was stopped.
    strokes: u64,
    calls: u64,
    seconds: f64,
    longest: f64,
    limit: f64,
    /// The best for this run: it knows the cloud's mood on the day.
    best: Fixed,
    /// The best that is not hit in the run of any seed.
    common: Option<Fixed>,
}

impl Simulated {
    /// No hit; where the cost changes by more than a sender can foresee, at most one stroke for each change.
    fn keeps_the_limit(&self) -> bool {
        self.strokes <= if self.harsh { self.steps.max(1) } else { 0 }
    }

    /// Throughput of the pace as a part of that of the best size that is never hit.
    fn share_of_common(&self) -> f64 {
        self.common.as_ref().map_or(f64::NAN, |common| common.seconds / self.seconds)
    }
}

/// A fixed chunk size that the search found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Fixed {
    rows: u64,
    in_flight: u32,
    seconds: f64,
}

/// Shows the simulation as a table. `false` when the demonstration's model misses its bound, when a run hits the limit
/// where that could be foreseen, or when the runs of a model, once settled, have too small a share of what a sender has who
/// knows the cloud.
pub(crate) fn show(options: &Options) -> anyhow::Result<bool> {
    let runs = simulate(options.rows, options.seeds)?;
    let width = runs.iter().map(|run| run.model.len()).max().unwrap_or(0);
    println!(
        "{:<width$}  {:>4}  {:>9}  {:>7}  {:>5}  {:>7}  {:>9}  {:>6}  {:>16}  {:>13}  best size of this run",
        "model",
        "seed",
        "of oracle",
        "settled",
        "hits",
        "strokes",
        "pace",
        "calls",
        "longest of limit",
        "of best fixed"
    );
    for run in &runs {
        let best = format!("{:.1} s with {} rows x {}", run.best.seconds, run.best.rows, run.best.in_flight);
        println!(
            "{:<width$}  {:>4}  {:>9.3}  {:>7.3}  {:>5}  {:>7}  {:>7.1} s  {:>6}  {:>7.1} of {:>4.0} s  {:>13.3}  {best}{}",
            run.model,
            run.seed,
            run.share_of_oracle,
            run.settled,
            run.hits,
            run.strokes,
            run.seconds,
            run.calls,
            run.longest,
            run.limit,
            run.share,
            if run.keeps_the_limit() { "" } else { "  HIT" },
        );
    }
    let mut good = runs.iter().all(Simulated::keeps_the_limit);
    good &= runs.iter().all(|run| run.model != DEMONSTRATION || run.share >= SHARE);
    for of_model in runs.chunk_by(|one, other| one.model == other.model) {
        let least = if of_model[0].steady { SETTLED.0 } else { SETTLED.1 };
        let share = mean(of_model);
        if share < least {
            println!(
                "{}: {share:.3} of the oracle's throughput once settled, under {least}",
                of_model[0].model
            );
            good = false;
        }
    }
    Ok(good)
}

/// Share of the oracle's throughput once settled, over all seeds.
fn mean(runs: &[Simulated]) -> f64 {
    runs.iter().map(|run| run.settled).sum::<f64>() / runs.len() as f64
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
        let shares: Vec<_> = of_model().map(|run| run.share_of_oracle).collect();
        let hits: u64 = of_model().map(|run| run.hits).sum();
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
    let best = of_model.iter().find_map(|run| run.common.clone()).context("no size is never hit")?;
    let expected: Vec<_> = of_model.iter().map(|run| run.share_of_common()).collect();
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
