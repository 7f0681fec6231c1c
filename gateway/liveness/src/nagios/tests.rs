use super::*;
use crate::clock::Moment;
use crate::hop::{ErrorClass, HopSpec, Intervals};
use crate::observation::Observation;
use crate::path::Path;
use std::time::Duration;
use time::macros::datetime;

fn after(observe: impl FnOnce(&mut Path, Moment)) -> Snapshot {
    let start = Moment { monotonic: Duration::ZERO, wall: datetime!(2026-04-01 00:00 UTC) };
    let mut path = Path::new(HopSpec::way_to("main", Intervals::default()), start).unwrap();
    for hop in ["main/line", "main/cloud", "main/login"] {
        path.report(hop, Observation::up(Duration::from_millis(12)), start.after(Duration::from_secs(1)));
    }
    let now = start.after(Duration::from_secs(2));
    observe(&mut path, now);
    path.snapshot(now)
}

#[test]
fn every_state_has_the_code_and_word_that_plugins_give() {
    use HopState::{Degraded, Down, Unknown, Up};
    let codes = [Up, Degraded, Down, Unknown].map(|state| (exit_code(state), word(state)));
    assert_eq!(codes, [(0, "OK"), (1, "WARNING"), (2, "CRITICAL"), (3, "UNKNOWN")]);
}

#[test]
fn all_is_well() {
    let line = line(&after(|_, _| {}), Language::English);
    let times = "'main/line'=0.012000s;;;0 'main/cloud'=0.012000s;;;0 'main/login'=0.012000s;;;0";
    assert_eq!(line, format!("SEKISHO OK - 4 hops, none at fault | {times}"));
}

#[test]
fn one_hop_is_said_as_one() {
    let mut snapshot = after(|_, _| {});
    snapshot.hops = snapshot.hops.into_iter().take(1).collect();
    assert!(line(&snapshot, Language::English).starts_with("SEKISHO OK - 1 hop, not at fault"));
}

#[test]
fn the_worst_hops_are_named_and_no_text_can_forge_performance_data() {
    let snapshot = after(|path, now| {
        let refused = Observation::down(ErrorClass::Authentication).text("locked | 'x'=1\nOK", "鍵 | 無効");
        path.report("main/login", refused, now);
        path.report(
            "main/cloud",
            Observation::degraded(ErrorClass::Timeout).took(Duration::from_secs(1)),
            now,
        );
    });
    let en = line(&snapshot, Language::English);
    assert!(
        en.starts_with(
            "SEKISHO CRITICAL - main/login down (authentication): locked   'x'=1 OK | 'main/line'="
        ),
        "{en}"
    );
    assert_eq!(en.matches('|').count(), 1);
    let ja = line(&snapshot, Language::Japanese);
    assert!(ja.starts_with("SEKISHO CRITICAL - main/login 停止(認証): 鍵   無効 | "), "{ja}");
}

#[test]
fn an_answer_without_hops_is_not_ok() {
    let empty = Snapshot { hops: Vec::new(), ..after(|_, _| {}) };
    assert_eq!(line(&empty, Language::English), "SEKISHO UNKNOWN - no hops in the answer");
    assert_eq!(exit_code(empty.overall()), 3);
}
