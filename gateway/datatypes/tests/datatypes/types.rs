//! Shapes: what they say is so, and they are there where they pay.

use proptest::prelude::*;
use sekisho_datatypes::{Builtin, Facets, NoNamespaces, Scratch, Shape, Tables, TypeId, Types, TypesBuilder};

use crate::{check, enumeration, restricted, text};

fn bytes(shape: Option<Shape>) -> (String, usize, Option<usize>) {
    match shape {
        Some(Shape::Bytes { class, min, max }) => (class.bytes().map(char::from).collect(), min, max),
        other => panic!("{other:?} is not a class of bytes"),
    }
}

#[test]
fn simple_types_have_shapes() {
    let (types, ty) =
        restricted(Builtin::String, Facets { enumeration: enumeration(&["1", "0"]), ..Facets::default() });
    assert_eq!(bytes(types.shape(ty)), ("01".to_owned(), 1, Some(1)));
    let (types, ty) =
        restricted(Builtin::String, Facets { patterns: vec!["[0-9]{5}".into()], ..Facets::default() });
    assert_eq!(bytes(types.shape(ty)), ("0123456789".to_owned(), 5, Some(5)));
    let facets = Facets { patterns: vec!["[0-9]*".into()], length: Some(20), ..Facets::default() };
    let (types, ty) = restricted(Builtin::String, facets);
    assert_eq!(bytes(types.shape(ty)), ("0123456789".to_owned(), 20, Some(20)));
    let (types, ty) = restricted(Builtin::Token, Facets { max_length: Some(64), ..Facets::default() });
    let (class, min, max) = bytes(types.shape(ty));
    assert_eq!((min, max), (0, Some(64)));
    assert!(class.contains('a') && class.contains('~') && !class.contains([' ', '\n', '\r', '\u{7f}', '\0']));
    let facets = Facets { min_inclusive: text("1890"), max_exclusive: text("2101"), ..Facets::default() };
    let (types, ty) = restricted(Builtin::UnsignedShort, facets);
    assert_eq!(types.shape(ty), Some(Shape::Digits { min: 1890, max: 2100 }));
    let (types, ty) = restricted(Builtin::Decimal, Facets { total_digits: Some(3), ..Facets::default() });
    assert_eq!(types.shape(ty), Some(Shape::Digits { min: 0, max: 999 }));
    let (types, ty) =
        restricted(Builtin::String, Facets { patterns: vec!["\\d{2}-[A-Z]".into()], ..Facets::default() });
    let Some(Shape::Places(places)) = types.shape(ty) else { panic!("{:?}", types.shape(ty)) };
    assert_eq!(places.len(), 4);
    let (types, ty) =
        restricted(Builtin::Token, Facets { enumeration: enumeration(&["b", "aa"]), ..Facets::default() });
    assert_eq!(types.shape(ty), Some(Shape::Literals(vec![b"aa".as_slice().into(), b"b".as_slice().into()])));
}

#[test]
fn a_list_of_shapes_is_a_shape() {
    let mut builder = TypesBuilder::new(Tables::Current);
    let flag = Facets { enumeration: enumeration(&["0", "1"]), ..Facets::default() };
    let flag = builder.restrict(Builtin::String.id(), None, flag).unwrap();
    let flags = builder.list(None, flag).unwrap();
    let flags = builder.restrict(flags, None, Facets { length: Some(101), ..Facets::default() }).unwrap();
    let types = builder.finish();
    let Some(Shape::List { item, min: 101, max: Some(101) }) = types.shape(flags) else {
        panic!("{:?}", types.shape(flags))
    };
    assert_eq!(bytes(Some(*item)), ("01".to_owned(), 1, Some(1)));
    let value = vec!["0"; 101].join(" ");
    assert!(types.shape(flags).unwrap().takes(value.as_bytes()));
    assert!(!types.shape(flags).unwrap().takes(&value.as_bytes()[2..]));
    assert!(!types.shape(flags).unwrap().takes(format!("{value} ").as_bytes()));
}

