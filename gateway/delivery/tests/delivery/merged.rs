//! One answer to a batch in every dialect: results of all calls in the client's order, in elements, whatever the cloud speaks.

use sekisho_delivery::{
    AnswerSpec, CollectionsSpec, CountSpec, Counted, DialectSpec, PaceSpec, PartnerSoapSpec, Plan, RestFormat,
};
use sekisho_xml::QName;
use serde_json::{Value, json};

use crate::answers::{answer, text};
use crate::bulk2::{Fate, Jobs, bulk_plan};
use crate::calls::{attachment, rest, rest_answer, swa};
use crate::support::cloud::{Call, csv_rows, json_rows, key_of, xml_rows};
use crate::support::{Cloud, House, Reply, Table, plan};

const RECORDS: u64 = 120;

/// A plan whose client awaits the answer, sent in calls of ten rows, several at once.
fn awaited(plan: Plan, element: Option<&str>) -> Plan {
    let counts = vec![
        CountSpec { element: "taken".into(), of: Counted::Taken },
        CountSpec { element: "refused".into(), of: Counted::Refused },
    ];
    let element = element.map(|local| QName::new("urn:example:city:1", local));
    Plan {
        answer: Some(AnswerSpec { counts, element }),
        pace: PaceSpec { limit_ms: 60_000, fixed_rows: Some(10), max_in_flight: 3, ..PaceSpec::default() },
        ..plan
    }
}

/// What a batch is answered with, all records of which were taken but for one; between what its wrapper is opened and closed with.
async fn merged(plan: &Plan, cloud: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> String {
    let cloud = Cloud::start(cloud).await;
    let mut house = House::new();
    let batch = house.accept(plan, RECORDS).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (RECORDS - 1, 1));
    assert!(cloud.calls().len() >= 12, "in calls of ten rows");
    let made = answer(&house, batch).await.expect("an answer");
    assert_eq!(made.results(), (RECORDS - 1, 1));
    text(made)
}

/// The answer is `head`, then a result for each record: `taken` of its key, or `refused` for the one with the number 4.
fn is_whole(said: &str, head: &str, taken: impl Fn(&str) -> String, refused: &str, tail: &str) {
    let results = (0..RECORDS).map(|n| if n == 4 { refused.to_owned() } else { taken(&format!("U{n}")) });
    let counts = format!("<taken>{}</taken><refused>1</refused>", RECORDS - 1);
    let expected = format!("{head}{counts}{}{tail}", results.collect::<String>());
    assert_eq!(said, expected);
}

