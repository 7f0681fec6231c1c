//! What a fault says: what was expected, in two languages, and never the value.

use sekisho_datatypes::{Builtin, Facets, Fault, Tables, TypesBuilder};

use crate::{check, enumeration, restricted, text};

/// A fault of every kind.
fn faults() -> Vec<Fault> {
    let of = |base: Builtin, facets: Facets, raw: &str| {
        let (types, ty) = restricted(base, facets);
        check(&types, ty, raw).unwrap_err()
    };
    let plain = Facets::default;
    let secret = "5e5e5e5e5e";
    let mut all = vec![
        of(Builtin::Date, plain(), secret),
        of(Builtin::String, Facets { patterns: vec!["[0-9]{4}".into()], ..plain() }, secret),
        of(Builtin::String, Facets { enumeration: enumeration(&["a", "b"]), ..plain() }, secret),
        of(Builtin::Notation, plain(), "x5e5e5e5e5e"),
        of(Builtin::String, Facets { length: Some(2), ..plain() }, secret),
        of(Builtin::String, Facets { min_length: Some(20), ..plain() }, secret),
        of(Builtin::HexBinary, Facets { max_length: Some(2), ..plain() }, secret),
        of(Builtin::Nmtokens, Facets { max_length: Some(1), ..plain() }, "5e5e5e5e5e 5e5e5e5e5e"),
        of(Builtin::Integer, Facets { min_inclusive: text("5"), ..plain() }, "-777777"),
        of(Builtin::Integer, Facets { max_inclusive: text("5"), ..plain() }, "777777"),
        of(Builtin::Integer, Facets { min_exclusive: text("5"), ..plain() }, "-777777"),
        of(Builtin::Integer, Facets { max_exclusive: text("5"), ..plain() }, "777777"),
        of(Builtin::Integer, Facets { total_digits: Some(2), ..plain() }, "777777"),
        of(Builtin::Decimal, Facets { fraction_digits: Some(2), ..plain() }, "7.77777"),
        of(Builtin::QName, plain(), "x5e5e5e5e5e:a"),
        of(Builtin::GYear, plain(), "7777777777777777777777777"),
    ];
    let mut builder = TypesBuilder::new(Tables::Current);
    let union = builder.union(None, vec![Builtin::Date.id(), Builtin::Boolean.id()]).unwrap();
    let list = builder.list(None, union).unwrap();
    let types = builder.finish();
    all.push(check(&types, list, "true 5e5e5e5e5e").unwrap_err());
    all
}

#[test]
fn faults_are_said_in_two_languages_and_hold_no_value() {
    for fault in faults() {
        let (english, japanese) = (fault.message(), fault.message_ja());
        for said in [&english, &japanese, &format!("{fault:?}")] {
            assert!(!said.contains("5e5e5") && !said.contains("7777"), "{said}");
        }
        assert!(english.is_ascii() && english.len() > 10, "{english}");
        assert!(japanese.chars().any(|c| ('ぁ'..='ん').contains(&c)), "{japanese}");
        assert!(fault.code.starts_with("cvc-"), "{}", fault.code);
        assert_eq!(fault.to_string(), english);
    }
}

#[test]
fn faults_read_as_sentences() {
    let said: Vec<String> = faults().iter().map(Fault::message).collect();
    expect_test::expect![[r#"
        is not a valid xs:date
        does not match the pattern [0-9]{4}
        is not one of the 2 permitted values
        has no permitted value: its type needs an enumeration
        must have exactly 2 characters, found 10
        must have at least 20 characters, found 10
        must have at most 2 octets, found 5
        must have at most 1 items, found 2
        must be 5 or greater
        must be 5 or less
        must be greater than 5
        must be less than 5
        may have 2 digits, found 6
        may have 2 digits after the point, found 5
        has a prefix that is not bound to a namespace
        has a year of more digits than this gateway takes (18)
        item 2 is of none of the 2 types that it may have"#]]
    .assert_eq(&said.join("\n"));
    let said: Vec<String> = faults().iter().map(Fault::message_ja).collect();
    expect_test::expect![[r#"
        xs:date として正しくありません
        パターン [0-9]{4} に一致しません
        認められた 2 個の値のいずれでもありません
        列挙のない型のため、認められる値がありません
        2 文字でなければなりません（実際は 10 文字）
        20 文字以上でなければなりません（実際は 10 文字）
        2 オクテット以下でなければなりません（実際は 5 オクテット）
        1 項目以下でなければなりません（実際は 2 項目）
        5 以上でなければなりません
        5 以下でなければなりません
        5 より大きくなければなりません
        5 より小さくなければなりません
        桁数は 2 桁までです（実際は 6 桁）
        小数点以下は 2 桁までです（実際は 5 桁）
        名前空間に結び付いていない接頭辞があります
        年の桁数が扱える範囲（18 桁）を超えています
        2 番目の項目: 取り得る 2 個の型のいずれの値でもありません"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn what_is_wrong_with_a_type_is_said_in_two_languages() {
    let mut builder = TypesBuilder::new(Tables::Current);
    let pattern = |text: &str| Facets { patterns: vec![text.to_owned()], ..Facets::default() };
    let errors = [
        builder.restrict(Builtin::String.id(), None, pattern("a**")).unwrap_err(),
        builder.restrict(Builtin::String.id(), None, pattern("((ab){9999}){9999}")).unwrap_err(),
        builder
            .restrict(Builtin::Byte.id(), None, Facets { max_inclusive: text("many"), ..Facets::default() })
            .unwrap_err(),
        builder
            .restrict(Builtin::Date.id(), None, Facets { length: Some(1), ..Facets::default() })
            .unwrap_err(),
        builder.list(None, Builtin::Idrefs.id()).unwrap_err(),
        builder.union(None, Vec::new()).unwrap_err(),
    ];
    let mut codes: Vec<_> = errors.iter().map(|error| error.code()).collect();
    codes.dedup();
    assert_eq!(codes.len(), errors.len());
    for error in errors {
        assert!(error.to_string().is_ascii(), "{error}");
        let japanese = error.message_ja();
        assert!(japanese.chars().any(|c| ('ぁ'..='ん').contains(&c)), "{japanese}");
    }
}

/// One compiled schema serves every thread.
#[test]
fn types_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let (types, ty) = restricted(
        Builtin::String,
        Facets { patterns: vec!["\\p{L}+( \\p{L}+)*".into()], ..Facets::default() },
    );
    shared(&types);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert!(
                        check(&types, ty, "東京 千葉").is_ok() && check(&types, ty, "東京  千葉").is_err()
                    );
                }
            });
        }
    });
}
