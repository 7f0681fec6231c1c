//! The path behind a lock and a clock, for everybody to share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::{Clock, Moment, SystemClock};
use crate::hop::{HopSpec, Snapshot};
use crate::observation::Observation;
use crate::path::{Path, PathError};

use tokio::sync::watch;

/// What is known of every hop, shared by those who look and those who ask. Cloning is cheap; all clones show the same.
///
/// The lock is held for as long as it takes to copy the hops, never across anything that waits.
#[derive(Clone)]
pub struct Board {
    path: Arc<Mutex<Path>>,
    clock: Arc<dyn Clock>,
    /// [`Path::opened`], for those who wait for it to grow.
    opened: watch::Sender<u64>,
}

impl Board {
    /// A board on which nothing is known yet, by the machine's clocks.
    ///
    /// # Errors
    /// When the hops make no path; see [`PathError`].
    pub fn new(specs: Vec<HopSpec>) -> Result<Self, PathError> {
        Self::with_clock(specs, Arc::new(SystemClock::new()))
    }

    /// A board on which nothing is known yet, by a clock of the caller's.
    ///
    /// # Errors
    /// When the hops make no path; see [`PathError`].
    pub fn with_clock(specs: Vec<HopSpec>, clock: Arc<dyn Clock>) -> Result<Self, PathError> {
        let path = Path::new(specs, clock.now())?;
        Ok(Self { path: Arc::new(Mutex::new(path)), clock, opened: watch::Sender::new(0) })
    }

    /// Another arrangement of hops, after a reload: hops that stay keep what is known of them.
    ///
    /// # Errors
    /// When the hops make no path; the old arrangement then stays.
    pub fn arrange(&self, specs: Vec<HopSpec>) -> Result<(), PathError> {
        let mut path = self.locked();
        path.arrange(specs, self.clock.now())
    }

    /// Takes in what was seen of `hop` (`gateway`, or `upstream/line`; see
    /// [`Station::hop_of`](crate::Station::hop_of)). `false` when no such hop is on the board: nothing was taken in.
    pub fn report(&self, hop: &str, observation: Observation) -> bool {
        let mut path = self.locked();
        let known = path.report(hop, observation, self.clock.now());
        let opened = path.opened();
        drop(path);
        self.opened.send_if_modified(|known| std::mem::replace(known, opened.max(*known)) < opened);
        known
    }

    /// Changes whenever a hop has come to serve that had not: hops behind it may want a look.
    pub(crate) fn openings(&self) -> watch::Receiver<u64> {
        self.opened.subscribe()
    }

    /// Whether the way to the hop is open again, and nobody has been there since it was not.
    pub(crate) fn wants_look(&self, hop: &str) -> bool {
        self.locked().wants_look(hop, self.clock.now())
    }

    /// Every hop as it is known now. From memory, whatever is down.
    pub fn snapshot(&self) -> Snapshot {
        let mut path = self.locked();
        path.snapshot(self.clock.now())
    }

    /// The present by the board's clock.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The path. A panic elsewhere while it was held leaves facts that are each whole: going on with them is better than
    /// an appliance without heartbeats.
    fn locked(&self) -> MutexGuard<'_, Path> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
