//! Where the other validator is known to be wrong, or neither is: the reasons are those of the differential test of
//! `gateway/datatypes`, which holds each to an example.

use sekisho_datatypes::Builtin;

use super::table::{Definition, involved};

/// Why nothing can be said of this value.
pub(super) fn verdict(definition: &Definition, value: &str) -> Option<&'static str> {
    let involved = involved(definition);
    let integer = |builtin: &Builtin| builtin.primitive() == Builtin::Decimal && *builtin != Builtin::Decimal;
    let words = || value.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
    if involved.iter().any(integer) && words().any(|word| word.contains('_')) {
        return Some("an integer is a sequence of decimal digits (part 2 §3.3.13.1): it takes underscores");
    }
    if involved.contains(&Builtin::Base64Binary) && words().nth(1).is_some() {
        return Some(
            "between two characters of base64Binary may be a space (part 2 §3.2.16): it takes some only",
        );
    }
    if involved.contains(&Builtin::QName) && value.contains(':') {
        return Some("a prefix has to be bound (part 2 §3.2.18): it has none to ask for here, and takes any");
    }
    let dated = |builtin: &Builtin| (Builtin::Duration..=Builtin::GMonth).contains(builtin);
    let mut numbers = value.split(|c: char| !c.is_ascii_digit());
    if involved.iter().any(dated) && numbers.any(|digits| digits.len() > 9) {
        return Some("both hold numbers of some size only (part 2 §5.1)");
    }
    None
}
