//! Random types, as a schema document for the oracle and as definitions for us.

use std::fmt::Write as _;

use fastrand::Rng;
use sekisho_datatypes::{
    Builtin, DefinitionError, EnumValue, Facets, Tables, TypeId, Types, TypesBuilder, WhiteSpace,
};

use super::{expressions, literals};

/// Types in the order of their numbers.
pub(super) struct Definitions(Vec<Definition>);

enum Definition {
    Restriction(Base, Box<Facets>),
    List(Base),
    Union(Vec<Base>),
}

/// A built-in type, or one of those before.
#[derive(Copy, Clone)]
enum Base {
    Builtin(Builtin),
    Type(usize),
}

impl Definitions {
    /// Chains of restrictions of built-in types.
    pub(super) fn restrictions(random: &mut Rng) -> Definitions {
        let mut definitions = Definitions(Vec::new());
        let builtin = any_builtin(random);
        let facets = if random.u32(..4) == 0 { Facets::default() } else { facets(builtin, random) };
        definitions.0.push(Definition::Restriction(Base::Builtin(builtin), facets.into()));
        if random.bool() {
            definitions.0.push(Definition::Restriction(Base::Type(0), facets_of(builtin, random, 1).into()));
        }
        definitions
    }

    /// Lists and unions of such types, restricted themselves.
    pub(super) fn combinations(random: &mut Rng) -> Definitions {
        let mut definitions = Definitions(Vec::new());
        let mut atomic = vec![Base::Builtin(atomic_builtin(random)), Base::Builtin(atomic_builtin(random))];
        let builtin = atomic_builtin(random);
        definitions
            .0
            .push(Definition::Restriction(Base::Builtin(builtin), facets_of(builtin, random, 1).into()));
        atomic.push(Base::Type(0));
        random.shuffle(&mut atomic);
        atomic.truncate(random.usize(1..=3));
        definitions.0.push(Definition::Union(atomic.clone()));
        let item = if random.bool() { atomic[0] } else { Base::Type(1) };
        definitions.0.push(Definition::List(item));
        let base = random.usize(1..=2);
        let mut facets = Facets::default();
        if base == 2 {
            lengths(&mut facets, random);
        }
        if random.bool() {
            let values = (0..random.usize(1..4)).map(|_| definitions.clean(base, random));
            facets.enumeration =
                Some(values.map(|text| EnumValue { text, namespaces: Vec::new() }).collect());
        }
        if random.u32(..4) == 0 {
            facets.patterns = vec![expressions::random(random)];
        }
        definitions.0.push(Definition::Restriction(Base::Type(base), facets.into()));
        definitions.0.push(Definition::Union(vec![Base::Type(3), Base::Builtin(atomic_builtin(random))]));
        definitions
    }

