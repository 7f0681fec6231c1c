//! The same records through every door: one verdict, the same codes, the same canonical bytes.

use std::sync::LazyLock;

use sekisho_records::{
    CsvOptions, CsvReader, EmptyCells, Field, FieldContent, JsonForm, JsonLimits, JsonReader, Layout,
    RecordSource, XmlOptions, XmlRecords,
};
use sekisho_xml::write::escape_text;
use sekisho_xml::{Limits, Reader};

use crate::records::{FAMILIES, Outcome, Steps, Subject, VISITS, drain};

/// What stands for nil in CSV.
const NIL: &str = "#N/A";
/// The most values that are made of one input.
const MAX_VALUES: usize = 400;

/// What a field holds, before any door.
enum Node<'a> {
    Text(&'a str),
    Nil,
    Group(Level<'a>),
}

/// What a record or an instance of a group holds: fields by their number in the level.
#[derive(Default)]
struct Level<'a>(Vec<(usize, Node<'a>)>);

/// First byte: the layout. The rest: for each value a byte that says of which field, and its text up to a zero byte.
/// Field 254 ends a group, 255 a record; a text of the single byte 1 is nil.
pub(crate) fn alike(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let subject: &LazyLock<Subject> = if choice & 1 == 0 { &VISITS } else { &FAMILIES };
    let layout = &subject.layout;
    let records = records(bytes, layout);
    if records.is_empty() {
        return;
    }
    let steps = if choice & 2 == 0 { Steps::One } else { Steps::Two };
    let judged = |source: &mut dyn RecordSource| verdict(drain(subject, source, steps));
    let json =
        |text: &str, form| judged(&mut JsonReader::new(text.as_bytes(), layout, form, JsonLimits::default()));
    let objects: Vec<String> = records.iter().map(|record| object(record, layout.fields(), layout)).collect();
    let array = json(&format!("[{}]", objects.join(",\n")), JsonForm::Array);
    assert_eq!(array, json(&objects.join("\n"), JsonForm::Lines), "array and lines");
    if layout.is_flat() {
        let options = CsvOptions {
            empty: EmptyCells::AbsentUnlessQuoted,
            nil: Some(NIL.to_owned()),
            ..CsvOptions::default()
        };
        for quoted in [true, false] {
            let text = csv(&records, layout, quoted);
            let mut reader = CsvReader::new(text.as_bytes(), layout, &options).unwrap();
            assert_eq!(array, judged(&mut reader), "JSON and CSV");
        }
    }
    // What XML cannot hold has no element to be compared with: the record is refused.
    let Some(document) = document(&records, layout) else {
        assert!(array.0.iter().any(|(_, canonical)| canonical.is_none()), "it is refused: {:?}", array.1);
        return;
    };
    let mut reader = Reader::new(document.as_bytes(), Limits::default());
    assert_eq!(
        array,
        judged(&mut XmlRecords::from_document(&mut reader, layout, XmlOptions::default())),
        "JSON and XML"
    );
}

/// Canonical forms of the records by their number, `None` for those that are refused, and record, field and code of
/// every violation.
type Verdict = (Vec<(u64, Option<Vec<u8>>)>, Vec<(u64, Option<String>, &'static str)>);

fn verdict(outcome: Outcome) -> Verdict {
    assert_eq!(outcome.error, None, "what is written here can be read");
    (
        outcome.records.into_iter().map(|(number, _, canonical)| (number, canonical)).collect(),
        outcome.violations.into_iter().map(|found| (found.record, found.field, found.code)).collect(),
    )
}

fn records<'a>(bytes: &'a [u8], layout: &Layout) -> Vec<Level<'a>> {
    let mut rest = bytes;
    let mut records = Vec::new();
    let mut left = MAX_VALUES;
    while !rest.is_empty() && left > 0 {
        records.push(level(&mut rest, layout.fields(), layout, &mut left));
    }
    records
}

