//! Jobs: a chunk that goes in several calls, each of which can go wrong, and works in the cloud while nobody waits.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use sekisho_delivery::dispatch::{Sending, TaskId};
use sekisho_delivery::signals::Signals;
use sekisho_delivery::{End, JobAnswer, JobCourse, JobStep};
use sekisho_journal::Event;
use sekisho_liveness::ErrorClass;
use serde_json::json;

use crate::cloud::{self, NOT_REACHED, Row, RowEnd};
use crate::world::{Broken, Happening, World, tell};

/// How long a call is on its way at most, when the line is good, and when it is not.
const LINE: Duration = Duration::from_millis(50);
const SLOW_LINE: Duration = Duration::from_millis(900);

/// Parts in which the cloud does a job.
const PARTS: u8 = 4;

/// A chunk under way as a job, as the gateway knows it.
pub(crate) struct Course {
    pub(crate) sending: Sending,
    course: JobCourse,
    began: Duration,
    /// The call whose answer is waited for.
    call: u64,
    /// Calls made.
    calls: u64,
    /// Where it stands in what the cloud was asked for.
    asked: usize,
}

/// A job, as the cloud knows it.
#[derive(Debug)]
pub(crate) struct CloudJob {
    route: usize,
    rows: Vec<Row>,
    ends: Vec<RowEnd>,
    state: State,
    /// Closing calls in the network.
    closings: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    UploadComplete,
    InProgress,
    JobComplete,
    Failed,
    Aborted,
}

/// A call about a job, on its way to the cloud.
#[derive(Debug)]
pub(crate) struct JobCall {
    incarnation: u64,
    task: TaskId,
    call: u64,
    route: usize,
    job: String,
    step: JobStep,
    rows: Vec<Row>,
}

impl CloudJob {
    /// It may yet have an effect on the record.
    pub(crate) fn may_take(&self, payload: usize, position: u64) -> bool {
        let works = match self.state {
            State::UploadComplete | State::InProgress => true,
            State::Open => self.closings > 0,
            _ => false,
        };
        let mut rows = self.rows.iter().zip(&self.ends);
        works
            && rows
                .any(|(row, end)| (row.payload, row.position) == (payload, position) && *end == NOT_REACHED)
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::JobComplete | State::Failed | State::Aborted)
    }

    pub(crate) fn is_at_work(&self) -> bool {
        matches!(self.state, State::UploadComplete | State::InProgress) || self.closings > 0
    }

    fn show(&self, id: &str) -> Vec<u8> {
        let processed = self.ends.iter().filter(|end| **end != NOT_REACHED).count();
        let state = format!("{:?}", self.state);
        json!({"id": id, "state": state, "numberRecordsProcessed": processed}).to_string().into_bytes()
    }

    fn file(&self, which: &str) -> Vec<u8> {
        let (lead, wanted): (&str, fn(&RowEnd) -> Option<String>) = match which {
            "successfulResults" => {
                ("sf__Id,sf__Created,", |end| (*end == RowEnd::Taken).then(|| "a1,true,".into()))
            }
            "failedResults" => ("sf__Id,sf__Error,", |end| match end {
                RowEnd::Refused(code) if *end != NOT_REACHED => Some(format!(",{code}:refused:K --,")),
                _ => None,
            }),
            _ => ("", |end| (*end == NOT_REACHED).then(String::new)),
        };
        let mut file = format!("{lead}K,V\r\n");
        // Not in the order of the upload.
        for (row, end) in self.rows.iter().zip(&self.ends).rev() {
            if let Some(lead) = wanted(end) {
                file += &format!("{lead}{},{}\r\n", row.key, cloud::value(row.payload, row.position));
            }
        }
        file.into_bytes()
    }
}

impl World {
    /// A chunk goes as a job, or a job is asked for.
    pub(crate) fn begin(&mut self, sending: Sending, course: JobCourse) -> Result<(), Broken> {
        let (task, began) = (sending.task(), self.now);
        let Some(&payload) = self.batches.get(&sending.batch()) else {
            return Err("a job of no batch".into());
        };
        let asked = self.count_job(self.truths[payload].route)?;
        if let Some(gateway) = &mut self.gateway {
            gateway.courses.insert(task, Course { sending, course, began, call: 0, calls: 0, asked });
        }
        self.advance(task)
    }

