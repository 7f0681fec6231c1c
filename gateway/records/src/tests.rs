//! The same records through every door: the same verdict, the same violations, the same canonical bytes.

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::testing::{Outcome, Subject, families, visits};
use crate::{CsvOptions, EmptyCells, FieldContent, JsonForm, Layout};

/// A record as a sender has it, before any door.
#[derive(Debug, Clone)]
enum Node {
    Text(String),
    Nil,
    Group(Vec<(usize, Node)>),
}

/// The fields of a record or of a group instance; a group may come several times.
type Fields = Vec<(usize, Node)>;

fn csv(records: &[Fields], layout: &Layout) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let names: Vec<_> = layout.fields().iter().map(|field| field.name.local.to_string()).collect();
    let mut out = names.join(",") + "\r\n";
    for record in records {
        let cells = (0..names.len()).map(|field| match record.iter().find(|(id, _)| *id == field) {
            None => String::new(),
            Some((_, Node::Nil)) => "#N/A".to_owned(),
            Some((_, Node::Text(text))) => quoted(text),
            Some((_, Node::Group(_))) => unreachable!("a flat layout"),
        });
        out.push_str(&cells.collect::<Vec<_>>().join(","));
        out.push_str("\r\n");
    }
    out
}

fn json_object(record: &Fields, fields: &[crate::Field], layout: &Layout) -> String {
    let mut members = Vec::new();
    for (id, field) in fields.iter().enumerate() {
        let here: Vec<_> = record.iter().filter(|(other, _)| *other == id).map(|(_, node)| node).collect();
        let value = match here.as_slice() {
            [] => continue,
            [Node::Nil] => "null".to_owned(),
            [Node::Text(text)] => serde_json::to_string(text).unwrap(),
            groups => {
                let instances = groups.iter().map(|node| match node {
                    Node::Group(inner) => json_object(inner, layout.fields_of(field), layout),
                    _ => unreachable!("a value comes once"),
                });
                format!("[{}]", instances.collect::<Vec<_>>().join(", "))
            }
        };
        members.push(format!("\"{}\": {value}", field.name.local));
    }
    format!("{{{}}}", members.join(", "))
}

fn xml_element(record: &Fields, fields: &[crate::Field], layout: &Layout) -> String {
    let mut out = String::new();
    let mut record = record.clone();
    record.sort_by_key(|(id, _)| *id);
    for (id, node) in &record {
        let field = &fields[*id];
        let name = &field.name.local;
        let inside = match node {
            Node::Nil => {
                out.push_str(&format!("<{name} xsi:nil='true'/>"));
                continue;
            }
            Node::Text(text) => {
                let mut escaped = Vec::new();
                sekisho_xml::write::escape_text(text, &mut escaped).unwrap();
                String::from_utf8(escaped).unwrap()
            }
            Node::Group(inner) => xml_element(inner, layout.fields_of(field), layout),
        };
        out.push_str(&format!("<{name}>{inside}</{name}>"));
    }
    out
}

fn xml(records: &[Fields], layout: &Layout) -> String {
    let element = layout.element();
    let mut out =
        format!("<All xmlns='{}' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>", element.namespace);
    for record in records {
        let inside = xml_element(record, layout.fields(), layout);
        out.push_str(&format!("\n <{0}>{inside}</{0}>", element.local));
    }
    out + "</All>"
}

fn every_door(subject: &Subject, records: &[Fields]) -> Vec<(&'static str, Outcome)> {
    let layout = &subject.layout;
    let objects: Vec<_> = records.iter().map(|record| json_object(record, layout.fields(), layout)).collect();
    let mut doors = vec![
        ("json", subject.json(&format!("[{}]", objects.join(",\n")), JsonForm::Array)),
        ("ndjson", subject.json(&objects.join("\n"), JsonForm::Lines)),
        ("xml", subject.xml(&xml(records, layout))),
    ];
    if layout.is_flat() {
        let options = CsvOptions {
            empty: EmptyCells::AbsentUnlessQuoted,
            nil: Some("#N/A".into()),
            ..CsvOptions::default()
        };
        doors.push(("csv", subject.csv(&csv(records, layout), &options)));
    }
    doors
}

fn same_everywhere(subject: &Subject, records: &[Fields]) -> Result<(), TestCaseError> {
    let outcomes = every_door(subject, records);
    let (first, reference) = &outcomes[0];
    for (door, outcome) in &outcomes {
        prop_assert!(outcome.error.is_none(), "{door}: {:?}", outcome.error);
        prop_assert_eq!(&reference.canonical, &outcome.canonical, "{} and {}", first, door);
        prop_assert_eq!(reference.codes(), outcome.codes(), "{} and {}", first, door);
    }
    // A record is valid or has a violation, never both, never neither; and what is remembered of values and shapes
    // says the same as the schema itself, asked about each record alone.
    let mut checker = sekisho_xsd::Checker::new(&subject.schema, subject.layout.record_type());
    for (record, number) in records.iter().zip(1..) {
        let valid = reference.canonical.iter().any(|(valid, _)| *valid == number);
        prop_assert_eq!(valid, !reference.violations.iter().any(|found| found.record == number));
        let element = subject.layout.element();
        let document = format!(
            "<{0} xmlns='{1}' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>{2}</{0}>",
            element.local,
            element.namespace,
            xml_element(record, subject.layout.fields(), &subject.layout)
        );
        let mut schema_says = true;
        checker.element(document.as_bytes(), &mut |_| schema_says = false);
        prop_assert_eq!(valid, schema_says);
    }
    Ok(())
}

