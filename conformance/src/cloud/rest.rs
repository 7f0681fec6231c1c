//! The described REST call: rows as CSV, JSON, NDJSON or XML, and single rows by key.

use std::sync::Arc;

use http::{HeaderName, Method, StatusCode, header};
use serde_json::{Map, Value as Json, json};

use super::Cloud;
use super::answer::Answer;
use super::csv_rows::{self, CsvForm};
use super::json_rows;
use super::locked;
use super::multipart::media_type;
use super::perform::{Call, Order, RowResult, perform};
use super::refusal::Refusal;
use super::route::Request;
use super::rows::{Rows, Value};
use super::xml_rows;

/// `POST /services/api/{object}/{key}/rows`.
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
    if request.method != Method::POST {
        return Err(Refusal::Method);
    }
    call.record.step = "rows";
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (media, _) = media_type(content_type.unwrap_or_default());
    let body = request.body.clone();
    let rows = tokio::task::spawn_blocking(move || read(&media, &body))
        .await
        .map_err(|_| Refusal::Unavailable)??;
    let mut order = Order::replace(object, key);
    order.operation = request.query("operation").map(str::to_owned);
    let results = perform(cloud, call, rows, order).await?;
    let rejected = results.iter().filter(|result| result.outcome.is_err()).count();
    let body = json!({
        "accepted": results.len() - rejected,
        "rejected": rejected,
        "results": results.iter().map(result_json).collect::<Vec<_>>(),
    });
    Ok(Answer::json(StatusCode::OK, &body))
}

/// `PUT`, `GET`, `DELETE /services/api/{object}/{key}/rows/{value}`.
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
    call.record.object = object.to_owned();
    match request.method {
        Method::PUT => {
            call.record.step = "put-row";
            let mut rows = json_rows::read_object(&request.body).map_err(Refusal::Input)?;
            match rows.find(key).and_then(|column| rows.value(0, column)) {
                None => rows = rows.with_key(key, value).map_err(Refusal::Input)?,
                Some(Value::Text(text)) if text == value => {}
                Some(_) => {
                    return Err(Refusal::Input("the key in the body is not that of the path".to_owned()));
                }
            }
            let results = perform(cloud, call, rows, Order::replace(object, key)).await?;
            let result = results.first().ok_or(Refusal::Unavailable)?;
            let status = match result.outcome {
                Ok(true) => StatusCode::CREATED,
                Ok(false) => StatusCode::OK,
                Err(_) => StatusCode::UNPROCESSABLE_ENTITY,
            };
            Ok(Answer::json(status, &result_json(result)))
        }
        Method::GET => {
            call.record.step = "get-row";
            let table = cloud.store.table(object);
            let table = locked(&table);
            let held = table.get(value).ok_or_else(|| Refusal::NotFound("no such row".to_owned()))?;
            Ok(Answer::json(StatusCode::OK, &row_json(table.columns(), held.cells())))
        }
        Method::DELETE => {
            call.record.step = "delete-row";
            match locked(&cloud.store.table(object)).delete(value) {
                true => Ok(Answer::empty(StatusCode::NO_CONTENT)),
                false => Err(Refusal::NotFound("no such row".to_owned())),
            }
        }
        _ => Err(Refusal::Method),
    }
}

/// The error of a whole call.
pub(super) fn refuse(cloud: &Cloud, refusal: &Refusal) -> Answer {
    let body = json!({"code": refusal.code(), "message": refusal.message()});
    let answer = Answer::json(refusal.status(), &body).refusing(refusal);
    match refusal {
        Refusal::Quota(seconds) => {
            let total = cloud.model.options().daily_quota;
            answer
                .with(HeaderName::from_static("ratelimit-policy"), &format!("\"day\";q={total};w=86400"))
                .with(HeaderName::from_static("ratelimit"), &format!("\"day\";r=0;t={seconds}"))
        }
        _ => answer,
    }
}

/// A row as an object; absent fields are left out.
pub(super) fn row_json<'v>(columns: &[String], cells: impl Iterator<Item = (u16, Value<'v>)>) -> Json {
    let fields = cells.map(|(column, value)| {
        let value = match value {
            Value::Null => Json::Null,
            Value::Text(text) => Json::String(text.to_owned()),
        };
        (columns[usize::from(column)].clone(), value)
    });
    Json::Object(fields.collect::<Map<_, _>>())
}

fn result_json(result: &RowResult) -> Json {
    match &result.outcome {
        Ok(created) => json!({"key": result.key, "success": true, "created": created}),
        Err(error) => {
            let mut fault = json!({"code": error.code, "message": error.message});
            if let Some(field) = &error.field {
                fault["field"] = Json::String(field.clone());
            }
            json!({"key": result.key, "success": false, "created": false, "errors": [fault]})
        }
    }
}

fn read(media: &str, body: &[u8]) -> Result<Rows, Refusal> {
    match media {
        "text/csv" => csv_rows::read(body, CsvForm::default()),
        "application/json" => json_rows::read_array(body),
        "application/x-ndjson" => json_rows::read_lines(body),
        "application/xml" | "text/xml" => xml_rows::read_document(body),
        _ => {
            return Err(Refusal::Media(
                "text/csv, application/json, application/x-ndjson or application/xml".to_owned(),
            ));
        }
    }
    .map_err(Refusal::Input)
}