    /// The next step of a job, until one has to be waited for.
    fn advance(&mut self, task: TaskId) -> Result<(), Broken> {
        loop {
            let incarnation = self.incarnation;
            self.counted.requests += 1;
            let call = self.counted.requests;
            let Some(gateway) = &mut self.gateway else { return Ok(()) };
            let Some(course) = gateway.courses.get_mut(&task) else { return Ok(()) };
            course.call = call;
            let (batch, chunk, step) = (course.sending.batch(), course.sending.chunk(), course.course.step());
            tell!(self, "job {:?} of chunk {chunk} of {batch}", step);
            match step {
                JobStep::Note(id) => {
                    let fails = self.chance(self.faults.ledger);
                    let sent = [Event::ChunkSent { chunk, reference: Some(id) }];
                    let answer = self.write(batch, self.wall(), &sent, fails)?;
                    let answer = match answer {
                        sekisho_delivery::dispatch::Answer::Written => JobAnswer::Done,
                        _ => JobAnswer::Ended(not_sent("ledger-storage")),
                    };
                    if self.over_for(task, answer) {
                        return Ok(());
                    }
                }
                JobStep::Wait(wait) => {
                    let answer = JobAnswer::Done;
                    self.plan(
                        self.now + wait,
                        Happening::JobTold { incarnation, task, call, answer, file: None },
                    );
                    return Ok(());
                }
                step => return self.call_job(task, call, step),
            }
        }
    }

    fn call_job(&mut self, task: TaskId, call: u64, step: JobStep) -> Result<(), Broken> {
        let incarnation = self.incarnation;
        let Some(course) = self.gateway.as_mut().and_then(|gateway| gateway.courses.get_mut(&task)) else {
            return Ok(());
        };
        course.calls += 1;
        let asked = course.asked;
        let (batch, job) = (course.sending.batch(), course.course.id().to_owned());
        let course_records = course.sending.records();
        let Some(&payload) = self.batches.get(&batch) else { return Err("a job of no batch".into()) };
        let route = self.truths[payload].route;
        self.count_call_of(asked);
        let told = |answer| Happening::JobTold { incarnation, task, call, answer, file: None };
        let mut rows = Vec::new();
        if step == JobStep::Upload {
            let known = self
                .gateway
                .as_ref()
                .and_then(|gateway| Some((gateway.courses.get(&task)?, gateway.readers.get(&batch)?)));
            let Some((course, reader)) = known else {
                return Err("a job is uploaded from no payload".into());
            };
            match course.sending.body(&self.endpoint, reader) {
                Ok(body) => {
                    let dialect = &self.scenario.routes[route].plan.dialect;
                    rows = cloud::read(dialect, &body)
                        .map_err(|error| format!("an upload that is none: {error}"))?;
                    self.expect_rows(payload, course_records, &rows)?;
                    self.count_rows(route, rows.len() as u64)?;
                }
                Err(code) => {
                    self.soon(LINE, told(JobAnswer::Ended(not_sent(code))));
                    return Ok(());
                }
            }
        }
        if self.chance(self.faults.no_line) {
            self.soon(LINE, told(JobAnswer::Ended(not_sent("upstream-connect"))));
            return Ok(());
        }
        let deadline = self.scenario.routes[route].plan.pace.deadline();
        self.plan(self.now + deadline, told(JobAnswer::Ended(lost(true))));
        if self.chance(self.faults.cut_before) {
            self.soon(LINE, told(JobAnswer::Ended(lost(false))));
            return Ok(());
        }
        if step == JobStep::Close
            && let Some(job) = self.jobs.get_mut(&job)
        {
            job.closings += 1;
        }
        let cut = self.chance(self.faults.cut_at_work);
        if cut {
            // While it is on its way: it arrives all the same.
            self.soon(LINE, told(JobAnswer::Ended(lost(false))));
        }
        let line = if cut || self.chance(self.faults.slow_line) { SLOW_LINE } else { LINE };
        let on_its_way = JobCall { incarnation, task, call, route, job, step, rows };
        self.soon(line, Happening::JobArrive(Box::new(on_its_way)));
        Ok(())
    }

    /// A call about a job reaches the cloud.
    pub(crate) fn arrive_for_job(&mut self, called: JobCall) {
        let JobCall { incarnation, task, call, route, job: id, step, rows } = called;
        let told = |answer, file| Happening::JobTold { incarnation, task, call, answer, file };
        let refused = |status: u16, code: &str| JobAnswer::Answered {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
            headers: HeaderMap::new(),
            body: json!([{"errorCode": code, "message": "no"}]).to_string().into_bytes(),
        };
        if step == JobStep::Close
            && let Some(job) = self.jobs.get_mut(&id)
        {
            job.closings -= 1;
        }
        if self.chance(self.faults.later) {
            return self.soon(LINE, told(refused(503, "SERVER_UNAVAILABLE"), None));
        }
        let mut file = None;
        let body = if step == JobStep::Create {
            let id = format!("75000{:05}AAA", self.jobs.len() + 1);
            let job = CloudJob { route, rows: Vec::new(), ends: Vec::new(), state: State::Open, closings: 0 };
            let body = job.show(&id);
            self.jobs.insert(id, job);
            body
        } else {
            // A job that is over is kept as long as the cloud likes.
            let over = self.jobs.get(&id).is_none_or(|job| job.is_over());
            let gone = over && step == JobStep::Look && self.chance(self.faults.nonsense);
            let Some(job) = self.jobs.get_mut(&id).filter(|_| !gone) else {
                return self.soon(LINE, told(refused(404, "NOT_FOUND"), None));
            };
            match (&step, job.state) {
                (JobStep::Upload, State::Open) => {
                    job.ends = vec![NOT_REACHED; rows.len()];
                    job.rows = rows;
                    Vec::new()
                }
                (JobStep::Close, State::Open) => {
                    job.state = State::UploadComplete;
                    let body = job.show(&id);
                    self.work_on(&id);
                    body
                }
                (JobStep::Abort, State::Open | State::UploadComplete | State::InProgress) => {
                    job.state = State::Aborted;
                    job.show(&id)
                }
                (JobStep::Look, _) => job.show(&id),
                (JobStep::Fetch(which), State::JobComplete | State::Failed | State::Aborted) => {
                    file = Some(job.file(which));
                    Vec::new()
                }
                _ => return self.soon(LINE, told(refused(400, "INVALIDJOBSTATE"), None)),
            }
        };
        if self.chance(self.faults.cut_after.max(self.faults.hang)) {
            if !self.chance(self.faults.hang) {
                self.soon(LINE, told(JobAnswer::Ended(lost(false)), None));
            }
            return;
        }
        let body = if self.chance(self.faults.nonsense) && file.is_none() {
            b"<html>ok</html>".to_vec()
        } else {
            body
        };
        let answer = JobAnswer::Answered { status: StatusCode::OK, headers: HeaderMap::new(), body };
        self.soon(LINE, told(answer, file));
    }

