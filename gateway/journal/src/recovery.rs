//! Spool and ledger together: after a start, and when payloads are no longer needed.

use crate::identity::BatchId;
use crate::ledger::{Ledger, LedgerError};
use crate::spool::{Spool, SpoolError};

/// What was found at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Folders of batches that nobody was promised: removed.
    pub removed: Vec<BatchId>,
    /// Acknowledged batches whose payload is missing or damaged: they cannot be delivered, and an operator must know.
    pub damaged: Vec<BatchId>,
}

/// Spool or ledger failed.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl RecoveryError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Spool(error) => error.code(),
            Self::Ledger(error) => error.code(),
        }
    }
}

/// To be called once, after both are opened and before anything is taken in (blocking): removes every folder that no
/// acknowledged batch owns (unsealed, sealed but never accepted, or finished and released), and looks whether the
/// payload of each batch that is not finished is sealed and its index authentic. Segments are checked as they are
/// read.
///
/// # Errors
/// Spool or ledger cannot be read or written.
pub fn recover(spool: &Spool, ledger: &Ledger) -> Result<Recovery, RecoveryError> {
    let promised = ledger.with_payload_blocking()?;
    let removed = spool.recover(&promised)?;
    let mut damaged = Vec::new();
    for batch in promised {
        match spool.reader(batch) {
            Ok(_) => {}
            Err(error @ SpoolError::Io { .. }) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%batch, code = error.code(), %error, "an accepted batch cannot be read");
                damaged.push(batch);
            }
        }
    }
    damaged.sort_unstable();
    Ok(Recovery { removed, damaged })
}

/// Removes the payloads of at most `limit` batches that finished before `finished_before`, and forgets at most `limit`
/// idempotency keys whose time is over at `now` (blocking; times in unix milliseconds). The rows stay. Returns the
/// batches.
///
/// Each batch is a small transaction that shares the disk with whatever else is written, so that acceptance goes on.
///
/// # Errors
/// Spool or ledger cannot be written. What was removed until then is; the rest can be tried again.
pub fn purge(
    spool: &Spool,
    ledger: &Ledger,
    finished_before: u64,
    limit: u32,
    now: u64,
) -> Result<Vec<BatchId>, RecoveryError> {
    let removed = release(spool, ledger, None, finished_before, limit, now)?;
    ledger.forget_keys_blocking(now, limit)?;
    Ok(removed)
}

/// [`purge`] for the payloads of one route, whose grace may be its own; keys are left alone.
///
/// # Errors
/// As [`purge`].
pub fn purge_route(
    spool: &Spool,
    ledger: &Ledger,
    route: &str,
    finished_before: u64,
    limit: u32,
    now: u64,
) -> Result<Vec<BatchId>, RecoveryError> {
    release(spool, ledger, Some(route), finished_before, limit, now)
}

fn release(
    spool: &Spool,
    ledger: &Ledger,
    route: Option<&str>,
    finished_before: u64,
    limit: u32,
    now: u64,
) -> Result<Vec<BatchId>, RecoveryError> {
    let mut removed = Vec::new();
    for batch in ledger.releasable_blocking(route, finished_before, limit)? {
        // First the row: a folder without one is removed at the next start, a row without a folder would be a loss.
        if ledger.release_blocking(batch, now)? {
            spool.remove(batch)?;
            removed.push(batch);
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests;
