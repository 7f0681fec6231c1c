use super::*;
use crate::hop::Intervals;
use time::macros::datetime;

mod truth;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: f64) -> Moment {
    Moment { monotonic: Duration::ZERO, wall: datetime!(2026-04-01 00:00 UTC) }
        .after(Duration::from_secs_f64(seconds))
}

/// Line every second, cloud every 10 s, login and application every minute, import for an hour.
fn path() -> Path {
    let intervals = Intervals { application: Some(60 * SECOND), ..Intervals::default() };
    let mut specs = vec![HopSpec::gateway(SECOND)];
    specs.extend(HopSpec::way_to("main", intervals));
    Path::new(specs, at(0.0)).unwrap()
}

fn state(path: &mut Path, hop: &str, seconds: f64) -> HopState {
    hop_at(path, hop, seconds).state
}

fn hop_at(path: &mut Path, hop: &str, seconds: f64) -> Hop {
    path.snapshot(at(seconds)).hops.into_iter().find(|shown| shown.id() == hop).unwrap()
}

fn up() -> Observation {
    Observation::up(Duration::ZERO)
}

use HopState::{Degraded, Down, Unknown, Up};

#[test]
fn everything_is_unknown_before_the_first_look() {
    let mut path = path();
    let snapshot = path.snapshot(at(3.0));
    let names: Vec<String> = snapshot.hops.iter().map(Hop::id).collect();
    assert_eq!(
        names,
        ["gateway", "main/line", "main/cloud", "main/login", "main/import", "main/application"]
    );
    assert!(
        snapshot
            .hops
            .iter()
            .all(|hop| hop.state == Unknown && hop.checked_at.is_none() && hop.age_ms.is_none())
    );
    assert!(snapshot.hops.iter().all(|hop| hop.since == at(0.0).wall));
    assert_eq!(snapshot.overall(), Unknown);
    assert_eq!(&*snapshot.hops[4].text_en, "no records sent yet");
}

#[test]
fn a_fact_of_two_intervals_turns_to_unknown_by_itself_and_says_since_when() {
    let mut path = path();
    path.report("main/line", up(), at(1.0));
    assert_eq!(state(&mut path, "main/line", 2.999), Up);
    let hop = hop_at(&mut path, "main/line", 50.0);
    assert_eq!((hop.state, hop.since), (Unknown, at(3.0).wall));
    assert_eq!((hop.checked_at, hop.age_ms), (Some(at(1.0).wall), Some(49_000)));
    assert_eq!(&*hop.text_en, "was up when last looked at, too long ago to rely on");
}

#[test]
fn a_failure_is_shown_at_once_and_since_does_not_move_while_it_lasts() {
    let mut path = path();
    path.report("main/login", up(), at(1.0));
    path.report("main/login", Observation::down(ErrorClass::Authentication).from_traffic(), at(2.0));
    let hop = hop_at(&mut path, "main/login", 2.0);
    assert_eq!((hop.state, hop.class, hop.since), (Down, Some(ErrorClass::Authentication), at(2.0).wall));
    path.report("main/login", Observation::down(ErrorClass::Authentication), at(60.0));
    let hop = hop_at(&mut path, "main/login", 61.0);
    assert_eq!((hop.since, hop.checked_at), (at(2.0).wall, Some(at(60.0).wall)));
    let evidence = hop.evidence;
    assert_eq!((evidence.checks_passed, evidence.checks_failed, evidence.traffic_failed), (1, 1, 1));
    assert_eq!(evidence.failures_in_a_row, 2);
}

#[test]
fn a_look_that_passed_is_as_old_as_its_beginning() {
    let mut path = path();
    path.report("main/cloud", Observation::down(ErrorClass::Infrastructure), at(5.0));
    // Begun at 4.5, before the failure: it cannot exclude it.
    path.report("main/cloud", Observation::up(Duration::from_secs(1)), at(5.5));
    assert_eq!(state(&mut path, "main/cloud", 5.5), Down);
    path.report("main/cloud", Observation::up(Duration::from_millis(400)), at(5.5));
    assert_eq!(state(&mut path, "main/cloud", 5.5), Up);
    // Reported late, but begun before the failure.
    path.report("main/cloud", Observation::down(ErrorClass::Infrastructure), at(6.0));
    path.report("main/cloud", up().began(at(5.9)), at(8.0));
    assert_eq!(state(&mut path, "main/cloud", 8.0), Down);
}

