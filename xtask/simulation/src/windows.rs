//! What nobody can know yet: that nothing of it is issued again, and that no operator is asked about it, before its time.

use std::time::Duration;

use sekisho_delivery::dispatch::Sending;
use sekisho_journal::{BatchId, Event};

use crate::world::{Broken, World};

impl World {
    /// A gateway that is no ghost sends a chunk, or asks for one.
    pub(crate) fn sends(&mut self, sending: &Sending) -> Result<(), Broken> {
        if sending.ask().is_some() || self.incarnation == u64::MAX {
            return Ok(());
        }
        let (batch, chunk) = (sending.batch(), sending.chunk());
        self.sent.insert((batch, chunk), self.now);
        let Some((payload, _)) = self.window(batch) else { return Ok(()) };
        let route = self.truths[payload].route;
        let ordered = self
            .ledger
            .batch(batch)
            .and_then(|entry| entry.state.chunk(chunk))
            .is_some_and(|it| it.doubted());
        // What an operator has ordered, he has.
        if self.scenario.routes[route].ordered || ordered {
            return Ok(());
        }
        let key = |payload: usize, position: u64| self.truths[payload].records[position as usize].key;
        for entry in self.ledger.batches().filter(|entry| entry.view().id != batch) {
            let Some(&other) = self.batches.get(&entry.view().id) else { continue };
            if self.truths[other].route != route {
                continue;
            }
            let waiting = entry.state.chunks().filter(|chunk| chunk.is_waiting());
            for doubted in waiting.flat_map(|chunk| chunk.live().runs().flatten()) {
                if let Some(position) =
                    sending.records().find(|position| key(payload, *position) == key(other, doubted))
                {
                    return Err(format!(
                        "record {position} of payload {payload} is sent while nobody can know of record {doubted} of payload \
                         {other}, which has its key"
                    ));
                }
            }
        }
        Ok(())
    }

    /// An operator is asked about a chunk: only when the route's window is over.
    pub(crate) fn asks_operator(&self, batch: BatchId, events: &[Event]) -> Result<(), Broken> {
        // A clock that was set may have made a window shorter, for a gateway that was started since.
        let Some((payload, window)) = self.window(batch).filter(|_| self.scenario.jumps.is_empty()) else {
            return Ok(());
        };
        for event in events {
            let Event::DoubtHeld { chunk, code } = event else { continue };
            let lost = code.as_str().starts_with("spool-") || code.as_str() == "record-unsendable";
            let sent = self.sent.get(&(batch, *chunk)).filter(|_| !lost);
            if let Some(ago) = sent.map(|sent| self.now - *sent).filter(|ago| *ago < window) {
                return Err(format!(
                    "chunk {chunk} of payload {payload} is the operator's {ago:?} after it was sent, and its window is {window:?}"
                ));
            }
        }
        Ok(())
    }

    /// The batch's payload, and how long nothing is decided about what nobody can know of it.
    fn window(&self, batch: BatchId) -> Option<(usize, Duration)> {
        let payload = *self.batches.get(&batch)?;
        let window = self.scenario.routes[self.truths[payload].route].plan.doubt_window();
        (!window.is_zero()).then_some((payload, window))
    }
}
