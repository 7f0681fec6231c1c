//! The six dialects: rows into requests, answers into outcomes. Pure; who calls is in `chunk`.

mod answer_form;
mod copy;
mod envelope;
mod find;
mod form;
mod json_answer;
mod json_copy;
mod json_way;
mod judge;
mod message;
mod retry_after;
mod spec;
mod verdict;
mod xml_answer;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use sekisho_records::write::{CsvWriter, JsonWriter, XmlWriter};
use sekisho_records::{Mapper, MappingError};
use sekisho_soap::envelope::WSA;
use sekisho_upstream::Endpoint;

pub(crate) use self::answer_form::AnswerForm;
use self::envelope::{Envelope, XSI, attribute_text};
pub(crate) use self::find::Finder;
pub use self::find::{FindSpec, KeysAre};
pub(crate) use self::form::RowForm;
pub(crate) use self::judge::Asked;
pub use self::spec::{
    Bulk2Spec, Codes, CollectionsSpec, DialectSpec, HeaderElement, PartnerSoapSpec, RestFormat, RestSpec,
    ResultsSpec, SoapSpec, SoapVersion, SwaSpec,
};
pub use self::verdict::{RowProblem, RowProblemKind, Verdict};
pub(crate) use self::verdict::{RowResult, by_status};
use self::xml_answer::SoapPaths;
use crate::encode::Framing;
use crate::plan::PlanError;

const PARTNER: &str = "urn:partner.soap.sforce.com";
const SOBJECT: &str = "urn:sobject.partner.soap.sforce.com";

/// Rows that `collections` and `partner-soap` take in one call.
const MOST_IN_A_CALL: u64 = 200;

/// What stands for nil in a bulk upload.
const BULK_NIL: &str = "#N/A";

/// Bytes of an upload that are left for its header row, which has 32,000 characters at the most.
const MOST_BULK_HEADER: u64 = 64 * 1024;

/// The largest upload that the vendor takes, in bytes.
const MOST_BULK_UPLOAD: u64 = 150_000_000;

/// A dialect, ready to encode rows and read answers.
pub(crate) struct Dialect {
    spec: DialectSpec,
    form: RowForm,
    columns: Vec<String>,
    key_column: Option<usize>,
    paths: SoapPaths,
    json: Option<ResultsSpec>,
    finder: Option<Finder>,
}

/// A request without its rows: what stands around them, and its head.
pub(crate) struct Call {
    pub(crate) request: Request<()>,
    pub(crate) framing: Framing,
}

