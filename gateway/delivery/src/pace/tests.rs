use proptest::prelude::*;

use super::*;

fn spec() -> PaceSpec {
    PaceSpec { limit_ms: 10_000, ..PaceSpec::default() }
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Bytes of every row, where nothing else is said.
const ROW_BYTES: u64 = 400;

/// One chunk at a time.
fn single() -> PaceSpec {
    PaceSpec { max_in_flight: 1, ..spec() }
}

/// One chunk after another, each taking what `cost` says; returns the sizes.
fn alone(pace: &mut Pace, from: f64, chunks: usize, cost: impl Fn(f64) -> f64) -> (Vec<u64>, f64) {
    let mut now = from;
    let mut sizes = Vec::new();
    for _ in 0..chunks {
        let size = pace.next(at(now), u64::MAX).expect("nothing is under way").usual;
        let ticket = pace.opened(at(now), size, size * ROW_BYTES);
        now += cost(size as f64);
        pace.finished(at(now), ticket, End::Done);
        sizes.push(size);
    }
    (sizes, now)
}

#[test]
fn it_starts_small_and_grows_as_far_as_the_time_left_over_allows() {
    let mut pace = Pace::new(single());
    let (sizes, _) = alone(&mut pace, 0.0, 12, |rows| 0.3 + 0.001 * rows);
    assert_eq!(sizes[0], 100);
    for pair in sizes.windows(2) {
        assert!(pair[1] <= 8 * pair[0], "{sizes:?}");
    }
    let last = *sizes.last().expect("sizes");
    // 4,700 rows take 5 s, and 3,900 take 4.2 s, which a step to twice the time does not bring to the limit.
    assert!((3_300..=4_700).contains(&last), "{sizes:?}");
}

#[test]
fn chunks_are_no_longer_than_their_throughput_needs() {
    let settled = |fixed: f64, per_row: f64| {
        let mut pace = Pace::new(single());
        let (sizes, _) = alone(&mut pace, 0.0, 40, |rows| fixed + per_row * rows);
        fixed + per_row * *sizes.last().expect("sizes") as f64
    };
    // Calls cost next to nothing: a fivefold step would not stop one.
    assert!(settled(0.002, 0.01) < 2.0);
    // Half of the target would be lost in calls: chunks fill it.
    assert!(settled(2.0, 0.001) > 4.3);
}

#[test]
fn what_bytes_cost_is_told_from_what_rows_cost() {
    let mut pace = Pace::new(single());
    let mut now = 0.0;
    // Rows of 200 and of 1,000 bytes in turn; a row by itself costs nothing.
    for turn in 0..60 {
        let size = pace.next(at(now), u64::MAX).expect("nothing is under way");
        let each = if turn % 2 == 0 { 200 } else { 1_000 };
        let rows =
            (1..=size.rows).take_while(|rows| *rows == 1 || size.holds(*rows, rows * each)).count() as u64;
        let ticket = pace.opened(at(now), rows, rows * each);
        now += 0.3 + 2.5e-6 * (rows * each) as f64;
        pace.finished(at(now), ticket, End::Done);
    }
    let per_byte = pace.model.per_byte();
    assert!((2.2e-6..2.8e-6).contains(&per_byte), "{per_byte}");
    // Large rows make a chunk of fewer of them, small ones of more.
    let size = pace.next(at(now), u64::MAX).expect("nothing is under way");
    assert!(!size.holds(size.usual, size.usual * 1_000) && size.holds(size.usual, size.usual * 200));
}

#[test]
fn a_cap_is_filled_with_rows_that_are_a_little_larger_than_those_before() {
    let mut pace = Pace::new(PaceSpec { max_rows: 200, ..single() });
    let (_, now) = alone(&mut pace, 0.0, 30, |rows| 0.3 + 1e-5 * rows * ROW_BYTES as f64);
    let size = pace.next(at(now), u64::MAX).expect("nothing is under way");
    assert!(size.holds(200, 200 * ROW_BYTES * 11 / 10) && !size.holds(201, 201));
}

#[test]
fn a_record_larger_than_the_chunk_is_meant_to_be_is_not_too_large() {
    let mut pace = Pace::new(single());
    let (_, now) = alone(&mut pace, 0.0, 30, |rows| 0.3 + 1e-5 * rows * ROW_BYTES as f64);
    let size = pace.next(at(now), u64::MAX).expect("nothing is under way");
    assert!(!size.holds(1, 3_000_000), "it stands alone");
    assert_eq!(size.bytes, spec().max_bytes, "and is refused by the hard bound only");
}

#[test]
fn the_hard_bounds_hold_whatever_is_learnt() {
    let mut pace = Pace::new(PaceSpec { max_rows: 200, max_in_flight: 3, max_bytes: 1_000, ..spec() });
    let (sizes, now) = alone(&mut pace, 0.0, 50, |_| 0.01);
    assert!(sizes.iter().all(|size| *size <= 200));
    assert_eq!(pace.next(at(now), u64::MAX).map(|size| size.bytes), Some(1_000));
    let tickets: Vec<_> = std::iter::from_fn(|| {
        pace.next(at(now), u64::MAX).map(|size| pace.opened(at(now), size.usual, size.usual * ROW_BYTES))
    })
    .collect();
    assert_eq!(tickets.len(), 3);
    assert_eq!(pace.in_flight(), 3);
}

#[test]
fn a_hit_shrinks_at_once_and_lets_one_chunk_try() {
    let mut pace = Pace::new(single());
    let (sizes, now) = alone(&mut pace, 0.0, 20, |rows| 0.3 + 0.001 * rows);
    let before = *sizes.last().expect("sizes");
    let ticket = pace.opened(at(now), before, before * ROW_BYTES);
    pace.finished(at(now + 10.0), ticket, End::TimeLimit);
    let size = pace.next(at(now + 10.0), u64::MAX).expect("one may try").usual;
    assert!(size <= before / 2, "{size} after {before}");
    pace.opened(at(now + 10.0), size, size * ROW_BYTES);
    assert_eq!(pace.next(at(now + 10.0), u64::MAX), None);
    assert_eq!(pace.hits(), 1);
}

#[test]
fn no_more_slow_calls_are_under_way_than_may_be() {
    let limit = PaceSpec { limit_ms: 600_000, slow_ms: 20_000, max_slow_in_flight: 2, ..spec() };
    let settled = |spec: PaceSpec| {
        let mut pace = Pace::new(PaceSpec { max_in_flight: 1, ..spec });
        alone(&mut pace, 0.0, 40, |rows| 20.0 + 0.05 * rows);
        Pace::recall(PaceSpec { max_in_flight: 6, ..spec }, &pace.remember().expect("learnt"))
    };
    let open = |pace: &mut Pace| -> Vec<u64> {
        std::iter::from_fn(|| {
            let size = pace.next(at(0.0), u64::MAX)?.usual;
            pace.opened(at(0.0), size, size * ROW_BYTES);
            Some(size)
        })
        .collect()
    };
    // A call without rows is slow already: two are all there may be.
    let mut pace = settled(limit);
    pace.change(6);
    assert_eq!(open(&mut pace).len(), 2);
    let mut free = settled(PaceSpec { max_slow_in_flight: 6, ..limit });
    free.change(6);
    assert_eq!(open(&mut free).len(), 6);
}

#[test]
fn calls_refused_for_their_number_are_halved_once() {
    let mut pace = Pace::new(spec());
    alone(&mut pace, 0.0, 20, |rows| 0.3 + 0.001 * rows);
    pace.change(8);
    let tickets: Vec<_> =
        std::iter::from_fn(|| pace.next(at(90.0), u64::MAX).map(|size| pace.opened(at(90.0), size.usual, 0)))
            .collect();
    assert_eq!(tickets.len(), 8);
    for ticket in tickets {
        pace.finished(at(91.0), ticket, End::TooMany);
    }
    assert_eq!(pace.allowed(), 4);
}

#[test]
fn where_calls_are_counted_chunks_fill_the_target() {
    let rows = |daily: DailySpec| {
        let mut pace = Pace::new(PaceSpec { daily, ..single() });
        let (sizes, _) = alone(&mut pace, 0.0, 40, |rows| 0.002 + 0.01 * rows);
        *sizes.last().expect("sizes")
    };
    assert!(rows(DailySpec { calls: Some(1_000), ..DailySpec::default() }) > 2 * rows(DailySpec::default()));
}

#[test]
fn a_near_miss_shrinks_at_once() {
    let mut pace = Pace::new(single());
    let (sizes, now) = alone(&mut pace, 0.0, 20, |rows| 0.3 + 0.001 * rows);
    let before = *sizes.last().expect("sizes");
    let (_, now) = alone(&mut pace, now, 1, |_| 8.5);
    let after = pace.rows(at(now));
    assert!(after < before * 7 / 10, "{after} after {before}");
}

#[test]
fn a_chunk_that_is_late_warns_before_it_ends() {
    let mut pace = Pace::new(single());
    let (_, now) = alone(&mut pace, 0.0, 20, |rows| 0.3 + 0.001 * rows);
    let size = pace.rows(at(now));
    pace.opened(at(now), size, size * ROW_BYTES);
    let usual = pace.rows(at(now + 1.0));
    let warned = pace.rows(at(now + 9.0));
    assert!(warned < usual * 7 / 10, "{warned}, not {usual}");
}

#[test]
fn it_grows_again_when_the_cloud_gets_faster() {
    let mut pace = Pace::new(single());
    let (slow, now) = alone(&mut pace, 0.0, 30, |rows| 1.5 + 0.005 * rows);
    let (fast, _) = alone(&mut pace, now, 40, |rows| 0.3 + 0.001 * rows);
    let (slow, fast) = (slow.last().expect("sizes"), fast.last().expect("sizes"));
    assert!(*fast > 3 * slow, "{slow} then {fast}");
}

#[test]
fn the_last_rows_are_spread_over_the_free_places() {
    let mut pace = Pace::new(PaceSpec { max_in_flight: 2, ..spec() });
    let (_, now) = alone(&mut pace, 0.0, 30, |rows| 0.3 + 0.001 * rows);
    assert_eq!(pace.allowed(), 2);
    let full = pace.rows(at(now));
    let half = pace.next(at(now), full + 10).map_or(0, |size| size.usual);
    assert!(half.abs_diff((full + 10) / 2) <= 1, "{half} of {full}");
}

#[test]
fn what_was_learnt_is_recalled_with_care() {
    let mut pace = Pace::new(single());
    assert_eq!(pace.remember(), None);
    let (sizes, _) = alone(&mut pace, 0.0, 30, |rows| 0.3 + 0.001 * rows);
    let last = *sizes.last().expect("sizes");
    let memory = pace.remember().expect("learnt");
    let mut recalled = Pace::recall(single(), &memory);
    let first = recalled.rows(Duration::ZERO);
    assert!(first > 100 && first <= last / 2, "{first} of {last}");
    let (again, _) = alone(&mut recalled, 0.0, 5, |rows| 0.3 + 0.001 * rows);
    assert!(again.last().expect("sizes") * 10 > last * 7, "{again:?} towards {last}");
    // Costs, crowd and sizes are what they were, not only somewhere near.
    assert_eq!(Pace::recall(single(), &memory).model.each(0.0), pace.model.each(0.0));
    for nonsense in ["", "{}", r#"{"fixed":null}"#, "[1]"] {
        assert_eq!(Pace::recall(spec(), nonsense).rows(Duration::ZERO), 100);
    }
}

#[test]
fn another_number_of_calls_is_tried_where_what_is_left_pays_for_it() {
    let tried = |remaining: u64| {
        let mut pace = Pace::new(spec());
        // One at a time shows nothing of what more do to each other.
        let (_, now) = alone(&mut pace, 0.0, 40, |rows| 0.3 + 0.001 * rows);
        pace.change(8);
        pace.steady = 1_000;
        pace.next(at(now), remaining);
        pace.try_another();
        pace.allowed() < 8
    };
    assert!(tried(1_000_000) && !tried(100));
}

#[test]
fn what_a_chunk_would_have_taken_alone_is_reckoned_by_the_moment() {
    let three = CROWDS.iter().position(|crowd| crowd.workers == 3).expect("a crowd");
    let mut pace = Pace::new(spec());
    pace.change(6);
    let first = pace.opened(at(0.0), 100, 40_000);
    // Alone for four seconds, then one of six for two: fewer than three in the mean, and yet slowed down.
    for _ in 0..5 {
        pace.opened(at(4.0), 100, 40_000);
    }
    let sample = pace.sample(&pace.flights[&first.0], at(6.0));
    assert!((sample.load - 16.0 / 6.0).abs() < 1e-9, "{}", sample.load);
    let alone = 4.0 + 2.0 / CROWDS[three].slowdown(6.0);
    assert!((sample.alone[three] - alone).abs() < 1e-9, "{} instead of {alone}", sample.alone[three]);
}

#[test]
fn it_explains_itself_in_one_line() {
    let mut pace = Pace::new(single());
    let fresh = pace.explain(Duration::ZERO);
    assert_eq!(fresh, "100 rows x 1: nothing seen yet, limit 10 s, target 5 s");
    let (_, now) = alone(&mut pace, 0.0, 30, |rows| 0.4 + 0.002 * rows);
    let line = pace.explain(at(now));
    assert!(
        line.contains(" s + 2.0") && line.contains("ms a row") && line.ends_with("limit 10 s, target 5 s"),
        "{line}"
    );
    assert!(line.split(' ').next().expect("a number").contains(','), "thousands are grouped: {line}");
    let fixed = Pace::new(PaceSpec { fixed_rows: Some(1_000), ..spec() });
    assert_eq!(fixed.explain(Duration::ZERO), "1,000 rows x 8: fixed by configuration, limit 10 s");
}

#[test]
fn specs_out_of_range_are_named() {
    let cases = [
        (PaceSpec { limit_ms: 0, ..spec() }, "pace.limit_ms"),
        (PaceSpec { target: 0.95, ..spec() }, "pace.target"),
        (PaceSpec { target: f64::NAN, ..spec() }, "pace.target"),
        (PaceSpec { start_rows: 0, ..spec() }, "pace"),
        (PaceSpec { fixed_rows: Some(0), ..spec() }, "pace"),
        (PaceSpec { slow_ms: 0, ..spec() }, "pace.slow_ms"),
        (PaceSpec { max_slow_in_flight: 0, ..spec() }, "pace.slow_ms"),
        (PaceSpec { daily: DailySpec { rows: Some(0), ..DailySpec::default() }, ..spec() }, "pace.daily"),
    ];
    for (spec, key) in cases {
        assert_eq!(spec.fault().map(|(key, _)| key), Some(key));
    }
    assert_eq!(spec().fault(), None);
}

#[derive(Clone, Debug)]
enum Move {
    Open,
    End(usize, End, f64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let end = prop_oneof![Just(End::Done), Just(End::TimeLimit), Just(End::TooLarge), Just(End::Other)];
    let one = prop_oneof![
        3 => Just(Move::Open),
        2 => (0_usize..8, end, 0.0_f64..30.0).prop_map(|(which, end, took)| Move::End(which, end, took)),
    ];
    prop::collection::vec(one, 0..200)
}

proptest! {
    /// Whatever happens in whatever order, sizes stay within the bounds, and there is always a way on.
    #[test]
    fn no_history_leads_out_of_the_bounds(moves in moves()) {
        let spec = PaceSpec { max_rows: 3_000, max_in_flight: 5, ..spec() };
        let mut pace = Pace::new(spec);
        let (mut now, mut tickets) = (0.0, Vec::new());
        for step in moves {
            match step {
                Move::Open => {
                    if let Some(size) = pace.next(at(now), u64::MAX) {
                        prop_assert!((1..=3_000).contains(&size.rows) && size.usual <= size.rows);
                        tickets.push(pace.opened(at(now), size.usual, size.usual * ROW_BYTES));
                    }
                    prop_assert!(pace.in_flight() <= 5);
                }
                Move::End(which, end, took) => {
                    now += took;
                    if !tickets.is_empty() {
                        let ticket = tickets.swap_remove(which % tickets.len());
                        pace.finished(at(now), ticket, end);
                    }
                }
            }
            prop_assert!((1..=5).contains(&pace.allowed()));
            prop_assert!((1..=3_000).contains(&pace.rows(at(now))));
            prop_assert!(!pace.explain(at(now)).contains("NaN"));
        }
        for ticket in tickets {
            pace.finished(at(now), ticket, End::Other);
        }
        prop_assert!(pace.next(at(now), u64::MAX).is_some());
    }
}
