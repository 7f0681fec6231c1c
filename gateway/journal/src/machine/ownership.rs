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
        let flying = self.chunks().filter(|chunk| chunk.state().is_in_flight());
        let in_doubt = |number: u64| {
            let code = Code::from("gateway-restarted");
            #[cfg(feature = "planted")]
            if crate::planted::is(crate::planted::Bug::TakenOverAsAbsent) {
                return Event::ChunkReturned { chunk: number, code };
            }
            Event::ChunkInDoubt { chunk: number, code }
        };
        flying.map(|chunk| in_doubt(chunk.number())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::ChunkState;

    #[test]
    fn only_the_present_owner_may_write() {
        for (epoch, current, may) in [(1, 1, true), (1, 2, false), (3, 2, false)] {
            assert_eq!(Epoch(epoch).may_write(Epoch(current)), may, "{epoch} of {current}");
        }
    }

    #[test]
    fn what_was_in_flight_at_a_take_over_is_in_doubt_and_nothing_else_changes() {
        let mut state = BatchState::new(10, 0);
        let opened = |chunk| Event::ChunkOpened { chunk, first: 2 * chunk - 2, count: 2, attempt: 1 };
        let before = [
            opened(1),
            Event::ChunkAnswered { chunk: 1, exceptions: Vec::new(), rows: 2 },
            opened(2),
            Event::ChunkInDoubt { chunk: 2, code: "cut".into() },
            opened(3),
            opened(4),
            Event::ChunkSent { chunk: 4, reference: Some("job".into()) },
        ];
        for event in before {
            state.apply(&event, Epoch(1), 1).unwrap();
        }
        let events = state.taken_over();
        let doubted = |event: &Event| matches!(event, Event::ChunkInDoubt { chunk: 3 | 4, .. });
        assert!(events.len() == 2 && events.iter().all(doubted), "{events:?}");
        for event in events {
            state.apply(&event, Epoch(2), 2).unwrap();
        }
        assert!(state.chunks().all(|chunk| chunk.state() == ChunkState::InDoubt), "{state:?}");
        assert_eq!((state.sums().in_doubt, state.sums().pending, state.sums().delivered), (6, 2, 2));
        assert_eq!(state.taken_over(), [], "there is nothing more to doubt");
    }
}