#[test]
fn a_hop_behind_a_down_hop_is_unknown_until_somebody_has_been_there_again() {
    let mut path = path();
    for hop in ["main/cloud", "main/login"] {
        path.report(hop, up(), at(0.5));
    }
    path.report("main/line", Observation::down(ErrorClass::Line), at(1.0));
    let snapshot = path.snapshot(at(1.0));
    let shown: Vec<HopState> = snapshot.hops.iter().map(|hop| hop.state).collect();
    assert_eq!(shown, [Unknown, Down, Unknown, Unknown, Unknown, Unknown]);
    assert_eq!(&*snapshot.hops[3].text_en, "behind main/line, which is down");
    assert_eq!(snapshot.hops[3].since, at(1.0).wall);
    assert_eq!(snapshot.overall(), Down);
    path.report("main/line", up(), at(2.0));
    // The way is open; whether the login still is as it was nobody knows before somebody has been there.
    let login = hop_at(&mut path, "main/login", 2.0);
    assert_eq!((login.state, login.since, login.age_ms), (Unknown, at(1.0).wall, Some(1500)));
    assert_eq!(&*login.text_en, "not looked at since a hop before it was down");
    assert!(path.wants_look("main/login", at(2.0)) && !path.wants_look("main/line", at(2.0)));
    assert!(!path.wants_look("main/import", at(2.0)), "nobody ever was there");
    let opened = path.opened();
    path.report("main/login", up(), at(2.5));
    assert!(path.opened() > opened && !path.wants_look("main/login", at(2.5)));
    assert_eq!((state(&mut path, "main/login", 2.5), state(&mut path, "main/cloud", 2.5)), (Up, Up));
}

#[test]
fn old_good_news_does_not_come_out_when_the_bad_news_before_it_grows_old() {
    let mut path = path();
    path.report("main/login", up(), at(0.5));
    path.report("main/line", Observation::down(ErrorClass::Line), at(1.0));
    // Nobody looks at the line any more; whether it is down is not known, but nothing says that it is passed again.
    let snapshot = path.snapshot(at(10.0));
    assert_eq!((snapshot.hops[1].state, snapshot.hops[3].state), (Unknown, Unknown));
    assert_eq!(&*snapshot.hops[3].text_en, "behind main/line, which was down when last looked at");
}

#[test]
fn an_answer_from_behind_proves_the_way_but_does_not_hide_that_it_is_slow() {
    let mut path = path();
    path.report("main/line", Observation::down(ErrorClass::Line), at(1.0));
    path.report("main/cloud", Observation::degraded(ErrorClass::Timeout), at(1.5));
    path.report("main/import", up().from_traffic(), at(2.0));
    let snapshot = path.snapshot(at(2.0));
    let shown: Vec<HopState> = snapshot.hops.iter().map(|hop| hop.state).collect();
    assert_eq!(shown, [Unknown, Up, Degraded, Up, Up, Unknown]);
    assert_eq!(&*snapshot.hops[1].text_en, "passed by an answer from main/import");
    // The proof grows old as any fact does.
    assert_eq!(state(&mut path, "main/line", 4.0), Unknown);
}

#[test]
fn a_refusal_proves_the_way_to_the_one_who_refuses_and_silence_does_not() {
    let mut path = path();
    path.report("main/login", Observation::down(ErrorClass::Authentication), at(1.0));
    assert_eq!(state(&mut path, "main/cloud", 1.0), Up);
    path.report("main/login", Observation::down(ErrorClass::Timeout), at(30.0));
    assert_eq!(state(&mut path, "main/cloud", 30.0), Unknown);
    // A 503 is an answer, though its class is the machine's.
    path.report("main/cloud", Observation::down(ErrorClass::Infrastructure).answered(true), at(31.0));
    assert_eq!(state(&mut path, "main/line", 31.0), Up);
    assert_eq!(state(&mut path, "main/login", 31.0), Unknown);
}

#[test]
fn a_look_that_stopped_on_the_way_speaks_of_the_hop_where_it_stopped() {
    let mut path = path();
    path.report("main/login", up(), at(0.0));
    path.report("main/login", Observation::down(ErrorClass::Line).stopped_at("main/line"), at(1.0));
    assert_eq!((state(&mut path, "main/line", 1.0), state(&mut path, "main/login", 1.0)), (Down, Unknown));
    // A hop that is not on the way is no place to stop at: the look is taken as one at its own hop.
    path.report("main/line", up(), at(2.0));
    path.report("main/login", Observation::down(ErrorClass::Timeout).stopped_at("main/import"), at(2.0));
    assert_eq!(state(&mut path, "main/login", 2.0), Down);
}

#[test]
fn silence_that_a_hop_before_explains_does_not_come_out_as_ones_own() {
    let mut path = path();
    path.report("main/login", Observation::down(ErrorClass::Timeout), at(1.0));
    assert_eq!(state(&mut path, "main/login", 1.0), Down);
    path.report("main/line", Observation::down(ErrorClass::Line), at(1.5));
    path.report("main/line", up(), at(3.0));
    let login = hop_at(&mut path, "main/login", 3.0);
    assert_eq!((login.state, login.class), (Unknown, None));
    // A refusal is the hop's own, whatever happens on the way afterwards.
    path.report("main/login", Observation::down(ErrorClass::Authentication), at(4.0));
    path.report("main/line", Observation::down(ErrorClass::Line), at(4.5));
    path.report("main/line", up(), at(5.0));
    assert_eq!(state(&mut path, "main/login", 5.0), Down);
}

