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
fn a_cloud_in_which_calls_only_hinder_each_other_gets_few_at_once() {
    let cloud = CloudModel { contention: 2.0, ..CloudModel::demonstration() };
    let compared = compare(&cloud, &demonstration_spec(), 200_000, 2);
    assert_eq!(compared.pace.hits, 0);
    assert!(compared.share >= 0.4, "{compared:?}");
}

#[test]
fn after_a_step_the_pace_finds_its_size_again() {
    let cloud = CloudModel { steps: vec![(30.0, 2.0)], ..CloudModel::demonstration() };
    for seed in 0..5 {
        let run = run(&cloud, &demonstration_spec(), ROWS, seed);
        // No sender can know of a step before it happens: what was under way then may be lost, nothing after it.
        assert!(run.hits <= 8, "seed {seed}: {run:?}");
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
