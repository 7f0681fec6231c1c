//! Asking an upstream which rows it has, by their keys: how it is known what became of a chunk that may not be repeated.

use std::ops::Range;

use http::{HeaderMap, Method, Request, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::envelope::{Envelope, attribute_text};
use super::form::element;
use super::verdict::{RowResult, joined};
use super::xml_answer::{SoapAnswer, SoapPaths};
use super::{
    Codes, HeaderElement, RestSpec, ResultsSpec, RowProblem, RowProblemKind, SoapSpec, SoapVersion, SwaSpec,
    Verdict, addressed, by_status, constant_headers, filled, json_answer, message, request, setting,
    xml_names,
};
use crate::encode::Measured;
use crate::plan::PlanError;
use sekisho_upstream::Endpoint;

/// A described SOAP operation that says which of some keys are there. Only for calls that make new rows: where a row may have been
/// there before with its key, its being there proves nothing of the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindSpec {
    /// Path below the upstream's base address; the dialect's own where absent.
    #[serde(default)]
    pub path: String,
    /// Namespace of the operation; the dialect's own where absent.
    #[serde(default)]
    pub namespace: String,
    /// The body's child.
    pub operation: String,
    /// `SOAPAction`, or the `action` parameter.
    #[serde(default)]
    pub action: String,
    /// The element that is repeated for each key that is asked for.
    #[serde(default = "default_key")]
    pub key: String,
    /// Below the body's child of the answer: the element that is repeated for each key that is there, steps parted by `/`.
    pub found: String,
    /// Below that: the key.
    #[serde(default = "default_key")]
    pub found_key: String,
    /// The body's child of the answer; the operation's name with `Response` behind it where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Most keys in one call.
    #[serde(default = "default_most_keys")]
    pub most_keys: u32,
}

/// A described HTTP call (`GET`) that says whether the row with one key is there. Only for calls that make new rows, as
/// [`FindSpec`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindRowSpec {
    /// Path below the upstream's base address; `{key}` is replaced, percent-encoded.
    pub path: String,
    /// Statuses that say that it is there.
    #[serde(default = "default_found")]
    pub found: Vec<u16>,
    /// Statuses that say that it is not.
    #[serde(default = "default_absent")]
    pub absent: Vec<u16>,
}

fn default_key() -> String {
    "key".to_owned()
}
fn default_most_keys() -> u32 {
    1_000
}
fn default_found() -> Vec<u16> {
    vec![200]
}
fn default_absent() -> Vec<u16> {
    vec![404]
}

/// A dialect's way of asking by key, ready for use.
pub(crate) enum Finder {
    Soap(SoapFinder),
    Row { spec: FindRowSpec, rest: RestSpec },
}

pub(crate) struct SoapFinder {
    spec: FindSpec,
    version: SoapVersion,
    headers: Vec<HeaderElement>,
    addressing: bool,
    /// Keys are in no namespace, only the body's child is.
    unqualified: bool,
    paths: SoapPaths,
    codes: Codes,
}

impl Finder {
    pub(super) fn of_soap(soap: &SoapSpec) -> Result<Option<Self>, PlanError> {
        let Some(find) = &soap.find else { return Ok(None) };
        SoapFinder {
            spec: completed(find, &soap.path, &soap.namespace),
            version: soap.version,
            headers: soap.headers.clone(),
            addressing: soap.addressing,
            unqualified: soap.unqualified,
            paths: paths(find, soap.fault_code.as_deref()),
            codes: soap.codes.clone(),
        }
        .checked()
    }

    pub(super) fn of_swa(swa: &SwaSpec) -> Result<Option<Self>, PlanError> {
        let Some(find) = &swa.find else { return Ok(None) };
        SoapFinder {
            spec: completed(find, &swa.path, &swa.namespace),
            version: swa.version,
            headers: swa.headers.clone(),
            addressing: false,
            unqualified: false,
            paths: paths(find, swa.fault_code.as_deref()),
            codes: swa.codes.clone(),
        }
        .checked()
    }

