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
/// acknowledged batch owns (unsealed, sealed but never accepted, or finished and released), and checks that the
/// payload of each acknowledged batch is sealed and whole at its head.
///
/// # Errors
/// Spool or ledger cannot be read or written.
pub fn recover(spool: &Spool, ledger: &Ledger) -> Result<Recovery, RecoveryError> {
    let _ = (spool, ledger);
    todo!()
}

/// Removes the payloads of at most `limit` batches that finished before `finished_before` (blocking). The rows stay.
/// Returns those removed.
///
/// # Errors
/// Spool or ledger cannot be written.
pub fn purge(
    spool: &Spool,
    ledger: &Ledger,
    finished_before: u64,
    limit: u32,
    now: u64,
) -> Result<Vec<BatchId>, RecoveryError> {
    let _ = (spool, ledger, finished_before, limit, now);
    todo!()
}
