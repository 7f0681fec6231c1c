//! The verdict on records, what leaves of them, and that no door makes a difference.

use std::sync::Arc;

use proptest::prelude::*;
use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Next, Record, RecordChecker, RecordSource,
    Violation, Violations, XmlOptions, XmlRecords,
};
use sekisho_xml::{Limits, Reader};

use super::*;
use crate::compile::tests::{KEY, TABLE, attributes, leaving, residents, spec};
use crate::{Ground, Place, Policy};

/// What became of the records of a payload.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Of those that may leave: the number, and what leaves.
    left: Vec<(u64, Vec<u8>)>,
    violations: Vec<Violation>,
}

impl Outcome {
    /// Record, field and code of each breach.
    fn breaches(&self) -> Vec<(u64, &str, &str)> {
        self.violations
            .iter()
            .map(|found| (found.record, found.field.as_deref().unwrap_or_default(), found.code))
            .collect()
    }
}

fn compile(toml: &str, ground: &Ground) -> Arc<Policy> {
    Arc::new(Policy::compile(&spec(toml), ground).unwrap())
}

fn take(policy: &Arc<Policy>, ground: &Ground, source: &mut dyn RecordSource) -> Outcome {
    let mut judge = Judge::new(policy);
    let mut checker = RecordChecker::new(&ground.schema, &ground.layout);
    let mut record = Record::new().with_places();
    let mut violations = Violations::default();
    let mut left = Vec::new();
    loop {
        match source.next_checked(&mut record, &mut checker, &mut violations).unwrap() {
            Next::Good => {
                if judge.judge(&record, &mut violations) {
                    left.push((record.number(), judge.leaving().to_vec()));
                    let mut again = Vec::new();
                    judge.leaving_of(&record).canonical(&mut again);
                    assert_eq!(again, judge.leaving());
                }
            }
            Next::Bad => panic!("the schema takes it: {:?}", violations.listed()),
            Next::End => break,
        }
    }
    Outcome { left, violations: violations.into_listed() }
}

fn ndjson(policy: &Arc<Policy>, ground: &Ground, text: &str) -> Outcome {
    take(
        policy,
        ground,
        &mut JsonReader::new(text.as_bytes(), &ground.layout, JsonForm::Lines, JsonLimits::default()),
    )
}

fn csv(policy: &Arc<Policy>, ground: &Ground, text: &str) -> Outcome {
    let source = CsvReader::new(text.as_bytes(), &ground.layout, &CsvOptions::default());
    take(policy, ground, &mut source.unwrap())
}

fn xml(policy: &Arc<Policy>, ground: &Ground, text: &str) -> Outcome {
    let mut reader = Reader::new(text.as_bytes(), Limits::default());
    take(policy, ground, &mut XmlRecords::from_document(&mut reader, &ground.layout, XmlOptions::default()))
}

