//! The `bulk2` dialect: jobs, three result files joined by key, and what is done when a step fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sekisho_delivery::{Bulk2Spec, DialectSpec, PaceSpec, Plan};
use sekisho_journal::Status;
use sekisho_records::{FieldId, Place, Record, Value};
use serde_json::json;

use crate::support::cloud::{csv_rows, key_of};
use crate::support::{Call, Cloud, House, Reply, Table, flat, plan};

pub(crate) const BASE: &str = "/services/data/v60.0/jobs/ingest";

pub(crate) fn bulk_plan() -> Plan {
    let spec = Bulk2Spec {
        version: "60.0".into(),
        object: "attributes".into(),
        external_id: "F001".into(),
        operation: "upsert".into(),
        max_upload_bytes: 1_000_000,
        poll_initial_ms: 2,
        poll_max_ms: 10,
        job_seconds: 30,
        codes: Default::default(),
    };
    let mut plan = plan(DialectSpec::Bulk2(spec));
    plan.pace = PaceSpec { start_rows: 400, ..PaceSpec::default() };
    plan
}

/// Jobs as the cloud keeps them.
#[derive(Clone, Default)]
pub(crate) struct Jobs {
    pub(crate) table: Table,
    pub(crate) jobs: Arc<Mutex<BTreeMap<String, Job>>>,
}

#[derive(Clone, Default)]
pub(crate) struct Job {
    state: &'static str,
    pub(crate) csv: String,
    polls: u32,
    successful: Vec<String>,
    failed: Vec<String>,
    unprocessed: Vec<String>,
}

/// What becomes of a row at the `try_of`th time that it is sent.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Good,
    Bad,
    Left,
}

impl Jobs {
    pub(crate) fn answer(&self, call: &Call, fate: impl Fn(&str) -> Fate) -> Reply {
        let mut jobs = self.jobs.lock().expect("lock");
        let rest = call.path.strip_prefix(BASE).expect("the base path");
        let steps: Vec<&str> = rest.split('/').skip(1).collect();
        let count = jobs.len();
        let mut job = steps.first().and_then(|id| jobs.get_mut(*id));
        match (call.method.as_str(), steps.as_slice()) {
            ("POST", []) => {
                let asked: serde_json::Value = serde_json::from_slice(&call.body).expect("JSON");
                assert_eq!(asked["externalIdFieldName"], "F001");
                assert_eq!((&asked["operation"], &asked["lineEnding"]), (&json!("upsert"), &json!("CRLF")));
                let id = format!("750{count}");
                jobs.insert(id.clone(), Job { state: "Open", ..Job::default() });
                Reply::json(200, json!({"id": id, "state": "Open"}))
            }
            ("PUT", [_, "batches"]) => {
                assert_eq!(call.header("content-type"), "text/csv");
                let job = job.as_mut().expect("a job");
                assert!(job.csv.is_empty() && job.state == "Open");
                job.csv = call.text().to_owned();
                Reply::Answer(201, "text/plain", String::new())
            }
            ("PATCH", [id]) => {
                let asked: serde_json::Value = serde_json::from_slice(&call.body).expect("JSON");
                let job = job.as_mut().expect("a job");
                if asked["state"] == "Aborted" {
                    job.state = "Aborted";
                } else {
                    job.state = "UploadComplete";
                    self.work(job, fate);
                }
                Reply::json(200, json!({"id": id, "state": job.state}))
            }
            ("GET", [id]) => {
                let job = job.as_mut().expect("a job");
                job.polls += 1;
                if job.state == "UploadComplete" && job.polls > 2 {
                    job.state = if job.unprocessed.is_empty() { "JobComplete" } else { "Failed" };
                }
                let processed = job.successful.len() + job.failed.len();
                Reply::json(200, json!({"id": id, "state": job.state, "numberRecordsProcessed": processed}))
            }
            ("GET", [_, file]) => {
                let job = job.as_ref().expect("a job");
                let (lead, rows) = match *file {
                    "successfulResults" => ("sf__Id,sf__Created,", &job.successful),
                    "failedResults" => ("sf__Id,sf__Error,", &job.failed),
                    "unprocessedrecords" => ("", &job.unprocessed),
                    other => panic!("{other}"),
                };
                // Not in the order of the upload.
                let rows: String = rows.iter().rev().map(|row| format!("{row}\n")).collect();
                Reply::Answer(200, "text/csv", format!("{lead}F001,F002,F003\n{rows}"))
            }
            other => panic!("{other:?}"),
        }
    }

