//! Types as they are defined, one derivation step at a time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::builtin::{Builtin, TypeId, Variety};
use crate::checks::{Checks, Enumeration, Length, Limit, Side};
use crate::definition::DefinitionError;
use crate::facets::{EnumValue, Facets};
use crate::fault::Fault;
use crate::literal::Literal;
use crate::namespaces::NoNamespaces;
use crate::pattern::Pattern;
use crate::scratch::Scratch;
use crate::shape;
use crate::types::{Body, Ids, SimpleType, Tables, Types};
use crate::value::Bound;
use crate::white_space::WhiteSpace;

/// The most types of a schema.
const MAX_TYPES: usize = 1 << 20;
/// The most steps of derivation, list and union that may lie behind a type.
const MAX_DEPTH: usize = 256;
/// The most types that may have to be tried for one value.
const MAX_WEIGHT: usize = 1 << 16;

/// Takes definitions, each after those that it names; the built-in types are there already.
#[derive(Clone, Debug)]
pub struct TypesBuilder {
    types: Types,
    tables: Tables,
    /// Patterns compiled once, by their alternatives.
    patterns: HashMap<Vec<String>, Arc<Pattern>>,
    scratch: Scratch,
}

impl TypesBuilder {
    /// The built-in types.
    pub fn new(tables: Tables) -> TypesBuilder {
        let types = Types { types: Vec::with_capacity(Builtin::ALL.len()) };
        let mut builder = TypesBuilder { types, tables, patterns: HashMap::new(), scratch: Scratch::new() };
        for &builtin in Builtin::ALL {
            builder.add_builtin(builtin);
        }
        builder
    }

    /// The id of a built-in type, the same as [`Builtin::id`].
    pub fn builtin(&self, builtin: Builtin) -> TypeId {
        builtin.id()
    }

    /// A restriction of `base` (part 2 §4.1.2.1).
    ///
    /// # Errors
    /// What cannot be represented: [`DefinitionError`].
    pub fn restrict(
        &mut self,
        base: TypeId,
        name: Option<String>,
        facets: Facets,
    ) -> Result<TypeId, DefinitionError> {
        let mut simple = self.types.get(base).clone();
        applicable(&simple.body, &facets)?;
        simple.base = base;
        simple.name = name;
        simple.depth += 1;
        match &mut simple.body {
            Body::Any => {}
            Body::Atomic(literal, checks) => {
                simple.white_space = facets.white_space.unwrap_or(simple.white_space);
                let (literal, builtin) = (*literal, simple.builtin);
                self.narrow(base, literal.is_text(), checks, &facets)?;
                self.bound(literal, builtin, checks, &facets)?;
            }
            Body::List(_, checks) | Body::Union(checks) => self.narrow(base, false, checks, &facets)?,
        }
        self.add(simple)
    }

    /// A list of `item` (part 2 §4.1.2.2).
    ///
    /// # Errors
    /// `item` is a list or has one among its members.
    pub fn list(&mut self, name: Option<String>, item: TypeId) -> Result<TypeId, DefinitionError> {
        if self.has_list(item) {
            return Err(DefinitionError::ListOfLists);
        }
        let of = self.types.get(item);
        let simple = SimpleType {
            name,
            base: Builtin::AnySimpleType.id(),
            builtin: Builtin::AnySimpleType,
            white_space: WhiteSpace::Collapse,
            variety: Variety::List(item),
            body: Body::List(item, Checks::default()),
            ids: of.ids,
            depth: of.depth + 1,
            weight: of.weight,
            shape: None,
        };
        self.add(simple)
    }

    /// A union of `members` in their order (part 2 §4.1.2.3).
    ///
    /// # Errors
    /// No member, or too deep a nesting.
    pub fn union(&mut self, name: Option<String>, members: Vec<TypeId>) -> Result<TypeId, DefinitionError> {
        if members.is_empty() {
            return Err(DefinitionError::NoMembers);
        }
        let of = || members.iter().map(|&member| self.types.get(member));
        let simple = SimpleType {
            name,
            base: Builtin::AnySimpleType.id(),
            builtin: Builtin::AnySimpleType,
            white_space: WhiteSpace::Preserve,
            ids: of().fold(Ids::default(), |ids, member| ids.or(member.ids)),
            depth: of().map(|member| member.depth).max().unwrap_or_default() + 1,
            weight: of().fold(1, |weight: usize, member| weight.saturating_add(member.weight)),
            shape: None,
            body: Body::Union(Checks::default()),
            variety: Variety::Union(members),
        };
        self.add(simple)
    }

