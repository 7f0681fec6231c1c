//! A ledger in memory that promises what the SQLite one does: a transition that was acknowledged is there after any crash,
//! one that failed is not, unless a crash follows at once, and one that a crash fell into is there or not.
//! `tests/differential.rs` holds the two to each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sekisho_journal::machine::{Change, Chunk, Illegal, Run};
use sekisho_journal::{
    BatchId, BatchState, BatchView, ChunkState, Code, Digest, Epoch, Event, NewBatch, RangeSet, Status,
};

/// Why the ledger does not do what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such batch.
    UnknownBatch,
    /// The batch was accepted before.
    BatchExists,
    /// The batch's plan was never defined.
    UnknownDefinition,
    /// Another owner has taken over.
    StaleEpoch,
    /// An event may not happen now.
    Illegal(Illegal),
}

/// A batch with everything that is written down about it.
#[derive(Debug, Clone)]
pub struct Entry {
    new: NewBatch,
    sequence: u64,
    epoch: Epoch,
    changed_at: u64,
    finished_at: Option<u64>,
    delivered_digest: Option<Digest>,
    payload_removed_at: Option<u64>,
    /// Rows of it that were forgotten; from the first one on it is as if it had never been.
    rows_forgotten: u64,
    /// Records by state.
    pub state: BatchState,
    /// Outcomes, by their first position.
    pub settled: BTreeMap<u64, Run>,
    /// Every chunk that was ever opened.
    pub chunks: BTreeMap<u64, Chunk>,
}

