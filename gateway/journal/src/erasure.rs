//! Everything that a client's batches hold is gone, at an operator's word: keys first, then payloads.

use serde::Serialize;

use crate::identity::BatchId;
use crate::ledger::{Ledger, LedgerError};
use crate::machine::{Code, Event};
use crate::recovery::RecoveryError;
use crate::spool::Spool;

/// Why the records of a batch were withdrawn.
const CODE: &str = "purged-by-operator";

/// What was destroyed of a client's, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// Keys of batches were destroyed: payloads are encrypted.
    pub keys: bool,
    /// Batches whose payload is gone, with what the upstream said of it.
    pub payloads: Vec<BatchId>,
    /// Of these, such as were not finished: what of them was pending is cancelled.
    pub unfinished: Vec<BatchId>,
    /// Records that were cancelled.
    pub cancelled: u64,
    /// Batches that are not finished, left as they are because nobody said that they go, too.
    pub kept: Vec<BatchId>,
    /// Batches that are withdrawn, and of which records are on their way at this moment: to be asked for again.
    pub under_way: Vec<BatchId>,
}

/// Destroys the payloads of a client's batches at `now` (unix milliseconds), and the keys that they are encrypted with before
/// (blocking). Receipts stay: they hold no value of a record. A batch that is not finished goes only if `also_unfinished`: what of
/// it is pending is cancelled, and what is in doubt stays so, for an operator to decide, since it cannot be sent again.
///
/// # Errors
/// Spool or ledger cannot be read or written. What was destroyed is; it can be asked for again.
pub fn erase_client(
    spool: &Spool,
    ledger: &Ledger,
    client: &str,
    also_unfinished: bool,
    now: u64,
) -> Result<Erased, RecoveryError> {
    let mut erased = Erased { keys: spool.is_encrypted(), ..Erased::default() };
    let (mut finished, mut in_doubt) = (Vec::new(), Vec::new());
    for (batch, is_finished) in ledger.payloads_of_blocking(client)? {
        if is_finished {
            finished.push(batch);
        } else if !also_unfinished {
            erased.kept.push(batch);
        } else {
            match withdraw(ledger, batch, now, &mut erased.cancelled)? {
                Left::Nothing => finished.push(batch),
                Left::InDoubt => in_doubt.push(batch),
                Left::UnderWay => {
                    erased.under_way.push(batch);
                    continue;
                }
            }
            erased.unfinished.push(batch);
        }
    }
    erased.payloads = [finished.as_slice(), in_doubt.as_slice()].concat();
    spool.destroy_keys(&erased.payloads)?;
    // From here on it is a payload's usual end: what breaks off, retention brings to it.
    spool.leave(&finished);
    ledger.release_blocking(finished, now)?;
    for batch in &erased.payloads {
        spool.remove(*batch)?;
        spool.left(*batch);
    }
    Ok(erased)
}

/// What is left of a batch that was withdrawn.
enum Left {
    /// It is finished.
    Nothing,
    /// Records of which nobody knows what became.
    InDoubt,
    /// Records on their way.
    UnderWay,
}

/// Cancels what is pending of a batch, and ends it if that was all.
fn withdraw(ledger: &Ledger, batch: BatchId, now: u64, cancelled: &mut u64) -> Result<Left, RecoveryError> {
    let apply = |event| match ledger.apply_blocking(batch, ledger.epoch(), now, vec![event]) {
        Ok(applied) => Ok(Some(applied.sums.cancelled)),
        // Delivery was faster: it has come to that by itself.
        Err(LedgerError::Illegal { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let Some(state) = ledger.state_blocking(batch)? else { return Ok(Left::Nothing) };
    if state.closing().is_none() && !state.is_finished() {
        let now_cancelled = apply(Event::Cancelled { code: Code::from(CODE) })?;
        *cancelled += now_cancelled.unwrap_or_default().saturating_sub(state.sums().cancelled);
    }
    let Some(state) = ledger.state_blocking(batch)? else { return Ok(Left::Nothing) };
    if state.chunks().any(|chunk| chunk.state().is_in_flight()) {
        return Ok(Left::UnderWay);
    }
    if !state.is_drained() {
        return Ok(Left::InDoubt);
    }
    if !state.is_finished() {
        // Nobody can say a digest over what was delivered of it when the payload is gone.
        apply(Event::Finished { delivered_digest: None })?;
    }
    Ok(Left::Nothing)
}

#[cfg(test)]
mod tests;
