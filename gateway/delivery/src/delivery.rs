//! Starting, waking, parking.

use std::collections::BTreeMap;

use sekisho_journal::{Ledger, Spool};
use sekisho_liveness::Board;
use sekisho_upstream::Upstream;
use serde::Serialize;

use crate::metrics::Metrics;

/// Delivers accepted batches.
pub struct Delivery;

/// Why delivery cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read at start: {0}")]
    Ledger(#[from] sekisho_journal::LedgerError),
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
#[derive(Clone, Debug, Default, Serialize)]
pub struct UpstreamStatus {
    /// The upstream's name.
    pub upstream: String,
    /// Batches that are not finished.
    pub open_batches: u64,
    /// Chunks under way.
    pub in_flight: u64,
    /// Nothing is sent until this many milliseconds from now (breaker, Retry-After); 0 when nothing hinders.
    pub paused_ms: u64,
    /// A line per route: how the pace came to its sizes.
    pub pace: BTreeMap<String, String>,
}

/// A handle on running delivery. Cheap to clone.
#[derive(Clone)]
pub struct DeliveryHandle {}

impl Delivery {
    /// Starts a scheduler per upstream on the current tokio runtime, and resumes every open batch.
    pub async fn start(
        ledger: Ledger,
        spool: Spool,
        upstreams: Vec<Upstream>,
        board: Board,
        metrics: Metrics,
    ) -> Result<DeliveryHandle, StartError> {
        let _ = (ledger, spool, upstreams, board, metrics);
        todo!()
    }
}

impl DeliveryHandle {
    /// Something has changed: a batch was accepted, cancelled or decided upon.
    pub fn wake(&self) {
        todo!()
    }

    /// Another set of upstreams after a reload. Chunks under way keep the old one; new chunks take the new one.
    pub fn replace_upstreams(&self, upstreams: Vec<Upstream>) {
        let _ = upstreams;
        todo!()
    }

    /// Opens no more chunks, waits for those under way, at most `grace`; what then is still under way is written down as
    /// in doubt. Returns how many chunks that were.
    pub async fn park(&self, grace: std::time::Duration) -> u64 {
        let _ = grace;
        todo!()
    }

    /// What delivery is doing, one entry per upstream.
    pub fn status(&self) -> Vec<UpstreamStatus> {
        todo!()
    }
}
