//! Starting, waking, parking.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_journal::{BatchView, Digest, Ledger, LedgerError, Spool};
use sekisho_liveness::Board;
use sekisho_upstream::Upstream;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::plan::Plan;
use crate::scheduler::{Controls, Scheduler, Shared};

/// Delivers accepted batches.
pub struct Delivery;

/// Why delivery cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read at start: {0}")]
    Ledger(#[from] LedgerError),
}

impl StartError {
    /// Stable, kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ledger(error) => error.code(),
        }
    }
}

/// What delivery is doing for one upstream, for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UpstreamStatus {
    /// The upstream's name.
    pub upstream: String,
    /// Batches that are not finished.
    pub open_batches: u64,
    /// Batches with records that the spool cannot give (damaged, missing): held for an operator.
    pub unreadable_batches: u64,
    /// Chunks under way.
    pub in_flight: u64,
    /// Nothing is sent until this many milliseconds from now (breaker, Retry-After); 0 when nothing hinders.
    pub paused_ms: u64,
    /// A line per route: how the pace came to its sizes.
    pub pace: BTreeMap<String, String>,
}

/// A handle on running delivery. Cheap to clone.
#[derive(Clone)]
pub struct DeliveryHandle {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Shared,
    lanes: Mutex<BTreeMap<String, Lane>>,
    parked: watch::Sender<Option<Instant>>,
}

/// One upstream's scheduler, from outside.
struct Lane {
    wake: Arc<Notify>,
    upstream: watch::Sender<Upstream>,
    status: Arc<Mutex<UpstreamStatus>>,
    task: Option<JoinHandle<u64>>,
}

impl Delivery {
    /// Starts a scheduler per upstream on the current tokio runtime, and resumes every open batch. To be called after
    /// `sekisho_journal::recover`.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn start(
        ledger: Ledger,
        spool: Spool,
        upstreams: Vec<Upstream>,
        board: Board,
        metrics: Metrics,
    ) -> Result<DeliveryHandle, StartError> {
        let open = ledger.open_batches().await?;
        if !open.is_empty() {
            tracing::info!(batches = open.len(), "resuming open batches");
        }
        name_orphans(&ledger, &open, &upstreams).await?;
        let shared = Shared { ledger, spool, board, metrics, now: unix_millis };
        let (parked, _) = watch::channel(None);
        let handle = DeliveryHandle { inner: Arc::new(Inner { shared, lanes: Mutex::default(), parked }) };
        handle.replace_upstreams(upstreams);
        Ok(handle)
    }
}

/// Says which open batches nobody will deliver, because their upstream is no longer configured.
async fn name_orphans(
    ledger: &Ledger,
    open: &[BatchView],
    upstreams: &[Upstream],
) -> Result<(), LedgerError> {
    let mut gone: BTreeMap<Digest, Option<String>> = BTreeMap::new();
    for batch in open {
        if let Entry::Vacant(unseen) = gone.entry(batch.plan) {
            let plan = ledger.plan(batch.plan).await?.and_then(|json| Plan::from_json(&json).ok());
            let upstream = plan.map(|plan| plan.upstream);
            let known =
                upstream.as_deref().is_some_and(|name| upstreams.iter().any(|one| one.name() == name));
            unseen.insert(upstream.filter(|_| !known));
        }
        if let Some(Some(upstream)) = gone.get(&batch.plan) {
            tracing::error!(
                batch = %batch.id, upstream,
                "an open batch waits for an upstream that is not configured: configure it again, or cancel the batch"
            );
        }
    }
    Ok(())
}

impl DeliveryHandle {
    /// Something has changed: a batch was accepted, cancelled or decided upon.
    pub fn wake(&self) {
        for lane in self.inner.lanes().values() {
            lane.wake.notify_one();
        }
    }

    /// Another set of upstreams after a reload. Chunks under way keep the old one; new chunks take the new one.
    /// Upstreams that are gone are served until their open batches are through.
    pub fn replace_upstreams(&self, upstreams: Vec<Upstream>) {
        let mut lanes = self.inner.lanes();
        for upstream in upstreams {
            let name = upstream.name().to_owned();
            match lanes.get(&name) {
                Some(lane) => {
                    lane.upstream.send_replace(upstream);
                    lane.wake.notify_one();
                }
                None => {
                    lanes.insert(name.clone(), self.inner.lane(name, upstream));
                }
            }
        }
    }

    /// Opens no more chunks, waits for those under way, at most `grace`; what then is still under way is written down as
    /// in doubt. Returns how many chunks that were. Delivery does not start again.
    pub async fn park(&self, grace: Duration) -> u64 {
        self.inner.parked.send_replace(Some(Instant::now() + grace));
        let tasks: Vec<JoinHandle<u64>> =
            self.inner.lanes().values_mut().filter_map(|lane| lane.task.take()).collect();
        let mut left = 0;
        for task in tasks {
            match task.await {
                Ok(count) => left += count,
                Err(error) => tracing::error!(%error, "a scheduler broke off"),
            }
        }
        left
    }

    /// What delivery is doing, one entry per upstream.
    pub fn status(&self) -> Vec<UpstreamStatus> {
        let lanes = self.inner.lanes();
        lanes
            .values()
            .map(|lane| lane.status.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect()
    }
}

impl Inner {
    fn lanes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lane(&self, name: String, upstream: Upstream) -> Lane {
        let wake = Arc::new(Notify::new());
        let status =
            Arc::new(Mutex::new(UpstreamStatus { upstream: name.clone(), ..UpstreamStatus::default() }));
        let (sender, receiver) = watch::channel(upstream);
        let controls = Controls {
            wake: Arc::clone(&wake),
            upstream: receiver,
            parked: self.parked.subscribe(),
            status: Arc::clone(&status),
        };
        let task = tokio::spawn(Scheduler::new(name, self.shared.clone(), controls).run());
        Lane { wake, upstream: sender, status, task: Some(task) }
    }
}

fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
