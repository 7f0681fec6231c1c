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
    Codes, HeaderElement, ResultsSpec, RowProblem, RowProblemKind, SoapSpec, SoapVersion, Verdict, addressed,
    by_status, filled, message, request, setting, xml_name,
};
use crate::encode::Measured;
use crate::plan::PlanError;
use sekisho_upstream::Endpoint;

/// A described SOAP operation that says which of some keys are there. Only for calls that make new rows, under keys that are used
/// once, and by a WSDL that describes the operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindSpec {
    /// What the keys are. Without it nothing may be asked: a row that was there before would pass for the one in doubt.
    pub keys: KeysAre,
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

/// What the keys of an upstream's rows are, as the operator knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeysAre {
    /// Each key names one row for ever: no other batch, route or system sends a row with it, and none that is gone comes again.
    UsedOnce,
}

fn default_key() -> String {
    "key".to_owned()
}
fn default_most_keys() -> u32 {
    1_000
}

/// A dialect's way of asking by key, ready for use.
pub(crate) struct Finder {
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
        xml_name("dialect.find.operation", &find.operation)?;
        xml_name("dialect.find.key", &find.key)?;
        xml_name("dialect.find.found_key", &find.found_key)?;
        if find.found.trim_matches('/').is_empty() {
            return Err(setting("dialect.find.found", "is empty: it names what is repeated in the answer"));
        }
        if find.most_keys == 0 {
            return Err(setting("dialect.find.most_keys", "must be at least 1"));
        }
        Ok(Some(Self {
            spec: completed(find, &soap.path, &soap.namespace),
            version: soap.version,
            headers: soap.headers.clone(),
            addressing: soap.addressing,
            unqualified: soap.unqualified,
            paths: paths(find, soap.fault_code.as_deref()),
            codes: soap.codes.clone(),
        }))
    }

    /// Most keys in one call.
    pub(crate) fn most_keys(&self) -> u64 {
        u64::from(self.spec.most_keys.max(1))
    }

    /// Appends a key as it is asked for. The error is a code.
    pub(crate) fn key(&self, key: &str, out: &mut Vec<u8>) -> Result<(), &'static str> {
        if key.is_empty() { Err("key-missing") } else { element(&self.spec.key, key, out) }
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

    /// What an answer says of the rows that it was asked for. `sent` is what the call went under.
    ///
    /// # Errors
    /// It says nothing of them: why, as a verdict on the call.
    pub(crate) fn heard(
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