/// A text for a field: mostly one that its type takes.
fn text(name: &str, flat: bool) -> BoxedStrategy<String> {
    let good: BoxedStrategy<String> = match name {
        "Id" if flat => "[0-9]{1,4}".boxed(),
        "Id" => "[A-Z][0-9]{1,4}".boxed(),
        "Flag" => "[01]".boxed(),
        "Amount" => "[ \t]?-?[0-9]{1,5}(\\.[0-9]{1,2})?".boxed(),
        "Version" => prop_oneof![Just(String::new()), "1(\\.0)?", " 1.00 "].boxed(),
        "Kind" => prop::sample::select(vec!["plain", "big one", " big  one ", "", " "])
            .prop_map(str::to_owned)
            .boxed(),
        "Day" => "2026-0[1-9]-[12][0-9]".boxed(),
        "Month" => "2026-0[1-9]".boxed(),
        "Hour" | "Block" => "1?[0-9]".boxed(),
        "Open" => {
            prop::sample::select(vec!["true", "false", "0", "1", " true\n"]).prop_map(str::to_owned).boxed()
        }
        "Ages" => "( ?[0-9]{1,2}){0,3}".boxed(),
        "Born" | "Since" => "19[0-9]{2}".boxed(),
        "Town" => "[0-9]{5}".boxed(),
        "Name" => "[a-zA-Z,\"'<&>;あ亜𠮷][a-zA-Z \t\r\n,\"'<&>;#あ亜𠮷　-]{0,6}".boxed(),
        _ => "[a-zA-Z0-9 \t\r\n,\"'<&>;#あ亜𠮷　-]{0,10}".boxed(),
    };
    let odd = prop_oneof![
        Just(String::new()),
        Just(" ".to_owned()),
        Just("#N/A".to_owned()),
        Just("null".to_owned()),
        Just("]]>".to_owned()),
        "[ -~あ\r\n\t]{0,12}",
        "\\PC{0,5}",
    ];
    prop_oneof![40 => good, 1 => odd]
        .prop_filter("no other door can carry it", |text| !unwritable(text))
        .boxed()
}

fn unwritable(text: &str) -> bool {
    text.chars()
        .any(|c| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
}

/// The fields of a level: each mostly there when it must be.
fn fields(
    subject: &Subject,
    level: &[crate::Field],
    present: &'static [(&'static str, u32)],
) -> BoxedStrategy<Fields> {
    let mut strategy: BoxedStrategy<Fields> = Just(Vec::new()).boxed();
    let flat = subject.layout.is_flat();
    for (id, field) in level.iter().enumerate() {
        let name = field.name.local.to_string();
        let percent = present.iter().find(|(other, _)| *other == name).map_or(50, |(_, percent)| *percent);
        let nodes: BoxedStrategy<Vec<Node>> = match &field.content {
            FieldContent::Value(_) => {
                let nil_weight = if field.nillable { 2 } else { 0 };
                let node = if field.nillable {
                    prop_oneof![8 => text(&name, flat).prop_map(Node::Text), nil_weight => Just(Node::Nil)]
                        .boxed()
                } else {
                    text(&name, flat).prop_map(Node::Text).boxed()
                };
                prop::collection::vec(node, 1).boxed()
            }
            FieldContent::Group { repeats, .. } => {
                let inner = fields(subject, subject.layout.fields_of(field), present).prop_map(Node::Group);
                prop::collection::vec(inner, if *repeats { 1..4 } else { 1..2 }).boxed()
            }
        };
        let nodes =
            (0..100_u32, nodes).prop_map(move |(n, nodes)| if n < percent { nodes } else { Vec::new() });
        strategy = (strategy, nodes)
            .prop_map(move |(mut all, nodes)| {
                all.extend(nodes.into_iter().map(|node| (id, node)));
                all
            })
            .boxed();
    }
    strategy
}

/// How often a field is present, where it is not one in two.
const VISITS: &[(&str, u32)] =
    &[("Id", 97), ("Name", 97), ("Flag", 97), ("Day", 90), ("Month", 8), ("Version", 20)];
const FAMILIES: &[(&str, u32)] = &[("Id", 97), ("Name", 97), ("Town", 95), ("Member", 97), ("Title", 95)];

#[test]
fn flat_records_are_the_same_at_every_door() {
    let subject = visits();
    let records = prop::collection::vec(fields(&subject, subject.layout.fields(), VISITS), 0..8);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    runner.run(&records, |records| same_everywhere(&subject, &records)).unwrap();
}

#[test]
fn nested_records_are_the_same_at_every_door() {
    let subject = families();
    let records = prop::collection::vec(fields(&subject, subject.layout.fields(), FAMILIES), 0..6);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    runner.run(&records, |records| same_everywhere(&subject, &records)).unwrap();
}

/// The generators must make valid records as well as bad ones, or the tests above would show little.
#[test]
fn the_generators_reach_both_verdicts() {
    for (subject, present) in [(visits(), VISITS), (families(), FAMILIES)] {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let strategy = prop::collection::vec(fields(&subject, subject.layout.fields(), present), 200);
        let records = strategy.new_tree(&mut runner).unwrap().current();
        let outcome = subject.xml(&xml(&records, &subject.layout));
        let valid = outcome.canonical.len();
        assert!((40..=180).contains(&valid), "{valid} of 200 are valid");
    }
}
