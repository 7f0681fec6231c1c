use super::*;
use crate::dialect::{Codes, DialectSpec};

const INTAKE: &str = include_str!("tests/intake.wsdl");
const UPSTREAM: &str = "https://cloud.example/base/";

fn spec(more: serde_json::Value) -> SoapSpec {
    let mut json = serde_json::json!({"kind": "soap", "wsdl": "intake.wsdl", "operation": "Put"});
    for (key, value) in more.as_object().expect("an object") {
        json[key] = value.clone();
    }
    match serde_json::from_value(json).expect("a description") {
        DialectSpec::Soap(spec) => spec,
        _ => unreachable!("the kind is soap"),
    }
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn described(wsdl: &str, more: serde_json::Value, names: &[&str]) -> Result<SoapSpec, WsdlError> {
    let alone = &mut |_: &str| Err(ImportFault::Unreadable("there is no such file".to_owned()));
    let documents = WsdlDocuments::gather("intake.wsdl", wsdl.as_bytes(), alone)?;
    spec(more).described(&documents, UPSTREAM, Some(&columns(names)))
}

#[test]
fn what_the_wsdl_says_need_not_be_written() {
    let found = described(INTAKE, serde_json::json!({}), &["F001", "F002"]).expect("described");
    assert_eq!(found.path, "/intake?v=1");
    assert_eq!((found.namespace.as_str(), found.operation.as_str()), ("urn:city:intake", "PutRecords"));
    assert_eq!((found.record.as_str(), found.action.as_str()), ("Row", "urn:city:intake/Put"));
    assert_eq!(
        (found.response.as_deref(), found.unqualified, found.wsdl),
        (Some("PutRecordsResult"), false, None)
    );
    let twelve = described(INTAKE, serde_json::json!({"version": "1.2"}), &["F001"]).expect("described");
    assert_eq!((twelve.path.as_str(), twelve.action.as_str()), ("/intake12", "urn:city:intake/Put12"));
    let local = INTAKE.replace(r#" elementFormDefault="qualified""#, "");
    assert!(described(&local, serde_json::json!({}), &["F001"]).expect("described").unqualified);
}

#[test]
fn what_is_written_otherwise_is_told_by_its_key() {
    let written = serde_json::json!({
        "path": "/intake?batch={batch}", "namespace": "urn:city:intake", "record": "Row", "action": "urn:city:intake/Put",
        "results": {"result": "Result", "key": "Key", "success": "Good", "code": "Error/Code", "field": "Error/Field"},
        "fault_code": "Refused/Code",
    });
    let found = described(INTAKE, written, &["F001", "F003"]).expect("agrees");
    assert_eq!(found.path, "/intake?batch={batch}");
    let key = |more: serde_json::Value, names: &[&str]| {
        let error = described(INTAKE, more, names).expect_err("disagrees");
        (error.key(), error.code())
    };
    let results =
        |path: &str, success: &str| serde_json::json!({"results": {"result": path, "success": success}});
    for (more, names, expected) in [
        (serde_json::json!({"path": "/elsewhere"}), &["F001"][..], ("dialect.path", "wsdl-differs")),
        (serde_json::json!({"namespace": "urn:x"}), &["F001"], ("dialect.namespace", "wsdl-differs")),
        (serde_json::json!({"record": "Line"}), &["F001"], ("dialect.record", "wsdl-differs")),
        (serde_json::json!({"action": "x"}), &["F001"], ("dialect.action", "wsdl-differs")),
        (serde_json::json!({"response": "x"}), &["F001"], ("dialect.response", "wsdl-differs")),
        (serde_json::json!({"operation": "Take"}), &["F001"], ("dialect.operation", "wsdl-operation")),
        (serde_json::json!({"operation": "Rpc"}), &["F001"], ("dialect.wsdl", "wsdl-unspoken")),
        (serde_json::json!({"operation": "One"}), &["F001"], ("dialect.record", "wsdl-record")),
        (results("Results", "Good"), &["F001"], ("dialect.results.result", "wsdl-path")),
        (results("Result", "good"), &["F001"], ("dialect.results.success", "wsdl-path")),
        (serde_json::json!({"fault_code": "Refused/Kode"}), &["F001"], ("dialect.fault_code", "wsdl-path")),
        (serde_json::json!({"fault_code": "Fault/Code"}), &["F001"], ("dialect.fault_code", "wsdl-path")),
        (serde_json::json!({}), &["F001", "F009"], ("mapping", "wsdl-column")),
        (serde_json::json!({}), &["F002", "F001"], ("mapping", "wsdl-column")),
        (serde_json::json!({}), &["F002"], ("mapping", "wsdl-column")),
    ] {
        assert_eq!(key(more.clone(), names), expected, "{more} {names:?}");
    }
}

#[test]
fn a_file_that_does_not_hold_everything_is_refused() {
    let refused = |wsdl: &str| {
        let error = described(wsdl, serde_json::json!({}), &["F001"]).expect_err("refused");
        (error.code(), error.to_string())
    };
    for (wsdl, code, word) in [
        ("<a/>".to_owned(), "wsdl-unreadable", "root"),
        (String::new(), "wsdl-unreadable", "read"),
        (INTAKE[..900].to_owned(), "wsdl-unreadable", "line"),
        (
            INTAKE.replace("<xs:complexType name=\"Row\">", "<xs:complexType name=\"Line\">"),
            "wsdl-missing",
            "Row",
        ),
        (INTAKE.replace("element name=\"PutRecords\"", "element name=\"Put\""), "wsdl-missing", "PutRecords"),
        (
            INTAKE.replace("<wsdl:message name=\"PutIn\">", "<wsdl:message name=\"In\">"),
            "wsdl-missing",
            "PutIn",
        ),
        (
            INTAKE.replace(
                "<xs:element name=\"Plain\"",
                "<xs:include schemaLocation=\"a.xsd\"/><xs:element name=\"Plain\"",
            ),
            "wsdl-import-unreadable",
            "a.xsd",
        ),
        (
            INTAKE.replace("xs:extension base=\"c:Base\"", "xs:extension base=\"c:Row\""),
            "wsdl-unreadable",
            "circle",
        ),
        (INTAKE.replace("http://schemas.xmlsoap.org/soap/http", "urn:jms"), "wsdl-operation", "none"),
    ] {
        let (found, text) = refused(&wsdl);
        assert_eq!(found, code, "{text}");
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn only_the_body_child_of_an_unqualified_description_has_a_namespace() {
    let local = INTAKE.replace(r#" elementFormDefault="qualified""#, "");
    let found = described(&local, serde_json::json!({}), &["F001", "F002"]).expect("described");
    let plan: crate::Plan = serde_json::from_value(serde_json::json!({
        "route": "r", "upstream": "u",
        "layout": {"element": "{urn:t}record", "fields": [{"name": "F001"}, {"name": "F002"}]},
        "mapping": {"key": ["F001"]},
        "dialect": serde_json::to_value(DialectSpec::Soap(SoapSpec { codes: Codes::default(), ..found })).expect("JSON"),
    }))
    .expect("a plan");
    let compiled = crate::plan::CompiledPlan::new(plan).expect("compiled");
    let endpoint =
        sekisho_upstream::Endpoint::load(&sekisho_upstream::EndpointConfig::new("http://cloud.example"));
    let call = compiled.dialect.call(&endpoint.expect("an endpoint"), "b", 1, "m", None).expect("a call");
    let head = String::from_utf8(call.framing.head).expect("UTF-8");
    assert!(
        head.contains(r#"<q:PutRecords xmlns:q="urn:city:intake" "#) && !head.contains(" xmlns=\""),
        "{head}"
    );
    assert!(call.framing.tail.starts_with(b"</q:PutRecords>"));
}
