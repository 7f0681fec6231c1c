//! Where the oracle and we differ: who is right, by which sentence.

use sekisho_datatypes::{Builtin, DefinitionError, Facets, Tables, TypeId, Types, TypesBuilder};

use super::definitions::Definitions;

const DIGITS: &str = "an integer is \"a finite-length sequence of decimal digits\" (part 2 §3.3.13.1)";
const BASE64: &str = "base64Binary has an optional space between any two characters (part 2 §3.2.16)";
const PREFIX: &str = "a QName is a value only where its prefix is bound (part 2 §3.2.18)";
const SPACES: &str =
    "white space is as in \"that one of the memberTypes\" that takes the value (part 2 §4.3.6)";
const CAPACITY: &str = "both hold numbers of some size only; ours are larger (part 2 §5.1)";

/// A value that one takes and the other refuses.
pub(super) struct Case {
    /// The type `T0`.
    pub(super) schema: &'static str,
    /// The same type here.
    pub(super) ours: fn() -> (Types, TypeId),
    pub(super) value: &'static str,
    /// Whether it is a value of the type.
    pub(super) valid: bool,
    pub(super) reason: &'static str,
}

pub(super) const CASES: &[Case] = &[
    Case {
        schema: r#"<xs:simpleType name="T0"><xs:restriction base="xs:integer"/></xs:simpleType>"#,
        ours: || builtin(Builtin::Integer),
        value: "25_5",
        valid: false,
        reason: DIGITS,
    },
    Case {
        schema: r#"<xs:simpleType name="T0"><xs:restriction base="xs:negativeInteger"/></xs:simpleType>"#,
        ours: || builtin(Builtin::NegativeInteger),
        value: "-1_",
        valid: false,
        reason: DIGITS,
    },
    Case {
        schema: r#"<xs:simpleType name="T0"><xs:restriction base="xs:base64Binary"/></xs:simpleType>"#,
        ours: || builtin(Builtin::Base64Binary),
        value: "QUJD\nREVG",
        valid: true,
        reason: BASE64,
    },
    Case {
        schema: r#"<xs:simpleType name="T0"><xs:restriction base="xs:QName"/></xs:simpleType>"#,
        ours: || builtin(Builtin::QName),
        value: "p:a",
        valid: false,
        reason: PREFIX,
    },
    Case {
        schema: r#"<xs:simpleType name="T0"><xs:restriction><xs:simpleType><xs:union memberTypes="xs:string"/></xs:simpleType>
            <xs:pattern value=" a"/></xs:restriction></xs:simpleType>"#,
        ours: || {
            let mut builder = TypesBuilder::new(Tables::Xsd10);
            let union = builder.union(None, vec![Builtin::String.id()]).unwrap();
            let facets = Facets { patterns: vec![" a".into()], ..Facets::default() };
            let ty = builder.restrict(union, None, facets).unwrap();
            (builder.finish(), ty)
        },
        value: " a",
        valid: true,
        reason: SPACES,
    },
    Case {
        schema: r#"<xs:simpleType name="T0"><xs:restriction base="xs:gYear"/></xs:simpleType>"#,
        ours: || builtin(Builtin::GYear),
        value: "2147483648",
        valid: true,
        reason: CAPACITY,
    },
    Case {
        schema: r#"<xs:simpleType name="T0"><xs:restriction base="xs:duration"/></xs:simpleType>"#,
        ours: || builtin(Builtin::Duration),
        value: "P4294967296D",
        valid: true,
        reason: CAPACITY,
    },
];

fn builtin(builtin: Builtin) -> (Types, TypeId) {
    (TypesBuilder::new(Tables::Xsd10).finish(), builtin.id())
}

/// Why a schema that the oracle takes is refused.
pub(super) fn definition(definitions: &Definitions, error: &DefinitionError) -> Option<&'static str> {
    let of_names = (0..definitions.len()).any(|at| definitions.involved(at).contains(&Builtin::QName));
    match error {
        // It holds enumerated names to the names of the base's enumeration only, not to its patterns.
        DefinitionError::Literal { facet: "enumeration", .. } if of_names => {
            Some("enumerated values are of the value space of the base (part 2 §4.3.5.5)")
        }
        _ => None,
    }
}

/// Why the verdicts on a value differ.
pub(super) fn verdict(definitions: &Definitions, at: usize, value: &str) -> Option<&'static str> {
    let involved = definitions.involved(at);
    let integer = |builtin: &Builtin| builtin.primitive() == Builtin::Decimal && *builtin != Builtin::Decimal;
    let words = || value.split_ascii_whitespace();
    if involved.iter().any(integer) && words().any(|word| word.contains('_')) {
        // Its big numbers take underscores between and after digits, as literals of Rust have them.
        return Some(DIGITS);
    }
    if involved.contains(&Builtin::Base64Binary) && words().nth(1).is_some() {
        return Some(BASE64);
    }
    if involved.contains(&Builtin::QName) && value.contains(':') {
        // It has no prefixes to ask for here, and takes any.
        return Some(PREFIX);
    }
    if definitions.has_patterned_union(at) && value.contains([' ', '\t', '\n', '\r']) {
        // It collapses, whichever member takes the value.
        return Some(SPACES);
    }
    let dated = |builtin: &Builtin| (Builtin::Duration..=Builtin::GMonth).contains(builtin);
    let mut numbers = value.split(|c: char| !c.is_ascii_digit());
    (involved.iter().any(dated) && numbers.any(|digits| digits.len() > 9)).then_some(CAPACITY)
}

/// Why the equalities of two values differ.
pub(super) fn equality(definitions: &Definitions, at: usize, one: &str, other: &str) -> Option<&'static str> {
    verdict(definitions, at, one).or_else(|| verdict(definitions, at, other))
}
