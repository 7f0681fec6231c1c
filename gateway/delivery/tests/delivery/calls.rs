//! The dialects that make one call a chunk: `swa`, `rest`, `collections`, `partner-soap`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_delivery::{
    CollectionsSpec, DialectSpec, PartnerSoapSpec, RestFormat, RestSpec, ResultsSpec, SoapVersion, SwaSpec,
};
use sekisho_journal::Outcome;
use serde_json::{Value, json};

use crate::support::cloud::{csv_rows, json_rows, key_of, xml_rows};
use crate::support::{Call, Cloud, House, Reply, Table, plan};

type Row = BTreeMap<String, Option<String>>;

fn results_by_key(result: &str, code: &str, field: &str) -> ResultsSpec {
    ResultsSpec {
        result: result.into(),
        key: Some("key".into()),
        success: "success".into(),
        true_values: vec!["true".into()],
        code: Some(code.into()),
        field: Some(field.into()),
    }
}

pub(crate) fn swa() -> SwaSpec {
    SwaSpec {
        path: "/services/swa/attributes/F001".into(),
        namespace: "urn:example:intake:1".into(),
        operation: "putFile".into(),
        file: "file".into(),
        content_id: "rows.csv".into(),
        action: "urn:example:intake:1/putFile".into(),
        version: SoapVersion::Soap11,
        headers: Vec::new(),
        results: Some(results_by_key("result", "error/code", "error/field")),
        fault_code: None,
        codes: Default::default(),
    }
}

/// The attachment of a package, found the way RFC 2387 says: by boundary, header lines, blank line.
pub(crate) fn attachment<'a>(call: &'a Call, content_id: &str) -> &'a str {
    let media = call.header("content-type");
    assert!(media.to_ascii_lowercase().starts_with("multipart/related"), "{media}");
    assert!(media.contains("text/xml"), "{media}");
    let (_, after) = media.split_once("boundary=").expect("a boundary");
    let boundary = after.split(';').next().expect("its value").trim().trim_matches('"');
    let text = call.text();
    assert!(text.trim_end().ends_with(&format!("--{boundary}--")));
    let part = text
        .split(&format!("--{boundary}"))
        .find(|part| part.contains(&format!("<{content_id}>")) && part.contains("text/csv"))
        .expect("the part");
    part.split_once("\r\n\r\n")
        .expect("a blank line")
        .1
        .strip_suffix("\r\n")
        .expect("the boundary's line end")
}

#[tokio::test]
async fn swa_attaches_the_rows_as_csv() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        assert!(call.text().contains(r#"<putFile xmlns="urn:example:intake:1"><file href="cid:rows.csv"/></putFile>"#));
        assert_eq!(call.header("soapaction"), "\"urn:example:intake:1/putFile\"");
        let mut results = String::new();
        for row in csv_rows(attachment(call, "rows.csv")) {
            let key = key_of(&row);
            let good = key != "U8";
            results.push_str(&format!(
                "<result><key>{key}</key><success>{good}</success>{}</result>",
                if good { "" } else { "<error><code>BAD</code><field>F009</field></error>" }
            ));
            if good {
                rows.write(row);
            }
        }
        Reply::xml(format!(
            r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><putFileResponse xmlns="urn:example:intake:1">{results}</putFileResponse></s:Body></s:Envelope>"#
        ))
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Swa(swa()));
    plan.mapping.nil = Some("#N/A".into());
    let batch = house.accept(&plan, 500).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (499, 1));
    let errors = house.errors(batch).await;
    assert_eq!((errors[0].position, errors[0].code.as_str(), &errors[0].field), (8, "BAD", &None));
    table.holds(500, &[8], "#N/A");
    assert_eq!(table.most_writes(), 1);
}

pub(crate) fn rest(format: RestFormat) -> RestSpec {
    RestSpec {
        method: "POST".into(),
        path: "/api/attributes/rows".into(),
        format,
        envelope: None,
        record: "row".into(),
        namespace: None,
        headers: [("x-system".to_owned(), "city".to_owned())].into(),
        results: Some(results_by_key("results", "errors/code", "errors/field")),
        taken: vec![200, 201, 204],
        error_code: "code".into(),
        codes: Default::default(),
    }
}