/// Reads values up to the end of the record or the group.
fn level<'a>(rest: &mut &'a [u8], fields: &[Field], layout: &Layout, left: &mut usize) -> Level<'a> {
    let mut found = Level::default();
    while let Some((&which, behind)) = rest.split_first() {
        // The end of a record ends the groups that are open in it.
        if which == u8::MAX && fields.as_ptr() != layout.fields().as_ptr() {
            break;
        }
        *rest = behind;
        if which >= 254 || *left == 0 {
            break;
        }
        *left -= 1;
        let field = usize::from(which) % fields.len();
        let came_before = found.0.iter().any(|(other, _)| *other == field);
        match &fields[field].content {
            FieldContent::Group { repeats, .. } => {
                let inner = level(rest, layout.fields_of(&fields[field]), layout, left);
                if *repeats || !came_before {
                    found.0.push((field, Node::Group(inner)));
                }
            }
            FieldContent::Value(_) => {
                let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
                let text = std::str::from_utf8(&rest[..end]).unwrap_or_default();
                *rest = rest.get(end + 1..).unwrap_or_default();
                let node = match text {
                    // Where a field may not be nil JSON's null is an absent one.
                    "\u{1}" if fields[field].nillable => Node::Nil,
                    "\u{1}" => continue,
                    text => Node::Text(text),
                };
                if !came_before {
                    found.0.push((field, node));
                }
            }
        }
    }
    // As the schema has them: an order of its own is XML's alone.
    found.0.sort_by_key(|(field, _)| *field);
    found
}

fn csv(records: &[Level<'_>], layout: &Layout, all_quoted: bool) -> String {
    let names: Vec<&str> = layout.fields().iter().map(|field| &*field.name.local).collect();
    let mut out = names.join(",") + "\r\n";
    for record in records {
        for field in 0..names.len() {
            if field > 0 {
                out.push(',');
            }
            match record.0.iter().find(|(other, _)| *other == field) {
                Some((_, Node::Nil)) => out.push_str(NIL),
                Some((_, Node::Text(text))) if all_quoted || must_be_quoted(text) => {
                    out.push('"');
                    out.push_str(&text.replace('"', "\"\""));
                    out.push('"');
                }
                Some((_, Node::Text(text))) => out.push_str(text),
                Some((_, Node::Group(_))) | None => {}
            }
        }
        out.push_str("\r\n");
    }
    out
}

fn must_be_quoted(text: &str) -> bool {
    text.is_empty() || text == NIL || text.contains([',', '"', '\r', '\n'])
}

fn object(level: &Level<'_>, fields: &[Field], layout: &Layout) -> String {
    let mut members: Vec<String> = Vec::new();
    for (id, field) in fields.iter().enumerate() {
        let here: Vec<&Node<'_>> =
            level.0.iter().filter(|(other, _)| *other == id).map(|(_, node)| node).collect();
        let value = match here.as_slice() {
            [] => continue,
            [Node::Nil] => "null".to_owned(),
            [Node::Text(text)] => serde_json::to_string(text).unwrap(),
            groups => {
                let instances = groups.iter().filter_map(|node| match node {
                    Node::Group(inner) => Some(object(inner, layout.fields_of(field), layout)),
                    Node::Text(_) | Node::Nil => None,
                });
                format!("[{}]", instances.collect::<Vec<_>>().join(", "))
            }
        };
        members.push(format!("\"{}\": {value}", field.name.local));
    }
    format!("{{{}}}", members.join(", "))
}

/// `None` when XML cannot hold a value.
fn document(records: &[Level<'_>], layout: &Layout) -> Option<String> {
    let element = layout.element();
    let mut out =
        format!("<All xmlns='{}' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>", element.namespace);
    for record in records {
        let inside = elements(record, layout.fields(), layout)?;
        out.push_str(&format!("\n <{0}>{inside}</{0}>", element.local));
    }
    Some(out + "</All>")
}

fn elements(level: &Level<'_>, fields: &[Field], layout: &Layout) -> Option<String> {
    let mut out = String::new();
    for (id, node) in &level.0 {
        let name = &fields[*id].name.local;
        let inside = match node {
            Node::Nil => {
                out.push_str(&format!("<{name} xsi:nil='true'/>"));
                continue;
            }
            Node::Text(text) => {
                let mut escaped = Vec::new();
                escape_text(text, &mut escaped).ok()?;
                String::from_utf8(escaped).unwrap()
            }
            Node::Group(inner) => elements(inner, layout.fields_of(&fields[*id]), layout)?,
        };
        out.push_str(&format!("<{name}>{inside}</{name}>"));
    }
    Some(out)
}