#[test]
fn silence_that_a_hop_before_explains_does_not_undo_a_fault_that_was_ones_own() {
    let mut path = path();
    path.report("main/import", up().from_traffic(), at(0.5));
    path.report("main/login", Observation::down(ErrorClass::Authentication), at(1.0));
    path.report("main/line", Observation::down(ErrorClass::Line), at(2.0));
    path.report("main/login", Observation::down(ErrorClass::Timeout), at(2.5));
    path.report("main/cloud", up(), at(3.0));
    // The way to the login is open again; the login itself was last heard of refusing.
    assert_eq!(state(&mut path, "main/login", 3.0), Unknown);
    let import = hop_at(&mut path, "main/import", 3.0);
    assert_eq!(import.state, Unknown);
    assert_eq!(&*import.text_en, "behind main/login, which was down when last looked at");
    path.report("main/login", up(), at(4.0));
    assert_eq!((state(&mut path, "main/login", 4.0), state(&mut path, "main/import", 4.0)), (Up, Unknown));
    path.report("main/import", up().from_traffic(), at(5.0));
    assert_eq!(state(&mut path, "main/import", 5.0), Up);
}

#[test]
fn a_look_that_failed_itself_changes_no_fact() {
    let mut path = path();
    path.report("main/line", Observation::unknown(), at(0.5));
    assert_eq!(&*hop_at(&mut path, "main/line", 0.5).text_en, "the check itself failed");
    path.report("main/line", up(), at(1.0));
    path.report("main/line", Observation::unknown(), at(2.0));
    assert_eq!(state(&mut path, "main/line", 2.5), Up);
    assert_eq!(state(&mut path, "main/line", 3.0), Unknown);
}

#[test]
fn a_full_spool_says_nothing_of_the_line() {
    let mut path = path();
    path.report("gateway", Observation::down(ErrorClass::Infrastructure), at(1.0));
    path.report("main/line", up(), at(1.0));
    assert_eq!((state(&mut path, "gateway", 1.5), state(&mut path, "main/line", 1.5)), (Down, Up));
}

#[test]
fn a_step_of_the_wall_clock_neither_ages_nor_refreshes() {
    let mut path = path();
    path.report("main/cloud", up(), at(1.0));
    let stepped = Moment { wall: at(1.0).wall - time::Duration::days(1), ..at(19.0) };
    let cloud = path.snapshot(stepped).hops.remove(2);
    assert_eq!((cloud.state, cloud.age_ms), (Up, Some(18_000)));
    let stepped = Moment { wall: at(1.0).wall, ..at(21.0) };
    assert_eq!(path.snapshot(stepped).hops[2].state, Unknown);
}

#[test]
fn a_reload_keeps_what_is_known_of_hops_that_stay() {
    let mut path = path();
    path.report("main/line", up(), at(1.0));
    path.report("main/cloud", Observation::down(ErrorClass::Infrastructure), at(1.0));
    let mut specs = HopSpec::way_to("second", Intervals::default());
    specs.extend(HopSpec::way_to("main", Intervals::default()));
    path.arrange(specs, at(2.0)).unwrap();
    let snapshot = path.snapshot(at(2.0));
    assert_eq!(snapshot.hops.len(), 8);
    assert_eq!((snapshot.hops[0].state, snapshot.hops[0].since), (Unknown, at(2.0).wall));
    assert_eq!((snapshot.hops[4].state, snapshot.hops[4].since), (Up, at(1.0).wall));
    assert_eq!((snapshot.hops[5].state, snapshot.hops[6].state), (Down, Unknown));
    assert!(!path.report("main/application", up(), at(2.0)));
    let refused = path.arrange(vec![HopSpec::gateway(SECOND), HopSpec::gateway(SECOND)], at(2.0));
    assert_eq!(refused.unwrap_err().code(), "hop-twice");
    assert_eq!(path.snapshot(at(2.0)).hops.len(), 8);
}

#[test]
fn hops_that_make_no_path_are_refused() {
    let mut way = HopSpec::way_to("main", Intervals::default());
    way.swap(0, 1);
    assert_eq!(Path::new(way, at(0.0)).unwrap_err().code(), "hop-behind-unlisted");
    let still = HopSpec::gateway(Duration::ZERO);
    assert_eq!(Path::new(vec![still], at(0.0)).unwrap_err().code(), "hop-interval-zero");
}

#[test]
fn being_idle_does_not_worsen_the_whole() {
    let mut path = path();
    for hop in ["gateway", "main/line", "main/cloud", "main/login", "main/application"] {
        path.report(hop, up(), at(1.0));
    }
    let snapshot = path.snapshot(at(1.5));
    assert_eq!((snapshot.hops[4].state, snapshot.overall()), (Unknown, Up));
    path.report("main/import", Observation::degraded(ErrorClass::Data).from_traffic(), at(1.5));
    assert_eq!(path.snapshot(at(1.5)).overall(), Degraded);
}