/// Takes rows and answers as `rest` does; U4 is refused.
pub(crate) fn rest_answer(table: &Table, rows: Vec<Row>) -> Reply {
    let results: Vec<Value> = rows
        .into_iter()
        .map(|row| {
            let key = key_of(&row);
            if key == "U4" {
                return json!({"key": key, "success": false, "errors": [{"code": "BAD", "field": "F002", "message": "no"}]});
            }
            table.write(row);
            json!({"key": key, "success": true, "created": true})
        })
        .collect();
    Reply::json(200, json!({ "accepted": results.len(), "results": results }))
}

async fn rest_round(
    spec: RestSpec,
    media: &'static str,
    read: impl Fn(&Call) -> Vec<Row> + Send + Sync + 'static,
) -> Table {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        assert_eq!((call.header("content-type"), call.header("x-system")), (media, "city"));
        assert_eq!(call.path, "/api/attributes/rows");
        rest_answer(&rows, read(call))
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&plan(DialectSpec::Rest(spec)), 300).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (299, 1));
    let errors = house.errors(batch).await;
    assert_eq!((errors[0].position, errors[0].code.as_str()), (4, "BAD"));
    assert_eq!(errors[0].field.as_deref(), Some("F002"));
    assert_eq!(table.most_writes(), 1);
    table.holds(300, &[4], "");
    table
}

#[tokio::test]
async fn rest_csv() {
    rest_round(rest(RestFormat::Csv), "text/csv; charset=utf-8", |call| csv_rows(call.text())).await;
}

#[tokio::test]
async fn rest_json() {
    let read = |call: &Call| {
        let rows: Vec<Value> = serde_json::from_slice(&call.body).expect("an array");
        json_rows(&rows)
    };
    let table = rest_round(rest(RestFormat::Json), "application/json", read).await;
    assert_eq!(table.value("U9", "F003"), Some(None), "nil is null");
    assert_eq!(table.value("U6", "F003"), None, "absent is left out");
}

#[tokio::test]
async fn rest_json_in_an_envelope() {
    let read = |call: &Call| {
        let body: Value = serde_json::from_slice(&call.body).expect("an object");
        json_rows(body["my rows"].as_array().expect("an array"))
    };
    let spec = RestSpec { envelope: Some("my rows".into()), ..rest(RestFormat::Json) };
    rest_round(spec, "application/json", read).await;
}

#[tokio::test]
async fn rest_ndjson() {
    let read = |call: &Call| {
        let rows: Vec<Value> =
            call.text().lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
        json_rows(&rows)
    };
    rest_round(rest(RestFormat::Ndjson), "application/x-ndjson", read).await;
}

