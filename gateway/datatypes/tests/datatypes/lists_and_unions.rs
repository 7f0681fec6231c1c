//! Types made of other types (part 2 §2.5.1).

use sekisho_datatypes::{
    Builtin, DefinitionError, Facets, IdKind, Ids, NoNamespaces, Scratch, Tables, TypeId, TypesBuilder,
    Variety,
};

use crate::{check, code, enumeration, key, text};

fn builder() -> TypesBuilder {
    TypesBuilder::new(Tables::Current)
}

#[test]
fn a_list_is_as_good_as_its_items() {
    let mut builder = builder();
    let flag = Facets { enumeration: enumeration(&["0", "1"]), ..Facets::default() };
    let flag = builder.restrict(Builtin::String.id(), text("Flag"), flag).unwrap();
    let flags = builder.list(text("Flags"), flag).unwrap();
    let three = builder.restrict(flags, None, Facets { length: Some(3), ..Facets::default() }).unwrap();
    let types = builder.finish();
    assert_eq!(code(&types, flags, ""), "valid");
    assert_eq!(code(&types, flags, " \n"), "valid");
    assert_eq!(code(&types, three, "0 1 0"), "valid");
    assert_eq!(code(&types, three, "\t0  1\n0 "), "valid");
    assert_eq!(code(&types, three, "0 1"), "cvc-length-valid");
    let fault = check(&types, three, "0 1 2 3").unwrap_err();
    assert_eq!((fault.code, fault.item), ("cvc-enumeration-valid", Some(3)));
    assert_eq!(types.variety(three), &Variety::List(flag));
    assert_eq!(types.primitive(three), Builtin::AnySimpleType);
    assert_eq!(types.normalise(three, "\t0  1\n0 "), "0 1 0");
}

#[test]
fn patterns_and_enumerations_of_a_list_are_of_the_whole() {
    let mut builder = builder();
    let numbers = builder.list(None, Builtin::Decimal.id()).unwrap();
    let pattern = Facets { patterns: vec!["1( \\d)*".into()], ..Facets::default() };
    let patterned = builder.restrict(numbers, None, pattern).unwrap();
    let values = Facets { enumeration: enumeration(&["1 2", "3"]), ..Facets::default() };
    let enumerated = builder.restrict(numbers, None, values).unwrap();
    let types = builder.finish();
    assert_eq!(code(&types, patterned, " 1   2\n3 "), "valid");
    assert_eq!(code(&types, patterned, "2 1"), "cvc-pattern-valid");
    for (value, expected) in [
        ("1 2", "valid"),
        (" 1.0  +02 ", "valid"),
        ("3.0", "valid"),
        ("2 1", "cvc-enumeration-valid"),
        ("1 2 3", "cvc-enumeration-valid"),
        ("12", "cvc-enumeration-valid"),
        ("", "cvc-enumeration-valid"),
    ] {
        assert_eq!(code(&types, enumerated, value), expected, "{value}");
    }
}

#[test]
fn the_first_member_that_takes_a_value_has_it() {
    let mut builder = builder();
    let small = Facets { max_inclusive: text("9"), ..Facets::default() };
    let small = builder.restrict(Builtin::Integer.id(), None, small).unwrap();
    let words = builder.list(None, Builtin::NCName.id()).unwrap();
    let inner = builder.union(None, vec![Builtin::Date.id(), words]).unwrap();
    let union = builder.union(text("Any"), vec![small, Builtin::Decimal.id(), inner]).unwrap();
    let types = builder.finish();
    let member = |value: &str| check(&types, union, value).unwrap();
    assert_eq!(member("9"), small);
    assert_eq!(member(" 10 "), Builtin::Decimal.id());
    assert_eq!(member("2026-11-22"), Builtin::Date.id());
    assert_eq!(member("a  b"), words);
    let fault = check(&types, union, "a !").unwrap_err();
    assert_eq!(fault.code, "cvc-datatype-valid.1.2.3");
    assert_eq!(types.normalise(union, " a  b"), "a b");
    assert_eq!(types.normalise(union, " a !"), " a !");
    assert_eq!(types.variety(union), &Variety::Union(vec![small, Builtin::Decimal.id(), inner]));
    assert!(types.derives_from(small, union));
    assert!(types.derives_from(words, union), "through the union inside");
    assert!(types.derives_from(Builtin::Integer.id(), union), "an integer is a decimal, which is a member");
    assert!(!types.derives_from(Builtin::String.id(), union));
    // Values of one primitive type are equal whichever member took them.
    assert_eq!(key(&types, union, "9"), key(&types, Builtin::Decimal.id(), "9.0"));
}