    /// The types, ready to check values.
    pub fn finish(self) -> Types {
        self.types
    }

    fn add(&mut self, mut simple: SimpleType) -> Result<TypeId, DefinitionError> {
        let limit =
            |which, max, is| if is > max { Err(DefinitionError::Limit { which, max }) } else { Ok(()) };
        limit("simple types", MAX_TYPES, self.types.types.len() + 1)?;
        limit("steps of derivation behind a simple type", MAX_DEPTH, simple.depth)?;
        limit("types to be tried for one value of a union", MAX_WEIGHT, simple.weight)?;
        simple.shape = shape::of(&self.types, &simple);
        self.types.types.push(simple);
        // MAX_TYPES is far below 2^32.
        Ok(TypeId(self.types.types.len() as u32 - 1))
    }

    /// Whether a value of the type may be a list.
    fn has_list(&self, ty: TypeId) -> bool {
        match self.types.variety(ty) {
            Variety::Atomic => false,
            Variety::List(_) => true,
            Variety::Union(members) => members.iter().any(|&member| self.has_list(member)),
        }
    }

    /// Facets that every variety may have.
    fn narrow(
        &mut self,
        base: TypeId,
        is_text: bool,
        checks: &mut Checks,
        facets: &Facets,
    ) -> Result<(), DefinitionError> {
        let lower = [("length", facets.length), ("minLength", facets.min_length)];
        for (facet, bound) in lower {
            if let Some(bound) = bound.filter(|&bound| checks.min_length.is_none_or(|min| bound >= min.bound))
            {
                checks.min_length = Some(Length { facet, bound });
            }
        }
        let upper = [("length", facets.length), ("maxLength", facets.max_length)];
        for (facet, bound) in upper {
            if let Some(bound) = bound.filter(|&bound| checks.max_length.is_none_or(|max| bound <= max.bound))
            {
                checks.max_length = Some(Length { facet, bound });
            }
        }
        let least = |held: Option<u64>, new: Option<u64>| match (held, new) {
            (Some(held), Some(new)) => Some(held.min(new)),
            (held, new) => held.or(new),
        };
        checks.total_digits = least(checks.total_digits, facets.total_digits);
        checks.fraction_digits = least(checks.fraction_digits, facets.fraction_digits);
        if !facets.patterns.is_empty() {
            checks.patterns.push(self.pattern(&facets.patterns)?);
        }
        if let Some(values) = &facets.enumeration {
            checks.enumeration = Some(Arc::new(self.enumeration(base, is_text, values)?));
        }
        Ok(())
    }

    fn pattern(&mut self, alternatives: &[String]) -> Result<Arc<Pattern>, DefinitionError> {
        if let Some(pattern) = self.patterns.get(alternatives) {
            return Ok(pattern.clone());
        }
        let pattern = Arc::new(Pattern::compile(alternatives, self.tables)?);
        self.patterns.insert(alternatives.to_vec(), pattern.clone());
        Ok(pattern)
    }