impl Entry {
    /// As the ledger shows it.
    pub fn view(&self) -> BatchView {
        let new = &self.new;
        BatchView {
            id: new.id,
            sequence: self.sequence,
            client: new.client.clone(),
            route: new.route.clone(),
            door: new.door.clone(),
            reference: new.reference.clone(),
            plan: new.plan,
            schema: new.schema,
            mapping: new.mapping,
            policy: new.policy,
            replaced: new.replaced,
            bytes: new.bytes,
            payload_digest: new.payload_digest,
            records_digest: new.records_digest,
            delivered_digest: self.delivered_digest,
            received_at: new.received_at,
            accepted_at: new.accepted_at,
            expires_at: new.expires_at,
            changed_at: self.changed_at,
            finished_at: self.finished_at,
            payload_removed_at: self.payload_removed_at,
            ordered: new.ordered,
            status: self.state.status(),
            sums: self.state.sums(),
            chunks: self.state.opened(),
            epoch: self.epoch,
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Tables {
    epoch: u64,
    sequence: u64,
    definitions: HashMap<Digest, String>,
    batches: BTreeMap<BatchId, Entry>,
    pace: BTreeMap<String, String>,
}

/// The ledger. Its owner is named with each write, so that one that was overtaken can still try.
#[derive(Debug, Default)]
pub struct ModelLedger {
    tables: Tables,
    /// What a transaction that failed has left in the log: it counts if a crash follows before the next transaction.
    torn: Option<Box<Tables>>,
}

impl ModelLedger {
    /// Takes the ledger over: the next epoch, and what was in flight is in doubt.
    pub fn take_over(&mut self, now: u64) -> Epoch {
        let tables = self.begin();
        tables.epoch += 1;
        let epoch = Epoch(tables.epoch);
        for entry in tables.batches.values_mut().filter(|entry| !entry.state.is_finished()) {
            entry.epoch = epoch;
            let events = entry.state.taken_over();
            if !events.is_empty() {
                // Legal in every state: it is what the machine itself says.
                let _ = change(entry, epoch, now, &events);
            }
        }
        epoch
    }

    /// Chunks in doubt that were given back, in their order.
    pub fn given_back(&self, batch: BatchId) -> Vec<(u64, u64, Code)> {
        let chunks = self.batch(batch).into_iter().flat_map(|entry| entry.chunks.values());
        let back = chunks.filter(|chunk| chunk.state() == ChunkState::Returned && chunk.doubted());
        back.map(|chunk| {
            (chunk.first(), chunk.count(), chunk.code().cloned().unwrap_or_else(|| Code::new("")))
        })
        .collect()
    }

    /// The present owner's epoch.
    pub fn epoch(&self) -> Epoch {
        Epoch(self.tables.epoch)
    }

    /// Keeps a definition.
    pub fn define(&mut self, json: &str) -> Digest {
        let digest = Digest::of(json.as_bytes());
        self.begin().definitions.insert(digest, json.to_owned());
        digest
    }

    /// The definition with this digest.
    pub fn plan(&self, digest: Digest) -> Option<&str> {
        self.tables.definitions.get(&digest).map(String::as_str)
    }

    /// Acknowledges a sealed batch.
    ///
    /// # Errors
    /// It is there already, or its plan was never defined.
    pub fn accept(&mut self, owner: Epoch, new: NewBatch) -> Result<(), Refusal> {
        self.accept_without(owner, new, &RangeSet::new())
    }

    /// The same, of a batch of which some records are rejected at once: later ones take their places.
    ///
    /// # Errors
    /// As [`ModelLedger::accept`], or a record is not of the batch.
    pub fn accept_without(
        &mut self,
        owner: Epoch,
        new: NewBatch,
        superseded: &RangeSet,
    ) -> Result<(), Refusal> {
        if !owner.may_write(self.epoch()) {
            return Err(Refusal::StaleEpoch);
        }
        if !self.tables.definitions.contains_key(&new.plan) {
            return Err(Refusal::UnknownDefinition);
        }
        if self.tables.batches.contains_key(&new.id) {
            return Err(Refusal::BatchExists);
        }
        let mut entry = Entry {
            sequence: self.tables.sequence + 1,
            epoch: self.epoch(),
            changed_at: new.accepted_at,
            finished_at: None,
            delivered_digest: None,
            payload_removed_at: None,
            rows_forgotten: 0,
            state: BatchState::new(new.records, new.set_aside.len() as u64),
            settled: BTreeMap::new(),
            chunks: BTreeMap::new(),
            new,
        };
        let replaced = superseded.runs().map(|run| Event::RecordsRejected {
            first: run.start,
            count: run.end - run.start,
            code: Code::new(Code::SUPERSEDED),
        });
        let (epoch, at) = (entry.epoch, entry.new.accepted_at);
        change(&mut entry, epoch, at, &replaced.collect::<Vec<_>>()).map_err(Refusal::Illegal)?;
        let tables = self.begin();
        tables.sequence += 1;
        tables.batches.insert(entry.new.id, entry);
        Ok(())
    }

    /// Lets events happen, all or none.
    ///
    /// # Errors
    /// An event is illegal, the batch unknown, or the epoch over.
    pub fn apply(&mut self, batch: BatchId, owner: Epoch, at: u64, events: &[Event]) -> Result<(), Refusal> {
        let changed = self.tried(batch, owner, at, events)?;
        self.begin().batches.insert(batch, changed);
        Ok(())
    }

    /// The same, in a transaction that fails: nothing has happened, unless a crash follows at once.
    pub fn fail(&mut self, batch: BatchId, owner: Epoch, at: u64, events: &[Event]) {
        if let Ok(changed) = self.tried(batch, owner, at, events) {
            let mut torn = self.tables.clone();
            torn.batches.insert(batch, changed);
            self.torn = Some(Box::new(torn));
        }
    }

    /// After a crash: what was torn counts, or not.
    pub fn crash(&mut self, torn_counts: bool) {
        if let Some(torn) = self.torn.take()
            && torn_counts
        {
            self.tables = *torn;
        }
    }

    /// The batch.
    pub fn batch(&self, id: BatchId) -> Option<&Entry> {
        self.tables.batches.get(&id).filter(|entry| entry.rows_forgotten == 0)
    }

    /// The batch's payload must be in the spool.
    pub fn has_payload(&self, id: BatchId) -> bool {
        self.tables.batches.get(&id).is_some_and(|entry| entry.payload_removed_at.is_none())
    }

    /// Every batch, in no order that means anything.
    pub fn batches(&self) -> impl Iterator<Item = &Entry> {
        self.tables.batches.values().filter(|entry| entry.rows_forgotten == 0)
    }

    /// Batches that are not finished, the first accepted first.
    pub fn open_batches(&self) -> Vec<BatchView> {
        let open = self.tables.batches.values().filter(|entry| !entry.state.is_finished());
        let mut views: Vec<BatchView> = open.map(Entry::view).collect();
        views.sort_by_key(|view| view.sequence);
        views
    }

    /// Keeps what a pace has learnt.
    ///
    /// # Errors
    /// The epoch is over.
    pub fn keep_pace(&mut self, owner: Epoch, name: &str, json: String) -> Result<(), Refusal> {
        if !owner.may_write(self.epoch()) {
            return Err(Refusal::StaleEpoch);
        }
        self.begin().pace.insert(name.to_owned(), json);
        Ok(())
    }

    /// What was kept under the name.
    pub fn pace(&self, name: &str) -> Option<&str> {
        self.tables.pace.get(name).map(String::as_str)
    }

    /// The routes that any batch has.
    pub fn routes(&self) -> BTreeSet<String> {
        self.tables.batches.values().map(|entry| entry.new.route.clone()).collect()
    }

    /// Batches of a route that finished before then and whose payload is still there, with when they did.
    pub fn releasable(&self, route: &str, finished_before: u64, limit: u32) -> Vec<(BatchId, u64)> {
        let of_route = self.tables.batches.values().filter(|entry| entry.new.route == route);
        let there = of_route.filter(|entry| entry.payload_removed_at.is_none());
        let ended = there.filter_map(|entry| Some((entry.finished_at?, entry.sequence, entry.new.id)));
        let mut over: Vec<_> = ended.filter(|(at, ..)| *at < finished_before).collect();
        over.sort_unstable();
        over.into_iter().take(limit as usize).map(|(at, _, id)| (id, at)).collect()
    }

    /// Writes down that payloads go. Returns those that may: all but those of batches that are not finished.
    ///
    /// # Errors
    /// The epoch is over.
    pub fn release(&mut self, owner: Epoch, batches: &[BatchId], at: u64) -> Result<Vec<BatchId>, Refusal> {
        if !owner.may_write(self.epoch()) {
            return Err(Refusal::StaleEpoch);
        }
        let tables = self.begin();
        let mut released = Vec::new();
        for id in batches {
            match tables.batches.get_mut(id) {
                Some(entry) if !entry.state.is_finished() => continue,
                Some(entry) => _ = entry.payload_removed_at.get_or_insert(at),
                None => {}
            }
            released.push(*id);
        }
        Ok(released)
    }

    /// Removes rows of finished batches whose payload is gone. Returns how many batches are gone, and whether there may be
    /// more.
    ///
    /// # Errors
    /// The epoch is over.
    pub fn forget(
        &mut self,
        owner: Epoch,
        route: &str,
        finished_before: u64,
        most: u64,
    ) -> Result<(u64, bool), Refusal> {
        if !owner.may_write(self.epoch()) {
            return Err(Refusal::StaleEpoch);
        }
        let tables = self.begin();
        let (mut rows, mut batches) = (0, 0);
        while rows < most {
            let of_route = tables.batches.values_mut().filter(|entry| entry.new.route == route);
            let over = of_route.filter(|entry| {
                entry.payload_removed_at.is_some() && entry.finished_at.is_some_and(|at| at < finished_before)
            });
            let Some(entry) = over.min_by_key(|entry| (entry.finished_at, entry.sequence)) else {
                return Ok((batches, false));
            };
            let all = (entry.settled.len() + entry.chunks.len()) as u64;
            let some = (all - entry.rows_forgotten).min(most - rows);
            rows += some;
            entry.rows_forgotten += some;
            if rows == most {
                return Ok((batches, true));
            }
            rows += 1;
            batches += 1;
            let id = entry.new.id;
            tables.batches.remove(&id);
        }
        Ok((batches, true))
    }

    fn tried(&self, batch: BatchId, owner: Epoch, at: u64, events: &[Event]) -> Result<Entry, Refusal> {
        let mut entry = self.tables.batches.get(&batch).ok_or(Refusal::UnknownBatch)?.clone();
        // A finished batch keeps its last owner's epoch; what may happen to it the rules say.
        if !entry.state.is_finished() && !owner.may_write(entry.epoch) {
            return Err(Refusal::StaleEpoch);
        }
        change(&mut entry, owner, at, events).map_err(Refusal::Illegal)?;
        Ok(entry)
    }

    /// A transaction that succeeds takes the place of what a failed one has left.
    fn begin(&mut self) -> &mut Tables {
        self.torn = None;
        &mut self.tables
    }
}

fn change(entry: &mut Entry, epoch: Epoch, at: u64, events: &[Event]) -> Result<(), Illegal> {
    for event in events {
        for change in entry.state.apply(event, epoch, at)? {
            match change {
                Change::Chunk { chunk, .. } => {
                    entry.chunks.insert(chunk.number(), chunk);
                }
                Change::Settled(run) => {
                    entry.settled.insert(run.first, run);
                }
                Change::Finished { delivered_digest } => entry.delivered_digest = delivered_digest,
            }
        }
    }
    if !events.is_empty() {
        entry.changed_at = at;
        if entry.state.status() == Status::Finished {
            entry.finished_at = Some(at);
        }
    }
    Ok(())
}
