use super::*;

const ROWS: u64 = 400_000;

fn demonstration_spec() -> PaceSpec {
    PaceSpec { limit_ms: 10_000, ..PaceSpec::default() }
}

#[test]
fn the_demonstrations_cloud_is_never_hit_and_served_at_nine_tenths_of_the_best_fixed_size() {
    for seed in 0..6 {
        let compared = compare(&CloudModel::demonstration(), &demonstration_spec(), ROWS, seed);
        assert_eq!(compared.pace.hits, 0, "seed {seed}: {compared:?}");
        assert!(compared.share >= 0.9, "seed {seed}: {compared:?}");
    }
}