#[test]
fn types_that_need_more_have_none() {
    let types = TypesBuilder::new(Tables::Current).finish();
    for builtin in
        [Builtin::AnySimpleType, Builtin::DateTime, Builtin::Float, Builtin::QName, Builtin::NegativeInteger]
    {
        assert_eq!(types.shape(builtin.id()), None, "{builtin:?}");
    }
    let facets = Facets { enumeration: enumeration(&["1", "2"]), ..Facets::default() };
    let (types, ty) = restricted(Builtin::Integer, facets);
    assert_eq!(types.shape(ty), None);
}

/// Types of every kind that has a shape, and some that have none.
fn shaped() -> (Types, Vec<TypeId>) {
    let mut builder = TypesBuilder::new(Tables::Current);
    let mut all: Vec<TypeId> = Builtin::ALL.iter().map(|builtin| builtin.id()).collect();
    let patterns = [
        "[0-9]{2,4}",
        "[a-c ]*",
        "\\d\\d-\\w",
        "true|no|",
        "a?b",
        "[^x]{1,3}",
        "(ab){2}",
        ".{3}",
        "[é]{2}",
        "\\s{1,2}",
    ];
    let bases =
        [Builtin::String, Builtin::NormalizedString, Builtin::Token, Builtin::Nmtoken, Builtin::NCName];
    for base in bases {
        for pattern in patterns {
            for (min_length, max_length) in [(None, None), (Some(2), Some(3)), (Some(1), None)] {
                let patterns = vec![pattern.to_owned()];
                let facets = Facets { patterns, min_length, max_length, ..Facets::default() };
                all.push(builder.restrict(base.id(), None, facets).unwrap());
            }
        }
        let facets = Facets { enumeration: enumeration(&["a", "b", "true"]), ..Facets::default() };
        all.push(builder.restrict(base.id(), None, facets).unwrap());
    }
    for (min, max) in [("-5", "20"), ("3", "17.5"), ("0", "99999999999999999999"), ("100", "5")] {
        for base in [Builtin::Decimal, Builtin::Integer] {
            let facets = Facets {
                min_exclusive: text(min),
                max_inclusive: text(max),
                total_digits: Some(2),
                ..Facets::default()
            };
            all.push(builder.restrict(base.id(), None, facets).unwrap());
        }
    }
    let items = all.clone();
    for item in items {
        if let Ok(list) = builder.list(None, item) {
            all.push(list);
            all.push(
                builder
                    .restrict(
                        list,
                        None,
                        Facets { min_length: Some(1), max_length: Some(3), ..Facets::default() },
                    )
                    .unwrap(),
            );
        }
    }
    (builder.finish(), all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// What a shape takes, the full check takes.
    #[test]
    fn a_shape_takes_only_valid_values(
        value in prop_oneof![
            "[0-9]{0,4}", "[a-c x]{0,5}", "[0-9a-z -]{0,6}", "(ab|true|no|[0-9]{1,3})( (ab|a|[0-9]{1,2})){0,3}", "[ -~\t\n\r]{0,8}", "\\PC{0,4}"
        ]
    ) {
        thread_local!(static SHAPED: (Types, Vec<TypeId>) = shaped());
        SHAPED.with(|(types, all)| {
            for &ty in all {
                let taken = types.shape(ty).is_some_and(|shape| shape.takes(value.as_bytes()));
                // The key is written by the full check only.
                let full = types.value_key(ty, &value, &NoNamespaces, &mut Scratch::new(), &mut Vec::new());
                if taken {
                    assert!(full.is_ok(), "{ty:?} {:?} takes {value:?}: {full:?}", types.shape(ty));
                }
                assert_eq!(check(types, ty, &value).is_ok(), full.is_ok(), "{ty:?} {value:?}");
            }
        });
    }
}
