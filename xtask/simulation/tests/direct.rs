//! The rules that the planted bugs break are kept where none is planted.

#![forbid(unsafe_code)]

mod rules;

#[test]
fn the_rules_are_kept() {
    assert!(rules::what_is_sealed_survives_a_power_failure());
    assert!(rules::only_the_present_owner_may_write());
    assert!(rules::what_was_in_flight_is_in_doubt());
    assert!(rules::what_was_accepted_stays());
}
