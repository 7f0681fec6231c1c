use super::*;

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
        let noise_part = [0.0, 0.33, 0.66, 1.0][seed as usize % 4];
        let cloud = CloudModel { noise_part, ..CloudModel::demonstration() };
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
    assert!(mean >= 0.9 && shares.iter().all(|share| *share >= 0.86), "{mean} {shares:?}");
}

#[test]
fn no_cloud_is_hit_but_by_steps_that_nobody_can_know_and_each_is_used_well() {
    for case in cases() {
        let seeds = 0..3;
        let mut settled = 0.0;
        for seed in seeds.clone() {
            let paced = run(&case.cloud, &case.spec, ROWS, seed);
            let oracle = run_oracle(&case.cloud, &case.spec, ROWS, seed);
            let forgiven = if case.is_harsh() { case.cloud.steps.len().max(1) as u64 } else { 0 };
            assert!(paced.strokes <= forgiven, "{}, seed {seed}: {paced:?}", case.name);
            settled += (oracle.seconds - oracle.half) / (paced.seconds - paced.half);
        }
        let share = settled / seeds.count() as f64;
        let least = if case.is_steady() { 0.95 } else { 0.85 };
        assert!(share >= least, "{}: {share}", case.name);
    }
}

#[test]
fn calls_killed_by_one_step_are_one_stroke() {
    let cloud = CloudModel { steps: vec![(30.0, 5.0)], ..CloudModel::demonstration() };
    for seed in 0..5 {
        let run = run(&cloud, &demonstration_spec(), ROWS, seed);
        assert!(run.hits <= 8 && run.strokes == 1, "seed {seed}: {run:?}");
    }
}

#[test]
fn the_world_itself_is_right() {
    let plain = CloudModel { contention: 0.0, drift: 0.0, ..CloudModel::demonstration() };
    // Ten calls one after the other, 1.3 s each.
    let alone = run_fixed(&plain, 1_000, 1, 10_000, 0);
    assert!((alone.seconds - 13.0).abs() < 0.01 && alone.calls == 10, "{alone:?}");
    // Two at once with a contention of 1: each half as fast.
    let pair = CloudModel { contention: 1.0, ..plain.clone() };
    let both = run_fixed(&pair, 1_000, 2, 10_000, 0);
    assert!((both.seconds - 13.0).abs() < 0.01, "{both:?}");
    // Too large: every call is killed at the limit and its rows come back.
    let killed = run_fixed(&plain, 10_000, 1, 10_000, 0);
    assert!(killed.hits > 20 && killed.seconds.is_infinite());
    // A step doubles the cost from then on.
    let step = CloudModel { steps: vec![(0.0, 2.0)], ..plain };
    assert!((run_fixed(&step, 1_000, 1, 10_000, 0).seconds - 26.0).abs() < 0.01);
}