    fn work(&self, job: &mut Job, fate: impl Fn(&str) -> Fate) {
        let csv = job.csv.clone();
        for (row, line) in csv_rows(&csv).into_iter().zip(csv.lines().skip(1)) {
            match fate(&key_of(&row)) {
                Fate::Good => {
                    self.table.write(row);
                    job.successful.push(format!("a00,true,{line}"));
                }
                Fate::Bad => job.failed.push(format!(",\"STRING_TOO_LONG:the value, 'x':F002 --\",{line}")),
                Fate::Left => job.unprocessed.push(line.to_owned()),
            }
        }
    }
}

#[tokio::test]
async fn a_job_is_created_filled_closed_polled_and_its_results_joined_by_key() {
    let jobs = Jobs::default();
    let (clouds, tries) = (jobs.clone(), Mutex::new(0));
    let cloud = Cloud::start(move |call| {
        clouds.answer(call, |key| match key {
            "U7" | "U900" => Fate::Bad,
            "U20" => {
                let mut tries = tries.lock().expect("lock");
                *tries += 1;
                if *tries < 2 { Fate::Left } else { Fate::Good }
            }
            _ => Fate::Good,
        })
    })
    .await;
    let mut house = House::new();
    let batch = house.accept(&bulk_plan(), 1_500).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (1_498, 2));
    let errors = house.errors(batch).await;
    let found: Vec<_> = errors.iter().map(|e| (e.position, e.code.as_str(), e.field.as_deref())).collect();
    assert_eq!(found, [(7, "STRING_TOO_LONG", Some("F002")), (900, "STRING_TOO_LONG", Some("F002"))]);
    jobs.table.holds(1_500, &[7, 900], "#N/A");
    assert_eq!(jobs.table.most_writes(), 1);
    let chunks = house.chunks(batch).await;
    assert!(chunks.iter().all(|chunk| chunk.reference().is_some_and(|id| id.starts_with("750"))));
}

#[tokio::test]
async fn jobs_are_rolled_before_their_uploads_are_too_large() {
    let jobs = Jobs::default();
    let clouds = jobs.clone();
    let cloud = Cloud::start(move |call| clouds.answer(call, |_| Fate::Good)).await;
    let mut house = House::new();
    let mut plan = bulk_plan();
    let DialectSpec::Bulk2(spec) = &mut plan.dialect else { unreachable!("a bulk plan") };
    spec.max_upload_bytes = 140_000;
    plan.pace = PaceSpec { fixed_rows: Some(100_000), ..plan.pace };
    let text = "x".repeat(100);
    let batch = house.accept_with(&plan, (0..3_000).map(|n| flat(n, &text))).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    assert_eq!(house.finished(batch).await.sums.delivered, 3_000);
    assert_eq!((jobs.table.len(), jobs.table.most_writes()), (3_000, 1));
    let uploads: Vec<usize> = jobs.jobs.lock().expect("lock").values().map(|job| job.csv.len()).collect();
    assert!(uploads.len() >= 3 && uploads.iter().all(|size| *size <= 140_000), "{uploads:?}");
    assert!(uploads.iter().max() > Some(&70_000), "as large as they may be: {uploads:?}");
}

#[tokio::test]
async fn what_a_cell_cannot_say_is_said_otherwise_or_refused() {
    let jobs = Jobs::default();
    let clouds = jobs.clone();
    let cloud = Cloud::start(move |call| clouds.answer(call, |_| Fate::Good)).await;
    let mut house = House::new();
    let place = Place::default();
    let records =
        [("K0", Some("")), ("K1", None), ("K2", Some("#N/A")), ("", Some("x")), ("K4", Some(" a, \"b\" "))];
    let records = records.into_iter().enumerate().map(|(n, (key, text))| {
        let mut record = Record::new();
        record.start(n as u64 + 1, place);
        record.push(FieldId(0), Value::Text(key), place);
        if let Some(text) = text {
            record.push(FieldId(1), Value::Text(text), place);
        }
        record.push(FieldId(2), Value::Nil, place);
        record
    });
    let batch = house.accept_with(&bulk_plan(), records).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!((done.sums.delivered, done.sums.rejected), (3, 2));
    let errors = house.errors(batch).await;
    let found: Vec<_> = errors.iter().map(|error| (error.position, error.code.as_str())).collect();
    // A text that reads as nil would be another value; a row without a key has no place.
    assert_eq!(found, [(2, "value-reads-as-nil"), (3, "key-missing")]);
    let uploads: String = jobs.jobs.lock().expect("lock").values().map(|job| job.csv.clone()).collect();
    // Empty becomes null, since an empty cell leaves what is there; absent is left as it is.
    for line in ["K0,#N/A,#N/A\r\n", "K1,,#N/A\r\n", "K4,\" a, \"\"b\"\" \",#N/A\r\n"] {
        assert!(uploads.contains(line), "{line}: {uploads}");
    }
}

