use super::{BatchState, Change, Event, Illegal};
use crate::identity::Epoch;

impl BatchState {
    /// Lets `event` happen at `at` (unix milliseconds) under `epoch`. Returns what to write down.
    ///
    /// # Errors
    /// The event is not legal now; the state is as it was.
    pub fn apply(&mut self, event: &Event, epoch: Epoch, at: u64) -> Result<Vec<Change>, Illegal> {
        let _ = (event, epoch, at);
        todo!()
    }
}
