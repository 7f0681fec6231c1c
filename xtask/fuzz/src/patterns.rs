//! Patterns of XML Schema against a matcher that is slow, small and made another way.

mod naive;

use std::sync::LazyLock;

use sekisho_datatypes::{Builtin, Facets, NoNamespaces, Scratch, Tables, TypesBuilder};

/// The longest pattern and value that are tried, in characters: the other matcher is slow.
const MOST: usize = 200;

/// The built-in types, with the tables of today and with those of XSD 1.0.
static BUILDERS: LazyLock<[TypesBuilder; 2]> =
    LazyLock::new(|| [Tables::Current, Tables::Xsd10].map(TypesBuilder::new));

/// First byte: the tables, and whether the pattern is given twice. The rest: a pattern, a zero byte, values with zero bytes between.
pub(crate) fn pattern(bytes: &[u8]) {
    let Some((&choice, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Some((pattern, values)) = text.split_once('\0') else { return };
    let mut builder = BUILDERS[usize::from(choice & 1)].clone();
    let facets = Facets { patterns: vec![pattern.to_owned()], ..Facets::default() };
    let restricted = builder.restrict(Builtin::String.id(), None, facets);
    let own = match &restricted {
        Ok(ty) => *ty,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // The same once more, as a step of its own, and beside another one: an alternative.
    let step = (choice & 2 == 2).then(|| {
        let facets = Facets { patterns: vec![pattern.to_owned(), "a*".to_owned()], ..Facets::default() };
        builder.restrict(own, None, facets).unwrap()
    });
    let items = builder.list(None, own).unwrap();
    let types = builder.finish();
    let mut scratch = Scratch::new();
    let naive = match pattern.chars().count() {
        0..=MOST => naive::parse(pattern).expect("what is taken is an expression"),
        _ => None,
    };
    for value in values.split('\0') {
        let taken = types.check(own, value, &NoNamespaces, &mut scratch);
        if let Some(step) = step {
            assert_eq!(taken.is_ok(), types.check(step, value, &NoNamespaces, &mut scratch).is_ok());
        }
        if let Err(fault) = &taken {
            assert_eq!(fault.code, "cvc-pattern-valid");
        }
        if let Some(naive) = &naive
            && value.chars().count() <= MOST
            && let Some(matches) = naive.matches(value)
        {
            assert_eq!(taken.is_ok(), matches, "{pattern:?} and {value:?}");
        }
        // A list of one item is taken as the item is, unless white space makes it another list.
        if !value.is_empty() && !value.contains([' ', '\t', '\n', '\r']) {
            assert_eq!(taken.is_ok(), types.check(items, value, &NoNamespaces, &mut scratch).is_ok());
        }
    }
}