#[tokio::test]
async fn an_upload_that_was_cut_is_aborted_and_proven_to_have_done_nothing() {
    let jobs = Jobs::default();
    let clouds = jobs.clone();
    let cloud = Cloud::start(move |call| {
        let reply = clouds.answer(call, |_| Fate::Good);
        if call.method == "PUT" && call.number < 4 { Reply::Cut } else { reply }
    })
    .await;
    let mut house = House::new();
    let mut plan = bulk_plan();
    // Even what may not be repeated: the abort is the proof.
    plan.idempotent = false;
    plan.pace.max_in_flight = 1;
    let batch = house.accept(&plan, 300).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 300);
    assert_eq!(jobs.table.most_writes(), 1);
    assert!(jobs.jobs.lock().expect("lock").values().any(|job| job.state == "Aborted"));
}

#[tokio::test]
async fn a_job_whose_answers_were_lost_is_asked_for_not_repeated() {
    let jobs = Jobs::default();
    let clouds = jobs.clone();
    // Closing has its effect; then nothing is answered for a while, polls included.
    let cloud = Cloud::start(move |call| {
        let reply = clouds.answer(call, |_| Fate::Good);
        if (2..16).contains(&call.number) { Reply::Cut } else { reply }
    })
    .await;
    let mut house = House::new();
    let mut plan = bulk_plan();
    plan.idempotent = false;
    plan.pace.max_in_flight = 1;
    // The first chunk may have half of it: all records.
    plan.pace.start_rows = 2_000;
    let batch = house.accept(&plan, 300).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 300);
    assert_eq!(jobs.table.most_writes(), 1);
    assert_eq!(jobs.jobs.lock().expect("lock").len(), 1, "one job only");
}

#[tokio::test]
async fn a_row_that_stands_in_no_result_file_is_in_doubt() {
    let jobs = Jobs::default();
    let clouds = jobs.clone();
    let cloud = Cloud::start(move |call| {
        let reply = clouds.answer(call, |_| Fate::Good);
        match reply {
            Reply::Answer(200, "text/csv", body) => {
                let kept: String = body
                    .lines()
                    .filter(|line| !line.contains(",U5,"))
                    .map(|line| format!("{line}\n"))
                    .collect();
                Reply::Answer(200, "text/csv", kept)
            }
            other => other,
        }
    })
    .await;
    let mut house = House::new();
    let mut plan = bulk_plan();
    plan.idempotent = false;
    let batch = house.accept(&plan, 50).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let view = house.until(batch, |view| view.sums.delivered == 49).await;
    assert_eq!((view.sums.in_doubt, view.status == Status::Finished), (1, false));
}

#[tokio::test]
async fn a_job_that_was_aborted_before_its_rows_arrived_did_nothing() {
    let jobs = Jobs::default();
    let clouds = jobs.clone();
    // The upload never arrives; the abort has its effect, and then its answer is lost.
    let cloud = Cloud::start(move |call| match call.number {
        1 => Reply::Cut,
        2 => {
            clouds.answer(call, |_| Fate::Good);
            Reply::Cut
        }
        _ => clouds.answer(call, |_| Fate::Good),
    })
    .await;
    let mut house = House::new();
    let mut plan = bulk_plan();
    plan.idempotent = false;
    plan.pace.max_in_flight = 1;
    let batch = house.accept(&plan, 300).await;
    let _delivery = house.start(&cloud.endpoint()).await;
    let done = house.finished(batch).await;
    assert_eq!(done.sums.delivered, 300);
    assert_eq!(jobs.table.most_writes(), 1);
}
