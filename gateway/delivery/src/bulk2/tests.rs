use std::collections::HashMap;

use super::course::Job;
use super::results::{Joined, NoResult, RowFate, Which, refused};
use crate::dialect::{Codes, RowProblemKind};

fn hash(key: &str) -> u64 {
    key.strip_prefix('U').and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}

/// Ten rows, `U0` to `U9`.
fn rows() -> Joined {
    Joined {
        index: (0..10).map(|row| (row, row as u32)).collect::<HashMap<_, _>>(),
        fates: vec![None; 10],
        said: None,
        bytes: 0,
    }
}

fn read(text: &str, which: Which) -> Result<Vec<(usize, RowFate)>, NoResult> {
    let mut joined = rows();
    joined.read(text.as_bytes(), "F001", which, hash)?;
    Ok(joined.fates.into_iter().enumerate().filter_map(|(row, fate)| Some((row, fate?))).collect())
}

#[test]
fn result_files_are_read_by_key_whatever_their_columns() {
    let successful = "sf__Id,sf__Created,F002,F001\r\na00,true,\"x,\ny\",U2\r\na01,false,z,U1\r\n";
    let found = read(successful, Which::Successful).expect("read");
    assert_eq!(found, [(1, RowFate::Taken), (2, RowFate::Taken)]);
    let unprocessed = read("F001,F002\nU7,x\n", Which::Unprocessed).expect("read");
    assert_eq!(unprocessed, [(7, RowFate::NotDone)]);
    assert_eq!(read("", Which::Failed).expect("empty"), []);
    assert_eq!(read("sf__Id,sf__Error,F001\n", Which::Failed).expect("only a header"), []);
}

#[test]
fn errors_are_taken_apart_into_code_and_field() {
    let refused = |code: &str, field: Option<&str>| RowFate::Refused {
        code: code.to_owned(),
        field: field.map(str::to_owned),
    };
    let cases = [
        ("STRING_TOO_LONG:F002: data value too large:F002 --", refused("STRING_TOO_LONG", Some("F002"))),
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [F001]:--",
            refused("REQUIRED_FIELD_MISSING", None),
        ),
        ("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access:--", refused("UNABLE_TO_LOCK_ROW", None)),
        ("something in prose", refused("refused", None)),
        ("", refused("refused", None)),
    ];
    for (error, expected) in cases {
        assert_eq!(self::refused(error), expected, "{error}");
    }
}

#[test]
fn a_file_that_is_not_this_jobs_is_no_result() {
    let form = |text, which| assert!(matches!(read(text, which), Err(NoResult::Form)), "{text}");
    form("sf__Id,F009\n1,2\n", Which::Successful);
    form("<html><body>wait</body></html>", Which::Successful);
    form("sf__Id,sf__Created,F001\na,true,U1\na,tr", Which::Successful);
    // What was sent, sent back.
    form("F001,F002\nU1,x\n", Which::Successful);
    form("F001,F002\nU1,x\n", Which::Failed);
    let key = |text| assert!(matches!(read(text, Which::Successful), Err(NoResult::Key)), "{text}");
    key("sf__Id,F001\na,nobody\n");
    key("sf__Id,F001\na,U1\nb,U1\n");
    let mut two = rows();
    two.read("sf__Id,F001\na,U1\n".as_bytes(), "F001", Which::Successful, hash).expect("one");
    let failed = two.read("sf__Error,F001\nX:y,U1\n".as_bytes(), "F001", Which::Failed, hash);
    assert!(matches!(failed, Err(NoResult::Key)), "good and bad at once");
}

#[test]
fn a_success_without_the_id_of_what_it_made_is_none() {
    assert_eq!(read("sf__Id,F001\n,U1\na,U2\n", Which::Successful).expect("read"), [(2, RowFate::Taken)]);
}

#[test]
fn rows_without_a_fate_are_unknown_unless_the_job_was_stopped_and_counts_no_more() {
    let problems = |state: &str, processed: Option<u64>| {
        let job = Job { id: "7".into(), state: state.into(), number_records_processed: processed };
        let fates = vec![
            Some(RowFate::Taken),
            Some(RowFate::Refused { code: "UNABLE_TO_LOCK_ROW".into(), field: None }),
            Some(RowFate::NotDone),
            None,
        ];
        let found =
            Joined { index: HashMap::new(), fates, said: None, bytes: 0 }.problems(&Codes::default(), &job);
        assert_eq!(found.iter().map(|problem| problem.row).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(matches!(found[0].kind, RowProblemKind::Refused { temporary: true, .. }));
        assert_eq!(found[1].kind, RowProblemKind::NotDone);
        found[2].kind.clone()
    };
    assert_eq!(problems("Failed", Some(2)), RowProblemKind::NotDone);
    assert_eq!(problems("Aborted", Some(2)), RowProblemKind::NotDone);
    for (state, processed) in
        [("JobComplete", Some(2)), ("Failed", Some(3)), ("Failed", None), ("Aborted", Some(1))]
    {
        assert_eq!(problems(state, processed), RowProblemKind::Unknown, "{state} {processed:?}");
    }
}
