//! Bugs planted on purpose, one at a time: each is found. `cargo test -p sekisho-simulation --features planted`.

#![forbid(unsafe_code)]
#![cfg(feature = "planted")]

mod rules;

use sekisho_journal::planted::{Bug, plant};
use sekisho_simulation::Simulation;

/// Seeds within which each must be found.
const SEEDS: u64 = 1_000;

#[test]
fn every_planted_bug_is_found_and_none_where_none_is_planted() {
    let simulation = Simulation::new().expect("a simulation");
    std::panic::set_hook(Box::new(|_| {})); // rules that are broken panic: that is how some are found
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        plant(Some(bug));
        let found = (0..SEEDS).find_map(|seed| simulation.run(seed, false).err());
        match found {
            Some(failure) => println!("{bug:?}: seed {}: {}", failure.seed, failure.broken),
            None => missed.push(bug),
        }
    }
    plant(None);
    let none = (0..100).find_map(|seed| simulation.run(seed, false).err());
    let _ = std::panic::take_hook();
    assert!(missed.is_empty(), "not found within {SEEDS} seeds: {missed:?}");
    assert!(none.is_none(), "{none:?}");
}

#[test]
fn bugs_that_break_a_rule_by_itself_are_seen_without_a_seed() {
    let rules: [(Bug, fn() -> bool); 5] = [
        (Bug::FileNotSynced, rules::what_is_sealed_survives_a_power_failure),
        (Bug::FolderNotSynced, rules::what_is_sealed_survives_a_power_failure),
        (Bug::EpochIgnored, rules::only_the_present_owner_may_write),
        (Bug::TakenOverAsAbsent, rules::what_was_in_flight_is_in_doubt),
        (Bug::RecoveryRemovesAccepted, rules::what_was_accepted_stays),
    ];
    for (bug, is_kept) in rules {
        plant(None);
        assert!(is_kept(), "without {bug:?}");
        plant(Some(bug));
        assert!(!is_kept(), "{bug:?} is not seen");
    }
    plant(None);
}