#[tokio::test]
async fn rest_xml() {
    rest_round(rest(RestFormat::Xml), "application/xml", |call| {
        assert!(call.text().starts_with(r#"<?xml version="1.0" encoding="UTF-8"?><rows xmlns:xsi="#));
        xml_rows(call.text(), "row")
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_wrong_in_itself_rejects_no_record() {
    let table = Table::default();
    let rows = table.clone();
    // Three times the cloud finds fault with the call, not saying that it is the data; then somebody mends it.
    let cloud = Cloud::start(move |call| match call.number {
        0 => Reply::json(400, json!({"code": "NO_SUCH_OBJECT"})),
        1 => Reply::json(404, json!({"code": "NOT_FOUND"})),
        2 => Reply::Answer(405, "text/plain", "no".into()),
        _ => {
            let sent: Vec<Value> = serde_json::from_slice(&call.body).expect("an array");
            let results: Vec<Value> = json_rows(&sent)
                .into_iter()
                .map(|row| {
                    let key = key_of(&row);
                    rows.write(row);
                    json!({"key": key, "success": true})
                })
                .collect();
            Reply::json(200, json!({ "results": results }))
        }
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Rest(rest(RestFormat::Json)));
    plan.pace.max_in_flight = 1;
    let batch = house.accept(&plan, 40).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 40);
    table.holds(40, &[], "");
}

#[tokio::test]
async fn collections_take_two_hundred_in_order() {
    let table = Table::default();
    let rows = table.clone();
    let cloud = Cloud::start(move |call| {
        assert_eq!((call.method.as_str(), call.path.as_str()), ("PATCH", "/services/data/v60.0/composite/sobjects/attributes/F001"));
        let body: Value = serde_json::from_slice(&call.body).expect("an object");
        assert_eq!(body["allOrNone"], json!(false));
        let records = body["records"].as_array().expect("records");
        assert!((1..=200).contains(&records.len()));
        assert!(records.iter().all(|record| record["attributes"]["type"] == "attributes"));
        let results: Vec<Value> = json_rows(records)
            .into_iter()
            .map(|row| match key_of(&row).as_str() {
                "U250" => json!({"success": false, "errors": [{"statusCode": "STRING_TOO_LONG", "message": "value 250 is too long", "fields": ["F002"]}]}),
                _ => {
                    rows.write(row);
                    json!({"id": "a00", "success": true, "errors": [], "created": true})
                }
            })
            .collect();
        Reply::json(200, Value::Array(results))
    })
    .await;
    let mut house = House::new();
    let spec = CollectionsSpec {
        version: "60.0".into(),
        object: "attributes".into(),
        external_id: "F001".into(),
        codes: Default::default(),
    };
    let batch = house.accept(&plan(DialectSpec::Collections(spec)), 2_000).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (1_999, 1));
    let errors = house.errors(batch).await;
    assert_eq!((errors[0].position, errors[0].code.as_str()), (250, "STRING_TOO_LONG"));
    assert_eq!(errors[0].field.as_deref(), Some("F002"));
    table.holds(2_000, &[250], "");
    assert!(house.chunks(batch).await.iter().any(|chunk| chunk.count() == 200));
}

#[tokio::test]
async fn partner_soap_upserts_with_a_session_and_null_by_name() {
    let table = Table::default();
    let rows = table.clone();
    let calls = AtomicU64::new(0);
    let cloud = Cloud::start(move |call| {
        assert_eq!((call.path.as_str(), call.header("soapaction")), ("/services/Soap/u/60.0", "\"\""));
        assert_eq!(call.header("authorization"), "");
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        let session = if first { "00D!old" } else { "00D!new" };
        assert!(call.text().contains(&format!("<p:sessionId>{session}</p:sessionId>")), "{}", call.number);
        let envelope = |body: &str| format!(r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{body}</e:Body></e:Envelope>"#);
        if first {
            return Reply::Answer(500, "text/xml", envelope(r#"<e:Fault><faultcode xmlns:sf="urn:fault.partner.soap.sforce.com">sf:INVALID_SESSION_ID</faultcode><faultstring>INVALID_SESSION_ID: gone</faultstring><detail><sf:UnexpectedErrorFault xmlns:sf="urn:fault.partner.soap.sforce.com"><sf:exceptionCode>INVALID_SESSION_ID</sf:exceptionCode></sf:UnexpectedErrorFault></detail></e:Fault>"#));
        }
        assert!(call.text().contains("<p:externalIDFieldName>F001</p:externalIDFieldName>"));
        let mut results = String::new();
        let sent = xml_rows(call.text(), "p:sObjects");
        assert!((1..=200).contains(&sent.len()));
        for mut row in sent {
            assert_eq!(row.remove("type"), Some(Some("attributes".into())));
            if let Some(name) = row.remove("fieldsToNull").flatten() {
                row.insert(name, None);
            }
            if key_of(&row) == "U30" {
                results.push_str("<result><created>false</created><errors><fields>F002</fields><message>no</message><statusCode>DUPLICATE_VALUE</statusCode></errors><id xsi:nil=\"true\"/><success>false</success></result>");
            } else {
                rows.write(row);
                results.push_str("<result><created>true</created><id>a00</id><success>true</success></result>");
            }
        }
        Reply::xml(envelope(&format!(r#"<upsertResponse xmlns="urn:partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{results}</upsertResponse>"#)))
    })
    .await;
    let mut house = House::new();
    let path = house.file("session", "00D!old\n");
    let spec = PartnerSoapSpec {
        version: "60.0".into(),
        object: "attributes".into(),
        external_id: "F001".into(),
        codes: Default::default(),
    };
    let mut plan = plan(DialectSpec::PartnerSoap(spec));
    plan.pace.max_in_flight = 1;
    let batch = house.accept(&plan, 600).await;
    let mut endpoint = cloud.endpoint();
    endpoint.login = Some(sekisho_upstream::LoginConfig::TokenFile { path });
    let upstream_started = house.start(&endpoint);
    let _delivery = upstream_started.await;
    house.file("session", "00D!new\n");
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (599, 1));
    let errors = house.errors(batch).await;
    assert_eq!((errors[0].position, errors[0].outcome), (30, Outcome::Rejected));
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_deref()), ("DUPLICATE_VALUE", Some("F002")));
    table.holds(600, &[30], "");
    assert_eq!(table.value("U9", "F003"), Some(None));
    assert_eq!(table.value("U6", "F003"), None);
}
