//! Who may change what: transitions carry their owner's epoch, and a new owner trusts nothing that was under way.

use super::{BatchState, Code, Event};
use crate::identity::Epoch;

impl Epoch {
    /// Whether an owner of this epoch may write what belongs to an owner of epoch `current`.
    pub fn may_write(self, current: Epoch) -> bool {
        #[cfg(feature = "planted")]
        if crate::planted::is(crate::planted::Bug::EpochIgnored) {
            return true;
        }
        self == current
    }
}

impl BatchState {
    /// What happens to a batch when another owner takes it over: whether what was in flight has had its effect, nobody knows.
    pub fn taken_over(&self) -> Vec<Event> {
        let flying = self.chunks.values().filter(|chunk| chunk.state.is_in_flight());
        let in_doubt = |number: u64| {
            let code = Code::from("gateway-restarted");
            #[cfg(feature = "planted")]
            if crate::planted::is(crate::planted::Bug::TakenOverAsAbsent) {
                return Event::ChunkReturned { chunk: number, code };
            }
            Event::ChunkInDoubt { chunk: number, code }
        };
        flying.map(|chunk| in_doubt(chunk.number)).collect()
    }
}
