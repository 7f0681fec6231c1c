//! Reads a JSON answer: results per row, or an error.

use serde_json::Value;

use super::ResultsSpec;
use super::verdict::RowResult;
use crate::encode::RowKeys;

/// Longest code or field name that is taken from an answer, in bytes.
const MOST_TEXT: usize = 256;

/// The value at a path of member names; of an array on the way, its first item.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let first = |value: &'a Value| match value {
        Value::Array(items) => items.first(),
        other => Some(other),
    };
    let mut value = value;
    for step in path.split('/').filter(|step| !step.is_empty()) {
        value = first(value)?.get(step)?;
    }
    Some(value)
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => items.first().and_then(word),
        Value::String(text) if text.len() <= MOST_TEXT => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What the answer says of each row; `None` when it is not of the described shape, or has more results than `rows`.
pub(crate) fn results(body: &[u8], spec: &ResultsSpec, rows: u64, keys: &RowKeys) -> Option<Vec<RowResult>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let items = match spec.result.as_str() {
        "" => answer.as_array()?,
        path => at(&answer, path)?.as_array()?,
    };
    if items.len() as u64 > rows {
        return None;
    }
    let key_of = |item: &Value| match at(item, spec.key.as_deref()?)? {
        Value::String(text) => Some(keys.hash(text)),
        Value::Number(number) => Some(keys.hash(&number.to_string())),
        _ => None,
    };
    let word_at = |item: &Value, path: Option<&String>| path.and_then(|path| at(item, path)).and_then(word);
    Some(
        items
            .iter()
            .map(|item| RowResult {
                key: key_of(item),
                success: word_at(item, Some(&spec.success))
                    .is_some_and(|word| spec.true_values.contains(&word)),
                code: word_at(item, spec.code.as_ref()),
                field: word_at(item, spec.field.as_ref()),
            })
            .collect(),
    )
}

/// The code in an error answer.
pub(crate) fn error_code(body: &[u8], path: &str) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let code = word(at(&answer, path)?)?;
    // A code, not prose that might quote a record.
    code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)).then_some(code)
}