impl Dialect {
    pub(crate) fn new(spec: &DialectSpec, mapper: &Mapper) -> Result<Self, PlanError> {
        let columns: Vec<String> = mapper.columns().to_vec();
        let names = || columns.iter().map(String::as_str);
        let nil = mapper.nil();
        let mapped_key = match mapper.key() {
            [one] => Some(*one),
            _ => None,
        };
        let results = |spec: &Option<ResultsSpec>| match spec {
            Some(spec) if spec.key.is_some() && mapped_key.is_none() => Err(setting(
                "dialect.results.key",
                "results can be joined by key only if the mapping names exactly one key column",
            )),
            _ => Ok(()),
        };
        let mut json = None;
        let finder = match spec {
            DialectSpec::Soap(soap) => Finder::of_soap(soap)?,
            _ => None,
        };
        if finder.is_some() && mapped_key.is_none() {
            return Err(setting("dialect.find", "needs a mapping that names exactly one key column"));
        }
        let mut paths = SoapPaths::new(None, None);
        let key_column;
        let form = match spec {
            DialectSpec::Soap(soap) => {
                whole(soap)?;
                xml_name("dialect.operation", &soap.operation)?;
                xml_name("dialect.record", &soap.record)?;
                column_names(names())?;
                results(&soap.results)?;
                paths = SoapPaths::new(soap.results.as_ref(), soap.fault_code.as_deref());
                key_column = mapped_key;
                xml(&soap.record, names())?
            }
            DialectSpec::Swa(swa) => {
                xml_name("dialect.operation", &swa.operation)?;
                xml_name("dialect.file", &swa.file)?;
                results(&swa.results)?;
                paths = SoapPaths::new(swa.results.as_ref(), swa.fault_code.as_deref());
                key_column = mapped_key;
                csv(nil)
            }
            DialectSpec::Rest(rest) => {
                results(&rest.results)?;
                rest.method
                    .parse::<Method>()
                    .map_err(|_| setting("dialect.method", "is not an HTTP method"))?;
                constant_headers(rest)?;
                json.clone_from(&rest.results);
                key_column = mapped_key;
                match rest.format {
                    RestFormat::Csv => csv(nil),
                    RestFormat::Json => RowForm::Json { writer: JsonWriter::new(names()), lead: None },
                    RestFormat::Ndjson => RowForm::Ndjson(JsonWriter::new(names())),
                    RestFormat::Xml => {
                        xml_name("dialect.envelope", rest.envelope.as_deref().unwrap_or("rows"))?;
                        xml_name("dialect.record", &rest.record)?;
                        column_names(names())?;
                        xml(&rest.record, names())?
                    }
                }
            }
            DialectSpec::Bulk2(bulk) => {
                key_column = Some(external_id(&bulk.external_id, &columns)?);
                if nil.is_some_and(|nil| nil != BULK_NIL) {
                    return Err(setting("mapping.nil", "is #N/A in this dialect, and nothing else"));
                }
                if !["upsert", "insert", "update", "delete"].contains(&bulk.operation.as_str()) {
                    return Err(setting("dialect.operation", "is not upsert, insert, update or delete"));
                }
                if !(MOST_BULK_HEADER * 2..=MOST_BULK_UPLOAD).contains(&bulk.max_upload_bytes) {
                    let range = "must be between 131072 and 150000000: what the upstream takes in one job";
                    return Err(setting("dialect.max_upload_bytes", range));
                }
                RowForm::Csv {
                    writer: CsvWriter::new(b',', Some(BULK_NIL)),
                    nil: Some(BULK_NIL.to_owned()),
                    empty_is_nil: true,
                }
            }
            DialectSpec::Collections(collections) => {
                key_column = Some(external_id(&collections.external_id, &columns)?);
                json = Some(in_order("", "errors/statusCode", "errors/fields"));
                let object = serde_json::Value::String(collections.object.clone());
                let lead = format!(r#""attributes":{{"type":{object}}}"#);
                RowForm::Json { writer: JsonWriter::new(names()), lead: Some(lead) }
            }
            DialectSpec::PartnerSoap(partner) => {
                key_column = Some(external_id(&partner.external_id, &columns)?);
                xml_name("dialect.object", &partner.object)?;
                column_names(names())?;
                paths = SoapPaths::new(
                    Some(&in_order("result", "errors/statusCode", "errors/fields")),
                    Some("UnexpectedErrorFault/exceptionCode"),
                )
                .with_id("id");
                RowForm::SObject { object: partner.object.clone(), columns: columns.clone() }
            }
        };
        Ok(Self { spec: spec.clone(), form, columns, key_column, paths, json, finder })
    }

    pub(crate) fn form(&self) -> &RowForm {
        &self.form
    }

    /// The column by which results are joined to rows and in which a chunk has no value twice.
    pub(crate) fn key_column(&self) -> Option<usize> {
        self.key_column
    }

    /// A row without a key is one that the upstream cannot place.
    pub(crate) fn needs_key(&self) -> bool {
        matches!(self.spec, DialectSpec::Bulk2(_) | DialectSpec::Collections(_) | DialectSpec::PartnerSoap(_))
    }

    /// Most rows in one request.
    pub(crate) fn most_rows(&self) -> u64 {
        match self.spec {
            DialectSpec::Collections(_) | DialectSpec::PartnerSoap(_) => MOST_IN_A_CALL,
            _ => u64::from(u32::MAX),
        }
    }

    /// Most bytes of rows in one request.
    pub(crate) fn most_bytes(&self) -> u64 {
        self.bulk2().map_or(u64::MAX, |bulk| bulk.max_upload_bytes.saturating_sub(MOST_BULK_HEADER).max(1))
    }

    pub(crate) fn bulk2(&self) -> Option<&Bulk2Spec> {
        match &self.spec {
            DialectSpec::Bulk2(bulk) => Some(bulk),
            _ => None,
        }
    }

    /// How the upstream is asked for rows by their keys, where it can be.
    pub(crate) fn finder(&self) -> Option<&Finder> {
        self.finder.as_ref()
    }

    /// Whether the session goes into the body, not into a header field.
    pub(crate) fn session_in_body(&self) -> bool {
        matches!(self.spec, DialectSpec::PartnerSoap(_))
    }

    pub(crate) fn codes(&self) -> &Codes {
        match &self.spec {
            DialectSpec::Soap(spec) => &spec.codes,
            DialectSpec::Swa(spec) => &spec.codes,
            DialectSpec::Rest(spec) => &spec.codes,
            DialectSpec::Bulk2(spec) => &spec.codes,
            DialectSpec::Collections(spec) => &spec.codes,
            DialectSpec::PartnerSoap(spec) => &spec.codes,
        }
    }

    pub(crate) fn is_column(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column == name)
    }

