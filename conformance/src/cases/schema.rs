//! JSON values held to the schemas of an OpenAPI 3.1 document.
//!
//! Knows the keywords that such a description of answers needs. One that it does not know is reported, not passed
//! over; so is a member that the description does not have.

use regex::Regex;
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Everything in `value` that is not as `schema` says. `document` is what references lead into, `at` the value's place.
pub(super) fn violations(document: &Json, schema: &Json, value: &Json, at: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    Check { document, wrong: &mut wrong }.value(schema, value, at);
    wrong
}

struct Check<'a> {
    document: &'a Json,
    wrong: &'a mut Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Json, value: &Json, at: &str) {
        let Some(keywords) = schema.as_object() else {
            return self.wrong(at, "the schema is no object");
        };
        for (keyword, rule) in keywords {
            match keyword.as_str() {
                "description" | "title" | "default" | "contentMediaType" => {}
                "$ref" => match target(self.document, rule) {
                    Some(schema) => self.value(&schema.clone(), value, at),
                    None => self.wrong(at, &format!("the reference {rule} leads nowhere")),
                },
                "properties" => self.members(rule, value, at),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(rule, item, &format!("{at}/{index}"));
                    }
                }
                _ => match obeys(keyword, rule, value) {
                    Some(true) => {}
                    Some(false) => self.wrong(at, &format!("{keyword} {rule} is broken")),
                    None => self.wrong(at, &format!("{keyword} {rule} is not understood here")),
                },
            }
        }
    }

    fn members(&mut self, described: &Json, value: &Json, at: &str) {
        for (name, member) in value.as_object().into_iter().flatten() {
            match described.get(name) {
                Some(schema) => self.value(schema, member, &format!("{at}/{name}")),
                None => self.wrong(at, &format!("the member {name} is not described")),
            }
        }
    }

    fn wrong(&mut self, at: &str, what: &str) {
        self.wrong.push(format!("{}: {what}", if at.is_empty() { "/" } else { at }));
    }
}

/// What a `$ref` of the document itself leads to.
pub(super) fn target<'d>(document: &'d Json, reference: &Json) -> Option<&'d Json> {
    document.pointer(reference.as_str()?.strip_prefix('#')?)
}

/// Whether a value obeys one keyword; `None` for a keyword that is not known. Keywords of another type hold.
fn obeys(keyword: &str, rule: &Json, value: &Json) -> Option<bool> {
    let limit = rule.as_f64();
    let length = value.as_str().map(|text| text.chars().count() as f64);
    Some(match keyword {
        "type" => match rule.as_str()? {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => value.is_i64() || value.is_u64(),
            _ => return None,
        },
        "enum" => rule.as_array()?.contains(value),
        "required" => {
            let names = rule.as_array()?;
            value.as_object().is_none_or(|object| {
                names.iter().all(|name| name.as_str().is_some_and(|name| object.contains_key(name)))
            })
        }
        "pattern" => {
            let pattern = Regex::new(rule.as_str()?).ok()?;
            value.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "format" => match (rule.as_str()?, value.as_str()) {
            ("date-time", Some(text)) => OffsetDateTime::parse(text, &Rfc3339).is_ok(),
            ("uri", Some(text)) => text.split_once(':').is_some_and(|(scheme, rest)| {
                scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !rest.is_empty()
            }),
            ("int64", _) => value.as_f64().is_none_or(|number| number.fract() == 0.0),
            ("date-time" | "uri", None) => true,
            _ => return None,
        },
        "minimum" => value.as_f64().is_none_or(|number| limit.is_some_and(|limit| number >= limit)),
        "maximum" => value.as_f64().is_none_or(|number| limit.is_some_and(|limit| number <= limit)),
        "minLength" => length.is_none_or(|length| limit.is_some_and(|limit| length >= limit)),
        "maxLength" => length.is_none_or(|length| limit.is_some_and(|limit| length <= limit)),
        "maxItems" => {
            value.as_array().is_none_or(|items| limit.is_some_and(|limit| items.len() as f64 <= limit))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(schema: &str, value: &str) -> Vec<String> {
        let document = serde_json::json!({"s": serde_json::from_str::<Json>(schema).unwrap()});
        let value = serde_json::from_str(value).unwrap();
        violations(&document, &serde_json::json!({"$ref": "#/s"}), &value, "")
    }

    #[test]
    fn every_keyword_can_be_obeyed_and_broken() {
        for (schema, good, bad) in [
            (r#"{"type":"object"}"#, "{}", "[]"),
            (r#"{"type":"array","items":{"type":"string"}}"#, r#"["a"]"#, "[1]"),
            (r#"{"type":"integer"}"#, "1", "1.5"),
            (r#"{"type":"number"}"#, "1.5", "\"1.5\""),
            (r#"{"type":"boolean"}"#, "true", "\"true\""),
            (r#"{"enum":["a","b"]}"#, "\"b\"", "\"c\""),
            (r#"{"required":["a"]}"#, r#"{"a":1}"#, "{}"),
            (r#"{"properties":{"a":{"type":"string"}}}"#, r#"{"a":"x"}"#, r#"{"a":1}"#),
            (r#"{"properties":{"a":{}}}"#, "{}", r#"{"b":1}"#),
            (r#"{"pattern":"^a{2}$"}"#, "\"aa\"", "\"aaa\""),
            (r#"{"format":"date-time"}"#, "\"2026-01-02T03:04:05Z\"", "\"yesterday\""),
            (r#"{"format":"uri"}"#, "\"urn:a:b\"", "\"a b\""),
            (r#"{"format":"int64"}"#, "3", "3.5"),
            (r#"{"minimum":0,"maximum":3}"#, "3", "4"),
            (r#"{"minLength":1,"maxLength":2}"#, "\"ab\"", "\"\""),
            (r#"{"maxItems":1}"#, "[1]", "[1,2]"),
        ] {
            assert!(wrong(schema, good).is_empty(), "{schema}: {good}");
            assert_eq!(wrong(schema, bad).len(), 1, "{schema}: {bad}");
        }
        assert_eq!(wrong(r#"{"oneOf":[]}"#, "1").len(), 1, "a keyword that is not known is not passed over");
        assert_eq!(wrong(r##"{"$ref":"#/none"}"##, "1").len(), 1);
    }

    #[test]
    fn places_are_told() {
        let found = wrong(r#"{"properties":{"a":{"items":{"type":"string"}}}}"#, r#"{"a":["x",2]}"#);
        assert!(found[0].starts_with("/a/1: type"), "{found:?}");
    }
}
