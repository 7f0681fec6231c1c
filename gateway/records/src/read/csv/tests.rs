use std::io::{BufReader, Read};

use proptest::prelude::*;
use sekisho_charset::{Decoder, Encoding, Unmappable};

use super::*;
use crate::testing::{Outcome, families, visits};
use crate::{CanonicalRecord, Item, Value};

const HEAD: &str = "Id,Name,Flag,Month";

fn read(text: &str, options: &CsvOptions) -> Outcome {
    visits().csv(text, options)
}

fn values(outcome: &Outcome) -> Vec<Vec<(u16, String)>> {
    let values = |bytes: &[u8]| {
        let items = CanonicalRecord::new(bytes).unwrap().items();
        items
            .map(|item| match item {
                Item::Value(field, Value::Text(text)) => (field.0, text.to_owned()),
                Item::Value(field, Value::Nil) => (field.0, "(nil)".to_owned()),
                _ => panic!("a flat layout"),
            })
            .collect::<Vec<_>>()
    };
    outcome.canonical.iter().map(|(_, bytes)| values(bytes)).collect()
}

/// The failure of a payload: code, line, column, record, field.
type Failure = Option<(&'static str, u64, u64, u64, Option<&'static str>)>;

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let table: &[(&str, Failure)] = &[
        ("", Some(("csv-header-missing", 1, 1, 0, None))),
        ("Id,Nome,Flag\r\n", Some(("csv-header-unknown", 1, 4, 0, None))),
        ("Id,\"Na\"\"me\",Flag\r\n", Some(("csv-header-unknown", 1, 4, 0, None))),
        ("Id,Name,Flag,Id\r\n", Some(("csv-header-duplicate", 1, 14, 0, None))),
        ("Id,\"Name\r\n", Some(("csv-unclosed-quote", 1, 4, 0, None))),
        ("\u{FEFF}Id\n", Some(("payload-byte-order-mark", 1, 1, 0, None))),
        ("Id,Name\n1,\"a\n2,b\n3,c\n", Some(("csv-unclosed-quote", 2, 3, 1, Some("Name")))),
        ("Id,Name\n1,あ\n2,\"あ\nい\",\"x\n", Some(("csv-unclosed-quote", 4, 4, 2, None))),
        ("Id,Name\n1,\"a\"b\n", Some(("csv-text-after-quote", 2, 6, 1, Some("Name")))),
        ("Id,Name\n1,\"a\" \n", Some(("csv-text-after-quote", 2, 6, 1, Some("Name")))),
        ("Id,Name\n1,a\"b\n2,\"c\"\n", Some(("csv-quote-in-cell", 2, 4, 1, Some("Name")))),
        ("Id,Name\n1,a\"b\"\n", Some(("csv-quote-in-cell", 2, 4, 1, Some("Name")))),
        ("Id,Name\n1, \"b\"\n", Some(("csv-quote-in-cell", 2, 4, 1, Some("Name")))),
        ("Id,Name\n1,a\rb\n", Some(("csv-bare-carriage-return", 2, 4, 1, Some("Name")))),
        ("Id,Name\n1,a\r\r\n", Some(("csv-bare-carriage-return", 2, 4, 1, Some("Name")))),
        ("Id,Name\n\"1\",a\rb\n", Some(("csv-bare-carriage-return", 2, 6, 1, Some("Name")))),
        ("Id,Name\r1,a\r", Some(("csv-bare-carriage-return", 1, 8, 0, None))),
        ("Id,Name\n\n1,a\n", Some(("csv-empty-line", 2, 1, 1, None))),
        ("\nId,Name\n", Some(("csv-empty-line", 1, 1, 0, None))),
        ("Id,Name\n1,a\n\n\r\n", None),
        ("Id,Name\n1,a", None),
        ("Id,Name\r\n1,\"a\"\"\r\n,b\"", None),
        ("Id\n", None),
    ];
    for (text, expected) in table {
        assert_eq!(read(text, &CsvOptions::default()).failure(), *expected, "{text:?}");
    }
}

