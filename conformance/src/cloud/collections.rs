//! The sObject Collections upsert, its single-record neighbour, and the limits resource.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::Cloud;
use super::answer::Answer;
use super::json_rows;
use super::perform::{Call, Order, RowResult, perform, row_id};
use super::refusal::Refusal;
use super::route::Request;
use super::store::Mode;

/// Records of one call.
const MOST: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'b> {
    #[serde(rename = "allOrNone", default)]
    all_or_none: bool,
    #[serde(borrow)]
    records: &'b RawValue,
}

#[derive(Deserialize)]
struct Typed {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "type")]
    object: String,
}

/// `PATCH /services/data/vNN.N/composite/sobjects/{object}/{key}`.
///
/// # Errors
/// The whole call is refused or was stopped.
pub(super) async fn serve(
    cloud: &Arc<Cloud>,
    request: &Request,
    call: &mut Call,
    object: &str,
    key: &str,
) -> Result<Answer, Refusal> {
    if request.method != Method::PATCH {
        return Err(Refusal::Method);
    }
    call.record.step = "upsert";
    let body: Body<'_> = serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::Own("JSON_PARSER_ERROR", error.to_string()))?;
    let types: Vec<Typed> = serde_json::from_str(body.records.get())
        .map_err(|error| Refusal::Input(format!("a record without attributes.type: {error}")))?;
    if types.len() > MOST {
        let text = format!("record limit reached. cannot submit more than {MOST} records in this operation");
        return Err(Refusal::Own("EXCEEDED_ID_LIMIT", text));
    }
    if types.iter().any(|typed| typed.attributes.object != object) {
        return Err(Refusal::Input("a record of another type than that of the path".to_owned()));
    }
    let rows = json_rows::read_array(body.records.get().as_bytes()).map_err(Refusal::Input)?;
    let mut order = Order::replace(object, key);
    order.mode = Mode::Merge;
    order.all_or_none = body.all_or_none;
    let results = perform(cloud, call, rows, order).await?;
    let body: Vec<Json> = results.iter().map(|result| result_json(object, result)).collect();
    Ok(Answer::json(StatusCode::OK, &body))
}

/// `PATCH /services/data/vNN.N/sobjects/{object}/{key}/{value}`.
///
/// # Errors
/// The call is refused or was stopped.
pub(super) async fn serve_one(
    cloud: &Arc<Cloud>,
    request: &Request,
    call: &mut Call,
    object: &str,
    key: &str,
    value: &str,
) -> Result<Answer, Refusal> {
    if request.method != Method::PATCH {
        return Err(Refusal::Method);
    }
    call.record.step = "upsert-one";
    let sent = json_rows::read_object(&request.body).map_err(|why| Refusal::Own("JSON_PARSER_ERROR", why))?;
    if sent.find(key).is_some() {
        let text = format!("The {key} field should not be specified in the sobject data.");
        return Err(Refusal::Own("INVALID_FIELD", text));
    }
    let rows = sent.with_key(key, value).map_err(Refusal::Input)?;
    let mut order = Order::replace(object, key);
    order.mode = Mode::Merge;
    let results = perform(cloud, call, rows, order).await?;
    let result = results.first().ok_or(Refusal::Unavailable)?;
    match &result.outcome {
        Ok(created) => {
            let status = if *created { StatusCode::CREATED } else { StatusCode::OK };
            Ok(Answer::json(status, &result_json(object, result)))
        }
        Err(error) => {
            let body = json!([{"message": error.message, "errorCode": error.code, "fields": error.field.iter().collect::<Vec<_>>()}]);
            Ok(Answer::json(StatusCode::BAD_REQUEST, &body))
        }
    }
}

/// `GET /services/data/vNN.N/limits`.
pub(super) fn limits(cloud: &Cloud) -> Answer {
    let (total, used) = usage(cloud);
    let body = json!({
        "DailyApiRequests": {"Max": total, "Remaining": total.saturating_sub(used)},
        "DailyBulkV2QueryJobs": {"Max": 10000, "Remaining": 10000},
    });
    Answer::json(StatusCode::OK, &body)
}

/// Calls that a day has, and calls used; a day without a limit has a very large one.
pub(super) fn usage(cloud: &Cloud) -> (u64, u64) {
    let total = match cloud.model.options().daily_quota {
        0 => 5_000_000,
        total => total,
    };
    (total, cloud.quota.used())
}

/// The error of a whole call, as the REST resources have it.
pub(super) fn refuse(refusal: &Refusal) -> Answer {
    let status = match refusal {
        Refusal::Quota(_) => StatusCode::FORBIDDEN,
        Refusal::Killed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        other => other.status(),
    };
    // No Retry-After: the real one has none either.
    Answer::json(status, &json!([{"message": refusal.message(), "errorCode": refusal.code()}]))
}

fn result_json(object: &str, result: &RowResult) -> Json {
    match &result.outcome {
        Ok(created) => {
            json!({"id": row_id(object, &result.key), "success": true, "errors": [], "created": created})
        }
        Err(error) => json!({
            "success": false,
            "errors": [{
                "statusCode": error.code,
                "message": error.message,
                "fields": error.field.iter().collect::<Vec<_>>(),
            }],
        }),
    }
}
