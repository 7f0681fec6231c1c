//! How fast records of the attribute layout are read, checked and made canonical, on one core, at each door.
//!
//! 168 fields a record, most of one character: what the gateway is for.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sekisho_records::{
    CsvOptions, CsvReader, JsonForm, JsonLimits, JsonReader, Layout, Next, Record, RecordChecker,
    RecordSource, Violations, XmlOptions, XmlRecords,
};
use sekisho_xml::{Limits, QName, Reader};
use sekisho_xsd::Schema;

const RECORDS: u64 = 2_000;
const NAMESPACE: &str = "urn:example:city:attributes:1";

/// Field `field` (from 1) of record `n`: what residents differ in, flags, and fields that few have.
fn value(n: u64, field: usize) -> Option<String> {
    let seed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(field as u32) >> 9;
    Some(match field {
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
        _ => return None,
    })
}

fn intake(criterion: &mut Criterion) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/attributes.xsd");
    let schema = Schema::load(&path, None).expect("the repository's own schema");
    let ty = schema.record_type(&QName::new(NAMESPACE, "Record")).expect("its record");
    let layout = Arc::new(Layout::compile(&ty).expect("a flat record"));

    let names: Vec<_> = layout.fields().iter().map(|field| field.name.local.to_string()).collect();
    let records: Vec<Vec<Option<String>>> =
        (0..RECORDS).map(|n| (1..=names.len()).map(|field| value(n, field)).collect()).collect();
    let line = |record: &Vec<Option<String>>| {
        record.iter().map(|cell| cell.clone().unwrap_or_default()).collect::<Vec<_>>().join(",")
    };
    let present = |record: &Vec<Option<String>>, write: &dyn Fn(&str, &str) -> String, between: &str| {
        let parts =
            names.iter().zip(record).filter_map(|(name, cell)| cell.as_ref().map(|cell| write(name, cell)));
        parts.collect::<Vec<_>>().join(between)
    };
    let csv =
        format!("{}\r\n{}\r\n", names.join(","), records.iter().map(line).collect::<Vec<_>>().join("\r\n"));
    // Ids and towns that come again, so that no value goes as far as the schema engine.
    let again = |n: u64| (1..=names.len()).map(|field| value(n % 100, field)).collect();
    let known: Vec<Vec<Option<String>>> = (0..RECORDS).map(again).collect();
    let known =
        format!("{}\r\n{}\r\n", names.join(","), known.iter().map(line).collect::<Vec<_>>().join("\r\n"));
    let quoted = csv.replace("20161001", "\"20161001\"");
    let object = |record: &Vec<Option<String>>| {
        format!("{{{}}}", present(record, &|name, cell| format!("\"{name}\":\"{cell}\""), ","))
    };
    let ndjson = records.iter().map(object).collect::<Vec<_>>().join("\n");
    let element = |record: &Vec<Option<String>>| {
        format!("<Record>{}</Record>", present(record, &|name, cell| format!("<{name}>{cell}</{name}>"), ""))
    };
    let xml = format!("<R xmlns=\"{NAMESPACE}\">{}</R>", records.iter().map(element).collect::<String>());

    let mut checker = RecordChecker::new(&schema, &layout);
    let mut drain = |source: &mut dyn RecordSource| {
        let mut record = Record::new();
        let mut violations = Violations::default();
        let mut canonical = Vec::new();
        loop {
            match source.next_checked(&mut record, &mut checker, &mut violations).expect("a good payload") {
                Next::Good => {}
                Next::Bad => panic!("{:?}", violations.listed()),
                Next::End => break,
            }
            canonical.clear();
            record.canonical(&mut canonical);
            black_box(&canonical);
        }
        assert_eq!(record.number(), RECORDS);
    };

    let mut group = criterion.benchmark_group("intake");
    group.sample_size(20);
    for (name, text) in [("csv", &csv), ("csv-known-values", &known), ("csv-with-quotes", &quoted)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let source = CsvReader::new(text.as_bytes(), &layout, &CsvOptions::default());
                drain(&mut source.expect("default options"));
            });
        });
    }
    group.throughput(Throughput::Bytes(csv.len() as u64));
    group.bench_function("csv-read-only", |bench| {
        bench.iter(|| {
            let mut source =
                CsvReader::new(csv.as_bytes(), &layout, &CsvOptions::default()).expect("default options");
            let mut record = Record::new();
            while source.next(&mut record).expect("a good payload") {
                black_box(&record);
            }
        });
    });
    group.throughput(Throughput::Bytes(ndjson.len() as u64));
    group.bench_function("ndjson", |bench| {
        bench.iter(|| {
            drain(&mut JsonReader::new(ndjson.as_bytes(), &layout, JsonForm::Lines, JsonLimits::default()))
        });
    });
    group.throughput(Throughput::Bytes(xml.len() as u64));
    group.bench_function("xml", |bench| {
        bench.iter(|| {
            let mut reader = Reader::new(xml.as_bytes(), Limits::default());
            drain(&mut XmlRecords::from_document(&mut reader, &layout, XmlOptions::default()));
        });
    });
    group.finish();
}

criterion_group!(benches, intake);
criterion_main!(benches);