#[test]
fn a_line_with_other_than_its_columns_is_a_fault_of_that_record() {
    let text = format!("{HEAD}\n1,a,1,2026-01,\n2,b,1\n3,あ,1,\"2026-01\",x,y,,\n4,d,1,2026-01\n");
    let outcome = read(&text, &CsvOptions::default());
    assert_eq!(
        outcome.codes(),
        [(1, None, "csv-too-many-cells"), (2, None, "csv-too-few-cells"), (3, None, "csv-too-many-cells")]
    );
    let places: Vec<_> =
        outcome.violations.iter().map(|found| (found.line.unwrap(), found.column.unwrap())).collect();
    assert_eq!(places, [(2, 15), (3, 6), (4, 17)]);
    assert!(outcome.violations[2].message.contains("8 cells, 4"));
    assert_eq!(outcome.canonical.len(), 1);
    assert!(outcome.error.is_none());
}

#[test]
fn columns_come_by_name_in_any_order_or_by_position() {
    let expected =
        [[(0, "1"), (1, "a"), (2, "1"), (7 + 1, "2026-01")].map(|(id, text)| (id, text.to_owned())).to_vec()];
    let names = CsvOptions::default();
    assert_eq!(values(&read("Month,Flag,Name,Id\n2026-01,1,a,1\n", &names)), expected);
    assert_eq!(values(&read("\"Id\",Name,Flag,Month\r\n1,a,1,\"2026-01\"", &names)), expected);

    let names_of = [("番号", "Id"), ("名", "Name")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let aliases = CsvOptions { names: names_of, ..CsvOptions::default() };
    assert_eq!(values(&read("番号,名,Flag,Month\n1,a,1,2026-01\n", &aliases)), expected);
    assert_eq!(
        read("番号,Id\n", &aliases).failure(),
        Some(("csv-header-duplicate", 1, 4, 0, None)),
        "two names of one field"
    );

    let line = "1,a,1,,,,,,2026-01,,,\n";
    let positions = CsvOptions { header: Header::Positions, ..CsvOptions::default() };
    assert_eq!(values(&read(line, &positions)), expected);
    assert_eq!(read("", &positions).failure(), None);
    let auto = CsvOptions { header: Header::Auto, ..CsvOptions::default() };
    assert_eq!(values(&read(line, &auto)), expected);
    assert_eq!(values(&read("Id,Name,Flag,Month\n1,a,1,2026-01\n", &auto)), expected);
    assert_eq!(read("Id,a,1\n", &auto).failure(), Some(("csv-header-unknown", 1, 4, 0, None)));
    assert_eq!(read("a,b,Id\n", &auto).failure(), Some(("csv-header-unknown", 1, 1, 0, None)));
    assert_eq!(read("", &auto).failure(), None);
}

#[test]
fn empty_cells_nil_and_empty_lines_are_as_the_route_says() {
    let text =
        format!("{HEAD},Amount,Note\n1,a,1,2026-01,#N/A,\n1,a,1,2026-01,,\"\"\n1,a,1,2026-01,,\"#N/A\"\n");
    let note = |empty, nil: Option<&str>| {
        let options = CsvOptions { empty, nil: nil.map(str::to_owned), ..CsvOptions::default() };
        let outcome = read(&text, &options);
        let texts = |record: &Vec<(u16, String)>| {
            let text = |id| {
                record.iter().find(|(field, _)| *field == id).map_or("-".to_owned(), |(_, text)| text.clone())
            };
            (text(3), text(11))
        };
        values(&outcome).iter().map(texts).collect::<Vec<_>>()
    };
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(note(EmptyCells::Absent, Some("#N/A")), pairs(&[("(nil)", "-"), ("-", "-"), ("-", "#N/A")]));
    assert_eq!(
        note(EmptyCells::AbsentUnlessQuoted, Some("#N/A")),
        pairs(&[("(nil)", "-"), ("-", ""), ("-", "#N/A")])
    );
    assert_eq!(note(EmptyCells::Absent, None), pairs(&[("-", "-"), ("-", "#N/A")]), "#N/A is no decimal");

    let text = format!("\n{HEAD}\n\n1,a,1,2026-01\n\r\n");
    let lines = |empty_lines| read(&text, &CsvOptions { empty_lines, ..CsvOptions::default() });
    assert_eq!(lines(EmptyLines::Skip).canonical.len(), 1);
    assert_eq!(lines(EmptyLines::AtEnd).failure(), Some(("csv-empty-line", 1, 1, 0, None)));
    let refuse = CsvOptions { empty_lines: EmptyLines::Refuse, ..CsvOptions::default() };
    assert_eq!(read("Id\n1\n\n", &refuse).failure(), Some(("csv-empty-line", 3, 1, 0, None)));
}

#[test]
fn limits_are_held() {
    let options = CsvOptions { max_field_bytes: 6, max_record_bytes: 20, ..CsvOptions::default() };
    let outcome = read("Id,Name,Flag,Month\n1,ああああ,1\n", &options);
    assert_eq!(outcome.codes(), [(1, None, "csv-too-few-cells")]);
    let outcome = read("Id,Name,Flag\n1,あああ,1\n", &options);
    assert_eq!(outcome.codes(), [(1, Some("Name"), "field-too-long")]);
    assert_eq!(outcome.violations[0].column, Some(3));
    assert_eq!(
        read("Id\n123456789012345678901\n", &options).failure(),
        Some(("payload-limit", 2, 1, 1, Some("Id")))
    );
    assert_eq!(read("Id\n12345678901234567890\r\n", &options).failure(), None);
    let within = |line: &str| {
        let found = read(&format!("Id,Name,Flag\n{line}\n"), &options);
        found.failure().map(|(code, line, column, record, field)| {
            ((code, line, column, record), field.map(str::to_owned))
        })
    };
    let place = ("payload-limit", 2, 1, 1);
    for (line, field) in [
        ("k,34567890123456789,1".to_owned(), Some("Flag")),
        (format!("k,{}", "x".repeat(300)), Some("Name")),
        (format!("k,,,,{}", "x".repeat(300)), None),
    ] {
        assert_eq!(
            within(&line),
            Some((place, field.map(str::to_owned))),
            "{line}: the field with the byte too much"
        );
    }
    assert_eq!(
        read("Id,Name\n1,\"6789012345678901234567890", &options).failure(),
        Some(("payload-limit", 2, 3, 1, Some("Name"))),
        "whether the quote is closed further on, nobody has looked"
    );
    assert_eq!(
        read(&format!("Id,Name\n1,a\n{}", "x".repeat(1 << 20)), &options).failure(),
        Some(("payload-limit", 3, 1, 2, Some("Id")))
    );
}

#[test]
fn options_must_fit_the_layout() {
    let code = |options: &CsvOptions| options.check(&visits().layout).map_err(|error| error.code());
    assert_eq!(code(&CsvOptions::default()), Ok(()));
    for delimiter in ['"', '\r', '\n', 'あ', '\0'] {
        assert_eq!(code(&CsvOptions { delimiter, ..CsvOptions::default() }), Err("csv-delimiter"));
    }
    for nil in ["", "a,b", "\"", "a\n"] {
        assert_eq!(code(&CsvOptions { nil: Some(nil.into()), ..CsvOptions::default() }), Err("csv-nil"));
    }
    assert_eq!(code(&CsvOptions { max_field_bytes: 0, ..CsvOptions::default() }), Err("csv-size"));
    let names = |name: &str, field: &str| CsvOptions {
        names: [(name.to_owned(), field.to_owned())].into(),
        ..CsvOptions::default()
    };
    assert_eq!(code(&names("x", "Nobody")), Err("csv-unknown-field"));
    assert_eq!(code(&names("Id", "Name")), Err("csv-name-taken"));
    assert_eq!(code(&names("Id", "Id")), Ok(()));
    let error = CsvReader::new(&b""[..], &families().layout, &CsvOptions::default()).err().unwrap();
    assert_eq!(error.code(), "csv-nested-layout");
}

#[test]
fn other_delimiters_serve() {
    let options = CsvOptions { delimiter: '\t', ..CsvOptions::default() };
    let outcome = read("Id\tName\tFlag\tMonth\n1\ta,\"\t1\t2026-01\n2\t\"a,\tb\"\t1\t2026-01\n", &options);
    assert_eq!(outcome.failure(), Some(("csv-quote-in-cell", 2, 5, 1, Some("Name"))));
    let outcome = read("Id\tName\tFlag\tMonth\n2\t\"a,\tb\"\t1\t2026-01\n", &options);
    assert_eq!(values(&outcome)[0][1].1, "a, b");
}

#[test]
fn a_byte_that_the_charset_does_not_have_is_named_with_record_and_field() {
    let subject = visits();
    let mut bytes = b"Id,Name,Flag\r\n1,\x82\xA0,1\r\n2,\x82\xA0\x82\x01,1\r\n".to_vec();
    let decode = |bytes: &[u8]| {
        let decoder = Decoder::new(bytes, Encoding::Windows31J, Unmappable::Refuse);
        subject.take(&mut CsvReader::new(decoder, &subject.layout, &CsvOptions::default()).unwrap())
    };
    let outcome = decode(&bytes);
    let error = outcome.error.as_ref().unwrap();
    assert!(matches!(error.kind, ReadErrorKind::Charset(_)), "{error}");
    assert_eq!((error.place, error.record), (Place { line: 3, column: 4, byte: error.place.byte }, 2));
    assert_eq!(error.field.as_deref(), Some("Name"));
    assert!(error.message_ja().starts_with("3行4文字目、レコード2、項目Name："));
    bytes.truncate(22);
    assert!(decode(&bytes).error.is_none());
}

#[test]
fn bytes_that_are_not_utf8_do_no_harm() {
    let subject = visits();
    let take = |bytes: &[u8]| {
        subject.take(&mut CsvReader::new(bytes, &subject.layout, &CsvOptions::default()).unwrap())
    };
    assert_eq!(take(b"Id,Name\n1,\xFF\n").failure().unwrap().0, "payload-not-utf-8");
    assert_eq!(take(b"Id,\xFF\n").failure().unwrap().0, "csv-header-unknown");
}

#[test]
fn a_character_that_a_delimiter_cuts_in_two_is_none() {
    let subject = visits();
    for (row, column) in [(&b"1,a\xC4,\xA11"[..], 4), (b"1,\"a\xC4\",\"\xA11\"", 5), (b"1,\xE9\x96,\xA2", 3)]
    {
        let payload = [b"Id,Name,Flag\n", row, b"\n"].concat();
        let mut reader = CsvReader::new(&payload[..], &subject.layout, &CsvOptions::default()).unwrap();
        let outcome = subject.take(&mut reader);
        assert_eq!(outcome.failure(), Some(("payload-not-utf-8", 2, column, 1, Some("Name"))), "{row:x?}");
    }
}

/// An input that fails behind its bytes.
struct Broken<'a>(&'a [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(std::io::Error::other("cut")),
            n => Ok(n),
        }
    }
}

