use super::*;
use crate::hop::{ErrorClass, Hop, HopState, Intervals, Station};
use std::time::Duration;

fn board() -> Board {
    let mut specs = vec![HopSpec::gateway(Duration::from_secs(1))];
    for upstream in ["main", "second"] {
        specs.extend(HopSpec::way_to(upstream, Intervals::default()));
    }
    Board::new(specs).unwrap()
}

#[test]
fn clones_show_the_same_and_clients_see_their_own_upstreams() {
    let board = board();
    let other = board.clone();
    assert!(other.report(&Station::Login.hop_of("second"), Observation::down(ErrorClass::Authentication)));
    assert!(!other.report("third/login", Observation::up(Duration::ZERO)));
    let snapshot = board.snapshot();
    assert_eq!(snapshot.overall(), HopState::Down);
    let seen = snapshot.seen_by(&["main"]);
    assert_eq!((seen.hops.len(), seen.overall()), (5, HopState::Unknown));
    let named = |hops: &[&str]| board.snapshot().only(hops).hops.iter().map(Hop::id).collect::<Vec<_>>();
    assert_eq!(named(&["login"]), ["main/login", "second/login"]);
    assert_eq!(named(&["gateway", "main/line", "third/line"]), ["gateway", "main/line"]);
}

#[test]
fn a_snapshot_survives_the_wire() {
    let board = board();
    board.report("main/cloud", Observation::degraded(ErrorClass::Timeout).took(Duration::from_millis(40)));
    let snapshot = board.snapshot();
    let text = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    assert!(text.contains(r#""upstream":"main","state":"degraded""#), "{text}");
    assert!(text.contains(r#""latency_us":40000,"class":"timeout""#), "{text}");
}

/// Many report and many ask at once; every answer is whole.
#[test]
fn many_may_ask_and_report_at_once() {
    let board = board();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for turn in 0..1_000 {
                    if turn % 2 == 0 {
                        board.report("main/line", Observation::down(ErrorClass::Line));
                    } else {
                        board.report("main/login", Observation::up(Duration::ZERO));
                    }
                    let snapshot = board.snapshot();
                    assert_eq!(snapshot.hops.len(), 9);
                    let (line, login) = (&snapshot.hops[1], &snapshot.hops[3]);
                    assert!(line.state != HopState::Down || login.state == HopState::Unknown);
                }
            });
        }
    });
    let evidence = board.snapshot().hops[1].evidence;
    assert_eq!(evidence.checks_failed, 2_000);
}
