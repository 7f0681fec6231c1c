//! Equality (part 2 §2.2.1): values are equal exactly when their canonical bytes are.

use std::collections::HashMap;

use sekisho_datatypes::{Builtin, NoNamespaces, Scratch, Tables, TypesBuilder};

use crate::key;

/// Literals of equal values, a row each; rows are of different values.
const CLASSES: &[(Builtin, &[&[&str]])] = &[
    (
        Builtin::Decimal,
        &[
            &["1", "1.0", "+01", "1.", " 001.000 "],
            &["0", "-0", "0.0", ".0", "+00"],
            &["-1", "-1.00"],
            &["0.1", ".1", ".10"],
            &["10"],
            &["-0.1"],
            &["1.01"],
        ],
    ),
    (Builtin::Integer, &[&["7", "+7", "007"], &["70"], &["-7"]]),
    (Builtin::Boolean, &[&["true", "1"], &["false", "0"]]),
    (
        Builtin::Float,
        &[
            &["0", "-0", "0e5"],
            &["NaN"],
            &["INF", "1e99"],
            &["-INF"],
            &["1e2", "100", "1.00E+02"],
            &["16777216", "16777217"],
        ],
    ),
    (Builtin::Double, &[&["0", "-0", "1e-999"], &["NaN"], &["16777216"], &["16777217"], &["INF", "1e999"]]),
    (Builtin::String, &[&["a"], &[" a"], &["A"], &[""]]),
    (Builtin::Token, &[&["a b", " a  b ", "a\nb"], &["ab"]]),
    (
        Builtin::Duration,
        &[
            &["P1Y", "P12M", "P0Y12M"],
            &["P365D"],
            &["PT60S", "PT1M", "PT60.0S"],
            &["PT0S", "P0Y", "-P0D", "-PT0.0S"],
            &["-PT1M"],
            &["P1D", "PT24H", "PT86400S"],
            &["PT0.5S"],
            &["P1M"],
            &["P30D"],
        ],
    ),
    (
        Builtin::DateTime,
        &[
            &["2026-11-22T08:00:00Z", "2026-11-22T17:00:00+09:00", "2026-11-22T08:00:00.0-00:00"],
            &["2026-11-22T08:00:00"],
            &["2026-11-22T08:00:00.5Z", "2026-11-22T08:00:00.50Z"],
            &["2026-11-22T24:00:00", "2026-11-23T00:00:00"],
            &["-0001-12-31T24:00:00", "0001-01-01T00:00:00"],
            &["0001-01-01T00:00:00Z", "-0001-12-31T23:00:00-01:00"],
            &["2026-12-31T24:00:00Z", "2027-01-01T00:00:00Z"],
            &["1972-12-01T00:00:00Z"],
        ],
    ),
    (Builtin::Time, &[&["00:00:00", "24:00:00"], &["00:00:00Z", "01:00:00+01:00"], &["23:59:59"]]),
    (
        Builtin::Date,
        &[
            &["2026-11-22+13:00", "2026-11-21-11:00"],
            &["2026-11-22"],
            &["2026-11-22Z"],
            &["-0001-12-31"],
            &["0001-01-01"],
        ],
    ),
    (Builtin::GYear, &[&["2026"], &["2026Z", "2026+00:00"], &["-2026"], &["12026"]]),
    (Builtin::GMonthDay, &[&["--02-29"], &["--03-01"], &["--02-28"]]),
    (Builtin::GDay, &[&["---01"], &["---31"]]),
    (Builtin::HexBinary, &[&["0a", "0A"], &["0a0a"], &[""]]),
    (Builtin::Base64Binary, &[&["QUJD", "Q UJ D"], &["QUI="], &[""]]),
    (Builtin::QName, &[&["a", " a "], &["b"], &["xml:a"]]),
    (Builtin::Nmtokens, &[&["a b", " a  b"], &["b a"], &["a"], &["ab"]]),
    (Builtin::AnyUri, &[&["a"], &["A"]]),
];

#[test]
fn equal_values_and_only_they_have_equal_bytes() {
    let types = TypesBuilder::new(Tables::Current).finish();
    for (builtin, classes) in CLASSES {
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        for (class, literals) in classes.iter().enumerate() {
            for literal in *literals {
                let first = *seen.entry(key(&types, builtin.id(), literal)).or_insert(class);
                assert_eq!(first, class, "{builtin:?} {literal:?}");
            }
            let distinct = seen.values().filter(|&&of| of == class).count();
            assert_eq!(distinct, 1, "{builtin:?} {literals:?} are one value");
        }
    }
}

#[test]
fn values_of_different_primitive_types_differ_and_of_derived_ones_do_not() {
    let types = TypesBuilder::new(Tables::Current).finish();
    let one = [
        Builtin::String,
        Builtin::Decimal,
        Builtin::Float,
        Builtin::Double,
        Builtin::Boolean,
        Builtin::AnyUri,
    ];
    let keys: Vec<_> = one.map(|builtin| key(&types, builtin.id(), "1")).to_vec();
    for (at, one) in keys.iter().enumerate() {
        assert_eq!(keys.iter().filter(|&other| other == one).count(), 1, "{at}");
    }
    assert_eq!(key(&types, Builtin::Byte.id(), "1"), key(&types, Builtin::Decimal.id(), "1.0"));
    assert_eq!(key(&types, Builtin::NCName.id(), "a"), key(&types, Builtin::String.id(), "a"));
    assert_eq!(key(&types, Builtin::Nmtokens.id(), " a "), key(&types, Builtin::String.id(), "a"));
    assert_ne!(key(&types, Builtin::Nmtokens.id(), "a b"), key(&types, Builtin::String.id(), "a b"));
}

#[test]
fn a_fault_leaves_the_bytes_as_they_were() {
    let mut builder = TypesBuilder::new(Tables::Current);
    let list = builder.list(None, Builtin::Integer.id()).unwrap();
    let union = builder.union(None, vec![list, Builtin::Boolean.id()]).unwrap();
    let types = builder.finish();
    for (ty, raw) in [(list, "1 2 x"), (union, "1 2 x"), (Builtin::Date.id(), "today")] {
        let mut out = b"before".to_vec();
        assert!(types.value_key(ty, raw, &NoNamespaces, &mut Scratch::new(), &mut out).is_err());
        assert_eq!(out, b"before");
    }
}

/// Room is used again from value to value, and one value says nothing of the next.
#[test]
fn scratch_carries_nothing_over() {
    let mut builder = TypesBuilder::new(Tables::Current);
    let words =
        sekisho_datatypes::Facets { enumeration: crate::enumeration(&["a b", "c"]), ..Default::default() };
    let words = builder.restrict(Builtin::Nmtokens.id(), None, words).unwrap();
    let types = builder.finish();
    let mut scratch = Scratch::new();
    for (raw, valid) in
        [("a b", true), ("a", false), ("  c ", true), ("b a", false), ("a\tb", true), ("c c", false)]
    {
        assert_eq!(types.check(words, raw, &NoNamespaces, &mut scratch).is_ok(), valid, "{raw:?}");
    }
}
