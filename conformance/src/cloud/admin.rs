//! The admin interface: what tests and demonstrations read and switch.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::Stream;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Cloud;
use super::answer::Answer;
use super::application::State;
use super::csv_rows::write_field;
use super::faults::{BadRecord, Rule};
use super::locked;
use super::options::ModelOptions;
use super::rest::row_json;
use super::route::Request;
use super::rows::Value;

/// Rows of a dump that are written under one lock.
const AT_ONCE: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Down {
    down: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplicationChange {
    state: State,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// `/admin/…`, dumps of rows excepted.
pub(super) fn serve(cloud: &Cloud, request: &Request, rest: &[&str]) -> Answer {
    match answer(cloud, request, rest) {
        Ok(answer) => answer,
        Err(why) => Answer::json(StatusCode::BAD_REQUEST, &json!({"code": "INVALID_INPUT", "message": why})),
    }
}

fn answer(cloud: &Cloud, request: &Request, rest: &[&str]) -> Result<Answer, String> {
    let done = || Ok(Answer::json(StatusCode::OK, &json!({"done": true})));
    match (request.method.as_str(), rest) {
        ("GET", ["stats"]) => Ok(Answer::json(StatusCode::OK, &stats(cloud))),
        ("GET", ["calls"]) => {
            let after = request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
            let mut out = Vec::new();
            for call in cloud.calls.after(after) {
                serde_json::to_writer(&mut out, &call).map_err(|error| error.to_string())?;
                out.push(b'\n');
            }
            Ok(Answer::new(StatusCode::OK, "application/x-ndjson", out))
        }
        ("DELETE", ["rows"]) => {
            cloud.store.clear();
            done()
        }
        ("POST", ["reset"]) => {
            cloud.store.clear();
            cloud.jobs.clear();
            cloud.calls.clear();
            cloud.faults.clear();
            cloud.bad_records.clear();
            cloud.application.clear();
            new_day(cloud);
            cloud.down.store(false, Ordering::Relaxed);
            done()
        }
        ("GET", ["model"]) => Ok(Answer::json(StatusCode::OK, &cloud.model.options())),
        ("POST", ["model"]) => {
            let changed = changed_model(&cloud.model.options(), &request.body)?;
            cloud.model.set(changed);
            Ok(Answer::json(StatusCode::OK, &cloud.model.options()))
        }
        ("POST", ["bad-records"]) => {
            cloud.bad_records.add(read::<BadRecord>(&request.body)?);
            done()
        }
        ("DELETE", ["bad-records"]) => {
            cloud.bad_records.clear();
            done()
        }
        ("POST", ["faults"]) => {
            cloud.faults.add(read::<Rule>(&request.body)?);
            done()
        }
        ("GET", ["faults"]) => Ok(Answer::json(StatusCode::OK, &cloud.faults.list())),
        ("DELETE", ["faults"]) => {
            cloud.faults.clear();
            done()
        }
        ("POST", ["down"]) => {
            cloud.down.store(read::<Down>(&request.body)?.down, Ordering::Relaxed);
            done()
        }
        ("POST", ["sessions", "expire"]) => {
            cloud.sessions.end_all();
            done()
        }
        ("POST", ["application"]) => {
            let change: ApplicationChange = read(&request.body)?;
            match (change.state, change.code) {
                (State::Up, None) => cloud.application.clear(),
                (state, code) => {
                    cloud.application.set(state);
                    if let Some(code) = code {
                        cloud.application.report(&code, change.message.as_deref().unwrap_or_default());
                    }
                }
            }
            done()
        }
        ("POST", ["new-day"]) => {
            new_day(cloud);
            done()
        }
        _ => Ok(Answer::json(
            StatusCode::NOT_FOUND,
            &json!({"code": "NOT_FOUND", "message": "no such switch"}),
        )),
    }
}

fn new_day(cloud: &Cloud) {
    cloud.quota.new_day();
    cloud.push.new_day();
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// The model with the fields of `body` over those of `now`.
fn changed_model(now: &ModelOptions, body: &[u8]) -> Result<ModelOptions, String> {
    let mut whole = serde_json::to_value(now).map_err(|error| error.to_string())?;
    match (&mut whole, read::<Json>(body)?) {
        (Json::Object(whole), Json::Object(changes)) => whole.extend(changes),
        _ => return Err("an object is expected".to_owned()),
    }
    serde_json::from_value(whole).map_err(|error| error.to_string())
}

fn stats(cloud: &Cloud) -> Json {
    let (in_flight, peak) = cloud.model.in_flight();
    let objects: serde_json::Map<String, Json> = cloud
        .store
        .tables()
        .into_iter()
        .map(|(name, table)| (name, json!(locked(&table).counts())))
        .collect();
    let total = Some(cloud.model.options().daily_quota).filter(|total| *total > 0);
    let mut stats = serde_json::to_value(cloud.calls.sums()).unwrap_or_default();
    stats["in_flight"] = json!(in_flight);
    stats["peak_in_flight"] = json!(peak);
    stats["quota"] = json!({"total": total, "used": cloud.quota.used()});
    stats["objects"] = Json::Object(objects);
    stats["seconds_up"] = json!(cloud.started.elapsed().as_secs_f64());
    stats
}

/// The form of a dump.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DumpForm {
    Csv,
    Ndjson,
}

/// All rows of a table, a piece at a time, so that neither memory nor the table's lock suffers.
pub(super) fn dump(
    cloud: &Arc<Cloud>,
    object: &str,
    form: DumpForm,
) -> Option<impl Stream<Item = Bytes> + Send + 'static> {
    let table = cloud.store.existing(object)?;
    let keys = locked(&table).keys();
    let columns = locked(&table).columns().to_vec();
    let mut head = Vec::new();
    if form == DumpForm::Csv {
        head.extend_from_slice(b"_key,_writes,_changes");
        for column in &columns {
            head.push(b',');
            write_field(&mut head, column, b',');
        }
        head.push(b'\n');
    }
    let mut at = 0;
    let pieces = std::iter::once(Bytes::from(head)).chain(std::iter::from_fn(move || {
        let piece = keys.get(at..keys.len().min(at + AT_ONCE)).filter(|piece| !piece.is_empty())?;
        at += piece.len();
        let table = locked(&table);
        let mut out = Vec::new();
        for key in piece {
            // Gone since the dump began.
            let Some(held) = table.get(key) else { continue };
            match form {
                DumpForm::Csv => {
                    write_field(&mut out, key, b',');
                    out.extend_from_slice(format!(",{},{}", held.writes, held.changes).as_bytes());
                    csv_cells(&mut out, columns.len(), held.cells());
                }
                DumpForm::Ndjson => {
                    let row = row_json(table.columns(), held.cells());
                    let line =
                        json!({"key": key, "writes": held.writes, "changes": held.changes, "row": row});
                    out.extend_from_slice(line.to_string().as_bytes());
                    out.push(b'\n');
                }
            }
        }
        Some(Bytes::from(out))
    }));
    Some(futures_util::stream::iter(pieces))
}

fn csv_cells<'v>(out: &mut Vec<u8>, width: usize, cells: impl Iterator<Item = (u16, Value<'v>)>) {
    let mut next = 0;
    for (column, value) in cells.filter(|(column, _)| usize::from(*column) < width) {
        while next <= usize::from(column) {
            out.push(b',');
            next += 1;
        }
        match value {
            Value::Null => out.extend_from_slice(b"\\N"),
            Value::Text(text) => write_field(out, text, b','),
        }
    }
    for _ in next..width {
        out.push(b',');
    }
    out.push(b'\n');
}

/// The form that a request for a dump names.
pub(super) fn dump_form(request: &Request) -> DumpForm {
    match request.query("format") {
        Some("ndjson") => DumpForm::Ndjson,
        _ => DumpForm::Csv,
    }
}

/// Whether a request asks for a dump, and of what.
pub(super) fn asks_for_dump<'r>(method: &Method, rest: &[&'r str]) -> Option<&'r str> {
    match rest {
        ["rows", object] if *method == Method::GET => Some(object),
        _ => None,
    }
}
