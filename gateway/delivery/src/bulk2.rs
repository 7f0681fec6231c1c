//! Bulk API 2.0 ingest: create, upload, close, poll, and three result files joined to rows by key.

mod results;

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use sekisho_journal::{BatchId, Epoch, Event, Ledger};
use sekisho_liveness::ErrorClass;
use sekisho_upstream::{Answer, Body};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use self::results::results;
use crate::chunk::{End, Outgoing};
use crate::dialect::{Bulk2Spec, Verdict};
use crate::encode::{self, Measured};
use crate::plan::PlanError;

/// Writes a chunk's handle into the ledger, before anything depends on it.
pub(crate) struct Notary {
    pub(crate) ledger: Ledger,
    pub(crate) batch: BatchId,
    pub(crate) epoch: Epoch,
    pub(crate) chunk: u64,
    pub(crate) now: fn() -> u64,
}

impl Notary {
    async fn sent(&self, reference: &str) -> Result<(), End> {
        let event = Event::ChunkSent { chunk: self.chunk, reference: Some(reference.to_owned()) };
        let written = self.ledger.apply(self.batch, self.epoch, (self.now)(), vec![event]).await;
        written.map(|_| ()).map_err(|error| End::NotSent {
            code: error.code().to_owned(),
            class: ErrorClass::Infrastructure,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    id: String,
    state: String,
    /// Rows that were looked at, good and bad.
    #[serde(default)]
    number_records_processed: Option<u64>,
}

/// Delivers a chunk as one job.
pub(crate) async fn deliver(outgoing: &Outgoing, spec: &Bulk2Spec, chunk: &Measured, notary: &Notary) -> End {
    job(outgoing, spec, chunk, notary).await.unwrap_or_else(|end| end)
}

async fn job(outgoing: &Outgoing, spec: &Bulk2Spec, chunk: &Measured, notary: &Notary) -> Result<End, End> {
    let base = base(spec);
    let create = serde_json::json!({
        "object": spec.object, "operation": spec.operation, "externalIdFieldName": spec.external_id,
        "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "CRLF",
    });
    let created = outgoing.call(|| json(outgoing, Method::POST, &base, &create)).await;
    // A job that nobody has closed does nothing: whatever became of this call, no record has had an effect.
    let answer = created.map_err(harmless)?;
    if !answer.status.is_success() {
        return Ok(harmless(refusal(outgoing, &answer)));
    }
    let job: Job = serde_json::from_slice(&answer.body).map_err(|_| not_done("answer-unreadable"))?;
    if job.id.is_empty() || job.id.len() > 64 || !job.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(not_done("answer-job-id"));
    }
    notary.sent(&job.id).await?;
    match upload(outgoing, spec, chunk, &job.id).await {
        Ok(()) => {}
        // Not closed, so nothing is done unless the abort comes too late, which it cannot: nobody else closes it.
        Err(end) => return Ok(abandon(outgoing, spec, &job.id, end).await),
    }
    let closing = serde_json::json!({ "state": "UploadComplete" });
    let path = format!("{base}/{}", job.id);
    // It may be closed or not: the job itself knows. If not, this is why.
    let open = match outgoing.call(|| json(outgoing, Method::PATCH, &path, &closing)).await {
        Ok(answer) if answer.status.is_success() => lost("job-open"),
        Ok(answer) => refusal(outgoing, &answer),
        Err(end) => end,
    };
    resolved(outgoing, spec, chunk, &job.id, open).await
}

/// What became of a job whose outcome was unknown; `chunk` must hold the rows that it was given.
pub(crate) async fn resolve(outgoing: &Outgoing, spec: &Bulk2Spec, chunk: &Measured, id: &str) -> End {
    resolved(outgoing, spec, chunk, id, lost("job-open")).await.unwrap_or_else(|end| end)
}

/// Waits for the end of a job. `open` says why it came to that if it was never closed.
async fn resolved(
    outgoing: &Outgoing,
    spec: &Bulk2Spec,
    chunk: &Measured,
    id: &str,
    open: End,
) -> Result<End, End> {
    let path = format!("{}/{id}", base(spec));
    let until = Instant::now() + Duration::from_secs(spec.job_seconds);
    let mut wait = Duration::from_millis(spec.poll_initial_ms.max(1));
    let mut failures = 0_u32;
    loop {
        match outgoing.call(|| bare(outgoing, Method::GET, &path, "application/json")).await {
            Ok(answer) if answer.status.is_success() => {
                failures = 0;
                let job: Job = serde_json::from_slice(&answer.body).map_err(|_| lost("answer-unreadable"))?;
                if job.id != id {
                    return Err(lost("answer-job-id"));
                }
                match job.state.as_str() {
                    "Open" => return Ok(abandon(outgoing, spec, id, open).await),
                    "JobComplete" | "Failed" | "Aborted" => {
                        return results(outgoing, spec, chunk, &job).await;
                    }
                    "UploadComplete" | "InProgress" => {}
                    _ => return Err(lost("answer-job-state")),
                }
            }
            Ok(answer) if answer.status.as_u16() == 404 => return Err(lost("job-gone")),
            // The job goes on without us; asking again changes nothing.
            Ok(_) | Err(_) => {
                failures += 1;
                if failures >= 10 {
                    return Err(lost("job-unreachable"));
                }
            }
        }
        if Instant::now() + wait >= until {
            return Err(End::Lost { code: "job-timeout".to_owned(), timeout: true });
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_millis(spec.poll_max_ms.max(1)));
    }
}

async fn upload(outgoing: &Outgoing, spec: &Bulk2Spec, chunk: &Measured, id: &str) -> Result<(), End> {
    let path = format!("{}/{id}/batches", base(spec));
    let dialect = &outgoing.source.plan.dialect;
    let answer = outgoing
        .call(|| {
            let call = dialect.call(outgoing.upstream.endpoint(), &outgoing.batch, outgoing.number, None)?;
            let mut request = call.request;
            *request.uri_mut() = target(outgoing, &path)?;
            let records = chunk.records.clone();
            Ok(request.map(|()| encode::body(&outgoing.source, records, chunk.bytes, call.framing)))
        })
        .await?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(refusal(outgoing, &answer))
}

/// What a call of a job that was refused means.
fn refusal(outgoing: &Outgoing, answer: &Answer) -> End {
    let dialect = &outgoing.source.plan.dialect;
    End::Answered(dialect.judge_error(answer.status, &answer.headers, &answer.body))
}

/// Aborts a job that was never closed. Proven aborted, nothing was done and `end` says why it came to that; else nobody
/// can know.
async fn abandon(outgoing: &Outgoing, spec: &Bulk2Spec, id: &str, end: End) -> End {
    let path = format!("{}/{id}", base(spec));
    let aborting = serde_json::json!({ "state": "Aborted" });
    let aborted = match outgoing.call(|| json(outgoing, Method::PATCH, &path, &aborting)).await {
        Ok(answer) if answer.status.is_success() => serde_json::from_slice::<Job>(&answer.body)
            .is_ok_and(|job| job.state == "Aborted" && job.id == id),
        _ => false,
    };
    if aborted { harmless(end) } else { lost("job-open") }
}

/// The same end, for a call that cannot have had an effect on a record.
fn harmless(end: End) -> End {
    match end {
        End::Lost { code, .. } => End::NotSent { code, class: ErrorClass::Infrastructure },
        End::Answered(verdict) => End::Answered(harmless_verdict(verdict)),
        other => other,
    }
}

fn harmless_verdict(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Unknown(code) | Verdict::TimeLimit(code) => {
            Verdict::Later { code, wait: None, quota: false }
        }
        // A job's own request is not about the records in it.
        Verdict::Data { code, certain: false } => Verdict::Misuse(code),
        other => other,
    }
}

fn lost(code: &str) -> End {
    End::Lost { code: code.to_owned(), timeout: false }
}

fn not_done(code: &str) -> End {
    End::NotSent { code: code.to_owned(), class: ErrorClass::Infrastructure }
}

fn base(spec: &Bulk2Spec) -> String {
    format!("/services/data/v{}/jobs/ingest", spec.version)
}

fn target(outgoing: &Outgoing, path: &str) -> Result<http::Uri, PlanError> {
    outgoing.upstream.endpoint().target(path).ok_or_else(|| PlanError::Setting {
        key: "dialect.version",
        reason: "cannot stand in a request line".to_owned(),
    })
}

fn bare(
    outgoing: &Outgoing,
    method: Method,
    path: &str,
    accept: &'static str,
) -> Result<Request<Body>, PlanError> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = target(outgoing, path)?;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    Ok(request)
}

fn json(
    outgoing: &Outgoing,
    method: Method,
    path: &str,
    content: &serde_json::Value,
) -> Result<Request<Body>, PlanError> {
    let mut request = bare(outgoing, method, path, "application/json")?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = Body::full(content.to_string());
    Ok(request)
}

#[cfg(test)]
mod tests;
