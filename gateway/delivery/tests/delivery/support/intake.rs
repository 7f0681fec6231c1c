//! A described SOAP operation, as a cloud that takes rows by it would play it.

use sekisho_delivery::{HeaderElement, ResultsSpec, SoapSpec, SoapVersion};

use super::Table;
use super::cloud::{Call, Reply, key_of, xml_rows};

pub(crate) const NAMESPACE: &str = "urn:example:intake:1";

/// The operation as a plan describes it.
pub(crate) fn dialect() -> SoapSpec {
    SoapSpec {
        wsdl: None,
        wsdl_digest: None,
        unqualified: false,
        response: None,
        path: "/services/intake/attributes/F001?batch={batch}&chunk={chunk}".into(),
        namespace: NAMESPACE.into(),
        operation: "putRecords".into(),
        record: "row".into(),
        action: format!("{NAMESPACE}/putRecords"),
        version: SoapVersion::Soap11,
        headers: vec![HeaderElement {
            namespace: "urn:h".into(),
            name: "Sender".into(),
            text: "a & b, part {chunk}".into(),
        }],
        addressing: false,
        results: Some(ResultsSpec {
            result: "result".into(),
            key: Some("key".into()),
            success: "success".into(),
            true_values: vec!["true".into()],
            code: Some("error/code".into()),
            field: Some("error/field".into()),
        }),
        fault_code: Some("intakeFault/code".into()),
        find: None,
        codes: Default::default(),
    }
}

pub(crate) fn envelope(body: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

pub(crate) fn fault(code: &str) -> Reply {
    let fault = format!(
        "<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring><detail><intakeFault xmlns=\"{NAMESPACE}\"><code>{code}</code><message>row U3 is bad</message></intakeFault></detail></s:Fault>"
    );
    Reply::Answer(500, "text/xml", envelope(&fault))
}

/// Takes every row that `refuses` gives no code for, and answers per row.
pub(crate) fn take(table: &Table, call: &Call, refuses: impl Fn(&str) -> Option<&'static str>) -> Reply {
    let mut results = String::new();
    for row in xml_rows(call.text(), "row") {
        let key = key_of(&row);
        match refuses(&key) {
            None => {
                results.push_str(&format!("<result><key>{key}</key><success>true</success></result>"));
                table.write(row);
            }
            Some(code) => results.push_str(&format!(
                "<result><key>{key}</key><success>false</success><error><code>{code}</code><field>F002</field><message>{key} is bad</message></error></result>"
            )),
        }
    }
    Reply::xml(envelope(&format!(
        r#"<putRecordsResponse xmlns="{NAMESPACE}">{results}</putRecordsResponse>"#
    )))
}