#[test]
fn facets_of_a_union_hold_beside_those_of_its_members() {
    let mut builder = builder();
    let union = builder.union(None, vec![Builtin::Integer.id(), Builtin::String.id()]).unwrap();
    let values = Facets { enumeration: enumeration(&["1", "none"]), ..Facets::default() };
    let enumerated = builder.restrict(union, None, values).unwrap();
    let pattern = Facets { patterns: vec!["\\d+".into(), " x".into()], ..Facets::default() };
    let patterned = builder.restrict(union, None, pattern).unwrap();
    let nested = builder.union(None, vec![enumerated, Builtin::Boolean.id()]).unwrap();
    let values = Facets { enumeration: enumeration(&["01", "true"]), ..Facets::default() };
    let both = builder.restrict(nested, None, values).unwrap();
    let types = builder.finish();
    for (value, expected) in [
        ("1", "valid"),
        ("+01", "valid"),
        ("none", "valid"),
        ("2", "cvc-enumeration-valid"),
        // A string is not the number that it spells.
        ("1.0", "cvc-enumeration-valid"),
        (" none", "cvc-enumeration-valid"),
    ] {
        assert_eq!(code(&types, enumerated, value), expected, "{value:?}");
    }
    // White space is that of the member: collapsed for a number, preserved for a string.
    for (value, expected) in
        [(" 12 ", "valid"), (" x", "valid"), ("x", "cvc-pattern-valid"), ("-1", "cvc-pattern-valid")]
    {
        assert_eq!(code(&types, patterned, value), expected, "{value:?}");
    }
    for (value, expected) in
        [("1", "valid"), ("true", "valid"), ("none", "cvc-enumeration-valid"), ("0", "cvc-enumeration-valid")]
    {
        assert_eq!(code(&types, both, value), expected, "{value:?}");
    }
}

#[test]
fn a_member_whose_prefix_is_not_bound_does_not_match() {
    let mut builder = builder();
    let union = builder.union(None, vec![Builtin::QName.id(), Builtin::String.id()]).unwrap();
    let types = builder.finish();
    assert_eq!(check(&types, union, "p:a").unwrap(), Builtin::String.id());
    let bound = vec![("p".to_owned(), "urn:p".to_owned())];
    let valid = types.check(union, "p:a", &bound, &mut Scratch::new()).unwrap();
    assert_eq!(valid.member, Builtin::QName.id());
}

#[test]
fn lists_of_lists_and_unions_of_nothing_are_refused() {
    let mut builder = builder();
    assert_eq!(builder.list(None, Builtin::Idrefs.id()), Err(DefinitionError::ListOfLists));
    let union = builder.union(None, vec![Builtin::String.id(), Builtin::Nmtokens.id()]).unwrap();
    assert_eq!(builder.list(None, union), Err(DefinitionError::ListOfLists));
    assert_eq!(builder.union(None, Vec::new()), Err(DefinitionError::NoMembers));
}

#[test]
fn unions_that_would_be_tried_for_ever_are_refused() {
    let mut builder = builder();
    let mut union = builder.union(None, vec![Builtin::Integer.id(); 2]).unwrap();
    let error = loop {
        match builder.union(None, vec![union; 2]) {
            Ok(wider) => union = wider,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "type-limit");
    let types = builder.finish();
    assert_eq!(code(&types, union, "x"), "cvc-datatype-valid.1.2.3");
}

#[test]
fn derivations_without_end_are_refused() {
    let mut builder = builder();
    let mut ty = Builtin::String.id();
    let error = (0..1_000).find_map(|_| match builder.restrict(ty, None, Facets::default()) {
        Ok(derived) => {
            ty = derived;
            None
        }
        Err(error) => Some(error),
    });
    assert_eq!(error.unwrap().code(), "type-limit");
}

#[test]
fn ids_are_found_in_items_and_members() {
    let mut builder = builder();
    let own = builder.restrict(Builtin::Id.id(), None, Facets::default()).unwrap();
    let number = builder.union(None, vec![Builtin::Integer.id(), own, Builtin::Entity.id()]).unwrap();
    let list = builder.list(None, number).unwrap();
    let union = builder.union(None, vec![Builtin::Entity.id(), Builtin::String.id()]).unwrap();
    let types = builder.finish();
    let found = |ty: TypeId, raw: &str| {
        let mut found = Vec::new();
        let mut sink = |kind: IdKind, text: &str| found.push((kind, text.to_owned()));
        types.each_id(ty, raw, &NoNamespaces, &mut Scratch::new(), &mut sink);
        found
    };
    assert_eq!(types.ids(list), Ids { id: true, idref: false, entity: true });
    assert_eq!(found(own, " a "), [(IdKind::Id, "a".to_owned())]);
    assert_eq!(found(list, "1 a 2 b"), [(IdKind::Id, "a".to_owned()), (IdKind::Id, "b".to_owned())]);
    assert_eq!(
        found(Builtin::Idrefs.id(), " a\nb "),
        [(IdKind::Idref, "a".to_owned()), (IdKind::Idref, "b".to_owned())]
    );
    assert_eq!(found(Builtin::Entities.id(), "a"), [(IdKind::Entity, "a".to_owned())]);
    assert!(found(union, "a").is_empty() && types.ids(union).entity);
    assert!(found(Builtin::NCName.id(), "a").is_empty());
    assert!(!types.ids(Builtin::NCName.id()).any());
}
