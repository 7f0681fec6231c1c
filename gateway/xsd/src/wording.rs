//! What broken rules mean, in words that quote no value.

use crate::facts::TypeFacts;

/// How many expected names are listed.
const MAX_NAMES: usize = 8;

/// Where a rule is broken, as far as it may be told.
pub(crate) struct Site<'a> {
    /// The element it is about, if the schema declares its name.
    pub(crate) field: Option<&'a str>,
    /// The simple type of the element and its text.
    pub(crate) value: Option<(&'a TypeFacts, &'a str)>,
}

/// What is wrong by rule `code`.
pub(crate) fn message(code: &str, site: &Site<'_>) -> String {
    let here = element(site.field);
    let fixed = match code {
        "cvc-elt.1" => "is not declared here",
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
        "cvc-complex-type.5" => "has more than one attribute that is an ID",
        "cvc-attribute.4" => "has an attribute with another value than the fixed one",
        "cvc-attribute.5" => "has an xsi:type that names no type",
        "cvc-assess-attr.1.2" => "has an attribute that the schema does not declare",
        "cvc-schema-location" => "has an xsi:schemaLocation without pairs",
        "src-resolve" => "has a type that the schema does not have",
        "cvc-id.1" => "refers to an ID that the document does not have",
        "cvc-id.2" => "has an ID that the document has already",
        _ if code.starts_with("cvc-identity-constraint") => return identity(code, &here),
        _ => match site.value {
            Some((facts, text)) => {
                return format!("{here}: {}", facts.explain(code, &facts.white_space.normalise(text)));
            }
            None => "breaks this rule of the schema",
        },
    };
    format!("{here} {fixed}")
}

/// An element that should be there is not.
pub(crate) fn missing(parent: Option<&str>, name: &str, alternatives: &[&str]) -> String {
    let mut text = format!("element {name} is missing in {}", element(parent));
    let others: Vec<_> = alternatives.iter().filter(|other| **other != name).copied().collect();
    if !others.is_empty() {
        text.push_str(", or ");
        text.push_str(&others[..others.len().min(MAX_NAMES)].join(" or "));
        if others.len() > MAX_NAMES {
            text.push_str(" or others");
        }
    }
    text
}

/// An element is there that should not be, or not here.
pub(crate) fn refused(parent: Option<&str>, child: Option<&str>) -> String {
    let parent = element(parent);
    match child {
        Some(child) => format!("element {child} is not allowed here in {parent}"),
        None => format!("an element that the schema does not declare stands in {parent}"),
    }
}

/// An element ends without all that it must have.
pub(crate) fn early(name: Option<&str>) -> String {
    format!("{} ends before all that it must have", element(name))
}

fn element(name: Option<&str>) -> String {
    name.map_or_else(|| "the element".to_owned(), |name| format!("element {name}"))
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

/// A value that is not of its type: the element's, or that of one of its attributes.
pub(crate) fn value(field: Option<&str>, attribute: Option<&str>, what: &str) -> String {
    match attribute {
        Some(attribute) => format!("attribute {attribute} of {}: {what}", element(field)),
        None => format!("{}: {what}", element(field)),
    }
}
