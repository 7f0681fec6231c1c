//! What has had its time is removed, in slices, by the gateway's own rules; and nothing else is.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use sekisho_journal::{
    BatchId, Disk, Epoch, Keep, LedgerError, Purged, RecoveryError, Removable, Retention, Spool, SpoolError,
    purge_slice,
};

use crate::ledger::{ModelLedger, Refusal};
use crate::world::{Broken, DATA_KEYS, Happening, World, tell};

/// How often something to remove is looked for, and where things take days.
const LOOK: Duration = Duration::from_secs(10);
const LOOK_OF_DAYS: Duration = Duration::from_secs(6 * 3_600);

/// How long after a removal the next one follows, when there is more.
const REST: Duration = Duration::from_millis(400);

/// Longer than anything is kept, in milliseconds.
const LONGEST: u64 = 1_000_000;

/// The ledger of one owner, which fails as told.
struct Owned<'l> {
    ledger: RefCell<&'l mut ModelLedger>,
    epoch: Epoch,
    fails: Option<RefCell<fastrand::Rng>>,
}

impl Owned<'_> {
    fn deed<T>(&self, deed: impl FnOnce(&mut ModelLedger) -> Result<T, Refusal>) -> Result<T, LedgerError> {
        let failed = || LedgerError::Storage { what: "removing", problem: "as told".into() };
        // Before it is done, or when it is, and nobody knows.
        let fails = self.fails.as_ref().map(|random| random.borrow_mut().u8(..4));
        if fails == Some(0) {
            return Err(failed());
        }
        let done = deed(&mut self.ledger.borrow_mut()).map_err(|_| failed())?;
        if fails == Some(1) { Err(failed()) } else { Ok(done) }
    }
}

impl Removable for Owned<'_> {
    fn routes(&self) -> Result<BTreeSet<String>, LedgerError> {
        self.deed(|ledger| Ok(ledger.routes()))
    }

    fn releasable(
        &self,
        route: &str,
        finished_before: u64,
        limit: u32,
    ) -> Result<Vec<(BatchId, u64)>, LedgerError> {
        self.deed(|ledger| Ok(ledger.releasable(route, finished_before, limit)))
    }

    fn release(&self, batches: Vec<BatchId>, at: u64) -> Result<Vec<BatchId>, LedgerError> {
        self.deed(|ledger| ledger.release(self.epoch, &batches, at))
    }

    fn forget(
        &self,
        route: &str,
        finished_before: u64,
        _now: u64,
        most: u64,
    ) -> Result<(u64, bool), LedgerError> {
        self.deed(|ledger| ledger.forget(self.epoch, route, finished_before, most))
    }

    fn forget_names(&self, _now: u64, _limit: u32) -> Result<u64, LedgerError> {
        Ok(0) // requests have no names here
    }
}

impl World {
    /// A slice of what has had its time is removed, and the next one planned.
    pub(crate) fn purge_some(&mut self) -> Result<(), Broken> {
        let fails = self.chance(self.faults.ledger * 3.0);
        if self.chance(self.faults.kill) {
            self.disk.die_after(Some(self.random.u32(1..4)));
        }
        let purged = self.purge(self.wall(), fails);
        if self.disk.is_dead() {
            self.kill();
        } else {
            self.disk.die_after(None);
        }
        if let Some(gateway) = &self.gateway {
            self.look_at_payloads(&gateway.spool)?;
        }
        self.look_at_receipts()?;
        let more = purged.is_some_and(|purged| purged.more);
        let calm = self.now >= self.scenario.calm;
        let look = if calm { self.days(LOOK, LOOK_OF_DAYS) } else { LOOK };
        self.soon(if more { REST } else { look }, Happening::Purge);
        Ok(())
    }

    fn purge(&mut self, at: u64, fails: bool) -> Option<Purged> {
        let gateway = self.gateway.as_ref()?;
        let slice = self.scenario.slice?;
        let fails = fails.then(|| RefCell::new(self.random.fork()));
        let keep = |route: &crate::scenario::Route| (route.plan.route.clone(), route.keep);
        let routes: BTreeMap<String, Keep> = self.scenario.routes.iter().map(keep).collect();
        let retention = Retention { routes, others: Keep { payload: LONGEST, receipt: None } };
        let owned = Owned { ledger: RefCell::new(&mut self.ledger), epoch: gateway.epoch, fails };
        match purge_slice(&gateway.spool, &owned, &retention, at, slice) {
            Ok(purged) => {
                tell!(self, "removed: {purged:?}");
                self.counted.removed += purged.payloads.len() as u64;
                self.counted.forgotten += purged.receipts;
                Some(purged)
            }
            Err(RecoveryError::Spool(_) | RecoveryError::Ledger(_)) => None,
        }
    }

