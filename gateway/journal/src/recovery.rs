//! Spool and ledger together, after a start.

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
    let removed = spool.recover(|batch| promised.contains_key(&batch))?;
    let mut damaged = Vec::new();
    // Nobody needs the payload of a finished batch any more, and there may be very many that wait to be removed.
    for batch in promised.into_iter().filter(|(_, finished)| !finished).map(|(batch, _)| batch) {
        match spool.reader(batch) {
            Ok(_) => {}
            // Nobody may take for lost what only the configuration does not give.
            Err(error @ (SpoolError::Io { .. } | SpoolError::Encrypted(_))) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%batch, code = error.code(), %error, "an accepted batch cannot be read");
                damaged.push(batch);
            }
        }
    }
    damaged.sort_unstable();
    Ok(Recovery { removed, damaged })
}

#[cfg(test)]
mod tests;