    /// The request for a chunk, without its rows. `message` is a name that no other call has, and `session` the token for
    /// dialects that carry it in the body. For `bulk2` this is the upload, whose path is the caller's.
    pub(crate) fn call(
        &self,
        endpoint: &Endpoint,
        batch: &str,
        chunk: u64,
        message: &str,
        session: Option<&str>,
    ) -> Result<Call, PlanError> {
        let chunk = chunk.to_string();
        let path = |template: &str| template.replace("{batch}", batch).replace("{chunk}", &chunk);
        let header = || {
            let mut head = Vec::new();
            CsvWriter::new(b',', None).header(self.columns.iter().map(String::as_str), &mut head);
            head
        };
        match &self.spec {
            DialectSpec::Soap(soap) => {
                let mut request = request(endpoint, Method::POST, &path(&soap.path))?;
                let mut headers = filled(&soap.headers, path);
                if soap.addressing {
                    headers.extend(addressed(request.uri(), &soap.action, message));
                }
                let envelope = Envelope { version: soap.version, headers: &headers };
                // With a prefix, the elements inside are in no namespace.
                let (prefix, bound) = if soap.unqualified { ("q:", ":q") } else { ("", "") };
                let namespace = attribute_text(&soap.namespace)?;
                let operation = format!("{prefix}{}", soap.operation);
                let mut framing = envelope.around(
                    &format!(r#"<{operation} xmlns{bound}="{namespace}" xmlns:xsi="{XSI}">"#),
                    &format!("</{operation}>"),
                )?;
                framing.head.shrink_to_fit();
                envelope.label(&soap.action, request.headers_mut())?;
                Ok(Call { request, framing })
            }
            DialectSpec::Swa(swa) => {
                let headers = filled(&swa.headers, path);
                let envelope = Envelope { version: swa.version, headers: &headers };
                let root = envelope.around(
                    &format!(
                        r#"<{0} xmlns="{1}"><{2} href="cid:{3}"/></{0}>"#,
                        swa.operation,
                        attribute_text(&swa.namespace)?,
                        swa.file,
                        attribute_text(&swa.content_id)?
                    ),
                    "",
                )?;
                let mut request = request(endpoint, Method::POST, &path(&swa.path))?;
                let (content_type, mut framing) = envelope.package(&root, &swa.content_id)?;
                framing.head.extend_from_slice(&header());
                let headers = request.headers_mut();
                envelope.label_package(&content_type, &swa.action, headers)?;
                Ok(Call { request, framing })
            }
            DialectSpec::Rest(rest) => self.rest(rest, endpoint, &path(&rest.path), header),
            DialectSpec::Bulk2(_) => {
                let mut request = request(endpoint, Method::PUT, "/")?;
                content_type(request.headers_mut(), "text/csv");
                Ok(Call { request, framing: Framing { head: header(), tail: Vec::new() } })
            }
            DialectSpec::Collections(spec) => {
                let target = format!(
                    "/services/data/v{}/composite/sobjects/{}/{}",
                    spec.version, spec.object, spec.external_id
                );
                let mut request = request(endpoint, Method::PATCH, &target)?;
                content_type(request.headers_mut(), "application/json");
                let head = br#"{"allOrNone":false,"records":["#.to_vec();
                Ok(Call { request, framing: Framing { head, tail: b"]}".to_vec() } })
            }
            DialectSpec::PartnerSoap(spec) => {
                let session_header = match session {
                    None => String::new(),
                    Some(session) => format!(
                        "<p:SessionHeader xmlns:p=\"{PARTNER}\"><p:sessionId>{}</p:sessionId></p:SessionHeader>",
                        attribute_text(session)?
                    ),
                };
                let envelope = Envelope { version: SoapVersion::Soap11, headers: &[] };
                let framing = envelope.around_with(
                    &session_header,
                    &format!(
                        r#"<p:upsert xmlns:p="{PARTNER}" xmlns:o="{SOBJECT}"><p:externalIDFieldName>{}</p:externalIDFieldName>"#,
                        attribute_text(&spec.external_id)?
                    ),
                    "</p:upsert>",
                )?;
                let mut request =
                    request(endpoint, Method::POST, &format!("/services/Soap/u/{}", spec.version))?;
                envelope.label("", request.headers_mut())?;
                Ok(Call { request, framing })
            }
        }
    }

    fn rest(
        &self,
        rest: &RestSpec,
        endpoint: &Endpoint,
        path: &str,
        header: impl Fn() -> Vec<u8>,
    ) -> Result<Call, PlanError> {
        let method = rest.method.parse().map_err(|_| setting("dialect.method", "is not an HTTP method"))?;
        let mut request = request(endpoint, method, path)?;
        let (media, framing) = match rest.format {
            RestFormat::Csv => ("text/csv; charset=utf-8", Framing { head: header(), tail: Vec::new() }),
            RestFormat::Ndjson => ("application/x-ndjson", Framing::default()),
            RestFormat::Json => {
                let framing = match &rest.envelope {
                    None => Framing { head: b"[".to_vec(), tail: b"]".to_vec() },
                    Some(name) => {
                        let name = serde_json::Value::String(name.clone());
                        Framing { head: format!("{{{name}:[").into_bytes(), tail: b"]}".to_vec() }
                    }
                };
                ("application/json", framing)
            }
            RestFormat::Xml => {
                let root = rest.envelope.as_deref().unwrap_or("rows");
                let namespace = match &rest.namespace {
                    None => String::new(),
                    Some(namespace) => format!(r#" xmlns="{}""#, attribute_text(namespace)?),
                };
                let head =
                    format!(r#"<?xml version="1.0" encoding="UTF-8"?><{root}{namespace} xmlns:xsi="{XSI}">"#);
                let framing = Framing { head: head.into_bytes(), tail: format!("</{root}>").into_bytes() };
                ("application/xml", framing)
            }
        };
        content_type(request.headers_mut(), media);
        for (name, value) in constant_headers(rest)? {
            request.headers_mut().insert(name, value);
        }
        Ok(Call { request, framing })
    }
}

/// Header blocks with the batch and the chunk in their texts.
fn filled(headers: &[HeaderElement], fill: impl Fn(&str) -> String) -> Vec<HeaderElement> {
    let block = |header: &HeaderElement| HeaderElement { text: fill(&header.text), ..header.clone() };
    headers.iter().map(block).collect()
}

/// WS-Addressing 1.0 blocks of a request (core section 3.2): the answer is wanted on the same connection, which need not be said.
fn addressed(to: &http::Uri, action: &str, message: &str) -> [HeaderElement; 3] {
    let to = to.to_string();
    [("To", to.as_str()), ("Action", action), ("MessageID", message)].map(|(name, text)| HeaderElement {
        namespace: WSA.to_owned(),
        name: name.to_owned(),
        text: text.to_owned(),
    })
}

/// Whether everything is there that a WSDL would have said.
fn whole(soap: &SoapSpec) -> Result<(), PlanError> {
    if soap.wsdl.is_some() {
        return Err(setting("dialect.wsdl", "has to be read before a plan is made"));
    }
    if soap.wsdl_digest.is_some() {
        return Err(setting(
            "dialect.wsdl_digest",
            "is for a WSDL, and none is named: name it, or leave this out",
        ));
    }
    for (key, value) in [
        ("dialect.path", &soap.path),
        ("dialect.namespace", &soap.namespace),
        ("dialect.record", &soap.record),
    ] {
        if value.is_empty() {
            return Err(setting(key, "is missing: write it, or name a WSDL that says it"));
        }
    }
    Ok(())
}

fn csv(nil: Option<&str>) -> RowForm {
    RowForm::Csv { writer: CsvWriter::new(b',', nil), nil: nil.map(str::to_owned), empty_is_nil: false }
}

fn xml<'a>(record: &str, columns: impl IntoIterator<Item = &'a str>) -> Result<RowForm, PlanError> {
    let writer = XmlWriter::new("", record, columns);
    writer.map(RowForm::Xml).map_err(|error| PlanError::Setting { key: "dialect", reason: error.to_string() })
}

fn in_order(result: &str, code: &str, field: &str) -> ResultsSpec {
    ResultsSpec {
        result: result.to_owned(),
        key: None,
        success: "success".to_owned(),
        true_values: vec!["true".to_owned()],
        code: Some(code.to_owned()),
        field: Some(field.to_owned()),
    }
}

fn external_id(name: &str, columns: &[String]) -> Result<usize, PlanError> {
    let at = columns.iter().position(|column| column == name);
    at.ok_or_else(|| setting("dialect.external_id", "is not one of the mapping's columns"))
}

fn constant_headers(rest: &RestSpec) -> Result<Vec<(HeaderName, HeaderValue)>, PlanError> {
    let pair = |(name, value): (&String, &String)| Some((name.parse().ok()?, value.parse().ok()?));
    let wrong = || setting("dialect.headers", "a name or a value cannot stand in a header field");
    rest.headers.iter().map(|header| pair(header).ok_or_else(wrong)).collect()
}

fn request(endpoint: &Endpoint, method: Method, path: &str) -> Result<Request<()>, PlanError> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() =
        endpoint.target(path).ok_or_else(|| setting("dialect.path", "cannot stand in a request line"))?;
    Ok(request)
}

fn content_type(headers: &mut HeaderMap, media: &'static str) {
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(media));
}

fn setting(key: &'static str, reason: &str) -> PlanError {
    PlanError::Setting { key, reason: reason.to_owned() }
}

/// Begins what is wrong with a setting that becomes the name of an element.
pub const NO_XML_NAME: &str = "must be the name of an XML element";

/// A setting that is written as an element's name.
fn xml_name(key: &'static str, name: &str) -> Result<(), PlanError> {
    if sekisho_xml::is_ncname(name) {
        return Ok(());
    }
    let allowed = "letters, digits, `.`, `-` and `_`, and a letter or `_` at the beginning";
    Err(PlanError::Setting { key, reason: format!("{NO_XML_NAME}, and '{name}' is none: {allowed}") })
}

/// The names of columns, where they are written as elements' names.
fn column_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), PlanError> {
    match names.into_iter().find(|name| !sekisho_xml::is_ncname(name)) {
        Some(name) => Err(MappingError::NoElement { column: name.to_owned() }.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
