use super::*;
use crate::encode::Measured;

fn refused(row: u64, code: &str, temporary: bool) -> RowProblem {
    let field = Some("F002".to_owned());
    RowProblem { row, kind: RowProblemKind::Refused { code: code.to_owned(), field, temporary } }
}

fn only(row: u64, kind: RowProblemKind) -> RowProblem {
    RowProblem { row, kind }
}

/// With or without a try left.
fn tried(problems: &[RowProblem], idempotent: bool, doubted: bool, may: bool) -> Vec<Exception> {
    let most = if may { u32::MAX } else { 0 };
    exceptions(problems, &chunk(), idempotent, doubted, &mut Resend::default(), most)
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
    let found = tried(&problems, false, false, true);
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
        tried(&problems, idempotent, false, may).iter().map(|e| e.outcome).collect()
    };
    assert_eq!(outcomes(true, true), [Outcome::Returned, Outcome::InDoubt], "what was taken has its effect");
    assert_eq!(outcomes(false, true), [Outcome::Returned, Outcome::Partial], "taken rows are not sent twice");
    assert_eq!(outcomes(true, false), [Outcome::Rejected, Outcome::Partial]);
}

#[test]
fn a_row_that_was_not_looked_at_returns_without_counting() {
    let problems = [only(0, RowProblemKind::NotDone), refused(1, "X", true)];
    let mut resend = Resend::default();
    let found = exceptions(&problems, &chunk(), true, false, &mut resend, 9);
    let seen: Vec<_> = found.iter().map(|e| (e.position, e.outcome, e.code.as_str())).collect();
    assert_eq!(seen, [(10, Outcome::Returned, "not-processed"), (11, Outcome::InDoubt, IN_PART)]);
    assert_eq!((resend.refusals(10), resend.refusals(11)), (0, 1));
}

#[test]
fn rows_count_as_taken_when_any_try_has_taken_them() {
    let mut resend = Resend::default();
    let mut again = |rows: &[u64], most: u32| {
        let problems: Vec<_> = rows.iter().map(|row| refused(*row, "LOCK", true)).collect();
        let found = exceptions(&problems, &chunk(), true, false, &mut resend, most);
        found.into_iter().map(|e| (e.position, e.outcome, e.rows)).collect::<Vec<_>>()
    };
    // Of record 11 the first row is taken, then none, then the second.
    assert_eq!(again(&[2, 3], 9), [(11, Outcome::InDoubt, vec![])]);
    assert_eq!(again(&[1, 2, 3], 9), [(11, Outcome::InDoubt, vec![])]);
    assert_eq!(again(&[1, 3], 0), [(11, Outcome::Partial, vec![2])]);
    assert_eq!(again(&[1, 3], 9), [(11, Outcome::InDoubt, vec![])]);
    assert_eq!(again(&[1, 2], 0), [], "each row has its effect");
    // What is settled is forgotten.
    resend.settled_records(&(10..14), |position| position == 11);
    assert_eq!(resend.lacking(11, vec![0, 1, 2]), [2]);
    resend.settled_records(&(10..14), |_| false);
    assert_eq!(resend.lacking(11, vec![0, 1, 2]), [0, 1, 2]);
}

#[test]
fn a_mixed_refusal_proves_nothing_where_an_earlier_try_may_have_had_its_effect() {
    let problems = [refused(4, "X", false), refused(5, "LOCK", true)];
    let seen = |idempotent, doubted, may| {
        let found = tried(&problems, idempotent, doubted, may);
        (found[0].outcome, found[0].code.as_str().to_owned())
    };
    assert_eq!(seen(true, false, true), (Outcome::Rejected, "X".to_owned()));
    assert_eq!(seen(true, true, true), (Outcome::InDoubt, IN_PART.to_owned()));
    assert_eq!(seen(true, true, false), (Outcome::InDoubt, "LOCK".to_owned()));
    assert_eq!(seen(false, true, true), (Outcome::InDoubt, "LOCK".to_owned()));
}

#[test]
fn a_row_without_a_word_leaves_its_record_in_doubt() {
    let problems = [refused(1, "X", false), only(2, RowProblemKind::Unknown)];
    let found = tried(&problems, true, false, true);
    assert_eq!((found.len(), found[0].position, found[0].outcome), (1, 11, Outcome::InDoubt));
}

#[test]
fn prose_from_the_cloud_never_becomes_a_code() {
    let found = tried(&[refused(0, "value 山田 is bad", false)], true, false, true);
    assert_eq!(found[0].code.as_str(), Code::UNREADABLE);
}

#[test]
fn a_refusal_for_the_moment_proves_nothing_where_an_earlier_try_may_have_had_its_effect() {
    let outcomes = |problems: &[RowProblem], may: bool| -> Vec<(Outcome, String)> {
        let found = tried(problems, true, true, may);
        found.iter().map(|e| (e.outcome, e.code.as_str().to_owned())).collect()
    };
    let locked = [refused(0, "LOCK", true), refused(1, "LOCK", true)];
    let returned = |outcome, code: &str| (outcome, code.to_owned());
    assert_eq!(
        outcomes(&locked, true),
        [returned(Outcome::Returned, "LOCK"), returned(Outcome::InDoubt, IN_PART)]
    );
    assert_eq!(outcomes(&locked, false), vec![(Outcome::InDoubt, "LOCK".to_owned()); 2]);
    assert_eq!(outcomes(&[refused(0, "X", false)], false), [(Outcome::Rejected, "X".to_owned())]);
}
