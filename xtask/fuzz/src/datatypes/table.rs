//! The types that values are held against: every built-in type, and some that are derived from them.

use std::fmt::Write as _;

use sekisho_datatypes::{Builtin, EnumValue, Facets, Tables, TypeId, Types, TypesBuilder, WhiteSpace};

/// A type. Those it names come before it; `#3` is the third one derived, from 0.
#[derive(Debug, Clone, Copy)]
pub(super) enum Definition {
    Builtin(Builtin),
    /// Base, and facets by their names.
    Restriction(&'static str, &'static [(&'static str, &'static str)]),
    List(&'static str),
    Union(&'static [&'static str]),
}

use Definition::{List, Restriction, Union};

const DERIVED: &[Definition] = &[
    Restriction("string", &[("length", "3")]),
    Restriction("string", &[("minLength", "2"), ("maxLength", "4")]),
    Restriction("string", &[("pattern", "[A-Z]{2}\\d{1,3}(-[a-c]+)?")]),
    Restriction("string", &[("enumeration", "a"), ("enumeration", " b "), ("enumeration", "氏名")]),
    Restriction("string", &[("whiteSpace", "replace"), ("maxLength", "5")]),
    Restriction("string", &[("whiteSpace", "collapse"), ("pattern", "\\S+( \\S+)*")]),
    Restriction("token", &[("pattern", "\\i\\c*"), ("pattern", "[0-9]+")]),
    Restriction("normalizedString", &[("enumeration", "x y"), ("enumeration", "z")]),
    Restriction("decimal", &[("totalDigits", "4"), ("fractionDigits", "2")]),
    Restriction("decimal", &[("minInclusive", "-1.50"), ("maxExclusive", "100")]),
    Restriction("decimal", &[("enumeration", "1.0"), ("enumeration", "-0"), ("enumeration", "12.5")]),
    Restriction("decimal", &[("pattern", "\\d+(\\.\\d)?")]),
    Restriction("integer", &[("minExclusive", "-5"), ("maxInclusive", "+007")]),
    Restriction("int", &[("totalDigits", "3")]),
    Restriction("unsignedByte", &[("maxInclusive", "23")]),
    Restriction("float", &[("minInclusive", "-1.5E2"), ("maxInclusive", "INF")]),
    Restriction("double", &[("enumeration", "NaN"), ("enumeration", "0"), ("enumeration", "1e3")]),
    Restriction("boolean", &[("pattern", "0|1")]),
    Restriction("date", &[("minInclusive", "1868-01-25"), ("maxExclusive", "2100-01-01Z")]),
    Restriction("dateTime", &[("maxInclusive", "2026-04-01T00:00:00+09:00")]),
    Restriction("time", &[("minInclusive", "09:00:00"), ("maxInclusive", "17:30:00")]),
    Restriction("gYearMonth", &[("minInclusive", "2000-01")]),
    Restriction("duration", &[("minInclusive", "P1M"), ("maxInclusive", "P1Y")]),
    Restriction("hexBinary", &[("length", "2")]),
    Restriction("anyURI", &[("maxLength", "12")]),
    Restriction("language", &[("enumeration", "ja"), ("enumeration", "en-GB")]),
    // 26
    List("int"),
    List("string"),
    List("boolean"),
    List("#2"),
    Restriction("#26", &[("minLength", "1"), ("maxLength", "3")]),
    Restriction("#26", &[("enumeration", "1 2"), ("enumeration", ""), ("enumeration", "07")]),
    Restriction("#27", &[("pattern", "a( b)*")]),
    Restriction("NMTOKENS", &[("length", "2")]),
    // 34
    Union(&["int", "boolean"]),
    Union(&["date", "#9", "string"]),
    Union(&["#26", "#2"]),
    Restriction("#34", &[("enumeration", "1"), ("enumeration", "true")]),
    Restriction("#36", &[("enumeration", "1 2"), ("enumeration", "AB1")]),
    List("#34"),
    Union(&["#38", "#39", "NCName"]),
    Restriction("#8", &[("maxInclusive", "50")]),
    Restriction("#1", &[("pattern", "[^0-9]*")]),
];

