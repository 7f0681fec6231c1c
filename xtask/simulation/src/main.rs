//! Runs seeds, or replays one: `cargo run -p sekisho-simulation -- --seed 17`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)] // this is what it is for

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sekisho_simulation::Simulation;

/// Simulates delivery under faults.
#[derive(Debug, Parser)]
struct Options {
    /// Replays this seed and tells what happens in it.
    #[arg(long, conflicts_with_all = ["first", "seeds"])]
    seed: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many.
    #[arg(long, default_value_t = 5_000)]
    seeds: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let simulation = Simulation::new()?;
    if let Some(seed) = options.seed {
        return Ok(match simulation.run(seed, true) {
            Ok(counted) => {
                println!("seed {seed} keeps every promise: {counted:?}");
                ExitCode::SUCCESS
            }
            Err(failure) => {
                failure.trace.iter().for_each(|line| println!("{line}"));
                println!("seed {seed}: {}", failure.broken);
                ExitCode::FAILURE
            }
        });
    }
    let began = Instant::now();
    let seeds = options.first..options.first.saturating_add(options.seeds);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    match sekisho_simulation::run_all(seeds.clone(), threads)? {
        Ok(sums) => {
            let (runs, seconds) = (seeds.end - seeds.start, began.elapsed().as_secs_f64());
            println!("{runs} runs in {seconds:.1} s on {threads} threads keep every promise: {sums:?}");
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            println!("{failure}");
            Ok(ExitCode::FAILURE)
        }
    }
}