#[test]
fn each_demand_refuses_what_does_not_meet_it() {
    let ground = residents(Place::Asp);
    for (rule, record, code) in [
        ("fields = ['Note'], absent = 'absent'", r#""Note":null"#, "policy-present"),
        ("fields = ['Note'], absent = 'absent'", r#""Note":"""#, "policy-present"),
        ("fields = ['Note'], absent = 'absent-or-nil'", r#""Note":null"#, ""),
        ("fields = ['Note'], absent = 'absent-or-nil'", r#""Note":"""#, "policy-present"),
        ("fields = ['Note'], absent = 'absent-nil-or-empty'", r#""Note":"""#, ""),
        ("fields = ['Note'], absent = 'absent-nil-or-empty'", r#""Note":"x""#, "policy-present"),
        ("fields = ['Birth'], form = 'year-month'", r#""Birth":"198001""#, ""),
        ("fields = ['Birth'], form = 'year-month'", r#""Birth":"19800102""#, "policy-form"),
        ("fields = ['House'], form = 'town'", r#""House":"千葉港1丁目""#, ""),
        ("fields = ['House'], form = 'town'", r#""House":"千葉港1丁目2番3号""#, "policy-form"),
        ("fields = ['Town'], form = 'zeros', keep = 5", r#""Town":"12101000""#, ""),
        ("fields = ['Town'], form = 'zeros', keep = 5", r#""Town":"12101001""#, "policy-form"),
        ("fields = ['Town'], pattern = '[0-9]{5}'", r#""Town":"12101""#, ""),
        ("fields = ['Town'], pattern = '[0-9]{5}'", r#""Town":"121011""#, "policy-pattern"),
        ("fields = ['*'], never = ['my-number']", r#""Note":"123456789018""#, "policy-my-number"),
        ("fields = ['*'], except = ['Note'], never = ['my-number']", r#""Note":"123456789018""#, ""),
        (
            "fields = ['Child/Born'], never = ['full-date']",
            r#""Child":[{"Born":"2016"},{"Born":"H28.10.1"}]"#,
            "policy-full-date",
        ),
        ("fields = ['Child/Name'], absent = 'absent'", r#""Child":[{"Name":"x"}]"#, "policy-present"),
        (
            "fields = ['Birth'], extreme_age = { birth_year = 'Birth', base_date = 'Base' }",
            r#""Base":"20161001","Birth":"191609""#,
            "policy-extreme-age",
        ),
        (
            "fields = ['Birth'], extreme_age = { birth_year = 'Birth', base_date = 'Base' }",
            r#""Base":"20161001","Birth":"191611""#,
            "",
        ),
        (
            "fields = ['Birth'], extreme_age = { birth_year = 'Birth', base_date = 'Base' }",
            r#""Birth":"191611""#,
            "policy-extreme-age",
        ),
        (
            "fields = ['Birth'], extreme_age = { birth_year = 'Birth', base_date = 'Base' }",
            r#""Base":"20161001""#,
            "",
        ),
    ] {
        let policy = compile(&format!("rule = [{{ name = 'rule', {rule} }}]"), &ground);
        let outcome = ndjson(&policy, &ground, &format!("{{\"Id\":\"1\",{record}}}\n"));
        let codes: Vec<_> = outcome.breaches().into_iter().map(|(_, _, code)| code).collect();
        assert_eq!(codes, if code.is_empty() { Vec::new() } else { vec![code] }, "{rule} {record}");
        assert_eq!(outcome.left.len(), usize::from(code.is_empty()));
    }
}

#[test]
fn one_value_holds_for_all_records_that_may_leave() {
    let ground = residents(Place::Asp);
    let toml = "rule = [{ name = 'base', fields = ['Base'], same = true },
                        { name = 'note', fields = ['Note'], never = ['my-number'] }]";
    let policy = compile(toml, &ground);
    for (records, breaches) in [
        (vec!["2016", "2016"], vec![]),
        (vec!["2016", "2017", "2016"], vec![(2, "Base", "policy-differs")]),
        // The one that is refused says nothing about the others.
        (vec!["x", "2016", "2016"], vec![(1, "Note", "policy-my-number")]),
    ] {
        let line = |base: &&str| match *base {
            "x" => "{\"Id\":\"1\",\"Base\":\"x\",\"Note\":\"123456789018\"}\n".to_owned(),
            base => format!("{{\"Id\":\"1\",\"Base\":\"{base}\"}}\n"),
        };
        let text: String = records.iter().map(line).collect();
        assert_eq!(ndjson(&policy, &ground, &text).breaches(), breaches, "{text}");
    }
    for (first, second, differs) in [
        ("", ",\"Base\":\"1\"", true),
        (",\"Base\":\"1\"", "", true),
        (",\"Base\":null", "", true),
        (",\"Base\":null", ",\"Base\":null", false),
        ("", "", false),
        (",\"Base\":\"\"", ",\"Base\":null", true),
    ] {
        let outcome =
            ndjson(&policy, &ground, &format!("{{\"Id\":\"1\"{first}}}\n{{\"Id\":\"2\"{second}}}\n"));
        assert_eq!(!outcome.violations.is_empty(), differs, "{first} {second}");
    }
}

#[test]
fn breaches_are_told_with_places_and_rules_and_never_with_values() {
    let ground = residents(Place::Asp);
    let policy = compile(
        "rule = [{ name = 'nobody', fields = ['*'], never = ['my-number', 'mail-address'] }]",
        &ground,
    );
    let outcome = ndjson(
        &policy,
        &ground,
        "{\"Id\":\"1\"}\n{\"Id\":\"2\", \"Note\": \"123456789018 canary@example.jp\"}\n",
    );
    assert_eq!(outcome.breaches(), [(2, "Note", "policy-my-number"), (2, "Note", "policy-mail-address")]);
    let told = &outcome.violations[0];
    assert_eq!((told.line, told.path.as_deref()), (Some(2), Some("Resident[2]/Note[1]")));
    assert!(told.column > Some(1));
    let all = format!("{:?}", outcome.violations);
    assert!(all.contains("rule nobody") && all.contains("規則nobody"), "{all}");
    assert!(!all.contains("123456789018") && !all.contains("canary"), "{all}");
    // A field of a group is told with its group.
    let outcome =
        ndjson(&policy, &ground, "{\"Id\":\"1\",\"Child\":[{\"Name\":\"a\"},{\"Born\":\"a@b.jp\"}]}\n");
    assert_eq!(outcome.violations[0].path.as_deref(), Some("Resident[1]/Child[2]/Born[1]"));
}

const CHANGES: &str = "outgoing = 'o'\nnames = 'n'\nkey = 'k'\nrule = [
  { name = 'gone', fields = ['Name', 'Base', 'Phone', 'Child/Name'], absent = 'absent', action = 'drop' },
  { name = 'id', fields = ['Id'], pseudonym = { domain = 'resident' } },
  { name = 'birth', fields = ['Birth', 'Child/Born'], form = 'year-month', action = 'generalise' },
  { name = 'town', fields = ['House'], form = 'town', action = 'generalise' },
  { name = 'old', fields = ['Birth'], extreme_age = { birth_year = 'Birth', base_date = 'Base' }, action = 'drop' },
  { name = 'notes', fields = ['Note'], never = ['phone-number'], action = 'drop' },
  { name = 'nobody', fields = ['*'], never = ['my-number', 'full-date', 'house-address'] },
]";

fn changing() -> (Ground, Arc<Policy>) {
    let mut ground = residents(Place::Municipality);
    ground.outgoing = Some(leaving());
    (ground.names, ground.key) = (Some(TABLE.to_owned()), Some(KEY.to_owned()));
    let policy = compile(
        &CHANGES
            .replace('\n', " ")
            .replacen("'o' ", "'o'\n", 1)
            .replacen("'n' ", "'n'\n", 1)
            .replacen("'k' ", "'k'\n", 1),
        &ground,
    );
    (ground, policy)
}

/// The values of what leaves, in order, with their concealed names; groups as `<` and `>`.
fn shown(form: &[u8]) -> Vec<String> {
    let (_, layout) = leaving();
    let mut groups = vec![layout.fields()];
    let items = CanonicalRecord::new(form).unwrap();
    items
        .items()
        .map(|item| match item {
            Item::Value(field, value) => {
                let fields = groups[groups.len() - 1];
                let name = &fields[usize::from(field.0)].name.local;
                match value {
                    Value::Nil => format!("{name}!"),
                    Value::Text(text) => format!("{name}={text}"),
                }
            }
            Item::Open(group) => {
                let fields = groups[groups.len() - 1];
                let inner = &fields[usize::from(group.0)];
                groups.push(layout.fields_of(inner));
                format!("<{}", inner.name.local)
            }
            Item::Close => {
                groups.pop();
                ">".to_owned()
            }
        })
        .collect()
}

#[test]
fn on_the_municipalitys_side_a_record_is_changed_and_leaves_under_concealed_names() {
    let (ground, policy) = changing();
    assert!(policy.changes_records());
    let text = r#"{"Id":"0001234567","Name":"山田 太郎","Base":"2016-10-01","Birth":"昭和55年1月2日","Town":"12101","House":"千葉港1-1","Phone":"043-245-5111","Note":"x","Child":[{"Name":"花子","Born":"2010-04-01"},{"Name":"次郎"}]}
{"Id":"2","Base":"2016-10-01","Birth":"19160102","Note":"03-1234-5678"}
{"Id":"3","Note":null}
"#
    .replace("千葉港1-1", "千葉市中央区千葉港1-1");
    let outcome = ndjson(&policy, &ground, &text);
    assert_eq!(outcome.violations, []);
    let left: Vec<Vec<String>> = outcome.left.iter().map(|(_, form)| shown(form)).collect();
    let ids = policy.pseudonyms_of("X01").unwrap();
    let id = |value: &str| {
        let mut made = "X01=".to_owned();
        ids.make(value, &mut made).unwrap();
        made
    };
    let made = ["0001234567", "2", "3"].map(id);
    let expected = [
        vec![
            "X05=x",
            &made[0],
            "X02=198001",
            "X03=12101",
            "X04=千葉市中央区千葉港",
            "<X06",
            "X07=201004",
            ">",
            "<X06",
            ">",
        ],
        vec![&made[1]],
        vec!["X05!", &made[2]],
    ];
    assert_eq!(left, expected);
    let mut undone = String::new();
    ids.undo(&left[0][1][4..], &mut undone).unwrap();
    assert_eq!(undone, "0001234567");
}

#[test]
fn what_cannot_be_changed_or_still_names_somebody_is_refused() {
    let (ground, policy) = changing();
    for (record, field, code) in [
        (r#"{"Id":"1","Birth":"January"}"#, "Birth", "policy-form"),
        (r#"{"Id":"1-2"}"#, "Id", "policy-pseudonym"),
        (r#"{"Id":"12345678901234567"}"#, "Id", "policy-pseudonym"),
        (r#"{"Id":"1","Note":"born 1980-01-02"}"#, "Note", "policy-full-date"),
        (r#"{"Id":"1","Child":[{"Born":"x"}]}"#, "Born", "policy-form"),
        (r#"{"Id":"1","House":"12番地"}"#, "House", "policy-form"),
        // What leaves must be of its own schema, whatever the rules say.
        (r#"{"Id":""}"#, "", "policy-outgoing"),
    ] {
        let outcome = ndjson(&policy, &ground, record);
        assert_eq!(outcome.breaches(), [(1, field, code)], "{record}");
        let told = format!("{:?}", outcome.violations);
        assert!(outcome.left.is_empty() && !told.contains("January") && !told.contains("1980"), "{told}");
        // The places are those of what came, not of what would have left.
        if field == "Note" {
            assert_eq!(outcome.violations[0].column, Some(18));
        }
    }
}

#[test]
fn the_profile_takes_abstracted_attributes_and_refuses_the_rest() {
    let ground = attributes(Place::Asp);
    let policy = compile("profile = 'abstracted-attributes'", &ground);
    let names: Vec<_> = ground.layout.fields().iter().map(|field| field.name.local.to_string()).collect();
    let record = |changes: &[(&str, &str)]| {
        let value = |(n, name): (usize, &String)| {
            let changed = changes.iter().find(|(field, _)| field == name);
            let usual = match n + 1 {
                1 => "U0000000017B".to_owned(),
                2 => "20161001".to_owned(),
                3 => "1".to_owned(),
                4 => "1980".to_owned(),
                5 => "1".to_owned(),
                6 => "12101".to_owned(),
                7 => "00123".to_owned(),
                8 => "0".repeat(20),
                9..=121 => "0".to_owned(),
                139 => "201004".to_owned(),
                _ => String::new(),
            };
            changed.map_or(usual, |(_, value)| (*value).to_owned())
        };
        names.iter().enumerate().map(value).collect::<Vec<_>>().join(",")
    };
    let text = |records: &[String]| format!("{}\n{}\n", names.join(","), records.join("\n"));
    let good = record(&[]);
    assert_eq!(csv(&policy, &ground, &text(&[good.clone(), good.clone()])).violations, []);
    for (changes, field, code) in [
        ([("F001", "123456789018")], "F001", "policy-my-number"),
        ([("F002", "20170401")], "F002", "policy-differs"),
        ([("F004", "1910")], "F004", "policy-extreme-age"),
        ([("F122", "1980-01-02")], "F122", "policy-full-date"),
        ([("F125", "昭和55年1月2日")], "F125", "policy-full-date"),
        ([("F130", "090-1234-5678")], "F130", "policy-phone-number"),
        ([("F138", "a@example.lg.jp")], "F138", "policy-mail-address"),
        ([("F142", "ヤマダ　タロウ")], "F142", "policy-personal-name"),
        ([("F150", "中央区千葉港1-1")], "F150", "policy-house-address"),
        ([("F168", "1234 5678 9018")], "F168", "policy-my-number"),
    ] {
        // The first record is read in two steps, those behind it in one: there is no difference.
        let outcome =
            csv(&policy, &ground, &text(&[good.clone(), good.clone(), record(&changes), good.clone()]));
        assert_eq!(outcome.breaches()[0], (3, field, code));
        let column = record(&changes)
            .split(',')
            .take_while(|value| *value != changes[0].1)
            .map(|value| value.chars().count() as u64 + 1)
            .sum::<u64>()
            + 1;
        assert_eq!(
            (outcome.violations[0].line, outcome.violations[0].column),
            (Some(4), Some(column)),
            "{field}"
        );
        assert_eq!(outcome.left.len(), 3);
    }
    // Without a month, the year alone counts; at a municipality both are left out.
    let ground = attributes(Place::Municipality);
    let policy = compile("profile = 'abstracted-attributes'", &ground);
    let outcome = csv(&policy, &ground, &text(&[record(&[("F004", "1910")])]));
    assert_eq!((outcome.violations.len(), outcome.left.len()), (0, 1));
    let left = CanonicalRecord::new(&outcome.left[0].1).unwrap();
    let has = |field: u16| left.items().any(|item| matches!(item, Item::Value(id, _) if id.0 == field - 1));
    assert!(!has(4) && !has(5) && has(3) && has(6));
}

/// Values that some rule has an opinion about.
fn values() -> impl Strategy<Value = Option<String>> {
    let telling = prop::sample::select(vec![
        "",
        "x",
        "123456789018",
        "1980-01-02",
        "198001",
        "Ｓ５５．１．２",
        "03-1234-5678",
        "a@b.jp",
        "山田 太郎",
        "千葉市中央区1-1",
        "0000",
        "1916",
        "20161001",
        "2016",
        "A,B",
        "\"q\"",
        "a  b",
        " 1980-01-02 ",
    ]);
    proptest::option::of(prop_oneof![4 => telling.prop_map(str::to_owned), 1 => "[ -~]{0,12}"])
}

const FIELDS: [&str; 8] = ["Id", "Name", "Base", "Birth", "Town", "House", "Phone", "Note"];

proptest! {
    /// The same records by CSV, JSON and XML: one verdict, one set of codes, and the same leaves.
    #[test]
    fn no_door_makes_a_difference(records in proptest::collection::vec(proptest::collection::vec(values(), 8), 1..6)) {
        let ground = flat(Place::Asp);
        let policy = compile(
            "rule = [{ name = 'a', fields = ['Name'], absent = 'absent-nil-or-empty' },
                     { name = 'b', fields = ['Base'], same = true },
                     { name = 'c', fields = ['Birth'], form = 'year-month' },
                     { name = 'd', fields = ['*'], except = ['Phone'], never = ['my-number', 'full-date', 'mail-address', 'house-address', 'personal-name'] },
                     { name = 'e', fields = ['Phone'], pattern = '[0-9-]*' },
                     { name = 'f', fields = ['Birth'], extreme_age = { birth_year = 'Birth', base_date = 'Base' } }]",
            &ground,
        );
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let (mut lines, mut objects, mut elements) = (FIELDS.join(",") + "\n", String::new(), String::new());
        for record in &records {
            // An empty cell is an absent field: empty texts are none, for once.
            let record: Vec<Option<&str>> =
                record.iter().map(|value| value.as_deref().filter(|value| !value.is_empty())).collect();
            let id = record[0].unwrap_or("1");
            let cells: Vec<String> = std::iter::once(Some(id)).chain(record[1..].iter().copied())
                .map(|cell| cell.map_or(String::new(), |cell| format!("\"{}\"", cell.replace('"', "\"\"")))).collect();
            lines += &format!("{}\n", cells.join(","));
            let named = || FIELDS.iter().zip(std::iter::once(Some(id)).chain(record[1..].iter().copied()))
                .filter_map(|(name, value)| Some((*name, value?)));
            let members: serde_json::Map<_, _> = named().map(|(name, value)| (name.to_owned(), value.into())).collect();
            objects += &format!("{}\n", serde_json::Value::Object(members));
            let children: String = named().map(|(name, value)| format!("<{name}>{}</{name}>", escaped(value))).collect();
            elements += &format!("<Person>{children}</Person>\n");
        }
        let by_csv = csv(&policy, &ground, &lines);
        let by_json = ndjson(&policy, &ground, &objects);
        let by_xml = xml(&policy, &ground, &format!("<L xmlns=\"urn:example:persons\">{elements}</L>"));
        prop_assert_eq!(by_csv.breaches(), by_json.breaches());
        prop_assert_eq!(by_csv.breaches(), by_xml.breaches());
        prop_assert_eq!(&by_csv.left, &by_json.left);
        prop_assert_eq!(&by_csv.left, &by_xml.left);
    }
}

/// A flat record of the fields [`FIELDS`].
fn flat(place: Place) -> Ground {
    let (schema, layout) =
        crate::compile::tests::schema("tests/data/persons.xsd", "{urn:example:persons}Person");
    Ground { place, schema, layout, outgoing: None, names: None, key: None }
}
