//! The lexical space of every built-in type (part 2 §3).

use sekisho_datatypes::{Builtin, Tables, TypesBuilder};

use crate::check;

/// A built-in type, literals of it, and texts that are none.
type Row = (Builtin, &'static [&'static str], &'static [&'static str]);

const TABLE: &[Row] = &[
    (Builtin::AnySimpleType, &["", "  anything \n"], &[]),
    (Builtin::String, &["", " a\tb\r\n ", "𠮷野家"], &[]),
    (Builtin::NormalizedString, &["", " a\tb "], &[]),
    (Builtin::Token, &["", "  a   b "], &[]),
    (
        Builtin::Language,
        &["ja", "en-GB", "x-klingon", "i-navajo", " ja ", "abcdefgh-12345678"],
        &["", "ja_JP", "abcdefghi", "a1", "ja-", "-ja", "ja--JP", "ja-123456789", "日本"],
    ),
    (Builtin::Nmtoken, &["a", "1", "-.:", "氏名", "a·b"], &["", "a b", "a/b", "a,b"]),
    (Builtin::Nmtokens, &["a", " a  b\n1 "], &["", "  ", "a /"]),
    (Builtin::Name, &["a", ":a", "_1", "氏名", "a:b:c", "𠮷"], &["", "1a", "-a", ".a", "a b"]),
    (Builtin::NCName, &["a", "_1", "a.b-c", "氏名"], &["", "a:b", ":a", "1a"]),
    (Builtin::Id, &["a1"], &["1a", "a:b", ""]),
    (Builtin::Idref, &["a1"], &["1a", "a:b", ""]),
    (Builtin::Idrefs, &["a", "a b"], &["", "a 1"]),
    (Builtin::Entity, &["a1"], &["1a", ""]),
    (Builtin::Entities, &["a b"], &["", "a 1"]),
    (Builtin::Boolean, &["true", "false", "1", "0", " true\n"], &["", "TRUE", "True", "yes", "01", "2"]),
    (
        Builtin::Decimal,
        &["0", "-0", "+1", "1.", ".5", "-.5", "00012.3400", " 7 ", "123456789012345678901234567890.5"],
        &["", ".", "+", "-", "1e5", "1,000", "--1", "1.2.3", "INF", "0x1", "１", "1 2", "+-1"],
    ),
    (
        Builtin::Integer,
        &["0", "-0", "+00012", "99999999999999999999999"],
        &["", "1.", "1.0", "-", "1e1", "a"],
    ),
    (Builtin::NonPositiveInteger, &["0", "-0", "+0", "-99999999999999999999"], &["1", "+1", ""]),
    (Builtin::NegativeInteger, &["-1", "-01"], &["0", "-0", "1"]),
    (
        Builtin::Long,
        &["9223372036854775807", "-9223372036854775808", "+0009223372036854775807"],
        &["9223372036854775808", "-9223372036854775809", "1.0"],
    ),
    (Builtin::Int, &["2147483647", "-2147483648"], &["2147483648", "-2147483649"]),
    (Builtin::Short, &["32767", "-32768"], &["32768", "-32769"]),
    (Builtin::Byte, &["127", "-128", "+127"], &["128", "-129"]),
    (Builtin::NonNegativeInteger, &["0", "-0", "+5", "99999999999999999999"], &["-1", ""]),
    (Builtin::UnsignedLong, &["18446744073709551615", "+1", "-0"], &["18446744073709551616", "-1"]),
    (Builtin::UnsignedInt, &["4294967295"], &["4294967296", "-1"]),
    (Builtin::UnsignedShort, &["65535", "00065535"], &["65536", "-1"]),
    (Builtin::UnsignedByte, &["255", "0"], &["256", "-1"]),
    (Builtin::PositiveInteger, &["1", "+1", "00001"], &["0", "-1", "+0"]),
    (
        Builtin::Float,
        &[
            "0",
            "-0",
            "1",
            "1.5e10",
            "-1.E-3",
            ".5E+2",
            "INF",
            "-INF",
            "NaN",
            "1e9999",
            "12345678901234567890",
        ],
        &["", "+INF", "inf", "nan", "-NaN", "infinity", "e5", "1e", "1e+", "1e5.0", "0x1p3", "1f", "."],
    ),
    (Builtin::Double, &["1E308", "-1.7976931348623157E308", "4.9e-324", "INF", "NaN"], &["+INF", "1d", ""]),
    (
        Builtin::Duration,
        &[
            "P1Y",
            "-P1Y2M3DT4H5M6.789S",
            "PT0S",
            "P0Y",
            "PT1M",
            "P1M",
            "P99999999999D",
            "PT1.000S",
            "P1DT1S",
            "PT1H2M",
            "P1YT1S",
        ],
        &[
            "", "P", "PT", "P1", "1Y", "P1YT", "P1S", "PT1Y", "P-1Y", "+P1Y", "P1M1Y", "PT1S1M", "PT1.S",
            "PT.5S", "P1.5Y", "P1Y1Y", "PT1.5M", "p1y", "P1Y2", "PTT1S", "P1DTT1S", "PT1S1S", "P 1Y", "P1W",
        ],
    ),
    (
        Builtin::DateTime,
        &[
            "2026-11-22T08:00:00",
            "2026-11-22T08:00:00Z",
            "2026-11-22T08:00:00.123456789012345678901+09:00",
            "-0001-12-31T00:00:00",
            "12345-01-01T00:00:00",
            "2024-02-29T23:59:59-14:00",
            "2026-12-31T24:00:00",
            "2000-02-29T00:00:00",
            "2026-11-22T24:00:00.000",
            "0001-01-01T00:00:00+14:00",
            " 2026-11-22T08:00:00\n",
        ],
        &[
            "",
            "2026-11-22",
            "2026-11-22 08:00:00",
            "2026-11-22T08:00",
            "2026-11-22T8:00:00",
            "2026-11-22T24:00:01",
            "2026-11-22T24:01:00",
            "2026-11-22T25:00:00",
            "2026-11-22T08:60:00",
            "2026-11-22T08:00:60",
            "2026-11-22T23:59:60",
            "2026-02-29T00:00:00",
            "1900-02-29T00:00:00",
            "0000-01-01T00:00:00",
            "-0000-01-01T00:00:00",
            "02026-11-22T08:00:00",
            "026-11-22T08:00:00",
            "2026-13-01T00:00:00",
            "2026-00-01T00:00:00",
            "2026-01-32T00:00:00",
            "2026-01-00T00:00:00",
            "2026-11-22T08:00:00.",
            "2026-11-22T08:00:00z",
            "2026-11-22T08:00:00+14:01",
            "2026-11-22T08:00:00+15:00",
            "2026-11-22T08:00:00+9:00",
            "2026-11-22T08:00:00+09",
            "2026-11-22T08:00:00+09:60",
            "+2026-11-22T08:00:00",
            "2026-11-22T08:00:00ZZ",
            "2026-11-22t08:00:00",
            "２０２６-11-22T08:00:00",
        ],
    ),
    (
        Builtin::Time,
        &["00:00:00", "23:59:59.999", "24:00:00", "12:00:00Z", "12:00:00-05:30", "24:00:00.0+14:00"],
        &["", "24:00:01", "12:00", "1:00:00", "12:00:60", "12:00:00+14:30", "25:00:00", "-12:00:00"],
    ),
    (
        Builtin::Date,
        &["2026-11-22", "2026-11-22Z", "-0044-03-15", "2026-11-22+13:00", "20260-01-01", "-0004-02-29"],
        &[
            "",
            "2026-11-31",
            "2026-1-1",
            "0000-01-01",
            "2026-11-22T00:00:00",
            "20261122",
            "2026-11",
            "2026-11-22+24:00",
        ],
    ),
    (
        Builtin::GYearMonth,
        &["2026-11", "2026-11Z", "-0001-01", "12026-01"],
        &["", "2026-13", "2026-00", "2026", "0000-01"],
    ),
    (
        Builtin::GYear,
        &["2026", "-2026", "12026", "2026Z", "2026+09:00"],
        &["", "26", "0000", "02026", "2026-", "+2026"],
    ),
    (
        Builtin::GMonthDay,
        &["--02-29", "--12-31Z", "--01-01+14:00"],
        &["", "--02-30", "--04-31", "--13-01", "-01-01", "--1-1"],
    ),
    (Builtin::GDay, &["---01", "---31", "---31-14:00"], &["", "---32", "---00", "--01", "---1"]),
    (Builtin::GMonth, &["--01", "--12Z", "--12-05:00"], &["", "--13", "--00", "--1", "-01", "--01--"]),
    (Builtin::HexBinary, &["", "0aFF", " 0aFF "], &["0", "0g", "0a FF", "0x0a"]),
    (
        Builtin::Base64Binary,
        &["", "QUJD", "QUI=", "QQ==", "Q U I =", "QUJD REVG", "QUJD\r\nREVG\n", "Q Q = =", "++//"],
        &["Q", "QQ", "QUI", "QQ=", "QQ===", "QUJD=", "Q=UJ", "QR==", "QUJ=", "=", "====", "Q-_Q", "QUJD*"],
    ),
    (
        Builtin::AnyUri,
        &["", "http://example.com/a b", "日本語", "%zz", "../a#b#c", "urn:x", "http://[::1]/", " a "],
        &[],
    ),
    (Builtin::QName, &["a", "xml:lang", " 氏名 "], &["", "a:b", ":a", "a:", "a:b:c", "1", "a b", "xml:1"]),
];

