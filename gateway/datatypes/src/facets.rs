//! The constraining facets of one derivation step (part 2 §4.3).

use crate::white_space::WhiteSpace;

/// The facets that one `xs:restriction` gives; what it leaves out is the base type's.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facets {
    /// `length`, in characters, octets or items as the type says.
    pub length: Option<u64>,
    /// `minLength`.
    pub min_length: Option<u64>,
    /// `maxLength`.
    pub max_length: Option<u64>,
    /// The patterns of this step: a value must match one of them, and one of each earlier step. Empty for none.
    pub patterns: Vec<String>,
    /// `enumeration`: a value must be one of these.
    pub enumeration: Option<Vec<EnumValue>>,
    /// `whiteSpace`.
    pub white_space: Option<WhiteSpace>,
    /// `minInclusive`, a literal of the base type.
    pub min_inclusive: Option<String>,
    /// `maxInclusive`, a literal of the base type.
    pub max_inclusive: Option<String>,
    /// `minExclusive`, a literal of the base type.
    pub min_exclusive: Option<String>,
    /// `maxExclusive`, a literal of the base type.
    pub max_exclusive: Option<String>,
    /// `totalDigits`.
    pub total_digits: Option<u64>,
    /// `fractionDigits`.
    pub fraction_digits: Option<u64>,
}

/// One value of an enumeration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EnumValue {
    /// The literal as the schema writes it.
    pub text: String,
    /// The prefixes in scope there with their namespace names, the empty one for the default namespace: what a
    /// literal of QName or NOTATION means.
    pub namespaces: Vec<(String, String)>,
}

impl From<&str> for EnumValue {
    fn from(text: &str) -> EnumValue {
        EnumValue { text: text.to_owned(), namespaces: Vec::new() }
    }
}
