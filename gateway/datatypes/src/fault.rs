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
    /// What was expected, in English.
    pub fn message(&self) -> String {
        format!("{:?}", self.what)
    }

    /// What was expected, in Japanese.
    pub fn message_ja(&self) -> String {
        format!("{:?}", self.what)
    }
}
