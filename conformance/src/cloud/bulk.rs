//! The Bulk API 2.0 ingest resources: create, upload, close, poll, results, delete.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::Cloud;
use super::answer::Answer;
use super::csv_rows::{Records, write_field};
use super::faults::Kind;
use super::job::{self, Job, State};
use super::locked;
use super::perform::{Call, RowResult, row_id};
use super::refusal::Refusal;
use super::route::Request;

/// The largest upload of one job, in bytes.
pub(super) const MAX_UPLOAD: usize = 150 * 1000 * 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    object: String,
    operation: String,
    #[serde(default)]
    external_id_field_name: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    column_delimiter: Option<String>,
    #[serde(default)]
    line_ending: Option<String>,
}

#[derive(Deserialize)]
struct Change {
    state: String,
}

/// The step that a request to these resources takes.
pub(super) fn step(method: &Method, rest: &[&str]) -> &'static str {
    match (method.as_str(), rest) {
        ("POST", []) => "create",
        ("GET", []) => "list",
        ("PUT", [_, "batches"]) => "upload",
        ("PATCH", [_]) => "close",
        ("GET", [_]) => "poll",
        ("GET", [_, _]) => "results",
        ("DELETE", [_]) => "delete",
        _ => "",
    }
}

/// `/services/data/{version}/jobs/ingest` and what is below it.
///
/// # Errors
/// The request is refused.
pub(super) fn serve(
    cloud: &Arc<Cloud>,
    request: &Request,
    call: &mut Call,
    version: &str,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    call.record.step = step(&request.method, rest);
    match (call.record.step, rest) {
        ("create", _) => create(cloud, request, call, version),
        ("list", _) => {
            let records: Vec<Json> =
                cloud.jobs.all().iter().map(|job| job_json(&locked(job), false)).collect();
            Ok(Answer::json(
                StatusCode::OK,
                &json!({"done": true, "records": records, "nextRecordsUrl": null}),
            ))
        }
        ("upload", [id, ..]) => upload(&find(cloud, id)?, request),
        ("close", [id]) => change(cloud, &find(cloud, id)?, request, call),
        ("poll", [id]) => {
            let job = find(cloud, id)?;
            Ok(Answer::json(StatusCode::OK, &job_json(&locked(&job), true)))
        }
        ("results", [id, which]) => results(&find(cloud, id)?, which),
        ("delete", [id]) => {
            let job = find(cloud, id)?;
            if !matches!(locked(&job).state, State::Open) && !locked(&job).state.is_terminal() {
                return Err(Refusal::Own("InvalidJobState", "the job is under way".to_owned()));
            }
            cloud.jobs.remove(id);
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::Method),
    }
}

fn create(cloud: &Cloud, request: &Request, call: &mut Call, version: &str) -> Result<Answer, Refusal> {
    let asked: Create = serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::Own("JSON_PARSER_ERROR", error.to_string()))?;
    let invalid = |text: String| Err(Refusal::Own("InvalidJob", text));
    if !matches!(asked.operation.as_str(), "insert" | "upsert" | "delete") {
        return invalid(format!("operation {} is not taken", asked.operation));
    }
    if asked.operation == "upsert" && asked.external_id_field_name.is_none() {
        return invalid("InvalidJob : External ID was blank for upsert operation".to_owned());
    }
    if asked.content_type.as_deref().is_some_and(|media| media != "CSV") {
        return invalid("contentType has to be CSV".to_owned());
    }
    let delimiter = match asked.column_delimiter.as_deref().unwrap_or("COMMA") {
        "BACKQUOTE" => ("BACKQUOTE", b'`'),
        "CARET" => ("CARET", b'^'),
        "COMMA" => ("COMMA", b','),
        "PIPE" => ("PIPE", b'|'),
        "SEMICOLON" => ("SEMICOLON", b';'),
        "TAB" => ("TAB", b'\t'),
        other => return invalid(format!("columnDelimiter {other} is not known")),
    };
    let crlf = match asked.line_ending.as_deref().unwrap_or("LF") {
        "LF" => false,
        "CRLF" => true,
        other => return invalid(format!("lineEnding {other} is not known")),
    };
    call.record.object = asked.object.clone();
    let job = cloud.jobs.add(Job {
        id: String::new(),
        object: asked.object,
        operation: asked.operation,
        key: asked.external_id_field_name.unwrap_or_default(),
        delimiter,
        crlf,
        version: version.trim_start_matches('v').to_owned(),
        state: State::Open,
        data: None,
        created: SystemTime::now(),
        retries: 0,
        milliseconds: 0,
        error: None,
        outcomes: Vec::new(),
        kill_once: false,
    });
    Ok(Answer::json(StatusCode::OK, &job_json(&locked(&job), false)))
}

fn upload(job: &Arc<Mutex<Job>>, request: &Request) -> Result<Answer, Refusal> {
    let mut job = locked(job);
    if job.state != State::Open {
        return Err(Refusal::Own("InvalidJobState", "the job is not open".to_owned()));
    }
    if job.data.is_some() {
        return Err(Refusal::Own("ClientInputError", "the job has its data already".to_owned()));
    }
    job.data = Some(request.body.clone());
    Ok(Answer::empty(StatusCode::CREATED))
}

