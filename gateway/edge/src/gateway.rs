//! What every exchange shares.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_exchanges::ExchangeLog;
use sekisho_journal::{BatchId, Ledger, Spool};
use sekisho_liveness::Board;

use crate::admission::{Admission, Shared, relays};
use crate::body::LeastRate;
use crate::metrics::Metrics;
use crate::rates::Rates;
use crate::stock::Coming;

/// The stores and shared state behind all listeners.
pub struct Gateway {
    /// Where records lie.
    pub spool: Spool,
    /// Where batches are accounted for.
    pub ledger: Ledger,
    /// The state of every hop.
    pub board: Board,
    /// The counters.
    pub metrics: Metrics,
    /// Where every exchange is put on record.
    pub log: ExchangeLog,
    /// The places of bodies that are read.
    pub(crate) uploads: Shared,
    /// Requests that are answered at once.
    pub(crate) requests: Shared,
    pub(crate) rates: Rates,
    /// What is on its way into the spool.
    pub(crate) coming: Arc<Coming>,
    /// The memory of relays.
    pub(crate) relays: Arc<Shared>,
    /// How slowly a body may come.
    pub(crate) least_rate: LeastRate,
    /// Called once a batch is in the ledger, or has been cancelled: delivery has something to do.
    pub wake: Box<dyn Fn() + Send + Sync>,
    repetitions: Mutex<HashSet<String>>,
    unsure: Mutex<Vec<BatchId>>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Gateway {
    /// Joins the stores; `admission` is what requests may take at once, or how many bodies may be read.
    pub fn new(
        spool: Spool,
        ledger: Ledger,
        board: Board,
        metrics: Metrics,
        admission: impl Into<Admission>,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let admission = admission.into();
        Self {
            spool,
            ledger,
            board,
            metrics,
            log: ExchangeLog::default(),
            uploads: Shared::new(admission.uploads, admission.client_uploads),
            requests: Shared::new(admission.requests, admission.client_requests),
            rates: Rates::default(),
            coming: Arc::default(),
            relays: relays(&admission),
            least_rate: admission.least_rate,
            wake,
            repetitions: Mutex::default(),
            unsure: Mutex::default(),
        }
    }

    /// Puts every exchange on record there.
    pub fn recording(self, log: ExchangeLog) -> Self {
        Self { log, ..self }
    }

    /// How many more bodies could be read at this moment.
    pub fn free_uploads(&self) -> usize {
        self.uploads.free()
    }

    /// How much more memory relays could have at this moment, in KiB.
    pub fn free_relay_kib(&self) -> usize {
        self.relays.free()
    }

    /// Marks a request's idempotency key as under way; `None` when it is already.
    pub(crate) fn begin(self: &Arc<Self>, client: &str, route: &str, key: &str) -> Option<UnderWay> {
        let name = format!("{client}\n{route}\n{key}");
        let mut keys = self.repetitions.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(name.clone()).then(|| UnderWay { gateway: Arc::clone(self), name })
    }

    /// The ledger has failed so that nobody knows whether it has this batch. Its payload stays until that is known: then it is
    /// delivered, or removed. (What is still unknown at the end, the next start finds out.)
    pub(crate) fn unsure(self: &Arc<Self>, batch: BatchId) {
        let mut unsure = self.unsure.lock().unwrap_or_else(PoisonError::into_inner);
        unsure.push(batch);
        if unsure.len() == 1 {
            tokio::spawn(Arc::clone(self).make_sure());
        }
    }

    /// Asks until the ledger knows all of them. A transaction that has failed is over, and cannot come to be after a crash any
    /// more, once a later one is committed: that has taken its place in the log.
    async fn make_sure(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let asked = self.unsure.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if self.ledger.keep_pace("made-sure", "{}".to_owned()).await.is_err() {
                continue;
            }
            let mut known = HashSet::new();
            for batch in asked {
                match self.ledger.batch(batch).await {
                    Ok(Some(_)) => (self.wake)(),
                    Ok(None) => discard(&self.spool, batch).await,
                    Err(_) => continue,
                }
                known.insert(batch);
            }
            let mut unsure = self.unsure.lock().unwrap_or_else(PoisonError::into_inner);
            unsure.retain(|batch| !known.contains(batch));
            if unsure.is_empty() {
                return;
            }
        }
    }
}

/// How often the ledger is asked for what it may have.
const LOOK: Duration = Duration::from_secs(1);

/// Removes a payload that no batch in the ledger needs. What stays behind, the next start removes.
pub(crate) async fn discard(spool: &Spool, id: BatchId) {
    let spool = spool.clone();
    let removed = tokio::task::spawn_blocking(move || spool.remove(id)).await;
    if !matches!(removed, Ok(Ok(()))) {
        tracing::warn!(batch = %id, "a payload that is not needed could not be removed");
    }
}

/// A request with an idempotency key, until it is answered.
#[derive(Debug)]
pub(crate) struct UnderWay {
    gateway: Arc<Gateway>,
    name: String,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut keys = self.gateway.repetitions.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&self.name);
    }
}

/// The present in unix milliseconds, as the ledger keeps time.
pub fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_is_in_milliseconds() {
        // Between 2020 and 2200, whatever the unit is taken for.
        assert!((1_577_836_800_000..7_258_118_400_000).contains(&now_millis()));
    }
}
