//! What broken rules mean, in words that quote no value.

use crate::facts::TypeFacts;

/// How many expected names are listed.
const MAX_NAMES: usize = 8;

/// Where a rule is broken, as far as it may be told.
pub(crate) struct Site<'a> {
    /// The element it is about, if the schema declares its name.
    pub(crate) field: Option<&'a str>,
    /// An element is being started inside it: its name, if the schema declares it.
    pub(crate) child: Option<Option<&'a str>>,
    /// What could stand here.
    pub(crate) expected: Option<Vec<&'a str>>,
    /// The simple type of the element and its text.
    pub(crate) value: Option<(&'a TypeFacts, &'a str)>,
}

/// What is wrong by rule `code`.
pub(crate) fn message(code: &str, site: &Site<'_>) -> String {
    let here = site.field.map_or_else(|| "the element".to_owned(), |field| format!("element {field}"));
    let fixed = match code {
        "cvc-complex-type.2.4" => return content(site, &here),
        "cvc-elt.1" => "the schema does not declare this element here",
        "cvc-elt.2" => "is abstract: another element must stand for it",
        "cvc-elt.3.1" => "may not be nil",
        "cvc-elt.3.2.1" => "is nil and must be empty",
        "cvc-elt.3.2.2" => "has a fixed value and may not be nil",
        "cvc-elt.4.1" | "cvc-elt.4.2" | "cvc-elt.4.3" => "has an xsi:type that may not stand here",
        "cvc-elt.5.1.1" => "is empty, and its default value does not fit its xsi:type",
        "cvc-elt.5.2.2" | "cvc-elt.5.2.2.2" => "must have the fixed value that the schema gives it",
        "cvc-elt.5.2.2.1" => "has a fixed value and may contain no elements",
        "cvc-type.2" => "has an abstract type: xsi:type must name a derived one",
        "cvc-type.3.1.1" => "has a simple type and may have no attributes",
        "cvc-type.3.1.2" => "has a simple type and may contain no elements",
        "cvc-complex-type.2.1" => "must be empty",
        "cvc-complex-type.2.2" => "may contain text only",
        "cvc-complex-type.2.3" => "may contain elements only, found text between them",
        "cvc-complex-type.3" | "cvc-complex-type.3.2.1" | "cvc-complex-type.3.2.2" => {
            "has an attribute that is not allowed"
        }
        "cvc-complex-type.4" => "lacks a required attribute",
        "cvc-attribute.4" => "has an attribute with another value than the fixed one",
        "cvc-attribute.5" => "has an xsi:type that names no type",
        "cvc-assess-attr.1.2" => "has an attribute that the schema does not declare",
        "cvc-schema-location" => "has an xsi:schemaLocation without pairs",
        "cvc-id.1" => "refers to an ID that the document does not have",
        "cvc-id.2" => "has an ID that the document has already",
        _ if code.starts_with("cvc-identity-constraint") => return identity(code, &here),
        _ => match site.value {
            Some((facts, text)) => {
                return format!("{here}: {}", facts.explain(code, &facts.normalised(text)));
            }
            None => "breaks this rule of the schema",
        },
    };
    format!("{here} {fixed}")
}

fn content(site: &Site<'_>, here: &str) -> String {
    let mut text = match site.child {
        Some(Some(child)) => format!("element {child} is not allowed here in {here}"),
        Some(None) => format!("an element that the schema does not declare stands in {here}"),
        None => format!("{here} ends too early"),
    };
    let expected = site.expected.as_deref().unwrap_or_default();
    if !expected.is_empty() {
        text.push_str(", expected ");
        text.push_str(&expected[..expected.len().min(MAX_NAMES)].join(" or "));
        if expected.len() > MAX_NAMES {
            text.push_str(" or others");
        }
    }
    text
}

fn identity(code: &str, here: &str) -> String {
    let problem = match code {
        "cvc-identity-constraint.4.1" => "repeats a combination of values that must be unique",
        "cvc-identity-constraint.4.2.1" => "lacks a field of its key, or has one more than once",
        "cvc-identity-constraint.4.2.2" => "repeats a key",
        "cvc-identity-constraint.4.2.3" => "has a nillable element in its key",
        "cvc-identity-constraint.4.3" => "refers to a key that the document does not have",
        _ => "breaks a key, keyref or unique constraint",
    };
    format!("{here} {problem}")
}
