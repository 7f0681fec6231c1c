//! The constraining facets (part 2 §4.3).

use sekisho_datatypes::{
    Builtin, DefinitionError, EnumValue, Facets, Scratch, Tables, Types, TypesBuilder, What, WhiteSpace,
};

use crate::{check, code, enumeration, restricted, text};

#[test]
fn lengths_are_of_characters_octets_or_items() {
    let between = Facets { min_length: Some(2), max_length: Some(3), ..Facets::default() };
    let cases = [
        (Builtin::String, ["𠮷", "𠮷野", "𠮷野家", "𠮷野家屋"]),
        (Builtin::String, [" ", "  ", "   ", "    "]),
        (Builtin::Token, [" a ", " a b", "a  b", "a  bc"]),
        (Builtin::AnyUri, ["a", "a:", "日本語", "日本語a"]),
        (Builtin::HexBinary, ["0a", "0a0b", "0a0b0c", "0a0b0c0d"]),
        (Builtin::Base64Binary, ["QQ==", "Q U I =", "QU JD", "QUJDQQ=="]),
        (Builtin::Nmtokens, ["a", "a b", " a b  c ", "a b c d"]),
        (Builtin::NCName, ["氏", "氏名", "氏名a", "氏名ab"]),
    ];
    for (builtin, [short, two, three, long]) in cases {
        let (types, ty) = restricted(builtin, between.clone());
        assert_eq!(code(&types, ty, short), "cvc-minLength-valid", "{builtin:?}");
        for fits in [two, three] {
            assert_eq!(code(&types, ty, fits), "valid", "{builtin:?} {fits:?}");
        }
        assert_eq!(code(&types, ty, long), "cvc-maxLength-valid", "{builtin:?} {long:?}");
    }
    let (types, ty) = restricted(Builtin::String, Facets { length: Some(2), ..Facets::default() });
    assert_eq!(code(&types, ty, "氏名"), "valid");
    assert_eq!(code(&types, ty, "氏"), "cvc-length-valid");
    assert_eq!(code(&types, ty, "氏名a"), "cvc-length-valid");
}

#[test]
fn lengths_say_nothing_of_qualified_names() {
    let (types, ty) = restricted(Builtin::QName, Facets { length: Some(2), ..Facets::default() });
    assert_eq!(code(&types, ty, "abc"), "valid");
}

#[test]
fn digits_are_those_of_the_value() {
    let facets = Facets { total_digits: Some(4), fraction_digits: Some(2), ..Facets::default() };
    let (types, ty) = restricted(Builtin::Decimal, facets);
    for fits in ["0", "1234", "12.34", "-12.34", "0001234", "12.3400", "0.01", ".12", "+1234.000"] {
        assert_eq!(code(&types, ty, fits), "valid", "{fits}");
    }
    assert_eq!(code(&types, ty, "12345"), "cvc-totalDigits-valid");
    assert_eq!(code(&types, ty, "123.45"), "cvc-totalDigits-valid");
    assert_eq!(code(&types, ty, "1.234"), "cvc-fractionDigits-valid");
    // 0.001 is 1 × 10^-3, and n may not be more than totalDigits either.
    let (types, ty) = restricted(Builtin::Decimal, Facets { total_digits: Some(2), ..Facets::default() });
    assert_eq!(code(&types, ty, "0.01"), "valid");
    assert_eq!(code(&types, ty, "0.001"), "cvc-totalDigits-valid");
    let (types, ty) = restricted(Builtin::Integer, Facets { total_digits: Some(3), ..Facets::default() });
    assert_eq!(code(&types, ty, "999"), "valid");
    assert_eq!(code(&types, ty, "1000"), "cvc-totalDigits-valid");
    assert_eq!(code(&types, ty, "-0001000"), "cvc-totalDigits-valid");
}

fn inclusive(min: &str, max: &str) -> Facets {
    Facets { min_inclusive: text(min), max_inclusive: text(max), ..Facets::default() }
}

fn exclusive(min: &str, max: &str) -> Facets {
    Facets { min_exclusive: text(min), max_exclusive: text(max), ..Facets::default() }
}

