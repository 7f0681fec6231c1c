//! What every exchange shares.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use sekisho_journal::{Ledger, Spool};
use sekisho_liveness::Board;
use tokio::sync::Semaphore;

use crate::metrics::Metrics;

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
    /// How many bodies may be read at once; the others wait their turn, unread.
    pub uploads: Arc<Semaphore>,
    /// Called once a batch is in the ledger, or has been cancelled: delivery has something to do.
    pub wake: Box<dyn Fn() + Send + Sync>,
    repetitions: Mutex<HashSet<String>>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Gateway {
    /// Joins the stores; `uploads` is how many bodies may be read at once.
    pub fn new(
        spool: Spool,
        ledger: Ledger,
        board: Board,
        metrics: Metrics,
        uploads: usize,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let uploads = Arc::new(Semaphore::new(uploads));
        Self { spool, ledger, board, metrics, uploads, wake, repetitions: Mutex::default() }
    }

    /// Marks a request's idempotency key as under way; `None` when it is already.
    pub(crate) fn begin(self: &Arc<Self>, client: &str, route: &str, key: &str) -> Option<UnderWay> {
        let name = format!("{client}\n{route}\n{key}");
        let mut keys = self.repetitions.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(name.clone()).then(|| UnderWay { gateway: Arc::clone(self), name })
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
