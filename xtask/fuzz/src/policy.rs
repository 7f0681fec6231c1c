//! Disclosure rules over any values: one verdict at every door, nothing told, and what leaves may leave.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use sekisho_policy::detect::{Detector, Detectors};
use sekisho_policy::spec::{Action, ExtremeAgeSpec, Form, PolicySpec, PseudonymSpec, RuleSpec};
use sekisho_policy::{Ground, Judge, Place, Policy};
use sekisho_records::{
    CsvOptions, CsvReader, EmptyCells, JsonForm, JsonLimits, JsonReader, Layout, Next, Record, RecordChecker,
    RecordSource, Violation, Violations,
};
use sekisho_xml::QName;
use sekisho_xsd::Schema;

const FIELDS: [&str; 6] = ["Id", "Base", "Birth", "Town", "House", "Note"];
/// The most values that are made of one input.
const MAX_VALUES: usize = 120;

struct Subject {
    schema: Schema,
    layout: Arc<Layout>,
    /// Refuses.
    asp: Arc<Policy>,
    /// Changes what the other one would refuse, as far as that can be done.
    municipality: Arc<Policy>,
}

static SUBJECT: LazyLock<Subject> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/persons.xsd");
    let schema = Schema::load(&file, None).unwrap();
    let record = schema.record_type(&QName::new("urn:example:persons", "Person")).unwrap();
    let layout = Arc::new(Layout::compile(&record).unwrap());
    let compile = |place| {
        let ground = Ground {
            place,
            schema: schema.clone(),
            layout: Arc::clone(&layout),
            outgoing: None,
            names: None,
            key: (place == Place::Municipality).then(|| "7".repeat(64)),
        };
        Arc::new(Policy::compile(&rules(place), &ground).unwrap())
    };
    let (asp, municipality) = (compile(Place::Asp), compile(Place::Municipality));
    Subject { schema, layout, asp, municipality }
});

fn rules(place: Place) -> PolicySpec {
    let or_refuse = |action| if place == Place::Asp { Action::Refuse } else { action };
    let rule = |name: &str, fields: &[&str]| RuleSpec {
        name: name.to_owned(),
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        ..RuleSpec::default()
    };
    let extreme_age = ExtremeAgeSpec {
        birth_year: "Birth".to_owned(),
        birth_month: None,
        base_date: "Base".to_owned(),
        most: 99,
    };
    let mut rules = vec![
        RuleSpec { same: true, ..rule("base", &["Base"]) },
        RuleSpec {
            form: Some(Form::YearMonth),
            action: or_refuse(Action::Generalise),
            ..rule("birth", &["Birth"])
        },
        RuleSpec {
            extreme_age: Some(extreme_age),
            action: or_refuse(Action::Drop),
            ..rule("age", &["Birth"])
        },
        RuleSpec {
            form: Some(Form::Zeros),
            keep: Some(5),
            action: or_refuse(Action::Generalise),
            ..rule("town", &["Town"])
        },
        RuleSpec {
            form: Some(Form::Town),
            action: or_refuse(Action::Generalise),
            ..rule("house", &["House"])
        },
        RuleSpec {
            never: Detector::ALL.to_vec(),
            action: or_refuse(Action::Drop),
            ..rule("note", &["Note"])
        },
        RuleSpec { never: Detector::ALL.to_vec(), except: vec!["Base".to_owned()], ..rule("nobody", &["*"]) },
    ];
    if place == Place::Municipality {
        let pseudonym = PseudonymSpec { domain: "id".to_owned(), alphabet: Default::default(), length: 20 };
        rules.push(RuleSpec { pseudonym: Some(pseudonym), ..rule("id", &["Id"]) });
    }
    PolicySpec { rule: rules, ..PolicySpec::default() }
}