/// Base, lower and upper bound, values in ascending order: two below, the lower bound, one inside, the upper one, two above.
const ORDERED: &[(Builtin, [&str; 2], [&str; 7])] = &[
    (Builtin::Decimal, ["-1.50", "99.9"], ["-2", "-1.51", "-1.5", "0", "99.90", "99.91", "100"]),
    (
        Builtin::Integer,
        ["1890", "2100"],
        ["-1890", "1889", "01890", "2000", "+2100", "2101", "99999999999999999999999"],
    ),
    (Builtin::Integer, ["-100", "-10"], ["-99999999999999999999", "-101", "-100", "-50", "-010", "-9", "0"]),
    (Builtin::UnsignedByte, ["1", "12"], ["0", "000", "1", "5", "12", "13", "200"]),
    (
        Builtin::Decimal,
        ["99999999999999999999.1", "99999999999999999999.3"],
        [
            "1",
            "99999999999999999999.09",
            "99999999999999999999.10",
            "99999999999999999999.2",
            "99999999999999999999.3",
            "99999999999999999999.30001",
            "100000000000000000000",
        ],
    ),
    (Builtin::Float, ["-1", "1e3"], ["-INF", "-1.1", "-1.0", "0", "1000", "1001", "INF"]),
    (Builtin::Double, ["0", "1e300"], ["-INF", "-1e-300", "-0", "1", "1E+300", "1.1e300", "INF"]),
    (
        Builtin::Date,
        ["2026-01-01", "2026-12-31"],
        ["-2026-06-01", "2025-12-31", "2026-01-01", "2026-06-01", "2026-12-31", "2027-01-01", "12026-01-01"],
    ),
    (
        Builtin::DateTime,
        ["2026-01-01T00:00:00Z", "2026-01-01T12:00:00.5Z"],
        [
            "2025-01-01T00:00:00",
            "2026-01-01T08:59:59.999+09:00",
            "2026-01-01T09:00:00+09:00",
            "2026-01-01T06:00:00Z",
            "2026-01-01T12:00:00.500Z",
            "2026-01-01T12:00:00.5000001Z",
            "2027-01-01T00:00:00",
        ],
    ),
    (
        Builtin::Time,
        ["09:00:00", "17:30:00"],
        ["00:00:00", "08:59:59.9", "09:00:00.0", "12:00:00", "17:30:00", "17:30:00.1", "23:59:59"],
    ),
    (Builtin::GYear, ["-0010", "2026"], ["-0100", "-0011", "-0010", "0001", "2026", "2027", "99999"]),
    (
        Builtin::GYearMonth,
        ["2026-03", "2026-10"],
        ["2025-12", "2026-02", "2026-03", "2026-05", "2026-10", "2026-11", "2027-01"],
    ),
    (
        Builtin::GMonthDay,
        ["--02-29", "--11-30"],
        ["--01-01", "--02-28", "--02-29", "--03-01", "--11-30", "--12-01", "--12-31"],
    ),
    (Builtin::GMonth, ["--03", "--10"], ["--01", "--02", "--03", "--05", "--10", "--11", "--12"]),
    (Builtin::GDay, ["---03", "---10"], ["---01", "---02", "---03", "---05", "---10", "---11", "---31"]),
    (Builtin::Duration, ["P1M", "P1Y"], ["-P1Y", "P27D", "P1M", "P60D", "P12M", "P367D", "P2Y"]),
    (
        Builtin::Duration,
        ["-PT1.5S", "PT1.5S"],
        ["-P1D", "-PT1.6S", "-PT1.50S", "PT0S", "PT1.5S", "PT1.51S", "PT1M"],
    ),
];

#[test]
fn bounds_hold_in_the_order_of_the_value_space() {
    for (builtin, [min, max], values) in ORDERED {
        let (types, ty) = restricted(*builtin, inclusive(min, max));
        let (open, open_ty) = restricted(*builtin, exclusive(min, max));
        for (at, value) in values.iter().enumerate() {
            let expected = match at {
                0 | 1 => "cvc-minInclusive-valid",
                2..=4 => "valid",
                _ => "cvc-maxInclusive-valid",
            };
            assert_eq!(code(&types, ty, value), expected, "{builtin:?} {value} in {min}..={max}");
            let expected = match at {
                0..=2 => "cvc-minExclusive-valid",
                3 => "valid",
                _ => "cvc-maxExclusive-valid",
            };
            assert_eq!(code(&open, open_ty, value), expected, "{builtin:?} {value} in {min}..{max}");
        }
    }
}

