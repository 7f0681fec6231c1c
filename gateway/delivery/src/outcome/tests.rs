use super::*;
use crate::encode::Measured;

fn refused(row: u64, code: &str, temporary: bool) -> RowProblem {
    let field = Some("F002".to_owned());
    RowProblem { row, kind: RowProblemKind::Refused { code: code.to_owned(), field, temporary } }
}

fn only(row: u64, kind: RowProblemKind) -> RowProblem {
    RowProblem { row, kind }
}

/// Records 10..14 with 1, 3, 0 and 2 rows.
fn chunk() -> Measured {
    Measured::of_rows(10, &[1, 3, 0, 2])
}

#[test]
fn rows_are_told_apart_by_record() {
    let chunk = chunk();
    let of: Vec<_> = (0..6).map(|row| chunk.record_of(row)).collect();
    assert_eq!(of, [(10, 0), (11, 0), (11, 1), (11, 2), (13, 0), (13, 1)]);
    assert_eq!((10..14).map(|position| chunk.rows_of(position)).collect::<Vec<_>>(), [1, 3, 0, 2]);
    let plain = Measured::of_rows(5, &[1, 1, 1]);
    assert_eq!((plain.record_of(2), plain.rows_of(7)), ((7, 0), 1));
}

#[test]
fn some_rows_make_a_record_partial_and_all_of_them_rejected() {
    let problems =
        [refused(0, "A", false), refused(2, "B", false), refused(4, "C", false), refused(5, "D", false)];
    let found = exceptions(&problems, &chunk(), false, false, |_| true);
    let seen: Vec<_> =
        found.iter().map(|e| (e.position, e.outcome, e.code.as_str(), e.rows.clone())).collect();
    assert_eq!(
        seen,
        [
            (10, Outcome::Rejected, "A", vec![]),
            (11, Outcome::Partial, "B", vec![1]),
            (13, Outcome::Rejected, "C", vec![]),
        ]
    );
    assert!(found.iter().all(|exception| exception.field.as_deref() == Some("F002")));
}

#[test]
fn refusals_for_the_moment_return_as_long_as_they_may() {
    let problems = [refused(0, "LOCK", true), refused(1, "LOCK", true)];
    let outcomes = |idempotent, may: bool| -> Vec<Outcome> {
        exceptions(&problems, &chunk(), idempotent, false, |_| may).iter().map(|e| e.outcome).collect()
    };
    assert_eq!(outcomes(true, true), [Outcome::Returned, Outcome::Returned]);
    assert_eq!(outcomes(false, true), [Outcome::Returned, Outcome::Partial], "taken rows are not sent twice");
    assert_eq!(outcomes(true, false), [Outcome::Rejected, Outcome::Partial]);
}

#[test]
fn a_row_that_was_not_looked_at_returns_without_counting() {
    let mut asked = Vec::new();
    let problems = [only(0, RowProblemKind::NotDone), refused(1, "X", true)];
    let found = exceptions(&problems, &chunk(), true, false, |position| {
        asked.push(position);
        true
    });
    assert!(found.iter().all(|exception| exception.outcome == Outcome::Returned));
    assert_eq!(asked, [11]);
}

#[test]
fn a_row_without_a_word_leaves_its_record_in_doubt() {
    let problems = [refused(1, "X", false), only(2, RowProblemKind::Unknown)];
    let found = exceptions(&problems, &chunk(), true, false, |_| true);
    assert_eq!((found.len(), found[0].position, found[0].outcome), (1, 11, Outcome::InDoubt));
}

#[test]
fn prose_from_the_cloud_never_becomes_a_code() {
    let found = exceptions(&[refused(0, "value 山田 is bad", false)], &chunk(), true, false, |_| true);
    assert_eq!(found[0].code.as_str(), Code::UNREADABLE);
}

#[test]
fn a_refusal_for_the_moment_proves_nothing_where_an_earlier_try_may_have_had_its_effect() {
    let outcomes = |problems: &[RowProblem], may: bool| -> Vec<(Outcome, String)> {
        let found = exceptions(problems, &chunk(), true, true, |_| may);
        found.iter().map(|e| (e.outcome, e.code.as_str().to_owned())).collect()
    };
    let locked = [refused(0, "LOCK", true), refused(1, "LOCK", true)];
    assert!(outcomes(&locked, true).iter().all(|(outcome, _)| *outcome == Outcome::Returned));
    assert_eq!(outcomes(&locked, false), vec![(Outcome::InDoubt, "LOCK".to_owned()); 2]);
    assert_eq!(outcomes(&[refused(0, "X", false)], false), [(Outcome::Rejected, "X".to_owned())]);
}