    /// The values, each of which has to be one of the base type.
    fn enumeration(
        &mut self,
        base: TypeId,
        is_text: bool,
        values: &[EnumValue],
    ) -> Result<Enumeration, DefinitionError> {
        let mut keys = Vec::with_capacity(values.len());
        for value in values {
            let mut key = Vec::new();
            self.key_of(base, value, &mut key).map_err(|fault| DefinitionError::Literal {
                facet: "enumeration",
                literal: value.text.clone(),
                code: fault.code,
            })?;
            keys.push(key.into_boxed_slice());
        }
        if is_text {
            let white_space = self.types.white_space(base);
            let mut texts: Vec<Box<str>> =
                values.iter().map(|value| white_space.normalise(&value.text).into()).collect();
            texts.sort_unstable();
            texts.dedup();
            return Ok(Enumeration::Texts(texts));
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(Enumeration::Keys(keys))
    }

    fn key_of(&mut self, base: TypeId, value: &EnumValue, key: &mut Vec<u8>) -> Result<(), Fault> {
        let simple = self.types.get(base);
        match &simple.body {
            // NOTATION has no values until a restriction names them.
            Body::Atomic(literal, Checks { enumeration: None, .. })
                if simple.builtin == Builtin::Notation =>
            {
                let text = simple.white_space.normalise(&value.text);
                literal
                    .read(&text, simple.builtin, &value.namespaces)?
                    .write_key(Builtin::Notation as u8, key);
                Ok(())
            }
            _ => {
                let scratch = &mut self.scratch;
                self.types.value_key(base, &value.text, &value.namespaces, scratch, key).map(drop)
            }
        }
    }

    /// Bounds, for types that have an order.
    fn bound(
        &self,
        literal: Literal,
        builtin: Builtin,
        checks: &mut Checks,
        facets: &Facets,
    ) -> Result<(), DefinitionError> {
        let given = [
            (Side::MinInclusive, &facets.min_inclusive),
            (Side::MinExclusive, &facets.min_exclusive),
            (Side::MaxInclusive, &facets.max_inclusive),
            (Side::MaxExclusive, &facets.max_exclusive),
        ];
        for (side, text) in given {
            let Some(text) = text else { continue };
            let value = read_bound(literal, builtin, side, text)?;
            let limit = Limit { side, literal: text.trim().into(), value };
            // A narrower bound makes one on the same side needless; what cannot be told narrower stands beside it.
            checks.bounds.retain(|held| !replaces(&limit, held));
            checks.bounds.push(limit);
        }
        Ok(())
    }

    fn add_builtin(&mut self, builtin: Builtin) {
        let base = builtin.base();
        let facets = builtin_facets(builtin);
        let simple = match (builtin.item(), Literal::of(builtin)) {
            (Some(item), _) => {
                let checks =
                    Checks { min_length: Some(Length { facet: "minLength", bound: 1 }), ..Checks::default() };
                let (variety, body) = (Variety::List(item.id()), Body::List(item.id(), checks));
                SimpleType { ids: self.types.ids(item.id()), ..blank(builtin, variety, body) }
            }
            (None, None) => blank(builtin, Variety::Atomic, Body::Any),
            (None, Some(literal)) => {
                let mut checks = match base {
                    Builtin::AnySimpleType => Checks::default(),
                    base => match &self.types.get(base.id()).body {
                        Body::Atomic(_, checks) => checks.clone(),
                        _ => Checks::default(),
                    },
                };
                for (side, bound) in facets {
                    if let Ok(value) = read_bound(literal, builtin, side, bound) {
                        checks.bounds.retain(|held| held.side.is_lower() != side.is_lower());
                        checks.bounds.push(Limit { side, literal: bound.into(), value });
                    }
                }
                blank(builtin, Variety::Atomic, Body::Atomic(literal, checks))
            }
        };
        // The built-in types are within all limits: the tables' order is that of their ids.
        let mut simple = simple;
        simple.shape = shape::of(&self.types, &simple);
        self.types.types.push(simple);
    }
}

fn blank(builtin: Builtin, variety: Variety, body: Body) -> SimpleType {
    SimpleType {
        name: Some(format!("xs:{}", builtin.local_name())),
        base: builtin.base().id(),
        builtin,
        white_space: builtin.white_space(),
        variety,
        body,
        ids: Ids {
            id: builtin == Builtin::Id,
            idref: builtin == Builtin::Idref,
            entity: builtin == Builtin::Entity,
        },
        depth: 0,
        weight: 1,
        shape: None,
    }
}

fn builtin_facets(builtin: Builtin) -> Vec<(Side, &'static str)> {
    let between = |min, max| vec![(Side::MinInclusive, min), (Side::MaxInclusive, max)];
    match builtin {
        Builtin::NonPositiveInteger => vec![(Side::MaxInclusive, "0")],
        Builtin::NegativeInteger => vec![(Side::MaxInclusive, "-1")],
        Builtin::NonNegativeInteger => vec![(Side::MinInclusive, "0")],
        Builtin::PositiveInteger => vec![(Side::MinInclusive, "1")],
        Builtin::Long => between("-9223372036854775808", "9223372036854775807"),
        Builtin::Int => between("-2147483648", "2147483647"),
        Builtin::Short => between("-32768", "32767"),
        Builtin::Byte => between("-128", "127"),
        Builtin::UnsignedLong => between("0", "18446744073709551615"),
        Builtin::UnsignedInt => between("0", "4294967295"),
        Builtin::UnsignedShort => between("0", "65535"),
        Builtin::UnsignedByte => between("0", "255"),
        _ => Vec::new(),
    }
}

/// Refuses facets that nothing would check (part 2 §4.1.5). White space of what is not text is fixed: what a schema says
/// of it changes nothing.
fn applicable(body: &Body, facets: &Facets) -> Result<(), DefinitionError> {
    let (text, number, ordered, value, listed) = match body {
        Body::Any => (false, false, false, false, false),
        Body::Union(_) => (false, false, false, true, true),
        Body::List(..) => (true, false, false, true, true),
        Body::Atomic(literal, _) => {
            let counted =
                literal.is_text() || matches!(literal, Literal::Hex | Literal::Base64 | Literal::QName);
            let number = matches!(literal, Literal::Decimal | Literal::Integer);
            // Two values need no list: boolean has `pattern` and `whiteSpace` only (part 2 §3.2.2.3).
            let listed = *literal != Literal::Boolean;
            (counted, number, !counted && listed, true, listed)
        }
    };
    // The white space of a list is what parts its items, and cannot be changed (part 2 §4.3.6); that of a union is its members'.
    let white_space = match (body, facets.white_space) {
        (Body::List(..), Some(mode)) => mode == WhiteSpace::Collapse,
        (Body::Union(_), Some(_)) => false,
        _ => true,
    };
    let given = [
        ("whiteSpace", facets.white_space.is_some(), white_space),
        ("length", facets.length.is_some(), text),
        ("minLength", facets.min_length.is_some(), text),
        ("maxLength", facets.max_length.is_some(), text),
        ("totalDigits", facets.total_digits.is_some(), number),
        ("fractionDigits", facets.fraction_digits.is_some(), number),
        ("minInclusive", facets.min_inclusive.is_some(), ordered),
        ("minExclusive", facets.min_exclusive.is_some(), ordered),
        ("maxInclusive", facets.max_inclusive.is_some(), ordered),
        ("maxExclusive", facets.max_exclusive.is_some(), ordered),
        ("pattern", !facets.patterns.is_empty(), value),
        ("enumeration", facets.enumeration.is_some(), listed),
    ];
    match given.into_iter().find(|(_, is_given, applies)| *is_given && !applies) {
        Some((facet, ..)) => Err(DefinitionError::Facet { facet }),
        None => Ok(()),
    }
}

fn read_bound(literal: Literal, builtin: Builtin, side: Side, text: &str) -> Result<Bound, DefinitionError> {
    let trimmed = WhiteSpace::Collapse.normalise(text);
    let wrong = |code| DefinitionError::Literal { facet: side.facet(), literal: text.to_owned(), code };
    // A bound of an integer type may be written as the decimal that it is.
    let literal = if literal == Literal::Integer { Literal::Decimal } else { literal };
    let value = literal.read(&trimmed, builtin, &NoNamespaces).map_err(|fault| wrong(fault.code))?;
    value.to_bound().ok_or(DefinitionError::Facet { facet: side.facet() })
}

/// Whether every value that the new limit admits is admitted by the one held.
fn replaces(new: &Limit, held: &Limit) -> bool {
    if new.side.is_lower() != held.side.is_lower() {
        return false;
    }
    let order = new.value.as_ref().order(&held.value);
    let exclusive = |side| matches!(side, Side::MinExclusive | Side::MaxExclusive);
    match order {
        Some(std::cmp::Ordering::Equal) => exclusive(new.side) || !exclusive(held.side),
        Some(std::cmp::Ordering::Greater) => new.side.is_lower(),
        Some(std::cmp::Ordering::Less) => !new.side.is_lower(),
        None => false,
    }
}
