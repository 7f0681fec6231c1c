//! Bulk ingest jobs: their states, and the work on them in batches of the cloud's own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::time::Instant;

use super::Cloud;
use super::csv_rows::Records;
use super::locked;
use super::model::Ended;
use super::perform::{Order, RowResult, apply, judge};
use super::rows::{Rows, Value};
use super::store::Mode;

/// The text that means null in a bulk upload.
const NULL: &str = "#N/A";

/// Jobs by id.
#[derive(Default)]
pub(super) struct Jobs {
    jobs: Mutex<BTreeMap<String, Arc<Mutex<Job>>>>,
    last: AtomicU64,
}

impl Jobs {
    pub(super) fn add(&self, mut job: Job) -> Arc<Mutex<Job>> {
        job.id = format!("7500000000{:05}AAA", self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let id = job.id.clone();
        let job = Arc::new(Mutex::new(job));
        locked(&self.jobs).insert(id, Arc::clone(&job));
        job
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Mutex<Job>>> {
        locked(&self.jobs).get(id).map(Arc::clone)
    }

    pub(super) fn remove(&self, id: &str) {
        locked(&self.jobs).remove(id);
    }

    pub(super) fn all(&self) -> Vec<Arc<Mutex<Job>>> {
        locked(&self.jobs).values().map(Arc::clone).collect()
    }

    pub(super) fn clear(&self) {
        locked(&self.jobs).clear();
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    UploadComplete,
    InProgress,
    JobComplete,
    Failed,
    Aborted,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            State::Open => "Open",
            State::UploadComplete => "UploadComplete",
            State::InProgress => "InProgress",
            State::JobComplete => "JobComplete",
            State::Failed => "Failed",
            State::Aborted => "Aborted",
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        matches!(self, State::JobComplete | State::Failed | State::Aborted)
    }
}

/// One job.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) object: String,
    pub(super) operation: String,
    /// The external id; empty for operations that have none.
    pub(super) key: String,
    pub(super) delimiter: (&'static str, u8),
    pub(super) crlf: bool,
    pub(super) version: String,
    pub(super) state: State,
    pub(super) data: Option<Bytes>,
    pub(super) created: SystemTime,
    pub(super) retries: u32,
    pub(super) milliseconds: u64,
    pub(super) error: Option<String>,
    /// What became of each row of the upload that was reached.
    pub(super) outcomes: Vec<Option<RowResult>>,
    /// The first batch is stopped at its limit once, whatever it costs.
    pub(super) kill_once: bool,
}

impl Job {
    pub(super) fn processed(&self) -> usize {
        self.outcomes.iter().flatten().count()
    }

    pub(super) fn failed(&self) -> usize {
        self.outcomes.iter().flatten().filter(|result| result.outcome.is_err()).count()
    }
}

/// Works on a job whose upload is complete, until it ends.
pub(super) async fn process(cloud: Arc<Cloud>, job: Arc<Mutex<Job>>) {
    let (data, delimiter, kill_once) = {
        let mut job = locked(&job);
        job.state = State::InProgress;
        (job.data.clone().unwrap_or_default(), job.delimiter.1, job.kill_once)
    };
    let began = Instant::now();
    let ended = work(&cloud, &job, &data, delimiter, kill_once).await;
    let mut job = locked(&job);
    job.milliseconds = began.elapsed().as_millis() as u64;
    match ended {
        Ok(()) if job.state == State::InProgress => job.state = State::JobComplete,
        Ok(()) => {}
        Err(why) => {
            job.state = State::Failed;
            job.error = Some(why);
        }
    }
}

async fn work(
    cloud: &Arc<Cloud>,
    job: &Arc<Mutex<Job>>,
    data: &Bytes,
    delimiter: u8,
    mut kill_once: bool,
) -> Result<(), String> {
    let mut order = order(job);
    let mut records = Records::new(data, delimiter);
    if !records.next() {
        return Err("InvalidBatch : The upload has no header row".to_owned());
    }
    let header: Vec<String> =
        (0..records.len()).map(|index| records.field(index).map(str::to_owned)).collect::<Result<_, _>>()?;
    if order.key.is_empty() {
        order.key = header.iter().find(|name| *name != "Id").cloned().unwrap_or_default();
    }
    if !header.contains(&order.key) {
        return Err(format!("InvalidBatch : Field name not found : {}", order.key));
    }
    loop {
        let (rows, more) = batch(&mut records, &header, cloud.options.bulk_batch)?;
        if !rows.is_empty() {
            let lost = do_batch(cloud, job, rows, &order, &mut kill_once).await?;
            if lost {
                return Ok(());
            }
        }
        if !more {
            return Ok(());
        }
    }
}

/// Does one batch, again where it was stopped at its limit. True if the job was aborted meanwhile.
async fn do_batch(
    cloud: &Arc<Cloud>,
    job: &Arc<Mutex<Job>>,
    rows: Rows,
    order: &Order,
    kill_once: &mut bool,
) -> Result<bool, String> {
    let mut results =
        judge(cloud, &rows, order, false).map_err(|_| "InvalidBatch : a row is not acceptable".to_owned())?;
    let mut first = 0;
    loop {
        let limit = cloud.options.bulk_limit;
        let seconds = cloud.model.cost(rows.len() - first, 0);
        let ended = match std::mem::take(kill_once) {
            true => Ended::Killed(0.5),
            false => cloud.model.work(seconds, Instant::now(), limit).await,
        };
        if locked(job).state != State::InProgress {
            return Ok(true);
        }
        let reached = match ended {
            Ended::Done => rows.len(),
            Ended::Killed(part) => first + ((rows.len() - first) as f64 * part) as usize,
        };
        let written = apply(cloud, &rows, order, &mut results, first..reached);
        let refused = results[first..reached].iter().filter(|result| result.outcome.is_err()).count();
        cloud.calls.add_job(written, refused as u64, u64::from(ended != Ended::Done));
        let mut job = locked(job);
        job.outcomes.extend(results[first..reached].iter().cloned().map(Some));
        first = reached;
        if ended == Ended::Done {
            return Ok(false);
        }
        job.retries += 1;
        if job.retries > cloud.options.bulk_retries {
            let rest = rows.len() - first;
            job.outcomes.extend(std::iter::repeat_n(None, rest));
            return Err(
                "TooManyRetries : a batch was stopped at its processing-time limit too often".to_owned()
            );
        }
    }
}

fn order(job: &Arc<Mutex<Job>>) -> Order {
    let job = locked(job);
    let mut order = Order::replace(&job.object, &job.key);
    order.mode = if job.operation == "insert" { Mode::Add } else { Mode::Merge };
    order.delete = job.operation == "delete";
    order
}

/// The next rows of the upload; false if there are no more behind them.
fn batch(records: &mut Records<'_>, header: &[String], size: usize) -> Result<(Rows, bool), String> {
    let mut rows = Rows::default();
    for (index, name) in header.iter().enumerate() {
        if usize::from(rows.column(name)?) != index {
            return Err(format!("InvalidBatch : Duplicate column : {name}"));
        }
    }
    while rows.len() < size {
        if !records.next() {
            return Ok((rows, false));
        }
        if records.len() != header.len() {
            let number = rows.len() + 1;
            return Err(format!(
                "InvalidBatch : row {number} has {} fields, the header {}",
                records.len(),
                header.len()
            ));
        }
        for (index, name) in header.iter().enumerate() {
            match records.field(index)? {
                "" => {}
                _ if name == "Id" => {}
                NULL => rows.push(index as u16, Value::Null),
                text => rows.push(index as u16, Value::Text(text)),
            }
        }
        rows.end_row()?;
    }
    Ok((rows, true))
}
