//! Delivery keeps its promises whatever goes wrong, seed by seed.

#![forbid(unsafe_code)]

use sekisho_simulation::{Simulation, run_all};

/// Seeds of every test run.
const SEEDS: u64 = 5_000;

#[test]
fn no_promise_is_broken_whatever_goes_wrong() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sums = match run_all(0..SEEDS, threads).expect("a simulation") {
        Ok(sums) => sums,
        Err(failure) => panic!("{failure}"),
    };
    println!("{sums:?}");
    // A world in which nothing goes wrong shows nothing.
    for (what, count) in [
        ("kills", sums.kills),
        ("power failures", sums.power_failures),
        ("doubts", sums.doubts),
        ("decisions", sums.decisions),
        ("requests", sums.requests),
        ("deliveries", sums.delivered),
        ("records with a key of another", sums.duplicates),
        ("calls under a budget", sums.budgeted),
    ] {
        assert!(count > SEEDS / 2, "only {count} {what} in {SEEDS} runs");
    }
    for (what, count) in [
        ("partial records", sums.partial),
        ("answers that are awaited", sums.answers),
        ("payloads removed", sums.removed),
        ("batches forgotten", sums.forgotten),
        ("answers that are none", sums.nonsense),
        ("questions by key", sums.looks),
        ("rows that were looked for and not there", sums.absent),
    ] {
        assert!(count > SEEDS / 10, "only {count} {what} in {SEEDS} runs");
    }
}

#[test]
fn a_seed_leads_to_the_same_run_every_time() {
    let simulation = Simulation::new().expect("a simulation");
    for seed in 0..40 {
        let first = simulation.run(seed, false).expect("every promise is kept");
        assert_eq!(simulation.run(seed, true).expect("every promise is kept"), first, "seed {seed}");
    }
}
