//! Bulk API 2.0 ingest: create, upload, close, poll, and three result files joined to rows by key.

mod course;
mod results;

use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
#[cfg(feature = "failpoints")]
use sekisho_journal::failpoints::{self, Point};
use sekisho_journal::{BatchId, Epoch, Event, Ledger};
use sekisho_liveness::ErrorClass;
use sekisho_upstream::{Answer, Body};
use tokio::time::{Instant, sleep};

use self::course::lost;
pub use self::course::{JobAnswer, JobCourse, JobStep};
use crate::chunk::{End, Outgoing};
use crate::dialect::Bulk2Spec;
use crate::encode::{self, Measured};
use crate::plan::PlanError;

/// What a result file may have beside each row as it was sent, in bytes: an id, an error in prose.
const MOST_BESIDE_ROW: u64 = 4 * 1024;

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

/// Delivers a chunk as one job, or finds out what became of the job with the handle `ask`, which was given these rows.
pub(crate) async fn deliver(
    outgoing: &Outgoing,
    spec: &Bulk2Spec,
    chunk: &Arc<Measured>,
    notary: &Notary,
    ask: Option<String>,
) -> End {
    let began = Instant::now();
    let mut course = JobCourse::new(Arc::clone(&outgoing.source.plan), spec, Arc::clone(chunk), ask);
    loop {
        let answer = match carry_out(outgoing, spec, chunk, notary, &mut course).await {
            Ok(answer) => answer,
            Err(end) => JobAnswer::Ended(end),
        };
        if let Some(end) = course.told(began.elapsed(), answer) {
            // Before the ledger has the outcome: whoever sees that finds what was said.
            if let Some(keep) = &outgoing.keep {
                keep.results(course.said()).await;
            }
            return end;
        }
    }
}

async fn carry_out(
    outgoing: &Outgoing,
    spec: &Bulk2Spec,
    chunk: &Measured,
    notary: &Notary,
    course: &mut JobCourse,
) -> Result<JobAnswer, End> {
    let all = base(spec);
    let this = format!("{all}/{}", course.id());
    let change = |state: &str| serde_json::json!({ "state": state });
    #[cfg(feature = "failpoints")]
    let reached = reached(&course.step());
    let answer = match course.step() {
        JobStep::Create => {
            let create = serde_json::json!({
                "object": spec.object, "operation": spec.operation, "externalIdFieldName": spec.external_id,
                "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "CRLF",
            });
            outgoing.call("job-create", || json(outgoing, Method::POST, &all, &create)).await?
        }
        JobStep::Note(id) => {
            notary.sent(&id).await?;
            #[cfg(feature = "failpoints")]
            failpoints::pass(Point::JobNoted);
            return Ok(JobAnswer::Done);
        }
        JobStep::Upload => upload(outgoing, chunk, &format!("{this}/batches")).await?,
        JobStep::Close => {
            outgoing
                .call("job-close", || json(outgoing, Method::PATCH, &this, &change("UploadComplete")))
                .await?
        }
        JobStep::Abort => {
            outgoing.call("job-abort", || json(outgoing, Method::PATCH, &this, &change("Aborted"))).await?
        }
        JobStep::Look => {
            outgoing.call("job-state", || bare(outgoing, Method::GET, &this, "application/json")).await?
        }
        JobStep::Wait(wait) => {
            sleep(wait).await;
            return Ok(JobAnswer::Done);
        }
        JobStep::Fetch(file) => {
            let fetched = fetch(outgoing, spec, chunk, course, file).await?;
            #[cfg(feature = "failpoints")]
            failpoints::pass(Point::JobFetched);
            return Ok(fetched);
        }
    };
    #[cfg(feature = "failpoints")]
    if let Some(reached) = reached {
        failpoints::pass(reached);
    }
    let Answer { status, headers, body, .. } = answer;
    Ok(JobAnswer::Answered { status, headers, body: body.to_vec() })
}

/// Where a job is when the step's call has been answered.
#[cfg(feature = "failpoints")]
fn reached(step: &JobStep) -> Option<Point> {
    match step {
        JobStep::Create => Some(Point::JobCreated),
        JobStep::Upload => Some(Point::JobUploaded),
        JobStep::Close => Some(Point::JobClosed),
        _ => None,
    }
}

async fn upload(outgoing: &Outgoing, chunk: &Measured, path: &str) -> Result<Answer, End> {
    let dialect = &outgoing.source.plan.dialect;
    let request = || {
        let call = dialect.call(outgoing.upstream.endpoint(), &outgoing.batch, outgoing.number, "", None)?;
        let mut request = call.request;
        *request.uri_mut() = target(outgoing, path)?;
        let records = chunk.records.clone();
        Ok(request.map(|()| encode::body(&outgoing.source, records, chunk.bytes, call.framing)))
    };
    outgoing.call("job-upload", request).await
}

/// Reads a result file while it comes.
async fn fetch(
    outgoing: &Outgoing,
    spec: &Bulk2Spec,
    chunk: &Measured,
    course: &mut JobCourse,
    file: &str,
) -> Result<JobAnswer, End> {
    // Each field may come back in quotes, and each quote doubled.
    let limit = 64 * 1024 + 3 * chunk.bytes + MOST_BESIDE_ROW * chunk.rows;
    let path = format!("{}/{}/{file}", base(spec), course.id());
    let answer = outgoing
        .call_streaming("job-results", || bare(outgoing, Method::GET, &path, "text/csv"), limit)
        .await?;
    if !answer.status.is_success() {
        return Err(lost("job-results"));
    }
    let reader = answer.into_reader();
    let (mut joined, which) = course.joining().ok_or_else(|| lost("job-results"))?;
    let (keys, external_id) = (chunk.keys.hasher(), spec.external_id.clone());
    let read = tokio::task::spawn_blocking(move || {
        joined.read(reader, &external_id, which, |key| keys.hash(key)).map(|()| joined)
    });
    course.joined(read.await.map_err(|_| lost("job-results"))??);
    Ok(JobAnswer::Done)
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
