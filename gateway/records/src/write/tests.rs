use proptest::prelude::*;

use super::*;
use crate::Cell::{self, Absent, Nil, Text};

fn csv(nil: Option<&str>, cells: &[Cell<'_>]) -> String {
    let mut out = Vec::new();
    CsvWriter::new(b',', nil).row(cells.iter().copied(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn csv_quotes_what_must_be() {
    let table: &[(&[Cell<'_>], &str)] = &[
        (&[Text("a"), Text("b c")], "a,b c\r\n"),
        (
            &[Text("a,b"), Text("a\"b"), Text("a\nb"), Text("a\rb")],
            "\"a,b\",\"a\"\"b\",\"a\nb\",\"a\rb\"\r\n",
        ),
        (&[Absent, Nil, Text(""), Text("#N/A")], ",#N/A,\"\",\"#N/A\"\r\n"),
        (&[Text("\"")], "\"\"\"\"\r\n"),
        (&[Absent], "\"\"\r\n"),
        (&[Absent, Absent], ",\r\n"),
    ];
    for (cells, expected) in table {
        assert_eq!(csv(Some("#N/A"), cells), *expected);
    }
    assert_eq!(csv(None, &[Nil, Text("x")]), ",x\r\n");
    let mut out = Vec::new();
    CsvWriter::new(b'\t', None).header(["a\tb", "c,d"], &mut out);
    assert_eq!(out, b"\"a\tb\"\tc,d\r\n");
}

#[test]
fn json_leaves_absent_members_out() {
    let writer = JsonWriter::new(["a\"", "b", "c"]);
    let mut out = Vec::new();
    writer.object([Text("x\u{1}\"\\\n\u{7F}あ"), Absent, Nil], &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "{\"a\\\"\":\"x\\u0001\\\"\\\\\\n\u{7F}あ\",\"c\":null}");
    let mut out = Vec::new();
    writer.object([Absent, Absent, Absent], &mut out);
    assert_eq!(out, b"{}");
}

#[test]
fn xml_is_escaped_or_refused() {
    let writer = XmlWriter::new("u", "row", ["a", "b", "c"]).unwrap();
    let mut out = b"before".to_vec();
    writer.row([Text("<&>\r\n"), Nil, Absent], &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out.clone()).unwrap(),
        "before<u:row><u:a>&lt;&amp;&gt;&#xD;\n</u:a><u:b xsi:nil=\"true\"/></u:row>"
    );
    let length = out.len();
    let error = writer.row([Text("ok"), Text("あ\u{1}"), Absent], &mut out).unwrap_err();
    assert_eq!(error, WriteError { column: "b".into(), position: 2, code_point: 1 });
    assert_eq!((out.len(), error.code()), (length, "character-not-allowed"));

    let mut out = Vec::new();
    XmlWriter::new("", "r", ["a"]).unwrap().row([Text("")], &mut out).unwrap();
    assert_eq!(out, b"<r><a></a></r>");
    for (prefix, row, column) in
        [("", "1a", "a"), ("", "r", "a b"), ("", "r", "a:b"), ("x y", "r", "a"), ("", "", "a")]
    {
        assert_eq!(XmlWriter::new(prefix, row, [column]).unwrap_err().code(), "xml-name");
    }
}

proptest! {
    #[test]
    fn json_is_what_serde_json_reads(texts in prop::collection::vec("\\PC{0,6}|[\0-\u{1f}\"\\\\/]{0,6}", 3)) {
        let mut out = Vec::new();
        JsonWriter::new(["a", "b", "c"]).object(texts.iter().map(|text| Text(text)), &mut out);
        let read: std::collections::BTreeMap<String, String> = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(read.into_values().collect::<Vec<_>>(), texts);
    }

    #[test]
    fn csv_is_what_csv_core_reads(cells in prop::collection::vec("[ab,\"\r\n あ]{0,5}", 1..6)) {
        let line = csv(None, &cells.iter().map(|cell| Text(cell)).collect::<Vec<_>>());
        let (mut text, mut ends) = ([0; 256], [0; 16]);
        let (result, read, _, count) = csv_core::Reader::new().read_record(line.as_bytes(), &mut text, &mut ends);
        prop_assert_eq!(result, csv_core::ReadRecordResult::Record);
        prop_assert!(line.len() - read <= 1, "the line feed may be left");
        let mut start = 0;
        let mut found = Vec::new();
        for &end in &ends[..count] {
            found.push(std::str::from_utf8(&text[start..end]).unwrap().to_owned());
            start = end;
        }
        prop_assert_eq!(found, cells);
    }
}