#[test]
fn literals_are_taken_and_other_texts_refused() {
    let types = TypesBuilder::new(Tables::Current).finish();
    for (builtin, valid, invalid) in TABLE {
        for text in *valid {
            assert!(check(&types, builtin.id(), text).is_ok(), "{text:?} is of {builtin:?}");
        }
        for text in *invalid {
            assert!(check(&types, builtin.id(), text).is_err(), "{text:?} is not of {builtin:?}");
        }
    }
}

#[test]
fn every_builtin_type_is_looked_at() {
    for builtin in Builtin::ALL.iter().filter(|&&builtin| builtin != Builtin::Notation) {
        assert!(TABLE.iter().any(|(looked_at, ..)| looked_at == builtin), "{builtin:?} has no literals here");
    }
}

#[test]
fn notation_itself_has_no_values() {
    let types = TypesBuilder::new(Tables::Current).finish();
    assert_eq!(check(&types, Builtin::Notation.id(), "a").unwrap_err().code, "cvc-enumeration-valid");
}

#[test]
fn bounds_of_integers_are_facets_and_forms_are_not() {
    let types = TypesBuilder::new(Tables::Current).finish();
    let code = |builtin: Builtin, text| check(&types, builtin.id(), text).unwrap_err().code;
    assert_eq!(code(Builtin::Byte, "128"), "cvc-maxInclusive-valid");
    assert_eq!(code(Builtin::Byte, "-129"), "cvc-minInclusive-valid");
    assert_eq!(code(Builtin::Byte, "1.0"), "cvc-datatype-valid.1.2.1");
    assert_eq!(code(Builtin::NegativeInteger, "0"), "cvc-maxInclusive-valid");
    assert_eq!(code(Builtin::Idrefs, ""), "cvc-minLength-valid");
}

