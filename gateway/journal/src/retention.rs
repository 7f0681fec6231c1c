//! What belongs to finished batches goes when its time is over: payloads first, receipts later.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(feature = "failpoints")]
use crate::failpoints::{self, Point};
use crate::identity::BatchId;
use crate::ledger::{Ledger, LedgerError};
#[cfg(feature = "planted")]
use crate::planted::{Bug, is as is_planted};
use crate::recovery::RecoveryError;
use crate::spool::{Spool, SpoolError};

/// Payloads of a route that one call removes at the most: one transaction, and some 40 ms in which a busy file system has
/// less time for others.
const PAYLOADS: u32 = 16;
/// Rows of a route's batches that one call removes at the most, in one transaction: some milliseconds in which nobody else
/// can write.
const ROWS: u64 = 500;

/// Payloads that are released and still there, at the most: where so many cannot be removed, no more are released.
const MOST_LEAVING: usize = 1_024;

/// How long what belongs to a finished batch is kept, in milliseconds after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Its payload.
    pub payload: u64,
    /// Its receipt, with everything else that the ledger has of it; for good where absent. Never shorter than the payload.
    pub receipt: Option<u64>,
}

/// How long what belongs to finished batches is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// By route.
    pub routes: BTreeMap<String, Keep>,
    /// Of routes that are not (any more) among these.
    pub others: Keep,
}

impl Retention {
    fn of(&self, route: &str) -> Keep {
        self.routes.get(route).copied().unwrap_or(self.others)
    }
}

/// What a ledger is asked for what has had its time: the embedded one answers as its methods of these names say, blocking.
pub trait Removable {
    /// The routes that any batch has.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn routes(&self) -> Result<BTreeSet<String>, LedgerError>;

    /// At most `limit` batches of a route that finished before `finished_before` and whose payload is still there, with when
    /// they did, the longest finished first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    fn releasable(
        &self,
        route: &str,
        finished_before: u64,
        limit: u32,
    ) -> Result<Vec<(BatchId, u64)>, LedgerError>;

    /// Writes down that these payloads go. Returns those that may: also those of which that was written down before.
    ///
    /// # Errors
    /// The ledger cannot be written; whether it was all the same, nobody may know.
    fn release(&self, batches: Vec<BatchId>, at: u64) -> Result<Vec<BatchId>, LedgerError>;

    /// Removes at most `most` rows of the route's batches that finished before `finished_before` and whose payload is gone.
    /// Returns how many batches are gone, and whether there may be more to remove.
    ///
    /// # Errors
    /// The ledger cannot be written.
    fn forget(
        &self,
        route: &str,
        finished_before: u64,
        now: u64,
        most: u64,
    ) -> Result<(u64, bool), LedgerError>;

    /// Forgets at most `limit` names of repeated requests. Returns how many.
    ///
    /// # Errors
    /// The ledger cannot be written.
    fn forget_names(&self, now: u64, limit: u32) -> Result<u64, LedgerError>;
}

impl Removable for Ledger {
    fn routes(&self) -> Result<BTreeSet<String>, LedgerError> {
        self.routes_blocking()
    }

    fn releasable(
        &self,
        route: &str,
        finished_before: u64,
        limit: u32,
    ) -> Result<Vec<(BatchId, u64)>, LedgerError> {
        self.releasable_blocking(route, finished_before, limit)
    }

    fn release(&self, batches: Vec<BatchId>, at: u64) -> Result<Vec<BatchId>, LedgerError> {
        self.release_blocking(batches, at)
    }

    fn forget(
        &self,
        route: &str,
        finished_before: u64,
        now: u64,
        most: u64,
    ) -> Result<(u64, bool), LedgerError> {
        self.forget_blocking(route, finished_before, now, most)
    }

    fn forget_names(&self, now: u64, limit: u32) -> Result<u64, LedgerError> {
        self.forget_keys_blocking(now, limit)
    }
}

/// How much of a route one call removes at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Payloads.
    pub payloads: u32,
    /// Rows of the ledger.
    pub rows: u64,
}

impl Default for Slice {
    fn default() -> Self {
        Self { payloads: PAYLOADS, rows: ROWS }
    }
}

/// What one call has removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// Batches whose payload is gone; their receipts stay.
    pub payloads: Vec<BatchId>,
    /// How many batches are gone altogether.
    pub receipts: u64,
    /// Keys and other names of repeated requests that are forgotten.
    pub names: u64,
    /// There may be more to remove.
    pub more: bool,
    /// By how much (in milliseconds) the payload was late that had waited the longest.
    pub late: u64,
}