    /// Every promised batch has its payload as long as a record of it is open, and for as long as its route says.
    pub(crate) fn look_at_payloads(&self, spool: &Spool) -> Result<(), Broken> {
        for (batch, payload) in &self.batches {
            let truth = &self.truths[*payload];
            if !truth.promised {
                continue;
            }
            let keep = self.scenario.routes[truth.route].keep.payload;
            if truth.finished.is_some_and(|at| self.scenario.slice.is_none() || at + keep < self.wall_since())
            {
                continue;
            }
            match spool.reader(*batch) {
                Err(error @ (SpoolError::Unknown(_) | SpoolError::NotSealed(_))) => {
                    return Err(format!("batch {batch} has a receipt and its records are gone: {error}"));
                }
                Err(error) if error.is_lasting() => {
                    return Err(format!("batch {batch} has a receipt and its records are damaged: {error}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Every promised batch is in the ledger for as long as its route says.
    pub(crate) fn look_at_receipts(&self) -> Result<(), Broken> {
        for (batch, payload) in &self.batches {
            if self.truths[*payload].promised && self.ledger.batch(*batch).is_none() {
                self.check_forgotten(*payload)?;
            }
        }
        Ok(())
    }

    /// A batch that is not in the ledger has had its time.
    pub(crate) fn check_forgotten(&self, payload: usize) -> Result<(), Broken> {
        let truth = &self.truths[payload];
        let keep = self.scenario.routes[truth.route].keep;
        let Some(finished) = truth.finished else {
            return Err(format!("payload {payload} has a receipt and is not in the ledger"));
        };
        match keep.receipt {
            Some(receipt) if finished + receipt.max(keep.payload) < self.wall_since() => Ok(()),
            _ => Err(format!("the receipt of payload {payload} is gone before its time")),
        }
    }

    /// The batch is finished, if it is: from then on its time runs.
    pub(crate) fn note_end(&mut self, batch: BatchId) {
        let (Some(entry), Some(payload)) = (self.ledger.batch(batch), self.batches.get(&batch)) else {
            return;
        };
        if let Some(at) = entry.view().finished_at {
            self.truths[*payload].finished.get_or_insert(at);
        }
    }

    /// The latest that the wall clock has shown: what was removed by a clock that went ahead is gone.
    fn wall_since(&self) -> u64 {
        self.latest_wall.max(self.wall())
    }

    /// When all is over, everything that is not kept for good goes in its time, slice by slice.
    pub(crate) fn remove_all(&mut self) -> Result<(), Broken> {
        if self.scenario.slice.is_none() || self.gateway.is_none() {
            return Ok(());
        }
        let at = self.wall() + LONGEST;
        for _ in 0..10_000 {
            let Some(purged) = self.purge(at, false) else {
                return Err("nothing fails, and nothing can be removed".into());
            };
            if !purged.more {
                break;
            }
        }
        let kept: Vec<BatchId> =
            self.batches.keys().copied().filter(|id| self.ledger.has_payload(*id)).collect();
        let left = self.ledger.batches().any(|entry| {
            let route = &entry.view().route;
            let route = self.scenario.routes.iter().find(|known| known.plan.route == *route);
            route.is_some_and(|route| route.keep.receipt.is_some())
        });
        if !kept.is_empty() || left {
            return Err("what has had its time stays".into());
        }
        let Some(gateway) = &self.gateway else { return Ok(()) };
        let folders = gateway.spool.batches().map_err(|error| error.to_string())?;
        let had_a_row =
            |id: &BatchId| self.batches.get(id).is_some_and(|payload| self.truths[*payload].promised);
        if let Some(folder) = folders.iter().find(|id| had_a_row(id)) {
            return Err(format!("the payload of {folder} was released and is still there"));
        }
        if self.scenario.encrypted {
            let keys = self.disk.names(Path::new(DATA_KEYS)).map_err(|error| error.to_string())?;
            let batch = |name: &String| name.split_once('.').and_then(|(batch, _)| batch.parse().ok());
            if let Some(key) = keys.iter().find(|name| batch(name).is_some_and(|id| had_a_row(&id))) {
                return Err(format!("the payload is gone, and its key {key} is still there"));
            }
        }
        Ok(())
    }
}
