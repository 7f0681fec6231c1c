//! The course of a job, pure: which call comes next, and what its answer means.
//!
//! ```text
//!   Create ─► Note ─► Upload ─► Close ─► Look ⇄ Wait ─► Fetch ×3 ─► over
//!                        └────────► Abort ◄─┘ (never closed)
//!                                     └─► Look (was it closed after all?)
//! ```
//! A job that nobody has closed does nothing. Its handle is written down before it is closed, so that whoever comes later
//! can ask for it.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use sekisho_journal::RowAnswer;
use sekisho_liveness::ErrorClass;
use serde::Deserialize;

use super::results::{Joined, Which};
use crate::chunk::End;
use crate::dialect::{Bulk2Spec, Verdict};
use crate::encode::Measured;
use crate::plan::CompiledPlan;

/// Looks that may fail one after the other.
const MOST_FAILURES: u32 = 10;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) state: String,
    /// Rows that were looked at, good and bad.
    #[serde(default)]
    pub(super) number_records_processed: Option<u64>,
}

/// What is to be done next for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStep {
    /// Create it.
    Create,
    /// Write its handle into the ledger.
    Note(String),
    /// Upload the rows.
    Upload,
    /// Close it: from now on it works.
    Close,
    /// Ask how it stands.
    Look,
    /// Wait, and then look.
    Wait(Duration),
    /// Read a result file.
    Fetch(&'static str),
    /// Abort it, which was never closed.
    Abort,
}

/// What came of a step.
#[derive(Debug)]
pub enum JobAnswer {
    /// The upstream answered.
    Answered {
        /// The status.
        status: StatusCode,
        /// The header fields.
        headers: HeaderMap,
        /// The body.
        body: Vec<u8>,
    },
    /// It did not: how the exchange ended.
    Ended(End),
    /// The handle is in the ledger, the wait is over, or the file was read.
    Done,
}

/// A job under way, or one that is asked for.
pub struct JobCourse {
    plan: Arc<CompiledPlan>,
    spec: Bulk2Spec,
    chunk: Arc<Measured>,
    id: String,
    step: JobStep,
    /// Why nothing was done, if it turns out that it was never closed.
    open: End,
    /// It was told to abort, and has.
    aborted: bool,
    wait: Duration,
    until: Duration,
    failures: u32,
    job: Option<Job>,
    joined: Option<Joined>,
    /// What the files say of each row, once all are read.
    said: Vec<RowAnswer>,
}

impl JobCourse {
    /// A chunk as one job, or the job with this handle that was given it.
    pub(crate) fn new(
        plan: Arc<CompiledPlan>,
        spec: &Bulk2Spec,
        chunk: Arc<Measured>,
        ask: Option<String>,
    ) -> Self {
        let step = if ask.is_some() { JobStep::Look } else { JobStep::Create };
        let awaited = plan.plan.answer.is_some();
        Self {
            plan,
            spec: spec.clone(),
            joined: Some(Joined::new(&chunk, awaited)),
            said: Vec::new(),
            chunk,
            id: ask.unwrap_or_default(),
            step,
            open: lost("job-open"),
            aborted: false,
            wait: Duration::from_millis(spec.poll_initial_ms.max(1)),
            until: Duration::ZERO,
            failures: 0,
            job: None,
        }
    }

    /// What to do next.
    pub fn step(&self) -> JobStep {
        self.step.clone()
    }

    /// The job's handle, once there is one.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What came of the step, `now` (since the chunk was begun). The end, if that was the last one.
    pub fn told(&mut self, now: Duration, answer: JobAnswer) -> Option<End> {
        self.next(now, answer).unwrap_or_else(Some)
    }