/// Removes some of what has had its time at `now` (unix milliseconds), and forgets names of repeated requests whose time is
/// over (blocking). One call is a few short transactions, between which others write; who calls again and again rests in
/// between, so that acceptance goes on. The totals of the ledger keep what they have counted.
///
/// # Errors
/// Spool or ledger cannot be written. What was removed until then is; the rest can be tried again. Payloads that may have
/// been released, and are still there, the spool remembers: the next call looks at them first.
pub fn purge(
    spool: &Spool,
    ledger: &Ledger,
    retention: &Retention,
    now: u64,
) -> Result<Purged, RecoveryError> {
    purge_slice(spool, ledger, retention, now, Slice::default())
}

/// [`purge`] in slices of another size, and of another ledger.
///
/// # Errors
/// As [`purge`].
pub fn purge_slice(
    spool: &Spool,
    ledger: &impl Removable,
    retention: &Retention,
    now: u64,
    slice: Slice,
) -> Result<Purged, RecoveryError> {
    let mut purged = Purged::default();
    // What an earlier call could not bring to its end, where the ledger or the disk failed it.
    let mut failed = remove_released(spool, ledger, spool.leaving(), now, &mut purged)?;
    for route in ledger.routes()? {
        let keep = retention.of(&route);
        #[cfg(feature = "planted")]
        let keep = Keep { payload: if is_planted(Bug::PayloadTooEarly) { 0 } else { keep.payload }, ..keep };
        let before = now.saturating_sub(keep.payload);
        let room = MOST_LEAVING.saturating_sub(spool.leaving().len());
        let limit = slice.payloads.min(u32::try_from(room).unwrap_or(u32::MAX));
        let over = if limit == 0 { Vec::new() } else { ledger.releasable(&route, before, limit)? };
        purged.more |= limit > 0 && over.len() == limit as usize;
        if let Some((_, finished)) = over.first() {
            purged.late = purged.late.max(before.saturating_sub(*finished));
            let over: Vec<BatchId> = over.into_iter().map(|(batch, _)| batch).collect();
            spool.leave(&over);
            let error = remove_released(spool, ledger, over, now, &mut purged)?;
            failed = failed.or(error);
        }
        if let Some(receipt) = keep.receipt {
            #[cfg(feature = "planted")]
            let receipt = if is_planted(Bug::ReceiptTooEarly) { 0 } else { receipt };
            let before = now.saturating_sub(receipt.max(keep.payload));
            let (batches, more) = ledger.forget(&route, before, now, slice.rows)?;
            purged.receipts += batches;
            purged.more |= more;
        }
    }
    let names = u32::try_from(slice.rows).unwrap_or(u32::MAX);
    purged.names = ledger.forget_names(now, names)?;
    purged.more |= purged.names == u64::from(names);
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(purged),
    }
}

/// Releases the payloads that are to go and removes their folders: first the rows, since a folder without one is a trifle, and
/// a row without a folder would be a loss. What remains of them stays in the spool's memory; what could not be removed does
/// not keep the others, and the first error of that kind is what is returned.
fn remove_released(
    spool: &Spool,
    ledger: &impl Removable,
    leaving: Vec<BatchId>,
    now: u64,
    purged: &mut Purged,
) -> Result<Option<SpoolError>, RecoveryError> {
    if leaving.is_empty() {
        return Ok(None);
    }
    let released = match ledger.release(leaving.clone(), now) {
        Ok(released) => released,
        Err(error) => {
            #[cfg(feature = "planted")]
            if is_planted(Bug::ReleasedForgotten) {
                leaving.into_iter().for_each(|batch| spool.left(batch));
            }
            return Err(error.into());
        }
    };
    // The others have no end yet: they may not go, whoever thought so.
    leaving.into_iter().filter(|batch| !released.contains(batch)).for_each(|batch| spool.left(batch));
    let mut failed = None;
    for batch in released {
        #[cfg(feature = "failpoints")]
        failpoints::pass(Point::PayloadReleased);
        match spool.remove(batch) {
            Ok(()) => {
                #[cfg(feature = "failpoints")]
                failpoints::pass(Point::PayloadRemoved);
                spool.left(batch);
                purged.payloads.push(batch);
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Ok(failed)
}

#[cfg(test)]
mod tests;
