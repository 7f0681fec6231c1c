//! How an upstream wants to be spoken to, as configuration describes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::FindSpec;

/// One of the six dialects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DialectSpec {
    /// A described SOAP operation, rows as XML elements in the body.
    Soap(SoapSpec),
    /// A described SOAP operation with the rows as a CSV attachment.
    Swa(SwaSpec),
    /// A described HTTP call.
    Rest(RestSpec),
    /// Bulk API 2.0 ingest jobs.
    Bulk2(Bulk2Spec),
    /// sObject Collections upsert, at most 200 rows a call.
    Collections(CollectionsSpec),
    /// Partner-WSDL `upsert`, at most 200 rows a call.
    PartnerSoap(PartnerSoapSpec),
}

/// SOAP version of the messages sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SoapVersion {
    /// SOAP 1.1: text/xml and the SOAPAction field.
    #[default]
    #[serde(rename = "1.1")]
    Soap11,
    /// SOAP 1.2: application/soap+xml with an action parameter.
    #[serde(rename = "1.2")]
    Soap12,
}

/// A header block of every request; the same but for `{batch}` and `{chunk}`, which are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderElement {
    /// Namespace name.
    pub namespace: String,
    /// Local name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A described SOAP operation. With a WSDL, what that says need not be written, and must not be written otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SoapSpec {
    /// WSDL 1.1 file that describes the operation (document/literal): path, namespace, record, action and the answer's name are
    /// taken from it, and columns, results and fault code are held against it. What it imports or includes is read by its
    /// relative path from the same folder, or below it; nothing is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wsdl: Option<PathBuf>,
    /// The digest that the WSDL and all that it imports must have, as `sekisho pin FILE` prints it: `sha256:` and 64 hexadecimal
    /// digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wsdl_digest: Option<String>,
    /// Path below the upstream's base address; `{batch}` and `{chunk}` are replaced.
    #[serde(default)]
    pub path: String,
    /// Namespace of wrapper, records and fields.
    #[serde(default)]
    pub namespace: String,
    /// The operation's name in the WSDL; without one, the body's child (document/literal wrapped).
    pub operation: String,
    /// The element that is repeated for every row.
    #[serde(default)]
    pub record: String,
    /// Records and fields are in no namespace, only the body's child is (`elementFormDefault="unqualified"`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unqualified: bool,
    /// The body's child of the answer; the operation's name with `Response` behind it where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// `SOAPAction`, or the `action` parameter.
    #[serde(default)]
    pub action: String,
    /// SOAP version.
    #[serde(default)]
    pub version: SoapVersion,
    /// Constant header blocks.
    #[serde(default)]
    pub headers: Vec<HeaderElement>,
    /// Each call has WS-Addressing 1.0 blocks: `To`, `Action` and a `MessageID` of its own. An answer that says that it
    /// relates to another message proves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub addressing: bool,
    /// Where the answer says what became of each row; without it, an answer that is no fault means all of them.
    #[serde(default)]
    pub results: Option<ResultsSpec>,
    /// Below a fault's detail: where its code stands, steps parted by `/`. Without it the fault code itself is taken.
    #[serde(default)]
    pub fault_code: Option<String>,
    /// How to ask which rows are there, by their keys: for calls that make new rows and may not be repeated. What became of a chunk
    /// whose answer was lost is known by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<Box<FindSpec>>,
    /// What codes mean.
    #[serde(default)]
    pub codes: Codes,
}

/// A described SOAP operation with a CSV attachment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwaSpec {
    /// Path below the upstream's base address; `{batch}` and `{chunk}` are replaced.
    pub path: String,
    /// Namespace of the operation.
    pub namespace: String,
    /// The body's child.
    pub operation: String,
    /// Its child whose `href` points to the attachment.
    #[serde(default = "default_file")]
    pub file: String,
    /// Content-ID of the attachment, without brackets.
    #[serde(default = "default_content_id")]
    pub content_id: String,
    /// `SOAPAction`, or the `action` parameter.
    #[serde(default)]
    pub action: String,
    /// SOAP version.
    #[serde(default)]
    pub version: SoapVersion,
    /// Constant header blocks.
    #[serde(default)]
    pub headers: Vec<HeaderElement>,
    /// As [`SoapSpec::results`].
    #[serde(default)]
    pub results: Option<ResultsSpec>,
    /// As [`SoapSpec::fault_code`].
    #[serde(default)]
    pub fault_code: Option<String>,
    /// What codes mean.
    #[serde(default)]
    pub codes: Codes,
}

/// A described HTTP call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestSpec {
    /// Method.
    #[serde(default = "default_method")]
    pub method: String,
    /// Path below the upstream's base address; `{batch}` and `{chunk}` are replaced.
    pub path: String,
    /// Form of the rows.
    pub format: RestFormat,
    /// JSON: the member that holds the array, instead of a bare array. XML: the root element, `rows` without it.
    #[serde(default)]
    pub envelope: Option<String>,
    /// XML: the element that is repeated for every row.
    #[serde(default = "default_row")]
    pub record: String,
    /// XML: namespace of all elements.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Constant header fields of every request; no secrets (see the upstream's login).
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Where the (JSON) answer says what became of each row; without it, the statuses in `taken` mean all of them.
    #[serde(default)]
    pub results: Option<ResultsSpec>,
    /// Statuses that mean that all rows were taken, where no results are described. 202 says that they are yet to be.
    #[serde(default = "default_taken")]
    pub taken: Vec<u16>,
    /// In a (JSON) error answer: where its code stands.
    #[serde(default = "default_code")]
    pub error_code: String,
    /// What codes mean.
    #[serde(default)]
    pub codes: Codes,
}

