use super::*;
use crate::pace::PaceSpec;

const ROWS: u64 = 400_000;

fn demonstration_spec() -> PaceSpec {
    PaceSpec { limit_ms: 10_000, ..PaceSpec::default() }
}

#[test]
fn the_demonstrations_cloud_is_never_hit_and_served_at_nine_tenths_of_the_best_fixed_size() {
    for seed in 0..3 {
        let compared = compare(&CloudModel::demonstration(), &demonstration_spec(), ROWS, seed);
        assert_eq!(compared.pace.hits, 0, "seed {seed}: {compared:?}");
        assert!(compared.share >= 0.9, "seed {seed}: {compared:?}");
    }
}

#[test]
fn no_seed_and_no_mixture_of_drift_and_noise_leads_to_a_hit() {
    for seed in 0..100 {
        let part = [0.0, 0.33, 0.66, 1.0][seed as usize % 4];
        let cloud =
            CloudModel { noise: 0.28 * part, swing: 0.3 * (1.0 - part), ..CloudModel::demonstration() };
        let run = run(&cloud, &demonstration_spec(), ROWS, seed);
        assert_eq!(run.hits, 0, "seed {seed}: {run:?}");
    }
}

#[test]
fn limits_of_minutes_and_small_caps_are_kept_without_a_hit() {
    for (limit, per_row, cap) in
        [(600.0, 0.05, 10_000), (60.0, 0.002, 5_000), (10.0, 0.001, 200), (10.0, 0.02, 10_000)]
    {
        let cloud = CloudModel { limit, per_row, ..CloudModel::demonstration() };
        let spec = PaceSpec { limit_ms: (limit * 1e3) as u64, max_rows: cap, ..PaceSpec::default() };
        let run = run(&cloud, &spec, 100_000, 1);
        assert_eq!(run.hits, 0, "{run:?}");
    }
}

#[test]
fn a_cold_start_costs_little() {
    // 40,000 rows are little more than two full rounds: what is lost at the beginning is not made good again.
    let (cloud, spec) = (CloudModel::demonstration(), demonstration_spec());
    let shares: Vec<f64> = (0..20)
        .map(|seed| {
            let run = run(&cloud, &spec, 40_000, seed);
            assert_eq!(run.hits, 0, "seed {seed}: {run:?}");
            run_oracle(&cloud, &spec, 40_000, seed).seconds / run.seconds
        })
        .collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!(mean >= 0.94 && shares.iter().all(|share| *share >= 0.88), "{mean} {shares:?}");
}

#[test]
fn no_cloud_is_hit_but_by_steps_that_nobody_can_know_and_each_is_used_well() {
    let cases = cases();
    assert!(cases.len() >= 30 && cases.iter().filter(|case| !case.is_harsh()).count() >= 30);
    for case in cases.iter().filter(|case| !case.has_many_calls()) {
        let seeds = [0, 2, 4];
        let trials = seeds.map(|seed| (seed, trial(case, ROWS, seed)));
        for (seed, trial) in &trials {
            let hits = trial.pace.hits + trial.warm_up.hits;
            assert!(hits <= case.most_hits(), "{}, seed {seed}: {trial:?}", case.name);
            // After a stroke the first chunk that is sent works.
            assert!(trial.pace.strokes <= case.steps_up().count() as u64, "{}: {trial:?}", case.name);
        }
        let share = trials.iter().map(|(_, trial)| trial.share()).sum::<f64>() / seeds.len() as f64;
        assert!(share >= case.least_share(), "{}: {share}", case.name);
    }
}

#[test]
fn calls_killed_by_one_step_are_one_stroke() {
    // Calls are so dear that none can be short enough.
    let cloud = CloudModel { steps: vec![(30.0, 5.0)], ..CloudModel::demonstration() };
    for seed in 0..5 {
        let run = run(&cloud, &demonstration_spec(), ROWS, seed);
        assert!(run.hits <= 8 && run.strokes == 1, "seed {seed}: {run:?}");
    }
}

#[test]
fn a_tenfold_step_stops_nothing_where_calls_are_cheap_and_everything_under_way_where_nothing_can_be_done() {
    let case = |name: &str| cases().into_iter().find(|case| case.name == name).expect("a case");
    let (cheap, dear) = (case("10 times as slow, limit 60 s"), case("10 times as slow, dear calls"));
    assert!(cheap.is_avoidable() && !dear.is_avoidable());
    let (cheap, dear) = (trial(&cheap, ROWS, 0), trial(&dear, ROWS, 0));
    assert_eq!(cheap.pace.hits, 0, "{cheap:?}");
    // Even who knows everything but the future is hit there.
    assert!(cheap.oracle.hits > 0 && dear.oracle.hits > 0, "{cheap:?} {dear:?}");
    assert!((1..=8).contains(&dear.pace.hits) && dear.pace.strokes == 1, "{dear:?}");
}

#[test]
fn the_world_itself_is_right() {
    let plain = CloudModel { contention: 0.0, swing: 0.0, noise: 0.0, ..CloudModel::demonstration() };
    // Ten calls one after the other, 1.3 s each.
    let alone = run_fixed(&plain, 1_000, 1, 10_000, 0);
    assert!((alone.seconds - 13.0).abs() < 0.01 && alone.calls == 10, "{alone:?}");
    // Two at once with a contention of 1: each half as fast.
    let pair = CloudModel { contention: 1.0, ..plain.clone() };
    let both = run_fixed(&pair, 1_000, 2, 10_000, 0);
    assert!((both.seconds - 13.0).abs() < 0.01, "{both:?}");
    // One worker: as if each waited for the other.
    let one = CloudModel { workers: 1, ..plain.clone() };
    assert!((run_fixed(&one, 1_000, 2, 10_000, 0).seconds - 13.0).abs() < 0.01);
    // Rows by their bytes: 400 of them at 2.5 µs each are 1 ms.
    let bytes = CloudModel { per_row: 0.0, per_byte: 2.5e-6, ..plain.clone() };
    assert!((run_fixed(&bytes, 1_000, 1, 10_000, 0).seconds - 13.0).abs() < 0.01);
    // Too large: every call is killed at the limit and its rows come back.
    let killed = run_fixed(&plain, 10_000, 1, 10_000, 0);
    assert!(killed.hits > 20 && killed.seconds.is_infinite());
    // A step doubles the cost from then on.
    let step = CloudModel { steps: vec![(0.0, 2.0)], ..plain };
    assert!((run_fixed(&step, 1_000, 1, 10_000, 0).seconds - 26.0).abs() < 0.01);
}