    fn next(&mut self, now: Duration, answer: JobAnswer) -> Result<Option<End>, End> {
        self.step = match self.step.clone() {
            JobStep::Create => {
                // A job that nobody has closed does nothing: whatever became of this call, no record has had an effect.
                let body = self.succeeded(answer).map_err(harmless)?;
                let job: Job = serde_json::from_slice(&body).map_err(|_| not_done("answer-unreadable"))?;
                let named = !job.id.is_empty() && job.id.len() <= 64;
                if !named || !job.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    return Err(not_done("answer-job-id"));
                }
                self.id.clone_from(&job.id);
                JobStep::Note(job.id)
            }
            JobStep::Note(_) => match answer {
                JobAnswer::Ended(end) => return Err(end),
                _ => JobStep::Upload,
            },
            JobStep::Upload => match self.succeeded(answer) {
                Ok(_) => JobStep::Close,
                // Not closed, so that nothing is done.
                Err(end) => {
                    self.open = end;
                    JobStep::Abort
                }
            },
            JobStep::Close => {
                // It may be closed or not: the job itself knows. If not, this is why.
                if let Err(end) = self.succeeded(answer) {
                    self.open = end;
                }
                self.until = now + Duration::from_secs(self.spec.job_seconds);
                JobStep::Look
            }
            JobStep::Look => self.looked(now, answer)?,
            JobStep::Wait(_) => JobStep::Look,
            JobStep::Fetch(file) => {
                if let JobAnswer::Ended(end) = answer {
                    // The rows were sent long before: that this call was not says nothing of them.
                    return Err(match end {
                        End::NotSent { code, .. } => lost(&code),
                        other => other,
                    });
                }
                match Which::after(file) {
                    Some(next) => JobStep::Fetch(next.file()),
                    None => return self.read().map(Some),
                }
            }
            JobStep::Abort => {
                let body = self.succeeded(answer).map_err(|_| lost("job-open"))?;
                let job: Option<Job> = serde_json::from_slice(&body).ok();
                if !job.is_some_and(|job| job.state == "Aborted" && job.id == self.id) {
                    return Err(lost("job-open"));
                }
                // A closing call that seemed lost may have come between: the job knows how far it got.
                self.aborted = true;
                JobStep::Look
            }
        };
        Ok(None)
    }

    /// How the job stands.
    fn looked(&mut self, now: Duration, answer: JobAnswer) -> Result<JobStep, End> {
        if self.until.is_zero() {
            self.until = now + Duration::from_secs(self.spec.job_seconds);
        }
        match answer {
            JobAnswer::Answered { status, body, .. } if status.is_success() => {
                self.failures = 0;
                let job: Job = serde_json::from_slice(&body).map_err(|_| lost("answer-unreadable"))?;
                if job.id != self.id {
                    return Err(lost("answer-job-id"));
                }
                match job.state.as_str() {
                    "Open" if !self.aborted => return Ok(JobStep::Abort),
                    "Open" => return Err(lost("job-open")),
                    "Aborted" if self.aborted && job.number_records_processed == Some(0) => {
                        return Err(harmless(self.open.clone()));
                    }
                    "JobComplete" | "Failed" | "Aborted" => {
                        self.job = Some(job);
                        return Ok(JobStep::Fetch(Which::Successful.file()));
                    }
                    "UploadComplete" | "InProgress" => {}
                    _ => return Err(lost("answer-job-state")),
                }
            }
            JobAnswer::Answered { status, .. } if status == StatusCode::NOT_FOUND => {
                return Err(lost("job-gone"));
            }
            // The job goes on without us; asking again changes nothing.
            _ => {
                self.failures += 1;
                if self.failures >= MOST_FAILURES {
                    return Err(lost("job-unreachable"));
                }
            }
        }
        let wait = self.wait;
        if now + wait >= self.until {
            return Err(End::Lost { code: "job-timeout".to_owned(), timeout: true });
        }
        self.wait = (wait * 2).min(Duration::from_millis(self.spec.poll_max_ms.max(1)));
        Ok(JobStep::Wait(wait))
    }

    /// The body of an answer that is no refusal; else what the refusal means.
    fn succeeded(&self, answer: JobAnswer) -> Result<Vec<u8>, End> {
        match answer {
            JobAnswer::Answered { status, body, .. } if status.is_success() => Ok(body),
            JobAnswer::Answered { status, headers, body } => {
                Err(End::Answered(self.plan.dialect.judge_error(status, &headers, &body)))
            }
            JobAnswer::Ended(end) => Err(end),
            JobAnswer::Done => Ok(Vec::new()),
        }
    }

    /// What the job's files say of each row, in the order of the rows, where a client awaits that.
    pub(super) fn said(&mut self) -> Vec<RowAnswer> {
        std::mem::take(&mut self.said)
    }

    /// What is read into while a file is fetched; to be given back by [`JobCourse::joined`].
    pub(super) fn joining(&mut self) -> Option<(Joined, Which)> {
        let JobStep::Fetch(file) = self.step else { return None };
        Some((self.joined.take()?, Which::named(file)?))
    }

    pub(super) fn joined(&mut self, joined: Joined) {
        self.joined = Some(joined);
    }

    /// Reads a result file whole (blocking): the answer to [`JobStep::Fetch`].
    pub fn read_file(&mut self, file: impl Read) -> JobAnswer {
        let Some((mut joined, which)) = self.joining() else { return JobAnswer::Ended(lost("job-results")) };
        let keys = self.chunk.keys.hasher();
        match joined.read(file, &self.spec.external_id, which, |key| keys.hash(key)) {
            Ok(()) => {
                self.joined(joined);
                JobAnswer::Done
            }
            Err(error) => JobAnswer::Ended(error.into()),
        }
    }

    fn read(&mut self) -> Result<End, End> {
        let (Some(mut joined), Some(job)) = (self.joined.take(), self.job.take()) else {
            return Err(lost("job-results"));
        };
        let said = joined.said.take().into_iter().flatten().map(|(number, (taken, text))| {
            let (position, row) = self.chunk.record_of(u64::from(number));
            RowAnswer { position, row, taken, text }
        });
        let mut said: Vec<RowAnswer> = said.collect();
        said.sort_unstable_by_key(|row| (row.position, row.row));
        self.said = self.chunk.whole(said);
        let problems = joined.problems(self.plan.dialect.codes(), &job);
        Ok(End::Answered(Verdict::Rows(problems)))
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

pub(super) fn lost(code: &str) -> End {
    End::Lost { code: code.to_owned(), timeout: false }
}

fn not_done(code: &str) -> End {
    End::NotSent { code: code.to_owned(), class: ErrorClass::Infrastructure }
}
