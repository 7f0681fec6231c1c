//! Bulk API 2.0 ingest: create, upload, close, poll, and three result files joined to rows by key.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use sekisho_journal::{BatchId, Epoch, Event, Ledger};
use sekisho_liveness::ErrorClass;
use sekisho_upstream::Body;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::chunk::{End, Outgoing, authorize};
use crate::dialect::{Bulk2Spec, Codes, RowProblem, RowProblemKind, Verdict};
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
struct Job {
    id: String,
    state: String,
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
        return Ok(End::Answered(harmless_verdict(outgoing.source.plan.dialect.judge_error(
            answer.status,
            &answer.headers,
            &answer.body,
        ))));
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
    match outgoing.call(|| json(outgoing, Method::PATCH, &path, &closing)).await {
        Ok(answer) if answer.status.is_success() => {}
        // It may be closed or not: the job itself knows.
        Ok(_) | Err(End::Lost { .. } | End::NotSent { .. }) => {}
        Err(end) => return Err(end),
    }
    resolved(outgoing, spec, chunk, &job.id).await
}

/// What became of a job whose outcome was unknown; `chunk` must hold the rows that it was given.
pub(crate) async fn resolve(outgoing: &Outgoing, spec: &Bulk2Spec, chunk: &Measured, id: &str) -> End {
    resolved(outgoing, spec, chunk, id).await.unwrap_or_else(|end| end)
}

