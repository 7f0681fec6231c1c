//! Literals to draw from, valid, nearly valid and not at all.

use fastrand::Rng;
use sekisho_datatypes::Builtin;

/// Literals of the type, most of them valid.
pub(super) fn pool(builtin: Builtin) -> &'static [&'static str] {
    match builtin {
        Builtin::Boolean => &["true", "false", "1", "0"],
        Builtin::Decimal => &[
            "0",
            "-0",
            "1",
            "1.0",
            "-1.50",
            "+12.25",
            ".5",
            "5.",
            "100",
            "99.99",
            "123456789012345678901234567890.123456789",
            "-0.001",
            "0.1",
        ],
        Builtin::Float | Builtin::Double => &[
            "0",
            "-0",
            "1",
            "1e2",
            "100.0",
            "-1.5E-3",
            "INF",
            "-INF",
            "NaN",
            "3.4028236e38",
            "1e999",
            "1e-999",
            "16777217",
            "16777216",
        ],
        Builtin::Duration => &[
            "P1Y",
            "P12M",
            "P1M",
            "P30D",
            "P31D",
            "P28D",
            "PT24H",
            "P1D",
            "-P1D",
            "PT0S",
            "P0Y",
            "PT1.5S",
            "PT90S",
            "PT1M30S",
            "-PT0.5S",
            "P1Y2M3DT4H5M6.7S",
            "P365D",
            "P366D",
        ],
        Builtin::DateTime => &[
            "2026-11-22T08:00:00",
            "2026-11-22T08:00:00Z",
            "2026-11-22T17:00:00+09:00",
            "2026-11-22T24:00:00",
            "2026-11-23T00:00:00",
            "2026-11-22T08:00:00.500Z",
            "2026-11-22T08:00:00.5Z",
            "-0001-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "12026-01-01T00:00:00",
            "2024-02-29T00:00:00",
            "2026-11-22T22:00:00",
            "2026-11-21T17:59:59",
        ],
        Builtin::Time => &[
            "00:00:00",
            "24:00:00",
            "12:00:00",
            "12:00:00Z",
            "21:00:00+09:00",
            "23:59:59.999",
            "12:00:00.50",
            "12:00:00.5",
            "23:00:00-14:00",
        ],
        Builtin::Date => &[
            "2026-11-22",
            "2026-11-22Z",
            "2026-11-22+13:00",
            "2026-11-21-11:00",
            "2024-02-29",
            "1999-12-31",
            "-0044-03-15",
            "10000-01-01",
        ],
        Builtin::GYearMonth => {
            &["2026-11", "2026-11Z", "2026-12", "-0001-01", "0001-01", "12026-01", "2026-11+14:00"]
        }
        Builtin::GYear => &["2026", "2026Z", "1890", "-0001", "0001", "12026", "2026-14:00"],
        Builtin::GMonthDay => &["--11-22", "--02-29", "--12-31Z", "--01-01", "--03-01", "--11-22+09:00"],
        Builtin::GDay => &["---01", "---31", "---15Z", "---15", "---15+14:00"],
        Builtin::GMonth => &["--01", "--12", "--06Z", "--06", "--06-14:00"],
        Builtin::HexBinary => &["", "0a", "0A", "0a0b", "FFff", "000000"],
        Builtin::Base64Binary => &["", "QUJD", "QUI=", "QQ==", "QUJDREVG", "AAAA", "++//"],
        Builtin::AnyUri => &["", "http://example.com/", "a b", "日本", "../x", "urn:a:b"],
        Builtin::QName | Builtin::Notation => &["a", "b", "abc", "氏名"],
        Builtin::String | Builtin::NormalizedString | Builtin::Token => &[
            "",
            "a",
            "abc",
            "a b",
            " a ",
            "a  b",
            "氏名",
            "𠮷",
            "line\nline",
            "tab\t",
            "0",
            "1.0",
            "A-1",
            "true",
        ],
        Builtin::Language => &["ja", "en-GB", "x-a", "JA", "zh-Hant-TW", "a-1"],
        Builtin::Nmtoken => &["a", "1a", "-", "氏名", "a.b", "a:b"],
        Builtin::Name => &["a", "_a", "氏名", "a.b", "a:b", ":"],
        Builtin::NCName | Builtin::Id | Builtin::Idref | Builtin::Entity => {
            &["a", "_a", "氏名", "a.b", "b-1"]
        }
        Builtin::Nmtokens => &["a", "a b", "1 2 3", "氏 名"],
        Builtin::Idrefs | Builtin::Entities => &["a", "a b", "_1 b c"],
        Builtin::AnySimpleType => &["", "a", " b "],
        Builtin::NonPositiveInteger => &["0", "-0", "-1", "-128", "-99999999999999999999"],
        Builtin::NegativeInteger => &["-1", "-01", "-128", "-12345"],
        Builtin::PositiveInteger => &["1", "+1", "01", "255", "99999999999999999999"],
        Builtin::NonNegativeInteger
        | Builtin::UnsignedLong
        | Builtin::UnsignedInt
        | Builtin::UnsignedShort => &["0", "-0", "1", "+1", "007", "255", "1890", "2100", "65535"],
        Builtin::UnsignedByte => &["0", "1", "3", "12", "255", "007"],
        Builtin::Byte => &["0", "-1", "127", "-128", "+5", "-0", "010"],
        Builtin::Integer | Builtin::Long | Builtin::Int | Builtin::Short => {
            &["0", "-1", "127", "-128", "+5", "00012", "32767", "-32768", "100"]
        }
    }
}

/// What values are damaged with.
const ODD: &[&str] = &[
    "0", "1", "9", "-", "+", ".", ":", "T", "Z", "P", "Y", "M", "D", "H", "S", "E", "e", " ", "\t", "\n",
    "=", "a", "b", "F", "G", "/", "氏", "𠮷", "é", "x", "_", ",", "INF", "NaN", "true", "00", "１", "\u{a0}",
    "\u{3000}", "24:00:00", "+14:00", "-14:00", "+14:01", "-00:00", "0000", "0001",
];

/// A value that is one of the type, or nearly, or hardly.
pub(super) fn value(builtin: Builtin, random: &mut Rng) -> String {
    let pool = pool(builtin);
    let mut value = match random.u32(..20) {
        0 => other(random),
        _ => pool[random.usize(..pool.len())].to_owned(),
    };
    for _ in 0..random.u32(..4).saturating_sub(1) {
        value = damaged(&value, random);
    }
    match random.u32(..8) {
        0 => format!(" {value}"),
        1 => format!("{value}\n"),
        _ => value,
    }
}

fn other(random: &mut Rng) -> String {
    let builtin = Builtin::ALL[random.usize(..Builtin::ALL.len())];
    let pool = pool(builtin);
    pool[random.usize(..pool.len())].to_owned()
}

/// One character less, more or another.
pub(super) fn damaged(value: &str, random: &mut Rng) -> String {
    let mut characters: Vec<String> = value.chars().map(String::from).collect();
    let odd = ODD[random.usize(..ODD.len())].to_owned();
    let at = random.usize(..=characters.len());
    match random.u32(..3) {
        0 => characters.insert(at, odd),
        1 if at < characters.len() => characters[at] = odd,
        _ if at < characters.len() => drop(characters.remove(at)),
        _ => characters.push(odd),
    }
    characters.concat()
}
