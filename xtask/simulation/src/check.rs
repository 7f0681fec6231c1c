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
        if !state.sums().balanced() || state.sums().accepted != truth.records.len() as u64 {
            return Err(format!("the sums of payload {payload} do not balance: {:?}", state.sums()));
        }
        let open: u64 = state.pending().len() + state.chunks().map(|chunk| chunk.live().len()).sum::<u64>();
        let settled: u64 = entry.settled.values().map(|run| run.count).sum();
        if open + settled != state.records() {
            return Err(format!(
                "payload {payload}: {open} records are open and {settled} settled of {}",
                state.records()
            ));
        }
        for position in state.pending().runs().flatten() {
            if truth.has_effect(position) {
                return wrong("is pending and has had its effect", position);
            }
            if self.may_come(payload, position) {
                return wrong("is pending and may yet have its effect", position);
            }
        }
        for run in entry.settled.values() {
            for position in run.first..run.first + run.count {
                match run.outcome {
                    Settlement::Delivered if !truth.is_done(position) => {
                        return wrong("is delivered and has not had all of its effect", position);
                    }
                    Settlement::Delivered => {}
                    Settlement::Partial => self.check_partial(run, payload, position)?,
                    Settlement::Rejected => self.check_rejected(run, payload, position)?,
                    Settlement::Cancelled | Settlement::Expired => {
                        if truth.has_effect(position) {
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

    /// Its rows that are listed have had no effect, and deserved it; all others have.
    fn check_partial(&self, run: &Run, payload: usize, position: u64) -> Result<(), Broken> {
        let truth = &self.truths[payload];
        let effects = &truth.effects[position as usize];
        let code = run.code.as_ref().map_or("", Code::as_str);
        let without: Vec<u32> = (0..).zip(effects).filter(|(_, n)| **n == 0).map(|(row, _)| row).collect();
        if run.rows.is_empty() || run.rows != without || without.len() == effects.len() {
            return Err(format!(
                "record {position} of payload {payload} is partial without rows {:?}: {effects:?}",
                run.rows
            ));
        }
        // A job may end before it came to every row: where a repeat does harm, that is the end of them.
        let passing = matches!(code, "UNABLE_TO_LOCK_ROW" | "not-processed" | "operator");
        if !passing && !truth.records[position as usize].is_bad() {
            return Err(format!("record {position} of payload {payload} is partial ({code}) and is good"));
        }
        Ok(())
    }

    fn check_rejected(&self, run: &Run, payload: usize, position: u64) -> Result<(), Broken> {
        let truth = &self.truths[payload];
        let content = &truth.records[position as usize];
        let code = run.code.as_ref().map_or("", Code::as_str);
        if truth.has_effect(position) {
            return Err(format!(
                "record {position} of payload {payload} is rejected ({code}) and has had its effect"
            ));
        }
        if (code == Code::SUPERSEDED) != truth.superseded.contains(position) {
            return Err(format!("record {position} of payload {payload} is rejected ({code})"));
        }
        let deserved = content.is_bad()
            || content.poison
            || matches!(code, "UNABLE_TO_LOCK_ROW" | "operator" | Code::SUPERSEDED);
        let whole = self.scenario.routes[truth.route].plan.no_split;
        let with_another = whole && truth.records.iter().any(|content| content.poison);
        if !deserved && !with_another {
            return Err(format!("record {position} of payload {payload} is rejected ({code}) and is good"));
        }
        Ok(())
    }

    /// At the end nothing is open, every receipt has its batch, and the cloud holds what was delivered.
    pub(crate) fn at_the_end(&mut self) -> Result<(), Broken> {
        let all: Vec<BatchId> = self.batches.keys().copied().collect();
        for batch in all {
            self.answer_to(batch)?;
        }
        for (payload, truth) in self.truths.iter().enumerate() {
            let entry = truth.batch.and_then(|batch| self.ledger.batch(batch));
            if let Some(entry) = entry {
                self.counted.delivered += entry.state.sums().delivered;
                self.counted.partial += entry.state.sums().partial;
                self.check(entry.view().id)?;
                self.check_superseded(payload)?;
            } else if truth.promised {
                self.check_forgotten(payload)?;
            }
        }
        self.remove_all()
    }

    /// Of several records with one key the last one's effect stands, where only that was to be sent.
    fn check_superseded(&self, payload: usize) -> Result<(), Broken> {
        let truth = &self.truths[payload];
        for position in truth.superseded.runs().flatten() {
            let key = truth.records[position as usize].key;
            let later = (position + 1..).zip(&truth.records[position as usize + 1..]);
            if !later.clone().any(|(_, content)| content.key == key) {
                return Err(format!("record {position} of payload {payload} is superseded by none"));
            }
        }
        Ok(())
    }

    /// The operator looks at every chunk that is held and decides: by what is true, as soon as it can be known.
    pub(crate) fn operate(&mut self) -> Result<(), Broken> {
        let Some(epoch) = self.gateway.as_ref().map(|gateway| gateway.epoch) else { return Ok(()) };
        let mut decisions: Vec<(BatchId, Vec<Event>)> = Vec::new();
        for entry in self.ledger.batches().filter(|entry| !entry.state.is_finished()) {
            let id = entry.view().id;
            let Some(&payload) = self.batches.get(&id) else { continue };
            let truth = &self.truths[payload];
            for chunk in
                entry.state.chunks().filter(|chunk| chunk.state() == ChunkState::InDoubt && chunk.held())
            {
                let live: Vec<u64> = chunk.live().runs().flatten().collect();
                if live.iter().any(|position| self.may_come(payload, *position)) {
                    continue;
                }
                let undone: Vec<u64> =
                    live.iter().copied().filter(|position| !truth.is_done(*position)).collect();
                let without = live.iter().all(|position| {
                    !truth.has_effect(*position) && !truth.effects[*position as usize].is_empty()
                });
                let number = chunk.number();
                let code = Code::from("operator");
                let mut events = Vec::new();
                if undone.is_empty() {
                    events.push(Event::DoubtDelivered { chunk: number });
                } else if !without {
                    let exception = |position: &u64| {
                        let effects = &truth.effects[*position as usize];
                        let rows = (0..).zip(effects).filter(|(_, n)| **n == 0).map(|(row, _)| row);
                        match truth.has_effect(*position) {
                            true => Exception {
                                rows: rows.collect(),
                                ..Exception::new(*position, Outcome::Partial, "operator")
                            },
                            false => Exception::new(*position, Outcome::Rejected, "operator"),
                        }
                    };
                    let exceptions = undone.iter().map(exception).collect();
                    events.push(Event::ChunkAnswered { chunk: number, exceptions, rows: 0 });
                } else if !truth.promised {
                    // Its client has no receipt, and perhaps its payload is gone.
                    if entry.state.closing().is_none() {
                        events.push(Event::Cancelled { code: code.clone() });
                    }
                    events.push(Event::DoubtReturned { chunk: number, code });
                } else if chunk.attempt() < 3 && number % 2 == 0 {
                    events.push(Event::DoubtRepeated { chunk: number, attempt: chunk.attempt() + 1 });
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