async fn resolved(outgoing: &Outgoing, spec: &Bulk2Spec, chunk: &Measured, id: &str) -> Result<End, End> {
    let path = format!("{}/{id}", base(spec));
    let until = Instant::now() + Duration::from_secs(spec.job_seconds);
    let mut wait = Duration::from_millis(spec.poll_initial_ms.max(1));
    let mut failures = 0_u32;
    loop {
        match outgoing.call(|| bare(outgoing, Method::GET, &path, "application/json")).await {
            Ok(answer) if answer.status.is_success() => {
                failures = 0;
                let job: Job = serde_json::from_slice(&answer.body).map_err(|_| lost("answer-unreadable"))?;
                match job.state.as_str() {
                    "Open" => {
                        let end = lost("job-open");
                        return Ok(abandon(outgoing, spec, id, end).await);
                    }
                    "JobComplete" => return results(outgoing, spec, chunk, id, true).await,
                    "Failed" | "Aborted" => return results(outgoing, spec, chunk, id, false).await,
                    _ => {}
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
    Err(End::Answered(dialect.judge_error(answer.status, &answer.headers, &answer.body)))
}

/// Aborts a job that was never closed. Proven aborted, nothing was done and `end` says why it came to that; else nobody
/// can know.
async fn abandon(outgoing: &Outgoing, spec: &Bulk2Spec, id: &str, end: End) -> End {
    let path = format!("{}/{id}", base(spec));
    let aborting = serde_json::json!({ "state": "Aborted" });
    let aborted = match outgoing.call(|| json(outgoing, Method::PATCH, &path, &aborting)).await {
        Ok(answer) if answer.status.is_success() => {
            serde_json::from_slice::<Job>(&answer.body).is_ok_and(|job| job.state == "Aborted")
        }
        _ => false,
    };
    if aborted { harmless(end) } else { lost("job-open") }
}

/// Reads the three result files. A row that stands in none of them has an unknown outcome if the job says that it did
/// all of them (`complete`), and was not looked at if the job was stopped.
async fn results(
    outgoing: &Outgoing,
    spec: &Bulk2Spec,
    chunk: &Measured,
    id: &str,
    complete: bool,
) -> Result<End, End> {
    let mut fates: Vec<Option<RowFate>> = vec![None; chunk.keys.hashes.len()];
    let index: Arc<HashMap<u64, u32>> =
        Arc::new(chunk.keys.hashes.iter().zip(0_u32..).map(|(hash, row)| (*hash, row)).collect());
    for (file, which) in [
        ("successfulResults", Which::Successful),
        ("failedResults", Which::Failed),
        ("unprocessedrecords", Which::Unprocessed),
    ] {
        let path = format!("{}/{id}/{file}", base(spec));
        let token = outgoing.token().await.map_err(|_| lost("job-results"))?;
        let mut request = bare(outgoing, Method::GET, &path, "text/csv")?;
        authorize(request.headers_mut(), token.as_ref());
        let answer = outgoing
            .upstream
            .client()
            .send_streaming(request, outgoing.deadline())
            .await
            .map_err(|error| lost(error.code()))?;
        if !answer.status.is_success() {
            return Err(lost("job-results"));
        }
        let reader = answer.into_reader();
        let (index, keys) = (Arc::clone(&index), chunk.keys.hasher());
        let external_id = spec.external_id.clone();
        let read = tokio::task::spawn_blocking(move || {
            result_rows(reader, &external_id, which, |key| index.get(&keys.hash(key)).copied())
        });
        let rows = read.await.map_err(|_| lost("job-results"))?.map_err(|_| lost("job-results"))?;
        for (row, fate) in rows {
            let slot = usize::try_from(row).ok().and_then(|row| fates.get_mut(row));
            match slot {
                Some(slot) if slot.is_none() => *slot = Some(fate),
                // In two files, or twice in one: the upstream contradicts itself.
                _ => return Err(lost("answer-key")),
            }
        }
    }
    let codes = outgoing.source.plan.dialect.codes();
    Ok(End::Answered(Verdict::Rows(problems(fates, codes, complete))))
}

fn problems(fates: Vec<Option<RowFate>>, codes: &Codes, complete: bool) -> Vec<RowProblem> {
    let problem = |(row, fate): (usize, Option<RowFate>)| {
        let kind = match fate {
            Some(RowFate::Taken) => return None,
            Some(RowFate::Refused { code, field }) => {
                RowProblemKind::Refused { temporary: codes.is_temporary(&code), code, field }
            }
            Some(RowFate::NotDone) => RowProblemKind::NotDone,
            None if complete => RowProblemKind::Unknown,
            None => RowProblemKind::NotDone,
        };
        Some(RowProblem { row: row as u64, kind })
    };
    fates.into_iter().enumerate().filter_map(problem).collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RowFate {
    Taken,
    Refused { code: String, field: Option<String> },
    NotDone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Successful,
    Failed,
    Unprocessed,
}

/// The rows that a result file names, in its order. Rows with a key that was never sent make it no result of this job.
fn result_rows(
    input: impl Read,
    external_id: &str,
    which: Which,
    row_of: impl Fn(&str) -> Option<u32>,
) -> io::Result<Vec<(u32, RowFate)>> {
    let wrong = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut table = crate::csv_table::CsvTable::new(input);
    let mut record: Vec<String> = Vec::new();
    let mut found = Vec::new();
    if !table.next(&mut record)? {
        // No header and no rows: nothing to report.
        return Ok(found);
    }
    let column = |name: &str| record.iter().position(|column| column == name);
    let key = column(external_id).ok_or_else(|| wrong("no key column"))?;
    let error = column("sf__Error");
    while table.next(&mut record)? {
        let cell = |at: usize| record.get(at).map_or("", String::as_str);
        let row = row_of(cell(key)).ok_or_else(|| wrong("a key that was not sent"))?;
        found.push((
            row,
            match which {
                Which::Successful => RowFate::Taken,
                Which::Unprocessed => RowFate::NotDone,
                Which::Failed => refused(error.map_or("", cell)),
            },
        ));
    }
    Ok(found)
}

/// `CODE:text:FIELD --`: the code, and the field where there is one; the text may quote the record and is dropped.
fn refused(error: &str) -> RowFate {
    let code = error.split(':').next().unwrap_or_default().trim();
    let word = |text: &str| {
        !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let field = error.rsplit(':').next().unwrap_or_default().trim().trim_end_matches("--").trim();
    RowFate::Refused {
        code: if word(code) { code.to_owned() } else { "refused".to_owned() },
        field: (field != code && word(field)).then(|| field.to_owned()),
    }
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