    pub(super) fn of_rest(rest: &RestSpec) -> Result<Option<Self>, PlanError> {
        let Some(find) = &rest.find else { return Ok(None) };
        if !find.path.contains("{key}") {
            return Err(setting(
                "dialect.find.path",
                "has no {key}, which the key of a row takes the place of",
            ));
        }
        if find.found.is_empty() || find.absent.is_empty() {
            return Err(setting("dialect.find.absent", "and `found` need a status each"));
        }
        if find.found.iter().any(|status| find.absent.contains(status)) {
            return Err(setting("dialect.find.absent", "has a status that `found` has, too"));
        }
        Ok(Some(Self::Row { spec: find.clone(), rest: rest.clone() }))
    }

    /// Most keys in one call.
    pub(crate) fn most_keys(&self) -> u64 {
        match self {
            Self::Soap(finder) => u64::from(finder.spec.most_keys.max(1)),
            Self::Row { .. } => 1,
        }
    }

    /// Appends a key as it is asked for. The error is a code.
    pub(crate) fn key(&self, key: &str, out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            _ if key.is_empty() => Err("key-missing"),
            Self::Soap(finder) => element(&finder.spec.key, key, out),
            // They would lead to another row, or to all of them (RFC 3986 section 5.2.4).
            Self::Row { .. } if matches!(key, "." | "..") => Err("key-in-path"),
            Self::Row { .. } => {
                for byte in key.bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        out.push(byte);
                    } else {
                        out.extend_from_slice(format!("%{byte:02X}").as_bytes());
                    }
                }
                Ok(())
            }
        }
    }

    /// The call that asks for these keys, and its body. `message` is a name that no other call has.
    pub(crate) fn call(
        &self,
        endpoint: &Endpoint,
        batch: &str,
        chunk: u64,
        message: &str,
        keys: &[u8],
    ) -> Result<(Request<()>, Vec<u8>), PlanError> {
        match self {
            Self::Soap(finder) => finder.call(endpoint, batch, chunk, message, keys),
            Self::Row { spec, rest } => {
                let path = spec.path.replace("{key}", &String::from_utf8_lossy(keys));
                let mut request = request(endpoint, Method::GET, &path)?;
                for (name, value) in constant_headers(rest)? {
                    request.headers_mut().insert(name, value);
                }
                Ok((request, Vec::new()))
            }
        }
    }

    /// What an answer says of the rows that it was asked for. `message` is what the call went under.
    ///
    /// # Errors
    /// It says nothing of them: why, as a verdict on the call.
    pub(crate) fn heard(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        (rows, message): (Range<u64>, &str),
        chunk: &Measured,
    ) -> Result<Vec<RowResult>, Verdict> {
        match self {
            Self::Soap(finder) => finder.heard(status, headers, body, (rows, message), chunk),
            Self::Row { spec, .. } if spec.found.contains(&status.as_u16()) => {
                let keys = rows.filter_map(|row| chunk.keys.hashes.get(usize::try_from(row).ok()?));
                Ok(keys.map(|key| RowResult { key: Some(*key), ..RowResult::default() }).collect())
            }
            Self::Row { spec, .. } if spec.absent.contains(&status.as_u16()) => Ok(Vec::new()),
            Self::Row { rest, .. } => {
                let code = json_answer::error_code(body, &rest.error_code);
                let known = code.as_deref().and_then(|code| rest.codes.verdict(code, headers));
                Err(known.unwrap_or_else(|| by_status(status, code.as_deref(), headers)))
            }
        }
    }

    /// What all answers together say of a chunk's rows: each is there, or is not.
    pub(crate) fn verdict(found: &[RowResult], chunk: &Measured) -> Verdict {
        match joined(found, true, chunk.rows, &chunk.keys) {
            Ok(of_row) => {
                let absent = (0_u64..).zip(&of_row).filter(|(_, found)| found.is_none());
                let absent = absent.map(|(row, _)| RowProblem { row, kind: RowProblemKind::NotDone });
                Verdict::Rows(absent.collect())
            }
            Err(code) => Verdict::Unknown(code.to_owned()),
        }
    }
}