/// Every type, in an order that has each behind those that it names.
pub(super) fn definitions() -> Vec<Definition> {
    // A schema cannot restrict anySimpleType, nor NOTATION without an enumeration.
    let restricted = |builtin: &&Builtin| !matches!(builtin, Builtin::AnySimpleType | Builtin::Notation);
    let builtins = Builtin::ALL.iter().filter(restricted);
    builtins.map(|builtin| Definition::Builtin(*builtin)).chain(DERIVED.iter().copied()).collect()
}

/// How many come before those derived.
fn before() -> usize {
    definitions().len() - DERIVED.len()
}

/// The built-in types that values of the type may be of.
pub(super) fn involved(definition: &Definition) -> Vec<Builtin> {
    let of = |name: &&str| match name.strip_prefix('#') {
        Some(number) => involved(&DERIVED[number.parse::<usize>().unwrap()]),
        None => involved(&Definition::Builtin(Builtin::from_local_name(name).unwrap())),
    };
    match definition {
        Definition::Builtin(builtin) => builtin.item().into_iter().chain([*builtin]).collect(),
        Restriction(base, _) | List(base) => of(base),
        Union(members) => members.iter().flat_map(of).collect(),
    }
}

pub(super) fn build(definitions: &[Definition], tables: Tables) -> (Types, Vec<TypeId>) {
    let mut builder = TypesBuilder::new(tables);
    let mut ids: Vec<TypeId> = Vec::new();
    for definition in definitions {
        let id = |name: &str| match name.strip_prefix('#') {
            Some(number) => ids[before() + number.parse::<usize>().unwrap()],
            None => Builtin::from_local_name(name).unwrap().id(),
        };
        let ty = match definition {
            // A step that says nothing, so that the two validators have the same types under the same names.
            Definition::Builtin(builtin) => builder.restrict(builtin.id(), None, Facets::default()),
            Restriction(base, given) => builder.restrict(id(base), None, facets(given)),
            List(item) => builder.list(None, id(item)),
            Union(members) => builder.union(None, members.iter().map(|name| id(name)).collect()),
        };
        ids.push(ty.unwrap());
    }
    (builder.finish(), ids)
}

fn facets(given: &[(&str, &str)]) -> Facets {
    let mut facets = Facets::default();
    for (name, value) in given {
        let number = || Some(value.parse().unwrap());
        let text = || Some((*value).to_owned());
        match *name {
            "length" => facets.length = number(),
            "minLength" => facets.min_length = number(),
            "maxLength" => facets.max_length = number(),
            "totalDigits" => facets.total_digits = number(),
            "fractionDigits" => facets.fraction_digits = number(),
            "minInclusive" => facets.min_inclusive = text(),
            "maxInclusive" => facets.max_inclusive = text(),
            "minExclusive" => facets.min_exclusive = text(),
            "maxExclusive" => facets.max_exclusive = text(),
            "pattern" => facets.patterns.push((*value).to_owned()),
            "enumeration" => {
                facets.enumeration.get_or_insert_default().push(EnumValue::from(*value));
            }
            "whiteSpace" => {
                facets.white_space = Some(match *value {
                    "replace" => WhiteSpace::Replace,
                    _ => WhiteSpace::Collapse,
                });
            }
            other => panic!("no facet is called {other}"),
        }
    }
    facets
}

/// The same types as a schema document, `T0`, `T1` and so on.
pub(super) fn document(definitions: &[Definition]) -> String {
    let name = |name: &str| match name.strip_prefix('#') {
        Some(number) => format!("T{}", before() + number.parse::<usize>().unwrap()),
        None => format!("xs:{name}"),
    };
    let mut out = String::from("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">\n");
    for (at, definition) in definitions.iter().enumerate() {
        let body = match definition {
            Definition::Builtin(builtin) => {
                format!("<xs:restriction base=\"xs:{}\"/>", builtin.local_name())
            }
            Restriction(base, facets) => {
                let facets: String =
                    facets.iter().map(|(name, value)| format!("<xs:{name} value=\"{value}\"/>")).collect();
                format!("<xs:restriction base=\"{}\">{facets}</xs:restriction>", name(base))
            }
            List(item) => format!("<xs:list itemType=\"{}\"/>", name(item)),
            Union(members) => {
                let members: Vec<String> = members.iter().map(|member| name(member)).collect();
                format!("<xs:union memberTypes=\"{}\"/>", members.join(" "))
            }
        };
        let _ = writeln!(out, "<xs:simpleType name=\"T{at}\">{body}</xs:simpleType>");
    }
    out + "</xs:schema>\n"
}