/// The input is texts with a zero byte between; six of them are a record, an empty one is an absent field.
pub(crate) fn judge(bytes: &[u8]) {
    let values: Vec<String> = bytes
        .split(|&byte| byte == 0)
        .take(MAX_VALUES)
        .map(|value| String::from_utf8_lossy(value).chars().filter(|c| !c.is_control()).collect())
        .collect();
    for value in &values {
        detectors(value);
    }
    let records: Vec<&[String]> =
        values.chunks(FIELDS.len()).filter(|record| !record[0].is_empty()).collect();
    if records.is_empty() {
        return;
    }
    let subject = &*SUBJECT;
    let (json, csv) = (json(&records), csv(&records));
    let by_json = |policy| {
        let source =
            JsonReader::new(json.as_bytes(), &subject.layout, JsonForm::Lines, JsonLimits::default());
        drain(subject, policy, source)
    };
    let options = CsvOptions { empty: EmptyCells::Absent, ..CsvOptions::default() };
    for policy in [&subject.asp, &subject.municipality] {
        let (left, violations) = by_json(policy);
        let told = drain(subject, policy, CsvReader::new(csv.as_bytes(), &subject.layout, &options).unwrap());
        assert_eq!(left, told.0, "JSON and CSV leave alike");
        assert_eq!(codes(&violations), codes(&told.1), "JSON and CSV break the same rules");
        nothing_is_told(&values, &violations);
    }
    let (left, _) = by_json(&subject.municipality);
    for form in left.iter().flatten() {
        may_leave(form);
    }
}

fn detectors(value: &str) {
    let all: Detectors = Detector::ALL.into_iter().collect();
    let together = all.find(value);
    for detector in Detector::ALL {
        let alone: Detectors = [detector].into_iter().collect();
        assert_eq!(alone.find(value).has(detector), together.has(detector), "{}", detector.name());
    }
}

type Left = Vec<Option<Vec<u8>>>;

/// What leaves of each record that its schema takes, and what is told of the others.
fn drain(subject: &Subject, policy: &Arc<Policy>, mut source: impl RecordSource) -> (Left, Vec<Violation>) {
    let mut judge = Judge::new(policy);
    let mut checker = RecordChecker::new(&subject.schema, &subject.layout);
    let mut record = Record::new().with_places();
    let mut violations = Violations::default();
    let mut left = Vec::new();
    loop {
        match source.next_checked(&mut record, &mut checker, &mut violations).unwrap() {
            Next::Good => {
                let passed = judge.judge(&record, &mut violations);
                left.push(passed.then(|| judge.leaving().to_vec()));
            }
            Next::Bad => left.push(None),
            Next::End => return (left, violations.into_listed()),
        }
    }
}

fn codes(violations: &[Violation]) -> Vec<(u64, Option<&str>, &'static str)> {
    violations.iter().map(|found| (found.record, found.field.as_deref(), found.code)).collect()
}

/// Values that no text of the gateway's own has in it are in none of what is told.
fn nothing_is_told(values: &[String], violations: &[Violation]) {
    let told: String =
        violations.iter().map(|found| format!("{} {}", found.message, found.message_ja)).collect();
    let is_telling = |value: &&String| value.chars().filter(char::is_ascii_digit).count() >= 6;
    for value in values.iter().filter(is_telling) {
        assert!(!told.contains(value.as_str()), "a value is told");
    }
}

/// What left on the municipality's side is refused by nobody, but for what its pseudonym happens to look like.
fn may_leave(form: &[u8]) {
    let record = sekisho_records::CanonicalRecord::new(form).expect("what leaves is a canonical record");
    let all: Detectors = Detector::ALL.into_iter().collect();
    for item in record.items() {
        if let sekisho_records::Item::Value(field, sekisho_records::Value::Text(text)) = item
            && field.0 >= 2
        {
            assert_eq!(all.find(text), Detectors::default(), "field {} names somebody", field.0);
        }
    }
}

fn json(records: &[&[String]]) -> String {
    let object = |record: &&[String]| {
        let members = FIELDS.iter().zip(record.iter()).filter(|(_, value)| !value.is_empty());
        let object: serde_json::Map<_, _> =
            members.map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        format!("{}\n", serde_json::Value::Object(object))
    };
    records.iter().map(object).collect()
}

fn csv(records: &[&[String]]) -> String {
    let cell = |value: &String| match value.contains(['"', ',']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.clone(),
    };
    let mut text = FIELDS.join(",") + "\n";
    for record in records {
        let mut cells: Vec<String> = record.iter().map(cell).collect();
        cells.resize(FIELDS.len(), String::new());
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}
