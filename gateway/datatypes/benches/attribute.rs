//! Checks per second: the types of an attribute record (`schemas/` has their like), value by value and a record at a time.
#![allow(clippy::unwrap_used, missing_docs)] // A benchmark that cannot begin says where; criterion's macros make no documents.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sekisho_datatypes::{
    Builtin, EnumValue, Facets, NoNamespaces, Scratch, Tables, TypeId, Types, TypesBuilder,
};

/// A type's name, the type and a value.
type Field = (&'static str, TypeId, &'static str);

struct Record {
    types: Types,
    fields: Vec<Field>,
    flag: TypeId,
    ages: (TypeId, String),
}

fn record() -> Record {
    let mut builder = TypesBuilder::new(Tables::Current);
    let pattern = |text: &str| Facets { patterns: vec![text.to_owned()], ..Facets::default() };
    let between = |min: &str, max: &str| Facets {
        min_inclusive: Some(min.to_owned()),
        max_inclusive: Some(max.to_owned()),
        ..Facets::default()
    };
    let mut restrict = |base: Builtin, facets| builder.restrict(base.id(), None, facets).unwrap();
    let flags = ["0", "1"].map(EnumValue::from).to_vec();
    let flag = restrict(Builtin::String, Facets { enumeration: Some(flags), ..Facets::default() });
    let free = restrict(Builtin::Token, Facets { max_length: Some(64), ..Facets::default() });
    let code = restrict(Builtin::String, pattern("[0-9]{5}"));
    let reserve = Facets { length: Some(20), ..pattern("[0-9]*") };
    let day = restrict(Builtin::String, pattern("[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"));
    let fields = vec![
        ("UserId", restrict(Builtin::String, pattern("[0-9A-Za-z]{1,20}")), "U000012345A3F"),
        ("DateDigits", day, "20161001"),
        ("SexCode", restrict(Builtin::UnsignedByte, between("1", "3")), "2"),
        ("Year", restrict(Builtin::UnsignedShort, between("1890", "2100")), "1978"),
        ("Month", restrict(Builtin::UnsignedByte, between("1", "12")), "11"),
        ("Digits5", code, "12103"),
        ("Digits20", restrict(Builtin::String, reserve), "00419203847561029384"),
        ("Flag", flag, "1"),
        ("FreeField", free, "201611"),
        ("FreeField, empty", free, ""),
        ("FreeField, Japanese", free, "千葉県 千葉市"),
        ("Flag, not normalised", free, " 1\n"),
        ("Katakana", restrict(Builtin::String, pattern("[ァ-ヶー　]{1,40}")), "ヤマダ　タロウ"),
        ("Words", restrict(Builtin::String, pattern("\\p{L}+( \\p{L}+)*")), "東京都 千代田区 霞が関"),
        ("dateTime", Builtin::DateTime.id(), "2026-11-22T08:00:00+09:00"),
        ("decimal, signed", Builtin::Decimal.id(), "-1234.50"),
        ("double", Builtin::Double.id(), "1.5E-3"),
    ];
    let list = builder.list(None, flag).unwrap();
    let list = builder.restrict(list, None, Facets { length: Some(101), ..Facets::default() }).unwrap();
    let ages = (list, vec!["0"; 101].join(" "));
    Record { types: builder.finish(), fields, flag, ages }
}

fn checks(criterion: &mut Criterion) {
    let Record { types, fields, flag, ages } = record();
    let mut scratch = Scratch::new();
    let mut group = criterion.benchmark_group("check");
    group.throughput(Throughput::Elements(1));
    for (name, ty, value) in &fields {
        assert!(types.check(*ty, value, &NoNamespaces, &mut scratch).is_ok(), "{name}");
        group.bench_function(*name, |bencher| {
            bencher.iter(|| types.check(*ty, black_box(value), &NoNamespaces, &mut scratch).is_ok());
        });
    }
    group.bench_function("list of 101 flags", |bencher| {
        bencher.iter(|| types.check(ages.0, black_box(&ages.1), &NoNamespaces, &mut scratch).is_ok());
    });
    group.bench_function("refused", |bencher| {
        bencher.iter(|| types.check(flag, black_box("2"), &NoNamespaces, &mut scratch).is_err());
    });
    group.finish();

    let mut group = criterion.benchmark_group("key");
    group.throughput(Throughput::Elements(1));
    let mut key = Vec::new();
    for (name, ty, value) in &fields[..2] {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                key.clear();
                types.value_key(*ty, black_box(value), &NoNamespaces, &mut scratch, &mut key).is_ok()
            });
        });
    }
    group.finish();

    // As the generator of trial data writes a record: 8 codes, 110 flags, 50 free fields of which 6 have a value.
    let mut record: Vec<(TypeId, &str)> = fields[..7].iter().map(|(_, ty, value)| (*ty, *value)).collect();
    record.extend([(flag, "0"); 110]);
    let free = fields[8].1;
    record.extend([(free, "201611"); 6]);
    record.extend([(free, ""); 44]);
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(record.len() as u64));
    group.bench_function("attribute record", |bencher| {
        bencher.iter(|| {
            black_box(&record)
                .iter()
                .all(|(ty, value)| types.check(*ty, value, &NoNamespaces, &mut scratch).is_ok())
        });
    });
    group.finish();
}

/// What a type costs before it checks anything.
fn definitions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("define");
    for (name, pattern) in [
        ("class", "[0-9]{5}"),
        ("date", "[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"),
        ("words", "\\p{L}+( \\p{L}+)*"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut builder = TypesBuilder::new(Tables::Current);
                let facets = Facets { patterns: vec![pattern.to_owned()], ..Facets::default() };
                builder.restrict(Builtin::String.id(), None, facets).unwrap()
            });
        });
    }
    group.bench_function("nothing", |bencher| bencher.iter(|| TypesBuilder::new(Tables::Current)));
    group.finish();
}

criterion_group!(benches, checks, definitions);
criterion_main!(benches);
