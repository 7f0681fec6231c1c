//! Places at a scanner: so many contents at once, of which nobody has more than half, so that whoever sends slowly leaves the others some.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::ScanError;

/// The places of one scanner.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    most: usize,
    /// By name: whose content it is comes from the configuration, so there are few.
    owners: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _own: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { all: Arc::new(Semaphore::new(most)), most, owners: Mutex::default() }
    }

    /// Waits for one, no longer than this.
    pub(crate) async fn wait(&self, owner: &str, patience: Duration) -> Result<Place, ScanError> {
        let until = Instant::now() + patience;
        let full = ScanError::Full { most: self.most };
        // Semaphores are never closed.
        let Ok(Ok(own)) = timeout_at(until, self.own(owner).acquire_owned()).await else { return Err(full) };
        let Ok(Ok(of_all)) = timeout_at(until, Arc::clone(&self.all).acquire_owned()).await else {
            return Err(full);
        };
        Ok(Place { _own: own, _of_all: of_all })
    }

    fn own(&self, owner: &str) -> Arc<Semaphore> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let share = self.most.div_ceil(2);
        let own = owners.entry(owner.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(share)));
        Arc::clone(own)
    }
}