impl SoapFinder {
    fn checked(self) -> Result<Option<Finder>, PlanError> {
        let names = [&self.spec.operation, &self.spec.key, &self.spec.found_key];
        xml_names(names.into_iter().map(String::as_str))?;
        if self.spec.found.trim_matches('/').is_empty() {
            return Err(setting("dialect.find.found", "is empty: it names what is repeated in the answer"));
        }
        if self.spec.most_keys == 0 {
            return Err(setting("dialect.find.most_keys", "must be at least 1"));
        }
        Ok(Some(Finder::Soap(self)))
    }

    fn call(
        &self,
        endpoint: &Endpoint,
        batch: &str,
        chunk: u64,
        message: &str,
        keys: &[u8],
    ) -> Result<(Request<()>, Vec<u8>), PlanError> {
        let chunk = chunk.to_string();
        let path = |template: &str| template.replace("{batch}", batch).replace("{chunk}", &chunk);
        let mut request = request(endpoint, Method::POST, &path(&self.spec.path))?;
        let mut headers = filled(&self.headers, path);
        if self.addressing {
            headers.extend(addressed(request.uri(), &self.spec.action, message));
        }
        let envelope = Envelope { version: self.version, headers: &headers };
        let (prefix, bound) = if self.unqualified { ("q:", ":q") } else { ("", "") };
        let operation = format!("{prefix}{}", self.spec.operation);
        let namespace = attribute_text(&self.spec.namespace)?;
        let open = format!(r#"<{operation} xmlns{bound}="{namespace}">"#);
        let framing = envelope.around(&open, &format!("</{operation}>"))?;
        envelope.label(&self.spec.action, request.headers_mut())?;
        Ok((request, [framing.head.as_slice(), keys, &framing.tail].concat()))
    }

    fn heard(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        (rows, sent): (Range<u64>, &str),
        chunk: &Measured,
    ) -> Result<Vec<RowResult>, Verdict> {
        let unknown = |code: &str| Err(Verdict::Unknown(code.to_owned()));
        // More keys than were asked for cannot be read.
        let most = rows.end - rows.start;
        let heard =
            message::message(headers, body, |answer| self.paths.read(answer, most, &chunk.keys, None));
        let relates_to = heard.as_ref().and_then(|heard| heard.relates_to.as_deref());
        if self.addressing && relates_to.is_some_and(|id| id != sent) {
            return unknown("answer-relates-to");
        }
        match heard.map(|heard| heard.answer) {
            Some(SoapAnswer::Fault(fault)) => {
                let code = fault.best_code();
                let known = self.codes.verdict(code, headers);
                Err(known.unwrap_or_else(|| Verdict::Unknown(Codes::plain(code).to_owned())))
            }
            // That a key is not there is proven by the answer of this operation, and by no other that has no keys.
            Some(SoapAnswer::Response { name, results }) if status.is_success() => {
                if name == self.response() { Ok(results) } else { unknown("answer-operation") }
            }
            _ if status.is_success() => unknown("answer-unreadable"),
            _ => Err(by_status(status, None, headers)),
        }
    }

    fn response(&self) -> String {
        let named = self.spec.response.clone();
        named.unwrap_or_else(|| format!("{}Response", self.spec.operation))
    }
}

/// With what the dialect says anyway.
fn completed(find: &FindSpec, path: &str, namespace: &str) -> FindSpec {
    let or = |own: &str, other: &str| if own.is_empty() { other.to_owned() } else { own.to_owned() };
    FindSpec { path: or(&find.path, path), namespace: or(&find.namespace, namespace), ..find.clone() }
}

fn paths(find: &FindSpec, fault_code: Option<&str>) -> SoapPaths {
    let found = ResultsSpec {
        result: find.found.clone(),
        key: Some(find.found_key.clone()),
        success: String::new(),
        true_values: Vec::new(),
        code: None,
        field: None,
    };
    SoapPaths::new(Some(&found), fault_code)
}
