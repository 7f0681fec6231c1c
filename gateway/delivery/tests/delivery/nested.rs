//! A record that makes several rows is delivered only when all of them are.

use sekisho_delivery::{
    AnswerSpec, DialectSpec, Plan, RestFormat, RestSpec, ResultsSpec, SoapSpec, merged_answer,
};
use sekisho_journal::Outcome;
use sekisho_records::{FieldId, LayoutNames, MappingSpec, NamedField, Place, Record, Value};
use sekisho_xml::QName;
use serde_json::{Value as Json, json};

use crate::support::intake::envelope;
use crate::support::{Cloud, House, Reply, plan};

pub(crate) fn household(n: u64, members: u64) -> Record {
    let place = Place::default();
    let mut record = Record::new();
    record.start(n + 1, place);
    record.push(FieldId(0), Value::Text(&format!("H{n}")), place);
    for member in 0..members {
        record.open(FieldId(1), place);
        record.push(FieldId(0), Value::Text(&format!("H{n}-{member}")), place);
        record.close(FieldId(1));
    }
    record
}

/// Records are households, and their members the rows; one without members makes none.
pub(crate) fn households(plan: &mut Plan) {
    let field = |name: &str| NamedField { name: name.into(), group: None };
    plan.layout = LayoutNames {
        element: QName::new("urn:test", "household"),
        fields: vec![
            field("Household"),
            NamedField { name: "Member".into(), group: Some(vec![field("Id")]) },
        ],
    };
    plan.mapping = MappingSpec { rows: Some("Member".into()), ..MappingSpec::default() };
    plan.mapping.without_instance = sekisho_records::mapping::WithoutInstance::NoRow;
}

#[tokio::test]
async fn a_household_with_a_refused_member_is_partial_and_says_which() {
    let cloud = Cloud::start(|call| {
        let rows: Vec<Json> = serde_json::from_slice(&call.body).expect("an array");
        let results: Vec<Json> = rows
            .iter()
            .map(|row| {
                let key = row["Id"].as_str().expect("a key");
                let good = !["H3-1", "H5-0", "H5-1"].contains(&key);
                json!({"success": good, "errors": [{"code": "BAD"}]})
            })
            .collect();
        Reply::json(200, json!({ "results": results }))
    })
    .await;
    let mut house = House::new();
    let mut plan = plan(DialectSpec::Rest(RestSpec {
        method: "PUT".into(),
        path: "/rows".into(),
        format: RestFormat::Json,
        envelope: None,
        record: "row".into(),
        namespace: None,
        headers: Default::default(),
        results: Some(ResultsSpec {
            result: "results".into(),
            key: None,
            success: "success".into(),
            true_values: vec!["true".into()],
            code: Some("errors/code".into()),
            field: None,
        }),
        taken: vec![200, 201, 204],
        error_code: "code".into(),
        codes: Default::default(),
    }));
    households(&mut plan);
    // Every household has as many members as its number, at most 2.
    let batch = house.accept_with(&plan, (0..8).map(|n| household(n, n.min(2)))).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.partial, done.sums.rejected), (6, 1, 1));
    let errors = house.errors(batch).await;
    assert_eq!(
        (errors[0].position, errors[0].outcome, errors[0].rows.as_slice()),
        (3, Outcome::Partial, &[1][..])
    );
    assert_eq!((errors[1].position, errors[1].outcome), (5, Outcome::Rejected));
}

#[tokio::test]
async fn the_rows_of_a_record_stand_together_in_the_answer_whatever_chunks_they_went_in() {
    let cloud = Cloud::start(|call| {
        let ids = call.text().split("<Id>").skip(1).map(|rest| rest.split('<').next().expect("an end"));
        let result = |id: &str| {
            let good = !["H3-1", "H5-0", "H5-1"].contains(&id);
            format!("<result><id>{id}</id><ok>{good}</ok></result>")
        };
        let results: String = ids.map(result).collect();
        Reply::xml(envelope(&format!("<putResponse xmlns=\"urn:x\">{results}</putResponse>")))
    })
    .await;
    let mut house = House::new();
    let dialect: SoapSpec = serde_json::from_value(json!({
        "path": "/rows", "namespace": "urn:x", "operation": "put", "record": "row",
        "results": {"result": "result", "success": "ok"},
    }))
    .expect("a dialect");
    let mut plan = plan(DialectSpec::Soap(dialect));
    households(&mut plan);
    plan.pace.fixed_rows = Some(3);
    plan.answer = Some(AnswerSpec::default());
    let batch = house.accept_with(&plan, (0..8).map(|n| household(n, n.min(2)))).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.partial, done.sums.rejected), (6, 1, 1));
    let made = merged_answer(&house.ledger, &house.spool, &done).await.expect("an answer");
    assert_eq!(made.results(), (10, 3));
    let (mut said, mut pieces) = (Vec::new(), made.pieces().expect("read"));
    while let Some(piece) = pieces.next().expect("read") {
        said.extend_from_slice(&piece);
    }
    let said = String::from_utf8(said).expect("UTF-8");
    let ids: Vec<&str> =
        said.split("<id>").skip(1).map(|rest| rest.split('<').next().expect("an end")).collect();
    let expected: Vec<String> =
        (0..8u64).flat_map(|n| (0..n.min(2)).map(move |member| format!("H{n}-{member}"))).collect();
    assert_eq!(ids, expected);
    assert!(cloud.calls().len() > 3);
}