#[tokio::test]
async fn swa_in_the_clouds_own_element() {
    let table = Table::default();
    let said = merged(&awaited(plan(DialectSpec::Swa(swa())), None), move |call| {
        let mut results = String::new();
        // The other way round: results are joined by their keys.
        for row in csv_rows(attachment(call, "rows.csv")).into_iter().rev() {
            let key = key_of(&row);
            results.push_str(&match key.as_str() {
                "U4" => "<r:result><r:key>U4</r:key><r:success>false</r:success><r:error><r:code>BAD</r:code></r:error></r:result>"
                    .to_owned(),
                _ => format!("<r:result><r:key>{key}</r:key><r:success>true</r:success></r:result>"),
            });
            if key != "U4" {
                table.write(row);
            }
        }
        Reply::xml(format!(
            r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><r:putFileResponse xmlns:r="urn:example:intake:1">{results}</r:putFileResponse></s:Body></s:Envelope>"#
        ))
    })
    .await;
    let of = |inside: &str| format!(r#"<r:result xmlns:r="urn:example:intake:1">{inside}</r:result>"#);
    is_whole(
        &said,
        r#"<putFileResponse xmlns="urn:example:intake:1">"#,
        |key| of(&format!("<r:key>{key}</r:key><r:success>true</r:success>")),
        &of("<r:key>U4</r:key><r:success>false</r:success><r:error><r:code>BAD</r:code></r:error>"),
        "</putFileResponse>",
    );
}

#[tokio::test]
async fn partner_soap_with_what_its_results_declare() {
    let spec = PartnerSoapSpec {
        version: "60.0".into(),
        object: "attributes".into(),
        external_id: "F001".into(),
        codes: Default::default(),
    };
    let said = merged(&awaited(plan(DialectSpec::PartnerSoap(spec)), None), |call| {
        let rows = xml_rows(call.text(), "p:sObjects");
        let results = rows.iter().map(|row| match key_of(row).as_str() {
            "U4" => "<result><errors><statusCode>DUPLICATE_VALUE</statusCode></errors><id xsi:nil=\"true\"/><success>false</success></result>".to_owned(),
            key => format!("<result><id>a00{key}</id><success>true</success></result>"),
        });
        let results: String = results.collect();
        Reply::xml(format!(
            r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><upsertResponse xmlns="urn:partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{results}</upsertResponse></e:Body></e:Envelope>"#
        ))
    })
    .await;
    is_whole(
        &said,
        r#"<upsertResponse xmlns="urn:partner.soap.sforce.com">"#,
        |key| format!("<result><id>a00{key}</id><success>true</success></result>"),
        "<result><errors><statusCode>DUPLICATE_VALUE</statusCode></errors><id xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"/><success>false</success></result>",
        "</upsertResponse>",
    );
}

#[tokio::test]
async fn rest_in_the_element_that_the_route_names() {
    let table = Table::default();
    let said = merged(&awaited(plan(DialectSpec::Rest(rest(RestFormat::Json))), Some("put")), move |call| {
        let rows: Vec<Value> = serde_json::from_slice(&call.body).expect("an array");
        rest_answer(&table, json_rows(&rows))
    })
    .await;
    is_whole(
        &said,
        r#"<put xmlns="urn:example:city:1">"#,
        |key| format!("<results><created>true</created><key>{key}</key><success>true</success></results>"),
        "<results><errors><code>BAD</code><field>F002</field><message>no</message></errors><key>U4</key><success>false</success></results>",
        "</put>",
    );
}

#[tokio::test]
async fn collections_in_the_element_that_the_route_names() {
    let spec = CollectionsSpec {
        version: "60.0".into(),
        object: "attributes".into(),
        external_id: "F001".into(),
        codes: Default::default(),
    };
    let said = merged(&awaited(plan(DialectSpec::Collections(spec)), Some("putResponse")), |call| {
        let body: Value = serde_json::from_slice(&call.body).expect("an object");
        let results = json_rows(body["records"].as_array().expect("records"));
        let results = results.iter().map(|row| match key_of(row).as_str() {
            "U4" => {
                json!({"success": false, "errors": [{"statusCode": "STRING_TOO_LONG", "fields": ["F002"]}]})
            }
            key => json!({"id": format!("a00{key}"), "success": true, "errors": []}),
        });
        Reply::json(200, Value::Array(results.collect()))
    })
    .await;
    is_whole(
        &said,
        r#"<putResponse xmlns="urn:example:city:1">"#,
        |key| format!("<result><id>a00{key}</id><success>true</success></result>"),
        "<result><errors><fields>F002</fields><statusCode>STRING_TOO_LONG</statusCode></errors><success>false</success></result>",
        "</putResponse>",
    );
}

#[tokio::test]
async fn bulk2_says_of_each_row_what_its_files_say() {
    let jobs = Jobs::default();
    let said = merged(&awaited(bulk_plan(), Some("putResponse")), move |call| {
        jobs.answer(call, |key| if key == "U4" { Fate::Bad } else { Fate::Good })
    })
    .await;
    // Ids are the cloud's own: only their form is known.
    let (head, rest) = said.split_once("<result>").expect("results");
    assert_eq!(head, r#"<putResponse xmlns="urn:example:city:1"><taken>119</taken><refused>1</refused>"#);
    let results: Vec<&str> = rest.strip_suffix("</putResponse>").expect("an end").split("<result>").collect();
    assert_eq!(results.len() as u64, RECORDS);
    for (n, result) in results.iter().enumerate() {
        let key = format!("<F001>U{n}</F001>");
        assert!(result.starts_with(&key) && result.ends_with("</result>"), "{n}: {result}");
        let (taken, refused) = ("<success>true</success>", "<success>false</success><errors><statusCode>");
        assert!(result.contains(if n == 4 { refused } else { taken }), "{n}: {result}");
        assert_eq!(result.contains("<id>"), n != 4, "{n}: {result}");
    }
}

#[test]
fn an_answer_that_cannot_be_is_refused_by_name() {
    let fault = |plan: &Plan| plan.check().expect_err("refused").to_string();
    let said = fault(&awaited(bulk_plan(), None));
    assert!(said.starts_with("answer.element: is missing"), "{said}");
    let said = fault(&awaited(plan(DialectSpec::Swa(swa())), Some("put")));
    assert!(said.starts_with("answer.element: is for dialects"), "{said}");
    let mut silent = rest(RestFormat::Csv);
    silent.results = None;
    let said = fault(&awaited(plan(DialectSpec::Rest(silent)), Some("put")));
    assert!(said.starts_with("answer: needs a dialect that says"), "{said}");
    let mut odd = rest(RestFormat::Csv);
    odd.results.as_mut().expect("results").success = "is ok".into();
    let said = fault(&awaited(plan(DialectSpec::Rest(odd)), Some("put")));
    assert!(said.starts_with("answer: a name"), "{said}");
}
