//! What must be so after every transition, and at the end; and the operator, who decides by what is true.

use sekisho_journal::machine::{Run, Settlement};
use sekisho_journal::{BatchId, ChunkState, Code, Event, Exception, Outcome};

use crate::world::{Broken, World, tell};

impl World {
    /// After a transition of a batch: the sums balance, and each record's state in the ledger is one that what has happened
    /// in the cloud permits.
    pub(crate) fn check(&self, batch: BatchId) -> Result<(), Broken> {
        let (Some(entry), Some(&payload)) = (self.ledger.batch(batch), self.batches.get(&batch)) else {
            return Ok(());
        };
        let (state, truth) = (&entry.state, &self.truths[payload]);
        let wrong = |what: &str, position: u64| {
            Err(format!(
                "record {position} of payload {payload} {what}: {:?}",
                truth.effects[position as usize]
            ))
        };
        if !state.sums.balanced() || state.sums.accepted != truth.records.len() as u64 {
            return Err(format!("the sums of payload {payload} do not balance: {:?}", state.sums));
        }
        let open: u64 =
            state.pending.len() + state.chunks.values().map(|chunk| chunk.live.len()).sum::<u64>();
        let settled: u64 = entry.settled.values().map(|run| run.count).sum();
        if open + settled != state.records {
            return Err(format!(
                "payload {payload}: {open} records are open and {settled} settled of {}",
                state.records
            ));
        }
        for position in state.pending.runs().flatten() {
            if truth.effects[position as usize] > 0 {
                return wrong("is pending and has had its effect", position);
            }
            if self.may_come(payload, position) {
                return wrong("is pending and may yet have its effect", position);
            }
        }
        for run in entry.settled.values() {
            for position in run.first..run.first + run.count {
                let effects = truth.effects[position as usize];
                match run.outcome {
                    Settlement::Delivered if effects == 0 => {
                        return wrong("is delivered and has had no effect", position);
                    }
                    Settlement::Delivered | Settlement::Partial => {}
                    Settlement::Rejected => self.check_rejected(run, payload, position)?,
                    Settlement::Cancelled | Settlement::Expired => {
                        if effects > 0 {
                            return wrong("counts as never sent and has had its effect", position);
                        }
                        if self.may_come(payload, position) {
                            return wrong("counts as never sent and may yet have its effect", position);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn check_rejected(&self, run: &Run, payload: usize, position: u64) -> Result<(), Broken> {
        let truth = &self.truths[payload];
        let content = truth.records[position as usize];
        let code = run.code.as_ref().map_or("", Code::as_str);
        if truth.effects[position as usize] > 0 {
            return Err(format!(
                "record {position} of payload {payload} is rejected ({code}) and has had its effect"
            ));
        }
        let deserved = content.bad || content.poison || matches!(code, "UNABLE_TO_LOCK_ROW" | "operator");
        let whole = self.scenario.routes[truth.route].plan.no_split;
        let with_another = whole && truth.records.iter().any(|content| content.poison);
        if !deserved && !with_another {
            return Err(format!("record {position} of payload {payload} is rejected ({code}) and is good"));
        }
        Ok(())
    }

    /// At the end nothing is open, every receipt has its batch, and the cloud holds what was delivered.
    pub(crate) fn at_the_end(&mut self) -> Result<(), Broken> {
        for (payload, truth) in self.truths.iter().enumerate() {
            let entry = truth.batch.and_then(|batch| self.ledger.batch(batch));
            if truth.promised && entry.is_none() {
                return Err(format!("payload {payload} has a receipt and is not in the ledger"));
            }
            if let Some(entry) = entry {
                self.counted.delivered += entry.state.sums.delivered;
                self.check(entry.view().id)?;
            }
        }
        Ok(())
    }

    /// The operator looks at every chunk that is held and decides: by what is true, as soon as it can be known.
    pub(crate) fn operate(&mut self) -> Result<(), Broken> {
        let Some(epoch) = self.gateway.as_ref().map(|gateway| gateway.epoch) else { return Ok(()) };
        let mut decisions: Vec<(BatchId, Vec<Event>)> = Vec::new();
        for entry in self.ledger.batches().filter(|entry| !entry.state.finished) {
            let id = entry.view().id;
            let Some(&payload) = self.batches.get(&id) else { continue };
            let effects = &self.truths[payload].effects;
            for chunk in
                entry.state.chunks.values().filter(|chunk| chunk.state == ChunkState::InDoubt && chunk.held)
            {
                let live: Vec<u64> = chunk.live.runs().flatten().collect();
                if live.iter().any(|position| self.may_come(payload, *position)) {
                    continue;
                }
                let without: Vec<u64> =
                    live.iter().copied().filter(|position| effects[*position as usize] == 0).collect();
                let number = chunk.number;
                let code = Code::from("operator");
                let mut events = Vec::new();
                if without.is_empty() {
                    events.push(Event::DoubtDelivered { chunk: number });
                } else if without.len() < live.len() {
                    let rejected = |position: &u64| Exception::new(*position, Outcome::Rejected, "operator");
                    let exceptions = without.iter().map(rejected).collect();
                    events.push(Event::ChunkAnswered { chunk: number, exceptions, rows: 0 });
                } else if !self.truths[payload].promised {
                    // Its client has no receipt, and perhaps its payload is gone.
                    if entry.state.closing.is_none() {
                        events.push(Event::Cancelled { code: code.clone() });
                    }
                    events.push(Event::DoubtReturned { chunk: number, code });
                } else if chunk.attempt < 3 && number % 2 == 0 {
                    events.push(Event::DoubtRepeated { chunk: number, attempt: chunk.attempt + 1 });
                } else {
                    events.push(Event::DoubtReturned { chunk: number, code });
                }
                decisions.push((id, events));
            }
        }
        for (batch, events) in decisions {
            tell!(self, "the operator decides on {batch}: {events:?}");
            self.counted.decisions += 1;
            if let Err(refusal) = self.ledger.apply(batch, epoch, self.wall(), &events) {
                // Another decision about the same batch came before.
                tell!(self, "and cannot: {refusal:?}");
            }
            self.check(batch)?;
        }
        if let Some(gateway) = &mut self.gateway {
            gateway.dispatcher.wake();
        }
        Ok(())
    }
}