    /// The cloud works on a job that was closed.
    fn work_on(&mut self, id: &str) {
        let slow = self.chance(self.faults.slow_cloud);
        let takes = Duration::from_millis(self.random.u64(10..1_500)) * if slow { 20 } else { 1 };
        // A job may fail with rows that it never came to.
        let last = if slow { self.random.u8(0..PARTS) } else { PARTS };
        for part in 0..=last.min(PARTS - 1) {
            let at = self.now + takes * u32::from(part + 1);
            self.plan(at, Happening::JobWork { job: id.to_owned(), part, fails: part == last });
        }
    }

    /// The cloud has done a part of a job.
    pub(crate) fn worked(&mut self, id: &str, part: u8, fails: bool) -> Result<(), Broken> {
        let Some(job) = self.jobs.get_mut(id) else { return Ok(()) };
        if !matches!(job.state, State::UploadComplete | State::InProgress) {
            return Ok(());
        }
        job.state = if fails { State::Failed } else { State::InProgress };
        if fails {
            return Ok(());
        }
        let cut = |part: u8| job.rows.len() * usize::from(part) / usize::from(PARTS);
        let (range, route, rows) = (cut(part)..cut(part + 1), job.route, job.rows.clone());
        for at in range {
            let row = &rows[at];
            let content = &self.truths[row.payload].records[row.position as usize];
            let bad = content.bad[row.row] || content.poison;
            let locked = self.chance(self.faults.lock);
            let end = cloud::judge(bad, locked);
            if end == RowEnd::Taken {
                self.effect(route, row)?;
            }
            if let Some(job) = self.jobs.get_mut(id) {
                job.ends[at] = end;
            }
        }
        if let Some(job) = self.jobs.get_mut(id).filter(|_| part + 1 == PARTS) {
            job.state = State::JobComplete;
        }
        Ok(())
    }

    /// The gateway hears of a step of a job, if it is the one that took it and has heard nothing before.
    pub(crate) fn told(
        &mut self,
        incarnation: u64,
        task: TaskId,
        call: u64,
        answer: JobAnswer,
        file: Option<Vec<u8>>,
    ) -> Result<(), Broken> {
        if incarnation != self.incarnation {
            return Ok(());
        }
        let course = self.gateway.as_mut().and_then(|gateway| gateway.courses.get_mut(&task));
        let Some(course) = course.filter(|course| course.call == call) else { return Ok(()) };
        let answer = match file {
            Some(file) => course.course.read_file(&file[..]),
            None => answer,
        };
        if self.over_for(task, answer) { Ok(()) } else { self.advance(task) }
    }

    /// Whether that was the job's end; then the dispatcher is told.
    fn over_for(&mut self, task: TaskId, answer: JobAnswer) -> bool {
        let now = self.moment();
        let Some(gateway) = &mut self.gateway else { return true };
        let Some(course) = gateway.courses.get_mut(&task) else { return true };
        let Some(end) = course.course.told(self.now - course.began, answer) else { return false };
        gateway.dispatcher.heard(now, task, course.calls, Signals::default());
        let asked = course.asked;
        gateway.courses.remove(&task);
        gateway.dispatcher.ended(now, task, &end);
        self.exchange_is_over(asked);
        tell!(self, "the job is over: {end:?}");
        true
    }
}

fn lost(timeout: bool) -> End {
    let code = if timeout { "upstream-timeout" } else { "upstream-cut" };
    End::Lost { code: code.into(), timeout }
}

fn not_sent(code: &str) -> End {
    End::NotSent { code: code.into(), class: ErrorClass::Line }
}