#[test]
fn what_cannot_be_held_is_refused_by_its_own_fault() {
    let types = TypesBuilder::new(Tables::Current).finish();
    for (builtin, text) in [
        (Builtin::GYear, "1234567890123456789"),
        (Builtin::Duration, "P1234567890123456789Y"),
        (Builtin::Duration, "PT1234567890123456789S"),
    ] {
        let fault = check(&types, builtin.id(), text).unwrap_err();
        assert_eq!(fault.code, "cvc-datatype-valid.1.2.1");
        assert!(fault.message().contains("18"), "{}", fault.message());
        assert!(!fault.message().contains("1234"), "{}", fault.message());
    }
    assert!(check(&types, Builtin::GYear.id(), "123456789012345678").is_ok());
    assert!(check(&types, Builtin::Duration.id(), "P000000000000000000000001Y").is_ok());
}

#[test]
fn names_lead_to_builtin_types_and_back() {
    let types = TypesBuilder::new(Tables::Current).finish();
    for &builtin in Builtin::ALL {
        assert_eq!(Builtin::from_local_name(builtin.local_name()), Some(builtin));
        assert_eq!(types.name(builtin.id()), Some(format!("xs:{}", builtin.local_name()).as_str()));
        assert_eq!(types.base(builtin.id()), builtin.base().id());
        assert!(types.derives_from(builtin.id(), Builtin::AnySimpleType.id()));
    }
    assert_eq!(Builtin::Byte.primitive(), Builtin::Decimal);
    assert_eq!(Builtin::Id.primitive(), Builtin::String);
    assert_eq!(Builtin::Language.primitive(), Builtin::String);
    assert_eq!(Builtin::GDay.primitive(), Builtin::GDay);
    assert_eq!(Builtin::from_local_name("yearMonthDuration"), None);
}
