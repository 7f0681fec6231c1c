use super::*;
use crate::layout::LayoutNames;
use crate::testing::{families, visits};
use crate::{JsonForm, Layout};

fn spec(json: &str) -> MappingSpec {
    serde_json::from_str(json).unwrap()
}

fn names(layout: &Layout) -> LayoutNames {
    layout.names()
}

/// The rows of records, cells joined: `-` absent, `~` nil.
fn rows(mapper: &Mapper, canonical: &[(u64, Vec<u8>)]) -> Vec<String> {
    let mut out = Vec::new();
    let mut buffer = RowBuf::new();
    for (_, bytes) in canonical {
        let count = mapper.rows(CanonicalRecord::new(bytes).unwrap(), &mut buffer).unwrap();
        assert_eq!(count, buffer.len());
        for row in 0..count {
            let cells = buffer.cells(row).map(|cell| match cell {
                Cell::Absent => "-".to_owned(),
                Cell::Nil => "~".to_owned(),
                Cell::Text(text) => format!("'{text}'"),
            });
            out.push(cells.collect::<Vec<_>>().join(" "));
        }
        assert_eq!(buffer.cells(count).len(), 0);
    }
    out
}

const VISITS: &str = r#"[{"Id":1,"Name":"a","Flag":1,"Amount":null,"Month":"2026-01","Note":""},
                         {"Id":2,"Name":"b","Flag":0,"Day":"2026-01-02","Hour":3}]"#;

const FAMILIES: &str = r#"[
  {"Id":"A1","Address":{"Town":"12345"},"Remark":"r","Member":[
     {"Name":"a","Born":null,"Job":[{"Title":"t","Since":"1999"},{"Title":"u"}]}, {"Name":"b","Born":"2001"}]},
  {"Id":"A2","Member":[{"Name":"c","Job":[{"Title":"v"}]}]}
]"#;

#[test]
fn a_flat_record_is_one_row() {
    let subject = visits();
    let records = subject.json(VISITS, JsonForm::Array).canonical;
    let mapper = Mapper::new(&MappingSpec::default(), &names(&subject.layout)).unwrap();
    assert_eq!(mapper.columns().len(), 12);
    assert_eq!(
        rows(&mapper, &records),
        ["'1' 'a' '1' ~ - - - - '2026-01' - - ''", "'2' 'b' '0' - - - '2026-01-02' '3' - - - -"]
    );

    let mapper = Mapper::new(
        &spec(
            r##"{"rename":{"Id":"X001__c"},"drop":["Kind","Version","Open","Ages","Note","Day","Hour"],
                "constant":{"Source":"city"},"nil":"#N/A","key":["X001__c"]}"##,
        ),
        &names(&subject.layout),
    )
    .unwrap();
    assert_eq!(mapper.columns(), ["X001__c", "Name", "Flag", "Amount", "Month", "Source"]);
    assert_eq!((mapper.key(), mapper.nil()), (&[0][..], Some("#N/A")));
    assert_eq!(rows(&mapper, &records), ["'1' 'a' '1' ~ '2026-01' 'city'", "'2' 'b' '0' - - 'city'"]);

    let mapper = Mapper::new(
        &spec(r#"{"columns":[{"name":"k","field":"Name"},{"name":"c","constant":""},{"name":"again","field":"Name"}]}"#),
        &names(&subject.layout),
    )
    .unwrap();
    assert_eq!(rows(&mapper, &records), ["'a' '' 'a'", "'b' '' 'b'"]);
}