    /// Patterns only.
    pub(super) fn patterns(random: &mut Rng) -> Definitions {
        let mut definitions = Definitions(Vec::new());
        for _ in 0..4 {
            let patterns = (0..random.usize(1..3)).map(|_| expressions::random(random)).collect();
            let base =
                [Builtin::String, Builtin::String, Builtin::Token, Builtin::Decimal][random.usize(..4)];
            let facets = Facets { patterns, ..Facets::default() };
            definitions.0.push(Definition::Restriction(Base::Builtin(base), facets.into()));
        }
        definitions
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Every built-in type that a value, an item or a member may be of.
    pub(super) fn involved(&self, at: usize) -> Vec<Builtin> {
        let of = |base: &Base| match base {
            Base::Builtin(builtin) => vec![*builtin],
            Base::Type(at) => self.involved(*at),
        };
        match &self.0[at] {
            Definition::Restriction(base, _) | Definition::List(base) => of(base),
            Definition::Union(members) => members.iter().flat_map(of).collect(),
        }
    }

    /// Whether the type is a union, or comes from one or from a list of one, and has patterns.
    pub(super) fn has_patterned_union(&self, at: usize) -> bool {
        match &self.0[at] {
            Definition::Restriction(Base::Type(base), facets) => {
                (!facets.patterns.is_empty() && matches!(self.0[*base], Definition::Union(_)))
                    || self.has_patterned_union(*base)
            }
            Definition::Restriction(..) => false,
            Definition::List(base) => matches!(base, Base::Type(at) if self.has_patterned_union(*at)),
            Definition::Union(members) => {
                members.iter().any(|base| matches!(base, Base::Type(at) if self.has_patterned_union(*at)))
            }
        }
    }

    pub(super) fn build(&self, tables: Tables) -> Result<(Types, Vec<TypeId>), DefinitionError> {
        let mut builder = TypesBuilder::new(tables);
        let mut ids: Vec<TypeId> = Vec::new();
        for definition in &self.0 {
            let id = |base: &Base| match base {
                Base::Builtin(builtin) => builtin.id(),
                Base::Type(at) => ids[*at],
            };
            let ty = match definition {
                Definition::Restriction(base, facets) => {
                    builder.restrict(id(base), None, (**facets).clone())?
                }
                Definition::List(item) => builder.list(None, id(item))?,
                Definition::Union(members) => builder.union(None, members.iter().map(id).collect())?,
            };
            ids.push(ty);
        }
        Ok((builder.finish(), ids))
    }

    pub(super) fn document(&self) -> String {
        let mut out = String::from("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">\n");
        for (at, definition) in self.0.iter().enumerate() {
            let _ = match definition {
                Definition::Restriction(base, facets) => write!(
                    out,
                    "<xs:simpleType name=\"T{at}\"><xs:restriction base=\"{}\">{}</xs:restriction></xs:simpleType>",
                    name(base),
                    elements(facets)
                ),
                Definition::List(item) => {
                    write!(
                        out,
                        "<xs:simpleType name=\"T{at}\"><xs:list itemType=\"{}\"/></xs:simpleType>",
                        name(item)
                    )
                }
                Definition::Union(members) => {
                    let members: Vec<String> = members.iter().map(name).collect();
                    let members = members.join(" ");
                    write!(
                        out,
                        "<xs:simpleType name=\"T{at}\"><xs:union memberTypes=\"{members}\"/></xs:simpleType>"
                    )
                }
            };
            out.push('\n');
        }
        out + "</xs:schema>\n"
    }

    /// A value that is one of the type, or nearly, or hardly.
    pub(super) fn value(&self, at: usize, random: &mut Rng) -> String {
        match &self.0[at] {
            Definition::Restriction(base, facets) => self.restricted(base, facets, random),
            Definition::List(item) => {
                let items: Vec<String> =
                    (0..random.usize(..4)).map(|_| self.base_value(item, random)).collect();
                items.join(if random.u32(..5) == 0 { " \n " } else { " " })
            }
            Definition::Union(members) => self.base_value(&members[random.usize(..members.len())], random),
        }
    }

    fn restricted(&self, base: &Base, facets: &Facets, random: &mut Rng) -> String {
        if let Some(values) = &facets.enumeration
            && random.u32(..3) == 0
        {
            return values[random.usize(..values.len())].text.clone();
        }
        if let Some(bound) =
            [&facets.min_inclusive, &facets.max_inclusive, &facets.min_exclusive, &facets.max_exclusive]
                .into_iter()
                .flatten()
                .next()
            && random.u32(..3) == 0
        {
            return if random.bool() { bound.clone() } else { literals::damaged(bound, random) };
        }
        if !facets.patterns.is_empty() && random.u32(..4) != 0 {
            let pattern = &facets.patterns[random.usize(..facets.patterns.len())];
            return expressions::value_near(pattern, random);
        }
        self.base_value(base, random)
    }

    fn base_value(&self, base: &Base, random: &mut Rng) -> String {
        match base {
            Base::Builtin(builtin) => literals::value(*builtin, random),
            Base::Type(at) => self.value(*at, random),
        }
    }

    /// A value that is likely to be valid.
    fn clean(&self, at: usize, random: &mut Rng) -> String {
        let of = |base: &Base, random: &mut Rng| match base {
            Base::Builtin(builtin) => {
                let pool = literals::pool(*builtin);
                pool[random.usize(..pool.len())].to_owned()
            }
            Base::Type(at) => self.clean(*at, random),
        };
        match &self.0[at] {
            Definition::Restriction(base, _) => of(base, random),
            Definition::List(item) => {
                let items: Vec<String> = (0..random.usize(1..3)).map(|_| of(item, random)).collect();
                items.join(" ")
            }
            Definition::Union(members) => of(&members[random.usize(..members.len())], random),
        }
    }
}

fn name(base: &Base) -> String {
    match base {
        Base::Builtin(builtin) => format!("xs:{}", builtin.local_name()),
        Base::Type(at) => format!("T{at}"),
    }
}

fn any_builtin(random: &mut Rng) -> Builtin {
    // Nothing can be derived from anySimpleType by restriction; NOTATION needs notations.
    let free: Vec<Builtin> = Builtin::ALL
        .iter()
        .copied()
        .filter(|builtin| !matches!(builtin, Builtin::AnySimpleType | Builtin::Notation))
        .collect();
    free[random.usize(..free.len())]
}

fn atomic_builtin(random: &mut Rng) -> Builtin {
    loop {
        let builtin = any_builtin(random);
        // What a QName is depends on prefixes, which only one side is asked with here.
        if builtin.item().is_none() && builtin != Builtin::QName {
            return builtin;
        }
    }
}

fn facets(builtin: Builtin, random: &mut Rng) -> Facets {
    let kinds = random.u32(1..3);
    facets_of(builtin, random, kinds)
}

/// Facets of so many kinds that the type may have.
fn facets_of(builtin: Builtin, random: &mut Rng, kinds: u32) -> Facets {
    let mut facets = Facets::default();
    let pool = literals::pool(builtin);
    let literal = |random: &mut Rng| pool[random.usize(..pool.len())].to_owned();
    for _ in 0..kinds {
        match (random.u32(..5), builtin.primitive()) {
            (0, _) if builtin != Builtin::Boolean => {
                let values = (0..random.usize(1..4)).map(|_| EnumValue::from(literal(random).as_str()));
                facets.enumeration = Some(values.collect());
            }
            (1, _) => facets.patterns = vec![expressions::random(random)],
            (_, Builtin::String | Builtin::AnyUri | Builtin::HexBinary | Builtin::Base64Binary) => {
                lengths(&mut facets, random);
                if builtin == Builtin::String && random.u32(..4) == 0 {
                    facets.white_space = Some([WhiteSpace::Replace, WhiteSpace::Collapse][random.usize(..2)]);
                }
            }
            (_, Builtin::Nmtokens | Builtin::Idrefs | Builtin::Entities) => lengths(&mut facets, random),
            (_, Builtin::Boolean | Builtin::QName) => {}
            (2, Builtin::Decimal) => {
                facets.total_digits = Some(random.u64(1..8));
                if builtin == Builtin::Decimal && random.bool() {
                    facets.fraction_digits = Some(random.u64(..3));
                }
            }
            (kind, _) => {
                let (one, other) = (literal(random), literal(random));
                match (kind, random.u32(..6)) {
                    (_, 0) => facets.min_inclusive = Some(one),
                    (_, 1) => facets.max_inclusive = Some(one),
                    (_, 2) => facets.min_exclusive = Some(one),
                    (_, 3) => facets.max_exclusive = Some(one),
                    (3, _) => (facets.min_inclusive, facets.max_inclusive) = (Some(one), Some(other)),
                    _ => (facets.min_exclusive, facets.max_exclusive) = (Some(one), Some(other)),
                }
            }
        }
    }
    // Both sides of one bound at once are no schema.
    if facets.min_inclusive.is_some() {
        facets.min_exclusive = None;
    }
    if facets.max_inclusive.is_some() {
        facets.max_exclusive = None;
    }
    facets
}

fn lengths(facets: &mut Facets, random: &mut Rng) {
    (facets.length, facets.min_length, facets.max_length) = (None, None, None);
    match random.u32(..3) {
        0 => facets.length = Some(random.u64(1..4)),
        1 => facets.min_length = Some(random.u64(1..4)),
        _ => facets.max_length = Some(random.u64(1..5)),
    }
}

fn elements(facets: &Facets) -> String {
    let mut out = String::new();
    let mut element = |name: &str, value: &str| {
        let value = value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;")
            .replace('\n', "&#10;")
            .replace('\t', "&#9;")
            .replace('\r', "&#13;");
        out.push_str(&format!("<xs:{name} value=\"{value}\"/>"));
    };
    for pattern in &facets.patterns {
        element("pattern", pattern);
    }
    for value in facets.enumeration.iter().flatten() {
        element("enumeration", &value.text);
    }
    let white_space = facets.white_space.map(|white_space| match white_space {
        WhiteSpace::Preserve => "preserve".to_owned(),
        WhiteSpace::Replace => "replace".to_owned(),
        WhiteSpace::Collapse => "collapse".to_owned(),
    });
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    for (name, value) in [
        ("length", number(facets.length)),
        ("minLength", number(facets.min_length)),
        ("maxLength", number(facets.max_length)),
        ("totalDigits", number(facets.total_digits)),
        ("fractionDigits", number(facets.fraction_digits)),
        ("minInclusive", facets.min_inclusive.clone()),
        ("maxInclusive", facets.max_inclusive.clone()),
        ("minExclusive", facets.min_exclusive.clone()),
        ("maxExclusive", facets.max_exclusive.clone()),
        ("whiteSpace", white_space),
    ] {
        if let Some(value) = value {
            element(name, &value);
        }
    }
    out
}
