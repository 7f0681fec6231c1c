//! What clients do: payloads are taken in, or sent again, or withdrawn.

use std::time::Duration;

use sekisho_journal::{BatchId, Code, Digest, Event, NewBatch, RangeSet, Sealed, SpoolError};
use sekisho_records::{FieldId, Place, Record, Value};

use crate::cloud;
use crate::scenario::Duplicates;
use crate::world::{Broken, Happening, Truth, World, tell};

/// A client whose payload was not taken sends it again after so long.
const SEND_AGAIN: Duration = Duration::from_secs(2);

impl World {
    /// A client sends a payload; it is taken in, or the client tries again.
    pub(crate) fn submit(&mut self, payload: usize) -> Result<(), Broken> {
        self.to_submit -= 1;
        if self.gateway.is_none() {
            self.submit_at(self.now + SEND_AGAIN, payload);
            return Ok(());
        }
        let batch = BatchId::from_bytes(self.random.u128(..).to_be_bytes());
        if self.chance(self.faults.kill * 3.0) {
            self.disk.die_after(Some(self.random.u32(1..16)));
        }
        let taken = self.take_in(batch, payload);
        if self.disk.is_dead() {
            self.kill();
        } else {
            self.disk.die_after(None);
        }
        match taken {
            Ok(true) => {
                tell!(self, "payload {payload} is batch {batch}");
                self.truths[payload].promised = true;
                if let Some(after) = self.truths[payload].cancelled {
                    self.plan(self.now + after, Happening::Cancel(batch));
                }
                if let Some(gateway) = &mut self.gateway {
                    gateway.dispatcher.wake();
                }
            }
            // Whether it was taken the client does not know. For the world, what it sends then is another payload.
            Ok(false) | Err(_) if !self.truths[payload].refused => {
                let old = &self.truths[payload];
                let records = self.keyed(old.route, &old.records);
                let again = Truth::new(old.route, records, old.expires, old.cancelled);
                self.truths.push(again);
                self.submit_at(self.now + SEND_AGAIN, self.truths.len() - 1);
            }
            Ok(false) | Err(_) => tell!(self, "payload {payload} is refused"),
        }
        Ok(())
    }

    /// Records into the spool, sealed; then the row in the ledger. Only then is there a receipt.
    fn take_in(&mut self, batch: BatchId, payload: usize) -> Result<bool, SpoolError> {
        let sealed = self.sealed(batch, payload)?;
        if self.disk.is_dead() {
            return Ok(false);
        }
        let Some(superseded) = self.settle(&sealed, payload)? else { return Ok(false) };
        let truth = &mut self.truths[payload];
        truth.batch = Some(batch);
        let route = &self.scenario.routes[truth.route];
        let (plan, expires, ordered) = (self.plans[truth.route].0, truth.expires, route.ordered);
        let name = route.plan.route.clone();
        self.batches.insert(batch, payload);
        let new = new_batch(&sealed, plan, name, self.wall(), expires, ordered);
        let Some(epoch) = self.gateway.as_ref().map(|gateway| gateway.epoch) else { return Ok(false) };
        if self.chance(self.faults.ledger) {
            // What was sealed stays: the row may come to be after a crash, and if not, the next start removes it.
            return Ok(false);
        }
        let accepted = self.ledger.accept_without(epoch, new, &superseded).is_ok();
        if accepted {
            self.truths[payload].sequence = self.ledger.batch(batch).map(|entry| entry.view().sequence);
            self.truths[payload].superseded = superseded;
        }
        if accepted && self.chance(self.faults.kill) {
            // Accepted, and nobody was told.
            self.kill();
            return Ok(false);
        }
        Ok(accepted)
    }

    /// As intake does: the records that are not to be sent, or none where the batch is refused.
    fn settle(&mut self, sealed: &Sealed, payload: usize) -> Result<Option<RangeSet>, SpoolError> {
        self.counted.duplicates += sealed.duplicates;
        let Some(gateway) = &self.gateway else { return Ok(None) };
        match self.scenario.routes[self.truths[payload].route].duplicates {
            _ if sealed.duplicates == 0 => Ok(Some(RangeSet::new())),
            Duplicates::Refuse => {
                self.truths[payload].refused = true;
                // A folder that stays behind has no row in the ledger: the next start removes it.
                let _ = gateway.spool.remove(sealed.batch);
                Ok(None)
            }
            Duplicates::LastWins => gateway.spool.reader(sealed.batch)?.superseded(u64::MAX),
            Duplicates::InOrder => Ok(Some(RangeSet::new())),
        }
    }

    fn sealed(&mut self, batch: BatchId, payload: usize) -> Result<Sealed, SpoolError> {
        let Some(gateway) = &self.gateway else { return Err(SpoolError::Unknown(batch)) };
        let truth = &self.truths[payload];
        let lost = |_| SpoolError::NotSealed(batch);
        let mut writer = gateway.spool.create(batch)?;
        let mut record = Record::new();
        let mut bytes = Vec::new();
        let members = self.scenario.routes[truth.route].members;
        for (position, content) in (0_u64..).zip(&truth.records) {
            let (key, place) = (cloud::key(content, None), Place::default());
            record.start(position + 1, place);
            record.push(FieldId(0), Value::Text(&key), place);
            record.push(FieldId(1), Value::Text(&cloud::value(payload, position)), place);
            for member in 0..if members { content.bad.len() } else { 0 } {
                record.open(FieldId(2), place);
                record.push(FieldId(0), Value::Text(&cloud::key(content, Some(member))), place);
                record.close(FieldId(2));
            }
            bytes.clear();
            record.canonical(&mut bytes);
            writer.push(&bytes, Some(key.as_bytes())).map_err(lost)?;
        }
        writer.seal()
    }

    /// A client withdraws its batch.
    pub(crate) fn withdraw(&mut self, batch: BatchId) -> Result<(), Broken> {
        let Some(gateway) = &mut self.gateway else { return Ok(()) };
        gateway.dispatcher.wake();
        let epoch = gateway.epoch;
        let events = [Event::Cancelled { code: Code::from("client") }];
        tell!(self, "{batch} is cancelled");
        if self.ledger.apply(batch, epoch, self.wall(), &events).is_ok() {
            self.check(batch)?;
        }
        Ok(())
    }
}

fn new_batch(
    sealed: &Sealed,
    plan: Digest,
    route: String,
    at: u64,
    expires: Option<Duration>,
    ordered: bool,
) -> NewBatch {
    NewBatch {
        id: sealed.batch,
        client: "city".into(),
        route,
        door: "rest".into(),
        reference: None,
        plan,
        schema: Digest::of(b"schema"),
        mapping: Digest::of(b"mapping"),
        policy: None,
        records: sealed.records,
        set_aside: Vec::new(),
        replaced: 0,
        bytes: sealed.bytes,
        stored: sealed.stored,
        payload_digest: Digest::of(b"payload"),
        records_digest: sealed.records_digest,
        received_at: at,
        accepted_at: at,
        expires_at: expires.map(|after| at + after.as_millis() as u64),
        ordered,
        idempotency: None,
    }
}
