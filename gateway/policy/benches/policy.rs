//! How many records of the attribute layout are taken in a second, with and without the ready profile, at the doors.
//!
//! Records are read and checked as at intake; the policy is what comes on top.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sekisho_policy::detect::{Detector, Detectors};
use sekisho_policy::{Ground, Judge, Place, Policy, PolicySpec, Profile};
use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Layout, Next, Record, RecordChecker,
    RecordSource, Violations,
};
use sekisho_xml::QName;
use sekisho_xsd::Schema;

const RECORDS: u64 = 2_000;

/// Field `field` (from 1) of record `n`.
fn value(n: u64, field: usize) -> String {
    let seed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(field as u32) >> 9;
    match field {
        1 => format!("U{n:09}{:03X}", seed & 0xFFF),
        2 => "20161001".to_owned(),
        3 => (1 + seed % 2).to_string(),
        4 => (1930 + seed % 86).to_string(),
        5 => (1 + seed % 12).to_string(),
        6 => (12_101 + seed % 6).to_string(),
        7 => format!("{:05}", seed % 99_999),
        8 => "0".repeat(20),
        9..=118 => u64::from(seed.is_multiple_of(40)).to_string(),
        119..=121 => (seed % 2).to_string(),
        139 if seed.is_multiple_of(3) => format!("2010{:02}", 1 + seed % 12),
        _ => String::new(),
    }
}

fn policy(criterion: &mut Criterion) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/attributes.xsd");
    let schema = Schema::load(&path, None).expect("the repository's own schema");
    let record = QName::new("urn:example:city:attributes:1", "Record");
    let layout =
        Arc::new(Layout::compile(&schema.record_type(&record).expect("its record")).expect("a layout"));
    let compile = |place, key: Option<&str>| {
        let ground = Ground {
            place,
            schema: schema.clone(),
            layout: Arc::clone(&layout),
            outgoing: None,
            names: None,
            key: key.map(|digit| digit.repeat(64)),
        };
        let spec = PolicySpec { profile: Some(Profile::AbstractedAttributes), ..PolicySpec::default() };
        Arc::new(Policy::compile(&spec, &ground).expect("the ready profile"))
    };
    let names: Vec<_> = layout.fields().iter().map(|field| field.name.local.to_string()).collect();
    let records: Vec<Vec<String>> =
        (0..RECORDS).map(|n| (1..=names.len()).map(|field| value(n, field)).collect()).collect();
    let lines: Vec<String> = records.iter().map(|record| record.join(",")).collect();
    let csv = format!("{}\n{}\n", names.join(","), lines.join("\n"));
    let object = |record: &Vec<String>| {
        let members = names.iter().zip(record).filter(|(_, value)| !value.is_empty());
        format!(
            "{{{}}}",
            members.map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect::<Vec<_>>().join(",")
        )
    };
    let ndjson = records.iter().map(object).collect::<Vec<_>>().join("\n");

    let mut checker = RecordChecker::new(&schema, &layout);
    let mut drain = |source: &mut dyn RecordSource, policy: Option<&Arc<Policy>>| {
        let mut judge = policy.map(Judge::new);
        let mut record = if policy.is_some() { Record::new().with_places() } else { Record::new() };
        let mut violations = Violations::default();
        let mut canonical = Vec::new();
        while source.next_checked(&mut record, &mut checker, &mut violations).expect("a good payload")
            == Next::Good
        {
            match &mut judge {
                Some(judge) => {
                    assert!(judge.judge(&record, &mut violations), "{:?}", violations.listed());
                    black_box(judge.leaving());
                }
                None => {
                    canonical.clear();
                    record.canonical(&mut canonical);
                    black_box(&canonical);
                }
            }
        }
        assert_eq!(record.number(), RECORDS);
    };

    let mut group = criterion.benchmark_group("policy");
    group.sample_size(20).throughput(Throughput::Elements(RECORDS));
    let policies = [
        ("without", None),
        ("refusing", Some(compile(Place::Asp, None))),
        ("changing", Some(compile(Place::Municipality, None))),
        ("with-pseudonyms", Some(compile(Place::Municipality, Some("7")))),
    ];
    for (name, policy) in &policies {
        group.bench_function(format!("csv-{name}"), |bench| {
            bench.iter(|| {
                let source = CsvReader::new(csv.as_bytes(), &layout, &CsvOptions::default());
                drain(&mut source.expect("default options"), policy.as_ref());
            });
        });
        group.bench_function(format!("ndjson-{name}"), |bench| {
            bench.iter(|| {
                let limits = JsonLimits::default();
                drain(
                    &mut JsonReader::new(ndjson.as_bytes(), &layout, JsonForm::Lines, limits),
                    policy.as_ref(),
                );
            });
        });
    }
    group.finish();

    let all: Detectors = Detector::ALL.into_iter().collect();
    let mut group = criterion.benchmark_group("detectors");
    for (name, value) in [
        ("id", "U0000000017B"),
        ("digits", "20161001"),
        ("text", "子育て世帯臨時特例給付金の申請があったため、確認のうえ通知する"),
    ] {
        group.throughput(Throughput::Bytes(value.len() as u64));
        group.bench_function(name, |bench| bench.iter(|| black_box(all.find(black_box(value)))));
    }
    group.finish();
}

criterion_group!(benches, policy);
criterion_main!(benches);
