//! Why a value is refused, without the value.

use std::fmt;
use std::sync::Arc;

/// A value is not of its type. Holds what was expected and lengths, never the value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The rule of the standard that is broken: `cvc-pattern-valid`, `cvc-datatype-valid.1.2.1` and so on.
    pub code: &'static str,
    /// What was expected.
    pub what: What,
    /// In a list, which item is meant, from 1.
    pub item: Option<u64>,
}

/// What was expected of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// A literal of the built-in type of this local name.
    Literal(&'static str),
    /// A match of these patterns of one derivation step.
    Pattern(Arc<[String]>),
    /// One of so many enumerated values.
    Enumeration(usize),
    /// A length facet: its name, its value, the length found.
    Length {
        /// `length`, `minLength` or `maxLength`.
        facet: &'static str,
        /// The facet's value.
        bound: u64,
        /// The value's length.
        found: u64,
        /// What was counted.
        unit: Unit,
    },
    /// A bound: its name and its literal.
    Bound {
        /// `minInclusive`, `maxInclusive`, `minExclusive` or `maxExclusive`.
        facet: &'static str,
        /// The literal in the schema.
        bound: Arc<str>,
    },
    /// A number of digits: the facet, its value, the number found.
    Digits {
        /// `totalDigits` or `fractionDigits`.
        facet: &'static str,
        /// The facet's value.
        bound: u64,
        /// The value's digits.
        found: u64,
    },
    /// A value of one of so many member types.
    Member(usize),
    /// A prefix that is bound to a namespace.
    Prefix,
    /// A number within what this implementation holds: part, most digits.
    Capacity {
        /// `year` or a part of a duration.
        part: &'static str,
        /// The most digits that it may have.
        digits: u64,
    },
}

/// What a length counts (part 2 §4.3.1).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Characters.
    Characters,
    /// Octets of the decoded value.
    Octets,
    /// Items of a list.
    Items,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Fault {}

impl Fault {
    pub(crate) fn new(code: &'static str, what: What) -> Fault {
        Fault { code, what, item: None }
    }

    /// What was expected, in English: a sentence's end, to come after the field's name and a colon.
    pub fn message(&self) -> String {
        let expected = match &self.what {
            What::Literal(builtin) => format!("is not a valid xs:{builtin}"),
            What::Pattern(patterns) => format!("does not match the pattern {}", shown(patterns, " or ")),
            What::Enumeration(0) => "has no permitted value: its type needs an enumeration".to_owned(),
            What::Enumeration(values) => format!("is not one of the {values} permitted values"),
            What::Length { facet, bound, found, unit } => {
                let unit = match unit {
                    Unit::Characters => "characters",
                    Unit::Octets => "octets",
                    Unit::Items => "items",
                };
                match *facet {
                    "length" => format!("must have exactly {bound} {unit}, found {found}"),
                    "minLength" => format!("must have at least {bound} {unit}, found {found}"),
                    _ => format!("must have at most {bound} {unit}, found {found}"),
                }
            }
            What::Bound { facet, bound } => match *facet {
                "minInclusive" => format!("must be {bound} or greater"),
                "maxInclusive" => format!("must be {bound} or less"),
                "minExclusive" => format!("must be greater than {bound}"),
                _ => format!("must be less than {bound}"),
            },
            What::Digits { facet, bound, found } => match *facet {
                "totalDigits" => format!("may have {bound} digits, found {found}"),
                _ => format!("may have {bound} digits after the point, found {found}"),
            },
            What::Member(members) => format!("is of none of the {members} types that it may have"),
            What::Prefix => "has a prefix that is not bound to a namespace".to_owned(),
            What::Capacity { part, digits } => {
                format!("has a {part} of more digits than this gateway takes ({digits})")
            }
        };
        match self.item {
            None => expected,
            Some(item) => format!("item {item} {expected}"),
        }
    }

    /// What was expected, in Japanese.
    pub fn message_ja(&self) -> String {
        let expected = match &self.what {
            What::Literal(builtin) => format!("xs:{builtin} として正しくありません"),
            What::Pattern(patterns) => format!("パターン {} に一致しません", shown(patterns, " または ")),
            What::Enumeration(0) => "列挙のない型のため、認められる値がありません".to_owned(),
            What::Enumeration(values) => format!("認められた {values} 個の値のいずれでもありません"),
            What::Length { facet, bound, found, unit } => {
                let unit = match unit {
                    Unit::Characters => "文字",
                    Unit::Octets => "オクテット",
                    Unit::Items => "項目",
                };
                match *facet {
                    "length" => format!("{bound} {unit}でなければなりません（実際は {found} {unit}）"),
                    "minLength" => format!("{bound} {unit}以上でなければなりません（実際は {found} {unit}）"),
                    _ => format!("{bound} {unit}以下でなければなりません（実際は {found} {unit}）"),
                }
            }
            What::Bound { facet, bound } => match *facet {
                "minInclusive" => format!("{bound} 以上でなければなりません"),
                "maxInclusive" => format!("{bound} 以下でなければなりません"),
                "minExclusive" => format!("{bound} より大きくなければなりません"),
                _ => format!("{bound} より小さくなければなりません"),
            },
            What::Digits { facet, bound, found } => match *facet {
                "totalDigits" => format!("桁数は {bound} 桁までです（実際は {found} 桁）"),
                _ => format!("小数点以下は {bound} 桁までです（実際は {found} 桁）"),
            },
            What::Member(members) => format!("取り得る {members} 個の型のいずれの値でもありません"),
            What::Prefix => "名前空間に結び付いていない接頭辞があります".to_owned(),
            What::Capacity { part, digits } => {
                let part = if *part == "year" { "年" } else { "期間" };
                format!("{part}の桁数が扱える範囲（{digits} 桁）を超えています")
            }
        };
        match self.item {
            None => expected,
            Some(item) => format!("{item} 番目の項目: {expected}"),
        }
    }
}

/// Patterns of the schema, as far as they help.
fn shown(patterns: &[String], or: &str) -> String {
    const MAX_PATTERNS: usize = 4;
    const MAX_CHARACTERS: usize = 80;
    let mut shown: Vec<String> = patterns
        .iter()
        .take(MAX_PATTERNS)
        .map(|pattern| match pattern.char_indices().nth(MAX_CHARACTERS) {
            None => pattern.clone(),
            Some((end, _)) => format!("{}…", &pattern[..end]),
        })
        .collect();
    if patterns.len() > MAX_PATTERNS {
        shown.push("…".to_owned());
    }
    shown.join(or)
}