#[test]
fn an_input_that_fails_between_records_is_in_none() {
    for (text, line, record, field) in [
        ("Id,Name\n1,a\n2,b\n", 4, 0, None),
        ("Id,Name\n1,a\n2,b", 3, 2, Some("Name")),
        ("Id,Name\n1,a\n2", 3, 2, Some("Id")),
        ("Id,Name\n", 2, 0, None),
        ("Id,Na", 1, 0, None),
    ] {
        let subject = visits();
        let input = BufReader::new(Broken(text.as_bytes()));
        let mut reader = CsvReader::new(input, &subject.layout, &CsvOptions::default()).unwrap();
        let error = subject.take(&mut reader).error.unwrap();
        assert_eq!(
            (error.place.line, error.record, error.field.as_deref()),
            (line, record, field),
            "{text:?}"
        );
    }
}

#[test]
fn a_reader_that_failed_stays_failed() {
    let layout = visits().layout;
    let mut reader = CsvReader::new(&b"Id\n\"\n"[..], &layout, &CsvOptions::default()).unwrap();
    let mut record = Record::new();
    assert_eq!(reader.next(&mut record).unwrap_err().code(), "csv-unclosed-quote");
    assert_eq!(reader.next(&mut record).unwrap_err().code(), "read-after-error");
}