#[test]
fn instances_of_a_group_are_rows_with_what_is_above_repeated() {
    let subject = families();
    let outcome = subject.json(FAMILIES, JsonForm::Array);
    assert_eq!(outcome.codes(), []);
    let mapper = |json: &str| Mapper::new(&spec(json), &names(&subject.layout)).unwrap();

    let members =
        mapper(r#"{"rows":"Member","drop":["Address","Member/Job"],"rename":{"Member/Name":"Who"}}"#);
    assert_eq!(members.columns(), ["Id", "Who", "Born", "Remark"]);
    assert_eq!(rows(&members, &outcome.canonical), ["'A1' 'a' ~ 'r'", "'A1' 'b' '2001' 'r'", "'A2' 'c' - -"]);

    let jobs = r#"{"rows":"Member/Job","columns":[{"name":"t","field":"Member/Job/Title"},
        {"name":"s","field":"Member/Job/Since"},{"name":"n","field":"Member/Name"},{"name":"i","field":"Id"}]"#;
    let with = mapper(&format!("{jobs}}}"));
    assert_eq!(
        rows(&with, &outcome.canonical),
        ["'t' '1999' 'a' 'A1'", "'u' - 'a' 'A1'", "- - 'b' 'A1'", "'v' - 'c' 'A2'"]
    );
    let without = mapper(&format!("{jobs},\"without_instance\":\"no-row\"}}"));
    assert_eq!(
        rows(&without, &outcome.canonical),
        ["'t' '1999' 'a' 'A1'", "'u' - 'a' 'A1'", "'v' - 'c' 'A2'"]
    );

    let heads = mapper(r#"{"columns":[{"name":"i","field":"Id"},{"name":"r","field":"Remark"}]}"#);
    assert_eq!(rows(&heads, &outcome.canonical), ["'A1' 'r'", "'A2' -"]);
}

#[test]
fn mappings_that_do_not_fit_are_refused() {
    let table = [
        (r#"{}"#, "mapping-group-left"),
        (r#"{"rows":"Id"}"#, "mapping-kind"),
        (r#"{"rows":"Nobody"}"#, "mapping-unknown-field"),
        (r#"{"rows":"Member","drop":["Address"]}"#, "mapping-group-left"),
        (r#"{"rows":"Member","drop":["Address","Member/Job","X"]}"#, "mapping-unknown-field"),
        (r#"{"rows":"Member","drop":["Address","Member/Job"],"rename":{"X":"Y"}}"#, "mapping-unknown-field"),
        (r#"{"rows":"Member","drop":["Address","Member/Job"],"rename":{"Member":"Y"}}"#, "mapping-kind"),
        (
            r#"{"rows":"Member","drop":["Address","Member/Job"],"rename":{"Id":"Remark"}}"#,
            "mapping-duplicate-column",
        ),
        (
            r#"{"rows":"Member","drop":["Address","Member/Job","Id"],"rename":{"Id":"X"}}"#,
            "mapping-renamed-and-dropped",
        ),
        (r#"{"rows":"Member","drop":["Address","Member/Job"],"key":["X"]}"#, "mapping-key"),
        (r#"{"drop":["Id","Address","Member","Remark"]}"#, "mapping-no-columns"),
        (r#"{"columns":[{"name":"a","field":"Member/Name"}]}"#, "mapping-out-of-reach"),
        (r#"{"columns":[{"name":"a","field":"Member"}]}"#, "mapping-kind"),
        (r#"{"columns":[{"name":"a","field":"Id/Name"}]}"#, "mapping-unknown-field"),
        (r#"{"columns":[{"name":"a"}]}"#, "mapping-source"),
        (r#"{"columns":[{"name":"a","field":"Id","constant":"x"}]}"#, "mapping-source"),
        (r#"{"columns":[{"name":"a","field":"Id"}],"drop":["Id"]}"#, "mapping-both"),
    ];
    for (json, code) in table {
        let error = Mapper::new(&spec(json), &names(&families().layout)).unwrap_err();
        assert_eq!(error.code(), code, "{json}: {error}");
    }
    assert!(serde_json::from_str::<MappingSpec>(r#"{"colums":[]}"#).is_err());
    assert!(serde_json::from_str::<MappingSpec>(r#"{"columns":[{"name":"a","feld":"b"}]}"#).is_err());
}

#[test]
fn records_of_another_layout_are_refused() {
    let flat = Mapper::new(&MappingSpec::default(), &names(&visits().layout)).unwrap();
    let members = spec(r#"{"rows":"Member","drop":["Address","Member/Job"]}"#);
    let nested = Mapper::new(&members, &names(&families().layout)).unwrap();
    let mut out = RowBuf::new();
    let mut refused = |mapper: &Mapper, bytes: &[u8]| {
        let error = mapper.rows(CanonicalRecord::new(bytes).unwrap(), &mut out).unwrap_err();
        assert!(out.is_empty());
        error.0
    };
    assert_eq!(refused(&flat, b"\x80\x0c\x01a\xFF"), "it has more fields");
    assert_eq!(refused(&flat, b"\x83\x84\xFF"), "a group stands where the layout has a value");
    assert_eq!(refused(&nested, b"\x80\x02\x01a\xFF"), "a value stands where the layout has a group");
    assert_eq!(refused(&nested, b"\x83\x84\xFF"), "a group stands where the layout has a value");
    assert_eq!(refused(&nested, b"\x80\x02\x83\x80\x09\x01a\x84\xFF"), "it has more fields");
}

#[test]
fn the_configuration_schema_names_every_key() {
    let schema = serde_json::to_string(&schemars::schema_for!(MappingSpec)).unwrap();
    for key in ["rows", "without_instance", "rename", "drop", "constant", "columns", "nil", "key", "no-row"] {
        assert!(schema.contains(&format!("\"{key}\"")), "{key}");
    }
}