#[test]
fn what_cannot_be_compared_is_outside_every_bound() {
    let cases = [
        // A month has 28 to 31 days (part 2 §3.2.6.2).
        (Builtin::Duration, "P1M", &["P28D", "P29D", "P30D", "P31D"][..], &["P27D", "P32D", "P1M"][..]),
        (Builtin::Duration, "P1Y", &["P365D", "P366D"], &["P364D", "P367D", "P12M"]),
        // Without a time zone: anything within 14 hours (§3.2.7.4).
        (
            Builtin::DateTime,
            "2026-01-01T12:00:00Z",
            &["2026-01-01T00:00:00", "2026-01-02T02:00:00", "2025-12-31T22:00:00"],
            &["2025-12-31T21:59:59", "2026-01-02T02:00:00.1", "2026-01-01T12:00:00Z"],
        ),
        (Builtin::Time, "12:00:00Z", &["00:00:00", "23:59:59"], &["12:00:00+00:00"]),
        (Builtin::Float, "5", &["NaN"], &["5", "INF"]),
        (Builtin::Double, "5", &["NaN"], &["5", "-INF"]),
    ];
    for (builtin, bound, incomparable, comparable) in cases {
        let (least, least_ty) =
            restricted(builtin, Facets { min_inclusive: text(bound), ..Facets::default() });
        let (most, most_ty) = restricted(builtin, Facets { max_inclusive: text(bound), ..Facets::default() });
        for value in incomparable {
            assert!(check(&least, least_ty, value).is_err(), "{value} is not known to be {bound} or more");
            assert!(check(&most, most_ty, value).is_err(), "{value} is not known to be {bound} or less");
        }
        for value in comparable {
            let taken = check(&least, least_ty, value).is_ok() || check(&most, most_ty, value).is_ok();
            assert!(taken, "{value} can be compared with {bound}");
        }
    }
}

#[test]
fn a_bound_of_nan_admits_nan_only() {
    let (types, ty) = restricted(Builtin::Float, Facets { min_inclusive: text("NaN"), ..Facets::default() });
    assert_eq!(code(&types, ty, "NaN"), "valid");
    assert_eq!(code(&types, ty, "0"), "cvc-minInclusive-valid");
    let (types, ty) = restricted(Builtin::Double, Facets { max_inclusive: text("INF"), ..Facets::default() });
    assert_eq!(code(&types, ty, "NaN"), "cvc-maxInclusive-valid");
    assert_eq!(code(&types, ty, "INF"), "valid");
}

#[test]
fn year_1_comes_after_year_minus_1() {
    let (types, ty) = restricted(
        Builtin::DateTime,
        Facets {
            min_inclusive: text("-0001-12-31T23:00:00Z"),
            max_inclusive: text("0001-01-01T01:00:00Z"),
            ..Facets::default()
        },
    );
    assert_eq!(code(&types, ty, "-0001-12-31T23:59:59Z"), "valid");
    assert_eq!(code(&types, ty, "0001-01-01T00:00:00Z"), "valid");
    assert_eq!(code(&types, ty, "0001-01-01T10:00:00+09:30"), "valid");
    assert_eq!(code(&types, ty, "-0001-12-31T22:59:59Z"), "cvc-minInclusive-valid");
}