/// Forms of rows in a `rest` call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestFormat {
    /// text/csv with a header line (RFC 4180).
    Csv,
    /// application/json.
    Json,
    /// application/x-ndjson.
    Ndjson,
    /// application/xml.
    Xml,
}

/// Bulk API 2.0 ingest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulk2Spec {
    /// API version, such as `60.0`.
    #[serde(default = "default_version")]
    pub version: String,
    /// The object that rows go into.
    pub object: String,
    /// The external id: also the column by which results are joined to rows.
    pub external_id: String,
    /// `upsert`, `insert`, `update` or `delete`.
    #[serde(default = "default_operation")]
    pub operation: String,
    /// Most bytes of one upload; the vendor advises 100 MB.
    #[serde(default = "default_upload_bytes")]
    pub max_upload_bytes: u64,
    /// First wait between two looks at a job, in milliseconds; doubled up to `poll_max_ms`.
    #[serde(default = "default_poll_initial_ms")]
    pub poll_initial_ms: u64,
    /// Longest wait between two looks at a job, in milliseconds.
    #[serde(default = "default_poll_max_ms")]
    pub poll_max_ms: u64,
    /// How long a job may take before its outcome counts as unknown, in seconds.
    #[serde(default = "default_job_seconds")]
    pub job_seconds: u64,
    /// What codes mean.
    #[serde(default)]
    pub codes: Codes,
}

/// sObject Collections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectionsSpec {
    /// API version, such as `60.0`.
    #[serde(default = "default_version")]
    pub version: String,
    /// The object that rows go into.
    pub object: String,
    /// The external id field.
    pub external_id: String,
    /// What codes mean.
    #[serde(default)]
    pub codes: Codes,
}

/// Partner-WSDL upsert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerSoapSpec {
    /// API version, such as `60.0`.
    #[serde(default = "default_version")]
    pub version: String,
    /// The object that rows go into.
    pub object: String,
    /// The external id field.
    pub external_id: String,
    /// What codes mean.
    #[serde(default)]
    pub codes: Codes,
}

/// Where an answer says what became of each row. Steps are parted by `/`: local names below the body's child in XML
/// (one element per row), member names in JSON (an array where several values stand: its first item is taken).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultsSpec {
    /// XML: the element that is repeated for every row. JSON: the member that holds the array; empty for a bare array.
    pub result: String,
    /// Below a result: the row's key. Where given, results are joined to rows by it; else they stand in request order.
    #[serde(default)]
    pub key: Option<String>,
    /// Below a result: whether the row was taken.
    pub success: String,
    /// What `success` holds then.
    #[serde(default = "default_true_values")]
    pub true_values: Vec<String>,
    /// Below a result: the code of its error.
    #[serde(default)]
    pub code: Option<String>,
    /// Below a result: the column that is at fault.
    #[serde(default)]
    pub field: Option<String>,
}

/// What an upstream's codes mean. Codes are compared without a prefix up to the last `:`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Codes {
    /// Stopped at the processing-time limit: part of the effects may be done.
    pub time_limit: Vec<String>,
    /// The session has expired: nothing was done.
    pub session: Vec<String>,
    /// The call was refused whole for what it holds: nothing was done.
    pub data: Vec<String>,
    /// Too many rows or bytes in one call: nothing was done.
    pub too_large: Vec<String>,
    /// A quota or a rate is used up: nothing was done.
    pub quota: Vec<String>,
    /// Not for the moment: nothing was done.
    pub unavailable: Vec<String>,
    /// A row refused for the moment: it may be tried again.
    pub temporary: Vec<String>,
}

impl Default for Codes {
    fn default() -> Self {
        let list = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect();
        Self {
            time_limit: list(&["REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT", "Timeout"]),
            session: list(&["INVALID_SESSION_ID", "InvalidSessionId"]),
            data: list(&["INVALID_BATCH", "InvalidBatch", "XML_PARSER_ERROR", "INVALID_INPUT"]),
            too_large: list(&["EXCEEDED_MAX_SIZE_REQUEST", "EXCEEDED_ID_LIMIT", "OPERATION_TOO_LARGE"]),
            quota: list(&["REQUEST_LIMIT_EXCEEDED", "LIMIT_EXCEEDED", "EXCEEDED_QUOTA", "ExceededQuota"]),
            unavailable: list(&[
                "SERVER_UNAVAILABLE",
                "ORG_IN_MAINTENANCE",
                "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE",
            ]),
            temporary: list(&["UNABLE_TO_LOCK_ROW", "TooManyLockFailure", "REQUEST_RUNNING_TOO_LONG"]),
        }
    }
}

fn default_file() -> String {
    "file".to_owned()
}
fn default_content_id() -> String {
    "rows.csv".to_owned()
}
fn default_method() -> String {
    "POST".to_owned()
}
fn default_taken() -> Vec<u16> {
    vec![200, 201, 204]
}
fn default_row() -> String {
    "row".to_owned()
}
fn default_code() -> String {
    "code".to_owned()
}
fn default_version() -> String {
    "60.0".to_owned()
}
fn default_operation() -> String {
    "upsert".to_owned()
}
fn default_upload_bytes() -> u64 {
    100_000_000
}
fn default_poll_initial_ms() -> u64 {
    500
}
fn default_poll_max_ms() -> u64 {
    15_000
}
fn default_job_seconds() -> u64 {
    6 * 3600
}
fn default_true_values() -> Vec<String> {
    vec!["true".to_owned(), "1".to_owned()]
}