/// Gives a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(self.0.len()).min(out.len());
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

proptest! {
    /// How the payload is cut into reads changes nothing.
    #[test]
    fn cuts_do_not_matter(text in "(Id,Name,Flag,Month\r?\n)?([0-9aあ\",\r\n]{0,12}|1,a,1,2026-01\n){0,6}", step in 1..7_usize) {
        let subject = visits();
        let options = CsvOptions { header: Header::Auto, ..CsvOptions::default() };
        let whole = subject.csv(&text, &options);
        let input = BufReader::with_capacity(step, Trickle(text.as_bytes(), step));
        let cut = subject.take(&mut CsvReader::new(input, &subject.layout, &options).unwrap());
        prop_assert_eq!(&whole.canonical, &cut.canonical);
        prop_assert_eq!(&whole.violations, &cut.violations);
        prop_assert_eq!(whole.failure(), cut.failure());
    }

    /// Records that are like those before take another way (`Subject::csv` compares): same verdicts, same bytes.
    #[test]
    fn records_that_are_expected_are_the_same(
        columns in prop::sample::subsequence(vec!["Id", "Name", "Flag", "Amount", "Kind", "Version", "Month", "Open", "Note"], 3..=9),
        turned in 0..9_usize,
        lines in prop::collection::vec((0..4_usize, 0..5_usize), 1..24),
        options in (
            prop::sample::select(vec![EmptyCells::Absent, EmptyCells::Empty, EmptyCells::AbsentUnlessQuoted]),
            prop::sample::select(vec![',', ';', 'a', '1']),
            prop::option::of(prop::sample::select(vec!["#", "b", "N/A"])),
            prop::sample::select(vec![1, 7, 64]),
        ),
    ) {
        const USUAL: [&str; 9] = ["7", "b", "1", "2", "plain", "1.0", "2026-01", "true", "b"];
        const OTHER: [&[&str]; 5] = [&["8", "", "99999"], &["\"a,;1\"", "c", " c", "\"#\""], &["0", "\"1\"", "", "2"], &["#", "1,2"], &["あ", "\u{1}"]];
        let (empty, delimiter, nil, max_field_bytes) = options;
        let options = CsvOptions { empty, delimiter, nil: nil.map(str::to_owned), max_field_bytes, ..CsvOptions::default() };
        let mut columns = columns;
        if turned < 3 {
            columns.rotate_left(turned);
        }
        let glue = delimiter.to_string();
        let mut text = columns.join(&glue) + "\n";
        for (n, (kind, at)) in lines.iter().enumerate() {
            let mut cells: Vec<_> = columns.iter().map(|name| {
                let index = ["Id", "Name", "Flag", "Amount", "Kind", "Version", "Month", "Open", "Note"].iter().position(|other| other == name);
                USUAL[index.unwrap()].to_owned()
            }).collect();
            if *kind > 0 {
                let other = OTHER[*at];
                let cell = n % cells.len();
                cells[cell] = other[*kind % other.len()].to_owned();
            }
            text += &(cells.join(&glue) + if n % 5 == 4 { "\r\n" } else { "\n" });
        }
        visits().csv(&text, &options);
    }

    /// What a strict writer writes is read back, with the place of every cell.
    #[test]
    fn cells_are_read_where_they_stand(rows in prop::collection::vec(prop::collection::vec(("[a0あ,\"\r\n ]{0,5}", any::<bool>()), 12), 0..6)) {
        let layout = visits().layout;
        let mut text = String::new();
        let mut expected = Vec::new();
        let (mut line, mut column) = (1, 1);
        for row in &rows {
            for (id, (cell, quote)) in row.iter().enumerate() {
                expected.push((id, cell.clone(), line, column));
                let quoted = *quote || cell.contains([',', '"', '\r', '\n']);
                let cell = if quoted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() };
                text.push_str(&cell);
                match cell.rfind('\n') {
                    Some(at) => {
                        line += cell.matches('\n').count() as u64;
                        column = cell[at + 1..].chars().count() as u64 + 1;
                    }
                    None => column += cell.chars().count() as u64,
                }
                text.push(if id == 11 { '\n' } else { ',' });
                column += 1;
            }
            (line, column) = (line + 1, 1);
        }
        let options = CsvOptions { header: Header::Positions, empty: EmptyCells::Empty, ..CsvOptions::default() };
        let mut reader = CsvReader::new(text.as_bytes(), &layout, &options).unwrap();
        let mut record = Record::new();
        let mut found = Vec::new();
        while reader.next(&mut record).unwrap() {
            prop_assert!(!record.has_faults());
            for entry in &record.entries {
                let place = record.place_of(entry);
                found.push((usize::from(entry.field.0), record.text_of(entry).to_owned(), place.line, place.column));
            }
        }
        prop_assert_eq!(found, expected);
    }
}