#[test]
fn enumerations_are_of_values() {
    let cases = [
        (Builtin::String, &["a b", ""][..], &["a b", ""][..], &["a  b", "A B", " "][..]),
        (Builtin::Token, &[" a  b "], &["a b", " a b\n"], &["ab"]),
        (Builtin::Decimal, &["1", "2.50"], &["1.0", "+01", "2.5", " 1 "], &["2.51", "-1", "0"]),
        (Builtin::Integer, &["007"], &["7", "+7"], &["70"]),
        (Builtin::Float, &["1e2", "0", "NaN"], &["100", "-0", "NaN"], &["INF", "1"]),
        (Builtin::Duration, &["P1Y", "PT60S"], &["P12M", "P0Y12M", "PT1M"], &["P365D", "-P1Y", "PT1S"]),
        (
            Builtin::DateTime,
            &["2026-01-01T00:00:00Z", "2026-01-01T00:00:00"],
            &["2026-01-01T09:00:00.00+09:00", "2025-12-31T24:00:00Z", "2026-01-01T00:00:00"],
            &["2026-01-01T00:00:01Z", "2026-01-01T09:00:00"],
        ),
        (Builtin::Date, &["2002-10-10+13:00"], &["2002-10-09-11:00"], &["2002-10-10", "2002-10-10Z"]),
        (Builtin::HexBinary, &["0a"], &["0A", "0a"], &["0b", "0a0a"]),
        (Builtin::Base64Binary, &["QUJD"], &["Q U J D"], &["QUI="]),
        (Builtin::QName, &["a"], &["a"], &["b"]),
        (Builtin::Nmtokens, &["a b", " c "], &["a  b", "c"], &["b a", "a", "a b c"]),
        (Builtin::AnyUri, &["http://a/"], &[" http://a/ "], &["http://a"]),
    ];
    for (builtin, values, held, others) in cases {
        let (types, ty) =
            restricted(builtin, Facets { enumeration: enumeration(values), ..Facets::default() });
        for value in held {
            assert_eq!(code(&types, ty, value), "valid", "{builtin:?} {value:?}");
        }
        for value in others {
            assert_eq!(code(&types, ty, value), "cvc-enumeration-valid", "{builtin:?} {value:?}");
        }
    }
}

#[test]
fn qualified_names_are_enumerated_by_namespace() {
    let bound = |prefix: &str, name: &str| vec![(prefix.to_owned(), name.to_owned())];
    for builtin in [Builtin::QName, Builtin::Notation] {
        let values = vec![
            EnumValue { text: "p:png".into(), namespaces: bound("p", "urn:pictures") },
            EnumValue { text: "gif".into(), namespaces: bound("", "urn:pictures") },
            EnumValue { text: "bare".into(), namespaces: Vec::new() },
        ];
        let (types, ty) = restricted(builtin, Facets { enumeration: Some(values), ..Facets::default() });
        let valid = |text: &str, namespaces: &[(String, String)]| {
            types.check(ty, text, &namespaces.to_vec(), &mut Scratch::new()).map_err(|fault| fault.code)
        };
        assert!(valid("q:png", &bound("q", "urn:pictures")).is_ok());
        assert!(valid("png", &bound("", "urn:pictures")).is_ok());
        assert!(valid(" x:gif ", &bound("x", "urn:pictures")).is_ok());
        assert!(valid("bare", &[]).is_ok());
        assert_eq!(valid("p:png", &bound("p", "urn:other")), Err("cvc-enumeration-valid"));
        assert_eq!(valid("png", &[]), Err("cvc-enumeration-valid"));
        assert_eq!(valid("p:png", &[]), Err("cvc-datatype-valid.1.2.1"));
        let fault = types.check(ty, "p:png", &Vec::new(), &mut Scratch::new()).unwrap_err();
        assert_eq!(fault.what, What::Prefix);
    }
}

#[test]
fn white_space_comes_before_everything() {
    let pattern = vec!["a b".to_owned()];
    let facets = |white_space| Facets { white_space, patterns: pattern.clone(), ..Facets::default() };
    let (types, ty) = restricted(Builtin::String, facets(None));
    assert_eq!(code(&types, ty, "a\tb"), "cvc-pattern-valid");
    let (types, ty) = restricted(Builtin::String, facets(Some(WhiteSpace::Replace)));
    assert_eq!(code(&types, ty, "a\tb"), "valid");
    assert_eq!(code(&types, ty, "a\r\nb"), "cvc-pattern-valid");
    let (types, ty) = restricted(Builtin::String, facets(Some(WhiteSpace::Collapse)));
    assert_eq!(code(&types, ty, "\na \r\n b\t"), "valid");
    assert_eq!(types.normalise(ty, "\na \r\n b\t"), "a b");
    assert_eq!(types.white_space(ty), WhiteSpace::Collapse);
}

