use super::*;

fn row_of(key: &str) -> Option<u32> {
    key.strip_prefix('U')?.parse().ok()
}

fn read(text: &str, which: Which) -> io::Result<Vec<(u32, RowFate)>> {
    result_rows(text.as_bytes(), "F001", which, row_of)
}

#[test]
fn result_files_are_read_by_key_whatever_their_columns() {
    let successful = "sf__Id,sf__Created,F002,F001\r\na00,true,\"x,\ny\",U2\r\na01,false,z,U1\r\n";
    let found = read(successful, Which::Successful).expect("read");
    assert_eq!(found, [(2, RowFate::Taken), (1, RowFate::Taken)]);
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
        assert_eq!(super::refused(error), expected, "{error}");
    }
}

#[test]
fn a_file_that_is_not_this_jobs_is_no_result() {
    for text in ["sf__Id,F009\n1,2\n", "F001\nnobody\n", "F001\n\"unclosed"] {
        assert!(read(text, Which::Successful).is_err(), "{text}");
    }
}

#[test]
fn rows_without_a_fate_are_unknown_unless_the_job_was_stopped() {
    let fates = vec![
        Some(RowFate::Taken),
        Some(RowFate::Refused { code: "UNABLE_TO_LOCK_ROW".into(), field: None }),
        Some(RowFate::NotDone),
        None,
    ];
    let stopped = problems(fates.clone(), &Codes::default(), false);
    assert_eq!(stopped.last().map(|problem| &problem.kind), Some(&RowProblemKind::NotDone));
    let found = problems(fates, &Codes::default(), true);
    assert_eq!(found.iter().map(|problem| problem.row).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(matches!(found[0].kind, RowProblemKind::Refused { temporary: true, .. }));
    assert_eq!((&found[1].kind, &found[2].kind), (&RowProblemKind::NotDone, &RowProblemKind::Unknown));
}
