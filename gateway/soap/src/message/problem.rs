//! What REST alone has: problem documents and lists of batches.

use serde::{Deserialize, Serialize};

use super::{Receipt, RecordError};
use crate::fault::{Fault, Location};

/// A problem document (RFC 9457) with our members `code`, `id` and `location`; `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:sekisho:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words: the same for every occurrence.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do, in English.
    pub detail: String,
    /// The same in Japanese.
    #[serde(default)]
    pub detail_ja: String,
    /// Stable code, kebab-case.
    pub code: String,
    /// Correlation id: finds the line in the gateway's log.
    pub id: String,
    /// Where in the request.
    #[serde(default, skip_serializing_if = "Location::is_empty")]
    pub location: Location,
    /// The first errors of the records, when a batch was refused for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RecordError>,
    /// How many errors there were in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors_total: Option<u64>,
}

impl Problem {
    /// The problem document that says what a fault says.
    pub fn of(fault: &Fault, status: u16) -> Self {
        Self {
            kind: format!("urn:sekisho:problem:{}", fault.code),
            title: fault.code.replace('-', " "),
            status,
            detail: fault.reason_en.clone(),
            detail_ja: fault.reason_ja.clone(),
            code: fault.code.clone(),
            id: fault.id.clone(),
            location: fault.location.clone(),
            errors: fault.errors.clone(),
            errors_total: fault.errors_total,
        }
    }
}

/// One page of a client's batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchList {
    /// The batches, newest first.
    pub batches: Vec<Receipt>,
    /// What to pass as `after` for the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