#[test]
fn facets_of_a_chain_all_hold() {
    let mut builder = TypesBuilder::new(Tables::Current);
    let pattern = |text: &str| Facets { patterns: vec![text.to_owned()], ..Facets::default() };
    let letters = builder.restrict(Builtin::String.id(), None, pattern("[a-z]+")).unwrap();
    let short = builder.restrict(letters, None, Facets { max_length: Some(3), ..Facets::default() }).unwrap();
    let either = Facets { patterns: vec!["a.*".into(), ".*z".into()], ..Facets::default() };
    let marked = builder.restrict(short, text("Marked"), either).unwrap();
    let from = Facets { min_inclusive: text("10"), ..Facets::default() };
    let from = builder.restrict(Builtin::Integer.id(), None, from).unwrap();
    let to = builder.restrict(from, None, Facets { max_exclusive: text("20"), ..Facets::default() }).unwrap();
    let inside =
        builder.restrict(to, None, Facets { min_exclusive: text("12"), ..Facets::default() }).unwrap();
    let types: Types = builder.finish();
    for (value, expected) in [
        ("abc", "valid"),
        ("xyz", "valid"),
        ("bcd", "cvc-pattern-valid"),
        ("a1", "cvc-pattern-valid"),
        ("abcd", "cvc-maxLength-valid"),
    ] {
        assert_eq!(code(&types, marked, value), expected, "{value}");
    }
    for (value, expected) in [
        ("13", "valid"),
        ("19", "valid"),
        ("12", "cvc-minExclusive-valid"),
        ("9", "cvc-minExclusive-valid"),
        ("20", "cvc-maxExclusive-valid"),
    ] {
        assert_eq!(code(&types, inside, value), expected, "{value}");
    }
    assert_eq!(types.name(marked), Some("Marked"));
    assert!(types.derives_from(marked, letters) && !types.derives_from(letters, marked));
}

#[test]
fn what_cannot_be_represented_is_refused() {
    let refused = |base: Builtin, facets: Facets| {
        TypesBuilder::new(Tables::Current).restrict(base.id(), None, facets).unwrap_err()
    };
    let error = refused(Builtin::Integer, Facets { min_inclusive: text("many"), ..Facets::default() });
    assert!(matches!(error, DefinitionError::Literal { facet: "minInclusive", .. }), "{error}");
    let error =
        refused(Builtin::Byte, Facets { enumeration: enumeration(&["1", "128"]), ..Facets::default() });
    assert!(matches!(error, DefinitionError::Literal { facet: "enumeration", .. }), "{error}");
    let error = refused(Builtin::String, Facets { max_inclusive: text("z"), ..Facets::default() });
    assert_eq!(error, DefinitionError::Facet { facet: "maxInclusive" });
    let error = refused(Builtin::AnySimpleType, Facets { length: Some(1), ..Facets::default() });
    assert_eq!(error.code(), "type-facet");
    let error =
        refused(Builtin::Boolean, Facets { enumeration: enumeration(&["true"]), ..Facets::default() });
    assert_eq!(error, DefinitionError::Facet { facet: "enumeration" });
    let error = refused(Builtin::Date, Facets { max_length: Some(1), ..Facets::default() });
    assert_eq!(error, DefinitionError::Facet { facet: "maxLength" });
    let error = refused(Builtin::Double, Facets { total_digits: Some(1), ..Facets::default() });
    assert_eq!(error, DefinitionError::Facet { facet: "totalDigits" });
    let error = refused(Builtin::Idrefs, Facets { min_inclusive: text("a"), ..Facets::default() });
    assert_eq!(error, DefinitionError::Facet { facet: "minInclusive" });
    let error = refused(Builtin::QName, Facets { enumeration: enumeration(&["p:a"]), ..Facets::default() });
    assert_eq!(error.code(), "type-literal");
}