fn change(
    cloud: &Arc<Cloud>,
    job: &Arc<Mutex<Job>>,
    request: &Request,
    call: &Call,
) -> Result<Answer, Refusal> {
    let asked: Change = serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::Own("JSON_PARSER_ERROR", error.to_string()))?;
    let wrong_state = || Refusal::Own("InvalidJobState", "the job's state does not permit that".to_owned());
    let mut held = locked(job);
    match (asked.state.as_str(), held.state) {
        ("UploadComplete", State::Open) => {
            held.state = State::UploadComplete;
            held.kill_once = call.meets(Kind::TimeLimit);
            tokio::spawn(job::process(Arc::clone(cloud), Arc::clone(job)));
        }
        ("Aborted", State::Open | State::UploadComplete | State::InProgress) => held.state = State::Aborted,
        ("UploadComplete" | "Aborted", _) => return Err(wrong_state()),
        _ => {
            return Err(Refusal::Own(
                "ClientInputError",
                "state has to be UploadComplete or Aborted".to_owned(),
            ));
        }
    }
    Ok(Answer::json(StatusCode::OK, &job_json(&held, false)))
}

fn find(cloud: &Cloud, id: &str) -> Result<Arc<Mutex<Job>>, Refusal> {
    cloud.jobs.get(id).ok_or_else(|| Refusal::NotFound("The requested resource does not exist".to_owned()))
}

fn job_json(job: &Job, with_progress: bool) -> Json {
    let created = stamp(job.created);
    let mut body = json!({
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": "005000000000001AAA",
        "createdDate": created,
        "systemModstamp": created,
        "state": job.state.name(),
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job.version.parse::<f64>().unwrap_or(60.0),
        "contentUrl": format!("services/data/v{}/jobs/ingest/{}/batches", job.version, job.id),
        "lineEnding": if job.crlf { "CRLF" } else { "LF" },
        "columnDelimiter": job.delimiter.0,
        "jobType": "V2Ingest",
    });
    if !job.key.is_empty() {
        body["externalIdFieldName"] = json!(job.key);
    }
    if with_progress {
        body["retries"] = json!(job.retries);
        body["numberRecordsProcessed"] = json!(job.processed());
        body["numberRecordsFailed"] = json!(job.failed());
        body["totalProcessingTime"] = json!(job.milliseconds);
        body["apiActiveProcessingTime"] = json!(job.milliseconds);
        body["apexProcessingTime"] = json!(0);
    }
    if let Some(error) = &job.error {
        body["errorMessage"] = json!(error);
    }
    body
}

fn stamp(at: SystemTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+0000");
    OffsetDateTime::from(at).format(&form).unwrap_or_default()
}

/// One of the three result files. Rows do not come in the order of the upload.
fn results(job: &Arc<Mutex<Job>>, which: &str) -> Result<Answer, Refusal> {
    let job = locked(job).clone();
    let wanted = match which {
        "successfulResults" => Wanted::Successful,
        "failedResults" => Wanted::Failed,
        "unprocessedrecords" | "unprocessedRecords" => Wanted::Unprocessed,
        _ => return Err(Refusal::NotFound("The requested resource does not exist".to_owned())),
    };
    if !job.state.is_terminal() {
        return Err(Refusal::Own("InvalidJobState", "the job has not ended".to_owned()));
    }
    Ok(Answer::new(StatusCode::OK, "text/csv", result_file(&job, wanted)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Successful,
    Failed,
    Unprocessed,
}

fn result_file(job: &Job, wanted: Wanted) -> Vec<u8> {
    let data = job.data.clone().unwrap_or_default();
    let delimiter = job.delimiter.1;
    let mut records = Records::new(&data, delimiter);
    let mut out = Vec::new();
    if !records.next() {
        return out;
    }
    let lead: &[&str] = match wanted {
        Wanted::Successful => &["sf__Id", "sf__Created"],
        Wanted::Failed => &["sf__Id", "sf__Error"],
        Wanted::Unprocessed => &[],
    };
    line(&mut out, job, lead, &records);
    // Every second row comes last, so that no client can rely on the order.
    let mut last = Vec::new();
    let mut index = 0;
    while records.next() {
        let outcome = job.outcomes.get(index).and_then(Option::as_ref);
        let out = if index % 2 == 0 { &mut last } else { &mut out };
        index += 1;
        match (wanted, outcome) {
            (Wanted::Successful, Some(RowResult { key, outcome: Ok(created) })) => {
                let created = if *created { "true" } else { "false" };
                line(out, job, &[&row_id(&job.object, key), created], &records);
            }
            (Wanted::Failed, Some(RowResult { outcome: Err(error), .. })) => {
                let field = error.field.as_deref().unwrap_or_default();
                let text = format!("{}:{}:{field} --", error.code, error.message);
                line(out, job, &["", &text], &records);
            }
            (Wanted::Unprocessed, None) => line(out, job, &[], &records),
            _ => {}
        }
    }
    out.extend_from_slice(&last);
    out
}

fn line(out: &mut Vec<u8>, job: &Job, lead: &[&str], records: &Records<'_>) {
    let own = (0..records.len()).map(|index| records.field(index).unwrap_or_default());
    for (index, field) in lead.iter().copied().chain(own).enumerate() {
        if index > 0 {
            out.push(job.delimiter.1);
        }
        // The result files quote every field.
        if field.is_empty() {
            out.extend_from_slice(b"\"\"")
        } else {
            write_field(out, field, job.delimiter.1)
        }
    }
    out.extend_from_slice(if job.crlf { b"\r\n" } else { b"\n" });
}
